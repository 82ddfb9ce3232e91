"""Resampling keeps volume and extremes, whatever is missing, and agrees with itself by any route."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.data.resample import Made, bars_from_bars, bars_from_trades, whole
from huracan.sim.refusal import Refused

MINUTE = 60_000_000_000
DAY = 1440 * MINUTE
START = 1_704_067_200_000_000_000  # a Monday


def minutes(data: Any) -> tuple[Any, ...]:
    """Some minutes of two days with prices in quarters and volume in whole numbers, so that sums are exact."""
    at = sorted(data.draw(st.sets(st.integers(0, 2880), min_size=1, max_size=60)))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    opened, close = rng.integers(40, 80, (2, len(at))) / 4
    high = np.maximum(opened, close) + rng.integers(0, 8, len(at)) / 4
    low = np.minimum(opened, close) - rng.integers(0, 8, len(at)) / 4
    return START + np.array(at) * MINUTE, (opened, high, low, close), rng.integers(0, 100, len(at)).astype(float)


@given(st.data(), st.sampled_from([2, 5, 7, 60, 1440]))
def test_volume_extremes_and_ends_are_kept(data: Any, times: int) -> None:
    ts, prices, volume = minutes(data)
    made = bars_from_bars(ts, prices, volume, MINUTE, times * MINUTE)
    assert made.volume is not None
    assert made.volume.sum() == volume.sum()
    assert (made.high.max(), made.low.min()) == (prices[1].max(), prices[2].min())
    assert (made.open[0], made.close[-1]) == (prices[0][0], prices[3][-1])
    assert made.parts.sum() == len(ts)
    assert (made.open_ns % (times * MINUTE) == 0).all()
    assert (np.diff(made.open_ns) > 0).all()
    assert made.partial == int((made.parts < times).sum())
    for k, begin in enumerate(made.open_ns):  # each bar by hand
        inside = (ts >= begin) & (ts < begin + times * MINUTE)
        assert made.high[k] == prices[1][inside].max()
        assert made.volume[k] == volume[inside].sum()
        assert made.close[k] == prices[3][inside][-1]


@given(st.data())
def test_two_steps_are_one(data: Any) -> None:
    ts, prices, volume = minutes(data)
    once = bars_from_bars(ts, prices, volume, MINUTE, 60 * MINUTE)
    half = bars_from_bars(ts, prices, volume, MINUTE, 15 * MINUTE)
    four = (half.open, half.high, half.low, half.close)
    twice = bars_from_bars(half.open_ns, four, half.volume, 15 * MINUTE, 60 * MINUTE)
    for name in ("open_ns", "open", "high", "low", "close", "volume"):
        assert (getattr(once, name) == getattr(twice, name)).all()


@given(st.data())
def test_trades_give_what_their_bars_give(data: Any) -> None:
    ts, prices, volume = minutes(data)
    made = bars_from_trades(ts, prices[3], volume + 1, 60 * MINUTE)
    flat = (prices[3],) * 4
    same: Made = bars_from_bars(ts, flat, volume + 1, MINUTE, 60 * MINUTE)
    for name in ("open_ns", "open", "high", "low", "close", "volume"):
        assert (getattr(made, name) == getattr(same, name)).all()


def test_weeks_begin_on_monday_and_ends_may_be_left_out() -> None:
    days = START + np.arange(-1, 15) * DAY
    ones = np.ones(16)
    made = bars_from_bars(days, (ones, ones, ones, ones), None, DAY, 7 * DAY)
    assert made.open_ns.tolist() == [START - 7 * DAY, START, START + 7 * DAY, START + 14 * DAY]
    assert (made.parts.tolist(), made.partial, made.volume) == ([1, 7, 7, 1], 2, None)
    kept = whole(made, 7 * DAY, int(days[0]), int(days[-1]) + DAY)
    assert (kept.open_ns.tolist(), kept.partial) == ([START, START + 7 * DAY], 0)


def test_what_cannot_be_made_is_refused() -> None:
    one = np.ones(2)
    four = (one, one, one, one)
    for to in (MINUTE, 90_000_000_000, MINUTE // 2):
        with pytest.raises(Refused, match="multiple of 1m"):
            bars_from_bars(np.array([0, MINUTE]), four, None, MINUTE, to)
    with pytest.raises(Refused, match=r"unordered_time.*row 2"):
        bars_from_trades(np.array([5, 1]), one, one, MINUTE)
    with pytest.raises(Refused, match="no rows"):
        bars_from_trades(np.array([], dtype=np.int64), one[:0], one[:0], MINUTE)
