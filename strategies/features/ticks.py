"""Prices as whole ticks: sums of them are exact, so equal means compare equal.

A price is the double nearest to a decimal. One that is not on the tick, or is so large that sums of ticks would not be
exact in a double, has no whole number of ticks here: its window goes over to compensated sums of the prices themselves,
and stays there.
"""

from __future__ import annotations

import numpy as np

from huracan.sim.options import part

TICKS = [
    ("exact", "i8"),  # 1 while every price had a whole number of ticks
    ("num", "f8"),  # the tick is num / den
    ("den", "f8"),
    ("per_num", "f8"),
    ("most", "f8"),  # ticks, so that sums over the window stay below 2**53 even times num
    ("divisor", "f8"),  # n * den
    ("inverse", "f8"),  # of the divisor; 0 if that is too large to divide by multiplying
]

TOO_LARGE = 2.0**53
MULTIPLIED = 2.0**50  # exact_doubles.quotient
TWO_ULP = 2.0**-51


def begin_ticks(states, windows, rules):
    """Fill the fields of TICKS in fresh records, for windows of n bars."""
    num, den = rules["tick_num"].astype(np.float64), rules["tick_den"].astype(np.float64)
    known = num > 0
    num = np.where(known, num, 1.0)
    den = np.where(known, den, 1.0)
    states["num"], states["den"], states["per_num"] = num, den, 1.0 / num
    states["divisor"] = windows * den
    states["inverse"] = np.where(states["divisor"] < MULTIPLIED, 1.0 / states["divisor"], 0.0)
    states["most"] = np.floor(TOO_LARGE / 8.0 / (windows * num))
    states["exact"] = known & (windows * den < TOO_LARGE)


@part
def tick(s, price):
    """The price in ticks; -1 if it is not on the tick (by more than two ulp)."""
    scaled = price * s.den
    t = np.floor(scaled * s.per_num + 0.5)
    return t if abs(scaled - t * s.num) <= TWO_ULP * scaled else -1.0


@part
def whole_ticks(s, price):
    """The price in ticks; -1 if it is not on the tick, or too large."""
    t = tick(s, price)
    return t if t <= s.most else -1.0
