"""How far the figures of one run may be chance: resampled returns, reordered trades, and how long a record must be.

Every random number comes from the seed that is given, so that the same run says the same on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huracan.sim.honesty import moments_of, probabilistic_sharpe

Floats = npt.NDArray[np.float64]
DRAWS = 1000
MOST = 20_000_000  # numbers drawn at most; beyond it there are fewer draws


@dataclass(frozen=True)
class Interval:
    """What was seen, and where 90 % of what was drawn lies (5th to 95th percentile)."""

    seen: float
    low: float
    high: float
    median: float


@dataclass(frozen=True)
class Resampled:
    """Sharpe (a year) and deepest drawdown of resampled returns; `below_zero` is the share of Sharpes below 0."""

    sharpe: Interval
    drawdown: Interval
    below_zero: float
    block: float
    draws: int


def resampled(returns: Floats, periods: float, seed: int, draws: int = DRAWS) -> Resampled | None:
    """The stationary bootstrap of Politis and Romano (1994): blocks of random length, so that clusters survive.

    None for fewer than 20 returns, or where they do not vary.

    >>> r = np.random.default_rng(1).normal(0.001, 0.01, 400)
    >>> found = resampled(r, 365.0, seed=7)
    >>> found.sharpe.low < found.sharpe.seen < found.sharpe.high, found == resampled(r, 365.0, seed=7)
    (True, True)
    """
    n = returns.size
    if n < 20 or not np.isfinite(returns).all() or not np.std(returns) > 0.0:
        return None
    draws = max(100, min(draws, MOST // n))
    block = block_length(returns)
    rng = np.random.Generator(np.random.Philox(seed))
    sharpes, falls = np.empty(draws), np.empty(draws)
    for k in range(draws):
        drawn = returns[stationary_places(n, block, rng)]
        deviation = drawn.std(ddof=1)
        sharpes[k] = drawn.mean() / deviation * math.sqrt(periods) if deviation > 0.0 else np.nan
        falls[k] = deepest_fall(drawn)
    known = sharpes[np.isfinite(sharpes)]
    if known.size < draws // 2:
        return None
    seen = float(returns.mean() / returns.std(ddof=1) * math.sqrt(periods))
    around = interval(known, seen)
    below = float((known <= 0.0).mean())
    return Resampled(around, interval(falls, deepest_fall(returns)), below, block, draws)


def interval(drawn: Floats, seen: float) -> Interval:
    low, median, high = np.percentile(drawn, [5, 50, 95])
    return Interval(seen, float(low), float(high), float(median))


def stationary_places(n: int, block: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Places of n resampled values: runs that begin anywhere, go on around the end, and stop with chance 1 / block.

    >>> places = stationary_places(1000, 10.0, np.random.default_rng(1))
    >>> 70 < int((np.diff(places) % 1000 != 1).sum()) < 130
    True
    """
    begins = rng.random(n) < 1.0 / block
    begins[0] = True
    starts = rng.integers(0, n, n)
    last = np.maximum.accumulate(np.where(begins, np.arange(n), 0))
    return np.asarray((starts[last] + np.arange(n) - last) % n, np.int64)


def block_length(returns: Floats) -> float:
    """The mean length of a block, after Politis and White (2004): long where returns depend on those before.

    >>> rng = np.random.default_rng(3)
    >>> noise = rng.standard_normal(2000)
    >>> slow = np.convolve(noise, np.ones(20), "valid")
    >>> block_length(noise) < 5 < block_length(slow)
    True
    """
    n = returns.size
    most = int(min(math.ceil(math.sqrt(n)) + max(5, math.ceil(math.log10(n))), n - 1))
    around = returns - returns.mean()
    variance = float(around @ around) / n
    if not variance > 0.0:
        return 1.0
    covariance = np.array([float(around[: n - k] @ around[k:]) / n for k in range(most + 1)])
    limit = 2.0 * math.sqrt(math.log10(n) / n)
    run = max(5, math.ceil(math.sqrt(math.log10(n))))
    small = np.abs(covariance[1:] / variance) < limit
    quiet = next((k for k in range(small.size - run + 1) if small[k : k + run].all()), None)
    lags = 2 * max(most if quiet is None else quiet, 1)
    lags = min(lags, most)
    k = np.arange(1, lags + 1)
    taper = np.minimum(1.0, 2.0 * (1.0 - k / lags))
    g = 2.0 * float((taper * k * covariance[1 : lags + 1]).sum())
    d = 2.0 * (covariance[0] + 2.0 * float((taper * covariance[1 : lags + 1]).sum())) ** 2
    if not d > 0.0:
        return 1.0
    length = (2.0 * g * g / d) ** (1.0 / 3.0) * n ** (1.0 / 3.0)
    return float(min(max(length, 1.0), math.ceil(min(3.0 * math.sqrt(n), n / 3.0))))


def deepest_fall(returns: Floats) -> float:
    """The deepest drawdown of compounded returns, as a share, 0 or below.

    >>> round(deepest_fall(np.array([0.1, -0.5, 0.2])), 12)
    -0.5
    """
    worth = np.cumprod(1.0 + returns)
    peak = np.maximum(np.maximum.accumulate(worth), 1.0)
    return float(min(0.0, (worth / peak - 1.0).min())) if returns.size else 0.0


def probability_of_skill(returns: Floats, above: float = 0.0) -> float | None:
    """The probabilistic Sharpe ratio of returns: how sure it is that the true one, of a sample, is more than `above`.

    >>> probability_of_skill(np.array([0.01])) is None
    True
    """
    shape = moments_of(returns)
    if shape is None:
        return None
    return probabilistic_sharpe(float(returns.mean() / returns.std(ddof=1)), returns.size, shape, above)


def shortest_record(returns: Floats, confidence: float = 0.95, above: float = 0.0) -> float | None:
    """The minimum track record length (Bailey and Lopez de Prado, 2012), in samples: how many it takes to be so sure.

    None where the Sharpe ratio is not above `above`: no record is long enough.

    >>> r = np.random.default_rng(1).normal(0.001, 0.01, 400)
    >>> need = shortest_record(r)
    >>> round(probability_of_skill(np.resize(r, 400)) >= 0.95) == (need <= 400)
    True
    """
    from statistics import NormalDist

    shape = moments_of(returns)
    if shape is None:
        return None
    sharpe = float(returns.mean() / returns.std(ddof=1))
    if not sharpe > above:
        return None
    spread = 1.0 - shape.skew * sharpe + (shape.kurtosis - 1.0) / 4.0 * sharpe**2
    return 1.0 + spread * (NormalDist().inv_cdf(confidence) / (sharpe - above)) ** 2 if spread > 0.0 else None


@dataclass(frozen=True)
class Reordered:
    """The same closed trades in another order: deepest fall in money, and how often it was deeper than the one seen."""

    fall: Interval
    deeper: float
    draws: int


def reordered(pnl: Floats, seed: int, draws: int = DRAWS) -> Reordered | None:
    """Monte Carlo of the order of trades; None for fewer than ten.

    >>> found = reordered(np.array([1.0, -1.0] * 20), seed=1)
    >>> found.fall.seen, found.fall.low < -1.0, found.deeper > 0.9
    (-1.0, True, True)
    """
    if pnl.size < 10 or not np.isfinite(pnl).all():
        return None
    draws = max(50, min(draws, MOST // pnl.size))
    rng = np.random.Generator(np.random.Philox(seed))
    falls = np.array([fall_of_sums(rng.permutation(pnl)) for _ in range(draws)])
    seen = fall_of_sums(pnl)
    return Reordered(interval(falls, seen), float((falls < seen).mean()), draws)


def fall_of_sums(pnl: Floats) -> float:
    """The deepest fall of a running sum below its peak, 0 or below.

    >>> fall_of_sums(np.array([2.0, -3.0, 1.0]))
    -3.0
    """
    worth = np.cumsum(pnl)
    return float(min(0.0, (worth - np.maximum(np.maximum.accumulate(worth), 0.0)).min())) if pnl.size else 0.0
