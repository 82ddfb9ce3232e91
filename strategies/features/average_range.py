"""atr: Wilder's average true range."""

from __future__ import annotations

import numpy as np

from huracan.sim.feature import WINDOW, Feature
from huracan.sim.options import part


def atr(window: str | int, every: str | None = None) -> Feature:
    """Wilder's average of the true range over `window` bars, in price.

    It begins as the plain mean of the first `window` and then goes 1 / window of the way to each new one. The first
    bar's range is its high less its low. NaN until there are `window` bars.

    >>> atr(14)
    Feature(kind='atr', args=(14,), every=None)
    """
    return Feature("atr", (window,), every)


ARGS = (("window", WINDOW),)
WIDE = False
LOOP = "each"
STATE = np.dtype(
    [("value", "f8"), ("n", "i8"), ("count", "i8"), ("weight", "f8"), ("total", "f8"), ("before", "f8")], align=True
)


def room(args):
    return 0


def begin(states, args, rules):
    states["n"] = args[:, 0]
    states["weight"] = 1.0 / args[:, 0]


@part
def update(s, ring, bar):
    high = bar.high
    low = bar.low
    if s.count > 0:
        high = max(high, s.before)
        low = min(low, s.before)
    s.before = bar.close
    true_range = high - low
    if s.count >= s.n:
        s.value += s.weight * (true_range - s.value)
        return s.value
    s.count += 1
    s.total += true_range
    if s.count == s.n:
        s.value = s.total / s.n
    return s.value
