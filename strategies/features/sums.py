"""Compensated sums: what a running sum of doubles loses to rounding is kept beside it."""

from __future__ import annotations

from huracan.sim.exact_doubles import two_product, two_sum
from huracan.sim.options import part


@part
def mean_of(total, lost, n):
    """(total + lost) / n, rounded once: exact for a mean that is a double, as that of equal prices is."""
    high, low = two_sum(total, lost)
    q = high / n
    back, error = two_product(q, n)
    return q + (((high - back) - error) + low) / n
