"""The exchange's fee."""

from __future__ import annotations

from huracan.sim.options import part


@part
def fee(notional, share):
    """Fee in settle currency on a notional; a negative share is a rebate."""
    return notional * share
