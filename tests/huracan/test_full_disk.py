"""A disk that takes nothing more: every command that writes names it and what to do, and what was there is there still.

The disk is a small one of memory where this process may mount it; else no file may grow beyond a few kilobytes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from huracan.data.store import read
from huracan.data.store_kinds import Series
from huracan.data.store_writing import append
from tests.huracan.test_long_feeds import write_raw

HURACAN = str(Path(sys.executable).with_name("huracan"))
SPEC = """
[data]
synthetic = "regimes"
bars = 3000
[strategy]
use = "sma_cross"
[strategy.params]
fast = 5
slow = 20
qty = 1.0
"""
SWEEP = "[sweep]\nfast = { from = 2, to = 9, step = 1 }\nslow = { from = 10, to = 60, step = 1 }\n"
OURS = ("filler", ".lock", "checkpoint.json")  # the last one is what --resume goes on from
SERIES = Series("local", "A/B", "bars", "1m")


@dataclass(frozen=True)
class Disk:
    """A folder that is nearly full, how a process is kept from writing to it, and how it gets room again."""

    folder: Path
    before: Callable[[], None] | None
    empty: Callable[[], None]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [HURACAN, *words]
        return subprocess.run(command, capture_output=True, text=True, preexec_fn=self.before)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    folder = tmp_path_factory.mktemp("disk")
    bars = {
        "ts": np.arange(50) * 60 * 10**9,
        **{c: np.full(50, 2.0) for c in ("open", "high", "low", "close", "volume")},
    }
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    mounted = sys.platform == "linux" and subprocess.run(mount, capture_output=True).returncode == 0
    append(folder / "store", SERIES, bars)  # what must be there still
    if not mounted:
        yield Disk(folder, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)), lambda: None)
        return
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    try:
        yield Disk(folder, None, lambda: filler.unlink(missing_ok=True))
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Specs, a recorded feed and a table, on a disk with room."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "run.toml").write_text(SPEC)
    (folder / "sweep.toml").write_text(SPEC + SWEEP)
    write_raw(folder / "feed.txt", 3000)
    rows = (f"{1_700_000_000 + 60 * k},{1 + k % 7}.5,{2 + k % 7},{1 + k % 7},{1 + k % 7}.5,{k}" for k in range(5000))
    (folder / "bars.csv").write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    return folder


WRITING = (
    "backtest run.toml --out DISK/out",
    "sweep sweep.toml --out DISK/sweep",
    "data import feed.txt --store DISK/store --venue binance",
    "data import bars.csv --store DISK/store --symbol A/B --timeframe 1m",
    "data resample bars.csv --to 5m --file DISK/bars.csv",
    "data resample bars.csv --to 5m --store DISK/store --symbol C/D",
    "data check bars.csv --out DISK/check",
    "data synth --bars 50000 --store DISK/store",
    "data synth --bars 50000 --out DISK/made",
    "data synth --book --seconds 300 --out DISK/book",
)


@pytest.mark.parametrize("command", WRITING)
def test_a_full_disk_is_named_and_nothing_is_lost(disk: Disk, files: Path, command: str) -> None:
    words = [w.replace("DISK", str(disk.folder)) for w in command.split()]
    words = [str(files / w) if (files / w).exists() else w for w in words]
    there = read(disk.folder / "store", SERIES).num_rows
    done = disk.run(*words)
    assert done.returncode == 1, done.stderr
    lines = done.stderr.strip().splitlines()
    said = lines[-1]
    assert said.startswith("huracan: failed: ")
    assert str(disk.folder) in said
    assert "No space left on device" in said or "File too large" in said
    assert "ree some space" in said
    assert "Traceback" not in done.stderr
    assert read(disk.folder / "store", SERIES).num_rows == there == 50
    left = [p for p in disk.folder.rglob("*") if p.is_file() and p.name not in OURS]
    assert [p.suffix for p in left] == [".parquet"], left


def test_a_report_that_can_not_be_written_leaves_the_old_one(disk: Disk, files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    subprocess.run([HURACAN, "backtest", str(files / "run.toml"), "--out", str(out)], check=True, capture_output=True)
    done = disk.run("report", str(out), "--out", str(disk.folder / "page"))
    assert done.returncode == 1
    assert f"the results in {disk.folder / 'page'} could not be written" in done.stderr
    assert (out / "report.html").stat().st_size > 10_000


def test_what_goes_to_a_full_stdout_is_named() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([HURACAN, "strategies", "--json"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr
    assert "stdout" in done.stderr


def test_a_full_cache_only_costs_time(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code that can't be kept is said, and the run goes on."""
    monkeypatch.setenv("HURACAN_CACHE", str(tmp_path / "cache"))

    def few() -> None:  # the stub has room, its machine code has not
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = [sys.executable, "-c", "import huracan, sys; print(huracan.backtest(sys.argv[1]).figures['bars'])"]
    done = subprocess.run([*command, str(files / "run.toml")], capture_output=True, text=True, preexec_fn=few)
    assert f"compiled code could not be kept in {tmp_path / 'cache'}: File too large" in done.stderr
    assert (done.returncode, done.stdout) == (0, "3000\n")


def test_with_room_again_it_goes_on(disk: Disk, files: Path) -> None:
    disk.empty()
    if disk.before is None:
        words = ("data", "import", str(files / "bars.csv"), "--store", str(disk.folder / "store"), "--symbol", "A/B")
        assert disk.run(*words).returncode == 0
        assert read(disk.folder / "store", SERIES).num_rows == 5050
