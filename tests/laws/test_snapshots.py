"""Law 7, its snapshot half: state is plain bytes, and bytes copied in the middle of a run go on to the same bytes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.law_runs import Run, advance, copy_state, records_difference, start, whole
from huracan.laws import happened, snapshots_go_on
from huracan.sim.lanes import snapshot
from tests.laws.cases import HAPPENED, SEEDS, case, enough, fuzz_case
from tests.laws.shipped import NAMES, trials


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shipped_goes_on_from_its_bytes(name: str) -> None:
    for b in trials(name):
        rows = b.trial.tape.rows
        findings = list(snapshots_go_on(b.trial, [0, 1, rows // 3, rows // 2, rows - 1]))
        assert len(findings) == 5
        assert not [f for f in findings if not f.ok]


def test_any_list_of_orders_goes_on_from_its_bytes() -> None:
    did: Counter[str] = Counter()
    for seed in SEEDS:
        for trial in (case(seed, lanes=3).trial(), fuzz_case(seed).trial()):
            rows = trial.tape.rows
            assert not [f for f in snapshots_go_on(trial, [1, rows // 2]) if not f.ok]
            did.update(happened(whole(trial)))
    assert enough(did, 20, *HAPPENED), did


def test_snapshot_bytes_and_records_wherever_it_is_taken() -> None:
    """`lanes.snapshot` has all of the state: copies that are equal there write down the same from there on."""
    did: Counter[str] = Counter()

    @given(st.integers(0, 10**6), st.floats(0.0, 1.0))
    def holds(seed: int, share: float) -> None:
        trial = case(seed).trial()
        rows = trial.tape.rows
        here = advance(trial, start(trial), max(int(share * rows), 1))
        copied = copy_state(trial, here)
        assert snapshot(here.lanes, here.gates) == snapshot(copied.lanes, copied.gates)
        before = [list(part) for part in here.parts]
        for part in here.parts:
            part.clear()
        if here.row < rows:
            advance(trial, here, rows)
            advance(trial, copied, rows)
        assert records_difference(here, copied) == ""
        assert snapshot(here.lanes, here.gates) == snapshot(copied.lanes, copied.gates)
        joined = Run(
            here.lanes, here.gates, here.columns, rows, tuple(a + b for a, b in zip(before, here.parts, strict=True))
        )  # type: ignore[arg-type]
        assert records_difference(whole(trial), joined) == ""
        did.update(happened(here))

    holds()
    assert did["fills"] > 0
