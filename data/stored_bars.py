"""Bars of the store as a tape takes them: range by range, decoded when asked for, in memory that does not grow.

A part's row groups are decoded column by column into a cache of a fixed size, so a short series is decoded once and a
long one as often as it is walked. While a series is open nobody deletes its files.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data import store
from huracan.data.store import Part
from huracan.data.store_kinds import Series, times
from huracan.data.ticks import NO_TICK, infer_tick, rows_off_tick
from huracan.sim.series import Bars, Floats, Ints, Rules

CACHE_BYTES = 256 << 20  # of decoded columns, for all series of a tape together
LEAST_BYTES = 8 << 20  # of one series: two row groups, for a range that crosses a border

Column = npt.NDArray[Any]


@dataclass(frozen=True)
class Group:
    """One row group of a part: where its rows stand among the series' rows."""

    part: Part
    number: int
    first_row: int
    rows: int


@dataclass(frozen=True, eq=False)
class StoredBars:
    """Bars `first_row`, ... of a stored series, `count` of them; made by `open_bars`."""

    series: Series
    rules: Rules
    data_hash: str
    repairs: dict[str, int]
    names: tuple[str, ...]
    groups: tuple[Group, ...]
    starts: Ints  # each group's first row
    first_row: int
    count: int
    cache_bytes: int
    spread_bps: float | None = None  # the same for every bar, in place of the data's
    cache: OrderedDict[tuple[int, str], Column] = field(default_factory=OrderedDict, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    opened: dict[Part, Any] = field(default_factory=dict, repr=False)  # the part read last

    @property
    def symbol(self) -> str:
        return self.series.symbol

    @property
    def venue(self) -> str:
        return self.series.venue

    @property
    def timeframe_ns(self) -> int:
        return self.series.step_ns

    @property
    def has_volume(self) -> bool:
        return "volume" in self.names

    def __len__(self) -> int:
        return self.count

    def times(self, lo: int, hi: int) -> Ints:
        """The opens of bars lo..hi."""
        return self._column("ts", lo, hi).astype(np.int64, copy=False)

    def rows(self, lo: int, hi: int) -> Bars:
        """Bars lo..hi, in memory."""
        return Bars(
            self.symbol,
            self.venue,
            self.timeframe_ns,
            self.times(lo, hi),
            self._column("open", lo, hi),
            self._column("high", lo, hi),
            self._column("low", lo, hi),
            self._column("close", lo, hi),
            volume=self._column("volume", lo, hi) if self.has_volume else None,
            half_spread_bps=self._spread(lo, hi),
            rules=self.rules,
            data_hash=self.data_hash,
            repairs=self.repairs,
        )

    # Whole columns, for those who look at a run's bars and are no tape; they are as long as the series.

    @property
    def open_ns(self) -> Ints:
        return self.times(0, self.count)

    @property
    def open(self) -> Floats:
        return self._column("open", 0, self.count)

    @property
    def high(self) -> Floats:
        return self._column("high", 0, self.count)

    @property
    def low(self) -> Floats:
        return self._column("low", 0, self.count)

    @property
    def close(self) -> Floats:
        return self._column("close", 0, self.count)

    @property
    def volume(self) -> Floats | None:
        return self._column("volume", 0, self.count) if self.has_volume else None

    @property
    def half_spread_bps(self) -> Floats | None:
        return self._spread(0, self.count)

    def pieces(self, name: str) -> Iterator[Column]:
        """A column row group by row group."""
        for group in self.groups:
            lo = max(group.first_row - self.first_row, 0)
            hi = min(group.first_row + group.rows - self.first_row, self.count)
            if hi > lo:
                yield self._column(name, lo, hi)

    def _spread(self, lo: int, hi: int) -> Floats | None:
        if self.spread_bps is not None:
            return np.full(hi - lo, self.spread_bps)
        return self._column("half_spread_bps", lo, hi) if "half_spread_bps" in self.names else None

    def _column(self, name: str, lo: int, hi: int) -> Column:
        lo, hi = self.first_row + lo, self.first_row + hi
        if hi <= lo:
            return np.zeros(0, np.int64 if name == "ts" else np.float64)
        found = []
        k = int(np.searchsorted(self.starts, lo, side="right")) - 1
        while k < len(self.groups) and self.groups[k].first_row < hi:
            group = self.groups[k]
            found.append(self._decoded(k, name)[max(lo - group.first_row, 0) : hi - group.first_row])
            k += 1
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _decoded(self, k: int, name: str) -> Column:
        """One column of one row group: from the cache, or decoded into it in place of what was longest unused."""
        with self.lock:
            column = self.cache.get((k, name))
            if column is not None:
                self.cache.move_to_end((k, name))
                return column
            group = self.groups[k]
            if group.part not in self.opened:
                for file in self.opened.values():
                    file.close()
                self.opened.clear()
                self.opened[group.part] = store.open_part(group.part)
            table = store.read_group(group.part, self.opened[group.part], group.number, [name])
            column = times(table) if name == "ts" else np.asarray(table.column(0).to_numpy())
            self.cache[k, name] = column
            most = max(self.cache_bytes // (8 * max(g.rows for g in self.groups)), 1)
            while len(self.cache) > most:
                self.cache.popitem(last=False)
            return column


def open_bars(
    root: Path,
    series: Series,
    *,
    start_ns: int | None = None,
    end_ns: int | None = None,
    before: int = 0,
    rules: Rules,
    cache_bytes: int = CACHE_BYTES,
    half_spread_bps: float | None = None,
) -> StoredBars:
    """Bars that close after start_ns and by end_ns, and `before` bars ahead of them; every value is read once.

    That one pass makes the data's hash (the same as of a file with these bars) and, without a tick in the rules, the
    tick. The result is empty where nothing is held. A half-spread given here stands in place of the data's own.
    """
    folder = store.series_folder(root, series)
    held = hold(folder)
    try:
        found = store.parts(root, series)
        names = store.columns_of(found, series)
        groups = tuple(_groups(found))
    except BaseException:
        if held is not None:
            os.close(held)
        raise
    starts = np.array([g.first_row for g in groups], np.int64)
    total = sum(g.rows for g in groups)
    whole = StoredBars(series, rules, "", {}, tuple(names), groups, starts, 0, total, max(cache_bytes, LEAST_BYTES))
    if held is not None:
        weakref.finalize(whole.lock, os.close, held)
    first = 0 if start_ns is None else max(_rows_until(whole, start_ns) - before, 0)
    last = total if end_ns is None else _rows_until(whole, end_ns)
    return _examined(whole, first, max(last - first, 0))


def hold(folder: Path) -> int | None:
    """A shared lock on a folder, as the handle to close in the end; None where there is no folder."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH)
    return handle


def _groups(found: list[Part]) -> Iterator[Group]:
    row = 0
    for part in found:
        with store.open_part(part) as file:
            sizes = [file.metadata.row_group(g).num_rows for g in range(file.metadata.num_row_groups)]
        for number, rows in enumerate(sizes):
            yield Group(part, number, row, rows)
            row += rows


def _rows_until(bars: StoredBars, ns: int) -> int:
    """How many bars have closed by then: only one row group's times are read."""
    opens = ns - bars.timeframe_ns
    for k, group in enumerate(bars.groups):
        last_of_part = k + 1 == len(bars.groups) or bars.groups[k + 1].part is not group.part
        if last_of_part and group.part.last_ns <= opens:
            continue
        if group.part.first_ns > opens:
            return group.first_row
        ts = bars._decoded(k, "ts")
        if ts[-1] > opens:
            return group.first_row + int(np.searchsorted(ts, opens, side="right"))
    return sum(g.rows for g in bars.groups)


def _examined(whole: StoredBars, first: int, count: int) -> StoredBars:
    """The range with its hash, its tick and what is said of them."""
    bars = replace(whole, first_row=first, count=count, repairs={})
    digest = hashlib.sha256()
    inferred = Tick()
    for name in ("ts", "open", "high", "low", "close", "volume", "half_spread_bps"):
        given = name == "half_spread_bps" and bars.spread_bps is not None
        if name not in bars.names and not given:
            continue
        price = name in ("open", "high", "low", "close")
        digest.update(f"{'open_ns' if name == 'ts' else name}:{count}:".encode())
        for piece in bars.pieces(name) if not given else _same(bars.spread_bps, count):
            if name == "ts":
                digest.update(np.ascontiguousarray(piece, dtype="<i8").data)
            else:
                digest.update(np.ascontiguousarray(piece + 0.0, dtype="<f8").data)  # one zero, as in hash_arrays
            if price and bars.rules.inferred:
                inferred.see(piece)
    repairs: dict[str, int] = {}
    rules = bars.rules
    if not bars.has_volume:
        repairs["no_volume"] = count
    if rules.inferred:
        num, den = inferred.found()
        rules, repairs["tick_inferred"] = replace(rules, tick_num=num, tick_den=den), 1
    else:
        off = sum(_off_tick(bars, lo, min(lo + 65_536, count)) for lo in range(0, count, 65_536))
        if off:
            repairs["prices_off_tick"] = off
    return replace(bars, rules=rules, data_hash=digest.hexdigest(), repairs=repairs)


def _same(value: float | None, count: int) -> Iterator[Column]:
    for lo in range(0, count, 65_536):
        yield np.full(min(65_536, count - lo), value, np.float64)


def _off_tick(bars: StoredBars, lo: int, hi: int) -> int:
    some = bars.rows(lo, hi)
    return rows_off_tick((bars.rules.tick_num, bars.rules.tick_den), some.open, some.high, some.low, some.close)


@dataclass
class Tick:
    """The tick of prices that come in pieces, as `infer_tick` finds it for all of them at once."""

    decimals: int = 0
    top: float = 0.0
    lost: bool = False

    def see(self, prices: Floats) -> None:
        """Take in some prices."""
        num, den = infer_tick(prices)
        self.lost |= (num, den) == NO_TICK
        self.decimals = max(self.decimals, len(str(den)) - 1)
        self.top = max(self.top, float(prices.max(initial=0.0)))

    def found(self) -> tuple[int, int]:
        """(numerator, denominator), (0, 1) when there is none."""
        too_fine = self.top * 10.0**self.decimals > 1e13
        return NO_TICK if self.lost or too_fine else (1, 10**self.decimals)
