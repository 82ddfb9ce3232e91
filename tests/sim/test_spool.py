"""Rows that may be more than memory holds: what comes back is what went in, in the order asked for, some at a time."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from huracan.sim import spool
from huracan.sim.spool import Column, forget, in_order, mapping_of, put_rows, walked


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Pieces of 64 rows, and nothing but a hundred bytes held in memory."""
    monkeypatch.setattr(spool, "ROWS", 64)
    monkeypatch.setattr(spool, "HELD", 100)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "scratch"


@pytest.mark.parametrize("rows", [0, 5, 1000])
def test_what_was_appended_is_read(small: Path, rows: int) -> None:
    column, values = Column("i8"), np.arange(rows) * 7
    for lo in range(0, rows, 33):
        column.append(values[lo : lo + 33])
    assert len(column) == rows
    assert np.array_equal(column.read(0, rows), values)
    assert np.array_equal(column.read(rows // 3, rows + 10), values[rows // 3 :])
    whole = column.array()
    assert np.array_equal(whole, values)
    assert whole.flags.writeable
    assert whole.flags.aligned
    assert (mapping_of(whole) is not None) == (rows == 1000)
    if rows == 1000:
        whole[3] = 99  # what is written stays when its memory is given back
        forget([whole])
        assert whole[:5].tolist() == [0, 7, 14, 99, 28]
        assert np.array_equal(np.concatenate(list(walked(whole)))[4:], values[4:])
        assert list(small.iterdir()) == []  # a file without a name: nothing to tidy up


@pytest.mark.parametrize("seed", range(6))
def test_rows_come_in_order_and_equal_ones_as_they_stood(small: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    late = (0, 5, 300, 100_000)[seed % 4]
    parts, keys, places = [], [], []
    for part in range(1 + seed % 3):
        n = int(rng.integers(1, 4000))
        key = np.sort(rng.integers(0, 5000, n)) - rng.integers(0, late + 1, n)
        columns = {"key": Column("i8"), "at": Column("i4")}
        put_rows(columns, {"key": key, "at": np.arange(n) + 10_000 * part})
        parts.append(columns)
        keys.append(key)
        places.append(np.arange(n) + 10_000 * part)
    every, at = np.concatenate(keys), np.concatenate(places)
    order = np.argsort(every, kind="stable")
    pieces = list(in_order(parts, "key"))
    assert np.array_equal(np.concatenate([p["key"] for p in pieces]), every[order])
    assert np.array_equal(np.concatenate([p["at"] for p in pieces]), at[order])
    if late < 100_000:
        assert max(len(p["key"]) for p in pieces) <= 64 * (2 + len(parts))


def test_a_file_backwards_is_sorted_in_pieces(small: Path) -> None:
    column = {"key": Column("i8")}
    put_rows(column, {"key": np.arange(20_000)[::-1]})
    pieces = [p["key"] for p in in_order([column], "key")]
    assert np.array_equal(np.concatenate(pieces), np.arange(20_000))
    assert max(map(len, pieces)) <= 4 * 64


FILL = """
import sys
import numpy as np
from huracan.sim.spool import Column, NoRoom
column = Column("i8")
try:
    for _ in range(64):
        column.append(np.zeros(1 << 17, np.int64))
except NoRoom as error:
    sys.exit(str(error))
"""


def test_a_full_scratch_folder_is_named(small: Path) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 24, 1 << 24))

    done = subprocess.run([sys.executable, "-c", FILL], capture_output=True, text=True, preexec_fn=few)
    assert done.returncode == 1
    assert f"a long feed could not be kept in {small} while it runs: File too large" in done.stderr
    assert "set TMPDIR" in done.stderr
    assert list(small.iterdir()) == []
