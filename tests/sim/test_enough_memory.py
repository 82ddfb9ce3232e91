"""Runs that memory has no room for are refused before they begin, by name, with how much they want."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import huracan
from huracan import cli
from huracan.sim import enough_memory
from huracan.sim.enough_memory import free_bytes, need
from huracan.sim.refusal import Refused

SPEC: dict[str, Any] = {
    "data": {"synthetic": "regimes", "bars": 200},
    "strategy": {"use": "sma_cross", "params": {"fast": 3, "slow": 9}},
}


def room_for(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """A machine with so many bytes free, on which nothing is too little to be asked about."""
    monkeypatch.setattr(enough_memory, "free_bytes", lambda: size)
    monkeypatch.setattr(enough_memory, "LITTLE", 0)


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> int | None:
    """What is free where the kernel says this."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(enough_memory, "MEMINFO", folder / "meminfo")
    monkeypatch.setattr(enough_memory, "GROUPS", folder)
    return free_bytes()


MACHINE = {"meminfo": "MemTotal: 9000 kB\nMemAvailable:    4000 kB\nSwapFree: 1000 kB\n"}
BOX = {"memory.max": "3000000\n", "memory.current": "2500000\n", "memory.stat": "anon 1\nfile 400000\n"}
OLD = {
    "memory/memory.limit_in_bytes": "2000000\n",
    "memory/memory.usage_in_bytes": "1500000\n",
    "memory/memory.stat": "total_cache 300000\n",
}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        (MACHINE, 5000 * 1024),  # with the swap
        (MACHINE | BOX, 3_000_000 - 2_500_000 + 400_000),  # pages of files can be given up
        (MACHINE | OLD, 2_000_000 - 1_500_000 + 300_000),
        (MACHINE | BOX | {"memory.max": "max\n"}, 5000 * 1024),
    ],
)
def test_what_is_free_is_the_least_of_what_is_told(
    files: dict[str, str], free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(tmp_path, monkeypatch, files) == free


def test_where_nobody_says_the_whole_machine_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(tmp_path, monkeypatch, {}) == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_a_limit_of_the_process_counts() -> None:
    """In a process of its own: a limit can't be taken back."""
    code = (
        "import resource; from huracan.sim.enough_memory import free_bytes;"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)); print(free_bytes())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(run.stdout) < 4 << 30


def test_a_need_says_how_much_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    room_for(monkeypatch, 1_000_000_000)
    need(999_999_999, "these", where="here", fix="ask for less")
    with pytest.raises(
        Refused, match=r"these want about 2 GB of memory, and 1 GB are free \(at here\)\. To mend it: ask"
    ):
        need(2e9, "these", where="here", fix="ask for less")


def test_what_has_room_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    room_for(monkeypatch, 10_000_000)
    swept = SPEC | {"sweep": {"fast": [2, 3]}}
    assert huracan.backtest(SPEC).figures["bars"] == 200
    assert huracan.sweep(swept).figures["sets"] == 2


@pytest.mark.parametrize(
    ("free", "more", "says"),
    [
        (50_000, {}, "200 synthetic bars want about 58 kB of memory"),
        (
            400_000,
            {"data": {"synthetic": "regimes", "bars": 200, "assets": 50}},
            "200 synthetic bars of 50 instruments",
        ),
        (
            90_000,
            {"run": {"order_slots": 62}, "data": {"synthetic": "regimes", "bars": 60, "assets": 6}},
            "order_slots",
        ),
    ],
)
def test_a_backtest_without_room_is_refused(
    free: int, more: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_for(monkeypatch, free)
    with pytest.raises(Refused, match=says):
        huracan.backtest(SPEC | more)


def test_a_sweep_in_memory_without_room_is_told_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = SPEC | {"sweep": {"fast": {"from": 2, "to": 301, "step": 1}}, "run": {"order_slots": 1}}
    room_for(monkeypatch, 200_000)
    with pytest.raises(Refused, match=r"300 parameter sets in memory want about 360 kB.*give a folder"):
        huracan.sweep(swept)
    with pytest.raises(Refused, match="values of the swept keys"):
        huracan.sweep(swept | {"sweep": {"fast": {"from": 2, "to": 30_000, "step": 1}}})


def test_bars_beyond_any_memory_are_refused_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "s.toml"
    spec.write_text(
        '[data]\nsynthetic = "regimes"\nbars = 7_000_000_000\ntimeframe = "1s"\n[strategy]\nuse = "sma_cross"\n'
    )
    assert cli.main(["backtest", str(spec), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "7,000,000,000 synthetic bars want about 2.03 TB of memory" in said
    assert "[data] bars" in said
    assert "To mend it: ask for fewer bars" in said
    assert not (tmp_path / "out").exists()


def test_order_books_beyond_any_memory_are_refused() -> None:
    with pytest.raises(Refused, match=r"10,000,000 seconds of a synthetic order book want about 450 GB of memory"):
        huracan.backtest({"data": {"synthetic": "book", "seconds": 1e7}, "strategy": {"use": "touch_maker"}})


def test_reports_that_no_address_can_count_are_refused() -> None:
    from huracan.sim.lanes import report_records

    with pytest.raises(Refused, match="reports under way want up to"):
        report_records(1, 2**60)
