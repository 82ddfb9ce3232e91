"""What equity did over time: the curve beside buying and holding, drawdowns, rolling figures, exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.charts import columns, plain_label
from huracan.reports.parts import Panel, Part, Plot, Table, Text
from huracan.reports.returns import (
    Curve,
    buckets,
    grid,
    held,
    periods_of,
    returns_on,
    rolling,
    rolling_beta,
    step_for,
    words_of,
    worst_falls,
)
from huracan.reports.wording import DAY_NS, at, share, span
from huracan.sim.layout import FillReason

if TYPE_CHECKING:
    import numpy.typing as npt

    from huracan.reports.render import Charts
    from huracan.reports.returns import Floats, Ints
    from huracan.sim.result import Result

MOST = 6000  # points of a curve on the page
NOT_WORTH_A_ROW = -0.0001  # shallower drawdowns would read 0.00 %
INSIDE = (FillReason.STOP, FillReason.TAKE, FillReason.TRAIL, FillReason.LIQUIDATION, FillReason.END)
OPENS = (FillReason.MARKET, FillReason.TIME)
NO_POINTS = Text("There are not enough points to draw.", "soft")
NOT_FINITE = Text(
    "Equity holds values that are no numbers: curves and what is computed from them are left out.", "soft"
)


def clock_of(charts: Charts, ts_ns: Ints) -> dict[str, Any]:
    """Times as the script reads them: milliseconds of the first, then steps of `unit` milliseconds."""
    ms = np.asarray(ts_ns, np.int64) // 1_000_000
    start = int(ms[0]) if ms.size else 0
    steps = np.unique(np.diff(ms)) if ms.size > 1 else np.array([1])
    unit = max(int(np.gcd.reduce(steps)), 1)
    return {"t": charts.pack.add((ms - start) // unit), "t0": start, "unit": unit}


def time_plot(
    charts: Charts, name: str, ts_ns: Ints, series: list[dict[str, Any]], *, fmt: str, **more: Any
) -> dict[str, Any]:
    """Describe a chart over time; `y`, `lo` and `hi` of a series are values, which go into the pack."""
    packed = [{k: charts.pack.add(v) if k in ("y", "lo", "hi") else v for k, v in each.items()} for each in series]
    spec = {"kind": "time", "group": "run", "fmt": fmt, **clock_of(charts, ts_ns), "series": packed, **more}
    charts.plots[name] = spec
    return spec


def equity_panel(result: Result, curve: Curve, charts: Charts, unit: str) -> Panel:
    """Equity beside buying and holding the same instruments, with the worst drawdowns marked in the one below."""
    if not curve.whole:
        return Panel("equity", title_of("Equity", unit), (why_not(curve),), short="Equity")
    first = buckets(curve.ts_ns.size, MOST)
    last = np.r_[first[1:], curve.ts_ns.size] - 1
    times = curve.ts_ns[last]
    low, high = np.minimum.reduceat(curve.equity, first), np.maximum.reduceat(curve.equity, first)
    equity = {"name": "Equity", "y": curve.equity[last], "lo": low, "hi": high, "c": "c1", "width": 1.8, "range": True}
    series = [equity]
    legend = [("c1", "This run")]
    bench = held(curve.market, times, float(curve.equity[0]))
    if bench is not None:
        several = len(curve.market) > 1
        series.append({"name": curve.bench, "y": bench, "c": "c6", "dash": True})
        legend.append(("", curve.bench + (", all instruments alike" if several else "") + ", before costs"))
    time_plot(charts, "equity", times, series, fmt="money")
    falls = [fall for fall in worst_falls(curve) if fall.depth <= NOT_WORTH_A_ROW]
    bands = [
        {
            "a": f.begin_ns / 1e6,
            "b": (f.end_ns or curve.end_ns) / 1e6,
            "at": f.bottom_ns / 1e6,
            "low": f.depth,
            "word": str(k + 1),
        }
        for k, f in enumerate(falls)
    ]
    peak = np.maximum.accumulate(curve.equity)
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.where(peak > 0.0, curve.equity / peak - 1.0, -1.0)
    lowest = np.minimum.reduceat(fall, first)
    under = {"name": "Below the peak", "y": fall[last], "lo": lowest, "hi": fall[last], "c": "minus", "fill": 1}
    time_plot(charts, "drawdown", times, [under], fmt="share", zero=0.0, bands=bands)
    each = f" Each point stands for up to {int(np.max(last - first)) + 1} bars; their lowest and highest are drawn."
    how = (
        "The line is what the account was worth at every close, open positions at market price. The dashed line is "
        "what the starting cash would be worth had it bought the same instruments at the start and kept them. Below, "
        "how far equity stood under its highest point so far; the five deepest falls are numbered as in the table. "
        "Drag to zoom, double-click to go back; on a phone, pinch." + (each if np.max(last - first) else "")
    )
    rows = tuple(
        (
            str(k + 1),
            share(f.depth),
            at(f.begin_ns),
            at(f.bottom_ns),
            at(f.end_ns) if f.end_ns else "not yet",
            span((f.end_ns or curve.end_ns) - f.begin_ns),
        )
        for k, f in enumerate(falls)
    )
    head = ("", "Depth", "Peak, UTC", "Bottom, UTC", "Made good, UTC", "Lasted")
    parts: list[Part] = [
        Plot("equity", "Equity over time", 320, ("zoom", "log"), tuple(legend)),
        Plot("drawdown", "Drawdown over time", 150, (), (("minus", "Drawdown: below the highest equity so far"),)),
    ]
    if rows:
        parts.append(Table(("t", "n", "t", "t", "t", "n"), rows, head, title="The worst drawdowns"))
    return Panel("equity", title_of("Equity", unit), tuple(parts), how, "Equity")


def rolling_panel(result: Result, curve: Curve, charts: Charts) -> Panel | None:
    """Sharpe, volatility and beta over a moving window; None for a run too short to have one."""
    step = step_for(curve)
    times = grid(curve, step)
    returns = returns_on(curve, times)
    if returns.size < 40 or not np.isfinite(returns).all() or not np.any(returns):
        return None
    window = min(90, max(20, returns.size // 8))
    periods = periods_of(step, result.numbers.get("periods"), result.about.sample)
    sharpe, volatility = rolling(returns, window, periods)
    zero = {"zero": 0.0}
    words = f"{window} {words_of(step)}"
    time_plot(charts, "sharpe", times, [{"name": "Sharpe", "y": sharpe, "c": "c1"}], fmt="ratio", **zero)
    series = [{"name": "Volatility", "y": volatility, "c": "c4"}]
    time_plot(charts, "volatility", times, series, fmt="share", **zero)
    parts: list[Part] = [
        Plot("sharpe", "Rolling Sharpe", 170, (), (("c1", f"Sharpe of the last {words}, a year"),)),
        Plot("volatility", "Rolling volatility", 150, (), (("c4", f"Volatility of the last {words}, a year"),)),
    ]
    bench = held(curve.market, np.r_[curve.start_ns, times], float(curve.equity[0]))
    if bench is not None:
        beta = rolling_beta(returns, bench[1:] / bench[:-1] - 1.0, window)
        time_plot(charts, "beta", times, [{"name": "Beta", "y": beta, "c": "c3"}], fmt="ratio", **zero)
        against = "buying and holding" if curve.bench == Curve.bench else curve.bench
        parts.append(Plot("beta", "Rolling beta", 150, (), (("c3", f"Beta to {against}, last {words}"),)))
    how = (
        f"Each point looks back over {words}, annualised by the root of {periods:,.0f} a year. A Sharpe that was "
        "good in one stretch and nothing in the others is a lucky stretch. Beta says how much of a move of the "
        "market the run went along with: 1 is all of it, 0 none, below 0 against it."
    )
    return Panel("rolling", "Does it hold over time?", tuple(parts), how, "Over time")


def exposure_panel(result: Result, curve: Curve, charts: Charts) -> Panel | None:
    """How much was at stake, and how much was traded; None where nothing ever was."""
    rows = result.equity_rows
    if not curve.whole or not rows.size or not result.fill_rows.size:
        return None
    first = buckets(rows.size, MOST)
    last = np.r_[first[1:], rows.size] - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        stake = np.where(rows["equity"] > 0.0, rows["position_value"] / rows["equity"], np.nan)
    stake = stake * (-1.0 if inverse(result) else 1.0)
    known = np.where(np.isfinite(stake), stake, 0.0)
    series = {
        "name": "Net position, of equity",
        "y": stake[last],
        "lo": np.minimum.reduceat(known, first),
        "hi": np.maximum.reduceat(known, first),
        "c": "c1",
        "fill": 1,
    }
    drawn, legend = [series], [("c1", "Net position, share of equity")]
    gross = gross_of(result, rows["ts_ns"][last])
    if gross is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            leverage = np.where(rows["equity"][last] > 0.0, gross / rows["equity"][last], np.nan)
        drawn.append({"name": "Gross, of equity", "y": leverage, "c": "c2", "dash": True})
        legend.append(("c2", "Gross: long and short added up"))
    time_plot(charts, "exposure", rows["ts_ns"][last], drawn, fmt="share", zero=0.0)
    parts: list[Part] = [Plot("exposure", "Exposure over time", 170, (), tuple(legend))]
    traded = traded_columns(result)
    if traded is not None:
        parts.append(Text("Traded value in each stretch of the run, in multiples of its mean equity", "soft"))
        parts.append(traded)
    mean = float(np.mean(np.abs(known)))
    most = float(np.max(np.abs(known)))
    words = f"On average {share(mean)} of equity was at stake, at most {share(most)}"
    if gross is not None and np.isfinite(leverage).any():
        words += f"; long and short added up, at most {share(float(np.nanmax(leverage)))}"
    parts.insert(0, Text(f"{words}.", "lead"))
    how = (
        "Above zero the run was long, below it short; beyond 100 %, gross, it was borrowing: that is its leverage. The "
        "columns show when it traded: every multiple of equity that is traded pays its costs once."
    )
    return Panel("exposure", "How much was at stake", tuple(parts), how, "At stake")


def inside_bars(result: Result) -> npt.NDArray[np.bool_]:
    """Whether each fill was inside a bar or at its close: it carries the bar's close, which is the next one's open."""
    fills = result.fill_rows
    at_close = (result.about.spec.get("venue") or {}).get("market_fill") == "close"
    reasons = [int(r) for r in INSIDE + (OPENS if at_close else ())]
    return np.asarray((fills["maker"] == 1) | np.isin(fills["reason"], reasons))


def gross_of(result: Result, times: Ints) -> Floats | None:
    """The value of all positions at these times, long and short added up; None of a single instrument: there it is net.

    Quantities are those of the fills, prices the last closes; None where the prices were not kept.
    """
    fills = result.fill_rows
    if len(result.market) < 2 or not all(bars.open_ns.size for bars in result.market):
        return None
    out = np.zeros(times.size)
    seen_ns = fills["ts_ns"] + ~inside_bars(result)  # equity at a close has seen what was inside, not the open after it
    for k, bars in enumerate(result.market):
        mine = fills["inst"] == k
        held = np.r_[0.0, np.cumsum(fills["side"][mine] * fills["qty"][mine])]
        held = held[np.searchsorted(seen_ns[mine], times, side="right")]
        closed = np.searchsorted(bars.open_ns + bars.timeframe_ns, times, side="right") - 1
        price = np.where(closed >= 0, bars.close[np.maximum(closed, 0)], np.nan)
        value = notional_of(result, np.full(times.size, k), np.abs(held), price)
        assert value is not None  # there is a market
        out += np.where(held != 0.0, value, 0.0)
    return out


def inverse(result: Result) -> bool:
    """Contracts that are settled in their own coin: there a long position has a negative value."""
    return bool(result.market) and all(bars.rules.kind == "inverse" for bars in result.market)


def traded_columns(result: Result) -> Part | None:
    fills, about = result.fill_rows, result.about
    value = notional_of(result, fills["inst"], fills["qty"], fills["price"])
    if value is None:
        return None
    n = 48
    edges = np.linspace(about.start_ns, about.end_ns, n + 1)
    sums, _ = np.histogram(fills["ts_ns"], bins=edges, weights=value)
    mean = float(np.mean(result.equity_rows["equity"]))
    if not mean > 0.0:
        return None
    sums = sums / mean
    begins = [at(int(ns) // 60_000_000_000 * 60_000_000_000) for ns in edges[:-1]]
    short = about.end_ns - about.start_ns < 4 * DAY_NS
    words = [begin[5:16] if short else begin[:10] for begin in begins]
    says = [f"from {begin}: {value:,.1f} times equity" for begin, value in zip(begins, sums.tolist(), strict=True)]
    return columns(sums, words, says, plain_label(sums), title="Traded value over time", most_ticks=5, style="low")


def notional_of(result: Result, inst: Ints, qty: Floats, price: Floats) -> Floats | None:
    """The value of quantities at prices in settle currency; None where the contracts are not known."""
    if not result.market:
        return None
    multiplier = np.array([bars.rules.multiplier for bars in result.market])
    backward = np.array([bars.rules.kind == "inverse" for bars in result.market])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(backward[inst], qty * multiplier[inst] / price, qty * multiplier[inst] * price))


def title_of(words: str, unit: str) -> str:
    """
    >>> title_of("Equity", "USDT"), title_of("Equity", "")
    ('Equity, USDT', 'Equity')
    """
    return f"{words}, {unit}" if unit else words


def why_not(curve: Curve) -> Text:
    """Why there is no curve."""
    return NO_POINTS if curve.equity.size < 2 or np.isfinite(curve.equity).all() else NOT_FINITE
