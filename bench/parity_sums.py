"""What running sums do to a cross of averages: trades from exact sums, from vectorbt's averages and from pandas'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import peer_vectorbt as vb
from huracan_side import huracan_run
from market import Market, crosses, window_sums
from trades import compare


@dataclass(frozen=True)
class Sums:
    """Counts for one market and one pair of windows; the last five are of trades that differ from exact sums."""

    market: str
    fast: int
    slow: int
    ties: int  # bars on which the averages are equal
    trades: int
    huracan: int  # sma_cross
    own: int  # vectorbt's averages and crosses
    rule: int  # vectorbt's crosses over exact averages
    rolling: int  # pandas' rolling mean under the exact rule: above now, at or below before
    strict: int  # pandas' rolling mean and backtesting.lib.crossover, which wants strictly below before


def count(market: Market, p: dict[str, Any]) -> Sums:
    """All ways but huracan's through one and the same engine, so that only the signals differ."""
    fast, slow = p["fast"], p["slow"]
    exact = vb.cross(market, p, crosses(market, fast, slow))
    rolling = [pd.Series(market.close).rolling(n).mean().to_numpy() for n in (fast, slow)]
    ways = [
        vb.own_crosses(market, p),
        vb.crosses_over(*(means(market, n) for n in (fast, slow))),
        plain_crosses(*rolling),
        strict_crosses(*rolling),
    ]
    differ = [compare(exact, vb.cross(market, p, signals)).unequal for signals in ways]
    venue = {"fee_maker_bps": 5.0, "fee_taker_bps": 5.0, "max_participation": 0.0}
    params = {"fast": fast, "slow": slow, "qty": float(p["qty"])}
    spec = {"run": {"seed": 7}, "data": market.data, "account": {"cash": p["cash"]}, "venue": venue}
    spec["strategy"] = {"use": "sma_cross", "params": params}
    differ.insert(0, compare(exact, huracan_run(spec)).unequal)
    full = max(fast, slow) - 1
    equal = window_sums(market, fast) * slow == window_sums(market, slow) * fast
    return Sums(market.name, fast, slow, int(equal[full:].sum()), len(exact.trades), *differ)


def means(market: Market, window: int) -> Any:
    """Averages of whole ticks: equal averages are equal doubles."""
    out = window_sums(market, window) / window
    out[: window - 1] = np.nan
    return out


def plain_crosses(fast: Any, slow: Any) -> tuple[Any, Any]:
    """Above now and at or below before; below now and at or above before."""
    up, down = np.zeros(len(fast), bool), np.zeros(len(fast), bool)
    up[1:] = (fast[1:] > slow[1:]) & (fast[:-1] <= slow[:-1])
    down[1:] = (fast[1:] < slow[1:]) & (fast[:-1] >= slow[:-1])
    return up, down


def strict_crosses(fast: Any, slow: Any) -> tuple[Any, Any]:
    """backtesting.lib.crossover both ways."""
    up, down = np.zeros(len(fast), bool), np.zeros(len(fast), bool)
    up[1:] = (fast[1:] > slow[1:]) & (fast[:-1] < slow[:-1])
    down[1:] = (fast[1:] < slow[1:]) & (fast[:-1] > slow[:-1])
    return up, down
