"""Does the best set stand on a plateau, among neighbours that do nearly as well, or on a peak that luck would make?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
KEEPS = 0.5  # of the best's lead over the middle, from which neighbours make a plateau
LOSES = 0.25  # below it the best is a peak


@dataclass(frozen=True)
class Plateau:
    """`kept`: the share of the best's lead over the median of all sets that the median neighbour keeps."""

    kept: float
    neighbours: int
    neighbour_median: float

    @property
    def word(self) -> str:
        return "plateau" if self.kept >= KEEPS else "slope" if self.kept >= LOSES else "peak"


def plateau(params: Mapping[str, npt.NDArray[Any]], values: Floats, best: int) -> Plateau | None:
    """How the neighbours of row `best` do: of a grid one step away in any key, else the nearest sets there are.

    Keys of words count as neighbours only where they are equal. A neighbour without the figure keeps nothing. None
    where there is no neighbour, or nothing to lead.

    >>> grid = {"n": np.arange(9)}
    >>> plateau(grid, np.array([0, 0, 0, 8, 9, 8, 0, 0, 0.0]), 4).word, plateau(grid, np.eye(9)[4] * 9, 4).word
    ('plateau', 'peak')
    """
    middle = float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan
    lead = float(values[best]) - middle
    if not lead > 0.0:
        return None
    near = neighbours(params, len(values), best)
    if not near.size:
        return None
    figures = np.where(np.isfinite(values[near]), values[near], min(middle, 0.0))
    typical = float(np.median(figures))
    return Plateau((typical - middle) / lead, int(near.size), typical)


def neighbours(params: Mapping[str, npt.NDArray[Any]], rows: int, best: int) -> npt.NDArray[np.int64]:
    """Rows next to `best`."""
    beside = np.ones(rows, bool)
    far = np.zeros(rows)
    numbers = 0
    for column in params.values():
        if column.dtype.kind not in "iuf":
            same = column == column[best]
            beside &= same
            far += np.where(same, 0.0, np.inf)
            continue
        distinct, place = np.unique(column, return_inverse=True)
        steps = np.abs(place.reshape(-1) - place.reshape(-1)[best])
        beside &= steps <= 1
        far = np.maximum(far, steps / max(len(distinct) - 1, 1))
        numbers += 1
    beside[best] = False
    found = np.flatnonzero(beside)
    if found.size >= max(numbers, 1) or not numbers:
        return found
    far[best] = np.inf  # drawn sets have no grid: the nearest by rank, two for each key
    most = min(2 * numbers + 2, rows - 1)
    order = np.argsort(far, kind="stable")[:most]
    return np.sort(order[np.isfinite(far[order])])
