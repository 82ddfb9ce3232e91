"""sma: the mean of the last n closes."""

from __future__ import annotations

import numpy as np

from huracan.sim.exact_doubles import quotient, two_sum
from huracan.sim.feature import WINDOW, Feature
from huracan.sim.options import part
from huracan.strategies.features.sums import mean_of
from huracan.strategies.features.ticks import TICKS, begin_ticks, whole_ticks
from huracan.strategies.features.ticks import tick as tick  # the loop asks for it here


def sma(window: str | int, every: str | None = None) -> Feature:
    """Mean of the last `window` closes, the present one included; NaN until there are as many.

    Equal means are equal doubles: sums are exact on the tick.

    >>> sma("fast")
    Feature(kind='sma', args=('fast',), every=None)
    """
    return Feature("sma", (window,), every)


ARGS = (("window", WINDOW),)
WIDE = False
LOOP = "sums"
STATE = np.dtype(
    [("value", "f8"), ("n", "i8"), ("count", "i8"), ("place", "i8"), ("total", "f8"), ("lost", "f8"), *TICKS],
    align=True,
)


def room(args):
    return args[0]


def begin(states, args, rules):
    states["n"] = args[:, 0]
    begin_ticks(states, args[:, 0], rules)


@part
def leave_ticks(s, ring):
    """From here on the ring holds prices; the total of whole ticks becomes a compensated one of prices."""
    s.exact = 0
    s.total = 0.0
    s.lost = 0.0
    for i in range(ring.shape[0]):
        ring[i] = ring[i] * s.num / s.den
        s.total, error = two_sum(s.total, ring[i])
        s.lost += error


@part
def worth(s, total):
    """The mean of which this is the sum in ticks."""
    ticks = total * s.num
    return quotient(ticks, s.divisor, s.inverse) if s.inverse > 0.0 else ticks / s.divisor


@part
def update(s, ring, bar):
    x = bar.close
    n = s.n
    place = s.place
    if s.exact != 0:
        t = whole_ticks(s, x)
        if t >= 0.0:
            x = t
        else:
            leave_ticks(s, ring)
    old = ring[place]
    ring[place] = x
    place += 1
    s.place = place if place < n else 0
    if s.count < n:
        s.count += 1
    if s.exact != 0:
        s.total += x - old
        value = worth(s, s.total)
    else:
        s.total, error = two_sum(s.total, x)
        s.lost += error
        s.total, error = two_sum(s.total, -old)
        s.lost += error
        value = mean_of(s.total, s.lost, n)
    return value if s.count >= n else np.nan
