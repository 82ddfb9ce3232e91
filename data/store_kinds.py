"""What the store holds: the columns of each kind, what a row must satisfy, and how a series is called on the disk.

Times are timestamp[ns, UTC] in a column `ts`: a bar's open, a trade's or a book change's stamp by the exchange, the
instant of a payment. `local_ts` is when the row was received, where that is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from huracan.data.instants import format_ns
from huracan.data.timeframes import format_timeframe, parse_timeframe
from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    import pyarrow as pa

BARS, TRADES, BOOK, QUOTES, FUNDING, MARK = "bars", "trades", "book", "quotes", "funding", "mark"
KINDS = (BARS, TRADES, BOOK, QUOTES, FUNDING, MARK)
WITH_TIMEFRAME = (BARS, MARK)
ONE_A_TIME = (BARS, MARK, FUNDING)  # kinds with at most one row at an instant; of two the later one written stands

# name, arrow type, must the column be there
_COLUMNS = {
    BARS: (
        *(("ts", "time", True), ("open", "f8", True), ("high", "f8", True), ("low", "f8", True), ("close", "f8", True)),
        *(("volume", "f8", False), ("half_spread_bps", "f8", False)),
    ),
    # side: +1 the buyer took, -1 the seller took, 0 unknown; id as the exchange writes it, "" unknown
    TRADES: (
        *(("ts", "time", True), ("price", "f8", True), ("qty", "f8", True), ("side", "i1", True)),
        *(("id", "text", True), ("local_ts", "time", False)),
    ),
    # one level a row: qty 0 takes it away; side +1 bid, -1 ask; snapshot rows begin the book anew; seq is the
    # exchange's number of the update, -1 unknown; flags are data/events.py's: what reading a feed noticed of the row
    BOOK: (
        *(("ts", "time", True), ("side", "i1", True), ("price", "f8", True), ("qty", "f8", True)),
        *(("seq", "i8", True), ("snapshot", "flag", True), ("local_ts", "time", False), ("flags", "i1", False)),
    ),
    # one side of a best bid or offer a row
    QUOTES: (
        *(("ts", "time", True), ("side", "i1", True), ("price", "f8", True), ("qty", "f8", True)),
        *(("seq", "i8", True), ("local_ts", "time", False), ("flags", "i1", False)),
    ),
    FUNDING: (("ts", "time", True), ("rate", "f8", True), ("mark", "f8", True)),  # mark NaN where unknown
    MARK: (
        *(("ts", "time", True), ("open", "f8", True), ("high", "f8", True), ("low", "f8", True), ("close", "f8", True)),
    ),
}
_SECOND = 1_000_000_000


@dataclass(frozen=True, order=True)
class Series:
    """One series of the store; the symbol is written as ccxt does, the timeframe is "" for kinds without one.

    >>> Series("binance", "BTC/USDT:USDT", "bars", "60m")
    Series(venue='binance', symbol='BTC/USDT:USDT', kind='bars', timeframe='1h')
    """

    venue: str
    symbol: str
    kind: str = BARS
    timeframe: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Refused(f"{self.kind!r} is no kind of data", where="kind", fix=f"use one of {', '.join(KINDS)}")
        for word, name in (("venue", self.venue), ("symbol", self.symbol)):
            if not name or len(folder_name(name)) > 200:
                raise Refused(f"{name!r} is no name for a {word}", where=word, fix="write it as ccxt does, BTC/USDT")
        if self.kind in WITH_TIMEFRAME:
            object.__setattr__(self, "timeframe", format_timeframe(parse_timeframe(self.timeframe)))
        elif self.timeframe:
            raise Refused(f"{self.kind} have no timeframe", where="timeframe", fix="leave it out")

    def __str__(self) -> str:
        return " ".join(word for word in (self.venue, self.symbol, self.kind, self.timeframe) if word)

    @property
    def step_ns(self) -> int:
        """Nanoseconds of the timeframe, 0 without one."""
        return parse_timeframe(self.timeframe) if self.timeframe else 0


def folder_name(name: str) -> str:
    """A name as a folder's, so that `plain_name_of` gives it back: / is _, : is +, and what is unsafe is percent.

    >>> folder_name("BTC/USDT:USDT"), plain_name_of("BTC_USDT+USDT"), folder_name("a_b"), folder_name("..")
    ('BTC_USDT+USDT', 'BTC/USDT:USDT', 'a%5Fb', '%2E.')
    """
    safe = quote(name, safe="/:").replace("_", "%5F").replace("/", "_").replace(":", "+").replace("~", "%7E")
    return "%2E" + safe[1:] if safe.startswith(".") else safe


def plain_name_of(folder: str) -> str:
    """The name that `folder_name` made a folder's of."""
    return unquote(folder.replace("_", "/").replace("+", ":"))


@cache
def schema(kind: str) -> pa.Schema:
    """Arrow types of a kind's columns, those that may be missing included."""
    import pyarrow as pa

    types = {"time": pa.timestamp("ns", "UTC"), "f8": pa.float64(), "i8": pa.int64(), "i1": pa.int8()}
    types |= {"text": pa.string(), "flag": pa.bool_()}
    return pa.schema([pa.field(name, types[word], nullable=False) for name, word, _ in _COLUMNS[kind]])


def as_table(kind: str, columns: Any) -> pa.Table:
    """A table or a mapping of arrays in the kind's types and order; `ts` may be int64 nanoseconds.

    >>> as_table("funding", {"ts": np.array([0]), "rate": np.array([1e-4]), "mark": np.array([9.5])}).column_names
    ['ts', 'rate', 'mark']
    """
    import pyarrow as pa

    given = set(columns.column_names if isinstance(columns, pa.Table) else columns)
    wanted = {name: must for name, _, must in _COLUMNS[kind]}
    missing = [name for name, must in wanted.items() if must and name not in given]
    if missing or given - set(wanted):
        found = ", ".join(sorted(given))
        fix = f"give the columns {', '.join(wanted)}; found: {found}"
        raise Refused(f"missing_column: {kind} need exactly their own columns", where=kind, fix=fix)
    fields = [field for field in schema(kind) if field.name in given]
    arrays = []
    for field in fields:
        raw = columns[field.name]
        array = raw.combine_chunks() if isinstance(raw, pa.ChunkedArray) else pa.array(raw)
        if pa.types.is_timestamp(field.type) and pa.types.is_integer(array.type):
            array = array.cast(pa.int64())
        if isinstance(array, pa.ChunkedArray):  # combining nothing gives nothing to combine
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
        if array.null_count:
            raise Refused(f"nan: {array.null_count} rows have no {field.name}", where=kind, fix="drop these rows")
        arrays.append(array.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def times(table: pa.Table, column: str = "ts") -> npt.NDArray[np.int64]:
    """A column of times as int64 nanoseconds UTC."""
    import pyarrow as pa

    return np.asarray(table.column(column).cast(pa.int64()).to_numpy())


def numbers(table: pa.Table, column: str) -> npt.NDArray[Any]:
    """A column of numbers as a numpy array."""
    return np.asarray(table.column(column).to_numpy())


def check_rows(series: Series, table: pa.Table) -> None:
    """Refuse rows that no run could use: out of order, doubled, not finite, below zero, inside out, off the grid."""
    ts = times(table)
    steps = np.diff(ts)
    one = series.kind in ONE_A_TIME
    _refuse(series, ts, np.concatenate([[False], steps < 0]), "unordered_time", "sort the rows by time")
    if one:
        _refuse(series, ts, np.concatenate([[False], steps == 0]), "duplicate_time", "keep one row a time")
    _refuse(series, ts, ts < 0, "bad_time", "give times since 1970")
    if series.step_ns:
        off = ts % min(series.step_ns, _SECOND) != 0  # whole seconds: not all data begins on the minute
        _refuse(series, ts, off, "off_grid", "a bar's time is its open")
    for name, above in (("open", 0), ("high", 0), ("low", 0), ("close", 0), ("price", 0)):
        if name in table.column_names:
            values = numbers(table, name)
            _refuse(series, ts, ~np.isfinite(values), f"nan in {name}", "drop the row or fetch it again")
            _refuse(series, ts, values <= above, f"nonpositive_price in {name}", "drop the row or fetch it again")
    if "high" in table.column_names:
        o, h, low, c = (numbers(table, name) for name in ("open", "high", "low", "close"))
        bad = (h < low) | (o > h) | (o < low) | (c > h) | (c < low)
        _refuse(series, ts, bad, "bad_ohlc", "drop the row or fetch it again")
    for name in ("qty", "half_spread_bps", "volume"):
        if name in table.column_names:
            values = numbers(table, name)
            _refuse(series, ts, ~(np.isfinite(values) & (values >= 0)), f"bad {name}", "write 0 for nothing")
    if "rate" in table.column_names:
        _refuse(series, ts, ~(np.abs(numbers(table, "rate")) < 1), "bad_rate", "write 0.0001 for one basis point")
    if "mark" in table.column_names:
        mark = numbers(table, "mark")
        _refuse(series, ts, np.isinf(mark) | (mark <= 0), "nonpositive_price in mark", "write NaN for unknown")
    if "side" in table.column_names:
        side = numbers(table, "side")
        bad = (np.abs(side) > 1) | ((side == 0) if series.kind in (BOOK, QUOTES) else np.False_)
        _refuse(series, ts, bad, "bad_side", "write +1 or -1")


def _refuse(series: Series, ts: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_], what: str, fix: str) -> None:
    if bad.any():
        row, count = int(np.argmax(bad)), int(bad.sum())
        more = f", and {count - 1} more rows" if count > 1 else ""
        raise Refused(f"{what}: row {row + 1}, {format_ns(ts[row])}{more}", where=str(series), fix=fix)


HASHED = 65_536  # rows of a column that are turned into text at once


def content_hash(table: pa.Table) -> str:
    """sha256 of a table's names and values, whatever file, chunks or compression they stand in."""
    some = [table.slice(lo, HASHED) for lo in range(0, table.num_rows, HASHED)]
    return hash_in_pieces(table.column_names, table.num_rows, lambda name: (each.column(name) for each in some))


def hash_in_pieces(names: Sequence[str], rows: int, pieces: Callable[[str], Iterable[Any]]) -> str:
    """The same of columns that come in pieces, one column after the other."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}:{rows}:".encode())
        for k, column in enumerate(pieces(name)):
            if str(column.type) == "string":
                digest.update((b"\0" if k else b"") + "\0".join(column.to_pylist()).encode())
            else:
                digest.update(_plain(column).data)
    return digest.hexdigest()


def _plain(column: Any) -> npt.NDArray[Any]:
    """A column of no text as numbers that are the same on every machine, with one zero."""
    import pyarrow as pa

    if str(column.type) == "bool":
        return np.ascontiguousarray(column.to_numpy(), dtype="i1")
    if "timestamp" in str(column.type):
        return np.ascontiguousarray(column.cast(pa.int64()).to_numpy(), dtype="<i8")
    if str(column.type) == "double":
        return np.ascontiguousarray(np.asarray(column.to_numpy()) + 0.0, dtype="<f8")
    return np.ascontiguousarray(column.to_numpy())
