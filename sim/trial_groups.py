"""How many really different things a sweep tried: sets whose returns go together are one trial."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ALIKE = 0.5  # average correlation from which two groups are one
MOST = 1000  # sets that are compared with each other


def effective_trials(returns: Floats, trials: int) -> float | None:
    """The number of groups of alike sets among `trials`, of which `returns` (samples, sets) are some or all.

    Groups are merged as long as they correlate by more than a half on average (average linkage). Beyond a thousand sets
    a spread of them is compared, and the number for all is what the growth from half as many to these lets expect.
    None where fewer than two samples are there.

    >>> rng = np.random.default_rng(0)
    >>> three = rng.normal(size=(300, 3))
    >>> alike = np.repeat(three, 10, axis=1) + 0.2 * rng.normal(size=(300, 30))
    >>> effective_trials(alike, 30), effective_trials(rng.normal(size=(300, 30)), 30)
    (3.0, 30.0)
    """
    samples, sets = returns.shape
    if samples < 3 or sets < 1:
        return None
    if sets == trials and sets <= MOST:
        return float(groups(returns))
    some = spread_out(sets, MOST)
    all_of_them = groups(returns[:, some])
    half = groups(returns[:, some[::2]])
    growth = math.log2(all_of_them / half) if half and len(some) > 3 else 1.0
    return float(min(all_of_them * (trials / len(some)) ** min(max(growth, 0.0), 1.0), trials))


def spread_out(sets: int, most: int) -> npt.NDArray[np.int64]:
    """At most `most` places, evenly spread.

    >>> spread_out(10, 4).tolist()
    [0, 3, 6, 9]
    """
    return np.unique(np.rint(np.linspace(0, sets - 1, min(sets, most))).astype(np.int64))


def groups(returns: Floats) -> int:
    """Groups of alike columns; a column that never moves is alike to every other such column."""
    moves = np.ptp(returns, axis=0) > 0.0
    still = int(not moves.all())
    r = returns[:, moves]
    if r.shape[1] < 2:
        return still + int(r.shape[1])
    from scipy.cluster.hierarchy import fcluster, linkage

    around = r - r.mean(axis=0)
    around /= np.sqrt((around * around).sum(axis=0))
    apart = 1.0 - np.clip(around.T @ around, -1.0, 1.0)
    upper = np.triu_indices(apart.shape[0], 1)
    tree = linkage(np.maximum(apart[upper], 0.0), "average")
    return still + int(fcluster(tree, 1.0 - ALIKE, "distance").max())
