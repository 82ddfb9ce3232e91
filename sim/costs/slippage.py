"""How much worse than the reference a taker's price is, in bps."""

from __future__ import annotations

import math

from huracan.sim.codes import VOL_VOLUME
from huracan.sim.options import part
from huracan.sim.portable_math import pow as power

MOST = 10.0


@part
def held(x):
    """x within [1 / MOST, MOST]: no factor may run away."""
    return min(max(x, 1.0 / MOST), MOST)


@part
def factor(x, exponent):
    """x ** exponent held within [0.1, 10]; 1 where x is not known (NaN)."""
    if x != x:
        return 1.0
    return held(power(x, exponent))


@part
def slippage_bps(settings, inputs, qty, volume):
    """Slippage in bps: `fixed`, or base x volatility factor x volume factor x participation factor."""
    if settings.slippage_model != VOL_VOLUME:
        return settings.slippage_bps
    by_vol = factor(inputs.sigma * math.sqrt(settings.bars_a_year) / settings.vol_ref, settings.vol_power)
    by_volume = 1.0
    by_share = 1.0
    if volume == volume:
        thin = volume == 0.0  # without any volume the ratios stand at their bound
        by_volume = factor(
            MOST if thin and inputs.volume_mean == inputs.volume_mean else inputs.volume_mean / volume,
            settings.volume_power,
        )
        share = MOST if thin else qty / volume
        by_share = held(1.0 + settings.participation_coefficient * share)
    return settings.slippage_bps * by_vol * by_volume * by_share
