"""What is known of the rows of a tape by their times alone: payments before each, whether lanes act on it, and what the
calendar says of it (layout.Calm) and for how many rows it says the same.

One compiled pass: numpy's many short ones took most of the time that making rows ready takes, and threads that make
rows ready beside one another waited for Python's lock between them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import njit

from huracan.sim.codes import CALM, DAYED, SAMPLED
from huracan.sim.options import ENTRY, inline

DAY_NS = 86_400_000_000_000


class Grid(NamedTuple):
    """Bars of `step_ns` close `phase_ns` after its multiples; the grids of samples and of days begin there, too."""

    step_ns: int
    phase_ns: int
    sample_ns: int


@inline
def next_point(since: int, grid: int) -> int:
    """The first point of a grid that is not before an instant."""
    return -(-since // grid) * grid


@njit(**ENTRY)
def fill_rows(rows: Any, opens: Any, payments: Any, paid: int, first_live: int, grid: Any, ends: bool) -> None:
    """Every field of layout.row, (rows,), from the times at which its bars open, int64 ns, rising.

    `paid` payments have an instant before the first close, rows before `first_live` are not live, and `ends` says that
    these rows are the tape's last. Of the first, nothing is known of the row before it.
    """
    n = len(opens)
    first = opens[0] + grid.step_ns - grid.phase_ns
    sample = next_point(first, grid.sample_ns)
    day = next_point(first, DAY_NS)
    for i in range(n):
        row = rows[i]
        close = opens[i] + grid.step_ns
        before = paid
        while paid < len(payments) and payments[paid].ts_ns < close:
            paid += 1
        row.open_ns = opens[i]
        row.close_ns = close
        row.fund_hi = paid
        row.live = 1 if i >= first_live else 0
        since = close - grid.phase_ns
        quiet = i > max(first_live, 0) and paid == before and not (ends and i == n - 1)
        quiet = quiet and sample >= since and day >= since  # else a point was passed over
        sample = sample if sample >= since else next_point(since, grid.sample_ns)
        day = day if day >= since else next_point(since, DAY_NS)
        kind = CALM
        if sample == since:
            kind += SAMPLED
            sample += grid.sample_ns
        if day == since:
            kind += DAYED
            day += DAY_NS
        row.calm = kind if quiet else 0
    same = 0
    for back in range(n):
        row = rows[n - 1 - back]
        same = same + 1 if back > 0 and rows[n - back].calm == row.calm else 1
        row.same = same
