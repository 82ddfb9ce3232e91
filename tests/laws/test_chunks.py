"""Law 1: any split of a tape gives byte-identical state and results."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.law_runs import advance, difference, records_difference, start, state, state_difference, whole
from huracan.laws import chunks_dont_matter, happened
from huracan.machine import Kept, drive, make_block
from huracan.sim.builds import Groups
from tests import engine
from tests.laws.cases import HAPPENED, QUICK, SEEDS, case, enough, fuzz_case, seeds
from tests.laws.shipped import NAMES, trials
from tests.sim import fuzz_cases


@pytest.mark.parametrize("name", NAMES)
def test_chunks_dont_matter_to_what_is_shipped(name: str) -> None:
    for b in trials(name):
        broken = [f for f in chunks_dont_matter(b.trial, np.random.default_rng(1)) if not f.ok]
        assert not broken
    assert sum(happened(whole(b.trial))["fills"] for b in trials(name)) > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_driver_of_backtests_splits_as_well(name: str) -> None:
    """`drive` is what backtests and sweeps go through: its own chunks of 1, 7 and all rows."""
    b = trials(name)[0]
    t = b.trial
    results = []
    for rows in (t.tape.rows, 7, 1):
        code, plan = b.machine.code, t.columns().plan  # type: ignore[attr-defined]
        block = make_block(b.machine, t.settings[:1].copy(), t.params[0][:1], [p[:1] for p in t.params[1:]], plan)
        assert block.plan.base == plan.base
        kept = Kept(b.machine)
        drive(b.machine, block, kept.rec, on_full=kept.empty, chunk_rows=rows)
        results.append(
            (np.asarray(block.lanes.stats).tobytes(), *(np.concatenate(p).tobytes() for p in kept.parts if p))
        )
        assert code.declaration.name
    assert results[0] == results[1] == results[2]


def test_chunks_dont_matter_to_any_list_of_orders() -> None:
    did: Counter[str] = Counter()
    for seed in SEEDS:
        for trial in (case(seed, lanes=3).trial(), fuzz_case(seed).trial()):
            broken = [f for f in chunks_dont_matter(trial, np.random.default_rng(seed), (1, 5)) if not f.ok]
            assert not broken
            did.update(happened(whole(trial)))
    assert enough(did, 20, *HAPPENED), did


def test_any_edges_at_all() -> None:
    did: Counter[str] = Counter()

    @given(st.integers(0, 10**6), st.lists(st.integers(0, 120), max_size=12))
    def holds(seed: int, edges: list[int]) -> None:
        trial = case(seed, lanes=2).trial()
        one, split = whole(trial), advance(trial, start(trial), trial.tape.rows, edges)
        assert state_difference(state(one), state(split)) == ""
        one, split = whole(trial, [1]), advance(trial, start(trial, [1]), trial.tape.rows, edges, small=True)
        assert records_difference(one, split) == ""
        did.update(happened(one))

    holds()
    assert did["fills"] > 0
    assert did["cancels"] > 0


def test_one_event_at_a_time_inside_a_row() -> None:
    """All opens, the bar of each instrument, the end: the machine can be left between any two of them."""
    filled = 0
    for seed in seeds(0, 150):
        made = fuzz_cases.case(seed, instruments=2 + seed % 2)
        whole_rows, events = engine.run(*made), engine.run(*made, groups=Groups(events=1))
        for name, a, b in zip(whole_rows.lanes._fields, whole_rows.lanes, events.lanes, strict=True):
            skip = ("busy", "elapsed_ns") if name == "stats" else ()
            assert difference(name, np.asarray(a), np.asarray(b), skip) == "", seed
        assert whole_rows.fills == events.fills
        assert whole_rows.equity.tobytes() == events.equity.tobytes()
        filled += len(events.fills)
    assert filled > (100 if QUICK else 1000)
