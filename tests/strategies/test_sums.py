"""Sums of whole ticks many bars at a time are, bit for bit, the sums of one bar after the other."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from huracan.sim import columns, layout
from huracan.sim.columns import Column
from huracan.strategies.features import simple_mean

WINDOWS = (1, 2, 7, 64, 300)
ROWS, INSTRUMENTS = 1200, 3
NUM, DEN = (1, 5, 1), (100, 2, 4)


def market(kind: str) -> tuple[Any, Any, Any]:
    """Rows, bars and rules: three ticks, and what may keep a bar from being one whole number of them."""
    random = np.random.default_rng(11)
    rows = np.zeros(ROWS, layout.row)
    bars = np.zeros((ROWS, INSTRUMENTS), layout.bar)
    rules = np.zeros(INSTRUMENTS, layout.rules)
    rules["tick_num"], rules["tick_den"] = NUM, DEN
    ticks = 5000 + np.cumsum(random.integers(-3, 4, (ROWS, INSTRUMENTS)), axis=0)
    bars["close"] = ticks * np.array(NUM) / np.array(DEN)
    bars["fresh"] = 1
    if kind == "stale":
        bars["fresh"] = random.random((ROWS, INSTRUMENTS)) > 0.02
    if kind == "off the tick":
        bars["close"][700:, 1] += 0.001
    if kind == "too large":
        bars["close"][500, 2] = 2.0**51
    if kind == "huge":  # the longest window can't take them, and what the others share begins anew at 2**52
        bars["close"] = (2.0**43 + ticks) * np.array(NUM) / np.array(DEN)
    if kind == "stale, then off the tick":
        bars["fresh"] = random.random((ROWS, INSTRUMENTS)) > 0.02
        bars["close"][707, :] += 0.001
    return rows, bars, rules


def one_by_one(bars: Any, rules: Any, k: int, window: int) -> Any:
    """The same by `update`, in plain Python, which divides."""
    s = np.zeros(1, simple_mean.STATE)
    s["value"] = np.nan
    simple_mean.begin(s, np.array([[window]], np.float64), rules[k : k + 1])
    state, ring = s.view(np.recarray)[0], np.zeros(window)
    update = getattr(simple_mean.update, "py_func", simple_mean.update)
    values = []
    with np.errstate(all="ignore"), patch.object(simple_mean, "worth", lambda s, total: total * s.num / s.divisor):
        for bar in bars[:, k].view(np.recarray):
            if bar.fresh:
                state.value = update(state, ring, bar)
            values.append(state.value)
    return np.array(values)


KINDS = ["whole", "stale", "off the tick", "too large", "huge", "stale, then off the tick"]


@pytest.mark.parametrize("kind", KINDS)
def test_many_at_a_time_are_one_by_one_whatever_the_split(kind: str) -> None:
    rows, bars, rules = market(kind)
    plan = columns.plan([Column("sma", (w,)) for w in WINDOWS], n_instruments=INSTRUMENTS, timeframe_ns=60_000_000_000)
    expected = [one_by_one(bars, rules, k, window) for window in WINDOWS for k in range(INSTRUMENTS)]
    left = set()
    for step in (1, 13, 256, 700, 708, ROWS):
        table = np.full((plan.n_rows, ROWS), np.nan)
        state = columns.start(plan, rules)
        for lo in range(0, ROWS, step):
            columns.fill(plan, state, rows, bars, table, lo, min(lo + step, ROWS))
        for found, one in zip(table, expected, strict=True):
            assert np.array_equal(found, one, equal_nan=True), step
            assert np.isfinite(found[-1])
        left.add(state.snapshot())
    assert len(left) == 1
    for window, found in zip(np.repeat(WINDOWS, INSTRUMENTS), table, strict=True):
        assert np.isnan(found[: window - 1]).all()
