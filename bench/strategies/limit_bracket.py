"""A limit entry below the close with a target and a stop, which live from the fill on or from the next bar on."""

from __future__ import annotations

from huracan import bracket, cancel_all, limit, param, reduce_limit, reduce_stop, sma, strategy


@strategy(
    params={
        "fast": param(20, 1, 100_000),
        "slow": param(50, 1, 100_000),
        "away": param(0.001, 0.0, 1.0),
        "take": param(0.01, 0.0, 1.0),  # fractions of the entry's price
        "stop": param(0.01, 0.0, 1.0),
        "qty": param(1.0, 0.0),
        "late": param(False),  # exits are placed at the close of the bar that filled the entry
    },
    features={"fast": sma("fast"), "slow": sma("slow")},
    state={"level": 0.0, "armed": 0},
)
def limit_bracket(ctx):
    """One entry rests from a cross above until it fills or the averages cross back."""
    if ctx.pos.qty != 0.0:
        if ctx.p.late == 1 and ctx.u.armed == 0:
            reduce_stop(ctx, -1, ctx.p.qty, ctx.u.level * (1.0 - ctx.p.stop))
            reduce_limit(ctx, -1, ctx.p.qty, ctx.u.level * (1.0 + ctx.p.take))
            ctx.u.armed = 1
        return
    if ctx.u.armed == 1:
        cancel_all(ctx)
        ctx.u.armed = 0
    now = ctx.f.fast - ctx.f.slow
    was = ctx.f1.fast - ctx.f1.slow
    if now > 0.0 and was <= 0.0:
        cancel_all(ctx)
        level = ctx.bar.close * (1.0 - ctx.p.away)
        ctx.u.level = level
        if ctx.p.late == 1:
            limit(ctx, 1, ctx.p.qty, level)
        else:
            bracket(ctx, 1, ctx.p.qty, level, level * (1.0 + ctx.p.take), level * (1.0 - ctx.p.stop))
    elif now < 0.0 and was >= 0.0:
        cancel_all(ctx)
