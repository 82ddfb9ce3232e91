"""How each rule mends a feed of order-book events before a tape is made of it.

    file ─▶ what reading noticed, refused where its rule says so ─▶ rows dropped ─▶ books cleared ─▶ books uncrossed

What a rule changed is counted as `problem_rule`. Faults without a rule stay as they are, and the tape says what it did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from huracan.data.checks import SILENCE
from huracan.data.events import AGAIN, CLEAR, COLUMNS, DEPTH, GAP, OLD, SNAPSHOT, START, Events, Noticed, take
from huracan.data.repair_rules import BOOK_RULES, check_rules, chosen
from huracan.sim.options import LINKED_ENTRY
from huracan.sim.refusal import Refused

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
    check_rules(repair, "data.repair", "book")
    refuse_noticed(path, feed.problems, repair, '[data] repair = {{ {} = "{}" }}')
    for name in ("bad_line", "cut_short"):  # noticed only where the rule leaves them out
        for note in feed.problems:
            if note.name == name:
                _count(repairs, name, chosen(repair, BOOK_RULES, name), note.count)
    gone = np.zeros(len(feed), dtype=np.bool_)
    doubtful = (feed.flags & OLD) != 0, (feed.flags & AGAIN) != 0, _before_snapshot(feed)
    for name, mask in zip(("update_before_snapshot", "snapshot_behind_update", "no_snapshot"), doubtful, strict=True):
        rule = chosen(repair, BOOK_RULES, name)
        if rule == "refuse" and mask.any():
            raise _refused(path, feed, name, int(np.argmax(mask)), int(mask.sum()))
        if rule == "drop" and mask.any():
            gone |= mask
            _count(repairs, name, rule, int(mask.sum()))
    feed = _without(feed, gone)
    for name, look in (("gapped_book", _after_gaps), ("stopped_feed", _after_silence)):
        rows, rule = look(feed), chosen(repair, BOOK_RULES, name)
        if rule == "refuse" and len(rows):
            raise _refused(path, feed, name, int(rows[0]), len(rows))
        if rule == "clear" and len(rows):
            feed = _cleared(feed, rows)
            _count(repairs, name, rule, len(rows))
    rule = chosen(repair, BOOK_RULES, "crossed_book")
    if rule != "keep":
        at, side, price = crossing(feed)
        if rule == "refuse" and len(at):
            raise _refused(path, feed, "crossed_book", int(at[0]), len(at))
        if len(at):
            feed = _taken_away(feed, at, side, price)
            _count(repairs, "crossed_book", rule, len(at))
    return feed


def crossing(feed: Events) -> tuple[Ints, npt.NDArray[np.int8], npt.NDArray[np.float64]]:
    """Levels to take away so that no message after a snapshot leaves a crossed book: (row after which, side, price).

    Of the two levels that cross the older one goes, as an exchange would have it: the newer one has met it.
    """
    rows = np.flatnonzero((feed.kind == DEPTH) | (feed.kind == CLEAR))
    if not len(rows):
        return np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0)
    prices, rank = np.unique(feed.price[rows], return_inverse=True)
    last = np.append((feed.flags[rows[1:]] & START) != 0, True)  # of its message
    found = np.zeros((len(rows), 3), np.int64)
    while True:
        books, since = np.zeros((2, len(prices))), np.zeros((2, len(prices)), np.int64)
        columns: tuple[Any, ...] = (feed.kind[rows], feed.side[rows], feed.flags[rows])
        n = uncross(*columns, last, rank.astype(np.int64), feed.qty[rows], books, since, found)
        if n <= len(found):
            break
        found = np.zeros((n, 3), np.int64)
    found = found[:n]
    return rows[found[:, 0]], found[:, 1].astype(np.int8), prices[found[:, 2]]


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
    found: npt.NDArray[np.int64],
) -> int:
    """Fills `found` with (row, side, rank) of the levels to take away, as far as there is room; gives their number."""
    top = books.shape[1]
    bid, ask, seen, n = -1, top, False, 0
    for i in range(len(kind)):
        if kind[i] == _CLEAR:
            books[:] = 0.0
            bid, ask, seen = -1, top, True
        elif kind[i] == _DEPTH and not flags[i] & _OLD:
            at = rank[i]
            own = 0 if side[i] > 0 else 1
            books[own, at] = qty[i]
            since[own, at] = i
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
            if n < len(found):
                found[n, 0] = i
                found[n, 1] = 1 if older == 0 else -1
                found[n, 2] = at
            n += 1
            while bid >= 0 and books[0, bid] == 0.0:
                bid -= 1
            while ask < top and books[1, ask] == 0.0:
                ask += 1
    return n


def _before_snapshot(feed: Events) -> npt.NDArray[np.bool_]:
    """Levels that were told before the book was whole."""
    whole = np.flatnonzero((feed.flags & SNAPSHOT) != 0)
    early: npt.NDArray[np.bool_] = feed.kind == DEPTH
    early[int(whole[0]) if len(whole) else len(feed) :] = False
    return early


def _after_gaps(feed: Events) -> Ints:
    """The rows before which updates were lost."""
    return np.flatnonzero(feed.flags & GAP)


def _after_silence(feed: Events) -> Ints:
    """The first row of each message that came after a minute or more of nothing."""
    return np.flatnonzero(np.diff(feed.local_ns, prepend=feed.local_ns[:1]) >= SILENCE)


def _without(feed: Events, gone: npt.NDArray[np.bool_]) -> Events:
    """The feed without some rows; the first row that is left of a message begins it."""
    if not gone.any():
        return feed
    message = np.cumsum((feed.flags & START) != 0)[~gone]
    left = take(feed, ~gone)
    begins = np.diff(message, prepend=-1) != 0
    return replace(left, flags=np.where(begins, left.flags | START, left.flags & ~np.uint8(START)).astype(np.uint8))


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


def _count(repairs: dict[str, int], name: str, rule: str, n: int) -> None:
    repairs[f"{name}_{rule}"] = repairs.get(f"{name}_{rule}", 0) + n


def _refused(path: str, feed: Events, name: str, row: int, count: int) -> Refused:
    from huracan.data.instants import format_ns

    more = f", and {count - 1} more" if count > 1 else ""
    what = f"{name}: {BOOK_RULES[name].says}; the first at {format_ns(int(feed.local_ns[row]))}{more}"
    other = " or ".join(each for each in BOOK_RULES[name].choices if each != "refuse")
    fix = f"mend or fetch the file again, or choose {other}: [data] repair = {{ {name} = … }}"
    return Refused(what, where=f"{path}, event {row + 1}", fix=fix)
