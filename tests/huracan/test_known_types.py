"""Pieces after a block's first are handed to the compiled code as they are, so all must be of the first one's types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba import config

import huracan
from huracan import machine, sweeping
from huracan.sim import chunks
from huracan.sim.linker import without_types
from huracan.sweep_blocks import Deal

if config.DISABLE_JIT:
    pytest.skip("nothing is compiled", allow_module_level=True)

BARS = 1500
Call = tuple[Any, Any, tuple[Any, ...]]
CROSS = {"use": "sma_cross", "params": {"fast": 5, "slow": 20}}
REVERSION = {"use": "bracket_reversion", "params": {"window": 20}}
CASES: dict[str, dict[str, Any]] = {
    "spot": {"data": {"symbol": "ETH/USDT"}, "strategy": CROSS},
    "funding": {"data": {"symbol": "ETH/USDT:USDT"}, "strategy": CROSS, "account": {"leverage": 3.0}},
    "costs": {
        "data": {"symbol": "ETH/USDT"},
        "strategy": CROSS,
        "venue": {"impact": {"model": "sqrt", "coefficient": 1.0, "window": 50}},
    },
    "resting": {"data": {"symbol": "ETH/USDT:USDT"}, "strategy": REVERSION},
    "reports": {"data": {"symbol": "ETH/USDT"}, "strategy": CROSS, "venue": {"latency_ms": {"response": 90_000}}},
    "two": {"data": {"symbols": ["ETH/USDT:USDT", "BTC/USDT:USDT"]}, "strategy": CROSS},
    "gated": {"data": {"symbol": "ETH/USDT"}, "strategy": CROSS, "gates": [{"use": "calm"}]},
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Call]:
    """Of every call the block it is for, what is called, and the types of what it is given."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HURACAN_THREADS", "1")
    monkeypatch.setattr(machine, "ready_rows", lambda _: 300)
    monkeypatch.setattr(machine, "piece_rows", lambda *_: 128)
    found: list[Call] = []
    run = machine.run_lanes

    def noted(call: Any, block: Any, read: Any, rec: Any, rows: Any, lo: int, hi: int) -> int:
        given = (*read, block.lanes, *block.gates, rec, lo, hi, *rows)
        found.append((block, call, tuple(numba.typeof(each) for each in given)))
        return run(call, block, read, rec, rows, lo, hi)

    monkeypatch.setattr(machine, "run_lanes", noted)
    return found


def checked(calls: list[Call]) -> None:
    for block in {id(block): block for block, _, _ in calls}.values():
        made = [(call, types) for each, call, types in calls if each is block]
        assert len(made) > 5
        assert len({types for _, types in made}) == 1
        assert hasattr(made[0][0], "overloads")  # the dispatcher finds out the types of the first
        assert not any(hasattr(call, "overloads") for call, _ in made[1:])


@pytest.mark.parametrize("vector", ["always", "never"])
@pytest.mark.parametrize("name", CASES)
def test_all_pieces_of_a_block_have_the_types_of_the_first(
    name: str, vector: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its own chunks, and where some are shared and some not."""
    monkeypatch.setenv("HURACAN_VECTOR", vector)
    case = CASES[name]
    swept = "window" if case["strategy"] is REVERSION else "slow"
    spec = case | {"run": {"seed": 3}, "data": {"synthetic": "regimes", "bars": BARS} | case["data"]}
    spec |= {"sweep": {swept: list(range(30, 60))}}
    result = huracan.sweep(spec)
    assert np.isfinite(result.columns["equity_end" if "equity_end" in result.columns else "total_return"]).all()
    checked(calls)
    calls.clear()
    monkeypatch.setattr(sweeping, "deal_for", lambda *_: Deal(4, 100))  # many blocks, which read the same chunks
    monkeypatch.setattr(chunks, "KEPT_BYTES", 200_000)
    again = huracan.sweep(spec)
    assert again.columns["total_return"].tobytes() == result.columns["total_return"].tobytes()
    checked(calls)


def test_an_entry_for_two_kinds_of_arguments_is_called_as_it_is() -> None:
    """And one that nothing has called yet."""
    twice = numba.njit(lambda x: x + x)
    assert without_types(twice) is twice
    assert twice(3) == 6
    assert without_types(twice)(4) == 8
    assert twice(1.5) == 3.0
    assert without_types(twice) is twice
