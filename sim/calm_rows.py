"""What the calendar says of the rows of a tape (layout.Calm), and for how many rows it says the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.layout import Calm
from huracan.sim.series import Ints

Flags = npt.NDArray[np.bool_]
Kinds = npt.NDArray[np.signedinteger[Any]]
Records = np.ndarray[tuple[int], np.dtype[np.void]]
DAY_NS = 86_400_000_000_000


def fill_calm(rows: Records, closes: Ints, step_ns: int, phase_ns: int, sample_ns: int, ends: bool) -> None:
    """`calm` and `same` of rows whose other fields are known; of the first, nothing is known of the row before it.

    Bars of `step_ns` close `phase_ns` after its multiples, and the grids of the lanes begin there. `ends`: these rows
    are the tape's last.
    """
    quiet = np.ones(len(rows), np.bool_)
    paid, live = rows["fund_hi"], rows["live"]
    if not live[0]:
        quiet[: np.searchsorted(live, 1) + 1] = False
    if paid[0] != paid[-1]:
        quiet[1:] &= paid[1:] == paid[:-1]
    kinds = np.full(len(rows), int(Calm.ROW), np.int8)
    since = closes - phase_ns
    even = int(since[0]) % step_ns == 0 and bool((since[1:] - since[:-1] == step_ns).all())
    for grid, flag in ((sample_ns, Calm.SAMPLED), (DAY_NS, Calm.DAYED)):
        if even and grid % step_ns == 0:  # then each of its points is a row
            every = grid // step_ns
            kinds[-(int(since[0]) // step_ns) % every :: every] += np.int8(flag)
        else:
            mark_points(kinds, quiet, since, grid, int(flag))
    quiet[0] = False
    quiet[-1] &= not ends
    kinds *= quiet
    rows["calm"] = kinds
    rows["same"] = run_ends(kinds) - np.arange(len(rows))


def mark_points(kinds: Kinds, quiet: Flags, since: Ints, grid: int, flag: int) -> None:
    """Mark the rows on points of a grid; those before which a point was passed over are not quiet."""
    points = since // grid
    on_point = points * grid == since
    kinds += flag * on_point
    quiet[1:] &= points[1:] - on_point[1:] <= points[:-1]


def run_ends(kinds: Kinds) -> Ints:
    """For every row the first one after it of another kind.

    >>> run_ends(np.array([0, 1, 1, 3]))
    array([1, 3, 3, 4])
    """
    edges = np.flatnonzero(kinds[1:] != kinds[:-1])
    edges += 1
    ends = np.append(edges, len(kinds))
    return np.repeat(ends, np.diff(ends, prepend=0))
