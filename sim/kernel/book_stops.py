"""Stops and trailing stops on a book: they wait for a trade's price, or the touch, in a list of their instrument."""

from __future__ import annotations

import math

from huracan.sim.codes import STOP, STOP_LIMIT, TRAIL
from huracan.sim.kernel.book_places import tick_at, watch_last
from huracan.sim.kernel.levels import follow
from huracan.sim.options import part, rare
from huracan.sim.prices import price_down, price_of_tick, price_up


@part
def waits_for_price(r):
    """A stop that has not been triggered."""
    return r.kind == STOP or r.kind == STOP_LIMIT or r.kind == TRAIL


@part
def trigger_of(rule, r):
    """The price that triggers it; NaN for a trailing stop that has seen none."""
    if r.kind == TRAIL:
        if r.side > 0:
            return price_up(rule, r.reference + r.distance)
        return price_down(rule, r.reference - r.distance)
    return r.trigger


@part
def reaches(x, r, trigger):
    """Whether a price of x triggers it."""
    return x >= trigger if r.side > 0 else x <= trigger


@part
def touch_price(market, ground, rules, side):
    """The best price of a side of the exchange's book (2 x instrument, and 1 more for asks); NaN where it is empty."""
    x = market.best[side]
    return price_of_tick(rules[side >> 1], tick_at(ground, side, x)) if x >= 0 else math.nan


@part
def is_reached(v, r):
    """Whether the last trade, or the touch, triggers a stop that arrives now."""
    x = v.market.last[r.inst]
    if v.book_settings.by_quote == 1:
        x = touch_price(v.market, v.ground, v.rules, 2 * r.inst + (1 if r.side > 0 else 0))
    if x == x:
        follow(r, x)
    return reaches(x, r, trigger_of(v.rules[r.inst], r))


@rare
def watch(v, j):
    """The stop waits."""
    r = v.orders[j]
    watch_last(v.market, v.first + j)
    take_into_band(v.market.band, v.rules[r.inst], r)


@part
def take_into_band(band, rule, r):
    """From the band of prices in which nothing happens goes what triggers this stop, or moves its reference."""
    k = r.inst
    trigger = trigger_of(rule, r)
    if not trigger == trigger:  # it follows from the first trade on
        band[2 * k] = -math.inf
    elif r.side > 0:
        band[2 * k] = min(band[2 * k], trigger)
        if r.kind == TRAIL:
            band[2 * k + 1] = max(band[2 * k + 1], r.reference)
    else:
        band[2 * k + 1] = max(band[2 * k + 1], trigger)
        if r.kind == TRAIL:
            band[2 * k] = min(band[2 * k], r.reference)
