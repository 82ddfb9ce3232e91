"""The price step of an instrument as an exact fraction: read off the decimals of the data, or taken from the rules.

A price is "on" 10**-d when it is the double nearest to some whole number of steps. Products are rounded and then
divided back, and that division is correctly rounded, so 63000.1 has one decimal although binary can't hold it.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from huracan.sim.refusal import Refused

Floats = npt.NDArray[np.float64]

# Doubles are about 1e-16 apart (relative): of steps much finer than 1e-13, any number lies on the grid by chance.
_MOST_STEPS = 1e13
_MOST_DECIMALS = 18  # 10**18 is the last power of ten that an int64 holds
_MOST_TICKS = 2**52  # prices in ticks must be exact in doubles too
NO_TICK = (0, 1)


def infer_tick(*prices: Floats) -> tuple[int, int]:
    """The coarsest 10**-d on which every price lies, as (numerator, denominator); (0, 1) when there is none.

    Prices must be finite and above zero. Coarser steps than powers of ten are not looked for: 0.05 reads as 0.01.

    >>> infer_tick(np.array([63000.1, 62999.9, 63000.0]))
    (1, 10)
    """
    arrays = [p for p in prices if p.size]
    if not arrays:
        return NO_TICK
    top = max(float(p.max()) for p in arrays)
    sample = np.concatenate([p[:: max(1, p.size // 256)] for p in arrays])
    for decimals in range(_MOST_DECIMALS + 1):
        scale = float(10**decimals)
        if top * scale > _MOST_STEPS:
            break
        # the sample turns most grids down without reading everything
        if _on_grid(sample, scale) and all(_on_grid(p, scale) for p in arrays):
            return 1, 10**decimals
    return NO_TICK


def exact_tick(tick: float, *, where: str = "[data.rules] tick") -> tuple[int, int]:
    """A tick from the rules as the fraction that its shortest decimal spelling means.

    >>> exact_tick(0.05), exact_tick(25)
    ((1, 20), (25, 1))
    """
    fix = "give the exchange's price step, for example 0.01"
    if isinstance(tick, bool) or not isinstance(tick, (int, float)):
        raise Refused(f"tick must be a number, not {tick!r}", where=where, fix=fix)
    if not math.isfinite(tick) or tick <= 0:
        raise Refused(f"tick must be above zero, not {tick!r}", where=where, fix=fix)
    fraction = Fraction(Decimal(repr(tick)))
    if max(fraction.numerator, fraction.denominator) > 10**_MOST_DECIMALS:
        raise Refused(f"tick {tick!r} is too fine or too coarse for whole ticks", where=where, fix=fix)
    return fraction.numerator, fraction.denominator


def rows_off_tick(tick: tuple[int, int], *prices: Floats, where: str = "[data.rules] tick") -> int:
    """In how many rows some price is not the double nearest to a whole number of ticks.

    >>> rows_off_tick((1, 2), np.array([1.5, 1.6]), np.array([2.0, 2.0]))
    1
    """
    num, den = float(tick[0]), float(tick[1])
    off = np.zeros(prices[0].size, dtype=np.bool_)
    for p in prices:
        if p.size and float(p.max()) * den / num > _MOST_TICKS:
            fix = "give the exchange's price step, or leave tick out so that it is read off the data"
            raise Refused(f"tick {num / den:g} is too fine for a price of {float(p.max()):g}", where=where, fix=fix)
        off |= np.rint(p * den / num) * num / den != p
    return int(off.sum())


def widen_float32(prices: npt.NDArray[np.float32]) -> Floats:
    """Single-precision prices as the doubles of their shortest common decimals: 0.1f becomes 0.1, not 0.10000000149.

    >>> widen_float32(np.array([0.1, 63000.1], dtype=np.float32)).tolist()
    [0.1, 63000.1]
    """
    wide = prices.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    top = float(np.abs(finite).max()) if finite.size else 0.0
    for decimals in range(_MOST_DECIMALS + 1):
        scale = float(10**decimals)
        if top * scale > 1e9:  # past the seven digits that single precision holds, every grid fits
            break
        rounded = np.rint(wide * scale) / scale
        if np.array_equal(rounded.astype(np.float32), prices, equal_nan=True):
            return rounded
    return wide


def _on_grid(prices: Floats, scale: float) -> bool:
    return bool((np.rint(prices * scale) / scale == prices).all())
