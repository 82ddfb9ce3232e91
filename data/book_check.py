"""What is wrong or odd with a feed of order-book events: what reading noticed, and what replaying the book shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from huracan.data.checks import SILENCE, Check, Problem, coverage, iso, problem
from huracan.data.events import CLEAR, DEPTH, OLD, START, TRADE, Events
from huracan.sim.options import LINKED_ENTRY

_FIRST, _LAST, _COUNT, _SNAPSHOTS = range(4)
_CLEAR, _DEPTH, _OLD, _START = CLEAR, DEPTH, OLD, START


def check_book(name: str, feed: Events, *, first_row: int = 1, tick: str = "") -> Check:
    """A feed's problems; places are those of the file's lines or rows where reading noticed them, else of events."""
    problems = [
        problem("book", note.name, note.count, (note.first_ns, note.last_ns), (note.first_row, note.last_row))
        for note in feed.problems
    ]
    problems += _crossed(feed, first_row) + _stops(feed)
    times = feed.local_ns
    shown = np.where(feed.kind == TRADE, feed.price, np.nan)
    at = np.maximum.accumulate(np.where(feed.kind == TRADE, np.arange(len(feed)), 0))
    shape = coverage(times, np.zeros(len(times), dtype=np.bool_), shown[at], 0)
    first, last = iso(int(times.min())), iso(int(times.max()))
    return Check(name, "book", len(feed), "", first, last, tuple(problems), shape, _counts(feed), tick)


def _counts(feed: Events) -> dict[str, int]:
    from huracan.data.events import KINDS

    counts = np.bincount(feed.kind, minlength=len(KINDS))
    return {f"{name}_events": int(n) for name, n in zip(KINDS, counts, strict=True) if n}


def _crossed(feed: Events, first_row: int) -> list[Problem]:
    depth = (feed.kind == DEPTH) | (feed.kind == CLEAR)
    if not (feed.kind == DEPTH).any():
        return []
    rows = np.flatnonzero(depth)
    prices, rank = np.unique(feed.price[rows], return_inverse=True)
    found = np.zeros(4, dtype=np.int64)
    books = np.zeros((2, len(prices)), dtype=np.float64)
    columns: tuple[Any, ...] = (feed.kind[rows], feed.side[rows], feed.flags[rows])
    replay(*columns, rank.astype(np.int64), feed.qty[rows], books, found)
    problems = []
    if found[_COUNT]:
        a, b = int(rows[found[_FIRST]]), int(rows[found[_LAST]])
        when = (int(feed.local_ns[a]), int(feed.local_ns[b]))
        problems.append(problem("book", "crossed_book", int(found[_COUNT]), when, (a + first_row, b + first_row)))
    if not found[_SNAPSHOTS]:
        problems.append(problem("book", "no_snapshot", 1, (int(feed.local_ns[0]), int(feed.local_ns[0]))))
    return problems


def _stops(feed: Events) -> list[Problem]:
    gaps = np.diff(feed.local_ns)
    at = np.flatnonzero(gaps >= SILENCE)
    if not at.size:
        return []
    spans = tuple((int(feed.local_ns[i]), int(feed.local_ns[i + 1]), 1) for i in at)
    return [problem("book", "stopped_feed", len(spans), (spans[0][0], spans[-1][1]), spans=spans)]


@njit(**LINKED_ENTRY)
def replay(
    kind: npt.NDArray[np.int8],
    side: npt.NDArray[np.int8],
    flags: npt.NDArray[np.uint8],
    rank: npt.NDArray[np.int64],
    qty: npt.NDArray[np.float64],
    books: npt.NDArray[np.float64],  # (bids and asks, ranks of prices)
    found: npt.NDArray[np.int64],
) -> None:
    """Builds the book and fills `found` with the first and last message after which it is crossed, and their number.

    Only what follows a snapshot counts: before one the book is not all there.
    """
    n, top = len(kind), books.shape[1]
    bid, ask, seen = -1, top, False
    for i in range(n):
        if kind[i] == _CLEAR:
            books[:] = 0.0
            bid, ask, seen = -1, top, True
            found[3] += 1
        elif kind[i] == _DEPTH and not flags[i] & _OLD:
            at = rank[i]
            if side[i] > 0:
                books[0, at] = qty[i]
                if qty[i] > 0.0:
                    bid = max(bid, at)
                else:
                    while bid >= 0 and books[0, bid] == 0.0:
                        bid -= 1
            else:
                books[1, at] = qty[i]
                if qty[i] > 0.0:
                    ask = min(ask, at)
                else:
                    while ask < top and books[1, ask] == 0.0:
                        ask += 1
        if seen and bid >= ask and (i + 1 == n or flags[i + 1] & _START):
            if found[2] == 0:
                found[0] = i
            found[1] = i
            found[2] += 1
