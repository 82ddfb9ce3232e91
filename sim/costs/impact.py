"""How far an order moves the price by its own size: the square-root law."""

from __future__ import annotations

import math

from huracan.sim.costs.slippage import MOST
from huracan.sim.options import part


@part
def impact_bps(settings, inputs, qty, volume):
    """coefficient x sigma of a bar x sqrt(quantity / volume), in bps; 0 before sigma or where volume is not known."""
    if settings.impact == 0.0 or not inputs.sigma > 0.0 or volume != volume:
        return 0.0
    share = qty / volume if volume > 0.0 else MOST  # where nobody traded it must not be cheaper than where few did
    return 1e4 * settings.impact * inputs.sigma * math.sqrt(share)
