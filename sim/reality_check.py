"""Could the best of many sets have come from sets without an edge? White's reality check and Hansen's SPA test.

Both draw new histories from the one there was, by the stationary bootstrap (Politis and Romano, 1994): pieces of random
length, so that what hangs together in time stays together. The benchmark is cash, which returns nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
DRAWS = 1000
AT_ONCE = 500_000  # numbers of one slice of the work


@dataclass(frozen=True)
class Luck:
    """`white_p` and `spa_p`: how often luck shows at least this best. `best`: the luckiest Sharpe of each draw."""

    white_p: float
    spa_p: float
    best: Floats  # of one sample, not of a year
    draws: int
    mean_length: float


def block_length(samples: int) -> float:
    """The mean length of the pieces: longer histories allow longer ones."""
    return float(max(1, round(samples ** (1.0 / 3.0))))


def drawn_counts(samples: int, draws: int, mean_length: float, rng: np.random.Generator) -> Floats:
    """How often each sample stands in each drawn history, (draws, samples); every row sums to `samples`.

    >>> drawn_counts(50, 3, 4.0, np.random.default_rng(0)).sum(axis=1)
    array([50., 50., 50.])
    """
    if draws * samples > AT_ONCE and draws > 1:
        half = draws // 2
        parts = [drawn_counts(samples, n, mean_length, rng) for n in (half, draws - half)]
        return np.concatenate(parts)
    jump = rng.random((draws, samples)) < 1.0 / mean_length
    jump[:, 0] = True
    start = rng.integers(0, samples, (draws, samples))
    at = np.arange(samples)
    last = np.maximum.accumulate(np.where(jump, at, 0), axis=1)  # where the piece that covers each place began
    place = (np.take_along_axis(start, last, axis=1) + at - last) % samples
    flat = np.bincount((place + np.arange(draws)[:, None] * samples).reshape(-1), minlength=draws * samples)
    return flat.reshape(draws, samples).astype(np.float64)


def reality_check(returns: Floats, *, draws: int = DRAWS, seed: int = 0, mean_length: float = 0.0) -> Luck | None:
    """Both tests of returns (samples, sets) above cash; None where nothing varies.

    White compares mean returns; Hansen's SPA compares them in units of their own spread, and lets sets that are surely
    bad not count (his consistent version).

    >>> noise = np.random.default_rng(2).normal(0.0, 0.01, (250, 40))
    >>> found = reality_check(noise + np.where(np.arange(40) == 7, 0.004, 0.0))
    >>> found.white_p < 0.01, found.spa_p < 0.01
    (True, True)
    """
    samples, sets = returns.shape
    if samples < 8 or sets < 1:
        return None
    length = mean_length or block_length(samples)
    mean = returns.mean(axis=0)
    spread = returns.std(axis=0, ddof=1)
    varies = spread > 1e-14 + 1e-12 * np.abs(mean)
    if not varies.any():
        return None
    r, mean, spread = returns[:, varies], mean[varies], spread[varies]
    weights = drawn_counts(samples, draws, length, np.random.default_rng([seed, samples])) / samples
    root = math.sqrt(samples)
    white = np.full(draws, -np.inf)
    spa = np.full(draws, -np.inf)
    best = np.full(draws, -np.inf)
    top_white = float(root * mean.max())
    top_spa = 0.0
    surely_bad = math.sqrt(2.0 * math.log(math.log(max(samples, 16))))
    step = max(AT_ONCE // draws, 1)
    for lo in range(0, r.shape[1], step):
        part = slice(lo, lo + step)
        drawn = weights @ r[:, part]
        around = root * (drawn - mean[part])
        omega = np.maximum(around.std(axis=0), 0.1 * spread[part])  # the long-run spread of each mean, by the draws
        white = np.maximum(white, around.max(axis=1))
        best = np.maximum(best, ((drawn - mean[part]) / spread[part]).max(axis=1))
        t = root * mean[part] / omega
        top_spa = max(top_spa, float(t.max()))
        counts = t >= -surely_bad
        recentred = around / omega + np.where(counts, 0.0, t)
        spa = np.maximum(spa, recentred.max(axis=1))
    spa = np.maximum(spa, 0.0)
    return Luck(p_value(white, top_white), p_value(spa, top_spa), best, draws, float(length))


def p_value(by_luck: Floats, seen: float) -> float:
    """The share of draws at least as good as what was seen, which itself counts as one of them."""
    return (1.0 + float((by_luck >= seen).sum())) / (len(by_luck) + 1.0)
