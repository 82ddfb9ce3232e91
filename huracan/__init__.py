"""Huracan: would this trading strategy have made money, and does the live system do exactly what the backtest did?

    import huracan
    result = huracan.backtest("spec.toml")        # result.figures, .fills, .trades, .equity, .save(folder)

    from huracan import buy, close, param, sma, strategy        # what a strategy file needs (docs/STRATEGIES.md)

Every public name is imported when it is first asked for, so that `import huracan` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from huracan.run import backtest as backtest
    from huracan.run import sweep as sweep
    from huracan.sim import portable_math as portable_math
    from huracan.sim.book_depth import book_imbalance as book_imbalance
    from huracan.sim.book_depth import depth_bps as depth_bps
    from huracan.sim.book_depth import depth_ticks as depth_ticks
    from huracan.sim.book_depth import sweep_price as sweep_price
    from huracan.sim.declare import gate as gate
    from huracan.sim.declare import param as param
    from huracan.sim.declare import strategy as strategy
    from huracan.sim.options import own as inline
    from huracan.sim.orders import FOK as FOK
    from huracan.sim.orders import GTC as GTC
    from huracan.sim.orders import GTT as GTT
    from huracan.sim.orders import IOC as IOC
    from huracan.sim.orders import bracket as bracket
    from huracan.sim.orders import buy as buy
    from huracan.sim.orders import cancel as cancel
    from huracan.sim.orders import cancel_all as cancel_all
    from huracan.sim.orders import close as close
    from huracan.sim.orders import drawdown as drawdown
    from huracan.sim.orders import fraction_quantity as fraction_quantity
    from huracan.sim.orders import is_open as is_open
    from huracan.sim.orders import keep as keep
    from huracan.sim.orders import label as label
    from huracan.sim.orders import limit as limit
    from huracan.sim.orders import modify as modify
    from huracan.sim.orders import pending as pending
    from huracan.sim.orders import reduce as reduce
    from huracan.sim.orders import reduce_limit as reduce_limit
    from huracan.sim.orders import reduce_stop as reduce_stop
    from huracan.sim.orders import reduce_trail as reduce_trail
    from huracan.sim.orders import sell as sell
    from huracan.sim.orders import size as size
    from huracan.sim.orders import stop as stop
    from huracan.sim.orders import target as target
    from huracan.sim.orders import target_fraction as target_fraction
    from huracan.sim.orders import trail as trail
    from huracan.sim.refusal import Refused as Refused
    from huracan.sim.result import load_result as load_result
    from huracan.strategies.features import atr as atr
    from huracan.strategies.features import ema as ema
    from huracan.strategies.features import highest as highest
    from huracan.strategies.features import lag as lag
    from huracan.strategies.features import lowest as lowest
    from huracan.strategies.features import ret as ret
    from huracan.strategies.features import rsi as rsi
    from huracan.strategies.features import sma as sma
    from huracan.strategies.features import spread_z as spread_z
    from huracan.strategies.features import std as std
    from huracan.strategies.features import zscore as zscore

__version__ = "0.1.0"

__all__ = [
    "FOK",
    "GTC",
    "GTT",
    "IOC",
    "Refused",
    "__version__",
    "atr",
    "backtest",
    "book_imbalance",
    "bracket",
    "buy",
    "cancel",
    "cancel_all",
    "close",
    "depth_bps",
    "depth_ticks",
    "drawdown",
    "ema",
    "fraction_quantity",
    "gate",
    "highest",
    "inline",
    "is_open",
    "keep",
    "label",
    "lag",
    "limit",
    "load_result",
    "lowest",
    "modify",
    "param",
    "pending",
    "portable_math",
    "reduce",
    "reduce_limit",
    "reduce_stop",
    "reduce_trail",
    "ret",
    "rsi",
    "sell",
    "size",
    "sma",
    "spread_z",
    "std",
    "stop",
    "strategy",
    "sweep",
    "sweep_price",
    "target",
    "target_fraction",
    "trail",
    "zscore",
]

# module → the public names that it holds
_HOMES: dict[str, tuple[str, ...]] = {
    "huracan.run": (
        "backtest",
        "sweep",
    ),
    "huracan.sim.book_depth": (
        "book_imbalance",
        "depth_bps",
        "depth_ticks",
        "sweep_price",
    ),
    "huracan.sim.declare": (
        "gate",
        "param",
        "strategy",
    ),
    "huracan.sim.orders": (
        "FOK",
        "GTC",
        "GTT",
        "IOC",
        "bracket",
        "buy",
        "cancel",
        "cancel_all",
        "close",
        "drawdown",
        "fraction_quantity",
        "is_open",
        "keep",
        "label",
        "limit",
        "modify",
        "pending",
        "reduce",
        "reduce_limit",
        "reduce_stop",
        "reduce_trail",
        "sell",
        "size",
        "stop",
        "target",
        "target_fraction",
        "trail",
    ),
    "huracan.sim.refusal": ("Refused",),
    "huracan.sim.result": ("load_result",),
    "huracan.strategies.features": (
        "atr",
        "ema",
        "highest",
        "lag",
        "lowest",
        "ret",
        "rsi",
        "sma",
        "spread_z",
        "std",
        "zscore",
    ),
}


def __getattr__(name: str) -> Any:
    """A public name, from where it stands."""
    import importlib

    value: Any
    if name == "portable_math":
        value = importlib.import_module("huracan.sim.portable_math")
    elif name == "inline":
        value = importlib.import_module("huracan.sim.options").own  # a part of the machine, as a step is
    else:
        home = next((module for module, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
