"""ema: the exponential mean of closes."""

from __future__ import annotations

import numpy as np

from huracan.sim.exact_doubles import two_sum
from huracan.sim.feature import WINDOW, Feature
from huracan.sim.options import part
from huracan.strategies.features.sums import mean_of
from huracan.strategies.features.ticks import TICKS, begin_ticks, whole_ticks


def ema(window: str | int, every: str | None = None) -> Feature:
    """Exponential mean of closes with weight 2 / (window + 1).

    It begins as the plain mean of the first `window`; NaN until there are as many.

    >>> ema("fast")
    Feature(kind='ema', args=('fast',), every=None)
    """
    return Feature("ema", (window,), every)


ARGS = (("window", WINDOW),)
WIDE = False
LOOP = "each"
STATE = np.dtype(
    [
        ("value", "f8"),
        ("n", "i8"),
        ("count", "i8"),
        ("weight", "f8"),
        ("ticks", "f8"),  # sum of the first n closes: in whole ticks, and of the doubles
        ("total", "f8"),
        ("lost", "f8"),
        *TICKS,
    ],
    align=True,
)


def room(args):
    return 0


def begin(states, args, rules):
    states["n"] = args[:, 0]
    states["weight"] = 2.0 / (args[:, 0] + 1.0)
    begin_ticks(states, args[:, 0], rules)


@part
def update(s, ring, bar):
    x = bar.close
    if s.count >= s.n:
        s.value += s.weight * (x - s.value)
        return s.value
    s.count += 1
    t = whole_ticks(s, x)
    if t < 0.0:
        s.exact = 0
    s.ticks += t
    s.total, error = two_sum(s.total, x)
    s.lost += error
    if s.count == s.n:
        s.value = s.ticks * s.num / s.divisor if s.exact != 0 else mean_of(s.total, s.lost, s.n)
    return s.value
