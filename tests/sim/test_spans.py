"""What a unit is worth over many rows at once, and the drawdowns that follow, against one row after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from huracan.sim import layout
from huracan.sim.builds import Groups, kernel
from huracan.sim.layout import LEAD, SPANS, Units, Venue
from huracan.sim.memory import as_records
from huracan.sim.options import LINKED_ENTRY
from huracan.sim.spans import reach_ahead

note_rows = kernel(Groups(resting=0, margin=0, costs=0, closes=0, record=0)).calm.note_rows
CASH = 1000.0


@njit(**LINKED_ENTRY | {"cache": False})
def noted(acct: Any, positions: Any, stats: Any, units: Any, peak: float, a: int, b: int) -> float:
    v = Venue(acct[0], 0, positions, 0, stats[0], 0, 0, 0, 0, 0, 0)
    return note_rows(v, units, peak, a, b)


def row_by_row(units: Any, qty: float, peak: float, deepest: float) -> tuple[float, float]:
    """(peak, deepest drawdown), as they are defined."""
    for unit in units:
        equity = CASH + qty * unit
        peak = max(peak, equity)
        deepest = min(deepest, (equity - peak) / peak)
    return peak, deepest


def in_spans(units: Any, qty: float, peak: float, deepest: float, a: int, b: int) -> tuple[float, float]:
    records = (layout.account, layout.position, layout.stats)
    acct, positions, stats = (as_records(np.zeros(1, record)) for record in records)
    acct["cash"], positions["qty"], stats["max_drawdown"] = CASH, qty, deepest
    lines = np.ones((2 * SPANS, LEAD + len(units) + 24))
    lines[0, LEAD : LEAD + len(units)] = units
    reach_ahead(lines, SPANS, LEAD, LEAD + len(units))
    peak = noted(acct, positions, stats, Units(lines[0], lines), peak, a, b)
    return peak, float(stats["max_drawdown"][0])


@pytest.mark.parametrize("n", [1, 2, 3, 33, 200])
def test_spans_reach_over_so_many_rows(n: int) -> None:
    for known in (True, False):
        values = np.random.default_rng(n).normal(size=n)
        if not known:
            values[n // 3] = np.nan  # as before an instrument's first bar
        lines = np.full((2 * SPANS, n + 5), 99.0)
        lines[0, 2 : n + 2] = values
        reach_ahead(lines, SPANS, 2, n + 2)
        for k in range(SPANS):
            for i in range(n):
                np.testing.assert_equal(lines[k, 2 + i], values[i : i + 2**k].min())
                np.testing.assert_equal(lines[SPANS + k, 2 + i], values[i : i + 2**k].max())
        assert (lines[:, :2] == 99.0).all()
        assert (lines[:, n + 2 :] == 99.0).all()


def test_drawdowns_of_many_rows_are_those_of_each() -> None:
    random = np.random.default_rng(17)
    for _ in range(3000):
        rows = int(random.integers(1, 300))
        units = 100.0 + np.cumsum(random.normal(random.choice([-0.2, 0.0, 0.02, 0.3]), 1.0, rows))
        qty, peak = random.choice([1.0, -1.0, 0.37]), random.choice([900.0, 1050.0, 1200.0])
        deepest = random.choice([0.0, -0.01, -0.3])
        a, b = sorted(random.choice(rows + 1, 2, replace=False))
        wanted = row_by_row(units[a:b], qty, peak, deepest)
        assert in_spans(units, qty, peak, deepest, a, b) == wanted
