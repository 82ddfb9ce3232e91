"""The sweeps that `make bench` times: what huracan is asked for, and the same sets as arrays for vectorbt."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
BARS = 100_000
SEED = 7
CASH = 1_000_000.0
FEE = 0.0005
RULES = {"kind": "spot", "tick": 1e-8}

FAST, SLOW = range(5, 30), range(40, 240, 5)
QUICK_FAST, QUICK_SLOW = range(2, 27), range(30, 70)
LONE = range(5, 1005)
TAKES = np.round(np.linspace(0.002, 0.0215, 40), 6)
STOPS = np.round(np.linspace(0.002, 0.014, 25), 6)
WINDOW, Z = 50, 2.0
ASSETS = tuple(f"A{i:02d}/USDT" for i in range(50))
ASSET_FAST, ASSET_SLOW, SHARE = (10, 15, 20, 25), 60, 0.015


def spec(use: str, params: dict[str, Any], sweep: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One sweep over the built-in market; spot, which has neither margin nor funding, as vectorbt has neither."""
    data = {"synthetic": "regimes", "bars": BARS} | more.pop("data", {"symbol": "ETH/USDT", "rules": RULES})
    costs = {"fee_maker_bps": FEE * 1e4, "fee_taker_bps": FEE * 1e4, "max_participation": 0.0}
    return {
        "run": {"seed": SEED},
        "data": data,
        "account": {"cash": CASH},
        "venue": costs | more.pop("venue", {}),
        "strategy": {"use": use, "params": params},
        "sweep": sweep,
    }


def cross(symbol: str = "ETH/USDT", fast: range = FAST, slow: range = SLOW) -> dict[str, Any]:
    """1,000 pairs of averages, market orders at the next open."""
    sweep = {name: {"from": r[0], "to": r[-1], "step": r.step} for name, r in (("fast", fast), ("slow", slow))}
    return spec("sma_cross", {"qty": 1.0}, sweep, data={"symbol": symbol})


def cross_sets() -> list[tuple[int, int]]:
    return list(product(FAST, SLOW))


def quick_cross() -> dict[str, Any]:
    """1,000 pairs of short averages, which cross more often."""
    return cross(fast=QUICK_FAST, slow=QUICK_SLOW)


def quick_cross_sets() -> list[tuple[int, int]]:
    return list(product(QUICK_FAST, QUICK_SLOW))


def turns() -> dict[str, Any]:
    """The crosses long and short, by targets, on a contract whose margin is watched."""
    use = f"{HERE / 'strategies' / 'cross_turn.py'}:cross_turn"
    found = cross()
    data = {"symbol": "ETH/USDT", "rules": RULES | {"kind": "linear"}}
    return spec(use, {"qty": 1.0}, found["sweep"], data=data)


def lone_cross() -> dict[str, Any]:
    """1,000 pairs of averages of which no two share one."""
    table = {
        "fast": {"from": LONE[0], "to": LONE[-1], "step": 1},
        "slow": {"from": LONE[0] + 1000, "to": LONE[-1] + 1000},
    }
    table["slow"]["step"] = 1
    return spec("sma_cross", {"qty": 1.0}, table | {"where": "slow == fast + 1000"})


def lone_cross_sets() -> list[tuple[int, int]]:
    return [(n, n + 1000) for n in LONE]


def bracket(market_fill: str) -> dict[str, Any]:
    """1,000 pairs of target and stop after one cross; entering at the close, the trades are vectorbt's."""
    use = f"{HERE / 'strategies' / 'cross_bracket.py'}:cross_bracket"
    params = {"fast": 20, "slow": 50, "qty": 1.0, "pause": True}
    return spec(use, params, exits(), venue={"market_fill": market_fill})


def reversion() -> dict[str, Any]:
    """1,000 pairs of target and stop for `bracket_reversion`, read as anybody's file is."""
    use = f"{HERE.parent / 'strategies' / 'bracket_reversion.py'}:bracket_reversion"
    return spec(use, {"window": WINDOW, "z": Z, "qty": 1.0}, exits())


def exits() -> dict[str, Any]:
    return {"take": TAKES.tolist(), "stop": STOPS.tolist()}


def exit_sets() -> list[tuple[float, float]]:
    return list(product(TAKES.tolist(), STOPS.tolist()))


def assets() -> dict[str, Any]:
    """50 assets out of one purse, a share of equity each."""
    params = {"slow": ASSET_SLOW, "fraction": SHARE}
    return spec("sma_cross", params, {"fast": list(ASSET_FAST)}, data={"symbols": list(ASSETS)})
