"""How each rule mends a feed of order-book events before a tape is made of it.

    pieces of a feed ─▶ rows dropped ─▶ books cleared ─▶ quotes and books uncrossed ─▶ refused where a rule says so

What a rule changed is counted as `problem_rule`. Faults without a rule stay as they are, and the tape says what it did.
A feed may be longer than memory: each step sees one piece of it after the other, and what it carries over is small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from huracan.data.checks import SILENCE
from huracan.data.events import (
    AGAIN,
    CLEAR,
    COLUMNS,
    DEPTH,
    GAP,
    OLD,
    QUOTE,
    SNAPSHOT,
    START,
    TYPES,
    Events,
    Noticed,
    events_of,
    join,
    take,
)
from huracan.data.repair_rules import BOOK_RULES, check_rules, chosen
from huracan.sim.options import LINKED_ENTRY
from huracan.sim.refusal import Refused
from huracan.sim.spool import pieces, put_rows, spool

Ints = npt.NDArray[np.int64]

_CLEAR, _DEPTH, _OLD, _START = CLEAR, DEPTH, OLD, START


def bad_lines(repair: Mapping[str, str]) -> str:
    """What a reader is to do about lines that are none: where a rule leaves them out, `refuse_noticed` judges later."""
    dropped = chosen(repair, BOOK_RULES, "bad_line") == "drop" or chosen(repair, BOOK_RULES, "cut_short") == "keep"
    return "skip" if dropped else "refuse"


def refuse_noticed(path: str, problems: tuple[Noticed, ...], repair: Mapping[str, str], how: str) -> None:
    """Refuse a file for what reading noticed, where a rule says so; `how` is how a repair is written there."""
    for note in problems:
        rule = BOOK_RULES[note.name]
        if chosen(repair, BOOK_RULES, note.name) == "refuse":
            other = next(each for each in rule.choices if each != "refuse")
            more = f", and {note.count - 1} more" if note.count > 1 else ""
            raise Refused(
                f"{note.name}: {rule.says}{more}",
                where=f"{path}, row {note.first_row}",
                fix=f"mend or fetch the file again, or choose a repair: {how.format(note.name, other)}",
            )


def mended_feed(path: str, feed: Events, repair: Mapping[str, str], repairs: dict[str, int]) -> Events:
    """A feed after the rules chosen."""
    return join(mended_pieces(path, iter([feed]), repair, repairs))[0]


def mended_pieces(
    path: str, feed: Iterator[Events], repair: Mapping[str, str], repairs: dict[str, int]
) -> Iterator[Events]:
    """A feed that comes in pieces after the rules chosen; what a rule refuses is known when all of it was taken."""
    check_rules(repair, "data.repair", "book")
    noticed: list[tuple[Noticed, ...]] = [()]
    faults = Faults(repair, repairs)
    steps = _noticing(feed, noticed)
    steps = _dropped(steps, faults)
    steps = _emptied(steps, faults, "gapped_book")
    steps = _emptied(steps, faults, "stopped_feed")
    if faults.rule("crossed_book") != "keep":
        steps = _without_crossed_quotes(steps, faults)
        steps = _uncrossed(steps, faults)
    yield from steps
    refuse_noticed(path, noticed[0], repair, '[data] repair = {{ {} = "{}" }}')
    for name in ("bad_line", "cut_short"):  # noticed only where the rule leaves them out
        for note in noticed[0]:
            if note.name == name:
                faults.mended(name, note.count)
    faults.refuse(path)


@dataclass
class Faults:
    """What the rules met: what was mended is counted in `repairs`, what is to be refused waits for the feed's end."""

    repair: Mapping[str, str]
    repairs: dict[str, int]
    first: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # row, local time, how many

    def rule(self, name: str) -> str:
        """What is to be done about a problem."""
        return chosen(self.repair, BOOK_RULES, name)

    def mended(self, name: str, n: int) -> None:
        """Count what a rule changed."""
        if n:
            key = f"{name}_{self.rule(name)}"
            self.repairs[key] = self.repairs.get(key, 0) + n

    def met(self, name: str, feed: Events, before: int, rows: Ints) -> None:
        """Note rows that are to be refused; `before` rows came in earlier pieces."""
        if len(rows):
            row, ns, n = self.first.get(name, (before + int(rows[0]), int(feed.local_ns[rows[0]]), 0))
            self.first[name] = row, ns, n + len(rows)

    def refuse(self, path: str) -> None:
        """Say what was met first in the order of the steps."""
        for name in (*DOUBTFUL, "gapped_book", "stopped_feed", "crossed_book"):
            if name in self.first:
                raise _refused(path, name, *self.first[name])


DOUBTFUL = ("update_before_snapshot", "snapshot_behind_update", "no_snapshot")


def _noticing(feed: Iterator[Events], noticed: list[tuple[Noticed, ...]]) -> Iterator[Events]:
    """The pieces as they are; each says what was noticed up to its end."""
    for piece in feed:
        noticed[0] = piece.problems
        yield piece


def _dropped(feed: Iterator[Events], faults: Faults) -> Iterator[Events]:
    """Without the rows that the rules drop; the first row that is left of a message begins it."""
    whole, before, message, kept = False, 0, 0, -1
    for piece in feed:
        early: npt.NDArray[np.bool_] = piece.kind == DEPTH
        if whole:
            early = np.zeros(len(piece), np.bool_)
        else:  # levels that were told before the book was whole
            at = np.flatnonzero((piece.flags & SNAPSHOT) != 0)
            early[int(at[0]) if len(at) else len(piece) :] = False
            whole = len(at) > 0
        gone = np.zeros(len(piece), np.bool_)
        for name, mask in zip(DOUBTFUL, ((piece.flags & OLD) != 0, (piece.flags & AGAIN) != 0, early), strict=True):
            if faults.rule(name) == "refuse":
                faults.met(name, piece, before, np.flatnonzero(mask))
            elif faults.rule(name) == "drop":
                gone |= mask
                faults.mended(name, int(mask.sum()))
        before += len(piece)
        numbers = message + np.cumsum((piece.flags & START) != 0)
        message = int(numbers[-1]) if len(numbers) else message
        if gone.any():
            numbers, piece = numbers[~gone], take(piece, ~gone)
            begins = np.diff(numbers, prepend=kept) != 0
            flags = np.where(begins, piece.flags | START, piece.flags & ~np.uint8(START)).astype(np.uint8)
            piece = replace(piece, flags=flags)
        elif len(numbers) and numbers[0] != kept and not piece.flags[0] & START:
            flags = piece.flags.copy()  # the rows that began this message went with the piece before
            flags[0] |= START
            piece = replace(piece, flags=flags)
        kept = int(numbers[-1]) if len(numbers) else kept
        yield piece


def _emptied(feed: Iterator[Events], faults: Faults, name: str) -> Iterator[Events]:
    """With the book emptied before each row that follows lost updates or a silence, where the rule says so."""
    before, rule, last = 0, faults.rule(name), None
    for piece in feed:
        rows = np.zeros(0, np.int64)
        if rule in ("refuse", "clear") and len(piece):
            since = piece.local_ns[0] if last is None else last
            gaps = np.diff(piece.local_ns, prepend=since) >= SILENCE if name == "stopped_feed" else piece.flags & GAP
            rows, last = np.flatnonzero(gaps), piece.local_ns[-1]
        if rule == "refuse":
            faults.met(name, piece, before, rows)
        before += len(piece)
        if rule == "clear" and len(rows):
            faults.mended(name, len(rows))
            piece = _cleared(piece, rows)
        yield piece


def crossed_quotes(feed: Events) -> Ints:
    """The first of the two rows of each quote whose bid is at or above its ask."""
    if len(feed) < 2:
        return np.zeros(0, np.int64)
    one, two = slice(None, -1), slice(1, None)
    told: npt.NDArray[np.bool_] = (feed.kind[one] == QUOTE) & (feed.kind[two] == QUOTE)
    for column in (feed.exch_ns, feed.local_ns, feed.seq):
        told &= column[one] == column[two]
    # A store that keeps no flags begins a message with every row: there a bid and the ask behind it are one quote.
    told &= (feed.side[one] == -feed.side[two]) & ((feed.side[one] > 0) | ((feed.flags[two] & START) == 0))
    bid = np.where(feed.side[one] > 0, feed.price[one], feed.price[two])
    ask = np.where(feed.side[one] > 0, feed.price[two], feed.price[one])
    return np.flatnonzero(told & (bid >= ask))


def by_quote(feed: Iterable[Events]) -> Iterator[Events]:
    """The same rows, cut where no quote is parted: quotes at the end that have the same stamps wait for the next."""
    rest: list[Events] = []
    for piece in feed:
        held = join([*rest, piece])[0] if rest else piece
        cut = len(held)
        if cut and held.kind[-1] == QUOTE:
            same: npt.NDArray[np.bool_] = held.kind == QUOTE
            for column in (held.exch_ns, held.local_ns, held.seq):
                same &= column == column[-1]
            others = np.flatnonzero(~same)
            cut = int(others[-1]) + 1 if len(others) else 0
        rest = [take(held, slice(cut, None))] if cut < len(held) else []
        yield take(held, slice(0, cut))
    yield from rest


def _without_crossed_quotes(feed: Iterator[Events], faults: Faults) -> Iterator[Events]:
    """Without quotes whose bid is at or above their ask: neither side is the older one, so both go; or refused."""
    before = 0
    for piece in by_quote(feed):
        at = crossed_quotes(piece)
        if faults.rule("crossed_book") == "refuse":
            faults.met("crossed_book", piece, before, at)
            at = at[:0]
        before += len(piece)
        faults.mended("crossed_book", len(at))
        kept = np.ones(len(piece), np.bool_)
        kept[at] = False
        kept[at + 1] = False
        yield take(piece, kept) if len(at) else piece


def _uncrossed(feed: Iterator[Events], faults: Faults) -> Iterator[Events]:
    """With the older of two levels that cross taken away, or refused; the prices are gathered first."""
    held = spool(TYPES)
    prices, symbol, before = np.zeros(0), "", 0
    problems: tuple[Noticed, ...] = ()
    for piece in feed:
        put_rows(held, {name: getattr(piece, name) for name in COLUMNS})
        prices = np.union1d(prices, piece.price[(piece.kind == DEPTH) | (piece.kind == CLEAR)])
        symbol, problems = piece.symbol, piece.problems
    book = Crossing(prices)
    for piece in by_message(events_of(symbol, rows, problems) for rows in pieces(held)):
        at, side, price = book.meet(piece)
        if faults.rule("crossed_book") == "refuse":
            faults.met("crossed_book", piece, before, at)
        elif len(at):
            faults.mended("crossed_book", len(at))
            before += len(piece)
            yield _taken_away(piece, at, side, price)
            continue
        before += len(piece)
        yield piece


def by_message(feed: Iterable[Events]) -> Iterator[Events]:
    """The same rows, cut where a message of the book begins."""
    rest: list[Events] = []
    for piece in feed:
        book = (piece.kind == DEPTH) | (piece.kind == CLEAR)
        begins = np.flatnonzero(book & ((piece.flags & START) != 0))
        if not len(begins):
            rest.append(piece)
            continue
        yield join([*rest, take(piece, slice(0, int(begins[-1])))])[0]
        rest = [take(piece, slice(int(begins[-1]), None))]
    if rest:
        yield join(rest)[0]


class Crossing:
    """A book that is followed through a feed's pieces, of which each ends with a message."""

    def __init__(self, prices: npt.NDArray[np.float64]) -> None:
        self.prices = prices
        self.books, self.since = np.zeros((2, len(prices))), np.zeros((2, len(prices)), np.int64)
        self.state = np.array([-1, len(prices), 0, 0], np.int64)  # bid, ask, whether it is whole, rows so far

    def meet(self, feed: Events) -> tuple[Ints, npt.NDArray[np.int8], npt.NDArray[np.float64]]:
        """Levels to take away so that no message leaves a crossed book: (row after which, side, price).

        Of the two levels that cross the older one goes, as an exchange would have it: the newer one has met it. What
        comes before the first snapshot is no book yet.
        """
        rows = np.flatnonzero((feed.kind == DEPTH) | (feed.kind == CLEAR))
        if not len(rows):
            return np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0)
        last = np.append((feed.flags[rows[1:]] & START) != 0, True)  # of its message
        columns: tuple[Any, ...] = (feed.kind[rows], feed.side[rows], feed.flags[rows])
        rank = np.searchsorted(self.prices, feed.price[rows]).astype(np.int64)
        most = len(rows) + np.count_nonzero(self.books)  # a level that goes was told here or before
        found = np.zeros((most, 3), np.int64)
        n = uncross(*columns, last, rank, feed.qty[rows], self.books, self.since, self.state, found)
        found = found[:n]
        return rows[found[:, 0]], found[:, 1].astype(np.int8), self.prices[found[:, 2]]


@njit(**LINKED_ENTRY)
def uncross(
    kind: npt.NDArray[np.int8],
    side: npt.NDArray[np.int8],
    flags: npt.NDArray[np.uint8],
    last: npt.NDArray[np.bool_],
    rank: npt.NDArray[np.int64],
    qty: npt.NDArray[np.float64],
    books: npt.NDArray[np.float64],  # (bids and asks, ranks of prices)
    since: npt.NDArray[np.int64],  # the row that set each level
    state: npt.NDArray[np.int64],  # best bid and ask, whether a snapshot was seen, rows before these
    found: npt.NDArray[np.int64],
) -> int:
    """Fills `found` with (row, side, rank) of the levels to take away; gives their number."""
    top = books.shape[1]
    bid, ask, seen, before, n = state[0], state[1], state[2] != 0, state[3], 0
    for i in range(len(kind)):
        if kind[i] == _CLEAR:
            books[:] = 0.0
            bid, ask, seen = -1, top, True
        elif kind[i] == _DEPTH and not flags[i] & _OLD:
            at = rank[i]
            own = 0 if side[i] > 0 else 1
            books[own, at] = qty[i]
            since[own, at] = before + i
            if qty[i] > 0.0:
                if own == 0:
                    bid = max(bid, at)
                else:
                    ask = min(ask, at)
            while bid >= 0 and books[0, bid] == 0.0:
                bid -= 1
            while ask < top and books[1, ask] == 0.0:
                ask += 1
        while seen and last[i] and bid >= ask:
            older = 0 if since[0, bid] < since[1, ask] else 1
            at = bid if older == 0 else ask
            books[older, at] = 0.0
            found[n, 0] = i
            found[n, 1] = 1 if older == 0 else -1
            found[n, 2] = at
            n += 1
            while bid >= 0 and books[0, bid] == 0.0:
                bid -= 1
            while ask < top and books[1, ask] == 0.0:
                ask += 1
    state[0], state[1], state[2], state[3] = bid, ask, 1 if seen else 0, before + len(kind)
    return n


def _cleared(feed: Events, rows: Ints) -> Events:
    """The feed with its book emptied just before some rows."""
    after = take(feed, np.insert(np.arange(len(feed)), rows, rows))
    at = rows + np.arange(len(rows))
    columns: dict[str, Any] = {name: getattr(after, name).copy() for name in COLUMNS}
    for name, value in (("kind", CLEAR), ("side", 0), ("flags", START), ("price", 0.0), ("qty", 0.0)):
        columns[name][at] = value
    return replace(after, **columns)


def _taken_away(feed: Events, rows: Ints, side: npt.NDArray[np.int8], price: npt.NDArray[np.float64]) -> Events:
    """The feed with levels set to nothing behind some rows, in their messages."""
    after = take(feed, np.insert(np.arange(len(feed)), rows + 1, rows))
    at = rows + 1 + np.arange(len(rows))
    columns: dict[str, Any] = {name: getattr(after, name).copy() for name in COLUMNS}
    for name, value in (("kind", DEPTH), ("side", side), ("flags", 0), ("price", price), ("qty", 0.0)):
        columns[name][at] = value
    return replace(after, **columns)


def _refused(path: str, name: str, row: int, ns: int, count: int) -> Refused:
    from huracan.data.instants import format_ns

    more = f", and {count - 1} more" if count > 1 else ""
    what = f"{name}: {BOOK_RULES[name].says}; the first at {format_ns(ns)}{more}"
    other = " or ".join(each for each in BOOK_RULES[name].choices if each != "refuse")
    fix = f"mend or fetch the file again, or choose {other}: [data] repair = {{ {name} = … }}"
    return Refused(what, where=f"{path}, event {row + 1}", fix=fix)
