"""Tardis csv files as events: trades, incremental_book_L2 and quotes, told apart by their columns.

    file ─▶ blocks of whole lines ─▶ typed columns ─▶ rows checked ─▶ one feed a symbol, and what was noticed

Times are microseconds in the files. A snapshot is preceded by a CLEAR event, which the files don't have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.events import CLEAR, COLUMNS, DEPTH, QUOTE, SNAPSHOT, START, TRADE, Events, Noticed, join, only
from huracan.data.tables import first_apart, numpy_of
from huracan.data.text_blocks import BLOCK, KEEP_WHOLE, line_blocks
from huracan.sim.refusal import Refused

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_SHARED = ("exchange", "symbol", "timestamp", "local_timestamp")
LAYOUTS = {
    "incremental_book_L2": (*_SHARED, "is_snapshot", "side", "price", "amount"),
    "trades": (*_SHARED, "id", "side", "price", "amount"),  # after the book, whose columns include these
    "quotes": (*_SHARED, "ask_amount", "ask_price", "bid_price", "bid_amount"),
}
_WHOLE = ("timestamp", "local_timestamp")
_FEW = ("exchange", "symbol", "side", "is_snapshot")
_WORDS = (*_FEW, "id")
_NEEDED = {name for layout in LAYOUTS.values() for name in layout} - {"exchange"}
_EARLIEST_US = 10**15  # 2001: anything before is not in microseconds


@dataclass
class _Seen:
    """What is carried from block to block of one symbol."""

    exch: int = 0
    local: int = 0
    before: tuple[int, int] = (0, 0)  # the times of the last row of the block before
    snapshot: bool = False
    faults: dict[str, Noticed] = field(default_factory=dict)

    def note(self, name: str, bad: Flags, first_row: int, rows: Ints, local: Ints) -> None:
        at = np.flatnonzero(bad)
        if not at.size:
            return
        a, b = int(at[0]), int(at[-1])
        old = self.faults.get(name)
        start = (int(rows[a]) + first_row, int(local[a])) if old is None else (old.first_row, old.first_ns)
        count = int(at.size) + (old.count if old else 0)
        self.faults[name] = Noticed(name, count, start[0], int(rows[b]) + first_row, start[1], int(local[b]))


def read_tardis(
    path: str | os.PathLike[str], *, symbol: str | None = None, bad_lines: str = "refuse", block: int = BLOCK
) -> Events:
    """All events of one symbol, named as the venue does; the only one of the file unless given.

    Rows are refused where they are no numbers; with bad_lines="skip" a cut or damaged end is dropped and counted.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w") as file:
    ...     _ = file.write("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\\n")
    ...     _ = file.write("binance,BTCUSDT,1723161256322000,1723161256323000,1,sell,9.5,2\\n")
    ...     file.flush()
    ...     read = read_tardis(file.name)
    >>> read.symbol, read.side.tolist(), read.exch_ns.tolist()
    ('BTCUSDT', [-1], [1723161256322000000])
    """
    return only(join(tardis_blocks(path, bad_lines=bad_lines, block=block)), symbol, os.fspath(path))


def tardis_blocks(path: str | os.PathLike[str], *, bad_lines: str = "refuse", block: int = BLOCK) -> Iterator[Events]:
    """The feeds of all symbols block by block, in the file's order; problems are counted up from the file's start."""
    name = os.fspath(path)
    layout, first, seen = "", 1, dict[str, _Seen]()
    columns: tuple[str, ...] = ()
    for text, why in line_blocks(name, block):
        if why and bad_lines == "refuse":
            fix = f"fetch the file again, or {KEEP_WHOLE}: the rows before it are whole"
            raise Refused(why, where=f"{name}, after row {first + text.count(10) - 1}", fix=fix)
        if why:
            text = text[: text.rfind(b"\n") + 1]
        if not columns:
            head, _, text = text.partition(b"\n")
            columns = tuple(head.decode("utf-8-sig", "replace").strip().split(","))
            layout = layout_of(columns, name)
        rows = 0
        if text and not text.isspace():
            table = _typed(text, columns, name, first)
            rows = table.num_rows
            for symbol, part, places in _by_symbol(table):
                made = _EVENTS[layout](part, places, first, seen.setdefault(symbol, _Seen()), name)
                yield Events(symbol, **made, problems=tuple(seen[symbol].faults.values()))
        first += rows
        if why:
            for symbol, each in seen.items():
                each.faults["cut_short"] = Noticed("cut_short", 1, first - 1, first - 1, 0, 0)
                yield Events(symbol, **_nothing(), problems=tuple(each.faults.values()))
    if first == 1:
        raise Refused("empty: the file has no rows", where=name, fix="fetch or write the file again")


def layout_of(columns: tuple[str, ...], where: str) -> str:
    """Which of the files of Tardis has these columns.

    >>> layout_of(LAYOUTS["trades"], "trades.csv")
    'trades'
    """
    for layout, wanted in LAYOUTS.items():
        if set(wanted) - {"id", "exchange"} <= set(columns):
            return layout
    fix = f"known are {', '.join(LAYOUTS)}; the columns found: {', '.join(columns)[:200]}"
    raise Refused("unknown_layout: these are not the columns of a Tardis file", where=where, fix=fix)


def _typed(text: bytes, columns: tuple[str, ...], name: str, first: int) -> Any:
    """The block's rows as an arrow table; a cell that is no number is refused with its place."""
    import pyarrow as pa
    from pyarrow import csv

    few = pa.dictionary(pa.int32(), pa.string())  # words of which there are few: each is kept once
    kinds = {c: pa.int64() if c in _WHOLE else few if c in _FEW else pa.float64() for c in columns}
    kinds |= {"id": pa.string()} if "id" in columns else {}
    wanted = [c for c in columns if c in _NEEDED]
    try:
        return csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(column_names=list(columns)),
            convert_options=csv.ConvertOptions(
                column_types=kinds, include_columns=wanted, null_values=[""], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise _bad_cell(text, columns, name, first, str(error).splitlines()[0]) from None


def _bad_cell(text: bytes, columns: tuple[str, ...], name: str, first: int, said: str) -> Refused:
    """The first cell of a block that arrow would not read."""
    fix = "mend or drop the row, or fetch the file again"
    for row, line in enumerate(text.decode("utf-8", "replace").splitlines(), first):
        cells = line.split(",")
        if len(cells) != len(columns):
            what = f"ragged_row: {len(cells)} cells where the header names {len(columns)}"
            return Refused(what, where=f"{name}, row {row}, column {first_apart(len(cells), len(columns))}", fix=fix)
        for column, cell in zip(columns, cells, strict=True):
            try:
                if column in _NEEDED and column not in _WORDS:
                    _ = int(cell) if column in _WHOLE else float(cell or "nan")
            except ValueError:
                return Refused(f"not_a_number: {cell!r}", where=f"{name}, row {row}, column {column}", fix=fix)
    return Refused(f"unreadable: {said}", where=f"{name}, row {first} and after", fix=fix)


def _by_symbol(table: Any) -> Iterator[tuple[str, Any, Ints]]:
    """The rows of each symbol, and their places in the block."""
    import pyarrow as pa
    import pyarrow.compute as pc

    symbols = pc.unique(table["symbol"]).to_pylist()
    for symbol in symbols:
        if len(symbols) == 1:
            yield str(symbol), table, np.arange(table.num_rows)
        else:
            is_it = pc.equal(table["symbol"], symbol)
            places = np.flatnonzero(numpy_of(pc.cast(is_it, pa.uint8()), np.uint8))
            yield str(symbol), table.filter(is_it), places


def _times(part: Any, places: Ints, first: int, seen: _Seen, name: str) -> tuple[Ints, Ints]:
    """Exchange and local times in ns, with what is odd about them noticed."""
    times = []
    for column in _WHOLE:
        array = part[column]
        values = numpy_of(array, np.int64) if not array.null_count else np.zeros(len(array), dtype=np.int64)
        bad = (values < _EARLIEST_US) | (values > 9 * _EARLIEST_US)
        if bad.any():
            row = int(np.argmax(bad))
            where = f"{name}, row {int(places[row]) + first}, column {column}"
            what = f"bad_time: {array[row].as_py()} is no time in microseconds since 1970"
            raise Refused(what, where=where, fix="mend the row, or fetch the file again")
        times.append(values * 1_000)
    exch, local = times
    seen.note("unordered_time", np.diff(exch, prepend=seen.exch) < 0, first, places, local)
    seen.note("unordered_local_time", np.diff(local, prepend=seen.local) < 0, first, places, local)
    seen.note("local_before_exchange", local < exch, first, places, local)
    seen.before = seen.exch, seen.local
    seen.exch, seen.local = int(exch[-1]), int(local[-1])
    return exch, local


def _sides(part: Any, buy: str, sell: str) -> npt.NDArray[np.int8]:
    """+1, -1, or 0 for any other word."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plus = numpy_of(pc.cast(pc.equal(part["side"], buy), pa.int8()), np.int8)
    minus = numpy_of(pc.cast(pc.equal(part["side"], sell), pa.int8()), np.int8)
    side: npt.NDArray[np.int8] = plus - minus
    return side


def _trades(part: Any, places: Ints, first: int, seen: _Seen, name: str) -> dict[str, Any]:
    exch, local = _times(part, places, first, seen, name)
    price, qty = numpy_of(part["price"], np.float64), numpy_of(part["amount"], np.float64)
    side = _sides(part, "buy", "sell")
    bad = ~((price > 0) & (qty > 0) & np.isfinite(price) & np.isfinite(qty))
    seen.note("bad_level", bad, first, places, local)
    seen.note("unknown_side", (side == 0) & ~bad, first, places, local)
    keep = ~bad
    columns = _columns(TRADE, side[keep], price[keep], qty[keep], exch[keep], local[keep])
    if "id" in part.column_names:
        columns["seq"] = _numbers_of(part["id"])[keep]
    return columns


def _numbers_of(ids: Any) -> Ints:
    """Trades' own numbers; -1 where a venue's are no numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return numpy_of(pc.cast(pc.if_else(pc.equal(ids, ""), "-1", ids), pa.int64()), np.int64)
    except pa.ArrowException:
        return np.full(len(ids), -1, dtype=np.int64)


def _book(part: Any, places: Ints, first: int, seen: _Seen, name: str) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    exch, local = _times(part, places, first, seen, name)
    price, qty = numpy_of(part["price"], np.float64), numpy_of(part["amount"], np.float64)
    side = _sides(part, "bid", "ask")
    word = part["is_snapshot"]
    true = pc.or_(pc.equal(word, "true"), pc.equal(word, "True"))
    snapshot = numpy_of(pc.cast(true, pa.uint8()), np.uint8) == 1
    bad = ~((price > 0) & (qty >= 0) & np.isfinite(price) & np.isfinite(qty)) | (side == 0)
    seen.note("bad_level", bad, first, places, local)
    fresh = snapshot & np.diff(snapshot, prepend=seen.snapshot)  # the first row of each snapshot
    new = (np.diff(exch, prepend=seen.before[0]) != 0) | (np.diff(local, prepend=seen.before[1]) != 0)
    new |= np.diff(snapshot, prepend=seen.snapshot)
    seen.snapshot = bool(snapshot[-1])
    # a CLEAR before each snapshot: its row is there twice, and the first of the two becomes the CLEAR
    repeat = np.where(fresh, 2, 1) * (~bad | fresh)
    row = np.repeat(np.arange(len(exch)), repeat)
    clear = fresh[row] & np.append(True, np.diff(row) != 0)
    keep = clear | ~bad[row]
    row, clear = row[keep], clear[keep]
    columns = _columns(DEPTH, side[row], price[row], qty[row], exch[row], local[row])
    columns["flags"] = np.where(snapshot[row], SNAPSHOT, 0).astype(np.uint8)
    message = np.cumsum(new)[row]
    columns["flags"][np.diff(message, prepend=0) != 0] |= START
    for column, value in (("kind", CLEAR), ("side", 0), ("price", 0.0), ("qty", 0.0)):
        columns[column][clear] = value
    return columns


def _quotes(part: Any, places: Ints, first: int, seen: _Seen, name: str) -> dict[str, Any]:
    exch, local = _times(part, places, first, seen, name)
    price = np.stack([numpy_of(part[f"{word}_price"], np.float64) for word in ("bid", "ask")], axis=1).ravel()
    qty = np.stack([numpy_of(part[f"{word}_amount"], np.float64) for word in ("bid", "ask")], axis=1).ravel()
    side = np.tile(np.array([1, -1], dtype=np.int8), len(exch))
    exch2, local2, places2 = np.repeat(exch, 2), np.repeat(local, 2), np.repeat(places, 2)
    empty = np.isnan(price) | np.isnan(qty)
    bad = ~empty & ~((price > 0) & (qty >= 0))
    seen.note("bad_level", bad, first, places2, local2)
    seen.note("empty_quote", empty, first, places2, local2)
    keep = ~(bad | empty)
    crossed = (price[0::2] >= price[1::2]) & keep[0::2] & keep[1::2]
    seen.note("crossed_book", crossed, first, places, local)
    columns = _columns(QUOTE, side[keep], price[keep], qty[keep], exch2[keep], local2[keep])
    message = np.repeat(np.arange(len(exch)), 2)[keep]
    columns["flags"] = np.where(np.append(True, np.diff(message) != 0)[: len(message)], START, 0).astype(np.uint8)
    return columns


def _columns(
    kind: int, side: npt.NDArray[np.int8], price: Floats, qty: Floats, exch: Ints, local: Ints
) -> dict[str, Any]:
    """Events of one kind, each a message of its own."""
    n = len(price)
    kinds, flags = np.full(n, kind, dtype=np.int8), np.full(n, START, dtype=np.uint8)
    columns = (kinds, side, flags, price, qty, exch, local, np.full(n, -1, dtype=np.int64))
    return dict(zip(COLUMNS, columns, strict=True))


def _nothing() -> dict[str, Any]:
    none = np.empty(0)
    return _columns(TRADE, none.astype(np.int8), none, none, none.astype(np.int64), none.astype(np.int64))


_EVENTS = {"trades": _trades, "incremental_book_L2": _book, "quotes": _quotes}
