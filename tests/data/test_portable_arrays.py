"""Whole arrays have the bits that the functions of one number have, and prefixes don't depend on what follows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from huracan.data import portable_arrays as arrays
from huracan.sim import portable_math, random_numbers

EVENTS = np.concatenate([np.arange(-9000, 9000), np.array([2**62, -(2**62), 2**63 - 1, -(2**63)])])


def same(a: npt.NDArray[np.float64], b: list[float]) -> bool:
    return bool(np.array_equal(a.view(np.int64), np.array(b).view(np.int64)))


def test_exp_and_log_have_the_bits_of_portable_math() -> None:
    x, _ = portable_math.self_test_inputs()
    x = x[np.isfinite(x)]
    assert x.size > 10_000
    assert same(arrays.exp(x), [portable_math.exp(float(v)) for v in x])
    above = np.abs(x[x != 0.0])
    assert same(arrays.log(above), [portable_math.log(float(v)) for v in above])


def test_draws_have_the_bits_of_random_numbers() -> None:
    for seed, lane, purpose in ((7, 0, 3), (-5, 2**40, 1), (2**63 - 1, -1, 1000)):
        asked = [(seed, lane, int(event), purpose) for event in EVENTS]
        assert [int(n) for n in arrays.hashes(seed, lane, EVENTS, purpose)] == [
            random_numbers.hash4(*each) & 0xFFFFFFFFFFFFFFFF for each in asked
        ]
        assert same(arrays.uniform(seed, lane, EVENTS, purpose), [random_numbers.uniform(*each) for each in asked])
        assert same(arrays.normal(seed, lane, EVENTS, purpose), [random_numbers.normal(*each) for each in asked])


def test_the_two_uniforms_of_an_event_are_uniform_and_unrelated() -> None:
    a, b = arrays.two_uniforms(3, 4, np.arange(100_000), 3)
    for part in (a, b):
        assert abs(part.mean() - 0.5) < 4 / (12 * part.size) ** 0.5
        assert np.abs(np.histogram(part, 20, (0, 1))[0] / part.size - 0.05).max() < 0.004
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.013


def test_a_scan_is_the_loop_it_stands_for_and_has_prefixes() -> None:
    rng = np.random.default_rng(1)
    x, keep = rng.normal(size=3000), rng.uniform(0.0, 1.0, 3000) * (rng.uniform(size=3000) > 0.01)
    for factor in (0.97, keep):
        y, value = [], 0.0
        for i, step in enumerate(x):
            value = (factor if isinstance(factor, float) else factor[i]) * value + step
            y.append(value)
        made = arrays.scan(factor, x)
        assert np.allclose(made, y, rtol=0.0, atol=1e-12)
        short = arrays.scan(factor if isinstance(factor, float) else factor[:1111], x[:1111])
        assert np.array_equal(short, made[:1111])
