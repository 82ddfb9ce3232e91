"""Sums of quantities stand on the lot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from huracan.sim import layout
from huracan.sim.memory import as_records
from huracan.sim.options import LINKED_ENTRY
from huracan.sim.prices import price_down, price_up, quantity_down
from tests import engine
from tests.oracle_records import Instrument, Settings
from tests.sim.fuzz_cases import MINUTE


@njit(**LINKED_ENTRY | {"cache": False})
def rounded(rules: Any, x: float) -> Any:
    return quantity_down(rules[0], x), price_down(rules[0], x), price_up(rules[0], x)


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


def test_a_position_of_many_lots_is_closed_to_the_last_of_them() -> None:
    """0.30687305 x 100,000,000 is 30687304.999999996: a third of a bitcoin in satoshis, and none of them is missing."""
    rows = [(k * MINUTE, 100.0, 100.0, 100.0, 100.0, 1000.0) for k in range(5)]
    one = Instrument("A", MINUTE, rows, tick=(1, 1), lot=1e-8)
    out = engine.run([one], Settings(), {(0, 0): [("buy", 0.30687305)], (2, 0): [("close",)]})
    assert [(fill[2], fill[3]) for fill in out.fills] == [(1, 0.30687305), (-1, 0.30687305)]
    assert out.positions == [0.0]
    assert len(out.trades) == 1


@pytest.mark.parametrize(("num", "den"), [(1, 10), (1, 100), (1, 1000), (1, 10**5), (1, 10**8), (5, 1000), (25, 1)])
def test_what_stands_on_the_lot_or_tick_stays_there_however_many_there_are(num: int, den: int) -> None:
    rules = as_records(np.zeros(1, layout.rules))
    rules["lot_num"] = rules["tick_num"] = num
    rules["lot_den"] = rules["tick_den"] = den
    random = np.random.default_rng(5)
    for most in (1e3, 2.0**24, 2.0**26, 2.0**40):
        for n in np.floor(random.random(300) * most) + 1.0:
            assert rounded(rules, n * num / den) == (n * num / den,) * 3
