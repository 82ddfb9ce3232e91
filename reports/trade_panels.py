"""Trades: on the price chart, as a list, and what they have in common: size, excursion, holding time, hour, weekday."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.charts import columns, plain_label
from huracan.reports.curve_panels import notional_of, title_of
from huracan.reports.figure_words import counts_of
from huracan.reports.parts import Bars, Beside, Panel, Part, Plot, Table, Text, Trades
from huracan.reports.price_data import MOST_TRADES, price_plot, shown_instruments, shown_trades, trade_columns
from huracan.reports.wording import NONE, money, moneys, name_of, ratio, share, span
from huracan.sim.result_tables import REASONS

if TYPE_CHECKING:
    from huracan.reports.render import Charts
    from huracan.reports.returns import Floats
    from huracan.sim.result import Result

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOUR_NS = 3600 * 10**9
# the edges of holding times, in seconds
HELD = (0, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 3 * 86400, 7 * 86400, 30 * 86400)


def trades_panel(result: Result, charts: Charts, unit: str) -> Panel:
    """The price chart with the trades on it, and the list."""
    rows = result.trade_rows
    parts: list[Part] = []
    shown = shown_trades(result)
    if result.market:
        price_plot(charts, result, shown, unit)
        legend = (("plus", "won"), ("minus", "lost, dashed"), ("", "▲ long, ▼ short, ○ exit"))
        parts.append(Plot("price", "Prices with the trades on them", 400, ("zoom", "pick"), legend))
        left_out = len(result.market) - len(shown_instruments(result))
        if left_out > 0:
            parts.append(Text(f"{left_out} instruments with fewer trades are not drawn.", "soft"))
    else:
        parts.append(Text("The prices of this run were not kept: market.parquet is not beside result.json.", "soft"))
    if not rows.size:
        parts.append(Text("No trade was closed."))
        return Panel("trades", "Trades", tuple(parts), HOW_PRICE, "Trades")
    if not result.market:
        start = result.about.start_ns // 1_000_000
        charts.plots["price"] = {"t0": start, "unit": 1, **trade_columns(charts, result, shown, start, 1, unit)}
    reasons = tuple(name_of(each) for each in REASONS)
    if rows.size > shown.size:
        parts.append(
            Text(
                f"{MOST_TRADES:,} of {rows.size:,} trades, those that won or lost most; all are in trades.parquet.",
                "soft",
            )
        )
    parts.append(Trades("price", result.about.symbols, reasons, int(shown.size)))
    return Panel("trades", title_of("Trades", unit), tuple(parts), HOW_PRICE, "Trades")


HOW_PRICE = (
    "Far out the chart shows the range of prices and how many trades were won and lost along the bottom; zoom in to "
    "see every bar and every trade. Hollow bars closed higher, full ones lower. Where no trade was near, a long run "
    "keeps bars of several bars, drawn pale; the tooltip says how long they are. A click on a row of the list, or "
    "on a point of the chart below, shows that trade. Worst and best are the largest open loss and profit while it "
    "was held."
)


def anatomy_panel(result: Result, charts: Charts, unit: str) -> Panel | None:
    """What the trades have in common; None without any."""
    rows = result.trade_rows
    if not rows.size:
        return None
    parts: list[Part] = [summary_table(rows), Beside(excursions(result, charts, unit))]
    charts_of = [("Holding time and result", held_chart(rows)), ("Hour of the entry, UTC", hour_chart(rows))]
    charts_of.append(("Weekday of the entry", weekday_chart(rows)))
    drawn: list[tuple[str, Part]] = [(title, chart) for title, chart in charts_of if chart is not None]
    left = counts_of({REASONS[code]: int(n) for code, n in enumerate(np.bincount(rows["exit_reason"])) if n})
    drawn.append(("Left by", Table(("", "n"), tuple(left))))
    parts.append(Beside(tuple(drawn)))
    how = (
        "Each point is a trade: across, how far it went against (or with) the position while it was held; up, what "
        "it brought in the end. Losing trades that were far in profit before ask for a nearer target; winners that "
        "were deep under water first say that a tighter stop would have cut them. The columns add up the results: "
        "one tall column of many is a pattern to distrust until it shows again."
    )
    return Panel("anatomy", title_of("What the trades have in common", unit), tuple(parts), how, "Patterns")


def summary_table(rows: Any) -> Table:
    """All, long and short side by side."""
    groups = [rows, rows[rows["side"] > 0], rows[rows["side"] < 0]]
    facts = [facts_of(each) for each in groups]
    lines = tuple((name, *(fact[k][1] for fact in facts)) for k, (name, _) in enumerate(facts[0]))
    return Table(("t", "n", "n", "n"), lines, ("", "All", "Long", "Short"))


def facts_of(rows: Any) -> list[tuple[str, str]]:
    """The figures of some trades."""
    pnl = rows["pnl"]
    won, lost = pnl[pnl > 0.0], pnl[pnl <= 0.0]
    held = rows["exit_ns"] - rows["entry_ns"]
    gain, loss = float(won.sum()), -float(lost.sum())

    whole = [float(pnl.sum()), float(pnl.min())] if pnl.size else [None, None]
    means = [float(each.mean()) if each.size else None for each in (pnl, won, lost)]
    result, worst, mean, mean_won, mean_lost = moneys([*whole, *means])
    return [
        ("Trades", f"{pnl.size:,}"),
        ("Result", result),
        ("Won", share(won.size / pnl.size) if pnl.size else NONE),
        ("Mean result", mean),
        ("Mean of those won", mean_won),
        ("Mean of those lost", mean_lost),
        ("Profit factor (won over lost)", ratio(gain / loss) if loss > 0.0 else NONE),
        ("Largest loss", worst),
        ("Most lost in a row", f"{longest_run(pnl <= 0.0):,}"),
        ("Held, median", shortened(span(int(np.median(held)))) if pnl.size else NONE),
    ]


def shortened(words: str) -> str:
    """
    >>> shortened("31.5 minutes"), shortened("2 days")
    ('31.5 min', '2 days')
    """
    return re.sub(r" hours?", " h", re.sub(r" minutes?", " min", words))


def longest_run(flags: Any) -> int:
    """
    >>> longest_run(np.array([True, True, False, True]))
    2
    """
    edges = np.diff(np.r_[0, flags.astype(np.int8), 0])
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return int(lengths.max()) if lengths.size else 0


def excursions(result: Result, charts: Charts, unit: str) -> tuple[tuple[str, Part], ...]:
    """Worst and best open profit against the result, in per cent of the entry's value where contracts are known."""
    shown = shown_trades(result)
    rows = result.trade_rows[shown]
    value = notional_of(result, rows["inst"], rows["qty"], rows["entry_price"])
    kind = "share" if value is not None else "money"
    scale = 1.0 if value is None else 1.0 / np.where(value > 0.0, value, np.nan)
    tone = charts.pack.add(np.where(rows["pnl"] > 0.0, 1, 0))
    pnl = charts.pack.add(rows["pnl"] * scale)
    start = result.about.start_ns // 1_000_000
    entry = charts.pack.add(rows["entry_ns"] // 1_000_000 - start)
    names = ("of the entry's value" if value is not None else unit) or "money"
    drawn = []
    for name, title in (("mae", "Worst moment"), ("mfe", "Best moment")):
        charts.plots[name] = {
            "kind": "points",
            "x": charts.pack.add(rows[name] * scale),
            "y": pnl,
            "tone": tone,
            "xName": title,
            "yName": "Result",
            "fmtX": kind,
            "fmtY": kind,
            "zeroX": True,
            "zeroY": True,
            "picks": True,
            "t0": start,
            "unit": 1,
            "extra": [{"name": "Entry", "col": entry, "fmt": "time"}],
        }
        legend = (("plus", "● won"), ("minus", "× lost"))
        part: Part = Plot(name, f"{title} of each trade against its result", 260, (), legend)
        drawn.append((f"{title} against result, {names}", part))
    return tuple(drawn)


def held_chart(rows: Any) -> Bars | None:
    """Results by holding time, in classes that grow."""
    held = (rows["exit_ns"] - rows["entry_ns"]) / 1e9
    edges = np.array([*HELD, np.inf])
    place = np.searchsorted(edges, held, side="right") - 1
    used = np.flatnonzero(np.bincount(place, minlength=len(HELD)))
    groups = range(int(used[0]), int(used[-1]) + 1)
    words = [span(int(HELD[k]) * 10**9) if k else "0" for k in groups]
    says = []
    sums = np.zeros(len(groups))
    for k, group in enumerate(groups):
        mine = rows["pnl"][place == group]
        sums[k] = mine.sum()
        upper = f"to {span(int(HELD[group + 1]) * 10**9)}" if group + 1 < len(HELD) else "or more"
        says.append(says_of(f"held {words[k]} {upper}", mine))
    words = [re.sub(r" ([mhd])\w+", r"\1", word) for word in words]
    return columns(sums, words, says, plain_label(sums), title="Result by holding time", x_name="held at least")


def hour_chart(rows: Any) -> Bars | None:
    hours = rows["entry_ns"] // HOUR_NS % 24
    groups = [rows["pnl"][hours == k] for k in range(24)]
    says = [says_of(f"{k:02d}:00 to {k:02d}:59", mine) for k, mine in enumerate(groups)]
    sums = np.array([mine.sum() for mine in groups])
    words = [f"{k:02d}" for k in range(24)]
    return columns(sums, words, says, plain_label(sums), title="Result by hour of the entry", most_ticks=8)


def weekday_chart(rows: Any) -> Bars | None:
    days = (rows["entry_ns"] // (24 * HOUR_NS) + 3) % 7
    groups = [rows["pnl"][days == k] for k in range(7)]
    says = [says_of(day, mine) for day, mine in zip(DAYS, groups, strict=True)]
    sums = np.array([mine.sum() for mine in groups])
    return columns(sums, list(DAYS), says, plain_label(sums), title="Result by weekday of the entry")


def says_of(what: str, pnl: Floats) -> str:
    if not pnl.size:
        return f"{what}\nno trade"
    won = float((pnl > 0.0).mean())
    return f"{what}\n{money(float(pnl.sum()))} in {pnl.size:,} trades\nmean {money(float(pnl.mean()))}, won {won:.0%}"
