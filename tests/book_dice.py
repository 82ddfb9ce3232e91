"""A strategy that asks for anything an order-book venue can be asked for, by lot; it has no other sense."""

from __future__ import annotations

import math

from huracan.sim.codes import EMPTY, FOK, GTC, GTT, IOC, LIVE, NEVER
from huracan.sim.declare import param, strategy
from huracan.sim.orders import (
    bracket,
    buy,
    cancel,
    limit,
    modify,
    reduce_limit,
    reduce_stop,
    reduce_trail,
    sell,
    stop,
    trail,
)
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


@strategy(params={"step_ms": param(50.0, 0.001), "dice": param(1, 0)}, needs="book", clock="step_ms")
def waiting_dice(ctx):
    """Everything that `dice` asks for, and orders that wait: stops, trailing stops, brackets, lives that end."""
    b = ctx.book
    if b.mid != b.mid:
        return
    rule = ctx.rules[0]
    for i in range(3):
        n = (ctx.acct.row * 4 + i) * 16
        what = uniform(ctx.p.dice, 1, n, USER)
        side = 1 if uniform(ctx.p.dice, 1, n + 1, USER) < 0.5 else -1
        qty = math.floor(uniform(ctx.p.dice, 1, n + 2, USER) * 30.0) + 1.0
        away = math.floor(uniform(ctx.p.dice, 1, n + 3, USER) * 9.0) - 2
        kind = uniform(ctx.p.dice, 1, n + 4, USER)
        which = math.floor(uniform(ctx.p.dice, 1, n + 5, USER) * len(ctx.orders))
        some = uniform(ctx.p.dice, 1, n + 6, USER)
        far = math.floor(uniform(ctx.p.dice, 1, n + 7, USER) * 8.0) + 1
        near = math.floor(uniform(ctx.p.dice, 1, n + 8, USER) * 8.0) + 1
        tick = b.bid_tick - away if side > 0 else b.ask_tick + away
        trigger = b.ask_tick + away if side > 0 else b.bid_tick - away
        r = ctx.orders[which]
        if what < 0.22:
            tif = IOC if kind > 0.92 else (FOK if kind > 0.84 else (GTT if kind > 0.5 else GTC))
            if some < 0.3:
                reduce_limit(ctx, side, qty, price_of_tick(rule, tick), post_only=kind < 0.25, tif=tif, ttl=1)
            else:
                limit(ctx, side, qty, price_of_tick(rule, tick), post_only=kind < 0.25, tif=tif, ttl=1)
        elif what < 0.3:
            if side > 0:
                buy(ctx, qty)
            else:
                sell(ctx, qty)
        elif what < 0.45:
            worst = price_of_tick(rule, trigger + side * (far - 4)) if kind < 0.4 else math.nan
            if some < 0.4:
                reduce_stop(ctx, side, qty, price_of_tick(rule, trigger), limit=worst)
            else:
                stop(ctx, side, qty, price_of_tick(rule, trigger), limit=worst)
        elif what < 0.53:
            if some < 0.5:
                reduce_trail(ctx, side, qty, price_of_tick(rule, far))
            else:
                trail(ctx, side, qty, price_of_tick(rule, far))
        elif what < 0.7:
            base = tick if kind >= 0.4 else (b.ask_tick if side > 0 else b.bid_tick)
            bracket(
                ctx,
                side,
                qty,
                entry=price_of_tick(rule, tick) if kind >= 0.4 else math.nan,
                take=price_of_tick(rule, base + side * far) if some < 0.8 else math.nan,
                stop=price_of_tick(rule, base - side * near) if some > 0.4 else math.nan,
                max_hold=1 if which % 3 > 0 else 0,
            )
        elif r.state == LIVE and r.cancel_row == NEVER and r.modify_row == NEVER:
            tick = b.bid_tick - away if r.side > 0 else b.ask_tick + away
            trigger = b.ask_tick + far if r.side > 0 else b.bid_tick - far
            if what < 0.8:
                cancel(ctx, r.id)
            elif some < 0.3 and r.role <= 1:
                modify(ctx, r.id, qty=qty)
            elif some < 0.6 and (r.kind == 2 or r.kind == 4):
                modify(ctx, r.id, price=price_of_tick(rule, tick))
            elif some >= 0.6 and (r.kind == 3 or r.kind == 4) and r.trigger > 0.0 and r.trigger < math.inf:
                modify(ctx, r.id, trigger=price_of_tick(rule, trigger))
