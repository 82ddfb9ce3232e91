"""How far an order moves the price by its own size: the square-root law."""

from __future__ import annotations

import math

from huracan.sim.options import part


@part
def impact_bps(settings, inputs, qty, volume):
    """coefficient x sigma of a bar x sqrt(quantity / volume), in bps; 0 before sigma is known or without volume."""
    if settings.impact == 0.0 or not inputs.sigma > 0.0 or not volume > 0.0:
        return 0.0
    return 1e4 * settings.impact * inputs.sigma * math.sqrt(qty / volume)
