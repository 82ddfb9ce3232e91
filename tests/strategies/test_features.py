"""Features: their values against exact arithmetic and published numbers, and the laws they keep, for every kind that is
shipped.
"""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.data.files import read_bars
from huracan.sim import layout
from huracan.sim.columns import KINDS, Column, Feature, fill, is_wide, plan, resolve, start
from huracan.sim.feature import kind_module
from huracan.sim.portable_math import log
from huracan.sim.refusal import Refused
from huracan.strategies import features as shipped
from huracan.strategies.discovery import shipped_features, shipped_strategies
from huracan.strategies.features import atr, ema, highest, lag, lowest, ret, rsi, sma, spread_z, std, zscore
from tests.strategies.feature_runs import (
    MINUTE,
    NO_TICK,
    digest,
    examples,
    mixed_tape,
    rules,
    run,
    same,
    tape,
    walk,
)

ROOT = Path(__file__).resolve().parents[2]
NAN = math.nan

# tick, and a first price in ticks
MARKETS = [((1, 100), 200_000), ((1, 10), 1_000_000), ((1, 20), 77), ((1, 4), 40_000), ((5, 1), 3_000), ((25, 100), 9)]
# prices of 1e-8 and of 1e8
EXTREMES = [((1, 10**10), 120), ((1, 10**8), 150), ((1, 100), 10**10), ((1, 1), 10**8)]


def one(feature, close, tick, **more):
    """The series of one feature on the closes of one instrument."""
    rows, bars = tape([close], **more)
    series, _ = run({"f": feature}, rows, bars, rules(tick, 1))
    return series["f"][0]


def prices(ticks, tick):
    return [float(Fraction(int(t) * tick[0], tick[1])) for t in ticks]


def windows_of(values, n):
    """The last n values at every place; None where there are fewer."""
    return [values[i + 1 - n : i + 1] if i + 1 >= n else None for i in range(len(values))]


def variance(window):
    mean = sum(window) / len(window)
    return sum((x - mean) ** 2 for x in window) / len(window)


def root(x: Fraction) -> float:
    """The square root of an exact number, rounded once or nearly so."""
    if x == 0:
        return 0.0
    shift = 4**200
    return float(Fraction(math.isqrt(int(x * shift)), 2**200))


def close_to(got, want, relative, scale=0.0):
    near = relative * max(abs(want), scale)
    assert math.isnan(got) if math.isnan(want) else abs(got - want) <= near, (got, want)


@st.composite
def tick_series(draw):
    tick, first = draw(st.sampled_from(MARKETS + EXTREMES))
    step = draw(st.sampled_from([0, 1, 3, 200]))
    moves = draw(st.lists(st.integers(-step, step), min_size=1, max_size=80))
    ticks = np.maximum(first + np.cumsum(moves), 1)
    return tick, [int(t) for t in ticks]


# --- values


@given(tick_series(), st.sampled_from([1, 2, 3, 7, 20, 50]))
def test_a_simple_mean_on_ticks_is_the_exact_mean_rounded_once(case, n):
    tick, ticks = case
    exact = [Fraction(t * tick[0], tick[1]) for t in ticks]
    got = one(sma(n), prices(ticks, tick), tick)
    want = [NAN if w is None else float(sum(w) / n) for w in windows_of(exact, n)]
    np.testing.assert_array_equal(got, want)


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=60), st.sampled_from([1, 3, 10, 24]))
def test_a_simple_mean_off_ticks_is_the_exact_mean_of_the_doubles(close, n):
    got = one(sma(n), close, NO_TICK)
    for g, w in zip(got, windows_of([Fraction(x) for x in close], n), strict=True):
        want = NAN if w is None else float(sum(w) / n)
        assert g == want or (math.isnan(g) and math.isnan(want))


@pytest.mark.parametrize("price", [1e-8, 0.1, 1 / 3, 68123.45, 1e8, 12345678.9])
@pytest.mark.parametrize("tick", [(1, 100), NO_TICK])
def test_a_constant_price_is_its_own_mean_and_has_no_deviation(price, tick):
    rows, bars = tape([[price] * 90])
    both = {"f": sma(13), "s": sma(50), "d": std(20), "z": zscore(20), "e": ema(7)}
    got, _ = run(both, rows, bars, rules(tick, 1))
    for name, n in (("f", 13), ("s", 50), ("e", 7)):
        np.testing.assert_array_equal(got[name][0][n - 1 :], price)
    np.testing.assert_array_equal(got["d"][0][19:], 0.0)
    assert np.isnan(got["z"]).all()


def test_a_price_that_comes_to_rest_has_no_deviation():
    for tick, price in (((1, 100), 0.37), (NO_TICK, 1 / 3), ((1, 10), 1234.56)):
        close = [*walk(60, 4), *[price] * 40]
        for n in (7, 20):
            np.testing.assert_array_equal(one(std(n), close, tick)[60 + n - 1 :], 0.0)
            assert np.isnan(one(zscore(n), close, tick)[60 + n - 1 :]).all()
            assert one(std(n), close, tick)[60 + n - 2] > 0.0


def test_what_sums_forget_beside_a_huge_price_does_not_stay():
    r = np.random.default_rng(0)
    for _ in range(300):
        n, moving = (int(x) for x in r.integers(2, 25, 2))
        close = [*np.exp(r.normal(0.0, 8.0, moving)), *[float(np.exp(r.normal()))] * 60]
        np.testing.assert_array_equal(one(std(n), close, NO_TICK)[moving + n - 1 :], 0.0)


def test_prices_off_the_tick_and_too_many_ticks_change_over_to_the_doubles():
    close = walk(200, 5)
    close[90] += 0.001  # a tenth of a tick
    beyond = prices([10**15] * 30 + [10**15 + 1] * 30 + [10**12 + 1] * 60, (1, 100))
    for series in (close.tolist(), beyond):
        exact = [Fraction(x) for x in series]
        for n in (7, 50):
            want = [NAN if w is None else float(sum(w) / n) for w in windows_of(exact, n)]
            got = one(sma(n), series, (1, 100))
            np.testing.assert_allclose(got, want, rtol=3e-16)
            deviation = one(std(n), series, (1, 100))
            for g, w in zip(deviation, windows_of(exact, n), strict=True):
                close_to(g, NAN if w is None else root(variance(w)), 1e-12)


def check_moments(ticks, tick, n, relative=1e-12):
    """std and zscore of a series of ticks against exact arithmetic."""
    exact = [Fraction(t * tick[0], tick[1]) for t in ticks]
    close = prices(ticks, tick)
    deviations, scores = one(std(n), close, tick), one(zscore(n), close, tick)
    for x, d, z, w in zip(exact, deviations, scores, windows_of(exact, n), strict=True):
        if w is None:
            assert math.isnan(d)
            assert math.isnan(z)
            continue
        v = variance(w)
        close_to(d, root(v), relative)
        if v == 0:
            assert d == 0.0
            assert math.isnan(z)
        else:
            sign = 1 if x > sum(w) / n else -1
            close_to(z, sign * root((x - sum(w) / n) ** 2 / v), relative, scale=1.0)


@given(tick_series(), st.sampled_from([1, 2, 5, 20]))
def test_deviation_and_score_against_exact_arithmetic(case, n):
    tick, ticks = case
    check_moments(ticks, tick, n)


def test_deviation_far_from_where_it_began():
    r = np.random.default_rng(1)
    climb = np.concatenate(
        [np.linspace(1_000, 10**8, 60).astype(int) + r.integers(0, 99, 60), 10**8 + r.integers(0, 9, 60)]
    )
    spike = 5_000 + r.integers(0, 3, 150)
    spike[40], spike[95] = 10**11, 1  # out of every window's reach: from then on off ticks, as exact as doubles are
    wide = r.integers(1, 4 * 10**7, 150)  # sums of squares above 2**53
    for ticks, relative in ((climb, 1e-12), (wide, 1e-12), (spike, 1e-11)):
        for n in (2, 12, 40):
            check_moments(ticks.tolist(), (1, 100), n, relative)


@given(
    st.lists(st.floats(0.5, 2.0), min_size=1, max_size=80),
    st.sampled_from([2, 7, 30]),
    st.sampled_from([0.0, 1e-6, 1e3]),
)
def test_deviation_off_ticks(shape, n, jump):
    close = [1.0 + 1e-3 * x + (jump if i > len(shape) // 2 else 0.0) for i, x in enumerate(shape)]
    for g, w in zip(one(std(n), close, NO_TICK), windows_of([Fraction(x) for x in close], n), strict=True):
        v = NAN if w is None else root(variance(w))
        # a window that does not move off ticks but for some last digits is known to those digits
        assert (math.isnan(g) and math.isnan(v)) or abs(g - v) <= 1e-12 * v + 1e-15 * abs(float(max(w)))


@given(tick_series(), st.sampled_from([1, 2, 9, 30]))
def test_an_exponential_mean_starts_from_the_simple_one(case, n):
    tick, ticks = case
    close = prices(ticks, tick)
    got = one(ema(n), close, tick)
    start_value = one(sma(n), close, tick)
    value = None
    for i, x in enumerate(ticks):
        exact = Fraction(x * tick[0], tick[1])
        if i + 1 < n:
            assert math.isnan(got[i])
        elif i + 1 == n:
            assert got[i] == start_value[i]
            value = Fraction(got[i])
        else:
            value += Fraction(2, n + 1) * (exact - value)
            close_to(got[i], float(value), 1e-13)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 64, 200, 500])
def test_extremes_returns_and_lags_against_a_plain_loop(n):
    rows, bars = tape([walk(450, n)], seed=n)
    declared = {
        "h": highest(n),
        "l": lowest(n),
        "r": ret(n),
        "o": lag("open", n),
        "v": lag("volume", n),
        "m": lag("h", n),
    }
    got, _ = run(declared, rows, bars, rules(instruments=1))
    high, low, close = (bars[name][:, 0] for name in ("high", "low", "close"))
    for i in range(450):
        full, past = i + 1 >= n, i >= n
        want = {
            "h": max(high[i + 1 - n : i + 1]) if full else NAN,
            "l": min(low[i + 1 - n : i + 1]) if full else NAN,
            "r": close[i] / close[i - n] - 1.0 if past else NAN,
            "o": bars["open"][i - n, 0] if past else NAN,
            "v": bars["volume"][i - n, 0] if past else NAN,
            "m": got["h"][0, i - n] if past else NAN,
        }
        for name, value in want.items():
            np.testing.assert_array_equal(got[name][0, i], value, err_msg=f"{name} at {i}")
    assert n == 500 or np.isfinite(got["h"]).any()


def published(path, column):
    """Rows of a file of reference values, and the column as floats; NaN where it is empty."""
    with path.open(newline="") as file:
        table = list(csv.DictReader(file))
    return table, np.array([float(row[column] or "nan") for row in table])


def test_wilders_average_range_as_published(shared_data):
    table, want = published(shared_data / "indicators" / "spy_atr_wilder.txt", "Average True Range 14")
    rows, bars = tape([[float(row["Close"]) for row in table]])
    bars["high"][:, 0] = [float(row["High"]) for row in table]
    bars["low"][:, 0] = [float(row["Low"]) for row in table]
    series, _ = run({"f": atr(14)}, rows, bars, rules(instruments=1))
    got = series["f"][0]
    known = ~np.isnan(want)
    assert known.sum() > 100
    np.testing.assert_array_equal(np.isnan(got), ~known)
    assert np.abs(got - want)[known].max() <= 5.1e-6
    assert round(got[-1], 5) == 2.66587


def test_wilders_relative_strength_as_published(shared_data):
    table, want = published(shared_data / "indicators" / "spy_with_indicators.txt", "RSI 14 Wilder")
    got = one(rsi(14), [float(row["Close"]) for row in table], (1, 100))
    known = ~np.isnan(want)
    assert known.sum() > 100
    np.testing.assert_array_equal(np.isnan(got), ~known)
    assert np.abs(got - want)[known].max() <= 5.1e-6
    assert round(got[-1], 5) == 53.89212


def test_relative_strength_at_its_ends():
    assert one(rsi(3), [1.0, 2.0, 3.0, 4.0, 5.0], NO_TICK).tolist()[3:] == [100.0, 100.0]
    assert one(rsi(3), [5.0, 4.0, 3.0, 2.0, 1.0], NO_TICK).tolist()[3:] == [0.0, 0.0]
    assert one(rsi(3), [2.0] * 5, NO_TICK).tolist()[3:] == [50.0, 50.0]


def test_the_score_of_a_spread_against_exact_arithmetic():
    first, second = walk(150, 1), walk(150, 2, 3_000, 5)
    fresh = np.ones((2, 150))
    fresh[1, 30:40] = 0
    rows, bars = tape([first, second], fresh=fresh)
    series, _ = run({"z": spread_z(20, 0.7)}, rows, bars, rules())
    got = series["z"]
    assert got.shape == (1, 150)
    both = [i for i in range(150) if fresh[1, i]]
    spreads = [Fraction(log(first[i]) - 0.7 * log(second[i])) for i in both]
    for i, w in zip(both, windows_of(spreads, 20), strict=True):
        if w is None:
            assert math.isnan(got[0, i])
        else:
            above = w[-1] - sum(w) / 20
            assert abs(got[0, i] - float(above) / root(variance(w))) <= 1e-10
    np.testing.assert_array_equal(got[0, 30:40], got[0, 29])


@pytest.mark.parametrize("kind", ["sma", "ema", "std", "highest", "lowest", "atr"])
@pytest.mark.parametrize("tick", [(1, 10**10), (1, 10**8), NO_TICK])
def test_tiny_and_huge_prices_scale(kind, tick):
    """1e-8 and 1e8 times a series are features times as much, to the last digits."""
    close = walk(300, 9, 100_000, 400) / 1000.0
    plain = one(Feature(kind, (20,)), close, NO_TICK)
    for scale in (1e-8, 1e8):
        rows, bars = tape([close * scale], tick=0.01 * scale)
        series, _ = run({"f": Feature(kind, (20,))}, rows, bars, rules(tick, 1))
        np.testing.assert_allclose(series["f"][0], plain * scale, rtol=1e-9)


# --- the laws


def test_every_kind_is_found_and_exported():
    found = [f.name for f in shipped_features()]
    assert found == sorted(KINDS) == sorted(shipped.__all__)
    for name in found:
        declare = getattr(shipped, name)
        count = len(kind_module(name).ARGS)
        assert declare(*["x"] * count, every="1h") == Feature(name, ("x",) * count, "1h")
    assert {k.removesuffix("7") for k in examples((7,)) if k.endswith("7")} == set(KINDS)
    assert all(f.doc.endswith(".") and f.signature.startswith(f.name + "(") for f in shipped_features())


def test_strategies_are_found():
    by_name = {s.name: s for s in shipped_strategies()}
    assert by_name["sma_cross"].params["fast"].default == 20
    assert all(s.doc.endswith(".") for s in by_name.values())


@pytest.mark.parametrize("every", [None, "5m", "1h"])
@pytest.mark.parametrize("tick", [(1, 100), NO_TICK])
def test_any_split_gives_the_same_bits(every, tick):
    rows, bars = mixed_tape()
    n = len(rows)
    whole, state = run(examples(every=every), rows, bars, rules(tick))
    assert np.isfinite(whole["before_zscore"]).any() or every == "1h"
    r = np.random.default_rng(0)
    for cuts in (range(n), range(0, n, 7), r.choice(n, 20), [1, n - 1]):
        parts, at_end = run(examples(every=every), rows, bars, rules(tick), cuts, capacity=64)
        assert same(whole, parts) == []
        assert at_end == state


@pytest.mark.parametrize("every", [None, "5m"])
@pytest.mark.parametrize("tick", [(1, 100), NO_TICK])
def test_what_comes_after_changes_nothing_before(every, tick):
    rows, bars = mixed_tape()
    whole, _ = run(examples(every=every), rows, bars, rules(tick))
    for cut in (1, 40, 63, 150, len(rows) - 1):
        short, _ = run(examples(every=every), rows[:cut], bars[:cut], rules(tick))
        assert same({k: v[:, :cut] for k, v in whole.items()}, short) == []
        other = bars.copy()
        for name in ("open", "high", "low", "close"):
            other[name][cut:] *= 3.0
        other["fresh"][cut:] = 1
        changed, _ = run(examples(every=every), rows, other, rules(tick))
        assert same({k: v[:, :cut] for k, v in changed.items()}, short) == []
        if cut == 150:
            assert len(same(whole, changed)) > len(KINDS)  # the change is seen after it


def test_columns_do_not_touch_each_other():
    rows, bars = mixed_tape()
    declared = examples()
    together, _ = run(declared, rows, bars, rules())
    for name in [n for n in declared if not n.startswith(("before", "long"))]:
        alone, _ = run({name: declared[name]}, rows, bars, rules())
        assert same(alone, together) == []


def test_instruments_do_not_touch_each_other():
    rows, bars = mixed_tape()
    declared = {k: v for k, v in examples().items() if not is_wide(k, examples())}
    together, _ = run(declared, rows, bars, rules())
    for k in (0, 1):
        alone, _ = run(declared, rows, bars[:, k : k + 1], rules(instruments=1))
        assert same({name: series[k : k + 1] for name, series in together.items()}, alone) == []


def test_threads_may_share_a_plan():
    rows, bars = mixed_tape()
    made = plan(resolve(examples(), {}).values(), 2)
    tables = np.zeros((4, made.n_rows, len(rows)))
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(fill, made, start(made, rules()), rows, bars, t, 0, len(rows)) for t in tables]
        assert [job.result() for job in jobs] == [None] * 4
    assert len({t.tobytes() for t in tables}) == 1
    assert np.isfinite(tables[0]).any()


def test_a_state_goes_on_from_its_snapshot():
    rows, bars = mixed_tape()
    made = plan(resolve(examples(every="5m") | {"now": sma(7)}, {}).values(), 2, MINUTE)
    one_state, other = start(made, rules()), start(made, rules())
    table, again = np.zeros((2, made.n_rows, 400))
    fill(made, one_state, rows, bars, table, 0, 173)
    other.restore(one_state.snapshot())
    fill(made, one_state, rows, bars, table, 173, len(rows))
    fill(made, other, rows, bars, again, 173, len(rows))
    assert table[:, 173:].tobytes() == again[:, 173:].tobytes()
    with pytest.raises(Refused, match="snapshot"):
        other.restore(b"short")


def test_compiled_code_and_plain_python_agree_bit_for_bit():
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.strategies.feature_runs"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout.strip() == digest()


# --- longer timeframes, and bars that are missing


def test_a_stale_bar_carries_the_value():
    close = walk(120, 3)
    fresh = np.random.default_rng(0).random((1, 120)) > 0.3
    rows, bars = tape([close], fresh=fresh)
    there = np.flatnonzero(fresh[0])
    everything = {k: v for k, v in examples().items() if not is_wide(k, examples())}
    with_gaps, _ = run(everything, rows, bars, rules(instruments=1))
    without, _ = run(everything, rows[there], bars[there], rules(instruments=1))
    for name, series in with_gaps.items():
        np.testing.assert_array_equal(series[0, there], without[name][0], err_msg=name)
        for i in np.flatnonzero(~fresh[0])[1:]:
            np.testing.assert_array_equal(series[0, i], series[0, i - 1] if i else NAN, err_msg=name)


def longer_bars(rows, bars, every_ns):
    """(rows, bars) of a longer timeframe, and the row at which each is known, by a plain reading of the rule."""
    ends = -(-rows["close_ns"] // every_ns) * every_ns
    out, known = [], []
    for end in dict.fromkeys(ends[bars["fresh"].any(axis=1)].tolist()):
        reached = np.flatnonzero(rows["close_ns"] >= end)
        if not len(reached):
            continue
        known.append(reached[0])
        record = np.zeros(bars.shape[1], layout.bar)
        for k in range(bars.shape[1]):
            inside = bars[(ends == end) & (bars["fresh"][:, k] == 1), k]
            if len(inside):
                sums = inside["high"].max(), inside["low"].min(), inside["close"][-1], inside["volume"].sum()
                record[k] = (inside["open"][0], *sums, 1)
        out.append(record)
    times = np.zeros(len(out), layout.row)
    return times, np.array(out), known


@pytest.mark.parametrize(("every", "minutes"), [("5m", 5), ("1h", 60), ("1m", 1), ("3m", 3)])
def test_a_longer_timeframe_shows_closed_bars_only(every, minutes):
    rows, bars = mixed_tape()
    base = examples((1, 2, 5))
    with_lags = {k: v for k, v in base.items() if "before" not in k}
    with_lags |= {name: lag(name, 1) for name in ("open", "high", "close", "volume")}
    got, _ = run({k: Feature(f.kind, f.args, every) for k, f in with_lags.items()}, rows, bars, rules())
    times, longer, known = longer_bars(rows, bars, minutes * MINUTE)
    assert len(known) >= 5
    want, _ = run(with_lags, times, longer, rules())
    for name, series in want.items():
        spread = np.full_like(got[name], NAN)
        for value, row in zip(series.T, known, strict=True):
            spread[:, row:] = value[:, None]
        np.testing.assert_array_equal(got[name], spread, err_msg=name)


def test_a_bar_of_an_hour_is_known_when_its_last_minute_closes():
    close = np.arange(1.0, 181.0)
    rows, bars = tape([close])  # opens 14 minutes past an hour
    series, _ = run({"f": sma(1, every="1h")}, rows, bars, rules(NO_TICK, 1))
    got = series["f"][0]
    assert np.isnan(got[:45]).all()
    assert got[45:105].tolist() == [46.0] * 60  # minute 59 closes at the hour
    rows, bars = tape([close], missing=range(40, 50))
    series, _ = run({"f": sma(1, every="1h")}, rows, bars, rules(NO_TICK, 1))
    got = series["f"][0]
    assert np.isnan(got[:40]).all()
    assert got[40] == 40.0  # the first row after the gap shows what the hour had


def test_weeks_begin_on_mondays_and_days_at_midnight():
    day = 86_400 * 10**9
    rows, bars = tape([np.arange(1.0, 31.0)])
    monday = 19_723 * day  # 2024-01-01
    rows["close_ns"] = monday + (1 + np.arange(30)) * day
    series, _ = run({"w": sma(1, every="1w"), "d": sma(1, every="2d")}, rows, bars, rules(NO_TICK, 1))
    assert np.flatnonzero(np.diff(series["w"][0][6:])).tolist() == [6, 13, 20]
    assert series["w"][0][6] == 7.0
    np.testing.assert_array_equal(np.diff(series["d"][0][1:])[::2] != 0, [True] * 14)


def test_a_lag_of_a_slow_feature_counts_the_bars_it_is_asked_for():
    close = np.arange(1.0, 61.0)
    rows, bars = tape([close])
    declared = {"slow": sma(1, every="5m"), "row": lag("slow", 1), "bar": lag("slow", 1, every="5m")}
    got, _ = run(declared, rows, bars, rules(NO_TICK, 1))
    np.testing.assert_array_equal(got["row"][0][1:], got["slow"][0][:-1])
    np.testing.assert_array_equal(got["bar"][0][5:], got["slow"][0][:-5])


# --- real prices


def test_crosses_on_real_prices_are_those_of_exact_arithmetic(shared_data):
    path = shared_data / "bars_1m_usdm" / "ETH_USDT_USDT-1m-futures.feather"
    data = read_bars(path, timeframe="1m")
    tick = (data.rules.tick_num, data.rules.tick_den)
    ticks = np.rint(data.close * tick[1] / tick[0]).astype(np.int64)
    rows, bars = tape([data.close])
    sums = np.concatenate([[0], np.cumsum(ticks)])
    ties = 0
    for fast, slow in ((2, 3), (5, 7), (5, 10), (10, 30), (20, 50), (12, 96)):
        got, _ = run({"f": sma(fast), "s": sma(slow)}, rows, bars, rules(tick, 1), range(0, len(ticks), 4096))
        f = sums[slow:] - sums[slow - fast : -fast]
        s = sums[slow:] - sums[:-slow]
        exact = np.sign(f * slow - s * fast)
        np.testing.assert_array_equal(np.sign(got["f"] - got["s"])[0, slow - 1 :], exact)
        ties += int((exact == 0).sum())
    assert ties == 100


# --- what is refused


@pytest.mark.parametrize(
    ("features", "params", "says"),
    [
        ({"a": sma("fats")}, {"fast": 5}, "did you mean 'fast'"),
        ({"a": sma("n")}, {"n": 0}, "parameter 'n'.*is 0"),
        ({"a": sma("n")}, {"n": 2.5}, "2.5"),
        ({"a": sma("n")}, {"n": NAN}, "nan"),
        ({"a": sma(2_000_000)}, {}, "1000000"),
        ({"a": Feature("smaa", (5,))}, {}, "did you mean 'sma'"),
        ({"a": Feature("sma", ())}, {}, "takes 1 arguments"),
        ({"a": spread_z(5, math.inf)}, {}, "finite"),
        ({"a": sma(5, every="1x")}, {}, "timeframe"),
        ({"a": sma(5, every="0h")}, {}, "timeframe"),
        ({"a": lag("closse", 1)}, {}, "did you mean 'close'"),
        ({"a": lag("b", 1), "b": lag("a", 1)}, {}, "lags of each other"),
        ({"close": sma(3), "a": lag("close", 1)}, {}, "another name"),
        ({"a": lag("close", 0)}, {}, "k is 0"),
    ],
)
def test_a_feature_that_can_not_be_is_refused_by_name(features, params, says):
    with pytest.raises(Refused, match=says) as refused:
        resolve(features, params)
    assert "'a'" in str(refused.value) or "'b'" in str(refused.value)


def test_a_plan_refuses_what_the_tape_can_not_give():
    columns = resolve({"a": sma(5, every="90s")}, {})
    with pytest.raises(Refused, match="no multiple"):
        plan(columns.values(), 1, MINUTE)
    with pytest.raises(Refused, match="two instruments"):
        plan(resolve({"a": spread_z(5, 1.0)}, {}).values(), 1)


# --- columns and plans


def test_equal_columns_are_one():
    declared = {"f": sma("fast"), "s": sma("slow"), "z": spread_z("slow", "hedge"), "b": lag("s", 2)}
    lanes = [resolve(declared, {"fast": f, "slow": s, "hedge": 1}) for f in (5, 10.0) for s in (10, 20)]
    made = plan((c for lane in lanes for c in lane.values()), 3)
    assert made.columns[:2] == (Column("sma", (5,)), Column("sma", (10,)))
    assert len(made.columns) == 3 + 2 + 2  # means, scores, lags
    taken = sorted((base, 1 if c.kind == "spread_z" else 3) for c, base in made.base.items())
    assert [base for base, _ in taken] == [sum(n for _, n in taken[:i]) for i in range(len(taken))]
    assert made.n_rows == sum(n for _, n in taken)


def test_a_lag_alone_brings_what_it_looks_at():
    columns = resolve({"s": sma(5), "b": lag("s", 1)}, {})
    made = plan([columns["b"]], 2)
    assert set(made.columns) == set(columns.values())
    assert is_wide("z", {"z": lag("y", 1), "y": spread_z(5, 1.0)})
    assert not is_wide("z", {"z": lag("close", 1)})
    assert not is_wide("z", {"z": lag("y", 1), "y": atr(5)})


def test_parameters_that_no_feature_uses_do_not_matter():
    declared = {"f": sma("fast")}
    first = resolve(declared, {"fast": 5, "qty": 1.0})
    second = resolve(declared, {"fast": 5, "qty": 2.0})
    assert first == second
    first.clear()  # what is handed out is one's own
    assert resolve(declared, {"fast": 5}) == second
