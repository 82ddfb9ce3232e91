"""How far values reach in the rows from each on: asked once a chunk instead of by every lane that passes over it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from huracan.sim.options import ENTRY, inline


@inline
def least(a: float, b: float) -> float:
    """The smaller; NaN if one is."""
    return a if a < b or a != a else b


@inline
def most(a: float, b: float) -> float:
    """The larger; NaN if one is."""
    return a if a > b or a != a else b


@inline
def twice_as_far(was: Any, out: Any, pick: Any, half: int, lo: int, hi: int) -> None:
    """out[i] = pick(was[i], was[i + half]) in places lo..hi, behind which there is nothing to pick from."""
    for i in range(lo, hi - half):
        out[np.uint64(i)] = pick(was[np.uint64(i)], was[np.uint64(i + half)])
    for i in range(max(hi - half, lo), hi):
        out[i] = was[i]


@njit(**ENTRY)
def reach_ahead(lines: Any, count: int, lo: int, hi: int) -> None:
    """lines[k, i] and lines[count + k, i] = the least and the most of lines[0, i : i + 2**k]; NaN where one of them is.

    `lines`: float64, (2 x count, columns), C order; the values lie in lines[0, lo:hi].

    >>> lines = np.array([[2.0, 1.0, 3.0]] * 4)
    >>> reach_ahead(lines, 2, 0, 3)
    >>> lines.tolist()
    [[2.0, 1.0, 3.0], [1.0, 1.0, 3.0], [2.0, 1.0, 3.0], [2.0, 3.0, 3.0]]
    """
    for i in range(lo, hi):
        lines[count, i] = lines[0, i]
    for k in range(1, count):
        half = 1 << (k - 1)
        twice_as_far(lines[k - 1], lines[k], least, half, lo, hi)
        twice_as_far(lines[count + k - 1], lines[count + k], most, half, lo, hi)
