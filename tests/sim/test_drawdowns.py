"""Drawdowns follow from the column of equity, where executions come after the marks of their row too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import huracan

USERS = '''
"""Leaves at its best."""
from huracan import buy, close, highest, lowest, param, size, strategy


@strategy(
    params=dict(fast=param(20, 2, 200), slow=param(50, 2, 200)),
    features=dict(low=lowest("slow"), top=highest("fast")),
)
def at_the_top(ctx):
    """Bought where the price is low, sold where it is higher than of late: a peak, until it has cost its fee."""
    if ctx.pos.qty == 0.0 and ctx.bar.close <= ctx.f1.low:
        buy(ctx, size(ctx, 0.0, 0.9))
    elif ctx.pos.qty > 0.0 and ctx.bar.close >= ctx.f1.top:
        close(ctx)
'''
SPEC: dict[str, Any] = {
    "data": {"synthetic": "regimes", "bars": 3000, "symbols": ["ETH/USDT"]},
    "run": {"seed": 3},
    "account": {"cash": 3_000.0},
    "venue": {"market_fill": "close", "fee_taker_bps": 20.0, "half_spread_bps": 5.0},
    "sweep": {"fast": [3, 8, 20, 55], "slow": [5, 13, 34, 89]},
}


def from_equity(result: Any) -> float:
    """The deepest drawdown, as it is defined."""
    equity = np.concatenate([[SPEC["account"]["cash"]], result.equity["equity"].to_numpy()])
    return float((equity / np.maximum.accumulate(equity) - 1.0).min())


@pytest.mark.parametrize("vector", ["never", "always"])
def test_the_deepest_drawdown_follows_from_equity_at_the_close(
    vector: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path))
    monkeypatch.setenv("HURACAN_VECTOR", vector)
    (tmp_path / "users.py").write_text(USERS)
    use = f"{tmp_path / 'users.py'}:at_the_top"
    swept = huracan.sweep(SPEC | {"strategy": {"use": use}})
    assert swept.columns["fills"].sum() > 500
    for row in range(len(swept.columns["max_drawdown"])):
        values = {name: int(swept.params[name][row]) for name in ("fast", "slow")}
        spec = {k: v for k, v in SPEC.items() if k != "sweep"} | {"strategy": {"use": use, "params": values}}
        one = huracan.backtest(spec)
        assert one.figures["max_drawdown"] == swept.columns["max_drawdown"][row]
        assert one.figures["max_drawdown"] == pytest.approx(from_equity(one), abs=1e-13)
        shown = one.equity["drawdown"].to_numpy()
        equity = one.equity["equity"].to_numpy()
        peak = np.maximum(np.maximum.accumulate(equity), SPEC["account"]["cash"])
        np.testing.assert_allclose(shown, (equity - peak) / peak, atol=1e-13)
