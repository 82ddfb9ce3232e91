"""A step on an order book that would do nothing again is left out; nothing else is, and no bit changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from huracan.book_build import build_book
from huracan.book_lanes import BookBlock, run_until
from huracan.book_machine import block_of
from huracan.sim import book_linker
from huracan.sim.book_repeats import repeats
from huracan.sim.codes import LIVE, NEVER
from huracan.sim.declare import param, strategy
from huracan.sim.layout import NEVER as AT_THE_END
from huracan.sim.options import part
from huracan.sim.orders import cancel, limit
from huracan.sim.prices import price_of_tick
from huracan.strategies.avellaneda_stoikov import avellaneda_stoikov
from huracan.strategies.touch_maker import touch_maker
from tests.sim.test_book_engines import MS, spec_of, tape_of

FAR = 2
LEVELS = (1, 2)
CLOCKED: dict[str, Any] = {"params": {"step_ms": param(1.0), "qty": param(1.0)}, "needs": "book", "clock": "step_ms"}


@strategy(**CLOCKED)
def patient(ctx):
    """Bids a little behind the touch while short of three, and asks for what is refused once it has them."""
    b = ctx.book
    if b.mid != b.mid:
        return
    bid = price_of_tick(ctx.rules[ctx.me], b.bid_tick - FAR)
    has = False
    for j in range(len(ctx.orders)):
        r = ctx.orders[j]
        if r.state == LIVE and r.arrived == 1 and r.cancel_row == NEVER:
            if r.price < bid - FAR:
                cancel(ctx, r.id)
            else:
                has = True
    if ctx.pos.qty >= 3.0 * ctx.p.qty:
        limit(ctx, 1, 0.0, bid)
    elif not has:
        limit(ctx, 1, ctx.p.qty, bid)


@part
def own_side(ctx):
    return ctx.pos.qty - ctx.acct.cash * 0.0


@part
def own_hour(ctx):
    return ctx.acct.ts_ns // 3_600_000_000_000


@strategy(**CLOCKED)
def by_a_helper(ctx):
    if own_side(ctx) < 1.0 and abs(ctx.book.mid) > 0.0:
        limit(ctx, 1, ctx.p.qty, ctx.book.bid)


@strategy(**CLOCKED)
def by_the_hour(ctx):
    if own_hour(ctx) > 3:
        limit(ctx, 1, ctx.p.qty, ctx.book.bid)


@strategy(**CLOCKED)
def by_size(ctx):
    if ctx.book.bid_qty > 3.0:
        limit(ctx, 1, ctx.p.qty, ctx.book.bid)


@strategy(**CLOCKED)
def by_levels(ctx):
    limit(ctx, 1, ctx.p.qty * LEVELS[0], ctx.book.bid)


@strategy(params={"row": param(1.0), "step_ms": param(1.0)}, needs="book", clock="step_ms")
def by_a_name(ctx):
    if ctx.acct.row > ctx.p.row:
        limit(ctx, 1, 1.0, ctx.book.bid)


@strategy(params={"qty": param(1.0)}, needs="book", clock="event")
def by_events(ctx):
    limit(ctx, 1, ctx.p.qty, ctx.book.bid)


@strategy(params={"qty": param(1.0)}, needs="book")
def by_bars(ctx):
    limit(ctx, 1, ctx.p.qty, ctx.book.bid)


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (touch_maker, True),
        (patient, True),
        (by_a_helper, True),
        (by_events, True),
        (avellaneda_stoikov, False),  # a state of its own, and the time
        (by_the_hour, False),  # the time, in a helper
        (by_size, False),  # what stands at the touch changes while the touch does not
        (by_levels, False),  # a tuple of its file: not looked into
        (by_a_name, False),  # a parameter by the name of what changes with every step
        (by_bars, False),
    ],
)
def test_only_what_reads_the_touch_and_its_own_orders_may_be_left_out(step: Any, wanted: bool) -> None:
    assert repeats(step, step.__huracan__) is wanted


def bytes_of(block: BookBlock) -> dict[str, bytes]:
    """All that a lane is after a run, but for what is noted of steps left out."""
    out = {}
    for name in block.lanes._fields:
        a = getattr(block.lanes, name)
        if name == "clocks":
            a = a.copy()
            for field in ("seen", "idle", "refused"):
                a[field] = 0
        out[name] = a.tobytes()
    return out | {"rests": block.market.rests.tobytes(), "at": block.market.at.tobytes()}


def test_no_bit_changes_where_steps_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders, fills, cancels and refusals, for lanes of several steps; and many steps are left out."""
    tape = tape_of(5)
    specs = [
        spec_of("power:2", True, 7.0, 4.0, strategy={"use": patient, "params": {"step_ms": ms, "qty": qty}})
        for ms, qty in ((1.0, 1.0), (1.5, 40.0), (3.0, 2.0))
    ]

    def run(may: Callable[..., bool]) -> tuple[BookBlock, int]:
        monkeypatch.setattr(book_linker, "repeats", may)
        machine = build_book(specs[0], tape, record=False)
        block = block_of(machine, specs)
        idle = 0
        for stop in [*range(tape.start_ns, tape.end_ns, 50 * MS), AT_THE_END]:
            run_until(machine, block, None, stop)
            idle += int(block.lanes.clocks["idle"].sum())
        return block, idle

    always, none = run(lambda step, d: False)
    some, idle = run(repeats)
    assert bytes_of(some) == bytes_of(always)
    assert none == 0
    assert idle > 50
    own = always.lanes.own_acct
    assert (always.lanes.stats["fills"] > 0).all()
    assert (always.lanes.stats["orders"] > 10).all()
    assert (own["counts"].sum(axis=1) > 100).any()  # refused again at every step
