"""The market maker of Avellaneda and Stoikov (2008): quotes around a price that leans against the inventory."""

from __future__ import annotations

from huracan.sim.declare import param, strategy
from huracan.sim.orders import keep
from huracan.sim.portable_math import log1p


@strategy(
    params={
        "gamma": param(0.1, 1e-9),  # aversion to risk
        "k": param(1.5, 1e-9),  # how fast fills get rarer with the distance: e ** (-k x distance)
        "sigma": param(2.0, 0.0),  # of the price, a square root of a second
        "horizon_s": param(1.0, 1e-9),
        "rolling": param(False),  # the horizon never comes nearer
        "inventory": param(True),  # False: the same average spread around the mid, whatever is held
        "qty": param(1.0, 0.0),
        "max_position": param(1e9, 0.0),
        "step_ms": param(5.0, 0.001),
    },
    state={"start_ns": 0},
    needs="book",
    clock="step_ms",
    instruments=1,
)
def avellaneda_stoikov(ctx):
    """Quote half the optimal spread either side of the reservation price; quantities count in units of `qty`."""
    if ctx.u.start_ns == 0:
        ctx.u.start_ns = ctx.acct.ts_ns
    mid = ctx.book.mid
    if mid != mid:
        return
    p = ctx.p
    left = p.horizon_s
    if p.rolling == 0:
        left = max(p.horizon_s - (ctx.acct.ts_ns - ctx.u.start_ns) * 1e-9, 0.0)
    risk = p.gamma * p.sigma * p.sigma
    middle = mid
    half = log1p(p.gamma / p.k) / p.gamma
    if p.inventory == 1:
        middle = mid - ctx.pos.qty / p.qty * risk * left
        half += 0.5 * risk * left
    else:
        half += 0.25 * risk * p.horizon_s
    keep(ctx, 1, middle - half, p.qty if ctx.pos.qty < p.max_position else 0.0)
    keep(ctx, -1, middle + half, p.qty if ctx.pos.qty > -p.max_position else 0.0)
