"""A lane's turn on a book tape: what has been reported, its step, and the requests that leave for the venue."""

from __future__ import annotations

import math

from huracan.sim.book_layout import CANCEL, MODIFY, NEW_ORDER, NEXT_REQUEST, TOUCHES, BookVenue
from huracan.sim.codes import BANKRUPT, BY_END, DORMANT, LIVE, NEVER
from huracan.sim.codes import NEW as WANTED
from huracan.sim.costs.push import pushed_price
from huracan.sim.kernel.advance import NOTHING, pay_funding
from huracan.sim.kernel.book_fills import taker_costs
from huracan.sim.kernel.book_latency import entry_time
from huracan.sim.kernel.book_margin import mark_venue, narrow
from huracan.sim.kernel.book_places import first_of, tick_at
from huracan.sim.kernel.groups import COSTS, MARGIN, RECORD, RESTING
from huracan.sim.kernel.hear import hear
from huracan.sim.kernel.ledger import book_rarely, mark_excursion
from huracan.sim.kernel.liquidate import liquidate_at
from huracan.sim.kernel.marks import mark_account, statistics
from huracan.sim.kernel.orderbook import cancel_everything
from huracan.sim.kernel.reports import tell_halt
from huracan.sim.kernel.values import unit_value
from huracan.sim.layout import Execution
from huracan.sim.options import part, rare
from huracan.sim.prices import price_of_tick
from huracan.sim.reference import refer


@part
def over(lanes, ground, c, now):
    """Nothing more can reach this lane: the tape has ended and no message is under way."""
    d = lanes.clocks[c]
    m = lanes.mail[c]
    return ground.last_local_ns <= now and d.head == d.tail and m.head == m.tail


@rare
def hear_lane(lanes, market, ground, rec, c):
    """What has been reported to a lane by now."""
    first = first_of(lanes, c)
    v = refer(BookVenue(
        lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
        lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
        lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
        lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
    ))  # fmt: skip
    hear(v, 2 * v.own_acct.row)
    m = v.mail
    if m.tail == m.head:
        m.tail = 0
        m.head = 0


@part
def listen(lanes, market, ground, rec, c, now, books):
    """The own clock, what has been reported by now, and what it is worth; whether anything is new."""
    a = lanes.own_acct[c]
    a.ts_ns = now
    a.row += 1
    d = lanes.clocks[c]
    m = lanes.mail[c]
    if m.tail < m.head and lanes.reports[c, m.tail % lanes.reports.shape[1]].arrive_ns <= now:
        hear_lane(lanes, market, ground, rec, c)
    elif d.seen == market.at[TOUCHES]:
        return False
    d.seen = market.at[TOUCHES]
    value = 0.0
    own = lanes.own_positions[c]
    for k in range(len(own)):
        p = own[k]
        mid = books[k].mid
        if mid == mid:
            p.mark = mid
        if p.qty != 0.0:
            value += p.qty * unit_value(lanes.rules[k], p.mark)
    a.equity = a.cash + value
    a.peak = max(a.peak, a.equity)
    return True


@part
def note_idle(a, d):
    """Whether a step did nothing, so that it would do nothing again."""
    d.idle = 0
    if a.next_id == a.first_new and a.n_requests == 0:
        refused = 0
        for i in range(len(a.counts)):
            refused += a.counts[i]
        d.idle = 1 if refused == d.refused else 0
        d.refused = refused


@part
def ask(v, d, requests, what, r, j):
    """One more request under way: the next place of the ring."""
    now = v.own_acct.ts_ns
    arrive = max(now + entry_time(v, now, d.asked), d.last_ns)
    d.asked += 1
    d.last_ns = arrive
    q = requests[d.head]
    after = d.head + 1 if d.head + 1 < len(requests) else 0
    if after == d.tail:
        d.lost += 1  # the driver refuses the run
        return
    d.head = after
    q.arrive_ns = arrive
    q.what = what
    q.slot = j
    q.id = r.id
    if arrive < v.market.at[NEXT_REQUEST]:
        v.market.at[NEXT_REQUEST] = arrive


@part
def hand_over(v, j, state):
    """The venue's copy of an order; from here on the two differ by what has not been told."""
    r = v.own_orders[j]
    o = v.orders[j]
    o.id = r.id
    o.cell = -1
    o.inst = r.inst
    o.side = r.side
    o.state = state
    o.kind = r.kind
    o.tif = r.tif
    o.post_only = r.post_only
    o.reduce = r.reduce
    o.role = r.role
    o.reason = r.reason
    o.tag = r.tag
    o.rested_ns = -1
    o.lane = v.lane
    o.slot = j
    o.qty = r.qty
    o.left = r.left
    o.price = r.price
    o.trigger = r.trigger
    o.arrived = 0
    if RESTING:
        o.watched = 0
        o.entry = r.entry
        o.take = r.take
        o.stop = r.stop
        o.hold = r.hold
        o.ttl = r.ttl
        o.die_ns = NEVER
        o.hold_ns = NEVER
        o.distance = r.distance
        o.reference = r.reference


@part
def post(v, d, requests, j):
    """A want leaves for the venue, with its bracket's children."""
    r = v.own_orders[j]
    r.state = LIVE
    r.arrived = 0
    hand_over(v, j, WANTED)
    if RESTING:
        if r.take >= 0:
            hand_over(v, r.take, DORMANT)
        if r.stop >= 0:
            hand_over(v, r.stop, DORMANT)
    v.stats.orders += 1
    ask(v, d, requests, NEW_ORDER, r, j)


@part
def post_requests(v, d, requests):
    """Cancels and modifies of this step leave for the venue."""
    a = v.own_acct
    if a.n_requests > 0:
        a.n_requests = 0
        fresh = a.row + 1 + v.settings.latency_rows
        for j in range(len(v.own_orders)):
            r = v.own_orders[j]
            if r.state != LIVE and r.state != DORMANT:
                continue
            if r.modify_row == fresh:
                ask(v, d, requests, MODIFY, r, j)
                q = requests[d.head - 1 if d.head > 0 else len(requests) - 1]
                q.sent_ns = r.modify_ns
                q.qty = r.new_qty
                q.price = r.new_price
                q.trigger = r.new_trigger
            if r.cancel_row == fresh:
                ask(v, d, requests, CANCEL, r, j)
    a.n_new = 0
    a.first_new = a.next_id


@rare
def sample(lanes, market, ground, rec, c, now):
    """One row of a lane's equity, and of its statistics."""
    first = first_of(lanes, c)
    v = refer(BookVenue(
        lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
        lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
        lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
        lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
    ))  # fmt: skip
    a = v.acct
    a.row += 1
    a.ts_ns = now
    mark_venue(v)
    mark_account(v)
    if RECORD:
        for k in range(len(v.positions)):
            d = v.desks[k]
            q = v.positions[k].qty
            if d.side != 0 and q != 0.0:
                mark_excursion(d, v.rules[k], q, v.positions[k].mark)
    if a.bankrupt == 0 and not a.equity > NOTHING * v.settings.cash:
        stop_book_lane(v, now)
    statistics(v)


@rare
def end_lane(lanes, market, ground, rec, c):
    """The last row of a lane's equity: the end of the tape, or its last execution where orders arrived after it."""
    now = max(ground.end_ns, lanes.acct[c].ts_ns)
    if lanes.acct[c].bankrupt == 0 and lanes.settings[c].close_at_end == 1:
        first = first_of(lanes, c)
        v = refer(BookVenue(
            lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
            lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
            lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
            lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
        ))  # fmt: skip
        close_all(v, now)
    sample(lanes, market, ground, rec, c, now)


@rare
def close_all(v, now):
    """Every position goes as a taker at the other side's best price, or at its mark where that side is empty."""
    for k in range(len(v.positions)):
        q = v.positions[k].qty
        if q != 0.0:
            side = -1 if q > 0.0 else 1
            best = 2 * k if side < 0 else 2 * k + 1
            price = v.positions[k].mark
            spread = 0.0
            if v.market.best[best] >= 0:
                price = price_of_tick(v.rules[k], tick_at(v.ground, best, v.market.best[best]))
                spread = taker_costs(v, k, side, abs(q), price)[0]
            impact = 0.0
            if COSTS:
                level = price
                price = pushed_price(v.book_settings.push_bps, v.pushed[k], side, level, math.nan)
                if price != level:
                    impact = abs(q) * side * (unit_value(v.rules[k], price) - unit_value(v.rules[k], level))
            fee_share = v.settings.fee_taker
            book_rarely(
                v, Execution(k, side, abs(q), price, 0, BY_END, 0, 0, fee_share, spread, 0.0, impact, now, False)
            )


@rare
def stop_book_lane(v, now):
    """Nothing is left: every order is cancelled, and what decides is told."""
    v.acct.bankrupt = 1
    if MARGIN:
        liquidate_at(v, -1, 0.0, now, True)
        mark_account(v)
    cancel_everything(v, BANKRUPT)
    tell_halt(v, now)


@rare
def pay_all(lanes, market, ground, rec, payment, lo, hi):
    """One funding instant, for every lane."""
    for c in range(lo, hi):
        first = first_of(lanes, c)
        v = refer(BookVenue(
            lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
            lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
            lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
            lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
        ))  # fmt: skip
        mark_venue(v)
        pay_funding(v, payment, False)
        if MARGIN:
            narrow(v)
