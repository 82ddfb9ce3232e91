"""Bars and funding payments from one file: read, checked, and refused by name or repaired by a rule that has one.

    file -> table (columns by name) -> times, prices, volume -> checks -> grid -> tick -> Bars

Missing bars stay missing. The checks that need a store, or only warn (spikes, stale prices), belong elsewhere.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.instants import find_time, format_ns, time_column
from huracan.data.instrument import base_of, rules_from
from huracan.data.tables import Table, find_column, float_column, place_of, plain_name, read_table
from huracan.data.ticks import infer_tick, rows_off_tick
from huracan.data.timeframes import format_timeframe, parse_timeframe
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars, Payments, Rules

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PRICES = ("open", "high", "low", "close")
_PRICE_NAMES = {word: (word, word[0], word + "price") for word in PRICES}
_VOLUME_NAMES = ("volume", "vol", "v", "basevolume")
# half and full spreads, in basis points of the close or in price
_SPREAD_NAMES = (("halfspreadbps",), ("spreadbps",), ("halfspread",), ("spread",))
_RATE_NAMES = ("fundingrate", "lastfundingrate", "rate", "funding")
_MARK_NAMES = ("markprice", "mark", "open", "price")
_MINUTE = 60_000_000_000


def read_bars(
    path: str | os.PathLike[str],
    *,
    symbol: str = "",
    timeframe: str,
    venue: str = "",
    format: str | None = None,
    rules: Mapping[str, Any] | None = None,
) -> Bars:
    """The bars of one instrument; without a symbol the file's stem names it, without a tick the decimals do.

    >>> import json, tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
    ...     _ = file.write(json.dumps([[1704067200000, 10.0, 10.5, 9.5, 10.2, 3.0]]))
    ...     file.flush()
    ...     bars = read_bars(file.name, symbol="A/B", timeframe="1m")
    >>> bars.rules.kind, bars.rules.tick, bars.repairs
    ('spot', 0.1, {'tick_inferred': 1})
    """
    step_ns = parse_timeframe(timeframe)
    symbol = symbol or os.path.basename(os.fspath(path)).partition(".")[0]
    asked = rules_from(rules, symbol)
    table = read_table(path, format)
    repairs: dict[str, int] = {"columns_by_position": len(table.names)} if table.by_position and _is_csv(table) else {}
    places = _price_places(table)
    times = time_column(table, repairs)
    prices = {word: float_column(table, place, repairs) for word, place in places.items()}
    volume = _volume(table, symbol, repairs)
    spread = _half_spread(table, prices["close"], repairs)
    _check_prices(table, places, prices)
    kept = _check_order(table, times, [*prices.values(), *(a for a in (volume, spread) if a is not None)], repairs)
    if kept is not None:
        times = times[kept]
        prices = {word: array[kept] for word, array in prices.items()}
        volume = None if volume is None else volume[kept]
        spread = None if spread is None else spread[kept]
    _check_grid(table, times, step_ns)
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


def read_funding(path: str | os.PathLike[str], mark_path: str | os.PathLike[str] | None = None) -> Payments:
    """Funding payments at their own instants, jitter and all, with the mark price at or up to a minute before each.

    The rate is the column named so, or in files of candles the open. Marks come from the same file or from another
    one (of candles: their opens); where there is none they are NaN, and whoever settles says what stands in.
    """
    table = read_table(path)
    repairs: dict[str, int] = {}
    place = _needed(table, "funding rates", (*_RATE_NAMES, "open"))
    times = time_column(table, repairs)
    rate = float_column(table, place, repairs)
    column = table.names[place]
    fix = "write 0.0001 for one basis point; drop the row or fetch it again"
    _refuse_any(~np.isfinite(rate), table, column, "nan: the funding rate is {}", rate, fix)
    _refuse_any(np.abs(rate) >= 1, table, column, "bad_rate: {} is no funding rate", rate, fix)
    own = find_column(table, _MARK_NAMES[:2])
    mark = np.full(times.size, np.nan) if own is None else float_column(table, own, repairs)
    if own is not None:
        _check_marks(table, own, mark, allow_missing=True)
    kept = _check_order(table, times, [rate, mark], repairs)
    if kept is not None:
        times, rate, mark = times[kept], rate[kept], mark[kept]
    if mark_path is not None:
        mark = _marks_at(times, mark_path, repairs)
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


def _is_csv(table: Table) -> bool:
    return not table.path.lower().endswith(".json")


def _needed(table: Table, what: str, wanted: tuple[str, ...]) -> int:
    place = find_column(table, wanted)
    if place is None:
        found = ", ".join(repr(n) for n in table.names)
        fix = f"name the column {wanted[0]!r}; columns found: {found}"
        raise Refused(f"missing_column: no column of {what}", where=table.path, fix=fix)
    return place


def _price_places(table: Table) -> dict[str, int]:
    find_time(table)  # named first when missing: without times nothing else matters
    return {word: _needed(table, f"{word} prices", _PRICE_NAMES[word]) for word in PRICES}


def _volume(table: Table, symbol: str, repairs: dict[str, int]) -> Floats | None:
    base = plain_name(base_of(symbol))
    place = find_column(table, (*_VOLUME_NAMES, f"volume{base}"))
    if place is None:
        repairs["no_volume"] = table.rows
        return None
    volume = float_column(table, place, repairs)
    bad = ~(np.isfinite(volume) & (volume >= 0))
    fix = "write 0 where nothing traded, or drop the whole column to run without volume caps"
    _refuse_any(bad, table, table.names[place], "bad_volume: the volume is {}", volume, fix)
    return volume


def _half_spread(table: Table, close: Floats, repairs: dict[str, int]) -> Floats | None:
    for (word,), factor in zip(_SPREAD_NAMES, (1.0, 0.5, 1.0, 0.5), strict=True):
        place = find_column(table, (word,))
        if place is None:
            continue
        spread = float_column(table, place, repairs)
        bad = ~(np.isfinite(spread) & (spread >= 0))
        fix = "mend the row or drop the column"
        _refuse_any(bad, table, table.names[place], "bad_spread: the spread is {}", spread, fix)
        return spread * factor if word.endswith("bps") else spread * factor / close * 1e4
    return None


def _check_prices(table: Table, places: dict[str, int], prices: dict[str, Floats]) -> None:
    for word in PRICES:
        array, column = prices[word], table.names[places[word]]
        fix = "drop the row (missing bars are allowed) or fetch it again"
        _refuse_any(~np.isfinite(array), table, column, "nan: the price is {}", array, fix)
        _refuse_any(array <= 0, table, column, "nonpositive_price: the price is {}", array, fix)
    high, low = prices["high"], prices["low"]
    fix = "mend or drop the row; high must be the largest of the four and low the smallest"
    below = high < low
    _refuse_any(below, table, table.names[places["high"]], "bad_ohlc: the high {} is below the low", high, fix)
    for word in ("open", "close"):
        array, column = prices[word], table.names[places[word]]
        outside = (array > high) | (array < low)
        _refuse_any(outside, table, column, f"bad_ohlc: the {word} {{}} is outside low and high", array, fix)


def _check_marks(table: Table, place: int, mark: Floats, *, allow_missing: bool) -> None:
    bad = np.isinf(mark) | (mark <= 0) | (np.isnan(mark) & (not allow_missing))
    fix = "drop the row; a payment without a mark is settled at a price that the result names"
    _refuse_any(bad, table, table.names[place], "nonpositive_price: the mark price is {}", mark, fix)


def _refuse_any(bad: Flags, table: Table, column: str, what: str, values: Floats, fix: str) -> None:
    """Refuse on the first bad row, saying how many there are."""
    if bad.any():
        row, count = int(np.argmax(bad)), int(bad.sum())
        more = f", and {count - 1} more rows" if count > 1 else ""
        raise Refused(what.format(float(values[row])) + more, where=place_of(table, row, column), fix=fix)


def _check_order(table: Table, times: Ints, values: list[Floats], repairs: dict[str, int]) -> Flags | None:
    """Which rows to keep when some repeat the row before them exactly, None when none does."""
    steps = np.diff(times)
    if (steps > 0).all():
        return None
    column = table.names[find_time(table)] or "(unnamed)"
    back = np.flatnonzero(steps < 0)
    if back.size:
        row = int(back[0]) + 1
        now, before = format_ns(times[row]), format_ns(times[row - 1])
        what = f"unordered_time: {now} comes after {before}" + (f", and {back.size - 1} more" if back.size > 1 else "")
        raise Refused(what, where=place_of(table, row, column), fix="sort the rows by time")
    same = np.concatenate([[False], steps == 0])
    alike = np.ones(times.size, dtype=np.bool_)
    for array in values:
        alike[1:] &= (array[1:] == array[:-1]) | (np.isnan(array[1:]) & np.isnan(array[:-1]))
    clash = np.flatnonzero(same & ~alike)
    if clash.size:
        row = int(clash[0])
        what = f"duplicate_time: {format_ns(times[row])} stands twice with different values"
        raise Refused(what, where=place_of(table, row, column), fix="keep the row that is right and drop the other")
    repairs["duplicate_rows_dropped"] = int(same.sum())
    return ~same


def _check_grid(table: Table, times: Ints, step_ns: int) -> None:
    """Times must lie a whole number of steps apart, and the step must be one that the data has."""
    column = table.names[find_time(table)] or "(unnamed)"
    steps = np.diff(times)
    if steps.size >= 2:
        median = int(np.median(steps))
        # a thin market may miss every other bar; bars of another timeframe never stand this close, or closer
        if median < step_ns or (median > step_ns and (steps == step_ns).mean() < 0.1):
            asked, found = format_timeframe(step_ns), format_timeframe(median)
            what = f"wrong_timeframe: the spec says {asked}, but bars are {found} apart"
            fix = f'set timeframe = "{found}", or give the file of {asked} bars'
            raise Refused(what, where=f"{table.path}, column {column}", fix=fix)
    phase = times % step_ns
    phases, counts = np.unique(phase, return_counts=True)
    common = int(phases[np.argmax(counts)])
    # sessions may open off the hour, but a bar that begins inside a minute is a close time or a slip
    stray = phase != common if common % min(step_ns, _MINUTE) == 0 else np.ones(times.size, dtype=np.bool_)
    if stray.any():
        row = int(np.argmax(stray))
        what = f"off_grid: {format_ns(times[row])} is not on the grid of {format_timeframe(step_ns)} bars"
        fix = "a bar's time is its open; give open times, and bars of one timeframe"
        count = int(stray.sum())
        more = f", and {count - 1} more rows" if count > 1 else ""
        raise Refused(what + more, where=place_of(table, row, column), fix=fix)


def _with_tick(asked: Rules, prices: list[Floats], repairs: dict[str, int]) -> Rules:
    if asked.inferred:
        num, den = infer_tick(*prices)
        repairs["tick_inferred"] = 1
        return replace(asked, tick_num=num, tick_den=den)
    off = rows_off_tick((asked.tick_num, asked.tick_den), *prices)
    if off:
        repairs["prices_off_tick"] = off
    return asked


def _marks_at(times: Ints, path: str | os.PathLike[str], repairs: dict[str, int]) -> Floats:
    """The mark at each instant, or the last one up to a minute before it: payments are stamped some ms late."""
    table = read_table(path)
    notes: dict[str, int] = {}
    place = _needed(table, "mark prices", _MARK_NAMES)
    mark_times = time_column(table, notes)
    mark = float_column(table, place, notes)
    _check_marks(table, place, mark, allow_missing=False)
    kept = _check_order(table, mark_times, [mark], notes)
    if kept is not None:
        mark_times, mark = mark_times[kept], mark[kept]
    for name, count in notes.items():
        repairs[f"mark_{name}"] = count
    last = np.searchsorted(mark_times, times, side="right") - 1
    near = (last >= 0) & (times - mark_times[last] <= _MINUTE)
    return np.where(near, mark[last], np.nan)
