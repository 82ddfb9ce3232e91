"""What a unit is worth, in a build: without inverse contracts no code is left for them."""

from __future__ import annotations

from huracan.sim import prices
from huracan.sim.kernel.groups import INVERSES
from huracan.sim.options import part


@part
def unit_value(rule, price):
    """`prices.unit_value`."""
    if INVERSES:
        return prices.unit_value(rule, price)
    return rule.multiplier * price


@part
def unit_notional(rule, price):
    """`prices.unit_notional`."""
    if INVERSES:
        return prices.unit_notional(rule, price)
    return rule.multiplier * price
