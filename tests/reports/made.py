"""Results made up row by row, so that a test knows what its page must say; no machine runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from huracan.sim import layout
from huracan.sim.layout import FillReason
from huracan.sim.result import About, Result
from huracan.sim.series import Bars, Rules

MINUTE_NS = 60 * 10**9
YEAR_OF_MINUTES = 525_600
START_NS = int(np.datetime64("2024-01-01", "ns").astype(np.int64))


def made_about(bars: int, **changed: Any) -> About:
    fields: dict[str, Any] = {
        "name": "made up",
        "symbols": ("ETH/USDT:USDT",),
        "start_ns": START_NS,
        "end_ns": START_NS + bars * MINUTE_NS,
        "sample": "1m",
        "seed": 7,
        "spec": {"run": {"name": "made up", "seed": 7}, "strategy": {"use": "made", "params": {"n": 3}}},
        "spec_hash": "abc123",
        "code_hash": "def456",
        "data_hash": "789aaa",
        "repairs": {"tick_inferred": 1},
        "rejections": {"cut_to_cash": 4, "cancelled": 2},
        "versions": {"huracan": "0.1.0"},
    }
    return About(**(fields | changed))


def made_market(bars: int, symbol: str, seed: int) -> Bars:
    """A walk on ticks of 0.01, with ranges and volumes."""
    rng = np.random.default_rng(seed)
    close = np.round(2000.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, bars))), 2)
    opens = np.r_[2000.0, close[:-1]]
    room = np.round(np.abs(rng.normal(0.0, 0.5, (2, bars))), 2)
    high, low = np.maximum(opens, close) + room[0], np.minimum(opens, close) - room[1]
    times = START_NS + np.arange(bars, dtype=np.int64) * MINUTE_NS
    volume = np.round(rng.gamma(2.0, 10.0, bars), 3)
    return Bars(
        symbol,
        "",
        MINUTE_NS,
        times,
        opens,
        np.round(high, 2),
        np.round(low, 2),
        close,
        volume,
        rules=Rules("linear", 1, 100),
    )


def made_run(
    bars: int = YEAR_OF_MINUTES, trades: int = 5000, *, keep_market: bool = True, seed: int = 1, **changed: Any
) -> Result:
    """Trades one after the other at opens, long and short, with fees, spread and slippage; equity as it follows."""
    about = made_about(bars, **changed)
    rng = np.random.default_rng(seed)
    market = made_market(bars, about.symbols[0], seed)
    places = np.sort(rng.choice(np.arange(1, bars), 2 * trades, replace=False)) if trades else np.zeros(0, np.int64)
    side = np.where(rng.random(trades) < 0.5, 1, -1)
    qty = np.round(rng.uniform(0.5, 3.0, trades), 3)
    fills = np.zeros(2 * trades, layout.fill)
    fills["ts_ns"] = market.open_ns[places]
    fills["side"] = np.stack([side, -side], axis=1).ravel()
    fills["qty"] = np.repeat(qty, 2)
    fills["order_id"] = np.arange(1, 2 * trades + 1)
    fills["reason"] = int(FillReason.MARKET)
    slip = np.round(market.open[places] * 1e-4, 4)
    fills["price"] = market.open[places] + fills["side"] * slip
    fills["slippage"] = slip * fills["qty"] * 0.6
    fills["spread"] = slip * fills["qty"] - fills["slippage"]
    fills["fee"] = fills["price"] * fills["qty"] * 2e-4
    rows = np.zeros(trades, layout.trade)
    first, last = fills[0::2], fills[1::2]
    rows["entry_ns"], rows["exit_ns"], rows["side"], rows["qty"] = first["ts_ns"], last["ts_ns"], side, qty
    rows["entry_price"], rows["exit_price"], rows["fees"] = first["price"], last["price"], first["fee"] + last["fee"]
    rows["pnl"] = side * qty * (last["price"] - first["price"]) - rows["fees"]
    rows["mae"] = np.minimum(rows["pnl"], 0.0) * 1.2
    rows["mfe"] = np.maximum(rows["pnl"], 0.0) * 1.2
    rows["exit_reason"] = int(FillReason.MARKET)
    equity = np.zeros(bars, layout.equity)
    held, paid, ordered = np.zeros(bars + 1), np.zeros(bars + 1), np.zeros(bars + 1, np.int64)
    np.add.at(held, places, fills["side"] * fills["qty"])
    np.add.at(paid, places, fills["side"] * fills["qty"] * fills["price"] + fills["fee"])
    np.add.at(ordered, places - 1, 1)
    equity["ts_ns"] = market.open_ns + MINUTE_NS
    equity["cash"] = 100_000.0 - np.cumsum(paid[:-1])
    equity["position_value"] = np.cumsum(held[:-1]) * market.close
    equity["equity"] = equity["cash"] + equity["position_value"]
    equity["drawdown"] = equity["equity"] / np.maximum(np.maximum.accumulate(equity["equity"]), 100_000.0) - 1.0
    equity["last_order"] = np.cumsum(ordered[:-1])
    numbers = made_numbers(fills, rows, equity)
    return Result(about, numbers, fills, rows, equity, (market,) if keep_market else ())


def made_numbers(fills: Any, rows: Any, equity: Any) -> dict[str, Any]:
    """The figures that pages read, from the rows."""
    worth = np.r_[100_000.0, equity["equity"]]
    returns = np.diff(worth) / worth[:-1]
    deviation = float(returns.std(ddof=1)) if returns.size > 1 else 0.0
    final = float(worth[-1])
    return {
        "cash": 100_000.0,
        "final_equity": final,
        "total_return": final / 100_000.0 - 1.0,
        "annual_return": final / 100_000.0 - 1.0,
        "volatility": deviation * YEAR_OF_MINUTES**0.5,
        "sharpe": float(returns.mean()) / deviation * YEAR_OF_MINUTES**0.5 if deviation else None,
        "max_drawdown": float(equity["drawdown"].min()) if equity.size else 0.0,
        "trades": int(rows.size),
        "fills": int(fills.size),
        "orders": int(fills.size) + 10,
        "open_trades": 0,
        "win_rate": float((rows["pnl"] > 0.0).mean()) if rows.size else None,
        "fees": float(fills["fee"].sum()),
        "funding": 0.0,
        "interest": 0.0,
        "spread": float(fills["spread"].sum()),
        "slippage": float(fills["slippage"].sum()),
        "impact": 0.0,
        "traded": float((fills["qty"] * fills["price"]).sum()),
        "periods": float(YEAR_OF_MINUTES),
        "bars": int(equity.size),
    }
