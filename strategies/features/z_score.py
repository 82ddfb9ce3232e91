"""zscore: how many standard deviations the close is above the mean of the last n closes."""

from __future__ import annotations

import math

import numpy as np

from huracan.sim.feature import WINDOW, Feature
from huracan.sim.options import part
from huracan.strategies.features.moments import MOMENTS, above_mean, begin_moments, push


def zscore(window: str | int, every: str | None = None) -> Feature:
    """(close - mean) / standard deviation (ddof 0) over the last `window` closes.

    NaN until there are as many, and for equal closes.

    >>> zscore("window", every="1h")
    Feature(kind='zscore', args=('window',), every='1h')
    """
    return Feature("zscore", (window,), every)


ARGS = (("window", WINDOW),)
WIDE = False
LOOP = "each"
STATE = np.dtype([("value", "f8"), *MOMENTS], align=True)


def room(args):
    return args[0]


def begin(states, args, rules):
    begin_moments(states, args[:, 0], rules)


@part
def update(s, ring, bar):
    v = push(s, ring, bar.close)
    if s.count < s.n or v <= 0.0:
        return np.nan
    return above_mean(s, ring) / math.sqrt(v)
