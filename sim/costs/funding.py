"""What holders of a perpetual pay each other at a funding instant."""

from __future__ import annotations

from huracan.sim.options import part
from huracan.sim.prices import unit_notional


@part
def funding(rule, qty, rate, mark):
    """Paid by the holder of `qty` (negative is short): positive is a cost."""
    return qty * unit_notional(rule, mark) * rate
