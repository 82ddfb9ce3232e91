"""The rows of a tape, made anew between marks, against the union of all close times made at once."""

from __future__ import annotations

import numpy as np
import pytest

from huracan.sim import timeline as module
from huracan.sim.series import Bars, Ints
from huracan.sim.timeline import RowTimes, timeline

STEP = 60_000_000_000


def bars(open_ns: Ints) -> Bars:
    flat = np.ones(len(open_ns))
    return Bars("A/B", "", STEP, open_ns, flat, flat, flat, flat)


def some_bars(random: np.random.Generator, n: int, shift: int) -> Bars:
    kept = np.flatnonzero(random.random(n) < random.choice([0.05, 0.5, 0.95, 1.0]))
    start = int(random.integers(0, 30))
    return bars(STEP * (start + kept) + shift)


@pytest.mark.parametrize("seed", range(12))
def test_rows_are_the_union_of_all_closes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARK", 16)
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 5))
    shifts = [0] * n if seed % 3 else [int(x) * 1_000_000_000 for x in random.integers(0, 50, n)]
    series = [some_bars(random, int(random.integers(20, 200)), shift) for shift in shifts]
    if seed % 4 == 0:
        series = [series[0]] * n
    series = [s if len(s) else bars(np.array([0])) for s in series]
    closes = [s.open_ns + STEP for s in series]
    union = np.unique(np.concatenate(closes))
    rows = timeline(series)
    assert len(rows) == len(union)
    assert np.array_equal(np.asarray(RowTimes(rows)), union)
    assert RowTimes(rows)[-1] == union[-1]
    for _ in range(20):
        lo, hi = sorted(int(x) for x in random.integers(0, len(union) + 1, 2))
        if lo == hi:
            continue
        found, places = rows.at(lo, hi)
        assert np.array_equal(found, union[lo:hi])
        for k, own in enumerate(closes):
            assert np.array_equal(places[k], np.searchsorted(own, union[lo:hi], side="right") - 1)
        ns = int(union[lo]) + int(random.integers(-1, 2))
        assert rows.row_after(ns) == np.searchsorted(union, ns, side="right")
    assert rows.row_after(-1) == 0


def test_rows_that_are_not_there() -> None:
    rows = RowTimes(timeline([bars(STEP * np.arange(5))]))
    assert rows[-5] == STEP
    assert rows[1:1].tolist() == []
    for row in (5, -6):
        with pytest.raises(IndexError):
            rows[row]
