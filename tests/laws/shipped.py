"""Everything shipped that trades bars, found by looking: each strategy, and all gates at once on one of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any

import huracan.strategies
from huracan import law_check
from huracan.law_check import Bench, benches
from huracan.sim.declare import Declaration
from huracan.strategies.discovery import shipped_strategies
from tests.laws.cases import QUICK

WITH_GATES = "sma_cross with every gate"
ROWS = 240 if QUICK else law_check.ROWS


def gates() -> list[Callable[..., Any]]:
    """Every gate in strategies/."""
    found = {}
    for info in pkgutil.iter_modules(huracan.strategies.__path__, "huracan.strategies."):
        for value in vars(importlib.import_module(info.name)).values():
            d = getattr(value, "__huracan__", None)
            if isinstance(d, Declaration) and d.role == "gate":
                found[d.name] = value
    return [found[name] for name in sorted(found)]


def on_bars() -> dict[str, Callable[..., Any]]:
    """Every strategy that needs no order book, by name."""
    return {s.name: s.function for s in shipped_strategies() if s.function.__huracan__.needs != "book"}


NAMES = [*on_bars(), WITH_GATES]


@cache
def trials(name: str) -> tuple[Bench, ...]:
    """What `huracan check` would try it on; made once in a process."""
    if name == WITH_GATES:
        return tuple(benches(on_bars()["sma_cross"], gates(), rows=ROWS))
    return tuple(benches(on_bars()[name], rows=ROWS))
