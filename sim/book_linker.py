"""The linker's other stub: one strategy and its gates bound to the venue on order-book tapes.

One book serves every lane of a block; the stub's loop hands the streams' events to it up to the next instant at which
something else happens: a request arrives, a lane steps, a payment is due, a sample is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from huracan.sim import book_layout, layout
from huracan.sim.book_repeats import repeats
from huracan.sim.builds import Groups
from huracan.sim.declare import Declaration
from huracan.sim.declared import bind
from huracan.sim.linker import Linked, imported
from huracan.sim.sources import kernel_sources, strategy_sources
from huracan.sim.stub_code import loads
from huracan.sim.stubs import indent

TEMPLATE = '''# Written by huracan's linker; not to be edited.
from numba import njit

from huracan.sim.book_layout import (
    BARS, NEXT_REQUEST, NEXT_SAMPLE, NEXT_STEP, NEXT_TIMER, OVER, PAYMENTS, BookCtx, BookVenue, VenueLanes,
)
from huracan.sim.builds import Groups, kernel
from huracan.sim.linker import bound
from huracan.sim.options import LINKED_ENTRY, USER
from huracan.sim.reference import refer

B = bound({key!r})
K = kernel({groups!r})
NEVER = 1 << 62
step = njit(**USER)(B.step)
{checks}
exchange_until = K.book_feed.exchange_until
full = K.book_feed.full
local_until = K.book_feed.local_until
next_local = K.book_feed.next_local
bars_until = K.book_feed.bars_until
first_of = K.book_places.first_of
times_up = K.book_triggers.times_up
arrivals = K.book_arrivals.arrivals
listen = K.book_decide.listen
over = K.book_decide.over
note_idle = K.book_decide.note_idle
post = K.book_decide.post
post_requests = K.book_decide.post_requests
sample = K.book_decide.sample
end_lane = K.book_decide.end_lane
pay_all = K.book_decide.pay_all
new_slot = K.decide.new_slot
may_increase = K.decide.may_increase
refuse_want = K.decide.refuse_want


@njit(**LINKED_ENTRY)
def entry(streams, ground, table, lanes, market, shown, {gate_args}rec, lo, hi, stop_ns):
    """Run lanes lo..hi up to stop_ns; 1: the recorder is full, call again; 0: there; 2: all lanes are over."""
    rules = lanes.rules
    at = market.at
    books = shown.books
    bars = shown.bars
    market = refer(market)
    ground = refer(ground)
    streams = refer(streams)
    shown = refer(shown)
    rec = refer(rec)
    venues = refer(VenueLanes(
        lanes.acct, lanes.positions, lanes.desks, lanes.stats, lanes.settings, lanes.book_settings, rules,
        lanes.own_acct, lanes.own_orders, lanes.own_positions, lanes.reports, lanes.mail, lanes.requests,
        lanes.clocks, bars, lanes.pushed,
    ))
    n = len(books)
    while True:
        if full(rec):
            return 1
        due = min(min(at[NEXT_REQUEST], at[NEXT_STEP]), min(at[NEXT_SAMPLE], streams.payments[at[PAYMENTS]].ts_ns))
{due}
        if not exchange_until(venues, market, streams, ground, rec, lo, hi, min(min(due, stop_ns), NEVER - 1)):
            return 1
        if due > stop_ns:
            return 0
        if due >= NEVER:
            if at[OVER] == 0:
                at[OVER] = 1
                for c in range(lo, hi):
                    end_lane(venues, market, ground, rec, c)
            return 2
        if at[NEXT_REQUEST] == due:
            arrivals(venues, market, ground, rec, lo, hi, due)
            continue
{timers}
        if streams.payments[at[PAYMENTS]].ts_ns == due:
            pay_all(venues, market, ground, rec, streams.payments[at[PAYMENTS]], lo, hi)
            at[PAYMENTS] += 1
            continue
        if at[NEXT_STEP] == due:
            local_until(market, shown, streams, ground, rules, due)
            bars_until(market, shown, streams, due)
            i = at[BARS] - 1
            u_i = i  # as the lines that load features call it
            soonest = NEVER
            for c in range(lo, hi):
                d = lanes.clocks[c]
                if d.next_step == due:
                    news = listen(venues, market, ground, rec, c, due, books)
                    acct = lanes.own_acct[c]
                    orders = lanes.own_orders[c]
                    positions = lanes.own_positions[c]
                    s = lanes.settings[c]
                    p = lanes.p[c]
                    u = lanes.u[c]
                    f = lanes.feats[c]
                    f1 = lanes.feats1[c]
                    wide = lanes.wide[c]
                    wide1 = lanes.wide1[c]
{enter}
                    if d.rows < i:
                        d.rows = i
                        for k in range(n):
                            if bars[k].fresh == 1:
{load_each}
{load_wide}
                    if over(venues, ground, c, due):
                        d.next_step = NEVER
                        continue
                    d.steps += 1
                    requests = lanes.requests[c]
                    if acct.bankrupt == 0 and due <= d.last_step{unless_idle}:
{steps}
{idle}
                        if acct.n_new > 0 or acct.n_requests > 0:
                            first = first_of(venues, c)
                            v = refer(BookVenue(
                                lanes.acct[c], market.rests[first : first + len(orders)], lanes.positions[c],
                                lanes.desks[c], lanes.stats[c], rules, s, rec, acct, orders, positions,
                                lanes.reports[c], lanes.mail[c], bars, lanes.book_settings[c], market, ground,
                                c, first, lanes.pushed[c],
                            ))
                            ctx = BookCtx(
                                acct, orders, positions, bars, f, f1, wide, wide1, bars[0], positions[0], f[0], f1[0],
                                0, p, u, rules, s, books[0], books, shown, ground,
                            )
                            for order_id in range(acct.first_new + 1, acct.next_id + 1):
                                j = new_slot(ctx, order_id)
                                if j < 0:
                                    continue
                                want = orders[j]
{gates}
                                post(v, d, requests, j)
                            post_requests(v, d, requests)
                    if d.step_ns > 0:
                        d.next_step = due + d.step_ns
                    else:
                        d.next_step = next_local(market, streams)
                        if d.next_step >= NEVER:
                            d.next_step = due + 1_000_000
                soonest = min(soonest, d.next_step)
            at[NEXT_STEP] = soonest
            for k in range(n):
                books[k].bought = 0.0
                books[k].sold = 0.0
            continue
        for c in range(lo, hi):
            sample(venues, market, ground, rec, c, due)
        at[NEXT_SAMPLE] += lanes.settings[lo].sample_ns
        if at[NEXT_SAMPLE] >= ground.end_ns:
            at[NEXT_SAMPLE] = NEVER
'''

TIMERS = """if at[NEXT_TIMER] == due:
    times_up(venues, market, ground, rec, lo, hi, due)
    continue"""
STEP_EACH = """for k in range(n):
    step(BookCtx(
        acct, orders, positions, bars, f, f1, wide, wide1, bars[k], positions[k], f[k], f1[k], k,
        p, u, rules, s, books[k], books, shown, ground,
    ))"""
STEP_BARS = """for k in range(n):
    if bars[k].fresh == 1:
        step(BookCtx(
            acct, orders, positions, bars, f, f1, wide, wide1, bars[k], positions[k], f[k], f1[k], k,
            p, u, rules, s, books[k], books, shown, ground,
        ))"""
STEP_ALL = """step(BookCtx(
    acct, orders, positions, bars, f, f1, wide, wide1, bars[0], positions[0], f[0], f1[0], 0,
    p, u, rules, s, books[0], books, shown, ground,
))"""


def gate_block(n_gates: int) -> str:
    """Generated code that runs the gates in order on one want."""
    lines: list[str] = []
    for g in range(n_gates):
        lines += [
            "if may_increase(ctx, want):",
            f"    code = check{g}(BookCtx(",
            f"        acct, orders, positions, bars, g{g}f, g{g}f1, g{g}wide, g{g}wide1, bars[want.inst],",
            f"        positions[want.inst], g{g}f[want.inst], g{g}f1[want.inst], want.inst, g{g}p, g{g}u, rules, s,",
            "        books[want.inst], books, shown, ground,",
            "    ), want)",
            "    if code != 0:",
            "        refuse_want(ctx, j)",
            f"        lanes_g{g}.counts[c, min(max(code, 0), lanes_g{g}.counts.shape[1] - 1)] += 1",
            "        continue",
        ]
    return indent(lines, 32)


def stub_text(
    key: str,
    groups: Groups,
    d: Declaration,
    gates: Sequence[Declaration],
    is_wide: Callable[[str, Any], bool],
    again: bool,
) -> str:
    """The stub's source; all state lives in memory, because lanes take turns at every instant.

    `again`: a step repeats itself, and is left out where it would do nothing.
    """
    steps = STEP_ALL if d.scope == "all" else (STEP_EACH if d.clock else STEP_BARS)
    enter: list[str] = []
    _, each, wide = loads("", d, is_wide, False)
    for g, gd in enumerate(gates):
        enter += [f"g{g}{name} = lanes_g{g}.{name}[c]" for name in ("p", "u", "wide", "wide1")]
        enter += [f"g{g}f = lanes_g{g}.feats[c]", f"g{g}f1 = lanes_g{g}.feats1[c]"]
        _, more_each, more_wide = loads(f"g{g}", gd, is_wide, False)
        each += more_each
        wide += more_wide
    return TEMPLATE.format(
        key=key,
        groups=groups,
        due="        due = min(due, at[NEXT_TIMER])" if groups.resting else "",
        timers=indent(TIMERS.split("\n"), 8) if groups.resting else "",
        checks="\n".join(f"check{g} = njit(**USER)(B.checks[{g}])" for g in range(len(gates))),
        gate_args="".join(f"lanes_g{g}, " for g in range(len(gates))),
        enter=indent(enter, 20),
        load_each=indent(each, 32),
        load_wide=indent(wide, 24),
        unless_idle=" and (news or d.idle == 0)" if again else "",
        idle=indent(["note_idle(acct, d)"] if again else [], 24),
        steps=indent(steps.split("\n"), 24),
        gates=gate_block(len(gates)),
    )


def link_book(
    step: Callable[..., Any],
    checks: Sequence[Callable[..., Any]],
    groups: Groups,
    *,
    is_wide: Callable[[str, Any], bool],
) -> Linked:
    """Bind a strategy and its gates to a build of the book venue."""
    d, gate_declarations, here = bind(step, checks, is_wide)
    sources = strategy_sources([step, *checks])
    identity = repr(("book", groups, layout.layout_hash(), book_layout.layout_hash(), sources))
    identity += repr([r.descr for r in (here.p, here.u, here.f, here.wide)])
    identity += repr([(r.p.descr, r.u.descr, r.f.descr, r.wide.descr) for r in here.gates]) + kernel_sources()
    key = hashlib.sha256(identity.encode()).hexdigest()[:20]
    module = imported(stub_text(key, groups, d, gate_declarations, is_wide, repeats(step, d)), key, here)
    return Linked(module.entry, here.p, here.u, here.f, here.wide, here.gates, groups, key)
