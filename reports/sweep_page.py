"""What the page of a sweep shows, as plain values for its template: what the best is worth comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.charts import Heat, Line, heat_map, histogram, line, nice_steps, plain_label
from huracan.reports.run_page import FIGURES, counts_of, heading
from huracan.reports.warnings_of import warnings_of
from huracan.reports.wording import name_of, settle_of, value_of, written

if TYPE_CHECKING:
    from huracan.sim.sweep_result import SweepResult

SHOWN = 20  # sets in the table
TABLE = ("sharpe", "annual_return", "total_return", "max_drawdown", "trades", "win_rate", "turnover", "fees")
HONESTY = (
    ("trials", "Trials", "count", "every set counts as one"),
    ("effective_trials", "Effective trials", "ratio", "sets that differ, once alike ones are put together"),
    ("best_sharpe_by_luck", "Best Sharpe by luck", "ratio", "expected of as many sets without skill, a year"),
    ("probabilistic_sharpe", "Probabilistic Sharpe", "share", "probability that the true Sharpe is above 0"),
    ("deflated_sharpe", "Deflated Sharpe", "share", "the same, above the best by luck"),
    ("pbo", "Probability of overfitting", "share", "that the best in sample is below the median out of it"),
    ("min_backtest_length", "Years needed", "ratio", "before so many trials stop showing this Sharpe by luck"),
    ("reality_check_p", "Reality check p", "ratio", "chance of this best if no set had an edge"),
)


def sweep_page(sweep: SweepResult) -> dict[str, Any]:
    """Everything that sweep.html asks for."""
    about, figures = sweep.about, sweep.figures
    by = next((label for key, label, _ in FIGURES if key == sweep.rank_by), name_of(sweep.rank_by))
    values = np.asarray(sweep.columns[sweep.rank_by], np.float64)
    known = values[np.isfinite(values)]
    label = plain_label(known if known.size else [0.0])
    best = sweep.best
    unlike = [key for key, column in sweep.params.items() if len(set(column.tolist())) > 1]
    kinds = {key: (words, kind) for key, words, kind in FIGURES}
    return {
        **heading(about, settle_of(about.symbols)),
        "sets": f"{sweep.sets:,}",
        "bars": written(figures["bars"], "count"),
        "keys": [(key, f"{len(set(column.tolist())):,}") for key, column in sweep.params.items()],
        "ranked_by": by,
        "warnings": sweep_warnings(sweep, int(known.size)),
        "verdict": sweep.honesty["verdict"],
        "honesty": [(words, written(sweep.honesty.get(key), kind), note) for key, words, kind, note in HONESTY],
        "best_params": [] if best is None else [(key, value_of(best[f"p.{key}"])) for key in sweep.params],
        "best_figures": [] if best is None else [(kinds[k][0], written(best.get(k), kinds[k][1])) for k in kinds],
        "table_keys": list(sweep.params),
        "table_figures": [kinds.get(key, (name_of(key), ""))[0] for key in columns_of(sweep)],
        "table": top_sets(sweep, values),
        "spread": histogram(values, marks_of(sweep), label),
        "missing": f"{sweep.sets - known.size:,}" if known.size < sweep.sets else "",
        "heat": heat_of(sweep, values, unlike),
        "others": len(unlike) > 2,
        "profile": profile_of(sweep, values, unlike),
        "profile_key": unlike[0] if len(unlike) == 1 else "",
        "counts": [
            ("Rejections, cuts and cancels", counts_of(about.rejections)),
            ("Repairs", counts_of(about.repairs)),
        ],
    }


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
    return marks + ([(float(luck), "luck")] if luck is not None and sweep.rank_by == "sharpe" else [])


def top_sets(sweep: SweepResult, values: np.ndarray[Any, np.dtype[np.float64]]) -> list[list[str]]:
    """The best sets, each a row of its values and figures; sets without the figure come last."""
    kinds = {key: kind for key, _, kind in FIGURES}
    order = np.argsort(np.where(np.isfinite(values), -values, np.inf), kind="stable")[:SHOWN]
    rows = []
    for place in order.tolist():
        row = sweep.row(place)
        cells = [value_of(row[f"p.{key}"]) for key in sweep.params]
        rows.append(cells + [written(row[key], kinds.get(key, "ratio")) for key in columns_of(sweep)])
    return rows


def heat_of(sweep: SweepResult, values: np.ndarray[Any, np.dtype[np.float64]], unlike: list[str]) -> Heat | None:
    """A heat map of the two parameters that vary, or of the two with the most values if there are more."""
    if len(unlike) < 2:
        return None
    sizes = {key: len(set(sweep.params[key].tolist())) for key in unlike}
    first, second = sorted(sorted(unlike, key=lambda key: -sizes[key])[:2], key=unlike.index)
    x, y = (sweep.params[key].tolist() for key in (first, second))
    return heat_map(x, y, values, (first, second), sweep.best_row, digits, value_of)


def digits(value: float) -> str:
    return f"{value:,.4g}"


def profile_of(sweep: SweepResult, values: np.ndarray[Any, np.dtype[np.float64]], unlike: list[str]) -> Line | None:
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
