"""Prices, lots and what a quantity is worth: the small arithmetic that decide and venue share."""

from __future__ import annotations

import numpy as np

from huracan.sim.codes import INVERSE
from huracan.sim.options import part


@part
def unit_value(rule, price):
    """Signed value of one unit of a long position in settle currency.

    An inverse contract falls in value as coin per quote rises.
    """
    if rule.contract == INVERSE:
        return -rule.multiplier / price
    return rule.multiplier * price


@part
def unit_notional(rule, price):
    """Absolute value of one unit in settle currency."""
    if rule.contract == INVERSE:
        return rule.multiplier / price
    return rule.multiplier * price


@part
def rounding(x):
    """How far from a whole number `x` ticks or lots may be and yet stand on it: beyond millions of them it is more."""
    return 1e-9 + 1e-15 * x


@part
def price_down(rule, price):
    """The nearest price on the tick at or below `price`.

    The exact fraction keeps 0.1 * 3 from becoming 0.30000000000000004.
    """
    if rule.tick_num == 0:
        return price
    x = price * rule.tick_den / rule.tick_num
    n = np.floor(x + rounding(x))
    return n * rule.tick_num / rule.tick_den


@part
def price_up(rule, price):
    """The nearest price on the tick at or above `price`."""
    if rule.tick_num == 0:
        return price
    x = price * rule.tick_den / rule.tick_num
    n = np.ceil(x - rounding(x))
    return n * rule.tick_num / rule.tick_den


@part
def price_ticks_away(rule, price, ticks):
    """`price` moved by whole ticks."""
    if rule.tick_num == 0:
        return price
    n = np.floor(price * rule.tick_den / rule.tick_num + 0.5) + ticks
    return n * rule.tick_num / rule.tick_den


@part
def quantity_down(rule, qty):
    """The largest whole number of lots at or below `qty`."""
    if rule.lot_num == 0:
        return qty
    x = qty * rule.lot_den / rule.lot_num
    n = np.floor(x + rounding(x))
    return n * rule.lot_num / rule.lot_den


@part
def surely_less_than_a_lot(rule, qty):
    """Whether `quantity_down` surely leaves nothing: said without a division, for many rows at once."""
    return qty * rule.lot_den < rule.lot_num * (1.0 - 1e-6)


@part
def quantity_on_lot(rule, qty, largest):
    """`qty` snapped to the lot it stands on, so that a hundred additions of 0.1 are 10; off the lot left alone.

    `largest` is the larger of the two that made the sum: its rounding goes, and nothing that a fee has left there.
    """
    if rule.lot_num == 0:
        return qty
    x = qty * rule.lot_den / rule.lot_num
    n = np.floor(x + 0.5)
    if abs(x - n) > 1e-9 + 1e-15 * abs(largest) * rule.lot_den / rule.lot_num:
        return qty
    return n * rule.lot_num / rule.lot_den


@part
def tick_of_price(rule, price):
    """A price on the tick as a whole number of ticks."""
    return int(np.floor(price * rule.tick_den / rule.tick_num + 0.5))


@part
def price_of_tick(rule, tick):
    """A whole number of ticks as a price."""
    return tick * rule.tick_num / rule.tick_den
