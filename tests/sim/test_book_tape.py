"""Tapes of order books: what is packed can be read back, and every fault of a feed has a name and a rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.data import events as columns
from huracan.data.binance_raw import read_binance_raw
from huracan.sim import book_layout, book_tape
from huracan.sim import feed as feeds
from huracan.sim.book_bars import prices_at, trade_bars, trades_of
from huracan.sim.book_layout import Told
from huracan.sim.book_quotes import without_quotes
from huracan.sim.book_tape import build_book_tape, expanded, plain_events
from huracan.sim.feed import Feed, FeedRules, in_memory, mend
from huracan.sim.fill_times import mids_at
from huracan.sim.refusal import Refused
from huracan.sim.series import Rules
from huracan.sim.tick_map import TickMap, quantum

SECOND = 1_000_000_000
RULES = Rules("linear", 1, 10, 0.001)


def feed(*rows: tuple[int, int, int, float, float, float, float]) -> Feed:
    """Rows of (kind, side, flags, price, quantity, exchange second, local second)."""
    kind, side, flags, price, qty, exch, local = (np.array(c) for c in zip(*rows, strict=True))
    times = [(np.asarray(t, np.float64) * SECOND).astype(np.int64) for t in (exch, local)]
    whole = (kind.astype(np.int8), side.astype(np.int8), flags.astype(np.uint8))
    return Feed("X", *whole, price.astype(float), qty.astype(float), *times, RULES)


def snapshot(at: float = 1.0) -> list[tuple[int, int, int, float, float, float, float]]:
    """Three levels a side round 100, behind a clear."""
    rows: list[tuple[int, int, int, float, float, float, float]] = [(2, 0, 3, 0.0, 0.0, at, at + 0.5)]
    for side in (1, -1):
        rows += [(0, side, 2, 100.0 - side * 0.1 * k, float(k), at, at + 0.5) for k in (1, 2, 3)]
    return rows


def test_kinds_and_flags_are_those_of_the_readers() -> None:
    for name in ("DEPTH", "TRADE", "CLEAR", "QUOTE", "MARK", "START", "SNAPSHOT", "GAP", "OLD"):
        assert getattr(feeds, name) == getattr(columns, name)


def test_streams_hold_what_the_feed_says_each_in_its_own_order() -> None:
    late = (0, 1, 1, 99.8, 7.0, 2.0, 4.0)
    early = (1, 1, 1, 100.1, 0.5, 3.0, 3.5)
    tape = build_book_tape([feed(*snapshot(), early, late)])
    assert [int(e["key"]) & 7 for e in tape.exchange[-3:-1]] == [Told.DEPTH, Told.TRADE]
    assert [int(e["key"]) & 7 for e in tape.local[-3:-1]] == [Told.TRADE, Told.DEPTH]
    assert tape.repairs["out_of_order"] == 1
    ts, price, qty, side = trades_of(tape, tape.exchange, 0)
    assert (ts.tolist(), price.tolist(), qty.tolist(), side.tolist()) == ([3 * SECOND], [100.1], [0.5], [1])
    assert tape.exchange.itemsize + tape.local.itemsize == 32


def test_bests_follow_updates_crossings_and_clears() -> None:
    tape = build_book_tape(
        [
            feed(
                *snapshot(),
                (0, 1, 1, 99.9, 0.0, 2.0, 2.5),
                (0, 1, 1, 100.2, 4.0, 3.0, 3.5),  # through both asks at 100.1 and 100.2
                *snapshot(5.0),
            )
        ]
    )
    at = mids_at(tape, 0, (np.array([1.5, 5.5, 3.5, 2.5]) * SECOND).astype(np.int64))[[0, 3, 2, 1]]
    assert at.tolist() == pytest.approx([100.0, (99.8 + 100.1) / 2, (100.2 + 100.3) / 2, 100.0])
    assert tape.repairs["crossed_book"] >= 1


def test_a_snapshot_keeps_what_lies_beyond_its_last_level() -> None:
    far = (0, 1, 1, 90.0, 2.0, 0.5, 0.6)
    gone = [(0, 1, 1, 99.9 - 0.1 * k, 0.0, 2.0, 2.5) for k in range(3)]
    tape = build_book_tape([feed(far, *snapshot(), *gone)])
    assert float(mids_at(tape, 0, np.array([10 * SECOND]))[0]) == pytest.approx((90.0 + 100.1) / 2)
    assert tape.repairs["depth_before_snapshot"] == 1


def test_local_stamps_move_together_when_one_is_early() -> None:
    rows = [*snapshot(), (0, 1, 1, 99.8, 7.0, 4.0, 2.0)]
    tape = build_book_tape([feed(*rows)])
    assert tape.repairs["clock_shift"] == 1
    assert int(tape.last_local_ns) == 4 * SECOND
    assert int(tape.local["ts_ns"][0]) == int(3.5 * SECOND)


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ((0, 1, 1, 99.8, -1.0, 2.0, 2.5), "bad_level"),
        ((0, 1, 1, 0.0, 1.0, 2.0, 2.5), "bad_level"),
        ((0, 1, 1, np.nan, 1.0, 2.0, 2.5), "bad_level"),
        ((1, 1, 1, 100.1, 0.0, 2.0, 2.5), "bad_level"),
        ((0, 1, 1 | 4, 99.8, 1.0, 2.0, 2.5), "gapped_book"),
        ((0, 1, 1, 99.8, 1.0, 200.0, 200.5), "silent_feed"),
        ((0, 1, 1, 99.83, 1.0, 2.0, 2.5), "price_off_tick"),
        ((0, 1, 1, 99.8, 1.0, 0.5, 1.2), "unordered_local_time"),
    ],
)
def test_faults_are_counted_by_name_and_the_run_goes_on(bad: Any, name: str) -> None:
    tape = build_book_tape([feed(*snapshot(), bad, (0, 1, 1, 99.8, 3.0, 201.0, 201.5))])
    assert tape.repairs[name] == 1
    clean = build_book_tape([feed(*snapshot(), (0, 1, 1, 99.8, 3.0, 2.0, 2.5))])
    assert name not in clean.repairs


def test_rules_refuse_what_they_are_told_to() -> None:
    gap = feed(*snapshot(), (0, 1, 1 | 4, 99.8, 1.0, 2.0, 2.5))
    bad = feed(*snapshot(), (0, 1, 1, 99.8, -1.0, 2.0, 2.5))
    early = feed((0, 1, 1, 99.8, 1.0, 0.5, 0.6), *snapshot())
    for given, rules, name in (
        (gap, FeedRules(gap="refuse"), "gapped_book"),
        (bad, FeedRules(bad_level="refuse"), "bad_level"),
        (early, FeedRules(no_snapshot="refuse"), "no_snapshot"),
    ):
        build_book_tape([given])
        with pytest.raises(Refused, match=name):
            build_book_tape([given], rules=rules)


def test_a_gap_may_clear_the_book_until_the_next_snapshot() -> None:
    gap = feed(*snapshot(), (0, 1, 1 | 4, 99.0, 1.0, 2.0, 2.5))
    kept, cleared = (build_book_tape([gap], rules=FeedRules(gap=rule)) for rule in ("keep", "clear"))
    end = np.array([10 * SECOND])
    assert np.isfinite(mids_at(kept, 0, end)[0])
    assert np.isnan(mids_at(cleared, 0, end)[0])


def test_a_feed_without_market_events_is_refused() -> None:
    quote = feed((3, 1, 1, 99.8, 1.0, 2.0, 2.5))
    with pytest.raises(Refused, match="no depth, quote or trade"):
        build_book_tape([quote], rules=FeedRules(quotes="check"))
    with pytest.raises(Refused, match="no tick"):
        build_book_tape([replace(feed(*snapshot()), rules=Rules("linear"))])


def quoted(side: int, price: float, qty: float, at: float, late: float = 0.5) -> Any:
    """One side of a quote; the bid's begins its message."""
    return (3, side, int(side > 0), price, qty, at, at + late)


def told(tape: book_tape.BookTape, stream: Any) -> list[tuple[str, int, float, int]]:
    """Levels of a packed stream: (side, second, price, lots)."""
    out = []
    for e in stream[:-1]:
        key = int(e["key"])
        assert key & 7 in (Told.DEPTH, Told.BEST)
        ask = key >> 3 >> tape.width & 1
        price = float(prices_at(tape, 0, np.array([ask]), np.array([key >> 3]))[0])
        out.append(("ask" if ask else "bid", int(e["ts_ns"]) // SECOND, round(price, 6), int(e["lots"]) // 1000))
    return out


def test_quotes_alone_are_a_book_of_the_touch() -> None:
    rows = [quoted(1, 99.9, 2.0, 1.0), quoted(-1, 100.1, 3.0, 1.0)]
    rows += [quoted(1, 100.2, 4.0, 2.0), quoted(-1, 100.3, 5.0, 2.0)]  # the ask moves out of the way before the bid
    rows += [quoted(1, 99.8, 6.0, 3.0)]
    tape = build_book_tape([feed(*rows)])
    assert tape.spans["touch_only"].tolist() == [1]
    assert tape.repairs == {}
    first = [
        ("bid", 1, 99.9, 2),
        ("ask", 1, 100.1, 3),
        ("ask", 2, 100.3, 5),
        ("ask", 2, 100.1, 0),
        ("bid", 2, 100.2, 4),
    ]
    ended = [("bid", 3, 99.9, 0), ("bid", 3, 100.2, 0)]
    assert told(tape, tape.exchange) == [*first, ("bid", 3, 99.8, 6), *ended]
    assert told(tape, tape.local) == [*first, ("bid", 2, 99.9, 0), ("bid", 3, 99.8, 6), ended[1]]
    assert [(int(e["key"]) & 7) for e in tape.exchange[-4:-1]] == [Told.DEPTH, Told.DEPTH, Told.BEST]  # it moves once
    assert tape.rows == 5


def test_quotes_beside_depth_move_the_book_where_the_spec_says_so() -> None:
    rows = [*snapshot(), quoted(1, 99.8, 6.0, 2.0), (0, 1, 1, 99.9, 7.0, 3.0, 3.5)]
    plain = build_book_tape([feed(*rows)])
    used = build_book_tape([feed(*rows)], rules=FeedRules(quotes="use"))
    checked = build_book_tape([feed(*rows)], rules=FeedRules(quotes="check"))
    assert plain.data_hash == used.data_hash == checked.data_hash
    assert plain.exchange.tobytes() == checked.exchange.tobytes()
    assert plain.spans["touch_only"].tolist() == used.spans["touch_only"].tolist() == [0]
    at = (np.array([1.5, 2.5, 3.5]) * SECOND).astype(np.int64)
    assert [float(mids_at(plain, 0, at[k : k + 1])[0]) for k in range(3)] == pytest.approx([100.0] * 3)
    assert [float(mids_at(used, 0, at[k : k + 1])[0]) for k in range(3)] == pytest.approx([100.0, 99.95, 100.0])
    assert len(used.exchange) == len(plain.exchange) + 2


def test_both_sides_quoted_begin_a_book() -> None:
    early = (0, 1, 1, 99.0, 1.0, 2.0, 2.5)
    rows = [quoted(1, 99.9, 2.0, 1.0), quoted(-1, 100.1, 3.0, 1.0), early]
    used = build_book_tape([feed(*rows)], rules=FeedRules(quotes="use", no_snapshot="refuse"))
    assert "no_snapshot" not in used.repairs
    one = build_book_tape([feed(rows[0], early)], rules=FeedRules(quotes="use"))
    assert one.repairs["depth_before_snapshot"] == one.repairs["no_snapshot"] == 1


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ((3, 1, 1, 99.8, -1.0, 2.0, 2.5), "bad_level"),
        ((3, 1, 1, 100.2, 1.0, 2.0, 2.5), "crossed_book"),
        ((3, 1, 1, 99.8, 1.0, 0.5, 1.6), "out_of_order"),
        ((3, 1, 1, 99.8, 1.0, 1.0, 1.2), "unordered_local_time"),
    ],
)
def test_faults_of_quotes_are_counted_by_name(bad: Any, name: str) -> None:
    tape = build_book_tape([feed(quoted(1, 99.9, 2.0, 1.0), quoted(-1, 100.1, 3.0, 1.0), bad)])
    assert tape.repairs == {name: 1}
    if name == "bad_level":
        with pytest.raises(Refused, match="bad_level"):
            build_book_tape([feed(quoted(-1, 100.1, 3.0, 1.0), bad)], rules=FeedRules(bad_level="refuse"))


@pytest.mark.parametrize("touch_alone", [True, False])
def test_quotes_in_any_pieces_tell_the_same(touch_alone: bool) -> None:
    rng = np.random.default_rng(0)
    width, n = 6, 3000
    events = np.zeros(n, book_layout.book_event)
    events["ts_ns"] = np.sort(rng.integers(0, n // 2, n))
    kind = rng.choice([0, 2, 3, 4], n, p=[0.2, 0.1, 0.02, 0.68])
    events["key"] = ((rng.integers(0, 2, n) << width) | rng.integers(20, 44, n)) << 3 | kind
    events["lots"] = np.where(kind == 3, 0, rng.integers(0, 9, n))
    whole = np.concatenate(list(without_quotes(iter([events]), width, [touch_alone])))
    for size in (1, 7, 500):
        cuts = np.sort(rng.integers(0, n, 200))
        pieces = [np.split(events, cuts)[i] for i in range(201)]
        again = np.concatenate(list(without_quotes(iter(pieces), width, [touch_alone], size=size)))
        assert again.tobytes() == whole.tobytes()
    assert not (whole["key"] & 7 == 4).any()
    assert len(whole) > n


def test_every_tick_has_its_place_and_the_places_are_in_order() -> None:
    rows = [*snapshot(), (1, 1, 1, 100.1, 1.0, 2.0, 2.5)]
    rows += [(0, 1, 1, price, 1.0, 3.0, 3.5) for price in (0.1, 5.0, 5.2, 20_000.0, 20_000.1, 90_000.0)]
    given = in_memory(mend(feed(*rows), FeedRules(), {}))
    m = TickMap.of(given, {})
    ticks = np.unique(m.ticks(given.price[given.kind != 2]))
    x = m.x(ticks)
    assert (np.diff(x) > 0).all()
    assert np.array_equal(m.back(m.bits)[x], ticks)
    far = x[ticks > m.hi]
    assert (np.diff(far) == 2).all()  # room for an order between two far ticks


@pytest.mark.parametrize(
    ("qty", "lot", "unit", "rounded"),
    [([0.25, 3.0], 0.001, 0.001, 0), ([0.1, 0.00003], 0.0, 1e-5, 0), ([3e9, 0.5], 0.0, 10.0, 1), ([5.0], 1.0, 1.0, 0)],
)
def test_quantities_are_whole_numbers_of_a_decimal_unit(
    qty: list[float], lot: float, unit: float, rounded: int
) -> None:
    num, den, count = quantum(np.array(qty), lot)
    assert num / den == pytest.approx(unit)
    assert count == rounded


def test_bars_are_made_of_the_trades() -> None:
    rows = snapshot()
    rows += [(1, 1, 1, p, q, t, t + 0.1) for p, q, t in ((100.1, 1.0, 61.0), (100.3, 2.0, 70.0), (99.9, 3.0, 110.0))]
    rows += [(1, -1, 1, 99.7, 1.0, 200.0, 200.1), (0, 1, 1, 99.0, 1.0, 250.0, 250.1)]
    bars, made = trade_bars(build_book_tape([feed(*rows)]), 60 * SECOND)
    b = made[:, 0]
    assert b["fresh"].tolist() == [0, 1, 0, 1]
    assert b[1][["open", "high", "low", "close", "volume"]].tolist() == pytest.approx((100.1, 100.3, 99.9, 99.9, 6.0))
    assert b[2][["open", "high", "low", "close", "volume"]].tolist() == pytest.approx((99.9, 99.9, 99.9, 99.9, 0.0))
    assert bars["close_ns"].tolist() == [60 * SECOND * (i + 1) for i in range(4)]


def test_plain_events_say_the_same_to_other_engines() -> None:
    plain = plain_events(feed(*snapshot(), (1, -1, 1, 99.9, 2.0, 2.0, 2.5)))
    assert plain["kind"].tolist() == [3, 4, 4, 4, 3, 4, 4, 4, 2]
    assert plain["price"][[0, 4]].tolist() == pytest.approx([99.7, 100.3])
    assert plain["side"].tolist()[-1] == -1


@pytest.mark.parametrize("name", ["usdm_btcusdt_20240808", "spot_btcusdt_20240808"])
def test_the_book_is_what_the_quotes_say(shared_data: Path, name: str) -> None:
    """After every depth message whose last update a quote knows: the same best prices, and never crossed."""
    tick = (1, 10) if name.startswith("usdm") else (1, 100)
    found = read_binance_raw(shared_data / "l2" / f"{name}.gz")
    whole = Feed(
        "X", found.kind, found.side, found.flags, found.price, found.qty, found.exch_ns, found.local_ns,
        Rules("linear", *tick, 0.00001),
    )  # fmt: skip
    keep = found.kind < 3
    given = in_memory(mend(whole, FeedRules(), {}))
    m = TickMap.of(given, {})
    index = np.concatenate([piece["row"] for piece in expanded(given, m)])
    packed = book_tape.merged([book_tape.pack(given, m, 0, m.bits)], "local")
    stream, bests, _, _, _ = book_tape.marked(packed, m.bits, 1, with_touches=False)
    key = stream["key"][:-1].astype(np.int64) & 7
    known = np.cumsum((key == Told.BEST) | (key == Told.CLEAR)) - 1
    seq = found.seq[keep][index]
    begins = (given.flags[index] & feeds.START) != 0
    ends = np.flatnonzero(np.append(begins[1:], True) & (key <= Told.BEST) & (known >= 0))
    first = np.flatnonzero((given.flags[index] & feeds.SNAPSHOT) != 0)[-1]
    ends = ends[ends > first]
    back, mask = m.back(m.bits), (1 << m.bits) - 1
    bid, ask = back[bests["bid"][known[ends]]], back[mask - bests["ask"][known[ends]]]
    assert (bid < ask).all()
    quotes = found.kind == columns.QUOTE
    equal = np.ones(len(ends), bool)
    asked = np.ones(len(ends), bool)
    for side, own in ((1, bid), (-1, ask)):
        rows = quotes & (found.side == side)
        at = np.searchsorted(found.seq[rows], seq[ends], side="right") - 1
        asked &= at >= 0
        ticks = np.floor(found.price[rows] * tick[1] / tick[0] + 0.5).astype(np.int64)
        equal &= own == ticks[np.maximum(at, 0)]
    assert asked.sum() > 1000
    assert equal[asked].mean() >= 0.99
