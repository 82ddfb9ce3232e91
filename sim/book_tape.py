"""Tapes of order books: plain columns of every instrument, packed into two streams of 16 bytes an event.

    columns ─▶ named repairs ─▶ ticks and lots ─▶ cells ─▶ the exchange's stream, and the local one ─▶ bests

The exchange's stream is ordered by the exchange's stamps: orders meet it. The local stream is ordered by local stamps:
decisions see it. A message that overtook another stands at another place in each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim import book_layout
from huracan.sim.book_layout import Ground, Streams, Told
from huracan.sim.layout import NEVER
from huracan.sim.memory import as_records
from huracan.sim.refusal import Refused
from huracan.sim.series import Payments, Rules
from huracan.sim.tape import exact_fraction, payment_records

Records = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Kinds and flags of the columns, as data/events.py names them.
DEPTH, TRADE, CLEAR, QUOTE, MARK = range(5)
START, SNAPSHOT, GAP, OLD = 1, 2, 4, 8

MARGIN_TICKS = 4096  # round the traded range, where own orders are likely to stand
LINEAR_TICKS = 1 << 16  # a range that is no wider stands side by side as it is
MOST_LOTS = (1 << 31) - 1
WIDEST = 27  # bits of a cell's x


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


@dataclass(frozen=True)
class FeedRules:
    """What is done about a feed's faults; each is counted under its name in `repairs`."""

    gap: str = "keep"  # updates were lost: "keep" the book as it was, "clear" it until the next snapshot, "refuse"
    no_snapshot: str = "keep"  # updates before any snapshot: "keep", "drop", "refuse"
    bad_level: str = "drop"  # a price or a quantity that can't be: "drop" or "refuse"
    silence_s: float = 60.0  # a feed that says nothing for so long is counted


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
        arrays = (self.exchange, self.bests, self.local, self.touches, self.ticks, self.far)
        return sum(a.nbytes for a in arrays) / max(self.rows, 1)


def build_book_tape(
    feeds: Sequence[Feed], payments: Sequence[Payments | None] = (), *, rules: FeedRules | None = None
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
    for feed in mended:
        if not len(feed):
            raise Refused(f"{feed.symbol} has no depth or trade", where="[data]", fix="check the file")
    mended = shift_clock(mended, repairs)
    maps = [TickMap.of(feed, repairs) for feed in mended]
    width = max(m.bits for m in maps)
    if width + (2 * len(feeds)).bit_length() > 29 or width > WIDEST:
        fix = "fewer instruments a run, or a coarser tick"
        raise Refused(f"{len(feeds)} books of up to 2**{width} prices do not fit a tape", where="[data]", fix=fix)
    parts = [pack(feed, m, k, width) for k, (feed, m) in enumerate(zip(mended, maps, strict=True))]
    exchange = merged(parts, "exch", repairs)
    local = merged(parts, "local", repairs)
    bests, _, lows, crossed = marked(exchange, width, len(feeds), with_touches=False)
    _, touches, _, _ = marked(local, width, len(feeds), with_touches=True)
    for name, count in (("crossed_book", crossed[0]), ("emptied_side", crossed[1])):
        if count:
            repairs[name] = int(count)
    spans, far, ticks = map_records(maps, width)
    start = min(int(exchange["ts_ns"][0]), int(local["ts_ns"][0]))
    last_local = int(local["ts_ns"][-2])
    end = max(int(exchange["ts_ns"][-2]), last_local)
    records = payment_records(payments, start, end)
    from huracan.sim.tape import rule_records_of

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
        records,
        rule_records_of([f.rules for f in feeds]),
        start,
        end,
        last_local,
        {name: count for name, count in sorted(repairs.items()) if count},
        digest.hexdigest(),
        sum(len(f) for f in feeds),
    )


def plain_events(feed: Feed, rules: FeedRules | None = None) -> dict[str, Any]:
    """What the tape of one feed says as plain columns, in the order of local time: what other engines are given.

    kind 1 depth, 2 trade, 3 clear down to a price, 4 snapshot; side +1 or -1; price, qty, exch_ns, local_ns.
    """
    repairs: dict[str, int] = {}
    feed = shift_clock([mend(feed, rules or FeedRules(), repairs)], repairs)[0]
    m = TickMap.of(feed, repairs)
    kind, side, ticks, lots, index = expanded(feed, m)
    whole = (kind == Told.DEPTH) & ((feed.flags[index] & SNAPSHOT) != 0)
    names = {int(Told.DEPTH): 1, int(Told.TRADE): 2, int(Told.CLEAR): 3}
    return {
        "kind": np.where(whole, 4, np.vectorize(names.get, otypes=[np.int64])(kind)),
        "side": side,
        "price": ticks * m.tick_num / m.tick_den,
        "qty": lots * m.lot,
        "exch_ns": feed.exch_ns[index],
        "local_ns": feed.local_ns[index],
        "tick": np.float64(m.tick_num / m.tick_den),
        "lot": np.float64(feed.rules.lot or m.lot),
    }


def hash_feed(digest: Any, feed: Feed) -> None:
    """A feed's data and rules into a running hash."""
    digest.update(repr((feed.venue, feed.symbol, feed.rules)).encode())
    for name in ("kind", "side", "flags", "price", "qty", "exch_ns", "local_ns"):
        digest.update(np.ascontiguousarray(getattr(feed, name)).tobytes())


def rows_of(feed: Feed, rows: Any) -> Feed:
    """The same feed with some of its rows."""
    names = ("kind", "side", "flags", "price", "qty", "exch_ns", "local_ns")
    return replace(feed, **{name: getattr(feed, name)[rows] for name in names})


def mend(feed: Feed, rules: FeedRules, repairs: dict[str, int]) -> Feed:
    """Depth, trades and clears that can be, in the order of local time; what was done about the rest is counted."""

    def count(name: str, n: int) -> None:
        if n:
            repairs[name] = repairs.get(name, 0) + int(n)

    kind = feed.kind
    market = (kind == DEPTH) | (kind == TRADE) | (kind == CLEAR)
    feed = rows_of(feed, market)
    level = feed.kind != CLEAR
    good = (feed.price > 0.0) & (feed.price < np.inf) & (feed.qty >= 0.0) & (feed.qty < np.inf) & (feed.side != 0)
    good &= (feed.kind != TRADE) | (feed.qty > 0.0)
    bad = level & ~good
    if bad.any():
        if rules.bad_level == "refuse":
            at = int(np.flatnonzero(bad)[0])
            what = f"bad_level: price {feed.price[at]}, quantity {feed.qty[at]} of {feed.symbol}"
            raise Refused(what, where=f"event {at}", fix='mend the file, or bad_level = "drop"')
        count("bad_level", bad.sum())
        feed = rows_of(feed, ~bad)
    back = np.diff(feed.local_ns) < 0
    if back.any():
        count("unordered_local_time", back.sum())
        feed = rows_of(feed, np.argsort(feed.local_ns, kind="stable"))
    silence = np.diff(feed.local_ns) > rules.silence_s * 1e9
    count("silent_feed", silence.sum())
    feed = before_snapshot(feed, rules, count)
    gaps = np.flatnonzero((feed.flags & GAP) != 0)
    count("gapped_book", len(gaps))
    if len(gaps) and rules.gap == "refuse":
        raise Refused(
            f"gapped_book: {feed.symbol} lost updates before event {gaps[0]}",
            where="[data]",
            fix='fetch the data again, or gap = "keep" or "clear"',
        )
    if len(gaps) and rules.gap == "clear":
        feed = clear_at(feed, gaps)
    return feed


def before_snapshot(feed: Feed, rules: FeedRules, count: Any) -> Feed:
    """Depth before the first snapshot: the book never was whole until then."""
    whole = np.flatnonzero((feed.flags & SNAPSHOT) != 0)
    depth = feed.kind == DEPTH
    first = int(whole[0]) if len(whole) else len(feed)
    early = int(depth[:first].sum())
    count("depth_before_snapshot", early)
    if not len(whole):
        count("no_snapshot", 1)
    if early and rules.no_snapshot == "refuse":
        what = f"no_snapshot: {feed.symbol} changes {early} levels before its first snapshot"
        raise Refused(what, where="[data]", fix='put a snapshot in front, or no_snapshot = "keep" or "drop"')
    if early and rules.no_snapshot == "drop":
        keep = np.ones(len(feed), bool)
        keep[:first] = ~depth[:first]
        return rows_of(feed, keep)
    return feed


def clear_at(feed: Feed, rows: Ints) -> Feed:
    """The same feed with its book cleared just before some rows."""
    index = np.insert(np.arange(len(feed)), rows, rows)
    out = rows_of(feed, index)
    at = rows + np.arange(len(rows))
    out.kind[at], out.side[at], out.flags[at] = CLEAR, 0, START
    out.price[at], out.qty[at] = 0.0, 0.0
    return out


def shift_clock(feeds: list[Feed], repairs: dict[str, int]) -> list[Feed]:
    """Where a local stamp precedes its exchange stamp, all local stamps move by the largest difference."""
    ahead = max(int((f.exch_ns - f.local_ns).max()) for f in feeds)
    if ahead <= 0:
        return feeds
    repairs["clock_shift"] = sum(int((f.local_ns < f.exch_ns).sum()) for f in feeds)
    return [replace(f, local_ns=f.local_ns + ahead) for f in feeds]


@dataclass(frozen=True)
class TickMap:
    """How one instrument's ticks become x: a linear range, and far ticks by rank with a place between each two."""

    ticks: Ints  # of every event
    lots: Ints
    lo: int
    hi: int
    low: Ints
    high: Ints
    lot: float
    tick_num: int
    tick_den: int

    @classmethod
    def of(cls, feed: Feed, repairs: dict[str, int]) -> TickMap:
        """The map of a feed's ticks, fine where it trades."""
        rule = feed.rules
        if rule.tick_num == 0:
            fix = "give rules = { tick = ... }"
            raise Refused(f"{feed.symbol} has no tick", where="data.rules.tick", fix=fix)
        exact = feed.price * rule.tick_den / rule.tick_num
        ticks = np.floor(exact + 0.5).astype(np.int64)
        level = feed.kind != CLEAR
        off = int((level & (np.abs(exact - ticks) > 1e-4)).sum())
        if off:
            repairs["price_off_tick"] = repairs.get("price_off_tick", 0) + off
        num, den, rounded = quantum(feed.qty[level], rule.lot)
        if rounded:
            repairs["quantity_rounded"] = repairs.get("quantity_rounded", 0) + rounded
        lots = np.floor(feed.qty * den / num + 0.5).astype(np.int64)
        traded = ticks[feed.kind == TRADE]
        centre = traded if len(traded) else np.array([int(np.median(ticks[level]))])
        used = ticks[level]
        lo, hi = int(centre.min()) - MARGIN_TICKS, int(centre.max()) + MARGIN_TICKS
        if int(used.max()) - int(used.min()) < LINEAR_TICKS:
            lo, hi = min(lo, int(used.min())), max(hi, int(used.max()))
        lo = max(lo, 0)
        low, high = np.unique(used[used < lo]), np.unique(used[used > hi])
        return cls(ticks, lots, lo, hi, low, high, num / den, rule.tick_num, rule.tick_den)

    @property
    def first(self) -> int:
        return 2 * len(self.low) + 1

    @property
    def size(self) -> int:
        """Places that are needed, one beyond each end included."""
        return self.first + (self.hi - self.lo + 1) + 2 * len(self.high) + 1

    @property
    def bits(self) -> int:
        return max((self.size + 1).bit_length(), 6)

    def x(self, ticks: Ints) -> Ints:
        """x of ticks that are in the map."""
        low = 1 + 2 * np.searchsorted(self.low, ticks)
        high = self.first + (self.hi - self.lo + 1) + 1 + 2 * np.searchsorted(self.high, ticks)
        inside = self.first + ticks - self.lo
        return np.where(ticks < self.lo, low, np.where(ticks > self.hi, high, inside))

    def back(self, width: int) -> Ints:
        """The tick of each x, -1 between two."""
        out = np.full(1 << width, -1, np.int64)
        for ticks in (self.low, self.high, np.arange(self.lo, self.hi + 1)):
            out[self.x(ticks)] = ticks
        return out


def quantum(qty: Floats, lot: float) -> tuple[int, int, int]:
    """(numerator, denominator) of the largest decimal unit that all quantities are whole numbers of; and how many had
    to be rounded because whole numbers of 31 bits can't hold both the largest and the smallest.

    >>> quantum(np.array([0.25, 3.0]), 0.001)
    (1, 1000, 0)
    """
    num, den = exact_fraction(lot) if lot else (1, 1)
    for _ in range(12):
        exact = qty * den / num
        if np.abs(exact - np.floor(exact + 0.5)).max(initial=0.0) < 1e-4:
            break
        num, den = 1, (den * 10 if num == 1 else den)
    rounded = 0
    while qty.max(initial=0.0) * den / num > MOST_LOTS:
        unit = Fraction(num, den) * 10
        num, den = unit.numerator, unit.denominator
        exact = qty * den / num
        rounded = int((np.abs(exact - np.floor(exact + 0.5)) > 1e-4).sum())
    return num, den, rounded


def pack(feed: Feed, m: TickMap, inst: int, width: int) -> tuple[Records, Ints, Ints]:
    """(packed events without stamps, exchange's stamps, local stamps) of a feed in its order."""
    kind, side, ticks, lots, index = expanded(feed, m)
    mask = (1 << width) - 1
    ask = np.where(kind == Told.TRADE, side > 0, side < 0).astype(np.int64)  # a taker who buys meets asks
    x = m.x(ticks)
    x = np.where(ask == 1, mask - x, x)
    cell = ((2 * inst + ask) << width) | x
    out = np.zeros(len(kind), book_layout.book_event)
    out["key"] = (cell << 3) | kind
    out["lots"] = lots
    return out, feed.exch_ns[index], feed.local_ns[index]


def expanded(feed: Feed, m: TickMap) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """(kind, side, tick, lots, row) of what a feed says; a clear becomes one a side.

    Before a snapshot it reaches down to the snapshot's last level: what lies beyond it the snapshot does not tell.
    """
    kind = np.where(feed.kind == TRADE, int(Told.TRADE), int(Told.DEPTH)).astype(np.int64)
    side, ticks, lots = feed.side.astype(np.int64), m.ticks.copy(), m.lots.copy()
    index = np.arange(len(feed))
    clears = np.flatnonzero(feed.kind == CLEAR)
    if not len(clears):
        return kind, side, ticks, lots, index
    whole = (feed.flags & SNAPSHOT) != 0
    lowest, highest = int(m.ticks[feed.kind != CLEAR].min()), int(m.ticks[feed.kind != CLEAR].max())
    drop = np.zeros(len(feed), bool)
    before: list[tuple[int, int, int]] = []
    for at in clears:
        drop[at] = True
        end = at + 1
        while end < len(feed) and whole[end] and feed.kind[end] == DEPTH:
            end += 1
        for s, last in ((1, lowest), (-1, highest)):
            if feed.side[at] not in (0, s):
                continue
            own = at + 1 + np.flatnonzero(feed.side[at + 1 : end] == s)
            if len(own):
                last = int(m.ticks[own].min() if s > 0 else m.ticks[own].max())
                before.append((int(own[0]), s, last))
            else:
                before.append((int(at), s, last))
    rows = np.array([b[0] for b in before])
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    new = np.insert(index, rows, rows)
    places = rows + np.arange(len(rows))
    kind, side, ticks, lots = kind[new], side[new], ticks[new], lots[new]
    is_new = np.zeros(len(new), bool)
    is_new[places] = True
    kind[places] = int(Told.CLEAR)
    side[places] = np.array([b[1] for b in before])[order]
    ticks[places] = np.array([b[2] for b in before])[order]
    lots[places] = 0
    keep = is_new | ~drop[new]
    return kind[keep], side[keep], ticks[keep], lots[keep], new[keep]


def merged(parts: Sequence[tuple[Records, Ints, Ints]], which: str, repairs: dict[str, int]) -> Records:
    """One stream of all instruments by one of the two clocks; equal stamps stay as the spec and the file have them."""
    stamps = [p[1] if which == "exch" else p[2] for p in parts]
    if which == "exch":
        back = sum(int((np.diff(t) < 0).sum()) for t in stamps)
        if back:
            repairs["out_of_order"] = back
    events = np.concatenate([p[0] for p in parts])
    ts = np.concatenate(stamps)
    events["ts_ns"] = ts
    if len(parts) > 1 or (np.diff(ts) < 0).any():
        events = events[np.argsort(ts, kind="stable")]
    out = np.zeros(len(events) + 1, book_layout.book_event)
    out[:-1] = events
    out[-1]["ts_ns"] = NEVER
    return out


def marked(stream: Records, width: int, instruments: int, *, with_touches: bool) -> tuple[Records, Records, Ints, Ints]:
    """(bests, touches, worst x of each side, counts): the pass that marks a stream's best prices, in place."""
    from huracan.sim.book_compile import mark_bests

    n = len(stream) - 1
    cells = 2 * instruments << width
    low = np.full(2 * instruments, 1 << 40, np.int64)
    counts = np.zeros(2, np.int64)
    bests = np.zeros(n + 1, book_layout.best)
    touches = np.zeros(n + 1 if with_touches else 0, book_layout.touch)
    m = mark_bests(
        as_records(stream), n, width, np.zeros(cells, np.int32), low, np.full(2 * instruments, -1, np.int64),
        as_records(bests), as_records(touches), counts,
    )  # fmt: skip
    if with_touches:
        touches = touches[: m + 1].copy()
        touches[m]["ts_ns"] = NEVER
    return bests[: m + 1].copy(), touches, low, counts


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
