"""Law 1 inside a piece: over how many rows all lanes run before they go on to the next ones changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from huracan.sim import stub_code
from huracan.sim.linker import link_once
from huracan.spec import load_spec
from huracan.sweep_job import prepare
from huracan.sweep_parts import Part
from huracan.sweeping import run_part

SPEC: dict[str, Any] = {
    "data": {"synthetic": "regimes", "bars": 3000, "timeframe": "15m"},
    "run": {"seed": 5},
    "venue": {"fee_taker_bps": 5.0},
    "strategy": {"use": "sma_cross", "params": {"fraction": 0.5}},
    "sweep": {"fast": [3, 5, 8], "slow": [13, 21, 34]},
}


def swept(symbols: list[str], at_close: bool) -> Part:
    venue = {"market_fill": "close"} if at_close else {}
    spec = SPEC | {"data": SPEC["data"] | {"symbols": symbols}, "venue": SPEC["venue"] | venue}
    link_once.cache_clear()  # it takes the rows at once for granted
    job = prepare(load_spec(spec))
    assert len(job.cuts) > 25
    return run_part(job, np.arange(len(job.sets)))


@pytest.mark.parametrize(
    ("vector", "symbols", "at_close"),
    [("always", ["ETH/USDT"], False), ("never", ["ETH/USDT"], True), ("never", ["ETH/USDT", "BTC/USDT"], False)],
)
def test_rows_at_once(vector: str, symbols: list[str], at_close: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HURACAN_VECTOR", vector)
    whole = swept(symbols, at_close)
    assert whole.columns["fills"].min() > 20
    monkeypatch.setattr(stub_code, "ROWS_AT_ONCE", 37)  # of pieces of a few thousand rows, and days of 96
    try:
        cut = swept(symbols, at_close)
    finally:
        link_once.cache_clear()
    for name, column in whole.columns.items():
        assert column.tobytes() == cut.columns[name].tobytes(), name
    assert whole.returns.rows.tobytes() == cut.returns.rows.tobytes()
