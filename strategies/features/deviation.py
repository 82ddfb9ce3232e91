"""std: the population standard deviation of the last n closes."""

from __future__ import annotations

import math

import numpy as np

from huracan.sim.feature import WINDOW, Feature
from huracan.sim.options import part
from huracan.strategies.features.moments import MOMENTS, begin_moments, push


def std(window: str | int, every: str | None = None) -> Feature:
    """Population standard deviation (ddof 0) of the last `window` closes.

    NaN until there are as many; exactly 0 for equal closes.

    >>> std(20)
    Feature(kind='std', args=(20,), every=None)
    """
    return Feature("std", (window,), every)


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
    root = math.sqrt(push(s, ring, bar.close))
    if s.count < s.n:
        return np.nan
    return root * s.num / s.divisor if s.exact != 0 else root / s.n
