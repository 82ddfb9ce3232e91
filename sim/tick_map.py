"""Prices and quantities of a feed as whole numbers: ticks and their places on a tape, lots of a decimal unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from huracan.sim.feed import CLEAR, TRADE, AnyFeed
from huracan.sim.refusal import Refused
from huracan.sim.tape import exact_fraction

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MARGIN_TICKS = 4096  # round the traded range, where own orders are likely to stand
LINEAR_TICKS = 1 << 16  # a range that is no wider stands side by side as it is
MOST_LOTS = (1 << 31) - 1
NEAR = 1 << 17  # ticks that are counted side by side, which is much quicker
FEW = 1 << 20  # distinct ticks that wait to be put together


@dataclass(frozen=True)
class TickMap:
    """How one instrument's ticks become x: a linear range, and far ticks by rank with a place between each two."""

    lo: int
    hi: int
    low: Ints
    high: Ints
    least: int  # of all ticks in the feed
    most: int
    lot_num: int
    lot_den: int
    tick_num: int
    tick_den: int

    @classmethod
    def of(cls, feed: AnyFeed, repairs: dict[str, int]) -> TickMap:
        """The map of a feed's ticks, fine where it trades."""
        rule = feed.rules
        if rule.tick_num == 0:
            fix = "give rules = { tick = ... }"
            raise Refused(f"{feed.symbol} has no tick", where="data.rules.tick", fix=fix)
        off, used, traded = 0, TickCounts(), TickCounts()
        for piece in feed.pieces("kind", "price"):
            kind, price = piece["kind"], piece["price"]
            exact = price[kind != CLEAR] * rule.tick_den / rule.tick_num
            ticks = np.floor(exact + 0.5).astype(np.int64)
            off += int((np.abs(exact - ticks) > 1e-4).sum())
            used.see(ticks)
            traded.see(ticks[kind[kind != CLEAR] == TRADE])
        if off:
            repairs["price_off_tick"] = repairs.get("price_off_tick", 0) + off

        def quantities() -> Iterable[Floats]:
            for piece in feed.pieces("kind", "qty"):
                yield piece["qty"][piece["kind"] != CLEAR]

        num, den, rounded = quantum_of(quantities, rule.lot)
        if rounded:
            repairs["quantity_rounded"] = repairs.get("quantity_rounded", 0) + rounded
        ticks, _ = used.found()
        if not len(ticks):
            raise Refused(f"{feed.symbol} has no depth, quote or trade", where="[data]", fix="check the file")
        middle, _ = traded.found()
        first, last = (int(middle[0]), int(middle[-1])) if len(middle) else (used.median(), used.median())
        least, most = int(ticks[0]), int(ticks[-1])
        lo, hi = first - MARGIN_TICKS, last + MARGIN_TICKS
        if most - least < LINEAR_TICKS:
            lo, hi = min(lo, least), max(hi, most)
        lo = max(lo, 0)
        tick = (rule.tick_num, rule.tick_den)
        return cls(lo, hi, ticks[ticks < lo], ticks[ticks > hi], least, most, num, den, *tick)

    @property
    def lot(self) -> float:
        return self.lot_num / self.lot_den

    @property
    def first(self) -> int:
        return 2 * len(self.low) + 1

    @property
    def size(self) -> int:
        """Places that are needed, one beyond each end included."""
        return self.first + (self.hi - self.lo + 1) + 2 * len(self.high) + 1

    @property
    def bits(self) -> int:
        return max((self.size + 1).bit_length(), 6)

    def ticks(self, prices: Floats) -> Ints:
        """Prices in ticks."""
        return np.floor(prices * self.tick_den / self.tick_num + 0.5).astype(np.int64)

    def lots(self, quantities: Floats) -> Ints:
        """Quantities in lots of the tape."""
        return np.floor(quantities * self.lot_den / self.lot_num + 0.5).astype(np.int64)

    def x(self, ticks: Ints) -> Ints:
        """x of ticks that are in the map."""
        inside = self.first + ticks - self.lo
        if not len(self.low) and not len(self.high):
            return inside
        low = 1 + 2 * np.searchsorted(self.low, ticks)
        high = self.first + (self.hi - self.lo + 1) + 1 + 2 * np.searchsorted(self.high, ticks)
        return np.where(ticks < self.lo, low, np.where(ticks > self.hi, high, inside))

    def back(self, width: int) -> Ints:
        """The tick of each x, -1 between two."""
        out = np.full(1 << width, -1, np.int64)
        for ticks in (self.low, self.high, np.arange(self.lo, self.hi + 1)):
            out[self.x(ticks)] = ticks
        return out


class TickCounts:
    """Which ticks there are and how often; their number is bounded by that of the prices, not of the events."""

    def __init__(self) -> None:
        self._pieces: list[tuple[Ints, Ints]] = []
        self._waiting = 0

    def see(self, ticks: Ints) -> None:
        """Take in some."""
        if len(ticks):
            centre = int(np.median(ticks[:1000])) - NEAR // 2
            near = ticks - centre
            inside = (near >= 0) & (near < NEAR)
            counts = np.bincount(near[inside], minlength=1)
            at = np.flatnonzero(counts)
            self._pieces += [(at + centre, counts[at]), np.unique(ticks[~inside], return_counts=True)]
            self._waiting += len(self._pieces[-1][0]) + len(at)
            if self._waiting > FEW:
                self._pieces = [self.found()]
                self._waiting = 0

    def found(self) -> tuple[Ints, Ints]:
        """(distinct ticks in order, how often each)."""
        if not self._pieces:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        ticks, at = np.unique(np.concatenate([t for t, _ in self._pieces]), return_inverse=True)
        counts = np.zeros(len(ticks), np.int64)
        np.add.at(counts, at, np.concatenate([c for _, c in self._pieces]))
        return ticks, counts

    def median(self) -> int:
        """The median of all that was seen, rounded towards zero."""
        ticks, counts = self.found()
        upto = np.cumsum(counts)
        n = int(upto[-1])
        low, high = (int(ticks[np.searchsorted(upto, k, side="right")]) for k in ((n - 1) // 2, n // 2))
        return int((low + high) / 2)


def quantum(qty: Floats, lot: float) -> tuple[int, int, int]:
    """(numerator, denominator) of the largest decimal unit that all quantities are whole numbers of; and how many had
    to be rounded because whole numbers of 31 bits can't hold both the largest and the smallest.

    >>> quantum(np.array([0.25, 3.0]), 0.001)
    (1, 1000, 0)
    """
    return quantum_of(lambda: [qty], lot)


def quantum_of(quantities: Callable[[], Iterable[Floats]], lot: float) -> tuple[int, int, int]:
    """The same of quantities that come in pieces, and may be asked for again."""
    num, den = exact_fraction(lot) if lot else (1, 1)
    for _ in range(12):
        if all(_off_unit(qty, num, den).max(initial=0.0) < 1e-4 for qty in quantities()):
            break
        num, den = 1, (den * 10 if num == 1 else den)
    top = max((float(qty.max(initial=0.0)) for qty in quantities()), default=0.0)
    unit = Fraction(num, den)
    while top * unit.denominator / unit.numerator > MOST_LOTS:
        unit *= 10
    if unit == Fraction(num, den):
        return num, den, 0
    num, den = unit.numerator, unit.denominator
    return num, den, sum(int((_off_unit(qty, num, den) > 1e-4).sum()) for qty in quantities())


def _off_unit(qty: Floats, num: int, den: int) -> Floats:
    """How far quantities are from whole numbers of a unit."""
    exact = qty * den / num
    away: Floats = np.abs(exact - np.floor(exact + 0.5))
    return away
