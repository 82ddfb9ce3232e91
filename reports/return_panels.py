"""Returns by month and year, and how they are spread: the usual days, the tails, what a bad day costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from huracan.reports.charts import histogram
from huracan.reports.parts import Beside, Cell, Panel, Part, Table
from huracan.reports.returns import (
    Curve,
    Month,
    grid,
    held,
    months_of,
    returns_on,
    step_for,
    word_of,
    words_of,
    worst_falls,
)
from huracan.reports.wording import NONE, at, ratio, share
from huracan.sim.honesty import moments_of

if TYPE_CHECKING:
    from huracan.reports.returns import Floats, Ints
    from huracan.sim.result import Result

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def months_panel(result: Result, curve: Curve) -> Panel | None:
    """The table of months, shaded, and a row a year beside buying and holding."""
    months = months_of(curve)
    if not months or not all(np.isfinite(m.value) for m in months):
        return None
    years = sorted({m.year for m in months})
    by = {(m.year, m.month): m.value for m in months}
    most = max((abs(m.value) for m in months), default=0.0) or 1.0
    rows: list[tuple[str | Cell, ...]] = []
    for year in years:
        cells = [shaded(by.get((year, k)), most) for k in range(1, 13)]
        rows.append((str(year), *cells, whole_year(months, year)))
    table = Table(("t", *(["n"] * 13)), tuple(rows), ("", *MONTHS, "Year"))
    parts: list[Part] = [table]
    if yearly := yearly_table(result, curve, years, months):
        parts.append(yearly)
    how = (
        "The return of each calendar month (UTC), compounded; the months of a year give its total, and all months give "
        "the total return. The deeper the colour, the larger the move; blue won, orange lost. The first and the last "
        "month may be parts of one."
    )
    return Panel("months", "Month by month", tuple(parts), how, "Months")


def shaded(value: float | None, most: float) -> Cell:
    """A month's cell; one that the run did not see is empty."""
    if value is None:
        return Cell("")
    tone = "plus" if value > 0.0 else "minus" if value < 0.0 else ""
    return Cell(f"{value:.1%}" if abs(value) >= 0.0005 or value == 0.0 else f"{value:.2%}", tone, strength(value, most))


def strength(value: float, most: float) -> float:
    return round(0.1 + 0.55 * min(abs(value) / most, 1.0), 3) if value else 0.0


def whole_year(months: list[Month], year: int) -> Cell:
    total = float(np.prod([1.0 + m.value for m in months if m.year == year])) - 1.0
    return Cell(share(total), "plus" if total > 0.0 else "minus" if total < 0.0 else "")


def yearly_table(result: Result, curve: Curve, years: list[int], months: list[Month]) -> Table | None:
    """A row a year: return, buying and holding, deepest fall, closed trades."""
    rows = []
    trades = result.trade_rows
    for year in years:
        lo, hi = (int(np.datetime64(f"{y}-01-01", "ns").astype(np.int64)) for y in (year, year + 1))
        first, last = max(lo, curve.start_ns), min(hi, curve.end_ns)
        bench = held(curve.market, np.array([first, last]), 1.0)
        inside = (curve.ts_ns >= first) & (curve.ts_ns <= last)
        part = Curve(curve.ts_ns[inside], curve.equity[inside], first, last)
        falls = worst_falls(part, 1)
        closed = int(((trades["exit_ns"] > first) & (trades["exit_ns"] <= last)).sum())
        cell = whole_year(months, year)
        held_share = NONE if bench is None else share(float(bench[1] / bench[0] - 1.0))
        rows.append((str(year), cell, held_share, share(falls[0].depth) if falls else share(0.0), f"{closed:,}"))
    head = ("", "Return", curve.bench, "Deepest fall within", "Trades closed")
    return Table(("t", "n", "n", "n", "n"), tuple(rows), head, title="Year by year")


def spread_panel(result: Result, curve: Curve) -> Panel | None:
    """How returns are spread, with the tails: value at risk and what lies beyond it."""
    step = step_for(curve)
    times = grid(curve, step)
    returns = returns_on(curve, times)
    if returns.size < 20 or not np.isfinite(returns).all() or not np.ptp(returns) > 0.0:
        return None
    word = word_of(step)
    risk = [(q, value_at_risk(returns, q)) for q in (0.95, 0.99)]
    chart = histogram(
        returns,
        [(-risk[0][1][0], "tail")],
        lambda v: f"{v:.2%}" if abs(v) < 0.1 else f"{v:.0%}",
        title=f"Returns of a {word}",
        x_name=f"return of {word if ' ' in word else 'one ' + word}; the dashed line is the value at risk, 95 %",
        split=0.0,
    )
    if chart is None:
        return None
    one = f"stretch of {word}" if " " in word else word
    how = (
        f"How often one {one} brought which return. Value at risk 95 % is the loss that one {one} in twenty exceeds; "
        "the expected shortfall is how large the loss is on average when it does. Kurtosis above 3 means more extremes "
        "than a bell curve has, skewness below 0 that the extremes are losses."
    )
    rows = tail_rows(returns, times, step, risk)
    return Panel(
        "spread", "Good days and bad days", (Beside((("", chart), ("", Table(("", "n"), rows)))),), how, "Tails"
    )


def value_at_risk(returns: Floats, confidence: float) -> tuple[float, float]:
    """(value at risk, expected shortfall), historical, as losses above 0.

    >>> var, es = value_at_risk(np.arange(-10.0, 90.0) / 100.0, 0.95)
    >>> round(var, 4), round(es, 4)
    (0.0505, 0.08)
    """
    cut = float(np.percentile(returns, (1.0 - confidence) * 100.0))
    beyond = returns[returns <= cut]
    return -cut, -float(beyond.mean()) if beyond.size else -cut


def tail_rows(
    returns: Floats, times: Ints, step: int, risk: list[tuple[float, tuple[float, float]]]
) -> tuple[tuple[str, str], ...]:
    """The figures beside the histogram."""
    word, words = word_of(step), words_of(step)
    shape = moments_of(returns)
    best, worst = int(np.argmax(returns)), int(np.argmin(returns))
    high, low = np.percentile(returns, [95, 5])
    rows = [
        (f"Value at risk {q:.0%}", share(var)) if n == 0 else (f"Expected shortfall {q:.0%}", share(short))
        for q, (var, short) in risk
        for n in (0, 1)
    ]
    rows += [
        (f"Best {word}, to {at(int(times[best]))}", share(float(returns[best]))),
        (f"Worst {word}, to {at(int(times[worst]))}", share(float(returns[worst]))),
        (f"Gained, of {words}", share(float((returns > 0.0).mean()))),
        ("Tail ratio (95th over 5th percentile)", ratio(abs(float(high / low))) if low else NONE),
        ("Skewness", ratio(shape.skew) if shape else NONE),
        ("Kurtosis (a bell curve has 3)", ratio(shape.kurtosis) if shape else NONE),
        (f"Number of {words}", f"{returns.size:,}"),
    ]
    return tuple(rows)
