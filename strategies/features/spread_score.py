"""spread_z: the z-score of the log spread between the first two instruments."""

from __future__ import annotations

import math

import numpy as np

from huracan.sim.feature import NUMBER, WINDOW, Feature
from huracan.sim.options import part
from huracan.sim.portable_math import log
from huracan.strategies.features.moments import MOMENTS, above_mean, begin_moments, push


def spread_z(window: str | int, hedge: str | float, every: str | None = None) -> Feature:
    """Z-score over `window` bars of log(close of the first instrument) - hedge x log(close of the second).

    One value for all instruments together. Only bars that both have count; NaN until there are as many, and for a
    spread that does not move.

    >>> spread_z(200, "hedge")
    Feature(kind='spread_z', args=(200, 'hedge'), every=None)
    """
    return Feature("spread_z", (window, hedge), every)


ARGS = (("window", WINDOW), ("hedge", NUMBER))
WIDE = True
LOOP = "pair"
STATE = np.dtype([("value", "f8"), ("hedge", "f8"), *MOMENTS], align=True)


def room(args):
    return args[0]


def begin(states, args, rules):
    states["hedge"] = args[:, 1]
    begin_moments(states, args[:, 0], None)


@part
def combine(s, first, second):
    return log(first) - s.hedge * log(second)


@part
def update(s, ring, x):
    v = push(s, ring, x)
    if s.count < s.n or v <= 0.0:
        return np.nan
    return above_mean(s, ring) / math.sqrt(v)
