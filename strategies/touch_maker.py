"""Quote beside the touch of an order book, a fixed number of ticks away, on a fixed clock."""

from __future__ import annotations

from huracan.sim.codes import LIVE, NEVER
from huracan.sim.declare import param, strategy
from huracan.sim.orders import cancel, limit
from huracan.sim.prices import price_of_tick


@strategy(
    params={
        "half_ticks": param(0, 0),
        "step_ms": param(100.0, 0.001),
        "max_position": param(1.0, 0.0),
        "qty": param(1.0, 0.0),
    },
    needs="book",
    clock="step_ms",
    instruments=1,
)
def touch_maker(ctx):
    """Keep a bid below the best bid and an ask above the best ask while the position leaves room for them."""
    b = ctx.book
    if b.mid != b.mid:
        return
    rule = ctx.rules[ctx.me]
    bid = price_of_tick(rule, b.bid_tick - ctx.p.half_ticks)
    ask = price_of_tick(rule, b.ask_tick + ctx.p.half_ticks)
    want_bid = ctx.pos.qty < ctx.p.max_position
    want_ask = ctx.pos.qty > -ctx.p.max_position
    has_bid = False
    has_ask = False
    for j in range(len(ctx.orders)):
        r = ctx.orders[j]
        if r.state == LIVE and r.arrived == 1 and r.cancel_row == NEVER and r.modify_row == NEVER:
            if r.side > 0 and want_bid and r.price == bid:
                has_bid = True
            elif r.side < 0 and want_ask and r.price == ask:
                has_ask = True
            else:
                cancel(ctx, r.id)
    if want_bid and not has_bid:
        limit(ctx, 1, ctx.p.qty, bid, post_only=True)
    if want_ask and not has_ask:
        limit(ctx, -1, ctx.p.qty, ask, post_only=True)
