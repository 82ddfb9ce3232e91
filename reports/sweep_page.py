"""What the page of a sweep shows, as plain values for its template: what the best is worth comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from huracan.reports.charts import heat_map, histogram, line, nice_steps, plain_label
from huracan.reports.figure_words import FIGURES, KINDS, about_line, counts_panel, identity_panel
from huracan.reports.luck_panel import honesty_panel, out_of_sample_panel
from huracan.reports.parts import Heat, Line, Page, Panel, Part, Table, Text
from huracan.reports.render import Charts
from huracan.reports.set_plots import MOST_PARAMETERS, distinct_of, heat_plot, parallel_plot
from huracan.reports.warnings_of import warnings_of
from huracan.reports.wording import name_of, value_of, written
from huracan.sim.trial_groups import spread_out

if TYPE_CHECKING:
    from huracan.sim.sweep_result import SweepResult

Floats = npt.NDArray[np.float64]
SHOWN = 20  # sets in the table
MOST_IN_HEAT = 100_000
TABLE = ("sharpe", "annual_return", "total_return", "max_drawdown", "trades", "win_rate", "turnover", "fees")


def sweep_page(sweep: SweepResult) -> tuple[Page, Charts]:
    """The page and what its script draws: what the best is worth first, then the sets."""
    about = sweep.about
    charts = Charts()
    values = np.asarray(sweep.columns[sweep.rank_by], np.float64)
    known = values[np.isfinite(values)]
    panels = [
        honesty_panel(sweep),
        out_of_sample_panel(sweep, charts),
        sets_panel(sweep, values),
        parameters_panel(sweep, values),
        sets_together_panel(sweep, values, charts),
        best_panel(sweep, values),
        counts_panel(about),
        identity_panel(about, "huracan sweep SPEC --out DIR"),
    ]
    kept = tuple(panel for panel in panels if panel is not None)
    warnings = tuple(sweep_warnings(sweep, int(known.size)))
    return Page("sweep", about.name, about_line(about), kept, warnings), charts


def rank_words(sweep: SweepResult) -> str:
    """What the sets are ranked by, for people."""
    return KINDS[sweep.rank_by][0] if sweep.rank_by in KINDS else name_of(sweep.rank_by)


def sets_panel(sweep: SweepResult, values: Floats) -> Panel:
    """How many sets there were, and how their figures are spread against luck."""
    by = rank_words(sweep)
    known = values[np.isfinite(values)]
    missing = f"; {sweep.sets - known.size:,} of them have no such figure" if known.size < sweep.sets else ""
    counted = [(key, len(distinct_of(column)[0])) for key, column in sweep.params.items()]
    swept = ", ".join(f"{key} ({n:,} {'value' if n == 1 else 'values'})" for key, n in counted)
    bars = written(sweep.figures["bars"], "count")
    parts: list[Part] = [Text(f"{sweep.sets:,} sets over {bars} bars, ranked by {by}{missing}. Swept: {swept}.")]
    marks = marks_of(sweep)
    x_name = by + ("; solid line: the best" if marks else "") + ("; dashed: the best by luck" if len(marks) > 1 else "")
    chart = histogram(values, marks, plain_label(known if known.size else [0.0]), x_name=x_name)
    parts.append(chart or Text("There are not two different values to draw.", "soft"))
    how = "How often which value came up among all sets. Solid line: the best set."
    if len(marks) > 1:
        how += " Dashed line: what the best of as many sets without skill would be expected to show."
    return Panel("sets", f"{by[:1].upper()}{by[1:]} of all sets", tuple(parts), how, "All sets")


def parameters_panel(sweep: SweepResult, values: Floats) -> Panel | None:
    """The figure over two parameters, or along the only one that varies."""
    by = rank_words(sweep)
    unlike = [key for key, column in sweep.params.items() if len(distinct_of(column)[0]) > 1]
    heat = heat_of(sweep, values, unlike) if len(unlike) == 2 else None  # of more any two can be chosen, below
    profile = profile_of(sweep, values, unlike)
    if heat is not None:
        title = f"{by} by {heat.x_name} (across) and {heat.y_name} (up)"
        how = (
            f"Orange: below zero, blue: above; from {heat.low} to {heat.high}, the fuller the further from zero. The "
            "frame is the best set." + " A best that stands alone among weak neighbours is luck more often than skill."
        )
        return Panel("parameters", title, (heat,), how, "Parameters")
    if profile is not None:
        how = "A plateau means that the choice hardly matters; a single peak is luck more often than skill."
        return Panel("parameters", f"{by} by {unlike[0]}", (profile,), how, "Parameters")
    return None


def sets_together_panel(sweep: SweepResult, values: Floats, charts: Charts) -> Panel | None:
    """All parameters side by side, and a heat map of any two of them; None where fewer than two vary."""
    unlike = [key for key, column in sweep.params.items() if len(distinct_of(column)[0]) > 1]
    if len(unlike) < 2 or not np.isfinite(values).any():
        return None
    by = rank_words(sweep)
    kind = KINDS[sweep.rank_by][1] if sweep.rank_by in KINDS else "ratio"
    params = {key: sweep.params[key] for key in unlike}
    parts: list[Part] = [
        parallel_plot(charts, "parallel", params, {by: values}, kind, sweep.best_row),
    ]
    if len(unlike) > 2:
        parts.append(heat_plot(charts, "heat", params, values, (by, kind), sweep.best_row))
    if len(unlike) > MOST_PARAMETERS:
        parts.append(Text(f"Any two of the first {MOST_PARAMETERS} of {len(unlike)} parameters can be chosen.", "soft"))
    how = (
        "Each line is a set and runs through its values, coloured by the figure: blue above zero, orange below; the "
        "dark line is the best set. Drag along an axis to keep only the sets that pass there, click it to let them "
        "all back. Good sets that lie close together on every axis are a plateau; good sets all over the place are "
        "luck."
    )
    return Panel("together", "All parameters together", tuple(parts), how, "Together")


def best_panel(sweep: SweepResult, values: Floats) -> Panel:
    """The best sets in a table, and the best one in full."""
    best = sweep.best
    if best is None:
        return Panel("best", "The best sets", (Text("There is no best set.", "soft"),), short="Best sets")
    shown = columns_of(sweep)
    head = (*sweep.params, *(KINDS[key][0] if key in KINDS else name_of(key) for key in shown))
    rows = tuple(tuple(row) for row in top_sets(sweep, values))
    full = [(key, value_of(best[f"p.{key}"])) for key in sweep.params]
    full += [(words, written(best.get(key), kind)) for key, (words, kind) in KINDS.items() if key in best]
    parts = (
        Table(("n",) * len(head), rows, head, lead=False),
        Table(("", "n"), tuple(full), title="The best set in full"),
    )
    how = "Neighbours in the ranking that share their parameters say more than the first row alone."
    return Panel("best", "The best sets", parts, how, "Best sets")


def columns_of(sweep: SweepResult) -> list[str]:
    """The figures in the table of sets: the one they are ranked by first."""
    return [key for key in dict.fromkeys((sweep.rank_by, *TABLE)) if key in sweep.columns]


def sweep_warnings(sweep: SweepResult, known: int) -> list[str]:
    """What to know before believing the best: an interrupted sweep, sets without the figure, the best run's own."""
    found = []
    planned = sweep.sets if sweep.planned is None else sweep.planned
    if planned > sweep.sets:
        found.append(f"Interrupted: {sweep.sets:,} of {planned:,} sets were run, and only these are shown.")
    if known == 0:
        found.append("No set has the figure that they are ranked by: there is no best.")
        return found
    length = sweep.about.end_ns - sweep.about.start_ns
    return found + [f"Of the best set: {each}" for each in warnings_of(sweep.best or {}, length)]


def marks_of(sweep: SweepResult) -> list[tuple[float, str]]:
    """Values that the histogram marks: the best, and what luck would show."""
    if sweep.best is None:
        return []
    marks = [(float(sweep.best[sweep.rank_by]), "best")]
    luck = sweep.honesty.get("best_sharpe_by_luck")
    return marks + ([(float(luck), "luck")] if luck is not None and sweep.rank_by.startswith("sharpe") else [])


def top_sets(sweep: SweepResult, values: Floats) -> list[list[str]]:
    """The best sets, each a row of its values and figures; sets without the figure come last."""
    kinds = {key: kind for key, _, kind in FIGURES}
    order = np.argsort(np.where(np.isfinite(values), -values, np.inf), kind="stable")[:SHOWN]
    rows = []
    for place in order.tolist():
        row = sweep.row(place)
        cells = [value_of(row[f"p.{key}"]) for key in sweep.params]
        rows.append(cells + [written(row[key], kinds.get(key, "ratio")) for key in columns_of(sweep)])
    return rows


def heat_of(sweep: SweepResult, values: Floats, unlike: list[str]) -> Heat | None:
    """A heat map of the two parameters that vary, or of the two with the most values if there are more."""
    if len(unlike) < 2:
        return None
    sizes = {key: len(distinct_of(sweep.params[key])[0]) for key in unlike}
    first, second = sorted(sorted(unlike, key=lambda key: -sizes[key])[:2], key=unlike.index)
    some = spread_out(values.size, MOST_IN_HEAT)  # of very many sets some say what a cell's median is
    best = sweep.best_row
    if best is not None:
        some = np.union1d(some, [best])
    x, y = (sweep.params[key][some].tolist() for key in (first, second))
    place = None if best is None else int(np.searchsorted(some, best))
    return heat_map(x, y, values[some], (first, second), place, digits, value_of)


def digits(value: float) -> str:
    return f"{value:,.4g}"


def profile_of(sweep: SweepResult, values: Floats, unlike: list[str]) -> Line | None:
    """The figure along the one parameter that varies, if it is a number."""
    if len(unlike) != 1 or sweep.params[unlike[0]].dtype.kind not in "iuf":
        return None
    x = np.asarray(sweep.params[unlike[0]], np.float64)
    order = np.argsort(x, kind="stable")
    x, y = x[order], values[order]
    known = y[np.isfinite(y)]
    if not known.size or not x[-1] > x[0]:
        return None
    ticks = tuple((round((v - x[0]) / (x[-1] - x[0]) * 100.0, 2), value_of(v)) for v in nice_steps(x[0], x[-1]))
    return line(x, y, ticks, plain_label(known), None)
