"""Sums of quantities stand on the lot."""

from __future__ import annotations

from tests import engine
from tests.oracle_records import Instrument, Settings
from tests.sim.fuzz_cases import MINUTE


def test_a_hundred_additions_of_a_tenth_are_ten() -> None:
    rows = [(k * MINUTE, 100.0, 100.0, 100.0, 100.0, 1000.0) for k in range(102)]
    one = Instrument("A", MINUTE, rows, tick=(1, 1), lot=0.1)
    out = engine.run([one], Settings(), {(k, 0): [("buy", 0.1)] for k in range(100)})
    assert len(out.fills) == 100
    assert sum([0.1] * 100) != 10.0
    assert out.positions == [10.0]
