"""Eight rows at a time against the same row by row: every split, rows outside, NaN and infinity."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from numba import njit

from huracan.sim import eights

UNITS = np.array([100.0, 101.5, 99.0, 99.0, 120.25, 80.0, 97.3, 97.4, 110.0, 105.0, 88.0, 1e-8, 1e8, 3.0, 7.0, 9.0])
CASH, QTY = 1000.0, -0.37


@njit
def some(sums: Any, units: Any, at: int, lo: int, hi: int, before: float) -> None:
    eights.add_some(sums, units, at, (CASH, QTY), lo, hi, before)


@njit
def whole(sums: Any, units: Any, at: int) -> None:
    eights.add_whole(sums, units, at, (CASH, QTY))


@njit
def add(a: Any, x: float, lo: int, hi: int) -> None:
    eights.add_eight(a, x, lo, hi)


@njit
def copy(to: Any, at: int, a: Any, lo: int) -> None:
    eights.copy_eight(to, at, a, lo)


def by_hand(sums: Any, units: Any, at: int, lo: int, hi: int, before: float) -> Any:
    """The same, a row at a time."""
    out = sums.copy()
    for k in range(8):
        if lo <= k < hi:
            equity = CASH + QTY * units[at + k]
            r = equity / (before if k == lo else CASH + QTY * units[at + k - 1]) - 1.0
            for part, more in enumerate((equity, r, r * r, min(r, 0.0) ** 2)):
                out[8 * part + k] += more
    return out


def began() -> Any:
    return np.random.default_rng(3).normal(size=32)


@pytest.mark.parametrize(("lo", "hi"), list(product((-9, -1, 0, 1, 5, 7, 8), (0, 1, 4, 8, 30))))
def test_rows_between_two_places_are_added(lo: int, hi: int) -> None:
    sums, wanted = began(), by_hand(began(), UNITS, 4, lo, hi, 990.0)
    some(sums, UNITS, 4, lo, hi, 990.0)
    assert sums.tobytes() == wanted.tobytes()


def test_whole_eights_are_added() -> None:
    sums, wanted = began(), by_hand(began(), UNITS, 5, -1, 8, math.nan)
    whole(sums, UNITS, 5)
    assert sums.tobytes() == wanted.tobytes()


def test_what_lies_outside_is_read_and_adds_nothing() -> None:
    units = UNITS.copy()
    units[[4, 5, 10, 11]] = math.nan, math.inf, math.nan, -math.inf
    sums, wanted = began(), by_hand(began(), units, 4, 2, 6, 990.0)
    some(sums, units, 4, 2, 6, 990.0)
    assert np.isfinite(sums).all()
    assert sums.tobytes() == wanted.tobytes()


def test_one_number_is_added_to_some_places_and_eight_are_copied() -> None:
    a = np.arange(8.0)
    add(a, 0.5, -2, 3)
    add(a, 2.0, 7, 99)
    assert a.tolist() == [0.5, 1.5, 2.5, 3.0, 4.0, 5.0, 6.0, 9.0]
    to = np.zeros(10)
    copy(to, 1, a, 0)
    assert to.tolist() == [0.0, *a.tolist(), 0.0]
    copy(a, 0, to, 2)
    assert a.tolist() == to.tolist()[2:]
