"""The figures of a run, from the sums that its lane kept: each formula once, for one lane or for thousands.

Returns are simple returns of equity on the sample grid, risk-free 0, ddof 1. A figure that does not exist is NaN in
columns and None in a result: no trade has no win rate, an equity that never moved has no Sharpe.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.layout import Reason

DAY_NS = 86_400 * 10**9
YEAR_NS = 365 * DAY_NS
NOISE = 1e-14  # deviations below it are the rounding of equity / equity - 1, not risk

Floats = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]


def figures(
    stats: Any,
    account: Any,
    settings: Any,
    *,
    periods: float | None,
    start_ns: int,
    end_ns: int,
    open_trades: int = 0,
) -> dict[str, Any]:
    """The figures of one lane, from its records `layout.stats`, `layout.account` (the venue's) and `layout.settings`.

    `periods` are the samples of a year; None counts 365 days. `open_trades` are the desks with a trade under way.

    >>> from huracan.sim import layout
    >>> stats, account, settings = (np.zeros(1, kind)[0] for kind in (layout.stats, layout.account, layout.settings))
    >>> settings["cash"], account["equity"], stats["sample_ns"] = 100.0, 110.0, DAY_NS
    >>> found = figures(stats, account, settings, periods=None, start_ns=0, end_ns=YEAR_NS)
    >>> round(found["total_return"], 12), round(found["annual_return"], 12), found["win_rate"]
    (0.1, 0.1, None)
    """
    columns = figure_columns(
        stats, account, settings, periods=periods, start_ns=start_ns, end_ns=end_ns, open_trades=open_trades
    )
    return {key: plain(column[0]) for key, column in columns.items()}


def figure_columns(
    stats: Any,
    account: Any,
    settings: Any,
    *,
    periods: float | None,
    start_ns: int,
    end_ns: int,
    open_trades: Any = 0,
) -> Columns:
    """One column a figure, one row a lane: arrays of the same records; a single record stands for all lanes.

    >>> from huracan.sim import layout
    >>> stats, account, settings = (np.zeros(3, kind) for kind in (layout.stats, layout.account, layout.settings))
    >>> settings["cash"], account["equity"], stats["trades"] = 100.0, [90.0, 100.0, 120.0], [0, 2, 4]
    >>> stats["wins"] = 1
    >>> found = figure_columns(stats, account, settings, periods=365.0, start_ns=0, end_ns=YEAR_NS)
    >>> found["win_rate"]
    array([ nan, 0.5 , 0.25])
    """
    s, a, t = np.atleast_1d(stats), np.atleast_1d(account), np.atleast_1d(settings)
    lanes = max(s.size, a.size, t.size)
    alive = a["bankrupt"] == 0
    year = np.full(s.size, np.nan if periods is None else periods)
    if periods is None:
        year = quotient(np.float64(YEAR_NS), s["sample_ns"])
    year_of_days = np.where((s["sample_ns"] == DAY_NS) & (periods is not None), year, 365.0)

    total, squares, losses, equities = (in_order(s[name]) for name in ("sum_r", "sum_r2", "sum_neg2", "sum_equity"))
    equities = equities + s["sum_flat"] + s["flat_equity"] * s["flat_rows"]
    mean, deviation = moments(s["samples"], total, squares)
    day_mean, day_deviation = moments(s["days"], s["day_r"], s["day_r2"])
    downside = np.sqrt(quotient(losses, s["samples"]))
    growth = yearly(quotient(a["equity"], t["cash"]), start_ns, end_ns)
    columns = {
        "final_equity": a["equity"],
        "total_return": quotient(a["equity"], t["cash"]) - 1.0,
        "annual_return": only(growth, alive),
        "volatility": only(deviation * np.sqrt(year), alive),
        "sharpe": only(quotient(mean, deviation, NOISE) * np.sqrt(year), alive),
        "sharpe_daily": only(quotient(day_mean, day_deviation, NOISE) * np.sqrt(year_of_days), alive),
        "sortino": only(quotient(mean * year, downside * np.sqrt(year), NOISE * np.sqrt(year)), alive),
        "calmar": only(quotient(growth, -s["max_drawdown"], NOISE), alive),
        "max_drawdown": s["max_drawdown"],
        "fills": s["fills"],
        "trades": s["trades"],
        "open_trades": np.asarray(open_trades, dtype=np.int64),
        "win_rate": quotient(s["wins"], s["trades"]),
        "fees": a["fees"],
        "funding": a["funding"],
        "slippage": s["slippage"],
        "turnover": quotient(s["traded"], quotient(equities, s["bars"])),
        "exposure": quotient(s["exposed"], s["samples"]),
        "bars": s["bars"],
        "interest": a["interest"],
        "spread": s["spread"],
        "impact": s["impact"],
        "traded": s["traded"],
        "orders": s["orders"],
        "partial_fills": s["partial"],
        "rejected": s["counts"].sum(axis=-1) + a["counts"].sum(axis=-1),
        "liquidations": s["liquidations"],
        "dust": s["dust"],
        "bankrupt": ~alive,
        "cash": t["cash"],
        "samples": s["samples"],
        "days": s["days"],
        "periods": year,
    }
    return {key: finite(np.broadcast_to(column, lanes)) for key, column in columns.items()}


def rejections(stats: Any, account: Any, extra: dict[str, int] | None = None) -> dict[str, int]:
    """How often what was refused, cut or cancelled, by name: the venue's counts and decide's, and then `extra`.

    `extra` says more about some of them, as which gate refused for which reason. Arrays of records are summed.

    >>> from huracan.sim import layout
    >>> stats, account = np.zeros(1, layout.stats)[0], np.zeros(1, layout.account)[0]
    >>> stats["counts"][Reason.CUT_TO_CASH], account["counts"][Reason.GATED] = 2, 5
    >>> rejections(stats, account, {"calm: bar too wide": 5})
    {'cut_to_cash': 2, 'gated': 5, 'calm: bar too wide': 5}
    """
    counts = np.atleast_1d(stats)["counts"].sum(axis=0) + np.atleast_1d(account)["counts"].sum(axis=0)
    names = {int(reason): reason.name.lower() for reason in Reason}
    found = {names.get(code, f"reason_{code}"): int(count) for code, count in enumerate(counts) if count}
    for name, count in (extra or {}).items():
        if count:
            found[name] = found.get(name, 0) + int(count)
    return found


def in_order(parts: Any) -> Floats:
    """Sums kept in eight parts, added up always alike.

    >>> in_order(np.ones((2, 8)))
    array([8., 8.])
    """
    total = np.zeros(np.shape(parts)[:-1])
    for k in range(np.shape(parts)[-1]):
        total = total + parts[..., k]
    return total


def quotient(above: Any, below: Any, floor: float | Floats = 0.0) -> Floats:
    """`above / below`, or NaN where `below` is not above `floor`.

    >>> quotient(1.0, np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    top, bottom = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    result = np.full(bottom.shape, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        np.divide(top, bottom, out=result, where=bottom > floor)
    return result


def moments(n: Any, total: Any, squares: Any) -> tuple[Floats, Floats]:
    """Mean and deviation (ddof 1) from a count, a sum and a sum of squares; NaN below two samples.

    A deviation that rounding alone explains is 0: of n naive additions, and of each return's own last digit.

    >>> mean, deviation = moments(np.array([3]), np.array([6.0]), np.array([14.0]))
    >>> float(mean[0]), float(deviation[0])
    (2.0, 1.0)
    """
    count = np.asarray(n, np.float64)
    mean = quotient(total, count)
    around = squares - mean * total
    rounding = np.maximum(4.0 * np.finfo(np.float64).eps * count * squares, count * NOISE**2)
    around = np.where(around > rounding, around, 0.0)
    return np.where(count > 1.0, mean, np.nan), np.sqrt(quotient(around, count - 1.0))


def yearly(ratio: Floats, start_ns: int, end_ns: int) -> Floats:
    """The growth a year of a whole run's growth, by elapsed time; NaN where nothing is left to grow.

    >>> yearly(np.array([1.21, -0.5]), 0, 2 * YEAR_NS).round(12)
    array([0.1, nan])
    """
    elapsed = end_ns - start_ns
    if elapsed <= 0:
        return np.full(np.shape(ratio), np.nan)
    left = np.where(ratio > 0.0, ratio, np.nan)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(left ** (YEAR_NS / elapsed) - 1.0)


def only(column: Floats, where: npt.NDArray[np.bool_]) -> Floats:
    """NaN elsewhere: a lane whose money is gone has a loss, but no yearly figure."""
    return np.where(where, column, np.nan)


def finite(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column of its own; what is not finite does not exist."""
    if column.dtype.kind != "f":
        return column.copy()
    return np.where(np.isfinite(column), column, np.nan)


def plain(value: Any) -> Any:
    """A number as JSON has it, None for NaN.

    >>> plain(np.int64(3)), plain(np.nan), plain(np.bool_(True))
    (3, None, True)
    """
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value
