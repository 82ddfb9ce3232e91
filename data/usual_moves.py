"""How far prices usually move, of prices that are too many for the memory: the very median of all of them at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from huracan.data.raw_bars import Floats, Ints


def median_move(prices: Callable[[], Iterator[Floats]]) -> float:
    """The median of the moves between prices that come in pieces, in logarithms: sixteen bits of it a walk.

    Each call of `prices` walks them from the start; they are above zero, and no piece is empty. NaN without any.

    >>> all_prices = np.array([1.0, 2.0, 2.0, 8.0])
    >>> round(median_move(lambda: iter(np.split(all_prices, 2))) / math.log(2.0), 12)
    0.5
    """
    total = sum(len(each) for each in prices())
    if not total:
        return math.nan
    ranks, found = [(total - 1) // 2, total // 2], [0, 0]
    for shift in (48, 32, 16, 0):
        counts = np.zeros((2, 1 << 16), np.int64)
        for bits in _move_bits(prices):
            for k in range(2):
                alike = bits[bits >> (shift + 16) == found[k]] if shift < 48 else bits
                counts[k] += np.bincount((alike >> shift) & 0xFFFF, minlength=1 << 16)
        for k in range(2):
            upto = np.cumsum(counts[k])
            digit = int(np.searchsorted(upto, ranks[k], side="right"))
            ranks[k] -= int(upto[digit] - counts[k, digit])
            found[k] = (found[k] << 16) | digit
    low, high = np.array(found, np.int64).view(np.float64)
    return float((low + high) / 2.0)


def _move_bits(prices: Callable[[], Iterator[Floats]]) -> Iterator[Ints]:
    """The sizes of the moves as whole numbers of the same order; the first price moves by nothing."""
    last = None
    for each in prices():
        logs = np.log(each)
        size = np.abs(np.diff(logs, prepend=logs[0] if last is None else last))
        last = logs[-1]
        yield size.view(np.int64)
