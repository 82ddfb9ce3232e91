"""What a strategy reads of the local book beyond its best prices: how much stands where, and what taking it would cost.

A build in which nobody calls one of these keeps no local book.
"""

from __future__ import annotations

import math

from huracan.sim.kernel.book_places import tick_at
from huracan.sim.options import part, rare
from huracan.sim.prices import price_of_tick

__all__ = ["book_imbalance", "depth_bps", "depth_ticks", "sweep_price"]


@part
def book_imbalance(ctx, levels, inst=-1):
    """(bids - asks) / (bids + asks) of the best `levels` of each side, -1 to 1; NaN where a side is empty."""
    k = ctx.me if inst < 0 else inst
    bids = best_levels(ctx.shown, ctx.ground, 2 * k, levels)
    asks = best_levels(ctx.shown, ctx.ground, 2 * k + 1, levels)
    return (bids - asks) / (bids + asks) if bids > 0.0 and asks > 0.0 else math.nan


@part
def depth_ticks(ctx, side, ticks, inst=-1):
    """Quantity of the bids (side 1) or asks (-1) no further than `ticks` from their best; 0 where there are none."""
    k = ctx.me if inst < 0 else inst
    return within_ticks(ctx.shown, ctx.ground, 2 * k if side > 0 else 2 * k + 1, ticks)


@part
def depth_bps(ctx, side, bps, inst=-1):
    """Quantity of the bids (side 1) or asks (-1) no further than `bps` from the mid; NaN where there is no mid."""
    k = ctx.me if inst < 0 else inst
    mid = ctx.books[k].mid
    far = mid * (1.0 - bps / 1e4) if side > 0 else mid * (1.0 + bps / 1e4)
    return within_price(ctx.shown, ctx.ground, ctx.rules, 2 * k if side > 0 else 2 * k + 1, far)


@part
def sweep_price(ctx, side, qty, inst=-1):
    """Mean price of buying (side 1) or selling (-1) `qty` from the book now; NaN where it does not hold as much."""
    k = ctx.me if inst < 0 else inst
    return mean_price(ctx.shown, ctx.ground, ctx.rules, 2 * k + 1 if side > 0 else 2 * k, qty)


@rare
def best_levels(shown, ground, side, levels):
    """Quantity of the best levels of a side (2 x instrument, and 1 more for asks)."""
    base = side << ground.width
    x = shown.known[side]
    lots = 0
    found = 0
    while found < levels and x >= ground.lows[side] and x >= 0:
        if shown.local[base + x] > 0:
            lots += shown.local[base + x]
            found += 1
        x -= 1
    return lots * ground.spans[side >> 1].lot


@rare
def within_ticks(shown, ground, side, ticks):
    """Quantity of a side no further than `ticks` from its best."""
    base = side << ground.width
    best = shown.known[side]
    x = best
    lots = 0
    while x >= ground.lows[side] and x >= 0 and best - x <= 2 * ticks + 1:  # far ticks have a place between each two
        if shown.local[base + x] > 0:
            if abs(tick_at(ground, side, x) - tick_at(ground, side, best)) > ticks:
                break
            lots += shown.local[base + x]
        x -= 1
    return lots * ground.spans[side >> 1].lot


@rare
def within_price(shown, ground, rules, side, far):
    """Quantity of a side at prices no worse than `far`; NaN where that is no price."""
    if far != far:
        return math.nan
    base = side << ground.width
    x = shown.known[side]
    lots = 0
    while x >= ground.lows[side] and x >= 0:
        if shown.local[base + x] > 0:
            price = price_of_tick(rules[side >> 1], tick_at(ground, side, x))
            if price > far if side & 1 else price < far:
                break
            lots += shown.local[base + x]
        x -= 1
    return lots * ground.spans[side >> 1].lot


@rare
def mean_price(shown, ground, rules, side, qty):
    """Mean price of taking `qty` of a side, best level first; NaN where it holds less."""
    if not qty > 0.0:
        return math.nan
    base = side << ground.width
    lot = ground.spans[side >> 1].lot
    x = shown.known[side]
    left = qty
    paid = 0.0
    while x >= ground.lows[side] and x >= 0:
        lots = shown.local[base + x]
        if lots > 0:
            took = min(left, lots * lot)
            paid += took * price_of_tick(rules[side >> 1], tick_at(ground, side, x))
            left -= took
            if not left > 1e-12 * qty:
                return paid / (qty - left)
        x -= 1
    return math.nan
