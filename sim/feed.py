"""Feeds of order books as plain columns, and what is done about their faults before they are packed.

    columns ─▶ depth, trades, clears that can be ─▶ local order ─▶ snapshots and gaps by rule ─▶ columns

A feed is walked through in pieces, so that only pieces of it are in memory, however long it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim import spool
from huracan.sim.refusal import Refused
from huracan.sim.series import Rules
from huracan.sim.spool import Column

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Piece = dict[str, npt.NDArray[Any]]  # columns of NAMES, of one length
Count = Callable[[str, int], None]

# Kinds and flags of the columns, as data/events.py names them.
DEPTH, TRADE, CLEAR, QUOTE, MARK = range(5)
START, SNAPSHOT, GAP, OLD = 1, 2, 4, 8

KINDS = {"kind": "i1", "side": "i1", "flags": "u1", "price": "f8", "qty": "f8", "exch_ns": "i8", "local_ns": "i8"}
NAMES = tuple(KINDS)


@dataclass(frozen=True)
class Feed:
    """One instrument's events as columns of equal length; times int64 ns UTC, side +1 (bid, taker buys), -1, or 0."""

    symbol: str
    kind: npt.NDArray[np.int8]
    side: npt.NDArray[np.int8]
    flags: npt.NDArray[np.uint8]
    price: Floats
    qty: Floats
    exch_ns: Ints
    local_ns: Ints
    rules: Rules
    venue: str = ""
    repairs: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kind)

    def pieces(self, *names: str) -> Iterator[Piece]:
        """Its columns, or some of them, some rows at a time."""
        for lo in range(0, len(self), spool.ROWS):
            yield {name: getattr(self, name)[lo : lo + spool.ROWS] for name in names or NAMES}


@dataclass(frozen=True)
class LongFeed:
    """The same, where it may be more than memory holds; all local stamps are read `shift_ns` later."""

    symbol: str
    columns: Mapping[str, Column]
    rules: Rules
    venue: str = ""
    repairs: dict[str, int] = field(default_factory=dict)
    shift_ns: int = 0
    quotes: bool = False  # whether its quotes are in use
    touch_only: bool = False  # and nothing else says what stands in its book

    def __len__(self) -> int:
        return len(self.columns["kind"])

    def pieces(self, *names: str) -> Iterator[Piece]:
        """Its columns, or some of them, some rows at a time."""
        for piece in spool.pieces(self.columns, names or NAMES):
            if self.shift_ns and "local_ns" in piece:
                piece["local_ns"] += self.shift_ns
            yield piece


AnyFeed = Feed | LongFeed


@dataclass(frozen=True)
class FeedRules:
    """What is done about a feed's faults; each is counted under its name in `repairs`."""

    gap: str = "keep"  # updates were lost: "keep" the book as it was, "clear" it until the next snapshot, "refuse"
    no_snapshot: str = "keep"  # updates before any snapshot: "keep", "drop", "refuse"
    bad_level: str = "drop"  # a price or a quantity that can't be: "drop" or "refuse"
    quotes: str = "auto"  # best bids and offers: "use", "check" (they move no book), "auto" uses them without depth
    silence_s: float = 60.0  # a feed that says nothing for so long is counted


def empty_columns() -> dict[str, Column]:
    """Room for a feed's rows."""
    return spool.spool(KINDS)


def in_memory(feed: AnyFeed) -> Feed:
    """The feed with all its rows in memory."""
    found = list(feed.pieces())
    columns = {n: np.concatenate([p[n] for p in found]) if found else np.zeros(0, KINDS[n]) for n in NAMES}
    return Feed(feed.symbol, **columns, rules=feed.rules, venue=feed.venue, repairs=feed.repairs)


def until(feed: AnyFeed, end_ns: int) -> LongFeed:
    """What had arrived before an instant."""
    kept = empty_columns()
    for piece in feed.pieces():
        spool.put_rows(kept, _some(piece, piece["local_ns"] < end_ns))
    return LongFeed(feed.symbol, kept, feed.rules, feed.venue, feed.repairs)


def hash_feed(digest: Any, feed: AnyFeed) -> None:
    """A feed's data and rules into a running hash."""
    digest.update(repr((feed.venue, feed.symbol, feed.rules)).encode())
    for name in NAMES:
        for piece in feed.pieces(name):
            digest.update(np.ascontiguousarray(piece[name]).view(np.uint8).data)


def _some(piece: Piece, rows: Any) -> Piece:
    return {name: column[rows] for name, column in piece.items()}


def mend(feed: AnyFeed, rules: FeedRules, repairs: dict[str, int]) -> LongFeed:
    """What a book can hold, in the order of local time; what was done about the rest is counted."""
    deep = _has(feed, DEPTH, CLEAR)
    quotes = rules.quotes == "use" or (rules.quotes == "auto" and not deep)
    quotes = quotes and _has(feed, QUOTE)

    def count(name: str, n: int) -> None:
        if n:
            repairs[name] = repairs.get(name, 0) + int(n)

    back, last = 0, None
    for piece in _possible(feed, rules, quotes, count):
        local = piece["local_ns"]
        back += int((np.diff(local, prepend=local[0] if last is None else last) < 0).sum())
        last = local[-1]
    count("unordered_local_time", back)
    source = _possible(feed, rules, quotes, lambda *_: None)
    if back:
        unordered = empty_columns()
        for piece in source:
            spool.put_rows(unordered, piece)
        source = spool.in_order([unordered], "local_ns")
    mended = empty_columns()
    for piece in _by_rule(source, feed.symbol, rules, count):
        spool.put_rows(mended, piece)
    known = (feed.symbol, mended, feed.rules, feed.venue, feed.repairs)
    return LongFeed(*known, quotes=quotes, touch_only=quotes and not deep)


def _has(feed: AnyFeed, *kinds: int) -> bool:
    """Whether a feed has events of one of these kinds."""
    return any(bool(np.isin(piece["kind"], kinds).any()) for piece in feed.pieces("kind"))


def _possible(feed: AnyFeed, rules: FeedRules, quotes: bool, count: Count) -> Iterator[Piece]:
    """What a book or a tape can hold: marks are neither, quotes where they are in use, no price is nothing."""
    before = 0
    for piece in feed.pieces():
        kind = piece["kind"]
        piece = _some(piece, (kind <= CLEAR) | (kind == QUOTE) if quotes else kind <= CLEAR)
        kind, price, qty = piece["kind"], piece["price"], piece["qty"]
        good = (price > 0.0) & (price < np.inf) & (qty >= 0.0) & (qty < np.inf) & (piece["side"] != 0)
        good &= (kind != TRADE) | (qty > 0.0)
        bad = (kind != CLEAR) & ~good
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            if rules.bad_level == "refuse":
                what = f"bad_level: price {price[at]}, quantity {qty[at]} of {feed.symbol}"
                raise Refused(what, where=f"event {before + at}", fix='mend the file, or bad_level = "drop"')
            count("bad_level", int(bad.sum()))
        before += len(kind)
        piece = _some(piece, ~bad) if bad.any() else piece
        if len(piece["kind"]):
            yield piece


def _by_rule(source: Iterator[Piece], symbol: str, rules: FeedRules, count: Count) -> Iterator[Piece]:
    """Silence counted; what comes before the first snapshot, and after a gap, treated as the rules say."""
    whole, early, gaps, first_gap, before, last = False, 0, 0, 0, 0, None
    quoted: set[int] = set()  # sides of which a quote has told the best price
    for piece in source:
        local = piece["local_ns"]
        count(
            "silent_feed",
            int((np.diff(local, prepend=local[0] if last is None else last) > rules.silence_s * 1e9).sum()),
        )
        last = local[-1]
        if not whole:
            at = np.flatnonzero((piece["flags"] & SNAPSHOT) != 0)
            first = min(int(at[0]) if len(at) else len(local), _both_quoted(piece, quoted))
            whole = first < len(local)
            soon = piece["kind"] == DEPTH
            soon[first:] = False
            early += int(soon.sum())
            if rules.no_snapshot == "drop":
                piece = _some(piece, ~soon)
        lost = np.flatnonzero((piece["flags"] & GAP) != 0)
        if len(lost) and not gaps:
            first_gap = before + int(lost[0])
        gaps += len(lost)
        before += len(piece["kind"])
        yield _clear_at(piece, lost) if len(lost) and rules.gap == "clear" else piece
    count("depth_before_snapshot", early)
    count("no_snapshot", int(not whole))
    if early and rules.no_snapshot == "refuse":
        what = f"no_snapshot: {symbol} changes {early} levels before its first snapshot"
        raise Refused(what, where="[data]", fix='put a snapshot in front, or no_snapshot = "keep" or "drop"')
    count("gapped_book", gaps)
    if gaps and rules.gap == "refuse":
        what = f"gapped_book: {symbol} lost updates before event {first_gap}"
        raise Refused(what, where="[data]", fix='fetch the data again, or gap = "keep" or "clear"')


def _both_quoted(piece: Piece, quoted: set[int]) -> int:
    """The row at which quotes have told both sides of the touch, beyond the last where they haven't: a book begins."""
    row = 0
    for side in (1, -1):
        if side not in quoted:
            at = np.flatnonzero((piece["kind"] == QUOTE) & (piece["side"] == side))
            row = max(row, int(at[0]) if len(at) else len(piece["kind"]))
            if len(at):
                quoted.add(side)
    return row


def _clear_at(piece: Piece, rows: Ints) -> Piece:
    """The same rows with the book cleared just before some of them."""
    out = _some(piece, np.insert(np.arange(len(piece["kind"])), rows, rows))
    at = rows + np.arange(len(rows))
    for name, value in (("kind", CLEAR), ("side", 0), ("flags", START), ("price", 0.0), ("qty", 0.0)):
        out[name][at] = value
    return out


def shift_clock(feeds: list[LongFeed], repairs: dict[str, int]) -> list[LongFeed]:
    """Where a local stamp precedes its exchange stamp, all local stamps move by the largest difference."""
    ahead, early = 0, 0
    for feed in feeds:
        for piece in feed.pieces("exch_ns", "local_ns"):
            late = piece["exch_ns"] - piece["local_ns"]
            ahead = max(ahead, int(late.max()))
            early += int((late > 0).sum())
    if ahead <= 0:
        return feeds
    repairs["clock_shift"] = early
    return [replace(feed, shift_ns=feed.shift_ns + ahead) for feed in feeds]
