"""The page of a data set: a picture of what is there, what is missing and what is odd, and the table of problems.

check (plain values) + coverage (arrays by bucket of time) ─▶ panels ─▶ one page, complete in itself
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.reports.curve_panels import clock_of, time_plot
from huracan.reports.parts import Card, Cards, Page, Panel, Part, Plot, Table, Text
from huracan.reports.render import Charts, render

FILES = r"\.(csv|json|jsonl|parquet|feather|txt|gz|zip)$"  # the end of a name that is a file's, and no symbol
MOST_SPANS = 200  # stretches of one problem in its table; check.json has them all


def data_page(check: Mapping[str, Any], coverage: Mapping[str, npt.NDArray[Any]]) -> str:
    """The HTML of a checked data set.

    `check` has name, kind, rows, timeframe, first, last, tick, notes and problems as `huracan data check --json` says
    them; `coverage` has edges_ns, present, expected, troubled and price by bucket of time.
    """
    charts = Charts()
    panels = [
        Panel("headline", "Headline", (cards(check, coverage),), short="Top"),
        coverage_panel(check, coverage, charts),
        problems_panel(check),
        notes_panel(check),
    ]
    times = f"{check['first']} to {check['last']}" if check["first"] else ""
    name = str(check["name"])
    short = re.split(r"[/\\\\]", name)[-1] if re.search(FILES, name) else name
    path = name if short != name else ""
    about = tuple(each for each in (f"{check['kind']} {check['timeframe'] or ''}".strip(), times, path) if each)
    footer = "Finding changes nothing."
    if check["kind"] != "trades":
        footer += " A run mends what its spec names, and counts it in its result."
    kept = tuple(panel for panel in panels if panel is not None)
    return render(Page("data", short, about, kept, footer=footer), charts)


def coverage_panel(check: Mapping[str, Any], coverage: Mapping[str, npt.NDArray[Any]], charts: Charts) -> Panel | None:
    """The price, rows by time in three heights, and a lane for each problem that has a place; None without rows."""
    edges = np.asarray(coverage["edges_ns"], np.int64)
    if edges.size < 2 or not edges[-1] > edges[0]:
        return None
    parts: list[Part] = []
    price = np.asarray(coverage["price"], np.float64)
    if np.isfinite(price).sum() > 1:
        name = "Rate" if check["kind"] == "funding" else "Price"
        middles = (edges[:-1] + edges[1:]) // 2
        fmt = "share" if check["kind"] == "funding" else "price"
        time_plot(charts, "price", middles, [{"name": name, "y": price, "c": "c1"}], fmt=fmt)
        parts.append(Plot("price", f"{name} over time", 220, ("zoom",), (("c1", name),)))
    lanes = [lane_of(each, edges, charts) for each in check["problems"] if each["first"]]
    found = stacks(coverage)
    charts.plots["coverage"] = {
        "kind": "lanes",
        "group": "run",
        **clock_of(charts, edges),
        "stacks": [{"name": name, "c": colour, "y": charts.pack.add(values)} for name, colour, values in found],
        "lanes": lanes,
    }
    legend = tuple((colour, name) for name, colour, _ in found)
    parts.append(Plot("coverage", "Rows and problems over time", 150 + 26 * len(lanes), (), legend))
    how = (
        "Above, the price as it was read; below, how many rows each stretch of time has: sound ones, ones with a "
        "problem, and ones that are missing. Under that a lane for each kind of problem shows where it was found. A "
        "problem without stretches is drawn from its first to its last place. Drag to zoom, double-click for all."
    )
    return Panel("coverage", "What is there", tuple(parts), how, "Coverage")


def lane_of(problem: Mapping[str, Any], edges: npt.NDArray[np.int64], charts: Charts) -> dict[str, Any]:
    """One problem as a lane: its stretches, or from its first to its last place."""
    spans = problem["spans"] or [{"first": problem["first"], "last": problem["last"], "bars": problem["count"]}]
    start = int(edges[0]) // 1_000_000
    steps = np.unique(np.diff(edges // 1_000_000))
    unit = max(int(np.gcd.reduce(steps)), 1)
    a, b = ([(instant_ms(each[key]) - start) / unit for each in spans] for key in ("first", "last"))
    return {
        "name": str(problem["name"]).replace("_", " "),
        "c": "minus" if problem["spans"] else "c5",
        "a": charts.pack.add(a),
        "b": charts.pack.add(b),
        "n": charts.pack.add([each["bars"] for each in spans]),
    }


def instant_ms(words: str) -> int:
    """An ISO time as milliseconds.

    >>> instant_ms("1970-01-01T00:00:01Z")
    1000
    """
    return int(np.datetime64(str(words).removesuffix("Z").removesuffix("+00:00"), "ms").astype(np.int64))


def stacks(coverage: Mapping[str, npt.NDArray[Any]]) -> list[tuple[str, str, npt.NDArray[Any]]]:
    """Rows by bucket, in three heights: sound, with a problem, missing."""
    troubled = np.minimum(coverage["troubled"], coverage["present"])
    found = [("sound rows", "c3", coverage["present"] - troubled), ("rows with a problem", "c5", troubled)]
    missing = np.maximum(coverage["expected"] - coverage["present"], 0)
    found.append(("missing rows", "minus", missing))
    return [each for each in found if each[2].any()]


def problems_panel(check: Mapping[str, Any]) -> Panel:
    """The table of problems, and the stretches of those that have some."""
    how = (
        "Each row is a kind of problem: how many rows it touches, where it begins and ends, and what a run can do; the "
        "repair in capitals is the one to try first."
    )
    example = {"bars": 'missing_bars = "fill"', "book": 'gapped_book = "clear"'}
    example["funding"] = 'funding_odd_hours = "drop"'
    if check["kind"] in example:
        key = "funding_repair" if check["kind"] == "funding" else "repair"
        how += f" A run mends what its spec names, as in [data] {key} = {{ {example[check['kind']]} }}."
    counted = "Bars" if check["kind"] in ("bars", "mark") else "Count"
    if not check["problems"]:
        text = Text("None of the problems that are looked for was found.", "lead")
        return Panel("problems", "Problems", (text,), how)
    rows = tuple(
        (
            each["name"],
            f"{each['count']:,}",
            each["first"] or "",
            each["last"] or "",
            ", ".join(r.upper() if r == each["repair"] else r for r in each["choices"] or [each["repair"]]),
            each["says"],
        )
        for each in check["problems"]
    )
    head = ("Problem", "Rows", "First, UTC", "Last, UTC", "Repairs", "")
    parts: list[Part] = [Table(("t", "n", "t", "t", "t", "about"), rows, head)]
    for each in check["problems"]:
        if each["spans"]:
            shown = each["spans"][:MOST_SPANS]
            more = f", the first {MOST_SPANS} of {len(each['spans']):,}" if len(each["spans"]) > MOST_SPANS else ""
            lines = tuple((span["first"], span["last"], f"{span['bars']:,}") for span in shown)
            title = f"Stretches of {each['name']}{more}"
            parts.append(Table(("t", "t", "n"), lines, ("From, UTC", "To, UTC", counted), title=title))
    return Panel("problems", "Problems", tuple(parts), how)


def notes_panel(check: Mapping[str, Any]) -> Panel | None:
    """What reading had to do, by name; None where it had nothing to do."""
    if not check["notes"]:
        return None
    rows = tuple((str(name), f"{count:,}") for name, count in check["notes"].items())
    how = "Done on reading, before anything was checked, and counted."
    return Panel("notes", "On reading", (Table(("t", "n"), rows),), how)


def cards(check: Mapping[str, Any], coverage: Mapping[str, npt.NDArray[Any]]) -> Cards:
    """What matters first."""
    rows, expected = int(check["rows"]), int(coverage["expected"].sum())
    found = [Card("Rows", f"{rows:,}", f"{check['kind']} {check['timeframe'] or ''}".strip())]
    if expected:
        share = min(1.0, int(coverage["present"].sum()) / expected)
        shown = f"{share:.2%}" if share in (0.0, 1.0) or share < 0.9999 else "99.99%"
        found.append(Card("Covered", shown, f"of {expected:,} bars from first to last"))
    kinds = len(check["problems"])
    touched = sum(each["count"] for each in check["problems"])
    note = f"{touched:,} rows counted, a row under each name" if kinds else "nothing was found"
    found.append(Card("Kinds of problems", f"{kinds}", note, "minus" if kinds else ""))
    if check["tick"]:
        found.append(Card("Tick", str(check["tick"]), "from the decimals"))
    return Cards(tuple(found))
