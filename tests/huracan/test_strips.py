"""Law 2 where several threads run the lanes of one block: the same bytes, each lane in one strip, no fault lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import huracan
from huracan import machine, sweeping
from huracan.sim.strips import LEAST, Round, Strips
from huracan.sim.sweep_result import SweepResult, load_sweep
from huracan.sweep_blocks import Deal

SPEC: dict[str, Any] = {
    "data": {"synthetic": "regimes", "bars": 1500, "symbols": ["ETH/USDT"]},
    "run": {"seed": 3},
    "strategy": {"use": "sma_cross", "params": {"qty": 1.0}},
    "sweep": {"fast": {"from": 3, "to": 22, "step": 1}, "slow": [30, 40, 50, 60, 70]},
}


def swept(monkeypatch: pytest.MonkeyPatch, threads: int, lanes: int, **more: Any) -> SweepResult:
    monkeypatch.setenv("HURACAN_THREADS", str(threads))
    monkeypatch.setattr(sweeping, "deal_for", lambda *_: Deal(lanes, 100))
    return huracan.sweep(SPEC, **more)


@pytest.fixture
def takers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many calls of the machine each thread makes; slow ones, so that others have time to come."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(machine, "ready_rows", lambda _: 512)
    monkeypatch.setattr(machine, "piece_rows", lambda *_: 128)
    found: Counter[str] = Counter()
    run = machine.run_lanes

    def counted(*args: Any) -> int:
        found[threading.current_thread().name] += 1
        time.sleep(0.002)
        return run(*args)

    monkeypatch.setattr(machine, "run_lanes", counted)
    return found


@pytest.mark.parametrize("vector", ["always", "never"])
@pytest.mark.parametrize(("threads", "lanes"), [(3, 100), (2, 100)])
def test_threads_without_a_block_help_and_nothing_changes(
    vector: str, threads: int, lanes: int, takers: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HURACAN_VECTOR", vector)
    alone = swept(monkeypatch, 1, 100)
    assert len(takers) == 1
    takers.clear()
    helped = swept(monkeypatch, threads, lanes)
    assert len(takers) == threads  # of which some have no block of their own, or a short one
    assert min(takers.values()) > 3
    for name in alone.columns:
        assert alone.columns[name].tobytes() == helped.columns[name].tobytes(), name


def test_a_sweep_with_helpers_stops_and_goes_on(
    tmp_path: Path, takers: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = swept(monkeypatch, 1, 100)

    def stop(done: int, total: int) -> None:
        if done >= 75:
            raise KeyboardInterrupt

    monkeypatch.setattr(sweeping, "TICK_S", 0.001)
    part = swept(monkeypatch, 4, 50, out=tmp_path / "o", progress=stop)
    assert part.sets in (0, 50, 100)
    swept(monkeypatch, 4, 50, out=tmp_path / "o", resume=True)
    whole = load_sweep(tmp_path / "o")
    assert all(alone.columns[name].tobytes() == whole.columns[name].tobytes() for name in alone.columns)


def test_a_fault_in_a_block_frees_those_who_wait_to_help(takers: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run = machine.run_lanes

    def fails(*args: Any) -> int:
        if sum(takers.values()) > 6:
            raise OSError("gone")
        return run(*args)

    monkeypatch.setattr(machine, "run_lanes", fails)
    with pytest.raises(OSError, match="gone"):
        swept(monkeypatch, 3, 100)
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


def helpers(strips: Strips, count: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=strips.help) for _ in range(count)]
    for each in threads:
        each.start()
    while strips.idle < count:
        time.sleep(0.001)
    return threads


def helped(count: int, run: Callable[[Strips, int], None]) -> None:
    """`run` over some rounds of one block, with so many that help."""
    strips = Strips()
    strips.more()
    threads = helpers(strips, count)
    try:
        for lanes in (1, 15, 16, 17, 100, 1000):
            run(strips, lanes)
            assert not strips.rounds
    finally:
        strips.ended()
        for each in threads:
            each.join(5.0)
    assert not any(each.is_alive() for each in threads)
    assert strips.idle == 0


@pytest.mark.parametrize("count", [0, 1, 5])
def test_each_lane_is_in_one_strip_and_all_are_done_when_the_round_ends(count: int) -> None:
    def one(strips: Strips, lanes: int) -> None:
        done: Counter[int] = Counter()

        def run(lo: int, hi: int) -> None:
            time.sleep(0.0005)
            done.update(range(lo, hi))

        strips.over(run, lanes)
        assert done == dict.fromkeys(range(lanes), 1)

    helped(count, one)


@pytest.mark.parametrize("bad", [0, 400, 999])
def test_a_fault_in_a_strip_is_the_blocks_whoever_ran_it(bad: int) -> None:
    def one(strips: Strips, lanes: int) -> None:
        under_way: set[int] = set()

        def run(lo: int, hi: int) -> None:
            under_way.add(lo)
            time.sleep(0.001)
            under_way.remove(lo)
            if lo <= bad < hi:
                raise ValueError(f"lane {bad}")

        if bad < lanes:
            with pytest.raises(ValueError, match=f"lane {bad}"):
                strips.over(run, lanes)
        else:
            strips.over(run, lanes)
        assert not under_way  # nobody writes to lanes of a block that was given up

    helped(3, one)


def test_strips_become_short_near_the_end_only_if_somebody_is_idle() -> None:
    def cuts(idle: int, asked: int = 1) -> list[int]:
        strips, some = Strips(idle=idle), Round(lambda lo, hi: None, 500, asked)
        found = []
        while some.begun < some.lanes:
            lo, hi = strips._cut(some)
            found.append(hi - lo)
        return found

    assert cuts(0) == [500]
    assert cuts(0, 2) == [250, 250]
    assert cuts(0, 3) == [167, 167, 166]
    assert cuts(1)[:3] == [125, 93, 70]
    assert max(cuts(1)[-3:]) == LEAST
