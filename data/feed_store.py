"""Events of a feed into the store: levels as book rows, trades, quotes, in the order of the exchange's time.

    blocks of events ─▶ rows held back until nothing earlier can follow ─▶ append

Feeds are recorded by local time, the store is ordered by the exchange's; rows wait until the feed is PATIENCE further.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.events import COLUMNS, DEPTH, QUOTE, SNAPSHOT, TRADE, Events, Noticed, take
from huracan.data.store_kinds import BOOK, QUOTES, TRADES, Series
from huracan.data.store_writing import append
from huracan.data.ticks import infer_tick

PATIENCE = 5_000_000_000
GATHERED = 400_000  # events that are worth a part


@dataclass
class FeedStore:
    """One symbol on its way into the store: `add` blocks in the file's order, then `close`.

    `new` counts rows that were new by kind, `left_out` events that the store has no place for.
    """

    root: Path
    venue: str
    symbol: str
    new: dict[str, int] = field(default_factory=dict)
    events: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    problems: tuple[Noticed, ...] = ()
    held: list[Events] = field(default_factory=list)
    latest: int = 0
    ticks: list[tuple[int, int]] = field(default_factory=list)

    def add(self, block: Events) -> None:
        """Take a block, and append what nothing earlier can follow."""
        self.problems = block.problems or self.problems
        if not len(block):
            return
        self.events += len(block)
        priced = block.price[(block.kind <= TRADE) | (block.kind == QUOTE)]
        self.ticks.append(infer_tick(priced[priced > 0]))
        self.held.append(block)
        self.latest = max(self.latest, int(block.exch_ns.max()))
        if sum(len(each) for each in self.held) >= GATHERED:
            self._flush(self.latest - PATIENCE)

    def close(self) -> None:
        """Append what is left."""
        if self.held:
            self._flush(2**63 - 1)

    def tick(self) -> str:
        """The finest tick that any block needs, as text."""
        found = [den / num for num, den in self.ticks if num]
        return np.format_float_positional(1 / max(found), trim="-") if found else ""

    def _flush(self, until: int) -> None:
        columns: dict[str, Any] = {c: np.concatenate([getattr(each, c) for each in self.held]) for c in COLUMNS}
        every = Events(self.symbol, **columns)
        every = take(every, np.argsort(every.exch_ns, kind="stable"))
        cut = int(np.searchsorted(every.exch_ns, until))
        ready, rest = take(every, slice(0, cut)), take(every, slice(cut, None))
        for kind, table in ((BOOK, _book(ready)), (TRADES, _trades(ready)), (QUOTES, _quotes(ready))):
            if len(table["ts"]):
                new = append(self.root, Series(self.venue, self.symbol, kind), table)
                self.new[kind] = self.new.get(kind, 0) + new
        marks = int((ready.kind > QUOTE).sum())
        if marks:
            self.left_out["marks"] = self.left_out.get("marks", 0) + marks
        self.held = [rest] if len(rest) else []


def _book(feed: Events) -> dict[str, Any]:
    """Levels; a CLEAR is told by the snapshot rows behind it."""
    rows = np.flatnonzero(feed.kind == DEPTH)
    return _sides(feed, rows) | {"snapshot": (feed.flags[rows] & SNAPSHOT) > 0}


def _quotes(feed: Events) -> dict[str, Any]:
    return _sides(feed, np.flatnonzero(feed.kind == QUOTE))


def _sides(feed: Events, rows: npt.NDArray[np.int64]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "ts": feed.exch_ns,
        "side": feed.side,
        "price": feed.price,
        "qty": feed.qty,
        "seq": feed.seq,
    }
    return {name: array[rows] for name, array in columns.items()} | {
        "local_ts": feed.local_ns[rows],
        "flags": feed.flags[rows].astype(np.int8),
    }


def _trades(feed: Events) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = np.flatnonzero(feed.kind == TRADE)
    seq = pa.array(feed.seq[rows])
    ids = pc.if_else(pc.less(seq, 0), "", pc.cast(seq, pa.string()))
    columns: dict[str, Any] = {"ts": feed.exch_ns, "price": feed.price, "qty": feed.qty, "side": feed.side}
    table = {name: array[rows] for name, array in columns.items()}
    return table | {"id": ids, "local_ts": feed.local_ns[rows]}
