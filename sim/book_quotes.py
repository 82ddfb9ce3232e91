"""Quotes of a packed stream, told as what they change: the level they name, and the better ones that they end.

    events and quotes, in the stream's order ─▶ the levels told so far ─▶ events without quotes

Each stream says what a quote ends by what it has itself told before, so the later time wins in each. The level comes
first and what it ends after it, worst first, so that a best price moves once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from huracan.sim import book_layout
from huracan.sim.memory import as_records
from huracan.sim.options import ENTRY
from huracan.sim.spool import ROWS

Records = npt.NDArray[Any]

DEPTH, QUOTE, BEHIND = 0, 4, 5  # BEHIND: a bid that the ask of its message has gone before


def without_quotes(
    stream: Iterator[Records], width: int, forgets: Sequence[bool], *, size: int = ROWS
) -> Iterator[Records]:
    """The stream with its quotes told as changes of levels.

    `forgets` says of each instrument whether a quote ends worse levels of its side too: a book of the touch alone.
    `size` is how many events come out at a time.
    """
    levels = np.zeros(2 * len(forgets) << width, np.int32)
    top, low = np.full(2 * len(forgets), -1, np.int64), np.full(2 * len(forgets), 1 << 40, np.int64)
    whole = np.array(forgets, np.bool_)
    book = levels, top, low, whole
    rest = np.zeros(0, book_layout.book_event)
    for piece in stream:
        held = np.concatenate([rest, piece])
        n = len(held) - (1 if held_back(held, width) else 0)  # a bid may belong behind the ask of its message
        rest = held[n:].copy()
        yield from unfolded(held, n, width, book, size)
    yield from unfolded(rest, len(rest), width, book, size)


def held_back(events: Records, width: int) -> bool:
    """Whether the last event is a bid that was quoted."""
    key = int(events["key"][-1]) if len(events) else 0
    return len(events) > 0 and key & 7 == QUOTE and not (key >> 3 >> width) & 1


def unfolded(events: Records, n: int, width: int, book: tuple[Any, ...], size: int) -> Iterator[Records]:
    """The first n events, as many at a time as there is room for; more room where one event needs it."""
    i, out = 0, np.zeros(size, book_layout.book_event)
    while i < n:
        i, m = unfold(as_records(events), i, n, len(events), width, *book, as_records(out))
        if not m and i < n:
            out = np.zeros(2 * len(out), book_layout.book_event)
            continue
        yield out[:m].copy()


@njit(**ENTRY)
def unfold(events, i, n, more, width, levels, top, low, whole, out):
    """Writes what events i..n tell; returns the first event for which there was no room, and how many were written.

    `top` and `low` hold no level of their side beyond them; `more` events can be looked at.
    """
    mask = (1 << width) - 1
    m = 0
    while i < n:
        e = events[i]
        cell = np.int64(e.key) >> 3
        kind = np.int64(e.key) & 7
        side = cell >> width
        x = cell & mask
        base = side << width
        if kind == QUOTE and side & 1 == 0 and i + 1 < more and is_crossing(events, i, width, levels, top, low):
            first = events[i + 1].key
            lots = events[i + 1].lots
            events[i + 1].key = np.uint32(cell << 3 | BEHIND)
            events[i + 1].lots = e.lots
            events[i].key = first
            events[i].lots = lots
            continue
        quoted = kind in (QUOTE, BEHIND)
        worst = low[side] if quoted and whole[side >> 1] else x + 1
        need = 1
        if quoted:
            for y in range(worst, top[side] + 1):
                if y != x and levels[base + y] != 0:
                    need += 1
        if m + need > len(out):
            break
        out[m].ts_ns = e.ts_ns
        out[m].key = e.key
        out[m].lots = e.lots
        m += 1
        i += 1
        if quoted or kind == DEPTH:
            levels[cell] = e.lots
            low[side] = min(low[side], x)
        if kind == DEPTH:
            top[side] = max(top[side], x)
        elif quoted:
            out[m - 1].key = np.uint32(cell << 3 | DEPTH)
            for y in range(worst, top[side] + 1):
                if y != x and levels[base + y] != 0:
                    levels[base + y] = 0
                    out[m].ts_ns = e.ts_ns
                    out[m].key = np.uint32((base + y) << 3 | DEPTH)
                    out[m].lots = 0
                    m += 1
            top[side] = x
            if whole[side >> 1]:
                low[side] = x
    return i, m


@njit(**ENTRY)
def is_crossing(events, i, width, levels, top, low):
    """Whether the bid quoted in event i meets the ask told last, while the next event quotes the ask anew."""
    mask = (1 << width) - 1
    cell = np.int64(events[i].key) >> 3
    after = np.int64(events[i + 1].key)
    ask = (cell >> width) + 1
    if after & 7 != QUOTE or after >> 3 >> width != ask or events[i + 1].ts_ns != events[i].ts_ns:
        return False
    y = top[ask]
    while y >= low[ask] and levels[(ask << width) + y] == 0:
        y -= 1
    top[ask] = max(y, -1)
    return y >= low[ask] and (cell & mask) + y >= mask
