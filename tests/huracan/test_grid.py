"""The sets of a sweep: ranges without drift, products in order, and conditions read without eval."""

from __future__ import annotations

import itertools
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.grid import MOST_SETS, Range, expand, read_sweep
from huracan.sim.refusal import Refused
from huracan.where import conditions, parse


def rows(sweep: dict[str, Any], **fixed: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in expand(sweep, fixed).columns()), strict=True))


def refusal(sweep: Any, **fixed: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        expand(sweep, fixed)
    return caught.value


def test_whole_ranges_stay_whole_and_include_their_end() -> None:
    (column,) = expand({"fast": {"from": 5, "to": 60, "step": 1}}).columns()
    assert column.dtype == np.int64
    assert column.tolist() == list(range(5, 61))
    assert Range(5, 11, 4).values().tolist() == [5, 9]
    assert Range(7, 7, 100).values().tolist() == [7]
    assert Range(-(2**53) - 1, -(2**53) + 1, 1).values().tolist() == [-(2**53) - 1, -(2**53), -(2**53) + 1]


def test_decimal_ranges_do_not_drift() -> None:
    tenths = Range(0.1, 1.0, 0.1).values()
    assert tenths.tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    long = Range(0, 1000, 0.001).values()
    assert len(long) == 1_000_001
    assert long.dtype == np.float64
    assert all(long[i] == i / 1000 for i in range(0, 1_000_001, 997))
    assert Range(0, 1, 1 / 3).values()[-1] == 1.0
    assert len(Range(0.0, 1.0, 1 / 3).values()) == 4
    assert 49 * (1 / 49) < 1.0 == Range(0.0, 1.0, 1 / 49).values()[-1]
    assert Range(1e15, 1e15 + 3, 1.0000001).values().tolist() == [1e15, 1e15 + 1, 1e15 + 2]
    assert Range(1e-300, 3e-300, 1e-300).values().tolist() == pytest.approx([1e-300, 2e-300, 3e-300])


@given(st.decimals(-100, 100, places=3), st.integers(1, 500), st.integers(0, 200))
def test_every_value_of_a_decimal_range_is_the_one_nearest_to_the_exact(first: Any, step: int, count: int) -> None:
    exact = [Fraction(first) + i * Fraction(step, 1000) for i in range(count + 1)]
    made = Range(float(first), float(exact[-1]), step / 1000).values()
    assert made.tolist() == [float(x) for x in exact]


def test_sets_come_in_order_the_first_key_slowest() -> None:
    axes: dict[str, Any] = {"a": [3, 1], "b": [True, False], "c": ["x", "y", "z"]}
    assert rows(axes) == list(itertools.product([3, 1], [True, False], ["x", "y", "z"]))
    grid = expand(axes)
    assert grid.keys == ("a", "b", "c")
    assert len(grid) == 12
    parts = [grid.columns(k, k + 5) for k in range(0, 12, 5)]
    assert [np.concatenate(c).tolist() for c in zip(*parts, strict=True)] == [c.tolist() for c in grid.columns()]


def test_where_keeps_what_it_says_and_may_name_fixed_values() -> None:
    sweep: dict[str, Any] = {"fast": [1, 2, 3], "slow": [2, 3]}
    assert rows(sweep | {"where": "fast < slow"}) == [(1, 2), (1, 3), (2, 3)]
    assert rows({"fast": [1, 2, 3], "where": "fast < slow"}, slow=3) == [(1,), (2,)]
    dotted = {"venue": {"fee_taker_bps": [1, 2]}, "gates.calm.max_range": [0.5, 3.0]}
    assert rows(dotted | {"where": "venue.fee_taker_bps > gates.calm.max_range"}) == [(1, 0.5), (2, 0.5)]
    grid = expand(sweep | {"where": "fast < slow"})
    assert len(grid) == 3
    assert [c.tolist() for c in grid.columns(1, 2)] == [[1], [3]]


CONDITIONS = [
    "a < b",
    "a <= b and not (b == 3 or a != 1)",
    "1 < a < b < 4",
    "a + b * 2 - 1 > 5",
    "-a + +b >= 0",
    "a / b < 0.6",
    "b // a == 1",
    "a % 2 == 0 or b % 2 == 0",
    "(a < 2) and flag",
    "not flag",
    "True",
    "a - -1 == b",
]


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions_mean_what_python_means(text: str) -> None:
    sets = list(itertools.product(range(1, 5), range(1, 5), [True, False]))
    expected = [bool(eval(text, {}, {"a": a, "b": b, "flag": f})) for a, b, f in sets]
    a, b, flag = (np.array(c) for c in zip(*sets, strict=True))
    made = conditions(parse(text), {"a": a, "b": b, "flag": flag}, len(sets))
    assert made.tolist() == expected
    assert any(expected)


HUGE = " * ".join(["big"] * 20)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("a / b < 1", '"a / b" divides by zero for a = 0, b = 0'),
        ("a // (b - 2) < 1", '"a // (b - 2)" divides by zero for a = 0, b = 2'),
        ("1 % (a - a) < 1 or True", '"1 % (a - a)" divides by zero for a = 0'),
        ("a < 5 and b / 0 > 1", '"b / 0" divides by zero for b = 0'),
        ("not (b > 0 and a / (b - 2) < 1)", '"a / (b - 2)" divides by zero for a = 0, b = 2'),
        (f"{HUGE} - {HUGE} < 1", f'"{HUGE} - {HUGE}" is no number for big = 1e+17'),
    ],
)
def test_what_can_not_be_computed_is_refused_with_its_set(where: str, says: str) -> None:
    sweep: dict[str, Any] = {"a": [0, 1], "b": [0, 2], "big": [1e17], "where": where}
    with pytest.raises(Refused) as caught:
        expand(sweep)
    assert caught.value.what == says
    assert caught.value.where == "sweep.where"
    assert caught.value.fix


def test_a_division_is_only_asked_of_sets_that_are_left() -> None:
    sweep: dict[str, Any] = {"a": [0, 1], "b": [0, 2]}
    assert rows(sweep | {"where": "b != 0 and a / b < 1"}) == [(0, 2), (1, 2)]
    assert rows(sweep | {"where": "b == 0 or a / b > 0"}) == [(0, 0), (1, 0), (1, 2)]
    assert rows(sweep | {"where": "a > 0 and b > 0 and 4 / (a * b) == 2"}) == [(1, 2)]
    assert rows(sweep | {"where": "not (b == 0 or a / b > 0)"}) == [(0, 2)]


REFUSED = [
    "a ** 2 < 5",
    "__import__('os').system('true')",
    "a.__class__ == 1",
    "[a][0] < 1",
    "a if b else b",
    "lambda: 1",
    "a < 'x'",
    "a is b",
    "a in (1, 2)",
    "a & b",
    "~a < 1",
    "a @ b",
    "(x := a) < 1",
    "a; b",
    "a = b",
    "a <",
    "",
    "a < 1e999",
    "a < " + "9" * 400,
    "a < None",
    "a < 1j",
    "a",
    "a + 1",
    "a and b",
    "a < (a < b)",
    "not a",
    "-flag < 1",
    "word < 1",
    "z < 1",
    "a.b < 1",
    "(" * 300 + "a < b" + ")" * 300,
    "+" * 1900 + "a < b",
    "+" * 3000 + "a < b",
    "a" + "+a" * 900 + " < b",
]


@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(Refused) as caught:
        conditions(parse(text), {"a": np.arange(3), "b": 2, "flag": True, "word": "x"}, 3)
    assert caught.value.where == "sweep.where"
    assert caught.value.fix


def test_an_unknown_name_hints_at_the_nearest() -> None:
    assert 'did you mean "slow"' in str(refusal({"fast": [1], "slow": [2], "where": "fast < slw"}))


def test_too_few_and_too_many_sets_are_refused() -> None:
    assert "no keys" in refusal({}).what
    assert "none of 2 parameter sets" in refusal({"a": [1, 2], "where": "a > 2"}).what
    began = time.perf_counter()
    huge = {key: {"from": 1, "to": 100_000, "step": 1} for key in "ab"}
    assert "10,000,000,000 parameter sets" in refusal(huge).what
    assert "more than" in refusal({"a": {"from": 0, "to": 1, "step": 1e-12}}).what
    assert "more than" in refusal({"a": {"from": 0, "to": 1, "step": 1e-300}}).what
    assert "more than" in refusal({"a": {"from": 0, "to": MOST_SETS, "step": 1}}).what
    assert time.perf_counter() - began < 2.0  # they are counted, not made
    assert len(Range(1, MOST_SETS, 1)) == MOST_SETS


@pytest.mark.parametrize(
    ("axis", "says"),
    [
        ({"from": 1, "to": 2}, "has no step"),
        ({"from": 1, "to": True, "step": 1}, "finite number"),
        ({"from": 1, "to": float("nan"), "step": 1}, "finite number"),
        ({"from": 1, "to": 2, "step": -1}, "above 0"),
        ({"from": 1, "to": 2, "stp": 1}, 'unknown key "stp"'),
        ({"from": 1, "to": 2**70, "step": 2**69}, "too large"),
        ({}, "has no"),
        ([float("inf")], "finite"),
        ([[1]], "only one of these"),
        ([1, "a"], "only one of these"),
        ([1, 1.0], "twice"),
        (5, "a range or a list"),
    ],
)
def test_a_wrong_axis_is_refused_with_its_key(axis: Any, says: str) -> None:
    refused = refusal({"fast": axis})
    assert says in refused.what
    assert refused.where.startswith("sweep.fast")


def test_a_key_written_in_two_ways_is_swept_once() -> None:
    assert "twice" in refusal({"venue.fee_taker_bps": [1], "venue": {"fee_taker_bps": [2]}}).what


def test_plain_is_read_back() -> None:
    raw = {"fast": {"from": 5, "to": 60, "step": 1}, "venue.fee": [1, 2], "where": "fast < 9"}
    assert read_sweep(raw).plain() == raw
    assert read_sweep(read_sweep(raw).plain()) == read_sweep(raw)


@pytest.mark.parametrize("at_once", [1, 2, 5, 12, 24, 1000])
def test_the_sets_kept_are_the_same_however_many_are_looked_at_in_one_go(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huracan.grid.CHUNK", at_once)
    axes = {"a": [3, 1, 2], "b": [0.5, 2.5], "c": [4, 1, 3, 2]}
    expected = [s for s in itertools.product(*axes.values()) if s[0] + s[1] > s[2]]
    assert 5 < len(expected) < 20
    assert rows({**axes, "where": "a + b > c"}) == expected
    assert rows({**axes, "where": "limit > 2"}, limit=3) == list(itertools.product(*axes.values()))


def test_a_million_sets_are_quick() -> None:
    began = time.perf_counter()
    thousand = {"from": 1, "to": 1500, "step": 1}
    grid = expand({"fast": thousand, "slow": thousand, "where": "fast < slow and (slow - fast) % 2 == 0"})
    columns = grid.columns()
    assert len(grid) == sum((1500 - fast) // 2 for fast in range(1, 1500))
    assert (columns[0] < columns[1]).all()
    assert time.perf_counter() - began < 5.0  # 0.1 s where nothing else runs


@pytest.mark.parametrize("more", [{}, {"where": "a < b and b % 2 == 0"}, {"draw": {"random": 40}}])
def test_distinct_values_are_those_of_the_sets(more: dict[str, Any]) -> None:
    """Found from the axes, without going through the sets: there may be a thousand million."""
    grid = expand({"a": [9, 2, 5], "b": {"from": 1, "to": 8, "step": 1}, "c": ["x", "y"], **more})
    sets = list(zip(*(column.tolist() for column in grid.columns()), strict=True))
    for places in ([0], [1], [2], [0, 1], [2, 0], [0, 1, 2]):
        wanted = sorted({tuple(one[place] for place in places) for one in sets})
        count, columns = grid.distinct(places, 1000)
        assert (count, list(zip(*(c.tolist() for c in columns), strict=True))) == (len(wanted), wanted)
        assert grid.distinct(places, len(wanted) - 1)[1] == []


def test_a_hundred_million_sets_are_known_at_once() -> None:
    """Seconds, not minutes: what a parameter can't be is known from its axis."""
    began = time.perf_counter()
    grid = expand({"a": {"from": 1, "to": 10_000, "step": 1}, "b": {"from": 1, "to": 10_000, "step": 1}})
    assert grid.distinct([1], 10_000)[0] == 10_000
    assert grid.distinct([0, 1], 10_000) == (10**8, [])
    assert time.perf_counter() - began < 1.0


@pytest.mark.parametrize(
    "where",
    ["how == 'slow' and up", "how != 'slow' or n == 2", "up == True", "up != (n > 1)", "kind == 'x' and not up"],
)
def test_where_asks_texts_and_truth_values_whether_they_are_the_same(where: str) -> None:
    sweep = {"n": [1, 2], "how": ["slow", "fast"], "up": [True, False]}
    names = [dict(zip(sweep, row, strict=True), kind="x") for row in rows(sweep)]
    kept = [row for row, known in zip(rows(sweep), names, strict=True) if eval(where, {}, known)]
    assert 0 < len(kept) < len(names)
    assert rows({**sweep, "where": where}, kind="x") == kept


@pytest.mark.parametrize("where", ["how < 'slow'", "how == 3", "how == up", "how", "how + 'a' == 'slowa'"])
def test_where_takes_texts_for_nothing_else(where: str) -> None:
    with pytest.raises(Refused, match="a text where a"):
        rows({"n": [1, 2], "how": ["slow", "fast"], "up": [True, False], "where": where})
