"""Bars need not begin on the minute: the grid of samples stands on the bars, and the figures are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from huracan.run import backtest

FIGURES = ("final_equity", "sharpe", "sharpe_daily", "volatility", "max_drawdown", "exposure", "bars")


def figures_of(folder: Path, first_ms: int) -> dict[str, object]:
    """A few days of 15-minute bars from `first_ms` on."""
    rng = np.random.default_rng(5)
    close = 100.0 * np.cumprod(1.0 + rng.normal(0.0, 0.002, 500))
    lines = ["time,open,high,low,close,volume"]
    for i, c in enumerate(np.round(close, 2)):
        lines.append(f"{first_ms + i * 900_000},{c},{c + 0.5:.2f},{c - 0.5:.2f},{c},10000")
    path = folder / f"{first_ms}.csv"
    path.write_text("\n".join(lines) + "\n")
    spec = {
        "data": {"file": str(path), "symbol": "A/USDT", "timeframe": "15m"},
        "account": {"cash": 10_000.0},
        "run": {"sample": "1h"},
        "strategy": {"use": "buy_and_hold", "params": {"fraction": 0.9}},
    }
    return dict(backtest(spec).figures)


def test_a_shift_within_the_minute_changes_no_figure(tmp_path: Path) -> None:
    straight, shifted = figures_of(tmp_path, 1_700_006_400_000), figures_of(tmp_path, 1_700_006_420_000)
    assert straight["sharpe"] is not None
    assert straight["sharpe_daily"] is not None
    for name in FIGURES:
        assert shifted[name] == pytest.approx(straight[name], rel=1e-12), name
