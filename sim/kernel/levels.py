"""Where on the price axis an order does something: its level, and from which side the price comes to it."""

from __future__ import annotations

import math

from huracan.sim.codes import LIMIT, MARKET, STOP, STOP_LIMIT, THROUGH, TRAIL
from huracan.sim.options import part
from huracan.sim.prices import price_down, price_ticks_away, price_up

RISING = 1
FALLING = -1


@part
def comes_from(r):
    """RISING if a rising price reaches the order (sell limits, buy stops), else FALLING."""
    if r.kind == LIMIT:
        return -r.side
    return r.side


@part
def limit_level(v, r):
    """The price at which the market has gone far enough for a resting limit to fill."""
    t = v.settings
    if t.limit_fill == THROUGH:
        return price_ticks_away(v.rules[r.inst], r.price, -r.side * t.through_ticks)
    return r.price


@part
def level(v, r):
    """The level of a resting order; NaN for one that waits for an open."""
    if r.kind == LIMIT:
        return limit_level(v, r)
    if r.kind == STOP or r.kind == STOP_LIMIT:
        return r.trigger
    if r.kind == TRAIL:
        rule = v.rules[r.inst]
        if r.side > 0:
            return price_up(rule, r.reference + r.distance)
        return price_down(rule, r.reference - r.distance)
    return math.nan


@part
def beyond(v, r, x, lvl):
    """Whether the price x has reached level `lvl` of this order; through without a tick asks for more than a touch."""
    strict = r.kind == LIMIT and v.settings.limit_fill == THROUGH and v.rules[r.inst].tick_num == 0
    if comes_from(r) > 0:
        return x > lvl if strict else x >= lvl
    return x < lvl if strict else x <= lvl


@part
def marketable(r, x):
    """A limit that would trade at once at market price x."""
    return r.price >= x if r.side > 0 else r.price <= x


@part
def follow(r, x):
    """A trailing stop's reference follows the price."""
    if r.kind == TRAIL:
        if not r.reference == r.reference:
            r.reference = x
        elif r.side > 0:
            r.reference = min(r.reference, x)
        else:
            r.reference = max(r.reference, x)


@part
def is_resting(r):
    """Neither a market order nor the waiting rest of one."""
    return r.kind != MARKET
