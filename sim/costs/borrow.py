"""Interest on what a spot account borrows: quote when cash is below zero, base when a position is."""

from __future__ import annotations

from huracan.sim.options import part

YEAR_NS = 365.0 * 86_400e9


@part
def interest(borrowed, rate, elapsed_ns):
    """Simple interest on a borrowed value at a yearly rate over the time between two closes."""
    return borrowed * rate * (elapsed_ns / YEAR_NS)
