"""What the calendar says of rows is what their times say one by one, on an even grid and off it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from huracan.sim import layout
from huracan.sim.calm_rows import DAY_NS, Grid, fill_rows
from huracan.sim.layout import Calm
from huracan.sim.tape import with_fields

MINUTE = 60 * 10**9


def one_by_one(rows: Any, phase: int, sample_ns: int, ends: bool) -> list[int]:
    """layout.Calm of every row, by its definition."""
    found = []
    for i, row in enumerate(rows):
        before = rows[i - 1]
        told = i > 0 and before["live"] and row["live"] and before["fund_hi"] == row["fund_hi"]
        if not told or (ends and i == len(rows) - 1):
            found.append(0)
            continue
        kind, lo, hi = int(Calm.ROW), int(before["close_ns"]) - phase, int(row["close_ns"]) - phase
        for grid, flag in ((sample_ns, Calm.SAMPLED), (DAY_NS, Calm.DAYED)):
            kind += int(flag) * (hi % grid == 0)
            if (hi - 1) // grid > lo // grid:  # a point lies between the two
                kind = -8
        found.append(max(kind, 0))
    return found


@pytest.mark.parametrize("off_grid", [0, 17 * 10**9])
@pytest.mark.parametrize("minutes", [1, 7, 60, 1440, 7 * 1440])
def test_rows_are_told_apart_by_their_times(minutes: int, off_grid: int) -> None:
    rng = np.random.default_rng(minutes)
    step = minutes * MINUTE
    met = np.zeros(8, np.int64)
    for case in range(120):
        closes = off_grid + step * (int(rng.integers(0, 3000)) + np.arange(1, int(rng.integers(2, 120))))
        if case % 3 == 0:
            closes = closes[np.sort(rng.choice(len(closes), max(len(closes) - 4, 1), replace=False))]
        rows = with_fields(np.zeros(len(closes), layout.row))
        first_live = int(rng.integers(-9, len(closes))) if case % 4 == 0 else 0
        paid_ns = np.sort(rng.choice(closes, len(closes) // 9)) - int(rng.choice([0, 1, step])) if case % 5 == 0 else []
        payments = with_fields(np.zeros(len(paid_ns), layout.payment))
        payments["ts_ns"] = paid_ns
        sample = int(rng.choice([step, 4 * step, 7 * 60 * MINUTE, DAY_NS, 30 * 10**9]))
        phase, ends = int(closes[0]) % step, bool(case % 2)
        paid = int(np.searchsorted(paid_ns, closes[0]))
        fill_rows(rows, closes - step, payments, paid, first_live, Grid(step, phase, sample), ends)
        assert rows["open_ns"].tolist() == (closes - step).tolist()
        assert rows["close_ns"].tolist() == closes.tolist()
        assert rows["fund_hi"].tolist() == np.searchsorted(paid_ns, closes).tolist()
        assert rows["live"].tolist() == [int(i >= first_live) for i in range(len(rows))]
        kinds = rows["calm"].tolist()
        assert kinds == one_by_one(rows, phase, sample, ends), case
        for i, same in enumerate(rows["same"].tolist()):
            assert set(kinds[i : i + same]) == {kinds[i]}
            assert i + same == len(kinds) or kinds[i + same] != kinds[i]
        met += np.bincount(kinds, minlength=8)
    assert met[0] > 100
    assert (met.sum() - met[0] > 100) == (minutes <= 1440)  # before each week's close midnights have passed
