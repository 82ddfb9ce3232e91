"""An order on a book changes: it leaves its place, a child wakes, and what decides is told."""

from __future__ import annotations

from huracan.sim.book_layout import NEXT_TIMER
from huracan.sim.codes import DORMANT, EMPTY, LIVE, NEVER, STOP, STOP_CHILD, TOLD_ORDER
from huracan.sim.kernel.book_places import take_away, unwatch
from huracan.sim.kernel.groups import RECORD, RESTING
from huracan.sim.kernel.reports import next_report
from huracan.sim.options import part, rare


@rare
def tell_order(v, j):
    """How an order stands now."""
    tell_terms(v, j, NEVER)


@rare
def tell_terms(v, j, taken_ns):
    """The same, with which modify it answers."""
    r = v.orders[j]
    w = next_report(v, TOLD_ORDER, r.inst, v.acct.ts_ns)
    w.slot = j
    w.id = r.id
    w.state = r.state
    w.kind = r.kind
    w.arrived = r.arrived
    w.taken_ns = taken_ns
    w.qty = r.qty
    w.left = r.left
    w.price = r.price
    w.trigger = r.trigger


@part
def write_down(v, r):
    """An order is done: how long it rested and how much of it filled."""
    if RECORD:
        n = v.rec.n[5]
        o = v.rec.orders[n]
        o.id = r.id
        o.inst = r.inst
        o.side = r.side
        o.rested_ns = r.rested_ns
        o.done_ns = v.acct.ts_ns
        o.price = r.price
        o.qty = r.qty
        o.filled = r.qty - r.left
        o.maker = 1 if r.rested_ns >= 0 else 0
        v.rec.n[5] = n + 1


@part
def off_lists(v, j):
    """The order rests nowhere and waits for no price."""
    r = v.orders[j]
    if r.cell >= 0:
        take_away(v.market, v.ground.width, v.first + j)
    if RESTING:
        if r.watched == 1:
            unwatch(v.market, v.first + j)


@rare
def leave_book(v, j, state):
    """The order is EMPTY (done) or DORMANT (its bracket's position is gone) from now on."""
    r = v.orders[j]
    off_lists(v, j)
    if state == EMPTY:
        if r.state == LIVE:
            write_down(v, r)
    else:
        r.hold_ns = NEVER
        r.arrived = 0
        if r.role == STOP_CHILD:
            r.kind = STOP
    r.state = state
    tell_order(v, j)


@part
def arm(v, ts_ns):
    """Something is due then."""
    v.market.at[NEXT_TIMER] = min(v.market.at[NEXT_TIMER], ts_ns)


@rare
def wake(v, j, hold):
    """A bracket's child lives for more than before: it meets the market anew, a stop that waits goes on waiting."""
    c = v.orders[j]
    if c.state == DORMANT:
        c.state = LIVE
        if hold > 0 and c.role == STOP_CHILD:
            c.hold_ns = v.acct.ts_ns + hold * v.settings.timeframe_ns + v.settings.entry_ns
            arm(v, c.hold_ns)
    if c.watched == 1:
        tell_order(v, j)
        return
    off_lists(v, j)
    c.arrived = 0
    v.stats.busy = 1  # children are to meet the market
