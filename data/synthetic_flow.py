"""The compiled half of the synthetic order book: one event after another, each leaving rows of a feed.

    fair price jumps ─▶ stale quotes are taken and pulled ─▶ the gap is filled beside the new price
    in between: limit orders join the touch, cancels take from it, market orders hit it, deeper levels come and go

The rates hang on the state of the queues: a longer queue loses more, a wide spread is filled at once, a quote on the
wrong side of the fair price is swept. So the touch is thick, what lies behind it sparse, and the spread mostly one
tick, as on the real perpetual that the rates were set by. No row ever leaves the book crossed, a trade has the price
of the touch that it takes from, and the row of the level after it says what is left there.

The numbers that decide are drawn outside (synthetic_book), one of each an event, so that little is left to compile.
Here they meet + - * / only: one seed gives the same bytes on any machine, compiled or not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from huracan.data.events import DEPTH, QUOTE, TRADE
from huracan.sim.options import LINKED_ENTRY, rare

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.int8]
Records = npt.NDArray[Any]

BID, ASK = 0, 1  # rows of the book

REACH = 2000  # levels are kept this many ticks behind the touch
RING = 4096  # a power of two above REACH plus the widest gap
LEAD_NS = 1_000_000_000  # how long before a jump those who know of it begin to trade
SPARE_ROWS = 2 * RING + 64  # more than one event can leave
FILLED_NEAR, FILLED_FAR, FILLED_TICKS = 0.12, 0.5, 60.0  # see _filled


class Law(NamedTuple):
    """How the flow of one instrument behaves; rates are events a second."""

    market: float = 30.0  # orders that take
    join: float = 90.0  # limit orders at the touch, both sides together
    cancel: float = 8.0  # for each unit in the queues at the touch
    deep: float = 700.0  # looks at a level behind the touch; about half of them change it
    fill: float = 1500.0  # while the spread is wider than a tick
    chase: float = 2500.0  # while a quote is on the wrong side of the fair price
    slack: float = 1.5  # ticks by which it may be
    same_side: float = 0.8  # that a market order goes where the last one went
    unit_lots: float = 1000.0  # lots in a unit, in which sizes are drawn
    toxic: float = 0.0  # share of market orders shortly before a jump that know where it goes
    feed_ns: float = 2_000_000.0  # from the exchange to us
    skew_ns: int = 0  # our clock less the exchange's
    reach: int = REACH
    quotes: bool = False  # rows of best bid and offer besides


# What goes on from one chunk of rows to the next.
STATE = np.dtype(
    [
        ("now_ns", np.int64),
        ("drawn", np.int64),  # rows of draws that are used up
        ("jump", np.int64),  # the next one
        ("fair", np.float64),  # in ticks
        ("bid", np.int64),  # best prices, in ticks
        ("ask", np.int64),
        ("sign", np.int64),  # of the last market order
        ("local_ns", np.int64),  # of the last row
        ("rows", np.int64),
        ("bid_lots", np.int64),  # as the last quote row said
        ("ask_lots", np.int64),
        ("quoted_bid", np.int64),
        ("quoted_ask", np.int64),
    ],
    align=True,
)


class Draws(NamedTuple):
    """Random numbers, one of each an event: uniform on [0, 1), but `wait` is exponential and the sizes are in lots."""

    wait: Floats
    what: Floats
    feed: Floats
    place: Floats
    more: Floats
    side: Floats
    limit: Ints
    market: Ints


class Rows(NamedTuple):
    """Columns that the flow is written into; what each means stands in synthetic_book.Feed."""

    kind: Bytes
    side: Bytes
    price: Ints
    lots: Ints
    exchange_ns: Ints
    local_ns: Ints


# Not inlined, unlike the kernel's own functions: a short compile counts for more here.
_part: Callable[..., Any] = rare


@_part
def _filled(ticks: int) -> float:
    """The share of levels that hold an order, so many ticks behind the touch."""
    return FILLED_NEAR + FILLED_FAR * ticks / (ticks + FILLED_TICKS)


@_part
def _row(s: Any, out: Rows, kind: int, sign: int, price: int, lots: int) -> None:
    k = s.rows
    out.kind[k], out.side[k], out.price[k], out.lots[k] = kind, sign, price, lots
    out.exchange_ns[k], out.local_ns[k] = s.now_ns, s.local_ns
    s.rows = k + 1


@_part
def _set(s: Any, book: Ints, out: Rows, side: int, price: int, lots: int) -> None:
    """A level's new size, in the book and in the feed."""
    book[side, price & (RING - 1)] = lots
    _row(s, out, DEPTH, 1 - 2 * side, price, lots)


@_part
def _behind(s: Any, book: Ints, side: int, reach: int) -> int:
    """The best level behind the touch, or the touch itself if it is the last one."""
    best: int = s.bid if side == BID else s.ask
    step = -1 if side == BID else 1
    for k in range(1, reach + 1):
        if book[side, (best + step * k) & (RING - 1)] > 0:
            return best + step * k
    return best


@_part
def _take(s: Any, book: Ints, out: Rows, side: int, lots: int, reach: int, traded: bool) -> int:
    """Take from the touch of a side, by trade or by cancel; the lots that were there to take.

    The last level of a side keeps a lot: a book without a touch would have no price.
    """
    price = s.bid if side == BID else s.ask
    there = book[side, price & (RING - 1)]
    taken: int = min(lots, there)
    after = price
    if taken == there:
        after = _behind(s, book, side, reach)
        if after == price:
            taken = there - 1
    if taken < 1:
        return 0
    if traded:
        _row(s, out, TRADE, -1 if side == BID else 1, price, taken)
    _set(s, book, out, side, price, there - taken)
    if side == BID:
        s.bid = after
    else:
        s.ask = after
    return taken


@_part
def _improve(s: Any, book: Ints, out: Rows, side: int, price: int, lots: int, reach: int) -> None:
    """A better price on one side; levels that fall out of reach behind it are pulled."""
    best = s.bid if side == BID else s.ask
    step = -1 if side == BID else 1
    for k in range(reach - abs(price - best) + 1, reach + 1):
        if book[side, (best + step * k) & (RING - 1)] > 0:
            _set(s, book, out, side, best + step * k, 0)
    if side == BID:
        s.bid = price
    else:
        s.ask = price
    _set(s, book, out, side, price, lots)


@_part
def _fill_gap(s: Any, book: Ints, out: Rows, law: Law, u: float, v: float, lots: int) -> None:
    """An order inside a wide spread, on the side that the fair price has left behind."""
    middle = 0.5 * (s.bid + s.ask)
    buys = 0.9 if s.fair > middle + 0.5 else 0.1 if s.fair < middle - 0.5 else 0.5
    at = 1 if v < 0.6 else 1 + math.floor((v - 0.6) / 0.4 * (s.ask - s.bid - 1))
    if u < buys:
        most = max(s.bid + 1, math.floor(s.fair) + 1)
        _improve(s, book, out, BID, min(s.ask - at, most), lots, law.reach)
    else:
        least = min(s.ask - 1, math.floor(s.fair))
        _improve(s, book, out, ASK, max(s.bid + at, least), lots, law.reach)


@_part
def _stir(s: Any, book: Ints, out: Rows, side: int, u: float, v: float, lots: int, reach: int) -> None:
    """One look at a level behind the touch, which is filled as often as `_filled` says."""
    ticks = 1 + math.floor(u * u * u * (reach - 1))
    price = s.bid - ticks if side == BID else s.ask + ticks
    there = book[side, price & (RING - 1)]
    share = _filled(ticks)
    if there == 0:
        if v < 0.7 * share / (1.0 - share):
            _set(s, book, out, side, price, lots)
    elif v < 0.7:
        _set(s, book, out, side, price, 0)
    elif lots != there:
        _set(s, book, out, side, price, lots)


@_part
def _market(s: Any, law: Law, book: Ints, out: Rows, turns: bool, known: int, lots: int) -> None:
    """A market order: it walks the book until it is filled. What one that knows does sways none of the others."""
    if turns:
        s.sign = -s.sign
    side = ASK if (s.sign if known == 0 else known) > 0 else BID
    left = lots
    while left > 0:
        taken = _take(s, book, out, side, left, law.reach, True)
        if taken == 0:
            break
        left -= taken


@_part
def _quote(s: Any, book: Ints, out: Rows) -> None:
    """Rows of the best bid and offer where they have changed."""
    lots = book[BID, s.bid & (RING - 1)]
    if s.bid != s.quoted_bid or lots != s.bid_lots:
        s.quoted_bid, s.bid_lots = s.bid, lots
        _row(s, out, QUOTE, 1, s.bid, lots)
    lots = book[ASK, s.ask & (RING - 1)]
    if s.ask != s.quoted_ask or lots != s.ask_lots:
        s.quoted_ask, s.ask_lots = s.ask, lots
        _row(s, out, QUOTE, -1, s.ask, lots)


@_part
def _event(s: Any, law: Law, book: Ints, out: Rows, what: float, rates: Any, known: int, d: Draws, k: int) -> None:
    """One thing that happens, chosen by its rate; `what` is uniform below the rates' sum."""
    fill, chase, market, join, cancel = rates
    u, v = d.place[k], d.more[k]
    if what < chase:
        side = ASK if s.fair > s.ask + law.slack else BID
        _take(s, book, out, side, book[side, (s.ask if side == ASK else s.bid) & (RING - 1)], law.reach, u < 0.3)
    elif what < chase + fill:
        _fill_gap(s, book, out, law, u, v, d.limit[k])
    elif what < chase + fill + market:
        _market(s, law, book, out, d.side[k] >= law.same_side, known if v < law.toxic else 0, d.market[k])
    elif what < chase + fill + market + join:
        side = BID if u < 0.5 else ASK
        price = s.bid if side == BID else s.ask
        _set(s, book, out, side, price, book[side, price & (RING - 1)] + d.limit[k])
    elif what < chase + fill + market + join + cancel:
        bids, asks = book[BID, s.bid & (RING - 1)], book[ASK, s.ask & (RING - 1)]
        _take(s, book, out, BID if u * (bids + asks) < bids else ASK, d.limit[k], law.reach, False)
    else:
        _stir(s, book, out, BID if d.side[k] < 0.5 else ASK, u, v, d.limit[k], law.reach)


@njit(**LINKED_ENTRY)
def flow(
    law: Law,
    state: Records,
    book: Ints,
    jumps: tuple[Ints, Floats],  # when the fair price jumps, and to what; the last one never comes
    busy: tuple[int, Floats],  # from when on, and how busy each second is
    end_ns: int,
    draws: Draws,
    out: Rows,
) -> bool:
    """Go on until the draws are used up, the rows are full or the end has come; true at the end."""
    s = state[0]
    jump_ns, jump_to = jumps
    room = out.kind.size - SPARE_ROWS
    while s.rows < room and s.drawn < draws.wait.size:
        k = s.drawn
        s.drawn = k + 1
        pace = busy[1][(s.now_ns - busy[0]) // 1_000_000_000]
        known = 0
        if s.now_ns >= jump_ns[s.jump] - LEAD_NS and law.toxic > 0.0 and jump_to[s.jump] != s.fair:
            known = 1 if jump_to[s.jump] > s.fair else -1
        queued = (book[BID, s.bid & (RING - 1)] + book[ASK, s.ask & (RING - 1)]) / law.unit_lots
        chase = law.chase if s.fair > s.ask + law.slack or s.fair < s.bid - law.slack else 0.0
        fill = law.fill if s.ask - s.bid > 1 else 0.0
        market = law.market * pace * (1.0 + 2.0 * law.toxic if known != 0 else 1.0)
        join, cancel = law.join * pace, law.cancel * pace * queued
        total = fill + chase + market + join + cancel + law.deep * pace
        at = s.now_ns + 1 + math.floor(min(draws.wait[k] / total, 60.0) * 1e9)
        if at >= jump_ns[s.jump]:
            s.now_ns = max(s.now_ns, jump_ns[s.jump])
            s.fair = jump_to[s.jump]
            s.jump += 1
            continue
        if at >= end_ns:
            return True
        s.now_ns = at
        u = draws.feed[k]  # when we see it: one in fifty is late, and none overtakes another
        delay = 0.7 + 0.6 * u if u < 0.98 else 1.0 + 450.0 * (u - 0.98)
        s.local_ns = max(s.local_ns, at + law.skew_ns + math.floor(delay * law.feed_ns))
        _event(s, law, book, out, total * draws.what[k], (fill, chase, market, join, cancel), known, draws, k)
        if law.quotes:
            _quote(s, book, out)
    return False
