"""Costs that are to come from the data: refused or named where the data has nothing to take them from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import huracan
from huracan import cli
from huracan.sim.refusal import Refused


def bars_file(folder: Path, **more: Any) -> Path:
    n = 400
    close = 100.0 + np.sin(np.arange(n) / 7.0)
    columns = {"open": close, "high": close + 0.1, "low": close - 0.1, "close": close, **more}
    frame = pd.DataFrame({"ts": pd.date_range("2024-01-01", periods=n, freq="1min", tz="UTC"), **columns})
    frame.to_csv(folder / "ETH-USDT.csv", index=False)
    return folder / "ETH-USDT.csv"


def spec(path: Path, data: dict[str, Any] | None = None, **venue: Any) -> dict[str, Any]:
    crosses = {"use": "sma_cross", "params": {"fast": 3, "slow": 9, "qty": 1.0}}
    return {"data": {"file": str(path), "timeframe": "1m", **(data or {})}, "strategy": crosses, "venue": venue}


def test_a_spread_that_is_not_in_the_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = bars_file(tmp_path, volume=1000.0)
    with pytest.raises(Refused, match="has no spread") as refused:
        huracan.backtest(spec(path, half_spread_bps="data"))
    assert refused.value.where == "venue.half_spread_bps"
    with pytest.raises(Refused, match="has no spread"):
        huracan.sweep({**spec(path), "sweep": {"venue.half_spread_bps": ["data"]}})
    (tmp_path / "s.toml").write_text(
        f'[data]\nfile = "{path}"\ntimeframe = "1m"\n[strategy]\nuse = "sma_cross"\n[venue]\nhalf_spread_bps = "data"\n'
    )
    assert cli.main(["backtest", str(tmp_path / "s.toml"), "--out", str(tmp_path / "o")]) == 2
    assert "s.toml, line 7: venue.half_spread_bps" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_spread_of_the_data_is_paid(tmp_path: Path) -> None:
    given = huracan.backtest(spec(bars_file(tmp_path, volume=1000.0), {"half_spread_bps": 3.0}, half_spread_bps="data"))
    column = huracan.backtest(spec(bars_file(tmp_path, volume=1000.0, half_spread_bps=3.0), half_spread_bps="data"))
    number = huracan.backtest(spec(bars_file(tmp_path, volume=1000.0), half_spread_bps=3.0))
    assert given.figures["spread"] == column.figures["spread"] == pytest.approx(number.figures["spread"])
    assert number.figures["spread"] > 0.0


@pytest.mark.parametrize("cost", [{"impact": 0.5}, {"slippage_bps": {"model": "vol_volume", "base_bps": 1.0}}])
def test_costs_that_want_a_volume_are_named_where_there_is_none(tmp_path: Path, cost: dict[str, Any]) -> None:
    without = huracan.backtest(spec(bars_file(tmp_path), **cost))
    assert without.about.repairs["costs_without_volume"] == 1
    assert "costs_without_volume" not in huracan.backtest(spec(bars_file(tmp_path))).about.repairs
    beside = huracan.backtest(spec(bars_file(tmp_path, volume=1000.0), **cost))
    assert "costs_without_volume" not in beside.about.repairs


def test_what_is_to_be_a_list_says_how_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="gates must be a list") as refused:
        huracan.backtest({**spec(bars_file(tmp_path)), "gates": {"use": "calm"}})
    assert refused.value.fix.startswith("write [[gates]]")
