"""Stored bars mended chunk by chunk are those mended all at once, in memory that does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huracan.data import store, stream_repairs
from huracan.data.files import hash_bars
from huracan.data.raw_bars import raw_from_arrays
from huracan.data.repairs import mended
from huracan.data.store_kinds import Series
from huracan.data.store_writing import NotStored, append
from huracan.data.stored_bars import open_bars
from huracan.data.stream_repairs import mended_bars
from huracan.load_stored import mended_of
from huracan.sim.refusal import Refused
from huracan.sim.series import Rules

MINUTE = 60_000_000_000
START = 1_735_689_600_000_000_000  # a Wednesday
STEP = 15 * MINUTE
SERIES = Series("v", "A/B", "bars", "15m")
CHOICES = {
    "off_grid": ("drop", "floor"),
    "spike": ("clip", "drop"),
    "stale": ("drop",),
    "outage": ("drop",),
    "zero_volume": ("drop",),
    "missing_bars": ("fill",),
}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_repairs, "ROWS", 512)
    monkeypatch.setattr(stream_repairs, "PART", 1200)
    monkeypatch.setattr(stream_repairs, "MOST", 300)


def market(rng: np.random.Generator, n: int, open_days: int = 7) -> dict[str, Any]:
    """Bars with spikes, still and dead stretches, gaps short and long, some off the grid, and perhaps closed days."""
    close = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 2e-4, n) * rng.choice([1.0, 6.0], n, p=[0.9, 0.1]))), 2)
    volume = rng.integers(1, 50, n).astype(float)
    at = START + STEP * np.arange(n)
    gone = np.zeros(n, np.bool_)
    off = np.zeros(n, np.int64)
    for _ in range(int(rng.integers(0, 40))):
        k, long = int(rng.integers(0, n)), int(rng.choice([1, 2, 3, 5, 9, 12, 30, 700]))
        what = rng.integers(0, 5)
        if what == 0:
            close[k : k + min(long, 3)] *= 1.0 + float(rng.choice([-0.2, 0.2]))
        elif what == 1:
            close[k : k + long] = close[k]
        elif what == 2:
            volume[k : k + long] = 0.0
        elif what == 3:
            off[k] = int(rng.choice([30, 1, 59])) * 1_000_000_000
        else:
            gone[k : k + long] = True
    close = np.round(close, 2)
    opened = np.append(close[:1], close[:-1])
    wide = rng.integers(0, 3, n) * 0.01 * (volume > 0)
    columns = {"ts": at + off, "open": opened, "close": close, "volume": volume}
    columns |= {"high": np.round(np.maximum(opened, close) + wide, 2)}
    columns |= {"low": np.round(np.minimum(opened, close) - wide, 2)}
    kept = ~gone & ((at // (86_400 * 10**9)) % 7 < open_days)
    kept[[0, 1]] = True
    return {name: array[kept] for name, array in columns.items()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_chunk_by_chunk_is_all_at_once(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    days = data.draw(st.sampled_from([7, 7, 7, 5]))
    columns = market(rng, data.draw(st.sampled_from([3, 600, 3000, 9000])) if days == 7 else 4_500, days)
    names = data.draw(st.sets(st.sampled_from(sorted(CHOICES)), min_size=1))
    repair = {name: data.draw(st.sampled_from(CHOICES[name])) for name in sorted(names)}
    root = tmp_path_factory.mktemp("s")
    half = len(columns["ts"]) // 2
    for part in (slice(0, half), slice(half, None)):
        append(root, SERIES, {name: array[part] for name, array in columns.items()})

    prices = {word: columns[word].copy() for word in ("open", "high", "low", "close")}
    counted: dict[str, int] = {}
    whole = mended(raw_from_arrays("x", columns["ts"], prices, columns["volume"]), STEP, repair, counted)
    bars = open_bars(root, SERIES, rules=Rules())
    if not len(whole) or (np.diff(whole.times) <= 0).any():
        with pytest.raises(Refused, match=r"leave no bar|stands twice"):
            mended_bars(bars, repair)
        return
    made = mended_bars(bars, repair)
    assert {name: n for name, n in made.repairs.items() if name != "tick_inferred"} == counted
    assert made.open_ns.tolist() == whole.times.tolist()
    for word in ("open", "high", "low", "close"):
        assert getattr(made, word).tolist() == whole.prices[word].tolist(), word
    given_prices = [whole.prices[word] for word in ("open", "high", "low", "close")]
    assert made.data_hash == hash_bars(whole.times, *given_prices, whole.volume)


def test_the_usual_move_is_the_median(tmp_path: Path) -> None:
    for n in (1, 2, 999, 1000):
        close = np.exp(np.random.default_rng(n).normal(0.0, 0.01, n).cumsum())
        raw = raw_from_arrays("x", np.arange(n), dict.fromkeys(("open", "high", "low", "close"), close), None)
        pieces = [stream_repairs.picked_rows(raw, lo, min(lo + 100, n)) for lo in range(0, n, 100)]
        move = np.abs(np.diff(np.log(close), prepend=np.log(close[0])))
        assert stream_repairs.usual_move(lambda p=pieces: iter(p)) == np.median(move)


def test_long_bars_are_mended_with_the_clock_that_slips(tmp_path: Path) -> None:
    hour, n = 60 * MINUTE, 400
    ts = START + 4 * hour * np.arange(n)
    ts[100:110] += hour
    flat = {name: np.full(n, 5.0) + np.arange(n) % 7 for name in ("open", "high", "low", "close", "volume")}
    series = Series("v", "A/B", "bars", "4h")
    append(tmp_path, series, {"ts": ts, **flat})
    made = mended_of(open_bars(tmp_path, series, rules=Rules()), {"time_zone_slip": "shift"})
    assert made.repairs["time_zone_slip_shift"] == 10
    assert made.open_ns.tolist() == (START + 4 * hour * np.arange(n)).tolist()


def test_temporary_files_go_and_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import os

    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "tmp").mkdir()
    columns = market(np.random.default_rng(1), 3000)
    append(tmp_path / "s", SERIES, columns)
    bars = open_bars(tmp_path / "s", SERIES, rules=Rules())
    made = mended_bars(bars, {"missing_bars": "fill", "zero_volume": "drop"})
    assert len(os.listdir(tmp_path / "tmp")) == 1
    assert len(made.rows(0, len(made))) == len(made)
    del made
    gc.collect()
    assert os.listdir(tmp_path / "tmp") == []

    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(NotStored, match=r"No space left.*TMPDIR"):
        mended_bars(bars, {"zero_volume": "drop"})
    assert os.listdir(tmp_path / "tmp") == []
    assert store.span(tmp_path / "s", SERIES) is not None


MEASURE = """
import json, resource, sys
from pathlib import Path
from huracan.data.store_kinds import Series
from huracan.data.stored_bars import open_bars
from huracan.data.stream_repairs import mended_bars
from huracan.sim.series import Rules
bars = open_bars(Path(sys.argv[1]), Series("v", "A/B", "bars", "1s"), rules=Rules(), cache_bytes=16 << 20)
repair = {"spike": "clip", "stale": "drop", "outage": "drop", "zero_volume": "drop", "missing_bars": "fill"}
made = mended_bars(bars, repair)
print(json.dumps([len(bars), len(made), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def test_memory_does_not_grow_with_what_is_mended(tmp_path: Path) -> None:
    n, peaks = 400_000, []
    rng = np.random.default_rng(0)
    close = np.round(100.0 + rng.integers(0, 50, n) * 0.01, 2)
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    for k in range(6):
        ts = START + 1_000_000_000 * np.arange(k * n, (k + 1) * n)
        volume = np.where(np.arange(n) % 1000 < 20, 0.0, 1.0)
        append(tmp_path, Series("v", "A/B", "bars", "1s"), {"ts": ts, **prices, "volume": volume})
        if k in (0, 5):
            done = subprocess.run(
                [sys.executable, "-c", MEASURE, str(tmp_path)], check=True, capture_output=True, text=True
            )
            rows, made, peak = json.loads(done.stdout)
            assert rows == (k + 1) * n
            assert made >= rows - 20
            peaks.append(peak)
    assert peaks[1] < peaks[0] + 40.0  # MB; these two million bars more would take 96
