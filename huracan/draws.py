"""Sets that are drawn out of a sweep's axes, at random or by a Sobol sequence, instead of every one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from huracan.grid import Between, Draw, Grid, Scalar, Sweep
from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Column = npt.NDArray[Any]

PIECE = 1 << 14  # a power of two, as Sobol sequences are balanced in those
MOST_AT_ONCE = 1 << 20
MOST_TRIES = 64  # draws for each set that is wanted


def draw(sweep: Sweep, fixed: Mapping[str, Scalar]) -> Grid:
    """As many different sets as were asked for, in the order of the draws, all of them kept by `where`."""
    import numpy as np

    wanted = sweep.draw
    assert wanted is not None
    _enough(sweep, wanted)
    points = _points(wanted, len(sweep.axes))
    pieces: list[list[Column]] = []
    found, tries, piece = 0, 0, PIECE
    while found < wanted.sets and tries < MOST_TRIES * max(wanted.sets, PIECE):
        shares = points(piece)
        tries += piece
        piece = min(2 * piece, MOST_AT_ONCE)
        columns = [_values(axis, shares[:, k]) for k, axis in enumerate(sweep.axes.values())]
        kept = _kept(sweep, columns, fixed)
        pieces.append([column[kept] for column in columns])
        found += int(kept.sum())
        if found >= wanted.sets:
            pieces = [_different([np.concatenate(c) for c in zip(*pieces, strict=True)])]
            found = len(pieces[0][0])
    if found < wanted.sets:
        what = f"only {found:,} different sets came up in {tries:,} draws, and {wanted.sets:,} are wanted"
        raise Refused(what, where=f"sweep.draw.{wanted.method}", fix="draw fewer, or widen the ranges or the condition")
    drawn = tuple(column[: wanted.sets] for column in pieces[0])
    return Grid(tuple(sweep.axes), (), None, drawn)


def _enough(sweep: Sweep, wanted: Draw) -> None:
    """More sets than there are can't be drawn."""
    if any(isinstance(axis, Between) and axis.count is None and not axis.whole for axis in sweep.axes.values()):
        return
    there = prod(_size(axis) for axis in sweep.axes.values())
    if there < wanted.sets:
        what = f"there are only {there:,} different sets, and {wanted.sets:,} are to be drawn"
        raise Refused(what, where=f"sweep.draw.{wanted.method}", fix="leave draw out to run them all, or draw fewer")


def _size(axis: Any) -> int:
    if isinstance(axis, Between) and axis.count is None:
        return int(axis.last) - int(axis.first) + 1
    return len(axis)


def _points(wanted: Draw, keys: int) -> Callable[[int], npt.NDArray[np.float64]]:
    """A source of points in the unit cube, one dimension a key."""
    import numpy as np

    rng = np.random.default_rng(wanted.seed)
    if wanted.method == "random":
        return lambda n: rng.random((n, keys))
    from scipy.stats import qmc

    sequence = qmc.Sobol(keys, scramble=True, seed=rng)
    return lambda n: np.asarray(sequence.random(n))


def _values(axis: Any, share: npt.NDArray[np.float64]) -> Column:
    """What stands at these shares of the way along an axis."""
    import numpy as np

    if isinstance(axis, Between) and axis.count is None:
        return axis.at(share)
    values = np.array(axis) if isinstance(axis, tuple) else axis.values()
    place = np.minimum((share * len(values)).astype(np.int64), len(values) - 1)
    return np.asarray(values[place])


def _kept(sweep: Sweep, columns: list[Column], fixed: Mapping[str, Scalar]) -> npt.NDArray[np.bool_]:
    import numpy as np

    from huracan.where import conditions, parse

    if not sweep.where:
        return np.ones(len(columns[0]), bool)
    named = dict(fixed) | dict(zip(sweep.axes, columns, strict=True))
    return conditions(parse(sweep.where), named, len(columns[0]))


def _different(columns: list[Column]) -> list[Column]:
    """Every set once, where it came up first."""
    import numpy as np

    codes = np.stack([np.unique(column, return_inverse=True)[1].reshape(-1) for column in columns], axis=1)
    _, first = np.unique(codes, axis=0, return_index=True)
    kept = np.sort(first)
    return [column[kept] for column in columns]
