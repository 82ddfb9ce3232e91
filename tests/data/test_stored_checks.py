"""Stored trades and bars looked at in pieces: the findings of all of them at once, whatever the pieces."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huracan.data import store, store_writing
from huracan.data.binance_raw import binance_raw_blocks
from huracan.data.checks import Check, check_bars, check_trades
from huracan.data.events import TRADE, take
from huracan.data.raw_bars import PRICES, RawBars, picked, raw_from_arrays, read_raw_bars
from huracan.data.store_kinds import Series, content_hash
from huracan.data.store_writing import append
from huracan.data.stored_checks import check_bars_in_pieces, check_trades_in_pieces
from huracan.data_check import Asked, check_series, tick_of
from huracan.sim import spool
from huracan.sim.refusal import Refused
from tests.data.test_stream_repairs import market

MINUTE = 60_000_000_000
START = 1_735_689_600_000_000_000
HOURS = {"15m": 15 * MINUTE, "1h": 60 * MINUTE, "1m": MINUTE, "4h": 240 * MINUTE}


@pytest.fixture(autouse=True)
def _on_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "HELD", 0)
    monkeypatch.setattr(spool, "ROWS", 300)


def same(found: Check | None, expected: Check) -> None:
    """Everything that people, programs and the page are told."""
    assert found is not None
    assert json.dumps(found.plain(), indent=1) == json.dumps(expected.plain(), indent=1)
    for name in ("edges_ns", "present", "expected", "troubled", "price"):
        assert np.array_equal(getattr(found.coverage, name), getattr(expected.coverage, name), equal_nan=True), name


def cut(rng: np.random.Generator, rows: int, most: int) -> list[slice]:
    edges = [0]
    while edges[-1] < rows:
        edges.append(min(edges[-1] + int(rng.integers(1, most + 1)), rows))
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def trades(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Trades with spikes long and short, doubled and backward times, sides unknown, and numbers that can't be."""
    stretches = np.repeat(rng.choice([0.0, 3e-5, 1e-3, 8e-3], n), rng.integers(20, 400, n))[:n]  # quiet and wild ones
    price = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 1.0, n) * stretches))
    for _ in range(int(rng.integers(0, 3 + n // 60))):
        k = int(rng.integers(0, n))
        price[k : k + int(rng.integers(1, 5))] *= 1.0 + float(rng.choice([-1.0, 1.0]) * 10 ** rng.uniform(-2.5, -0.5))
    price = np.round(price, int(rng.integers(1, 4)))
    columns: dict[str, Any] = {"ts": START + np.cumsum(rng.integers(0, 5 * 10**9, n)), "price": price}
    columns |= {"qty": np.ones(n), "side": rng.choice([-1, 0, 1], n) if rng.random() < 0.7 else np.zeros(n, np.int64)}
    for word, bad in (("price", (np.nan, -1.0, 0.0, np.inf)), ("qty", (np.nan, 0.0, -2.0))):
        if rng.random() < 0.5:
            at = rng.integers(0, n, int(rng.integers(1, 9)))
            columns[word][at] = rng.choice(bad, len(at))
    if rng.random() < 0.3:
        columns["ts"][rng.integers(0, n, 3)] -= 10**10
    return columns


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 3, 4, 5, 6, 255, 257, 700, 3000]))
def test_trades_are_judged_as_all_at_once(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    columns = trades(rng, n)
    expected = check_trades("x", columns, {}, tick_of(columns["price"]))
    for most in (n, 600, 40):
        slices = cut(rng, n, most)
        some = [{name: column[rows] for name, column in columns.items()} for rows in slices]
        same(check_trades_in_pieces("x", lambda s=some: iter(s)), expected)  # type: ignore[misc]


def whole_bars(columns: dict[str, Any], label: str = "x") -> RawBars:
    return raw_from_arrays(label, columns["ts"], {word: columns[word] for word in PRICES}, columns.get("volume"))


def spoiled(rng: np.random.Generator, raw: RawBars, step: int) -> RawBars:
    """With numbers that can't be, and clocks that are off by hours."""
    n, prices, times = len(raw), {word: column.copy() for word, column in raw.prices.items()}, raw.times.copy()
    for word, bad in (("close", np.nan), ("low", -1.0), ("high", 1.0), ("open", np.inf)):
        if rng.random() < 0.3:
            prices[word][rng.integers(0, n, int(rng.integers(1, 5)))] = bad
    if rng.random() < 0.5:
        lo = int(rng.integers(0, n))
        times[lo : lo + int(rng.integers(1, 200))] += 30 * MINUTE * int(rng.integers(0, 4))
    volume = None if rng.random() < 0.2 or raw.volume is None else raw.volume.copy()
    if volume is not None and rng.random() < 0.3:
        volume[rng.integers(0, n, 3)] = rng.choice([-1.0, np.inf, np.nan])
    if volume is not None and rng.random() < 0.1:
        volume[:] = 0.0
    rising = np.append(True, np.diff(np.maximum.accumulate(times)) > 0)
    return picked(
        replace(raw, times=times, prices=prices, volume=volume), rising & (times >= np.maximum.accumulate(times))
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(HOURS)), st.sampled_from([2, 5, 300, 4000]), st.integers(5, 7))
def test_bars_are_judged_as_all_at_once(seed: int, timeframe: str, n: int, days: int) -> None:
    rng, step = np.random.default_rng(seed), HOURS[timeframe]
    columns = market(rng, n, days)
    columns["ts"] = START + (columns["ts"] - START) // (15 * MINUTE) * step + (columns["ts"] - START) % (15 * MINUTE)
    raw = spoiled(rng, whole_bars(columns), step)
    raw = replace(raw, rows=np.arange(len(raw)))
    for kind in ("bars", "mark"):
        tick = tick_of(np.concatenate(list(raw.prices.values())))
        expected = check_bars(raw, step, timeframe, kind=kind, tick=tick)
        given_raw = replace(raw, volume=None) if kind == "mark" else raw
        for most in (len(raw), 900, 50):
            some = [picked(given_raw, np.arange(len(raw))[rows]) for rows in cut(rng, len(raw), most)]
            same(check_bars_in_pieces("x", kind, timeframe, step, lambda s=some: iter(s)), expected)  # type: ignore[misc]


def test_bars_whose_times_do_not_rise_are_not_for_pieces() -> None:
    raw = whole_bars(market(np.random.default_rng(1), 50))
    some = [picked(raw, np.arange(20)), picked(raw, np.arange(19, len(raw)))]
    assert check_bars_in_pieces("x", "bars", "15m", 15 * MINUTE, lambda: iter(some)) is None


def test_a_stored_series_is_checked_and_verified_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_writing, "ROW_GROUP", 100)
    monkeypatch.setattr(store_writing, "LARGE", 900)
    rng, asked = np.random.default_rng(4), Asked(store=tmp_path)
    series = Series("v", "A/B", "trades")
    columns = trades(rng, 2500)
    sound = np.isfinite(columns["price"]) & (columns["price"] > 0) & (columns["qty"] >= 0)
    columns = {name: column[sound] for name, column in columns.items()}
    columns |= {"ts": np.sort(columns["ts"]), "side": columns["side"].astype(np.int8)}
    ids = np.array([str(k) for k in range(len(columns["ts"]))], object)
    append(tmp_path, series, columns | {"id": ids})
    same(check_series(series, asked), check_trades(str(series), columns, {}, tick_of(columns["price"])))
    bars = Series("v", "A/B", "bars", "15m")
    on_grid = market(rng, 3000, 5)
    append(tmp_path, bars, on_grid)
    raw = whole_bars(on_grid, str(bars))
    expected = check_bars(raw, 15 * MINUTE, "15m", tick=tick_of(np.concatenate(list(raw.prices.values()))))
    same(check_series(bars, asked), expected)
    assert {each.name for each in expected.problems} >= {"missing_bars", "closed_hours"}
    part = store.parts(tmp_path, series)[1]
    assert content_hash(store.read(tmp_path, series, None, part.first_ns, part.last_ns + 1))[:16] == part.digest
    part.path.rename(part.path.with_name(part.path.name.replace(part.digest, "0" * 16)))
    with pytest.raises(Refused, match="corrupted_part"):
        check_series(series, asked)


def test_real_files_are_judged_as_all_at_once(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "ROWS", 5000)
    rng, named = np.random.default_rng(7), set()
    minutes = sorted(shared_data.glob("bars_1m_*/*"))
    marks = sorted(shared_data.glob("funding_usdm/*-mark.feather"))
    assert len(minutes) == 6
    assert len(marks) == 5
    for path, step, timeframe in [*((p, MINUTE, "1m") for p in minutes), *((p, 480 * MINUTE, "8h") for p in marks)]:
        raw = replace(read_raw_bars(path), path="x", repairs={})
        tick = tick_of(np.concatenate(list(raw.prices.values())))
        expected = check_bars(raw, step, timeframe, tick=tick)
        some = [picked(raw, np.arange(len(raw))[rows]) for rows in cut(rng, len(raw), 3000)]
        same(check_bars_in_pieces("x", "bars", timeframe, step, lambda s=some: iter(s)), expected)  # type: ignore[misc]
        named |= {each.name for each in expected.problems}
    assert {"missing_bars", "zero_volume", "outage", "stale"} <= named
    feed = [take(e, e.kind == TRADE) for e in binance_raw_blocks(shared_data / "l2" / "usdm_btcusdt_20240808.gz")]
    columns = {
        name: np.concatenate([getattr(each, of) for each in feed])
        for name, of in (("ts", "exch_ns"), ("price", "price"), ("qty", "qty"), ("side", "side"))
    }
    assert len(columns["ts"]) > 1000
    expected = check_trades("x", columns, {}, tick_of(columns["price"]))
    pieces = [{name: column[rows] for name, column in columns.items()} for rows in cut(rng, len(columns["ts"]), 500)]
    same(check_trades_in_pieces("x", lambda: iter(pieces)), expected)
