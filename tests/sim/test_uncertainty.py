"""Intervals, probabilities and lengths of records: published values, coverage on made-up returns, and the seed."""

from __future__ import annotations

import numpy as np
import pytest

from huracan.sim.uncertainty import (
    block_length,
    deepest_fall,
    fall_of_sums,
    probability_of_skill,
    reordered,
    resampled,
    shortest_record,
    stationary_places,
)


def with_moments(mean: float, deviation: float, n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Returns with exactly this mean and deviation (ddof 1)."""
    r = np.random.default_rng(5).standard_normal(n)
    return (r - r.mean()) / r.std(ddof=1) * deviation + mean


def test_minimum_track_record_is_where_the_probability_reaches_the_confidence() -> None:
    """Bailey and Lopez de Prado: MinTRL is the n at which PSR(0) = confidence, for the same moments."""
    r = with_moments(0.001, 0.01, 500)
    need = shortest_record(r, 0.95)
    assert need is not None
    from huracan.sim.honesty import moments_of, probabilistic_sharpe

    shape = moments_of(r)
    assert shape is not None
    assert probabilistic_sharpe(0.1, round(need), shape) == pytest.approx(0.95, abs=2e-4)
    normal = 1.0 + (1.0 + 0.5 * 0.1**2) * (1.6448536269514722 / 0.1) ** 2  # skew 0, kurtosis 3
    assert need == pytest.approx(normal, rel=0.02)
    assert shortest_record(-r) is None


def test_probability_of_skill_is_the_normal_quantile_of_the_t_value() -> None:
    r = with_moments(0.0, 0.01, 300)
    assert probability_of_skill(r) == pytest.approx(0.5, abs=1e-9)
    assert probability_of_skill(np.ones(30)) is None


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Of 120 records of noise with a known Sharpe, about 90 % of the intervals hold it."""
    true = 1.0
    hits = 0
    for seed in range(120):
        r = np.random.default_rng(seed).normal(true / np.sqrt(365.0) * 0.01, 0.01, 365)
        found = resampled(r, 365.0, seed, draws=150)
        assert found is not None
        hits += found.sharpe.low <= true <= found.sharpe.high
    assert 96 <= hits <= 118  # 108 +- 3 deviations, a little less for a percentile interval


def test_blocks_are_as_long_as_they_should_be() -> None:
    rng = np.random.default_rng(1)
    runs = [np.flatnonzero(np.diff(stationary_places(5000, 20.0, rng)) % 5000 != 1).size + 1 for _ in range(20)]
    assert 5000 / np.mean(runs) == pytest.approx(20.0, rel=0.1)
    slow = np.convolve(rng.standard_normal(3000), np.ones(30), "valid")
    assert block_length(slow) > 10.0 > block_length(rng.standard_normal(3000))


def test_the_same_seed_says_the_same_and_another_says_otherwise() -> None:
    r = with_moments(0.0005, 0.01, 200)
    assert resampled(r, 365.0, 7) == resampled(r, 365.0, 7)
    assert resampled(r, 365.0, 7) != resampled(r, 365.0, 8)
    pnl = r * 100.0
    assert reordered(pnl, 7) == reordered(pnl, 7)
    assert reordered(pnl, 7) != reordered(pnl, 8)


def test_falls_by_hand() -> None:
    assert deepest_fall(np.array([0.5, -0.2, -0.25, 1.0])) == pytest.approx(-0.4)
    assert fall_of_sums(np.array([-1.0, 5.0, -2.0, -2.0, 9.0])) == -4.0
    assert deepest_fall(np.zeros(0)) == 0.0


@pytest.mark.parametrize("r", [np.zeros(50), np.ones(5), np.r_[np.ones(30), np.nan], np.zeros(0)])
def test_what_can_not_be_said_is_not_said(r: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    assert resampled(r, 365.0, 1) is None
    assert reordered(r[:5], 1) is None


def test_a_lucky_order_is_called_lucky() -> None:
    alternating = reordered(np.tile([1.0, -1.0], 100), 3)
    assert alternating is not None
    assert alternating.deeper > 0.95
    grouped = reordered(np.r_[-np.ones(100), np.ones(100)], 3)
    assert grouped is not None
    assert grouped.deeper < 0.05
