"""Prices for the page: coarse bars over the whole run, and every bar where the trades are, within a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.sim.market_file import merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huracan.reports.render import Charts
    from huracan.reports.returns import Ints
    from huracan.sim.result import Result
    from huracan.sim.series import Bars

MOST_FINE = 260_000  # bars of the run's own timeframe on the page, all instruments together
MOST_COARSE = 12_000
MOST_TRADES = 20_000
MOST_INSTRUMENTS = 8
AIR = (120, 60, 30, 15, 8, 4, 2)  # bars shown around a trade: the widest that the budget allows


def shown_instruments(result: Result) -> list[int]:
    """The instruments on the page: those with trades, most trades first, then the others."""
    counts = np.bincount(result.trade_rows["inst"], minlength=len(result.about.symbols))
    order = sorted(range(len(result.market)), key=lambda k: (-int(counts[k]), k))
    return order[:MOST_INSTRUMENTS]


def shown_trades(result: Result) -> Ints:
    """Places of the trades on the page in order of time: all, or of very many those that won or lost most."""
    rows = result.trade_rows
    if rows.size <= MOST_TRADES:
        return np.arange(rows.size)
    return np.sort(np.argsort(-np.abs(rows["pnl"]), kind="stable")[:MOST_TRADES])


def price_plot(charts: Charts, result: Result, trades: Ints, unit: str) -> dict[str, Any]:
    """Describe the price chart and pack its bars."""
    chosen = shown_instruments(result)
    rows = result.trade_rows[trades]
    start = result.about.start_ns // 1_000_000
    step = min(bars.timeframe_ns for bars in result.market) // 1_000_000
    unit_ms = int(np.gcd(max(step, 1), 1000)) if step % 1000 else 1000
    share = MOST_FINE // max(len(chosen), 1)
    instruments = []
    for k in chosen:
        bars = result.market[k]
        own = rows[rows["inst"] == k]
        coarse = merged(bars, -(-bars.open_ns.size // (MOST_COARSE // len(chosen))))
        each: dict[str, Any] = {
            "inst": k,
            "name": result.about.symbols[k],
            "base": packed(charts, coarse, start, unit_ms),
            "fine": None,
        }
        if coarse is not bars:
            places = near(bars, own["entry_ns"], own["exit_ns"], np.abs(own["pnl"]), share)
            if places.size:
                each["fine"] = packed(charts, bars, start, unit_ms, places)
        instruments.append(each)
    spec = {
        "kind": "price",
        "group": "run",
        "t0": start,
        "unit": unit_ms,
        "instruments": instruments,
        **trade_columns(charts, result, trades, start, unit_ms, unit),
    }
    charts.plots["price"] = spec
    return spec


def trade_columns(charts: Charts, result: Result, trades: Ints, start: int, unit_ms: int, unit: str) -> dict[str, Any]:
    """The trades as columns, with the words for their codes."""
    from huracan.reports.wording import name_of
    from huracan.sim.result_tables import REASONS

    rows = result.trade_rows[trades]
    times = {name: (rows[f"{name}_ns"] // 1_000_000 - start) / unit_ms for name in ("entry", "exit")}
    values = {"in": rows["entry_price"], "out": rows["exit_price"], "fees": rows["fees"] + rows["funding"]}
    same = {name: rows[name] for name in ("inst", "side", "qty", "pnl", "mae", "mfe")}
    packed = {name: charts.pack.add(v) for name, v in (times | values | same | {"reason": rows["exit_reason"]}).items()}
    words = [name_of(each) or "unknown" for each in REASONS]
    return {"trades": packed, "reasons": words, "symbols": list(result.about.symbols), "unitName": unit}


def packed(charts: Charts, bars: Bars, start: int, unit_ms: int, places: Ints | None = None) -> dict[str, Any]:
    """Bars as columns of the pack; times in steps of `unit_ms` after the start."""
    at: Any = slice(None) if places is None else places
    t = (bars.open_ns[at] // 1_000_000 - start) / unit_ms
    columns = {"t": t, "o": bars.open[at], "h": bars.high[at], "l": bars.low[at], "c": bars.close[at]}
    return {name: charts.pack.add(v) for name, v in columns.items()} | {"step": bars.timeframe_ns // 1_000_000}


def near(bars: Bars, entries: Ints, exits: Ints, weights: Sequence[float] | Any, budget: int) -> Ints:
    """Places of the bars around entries and exits, as wide as the budget allows; held bars between them if they fit.

    Where not even the narrowest fits, the trades that weigh most are shown.

    >>> from huracan.sim.series import Bars
    >>> one = np.ones(1000)
    >>> bars = Bars("x", "", 60, np.arange(1000) * 60, one, one, one, one)
    >>> near(bars, np.array([6000]), np.array([6060]), [1.0], 12).tolist()
    [96, 97, 98, 99, 100, 101, 102, 103, 104, 105]
    """
    n = bars.open_ns.size
    if not len(entries):
        return np.zeros(0, np.int64)
    first = np.clip(np.searchsorted(bars.open_ns, entries, side="right") - 1, 0, n - 1)
    last = np.clip(np.searchsorted(bars.open_ns, exits, side="right") - 1, 0, n - 1)
    for air in AIR:
        for inner in (True, False):
            marks = covered(first, last, air, n, whole=inner)
            if int(marks.sum()) <= budget:
                return np.flatnonzero(marks)
    heavy = np.argsort(-np.asarray(weights), kind="stable")[: max(1, budget // (4 * AIR[-1] + 2))]
    return np.flatnonzero(covered(first[heavy], last[heavy], AIR[-1], n, whole=False))


def covered(first: Ints, last: Ints, air: int, n: int, *, whole: bool) -> Any:
    """Which bars lie within `air` of an entry or an exit, and between the two if `whole`."""
    change = np.zeros(n + 1, np.int64)
    ranges = [(first, last)] if whole else [(first, first), (last, last)]
    for lo, hi in ranges:
        np.add.at(change, np.maximum(lo - air, 0), 1)
        np.add.at(change, np.minimum(hi + air + 1, n), -1)
    return np.cumsum(change[:-1]) > 0
