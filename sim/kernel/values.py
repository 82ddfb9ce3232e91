"""What a unit is worth, in a build: without margin everything is spot, and no code is left for inverse contracts."""

from __future__ import annotations

from huracan.sim import prices
from huracan.sim.kernel.groups import MARGIN
from huracan.sim.options import part


@part
def unit_value(rule, price):
    """`prices.unit_value`."""
    if MARGIN:
        return prices.unit_value(rule, price)
    return rule.multiplier * price


@part
def unit_notional(rule, price):
    """`prices.unit_notional`."""
    if MARGIN:
        return prices.unit_notional(rule, price)
    return rule.multiplier * price
