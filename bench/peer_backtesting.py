"""The cases of the parity table in backtesting.py 0.6: a strategy class each, orders in, trades out."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from market import Market, crosses
from trades import SAME_PRICE, Run, moments, trade

EXTRA = 1  # bars put before the first: backtesting.py never decides on its first bar


class Cross(Strategy):
    """Market orders on crosses that were computed before."""

    up: Any = None
    down: Any = None
    p: Any = None

    def init(self) -> None:
        self.n = 0

    def signals(self) -> tuple[bool, bool]:
        i = len(self.data) - 1
        return self.up[i], self.down[i]

    def next(self) -> None:
        up, down = self.signals()
        if up and not self.position:
            self.buy(size=self.p["qty"])
        elif down and self.position:
            self.position.close()


class Bracket(Cross):
    """Market entries with sl and tp; long, or both ways."""

    def next(self) -> None:
        if self.position:
            return
        up, down = self.signals()
        side = 1 if up else -1 if down and self.p.get("short") else 0
        if side == 0:
            return
        close = self.data.Close[-1]
        exits = {"sl": close * (1.0 - side * self.p["stop"]), "tp": close * (1.0 + side * self.p["take"])}
        (self.buy if side > 0 else self.sell)(size=self.p["qty"], **exits)


class Entry(Cross):
    """A limit or a stop rests from a cross until it fills or the averages cross back; take and stop leave, if given."""

    def next(self) -> None:
        up, down = self.signals()
        exits = "stop" in self.p
        if up and not self.position:
            self.drop()
            close = self.data.Close[-1]
            if self.p.get("breakout"):
                self.buy(size=self.p["qty"], stop=close * (1.0 + self.p["away"]))
            else:
                level = close * (1.0 - self.p["away"])
                both = {"sl": level * (1.0 - self.p["stop"]), "tp": level * (1.0 + self.p["take"])} if exits else {}
                self.buy(size=self.p["qty"], limit=level, **both)
        elif down and not (exits and self.position):
            self.drop()
            if self.position:
                self.position.close()

    def drop(self) -> None:
        for order in self.orders:
            if not order.is_contingent:
                order.cancel()


class Hold(Cross):
    """Buys a fraction of equity once."""

    def next(self) -> None:
        if self.n == 0:
            self.buy(size=self.p["fraction"])
        self.n += 1


def run(market: Market, p: dict[str, Any], strategy: type[Cross]) -> Run:
    """One run; prices are the market's own, sizes whole units."""
    columns = {name.title(): padded(getattr(market, name)) for name in ("open", "high", "low", "close", "volume")}
    index = pd.to_datetime(np.concatenate([[market.open_ns[0] - market.step_ns], market.open_ns]))
    up, down = crosses(market, p["fast"], p["slow"]) if "fast" in p else (np.zeros(len(market.close), bool),) * 2
    given = {"up": padded(up, False), "down": padded(down, False), "p": p}
    costs = {"commission": p["fee"], "spread": p.get("spread", 0.0), "cash": p["cash"]}
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        test = Backtest(pd.DataFrame(columns, index), strategy, trade_on_close=p.get("at_close", False), **costs)
        stats = test.run(**given)
    return read(market, stats, at_close=p.get("at_close", False))


def padded(column: Any, value: Any = None) -> Any:
    """The column behind one bar more."""
    return np.concatenate([[column[0] if value is None else value] * EXTRA, column])


def read(market: Market, stats: Any, *, at_close: bool) -> Run:
    """Its closed trades, then those that are still open."""
    left = stats["_strategy"].trades
    t = stats["_trades"]
    out = np.zeros(len(t) + len(left), trade)
    out["side"] = np.sign([*t["Size"], *(each.size for each in left)])
    out["qty"] = np.abs([*t["Size"], *(each.size for each in left)])
    out["entry_price"] = [*t["EntryPrice"], *(each.entry_price for each in left)]
    out["exit_price"] = [*t["ExitPrice"], *(each.entry_price for each in left)]
    entry = np.array([*t["EntryBar"], *(each.entry_bar for each in left)], np.int64) - EXTRA
    out["entry_ns"] = moments(market, entry, out["entry_price"], at_close)
    leave, price = t["ExitBar"].to_numpy(np.int64) - EXTRA, t["ExitPrice"].to_numpy(np.float64)
    exit_at_close = at_close and np.abs(price / market.close[leave] - 1.0) < SAME_PRICE
    out["exit_ns"][: len(t)] = moments(market, leave, price, exit_at_close)
    return Run(out, float(stats["_equity_curve"]["Equity"].iloc[-1]))
