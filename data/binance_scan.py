"""The compiled scanner of Binance raw lines: local nanoseconds, a blank, one message of a stream or a snapshot.

    bytes ─▶ line ─▶ keys and where their values stand ─▶ kind of message ─▶ events, one a level, trade or quote side

It reads JSON and no more of it than it must: keys may stand in any order, with or without the "stream" wrapper. A line
that is no such message leaves no event and is counted under its fault, with the first and the last place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from huracan.data.events import AGAIN, CLEAR, DEPTH, GAP, MARK, OLD, QUOTE, SNAPSHOT, START, TRADE
from huracan.sim.options import LINKED_ENTRY, part, rare

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


class Columns(NamedTuple):
    """Where the events of a block go; as long as its text could ever need."""

    kind: npt.NDArray[np.int8]
    side: npt.NDArray[np.int8]
    flags: npt.NDArray[np.uint8]
    inst: npt.NDArray[np.int16]
    price: npt.NDArray[np.float64]
    qty: npt.NDArray[np.float64]
    exch_ns: Ints
    local_ns: Ints
    seq: Ints


class Carried(NamedTuple):
    """What is carried from block to block, and room for what is known of one line."""

    names: Bytes  # (symbols, bytes)
    sizes: Ints
    state: Ints  # (symbols, STATE)
    faults: Ints  # (faults, 5)
    fields: Ints


# A fault's row: count, first line, last line, first local time, last local time. The names stand in `FAULTS`.
BAD_LINE, OTHER, GAPPED, UNORDERED, LOCAL_BACK, EARLY, NO_TIME, BAD_LEVEL, NOT_MARKET, OLDER, BEHIND = range(11)
FAULTS = (
    "bad_line",
    "other_message",
    "gapped_book",
    "unordered_time",
    "unordered_local_time",
    "local_before_exchange",
    "no_exchange_time",
    "bad_level",
    "not_market_trade",
    "update_before_snapshot",
    "snapshot_behind_update",
)

# What is known of one symbol between lines.
LAST_ID, SNAP_ID, LAST_TIME, LAST_LOCAL, LAST_DEPTH, LAST_TRADE, LAST_QUOTE, PENDING = range(8)
STATE = 8
MOST_SYMBOLS, SYMBOL_BYTES = 64, 32

# What is known of the line: numbers, and where the values of other keys stand (-1: absent).
_E, _T, _FIRST, _FINAL, _BEFORE, _SNAP, _BIDS, _ASKS, _BID_QTY, _ASK_QTY, _PRICE, _QTY, _MAKER, _TYPE = range(14)
_NAME, _NAME_END, _MARKET, _RATE, _ID = range(14, 19)
FIELDS = 19

_QUOTED, _COMMA, _COLON, _MINUS, _DOT, _ZERO, _NINE = 34, 44, 58, 45, 46, 48, 57
_LIST, _LIST_END, _OBJECT, _OBJECT_END, _ESCAPE, _NEWLINE = 91, 93, 123, 125, 92, 10
_MS = 1_000_000
_LOOK_BACK = 20_000  # events before a snapshot among which newer updates are looked for
_LEAST_NS = 10**18
_EXACT = 9_007_199_254_740_992  # whole numbers up to here are doubles, so one division rounds correctly
_TENS = tuple(10.0**k for k in range(23))
_POWERS = np.array(_TENS)

_flat = part
_call = rare


@_flat
def _blank(text: Bytes, i: int, end: int) -> int:
    while i < end and (text[i] == 32 or text[i] == 9 or text[i] == 13):
        i += 1
    return i


@_call
def _string_end(text: Bytes, i: int, end: int) -> int:
    """Where the string that opens at i closes, -1 if it does not."""
    i += 1
    while i < end:
        if text[i] == _ESCAPE:
            i += 1
        elif text[i] == _QUOTED:
            return i
        i += 1
    return -1


@_call
def _value_end(text: Bytes, i: int, end: int) -> int:
    """The place behind the value at i, -1 if it has no end."""
    if i >= end:
        return -1
    if text[i] == _QUOTED:
        close = _string_end(text, i, end)
        return close + 1 if close >= 0 else -1
    if text[i] != _LIST and text[i] != _OBJECT:
        at = i
        while i < end and text[i] != _COMMA and text[i] != _OBJECT_END and text[i] != _LIST_END and text[i] > 32:
            i += 1
        return i if i > at else -1
    depth = 0
    while i < end:
        c = text[i]
        if c == _QUOTED:
            i = _string_end(text, i, end)
            if i < 0:
                return -1
        elif c in (_LIST, _OBJECT):
            depth += 1
        elif c in (_LIST_END, _OBJECT_END):
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    return -1


@_flat
def _whole(text: Bytes, i: int, end: int) -> tuple[int, int]:
    """A whole number of at most 18 digits, -1 for any below zero, and the place behind it (-1 if there is none)."""
    negative = i < end and text[i] == _MINUS
    if negative:
        i += 1
    at, n = i, 0
    while i < end and _ZERO <= text[i] <= _NINE:
        n = n * 10 + int(text[i] - _ZERO)
        i += 1
    return (-1 if negative else n, i) if at < i <= at + 18 else (0, -1)


@_flat
def _number(text: Bytes, i: int, end: int, powers: npt.NDArray[np.float64]) -> tuple[float, int]:
    """A decimal number, in quotes or not, as the double nearest to it, and the place behind it (-1 if it is none).

    Numbers that no single division can round correctly are refused: no price or quantity has sixteen digits.
    """
    quoted = i < end and text[i] == _QUOTED
    if quoted:
        i += 1
    negative = i < end and text[i] == _MINUS
    if negative:
        i += 1
    mantissa, digits, decimals, zeros, seen = 0, 0, 0, 0, False
    while i < end:
        c = text[i]
        if c == _DOT and not seen:
            seen = True
        elif c == _ZERO and seen:
            zeros += 1  # kept back: at the end of the number they say nothing
            digits += 1
        elif _ZERO <= c <= _NINE:
            while zeros:
                mantissa *= 10
                decimals += 1
                zeros -= 1
            mantissa = mantissa * 10 + int(c - _ZERO)
            digits += 1
            if seen:
                decimals += 1
            if mantissa > _EXACT or mantissa < 0:
                return 0.0, -1
        else:
            break
        i += 1
    if digits == 0 or decimals > 22:
        return 0.0, -1
    if quoted:
        if i >= end or text[i] != _QUOTED:
            return 0.0, -1
        i += 1
    value = mantissa / powers[decimals]
    return (-value if negative else value), i


@_flat
def _is(text: Bytes, i: int, end: int, word: bytes) -> bool:
    """Whether the bytes from i to end are this word."""
    if end - i != len(word):
        return False
    for k in range(len(word)):  # noqa: SIM110 - numba has no generators
        if text[i + k] != word[k]:
            return False
    return True


@_call
def _note(text: Bytes, key: int, key_end: int, i: int, end: int, f: Ints) -> int:
    """Keeps what the key's value at i says; returns the place behind the value, -1 if it can't be read."""
    size, c = key_end - key, text[key]
    slot = -1
    if size == 1:
        if c == 69:  # E T U u t: whole numbers
            slot = _E
        elif c == 84:
            slot = _T
        elif c == 85:
            slot = _FIRST
        elif c == 117:
            slot = _FINAL
        elif c == 116:
            slot = _ID
        elif c == 98:  # b a B A p q r: where the value stands
            f[_BIDS] = i
        elif c == 97:
            f[_ASKS] = i
        elif c == 66:
            f[_BID_QTY] = i
        elif c == 65:
            f[_ASK_QTY] = i
        elif c == 112:
            f[_PRICE] = i
        elif c == 113:
            f[_QTY] = i
        elif c == 114:
            f[_RATE] = i
        elif c == 109:  # m: was the buyer the maker
            f[_MAKER] = 1 if i < end and text[i] == 116 else 0
        elif c == 101 or c == 115 or c == 88:  # e s X: words
            if i >= end or text[i] != _QUOTED:
                return _value_end(text, i, end)
            close = _string_end(text, i, end)
            if close < 0:
                return -1
            if c == 101:
                f[_TYPE] = i + 1
            elif c == 115:
                f[_NAME] = i + 1
                f[_NAME_END] = close
            else:
                f[_MARKET] = 1 if _is(text, i + 1, close, b"MARKET") else 0
            return close + 1
    elif _is(text, key, key_end, b"pu"):
        slot = _BEFORE
    elif _is(text, key, key_end, b"lastUpdateId"):
        slot = _SNAP
    elif _is(text, key, key_end, b"bids"):
        f[_BIDS] = i
    elif _is(text, key, key_end, b"asks"):
        f[_ASKS] = i
    if slot >= 0:
        f[slot], i = _whole(text, i, end)
        return i
    return _value_end(text, i, end)


@_call
def _walk(text: Bytes, i: int, end: int, f: Ints) -> int:
    """Reads the object at i, and the one under its key "data", into f; returns -1, or the place of the first fault."""
    if i >= end or text[i] != _OBJECT:
        return i
    depth = 1
    i = _blank(text, i + 1, end)
    while i < end:
        c = text[i]
        if c == _OBJECT_END:
            depth -= 1
            i = _blank(text, i + 1, end)
            if depth == 0:
                return -1 if i >= end else i
        elif c == _COMMA:
            i = _blank(text, i + 1, end)
            if i >= end or text[i] != _QUOTED:
                return i
        elif c == _QUOTED:
            key = i + 1
            key_end = _string_end(text, i, end)
            if key_end < 0:
                return key
            i = _blank(text, key_end + 1, end)
            if i >= end or text[i] != _COLON:
                return i
            i = _blank(text, i + 1, end)
            if depth == 1 and i < end and text[i] == _OBJECT and _is(text, key, key_end, b"data"):
                depth = 2
                i = _blank(text, i + 1, end)
                continue
            at = i
            i = _note(text, key, key_end, i, end, f)
            if i < 0:
                return at
            i = _blank(text, i, end)
            if i < end and text[i] != _COMMA and text[i] != _OBJECT_END:
                return i
        else:
            return i
    return end


@_flat
def _fault(faults: Ints, which: int, line: int, local: int) -> None:
    if faults[which, 0] == 0:
        faults[which, 1] = line
        faults[which, 3] = local
    faults[which, 0] += 1
    faults[which, 2] = line
    faults[which, 4] = local


@_call
def _symbol(text: Bytes, f: Ints, names: Bytes, sizes: Ints) -> int:
    """The symbol's place among those seen, made when new; a line without one belongs to the first. -1: no room."""
    if f[_NAME] < 0:
        return 0
    size = f[_NAME_END] - f[_NAME]
    if size > SYMBOL_BYTES:
        return -1
    for k in range(MOST_SYMBOLS):
        if sizes[k] == 0:
            sizes[k] = size
            for j in range(size):
                names[k, j] = text[f[_NAME] + j]
            return k
        if sizes[k] == size:
            same = True
            for j in range(size):
                if names[k, j] != text[f[_NAME] + j]:
                    same = False
                    break
            if same:
                return k
    return -1


@_flat
def _put(out: Columns, n: int, kind: int, side: int, flags: int, price: float, qty: float) -> None:
    out.kind[n] = kind
    out.side[n] = side
    out.flags[n] = flags
    out.price[n] = price
    out.qty[n] = qty


@_call
def _levels(
    text: Bytes, i: int, end: int, side: int, n: int, out: Columns, flags: int, powers: npt.NDArray[np.float64]
) -> tuple[int, int, int]:
    """A list of [price, quantity] at i as events from n on: (events so far, impossible levels, fault or -1)."""
    dropped = 0
    if text[i] != _LIST:
        return n, dropped, i
    i = _blank(text, i + 1, end)
    while i < end and text[i] != _LIST_END:
        if text[i] != _LIST:
            return n, dropped, i
        i = _blank(text, i + 1, end)
        price, at = _number(text, i, end, powers)
        if at < 0:
            return n, dropped, i
        i = _blank(text, at, end)
        if i >= end or text[i] != _COMMA:
            return n, dropped, i
        i = _blank(text, i + 1, end)
        qty, at = _number(text, i, end, powers)
        if at < 0:
            return n, dropped, i
        i = at
        while i < end and text[i] != _LIST_END:
            i += 1
        i = _blank(text, i + 1, end)
        if i < end and text[i] == _COMMA:
            i = _blank(text, i + 1, end)
        elif i >= end or text[i] != _LIST_END:
            return n, dropped, i
        if price > 0.0 and qty >= 0.0:
            _put(out, n, DEPTH, side, flags, price, qty)
            n += 1
        else:
            dropped += 1
    return n, dropped, -1


@_call
def _again(snapshot: int, out: Columns, start: int, n: int, inst: int) -> int:
    """Puts levels of updates that are newer than the snapshot, and stand before it, behind it; returns the new n."""
    first = start
    k = start - 1
    while k >= max(0, start - _LOOK_BACK):
        if out.inst[k] == inst and out.kind[k] == DEPTH:
            if out.seq[k] <= snapshot or out.flags[k] & SNAPSHOT:
                break
            first = k
        k -= 1
    if n + (start - first) > len(out.kind):
        return n
    for k in range(first, start):
        if out.inst[k] == inst and out.kind[k] == DEPTH:
            _put(out, n, DEPTH, out.side[k], AGAIN, out.price[k], out.qty[k])
            n += 1
    return n


@_call
def _depth(
    text: Bytes, end: int, f: Ints, s: Ints, faults: Ints, out: Columns, n: int, where: tuple[int, int, int]
) -> tuple[int, int]:
    """An update or a snapshot of the book as events from n on: (events so far, the place of a fault or -1)."""
    line, local, inst = where
    powers = _POWERS
    start, flags = n, s[PENDING]
    if f[_SNAP] >= 0:
        flags = SNAPSHOT
        _put(out, n, CLEAR, 0, SNAPSHOT, 0.0, 0.0)
        n += 1
    elif f[_FINAL] >= 0:
        last = s[LAST_ID]
        if last >= 0 and (f[_BEFORE] != last if f[_BEFORE] >= 0 else f[_FIRST] > last + 1):
            _fault(faults, GAPPED, line, local)
            flags |= GAP
        if f[_FINAL] < s[SNAP_ID]:
            _fault(faults, OLDER, line, local)
            flags |= OLD
    n, low, at = _levels(text, f[_BIDS], end, 1, n, out, flags, powers)
    if at >= 0:
        return start, at
    n, more, at = _levels(text, f[_ASKS], end, -1, n, out, flags, powers)
    if at >= 0:
        return start, at
    for _ in range(low + more):
        _fault(faults, BAD_LEVEL, line, local)
    if f[_SNAP] >= 0:
        s[SNAP_ID] = f[_SNAP]
        if s[LAST_ID] > f[_SNAP]:
            _fault(faults, BEHIND, line, local)
            n = _again(f[_SNAP], out, start, n, inst)
    elif f[_FINAL] >= 0:
        s[LAST_ID] = f[_FINAL]
    for k in range(start + 1, n):  # the gap stands at the first level only
        out.flags[k] &= ~np.uint8(GAP)
    s[PENDING] = flags & GAP if n == start else 0  # a message without levels hands its gap on
    return n, -1


@_call
def _single(
    text: Bytes, end: int, f: Ints, faults: Ints, out: Columns, n: int, kind: int, where: tuple[int, int]
) -> tuple[int, int]:
    """A trade, a quote (two events, bid and ask) or a mark with its funding rate: as `_depth` returns."""
    powers = _POWERS
    if kind == QUOTE:
        slots = (_BIDS, _BID_QTY, _ASKS, _ASK_QTY)
    elif kind == TRADE:
        slots = (_PRICE, _QTY, _PRICE, _QTY)
    else:
        slots = (_PRICE, _RATE, _PRICE, _RATE)
    sides = 2 if kind == QUOTE else 1
    for k in range(sides):
        at, second = f[slots[2 * k]], f[slots[2 * k + 1]]
        price, next_ = _number(text, at, end, powers)
        if next_ < 0:
            return n - k, at
        qty, next_ = _number(text, second, end, powers)
        if next_ < 0:
            return n - k, second
        if kind == TRADE and f[_MARKET] == 0:
            _fault(faults, NOT_MARKET, where[0], where[1])
            return n, -1
        if price <= 0.0 or (kind == TRADE and qty <= 0.0) or (kind == QUOTE and qty < 0.0):
            _fault(faults, BAD_LEVEL, where[0], where[1])
            return n - k, -1
        side = 1 - 2 * k if kind == QUOTE else 0 if kind == MARK else 1 - 2 * f[_MAKER]
        _put(out, n, kind, side, 0, price, qty)
        n += 1
    return n, -1


@_flat
def _kind_of(text: Bytes, end: int, f: Ints) -> int:
    """What the line is, by its word `e` or by its keys; -1 for another stream's."""
    books = f[_BIDS] >= 0 and f[_ASKS] >= 0 and f[_BIDS] < end and f[_ASKS] < end
    t = f[_TYPE]
    c = text[t] if t >= 0 else 0
    if c == 100 and books:  # depthUpdate
        return DEPTH
    if (c == 116 or (c == 97 and t + 2 < end and text[t + 1] == 103)) and f[_PRICE] >= 0 and f[_QTY] >= 0:
        return TRADE if f[_MAKER] >= 0 else -1  # trade, aggTrade
    if c == 109 and f[_PRICE] >= 0 and f[_RATE] >= 0 and text[f[_RATE]] == _QUOTED and text[f[_RATE] + 1] != _QUOTED:
        return MARK  # markPriceUpdate
    if books and f[_SNAP] >= 0:
        return DEPTH
    if (c == 0 or c == 98) and books and f[_BID_QTY] >= 0 and f[_ASK_QTY] >= 0:  # bookTicker
        return QUOTE
    return -1


@njit(**LINKED_ENTRY)
def scan(text: Bytes, end: int, line: int, carried: Carried, out: Columns) -> tuple[int, int, int, int]:
    """Reads whole lines of text[:end], the first of them numbered `line`.

    Returns (events, the number after the last line, the place of the first bad line's fault or -1, its number).
    """
    names, sizes, state, faults, f = carried
    n, i, bad, bad_line = 0, 0, -1, -1
    while i < end:
        stop = i
        while stop < end and text[stop] != _NEWLINE:
            stop += 1
        begin = _blank(text, i, stop)
        if begin == stop:  # an empty line is nothing
            i, line = stop + 1, line + 1
            continue
        for k in range(FIELDS):
            f[k] = -1
        at, local = begin, 0
        while at < stop and at < begin + 19 and _ZERO <= text[at] <= _NINE:
            local = local * 10 + int(text[at] - _ZERO)  # uncompiled, a byte stays a byte
            at += 1
        wrong = -1
        if at < begin + 19 or text[begin] > 56:  # nanoseconds have 19 digits from 2001 to 2262
            wrong = at
        else:
            wrong = _walk(text, _blank(text, at, stop), stop, f)
        if wrong < 0:
            kind = _kind_of(text, stop, f)
            inst = _symbol(text, f, names, sizes)
            if kind < 0 or inst < 0:
                _fault(faults, OTHER, line, local)
            else:
                s = state[inst]
                start = n
                if kind == DEPTH:
                    n, wrong = _depth(text, stop, f, s, faults, out, n, (line, local, inst))
                else:
                    n, wrong = _single(text, stop, f, faults, out, n, kind, (line, local))
                if wrong < 0:
                    _stamp(f, s, faults, out, start, n, kind, inst, (line, local))
        if wrong >= 0:
            _fault(faults, BAD_LINE, line, local if local >= _LEAST_NS else 0)
            if bad < 0:
                bad, bad_line = wrong, line
        i, line = stop + 1, line + 1
    return n, line, bad, bad_line


@_call
def _stamp(
    f: Ints, s: Ints, faults: Ints, out: Columns, start: int, n: int, kind: int, inst: int, where: tuple[int, int]
) -> None:
    """Times and the message's start for events start:n; a message without a time takes the last one of its symbol."""
    line, local = where
    exch = f[_T] if f[_T] >= 0 and kind != MARK else f[_E]  # a mark's T is the next funding
    if exch >= 0:
        exch *= _MS
        slot = LAST_DEPTH if kind == DEPTH else LAST_TRADE if kind == TRADE else LAST_QUOTE
        if f[_SNAP] < 0 and kind != MARK:
            if exch < s[slot]:
                _fault(faults, UNORDERED, line, local)
            s[slot] = exch
        s[LAST_TIME] = max(s[LAST_TIME], exch)
        if local < exch:
            _fault(faults, EARLY, line, local)
    else:
        _fault(faults, NO_TIME, line, local)
        exch = s[LAST_TIME] if s[LAST_TIME] > 0 else local
    if local < s[LAST_LOCAL]:
        _fault(faults, LOCAL_BACK, line, local)
    s[LAST_LOCAL] = local
    seq = f[_ID] if kind == TRADE else f[_SNAP] if f[_SNAP] >= 0 else f[_FINAL]
    for k in range(start, n):
        out.seq[k] = seq
        out.exch_ns[k] = exch
        out.local_ns[k] = local
        out.inst[k] = inst
    if n > start:
        out.flags[start] |= np.uint8(START)
