"""Equal means are equal: a simple mean is the exact rational number, rounded once.

Sums that drift would let rounding decide crosses.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from huracan.sim import columns, layout
from huracan.sim.feature import Column
from huracan.sim.lanes import records
from tests.laws.cases import seeds

WINDOWS = (1, 2, 3, 7, 20)


def means(prices: np.ndarray, num: int, den: int) -> np.ndarray:
    """The means of all windows over closes, through the table that the machine reads: (windows, bars)."""
    rules = np.zeros(1, layout.rules)
    rules["tick_num"], rules["tick_den"] = num, den
    plan = columns.plan([Column("sma", (n,)) for n in WINDOWS], 1)
    bars = records(layout.bar, len(prices), 1)
    bars["close"][:, 0], bars["fresh"] = prices, 1
    table = np.full((plan.n_rows, len(prices)), np.nan)
    columns.fill(plan, columns.start(plan, rules), records(layout.row, len(prices)), bars, table, 0, len(prices))
    return np.array([table[plan.base[Column("sma", (n,))]] for n in WINDOWS])


@pytest.mark.parametrize(("num", "den"), [(1, 100), (1, 20), (5, 2), (1, 10**8)])
def test_means_of_ticks_are_exact(num: int, den: int) -> None:
    for seed in seeds(1, 10):
        rng = np.random.default_rng(seed)
        ticks = np.maximum(np.cumsum(rng.integers(-3, 4, 400)) + 1000, 1)
        found = means(ticks * num / den, num, den)
        for row, n in enumerate(WINDOWS):
            assert np.isnan(found[row, : n - 1]).all()
            for i in range(n - 1, len(ticks)):
                assert found[row, i] == float(Fraction(int(ticks[i - n + 1 : i + 1].sum()) * num, n * den))


def test_means_off_the_tick_come_back_to_where_they_were() -> None:
    """Without a tick sums are compensated: once a price of ten to the fifteen has left the window, so has its error."""
    prices = np.full(300, 0.1)
    prices[50] = 1e15
    found = means(prices, 0, 1)
    assert (found[:, 100:] == found[:, 40:41]).all()
    assert (np.abs(found[:, 100:] - 0.1) <= 2e-17).all()
