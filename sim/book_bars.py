"""Bars made of a tape's own trades, as they reach the local side: what a bar strategy reads on an order-book tape."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim import layout
from huracan.sim.book_layout import Told
from huracan.sim.book_tape import BookTape

Records = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def trades_of(tape: BookTape, stream: Records, inst: int) -> tuple[Ints, Floats, Floats, Ints]:
    """(times, prices, quantities, side of the taker) of one instrument's trades in a stream of its tape."""
    rows = stream[:-1]
    key = rows["key"].astype(np.int64)
    cell = key >> 3
    own = ((key & 7) == Told.TRADE) & (cell >> (tape.width + 1) == inst)
    cell, rows = cell[own], rows[own]
    ask = (cell >> tape.width) & 1
    return rows["ts_ns"], prices_at(tape, inst, ask, cell), rows["lots"] * float(tape.spans["lot"][inst]), 2 * ask - 1


def prices_at(tape: BookTape, inst: int, ask: Any, x: Any) -> Floats:
    """Prices of x (of a side, or of a cell) of one instrument."""
    mask = (1 << tape.width) - 1
    inside = np.where(ask == 1, mask - (x & mask), x & mask)
    rule = tape.rules[inst]
    ticks = tape.ticks[(inst << tape.width) + inside]
    return np.asarray(ticks * int(rule["tick_num"]) / int(rule["tick_den"]))


def trade_bars(tape: BookTape, timeframe_ns: int) -> tuple[Records, Records]:
    """(layout.row, layout.bar of (rows, instruments)): every bar that has closed by the last local stamp.

    A bar without a trade stands at the last close, not fresh; NaN before the first trade.
    """
    first = int(tape.local["ts_ns"][0]) // timeframe_ns
    n = max(tape.last_local_ns // timeframe_ns - first, 0)
    rows = np.zeros(n, layout.row)
    rows["open_ns"] = (first + np.arange(n)) * timeframe_ns
    rows["close_ns"] = rows["open_ns"] + timeframe_ns
    rows["live"] = 1
    bars = np.zeros((n, tape.instruments), layout.bar)
    for k in range(tape.instruments):
        ts, price, qty, _ = trades_of(tape, tape.local, k)
        at = ts // timeframe_ns - first
        ts, price, qty, at = ts[at < n], price[at < n], qty[at < n], at[at < n]
        b = bars[:, k]
        b["high"], b["low"] = -np.inf, np.inf
        np.maximum.at(b["high"], at, price)
        np.minimum.at(b["low"], at, price)
        np.add.at(b["volume"], at, qty)
        found, begin = np.unique(at, return_index=True)
        end = np.append(begin[1:], len(at))[: len(found)] - 1
        b["fresh"][found] = 1
        b["open"][found], b["close"][found] = price[begin], price[end]
        carry(b)
    return rows, bars


def carry(b: Records) -> None:
    """Stale bars stand at the last close."""
    fresh = b["fresh"] == 1
    last = np.maximum.accumulate(np.where(fresh, np.arange(len(b)), -1))
    close = np.where(last >= 0, b["close"][np.maximum(last, 0)], np.nan)
    for name in ("open", "high", "low", "close"):
        b[name] = np.where(fresh, b[name], close)
