"""lag: what a field of the bar or another feature was k bars ago."""

from __future__ import annotations

import numpy as np

from huracan.sim.feature import SOURCE, WINDOW, Feature
from huracan.sim.options import part


def lag(name: str, k: str | int, every: str | None = None) -> Feature:
    """What a field of the bar ("close", ...) or another feature of the declaration was k bars of the instrument ago.

    With `every` the bars are those of the longer timeframe, and another feature is looked at when each of them closes.
    NaN until there is one.

    >>> lag("close", 3)
    Feature(kind='lag', args=('close', 3), every=None)
    """
    return Feature("lag", (name, k), every)


ARGS = (("name", SOURCE), ("k", WINDOW))
WIDE = False
LOOP = "source"
STATE = np.dtype([("value", "f8"), ("n", "i8"), ("place", "i8"), ("full", "i8")], align=True)


def room(args):
    return args[0]


def begin(states, args, rules):
    states["n"] = args[:, 0]


@part
def update(s, ring, x):
    place = s.place
    old = ring[place]
    ring[place] = x
    value = old if s.full != 0 else np.nan
    place += 1
    if place == s.n:
        place = 0
        s.full = 1
    s.place = place
    return value
