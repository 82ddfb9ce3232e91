"""rsi: Wilder's relative strength index."""

from __future__ import annotations

import numpy as np

from huracan.sim.feature import WINDOW, Feature
from huracan.sim.options import part


def rsi(window: str | int, every: str | None = None) -> Feature:
    """Wilder's relative strength index: 100 x mean rise / (mean rise + mean fall) of closes.

    Both means begin as plain ones of the first `window` changes and then go 1 / window of the way to each new one. NaN
    until there are `window` changes; 50 while the close has never moved.

    >>> rsi("window")
    Feature(kind='rsi', args=('window',), every=None)
    """
    return Feature("rsi", (window,), every)


ARGS = (("window", WINDOW),)
WIDE = False
LOOP = "each"
STATE = np.dtype(
    [("value", "f8"), ("n", "i8"), ("count", "i8"), ("weight", "f8"), ("rise", "f8"), ("fall", "f8"), ("before", "f8")],
    align=True,
)


def room(args):
    return 0


def begin(states, args, rules):
    states["n"] = args[:, 0]
    states["count"] = -1
    states["weight"] = 1.0 / args[:, 0]


@part
def update(s, ring, bar):
    x = bar.close
    change = x - s.before
    s.before = x
    rise = max(change, 0.0)
    fall = max(-change, 0.0)
    if s.count >= s.n:
        s.rise += s.weight * (rise - s.rise)
        s.fall += s.weight * (fall - s.fall)
    else:
        s.count += 1
        if s.count == 0:
            return np.nan
        s.rise += rise
        s.fall += fall
        if s.count < s.n:
            return np.nan
        s.rise /= s.n
        s.fall /= s.n
    both = s.rise + s.fall
    return 100.0 * s.rise / both if both > 0.0 else 50.0
