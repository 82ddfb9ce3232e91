"""A cross of two averages enters, a target and a stop leave: the shape that vectorbt and backtesting.py know too."""

from __future__ import annotations

from huracan import bracket, buy, cancel_all, param, reduce_limit, reduce_stop, sell, sma, strategy


@strategy(
    params={
        "fast": param(20, 1, 100_000),
        "slow": param(50, 1, 100_000),
        "take": param(0.01, 0.0, 1.0),  # fractions of the decision's close
        "stop": param(0.01, 0.0, 1.0),
        "qty": param(1.0, 0.0),
        "short": param(False),  # sell where the fast average crosses below
        "pause": param(False),  # no entry at the close of the bar that ended a trade (vectorbt: one signal a bar)
        "late": param(False),  # exits are placed at the close of the entry's bar, so they see the next bar first
    },
    features={"fast": sma("fast"), "slow": sma("slow")},
    state={"entered": 0, "armed": 0},
)
def cross_bracket(ctx):
    """One position from a cross to its target or stop; of a bar that reaches both, the venue says which counts."""
    if ctx.pos.qty != 0.0:
        if ctx.p.late == 1 and ctx.u.armed == 0:
            side = 1 if ctx.pos.qty > 0.0 else -1
            reduce_stop(ctx, -side, ctx.p.qty, ctx.pos.avg_price * (1.0 - side * ctx.p.stop))
            reduce_limit(ctx, -side, ctx.p.qty, ctx.pos.avg_price * (1.0 + side * ctx.p.take))
            ctx.u.armed = 1
        return
    if ctx.u.armed == 1:
        cancel_all(ctx)  # the other exit of a trade that is over
        ctx.u.armed = 0
    if ctx.u.entered == 1:
        ctx.u.entered = 0
        if ctx.p.pause == 1:
            return
    now = ctx.f.fast - ctx.f.slow
    was = ctx.f1.fast - ctx.f1.slow
    side = 0
    if now > 0.0 and was <= 0.0:
        side = 1
    elif now < 0.0 and was >= 0.0 and ctx.p.short == 1:
        side = -1
    if side == 0:
        return
    ctx.u.entered = 1
    close = ctx.bar.close
    if ctx.p.late == 0:
        take = close * (1.0 + side * ctx.p.take)
        stop = close * (1.0 - side * ctx.p.stop)
        bracket(ctx, side, ctx.p.qty, take=take, stop=stop)
    elif side == 1:
        buy(ctx, ctx.p.qty)
    else:
        sell(ctx, ctx.p.qty)
