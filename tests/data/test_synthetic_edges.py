"""Facts over seeds, and planted edges: a simple detector finds each at its strength, and nothing where nothing is.

`make synthetic` shows the same with more seeds and strengths, in docs/SYNTHETIC.md.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"

# edge, strength to find, least share of seeds in which it must be found, how far the mean estimate may be from it
STRENGTHS = [
    ("leader", 0.1, 1.0, 0.03),
    ("pair", 0.1, 1.0, 0.02),
    ("breakout", 0.8, 0.8, 0.25),
    ("toxic", 0.8, 0.8, 0.15),
    ("leader of books", 0.6, 0.8, 0.15),
]


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    """The script of `make synthetic`, whose neighbours import each other by their bare names."""
    before = set(sys.modules)
    sys.path.insert(0, str(BENCH))
    try:
        yield importlib.import_module("synthetic")
    finally:
        sys.path.remove(str(BENCH))
        for name in set(sys.modules) - before:
            if str(BENCH) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


def detect(bench: ModuleType, edge: str, strength: float, seeds: range) -> tuple[float, float]:
    look, _ = bench.PLANTED[edge]
    found = [look(seed, strength) for seed in seeds]
    return float(np.mean([each.found for each in found])), float(np.mean([each.strength for each in found]))


@pytest.mark.parametrize(("edge", "strength", "least", "near"), STRENGTHS)
def test_a_planted_edge_is_found(bench: ModuleType, edge: str, strength: float, least: float, near: float) -> None:
    found, seen = detect(bench, edge, strength, range(200, 203 if edge in bench.OF_BOOKS else 206))
    assert found >= least
    assert abs(seen - strength) < near


@pytest.mark.parametrize("edge", [each[0] for each in STRENGTHS])
def test_nothing_is_found_where_nothing_is_planted(bench: ModuleType, edge: str) -> None:
    """Five per cent of false alarms: two or more in six seeds come in three of a hundred tries."""
    found, _ = detect(bench, edge, 0.0, range(200, 203 if edge in bench.OF_BOOKS else 206))
    assert found < 0.34


@pytest.mark.parametrize("seeds", [6, pytest.param(30, marks=pytest.mark.long)])
def test_stylised_facts_over_seeds(bench: ModuleType, seeds: int) -> None:
    made = bench.facts(seeds, 50_000)
    for name, (low, high) in bench.FACTS.items():
        each = made[name]
        if seeds >= 30:
            assert low < each.low <= each.high < high, name
        else:  # an interval over six seeds is wide
            assert 2 * low < each.mean < 2 * high if high == 0.01 else low < each.mean < high, name
    assert made["absolute returns, lag 100"].least > 0.05
    assert made["kurtosis"].least > 5.0
    assert made["volume with absolute returns"].least > 0.3


@pytest.mark.parametrize("seeds", [4, pytest.param(30, marks=pytest.mark.long)])
def test_books_have_the_shape_of_the_real_one(bench: ModuleType, seeds: int) -> None:
    real = bench.real_shapes().get("perpetual")
    if real is None:
        pytest.skip("no real order books in ../shared/data")
    made = bench.shapes(seeds, 60.0)
    for name, value in real.items():
        assert 1 / bench.NEAR < value / made[name].mean < bench.NEAR, name


@pytest.mark.long
@pytest.mark.parametrize("edge", [each[0] for each in STRENGTHS])
def test_size_over_many_seeds(bench: ModuleType, edge: str) -> None:
    """Five per cent of false alarms: the bounds are left in one of a thousand tries."""
    found, _ = detect(bench, edge, 0.0, range(300, 500))
    assert not bench.too_many(round(found * 200), 200)
    assert found <= 0.105
