"""Events of an order-book feed as columns: what every reader of raw books, trades and quotes gives.

One event is one level of the book, one trade, one side of a quote, or a mark. Events of one message stand together,
the first of them flagged START, in the order in which they were recorded (by local time).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.refusal import Refused

# What an event says. DEPTH: the level now holds qty (0: it is gone). CLEAR: the book is empty (a snapshot follows).
# TRADE: side is the taker's. QUOTE: best price and its quantity. MARK: the mark price, qty is the funding rate.
DEPTH, TRADE, CLEAR, QUOTE, MARK = range(5)
KINDS = ("depth", "trade", "clear", "quote", "mark")

# Flags. START: first event of its message. SNAPSHOT: from a snapshot, not an update. GAP: updates before this one were
# lost. OLD: older than the snapshot before it. AGAIN: newer than the snapshot but recorded before it, so it is applied
# once more behind it, in its message.
START, SNAPSHOT, GAP, OLD, AGAIN = 1, 2, 4, 8, 16

TYPES = {
    "kind": "i1",
    "side": "i1",
    "flags": "u1",
    "price": "f8",
    "qty": "f8",
    "exch_ns": "i8",
    "local_ns": "i8",
    "seq": "i8",
}
COLUMNS = tuple(TYPES)


@dataclass(frozen=True)
class Noticed:
    """A problem that was counted while reading: how often, and the first and last place (line or row, from 1; ns)."""

    name: str
    count: int
    first_row: int
    last_row: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True)
class Events:
    """Columns of equal length; times are int64 ns UTC, side is +1 (bid, or taker buys), -1, or 0 for CLEAR and MARK."""

    symbol: str
    kind: npt.NDArray[np.int8]
    side: npt.NDArray[np.int8]
    flags: npt.NDArray[np.uint8]
    price: npt.NDArray[np.float64]
    qty: npt.NDArray[np.float64]
    exch_ns: npt.NDArray[np.int64]
    local_ns: npt.NDArray[np.int64]
    seq: npt.NDArray[np.int64]  # the venue's number of the update or trade, -1 unknown
    problems: tuple[Noticed, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.kind)


def events_of(symbol: str, columns: Mapping[str, Any], problems: tuple[Noticed, ...] = ()) -> Events:
    """Columns of these names as events."""
    return Events(symbol, **{name: columns[name] for name in COLUMNS}, problems=problems)


def take(events: Events, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice) -> Events:
    """The same feed with some of its rows."""
    return replace(events, **{name: getattr(events, name)[rows] for name in COLUMNS})


def join(parts: Iterable[Events]) -> list[Events]:
    """One feed a symbol out of blocks read in order; the problems are the last block's, which counts them all."""
    by_symbol: dict[str, list[Events]] = {}
    for part in parts:
        by_symbol.setdefault(part.symbol, []).append(part)
    joined = []
    for symbol, blocks in by_symbol.items():
        if len(blocks) == 1:
            joined.append(blocks[0])
            continue
        columns: dict[str, Any] = {name: np.concatenate([getattr(b, name) for b in blocks]) for name in COLUMNS}
        joined.append(Events(symbol=symbol, **columns, problems=blocks[-1].problems))
    return joined


def only(feeds: list[Events], symbol: str | None, where: str) -> Events:
    """The feed of the symbol as the venue writes it, or the only one there is."""
    found = [each for each in feeds if symbol is None or each.symbol == symbol]
    if len(found) == 1:
        return found[0]
    raise not_one([each.symbol for each in feeds], symbol, where)


def not_one(names: list[str], symbol: str | None, where: str) -> Refused:
    """What is said of a file that does not hold just one symbol, or not the one asked for."""
    what = "the file holds several symbols" if symbol is None else f"the file does not hold {symbol!r}"
    return Refused(what, where=where, fix=f"choose one of those it holds: {', '.join(names) or 'none'}")


def only_one(blocks: Iterable[Events], symbol: str | None, where: str) -> Iterator[Events]:
    """The blocks of the symbol as the venue writes it, or of the only one there is; several are refused at the end."""
    names: dict[str, None] = {}
    for block in blocks:
        names[block.symbol] = None
        if block.symbol == symbol or (symbol is None and len(names) == 1):
            yield block
    if (symbol is None and len(names) != 1) or (symbol is not None and symbol not in names):
        raise not_one(list(names), symbol, where)


def merge(feeds: list[Events]) -> Events:
    """Feeds of one symbol out of several files as one, by local time; at one instant in the order of the list.

    Messages stay whole: where a feed's own local times go back, its order is kept and the latest time so far counts.
    """
    if len({each.symbol for each in feeds}) != 1:
        names = ", ".join(sorted({each.symbol for each in feeds})) or "none"
        raise Refused("only feeds of one symbol can be merged", where=names, fix="choose one symbol")
    columns: dict[str, Any] = {name: np.concatenate([getattr(each, name) for each in feeds]) for name in COLUMNS}
    by = np.concatenate([np.maximum.accumulate(each.local_ns) for each in feeds])
    order = np.argsort(by, kind="stable")
    problems = tuple(note for each in feeds for note in each.problems)
    return Events(feeds[0].symbol, **{name: column[order] for name, column in columns.items()}, problems=problems)
