"""Fetching with the real ccxt client from a venue on loopback, on good days and bad ones."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.async_support
import numpy as np
import pytest

from huracan.data import fetching, store, venue_client
from huracan.data.emptiness import empty_ranges
from huracan.data.fetching import Outcome, Wish, fetch_all
from huracan.data.store import parts, read, verify
from huracan.data.store_kinds import Series, numbers, times
from huracan.data.venue_client import Venue, exchange_named, open_venue
from huracan.sim.refusal import Refused
from tests.loopback_venue import (
    FAULTS,
    MINUTE,
    Loopback,
    Market,
    Served,
    candles,
    serving,
    some_funding,
    some_trades,
)

START = 1_735_689_600_000  # 2025-01-01, ms
BARS = Series("binance", "BTC/USDT", "bars", "1m")
SWAP = "BTC/USDT:USDT"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(venue_client, "FIRST_WAIT", 0.01)
    with serving(Served({}, START), tmp_path) as venue:
        yield venue


def fetched(
    served: Served, root: Path, wanted: list[Series], *, since: int = START, name: str = "binance", **wish: Any
) -> tuple[list[Outcome], Venue]:
    """Fetch with a ccxt client that differs from a user's in its resolver and its certificate authority only."""

    async def run() -> tuple[list[Outcome], Venue]:
        context = ssl.create_default_context(cafile=str(root.parent / "ca.pem"))
        connector = aiohttp.TCPConnector(ssl=context, resolver=Loopback(served.port))
        async with aiohttp.ClientSession(connector=connector) as session:

            def make(config: dict[str, Any]) -> Any:
                quick = {"session": session, "rateLimit": 1, "timeout": 2000}
                return getattr(ccxt.async_support, name)(config | quick)

            async with open_venue(name, make) as venue:
                asked = Wish(since * 1_000_000, **wish)
                return await fetch_all(root, venue, wanted, asked, lambda *said: None), venue

    return asyncio.run(run())


def held_rows(root: Path, series: Series) -> list[list[float]]:
    table = read(root, series)
    names = [name for name in table.column_names if name != "ts"]
    columns = [times(table) // 1_000_000, *(numbers(table, name) for name in names)]
    return [list(row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def finished(rows: list[list[Any]], now_ms: int, since: int = START) -> list[list[float]]:
    return [[row[0], *(float(x) for x in row[1:])] for row in rows if since <= row[0] <= now_ms - MINUTE]


def check_whole(root: Path, series: Series) -> None:
    for part in parts(root, series):
        verify(part, series)


def some_days(served: Served, n: int = 3000, lost: float = 0.01) -> None:
    served.markets["BTCUSDT"] = Market(candles(START, n, lost=lost))
    served.now_ms = START + MINUTE * (n - 5) + 30_000


def test_what_was_fetched_is_what_the_venue_held(served: Served, tmp_path: Path) -> None:
    some_days(served)
    served.page = 300
    root = tmp_path / "store"
    (outcome,), _ = fetched(served, root, [BARS])
    rows = finished(served.markets["BTCUSDT"].bars, served.now_ms)
    assert held_rows(root, BARS) == rows
    assert rows[-1][0] < served.now_ms - MINUTE < rows[-1][0] + 3 * MINUTE  # up to the bar that is not finished
    assert (outcome.rows, outcome.failed) == (len(rows), None)
    assert outcome.empty_bars == 2995 - len(rows)
    check_whole(root, BARS)


def test_a_second_time_asks_for_what_is_new_only(served: Served, tmp_path: Path) -> None:
    some_days(served)
    root = tmp_path / "store"
    later, served.now_ms = served.now_ms, served.now_ms - 1000 * MINUTE
    fetched(served, root, [BARS])
    before = len(held_rows(root, BARS))
    served.now_ms = later
    served.asked.clear()
    (outcome,), _ = fetched(served, root, [BARS])
    assert held_rows(root, BARS) == finished(served.markets["BTCUSDT"].bars, later)
    assert outcome.rows == len(held_rows(root, BARS)) - before
    asked = [int(query["startTime"]) for _, path, query in served.asked if path.endswith("klines")]
    hour = 60 * MINUTE  # emptiness of the last hour is not settled
    assert min(asked) >= START + (1995 * MINUTE) - hour - 5 * MINUTE
    served.asked.clear()
    (outcome,), _ = fetched(served, root, [BARS], until_ns=(START + 1000 * MINUTE) * 1_000_000)
    assert [path for _, path, _ in served.asked if path.endswith("klines")] == []
    assert outcome.rows == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_now_and_then_costs_nothing(served: Served, tmp_path: Path, fault: str) -> None:
    some_days(served, 1500)
    served.page = 200
    served.faults = lambda path, n: fault if path.endswith("klines") and n % 3 == 1 else None
    root = tmp_path / "store"
    (outcome,), venue = fetched(served, root, [BARS])
    assert outcome.failed is None
    assert held_rows(root, BARS) == finished(served.markets["BTCUSDT"].bars, served.now_ms)
    if fault in ("429", "418"):
        assert served.failed
        for moment, _ in served.failed:
            after = [t for t, _, _ in served.asked if t > moment]
            assert after
            assert min(after) - moment >= 0.2  # as Retry-After says
    if fault in ("429", "418", "503", "html"):  # aiohttp and ccxt make good for a reset and a cut page themselves
        assert venue.retries > 0


def test_everything_at_once_goes_wrong(served: Served, tmp_path: Path) -> None:
    """Four symbols of four kinds, with a third of all answers spoiled in any way."""
    n = 1200
    served.now_ms = START + MINUTE * n
    random = np.random.default_rng(5)
    spoiling = ("429", "503", "html", "reset", "cut", "doubled", "unordered", "holes")
    served.retry_after = "0.05"
    for k, name in enumerate(("BTCUSDT", "ETHUSDT")):
        bars, marks = candles(START, n, seed=k, lost=0.02), candles(START, n, seed=9 + k)
        trades = some_trades(START, 4000, seed=k)
        served.markets[name] = Market(bars, marks, trades, some_funding(START, 40, hours=1))
    served.page = 170
    draws = iter(random.random(100_000).tolist())

    def spoilt(path: str, n: int) -> str | None:
        what = spoiling[n % len(spoiling)] if next(draws) < 0.33 else None
        # payments come at hours of the venue's choosing: one that it leaves out of an answer is missed by nobody
        return None if what == "holes" and "fundingRate" in path else what

    served.faults = spoilt
    wanted = [BARS, Series("binance", "ETH/USDT", "bars", "1m")]
    wanted += [Series("binance", s, "trades") for s in ("BTC/USDT", "ETH/USDT")]
    wanted += [Series("binance", SWAP, "funding"), Series("binance", SWAP, "mark", "1m")]
    root = tmp_path / "store"
    outcomes, venue = fetched(served, root, wanted)
    assert [o.failed for o in outcomes] == [None] * 6
    assert venue.retries > 20
    for symbol, name in (("BTC/USDT", "BTCUSDT"), ("ETH/USDT", "ETHUSDT")):
        market = served.markets[name]
        assert held_rows(root, Series("binance", symbol, "bars", "1m")) == finished(market.bars, served.now_ms)
        table = read(root, Series("binance", symbol, "trades"))
        expected = [t for t in market.trades if t["T"] < served.now_ms - 2000]
        assert table.column("id").to_pylist() == [str(t["a"]) for t in expected]
        assert (times(table) // 1_000_000).tolist() == [t["T"] for t in expected]
        assert numbers(table, "price").tolist() == [float(t["p"]) for t in expected]
        assert numbers(table, "side").tolist() == [-1 if t["m"] else 1 for t in expected]
    btc = served.markets["BTCUSDT"]
    assert held_rows(root, wanted[5]) == [row[:5] for row in finished(btc.marks, served.now_ms)]
    funding = read(root, wanted[4])
    due = [f for f in btc.funding if f["fundingTime"] < served.now_ms - 2000]
    assert (times(funding) // 1_000_000).tolist() == [f["fundingTime"] for f in due]
    assert numbers(funding, "rate").tolist() == [float(f["fundingRate"]) for f in due]
    mark = [float(f["markPrice"]) if f["markPrice"] else np.nan for f in due]
    np.testing.assert_array_equal(numbers(funding, "mark"), mark)
    for series in wanted:
        check_whole(root, series)


def test_more_trades_in_one_millisecond_than_a_page_holds(served: Served, tmp_path: Path) -> None:
    trades = some_trades(START, 300)
    for trade in trades[100:190]:
        trade["T"] = trades[100]["T"]
    served.markets["BTCUSDT"] = Market(trades=sorted(trades, key=lambda t: (t["T"], t["a"])))
    served.now_ms = START + 3_600_000
    served.page = 20
    root, series = tmp_path / "store", Series("binance", "BTC/USDT", "trades")
    (outcome,), _ = fetched(served, root, [series])
    assert read(root, series).column("id").to_pylist() == [str(t["a"]) for t in served.markets["BTCUSDT"].trades]
    assert outcome.cut_instants == 0


TRADES = Series("binance", "BTC/USDT", "trades")


def by_time(served: Served, monkeypatch: pytest.MonkeyPatch, n: int = 300, crowd: int = 0) -> list[str]:
    """A venue whose trades' numbers say nothing, as most; `crowd` trades of one millisecond among them. Their ids."""
    monkeypatch.setattr("huracan.data.venue_pages.NUMBERED", ())
    trades = some_trades(START, n)
    for trade in trades[100 : 100 + crowd]:
        trade["T"] = trades[100]["T"]
    served.markets["BTCUSDT"] = Market(trades=sorted(trades, key=lambda t: (t["T"], t["a"])))
    served.now_ms = START + 3_600_000
    served.page = 20
    return [str(t["a"]) for t in served.markets["BTCUSDT"].trades]


def test_a_crowded_instant_is_named_where_the_venue_pages_by_time(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = by_time(served, monkeypatch, crowd=90)
    (outcome,), _ = fetched(served, tmp_path / "store", [TRADES])
    held = read(tmp_path / "store", TRADES).column("id").to_pylist()
    assert outcome.cut_instants == 1
    assert outcome.first_cut_ns == served.markets["BTCUSDT"].trades[100]["T"] * 1_000_000
    assert set(ids) - set(held) == set(ids[120:190])  # of the crowd a page was given; nothing else is lost
    assert outcome.begins_ns == 0


def test_few_trades_at_the_end_are_no_crowd(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = by_time(served, monkeypatch)
    trades = served.markets["BTCUSDT"].trades
    trades[-1]["T"] = trades[-2]["T"] = trades[-3]["T"]
    (outcome,), _ = fetched(served, tmp_path / "store", [TRADES])
    assert outcome.cut_instants == 0
    assert read(tmp_path / "store", TRADES).column("id").to_pylist() == ids


def test_a_second_with_more_than_a_page_where_the_venue_knows_no_finer_times(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = by_time(served, monkeypatch)
    trades = served.markets["BTCUSDT"].trades
    for k, trade in enumerate(trades[100:160]):
        trade["T"] = trades[99]["T"] // 1000 * 1000 + 1000 + k
    for k, trade in enumerate(trades[160:]):
        trade["T"] = trades[159]["T"] + 5000 + 1000 * k
    served.seconds = True
    (outcome,), _ = fetched(served, tmp_path / "store", [TRADES])
    held = read(tmp_path / "store", TRADES).column("id").to_pylist()
    assert outcome.cut_instants == 1
    assert set(ids) - set(held) <= set(ids[100:160])
    assert held[-1] == ids[-1]


def test_a_venue_that_keeps_its_newest_trades_only_is_not_believed_to_be_empty(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = by_time(served, monkeypatch)
    served.newest = True
    root = tmp_path / "store"
    (outcome,), _ = fetched(served, root, [TRADES])
    first = served.markets["BTCUSDT"].trades[-20]["T"]
    assert read(root, TRADES).column("id").to_pylist() == ids[-20:]
    assert outcome.begins_ns == first * 1_000_000
    assert not any(lo < first * 1_000_000 for lo, _ in empty_ranges(store.series_folder(root, TRADES)))
    served.newest = False  # asked again of a venue that has them after all
    (outcome,), _ = fetched(served, root, [TRADES])
    assert read(root, TRADES).column("id").to_pylist() == ids
    assert outcome.begins_ns == 0


def test_kraken_pages_inside_a_millisecond(served: Served, tmp_path: Path) -> None:
    trades = some_trades(START, 300)
    for k, trade in enumerate(trades):
        trade["T"] = trades[100]["T"] if 100 <= k < 190 else trade["T"]
        trade["ns"] = 0
    trades.sort(key=lambda t: (t["T"], t["a"]))
    for k, trade in enumerate(trades):  # nanoseconds that rise inside a millisecond
        trade["ns"] = trade["T"] * 1_000_000 + (k % 100) * 5_000
    trades.sort(key=lambda t: t["ns"])
    served.markets["ETHUSDT"] = Market(trades=trades)
    served.now_ms = START + 3_600_000
    served.page = 20
    root, series = tmp_path / "store", Series("kraken", "ETH/USDT", "trades")
    monday = pytest.MonkeyPatch()
    monday.setattr("huracan.data.venue_client.Venue.now_ms", lambda self: _soon(served.now_ms))
    try:
        (outcome,), _ = fetched(served, root, [series], name="kraken")
    finally:
        monday.undo()
    assert (outcome.failed, outcome.cut_instants) == (None, 0)
    assert sorted(read(root, series).column("id").to_pylist(), key=int) == sorted(
        (str(t["a"]) for t in trades), key=int
    )


async def _soon(ms: int) -> int:
    return ms


def test_data_that_begins_long_after_the_date_is_found(served: Served, tmp_path: Path) -> None:
    """A venue that answers with an empty page before its first bar: found in leaps, then looked for exactly."""
    some_days(served, 800, lost=0.0)
    early = START - 400 * 24 * 60 * MINUTE
    served.page = 100
    bars = served.markets["BTCUSDT"].bars
    served.windowed = True
    root = tmp_path / "store"
    (outcome,), _ = fetched(served, root, [BARS], since=early)
    assert held_rows(root, BARS) == finished(bars, served.now_ms)
    asked = [path for _, path, _ in served.asked if path.endswith("klines")]
    assert len(asked) < 200  # 400 days are 576,000 bars
    assert outcome.failed is None
    assert empty_ranges(store.series_folder(root, BARS))[0][0] == early * 1_000_000


def test_emptiness_is_believed_once_and_rechecked_when_asked(served: Served, tmp_path: Path) -> None:
    some_days(served, 600, lost=0.0)
    bars = served.markets["BTCUSDT"].bars
    served.markets["BTCUSDT"] = Market(bars[:200] + bars[300:])
    root = tmp_path / "store"
    (outcome,), _ = fetched(served, root, [BARS])
    assert outcome.empty_bars == 100
    served.markets["BTCUSDT"] = Market(bars)
    (outcome,), _ = fetched(served, root, [BARS])
    assert outcome.empty_bars == 100
    (outcome,), _ = fetched(served, root, [BARS], recheck=True)
    assert (outcome.rows, outcome.empty_bars) == (100, 0)
    assert held_rows(root, BARS) == finished(bars, served.now_ms)


def test_a_part_that_was_deleted_is_fetched_again(served: Served, tmp_path: Path, monkeypatch: Any) -> None:
    some_days(served, 900)
    served.page = 100
    monkeypatch.setattr(fetching, "FLUSH_ROWS", 150)
    root = tmp_path / "store"
    fetched(served, root, [BARS])
    found = parts(root, BARS)
    assert len(found) > 3
    found[1].path.write_bytes(b"damaged")
    with pytest.raises(Refused, match="corrupted_part"):
        fetched(served, root, [BARS])
    found[1].path.unlink()
    fetched(served, root, [BARS])
    assert held_rows(root, BARS) == finished(served.markets["BTCUSDT"].bars, served.now_ms)


def test_a_venue_that_stays_away_is_named_and_what_came_before_is_kept(
    served: Served, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(venue_client, "TRIES", 3)
    some_days(served, 900)
    served.page = 100
    served.faults = lambda path, n: "503" if n > 8 else None
    root = tmp_path / "store"
    (outcome,), _ = fetched(served, root, [BARS])
    assert "asked 3 times" in (outcome.failed or "")
    rows = finished(served.markets["BTCUSDT"].bars, served.now_ms)
    held = held_rows(root, BARS)
    assert 100 < len(held) < len(rows)
    assert held == rows[: len(held)]
    served.faults = lambda path, n: None
    (outcome,), _ = fetched(served, root, [BARS])
    assert held_rows(root, BARS) == rows


@pytest.mark.parametrize(
    ("series", "says"),
    [
        (Series("binance", "BTC/USD", "bars", "1m"), "no market"),
        (Series("binance", "BTC/USDT", "bars", "7m"), "no 7m bars"),
    ],
)
def test_what_the_venue_has_not_is_refused(served: Served, tmp_path: Path, series: Series, says: str) -> None:
    with pytest.raises(Refused, match=says):
        fetched(served, tmp_path / "store", [series])
    assert not (tmp_path / "store").exists()


def test_an_unknown_venue_is_refused_with_the_nearest() -> None:
    with pytest.raises(Refused, match="knows no venue") as refused:
        exchange_named("binanse")
    assert "binance" in refused.value.fix


@pytest.mark.parametrize(
    ("name", "newest", "faults"),
    [("coinbase", True, False), ("coinbase", True, True), ("mexc", True, True), ("mexc", False, False)],
)
def test_venues_that_are_asked_for_windows_of_time(
    served: Served, tmp_path: Path, name: str, newest: bool, faults: bool
) -> None:
    """Pages shorter than asked for, kept from either end of a window; quiet hours; a burst inside one second."""
    trades = some_trades(START, 600)
    for k, trade in enumerate(trades[200:]):
        trade["T"] += 5 * 3_600_000 if k < 300 else 9 * 3_600_000  # nobody trades for hours
    for k, trade in enumerate(trades[300:330]):
        trade["T"] = trades[300]["T"] // 1000 * 1000 + 10 * k
    for k, trade in enumerate(trades[330:]):
        trade["T"] = max(trade["T"], trades[329]["T"] + 1000 + k)
    trades.sort(key=lambda t: t["T"])
    for k, trade in enumerate(trades):
        trade["a"] = 7000 + k
    served.markets["BTCUSDT"] = Market(trades=trades)
    served.now_ms = trades[-1]["T"] + 3_600_000
    served.page, served.newest = 40, newest
    served.ids = name != "mexc"
    if faults:
        served.faults = lambda path, n: ("503", "reset", "429", "cut")[n % 4] if n > 12 and n % 5 == 0 else None
        served.retry_after = "0.01"
    root, series = tmp_path / "store", Series(name, "BTC/USDT", "trades")
    (outcome,), _ = fetched(served, root, [series], name=name)
    assert (outcome.failed, outcome.cut_instants, outcome.begins_ns) == (None, 0, 0)
    table = read(root, series)
    wanted = [(t["T"], float(t["p"]), float(t["q"]), -1.0 if t["m"] else 1.0) for t in trades]
    found = zip(times(table) // 1_000_000, *(numbers(table, c) for c in ("price", "qty", "side")), strict=True)
    assert sorted((int(a), float(b), float(c), float(d)) for a, b, c, d in found) == sorted(wanted)
    if served.ids:
        assert table.column("id").to_pylist() == [str(t["a"]) for t in trades]
    asked = len(served.asked)
    (outcome,), _ = fetched(served, root, [series], name=name)
    assert (outcome.failed, outcome.rows) == (None, 0)
    assert len(served.asked) - asked < 40
    assert asked < 400


@pytest.mark.parametrize("name", ["coinbase", "mexc"])
def test_a_window_that_can_not_be_halved_is_counted(served: Served, tmp_path: Path, name: str) -> None:
    trades = some_trades(START, 300)
    for k, trade in enumerate(trades[100:]):
        trade["T"] = trades[99]["T"] // 1000 * 1000 + (2000 if k < 90 else 4000 + 50 * k)
    served.markets["BTCUSDT"] = Market(trades=trades)
    served.now_ms = trades[-1]["T"] + 3_600_000
    served.page, served.newest = 40, True
    root, series = tmp_path / "store", Series(name, "BTC/USDT", "trades")
    (outcome,), _ = fetched(served, root, [series], name=name)
    assert outcome.failed is None
    assert outcome.cut_instants >= 1
    assert outcome.first_cut_ns // 10**9 == trades[100]["T"] // 1000
    held = set(read(root, series).column("id").to_pylist())
    lost = {str(t["a"]) for t in trades} - held
    assert lost <= {str(t["a"]) for t in trades[100:190]}
    assert len(lost) == 50
