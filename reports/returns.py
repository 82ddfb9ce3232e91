"""Equity on regular grids: returns of days, hours and months, drawdowns, rolling figures, what buying and holding gave.

Every grid begins with the starting cash and carries the last equity over gaps, as the figures of a run do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from huracan.sim.figures import DAY_NS, YEAR_NS

if TYPE_CHECKING:
    from huracan.sim.result import Result
    from huracan.sim.series import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
HOUR_NS = 3600 * 10**9
STEPS_NS = (DAY_NS, 4 * HOUR_NS, HOUR_NS, 15 * 60 * 10**9, 60 * 10**9)
ENOUGH = 60  # points that a grid should have before a finer one is taken


@dataclass(frozen=True)
class Curve:
    """Equity at the closes of a run, from the starting cash on; `finite` says whether every value is a number."""

    ts_ns: Ints
    equity: Floats
    start_ns: int
    end_ns: int
    market: tuple[Bars, ...] = ()  # what it is held against: the run's own instruments unless another is given
    bench: str = "Buy and hold"

    @property
    def whole(self) -> bool:
        """Whether there is anything to draw, and nothing that is no number."""
        return self.equity.size > 1 and bool(np.isfinite(self.equity).all())


def curve_of(result: Result, benchmark: Bars | None = None) -> Curve:
    """The equity of a run, with the cash it began with at its first open, and what it is held against."""
    rows, about = result.equity_rows, result.about
    cash = result.numbers.get("cash")
    ts = np.ascontiguousarray(rows["ts_ns"])
    equity = np.ascontiguousarray(rows["equity"])
    if cash is not None:
        ts, equity = np.r_[about.start_ns, ts], np.r_[float(cash), equity]
    known = (ts.astype(np.int64), equity.astype(np.float64), about.start_ns, about.end_ns)
    if benchmark is not None:
        return Curve(*known, (benchmark,), f"{benchmark.symbol}, held")
    return Curve(*known, result.market)


def at_times(curve: Curve, times: Ints) -> Floats:
    """Equity at given times: the last one known then.

    >>> at_times(Curve(np.array([0, 10]), np.array([1.0, 2.0]), 0, 10), np.array([0, 9, 10, 99])).tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    return curve.equity[np.maximum(np.searchsorted(curve.ts_ns, times, side="right") - 1, 0)]


def grid(curve: Curve, step_ns: int) -> Ints:
    """Whole steps of time within a run, after its start: the grid that the machine takes its days on.

    >>> grid(Curve(np.zeros(0), np.zeros(0), 1704067200 * 10**9, 1738627200 * 10**9), DAY_NS).size
    400
    """
    first = (curve.start_ns // step_ns + 1) * step_ns
    return first + step_ns * np.arange(max((curve.end_ns - first) // step_ns + 1, 0), dtype=np.int64)


def returns_on(curve: Curve, times: Ints) -> Floats:
    """Simple returns between grid points, the first from the start."""
    if not times.size or not curve.whole:
        return np.zeros(0)
    worth = np.r_[curve.equity[0], at_times(curve, times)]
    below = worth[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0.0, worth[1:] / below - 1.0, np.nan)


def step_for(curve: Curve) -> int:
    """The coarsest grid with points enough to say something: days where there are 60 of them."""
    length = curve.end_ns - curve.start_ns
    fits = [step for step in STEPS_NS if length // step >= ENOUGH]
    return fits[0] if fits else STEPS_NS[-1]


def word_of(step_ns: int) -> str:
    """
    >>> word_of(DAY_NS), word_of(4 * HOUR_NS)
    ('day', '4 hours')
    """
    words = {DAY_NS: "day", HOUR_NS: "hour", 4 * HOUR_NS: "4 hours", 15 * 60 * 10**9: "15 minutes"}
    return words.get(step_ns, "minute")


def words_of(step_ns: int) -> str:
    """Many of them.

    >>> words_of(DAY_NS), words_of(4 * HOUR_NS)
    ('days', 'stretches of 4 hours')
    """
    word = word_of(step_ns)
    return f"stretches of {word}" if " " in word else f"{word}s"


def periods_of(step_ns: int, figures_periods: float | None, sample: str) -> float:
    """Grid points of a year: 365 days, or what the spec says of a run on days."""
    if step_ns == DAY_NS and sample == "1d" and figures_periods:
        return float(figures_periods)
    return YEAR_NS / step_ns


@dataclass(frozen=True)
class Month:
    """A calendar month, or the part of it that a run covers, and its return."""

    year: int
    month: int
    value: float


def months_of(curve: Curve) -> list[Month]:
    """Returns by calendar month, UTC; they compound to the total return, because they share their ends."""
    if not curve.whole:
        return []
    first, last = (np.datetime64(ns, "ns").astype("M8[M]") for ns in (curve.start_ns, curve.end_ns - 1))
    months = np.arange(first, last + 1)
    ends = np.minimum((months + 1).astype("M8[ns]").astype(np.int64), curve.end_ns)
    values = returns_on(curve, ends)
    numbers = months.astype(np.int64)
    return [Month(1970 + int(m) // 12, int(m) % 12 + 1, float(v)) for m, v in zip(numbers, values, strict=True)]


@dataclass(frozen=True)
class Fall:
    """A drawdown: when it began, was deepest and was made good (None: never), and how deep."""

    begin_ns: int
    bottom_ns: int
    end_ns: int | None
    depth: float


def worst_falls(curve: Curve, most: int = 5) -> list[Fall]:
    """The deepest drawdowns at closes, deepest first.

    >>> c = Curve(np.arange(6), np.array([10.0, 8.0, 11.0, 9.9, 12.0, 6.0]), 0, 5)
    >>> [(f.begin_ns, f.bottom_ns, f.end_ns, round(f.depth, 3)) for f in worst_falls(c)]
    [(4, 5, None, -0.5), (0, 1, 2, -0.2), (2, 3, 4, -0.1)]
    """
    if not curve.whole:
        return []
    peak = np.maximum.accumulate(curve.equity)
    below = curve.equity < peak
    edges = np.diff(np.r_[False, below, False].astype(np.int8))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)  # rows below the peak: first .. last - 1
    if not first.size:
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.where(peak > 0.0, curve.equity / peak - 1.0, -1.0)
    deepest = np.minimum.reduceat(depth, first) if first.size else np.zeros(0)
    found = []
    for k in np.argsort(deepest, kind="stable")[:most].tolist():
        lo, hi = int(first[k]), int(last[k])
        bottom = lo + int(np.argmin(depth[lo:hi]))
        end = int(curve.ts_ns[hi]) if hi < curve.ts_ns.size else None
        found.append(Fall(int(curve.ts_ns[lo - 1]), int(curve.ts_ns[bottom]), end, float(depth[bottom])))
    return found


def rolling(returns: Floats, window: int, periods: float) -> tuple[Floats, Floats]:
    """(Sharpe, volatility) a year over the last `window` returns; NaN until there are as many, or where none varies."""
    mean, squares = (windowed_mean(values, window) for values in (returns, returns**2))
    variance = np.maximum(squares - mean**2, 0.0) * window / (window - 1)
    variance = np.where(variance > 1e-18 * np.maximum(squares, 1e-12), variance, np.nan)
    deviation = np.sqrt(variance)
    return mean / deviation * np.sqrt(periods), deviation * np.sqrt(periods)


def rolling_beta(returns: Floats, market: Floats, window: int) -> Floats:
    """How far returns moved per move of the market, over the last `window` of them."""
    mean, mean_m = windowed_mean(returns, window), windowed_mean(market, window)
    both, squares = windowed_mean(returns * market, window), windowed_mean(market**2, window)
    variance = squares - mean_m**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 1e-18, (both - mean * mean_m) / variance, np.nan)


def windowed_mean(values: Floats, window: int) -> Floats:
    out = np.full(values.size, np.nan)
    if values.size >= window:
        sums = np.cumsum(np.r_[0.0, values])
        out[window - 1 :] = (sums[window:] - sums[:-window]) / window
    return out


def held(market: tuple[Bars, ...], times: Ints, cash: float) -> Floats | None:
    """What the cash would be worth at given times, spread evenly over the instruments at their first open and held.

    No costs, no leverage. None where prices are missing, or contracts are inverse: there the coin itself is the money.
    """
    if not market or any(bars.rules.kind == "inverse" or not bars.open_ns.size for bars in market):
        return None
    total = np.zeros(times.size)
    for bars in market:
        places = np.searchsorted(bars.open_ns + bars.timeframe_ns, times, side="right") - 1
        total += np.where(places >= 0, bars.close[np.maximum(places, 0)], bars.open[0]) / bars.open[0]
    return np.asarray(cash * total / len(market))


def buckets(n: int, most: int) -> Ints:
    """Where each of at most `most` stretches of n rows begins.

    >>> buckets(5, 10).tolist(), buckets(5, 2).tolist()
    ([0, 1, 2, 3, 4], [0, 2])
    """
    return np.unique(np.linspace(0, n, min(n, most) + 1).astype(np.int64)[:-1])
