"""Choosing on one part of the time and looking at another: walk-forward, purged folds, combinatorial paths, a held end.

A set is run once over the whole tape; a fold is a piece of that run, cut where `huracan.sim.cuts` looks. So a position
held into a piece counts in it, and what it was opened on lies before: `purge` and `embargo` keep such neighbours out of
the part that chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from huracan.sim.overfitting import sharpes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Piece = tuple[int, int]  # from a cut to before another


@dataclass(frozen=True)
class Split:
    """Pieces on which the best set is chosen, and pieces, never among them, on which it is looked at."""

    train: tuple[Piece, ...]
    test: tuple[Piece, ...]


def edges_of(count: int, pieces: int) -> list[int]:
    """`pieces` parts of `count`, as even as they can be.

    >>> edges_of(10, 3)
    [0, 3, 7, 10]
    """
    return [int(x) for x in np.rint(np.linspace(0, count, pieces + 1))]


def walk_forward(count: int, train: int, test: int, *, anchored: bool) -> list[Split]:
    """Train on what came before each test piece: the last `train` cuts of it, or all of it if anchored.

    >>> [(s.train, s.test) for s in walk_forward(10, 4, 3, anchored=False)]
    [(((0, 4),), ((4, 7),)), (((3, 7),), ((7, 10),))]
    """
    found = []
    for first in range(train, count, test):
        last = min(first + test, count)
        if last - first >= min(test, 2):
            found.append(Split(((0 if anchored else first - train, first),), ((first, last),)))
    return found


def walk_in_folds(count: int, folds: int, *, anchored: bool) -> list[Split]:
    """As many test pieces as asked for, each after one more like them, or after all that came before if anchored.

    >>> [(s.train, s.test) for s in walk_in_folds(10, 3, anchored=True)]
    [(((0, 2),), ((2, 5),)), (((0, 5),), ((5, 8),)), (((0, 8),), ((8, 10),))]
    """
    edges = edges_of(count, folds + 1)
    return [
        Split(((0 if anchored else before, first),), ((first, last),))
        for before, first, last in zip(edges, edges[1:], edges[2:], strict=False)
    ]


def purged(count: int, test: Sequence[Piece], purge: int, embargo: int) -> tuple[Piece, ...]:
    """What is left to train on: not the test pieces, nor `purge` cuts before and after each, nor `embargo` more after.

    >>> purged(20, [(8, 12)], 1, 2)
    ((0, 7), (15, 20))
    """
    kept = np.ones(count, bool)
    for lo, hi in test:
        kept[max(lo - purge, 0) : min(hi + purge + embargo, count)] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(np.int8)))
    return tuple((int(lo), int(hi)) for lo, hi in zip(edges[::2], edges[1::2], strict=True))


def purged_folds(count: int, folds: int, purge: int, embargo: int) -> list[Split]:
    """Each fold is looked at once, by the best of the others.

    >>> purged_folds(9, 3, 1, 0)[1]
    Split(train=((0, 2), (7, 9)), test=((3, 6),))
    """
    return combinatorial(count, folds, 1, purge, embargo)


def combinatorial(count: int, folds: int, tests: int, purge: int, embargo: int) -> list[Split]:
    """Every way to look at `tests` folds at once; each fold is looked at often enough for whole paths through time.

    >>> len(combinatorial(60, 6, 2, 1, 1)), paths_of(6, 2)
    (15, 5)
    """
    edges = edges_of(count, folds)
    found = []
    for chosen in combinations(range(folds), tests):
        test = tuple((edges[k], edges[k + 1]) for k in chosen)
        found.append(Split(purged(count, test, purge, embargo), test))
    return found


def paths_of(folds: int, tests: int) -> int:
    """Whole paths that the combinatorial folds make.

    >>> paths_of(10, 2)
    9
    """
    return comb(folds, tests) * tests // folds


def scores(returns: Floats, pieces: Sequence[Sequence[Piece]]) -> Floats:
    """Sharpe ratios (of one cut, not of a year) of returns (cuts, sets) on each group of pieces: (groups, sets).

    Every stretch between two edges is summed once, whatever the number of groups it belongs to.
    """
    count, sets = returns.shape
    edges = sorted({0, count, *(edge for group in pieces for piece in group for edge in piece)})
    total, squares = np.zeros((len(edges), sets)), np.zeros((len(edges), sets))
    for k, lo in enumerate(edges[:-1]):
        for row in returns[lo : edges[k + 1]]:  # row by row: a set's sums never depend on the sets beside it
            total[k] += row
            squares[k] += row * row
    found = np.full((len(pieces), sets), np.nan)
    for g, group in enumerate(pieces):
        n, t, q = 0, np.zeros(sets), np.zeros(sets)
        for lo, hi in group:
            n += hi - lo
            for k in range(edges.index(lo), edges.index(hi)):
                t += total[k]
                q += squares[k]
        if n >= 2:
            found[g] = sharpes(t, q, n)
    return found


def winners(score: Floats, sets: Ints) -> Ints:
    """Of each group the place of its best set; among equals the lowest number of `sets`; -1 where no set has a figure.

    >>> winners(np.array([[1.0, 3.0, 3.0], [np.nan, np.nan, np.nan]]), np.array([4, 9, 5])).tolist()
    [2, -1]
    """
    order = np.argsort(sets, kind="stable")
    known = np.where(np.isnan(score), -np.inf, score)[:, order]
    best = np.argmax(known, axis=1)
    return np.where(np.isfinite(known[np.arange(len(best)), best]), order[best], -1).astype(np.int64)


def assembled(count: int, splits: Sequence[Split], chosen: Sequence[Floats | None], paths: int = 1) -> Floats:
    """Returns out of sample, (cuts, paths): each piece as the set chosen for it earned it; NaN where nobody looked.

    `chosen` are the whole returns (cuts,) of each split's best set. A piece that several splits looked at is given to
    the paths in turn.
    """
    found = np.full((count, paths), np.nan)
    turn: dict[Piece, int] = {}
    for split, returns in zip(splits, chosen, strict=True):
        for lo, hi in split.test:
            path = turn.get((lo, hi), 0)
            turn[lo, hi] = path + 1
            if path < paths and returns is not None:
                found[lo:hi, path] = returns[lo:hi]
    return found
