"""Single trades of a file that is too long for the memory: read piece by piece, judged, then given out to be stored.

    file ─▶ pieces ─▶ judged row by row, without those whose id stands above ─▶ temporary files ─▶ tables for the store

Nothing is given out before the last row of the file was judged. Where a row needs a repair, or must be refused, nothing
is decided here (`NotInPieces`): the file is then read whole, and its fault named as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from huracan.data.bar_faults import Flags, spikes
from huracan.data.detect import TRADE_PRICE, TRADE_QTY, Trades, trades_of_table
from huracan.data.instants import SLASHED
from huracan.data.raw_bars import PRICES, renamed
from huracan.data.repair_rules import TRADE_RULES, chosen
from huracan.data.row_faults import doubled_ids, trade_values
from huracan.data.stored_checks import Known
from huracan.data.table_pieces import NotInPieces, table_pieces
from huracan.data.tables import Table, find_column
from huracan.sim.refusal import Refused
from huracan.sim.spool import ROWS, Column, put_rows, spool

GATHERED = 262_144  # trades that go into the store at once
FIRST = "duplicate_trade_first"


@dataclass
class LongTrades:
    """Trades in temporary files, in the order of time, none of which needs a repair."""

    known: Known
    columns: dict[str, Column]
    id_ends: Column
    id_letters: Column
    notes: dict[str, int] = field(default_factory=dict)
    form: str = ""
    doubled: int = 0
    sideless: int = 0
    letters: int = 0
    last: list[tuple[int, str]] = field(default_factory=list)  # the trades of the last instant

    def __len__(self) -> int:
        return len(self.columns["ts"])

    def add(self, trades: Trades, kept: Flags) -> None:
        """Those trades that are kept, behind those before."""
        rows: dict[str, Any] = {"ts": trades.times, "price": trades.price, "qty": trades.qty, "side": trades.side}
        self.known.see(trades.times, {"price": trades.price}, kept)
        put_rows(self.columns, {name: column[kept] for name, column in rows.items()})
        encoded = [each.encode() for each, keep in zip(trades.ids, kept.tolist(), strict=True) if keep]
        ends = self.letters + np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
        self.id_ends.append(ends)
        self.id_letters.append(np.frombuffer(b"".join(encoded), np.uint8))
        self.letters += sum(map(len, encoded))
        self.sideless += int((trades.side[kept] == 0).sum())
        self.known.counted |= bool((trades.side[kept] != 0).any())

    def again(self, trades: Trades) -> Flags:
        """Which of them have the time and the id of one above; they are remembered for those behind."""
        columns: dict[str, Any] = {"ts": trades.times, "id": np.array(trades.ids, object)}
        if self.last:
            columns = {
                "ts": np.append([ts for ts, _ in self.last], trades.times),
                "id": np.append(np.array([word for _, word in self.last], object), columns["id"]),
            }
        found = doubled_ids(columns)[len(self.last) :]
        here = [
            (ts, word) for ts, word in zip(trades.times.tolist(), trades.ids, strict=True) if ts == trades.times[-1]
        ]
        there = self.last if self.last and self.last[0][0] == trades.times[-1] else []
        self.last = [*there, *here]
        return found

    def tables(self) -> Iterator[dict[str, Any]]:
        """All trades as columns of the store, cut between two instants."""
        lo = 0
        while lo < len(self):
            hi = min(lo + GATHERED, len(self))
            times = self.columns["ts"].read(lo, hi + 1)
            while hi < len(self) and times[-1] == times[0]:  # one instant with very many trades stays together
                hi = min(hi + GATHERED, len(self))
                times = self.columns["ts"].read(lo, hi + 1)
            if hi < len(self):
                hi = lo + int(np.searchsorted(times, times[-1], side="left"))
            rows: dict[str, Any] = {name: column.read(lo, hi) for name, column in self.columns.items()}
            yield rows | {"id": self._ids(lo, hi)}
            lo = hi

    def _ids(self, lo: int, hi: int) -> Any:
        import pyarrow as pa

        ends = np.concatenate(
            [self.id_ends.read(lo - 1, lo) if lo else np.zeros(1, np.int64), self.id_ends.read(lo, hi)]
        )
        letters = self.id_letters.read(int(ends[0]), int(ends[-1]))
        buffers = [None, pa.py_buffer(ends - ends[0]), pa.py_buffer(letters)]
        return pa.Array.from_buffers(pa.large_string(), hi - lo, buffers).cast(pa.string())

    def problems(self) -> dict[str, int]:
        """What is odd with them, as row_faults counts it."""
        usual, spiked = self.known.usual("price"), 0
        for lo in range(0, len(self), ROWS):
            around, own = self.known.around(lo, min(lo + ROWS, len(self)))
            spiked += int(spikes(dict.fromkeys(PRICES, around["price"]), usual)[own].sum())
        found = {"spike": spiked, "unknown_side": self.sideless if self.known.counted else 0}
        return {name: count for name, count in found.items() if count}


def long_trades(
    path: str, format: str | None, columns: Mapping[str, str] | None, repair: Mapping[str, str]
) -> LongTrades:
    """The trades of a file, judged to its last row."""
    rules = {name: chosen(repair, TRADE_RULES, name) for name in TRADE_RULES}
    if set(repair) - set(rules) or any(rule not in ("keep", "refuse", "first") for rule in rules.values()):
        raise NotInPieces
    found = LongTrades(
        Known(spool({"price": "f8"})),
        spool({"ts": "i8", "price": "f8", "qty": "f8", "side": "i1"}),
        Column("i8"),
        Column("u1"),
    )
    for table in table_pieces(path, format):
        _add(found, _read(table, columns or {}), once=rules["duplicate_trade"] == "first")
    if not len(found):
        raise NotInPieces
    if found.doubled:
        found.notes[FIRST] = found.doubled
    return found


def _read(table: Table, columns: Mapping[str, str]) -> Trades:
    """The trades of one piece, if they read alone as they would among all."""
    import pyarrow as pa

    try:
        named = renamed(table, columns)
        for place in (find_column(named, TRADE_PRICE), find_column(named, TRADE_QTY)):
            kind = None if place is None else named.columns[place].type
            kind = kind.value_type if kind is not None and pa.types.is_dictionary(kind) else kind
            if kind is not None and pa.types.is_float32(kind):  # widened by what suits all rows
                raise NotInPieces
        return trades_of_table(named)
    except Refused as error:
        raise NotInPieces from error


def _add(found: LongTrades, trades: Trades, *, once: bool) -> None:
    """Judge a piece, and put it behind the others."""
    form = found.form or trades.form
    before = found.known.last if found.known.rows else int(trades.times[0])
    bad = np.logical_or.reduce(trade_values(trades.price, trades.qty))
    back = np.diff(trades.times, prepend=before) < 0
    if form != trades.form or form == SLASHED or bad.any() or back.any() or trades.times[0] < 0:
        raise NotInPieces
    again = found.again(trades)
    if again.any() and not once:
        raise NotInPieces
    found.form = form
    for name, count in trades.notes.items():
        found.notes[name] = found.notes.get(name, 0) + count
    found.doubled += int(again.sum())
    found.add(trades, ~again)
