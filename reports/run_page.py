"""The tear-sheet of one run: its panels in the order in which a reader asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from huracan.reports.chance_panel import chance_panel
from huracan.reports.curve_panels import equity_panel, exposure_panel, rolling_panel
from huracan.reports.execution_panel import execution_panel
from huracan.reports.figure_words import (
    KINDS,
    about_line,
    counts_panel,
    figures_panel,
    identity_panel,
    notes_of,
)
from huracan.reports.money_panel import money_panel
from huracan.reports.parts import Card, Cards, Page, Panel, Table
from huracan.reports.render import Charts
from huracan.reports.return_panels import months_panel, spread_panel
from huracan.reports.returns import curve_of
from huracan.reports.trade_panels import anatomy_panel, trades_panel
from huracan.reports.warnings_of import warnings_of
from huracan.reports.wording import settle_of, written

if TYPE_CHECKING:
    from huracan.sim.result import About, Result
    from huracan.sim.series import Bars

HEADLINE = ("total_return", "annual_return", "sharpe", "max_drawdown", "final_equity", "trades")
SIGNED = ("total_return", "annual_return", "sharpe")


def run_page(
    result: Result, bounds: Mapping[str, Mapping[str, Any]] | None = None, benchmark: Bars | None = None
) -> tuple[Page, Charts]:
    """The page and what its script draws; `bounds` are the figures of the worst and the best path inside the bars.

    `benchmark` are bars to hold the run against, instead of its own instruments.
    """
    about, figures = result.about, result.figures
    charts = Charts()
    unit = settle_of(about.symbols)
    curve = curve_of(result, benchmark)
    panels = [
        headline(figures, about, unit),
        equity_panel(result, curve, charts, unit),
        chance_panel(result, curve),
        money_panel(result, unit),
        months_panel(result, curve),
        spread_panel(result, curve),
        rolling_panel(result, curve, charts),
        trades_panel(result, charts, unit),
        anatomy_panel(result, charts, unit),
        exposure_panel(result, curve, charts),
        execution_panel(result),
        bounds_panel(figures, bounds) if bounds else None,
        counts_panel(about),
        figures_panel(figures, about, unit),
        identity_panel(about, "huracan backtest SPEC --out DIR"),
    ]
    warnings = tuple(warnings_of(figures, about.end_ns - about.start_ns))
    kept = tuple(panel for panel in panels if panel is not None)
    return Page("backtest", about.name, about_line(about), kept, warnings), charts


def headline(figures: Mapping[str, Any], about: About, unit: str) -> Panel:
    """The six figures that everybody asks for, with what they are annualised by."""
    notes = notes_of(figures, about, unit)
    cards = []
    for key in HEADLINE:
        label, kind = KINDS[key]
        value = figures.get(key)
        sign = "" if key not in SIGNED or value is None or value == 0 else "plus" if value > 0 else "minus"
        cards.append(Card(label, written(value, kind), notes.get(key, ""), sign))
    return Panel("headline", "Headline", (Cards(tuple(cards)),), short="Top")


def bounds_panel(figures: Mapping[str, Any], bounds: Mapping[str, Mapping[str, Any]]) -> Panel:
    """The same run under the worst and the best path that its bars allow."""
    keys = ("final_equity", "total_return", "sharpe", "max_drawdown", "fills", "trades", "win_rate", "fees")
    runs = {"Worst path": bounds.get("worst", {}), "As run": figures, "Best path": bounds.get("best", {})}
    rows = tuple((KINDS[key][0], *(written(each.get(key), KINDS[key][1]) for each in runs.values())) for key in keys)
    how = (
        "A bar does not say in which order its prices came. The worst path reaches the price that is worse for the "
        "position first, the best path the better one. What lies between the two columns is what bars leave open: "
        "if it is wide, run "
        'on finer bars (intrabar = "drill").'
    )
    table = Table(("t", "n", "n", "n"), rows, ("", *runs))
    return Panel("bounds", "What the path inside the bars leaves open", (table,), how, "Path in the bar")
