"""Charts as plain numbers for the templates: paths in a box of 1000 by 1000, ticks in per cent of it.

The box is stretched to the page's width and labels are HTML beside it, so that text stays readable on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.reports.parts import Bars, Heat, Line, Span, Spans, Step, Tick, Waterfall
from huracan.reports.wording import DAY_NS

Floats = npt.NDArray[np.float64]
BOX = 1000.0
MOST_POINTS = 2000
MOST_CELLS = 60  # of a heat map, along each side


def thinned(x: Floats, y: Floats, most: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """At most about `most` points: the lowest and the highest of each stretch, so that no extreme gets lost.

    >>> x, y = thinned(np.arange(1000.0), np.r_[np.zeros(500), 9.0, np.zeros(499)], 20)
    >>> x.size <= 22, y.max()
    (True, np.float64(9.0))
    """
    if x.size <= most:
        return x, y
    edges = np.linspace(0, x.size, most // 2 + 1).astype(np.int64)
    kept = {0, x.size - 1}
    for first, last in pairwise(edges.tolist()):
        part = y[first:last]
        kept |= {int(first + np.argmin(part)), int(first + np.argmax(part))}
    places = np.array(sorted(kept))
    return x[places], y[places]


def line(
    x: Floats,
    y: Floats,
    x_ticks: tuple[Tick, ...],
    label: Callable[[float], str],
    zero: float | None,
    title: str = "",
) -> Line | None:
    """A curve over `x`, filled from `zero` where that is given; None where there are not two points to join."""
    there = np.isfinite(x) & np.isfinite(y)
    x, y = thinned(x[there], y[there])
    if x.size < 2 or not x[-1] > x[0]:
        return None
    least, most = float(y.min()), float(y.max())
    low, high = bounds(least, most) if zero is None else bounds(min(least, zero), max(most, zero))
    across = (x - x[0]) / (x[-1] - x[0]) * BOX
    down = (high - y) / (high - low) * BOX
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(across, down, strict=True))
    if zero is None:
        return Line(path, "", None, x_ticks, y_ticks(low, high, label), title)
    base = (high - zero) / (high - low) * BOX
    area = f"{path}L{across[-1]:.1f} {base:.1f}L{across[0]:.1f} {base:.1f}Z"
    return Line(path, area, round(base, 1), x_ticks, y_ticks(low, high, label), title)


def bounds(low: float, high: float) -> tuple[float, float]:
    """A range with some air and a height that is not zero."""
    height = high - low
    if not height > 1e-12 * max(abs(low), abs(high), 1e-300):
        height = max(abs(high), 1.0) * 0.02
    return low - 0.04 * height, high + 0.04 * height


def nice_steps(low: float, high: float, most: int = 5) -> list[float]:
    """Round values inside a range.

    >>> nice_steps(0.3, 9.7)
    [2.0, 4.0, 6.0, 8.0]
    """
    raw = (high - low) / most
    if not raw > 0.0 or not math.isfinite(raw):
        return [low]
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * size for factor in (1, 2, 5, 10, 20) if factor * size >= raw * (1.0 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    values = [k * step for k in range(first, first + 2 * most) if k * step <= high + 1e-9 * step]
    return [float(f"{value:.12g}") for value in values] or [low]


def y_ticks(low: float, high: float, label: Callable[[float], str]) -> tuple[Tick, ...]:
    return tuple((round((high - v) / (high - low) * 100.0, 2), label(v)) for v in nice_steps(low, high, 4))


def time_ticks(start_ns: int, end_ns: int) -> tuple[Tick, ...]:
    """Five times along a run: midnights, or hours and minutes of a short one.

    >>> time_ticks(0, 8 * 86_400 * 10**9)[1:3]
    ((25.0, '1970-01-03'), (50.0, '1970-01-05'))
    """
    length = end_ns - start_ns
    step, shown = (DAY_NS, slice(0, 10)) if length >= 4 * DAY_NS else (60 * 10**9, slice(5, 16))
    ticks = []
    for k in range(5):
        ns = start_ns + length * k // 4
        if 0 < k < 4 and length >= 8 * step:
            ns = (ns + step // 2) // step * step
        text = str(np.datetime64(ns, "ns").astype("M8[s]"))[shown]
        ticks.append((round((ns - start_ns) / length * 100.0, 2) if length else 0.0, text.replace("T", " ")))
    return tuple(ticks)


def plain_label(step_of: Floats | list[float]) -> Callable[[float], str]:
    """A writer of axis labels with as many decimals as the range needs.

    >>> plain_label([1_000_000.0, 1_000_001.0])(1_000_000.5)
    '1,000,000.5'
    """
    low, high = float(np.min(step_of)), float(np.max(step_of))
    height = high - low if high > low else max(abs(high), 1.0)
    places = min(max(0, 1 - math.floor(math.log10(height))), 10)
    return lambda value: f"{value:,.{places}f}" if abs(value) < 1e12 else f"{value:.4g}"


def histogram(
    values: Floats,
    marks: list[tuple[float, str]],
    label: Callable[[float], str],
    *,
    title: str = "How often which value came up",
    x_name: str = "",
    split: float | None = None,
) -> Bars | None:
    """How often which value came up; None where nothing varies. With `split`, bins on either side have two colours."""
    known = values[np.isfinite(values)]
    if known.size < 2 or not np.ptp(known) > 0.0:
        return None
    inside = [value for value, _ in marks if math.isfinite(value)]
    low, high = bounds(min([float(known.min()), *inside]), max([float(known.max()), *inside]))
    bins = int(min(60, max(5, round(known.size**0.5))))
    counts, edges = np.histogram(known, bins=bins)
    top = float(counts.max())
    rects = []
    for n, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        across, width, height = (left - low) / (high - low), (right - left) / (high - low), n / top / 1.05
        says = f"{label(left)} to {label(right)}: {n:,}"
        tone = "" if split is None else "plus" if (left + right) / 2.0 > split else "minus"
        box = [round(BOX * each, 1) for each in (across, 1.0 - height, width, height)]
        rects.append((box[0], box[1], box[2], box[3], says, tone))
    at = tuple((round((v - low) / (high - low) * BOX, 1), name) for v, name in marks if math.isfinite(v))
    along = tuple((round((v - low) / (high - low) * 100.0, 2), label(v)) for v in nice_steps(low, high))
    up = y_ticks(0.0, 1.05 * top, lambda n: f"{n:,.0f}" if n == round(n) else "")
    return Bars(tuple(rects), at, along, up, title, x_name)


def columns(
    values: Floats,
    words: list[str],
    says: list[str],
    label: Callable[[float], str],
    *,
    title: str,
    x_name: str = "",
    most_ticks: int = 12,
    style: str = "",
) -> Bars | None:
    """One column a value, up or down from zero; None where there is none that is not zero."""
    known = np.where(np.isfinite(values), values, 0.0)
    if not known.size or not np.any(known != 0.0):
        return None
    low, high = bounds(min(0.0, float(known.min())), max(0.0, float(known.max())))
    low, high = (0.0 if known.min() >= 0.0 else low), (0.0 if known.max() <= 0.0 else high)
    base = high / (high - low) * BOX
    wide = BOX / known.size
    rects = []
    for k, value in enumerate(known.tolist()):
        tall = abs(value) / (high - low) * BOX
        top = base - tall if value > 0.0 else base
        tone = "plus" if value > 0.0 else "minus"
        rects.append((round((k + 0.04) * wide, 2), round(top, 2), round(wide, 2), round(tall, 2), says[k], tone))
    return Bars(
        tuple(rects),
        (),
        cell_ticks(words, most_ticks),
        y_ticks(low, high, label),
        title,
        x_name,
        zero=round(base, 2),
        style=style,
    )


def waterfall(
    begin: tuple[str, float], steps: list[tuple[str, float]], end: str, unit: str, *, cut: bool = False
) -> Waterfall:
    """Amounts from a first total to the last one: each step begins where the one before ended.

    With `cut` the axis leaves out zero where the steps would be too small to see beside the totals.

    >>> made = waterfall(("Gross", 10.0), [("Fees", -4.0)], "Net", "USDT")
    >>> [(each.label, each.value) for each in made.steps]
    [('Gross', '+10.00'), ('Fees', '-4.00'), ('Net', '+6.00')]
    """
    edges = np.cumsum([begin[1], *(value for _, value in steps)])
    cut = cut and float(np.ptp(edges)) < 0.3 * float(np.abs(edges).max())
    low, high = float(edges.min()), float(edges.max())
    if cut:
        low, high = low - 0.15 * (high - low), high + 0.15 * (high - low)
    low, high = bounds(low, high) if cut else bounds(min(0.0, low), max(0.0, high))

    def place(value: float) -> float:
        return round(min(max((value - low) / (high - low), 0.0), 1.0) * 100.0, 3)

    places = 2 if high - low >= 1.0 else min(2 - math.floor(math.log10(high - low)), 10)  # amounts of a coin are small

    def step(label: str, first: float, last: float, tone: str, says: str) -> Step:
        left, right = sorted((place(first), place(last)))
        return Step(label, left, round(right - left, 3), amount(last - first), tone, says)

    def amount(value: float) -> str:
        return f"{round(value, places) + 0.0:+,.{places}f}"

    made = [step(begin[0], 0.0, begin[1], "total", f"{begin[0]}: {amount(begin[1])} {unit}")]
    for (label, value), before, after in zip(steps, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        says = f"{label}: {amount(value)} {unit}\nleaves {amount(after)} {unit}"
        made.append(step(label, before, after, "minus" if value < 0.0 else "plus", says))
    last = float(edges[-1])
    made.append(step(end, 0.0, last, "total", f"{end}: {amount(last)} {unit}"))
    return Waterfall(tuple(made), place(0.0), f"From {begin[0].lower()} to {end.lower()}", cut)


def spans(
    rows: list[tuple[str, float, float, float, str, str]],
    label: Callable[[float], str],
    mark: float | None,
    title: str,
) -> Spans:
    """Intervals on one axis: (label, low, high, seen, value, what it says)."""
    values = [v for _, low, high, seen, _, _ in rows for v in (low, high, seen)] + ([] if mark is None else [mark])
    least, most = bounds(min(values), max(values))

    def place(value: float) -> float:
        return round((value - least) / (most - least) * 100.0, 2)

    made = tuple(Span(name, place(a), place(b), place(at), text, says) for name, a, b, at, text, says in rows)
    ticks = tuple((place(v), label(v)) for v in nice_steps(least, most, 4))
    return Spans(made, ticks, -1.0 if mark is None else place(mark), title)


def heat_map(
    x: list[Any],
    y: list[Any],
    values: Floats,
    names: tuple[str, str],
    best: int | None,
    label: Callable[[float], str],
    word: Callable[[Any], str],
) -> Heat | None:
    """The median of `values` for each pair of two parameters; many values of one are put together."""
    if not np.isfinite(values).any():
        return None
    x_places, x_words = cells_of(x, word)
    y_places, y_words = cells_of(y, word)
    groups: dict[tuple[int, int], list[float]] = {}
    for i, j, value in zip(x_places, y_places, values.tolist(), strict=True):
        groups.setdefault((i, j), []).append(value)
    medians = {pair: float(np.median(kept)) for pair, all_ in groups.items() if (kept := [v for v in all_ if v == v])}
    most = max(abs(value) for value in medians.values()) or 1.0
    wide, high = BOX / len(x_words), BOX / len(y_words)
    star = None if best is None else (x_places[best], y_places[best])
    cells = []
    for i, j in sorted(groups):
        value = medians.get((i, j))
        kind = "none" if value is None else "plus" if value >= 0.0 else "minus"
        says = f"{names[0]} {x_words[i]}, {names[1]} {y_words[j]}: {'n/a' if value is None else label(value)}"
        strength = 0.0 if value is None else round(abs(value) / most, 3)
        place = (round(i * wide, 2), round(BOX - (j + 1) * high, 2), round(wide, 2), round(high, 2))
        cells.append((*place, kind, strength, says, (i, j) == star))
    along, up = cell_ticks(x_words), tuple((round(100.0 - place, 2), text) for place, text in cell_ticks(y_words))
    low, top = min(medians.values()), max(medians.values())
    scale = colours_of(low, top, most)
    return Heat(tuple(cells), *names, along, up, label(low), label(top), scale, f"{names[0]} and {names[1]}")


def colours_of(low: float, high: float, most: float) -> str:
    """The background of a heat map's legend: orange below zero, blue above, as strong as its cells.

    >>> colours_of(-1.0, 3.0, 3.0).count("color-mix")
    3
    """
    ends = [low, *([0.0] if low < 0.0 < high else []), high]
    stops = []
    for value in ends:
        tone, strength = ("plus" if value >= 0.0 else "minus"), round(abs(value) / most * 100.0, 1)
        place = round((value - low) / (high - low) * 100.0, 1) if high > low else 0.0
        stops.append(f"color-mix(in srgb, var(--{tone}) {strength}%, var(--card)) {place}%")
    return f"linear-gradient(to right, {', '.join(stops)})"


def cells_of(values: list[Any], word: Callable[[Any], str]) -> tuple[list[int], list[str]]:
    """The cell of each value, and the cells' names: one a value, or a range of neighbours where there are too many."""
    distinct = sorted(set(values), key=lambda v: (isinstance(v, str), v))
    each = -(-len(distinct) // MOST_CELLS)
    place = {value: k // each for k, value in enumerate(distinct)}
    groups = [distinct[k : k + each] for k in range(0, len(distinct), each)]
    words = [word(group[0]) if len(group) == 1 else f"{word(group[0])} to {word(group[-1])}" for group in groups]
    return [place[value] for value in values], words


def cell_ticks(words: list[str], most: int = 6) -> tuple[Tick, ...]:
    """Labels at the middle of evenly spaced cells, from the first on.

    >>> cell_ticks(["5", "10", "15"])
    ((16.67, '5'), (50.0, '10'), (83.33, '15'))
    """
    n = len(words)
    step = -(-n // most)
    return tuple((round((k + 0.5) / n * 100.0, 2), words[k].split(" to ")[0]) for k in range(0, n, step))
