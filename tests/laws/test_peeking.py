"""Law 4: cutting the tape at t, or changing what comes after, changes no features, signals, orders or fills up to t."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.law_runs import whole
from huracan.laws import happened, no_peeking
from tests.laws.cases import HAPPENED, SEEDS, case, enough, fuzz_case
from tests.laws.shipped import NAMES, trials


@pytest.mark.parametrize("name", NAMES)
def test_nothing_shipped_peeks(name: str) -> None:
    for b in trials(name):
        rows = b.trial.tape.rows
        findings = list(no_peeking(b.trial, [rows // 10, rows // 3, rows // 2, rows - 30, rows - 2]))
        assert len(findings) == 25
        assert not [f for f in findings if not f.ok]


def test_no_venue_peeks_under_any_list_of_orders() -> None:
    did: Counter[str] = Counter()
    cases = 0
    for seed in SEEDS:
        for trial in (case(seed, lanes=3).trial(), fuzz_case(seed).trial()):
            rows = trial.tape.rows
            findings = list(no_peeking(trial, sorted({rows // 3, rows // 2, max(rows - 4, 0)})))
            cases += len(findings)
            assert not [f for f in findings if not f.ok]
            did.update(happened(whole(trial)))
    assert cases > 15 * len(SEEDS)
    assert enough(did, 20, *HAPPENED), did


def test_wherever_the_tape_is_cut() -> None:
    did: Counter[str] = Counter()

    @given(st.integers(0, 10**6), st.floats(0.0, 1.0))
    def holds(seed: int, share: float) -> None:
        trial = case(seed).trial()
        cut = min(int(share * trial.tape.rows), trial.tape.rows - 1)
        assert not [f for f in no_peeking(trial, [cut]) if not f.ok]
        did.update(happened(whole(trial)))

    holds()
    assert did["fills"] > 0
