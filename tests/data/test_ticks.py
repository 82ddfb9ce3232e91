"""The tick as an exact fraction: read off prices that binary can't hold, and refused where there is none."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.data.ticks import NO_TICK, exact_tick, infer_tick, rows_off_tick, widen_float32
from huracan.sim.refusal import Refused


@pytest.mark.parametrize(
    ("prices", "tick"),
    [
        ([63000.1, 62999.9], (1, 10)),
        ([63000.0, 62999.0], (1, 1)),
        ([1827.29, 1827.3], (1, 100)),
        ([0.7837, 0.78], (1, 10_000)),
        ([1e-8, 2e-8], (1, 10**8)),
        ([1.25e-8, 1e-8], (1, 10**10)),
        ([1e8, 1e8 + 0.5], (1, 10)),
        ([90776.94748889], (1, 10**8)),
        ([1e15], NO_TICK),
        ([math.pi, math.e], NO_TICK),
        ([100.0, 100.0 + 2**-40], NO_TICK),
    ],
)
def test_infers_the_decimals(prices: list[float], tick: tuple[int, int]) -> None:
    assert infer_tick(np.array(prices)) == tick


def test_one_price_off_the_grid_in_any_array_refines_the_tick() -> None:
    flat = np.full(100_000, 63000.1)
    odd = flat.copy()
    odd[54_321] = 63000.12  # not among the sample that is looked at first
    assert infer_tick(flat, flat) == (1, 10)
    assert infer_tick(flat, odd) == (1, 100)


@given(st.integers(0, 9), st.lists(st.integers(1, 10**4 - 1), min_size=1), st.integers(0, 10**3 - 1))
def test_every_grid_is_found(decimals: int, counts: list[int], top: int) -> None:
    """Against fractions: prices made as exact decimals lie on no coarser grid than the least one that holds them."""
    exact = [Fraction(n + top * 10**4, 10**decimals) for n in counts]
    num, den = infer_tick(np.array([float(x) for x in exact]))
    assert num == 1
    assert all((x * den).denominator == 1 for x in exact)
    assert den == 1 or not all((x * den / 10).denominator == 1 for x in exact)


def test_random_doubles_have_no_tick() -> None:
    rng = np.random.default_rng(3)
    for scale in (1e-8, 1.0, 6e4, 1e8):
        assert infer_tick(scale * (1 + rng.random(1000))) == NO_TICK


@pytest.mark.parametrize(
    ("tick", "fraction"), [(0.01, (1, 100)), (0.05, (1, 20)), (0.5, (1, 2)), (25, (25, 1)), (1e-8, (1, 10**8))]
)
def test_exact_tick(tick: float, fraction: tuple[int, int]) -> None:
    assert exact_tick(tick) == fraction


@pytest.mark.parametrize("tick", [0, -0.1, math.nan, math.inf, True, "0.1", 1e-30])
def test_ticks_that_are_none_are_refused(tick: float) -> None:
    with pytest.raises(Refused, match=r"tick"):
        exact_tick(tick)


def test_rows_off_tick_counts_rows_once() -> None:
    bid, ask = np.array([1.6, 1.7, 2.0, 2.0]), np.array([2.0, 2.1, 2.0, 2.5])
    assert rows_off_tick((1, 2), bid, ask) == 2
    assert rows_off_tick((3, 10), np.array([0.3, 0.6, 0.9, 1.0])) == 1
    with pytest.raises(Refused, match=r"too fine"):
        rows_off_tick((1, 10**18), np.array([63000.1]))


def test_single_precision_is_widened_by_its_decimals() -> None:
    prices = np.array([63000.1, 62999.95, 0.25])
    assert widen_float32(prices.astype(np.float32)).tolist() == pytest.approx(prices.tolist(), abs=1e-9)
    assert infer_tick(widen_float32(np.array([1827.29, 1827.3], dtype=np.float32))) == (1, 100)
    noise = np.random.default_rng(5).random(1000).astype(np.float32)
    noise[0] = 3e4 + 1 / 3
    assert np.array_equal(widen_float32(noise), noise.astype(np.float64))
