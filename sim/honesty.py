"""What chance alone explains of a Sharpe ratio that was picked from many (Bailey and Lopez de Prado, 2012 and 2014).

Sharpe ratios here are those of one sample, not of a year, except in `min_backtest_length`. `huracan.sim.judgement` puts
them together with the other judges of a sweep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

EULER = 0.5772156649015329


@dataclass(frozen=True)
class Moments:
    """The shape of a run's returns: skewness and kurtosis, which is 3 for a normal distribution."""

    skew: float
    kurtosis: float


def moments_of(returns: npt.NDArray[np.float64]) -> Moments | None:
    """Skewness and kurtosis of returns (population moments); None where they do not exist.

    >>> moments_of(np.array([1.0, -1.0, 1.0, -1.0]))
    Moments(skew=0.0, kurtosis=1.0)
    """
    if returns.size < 2 or not np.ptp(returns) > 0.0:
        return None
    around = returns - returns.mean()
    scale = math.sqrt(float(np.mean(around**2)))
    if not scale > 0.0 or not math.isfinite(scale):
        return None
    return Moments(float(np.mean((around / scale) ** 3)), float(np.mean((around / scale) ** 4)))


def probabilistic_sharpe(sharpe: float, samples: int, shape: Moments, above: float = 0.0) -> float | None:
    """The probability that the true Sharpe ratio is more than `above`, given what was seen over so many samples.

    >>> round(probabilistic_sharpe(1.585 / 12**0.5, 24, Moments(-2.448, 10.164)), 12)
    0.913234306885
    """
    from statistics import NormalDist

    spread = 1.0 - shape.skew * sharpe + (shape.kurtosis - 1.0) / 4.0 * sharpe**2
    if samples < 2 or not spread > 0.0:
        return None
    return NormalDist().cdf((sharpe - above) * math.sqrt(samples - 1.0) / math.sqrt(spread))


def expected_maximum(trials: int) -> float:
    """What the largest of so many independent standard normal numbers is expected to be.

    >>> round(expected_maximum(100), 12)
    2.530602893202
    """
    from statistics import NormalDist

    if trials < 2:
        return 0.0
    quantile = NormalDist().inv_cdf
    return (1.0 - EULER) * quantile(1.0 - 1.0 / trials) + EULER * quantile(1.0 - 1.0 / (trials * math.e))


def deflated_sharpe(sharpe: float, samples: int, shape: Moments, trials: int, variance: float) -> float | None:
    """The probability of skill once the luck of the best of `trials` is taken off; `variance` of all their Sharpes.

    >>> year = 250
    >>> round(deflated_sharpe(2.5 / year**0.5, 1250, Moments(-3.0, 10.0), 100, 0.5 / year), 12)
    0.900396834449
    """
    luck = math.sqrt(variance) * expected_maximum(trials)
    return probabilistic_sharpe(sharpe, samples, shape, above=luck)


def min_backtest_length(trials: int, sharpe: float) -> float | None:
    """Years of data below which the best of so many trials without skill is expected to show this yearly Sharpe.

    >>> round(min_backtest_length(45, 1.0), 10)
    4.9980870044
    """
    return (expected_maximum(trials) / sharpe) ** 2 if sharpe > 0.0 else None
