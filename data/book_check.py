"""What is wrong or odd with a feed of order-book events: what reading noticed, and what replaying the book shows.

pieces of a feed ─▶ counts, silences, prices seen ─▶ pieces again: the book replayed, the picture drawn
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from huracan.data.book_repairs import by_message, by_quote, crossed_quotes
from huracan.data.checks import BUCKETS, SILENCE, Check, Coverage, Problem, iso, problem
from huracan.data.events import (
    CLEAR,
    COLUMNS,
    DEPTH,
    KINDS,
    OLD,
    QUOTE,
    START,
    TRADE,
    TYPES,
    Events,
    Noticed,
    events_of,
)
from huracan.data.stored_bars import Tick
from huracan.sim.options import LINKED_ENTRY
from huracan.sim.refusal import Refused
from huracan.sim.spool import Column, pieces, put_rows, spool

_FIRST, _LAST, _COUNT, _SNAPSHOTS, _BID, _ASK, _SEEN = range(7)
_CLEAR, _DEPTH, _OLD, _START = CLEAR, DEPTH, OLD, START
Held = dict[str, Column]


def check_book(name: str, feed: Iterable[Events], *, first_row: int = 1) -> Check:
    """A feed's problems; places are those of the file's lines or rows where reading noticed them, else of events.

    The feed comes in pieces and may be longer than memory.
    """
    held, prices, counts, tick = spool(TYPES), np.zeros(0), np.zeros(len(KINDS), np.int64), Tick()
    noticed: tuple[Noticed, ...] = ()
    first, last = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    for piece in feed:
        noticed = piece.problems
        if not len(piece):
            continue
        put_rows(held, {column: getattr(piece, column) for column in COLUMNS})
        prices = np.union1d(prices, piece.price[(piece.kind == DEPTH) | (piece.kind == CLEAR)])
        counts += np.bincount(piece.kind, minlength=len(KINDS))
        sound = piece.price[np.isfinite(piece.price) & (piece.price > 0)]
        if len(sound):
            tick.see(sound)
        first, last = min(first, int(piece.local_ns.min())), max(last, int(piece.local_ns.max()))
    rows = len(held["kind"])
    if not rows:
        raise Refused("empty: no line of the file is an event", where=name, fix="name its true format with --format")
    problems = [
        problem("book", note.name, note.count, (note.first_ns, note.last_ns), (note.first_row, note.last_row))
        for note in noticed
    ]
    counted = any(note.name == "crossed_book" for note in noticed)  # quotes, by who has read them
    quotes = Crossed() if counted else _crossed_quotes(held, first_row)
    problems += _crossed(held, prices, first_row, quotes) + _stops(held)
    num, den = tick.found()
    return Check(
        name,
        "book" if counts[DEPTH] else "quotes" if counts[QUOTE] and not counts[TRADE] else "trades",
        rows,
        "",
        iso(first),
        iso(last),
        tuple(problems),
        _coverage(held, first, last),
        {f"{word}_events": int(n) for word, n in zip(KINDS, counts, strict=True) if n},
        np.format_float_positional(num / den, trim="-") if num else "",
    )


@dataclass
class Crossed:
    """Messages after which the best bid is at or above the best ask: how many, the first and the last (row, ns)."""

    count: int = 0
    first: tuple[int, int] = (0, 0)
    last: tuple[int, int] = (0, 0)

    def see(self, count: int, first: tuple[int, int], last: tuple[int, int]) -> None:
        """Some more of them, with the first and the last of those."""
        self.first, self.last = (min(self.first, first) if self.count else first), max(self.last, last)
        self.count += count


def _crossed(held: Held, prices: npt.NDArray[np.float64], first_row: int, seen: Crossed) -> list[Problem]:
    """What the replayed book says, beside crossed quotes."""
    found = np.zeros(7, dtype=np.int64)
    found[_BID], found[_ASK] = -1, len(prices)
    books = np.zeros((2, len(prices)), dtype=np.float64)
    before, begins, told = 0, 0, False
    for piece in by_message(events_of("", columns) for columns in pieces(held)):
        rows = np.flatnonzero((piece.kind == DEPTH) | (piece.kind == CLEAR))
        told |= bool((piece.kind == DEPTH).any())
        if not before and len(piece):
            begins = int(piece.local_ns[0])
        found[_COUNT] = 0
        columns: tuple[Any, ...] = (piece.kind[rows], piece.side[rows], piece.flags[rows])
        rank = np.searchsorted(prices, piece.price[rows]).astype(np.int64)
        replay(*columns, rank, piece.qty[rows], books, found)
        if found[_COUNT]:
            ends = [(before + int(i) + first_row, int(piece.local_ns[i])) for i in rows[found[[_FIRST, _LAST]]]]
            seen.see(int(found[_COUNT]), ends[0], ends[1])
        before += len(piece)
    problems = []
    if seen.count:
        places, whens = zip(seen.first, seen.last, strict=True)
        problems.append(problem("book", "crossed_book", seen.count, whens, places))
    if told and not found[_SNAPSHOTS]:
        problems.append(problem("book", "no_snapshot", 1, (begins, begins)))
    return problems


def _crossed_quotes(held: Held, first_row: int) -> Crossed:
    before, seen = 0, Crossed()
    for piece in by_quote(events_of("", columns) for columns in pieces(held)):
        at = crossed_quotes(piece)
        if len(at):
            ends = [(before + int(i) + first_row, int(piece.local_ns[i])) for i in at[[0, -1]]]
            seen.see(len(at), ends[0], ends[1])
        before += len(piece)
    return seen


def _stops(held: Held) -> list[Problem]:
    spans: list[tuple[int, int, int]] = []
    last = None
    for piece in pieces(held, ["local_ns"]):
        times = piece["local_ns"]
        times = times if last is None else np.append(last, times)
        spans += [(int(times[i]), int(times[i + 1]), 1) for i in np.flatnonzero(np.diff(times) >= SILENCE).tolist()]
        last = times[-1:]
    if not spans:
        return []
    return [problem("book", "stopped_feed", len(spans), (spans[0][0], spans[-1][1]), spans=tuple(spans))]


def _coverage(held: Held, first: int, last: int) -> Coverage:
    """Events per bucket of time, and the last traded price in each; of a feed none is expected."""
    slots = last - first + 1
    count = int(min(BUCKETS, max(1, len(held["kind"]) // 2)))
    edges = first + np.arange(count + 1, dtype=np.int64) * -(-slots // count)
    edges = edges[: int(np.searchsorted(edges, last, side="right")) + 1]
    n = len(edges) - 1
    present, when, shown = np.zeros(n, np.int64), np.full(n, first - 1), np.full(n, np.nan)
    price = np.nan
    for piece in pieces(held, ["kind", "price", "local_ns"]):
        times = piece["local_ns"]
        present += np.histogram(times, edges)[0]
        traded = np.append(price, np.where(piece["kind"] == TRADE, piece["price"], np.nan))
        at = np.maximum.accumulate(np.where(np.isfinite(traded), np.arange(len(traded)), 0))
        traded = traded[at][1:]
        price = traded[-1]
        order = np.argsort(times, kind="stable")
        at = np.searchsorted(times[order], edges[1:], side="left") - 1
        there = order[np.maximum(at, 0)]
        later = (at >= 0) & (times[there] >= when)
        when, shown = np.where(later, times[there], when), np.where(later, traded[there], shown)
    none = np.zeros(n, np.int64)
    return Coverage(edges, present, none, none.copy(), shown)


@njit(**LINKED_ENTRY)
def replay(
    kind: npt.NDArray[np.int8],
    side: npt.NDArray[np.int8],
    flags: npt.NDArray[np.uint8],
    rank: npt.NDArray[np.int64],
    qty: npt.NDArray[np.float64],
    books: npt.NDArray[np.float64],  # (bids and asks, ranks of prices)
    found: npt.NDArray[np.int64],
) -> None:
    """Builds the book and fills `found` with the first and last message after which it is crossed, and their number.

    Only what follows a snapshot counts: before one the book is not all there. The rows end with a message; `found` also
    carries snapshots so far, best bid and ask, and whether the book is whole, to the next rows.
    """
    n, top = len(kind), books.shape[1]
    bid, ask, seen = found[4], found[5], found[6] != 0
    for i in range(n):
        if kind[i] == _CLEAR:
            books[:] = 0.0
            bid, ask, seen = -1, top, True
            found[3] += 1
        elif kind[i] == _DEPTH and not flags[i] & _OLD:
            at = rank[i]
            if side[i] > 0:
                books[0, at] = qty[i]
                if qty[i] > 0.0:
                    bid = max(bid, at)
                else:
                    while bid >= 0 and books[0, bid] == 0.0:
                        bid -= 1
            else:
                books[1, at] = qty[i]
                if qty[i] > 0.0:
                    ask = min(ask, at)
                else:
                    while ask < top and books[1, ask] == 0.0:
                        ask += 1
        if seen and bid >= ask and (i + 1 == n or flags[i + 1] & _START):
            if found[2] == 0:
                found[0] = i
            found[1] = i
            found[2] += 1
    found[4], found[5], found[6] = bid, ask, 1 if seen else 0
