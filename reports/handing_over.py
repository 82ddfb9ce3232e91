"""A run for the tools that people already use: QuantStats, empyrical and vectorbt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.returns import curve_of, grid, returns_on
from huracan.sim.figures import DAY_NS
from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    from huracan.sim.result import Result


def daily_returns(result: Result, *, whole_days: bool) -> Any:
    """Simple returns of days (UTC), a pandas Series by the day's date; the last may be part of a day.

    They compound to the total return; with `whole_days` that part is left out, as `sharpe_daily` leaves it.
    """
    import pandas as pd

    curve = curve_of(result)
    if not curve.whole:
        fix = "give a run with at least two rows of equity, all of them numbers"
        raise Refused("this run has no returns", where=result.about.name, fix=fix)
    ends = grid(curve, DAY_NS)
    if not whole_days and (not ends.size or ends[-1] < curve.end_ns):
        ends = np.r_[ends, curve.end_ns]
    days = (ends - 1) // DAY_NS * DAY_NS
    index = pd.DatetimeIndex(days.astype("datetime64[ns]"), tz="UTC", name="day")
    return pd.Series(returns_on(curve, ends), index=index, name=result.about.name)


def to_empyrical(result: Result, *, whole_days: bool = False) -> Any:
    """Daily returns as empyrical's functions take them: pass `annualization=365`, its own 252 is for stocks."""
    return daily_returns(result, whole_days=whole_days)


def to_quantstats(result: Result, *, whole_days: bool = False) -> Any:
    """Daily returns as QuantStats takes them, without a time zone: pass `periods=365` to its statistics."""
    return daily_returns(result, whole_days=whole_days).tz_localize(None)


def to_vectorbt(result: Result) -> Any:
    """A vectorbt `Portfolio` of the same executions: every fill a row of its own, between the closes of the bars.

    Funding and interest are not in it: vectorbt has neither. Leverage and inverse contracts are refused, for the same
    reason. A row is no bar, so statistics that count rows want `freq`.
    """
    try:
        import vectorbt as vbt
    except ImportError:
        raise Refused("vectorbt is not installed", fix="pip install vectorbt") from None
    import pandas as pd

    if not result.market:
        raise Refused("the prices of this run were not kept", where=result.about.name, fix="run the backtest again")
    if any(bars.rules.kind == "inverse" or bars.rules.multiplier != 1.0 for bars in result.market):
        raise Refused("vectorbt knows no inverse contracts and no multipliers", where=result.about.name)
    fills = result.fill_rows
    columns = [
        f"{k} {symbol}" if result.about.symbols.count(symbol) > 1 else symbol
        for k, symbol in enumerate(result.about.symbols)
    ]
    closes = np.unique(np.concatenate([bars.open_ns + bars.timeframe_ns for bars in result.market]))
    times = np.r_[fills["ts_ns"], closes]
    kind = np.r_[
        np.zeros(fills.size, np.int64), np.ones(closes.size, np.int64)
    ]  # a fill stands before a close of its instant
    order = np.lexsort((np.arange(times.size), kind, times))
    place = np.empty(times.size, np.int64)
    place[order] = np.arange(times.size)
    shape = (times.size, len(columns))
    close, size, price, fee = (np.full(shape, value) for value in (np.nan, np.nan, np.nan, 0.0))
    rows = place[: fills.size]
    size[rows, fills["inst"]] = fills["side"] * fills["qty"]
    price[rows, fills["inst"]] = fills["price"]
    fee[rows, fills["inst"]] = fills["fee"]
    close[rows, fills["inst"]] = fills["price"]
    for k, bars in enumerate(result.market):
        close[place[fills.size + np.searchsorted(closes, bars.open_ns + bars.timeframe_ns)], k] = bars.close
    index = pd.DatetimeIndex(strictly_rising(times[order]).astype("datetime64[ns]"), tz="UTC")

    def table(values: Any) -> Any:
        made = pd.DataFrame(values, index=index, columns=columns)
        return made if len(columns) > 1 else made[columns[0]]

    frame = table(close).ffill().bfill()
    portfolio = vbt.Portfolio.from_orders(
        frame,
        size=table(size),
        price=table(price).fillna(frame),
        fixed_fees=table(fee),
        init_cash=float(result.numbers["cash"]),
        cash_sharing=len(columns) > 1,
        group_by=True if len(columns) > 1 else None,
        freq=pd.Timedelta(result.market[0].timeframe_ns, "ns"),
    )
    taken = len(portfolio.orders.values)
    if taken != fills.size:
        fix = "hand over the returns instead: result.to_quantstats()"
        raise Refused(
            f"vectorbt takes {taken:,} of {fills.size:,} fills: it has no leverage", where=result.about.name, fix=fix
        )
    return portfolio


def strictly_rising(times: Any) -> Any:
    """Times a nanosecond apart where they were equal.

    >>> strictly_rising(np.array([5, 5, 5, 9])).tolist()
    [5, 6, 7, 9]
    """
    return np.maximum.accumulate(times - np.arange(times.size)) + np.arange(times.size)
