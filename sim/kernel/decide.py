"""From wants to the market: gates, the outbox, and the route that an order takes."""

from __future__ import annotations

from huracan.sim.codes import GATED, LIVE, NEW
from huracan.sim.kernel.advance import send
from huracan.sim.kernel.marks import wake_for_requests
from huracan.sim.options import part
from huracan.sim.order_changes import free_bracket


@part
def new_slot(ctx, order_id):
    """The slot of a want by its id; -1 if it was taken back, or is a bracket's child."""
    last = ctx.orders[ctx.acct.last_slot]
    if last.state == NEW and last.id == order_id:
        return ctx.acct.last_slot
    n = len(ctx.positions)
    each = len(ctx.orders) // n
    for first in range(each):  # an instrument's first slots are taken first
        for k in range(n):
            r = ctx.orders[k * each + first]
            if r.state == NEW and r.id == order_id:
                return k * each + first
    return -1


@part
def may_increase(ctx, r):
    """Whether a want may make a position larger; gates see only those."""
    if r.reduce == 1:
        return False
    q = ctx.positions[r.inst].qty
    return not (r.side * q < 0.0 and r.qty <= abs(q))


@part
def refuse_want(ctx, j):
    """A gate said no: the want goes, with its bracket."""
    free_bracket(ctx, j)
    ctx.acct.counts[GATED] += 1


@part
def post(v, j):
    """A want becomes an order under way."""
    r = v.orders[j]
    r.state = LIVE
    send(v, r)
    enter_book(v, j)


@part
def enter_book(v, j):
    """The venue's desk counts an order that is on its way, and wakes when it gets there."""
    r = v.orders[j]
    v.stats.orders += 1
    d = v.desks[r.inst]
    d.wake_row = min(d.wake_row, max(v.acct.row + 1, r.live_row))
    d.n_live += 1
    first = r.inst * (len(v.orders) // len(v.positions))
    d.top = max(d.top, max(j, max(r.take, r.stop)) + 1 - first)


@part
def after_wants(v):
    """The step's books are closed; requests for working orders set the rows at which they arrive."""
    a = v.acct
    a.n_new = 0
    a.first_new = a.next_id
    if a.n_requests > 0:
        a.n_requests = 0
        wake_for_requests(v)
