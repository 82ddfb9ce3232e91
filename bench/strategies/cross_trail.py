"""A cross of two averages enters, a stop that follows the best price leaves."""

from __future__ import annotations

from huracan import bracket, modify, param, sma, strategy


@strategy(
    params={
        "fast": param(20, 1, 100_000),
        "slow": param(50, 1, 100_000),
        "stop": param(0.01, 0.0, 1.0),  # fraction of the best price since the entry
        "qty": param(1.0, 0.0),
    },
    features={"fast": sma("fast"), "slow": sma("slow")},
    state={"best": 0.0, "order": 0, "entered": 0},
)
def cross_trail(ctx):
    """The stop is moved at each close; no entry at the close of the bar that ended a trade."""
    if ctx.pos.qty > 0.0:
        if ctx.bar.high > ctx.u.best:
            ctx.u.best = ctx.bar.high
            modify(ctx, ctx.u.order, trigger=ctx.u.best * (1.0 - ctx.p.stop))
        return
    if ctx.u.entered == 1:
        ctx.u.entered = 0
        return
    now = ctx.f.fast - ctx.f.slow
    was = ctx.f1.fast - ctx.f1.slow
    if now > 0.0 and was <= 0.0:
        ctx.u.entered = 1
        ctx.u.best = ctx.bar.close
        ctx.u.order = bracket(ctx, 1, ctx.p.qty, stop=ctx.bar.close * (1.0 - ctx.p.stop)) + 2
