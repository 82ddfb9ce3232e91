"""A chunk of a tape with one instrument: all that is known of its rows before lanes act on them, in one compiled pass.

In a dozen passes of numpy's, threads that make chunks ready beside one another wait for Python's lock between them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from huracan.sim.calm_rows import fill_rows
from huracan.sim.layout import LEAD, SPANS
from huracan.sim.options import ENTRY, inline
from huracan.sim.series import Bars
from huracan.sim.spans import reach_ahead

PRICES = ("open", "high", "low", "close")
BAR = (*PRICES, "volume", "fresh")  # the columns that a bar is made of
NO_VOLUME = np.zeros(0)


class Known(NamedTuple):
    """What a chunk's first row finds, and whether its last is the tape's."""

    paid: int  # payments before its close
    first_live: int  # rows before this one only warm features up
    ends: bool


def given(bars: Bars) -> tuple[Any, ...]:
    """Times, prices and volumes as the pass takes them, of one type wherever they come from: nobody writes to them."""
    volume = NO_VOLUME if bars.volume is None else bars.volume
    found = []
    for column in (bars.open_ns, bars.open, bars.high, bars.low, bars.close, volume):
        view = np.ascontiguousarray(column).view(np.ndarray)
        view.flags.writeable = False
        found.append(view)
    return tuple(found)


@inline
def copied(column: Any, line: Any) -> None:
    """A column into a line behind its lead."""
    for i in range(len(column)):
        line[np.uint64(LEAD + i)] = column[np.uint64(i)]


@njit(**ENTRY)
def lone_chunk(lines: Any, rows: Any, bars: Any, payments: Any, grid: Any, known: Any, worth: Any) -> None:
    """layout.row of rows with a bar each, and layout.TapeView's lines, whose first fields are those of `BAR`.

    `bars` as `given` has them, `worth`: (multiplier, whether the contract is inverse), see prices.unit_value.
    """
    open_ns, opens, highs, lows, closes, volumes = bars
    multiplier, inverse = worth
    n = len(open_ns)
    fill_rows(rows, open_ns, payments, known.paid, known.first_live, grid, known.ends)
    copied(opens, lines[0])
    copied(highs, lines[1])
    copied(lows, lines[2])
    copied(closes, lines[3])
    copied(volumes, lines[4])
    for i in range(LEAD + len(volumes), LEAD + n):
        lines[4, np.uint64(i)] = 0.0
    units = lines[len(BAR) :]
    for i in range(LEAD, LEAD + n):
        lines[5, np.uint64(i)] = 1.0
    for i in range(LEAD, LEAD + n):
        close = lines[3, np.uint64(i)]
        units[0, np.uint64(i)] = -multiplier / close if inverse else multiplier * close
    reach_ahead(units, SPANS, LEAD, LEAD + n)
