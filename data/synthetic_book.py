"""An order book made from a seed: depth changes, trades and a first snapshot, with the exchange's times and ours.

    fair price (jumps, clustered, fat-tailed) ─▶ the flow of each venue around it ─▶ Feed

The flow itself is in `synthetic_flow`. The truth is handed over with the feed: every jump of the fair price, and when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from huracan.data import portable_arrays as draw
from huracan.data.events import CLEAR, DEPTH, SNAPSHOT, TRADE, Events
from huracan.data.events import START as FIRST
from huracan.data.files import hash_arrays
from huracan.data.instrument import base_of, kind_of
from huracan.data.synthetic import HERE, OFF, START
from huracan.data.synthetic_assets import asset_of, lane_of
from huracan.data.synthetic_edges import BOOK, Edges, Place, check_edges, check_places
from huracan.data.synthetic_flow import (
    ASK,
    BID,
    FILLED_FAR,
    FILLED_NEAR,
    FILLED_TICKS,
    REACH,
    RING,
    STATE,
    Draws,
    Law,
    Rows,
)
from huracan.data.synthetic_flow import flow as run_flow
from huracan.sim.enough_memory import need
from huracan.sim.memory import as_records
from huracan.sim.random_numbers import SYNTHETIC
from huracan.sim.refusal import Refused
from huracan.sim.series import Rules

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]

SECOND = 1_000_000_000
CHUNK = 1 << 16  # rows that the flow is handed at a time
EVENTS = 1 << 15  # and events, which leave a row or two each
SIZES = 4096
LIMIT_SIZE, MARKET_SIZE = (-2.6, 1.3), (-4.1, 2.0)  # mean and deviation of the log of an order's size, in units

JUMP_RATE = 1.2  # of the fair price, a second
CELL_NS = 50_000_000  # at most one jump in each, a twentieth of a second
LEAD_LAG_NS = SECOND  # from a leader's move to its followers'
FAT_SD = 0.7  # of the log of a jump's scale
SECOND_BYTES = 45_000  # that a second of a book takes while it is made; measured, more where it is busy
SLOW, SLOW_SD = (60.0, 3600.0), (0.5, 0.4)  # seconds of memory, and spread, of how wild and busy it is
BUSY = lane_of("busy seconds")


@dataclass(frozen=True)
class Feed:
    """Rows of one instrument at one venue in the order in which they arrive; neither time ever falls.

    `kind` and `flags` count as in data/events. `side` is +1 for a bid, a buying taker or a best bid, else -1. Prices
    are in ticks, sizes in lots: of a depth row the whole new size of its level, 0 where it is gone. First, a snapshot.
    `jump_ns` and `jump_ticks` are the truth: when the fair price jumped, and to what.
    """

    symbol: str
    venue: str
    rules: Rules
    kind: Bytes
    side: Bytes
    flags: npt.NDArray[np.uint8]
    price: Ints
    lots: Ints
    exchange_ns: Ints
    local_ns: Ints
    jump_ns: Ints
    jump_ticks: Floats
    data_hash: str = ""

    def events(self) -> Events:
        """The same rows as every reader of raw books gives them: prices and quantities as plain numbers."""
        price = self.price * float(self.rules.tick_num) / self.rules.tick_den
        qty = self.lots / asset_of(self.symbol).lot_den
        # numbered as venues do: updates by message, trades one by one
        message = np.cumsum((self.flags & np.uint8(FIRST)) > 0, dtype=np.int64)
        trade = self.kind == TRADE
        seq = np.where(trade, np.cumsum(trade, dtype=np.int64), message)
        return Events(self.symbol, self.kind, self.side, self.flags, price, qty, self.exchange_ns, self.local_ns, seq)


class Fair(NamedTuple):
    """A fair price: when it jumps, the logarithm it has moved by then, and how busy each second is."""

    start_ns: int
    end_ns: int
    jump_ns: Ints
    moved: Floats
    busy: Floats


def book_feeds(
    seconds: float,
    seed: int,
    *,
    symbols: Sequence[str] = ("BTC/USDT:USDT",),
    places: Sequence[Place] = HERE,
    edges: Edges = OFF,
    quotes: bool = False,
) -> list[Feed]:
    """Each symbol at each place; the same seed gives the same bytes on any machine, and a longer feed begins alike.

    The edges are `leader`, the correlation of the first symbol's moves with those of the others a second later, and
    `toxic`, the share of market orders in the second before a jump of the fair price that know its direction. `quotes`
    adds rows of the best bid and offer where they change.

    >>> feed = book_feeds(2.0, 7)[0]
    >>> bool((np.diff(feed.local_ns) >= 0).all()), bool((np.diff(feed.exchange_ns) >= 0).all())
    (True, True)
    """
    _check(seconds, symbols, places, edges)
    made = len(symbols) * len(places)
    need(
        seconds * made * SECOND_BYTES,
        f"{seconds:,.0f} seconds of " + (f"{made:,} synthetic order books" if made > 1 else "a synthetic order book"),
        where="[data] seconds",
        fix="ask for fewer seconds or books at once",
    )
    feeds: list[Feed] = []
    for symbol in symbols:
        fair = fair_price(symbol, seconds, seed, (symbols[0], edges.leader) if symbol != symbols[0] else None)
        feeds += [_feed(symbol, place, fair, seed, toxic=edges.toxic, quotes=quotes) for place in places]
    return feeds


def fair_price(symbol: str, seconds: float, seed: int, leader: tuple[str, float] | None = None) -> Fair:
    """What the venues of a symbol trade around: jumps of its own and jumps of all, and the leader's a second later."""
    n = int(seconds) + 2
    busy = _busy(n, seed)
    parts = _moves(symbol, n, seed, busy)
    if leader is not None and leader[1] > 0.0:
        name, strength = leader
        rest, share = float(np.sqrt(1.0 - strength * strength)), asset_of(symbol).volatility / asset_of(name).volatility
        parts = [(ns, size * rest) for ns, size in parts]
        parts += [(ns + LEAD_LAG_NS, size * strength * share) for ns, size in _moves(name, n, seed, busy)]
    jump_ns, size = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(jump_ns, kind="stable")
    return Fair(START, START + int(seconds * SECOND), jump_ns[order], np.cumsum(size[order]), busy)


def _busy(n: int, seed: int) -> Floats:
    """How busy each second is, for all alike: it clusters over a minute and over an hour."""
    level = np.zeros(n)
    for k, (memory, sd) in enumerate(zip(SLOW, SLOW_SD, strict=True)):
        keep = 1.0 - 1.0 / memory
        shocks = draw.normal(seed, BUSY, np.arange(n, dtype=np.int64) * len(SLOW) + k, SYNTHETIC)
        level += sd * float(np.sqrt(1.0 - keep * keep)) * draw.scan(keep, shocks)
    return draw.exp(level)


def _moves(symbol: str, n: int, seed: int, busy: Floats) -> list[tuple[Ints, Floats]]:
    """Jumps of a symbol's fair price as (times, moves of the logarithm): those of all, then those of its own coin."""
    asset = asset_of(symbol)
    own = float(np.sqrt(1.0 - asset.common * asset.common))
    shares = ((lane_of("book of all"), asset.common), (lane_of("book of " + base_of(symbol)), own))
    scale = asset.volatility / float(np.sqrt(60.0 * JUMP_RATE / 2.0))
    moves = []
    for lane, share in shares:
        cells = np.arange(n * (SECOND // CELL_NS), dtype=np.int64)
        chance, when = draw.two_uniforms(seed, lane, cells * 4, SYNTHETIC)
        hit = np.flatnonzero(chance < np.minimum(0.5 * JUMP_RATE * (CELL_NS / SECOND) * busy.repeat(20), 0.5))
        fat = draw.exp(FAT_SD * draw.normal(seed, lane, hit * 4 + 1, SYNTHETIC) - FAT_SD * FAT_SD)
        size = share * scale * fat * draw.normal(seed, lane, hit * 4 + 2, SYNTHETIC)
        moves.append((START + hit * CELL_NS + np.floor(when[hit] * CELL_NS).astype(np.int64), size))
    return moves


def _feed(symbol: str, place: Place, fair: Fair, seed: int, *, toxic: float, quotes: bool) -> Feed:
    asset = asset_of(symbol)
    level = asset.log_price + place.basis_bps * 1e-4
    start, *ticks = draw.exp(level + np.append(0.0, fair.moved)) * asset.tick_den / asset.tick_num
    jump_ns = fair.jump_ns + round(place.lag_ms * 1e6)
    jump_ticks = np.array(ticks)
    inside = jump_ns < fair.end_ns
    law = Law(
        unit_lots=asset.volume / 20.0 * asset.lot_den,
        toxic=toxic,
        feed_ns=place.feed_ms * 1e6,
        skew_ns=round(place.skew_ms * 1e6),
        reach=int(min(REACH, start / 3)),
        quotes=quotes,
    )
    rows = _rows(law, fair, (float(start), jump_ns, jump_ticks), seed, lane_of(f"{symbol} at {place.name}"))
    rules = Rules(
        kind=kind_of(symbol), tick_num=asset.tick_num, tick_den=asset.tick_den, lot=1.0 / asset.lot_den, inferred=False
    )
    flags = np.zeros(rows.kind.size, np.uint8)
    flags[rows.exchange_ns == fair.start_ns] = SNAPSHOT  # the flow begins a nanosecond later
    flags[np.diff(rows.exchange_ns, prepend=-1) != 0] |= np.uint8(FIRST)
    digest = hash_arrays(flags=flags, **rows._asdict())
    times = (rows.exchange_ns, rows.local_ns, jump_ns[inside], jump_ticks[inside])
    return Feed(symbol, place.name, rules, rows.kind, rows.side, flags, rows.price, rows.lots, *times, digest)


def _rows(law: Law, fair: Fair, path: tuple[float, Ints, Floats], seed: int, lane: int) -> Rows:
    """Run the flow piece by piece, as far as the fair price goes."""
    start, jump_ns, jump_ticks = path
    jumps = (
        np.append(jump_ns, np.iinfo(np.int64).max),
        np.append(jump_ticks, jump_ticks[-1:] if jump_ticks.size else start),
    )
    state, book, opening = _opening(law, start, fair.start_ns, seed, lane)
    parts, piece, done = [opening], 0, False
    bytes_, wide = np.empty((2, CHUNK), np.int8), np.empty((4, CHUNK), np.int64)
    room = Rows(*bytes_, *wide)
    draws = _draws(law, seed, lane, piece)
    while not done:
        if state["drawn"][0] == EVENTS:
            piece += 1
            draws = _draws(law, seed, lane, piece)
            state["drawn"] = 0
        state["rows"] = 0
        done = run_flow(law, as_records(state), book, jumps, (fair.start_ns, fair.busy), fair.end_ns, draws, room)
        n = int(state["rows"][0])
        parts.append(Rows(*bytes_[:, :n].copy(), *wide[:, :n].copy()))
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Rows(*columns)


def _draws(law: Law, seed: int, lane: int, piece: int) -> Draws:
    """The random numbers of one piece of the flow, EVENTS of each."""
    events = np.arange(piece * EVENTS, (piece + 1) * EVENTS, dtype=np.int64) * 4
    wait = -draw.log(1.0 - draw.uniform(seed, lane, events, SYNTHETIC))
    what, feed = draw.two_uniforms(seed, lane, events + 1, SYNTHETIC)
    place, more = draw.two_uniforms(seed, lane, events + 2, SYNTHETIC)
    size, side = draw.two_uniforms(seed, lane, events + 3, SYNTHETIC)
    nth = (size * SIZES).astype(np.int64)
    limit, market = (_sizes(law.unit_lots, *shape)[nth] for shape in (LIMIT_SIZE, MARKET_SIZE))
    return Draws(wait, what, feed, place, more, side, limit, market)


@cache
def _sizes(unit_lots: float, log: float, sd: float) -> Ints:
    """SIZES lognormal numbers of lots, from the smallest to the largest, each as likely."""
    z = draw.normal_quantile((np.arange(SIZES) + 0.5) / SIZES - 0.5)
    return np.maximum(np.floor(draw.exp(log + sd * z) * unit_lots + 0.5).astype(np.int64), 1)


def _opening(law: Law, fair: float, start_ns: int, seed: int, lane: int) -> tuple[npt.NDArray[Any], Ints, Rows]:
    """The state at the start, the book around the fair price, and the same as a snapshot: bids, then asks."""
    behind = np.arange(law.reach + 1)
    bid = int(np.floor(fair))
    share = FILLED_NEAR + FILLED_FAR * behind / (behind + FILLED_TICKS)
    book = np.zeros((2, RING), np.int64)
    prices, lots = [], []
    for side, best in ((BID, bid), (ASK, bid + 1)):
        filled, size = draw.two_uniforms(seed, lane, -1 - 2 * behind - side, SYNTHETIC)
        there = behind[(behind == 0) | (filled < share)]
        prices.append(best - there if side == BID else best + there)
        lots.append(_sizes(law.unit_lots, *LIMIT_SIZE)[(size[there] * SIZES).astype(np.int64)])
        lots[side][0] += int(law.unit_lots)
        book[side, prices[side] & (RING - 1)] = lots[side]
    state = np.zeros(1, STATE)
    seen_ns = start_ns + law.skew_ns + int(law.feed_ns)
    state[["now_ns", "fair", "bid", "ask"]] = (start_ns, fair, bid, bid + 1)
    state[["sign", "local_ns"]] = (1, seen_ns)
    sizes = [1, prices[BID].size, prices[ASK].size]
    rows = Rows(
        np.repeat(np.array([CLEAR, DEPTH, DEPTH], np.int8), sizes),
        np.repeat(np.array([0, 1, -1], np.int8), sizes),
        np.concatenate([np.zeros(1, np.int64), *prices]),
        np.concatenate([np.zeros(1, np.int64), *lots]),
        np.full(sum(sizes), start_ns),
        np.full(sum(sizes), seen_ns),
    )
    return state, book, rows


def _check(seconds: float, symbols: Sequence[str], places: Sequence[Place], edges: Edges) -> None:
    if not (isinstance(seconds, (int, float)) and 0.0 < seconds < 1e9):
        fix = "ask for a number of seconds above zero"
        raise Refused(f"a synthetic order book of {seconds!r} seconds", where="[data] seconds", fix=fix)
    twice = [name for i, name in enumerate(symbols) if name in symbols[:i]]
    if not symbols or twice:
        what = f"symbol {twice[0]!r} stands twice" if twice else "no symbols"
        raise Refused(what, where="[data] symbols", fix="name each once")
    check_places(places)
    check_edges(edges, BOOK, len(symbols))
