"""Bars made of a tape's own trades, as they reach the local side: what a bar strategy reads on an order-book tape."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim import layout
from huracan.sim.book_layout import Told
from huracan.sim.book_tape import BookTape
from huracan.sim.spool import walked

Records = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def trades_of(tape: BookTape, stream: Records, inst: int) -> tuple[Ints, Floats, Floats, Ints]:
    """(times, prices, quantities, side of the taker) of one instrument's trades in a stream of its tape, or a piece."""
    rows = stream
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
    bars["high"], bars["low"] = -np.inf, np.inf
    for stream in walked(tape.local):
        for k in range(tape.instruments):
            put_trades(bars[:, k], tape, stream, k, first, timeframe_ns)
    for k in range(tape.instruments):
        carry(bars[:, k])
    return rows, bars


def put_trades(b: Records, tape: BookTape, stream: Records, k: int, first: int, timeframe_ns: int) -> None:
    """One instrument's trades of a piece of the stream into its bars; `first` is the number of the first bar."""
    ts, price, qty, _ = trades_of(tape, stream, k)
    at = ts // timeframe_ns - first
    price, qty, at = price[at < len(b)], qty[at < len(b)], at[at < len(b)]
    np.maximum.at(b["high"], at, price)
    np.minimum.at(b["low"], at, price)
    np.add.at(b["volume"], at, qty)
    found, begin = np.unique(at, return_index=True)
    end = np.append(begin[1:], len(at))[: len(found)] - 1
    new = b["fresh"][found] == 0
    b["open"][found[new]] = price[begin[new]]
    b["close"][found] = price[end]
    b["fresh"][found] = 1


def carry(b: Records) -> None:
    """Stale bars stand at the last close."""
    fresh = b["fresh"] == 1
    last = np.maximum.accumulate(np.where(fresh, np.arange(len(b)), -1))
    close = np.where(last >= 0, b["close"][np.maximum(last, 0)], np.nan)
    for name in ("open", "high", "low", "close"):
        b[name] = np.where(fresh, b[name], close)
