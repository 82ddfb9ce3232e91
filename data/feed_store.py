"""Events of a feed into the store: levels as book rows, trades as trades, in the order of the exchange's time.

    blocks of events ─▶ rows held back until nothing earlier can follow ─▶ append

Feeds are recorded by local time, the store is ordered by the exchange's; rows wait until the feed is PATIENCE further.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from huracan.data.events import COLUMNS, DEPTH, QUOTE, SNAPSHOT, TRADE, Events, Noticed, take
from huracan.data.store_kinds import BOOK, TRADES, Series
from huracan.data.store_writing import append

PATIENCE = 5_000_000_000


@dataclass
class Stored:
    """What came of one symbol's feed: rows that were new by kind, events by what they were, and what was noticed."""

    symbol: str
    new: dict[str, int] = field(default_factory=dict)
    events: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    problems: tuple[Noticed, ...] = ()
    tick: str = ""


def store_feed(root: Path, venue: str, symbol: str, blocks: Iterable[Events]) -> Stored:
    """Append a feed block by block; memory holds one block and PATIENCE of what came before it.

    Quotes are kept as books of one level where the feed has no levels of its own; beside levels they are left out.
    """
    done = Stored(symbol)
    held: list[Events] = []
    deep = False
    for block in blocks:
        done.events += len(block)
        done.problems = block.problems or done.problems
        deep = deep or bool((block.kind == DEPTH).any())
        held.append(block)
        held = _flush(root, venue, done, held, deep, int(block.exch_ns.max()) - PATIENCE if len(block) else 0)
    _flush(root, venue, done, held, deep, 2**63 - 1)
    return done


def _flush(root: Path, venue: str, done: Stored, held: list[Events], deep: bool, until: int) -> list[Events]:
    """Append what is older than `until`, and return the rest."""
    columns: dict[str, Any] = {name: np.concatenate([getattr(each, name) for each in held]) for name in COLUMNS}
    every = Events(done.symbol, **columns)
    every = take(every, np.argsort(every.exch_ns, kind="stable"))
    cut = int(np.searchsorted(every.exch_ns, until))
    ready, rest = take(every, slice(0, cut)), take(every, slice(cut, None))
    for kind, table in ((BOOK, _book(ready, deep)), (TRADES, _trades(ready))):
        if len(table["ts"]):
            done.new[kind] = done.new.get(kind, 0) + append(root, Series(venue, done.symbol, kind), table)
    for name, mask in (("quotes", (ready.kind == QUOTE) & deep), ("marks", ready.kind > QUOTE)):
        if mask.any():
            done.left_out[name] = done.left_out.get(name, 0) + int(mask.sum())
    return [rest]


def _book(feed: Events, deep: bool) -> dict[str, Any]:
    """Levels; a CLEAR is told by the snapshot rows behind it. Without levels, quotes as snapshots of one level."""
    rows = np.flatnonzero(feed.kind == DEPTH if deep else feed.kind == QUOTE)
    snapshot = (feed.flags[rows] & SNAPSHOT) > 0 if deep else np.ones(len(rows), dtype=np.bool_)
    columns: dict[str, Any] = {
        "ts": feed.exch_ns,
        "side": feed.side,
        "price": feed.price,
        "qty": feed.qty,
        "seq": feed.seq,
    }
    return {name: array[rows] for name, array in columns.items()} | {
        "snapshot": snapshot,
        "local_ts": feed.local_ns[rows],
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
