"""Several runs side by side: figures, equity aligned in time, what their specs change, and why their results differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.causes import Causes, causes_of
from huracan.reports.charts import waterfall
from huracan.reports.curve_panels import MOST, time_plot, title_of
from huracan.reports.execution_panel import own_orders, waited, waits_of
from huracan.reports.figure_words import FIGURES
from huracan.reports.parts import Cell, Page, Panel, Part, Plot, Table, Text
from huracan.reports.render import Charts
from huracan.reports.returns import at_times, curve_of
from huracan.reports.trade_pairs import BARS_APART
from huracan.reports.warnings_of import warnings_of
from huracan.reports.wording import NONE, at, moneys, name_of, settle_of, share, span, value_of, written

if TYPE_CHECKING:
    from huracan.sim.result import Result

COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")
MOST_RUNS = 6
Run = tuple[str, "Result"]  # what it is called on the page


def compare_page(runs: Sequence[Run]) -> tuple[Page, Charts]:
    """The page and what its script draws; the first run is what the others are held against."""
    charts = Charts()
    units = {settle_of(result.about.symbols) for _, result in runs}
    unit = units.pop() if len(units) == 1 else ""
    panels = [figures_panel(runs), curves_panel(runs, charts)]
    panels += [causes_panel(runs[0], other, unit, k) for k, other in enumerate(runs[1:], start=1)]
    panels += [orders_panel(runs), spec_panel(runs), runs_panel(runs)]
    lengths = sorted({result.about.end_ns - result.about.start_ns for _, result in runs})
    about = (
        ", ".join(name for name, _ in runs),
        f"{len(runs)} runs of {span(lengths[0])}" + (f" to {span(lengths[-1])}" if len(lengths) > 1 else ""),
    )
    kept = tuple(panel for panel in panels if panel is not None)
    return Page("comparison", " against ".join(name for name, _ in runs), about, kept, tuple(cautions(runs))), charts


def cautions(runs: Sequence[Run]) -> list[str]:
    """What makes a comparison unfair, and what must be known of each run."""
    found = []
    if len({result.about.data_hash for _, result in runs}) > 1:
        found.append("The runs saw different data.")
    if len({(result.about.start_ns, result.about.end_ns) for _, result in runs}) > 1:
        found.append("The runs cover different times: curves are compared where they overlap, figures are not.")
    if len({settle_of(result.about.symbols) for _, result in runs}) > 1:
        found.append("The runs are counted in different currencies: amounts of money can't be compared.")
    for name, result in runs:
        length = result.about.end_ns - result.about.start_ns
        found += [f"{name}: {each}" for each in warnings_of(result.figures, length)[:3]]
    return found


def figures_panel(runs: Sequence[Run]) -> Panel:
    """Every figure, a column a run; with two runs the difference as well."""
    two = len(runs) == 2
    rows: list[tuple[str | Cell, ...]] = []
    for key, label, kind in FIGURES:
        values = [result.figures.get(key) for _, result in runs]
        if all(value is None for value in values):
            continue
        cells: list[str | Cell] = [label, *(written(value, kind) for value in values)]
        if two:
            cells.append(difference(values[0], values[1], kind))
        rows.append(tuple(cells))
    head = ("", *(name for name, _ in runs), *(("Difference",) if two else ()))
    table = Table(("t", *(["n"] * (len(head) - 1))), tuple(rows), head)
    how = "Each column is a run; the difference is the second less the first. Shares differ in percentage points."
    return Panel("figures", "Figures side by side", (table,), how, "Figures")


def difference(a: Any, b: Any, kind: str) -> Cell:
    """The second less the first, with its sign."""
    if a is None or b is None:
        return Cell(NONE)
    d = b - a
    if not d:
        return Cell("0")
    d = d * 100.0 if kind == "share" else d
    words = f"{d:+,.0f}" if kind == "count" else f"{d:+,.2f}" if abs(d) >= 0.005 else f"{d:+.2g}"
    return Cell(f"{words} pp" if kind == "share" else words)


def curves_panel(runs: Sequence[Run], charts: Charts) -> Panel | None:
    """Equity where all runs overlap, as growth since then, and with two runs the gap between them."""
    curves = [curve_of(result) for _, result in runs]
    start, end = max(c.start_ns for c in curves), min(c.end_ns for c in curves)
    if end <= start or not all(c.whole for c in curves):
        return Panel(
            "curves", "Equity, aligned in time", (Text("The runs share no time that could be drawn.", "soft"),)
        )
    times = np.unique(np.linspace(start, end, MOST).astype(np.int64) // 60_000_000_000 * 60_000_000_000)
    times = times[times >= start] if times[times >= start].size > 1 else np.array([start, end])
    growth = []
    for curve in curves:
        values = at_times(curve, times)
        growth.append(values / values[0] - 1.0 if values[0] > 0.0 else np.full(values.size, np.nan))
    series = [
        {"name": name, "y": y, "c": colour, "width": 1.8}
        for (name, _), y, colour in zip(runs, growth, COLOURS, strict=False)
    ]
    time_plot(charts, "curves", times, series, fmt="share", zero=0.0)
    legend = tuple((colour, name) for (name, _), colour in zip(runs, COLOURS, strict=False))
    parts: list[Part] = [Plot("curves", "Growth since the common start", 320, ("zoom",), legend)]
    if len(runs) == 2:
        gap = {"name": "Difference", "y": growth[1] - growth[0], "c": "c6", "fill": 1}
        time_plot(charts, "gap", times, [gap], fmt="share", zero=0.0)
        words = f"{runs[1][0]} less {runs[0][0]}, percentage points"
        parts.append(Plot("gap", "Difference over time", 160, (), (("", words),)))
    how = (
        f"All curves begin at 0 % at {at(start)} UTC, where the last of the runs began, and end where the first "
        "ended. A gap that grows steadily is a cost or a size; a gap that opens at once is one trade: zoom in there "
        "and look at the causes below."
    )
    return Panel("curves", "Equity, aligned in time", tuple(parts), how, "Equity")


def causes_panel(first: Run, second: Run, unit: str, number: int) -> Panel | None:
    """From one net result to the other, cause by cause, and the pairs that differ most."""
    found = causes_of(first[1], second[1])
    if found is None:
        return None
    steps = [(label, value) for label, value in found.causes if abs(value) >= 0.005]
    p = found.pairs
    words = (
        f"{p.first.size:,} trades were made by both, {p.only_first.size:,} only by {first[0]}, "
        f"{p.only_second.size:,} only by {second[0]}."
    )
    parts: list[Part] = [Text(words, "lead")]
    if steps:
        drawn = waterfall((first[0], found.before), steps, second[0], unit, cut=True)
        parts.append(drawn)
        if drawn.cut:
            parts.append(Text("The two totals are drawn from where the axis begins, which is not zero.", "soft"))
        if table := apart_table(first[1], second[1], found):
            parts.append(table)
    else:
        parts.append(Text("There is no difference to explain: the results are the same."))
    how = (
        f"Trades of one symbol and side that began within {BARS_APART} bars of each other count as the same. What "
        "differs between two of them is split into quantity, the costs that the fills say are in their prices, the "
        "time of the fill (latency if both runs decided at the same close, timing if not), other prices at the same "
        "time, fees and funding. A trade that only one run made was missed by the other if that had an order out then "
        "that was not filled; else the other was in another trade, or it had another signal and sent no order. The "
        "steps add up to the whole difference."
    )
    title = title_of(f"Why {second[0]} differs from {first[0]}", unit)
    return Panel(f"causes-{number}", title, tuple(parts), how, "Causes")


def apart_table(first: Result, second: Result, found: Causes, most: int = 10) -> Table | None:
    """The pairs whose results lie furthest apart."""
    a, b = first.trade_rows[found.pairs.first], second.trade_rows[found.pairs.second]
    apart = b["pnl"] - a["pnl"]
    order = [k for k in np.argsort(-np.abs(apart), kind="stable")[:most].tolist() if apart[k] != 0.0]
    if not order:
        return None
    several = len(set(first.about.symbols)) > 1
    pnl = [moneys(rows["pnl"][order].tolist()) for rows in (a, b)]
    rows = tuple(
        (
            at(int(a["entry_ns"][k])),
            *((first.about.symbols[a["inst"][k]],) if several else ()),
            "long" if a["side"][k] > 0 else "short",
            pnl[0][place],
            pnl[1][place],
            f"{float(apart[k]):+,.2f}",
            f"{int(b['entry_ns'][k] - a['entry_ns'][k]) / 1e9:+,.0f} s",
            f"{(float(b['entry_price'][k] / a['entry_price'][k]) - 1.0) * 1e4:+,.1f}",
            f"{(float(b['exit_price'][k] / a['exit_price'][k]) - 1.0) * 1e4:+,.1f}",
        )
        for place, k in enumerate(order)
    )
    names = ("Entry, UTC", *(("Symbol",) if several else ()), "Side")
    head = (*names, "First", "Second", "Difference", "Entered", "Entry, bps", "Exit, bps")
    title = "The pairs that lie furthest apart: second against first"
    return Table((*(["t"] * len(names)), *(["n"] * 6)), rows, head, title=title)


def orders_panel(runs: Sequence[Run]) -> Panel:
    """How the orders of each run fared, and what was refused, cut or cancelled, by name."""
    facts = [orders_of(result) for _, result in runs]
    counts = [{name_of(key): int(n) for key, n in result.about.rejections.items()} for _, result in runs]
    names = list(dict.fromkeys(key for each in counts for key in each))
    rows = [(key, *(fact[key] for fact in facts)) for key in facts[0]]
    rows += [(name.capitalize(), *(f"{each.get(name, 0):,}" for each in counts)) for name in names]
    table = Table(("t", *(["n"] * len(runs))), tuple(rows), ("", *(name for name, _ in runs)))
    how = (
        "Fill rate: of the orders sent, how many were filled at all. Time to fill runs from the close at which an "
        "order was made. Costs in bps of what was traded. Below, what was refused, cut or cancelled, by name: a name "
        "that only one run has is often the reason for a trade that only the other made."
    )
    return Panel("orders", "How orders fared", (table,), how, "Orders")


def orders_of(result: Result) -> dict[str, str]:
    """The figures of execution that two runs can be held against each other by."""
    fills, figures = result.fill_rows, result.figures
    orders, traded = figures.get("orders"), figures.get("traded")
    waits = waits_of(result)
    median = NONE if waits is None or not waits.size else waited(float(np.median(waits)))

    def bps(key: str) -> str:
        paid = figures.get(key)
        return f"{paid / traded * 1e4:,.2f}" if traded and paid is not None else NONE

    return {
        "Fill rate": share(min(own_orders(result).size / orders, 1.0)) if orders else NONE,
        "As maker": share(float((fills["maker"] == 1).mean())) if fills.size else NONE,
        "Time to fill, median": median,
        "Fees, bps": bps("fees"),
        "Spread, bps": bps("spread"),
        "Slippage, bps": bps("slippage"),
        "Impact, bps": bps("impact"),
    }


def spec_panel(runs: Sequence[Run]) -> Panel:
    """Keys of the specs that are not the same in all runs."""
    specs = [flat(result.about.plain()["spec"]) for _, result in runs]
    keys = sorted(set().union(*specs))
    unlike = [key for key in keys if len({repr(spec.get(key)) for spec in specs}) > 1]
    how = "Only keys whose values differ are listed; what is not listed is the same in all runs."
    if not unlike:
        return Panel("specs", "What was different", (Text("The specs are the same.", "soft"),), how, "Specs")
    rows = tuple((key, *(value_of(spec[key]) if key in spec else "default" for spec in specs)) for key in unlike)
    table = Table(("t", *(["n"] * len(runs))), rows, ("", *(name for name, _ in runs)))
    return Panel("specs", "What was different", (table,), how, "Specs")


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted keys.

    >>> flat({"a": {"b": 1}, "c": [1, {"d": 2}]})
    {'a.b': 1, 'c.0': 1, 'c.1.d': 2}
    """
    if isinstance(value, Mapping):
        items = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, (list, tuple)):
        items = [(str(k), each) for k, each in enumerate(value)]
    else:
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, each in items:
        found |= flat(each, f"{prefix}.{key}" if prefix else key)
    return found


def runs_panel(runs: Sequence[Run]) -> Panel:
    """Hashes, seeds, versions and times of each run."""
    facts = [
        {
            "Name": result.about.name,
            "From": at(result.about.start_ns),
            "To": at(result.about.end_ns),
            "Spec": result.about.spec_hash[:16] or NONE,
            "Code": result.about.code_hash[:16] or NONE,
            "Data": result.about.data_hash[:16] or NONE,
            "Seed": str(result.about.seed),
            **{f"Version of {name}": version for name, version in result.about.versions.items()},
        }
        for _, result in runs
    ]
    keys = list(dict.fromkeys(key for fact in facts for key in fact))
    rows = tuple((key, *(fact.get(key, NONE) for fact in facts)) for key in keys)
    table = Table(("t", *(["n"] * len(runs))), rows, ("", *(name for name, _ in runs)))
    how = "Equal hashes mean that the spec, the code or the data were the same, byte by byte."
    return Panel("what-was-run", "What was run", (table,), how, "What was run")
