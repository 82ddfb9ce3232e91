"""Charts of many parameter sets for the page's script: heat maps of any two parameters, parallel axes, two samples.

What a sweep hands over are columns, a row a set; very many sets are drawn as a sample, and the chart says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huracan.reports.charts import cells_of
from huracan.reports.parts import Plot
from huracan.reports.wording import value_of

if TYPE_CHECKING:
    from huracan.reports.render import Charts

Floats = npt.NDArray[np.float64]
MOST_LINES = 3000
MOST_PARAMETERS = 12  # of which any two make a heat map: 66 of them
MOST_POINTS = 20_000


def heat_plot(
    charts: Charts,
    name: str,
    params: Mapping[str, npt.NDArray[Any]],
    values: Floats,
    figure: tuple[str, str],
    best: int | None,
) -> Plot:
    """A heat map of any two parameters: each cell the median over all others. `figure` is its name and kind."""
    pairs = []
    cells = {}
    for key in list(params)[:MOST_PARAMETERS]:
        distinct, at = distinct_of(params[key])
        places_of, words = cells_of(distinct.tolist(), value_of)
        cells[key] = np.asarray(places_of, np.int64)[at], words
    for x, y in combinations(cells, 2):
        (i, xs), (j, ys) = cells[x], cells[y]
        places = i * len(ys) + j
        medians = medians_by(places, values, len(xs) * len(ys))
        each = {"x": x, "y": y, "xs": xs, "ys": ys, "v": charts.pack.add(medians)}
        pairs.append(each | ({"best": [int(i[best]), int(j[best])]} if best is not None else {}))
    charts.plots[name] = {"kind": "heat", "pairs": pairs, "name": figure[0], "fmt": figure[1]}
    return Plot(
        name, f"{figure[0]} by any two parameters", 420, ("pick",), (("plus", "above zero"), ("minus", "below"))
    )


def distinct_of(column: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The different values of a column, and for each of its rows which of them it is; lists of a million cost too much.

    >>> [each.tolist() for each in distinct_of(np.array([9, 5, 9]))]
    [[5, 9], [1, 0, 1]]
    """
    if column.dtype.kind in "biuf":
        values, at = np.unique(column, return_inverse=True)
        return values, at.reshape(-1)
    words = {value: k for k, value in enumerate(dict.fromkeys(column.tolist()))}
    return np.array([*words], object), np.array([words[value] for value in column.tolist()], np.int64)


def medians_by(places: npt.NDArray[np.int64], values: Floats, cells: int) -> Floats:
    """The median of the values of each cell, NaN where there is none.

    >>> medians_by(np.array([0, 0, 0, 2]), np.array([3.0, 1.0, 2.0, np.nan]), 3).tolist()
    [2.0, nan, nan]
    """
    known = np.isfinite(values)
    places, values = places[known], values[known]
    order = np.lexsort((values, places))
    places, values = places[order], values[order]
    out = np.full(cells, np.nan)
    if places.size:
        used, first, counts = np.unique(places, return_index=True, return_counts=True)
        out[used] = (values[first + (counts - 1) // 2] + values[first + counts // 2]) / 2.0
    return out


def parallel_plot(
    charts: Charts,
    name: str,
    params: Mapping[str, npt.NDArray[Any]],
    figures: Mapping[str, Floats],
    kind: str,
    best: int | None,
) -> Plot:
    """One axis a parameter, then one a figure; lines are coloured by the first figure. Of very many sets a sample."""
    tone = next(iter(figures.values()))
    n = tone.size
    shown = np.arange(n)
    if n > MOST_LINES:  # evenly over the ranks, so that the best and the worst are among them
        ranks = np.argsort(np.where(np.isfinite(tone), tone, -np.inf), kind="stable")
        shown = np.sort(ranks[np.linspace(0, n - 1, MOST_LINES).astype(np.int64)])
    axes: list[dict[str, Any]] = []
    for key, column in params.items():
        kept = column[shown]
        if column.dtype.kind in "iuf":
            axes.append({"name": key, "col": charts.pack.add(kept)})
        else:
            words = sorted({value_of(each) for each in column.tolist()})
            places = {word: k for k, word in enumerate(words)}
            axes.append(
                {"name": key, "col": charts.pack.add([places[value_of(v)] for v in kept.tolist()]), "words": words}
            )
    axes += [{"name": key, "col": charts.pack.add(column[shown]), "fmt": kind} for key, column in figures.items()]
    spec: dict[str, Any] = {"kind": "parallel", "axes": axes, "tone": charts.pack.add(tone[shown])}
    if best is not None:
        spec["best"] = int(np.searchsorted(shown, best))
    charts.plots[name] = spec
    of = f"{shown.size:,} of {n:,} sets, evenly by rank" if shown.size < n else f"{n:,} sets"
    return Plot(
        name, "All parameters side by side", 340, (), (("plus", "above zero"), ("minus", "below zero"), ("", of))
    )


def samples_plot(
    charts: Charts, name: str, inside: Floats, outside: Floats, figure: tuple[str, str], best: int | None
) -> Plot:
    """A figure in the sample against out of it, a point a set; on the dashed line both are the same."""
    n = inside.size
    shown = np.arange(n) if n <= MOST_POINTS else np.linspace(0, n - 1, MOST_POINTS).astype(np.int64)
    if best is not None:
        shown = np.union1d(shown, [best])
    good = np.where(outside[shown] > 0.0, 1, 0)
    spec: dict[str, Any] = {
        "kind": "points",
        "x": charts.pack.add(inside[shown]),
        "y": charts.pack.add(outside[shown]),
        "tone": charts.pack.add(good),
        "xName": f"{figure[0]} in the sample",
        "yName": "out of it",
        "fmtX": figure[1],
        "fmtY": figure[1],
        "same": True,
        "diagonal": True,
    }
    if best is not None:
        spec["best"] = int(np.searchsorted(shown, best))
    charts.plots[name] = spec
    legend = (("plus", "above zero out of the sample"), ("minus", "below"), ("", "ring: the best in the sample"))
    return Plot(name, f"{figure[0]} in the sample against out of it", 380, (), legend)
