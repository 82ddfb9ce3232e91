"""The page of a data set: a picture of what is there, what is missing and what is odd, and the table of problems.

check (plain values) + coverage (arrays by bucket of time) ─▶ plotly figure ─▶ one page, complete in itself
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PRESENT, MISSING, TROUBLED, PRICE = "#2a9d6f", "#d6453d", "#e0a526", "#6f8fd8"
GRID = "rgba(128,128,128,0.25)"


def data_page(check: Mapping[str, Any], coverage: Mapping[str, npt.NDArray[Any]]) -> str:
    """The HTML of a checked data set.

    `check` has name, kind, rows, timeframe, first, last, tick, notes and problems as `huracan data check --json` says
    them; `coverage` has edges_ns, present, expected, troubled and price by bucket of time.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    figure = json.dumps(picture(check, coverage), allow_nan=False).replace("<", "\\u003c")
    library = get_plotlyjs()
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("data_page.html").render(
        check=check,
        cards=cards(check, coverage),
        figure=Markup(figure),
        library=Markup(library),
        draw=Markup(DRAW),
        hashes=" ".join(f"'sha256-{digest(text)}'" for text in (library, DRAW)),
    )


def picture(check: Mapping[str, Any], coverage: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """The figure as plotly reads it: the price, shares of rows by time, and a line of marks for each problem."""
    edges = coverage["edges_ns"]
    when = [text(ns) for ns in (edges[:-1] + edges[1:]) // 2]
    ends = [text(ns) for ns in edges]
    width = [int(w) / 1e6 for w in np.diff(edges)]
    said = [f"{a} to {b}" for a, b in pairwise(ends)]
    bars = stacks(coverage)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "name": "rate" if check["kind"] == "funding" else "price",
            "x": when, "y": plain(coverage["price"]), "line": {"color": PRICE, "width": 1.4}, "yaxis": "y",
            "connectgaps": False, "hovertemplate": "%{x}<br>%{y}<extra></extra>",
        }
    ]  # fmt: skip
    for name, colour, values in bars:
        traces.append(
            {
                "type": "bar", "name": name, "x": when, "y": plain(values), "width": width, "marker": {"color": colour},
                "yaxis": "y2", "customdata": said,
                "hovertemplate": f"%{{customdata}}<br>{name}: %{{y:,}}<extra></extra>",
            }
        )  # fmt: skip
    names = [each["name"] for each in check["problems"] if each["first"]]
    traces += [marks(each) for each in check["problems"] if each["first"]]
    left = max([64, *(round(7.3 * len(name)) + 22 for name in names)])
    share = 0.06 * max(1, len(names))
    low = min(0.4, share) if names else 0.0
    layout = {
        "barmode": "stack", "bargap": 0, "hovermode": "closest", "showlegend": True,
        "legend": {"orientation": "h", "y": 1.06, "x": 0}, "margin": {"l": left, "r": 20, "t": 10, "b": 40},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": {"type": "date", "anchor": "y3" if names else "y2", "gridcolor": GRID},
        "yaxis": {"domain": [low + 0.3, 1], "gridcolor": GRID, "zeroline": False, "title": {"text": ""}},
        "yaxis2": {"domain": [low + 0.04, low + 0.24], "gridcolor": GRID, "title": {"text": "rows", "standoff": 8}},
        "yaxis3": {
            "domain": [0, low or 0.01], "type": "category", "categoryarray": names[::-1], "gridcolor": GRID,
            "visible": bool(names), "range": [-0.6, len(names) - 0.4], "fixedrange": True,
        },
        "height": 460 + 26 * len(names),
    }  # fmt: skip
    return {"data": traces, "layout": layout}


def stacks(coverage: Mapping[str, npt.NDArray[Any]]) -> list[tuple[str, str, npt.NDArray[Any]]]:
    """Rows by bucket, in three heights: sound, with a problem, missing."""
    troubled = np.minimum(coverage["troubled"], coverage["present"])
    found = [("sound", PRESENT, coverage["present"] - troubled), ("with a problem", TROUBLED, troubled)]
    missing = np.maximum(coverage["expected"] - coverage["present"], 0)
    found.append(("missing", MISSING, missing))
    return [each for each in found if each[2].any()]


def marks(problem: Mapping[str, Any]) -> dict[str, Any]:
    """One problem as a line of its own: stretches as bars, what has none from its first to its last place."""
    spans = problem["spans"] or [{"first": problem["first"], "last": problem["last"], "bars": problem["count"]}]
    x: list[Any] = []
    words: list[Any] = []
    for each in spans:
        says = f"{problem['name']}: {each['bars']:,}, {each['first']} to {each['last']}"
        x += [each["first"], each["last"], None]
        words += [says, says, None]
    whole = bool(problem["spans"])
    colour = MISSING if whole else TROUBLED
    return {
        "type": "scatter", "mode": "lines+markers", "name": problem["name"], "x": x, "y": [problem["name"]] * len(x),
        "yaxis": "y3", "showlegend": False, "text": words, "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": colour, "width": 8 if whole else 2, "dash": "solid" if whole else "dot"},
        "marker": {"color": colour, "size": 8, "symbol": "square"},
    }  # fmt: skip


def cards(check: Mapping[str, Any], coverage: Mapping[str, npt.NDArray[Any]]) -> list[tuple[str, str, str]]:
    """(label, value, note) of what matters first."""
    rows, expected = int(check["rows"]), int(coverage["expected"].sum())
    found = [("rows", f"{rows:,}", f"{check['kind']} {check['timeframe'] or ''}".strip())]
    if expected:
        share = min(1.0, int(coverage["present"].sum()) / expected)
        shown = f"{share:.2%}" if share in (0.0, 1.0) or share < 0.9999 else "99.99%"
        found.append(("covered", shown, f"of {expected:,} bars from first to last"))
    kinds = len(check["problems"])
    touched = sum(each["count"] for each in check["problems"])
    note = f"{touched:,} rows counted, a row under each name" if kinds else "nothing was found"
    found.append(("kinds of problems", f"{kinds}", note))
    if check["tick"]:
        found.append(("tick", str(check["tick"]), "from the decimals"))
    return found


def plain(values: npt.NDArray[Any]) -> list[Any]:
    """Numbers as JSON has them: NaN is null."""
    return [None if value != value else value for value in values.tolist()]


def text(ns: int) -> str:
    """An instant as plotly reads it."""
    return str(np.datetime64(int(ns), "ns").astype("datetime64[ms]"))


def digest(script: str) -> str:
    """What the page's policy allows to run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


DRAW = """
const figure = JSON.parse(document.getElementById("figure").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
function draw() {
  figure.layout.font = {color: getComputedStyle(document.body).color, family: "system-ui, sans-serif", size: 12};
  Plotly.react("picture", figure.data, figure.layout, {responsive: true, displayModeBar: false});
}
draw();
dark.addEventListener("change", draw);
"""
