"""What the best of a sweep is worth, and how choosing by the past did afterwards: the page's first two panels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.charts import line, plain_label, spans, time_ticks
from huracan.reports.parts import Panel, Part, Plot, Table, Text
from huracan.reports.render import Charts
from huracan.reports.wording import NONE, ratio, share, value_of, written

if TYPE_CHECKING:
    from huracan.sim.sweep_result import SweepResult

MOST_SPLITS = 40  # in the table
HONESTY = (
    ("trials", "Trials", "count", "every set counts as one"),
    ("trials_before", "Trials before", "count", "of the same strategy on the same data, in earlier sweeps"),
    ("effective_trials", "Effective trials", "count", "sets that differ, once alike ones are put together"),
    ("best_sharpe", "Sharpe of the best", "ratio", "a year, from day to day or as often as equity was looked at"),
    ("best_sharpe_by_luck", "Best Sharpe by luck", "ratio", "expected of as many trials without an edge, a year"),
    ("probabilistic_sharpe", "Probabilistic Sharpe", "share", "probability that the true Sharpe is above 0"),
    ("deflated_sharpe", "Deflated Sharpe", "share", "the same, above the best by luck"),
    ("deflated_sharpe_effective", "Deflated, effective trials", "share", "the same, if only sets that differ count"),
    ("pbo", "Probability of overfitting", "share", "that the best in sample is below the median out of it"),
    ("reality_check_p", "Reality check p", "share", "White: how often luck shows this much if no set has an edge"),
    ("spa_p", "SPA p", "share", "Hansen: the same, in units of each set's own risk"),
    ("min_backtest_length", "Years needed", "ratio", "before so many trials stop showing this Sharpe by luck"),
    ("years", "Years there are", "ratio", "of returns that all this is judged by"),
    ("stability", "Lead that neighbours keep", "share", "of the best over the median set: half or more is a plateau"),
)


def honesty_panel(sweep: SweepResult) -> Panel:
    """What the best is worth once it is known from how many it was picked."""
    found = sweep.honesty
    rows = tuple((words, written(found.get(key), kind), note) for key, words, kind, note in HONESTY)
    parts: list[Part] = [Text(found["verdict"], "lead")]
    low_high, top = found.get("luck_range"), found.get("best_sharpe")
    if low_high and top is not None:
        low, middle, high = low_high
        says = (
            f"90 % of the best by luck: {ratio(low)} to {ratio(high)}\nmedian {ratio(middle)}\nthe best: {ratio(top)}"
        )
        value = f"{ratio(top)}  (luck: {ratio(low)} to {ratio(high)})"
        parts.append(spans([("Best Sharpe", low, high, top, value, says)], ratio, 0.0, "The best set and luck"))
    parts.append(Table(("t", "n", "note"), rows))
    judged = found.get("judged_on")
    if judged is not None and judged < found["trials"]:
        parts.append(
            Text(f"Luck is judged on a sample of {judged:,} of {found['trials']:,} sets, and the best.", "soft")
        )
    how = (
        "Whoever tries many sets finds one that did well by luck. The more trials, and the further their results "
        "lie apart, the higher the Sharpe that luck alone shows. The bar holds 90 % of the best Sharpe ratios of the "
        "same sets in histories without any edge; the stroke is the best there was. Only what stands above it is worth "
        "a second look, and a second look means data that was not part of the sweep."
    )
    return Panel("honesty", "What the best is worth", tuple(parts), how, "Honesty")


def out_of_sample_panel(sweep: SweepResult, charts: Charts) -> Panel | None:
    """In sample against out of sample: every half of the time, the splits that the spec asked for, the held-out end."""
    parts: list[Part] = []
    if (sweep.honesty.get("in_and_out") or [[]])[0]:
        parts.append(halves_plot(sweep.honesty["in_and_out"], charts))
    validation = sweep.validation
    if validation is not None:
        parts += validation_parts(validation)
    if not parts:
        return None
    how = (
        "Each point is one way to choose on half of the time: the Sharpe of the set that was best there, and the same "
        "set's Sharpe on the other half. Points below the dashed line are what choosing by the past costs; points "
        "below zero lost money afterwards. The table holds the splits of [sweep.validate], in which what was looked at "
        "was never part of what chose."
    )
    return Panel("out-of-sample", "In sample against out of sample", tuple(parts), how, "Out of sample")


def halves_plot(in_and_out: list[list[float]], charts: Charts) -> Plot:
    """The best of each half, there and on the other half."""
    inside, outside = (np.asarray(each, np.float64) for each in in_and_out)
    charts.plots["halves"] = {
        "kind": "points",
        "x": charts.pack.add(inside),
        "y": charts.pack.add(outside),
        "tone": charts.pack.add(np.where(outside > 0.0, 1, 0)),
        "xName": "Sharpe of the best of one half",
        "yName": "on the other half",
        "fmtX": "ratio",
        "fmtY": "ratio",
        "same": True,
        "diagonal": True,
    }
    legend = (("plus", "above zero on the other half"), ("minus", "below"))
    return Plot("halves", "The best of one half of the time on the other", 380, (), legend)


def validation_parts(found: Mapping[str, Any]) -> list[Part]:
    """Splits, paths, the growth out of sample, and the held-out end."""
    parts: list[Part] = []
    outside = found["out_of_sample_sharpe"]
    if outside is not None:
        gain = found["out_of_sample_return"]
        words = (
            f"Chosen split by split ({found['method'].replace('_', ' ')}), the Sharpe out of sample is {ratio(outside)}"
        )
        words += (
            f", after {ratio(found['in_sample_sharpe'])} in sample" if found["in_sample_sharpe"] is not None else ""
        )
        words += f"; the return out of sample is {NONE if gain is None else share(gain)}"
        words += f" (means of {len(found['paths'])} paths)" if len(found["paths"]) > 1 else ""
        parts.append(Text(f"{words}.", "lead"))
    if len(found["paths"]) > 1:
        known = [each for each in found["paths"] if each is not None]
        low, high = (ratio(f(known)) for f in (min, max)) if known else (NONE, NONE)
        parts.append(Text(f"{len(found['paths'])} paths through all folds: Sharpe from {low} to {high}."))
    ts, growth = (np.asarray(found["curve"][key], np.float64) for key in ("ts_ns", "growth"))
    if ts.size > 1:
        ticks = time_ticks(int(ts[0]), int(ts[-1]))
        title = "Growth of 1 out of sample" + (", on the first of the paths" if len(found["paths"]) > 1 else "")
        curve = line(ts, growth, ticks, plain_label(growth), 1.0, title)
        parts += [curve] if curve is not None else []
    if found["splits"]:
        rows = tuple(split_row(each) for each in found["splits"][:MOST_SPLITS])
        head = ("looked at", "set", "values", "in sample", "out of it")
        more = found["split_count"] - len(rows)
        parts.append(Table(("t", "n", "t", "n", "n"), rows, head, title="Splits"))
        parts += [Text(f"{more:,} more splits are in sweep.json or left out.", "soft")] if more > 0 else []
    held = found.get("holdout")
    if held:
        inside, outside = (written(held[f"{k}_sample_sharpe"], "ratio") for k in ("in", "out_of"))
        words = f"The end from {held['from'][:16].replace('T', ' ')} on was kept from all choosing: the best set has "
        parts.append(Text(f"{words}a Sharpe of {outside} there, after {inside} before it.", "lead"))
    return parts


def split_row(split: Mapping[str, Any]) -> tuple[str, ...]:
    """One split: when, which set, and its figures."""
    when = ", ".join(f"{lo[:16]} to {hi[:16]}".replace("T", " ") for lo, hi in split["test"])
    values = ", ".join(f"{key} {value_of(value)}" for key, value in split["values"].items())
    figures = (written(split[key], "ratio") for key in ("in_sample_sharpe", "out_of_sample_sharpe"))
    return (when, NONE if split["set"] is None else str(split["set"]), values, *figures)
