"""A strategy that asks for anything an order-book venue can be asked for, by lot; it has no other sense."""

from __future__ import annotations

import math

from huracan.sim.codes import EMPTY, FOK, GTC, IOC, LIVE, NEVER
from huracan.sim.declare import param, strategy
from huracan.sim.orders import buy, cancel, limit, modify, sell
from huracan.sim.prices import price_of_tick
from huracan.sim.random_numbers import USER, uniform


@strategy(params={"step_ms": param(50.0, 0.001), "dice": param(1, 0)}, needs="book", clock="step_ms")
def dice(ctx):
    """Three throws a step: a limit of some kind, a market order, a cancel, a modify, or nothing."""
    b = ctx.book
    if b.mid != b.mid:
        return
    for i in range(3):
        n = (ctx.acct.row * 4 + i) * 8
        what = uniform(ctx.p.dice, 1, n, USER)
        side = 1 if uniform(ctx.p.dice, 1, n + 1, USER) < 0.5 else -1
        qty = math.floor(uniform(ctx.p.dice, 1, n + 2, USER) * 30.0) + 1.0
        away = math.floor(uniform(ctx.p.dice, 1, n + 3, USER) * 9.0) - 2
        kind = uniform(ctx.p.dice, 1, n + 4, USER)
        which = math.floor(uniform(ctx.p.dice, 1, n + 5, USER) * len(ctx.orders))
        tick = b.bid_tick - away if side > 0 else b.ask_tick + away
        r = ctx.orders[which]
        if what < 0.4:
            tif = IOC if kind > 0.9 else (FOK if kind > 0.8 else GTC)
            limit(ctx, side, qty, price_of_tick(ctx.rules[0], tick), post_only=kind < 0.4, tif=tif)
        elif what < 0.5:
            if side > 0:
                buy(ctx, qty)
            else:
                sell(ctx, qty)
        elif r.state == LIVE and r.cancel_row == NEVER and r.modify_row == NEVER and r.state != EMPTY:
            if what < 0.7:
                cancel(ctx, r.id)
            elif what < 0.9 and r.kind == 2:
                tick = b.bid_tick - away if r.side > 0 else b.ask_tick + away
                if kind < 0.5:
                    modify(ctx, r.id, qty=qty)
                elif kind < 0.8:
                    modify(ctx, r.id, price=price_of_tick(ctx.rules[0], tick))
                else:
                    modify(ctx, r.id, qty=qty, price=price_of_tick(ctx.rules[0], tick))
