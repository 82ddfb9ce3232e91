"""Reversion to the mean by brackets: a limit entry away from the mean, with target, stop and time exit."""

from __future__ import annotations

import math

from huracan.sim.codes import EMPTY, ENTRY, NEVER, SPOT
from huracan.sim.declare import param, strategy
from huracan.sim.options import part as inline
from huracan.sim.orders import bracket, cancel, size
from huracan.strategies.features import sma, std


@inline
def entry_slot(ctx):
    """Where the instrument's entry waits among the orders; -1 if none does."""
    each = len(ctx.orders) // len(ctx.positions)
    for j in range(ctx.me * each, (ctx.me + 1) * each):
        if ctx.orders[j].state != EMPTY and ctx.orders[j].role == ENTRY:
            return j
    return -1


@inline
def entry_side(ctx):
    """Buy below the mean, sell above it; on spot, where nothing can be borrowed, only buy."""
    may_short = ctx.rules[ctx.me].contract != SPOT or ctx.settings.borrow == 1
    return -1 if may_short and ctx.bar.close > ctx.f.mean else 1


@strategy(
    params={
        "window": param(50, 2, 100_000),
        "z": param(2.0, 0.0, 100.0),
        "take": param(0.01, 0.0),  # fractions of the entry price: 0.01 is 1 %; 0 is none
        "stop": param(0.01, 0.0, 1.0),
        "max_hold": param(0, 0, 1_000_000_000),  # bars; 0 is for ever
        "drift": param(0.25, 0.0),  # standard deviations
        "qty": param(1.0, 0.0),
        "fraction": param(0.0, 0.0, 100.0),
    },
    features={"mean": sma("window"), "dev": std("window")},
)
def bracket_reversion(ctx):
    """Enter by limit `z` deviations from the mean (at the close if that is farther); leave at target, stop or timer.

    While flat one entry waits; it is placed anew when its level has moved by more than `drift` deviations, or when
    the side has changed.
    """
    if ctx.pos.qty != 0.0:
        return  # the bracket's own exits look after it
    away = ctx.p.z * ctx.f.dev
    if not away > 0.0:
        return  # the window fills, or the price stands still
    side = entry_side(ctx)
    level = ctx.f.mean - side * away
    if (ctx.bar.close - level) * side < 0.0:
        level = ctx.bar.close
    j = entry_slot(ctx)
    if j >= 0:
        waiting = ctx.orders[j]
        if waiting.cancel_row != NEVER:
            return
        if waiting.side == side and abs(waiting.price - level) <= ctx.p.drift * ctx.f.dev:
            return
        cancel(ctx, waiting.id)
        if ctx.settings.latency_rows > 0 or ctx.settings.entry_ns > 0:
            return  # it may still fill on the way: the new one waits until it is gone
    take = level * (1.0 + side * ctx.p.take) if ctx.p.take > 0.0 else math.nan
    stop = level * (1.0 - side * ctx.p.stop) if ctx.p.stop > 0.0 else math.nan
    bracket(ctx, side, size(ctx, ctx.p.qty, ctx.p.fraction), level, take, stop, ctx.p.max_hold)
