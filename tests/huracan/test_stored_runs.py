"""Runs on bars of the store: the same as on a file with these bars, in memory that does not grow with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import huracan
from huracan.data import stored_bars
from huracan.data.store_kinds import Series
from huracan.data.store_writing import append, compact
from huracan.load import load_tape
from huracan.sim.refusal import Refused
from huracan.sim.tape import chunk
from huracan.spec import load_spec

MINUTE = 60_000_000_000
START = 1_735_689_600_000_000_000  # 2025-01-01
SYMBOL = "BTC/USDT:USDT"
BARS = Series("binance", SYMBOL, "bars", "1m")


def market(n: int, seed: int = 0) -> dict[str, Any]:
    """Bars on a tick of 0.1, some of them missing."""
    random = np.random.default_rng(seed)
    close = np.round(3000.0 * np.exp(np.cumsum(random.normal(0.0, 1e-3, n))), 1)
    opened = np.round(close + random.integers(-9, 10, n) * 0.1, 1)
    columns = {
        "ts": START + MINUTE * np.arange(n),
        "open": opened,
        "high": np.round(np.maximum(opened, close) + 0.5, 1),
        "low": np.round(np.minimum(opened, close) - 0.5, 1),
        "close": close,
        "volume": np.round(random.lognormal(2.0, 1.0, n), 3),
    }
    kept = random.random(n) < 0.98
    return {name: column[kept] for name, column in columns.items()}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def spec(data: dict[str, Any], **more: Any) -> dict[str, Any]:
    params = {"fast": 5, "slow": 100, "qty": 2.0}
    return {"data": {"timeframe": "1m"} | data, "strategy": {"use": "sma_cross", "params": params}, **more}


def in_store(**more: Any) -> dict[str, Any]:
    return {"venue": "binance", "symbols": [SYMBOL]} | more


def test_a_run_from_the_store_is_the_run_from_a_file(tmp_path: Path, root: Path) -> None:
    columns = market(6000)
    for lo in range(0, len(columns["ts"]), 700):
        append(root, BARS, {name: column[lo : lo + 700] for name, column in columns.items()})
    pays = START + 8 * 60 * MINUTE * np.arange(1, 12) + 3_000_000
    rate = np.full(len(pays), 1e-4)
    append(root, Series("binance", SYMBOL, "funding"), {"ts": pays, "rate": rate, "mark": np.full(len(pays), np.nan)})
    marks = pays - 3_000_000
    flat = np.linspace(2990.0, 3010.0, len(marks))
    price = dict.fromkeys(("open", "high", "low", "close"), flat)
    append(root, Series("binance", SYMBOL, "mark", "8h"), {"ts": marks} | price)

    frame = pd.DataFrame(columns).rename(columns={"ts": "date"})
    frame["date"] = pd.to_datetime(frame["date"], utc=True)
    frame.to_feather(tmp_path / "bars.feather")
    pd.DataFrame({"date": pd.to_datetime(pays, utc=True), "funding_rate": rate}).to_feather(tmp_path / "rates.feather")
    pd.DataFrame({"date": pd.to_datetime(marks, utc=True), "open": flat}).to_feather(tmp_path / "marks.feather")
    file = {"file": str(tmp_path / "bars.feather"), "symbol": SYMBOL, "venue": "binance"}
    file |= {"funding": str(tmp_path / "rates.feather"), "mark": str(tmp_path / "marks.feather")}

    account = {"cash": 1e6, "leverage": 3.0}
    stored, filed = (huracan.backtest(spec(data, account=account)) for data in (in_store(), file))
    assert stored.figures["fills"] > 10
    assert stored.figures["funding"] != 0.0
    same = {key: value for key, value in filed.figures.items() if key not in ("spec", "spec_hash")}
    assert {key: stored.figures[key] for key in same} == same
    pd.testing.assert_frame_equal(stored.fills, filed.fills)
    pd.testing.assert_frame_equal(stored.equity, filed.equity)


def test_from_a_start_to_an_end_with_warm_up(root: Path) -> None:
    append(root, BARS, market(6000))
    when = {"start": "2025-01-02", "end": "2025-01-04"}
    cold = huracan.backtest(spec(in_store(**when)))
    warm = huracan.backtest(spec(in_store(**when, warmup=200)))
    for result in (cold, warm):
        assert result.figures["start"] == "2025-01-02T00:00:00Z"
        assert result.figures["end"] == "2025-01-04T00:00:00Z"
        assert "no_funding_in_store" in result.figures["repairs"]
    first = [result.fills["ts"].iloc[0] for result in (cold, warm)]
    assert first[1] < first[0]  # the averages were known at once
    assert cold.figures["bars"] == warm.figures["bars"]

    tape = load_tape(load_spec(spec(in_store(**when, warmup=200))))
    assert tape.first_live == 200
    assert tape.open_ns[200] >= START + 1440 * MINUTE > tape.open_ns[199]


def test_identity_is_what_was_read(root: Path) -> None:
    columns = market(3000)
    append(root, BARS, columns)
    data = in_store(start="2025-01-02", end="2025-01-02T12:00:00")
    before = load_tape(load_spec(spec(data))).data_hash
    append(root, BARS, {name: column[-1:] + (MINUTE * 99 if name == "ts" else 0) for name, column in columns.items()})
    compact(root, BARS)
    assert load_tape(load_spec(spec(data))).data_hash == before
    middle = {name: column[1800:1801].copy() for name, column in columns.items()}
    middle["volume"] += 1.0
    append(root, BARS, middle)
    assert load_tape(load_spec(spec(data))).data_hash != before


def test_what_is_not_held_is_said(root: Path) -> None:
    append(root, BARS, market(600))
    figures = huracan.backtest(spec(in_store(start="2025-01-01", end="2025-01-02"))).figures
    assert figures["repairs"]["bars_not_in_store"] >= 840
    for data, fix in (
        (in_store(symbols=["ETH/USDT"]), "huracan data fetch binance ETH/USDT --timeframe 1m"),
        (in_store(timeframe="5m"), "huracan data resample"),
        (in_store(start="2026-01-01"), "choose other times"),
    ):
        with pytest.raises(Refused) as refused:
            huracan.backtest(spec(data))
        assert fix in refused.value.fix


@pytest.mark.parametrize("instruments", [1, 3])
def test_any_cache_gives_the_same_chunks(root: Path, instruments: int, monkeypatch: pytest.MonkeyPatch) -> None:
    symbols = [f"C{k}/USDT:USDT" for k in range(instruments)]
    for k, symbol in enumerate(symbols):
        series = Series("binance", symbol, "bars", "1m")
        columns = market(150_000, seed=k)
        half = len(columns["ts"]) // 2
        append(root, series, {name: column[:half] for name, column in columns.items()})
        append(root, series, {name: column[half:] for name, column in columns.items()})
    impact = {"impact": {"model": "sqrt", "coefficient": 1.0, "window": 50}}
    asked = load_spec(spec(in_store(symbols=symbols, start="2025-01-02", warmup=300), venue=impact))
    large = load_tape(asked)
    monkeypatch.setattr(stored_bars, "LEAST_BYTES", 1)
    monkeypatch.setattr("huracan.load_stored.CACHE_BYTES", 1)
    small = load_tape(asked)
    assert small.data_hash == large.data_hash
    for lo, hi in ((0, 8192), (60_000, 75_000), (large.rows - 10, large.rows)):
        for one, other in zip(chunk(small, lo, hi), chunk(large, lo, hi), strict=True):
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


MEASURE = """
import json, resource, sys
from huracan.load import load_tape
from huracan.sim.tape import chunk
from huracan.spec import load_spec
spec = load_spec(json.loads(sys.argv[1]))
tape = load_tape(spec)
for lo in range(0, tape.rows, 8192):
    chunk(tape, lo, min(lo + 8192, tape.rows))
print(json.dumps([tape.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def test_memory_does_not_grow_with_the_tape(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 1_000_000
    seconds = Series("binance", SYMBOL, "bars", "1s")
    flat = {name: np.full(n, 5.5) for name in ("open", "high", "low", "close", "volume")}
    peaks = []
    for k in range(8):
        append(root, seconds, {"ts": START + 1_000_000_000 * np.arange(k * n, (k + 1) * n)} | flat)
        if k in (0, 7):
            asked = json.dumps(spec(in_store(timeframe="1s")))
            code = MEASURE.replace("tape = ", "import huracan.load_stored as s; s.CACHE_BYTES = 16 << 20; tape = ")
            done = subprocess.run([sys.executable, "-c", code, asked], check=True, capture_output=True, text=True)
            rows, peak = json.loads(done.stdout)
            assert rows == (k + 1) * n
            peaks.append(peak / 1024)
    assert peaks[1] < peaks[0] + 60.0  # MB; the tape of 8 million bars itself would take 384
