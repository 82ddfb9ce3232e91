"""Sweeps over order books: the same rows however they were dealt out, stopped or asked for again one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import huracan
from huracan import cli, sweeping
from huracan.rerun import rerun_row
from huracan.sim.refusal import Refused
from huracan.sim.sweep_result import load_sweep
from huracan.sweep_blocks import Deal

SPEC: dict[str, Any] = {
    "run": {"seed": 3, "sample": "1s"},
    "data": {"synthetic": "book", "seconds": 30.0},
    "venue": {"queue": "power:2", "latency_ms": {"entry": 10.0, "response": 10.0}},
    "strategy": {"use": "touch_maker", "params": {"half_ticks": 1}},
}
SWEEP: dict[str, Any] = {
    "half_ticks": [0, 2],
    "step_ms": [50.0, 125.0],
    "venue.queue": ["risk_averse", "log"],
    "venue.fee_maker_bps": [-1.0, 2.0],
}


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))


def rows_of(folder: Path) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    return dict(pq.read_table(folder / "sweep.parquet").to_pydict())


def test_rows_are_backtests_and_don_t_depend_on_blocks_or_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {**SPEC, "sweep": SWEEP}
    whole = huracan.sweep(spec, out=tmp_path / "whole")
    assert whole.sets == 16
    columns = {name: np.asarray(column) for name, column in whole.columns.items()}
    assert (columns["fills"] > 20).all()
    worth = columns["final_equity"].reshape(2, 2, 2, 2)  # in the order of the keys, each of which makes a difference
    assert all((np.diff(worth, axis=axis) != 0.0).any() for axis in range(4))
    assert (columns["bars"] == 30).all()

    monkeypatch.setattr(sweeping, "deal_for", lambda *_: Deal(3, 100))
    monkeypatch.setenv("HURACAN_THREADS", "1")

    def interrupt(done: int, total: int) -> None:
        if done >= 6:
            raise KeyboardInterrupt

    part = huracan.sweep(spec, out=tmp_path / "parts", progress=interrupt)
    assert 0 < part.sets < 16
    with pytest.raises(Refused, match="unfinished sweep"):
        huracan.sweep(spec, out=tmp_path / "parts")
    huracan.sweep(spec, out=tmp_path / "parts", resume=True)
    assert repr(rows_of(tmp_path / "parts")) == repr(rows_of(tmp_path / "whole"))

    swept = load_sweep(tmp_path / "whole")
    for row in (0, 7, 13):
        again = rerun_row(tmp_path / "whole" / "sweep.parquet", row).figures
        found = swept.row(row)
        for name in ("final_equity", "sharpe", "fills", "fees", "orders", "max_drawdown", "bars", "turnover"):
            assert again[name] == found[name], (row, name)


@pytest.mark.parametrize("entries", [[80.0, 400.0], [400.0, 80.0]])
def test_a_swept_latency_is_drawn_as_the_spec_says(entries: list[float]) -> None:
    """The first set is the run of a spec that has its value written down, spread included; without it, another."""
    drawn = {"response": 4.0, "entry_sigma": 1.0, "response_sigma": 0.4}
    swept = {**SPEC, "venue": {"latency_ms": {"entry": 1.0, **drawn}}, "sweep": {"venue.latency_ms.entry": entries}}
    row = huracan.sweep(swept).row(0)

    def alone(**late: float) -> list[float]:
        figures = huracan.backtest({**SPEC, "venue": {"latency_ms": {"entry": entries[0], **late}}}).figures
        return [figures[name] for name in ("final_equity", "fills", "fees")]

    found = [row[name] for name in ("final_equity", "fills", "fees")]
    assert found[1] > 20
    assert found == alone(**drawn)
    assert found != alone(response=4.0)


def test_the_commands_say_what_would_run_and_write_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "books.toml"
    file.write_text(
        '[run]\nsample = "1s"\n[data]\nsynthetic = "book"\nseconds = 20\n[venue]\nqueue = "log"\n'
        '[strategy]\nuse = "touch_maker"\n[sweep]\nhalf_ticks = [0, 1, 2]\n'
    )
    assert cli.main(["sweep", str(file), "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["sets"] == 3
    assert plan["events"] > 1000
    assert plan["nanoseconds_an_event_and_set"] > 0
    assert plan["memory_bytes"] > 1e8
    assert cli.main(["sweep", str(file), "--out", str(tmp_path / "o"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sets"] == 3
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == ["report.html", "sweep.json", "sweep.parquet"]


@pytest.mark.parametrize(
    ("key", "values", "match"),
    [
        ("half_tick", [1, 2], "no parameter"),
        ("step_ms", [0.0, 1.0], "step_ms"),
        ("venue.queue", ["fifo"], "no queue model"),
    ],
)
def test_what_can_t_be_swept_is_refused_by_name(key: str, values: list[Any], match: str) -> None:
    with pytest.raises(Refused, match=match):
        huracan.sweep({**SPEC, "sweep": {key: values}})
