"""ret: the return over the last k bars."""

from __future__ import annotations

import numpy as np

from huracan.sim.feature import WINDOW, Feature
from huracan.sim.options import part


def ret(k: str | int, every: str | None = None) -> Feature:
    """close / close k bars earlier - 1; NaN until there is one.

    >>> ret(5)
    Feature(kind='ret', args=(5,), every=None)
    """
    return Feature("ret", (k,), every)


ARGS = (("k", WINDOW),)
WIDE = False
LOOP = "each"
STATE = np.dtype([("value", "f8"), ("n", "i8"), ("place", "i8"), ("full", "i8")], align=True)


def room(args):
    return args[0]


def begin(states, args, rules):
    states["n"] = args[:, 0]


@part
def update(s, ring, bar):
    x = bar.close
    place = s.place
    old = ring[place]
    ring[place] = x
    value = x / old - 1.0 if s.full != 0 else np.nan
    place += 1
    if place == s.n:
        place = 0
        s.full = 1
    s.place = place
    return value
