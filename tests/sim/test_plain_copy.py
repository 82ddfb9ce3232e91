"""Uncompiled, a strategy's arithmetic gives what compiled code gives, where plain Python would raise."""

from __future__ import annotations

import itertools
import math
import traceback
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from huracan import inline, strategy
from huracan.sim.plain_copy import divide, floor_divide, plain_copy, power, remainder, square_root, whole
from huracan.sim.sources import plain

FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.5,
    -2.5,
    math.inf,
    -math.inf,
    math.nan,
    1e300,
    -1e300,
    5e-324,
    0.1,
    2.0**63,
    -(2.0**63),
]
WHOLE = [0, 1, -1, 7, -7, 3, 2**62, -(2**63), 2**63 - 1]

compiled_only = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled here")


def compiled(text: str) -> Any:
    """A function of a (and b), compiled with the flags of a strategy's step."""
    names: dict[str, Any] = {"math": math}
    exec(f"def f(a, b):\n    return {text}\n", names)
    return njit(error_model="numpy")(names["f"])


def same(a: Any, b: Any) -> bool:
    """The same number of the same kind and sign; any NaN is NaN."""
    return isinstance(a, int) == isinstance(b, int) and (repr(a) == repr(b) or (a != a and b != b))


@compiled_only
@pytest.mark.parametrize(
    ("text", "mine", "kinds"),
    [
        ("a / b", divide, (FLOATS, WHOLE)),
        ("a // b", floor_divide, (FLOATS, WHOLE)),
        ("a % b", remainder, (FLOATS, WHOLE)),
    ],
)
def test_of_two_numbers(text: str, mine: Any, kinds: tuple[list[Any], ...]) -> None:
    theirs = compiled(text)
    for numbers in kinds:
        for a, b in itertools.product(numbers, numbers):
            assert same(mine(a, b), theirs(a, b)), f"{a} {text[2:-2]} {b}: {mine(a, b)!r}, compiled {theirs(a, b)!r}"


@compiled_only
def test_powers_of_whole_numbers() -> None:
    theirs = compiled("a ** b")
    for a, b in itertools.product([0, 1, -1, 2, -3, 10], [0, 1, 2, 3, 62, 63, 64, -1, -2, -3]):
        assert power(a, b) == theirs(a, b), (a, b)


@compiled_only
@pytest.mark.parametrize(
    ("text", "to"), [("int(a)", int), ("math.floor(a)", math.floor), ("math.ceil(a)", math.ceil), ("round(a)", round)]
)
def test_whole_numbers_of(text: str, to: Any) -> None:
    theirs = compiled(text)
    for a in [*FLOATS, 0.5, 1.5, -0.5, -1.5, 1e19, -1e19]:
        assert same(whole(a, to), theirs(a, a)), a


@compiled_only
def test_square_roots() -> None:
    theirs = compiled("math.sqrt(a)")
    for a in FLOATS:
        assert same(square_root(a), theirs(a, a)), a


RATIO = 0.0


@inline
def inverse(x: Any) -> Any:
    """Inf at 0, as compiled."""
    x /= RATIO
    return 1.0 / x if x != 0.0 else 1.0 // 0.0


@strategy(state={"a": 0.0, "n": 0, "last": [0.0] * 2})
def odd(ctx: Any) -> None:
    """Divides by zero, takes roots of what has none; then leaves its array."""
    ctx.u.a += inverse(0.0) + math.sqrt(-1.0)
    ctx.u.n %= 0
    ctx.u.last[ctx.u.n + 5] = int(math.nan)


def test_a_step_runs_from_a_copy_with_the_lines_of_the_original() -> None:
    u = np.zeros(1, [("a", "f8"), ("n", "i8"), ("last", "f8", (2,))]).view(np.recarray)[0]
    ctx = type("Ctx", (), {"u": u})()
    with pytest.raises(ZeroDivisionError):  # as it stands, it does what plain Python does
        plain(inverse)(0.0)
    with pytest.raises(IndexError) as caught:
        plain_copy(odd)(ctx)
    assert math.isnan(u.a)
    assert u.n == 0
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.line) == (__file__, "ctx.u.last[ctx.u.n + 5] = int(math.nan)")


def test_a_copy_of_a_copy_is_the_copy() -> None:
    """Whoever binds a step twice must not look for its source twice: a copy begins at `def`, not at its decorator."""
    once = plain_copy(odd)
    assert plain_copy(once) is once
