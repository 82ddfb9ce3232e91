"""The compiled machine on the scenario tables: the fills that a person can check by eye."""

from __future__ import annotations

import pytest

from tests import engine
from tests.sim.scenarios import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_fills(case: Case) -> None:
    instruments, settings, script = case.build()
    out = engine.run(instruments, settings, script)
    made = [(f[0], f[1], f[2], f[3], f[4], f[6], f[7], f[8]) for f in out.fills]
    want = case.expected_fills()
    assert [(m[0], m[1], m[2], *m[5:]) for m in made] == [(w[0], w[1], w[2], *w[5:]) for w in want]
    for m, w in zip(made, want, strict=True):
        assert m[3] == pytest.approx(float(w[3]), rel=1e-9, abs=1e-12)
        assert m[4] == pytest.approx(float(w[4]), rel=1e-9)
