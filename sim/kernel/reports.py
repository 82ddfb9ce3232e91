"""What the venue tells: every execution, every change of an order, every payment, to arrive after the response latency.

The reports of a lane stand in a ring in the order in which they arrive: none overtakes another.
"""

from __future__ import annotations

from huracan.sim.codes import EMPTY, TOLD_FILL, TOLD_FUNDING, TOLD_HALT, TOLD_INTEREST, TOLD_ORDER
from huracan.sim.options import part, rare


@part
def next_report(v, what, inst, ts_ns):
    """The place of a new report of something that happened at ts_ns; the last place again where the ring is full."""
    m = v.mail
    arrive = max(ts_ns + v.settings.response_ns, m.last_ns)
    m.last_ns = arrive
    if m.head - m.tail >= len(v.reports):
        m.lost += 1  # the driver refuses the run: a ring that is too small would change decisions
        m.head -= 1
    w = v.reports[m.head % len(v.reports)]
    m.head += 1
    w.arrive_ns = arrive
    w.heard = -1
    w.what = what
    w.inst = inst
    return w


@rare
def tell_fill(v, e, fee, received):
    """An execution."""
    w = next_report(v, TOLD_FILL, e.inst, e.ts_ns)
    w.id = e.order_id
    w.qty = e.side * e.qty
    w.price = e.price
    w.fee = fee
    w.received = received


@rare
def tell_payment(v, what, inst, paid, ts_ns):
    """Funding of one instrument, or interest of the account."""
    next_report(v, what, inst, ts_ns).fee = paid


@part
def tell_funding(v, inst, paid, ts_ns):
    """Funding was paid (received where negative)."""
    tell_payment(v, TOLD_FUNDING, inst, paid, ts_ns)


@part
def tell_interest(v, paid, ts_ns):
    """Interest was paid."""
    tell_payment(v, TOLD_INTEREST, 0, paid, ts_ns)


@rare
def tell_halt(v, ts_ns):
    """The account is bankrupt."""
    next_report(v, TOLD_HALT, 0, ts_ns)


@part
def note(t, r):
    """Remember how the order in a slot stands, as told."""
    t.id = r.id
    t.state = r.state
    t.kind = r.kind
    t.arrived = r.arrived
    t.taken_ns = r.taken_ns
    t.qty = r.qty
    t.left = r.left
    t.price = r.price
    t.trigger = r.trigger


@part
def same(a, b):
    """Equal, or both NaN."""
    return a == b or (a != a and b != b)


@part
def as_told(t, r):
    """Whether an order still stands as it was last told."""
    if t.state == EMPTY and r.state == EMPTY:
        return True
    return (
        t.state == r.state
        and t.kind == r.kind
        and t.arrived == r.arrived
        and t.taken_ns == r.taken_ns
        and t.left == r.left
        and t.qty == r.qty
        and same(t.price, r.price)
        and same(t.trigger, r.trigger)
    )


@rare
def tell_orders(v, ts_ns):
    """Every order that stands otherwise than last told."""
    for j in range(len(v.orders)):
        r = v.orders[j]
        t = v.told[j]
        if as_told(t, r):
            continue
        note(t, r)
        w = next_report(v, TOLD_ORDER, r.inst, ts_ns)
        w.slot = j
        w.id = r.id
        w.state = r.state
        w.kind = r.kind
        w.arrived = r.arrived
        w.taken_ns = r.taken_ns
        w.qty = r.qty
        w.left = r.left
        w.price = r.price
        w.trigger = r.trigger
