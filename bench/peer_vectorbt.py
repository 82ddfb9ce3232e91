"""The cases of the parity table in vectorbt 1.2, with its rust engine: signals in, trades out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from market import Market, crosses, later
from trades import SAME_PRICE, Run, moments, trade
from vectorbt.generic import dispatch

ENGINE = "rust"


def read(market: Market, portfolio: Any, *, market_at_close: bool, slippage: float = 0.0) -> Run:
    """Its trades; `market_at_close` says that entries (and exits at the close's price) are fills at a close."""
    t = portfolio.trades.records
    out = np.zeros(len(t), trade)
    out["side"] = np.where(t["direction"] == 0, 1, -1)
    for name in ("entry_price", "exit_price"):
        out[name] = t[name]
    out["qty"] = t["size"]
    entry, leave = t["entry_idx"].to_numpy(), t["exit_idx"].to_numpy()
    out["entry_ns"] = moments(market, entry, out["entry_price"] / (1.0 + slippage * out["side"]), market_at_close)
    raw = out["exit_price"] / (1.0 - slippage * out["side"])
    has_close = np.abs(raw / market.close[leave] - 1.0) < SAME_PRICE
    out["exit_ns"] = moments(market, leave, raw, market_at_close & has_close)
    still_open = t["status"].to_numpy() == 0
    out["exit_ns"][still_open], out["exit_price"][still_open] = 0, out["entry_price"][still_open]
    return Run(out, float(np.asarray(portfolio.value())[-1]))


def series(market: Market) -> dict[str, pd.Series]:
    index = pd.to_datetime(market.open_ns)
    return {name: pd.Series(getattr(market, name), index) for name in ("open", "high", "low", "close")}


def cross(market: Market, p: dict[str, Any], signals: tuple[Any, Any] | None = None) -> Run:
    """Market orders at the next open (signals a bar later, at the open's price), or at the close of the signal."""
    s = series(market)
    up, down = signals or crosses(market, p["fast"], p["slow"])
    at_close = p.get("at_close", False)
    if not at_close:
        up, down = later(up), later(down)
    slippage = p.get("slippage", 0.0)
    portfolio = vbt.Portfolio.from_signals(
        s["close"],
        up,
        down,
        size=p["qty"],
        price=s["close"] if at_close else s["open"],
        fees=p["fee"],
        slippage=slippage,
        init_cash=p["cash"],
        freq="1min",
        engine=ENGINE,
    )
    return read(market, portfolio, market_at_close=at_close, slippage=slippage)


def own_crosses(market: Market, p: dict[str, Any]) -> tuple[Any, Any]:
    """Signals as its users make them: vbt.MA, whose sums run, and its crosses."""
    fast, slow = (vbt.MA.run(pd.Series(market.close), p[name]) for name in ("fast", "slow"))
    return fast.ma_crossed_above(slow).to_numpy(), fast.ma_crossed_below(slow).to_numpy()


def crosses_over(fast: Any, slow: Any) -> tuple[Any, Any]:
    """Its crosses over averages that are given."""
    a, b = fast[:, None], slow[:, None]
    above, below = dispatch.crossed_above(a, b, engine=ENGINE), dispatch.crossed_above(b, a, engine=ENGINE)
    return above[:, 0], below[:, 0]


def fraction(market: Market, p: dict[str, Any]) -> Run:
    """A share of equity, sized at the decision's close after costs, filled at the next open, cut to the cash there."""
    s = series(market)
    if p.get("hold"):
        up, down = np.zeros(len(market.close), bool), np.zeros(len(market.close), bool)
        up[0] = True
    else:
        up, down = crosses(market, p["fast"], p["slow"])
    size = np.full(len(up), np.nan)
    size[later(up)] = p["fraction"] / (1.0 + p["fee"] + p.get("slippage", 0.0))
    size[later(down)] = 0.0
    portfolio = vbt.Portfolio.from_orders(
        s["close"],
        size=held_once(size),
        size_type="targetpercent",
        direction="longonly",
        price=s["open"],
        val_price=s["close"].shift(1).bfill(),
        fees=p["fee"],
        slippage=p.get("slippage", 0.0),
        init_cash=p["cash"],
        freq="1min",
        engine=ENGINE,
    )
    return read(market, portfolio, market_at_close=False, slippage=p.get("slippage", 0.0))


def held_once(size: Any) -> Any:
    """Only the first of equal orders in a row: a second entry while one is held is none."""
    out, held = size.copy(), False
    for i in np.flatnonzero(~np.isnan(size)):
        if (size[i] > 0.0) == held:
            out[i] = np.nan
        held = bool(size[i] > 0.0)
    return out


def bracket(market: Market, p: dict[str, Any]) -> Run:
    """Entries at a close or at the next open; sl_stop and tp_stop act from the next bar on, at a gap at its open."""
    s = series(market)
    up, down = crosses(market, p["fast"], p["slow"])
    at_close = p.get("at_close", True)
    if not at_close:
        up, down = later(up), later(down)
    none = np.zeros(len(up), bool)
    portfolio = vbt.Portfolio.from_signals(
        **s,
        entries=up,
        exits=none,
        short_entries=down if p.get("short") else none,
        short_exits=none,
        upon_opposite_entry="ignore",
        size=p["qty"],
        price=s["close"] if at_close else s["open"],
        sl_stop=p["stop"],
        tp_stop=p.get("take", np.nan),
        sl_trail=p.get("trail", False),
        stop_entry_price="close" if at_close else "price",
        stop_exit_price="stopmarket" if p.get("slippage") else "stoplimit",
        fees=p["fee"],
        slippage=p.get("slippage", 0.0),
        init_cash=p["cash"],
        freq="1min",
        engine=ENGINE,
    )
    return read(market, portfolio, market_at_close=at_close, slippage=p.get("slippage", 0.0))
