"""A cross of two averages asks for an entry by a resting order, the cross back leaves at market."""

from __future__ import annotations

from huracan import cancel_all, close, limit, param, sma, stop, strategy


@strategy(
    params={
        "fast": param(20, 1, 100_000),
        "slow": param(50, 1, 100_000),
        "away": param(0.001, 0.0, 1.0),  # fraction of the close between it and the order
        "breakout": param(False),  # a stop above the close; else a limit below it
        "qty": param(1.0, 0.0),
    },
    features={"fast": sma("fast"), "slow": sma("slow")},
)
def cross_entry(ctx):
    """One entry rests from a cross above until it fills or the averages cross back."""
    now = ctx.f.fast - ctx.f.slow
    was = ctx.f1.fast - ctx.f1.slow
    if now > 0.0 and was <= 0.0 and ctx.pos.qty == 0.0:
        cancel_all(ctx)
        if ctx.p.breakout == 1:
            stop(ctx, 1, ctx.p.qty, ctx.bar.close * (1.0 + ctx.p.away))
        else:
            limit(ctx, 1, ctx.p.qty, ctx.bar.close * (1.0 - ctx.p.away))
    elif now < 0.0 and was >= 0.0:
        cancel_all(ctx)
        if ctx.pos.qty > 0.0:
            close(ctx)
