"""Trades and bars of any length: imported and checked in memory that does not grow with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from huracan.data.store_kinds import Series
from huracan.data.store_writing import append
from tests.huracan.test_long_feeds import peak_mb

START = 1_735_689_600_000_000_000
MINUTE = 60_000_000_000
HURACAN = str(Path(sys.executable).with_name("huracan"))


def walk(rng: np.random.Generator, rows: int) -> Any:
    return np.round(100.0 + np.cumsum(rng.integers(-3, 4, rows)) % 4000 * 0.01, 2)


def store_trades(root: Path, rows: int) -> None:
    """Trades a second apart."""
    rng, piece = np.random.default_rng(3), 250_000
    for lo in range(0, rows, piece):
        side = rng.choice(np.array([-1, 1], np.int8), piece)
        columns = {"ts": START + (lo + np.arange(piece)) * 10**9, "price": walk(rng, piece), "qty": np.ones(piece)}
        append(root, Series("x", "A/B", "trades"), columns | {"side": side, "id": np.full(piece, "")})


def store_bars(root: Path, rows: int) -> None:
    """Minutes, of which one in a piece is missing."""
    rng, piece = np.random.default_rng(4), 250_000
    for lo in range(0, rows, piece):
        close = walk(rng, piece)
        opened = np.append(close[:1], close[:-1])
        columns = {"ts": START + (lo + np.arange(piece)) * MINUTE, "open": opened, "close": close}
        columns |= {"high": np.maximum(opened, close), "low": np.minimum(opened, close), "volume": np.ones(piece)}
        kept = np.arange(piece) != 777
        append(root, Series("x", "A/B", "bars", "1m"), {name: column[kept] for name, column in columns.items()})


def test_memory_of_a_check_does_not_grow_with_the_series(tmp_path: Path) -> None:
    """Four times as many trades and bars, in processes of their own."""
    used: dict[str, list[float]] = {"trades": [], "bars": []}
    for times in (1, 4):
        root = tmp_path / str(times)
        store_trades(root, 250_000 * times)
        store_bars(root, 250_000 * times)
        for kind, peaks in used.items():
            words = ("data", "check", "A/B", "--kind", kind, "--json")
            peaks.append(peak_mb(HURACAN, *words, HURACAN_STORE=str(root), TMPDIR=str(tmp_path)))
    assert all(peaks[1] < peaks[0] + 40 for peaks in used.values()), used


def write_trades(path: Path, rows: int) -> Path:
    """Trades a tenth of a second apart, with an id each."""
    rng = np.random.default_rng(5)
    table = pa.table(
        {
            "timestamp": START // 10**6 + 100 * np.arange(rows),
            "price": walk(rng, rows),
            "qty": rng.integers(1, 900, rows) / 1000.0,
            "side": pa.array(["buy", "sell"]).take(pa.array(rng.integers(0, 2, rows))),
            "id": pa.array(np.arange(rows)).cast(pa.string()),
        }
    )
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=200_000)
    elif path.suffix == ".feather":
        feather.write_feather(table, path)
    else:
        csv.write_csv(table, path)
    return path


def import_peaks(folder: Path, ending: str, rows: int) -> list[float]:
    """What the import of a file of so many trades held at most, and that of one four times as long."""
    peaks = []
    for times in (1, 4):
        path = write_trades(folder / f"{times}.{ending}", rows * times)
        words = ("data", "import", str(path), "--symbol", "A/B")
        peaks.append(peak_mb(HURACAN, *words, HURACAN_STORE=str(folder / f"{ending}-{times}"), TMPDIR=str(folder)))
        path.unlink()
    return peaks


def test_memory_of_an_import_does_not_grow_with_the_trades(tmp_path: Path) -> None:
    peaks = import_peaks(tmp_path, "parquet", 400_000)
    assert peaks[1] < peaks[0] + 80, peaks


@pytest.mark.long
@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_memory_of_an_import_stays_from_any_format(tmp_path: Path, ending: str) -> None:
    peaks = import_peaks(tmp_path, ending, 1_000_000)
    assert peaks[1] < peaks[0] + 100, peaks
