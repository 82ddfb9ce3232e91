"""What a sweep's validation found: of each split the set it chose and how that did, the paths, and the held-out end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.cuts import Cuts
from huracan.sim.folds import Piece, Split, assembled, scores
from huracan.sim.result import iso

Floats = npt.NDArray[np.float64]
MOST_LISTED = 100  # splits that are listed one by one


def findings(
    method: str,
    splits: Sequence[Split],
    chosen: Sequence[tuple[int, Floats] | None],
    paths: int,
    cuts: Cuts,
    values_of: Callable[[int], Mapping[str, Any]],
) -> dict[str, Any]:
    """The table for sweep.json; `chosen` holds of each split the number and the returns (cuts,) of its best set.

    `out_of_sample_sharpe` and `out_of_sample_return` are of the pieces put together in time, the mean over paths where
    there are several; `in_sample_sharpe` the mean of what was chosen, where it was chosen.
    """
    year = math.sqrt(cuts.a_year)
    listed: list[dict[str, Any]] = []
    for split, best in zip(splits, chosen, strict=True):
        inside = outside = None
        if best is not None:
            inside, outside = (figure(best[1], pieces, year) for pieces in (split.train, split.test))
        listed.append(
            {
                "train": [times(piece, cuts) for piece in split.train],
                "test": [times(piece, cuts) for piece in split.test],
                "set": None if best is None else best[0],
                "values": {} if best is None else dict(values_of(best[0])),
                "in_sample_sharpe": inside,
                "out_of_sample_sharpe": outside,
            }
        )
    together = assembled(len(cuts), splits, [None if c is None else c[1] for c in chosen], max(paths, 1))
    looked = [column[~np.isnan(column)] for column in together.T]
    path_sharpes = [figure(r, [(0, len(r))], year) if len(r) > 1 else None for r in looked]
    known = [s for s in path_sharpes if s is not None]
    grown = [np.prod(1.0 + r) - 1.0 for r in looked if len(r)]
    inside_all = [x["in_sample_sharpe"] for x in listed if x["in_sample_sharpe"] is not None]
    return {
        "method": method,
        "splits": listed[:MOST_LISTED],
        "split_count": len(listed),
        "paths": path_sharpes,
        "in_sample_sharpe": float(np.mean(inside_all)) if inside_all else None,
        "out_of_sample_sharpe": float(np.mean(known)) if known else None,
        "out_of_sample_return": float(np.mean(grown)) if grown else None,
        "curve": curve(together[:, 0], cuts),
    }


def held_out(returns: Floats, inside: int, cuts: Cuts, number: int) -> dict[str, Any]:
    """How the best set did before the held-out end and on it."""
    year = math.sqrt(cuts.a_year)
    return {
        "from": iso(int(cuts.ends_ns[inside - 1])),
        "set": number,
        "in_sample_sharpe": figure(returns, [(0, inside)], year),
        "out_of_sample_sharpe": figure(returns, [(inside, len(returns))], year),
        "out_of_sample_return": float(np.prod(1.0 + returns[inside:]) - 1.0),
    }


def figure(returns: Floats, pieces: Sequence[Piece], year: float) -> float | None:
    """The yearly Sharpe ratio of some pieces; None where nothing moved."""
    found = float(scores(returns[:, None], [pieces])[0, 0]) * year
    return found if math.isfinite(found) else None


def times(piece: Piece, cuts: Cuts) -> list[str]:
    """From when to when a piece lasts."""
    lo, hi = piece
    return [iso(int(cuts.ends_ns[lo]) - cuts.step_ns), iso(int(cuts.ends_ns[hi - 1]))]


def curve(returns: Floats, cuts: Cuts, most: int = 500) -> dict[str, list[Any]]:
    """The growth of 1 out of sample, at some of the cuts."""
    there = np.flatnonzero(~np.isnan(returns))
    if not there.size:
        return {"ts_ns": [], "growth": []}
    growth = np.cumprod(1.0 + returns[there])
    some = np.unique(np.rint(np.linspace(0, there.size - 1, min(most, there.size))).astype(np.int64))
    return {"ts_ns": cuts.ends_ns[there[some]].tolist(), "growth": [float(x) for x in growth[some]]}
