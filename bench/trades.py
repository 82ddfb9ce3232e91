"""What an engine did, in the same words for all of them, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from market import Market

TOLERANCE = 1e-8
SAME_PRICE = 1e-10  # prices a tick apart are further apart than this

trade = np.dtype(
    [
        ("entry_ns", "i8"),
        ("exit_ns", "i8"),
        ("side", "i8"),
        ("qty", "f8"),
        ("entry_price", "f8"),
        ("exit_price", "f8"),
    ]
)
NUMBERS = ("qty", "entry_price", "exit_price")


@dataclass(frozen=True)
class Run:
    """Trades, one that is still open with an exit at 0, and the equity at the last close."""

    trades: npt.NDArray[Any]
    equity: float


@dataclass(frozen=True)
class Difference:
    """How two runs differ."""

    trades: int  # of the first run
    others: int  # of the second
    unequal: int  # trades of either that have no counterpart in the other
    prices: float  # largest relative difference of price or quantity among counterparts
    equity: float  # relative

    @property
    def same(self) -> bool:
        return self.trades > 0 and self.unequal == 0 and self.prices <= TOLERANCE and self.equity <= TOLERANCE


@dataclass(frozen=True)
class Row:
    """One comparison of the table."""

    case: str
    market: str
    peer: str
    found: Difference


def moments(market: Market, bars: npt.NDArray[np.int64], prices: Any, at_close: npt.NDArray[np.bool_] | bool) -> Any:
    """When a fill happened, as huracan stamps it: the open of its bar if it has the open's price, else the close."""
    at_open = np.abs(prices / market.open[bars] - 1.0) < SAME_PRICE
    return np.where(at_open & ~np.asarray(at_close), market.open_ns[bars], market.close_ns[bars])


def compare(ours: Run, theirs: Run) -> Difference:
    """Trade by trade; a counterpart has the same entry, exit and side, and numbers within the tolerance."""
    a, b = ours.trades, theirs.trades
    keys = ["entry_ns", "exit_ns", "side"]
    place = {tuple(t): i for i, t in enumerate(b[keys].tolist())}
    matched, worst = 0, 0.0
    for t in a:
        i = place.get(tuple(t[keys].tolist()))
        if i is None:
            continue
        apart = max(abs(t[name] / b[i][name] - 1.0) for name in NUMBERS)
        if apart <= TOLERANCE:
            matched += 1
            worst = max(worst, apart)
    equity = abs(ours.equity / theirs.equity - 1.0)
    return Difference(len(a), len(b), max(len(a), len(b)) - matched, worst, equity)
