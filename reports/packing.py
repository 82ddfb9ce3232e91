"""Numbers for the page's script, small: columns as whole steps, their differences split by byte, deflated, as base64.

A year of minutes of prices takes some 9 bytes a bar. The script undoes it in one pass (plots.js, `unpack`).
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 2**30  # steps between the lowest and the highest value


class Pack:
    """Columns by number; `described` says how to read each, `text` holds them all.

    >>> pack = Pack()
    >>> pack.add(np.array([1.5, 2.25, np.nan])), pack.add(np.arange(3))
    (0, 1)
    >>> pack.described[0]["n"], pack.described[0]["step"]
    (3, 0.01)
    """

    def __init__(self) -> None:
        self.described: list[dict[str, Any]] = []
        self.parts: list[bytes] = []
        self.at = 0

    def add(self, values: npt.ArrayLike) -> int:
        """Put a column in and return its number; values that are not finite come back as NaN."""
        raw = np.asarray(values, np.float64).ravel()
        known = np.isfinite(raw)
        base = float(raw[known].min()) if known.any() else 0.0
        step = step_of(raw[known], base)
        steps = np.full(raw.size, -1, np.int64)  # -1 stands for NaN
        steps[known] = np.round((raw[known] - base) / step).astype(np.int64)
        moved = np.diff(steps, prepend=0)
        coded = ((moved << 1) ^ (moved >> 63)).astype(np.uint32)
        planes = coded.view(np.uint8).reshape(-1, 4).T
        self.described.append({"n": raw.size, "at": self.at, "base": base, "step": step})
        self.parts.append(np.ascontiguousarray(planes).tobytes())
        self.at += 4 * raw.size
        return len(self.described) - 1

    @property
    def text(self) -> str:
        """All columns as base64."""
        return base64.b64encode(zlib.compress(b"".join(self.parts), 6)).decode()


def step_of(known: npt.NDArray[np.float64], base: float) -> float:
    """The decimal step that all values stand on, or one so fine that nobody sees it.

    >>> step_of(np.array([0.1, 0.25]), 0.1), step_of(np.array([3.0, 5.0]), 3.0)
    (0.01, 1.0)
    """
    height = float(known.max() - base) if known.size else 0.0
    if height == 0.0:
        return 1.0
    for places in range(9):
        if height * 10.0**places > MOST:
            break
        scaled = (known - base) * 10.0**places
        if np.abs(scaled - np.round(scaled)).max() <= 1e-6 and _exact(known, places):
            return float(f"1e-{places}") if places else 1.0
    return height / MOST


def _exact(known: npt.NDArray[np.float64], places: int) -> bool:
    return bool((np.abs(np.round(known, places) - known) <= 1e-12 * np.maximum(np.abs(known), 1.0)).all())


def unpacked(pack: Pack) -> list[npt.NDArray[np.float64]]:
    """The columns again, as the script reads them.

    >>> pack = Pack()
    >>> _ = pack.add([1.5, -2.25])
    >>> unpacked(pack)[0].tolist()
    [1.5, -2.25]
    """
    raw = np.frombuffer(zlib.decompress(base64.b64decode(pack.text)), np.uint8)
    columns = []
    for each in pack.described:
        planes = raw[each["at"] : each["at"] + 4 * each["n"]].reshape(4, -1)
        coded = np.ascontiguousarray(planes.T).view(np.uint32).ravel().astype(np.int64)
        steps = np.cumsum((coded >> 1) ^ -(coded & 1))
        columns.append(np.where(steps < 0, np.nan, each["base"] + steps * each["step"]))
    return columns
