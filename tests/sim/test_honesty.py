"""Sharpe ratios that were picked from many: published numbers, and what is said where too little is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from huracan.sim.honesty import (
    Moments,
    assess,
    deflated_sharpe,
    expected_maximum,
    min_backtest_length,
    moments_of,
    probabilistic_sharpe,
)


def test_published_values() -> None:
    year = 250
    found = deflated_sharpe(2.5 / math.sqrt(year), 1250, Moments(-3.0, 10.0), 100, 0.5 / year)
    assert found == pytest.approx(0.90039683444939, abs=1e-13)
    assert expected_maximum(100) == pytest.approx(2.5306028932016846, abs=1e-13)
    found = probabilistic_sharpe(1.585 / math.sqrt(12), 24, Moments(-2.448, 10.164))
    assert found == pytest.approx(0.913234306884860, abs=1e-13)
    assert min_backtest_length(45, 1.0) == pytest.approx(4.9980870044, abs=1e-10)


def test_moments_are_those_of_scipy() -> None:
    from scipy import stats

    returns = np.random.default_rng(3).standard_t(5, 500)
    found = moments_of(returns)
    assert found is not None
    assert found.skew == pytest.approx(float(stats.skew(returns)), rel=1e-12)
    assert found.kurtosis == pytest.approx(float(stats.kurtosis(returns, fisher=False)), rel=1e-12)
    assert moments_of(np.ones(9)) is None
    assert moments_of(np.ones(1)) is None


def test_without_moments_the_block_says_what_it_does_not_know() -> None:
    found = assess(np.array([0.5, np.nan, 2.0, 1.0]), 2, 365, 365.0, None)
    assert found["trials"] == 4
    assert [key for key, value in found.items() if value is None] == [
        "effective_trials",
        "probabilistic_sharpe",
        "deflated_sharpe",
        "pbo",
        "reality_check_p",
    ]
    assert "Not computed: the deflated Sharpe ratio" in found["verdict"]


def test_with_moments() -> None:
    sharpes = np.array([0.5, -1.0, 2.0, 1.0])
    found = assess(sharpes, 2, 1000, 365.0, Moments(0.0, 3.0))
    one = 2.0 / math.sqrt(365.0)
    variance = float(np.var(sharpes, ddof=1)) / 365.0
    assert found["probabilistic_sharpe"] == probabilistic_sharpe(one, 1000, Moments(0.0, 3.0))
    assert found["deflated_sharpe"] == deflated_sharpe(one, 1000, Moments(0.0, 3.0), 4, variance)
    assert found["deflated_sharpe"] < found["probabilistic_sharpe"]
    assert "Not computed: the probability of overfitting" in found["verdict"]


@pytest.mark.parametrize("sharpes", [[], [np.nan, np.nan]])
def test_nothing_to_judge(sharpes: list[float]) -> None:
    found = assess(np.array(sharpes), None, 0, None, None)
    assert found["trials"] == len(sharpes)
    assert "nothing to judge" in found["verdict"]


def test_luck_is_told_from_more_than_luck() -> None:
    assert "no more than luck" in assess(np.array([-1.0, 0.0, 1.0] * 30), 2, 3650, 365.0, None)["verdict"]
    assert "more than luck" in assess(np.array([2.0, 2.1, 2.2] * 30), 2, 3650, 365.0, None)["verdict"]
    assert "no more" not in assess(np.array([2.0, 2.1, 2.2] * 30), 2, 3650, 365.0, None)["verdict"]
    assert "nothing was picked" in assess(np.array([1.0]), 0, 365, 365.0, None)["verdict"]
