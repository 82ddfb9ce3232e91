"""Planted problems are found with their exact counts, real data is found clean, and each repair mends what it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.data.bar_faults import Fault, bar_faults
from huracan.data.checks import check_bars, check_funding, check_trades
from huracan.data.files import checked_bars, read_bars, read_funding
from huracan.data.raw_bars import PRICES, RawBars, picked, raw_from_arrays, read_raw_bars
from huracan.data.repair_rules import BAR_RULES as RULES
from huracan.data.repairs import mended
from huracan.data.row_faults import HOUR, missing_payments, odd_hours
from huracan.data.synthetic import regimes
from huracan.sim.refusal import Refused

MINUTE = 60_000_000_000
START = 1_704_067_200_000_000_000  # a Monday


def market(n: int = 600, seed: int = 3, step: int = MINUTE) -> RawBars:
    """Sound bars with volume in each."""
    bars = regimes(n, seed, timeframe_ns=step)[0]
    assert bars.volume is not None
    prices = {word: getattr(bars, word).copy() for word in PRICES}
    return raw_from_arrays("made", bars.open_ns.copy(), prices, bars.volume + 1.0)


def counts(raw: RawBars, step: int = MINUTE) -> dict[str, int]:
    return {fault.name: fault.count for fault in bar_faults(raw, step)}


def found(raw: RawBars, name: str, step: int = MINUTE) -> Fault:
    (fault,) = [fault for fault in bar_faults(raw, step) if fault.name == name]
    return fault


def test_sound_bars_have_no_faults() -> None:
    assert counts(market()) == {}


def put(raw: RawBars, rows: Any, **prices: Any) -> RawBars:
    new = {word: array.copy() for word, array in raw.prices.items()}
    for word, value in prices.items():
        new[word][rows] = value
    return replace(raw, prices=new)


def test_each_planted_problem_is_found_with_its_count_and_place() -> None:
    raw = market()
    rows = [50, 51, 300]
    keep = np.ones(600, dtype=np.bool_)
    keep[[10, 11, 12, 400]] = False
    gone = picked(raw, keep)
    assert counts(gone) == {"missing_bars": 4}
    assert [(a - START, n) for a, _, n in found(gone, "missing_bars").spans] == [(10 * MINUTE, 3), (400 * MINUTE, 1)]
    assert counts(put(raw, rows, close=np.nan)) == {"nan": 3}
    assert counts(put(raw, rows, low=-1.0)) == {"nonpositive_price": 3}
    assert counts(put(raw, rows, open=0.0)) == {"nonpositive_price": 3}
    assert counts(put(raw, rows, high=raw.prices["low"][rows] * 0.999)) == {"bad_ohlc": 3}
    assert raw.volume is not None
    volume = raw.volume.copy()
    volume[rows] = 0.0
    assert counts(replace(raw, volume=volume)) == {"zero_volume": 3}
    volume[rows] = -1.0
    assert counts(replace(raw, volume=volume)) == {"bad_volume": 3}
    twice = picked(raw, np.sort(np.concatenate([np.arange(600), rows])))
    assert counts(twice) == {"duplicate_time": 3}
    order = np.arange(600)
    order[[100, 101]] = order[[101, 100]]
    assert counts(picked(raw, order)) == {"unordered_time": 1}
    late = raw.times.copy()
    late[rows] += 7_000_000_000
    assert counts(replace(raw, times=late))["off_grid"] == 3


@pytest.mark.parametrize("factor", [1.05, 0.9, 10.0])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_spike_that_comes_straight_back_is_found_and_a_real_move_is_not(factor: float, width: int) -> None:
    raw = market()
    rows = slice(200, 200 + width)
    spiked = put(raw, rows, **{word: raw.prices[word][rows] * factor for word in PRICES})
    assert counts(spiked) == {"spike": width}
    assert np.flatnonzero(found(spiked, "spike").mask).tolist() == list(range(200, 200 + width))
    moved = put(raw, slice(200, None), **{word: raw.prices[word][200:] * factor for word in PRICES})
    assert "spike" not in counts(moved)
    wick = put(raw, [200], high=raw.prices["high"][200] * 1.05)
    assert counts(wick) == {"spike": 1}


def test_stale_prices_and_outages() -> None:
    raw = market()
    still = put(raw, slice(100, 120), **dict.fromkeys(PRICES, raw.prices["close"][99]))
    assert counts(still) == {"stale": 20}
    copied = put(raw, slice(100, 120), **{word: raw.prices[word][99] for word in PRICES})
    assert counts(copied) == {"stale": 20}
    assert counts(put(raw, slice(100, 103), **dict.fromkeys(PRICES, raw.prices["close"][99]))) == {}
    assert raw.volume is not None
    volume = raw.volume.copy()
    volume[100:112] = 0.0
    keep = np.ones(600, dtype=np.bool_)
    keep[112:120] = False
    dead = picked(replace(raw, volume=volume), keep)
    assert counts(dead) == {"zero_volume": 12, "missing_bars": 8, "outage": 20}


def test_a_clock_that_slips_by_an_hour() -> None:
    raw = market()
    ahead = raw.times.copy()
    ahead[200:350] += 60 * MINUTE
    fault = found(replace(raw, times=ahead), "time_zone_slip")
    assert fault.count == 150
    assert fault.mask is not None
    assert np.flatnonzero(fault.mask)[[0, -1]].tolist() == [200, 349]
    mended_bars = mended(replace(raw, times=ahead), MINUTE, {"time_zone_slip": "shift"}, {})
    assert (mended_bars.times == raw.times).all()
    behind = raw.times.copy()
    behind[200:350] -= 120 * MINUTE
    assert (mended(replace(raw, times=behind), MINUTE, {"time_zone_slip": "shift"}, {}).times == raw.times).all()
    twice = raw.times.copy()
    twice[300:] -= 60 * MINUTE  # an autumn night of local time: an hour comes twice
    assert found(replace(raw, times=twice), "time_zone_slip").count == 60
    days = market(60, step=1440 * MINUTE)
    summer = days.times.copy()
    summer[40:] += 60 * MINUTE
    assert counts(replace(days, times=summer), 1440 * MINUTE)["time_zone_slip"] == 20


@given(st.data(), st.sampled_from([MINUTE, 60 * MINUTE, 1440 * MINUTE]))
def test_rows_out_of_place_are_no_slipped_clock(data: Any, step: int) -> None:
    raw = market(200, step=step)
    order = np.arange(200)
    for spot in data.draw(st.sets(st.integers(1, 38), min_size=1, max_size=5)):
        order[[5 * spot, 5 * spot + 1]] = order[[5 * spot + 1, 5 * spot]]
    swapped = picked(raw, order)
    assert counts(swapped, step) == {"unordered_time": int((np.diff(order) < 0).sum())}
    shuffled = picked(raw, np.array(data.draw(st.permutations(range(200)))))
    assert set(counts(shuffled, step)) <= {"unordered_time"}


def test_hours_at_which_a_market_is_never_open_are_not_missing() -> None:
    hours = market(24 * 7 * 6, step=60 * MINUTE)
    open_hours = (hours.times // (60 * MINUTE) % 24 >= 9) & (hours.times // (60 * MINUTE) % 24 < 17)
    weekdays = (hours.times // (1440 * MINUTE) + 3) % 7 < 5
    session = picked(hours, open_hours & weekdays)
    assert set(counts(session, 60 * MINUTE)) == {"closed_hours"}
    holed = picked(session, np.arange(len(session)) != 50)
    assert counts(holed, 60 * MINUTE)["missing_bars"] == 1


# --- repairs ----------------------------------------------------------------------------------------------------------


def test_every_rule_mends_its_problem_and_is_counted() -> None:
    raw = market()
    assert raw.volume is not None
    bad_volume = raw.volume.copy()
    bad_volume[7] = -1.0
    order = np.arange(600)
    order[[100, 101]] = order[[101, 100]]
    late = raw.times.copy()
    late[50] += 7_000_000_000
    zero = raw.volume.copy()
    zero[100:112] = 0.0
    slipped = raw.times.copy()
    slipped[200:350] += 60 * MINUTE
    broken = {
        "time_zone_slip": replace(raw, times=slipped),
        "unordered_time": picked(raw, order),
        "duplicate_time": picked(raw, np.sort(np.append(np.arange(600), 50))),
        "off_grid": replace(raw, times=late),
        "nan": put(raw, [50], close=np.nan),
        "nonpositive_price": put(raw, [50], low=0.0),
        "bad_ohlc": put(raw, [50], high=1.0),
        "bad_volume": replace(raw, volume=bad_volume),
        "spike": put(raw, [50], **{word: raw.prices[word][50] * 2 for word in PRICES}),
        "stale": put(raw, slice(100, 120), **dict.fromkeys(PRICES, raw.prices["close"][99])),
        "outage": replace(raw, volume=zero),
        "zero_volume": replace(raw, volume=zero),
        "missing_bars": picked(raw, np.arange(600) != 50),
    }
    assert set(broken) == {name for name, rule in RULES.items() if len(rule.choices) > 1}
    for name, bad in broken.items():
        before = counts(bad)[name]
        for rule in RULES[name].choices[1:]:
            repairs: dict[str, int] = {}
            after = mended(bad, MINUTE, {name: rule}, repairs)
            assert repairs == {f"{name}_{rule}": before}, (name, rule)
            if (name, rule) != ("outage", "drop"):  # then nothing is claimed of these minutes, and they are missing
                assert name not in counts(after), (name, rule)


def test_filled_bars_are_flat_at_the_last_close_without_volume() -> None:
    raw = market()
    after = mended(picked(raw, ~np.isin(np.arange(600), [50, 51])), MINUTE, {"missing_bars": "fill"}, {})
    assert (after.times == raw.times).all()
    for word in PRICES:
        assert after.prices[word][50:52].tolist() == [raw.prices["close"][49]] * 2
    assert after.volume is not None
    assert after.volume[50:52].tolist() == [0.0, 0.0]


def test_first_and_last_of_doubled_rows() -> None:
    raw = market(20)
    double = replace(picked(raw, np.array([*range(20), 5, 5])), rows=np.arange(22))
    double = put(double, [20], close=double.prices["close"][5] * 1.0001)
    for rule, kept in (("first", 5), ("last", 21)):
        after = mended(double, MINUTE, {"duplicate_time": rule, "unordered_time": "sort"}, {})
        assert int(after.rows[5]) == kept


def test_a_repaired_run_says_so_and_an_unrepaired_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    rows = ["2024-01-01 00:00:00,5,6,4,5,1", "2024-01-01 00:03:00,5,6,4,nan,1", "2024-01-01 00:01:00,5,5.5,4,6,1"]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    with pytest.raises(Refused, match=r"nan: .*row 2, column close.*repair = \{ nan = \"drop\" \}"):
        read_bars(path, timeframe="1m")
    repair = {"nan": "fill", "unordered_time": "sort", "bad_ohlc": "widen", "missing_bars": "fill"}
    bars = read_bars(path, timeframe="1m", repair=repair)
    assert bars.close.tolist() == [5.0, 6.0, 6.0, 6.0]
    assert bars.high.tolist() == [6.0, 6.0, 6.0, 6.0]
    assert bars.repairs == {
        "naive_times_as_utc": 3,
        "unordered_time_sort": 1,
        "nan_fill": 1,
        "bad_ohlc_widen": 1,
        "missing_bars_fill": 1,
        "tick_inferred": 1,
    }


def test_rules_that_do_not_exist_are_refused() -> None:
    with pytest.raises(Refused, match="did you mean 'missing_bars'"):
        mended(market(20), MINUTE, {"missing_bar": "fill"}, {})
    with pytest.raises(Refused, match="use one of keep, fill"):
        mended(market(20), MINUTE, {"missing_bars": "drop"}, {})


@given(st.data())
def test_counts_are_exact_wherever_problems_are_planted(data: Any) -> None:
    """Rows far from each other, each with one problem: every count is what was planted."""
    raw = market(400, seed=data.draw(st.integers(1, 50)))
    rows = data.draw(st.lists(st.integers(1, 38), min_size=6, max_size=6, unique=True))
    spots = [10 * row for row in rows]
    known = st.sampled_from(["nan", "low", "ohlc", "spike", "gone", "twice"])
    names = data.draw(st.lists(known, min_size=6, max_size=6))
    for spot, name in zip(spots, names, strict=True):
        if name == "nan":
            raw = put(raw, [spot], open=np.nan)
        elif name == "low":
            raw = put(raw, [spot], close=-1.0)
        elif name == "ohlc":
            raw = put(raw, [spot], low=raw.prices["high"][spot] * 1.0001)
        elif name == "spike":
            raw = put(raw, [spot], **{word: raw.prices[word][spot] * 1.2 for word in PRICES})
    drop = [s for s, n in zip(spots, names, strict=True) if n == "gone"]
    again = [s for s, n in zip(spots, names, strict=True) if n == "twice"]
    rows_ = np.sort([t for t in range(400) if t not in drop] + again)
    words = {"nan": "nan", "low": "nonpositive_price", "ohlc": "bad_ohlc", "spike": "spike"}
    words |= {"gone": "missing_bars", "twice": "duplicate_time"}
    planted = {words[name]: names.count(name) for name in set(names)}
    assert counts(picked(raw, rows_)) == planted
    check = check_bars(picked(raw, rows_), MINUTE, "1m")
    assert {p.name: p.count for p in check.problems} == planted


@given(st.data())
def test_all_suggested_repairs_give_bars_that_run(data: Any) -> None:
    raw = market(300, seed=data.draw(st.integers(1, 20)))
    rows = data.draw(st.lists(st.integers(1, 298), min_size=1, max_size=20))
    raw = put(raw, rows[:4], close=np.nan)
    raw = put(raw, rows[4:8], low=-2.0)
    raw = put(raw, rows[8:12], high=0.5)
    order = np.array(data.draw(st.permutations(range(300)))) if data.draw(st.booleans()) else np.arange(300)
    raw = picked(raw, np.concatenate([order, rows]))
    repair = {name: rule.suggested for name, rule in RULES.items()}
    bars = checked_bars(raw, symbol="A/B", timeframe="1m", repair=repair)
    assert (np.diff(bars.open_ns) == MINUTE).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()


# --- other kinds, and real files --------------------------------------------------------------------------------------


def test_payments_at_odd_hours_and_payments_that_are_not_there() -> None:
    times = START + np.arange(0, 240, 8) * HOUR + 13_000_000
    assert not odd_hours(times).any()
    off = times.copy()
    off[4] += 20 * MINUTE
    off[9] += HOUR
    assert np.flatnonzero(odd_hours(off)).tolist() == [4, 9]
    assert missing_payments(np.delete(times, [5, 6, 20]))[0][2] == 2
    mixed = START + np.cumsum([0, 8, 8, 8, 4, 4, 4, 1, 1, 1, 1, 1, 1]) * HOUR
    assert not odd_hours(mixed).any()
    assert missing_payments(mixed) == ()
    rate = np.full(30, 1e-4)
    rate[3], rate[7] = np.nan, 2.0
    gone = np.delete(np.arange(30), 15)
    check = check_funding("f", off[gone], rate[gone], {})
    assert {p.name: p.count for p in check.problems} == {
        "nan": 1, "bad_rate": 1, "funding_odd_hours": 2, "missing_funding": 1,
    }  # fmt: skip


def test_the_picture_of_payments_is_a_line_without_holes() -> None:
    times = START + np.arange(0, 720, 8) * HOUR
    shape = check_funding("f", times, np.full(90, 1e-4), {}).coverage
    assert np.isfinite(shape.price).all()
    assert shape.present.min() > 0
    assert shape.present.sum() == 90


def test_trades_out_of_order_and_impossible() -> None:
    times = START + np.arange(100) * 10**9
    price = 100 + np.sin(np.arange(100)) * 0.05
    qty = np.ones(100)
    price[50], price[60], price[70], qty[80], times[90] = 150.0, np.nan, -1.0, 0.0, START
    check = check_trades("t", {"ts": times, "price": price, "qty": qty}, {})
    assert {p.name: p.count for p in check.problems} == {
        "unordered_time": 1, "nan": 1, "nonpositive_price": 1, "nonpositive_qty": 1, "spike": 1,
    }  # fmt: skip


def test_the_outage_of_march_2023(shared_data: Path) -> None:
    raw = read_raw_bars(shared_data / "bars_1m_spot_gap" / "BTC_USDT-1m.json")
    check = check_bars(raw, MINUTE, "1m")
    by_name = {p.name: p for p in check.problems}
    assert {name: p.count for name, p in by_name.items()} == {
        "zero_volume": 72, "missing_bars": 80, "outage": 152, "stale": 72,
    }  # fmt: skip
    assert (by_name["zero_volume"].first, by_name["zero_volume"].last) == (
        "2023-03-24T11:28:00Z",
        "2023-03-24T12:39:00Z",
    )
    assert (by_name["missing_bars"].first, by_name["missing_bars"].last) == (
        "2023-03-24T12:40:00Z",
        "2023-03-24T13:59:00Z",
    )


@pytest.mark.parametrize("coin", ["ADA", "BTC", "ETH", "SOL", "XRP"])
def test_real_perpetuals_are_clean(shared_data: Path, coin: str) -> None:
    raw = read_raw_bars(shared_data / "bars_1m_usdm" / f"{coin}_USDT_USDT-1m-futures.feather")
    assert len(raw) > 35_000
    assert check_bars(raw, MINUTE, "1m").problems == ()


@pytest.mark.parametrize("coin", ["BTC", "ENA", "ETH", "LAYER", "SOL"])
def test_real_payments_are_clean(shared_data: Path, coin: str) -> None:
    paid = read_funding(shared_data / "funding_usdm" / f"{coin}-funding_rate.feather")
    assert len(paid.ts_ns) > 200
    assert check_funding(coin, paid.ts_ns, paid.rate, {}).problems == ()
