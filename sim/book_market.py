"""The prices that a run on order books saw: bars of the mid between both bests, for its charts and markouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.book_tape import BookTape
from huracan.sim.layout import NEVER, Contract
from huracan.sim.market_file import all_or_none
from huracan.sim.series import Bars, Floats, Ints, Rules
from huracan.sim.spool import walked

Records = npt.NDArray[Any]

STEPS_NS = tuple(s * 10**9 for s in (1, 5, 10, 30, 60, 300, 900, 3600))
MOST_BARS = 200_000  # of an instrument: the finest step that keeps to it


def mid_bars(tape: BookTape) -> tuple[Bars, ...]:
    """Bars of each instrument as the local feed showed its book: no volume, and the mid stands where nothing moved."""
    length = max(tape.end_ns - tape.start_ns, 1)
    step = next((s for s in STEPS_NS if length // s <= MOST_BARS), STEPS_NS[-1])
    return all_or_none(tuple(bars_of(tape, k, step) for k in range(tape.instruments)))


def bars_of(tape: BookTape, k: int, step: int) -> Bars:
    """The bars of instrument k."""
    found = [mids_by_step(tape, told, k, step) for told in walked(tape.touches)]
    bucket, opened, high, low, closed = (np.concatenate(column) for column in zip(*found, strict=True))
    rule = tape.rules[k]
    rules = Rules(
        Contract(int(rule["contract"])).name.lower(),
        int(rule["tick_num"]),
        int(rule["tick_den"]),
        multiplier=float(rule["multiplier"]),
    )
    known = (tape.symbols[k], tape.venues[k], step)
    if not bucket.size:
        return Bars(*known, bucket, opened, high, low, closed, rules=rules)
    first = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])  # a step may stand in two pieces
    last = np.r_[first[1:], bucket.size] - 1
    high, low = np.maximum.reduceat(high, first), np.minimum.reduceat(low, first)
    every = np.arange(bucket[0], bucket[-1] + 1, dtype=np.int64)
    at = np.searchsorted(bucket[first], every, side="right") - 1
    close = closed[last][at]
    moved = bucket[first][at] == every
    opens, highs, lows = (np.where(moved, values[at], close) for values in (opened[first], high, low))
    return Bars(*known, every * step, opens, highs, lows, close, rules=rules)


def mids_by_step(tape: BookTape, told: Records, k: int, step: int) -> tuple[Ints, Floats, Floats, Floats, Floats]:
    """(number of the step, first, highest, lowest, last mid) of each step in a piece of the touches."""
    mine = told[(told["ts_ns"] != NEVER) & (told["inst"] == k) & (told["bid"] >= 0) & (told["ask"] >= 0)]
    ts = mine["ts_ns"].astype(np.int64)
    mid = 0.5 * (prices_of(tape, k, mine["bid"], 1) + prices_of(tape, k, mine["ask"], -1))
    kept = np.isfinite(mid)
    bucket, mid = ts[kept] // step, mid[kept]
    if not bucket.size:
        return bucket, mid, mid, mid, mid
    first = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    last = np.r_[first[1:], bucket.size] - 1
    return bucket[first], mid[first], np.maximum.reduceat(mid, first), np.minimum.reduceat(mid, first), mid[last]


def prices_of(tape: BookTape, k: int, x: Ints, side: int) -> Floats:
    """Prices of places on one side of instrument k's book; NaN where a place stands for none."""
    places = x.astype(np.int64)
    if side < 0:
        places = (1 << tape.width) - 1 - places
    ticks = tape.ticks[(k << tape.width) + places]
    rule = tape.rules[k]
    price = ticks * int(rule["tick_num"]) / int(rule["tick_den"])
    return np.where(ticks >= 0, price, np.nan)
