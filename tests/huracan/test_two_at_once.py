"""Two sweeps into one folder at once: the second is refused, and the first goes on; a dead one is no other."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import huracan
from huracan import cli, run
from huracan.sim.refusal import Refused

fcntl = pytest.importorskip("fcntl")

SPEC = """[data]
synthetic = "regimes"
bars = {bars}
[strategy]
use = "sma_cross"
[sweep]
fast = {{ from = 2, to = {last}, step = 1 }}
"""
LAST = 11


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials are counted in a store of the test's own."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(SPEC.format(bars=2000, last=LAST))
    return path


def started(spec: Path, out: Path) -> subprocess.Popen[bytes]:
    """A sweep in a process of its own that has begun to write."""
    spec.write_text(SPEC.format(bars=200_000, last=3000))
    code = "import sys; from huracan.cli import main; sys.exit(main())"
    process = subprocess.Popen([sys.executable, "-c", code, "sweep", str(spec), "--out", str(out)])
    until = time.monotonic() + 60.0
    while not (out / "checkpoint" / "checkpoint.json").is_file() and time.monotonic() < until:
        time.sleep(0.05)
    return process


def test_the_second_is_refused_until_the_first_is_killed(
    tmp_path: Path, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o"
    process = started(tmp_path / "long.toml", out)
    try:
        for more in ([], ["--resume"]):
            assert cli.main(["sweep", str(short), "--out", str(out), *more]) == 2
            assert "another sweep is writing into this folder" in capsys.readouterr().err
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert cli.main(["sweep", str(short), "--out", str(out)]) == 2
        assert "an unfinished sweep is in the folder" in capsys.readouterr().err
    finally:
        process.kill()
        process.wait()


def test_one_after_another_and_no_file_is_left(tmp_path: Path, short: Path) -> None:
    out = tmp_path / "o"
    for resume in (False, False, True):
        assert huracan.sweep(short, out=out, resume=resume).sets == LAST - 1
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "sweep.json", "sweep.parquet"]


def test_a_refused_sweep_leaves_no_folder(tmp_path: Path) -> None:
    spec: dict[str, Any] = {"data": {"synthetic": "regimes", "bars": 99}, "strategy": {"use": "sma_cross"}}
    with pytest.raises(Refused):
        huracan.sweep({**spec, "sweep": {"nothing": [1, 2]}}, out=tmp_path / "o" / "deep")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_sweeps_go_on(
    tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    run.sweep(short, out=tmp_path / "o")
    assert json.loads((tmp_path / "o" / "sweep.json").read_text())["sets"] == LAST - 1
