"""The probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey et al., 2015).

The run is cut into an even number of pieces. For every way to choose half of them: which set is the best on that half,
and where does it rank on the other? Overfitted is a choice whose best lands below the median.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
PIECES = 16
AT_ONCE = 50_000  # numbers of one slice of the work: they stay in the cache
NOISE = 1e-14


@dataclass(frozen=True)
class Overfitting:
    """`pbo`, and of every choice the best's Sharpe ratio in sample and out of it, of one sample (not of a year)."""

    pbo: float
    in_sample: Floats
    out_sample: Floats
    pieces: int


def overfitting(returns: Floats, pieces: int = PIECES) -> Overfitting | None:
    """PBO of returns (samples, sets); None where there are too few samples or sets to choose between.

    A set without a Sharpe ratio on a half is never its best, and ranks last on the other half. Sets with the very same
    returns rank as equals.

    >>> rng = np.random.default_rng(1)
    >>> noise = rng.normal(0.0, 0.01, (320, 20))
    >>> edge = noise.copy(); edge[:, 3] += 0.01
    >>> overfitting(edge).pbo, overfitting(noise - noise.mean(axis=0)).pbo
    (0.0, 1.0)
    """
    samples, sets = returns.shape
    while pieces > 2 and samples < 2 * pieces:
        pieces -= 2
    if sets < 2 or samples < 4:
        return None
    size = samples // pieces
    used = returns[samples - size * pieces :]  # the oldest few are left out, so that all pieces are of one length
    parts = used.reshape(pieces, size, sets)
    total, squares = parts.sum(axis=1), (parts * parts).sum(axis=1)
    first, like = distinct(np.concatenate([total, squares]).T)
    if len(first) < 2:
        return None
    total, squares = total[:, first], squares[:, first]
    all_of = like if len(first) < sets else slice(None)  # every set once more, where some are the same
    half = size * (pieces // 2)
    # each choice and its complement are each other's other half: half of them say everything
    chosen = np.array([c for c in combinations(range(pieces), pieces // 2) if 0 in c])
    member = np.zeros((len(chosen), pieces))
    member[np.arange(len(chosen))[:, None], chosen] = 1.0
    seen: list[tuple[Floats, Floats, Floats]] = []
    step = max(AT_ONCE // sets, 1)
    for lo in range(0, len(member), step):
        m = member[lo : lo + step]
        one = sharpes(m @ total, m @ squares, half)[:, all_of]
        other = sharpes((1.0 - m) @ total, (1.0 - m) @ squares, half)[:, all_of]
        seen += [judged(one, other), judged(other, one)]
    rank, inside, outside = (np.concatenate(each) for each in zip(*seen, strict=True))
    there = ~np.isnan(inside)
    if not there.any():
        return None
    return Overfitting(float(np.mean(rank[there] <= 0.5)), inside[there], outside[there], pieces)


def distinct(sums: Floats) -> tuple[Ints, Ints]:
    """Of rows the first of each kind, and for every row which of these it is like.

    Matrix products round by where a column stands, so equal sets would come out unequal, and one of them the best.

    >>> [each.tolist() for each in distinct(np.array([[3.0, 1.0], [2.0, 1.0], [3.0, 1.0]]))]
    [[0, 1], [0, 1, 0]]
    """
    rows = np.ascontiguousarray(sums).view(np.dtype((np.void, sums.shape[1] * 8)))[:, 0]
    _, first, like = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order], place[like]


def sharpes(total: Floats, squares: Floats, n: int) -> Floats:
    """Sharpe ratios of n samples from their sums; NaN where nothing varied."""
    mean = total / n
    around = squares - mean * total
    spread = np.sqrt(np.maximum(around, 0.0) / (n - 1))
    noise = np.sqrt(squares / n) * 1e-7 + NOISE  # a deviation that the rounding of the sums explains
    with np.errstate(all="ignore"):
        return np.where(spread > noise, mean / spread, np.nan)


def judged(inside: Floats, outside: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each row: the relative rank outside (0 to 1) of the column that is best inside, and both of its figures."""
    known = np.where(np.isnan(inside), -np.inf, inside)
    best = np.argmax(known, axis=1)
    row = np.arange(len(best))
    top = known[row, best]
    ranked = np.where(np.isnan(outside), -np.inf, outside)
    its = ranked[row, best]
    below = (ranked < its[:, None]).sum(axis=1)
    equal = (ranked == its[:, None]).sum(axis=1)
    rank = (below + 0.5 * (equal + 1)) / (inside.shape[1] + 1.0)
    return rank, np.where(np.isfinite(top), top, np.nan), np.where(np.isfinite(its), its, 0.0)
