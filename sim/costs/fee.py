"""The exchange's fee."""

from __future__ import annotations

from huracan.sim.options import part


@part
def fee(notional, bps):
    """Fee in settle currency on a notional; negative bps is a rebate."""
    return notional * bps / 1e4
