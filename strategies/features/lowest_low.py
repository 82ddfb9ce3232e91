"""lowest: the lowest low of the last n bars.

The window is what has come of the present block of n bars, and the rest of the block before. Of the former the lowest
is known as it comes; of the latter each place holds the lowest from there to the block's end, found in one walk back
when the block was full. So a bar costs two comparisons and the n-th one a walk of n, where a queue of candidates would
guess wrong at every second bar.
"""

from __future__ import annotations

import numpy as np

from huracan.sim.feature import WINDOW, Feature
from huracan.sim.options import part


def lowest(window: str | int, every: str | None = None) -> Feature:
    """The lowest low of the last `window` bars, the present one included; NaN until there are as many.

    >>> lowest("window")
    Feature(kind='lowest', args=('window',), every=None)
    """
    return Feature("lowest", (window,), every)


ARGS = (("window", WINDOW),)
WIDE = False
LOOP = "each"
STATE = np.dtype([("value", "f8"), ("n", "i8"), ("place", "i8"), ("full", "i8"), ("block", "f8")], align=True)


def room(args):
    return args[0]


def begin(states, args, rules):
    states["n"] = args[:, 0]
    states["block"] = np.inf


@part
def update(s, ring, bar):
    x = bar.low
    place = s.place
    ring[place] = x
    s.block = min(s.block, x)
    place += 1
    if place < s.n:
        s.place = place
        return min(s.block, ring[place]) if s.full != 0 else np.nan
    value = s.block
    for i in range(s.n - 2, 0, -1):
        ring[i] = min(ring[i], ring[i + 1])
    s.place = 0
    s.full = 1
    s.block = np.inf
    return value
