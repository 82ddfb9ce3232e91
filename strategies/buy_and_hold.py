"""Buy and hold: what every other strategy is measured against."""

from __future__ import annotations

from huracan.sim.declare import param, strategy
from huracan.sim.orders import buy, fraction_quantity


@strategy(params={"fraction": param(1.0, 0.0, 100.0)}, state={"bought": 0}, scope="all")
def buy_and_hold(ctx):
    """Buy `fraction` of equity on the first bar, in equal parts once every instrument has a price; never sell."""
    if ctx.u.bought == 1:
        return
    n = len(ctx.bars)
    for k in range(n):
        if not ctx.bars[k].close > 0.0:
            return  # NaN: it has not traded yet
    ctx.u.bought = 1
    for k in range(n):
        buy(ctx, fraction_quantity(ctx, ctx.p.fraction / n, k), k)
