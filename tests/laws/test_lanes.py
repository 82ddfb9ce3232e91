"""Law 2: a lane alone gives bit-identical results, whatever the threads, blocks, their order, and what is pruned."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from huracan.law_check import pruned
from huracan.law_runs import whole
from huracan.laws import builds_dont_matter, happened, lanes_dont_matter
from huracan.machine import record_run
from huracan.spec import load_spec, with_values
from huracan.sweep_job import prepare
from huracan.sweeping import run_part, sweep_run
from tests.laws.cases import HAPPENED, SEEDS, case, enough, memory_build
from tests.laws.shipped import NAMES, trials


@pytest.mark.parametrize("name", NAMES)
def test_lanes_dont_matter_to_what_is_shipped(name: str) -> None:
    for b in trials(name):
        broken = [f for f in lanes_dont_matter(b.trial, np.random.default_rng(1)) if not f.ok]
        assert not broken


@pytest.mark.parametrize("name", NAMES)
def test_what_the_linker_prunes_doesnt_matter(name: str) -> None:
    first, *_, last = trials(name)
    findings = [*pruned(first, record=False), *pruned(last, record=True)]
    assert len(findings) == 3
    assert not [f for f in findings if not f.ok]


def test_lanes_dont_matter_to_any_list_of_orders() -> None:
    did: Counter[str] = Counter()
    for seed in SEEDS:
        trial = case(seed, lanes=5).trial()
        broken = [f for f in lanes_dont_matter(trial, np.random.default_rng(seed)) if not f.ok]
        assert not broken
        did.update(happened(whole(trial)))
    assert enough(did, 20, *HAPPENED), did


def test_state_on_the_stack_or_in_memory() -> None:
    for seed in SEEDS:
        trial = case(seed, instruments=1, lanes=2).trial()
        assert not [f for f in builds_dont_matter(trial, memory_build(), "state in memory") if not f.ok]


SWEPT = {
    "data": {"synthetic": "regimes", "bars": 1500},
    "run": {"seed": 3},
    "venue": {"max_participation": 0.1},
    "strategy": {"use": "bracket_reversion", "params": {"window": 20, "z": 1.0, "take": 0.001, "stop": 0.001}},
}


def test_a_sweep_is_its_runs() -> None:
    """Every row of a sweep is the backtest of that set, however the sets were dealt out to blocks."""
    sweep = {"window": [10, 30], "venue.fee_taker_bps": [5.0, 20.0], "venue.intrabar": ["pessimistic", "optimistic"]}
    spec = load_spec({**SWEPT, "sweep": sweep})
    job = prepare(spec)
    grid, n = job.sets.grid, len(job.sets)
    together = run_part(job, np.arange(n))
    for numbers in (np.array([5, 1, 3]), np.arange(3, n), *np.arange(n).reshape(n, 1)):
        part = run_part(job, numbers)
        for name, column in together.columns.items():
            assert column[numbers].tobytes() == part.columns[name].tobytes(), name
        for number in numbers.tolist():
            assert together.returns.of(number).tobytes() == part.returns.of(number).tobytes()
    assert together.columns["fills"].min() > 0
    for i in (0, n - 1):
        values = dict(zip(grid.keys, (column[i].item() for column in grid.columns()), strict=True))
        alone = record_run(with_values(load_spec(SWEPT), values), lane=i)
        assert alone.figures["final_equity"] == together.columns["final_equity"][i]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("venue.impact.coefficient", [0.0, 0.5]),
        ("venue.limit_fill", ["touch", "hazard", "through:1"]),
        ("venue.slippage_bps", [0.0, 5.0]),
        ("venue.half_spread_bps", [0.0, 3.0]),
        ("venue.market_fill", ["next_open", "close"]),
        ("account.leverage", [1.0, 3.0]),
    ],
)
def test_whatever_is_swept_is_in_the_build(key: str, values: list) -> None:
    """A swept setting needs its group of rules (and its columns on the tape) even where the first set does without."""
    spot = {**SWEPT, "data": {**SWEPT["data"], "symbols": ["BTC/USDT"]}, "account": {"cash": 50_000.0}}
    spot["strategy"] = {**SWEPT["strategy"], "params": {**SWEPT["strategy"]["params"], "fraction": 1.5}}
    swept = sweep_run(load_spec({**spot, "sweep": {key: values}}))
    runs = [record_run(with_values(load_spec(spot), {key: v}), lane=i).figures for i, v in enumerate(values)]
    assert [float(x) for x in swept.columns["final_equity"]] == [r["final_equity"] for r in runs]
    assert min(r["fills"] for r in runs) > 0
