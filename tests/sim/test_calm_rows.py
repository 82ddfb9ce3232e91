"""What the calendar says of rows is what their times say one by one, on an even grid and off it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from huracan.sim import layout
from huracan.sim.calm_rows import DAY_NS, fill_calm
from huracan.sim.layout import Calm

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
        rows = np.zeros(len(closes), layout.row)
        rows["close_ns"] = closes
        rows["live"][int(rng.integers(0, len(closes))) if case % 4 == 0 else 0 :] = 1
        if case % 5 == 0:
            rows["fund_hi"] = 3 + np.cumsum(rng.random(len(closes)) < 0.1)
        sample = int(rng.choice([step, 4 * step, 7 * 60 * MINUTE, DAY_NS, 30 * 10**9]))
        phase, ends = int(closes[0]) % step, bool(case % 2)
        fill_calm(rows, closes, step, phase, sample, ends)
        kinds = rows["calm"].tolist()
        assert kinds == one_by_one(rows, phase, sample, ends), case
        for i, same in enumerate(rows["same"].tolist()):
            assert set(kinds[i : i + same]) == {kinds[i]}
            assert i + same == len(kinds) or kinds[i + same] != kinds[i]
        met += np.bincount(kinds, minlength=8)
    assert met[0] > 100
    assert (met.sum() - met[0] > 100) == (minutes <= 1440)  # before each week's close midnights have passed
