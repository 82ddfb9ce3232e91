"""Bars and funding payments from one file: read, checked, and refused by name or repaired by a rule that has one.

    file -> table (columns by name) -> times, prices, volume -> repairs chosen -> checks -> grid -> tick -> Bars

Missing bars stay missing unless a repair fills them. What is odd but usable (spikes, stale prices) `checks` finds.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.bar_faults import distinct
from huracan.data.instants import format_ns, name_of_time, time_column
from huracan.data.instrument import rules_from
from huracan.data.raw_bars import PRICES, RawBars, needed, picked, place_in, read_raw_bars
from huracan.data.repair_rules import OF_KEY
from huracan.data.repairs import mended
from huracan.data.row_repairs import mended_rows
from huracan.data.tables import Table, find_column, float_column, place_of, read_table
from huracan.data.ticks import infer_tick, rows_off_tick
from huracan.data.timeframes import format_timeframe, parse_timeframe
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars, Payments, Rules

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_RATE_NAMES = ("fundingrate", "lastfundingrate", "rate", "funding")
_MARK_NAMES = ("markprice", "mark", "open", "price")
_MINUTE = 60_000_000_000
_SECOND = 1_000_000_000


def read_bars(
    path: str | os.PathLike[str],
    *,
    symbol: str = "",
    timeframe: str,
    venue: str = "",
    format: str | None = None,
    rules: Mapping[str, Any] | None = None,
    repair: Mapping[str, str] | None = None,
) -> Bars:
    """The bars of one instrument; without a symbol the file's stem names it, without a tick the decimals do.

    `repair` names a rule for a problem (data/repair_rules.py); what has none is refused, or kept as it is.

    >>> import json, tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
    ...     _ = file.write(json.dumps([[1704067200000, 10.0, 10.5, 9.5, 10.2, 3.0]]))
    ...     file.flush()
    ...     bars = read_bars(file.name, symbol="A/B", timeframe="1m")
    >>> bars.rules.kind, bars.rules.tick, bars.repairs
    ('spot', 0.1, {'tick_inferred': 1})
    """
    symbol = symbol or os.path.basename(os.fspath(path)).partition(".")[0]
    raw = read_raw_bars(path, symbol=symbol, format=format)
    return checked_bars(raw, symbol=symbol, timeframe=timeframe, venue=venue, rules=rules, repair=repair)


def checked_bars(
    raw: RawBars,
    *,
    symbol: str,
    timeframe: str,
    venue: str = "",
    rules: Mapping[str, Any] | None = None,
    repair: Mapping[str, str] | None = None,
) -> Bars:
    """Raw bars mended by the rules chosen, checked, and given their tick."""
    step_ns = parse_timeframe(timeframe)
    asked = rules_from(rules, symbol)
    repairs = dict(raw.repairs)
    raw = mended(raw, step_ns, repair or {}, repairs)
    _check_prices(raw)
    given = (*raw.prices.values(), raw.volume, raw.half_spread_bps)
    values = [array for array in given if array is not None]
    kept = _check_order(raw.times, values, lambda row: place_in(raw, row, "time"), repairs)
    raw = raw if kept is None else picked(raw, kept)
    _check_grid(raw, step_ns, repairs)
    times, prices, volume, spread = raw.times, raw.prices, raw.volume, raw.half_spread_bps
    return Bars(
        symbol,
        venue,
        step_ns,
        times,
        *(prices["open"], prices["high"], prices["low"], prices["close"]),
        volume,
        spread,
        rules=_with_tick(asked, list(prices.values()), repairs),
        data_hash=hash_bars(times, prices["open"], prices["high"], prices["low"], prices["close"], volume, spread),
        repairs=repairs,
    )


def read_funding(
    path: str | os.PathLike[str],
    mark_path: str | os.PathLike[str] | None = None,
    repair: Mapping[str, str] | None = None,
    mark_repair: Mapping[str, str] | None = None,
) -> Payments:
    """Funding payments at their own instants, jitter and all, with the mark price at or up to a minute before each.

    The rate is the column named so, or in files of candles the open. Marks come from the same file or from another
    one (of candles: their opens); where there is none they are NaN, and whoever settles says what stands in. `repair`
    and `mark_repair` name a rule for a problem of either file (data/repair_rules.py).
    """
    table = read_table(path)
    repairs: dict[str, int] = {}
    place = needed(table, "funding rates", (*_RATE_NAMES, "open"))
    times = time_column(table, repairs)
    rate = float_column(table, place, repairs)
    own = find_column(table, _MARK_NAMES[:2])
    mark = np.full(times.size, np.nan) if own is None else float_column(table, own, repairs)
    columns, rows = mended_rows(
        "funding", {"ts": times, "rate": rate, "mark": mark}, repair or {}, repairs, "data.funding_repair", "funding_"
    )
    times, rate, mark = columns["ts"], columns["rate"], columns["mark"]
    look = _Look(table, rows, "funding_repair")
    fix = "drop the row or fetch it again"
    look.refuse(~np.isfinite(rate), place, "nan: the funding rate is {}", rate, fix, "nan")
    fix = "write 0.0001 for one basis point"
    look.refuse(np.abs(rate) >= 1, place, "bad_rate: {} is no funding rate", rate, fix, "bad_rate")
    if own is not None:
        _check_marks(look, own, mark, allow_missing=True)
    kept = _check_order(times, [rate, mark], look.time_of, repairs, "funding_repair")
    if kept is not None:
        times, rate, mark = times[kept], rate[kept], mark[kept]
    if mark_path is not None:
        mark = _marks_at(times, mark_path, repairs, mark_repair or {})
    return Payments(times, rate, mark, data_hash=hash_arrays(ts_ns=times, rate=rate, mark=mark), repairs=repairs)


def hash_arrays(**arrays: npt.NDArray[Any] | None) -> str:
    """sha256 over arrays and their names, in the order given: the identity of data, whatever file it came in.

    >>> hash_arrays(volume=np.array([0.0])) == hash_arrays(volume=np.array([-0.0]))
    True
    """
    digest = hashlib.sha256()
    for name, array in arrays.items():
        if array is None:
            continue
        digest.update(f"{name}:{array.size}:".encode())
        if array.dtype.kind == "f":
            digest.update(np.ascontiguousarray(array + 0.0, dtype="<f8").data)  # + 0.0 makes one zero of the two
        else:
            digest.update(np.ascontiguousarray(array, dtype="<i8").data)
    return digest.hexdigest()


def hash_bars(
    open_ns: Ints,
    opened: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats | None = None,
    half_spread_bps: Floats | None = None,
) -> str:
    """The identity of bars: what stands in them, and neither their symbol nor the file."""
    return hash_arrays(
        open_ns=open_ns, open=opened, high=high, low=low, close=close, volume=volume, half_spread_bps=half_spread_bps
    )


def _check_prices(raw: RawBars) -> None:
    prices = raw.prices
    for word in PRICES:
        array = prices[word]
        fix = "drop the row (missing bars are allowed) or fetch it again"
        _refuse_row(~np.isfinite(array), raw, word, "nan: the price is {}", array, _or_repair(fix, "nan"))
        what = "nonpositive_price: the price is {}"
        _refuse_row(array <= 0, raw, word, what, array, _or_repair(fix, "nonpositive_price"))
    high, low = prices["high"], prices["low"]
    fix = _or_repair("mend or drop the row; high must be the largest of the four and low the smallest", "bad_ohlc")
    _refuse_row(high < low, raw, "high", "bad_ohlc: the high {} is below the low", high, fix)
    for word in ("open", "close"):
        array = prices[word]
        outside = (array > high) | (array < low)
        _refuse_row(outside, raw, word, f"bad_ohlc: the {word} {{}} is outside low and high", array, fix)
    if raw.volume is not None:
        fix = "write 0 where nothing traded, or drop the whole column to run without volume caps"
        bad = ~(np.isfinite(raw.volume) & (raw.volume >= 0))
        _refuse_row(bad, raw, "volume", "bad_volume: the volume is {}", raw.volume, _or_repair(fix, "bad_volume"))
    if raw.half_spread_bps is not None:
        spread = raw.half_spread_bps
        bad = ~(np.isfinite(spread) & (spread >= 0))
        what = "bad_spread: the spread is {}"
        _refuse_row(bad, raw, "half_spread_bps", what, spread, "mend the row or drop the column")


def _or_repair(fix: str, name: str, key: str = "repair") -> str:
    """The hint with the rule that mends it."""
    rule = OF_KEY[key][name].suggested
    option = f", on import --repair {name}={rule}" if key == "repair" else ""
    return f'{fix}, or choose a repair: [data] {key} = {{ {name} = "{rule}" }}{option}'


@dataclass(frozen=True)
class _Look:
    """Rows of a table of payments or marks as they are looked at: `rows` says where each stood in the file."""

    table: Table
    rows: Ints
    key: str  # of the spec, that chooses repairs

    def refuse(self, bad: Flags, place: int, what: str, values: Floats, fix: str, name: str) -> None:
        """Refuse on the first bad row, saying how many there are."""
        if bad.any():
            row, count = int(np.argmax(bad)), int(bad.sum())
            more = f", and {count - 1} more rows" if count > 1 else ""
            where = place_of(self.table, int(self.rows[row]), self.table.names[place])
            what = what.format(float(values[row])) + more
            raise Refused(what, where=where, fix=_or_repair(fix, name, self.key))

    def time_of(self, row: int) -> str:
        """Where a row's time stands."""
        return place_of(self.table, int(self.rows[row]), name_of_time(self.table))


def _check_marks(look: _Look, place: int, mark: Floats, *, allow_missing: bool) -> None:
    what = "{}: the mark price is {{}}"
    fix = "drop the row; a payment without a mark is settled at a price that the result names"
    missing = np.isnan(mark) & (not allow_missing)
    look.refuse(missing, place, what.format("nan"), mark, fix, "nan")
    look.refuse(np.isinf(mark) | (mark <= 0), place, what.format("nonpositive_price"), mark, fix, "nonpositive_price")


def _refuse_row(bad: Flags, raw: RawBars, word: str, what: str, values: Floats, fix: str) -> None:
    """The same of raw bars, which know where their rows stood."""
    if bad.any():
        row, count = int(np.argmax(bad)), int(bad.sum())
        more = f", and {count - 1} more rows" if count > 1 else ""
        raise Refused(what.format(float(values[row])) + more, where=place_in(raw, row, word), fix=fix)


def _check_order(
    times: Ints, values: list[Floats], place: Callable[[int], str], repairs: dict[str, int], key: str = "repair"
) -> Flags | None:
    """Which rows to keep when some repeat the row before them exactly, None when none does; `place` names a row's."""
    steps = np.diff(times)
    if (steps > 0).all():
        return None
    back = np.flatnonzero(steps < 0)
    if back.size:
        row = int(back[0]) + 1
        now, before = format_ns(times[row]), format_ns(times[row - 1])
        what = f"unordered_time: {now} comes after {before}" + (f", and {back.size - 1} more" if back.size > 1 else "")
        raise Refused(what, where=place(row), fix=_or_repair("sort the rows by time", "unordered_time", key))
    same = np.concatenate([[False], steps == 0])
    alike = np.ones(times.size, dtype=np.bool_)
    for array in values:
        alike[1:] &= (array[1:] == array[:-1]) | (np.isnan(array[1:]) & np.isnan(array[:-1]))
    clash = np.flatnonzero(same & ~alike)
    if clash.size:
        row = int(clash[0])
        what = f"duplicate_time: {format_ns(times[row])} stands twice with different values"
        fix = _or_repair("keep the row that is right and drop the other", "duplicate_time", key)
        raise Refused(what, where=place(row), fix=fix)
    repairs["duplicate_rows_dropped"] = int(same.sum())
    return ~same


def check_timeframe(raw: RawBars, step_ns: int) -> None:
    """Refuse bars that are plainly of another timeframe; they may be in any order."""
    steps = np.diff(distinct(raw.times))
    if steps.size >= 2:
        median = int(np.median(steps))
        # a thin market may miss every other bar; bars of another timeframe never stand this close, or closer
        if median < step_ns or (median > step_ns and (steps == step_ns).mean() < 0.1):
            asked, found = format_timeframe(step_ns), format_timeframe(median)
            what = f"wrong_timeframe: {asked} was asked for, but bars are {found} apart"
            fix = f'set timeframe = "{found}", or give the file of {asked} bars'
            raise Refused(what, where=f"{raw.path}, column {raw.columns['time'] or '(unnamed)'}", fix=fix)


def _check_grid(raw: RawBars, step_ns: int, repairs: dict[str, int]) -> None:
    """Times must lie a whole number of steps apart, and the step must be one that the data has."""
    times = raw.times
    check_timeframe(raw, step_ns)
    phase = times % step_ns
    phases, counts = np.unique(phase, return_counts=True)
    common = int(phases[np.argmax(counts)])
    # sessions may open off the hour and made-up data off the minute; a bar that begins inside a second is a close time
    stray = phase != common if common % min(step_ns, _SECOND) == 0 else np.ones(times.size, dtype=np.bool_)
    if common % min(step_ns, _MINUTE):
        repairs["times_off_the_minute"] = int(times.size)
    if stray.any():
        row = int(np.argmax(stray))
        what = f"off_grid: {format_ns(times[row])} is not on the grid of {format_timeframe(step_ns)} bars"
        fix = _or_repair("a bar's time is its open; give open times, and bars of one timeframe", "off_grid")
        count = int(stray.sum())
        more = f", and {count - 1} more rows" if count > 1 else ""
        raise Refused(what + more, where=place_in(raw, row, "time"), fix=fix)


def _with_tick(asked: Rules, prices: list[Floats], repairs: dict[str, int]) -> Rules:
    if asked.inferred:
        num, den = infer_tick(*prices)
        repairs["tick_inferred"] = 1
        return replace(asked, tick_num=num, tick_den=den)
    off = rows_off_tick((asked.tick_num, asked.tick_den), *prices)
    if off:
        repairs["prices_off_tick"] = off
    return asked


def _marks_at(times: Ints, path: str | os.PathLike[str], repairs: dict[str, int], repair: Mapping[str, str]) -> Floats:
    """The mark at each instant, or the last one up to a minute before it: payments are stamped some ms late."""
    table = read_table(path)
    notes: dict[str, int] = {}
    place = needed(table, "mark prices", _MARK_NAMES)
    columns: dict[str, Any] = {"ts": time_column(table, notes), "price": float_column(table, place, notes)}
    columns, rows = mended_rows("marks", columns, repair, notes, "data.mark_repair")
    mark_times, mark = columns["ts"], columns["price"]
    look = _Look(table, rows, "mark_repair")
    _check_marks(look, place, mark, allow_missing=False)
    kept = _check_order(mark_times, [mark], look.time_of, notes, "mark_repair")
    if kept is not None:
        mark_times, mark = mark_times[kept], mark[kept]
    for name, count in notes.items():
        repairs[f"mark_{name}"] = count
    last = np.searchsorted(mark_times, times, side="right") - 1
    near = (last >= 0) & (times - mark_times[last] <= _MINUTE)
    return np.where(near, mark[last], np.nan)
