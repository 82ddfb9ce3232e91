"""What is shipped: features and strategies, found by looking into the files of this room."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import huracan.strategies
import huracan.strategies.features
from huracan.sim import book_depth
from huracan.sim.declare import Declaration, Param
from huracan.sim.feature import KINDS


@dataclass(frozen=True)
class ShippedFeature:
    """A feature that a strategy may declare."""

    name: str
    signature: str
    doc: str  # one line


@dataclass(frozen=True)
class ShippedStrategy:
    """A strategy that a spec may name, with its parameters by name."""

    name: str
    doc: str  # one line
    params: dict[str, Param]
    function: Callable[..., Any]


@cache
def shipped_features() -> tuple[ShippedFeature, ...]:
    """Every feature in strategies/features, by name.

    >>> [f.signature for f in shipped_features() if f.name == "sma"]
    ['sma(window, every=None)']
    """
    found = []
    for module in _modules(huracan.strategies.features):
        for kind in sorted(k for k, path in KINDS.items() if path == module.__name__):
            function = getattr(module, kind)
            found.append(ShippedFeature(kind, f"{kind}({_arguments(function)})", _summary(function)))
    return tuple(sorted(found, key=lambda f: f.name))


@cache
def shipped_depth() -> tuple[ShippedFeature, ...]:
    """What a strategy reads of the local order book beyond its best prices, by name.

    >>> [f.signature for f in shipped_depth() if f.name == "sweep_price"]
    ['sweep_price(ctx, side, qty, inst=-1)']
    """
    names = book_depth.__all__
    functions = [(name, getattr(book_depth, name)) for name in names]
    return tuple(ShippedFeature(name, f"{name}({_arguments(f)})", _summary(f)) for name, f in functions)


@cache
def shipped_strategies() -> tuple[ShippedStrategy, ...]:
    """Every strategy in strategies/, by name: a file holds the one of its own name.

    >>> [s.name for s in shipped_strategies() if s.name == "sma_cross"]
    ['sma_cross']
    """
    found = []
    for module in _modules(huracan.strategies):
        name = module.__name__.rpartition(".")[2]
        function = getattr(module, name, None)
        declared = getattr(function, "__huracan__", None)
        if callable(function) and isinstance(declared, Declaration) and declared.role == "strategy":
            found.append(ShippedStrategy(name, _summary(function), dict(declared.params), function))
    return tuple(sorted(found, key=lambda s: s.name))


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if not info.ispkg and info.name != __name__:
            yield importlib.import_module(info.name)


def _arguments(function: Callable[..., Any]) -> str:
    """Argument names with their defaults, without types."""
    parameters = inspect.signature(function).parameters.values()
    return ", ".join(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters)


def _summary(function: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
