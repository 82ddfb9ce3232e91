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


def test_a_target_of_millions_of_lots_is_reached_to_the_lot() -> None:
    """9833.835 - 9605.173 is 228.66199999999844: its rounding is no lot that is missing."""
    rows = [(k * MINUTE, 3.0, 3.0, 3.0, 3.0, 1e6) for k in range(8)]
    one = Instrument("A", MINUTE, rows, tick=(1, 1), lot=0.001, kind="linear")
    wants = [9605.173, 9833.835, 9605.173, -9605.173, -9605.173, 0.0]
    out = engine.run([one], Settings(cash=1e6), {(k, 0): [("target", qty)] for k, qty in enumerate(wants)})
    assert [fill[2] * fill[3] for fill in out.fills] == [9605.173, 228.662, -228.662, -19210.346, 9605.173]
    assert out.positions == [0.0]
