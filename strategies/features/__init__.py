"""The features that strategies declare; each kind stands in one file, which is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huracan.strategies.features.average_range import atr as atr
    from huracan.strategies.features.deviation import std as std
    from huracan.strategies.features.earlier import lag as lag
    from huracan.strategies.features.exponential_mean import ema as ema
    from huracan.strategies.features.highest_high import highest as highest
    from huracan.strategies.features.lowest_low import lowest as lowest
    from huracan.strategies.features.relative_strength import rsi as rsi
    from huracan.strategies.features.return_over import ret as ret
    from huracan.strategies.features.simple_mean import sma as sma
    from huracan.strategies.features.spread_score import spread_z as spread_z
    from huracan.strategies.features.z_score import zscore as zscore

__all__ = ["atr", "ema", "highest", "lag", "lowest", "ret", "rsi", "sma", "spread_z", "std", "zscore"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from huracan.sim.feature import kind_module

    return getattr(kind_module(name), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
