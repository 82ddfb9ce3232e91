"""The same trade in two runs: which of them belong together, and which only one run made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from huracan.reports.returns import Ints
    from huracan.sim.result import Result

BARS_APART = 5  # entries further apart than so many samples are different trades


@dataclass(frozen=True)
class Pairs:
    """Places of trades that belong together, and of those that only one run has."""

    first: Ints
    second: Ints
    only_first: Ints
    only_second: Ints


def pairs_of(first: Result, second: Result) -> Pairs:
    """Trades of one symbol and side whose entries lie close together, each used once."""
    a, b = first.trade_rows, second.trade_rows
    names_a, names_b = (np.array([*r.about.symbols, ""]) for r in (first, second))
    within = BARS_APART * max(step_of(first), step_of(second))
    left, right = [], []
    for symbol in set(first.about.symbols) & set(second.about.symbols):
        for side in (1, -1):
            i = np.flatnonzero((names_a[a["inst"]] == symbol) & (a["side"] == side))
            j = np.flatnonzero((names_b[b["inst"]] == symbol) & (b["side"] == side))
            i, j = i[np.argsort(a["entry_ns"][i], kind="stable")], j[np.argsort(b["entry_ns"][j], kind="stable")]
            p, q = together(a["entry_ns"][i], b["entry_ns"][j], within)
            left.append(i[p])
            right.append(j[q])
    none = np.zeros(0, np.int64)
    p, q = (np.concatenate([none, *each]) for each in (left, right))
    order = np.argsort(p, kind="stable")
    rest_a, rest_b = np.setdiff1d(np.arange(a.size), p), np.setdiff1d(np.arange(b.size), q)
    return Pairs(p[order], q[order], rest_a, rest_b)


def together(a: Ints, b: Ints, within: int) -> tuple[Ints, Ints]:
    """Places in two rising columns of times that are at most `within` apart, nearest first to come, each used once.

    >>> together(np.array([0, 10, 20]), np.array([1, 19, 40]), 2)
    (array([0, 2]), array([0, 1]))
    """
    i = j = 0
    left, right = [], []
    while i < a.size and j < b.size:
        apart = int(b[j]) - int(a[i])
        if abs(apart) > within:
            i, j = (i + 1, j) if apart > 0 else (i, j + 1)
            continue
        if j + 1 < b.size and abs(int(b[j + 1]) - int(a[i])) < abs(apart):
            j += 1
            continue
        if i + 1 < a.size and abs(int(b[j]) - int(a[i + 1])) < abs(apart):
            i += 1
            continue
        left.append(i)
        right.append(j)
        i, j = i + 1, j + 1
    return np.array(left, np.int64), np.array(right, np.int64)


def step_of(result: Result) -> int:
    """The time between two bars of a run."""
    if result.market:
        return int(result.market[0].timeframe_ns)
    ts = result.equity_rows["ts_ns"]
    return int(np.median(np.diff(ts))) if ts.size > 1 else 60 * 10**9
