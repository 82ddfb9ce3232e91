"""The figures of a run in words: their names, how each is written, and what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from huracan.reports.parts import Beside, Panel, Part, Pre, Table, Text
from huracan.reports.wording import NONE, at, count, name_of, span, written

if TYPE_CHECKING:
    from huracan.sim.result import About

# (figure, its words, how it is written); the notes that explain them stand in `notes_of`
FIGURES = (
    ("final_equity", "Final equity", "money"),
    ("total_return", "Total return", "share"),
    ("annual_return", "Annual return", "share"),
    ("volatility", "Volatility", "share"),
    ("max_drawdown", "Max drawdown", "share"),
    ("sharpe", "Sharpe", "ratio"),
    ("sharpe_daily", "Sharpe, daily", "ratio"),
    ("sortino", "Sortino", "ratio"),
    ("calmar", "Calmar", "ratio"),
    ("trades", "Closed trades", "count"),
    ("win_rate", "Win rate", "share"),
    ("open_trades", "Open trades", "count"),
    ("fills", "Fills", "count"),
    ("partial_fills", "Partial fills", "count"),
    ("orders", "Orders", "count"),
    ("rejected", "Refused, cut or cancelled", "count"),
    ("turnover", "Turnover", "ratio"),
    ("fees", "Fees", "money"),
    ("exposure", "Exposure", "share"),
    ("liquidations", "Liquidations", "count"),
    ("dust", "Dust", "count"),
    ("bars", "Bars", "count"),
)
KINDS = {key: (words, kind) for key, words, kind in FIGURES}
KINDS |= {  # of sets with a held-out end
    "sharpe_in_sample": ("Sharpe in sample", "ratio"),
    "sharpe_out_of_sample": ("Sharpe out of sample", "ratio"),
}


def notes_of(figures: Mapping[str, Any], about: About, unit: str) -> dict[str, str]:
    """What a figure means, in what unit it is, and what it is annualised by."""
    periods = figures.get("periods")
    a_year = f"{periods:,.0f} samples of {about.sample} a year" if periods else "the samples of a year"
    days = "365 days a year" if about.sample != "1d" or not periods else f"{periods:,.0f} days a year"
    return {
        "final_equity": f"{unit}; began with {written(figures.get('cash'), 'money')}".lstrip("; "),
        "total_return": f"over {span(about.end_ns - about.start_ns)}",
        "annual_return": "compounded, by elapsed time, 365 days a year",
        "volatility": f"of a year: deviation times the root of {a_year}",
        "max_drawdown": "deepest fall of equity below its peak, at closes",
        "sharpe": f"annualised by the root of {a_year}, risk-free 0",
        "sharpe_daily": f"on daily returns, annualised by the root of {days}",
        "sortino": f"against losing samples only, {a_year}",
        "calmar": "annual return over max drawdown",
        "trades": "from flat to flat",
        "win_rate": "of closed trades, after fees and funding",
        "open_trades": "marked at the last close",
        "fills": "executions",
        "partial_fills": "executions that left a part of their order open",
        "orders": "sent, without the targets and stops of brackets",
        "turnover": "traded value over mean equity",
        "fees": "beside the other costs above",
        "exposure": "of samples with a position",
        "liquidations": "positions closed by the venue",
        "dust": "rests too small to be ordered",
        "rejected": "by name below",
        "bars": f"closes that were decided at, from {at(about.start_ns)}",
    }


def figures_panel(figures: Mapping[str, Any], about: About, unit: str) -> Panel:
    """Every figure of result.json that is a number, with what it means."""
    notes = notes_of(figures, about, unit)
    rows = tuple((label, written(figures.get(key), kind), notes.get(key, "")) for key, label, kind in FIGURES)
    how = (
        "These are the numbers of result.json. A figure that does not exist, as the win rate of no trade, is n/a. "
        "Yearly figures of a run shorter than a year say how it would go on, and it will not."
    )
    return Panel("figures", "All figures", (Table(("t", "n", "note"), rows),), how, "Figures")


def counts_panel(about: About) -> Panel:
    """Named rejections and repairs, the largest first."""
    parts: list[tuple[str, Part]] = []
    for title, counts, none in (
        ("Rejections, cuts and cancels", about.rejections, "No order was refused, cut or cancelled."),
        ("Repairs", about.repairs, "The data needed no repair."),
    ):
        rows = tuple(counts_of(counts))
        parts.append((title, Table(("", "n"), rows) if rows else Text(none, "soft")))
    how = (
        "Whatever was not done as asked stands here by name: orders that were refused, made smaller or taken back, and "
        "data that was mended by a rule. A large number is not an error, but it is worth knowing why."
    )
    return Panel("counts", "What was refused, and what was mended", (Beside(tuple(parts)),), how, "Refused, mended")


def counts_of(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Named counts, the largest first."""
    return [(name_of(name), count(n)) for name, n in sorted(counts.items(), key=lambda each: -each[1])]


def identity_panel(about: About, command: str) -> Panel:
    """What it takes to make this page again."""
    rows = [
        ("Spec", about.spec_hash or NONE),
        ("Code", about.code_hash or NONE),
        ("Data", about.data_hash or NONE),
        ("Seed", str(about.seed)),
        *((f"Version of {name}", version) for name, version in about.versions.items()),
    ]
    spec = json.dumps(about.plain()["spec"], indent=2, ensure_ascii=False)
    parts = (Table(("t", "hash"), tuple(rows)), Pre("The run spec: what it does not name has its default", spec))
    how = (
        f"Run `{command}` on the spec below with the same versions: equal hashes of spec, code and data give this page "
        "again, digit by digit. result.json holds the same."
    )
    return Panel("what-was-run", "What was run", parts, how, "What was run")


def about_line(about: About) -> tuple[str, ...]:
    """Symbols, times and length, as they stand under a page's name."""
    symbols = ", ".join(about.symbols[:12])
    more = f" and {len(about.symbols) - 12} more" if len(about.symbols) > 12 else ""
    strategy = about.spec.get("strategy") or {}
    use = strategy.get("use") if isinstance(strategy, Mapping) else None
    params = strategy.get("params") if isinstance(strategy, Mapping) else None
    words = f"{use}" if use else ""
    if use and isinstance(params, Mapping) and params:
        words += f"({', '.join(f'{key} {value}' for key, value in params.items())})"
    times = f"{at(about.start_ns)} to {at(about.end_ns)} UTC ({span(about.end_ns - about.start_ns)})"
    return tuple(each for each in (words, symbols + more, times) if each)
