"""The moving-average cross."""

from __future__ import annotations

from huracan.sim.declare import param, strategy
from huracan.sim.orders import buy, close, size
from huracan.strategies.features import sma


@strategy(
    params={
        "fast": param(20, 1, 100_000),
        "slow": param(50, 1, 100_000),
        "qty": param(1.0, 0.0),
        "fraction": param(0.0, 0.0, 100.0),
    },
    features={"fast": sma("fast"), "slow": sma("slow")},
)
def sma_cross(ctx):
    """Long one position while the fast simple average is above the slow one."""
    now = ctx.f.fast - ctx.f.slow
    was = ctx.f1.fast - ctx.f1.slow  # one bar earlier; NaN while a window fills compares false
    if now > 0.0 and was <= 0.0 and ctx.pos.qty == 0.0:
        buy(ctx, size(ctx, ctx.p.qty, ctx.p.fraction))
    elif now < 0.0 and was >= 0.0 and ctx.pos.qty > 0.0:
        close(ctx)
