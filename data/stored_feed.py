"""Books and trades of the store as one feed again, in the order in which it was recorded.

The store is ordered by the exchange's time; each row keeps when it was received, and its flags. What empties a book is
not stored, its snapshot's first row says it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from huracan.data import store
from huracan.data.events import CLEAR, COLUMNS, DEPTH, SNAPSHOT, START, TRADE, Events, take
from huracan.data.store_kinds import BOOK, TRADES, Series, numbers, times
from huracan.sim.refusal import Refused


def stored_feed(root: Path, venue: str, symbol: str, start_ns: int | None = None, end_ns: int | None = None) -> Events:
    """The levels and trades held of a symbol, up to a time, from the last snapshot before a start on."""
    series = Series(venue, symbol, BOOK)
    since = None if start_ns is None else last_snapshot(root, series, start_ns)
    book, trades = (store.read(root, Series(venue, symbol, kind), None, since, end_ns) for kind in (BOOK, TRADES))
    if not book.num_rows:
        fix = "`huracan data import` a recorded feed; `huracan data list` shows what there is"
        raise Refused(f"no book of {venue} {symbol} in the store", where=str(root), fix=fix)
    both = [levels(symbol, book), executions(symbol, trades)]
    columns: dict[str, Any] = {name: np.concatenate([getattr(each, name) for each in both]) for name in COLUMNS}
    feed = Events(symbol, **columns)
    return take(feed, np.argsort(feed.local_ns, kind="stable"))


def last_snapshot(root: Path, series: Series, before_ns: int) -> int | None:
    """The time of the last snapshot before a time, None where there is none: a book is whole from one on."""
    found = None
    for table in store.stream(root, series, ["snapshot"], None, before_ns):
        rows = np.flatnonzero(np.asarray(table.column("snapshot").to_numpy(zero_copy_only=False)))
        if len(rows):
            found = int(times(table)[rows[-1]])
    return found


def levels(symbol: str, table: Any) -> Events:
    """Rows of a stored book as events; before the first of each snapshot the book is emptied."""
    ts, seq = times(table), numbers(table, "seq")
    snapshot = np.asarray(table.column("snapshot").to_numpy(zero_copy_only=False), dtype=np.bool_)
    local = times(table, "local_ts") if "local_ts" in table.column_names else ts
    order = np.argsort(local, kind="stable")
    ts, seq, snapshot, local = ts[order], seq[order], snapshot[order], local[order]
    new = (np.diff(local, prepend=local[0] - 1) != 0) | (np.diff(seq, prepend=seq[0] - 1) != 0)
    new |= np.diff(ts, prepend=ts[0] - 1) != 0
    flags = np.where(snapshot, SNAPSHOT, 0) | np.where(new, START, 0)
    if "flags" in table.column_names:
        flags = numbers(table, "flags")[order]
    begins = snapshot & (new | ~np.append(False, snapshot[:-1]))
    row = np.repeat(np.arange(len(ts)), np.where(begins, 2, 1))
    clear = begins[row] & np.append(True, np.diff(row) != 0)
    behind = np.append(False, clear[:-1])  # the snapshot's own first row: the one that empties the book began it
    flags = np.where(clear, START | SNAPSHOT, np.where(behind, flags[row] & ~START, flags[row]))
    price, qty, side = (numbers(table, name)[order][row] for name in ("price", "qty", "side"))
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
