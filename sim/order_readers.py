"""What a strategy may ask of its account and orders without wanting anything."""

from __future__ import annotations

from huracan.sim.codes import EMPTY
from huracan.sim.options import part
from huracan.sim.order_slots import find, slots_each


@part
def is_open(ctx, order_id):
    """Whether an order with this id is still working."""
    return find(ctx, order_id) >= 0


@part
def pending(ctx, inst=-1):
    """How many orders of the instrument are working; none of one that does not exist."""
    if inst >= len(ctx.positions):
        return 0
    k = ctx.me if inst < 0 else inst
    each = slots_each(ctx)
    n = 0
    for j in range(k * each, (k + 1) * each):
        if ctx.orders[j].state != EMPTY:
            n += 1
    return n


@part
def drawdown(ctx):
    """How far equity is below its peak, as a fraction of the peak: 0 at a new high, -0.1 ten per cent below."""
    a = ctx.acct
    return (a.equity - a.peak) / a.peak
