"""Half the distance between bid and ask, paid by every taker."""

from __future__ import annotations

from huracan.sim.options import part


@part
def half_spread_bps(settings, inputs):
    """Half-spread in bps: fixed, or the bar's own where the data has it."""
    if settings.spread_from_data == 1:
        return inputs.half_spread_bps
    return settings.half_spread_bps
