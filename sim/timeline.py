"""The rows of a tape: the close times of all instruments' bars, and where each instrument stands in every row.

Nothing here grows with the tape but one mark every MARK rows: how many bars of each instrument closed before it. Rows
between two marks are made again from the bars' times whenever somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from huracan.sim.series import BarSource, Ints

MARK = 8192


@dataclass(frozen=True)
class Timeline:
    """Rows `offset`, `offset` + 1, ... of the union of all close times, counted from 0."""

    series: tuple[BarSource, ...]
    marks: Ints  # (marks, instruments): bars of each that closed before the mark's first row
    firsts: Ints  # (marks,): close time of the mark's first row
    total: int
    offset: int = 0
    twins: bool = False  # every instrument has the very same times: none ever misses a bar that another has

    def __len__(self) -> int:
        return self.total - self.offset

    def at(self, lo: int, hi: int) -> tuple[Ints, tuple[Ints, ...]]:
        """(close times of rows lo..hi, place of each instrument's last bar closed by then, -1 before its first)."""
        if self.twins:
            place = np.arange(lo + self.offset, hi + self.offset, dtype=np.int64)
            return self.closes(lo, hi), (place,) * len(self.series)
        lo, hi = lo + self.offset, hi + self.offset
        mark = lo // MARK
        base = mark * MARK
        closes, union = merged(self.series, self.marks[mark], hi - base)
        rows = union[lo - base : hi - base]
        places: list[Ints] = []
        for k, own in enumerate(closes):
            if own is union:
                if places and self.marks[mark, k] == self.marks[mark, 0] and closes[0] is union:
                    places.append(places[0])
                else:
                    places.append(np.arange(lo - base, hi - base, dtype=np.int64) + self.marks[mark, k])
            else:
                places.append(np.searchsorted(own, rows, side="right") - 1 + self.marks[mark, k])
        return rows, tuple(places)

    def closes(self, lo: int, hi: int) -> Ints:
        """Close times of rows lo..hi alone."""
        if self.twins:
            first = self.series[0]
            return first.times(lo + self.offset, hi + self.offset) + first.timeframe_ns
        return self.at(lo, hi)[0]

    def row_after(self, ns: int) -> int:
        """The first row that closes after a time; the number of rows where none does."""
        mark = int(np.searchsorted(self.firsts, ns, side="right")) - 1
        if mark < 0:
            return 0
        lo = mark * MARK
        rows = self.closes(lo - self.offset, min(lo + MARK, self.total) - self.offset)
        return lo + int(np.searchsorted(rows, ns, side="right")) - self.offset


def timeline(series: Sequence[BarSource]) -> Timeline:
    """One pass over the times of all bars."""
    at = np.zeros(len(series), np.int64)
    marks, firsts, total, twins = [], [], 0, True
    while any(at[k] < len(s) for k, s in enumerate(series)):
        closes, union = merged(series, at, MARK)
        twins = twins and all(c is union for c in closes)
        union = union[:MARK]
        marks.append(at.copy())
        firsts.append(union[0])
        total += len(union)
        for k, own in enumerate(closes):
            at[k] += np.searchsorted(own, union[-1], side="right")
    starts = np.array(marks, np.int64).reshape(-1, len(series))
    return Timeline(tuple(series), starts, np.array(firsts, np.int64), total, twins=twins)


def merged(series: Sequence[BarSource], at: Ints, rows: int) -> tuple[list[Ints], Ints]:
    """(close times of each instrument's next bars, their union): enough of them for `rows` rows."""
    closes = [s.times(int(a), min(int(a) + rows, len(s))) + s.timeframe_ns for s, a in zip(series, at, strict=True)]
    first = closes[0]
    closes = [first if len(c) == len(first) and np.array_equal(c, first) else c for c in closes]
    if all(c is first for c in closes):
        return closes, first
    return closes, union_of(closes, series[0].timeframe_ns)


def union_of(closes: Sequence[Ints], step_ns: int) -> Ints:
    """All times of several rising arrays, each once; quick where they lie on one grid and close together.

    >>> union_of([np.array([10, 30]), np.array([20, 30])], 10).tolist()
    [10, 20, 30]
    """
    some = [c for c in closes if len(c)]
    first, last = min(int(c[0]) for c in some), max(int(c[-1]) for c in some)
    slots = (last - first) // step_ns + 1
    if slots <= 4 * sum(len(c) for c in some) and all(not ((c - first) % step_ns).any() for c in some):
        taken = np.zeros(slots, np.bool_)
        for c in some:
            taken[(c - first) // step_ns] = True
        return first + step_ns * np.flatnonzero(taken)
    return np.unique(np.concatenate(some))


@dataclass(frozen=True)
class RowTimes:
    """The times of all rows, `shift_ns` after their closes, a sequence that is in memory only when asked for."""

    timeline: Timeline
    shift_ns: int = 0

    def __len__(self) -> int:
        return len(self.timeline)

    @overload
    def __getitem__(self, rows: int) -> int: ...
    @overload
    def __getitem__(self, rows: slice) -> Ints: ...
    def __getitem__(self, rows: int | slice) -> int | Ints:
        if isinstance(rows, slice):
            lo, hi, step = rows.indices(len(self))
            if step != 1:
                raise IndexError("rows are given out one after the other")
            if hi <= lo:
                return np.zeros(0, np.int64)
            found = self.timeline.closes(lo, hi)
            return found + self.shift_ns if self.shift_ns else found
        row = int(rows) + (len(self) if rows < 0 else 0)
        if not 0 <= row < len(self):
            raise IndexError(f"row {rows} of {len(self)}")
        return int(self.timeline.closes(row, row + 1)[0]) + self.shift_ns

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)
