"""Law 2 where sweeps run through stretches of calm rows: the same bytes as row by row, whatever interrupts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from huracan.law_runs import whole
from huracan.laws import builds_dont_matter, happened
from huracan.load import load_tape
from huracan.machine import build, record_run
from huracan.sim.layout import Calm
from huracan.sim.tape import chunk
from huracan.spec import load_spec, with_values
from huracan.sweeping import sweep_run
from tests.laws.cases import HAPPENED, SEEDS, case, enough, sweep_build

HOUR = 3600 * 10**9
DAYS = 70  # so many that a sweep looks at equity once a day only, and not between


def test_a_sweep_of_any_list_of_orders_is_its_runs() -> None:
    did = dict.fromkeys(HAPPENED, 0)
    for seed in range(max(len(SEEDS), 20)):
        trial = case(seed, lanes=2).trial()
        n = len(trial.tape.series)
        quick = sweep_build(n)
        assert not [f for f in builds_dont_matter(trial, quick, "a sweep's build") if not f.ok]
        if n == 1:
            ahead = sweep_build(n, ahead=True)
            assert not [f for f in builds_dont_matter(trial, ahead, "a build that looks ahead") if not f.ok]
        for name, n in happened(whole(replace(trial, linked=quick))).items():
            did[name] = did.get(name, 0) + n
    assert enough(did, 20, *HAPPENED), did


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hours; now and then one is missing, five are around a midnight, and five around a noon."""
    rng = np.random.default_rng(11)
    n = 24 * DAYS
    keep = rng.random(n) > 0.005
    for hour in (24 * 20, 24 * 30 + 12):
        keep[hour - 3 : hour + 2] = False
    close = 100.0 + 0.01 * np.round(np.cumsum(rng.normal(0.0, 6.0, n)))
    opens = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opens, close) + 0.02, np.minimum(opens, close) - 0.02
    path = tmp_path_factory.mktemp("gaps") / "bars.csv"
    start = 1_700_006_400_000 // 86_400_000 * 86_400_000
    lines = [
        f"{start + 3_600_000 * i},{opens[i]:.2f},{high[i]:.2f},{low[i]:.2f},{close[i]:.2f},50"
        for i in np.flatnonzero(keep)
    ]
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("sample", ["1h", "4h", "7h", "1d"])
@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_a_sweep_over_gaps_and_midnights_is_its_runs(gaps: Path, sample: str, fill: str) -> None:
    """Every figure of every set, whatever grid the returns are sampled on."""
    spec = {
        "run": {"sample": sample, "seed": 5},
        "data": {"file": str(gaps), "timeframe": "1h", "rules": {"kind": "spot", "tick": 0.01}},
        "venue": {"fee_taker_bps": 4.0, "fee_maker_bps": 1.0, "market_fill": fill},
        "strategy": {"use": "bracket_reversion", "params": {"window": 15, "z": 1.0}},
    }
    exits = (0.002, 0.5)  # leaves now and then, and never: then nothing interrupts a stretch but the calendar
    swept = sweep_run(load_spec({**spec, "sweep": {"take": [*exits], "stop": [*exits]}}))
    fills = []
    for i in range(4):
        values = {"take": exits[i // 2], "stop": exits[i % 2]}
        alone = record_run(with_values(load_spec(spec), values), lane=i).figures
        same = {name: float(column[i]) for name, column in swept.columns.items() if name in alone}
        assert len(same) > 20
        for name, value in same.items():
            assert value == alone[name] or (value != value and alone[name] is None), name
        fills.append(alone["fills"])
    assert max(fills) > 20
    assert min(fills) < 3


def test_what_the_calendar_says_of_a_row(gaps: Path) -> None:
    """Rows after a gap that passes over a grid point are not calm; midnights and hours are marked; the last is not."""
    spec = load_spec({
        "run": {"sample": "4h"},
        "data": {"file": str(gaps), "timeframe": "1h", "rules": {"kind": "spot", "tick": 0.01}},
        "strategy": {"use": "sma_cross"},
    })  # fmt: skip
    tape = load_tape(spec)
    machine = build(spec, tape, record=False)
    view = chunk(tape, 0, tape.rows, sample_ns=machine.sample_ns)
    closes, calm = np.asarray(view.rows["close_ns"]), np.asarray(view.rows["calm"])
    sampled = closes % (4 * HOUR) == 0
    midnight = closes % (24 * HOUR) == 0
    passed_over = (closes[1:] - 1) // (4 * HOUR) > closes[:-1] // (4 * HOUR)
    assert calm[0] == 0
    assert calm[-1] == 0
    assert passed_over.sum() > 0
    assert (calm[1:][passed_over] == 0).all()
    inner = np.flatnonzero(calm)
    assert len(inner) > 0.98 * len(calm)
    np.testing.assert_array_equal(calm[inner] & int(Calm.SAMPLED) != 0, sampled[inner])
    np.testing.assert_array_equal(calm[inner] & int(Calm.DAYED) != 0, midnight[inner])
