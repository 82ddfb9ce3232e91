"""Tapes of order books: plain columns of every instrument, packed into two streams of 16 bytes an event.

    columns ─▶ named repairs ─▶ ticks and lots ─▶ cells ─▶ the exchange's stream, and the local one ─▶ quotes ─▶ bests

The exchange's stream is ordered by the exchange's stamps: orders meet it. The local stream is ordered by local stamps:
decisions see it. A message that overtook another stands at another place in each. All of it happens piece by piece: of
a long feed only pieces are in memory, the rest lies in temporary files (spool.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim import book_layout, spool
from huracan.sim.book_layout import Ground, Streams, Told
from huracan.sim.feed import (
    CLEAR,
    DEPTH,
    QUOTE,
    SNAPSHOT,
    TRADE,
    AnyFeed,
    FeedRules,
    LongFeed,
    Piece,
    hash_feed,
    mend,
    shift_clock,
)
from huracan.sim.layout import NEVER
from huracan.sim.memory import as_records
from huracan.sim.refusal import Refused
from huracan.sim.series import Payments
from huracan.sim.spool import Column
from huracan.sim.tape import payment_records, rule_records_of
from huracan.sim.tick_map import TickMap

Records = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

WIDEST = 27  # bits of a cell's x
STRETCH = 1 << 19  # events of a tape on files that are in memory at once

PACKED = {"exch": "i8", "local": "i8", "key": "u4", "lots": "i4"}
CLEARS = np.dtype([("row", "i8"), ("side", "i8"), ("tick", "i8"), ("bare", "i8")])


@dataclass(frozen=True)
class BookTape:
    """Instruments on one timeline of events, packed."""

    symbols: tuple[str, ...]
    venues: tuple[str, ...]
    exchange: Records  # book_layout.book_event, with one more row that never comes
    bests: Records
    local: Records
    touches: Records  # book_layout.touch, with one more row that never comes
    spans: Records
    far: Ints
    ticks: Ints  # (instruments << width,) tick of each x of a bid, -1 between two
    lows: Ints  # (2 x instruments,) the worst x that ever held something, on each side of the exchange's book
    width: int
    payments: Records
    rules: Records  # layout.rules
    start_ns: int  # the earliest stamp
    end_ns: int  # the latest
    last_local_ns: int
    repairs: dict[str, int]
    data_hash: str
    rows: int  # events in the feeds

    @property
    def instruments(self) -> int:
        return len(self.symbols)

    @property
    def bytes_an_event(self) -> float:
        """Memory of all packed arrays over the events of the feeds."""
        arrays = (*self.long, self.ticks, self.far)
        return sum(a.nbytes for a in arrays) / max(self.rows, 1)

    @property
    def bytes_held(self) -> int:
        """Memory that a run over the tape takes of it: all of it, or of one on files a stretch at a time."""
        stretch = min(1.0, STRETCH / max(len(self.exchange), 1)) if self.on_files else 1.0
        return int(sum(a.nbytes for a in self.long) * stretch) + self.ticks.nbytes + self.far.nbytes

    @property
    def on_files(self) -> bool:
        """Whether the arrays that grow with the feeds are mapped files."""
        return spool.mapping_of(self.exchange) is not None

    @property
    def long(self) -> tuple[Records, ...]:
        """The arrays that grow with the feeds; on files where they are long."""
        return self.exchange, self.bests, self.local, self.touches

    def forget(self) -> None:
        """Give back the memory of what was read of a tape on files."""
        spool.forget(self.long)

    def stretches(self) -> list[int]:
        """Instants between which so few events stand that memory does not fill up; none for a tape in memory."""
        if not self.on_files:
            return []
        stops: set[int] = set()
        for stream in (self.exchange, self.local):
            for row in range(STRETCH, len(stream) - 1, STRETCH):
                stops.add(int(stream["ts_ns"][row]))
                spool.forget([stream])  # the system may have brought in megabytes round the row
        return sorted(stops)


def build_book_tape(
    feeds: Sequence[AnyFeed], payments: Sequence[Payments | None] = (), *, rules: FeedRules | None = None
) -> BookTape:
    """Pack feeds; every repair is named and counted."""
    if not feeds:
        raise Refused("there is no instrument", where="[data]", fix="name a file of raw order-book lines")
    rules = rules or FeedRules()
    repairs: dict[str, int] = {}
    digest = hashlib.sha256()
    for feed in feeds:
        hash_feed(digest, feed)
        for name, count in feed.repairs.items():
            repairs[name] = repairs.get(name, 0) + count
    mended = [mend(feed, rules, repairs) for feed in feeds]
    for each in mended:
        if not len(each):
            raise Refused(f"{each.symbol} has no depth, quote or trade", where="[data]", fix="check the file")
    mended = shift_clock(mended, repairs)
    maps = [TickMap.of(feed, repairs) for feed in mended]
    width = max(m.bits for m in maps)
    if width + (2 * len(feeds)).bit_length() > 29 or width > WIDEST:
        fix = "fewer instruments a run, or a coarser tick"
        raise Refused(f"{len(feeds)} books of up to 2**{width} prices do not fit a tape", where="[data]", fix=fix)
    parts = [pack(feed, m, k, width) for k, (feed, m) in enumerate(zip(mended, maps, strict=True))]
    count_out_of_order(parts, repairs)
    touch_only = [feed.touch_only for feed in mended]
    told = [quoted_streams(parts, which, width, mended) for which in ("exch", "local")]
    exchange, bests, _, lows, crossed = marked(told[0], width, len(feeds), with_touches=False)
    local, _, touches, _, _ = marked(told[1], width, len(feeds), with_touches=True)
    for name, count in (("crossed_book", crossed[0]), ("emptied_side", crossed[1])):
        if count:
            repairs[name] = int(count)
    spans, far, ticks = map_records(maps, width)
    spans["touch_only"] = touch_only
    start = min(int(exchange["ts_ns"][0]), int(local["ts_ns"][0]))
    last_local = int(local["ts_ns"][-2])
    end = max(int(exchange["ts_ns"][-2]), last_local)
    return BookTape(
        tuple(f.symbol for f in feeds),
        tuple(f.venue for f in feeds),
        exchange,
        bests,
        local,
        touches,
        spans,
        far,
        ticks,
        lows,
        width,
        payment_records(payments, start, end),
        rule_records_of([f.rules for f in feeds]),
        start,
        end,
        last_local,
        {name: count for name, count in sorted(repairs.items()) if count},
        digest.hexdigest(),
        sum(len(f) for f in feeds),
    )


def plain_events(feed: AnyFeed, rules: FeedRules | None = None) -> dict[str, Any]:
    """What the tape of one feed says as plain columns, in the order of local time: what other engines are given.

    kind 1 depth, 2 trade, 3 clear down to a price, 4 snapshot, 5 quote; side +1 or -1; price, qty, exch_ns, local_ns.
    """
    repairs: dict[str, int] = {}
    mended = shift_clock([mend(feed, rules or FeedRules(), repairs)], repairs)[0]
    m = TickMap.of(mended, repairs)
    found = list(expanded(mended, m))
    kind, side, ticks, lots, flags, exch, local = (
        np.concatenate([piece[name] for piece in found])
        for name in ("kind", "side", "tick", "lots", "flags", "exch_ns", "local_ns")
    )
    whole = (kind == Told.DEPTH) & ((flags & SNAPSHOT) != 0)
    names = {int(Told.DEPTH): 1, int(Told.TRADE): 2, int(Told.CLEAR): 3, int(Told.QUOTE): 5}
    return {
        "kind": np.where(whole, 4, np.vectorize(names.get, otypes=[np.int64])(kind)),
        "side": side,
        "price": ticks * m.tick_num / m.tick_den,
        "qty": lots * m.lot,
        "exch_ns": exch,
        "local_ns": local,
        "tick": np.float64(m.tick_num / m.tick_den),
        "lot": np.float64(feed.rules.lot or m.lot),
    }


def pack(feed: AnyFeed, m: TickMap, inst: int, width: int) -> dict[str, Column]:
    """A feed's packed events, with both stamps, in its order."""
    mask = (1 << width) - 1
    out = spool.spool(PACKED)
    for piece in expanded(feed, m):
        kind, side = piece["kind"], piece["side"]
        ask = np.where(kind == Told.TRADE, side > 0, side < 0).astype(np.int64)  # a taker who buys meets asks
        x = m.x(piece["tick"])
        x = np.where(ask == 1, mask - x, x)
        key = ((((2 * inst + ask) << width) | x) << 3) | kind
        spool.put_rows(out, {"exch": piece["exch_ns"], "local": piece["local_ns"], "key": key, "lots": piece["lots"]})
    return out


def expanded(feed: AnyFeed, m: TickMap) -> Iterator[Piece]:
    """What a feed says, piece by piece: kind, side, tick, lots, flags, exch_ns, local_ns, and the row that it is of.

    A clear becomes one a side. Before a snapshot it reaches down to the snapshot's last level: what lies beyond it the
    snapshot does not tell.
    """
    clears, taken, first = told_clears(feed, m), 0, 0
    ends = {1: m.least, -1: m.most}
    for piece in feed.pieces():
        n = len(piece["kind"])
        kind = np.where(piece["kind"] == TRADE, int(Told.TRADE), int(Told.DEPTH)).astype(np.int64)
        kind[piece["kind"] == QUOTE] = int(Told.QUOTE)
        out = {"kind": kind, "side": piece["side"].astype(np.int64), "tick": m.ticks(piece["price"])}
        out |= {"lots": m.lots(piece["qty"]), "row": np.arange(first, first + n)}
        out |= {name: piece[name] for name in ("flags", "exch_ns", "local_ns")}
        here = clears.read(taken, taken + 2 * n)
        here = here[: int(np.searchsorted(here["row"], first + n))]
        taken += len(here)
        dropped = piece["kind"] == CLEAR
        first += n
        if not len(here) and not dropped.any():
            yield out
            continue
        rows = here["row"] - (first - n)
        new = np.insert(np.arange(n), rows, rows)
        at = rows + np.arange(len(rows))
        is_new = np.zeros(len(new), bool)
        is_new[at] = True
        out = {name: column[new] for name, column in out.items()}
        out["kind"][at], out["side"][at], out["lots"][at] = int(Told.CLEAR), here["side"], 0
        out["tick"][at] = np.where(here["bare"] == 1, np.where(here["side"] > 0, ends[1], ends[-1]), here["tick"])
        keep = is_new | ~dropped[new]
        yield {name: column[keep] for name, column in out.items()}


def told_clears(feed: AnyFeed, m: TickMap) -> Column:
    """The clears of a feed, one a side: the row before which it stands, and the tick down to which it reaches.

    One that no level of a snapshot follows on its side stands where it was told and reaches to the end (`bare`).
    """
    found = Column(CLEARS)
    open_rows: list[tuple[int, int]] = []  # the clear whose snapshot is being read: (row, side)
    of_side: dict[int, tuple[int, int]] = {}  # of its snapshot: first row and last level so far

    def close() -> None:
        told = []
        for row, cleared in open_rows:
            sides = [s for s in (1, -1) if cleared in (0, s)]
            told += [(*of_side.get(s, (row, 0)), s, int(s not in of_side)) for s in sides]
        if told:
            told.sort(key=lambda each: each[0])  # whose side comes first in the snapshot
            found.append(np.array([(at, s, tick, bare) for at, tick, s, bare in told], CLEARS))
        open_rows.clear()
        of_side.clear()

    first = 0
    for piece in feed.pieces("kind", "side", "flags", "price"):
        kind, side, n = piece["kind"], piece["side"], len(piece["kind"])
        of_snapshot = ((piece["flags"] & SNAPSHOT) != 0) & (kind == DEPTH)
        clears = np.flatnonzero(kind == CLEAR)
        ends = np.flatnonzero(~of_snapshot)
        for at in ([-1] if open_rows else []) + clears.tolist():
            if at >= 0:
                close()
                open_rows.append((first + at, int(side[at])))
            k = int(np.searchsorted(ends, at, side="right"))
            end = int(ends[k]) if k < len(ends) else n
            ticks, sides = m.ticks(piece["price"][at + 1 : end]), side[at + 1 : end]
            for s in (1, -1):
                own = np.flatnonzero(sides == s)
                if len(own):
                    last = int(ticks[own].min() if s > 0 else ticks[own].max())
                    begun, so_far = of_side.get(s, (first + at + 1 + int(own[0]), last))
                    of_side[s] = (begun, min(so_far, last) if s > 0 else max(so_far, last))
            if end < n:
                close()
        first += n
    close()
    return found


def count_out_of_order(parts: Sequence[dict[str, Column]], repairs: dict[str, int]) -> None:
    """How often the exchange's stamps go back in the order of local time."""
    back = 0
    for part in parts:
        last = None
        for piece in spool.pieces(part, ["exch"]):
            ts = piece["exch"]
            back += int((np.diff(ts, prepend=ts[0] if last is None else last) < 0).sum())
            last = ts[-1]
    if back:
        repairs["out_of_order"] = back


def merged(parts: Sequence[dict[str, Column]], which: str) -> Iterator[Records]:
    """One stream of all instruments by one of the two clocks; equal stamps stay as the spec and the file have them."""
    for piece in spool.in_order(parts, which):
        events = np.zeros(len(piece["key"]), book_layout.book_event)
        events["ts_ns"], events["key"], events["lots"] = piece[which], piece["key"], piece["lots"]
        yield events


def quoted_streams(
    parts: Sequence[dict[str, Column]], which: str, width: int, feeds: Sequence[LongFeed]
) -> Iterator[Records]:
    """One stream by one of the two clocks, in which quotes are changes of levels.

    Where there are only quotes, the local book holds the touch alone; the exchange's keeps what was told of a level, by
    which the places in its queue go on.
    """
    stream = merged(parts, which)
    if not any(feed.quotes for feed in feeds):
        return stream
    from huracan.sim.book_quotes import without_quotes

    return without_quotes(stream, width, [feed.touch_only and which == "local" for feed in feeds])


def marked(
    stream: Iterator[Records], width: int, instruments: int, *, with_touches: bool
) -> tuple[Records, Records, Records, Ints, Ints]:
    """(stream, bests, touches, worst x of each side, counts): the pass that marks which events move a best price."""
    from huracan.sim.book_compile import mark_bests

    events, bests, touches = Column(book_layout.book_event), Column(book_layout.best), Column(book_layout.touch)
    levels, best = np.zeros(2 * instruments << width, np.int32), np.full(2 * instruments, -1, np.int64)
    low = np.full(2 * instruments, 1 << 40, np.int64)
    counts = np.zeros(2, np.int64)
    for piece in stream:
        n = len(piece)
        moved = np.zeros(n, book_layout.best)
        seen = np.zeros(n if with_touches else 0, book_layout.touch)
        found = as_records(piece), n, width, levels, low, best, as_records(moved), as_records(seen), counts
        m = mark_bests(*found)
        events.append(piece)
        bests.append(moved[:m])
        touches.append(seen[:m])
    for column in (events, touches):
        last = np.zeros(1, column.dtype)
        last["ts_ns"] = NEVER
        column.append(last if column is events or with_touches else last[:0])
    bests.append(np.zeros(1, book_layout.best))
    return events.array(), bests.array(), touches.array(), low, counts


def map_records(maps: Sequence[TickMap], width: int) -> tuple[Records, Ints, Ints]:
    """book_layout.span of every instrument, all far ticks, and the tick of each x."""
    spans = np.zeros(len(maps), book_layout.span)
    far: list[Ints] = []
    at = 0
    for k, m in enumerate(maps):
        s = spans[k]
        s["lo"], s["hi"], s["first"], s["lot"] = m.lo, m.hi, m.first, m.lot
        for name, ticks in (("low", m.low), ("high", m.high)):
            s[f"{name}_at"], s[f"n_{name}"] = at, len(ticks)
            at += len(ticks)
            far.append(ticks)
    return spans, np.concatenate([*far, np.zeros(1, np.int64)]), np.concatenate([m.back(width) for m in maps])


def view(tape: BookTape, latencies: Records, bar_rows: Records, bars: Records, *, deep: bool) -> tuple[Streams, Ground]:
    """The tape as the machine's records, with bars of its own trades; `deep` builds read the local stream too."""
    local = tape.local if deep else tape.local[-1:]
    payments = np.zeros(len(tape.payments) + 1, tape.payments.dtype)
    payments[:-1] = tape.payments
    payments[-1]["ts_ns"] = NEVER
    streams = (tape.exchange, tape.bests, local, tape.touches, payments, bar_rows, bars)
    stamps = (tape.start_ns, tape.last_local_ns, tape.end_ns)
    return (
        Streams(*(as_records(a) for a in streams)),
        Ground(as_records(tape.spans), tape.far, tape.ticks, tape.lows, as_records(latencies), tape.width, *stamps),
    )
