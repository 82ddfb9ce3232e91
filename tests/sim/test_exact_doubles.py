"""A division by multiplying is the division, to the last bit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from numba import njit

from huracan.sim.exact_doubles import quotient


@njit
def quotients(a: Any, b: Any, inverse: Any) -> Any:
    out = np.empty_like(a)
    for i in range(len(a)):
        out[i] = quotient(a[i], b[i], inverse[i])
    return out


def divided(a: Any, b: Any) -> Any:
    return quotients(a, b, 1.0 / b)


@given(st.integers(0, 2**53 - 1), st.integers(1, 2**50 - 1))
@example(2**53 - 1, 2**50 - 1)
@example(2**53 - 1, 3)
@example(1, 2**50 - 1)
@example(0, 7)
def test_whole_numbers(a: int, b: int) -> None:
    assert divided(np.array([float(a)]), np.array([float(b)]))[0] == a / b


@given(st.integers(2, 2**25), st.integers(2**52, 2**53 - 1), st.integers(-2, 2))
def test_quotients_next_to_the_middle_of_two_doubles(b: int, q: int, off: int) -> None:
    """a / b where it is as near to q + 1/2 last places as whole numbers come."""
    scale = 2 ** (q.bit_length() - 54 + b.bit_length() + 1)
    a = int(Fraction(2 * q + 1, 2 * scale) * b) + off
    if 0 <= a < 2**53:
        assert divided(np.array([float(a)]), np.array([float(b)]))[0] == a / b


def test_many_at_random() -> None:
    random = np.random.default_rng(5)
    for bits in (10, 20, 34, 50):
        a = random.integers(0, 2**53, 100_000).astype(float)
        b = random.integers(1, 2**bits, 100_000).astype(float)
        assert divided(a, b).tobytes() == (a / b).tobytes()
