"""Parts come out of the compiler as what they are in plain Python, however they hand tuples to each other."""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit

from huracan.sim.compiling import without_remarks
from huracan.sim.exact_doubles import two_sum
from huracan.sim.memory import eight_at_once, put
from huracan.sim.options import LINKED_ENTRY, PART, RARE, USER
from huracan.sim.vector_check import compiled_text, is_packed

RECORD = np.dtype([("a", "f8"), ("n", "i8")], align=True)
ENTRY = LINKED_ENTRY | {"cache": False}


class Inner(NamedTuple):
    x: Any
    scale: float


class Outer(NamedTuple):
    inner: Any
    rows: Any
    table: Any
    k: int


def read(o: Any, i: int) -> float:
    return float(o.rows[i].a * o.inner.scale + o.table[o.k, i] + o.inner.x[i])


def change(o: Any, i: int) -> None:
    o.rows[i].a += 1.0
    o.rows[i].n = i


def far(o: Any, i: int) -> float:
    change_part(o, i)
    return read_part(o, i) * 2.0


def from_the_end(o: Any) -> float:
    return float(o.inner.x[-1] + o.rows[0].a)


def either(o: Any, other: Any, i: int) -> float:
    chosen = o
    if i % 2 == 1:
        chosen = other
    before = read_part(chosen, i)
    chosen = Outer(Inner(chosen.inner.x, chosen.inner.scale + 1.0), chosen.rows, chosen.table, 1 - chosen.k)
    return before - read_part(chosen, i) + far_part(chosen, i)


def late(values: Any) -> float:
    """A variable whose first use comes before its assignment in the loop."""
    total = 0.0
    last = 0.0
    for i in range(len(values)):
        if i > 0:
            total += last * values[i]
        last = values[i]
    return total + last


def whole(x: Any, y: Any, rows: Any, table: Any) -> float:
    total = 0.0
    for i in range(len(x)):
        o = Outer(Inner(x, 0.5 + i), rows, table, i % 2)
        other = Outer(Inner(y, 3.0), rows, table, 1 - i % 2)
        change_part(o, i)
        total += read_part(o, i) + far_part(other, i) + either_part(o, other, i) + from_the_end_part(other)
        keep = read_part(other, i)
        change_part(other, i)
        total += keep * read_part(other, i)
    return total + late_part(x)


read_part, change_part, from_the_end_part, either_part, late_part = (
    njit(**PART)(f) for f in (read, change, from_the_end, either, late)
)
far_part = njit(**RARE)(far)
whole_entry = njit(**ENTRY)(whole)


def beyond(rows: Any, i: int) -> float:
    return float(rows[i])


beyond_part = njit(**USER)(beyond)


@njit(**ENTRY)
def beyond_entry(rows: Any, i: int) -> float:
    return float(beyond_part(rows, i))


def columns() -> tuple[Any, Any, Any, Any]:
    random = np.random.default_rng(5)
    rows = np.zeros(7, RECORD)
    rows["a"] = random.normal(size=7)
    return random.normal(size=7), random.normal(size=7), rows, random.normal(size=(2, 7))


def plainly(monkeypatch: pytest.MonkeyPatch, x: Any, y: Any, rows: Any, table: Any) -> float:
    """What plain Python makes of it."""
    for name in ("read", "change", "far", "from_the_end", "either", "late"):
        monkeypatch.setitem(globals(), f"{name}_part", globals()[name])
    return whole(x, y, rows.view(np.recarray), table)


def test_tuples_by_reference_and_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, rows, table = columns()
    expected_rows = rows.copy()
    found = whole_entry(x, y, rows, table)
    assert found == plainly(monkeypatch, x, y, expected_rows, table)
    assert rows.tobytes() == expected_rows.tobytes()


def test_arrays_that_are_no_rows_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, rows, table = columns()
    apart = np.repeat(x, 3)[::3]
    found = whole_entry(apart, y[::-1], rows.copy(), np.asfortranarray(table))
    assert found == plainly(monkeypatch, x, y[::-1], rows.copy(), table)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="plain Python counts from the end")
def test_a_users_function_is_checked_against_the_ends() -> None:
    values = np.arange(3.0)
    assert beyond_entry(values, 2) == 2.0
    assert beyond_entry(values, -1) == 2.0
    for i in (3, -4):
        with pytest.raises(IndexError):
            beyond_entry(values, i)


def steps(first: int, last: int, by: int, flag: bool) -> float:
    """Loops over ranges of every kind; some of them are chosen, or gone through twice."""
    whole = range(last)
    total = 0.0
    for i in range(first, last):
        total = total * 1.5 + i
    for i in range(first, last, by):
        total = total * 0.5 - i
    for _ in range(2):
        for i in whole:
            total += i * 0.25 + max(i, first) + min(0.5 * i, 3.0)
    chosen = range(last) if flag else range(first, last, by)
    for i in chosen:
        total = total * 1.25 + i
    return total + len(whole)


def stepping(rows: Any, first: int, last: int, by: int) -> float:
    """A part between the entry and what may end with an error, beside one that never does."""
    return steps_part(first, last, by, first > 0) + beyond_part(rows, last)


def quietly(x: float, y: float) -> float:
    s, e = two_sum(x, y)
    return s + 3.0 * e


steps_part = njit(**RARE)(steps)
stepping_part = njit(**PART)(stepping)
quiet_part = njit(**PART)(quietly)


@njit(**ENTRY)
def stepping_entry(rows: Any, first: int, last: int, by: int) -> float:
    return float(stepping_part(rows, first, last, by) + quiet_part(rows[0], rows[1]))


@pytest.mark.parametrize(("first", "last", "by"), [(0, 5, 1), (3, 1, -1), (1, 7, 3), (-2, 6, 5), (4, 0, 2), (6, 6, -3)])
def test_ranges_and_parts_that_never_end_with_an_error(first: int, last: int, by: int) -> None:
    rows = np.array([1e16, 1.25, 2.0, 3.0, 5.0, 7.0, 11.0, 13.0])
    s, e = two_sum.py_func(rows[0], rows[1]) if hasattr(two_sum, "py_func") else two_sum(rows[0], rows[1])
    expected = steps(first, last, by, first > 0) + rows[last] + float(s + 3.0 * e)
    assert stepping_entry(rows, first, last, by) == expected


def test_errors_find_their_way_through_parts() -> None:
    with pytest.raises(ValueError, match="must not be zero"):
        stepping_entry(np.zeros(8), 0, 5, 0)
    with pytest.raises(IndexError):
        stepping_entry(np.zeros(4), 0, 5, 1)


def above(a: Any, limit: float, out: Any) -> None:
    for b in range(16):
        eight_at_once()
        put(out, b, 1.0 if a[np.uint64(b)] > limit and a[np.uint64(b + 1)] <= limit else -1.0)


def chained(a: Any, limit: float, out: Any) -> None:
    x = 0.0
    for b in range(16):
        eight_at_once()
        x = a[np.uint64(int(x))] % limit
        put(out, b, x)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="plain Python makes no vectors")
def test_a_loop_is_of_vectors_where_it_says_so_and_can_be(capfd: pytest.CaptureFixture[str]) -> None:
    """And nothing of it reaches the screen where it can't."""
    print("before", file=sys.stderr, flush=True)
    a, out = np.arange(17.0)[::-1].copy(), np.zeros(16)
    quick, slow = njit(**ENTRY)(above), njit(**ENTRY)(chained)
    quick(a, 9.0, out)
    assert np.flatnonzero(out > 0.0).tolist() == [6]
    slow(a, 7.0, out)
    assert out[:3].tolist() == [2.0, 0.0, 2.0]
    text = compiled_text(quick)
    assert is_packed(text)
    assert "<8 x double>" in text
    assert not is_packed(compiled_text(slow))
    assert capfd.readouterr() == ("", "before\n")


def test_all_but_remarks_reaches_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    def write(*lines: bytes) -> None:
        os.write(2, b"\n".join(lines))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), without_remarks():
        write(b"remark: a loop", b"an error", b"and more")
    assert capfd.readouterr().err == "an error\nand more"
