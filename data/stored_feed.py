"""Books, trades and quotes of the store as one feed again, in the order in which it was recorded.

The store is ordered by the exchange's time; each row keeps when it was received, and its flags. What empties a book is
not stored, its snapshot's first row says it. Long feeds are put in order on files, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from huracan.data import store
from huracan.data.events import CLEAR, COLUMNS, DEPTH, QUOTE, SNAPSHOT, START, TRADE, TYPES, Events, events_of
from huracan.data.store_kinds import BOOK, QUOTES, TRADES, Series, numbers, times
from huracan.sim.refusal import Refused
from huracan.sim.spool import Column, in_order, put_rows, spool

NO_FLAGS = -1
ROWS = {
    "ts": "i8",
    "local": "i8",
    "seq": "i8",
    "snapshot": "?",
    "flags": "i2",
    "price": "f8",
    "qty": "f8",
    "side": "i1",
}


def stored_pieces(
    root: Path,
    venue: str,
    symbol: str,
    start_ns: int | None = None,
    end_ns: int | None = None,
    *,
    quotes: str = "auto",
) -> Iterator[Events]:
    """The levels and trades held of a symbol, up to a time, from the last snapshot before a start on, in pieces.

    `quotes`: "use" gives the quotes too, "check" doesn't, "auto" where there are no levels.
    """
    series = Series(venue, symbol, BOOK)
    since = None if start_ns is None else last_snapshot(root, series, start_ns)
    rows = spool(ROWS)
    for table in store.stream(root, series, None, since, end_ns):
        put_rows(rows, _columns_of(table))
    deep = len(rows["ts"]) > 0
    told = Series(venue, symbol, QUOTES)
    if not deep and start_ns is not None:
        since = last_touch(root, told, start_ns)
    touches = spool(TYPES)
    if quotes == "use" or (quotes == "auto" and not deep):
        for table in store.stream(root, told, None, since, end_ns):
            put(touches, best_prices(symbol, table))
    if not deep and not len(touches["kind"]):
        fix = "`huracan data import` a recorded feed; `huracan data list` shows what there is"
        raise Refused(f"no book of {venue} {symbol} in the store", where=str(root), fix=fix)
    book, trades, before = spool(TYPES), spool(TYPES), None
    for piece in in_order([rows], "local"):
        put(book, levels(symbol, piece, before))
        before = {name: column[-1] for name, column in piece.items()}
    for table in store.stream(root, Series(venue, symbol, TRADES), None, since, end_ns):
        put(trades, executions(symbol, table))
    for columns in in_order([book, touches, trades], "local_ns"):
        yield events_of(symbol, columns)


def put(columns: Mapping[str, Column], events: Events) -> None:
    """Events into columns of theirs."""
    put_rows(columns, {name: getattr(events, name) for name in COLUMNS})


def stored_levels(series: Series, tables: Iterable[Any]) -> Iterator[Events]:
    """Rows of a stored book as events, in the order in which they were received."""
    rows, before = spool(ROWS), None
    for table in tables:
        put_rows(rows, _columns_of(table))
    for piece in in_order([rows], "local"):
        yield levels(series.symbol, piece, before)
        before = {name: column[-1] for name, column in piece.items()}


def last_snapshot(root: Path, series: Series, before_ns: int) -> int | None:
    """The time of the last snapshot before a time, None where there is none: a book is whole from one on."""
    found = None
    for table in store.stream(root, series, ["snapshot"], None, before_ns):
        rows = np.flatnonzero(np.asarray(table.column("snapshot").to_numpy(zero_copy_only=False)))
        if len(rows):
            found = int(times(table)[rows[-1]])
    return found


def last_touch(root: Path, series: Series, before_ns: int) -> int | None:
    """The time from which on the quotes held before a time say both sides of the touch, None where they don't."""
    found: dict[int, int] = {}
    for table in store.stream(root, series, ["side"], None, before_ns):
        side, ts = numbers(table, "side"), times(table)
        for each in (1, -1):
            rows = np.flatnonzero(side == each)
            if len(rows):
                found[each] = int(ts[rows[-1]])
    return min(found.values()) if len(found) == 2 else None


def _columns_of(table: Any) -> dict[str, Any]:
    """Columns of `ROWS` of a table of the store; without flags of its own a row has NO_FLAGS."""
    n, ts = table.num_rows, times(table)
    held = "flags" in table.column_names
    return {
        "ts": ts,
        "local": times(table, "local_ts") if "local_ts" in table.column_names else ts,
        "seq": numbers(table, "seq"),
        "snapshot": np.asarray(table.column("snapshot").to_numpy(zero_copy_only=False), dtype=np.bool_),
        "flags": numbers(table, "flags") if held else np.full(n, NO_FLAGS),
        **{name: numbers(table, name) for name in ("price", "qty", "side")},
    }


def levels(symbol: str, rows: Mapping[str, Any], before: Mapping[str, Any] | None) -> Events:
    """Rows of a stored book, in the order of local time, as events; before the first of each snapshot it is emptied.

    `before` is the row that came before them.
    """
    local, seq, snapshot, ts = rows["local"], rows["seq"], rows["snapshot"], rows["ts"]
    new = np.zeros(len(ts), np.bool_)
    for column in (local, seq, ts):
        new[1:] |= np.diff(column) != 0
    first = before is None or any(before[name] != rows[name][0] for name in ("local", "seq", "ts"))
    new[:1] = first
    flags = np.where(snapshot, SNAPSHOT, 0) | np.where(new, START, 0)
    flags = np.where(rows["flags"] == NO_FLAGS, flags, rows["flags"])
    begins = snapshot & (new | ~np.append(before is not None and bool(before["snapshot"]), snapshot[:-1]))
    row = np.repeat(np.arange(len(ts)), np.where(begins, 2, 1))
    clear = begins[row] & np.append(True, np.diff(row) != 0)
    behind = np.append(False, clear[:-1])  # the snapshot's own first row: the one that empties the book began it
    flags = np.where(clear, START | SNAPSHOT, np.where(behind, flags[row] & ~START, flags[row]))
    price, qty, side = (rows[name][row] for name in ("price", "qty", "side"))
    return Events(
        symbol,
        kind=np.where(clear, CLEAR, DEPTH).astype(np.int8),
        side=np.where(clear, 0, side).astype(np.int8),
        flags=flags.astype(np.uint8),
        price=np.where(clear, 0.0, price),
        qty=np.where(clear, 0.0, qty),
        exch_ns=ts[row],
        local_ns=local[row],
        seq=seq[row],
    )


def best_prices(symbol: str, table: Any) -> Events:
    """Rows of stored quotes as events."""
    n, ts = table.num_rows, times(table)
    return Events(
        symbol,
        kind=np.full(n, QUOTE, np.int8),
        side=numbers(table, "side").astype(np.int8),
        flags=numbers(table, "flags").astype(np.uint8)
        if "flags" in table.column_names
        else np.full(n, START, np.uint8),
        price=numbers(table, "price"),
        qty=numbers(table, "qty"),
        exch_ns=ts,
        local_ns=times(table, "local_ts") if "local_ts" in table.column_names else ts,
        seq=numbers(table, "seq"),
    )


def stored_quotes(series: Series, tables: Iterable[Any]) -> Iterator[Events]:
    """Rows of stored quotes as events, in the order in which they were received."""
    touches = spool(TYPES)
    for table in tables:
        put(touches, best_prices(series.symbol, table))
    for columns in in_order([touches], "local_ns"):
        yield events_of(series.symbol, columns)


def executions(symbol: str, table: Any) -> Events:
    """Rows of stored trades as events; an id that is no number is not kept."""
    import pyarrow as pa
    import pyarrow.compute as pc

    n = table.num_rows
    ids = table.column("id")
    numeric = pc.match_substring_regex(ids, r"^\d{1,18}$")
    seq = pc.cast(pc.if_else(numeric, ids, "-1"), pa.int64()).to_numpy()
    ts = times(table)
    return Events(
        symbol,
        kind=np.full(n, TRADE, np.int8),
        side=numbers(table, "side").astype(np.int8),
        flags=np.full(n, START, np.uint8),
        price=numbers(table, "price"),
        qty=numbers(table, "qty"),
        exch_ns=ts,
        local_ns=times(table, "local_ts") if "local_ts" in table.column_names else ts,
        seq=np.asarray(seq),
    )
