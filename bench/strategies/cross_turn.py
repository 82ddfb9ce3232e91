"""A cross of two averages that is always in the market: long above, short below, by a target."""

from __future__ import annotations

from huracan import param, sma, strategy, target


@strategy(
    params={"fast": param(20, 1, 100_000), "slow": param(50, 1, 100_000), "qty": param(1.0, 0.0)},
    features={"fast": sma("fast"), "slow": sma("slow")},
)
def cross_turn(ctx):
    """Turn where the fast average crosses the slow one."""
    now = ctx.f.fast - ctx.f.slow
    was = ctx.f1.fast - ctx.f1.slow
    if now > 0.0 and was <= 0.0:
        target(ctx, ctx.p.qty)
    elif now < 0.0 and was >= 0.0:
        target(ctx, -ctx.p.qty)
