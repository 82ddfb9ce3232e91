"""Law 2 where blocks read the same chunks: the same bytes, each chunk made once, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import huracan
from huracan import machine, sweeping
from huracan.load import load_tape
from huracan.machine import build, pieces
from huracan.sim import chunks
from huracan.sim.chunks import Chunks, chunks_for, row_bytes
from huracan.sim.sweep_result import SweepResult, load_sweep
from huracan.spec import load_spec
from huracan.sweep_blocks import Deal

ROWS, READY = 1500, 256
SPEC: dict[str, Any] = {
    "data": {"synthetic": "regimes", "bars": ROWS, "symbols": ["ETH/USDT"]},
    "run": {"seed": 3},
    "strategy": {"use": "sma_cross", "params": {"qty": 1.0}},
    "sweep": {"fast": {"from": 3, "to": 12, "step": 1}, "slow": [20, 30]},
}
FIRSTS = range(0, ROWS, READY)


@pytest.fixture(autouse=True)
def short_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HURACAN_VECTOR", "always")
    monkeypatch.setattr(machine, "ready_rows", lambda _: READY)
    monkeypatch.setattr(machine, "piece_rows", lambda *_: 100)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How often each chunk is made ready."""
    found: Counter[int] = Counter()
    make = machine.chunk

    def counted(tape: Any, lo: int, hi: int, **more: Any) -> Any:
        found[lo] += 1
        time.sleep(0.002)  # so that others come while it is made
        return make(tape, lo, hi, **more)

    monkeypatch.setattr(machine, "chunk", counted)
    return found


def swept(monkeypatch: pytest.MonkeyPatch, threads: int, lanes: int, **more: Any) -> SweepResult:
    monkeypatch.setenv("HURACAN_THREADS", str(threads))
    monkeypatch.setattr(sweeping, "deal_for", lambda *_: Deal(lanes, 100))
    return huracan.sweep(SPEC, **more)


def same(one: SweepResult, other: SweepResult) -> None:
    assert list(one.columns) == list(other.columns)
    for name in one.columns:
        assert one.columns[name].tobytes() == other.columns[name].tobytes(), name


@pytest.mark.parametrize("threads", [1, 3])
def test_a_chunk_is_made_once_for_all_blocks(threads: int, made: Counter[int], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = swept(monkeypatch, 1, 20)
    assert made == dict.fromkeys(FIRSTS, 1)
    made.clear()
    same(swept(monkeypatch, threads, 2), alone)
    assert made == dict.fromkeys(FIRSTS, 1)  # for all of some ten blocks


@pytest.mark.parametrize("threads", [1, 3])
def test_of_a_long_tape_only_the_first_rows_are_kept(
    threads: int, made: Counter[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = swept(monkeypatch, 1, 20)
    tape = load_tape(load_spec(SPEC))
    monkeypatch.setattr(chunks, "KEPT_BYTES", 2 * READY * row_bytes(tape) + 9)
    made.clear()
    same(swept(monkeypatch, threads, 2), alone)
    blocks = made[FIRSTS[-1]]
    assert blocks >= 10
    assert made == {lo: 1 if lo < 2 * READY else blocks for lo in FIRSTS}


def test_what_is_kept_is_no_more_than_the_bound() -> None:
    tape = load_tape(load_spec(SPEC))
    kept = chunks_for(tape)
    assert kept.rows > 200_000
    one = build(load_spec(SPEC), tape, record=False)
    for _ in pieces(one, READY, 128, False, kept):
        pass
    views = [each.result() for each in kept.made.values()]
    assert len(views) == len(FIRSTS)
    held = sum(
        np.asarray(a).nbytes for view in views for a in (view.rows, view.bars, view.lines, view.costs, view.spans)
    )
    assert 0.8 < held / (ROWS * row_bytes(tape)) < 1.1


def test_few_blocks_keep_nothing(made: Counter[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that nobody had yet takes longer to be given out than a chunk takes to be made."""
    swept(monkeypatch, 2, 10)
    assert made == dict.fromkeys(FIRSTS, 2)


def test_a_sweep_that_was_stopped_in_the_middle_of_blocks(
    tmp_path: Path, made: Counter[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = swept(monkeypatch, 1, 20)

    def stop(done: int, total: int) -> None:
        if done >= 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(sweeping, "TICK_S", 0.001)
    part = swept(monkeypatch, 3, 2, out=tmp_path / "o", progress=stop)
    assert part.sets < part.planned == 20  # type: ignore[operator]
    swept(monkeypatch, 2, 2, out=tmp_path / "o", resume=True)
    same(load_sweep(tmp_path / "o"), alone)


def test_who_waits_for_a_chunk_that_fails_is_told_and_the_next_tries_again() -> None:
    kept, here, told = Chunks(100), threading.Event(), []

    def fails() -> Any:
        here.set()
        time.sleep(0.05)
        raise OSError("gone")

    def ask(make: Any) -> None:
        try:
            told.append(kept.get(0, False, make))
        except OSError as error:
            told.append(str(error))

    first = threading.Thread(target=ask, args=(fails,))
    first.start()
    here.wait()
    second = threading.Thread(target=ask, args=(lambda: "never asked",))
    second.start()
    first.join()
    second.join()
    assert told == ["gone", "gone"]
    ask(lambda: "made")
    ask(lambda: "never asked")
    assert told[2:] == ["made", "made"]
