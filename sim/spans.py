"""How far values reach in the rows from each on: asked once a chunk instead of by every lane that passes over it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def reach_ahead(values: Floats, lows: Floats, highs: Floats) -> None:
    """lows[k, i] and highs[k, i] = the least and the largest of values[i : i + 2**k]; NaN where one of them is.

    >>> lows, highs = np.empty((2, 3)), np.empty((2, 3))
    >>> reach_ahead(np.array([2.0, 1.0, 3.0]), lows, highs)
    >>> lows.tolist(), highs[1].tolist()
    ([[2.0, 1.0, 3.0], [1.0, 1.0, 3.0]], [2.0, 3.0, 3.0])
    """
    for pick, out in ((np.minimum, lows), (np.maximum, highs)):
        out[0] = values
        for k in range(1, len(out)):
            half = 1 << (k - 1)
            pick(out[k - 1, :-half], out[k - 1, half:], out=out[k, :-half])
            out[k, -half:] = out[k - 1, -half:]  # near the end there is no more
