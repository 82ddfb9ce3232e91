"""A page from its panels. Whatever a page is given is text: nothing that a user named can become markup or code."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huracan.reports.packing import Pack
from huracan.reports.parts import Page

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
SCRIPTS = (
    "plots.js",
    "draw_time.js",
    "draw_price.js",
    "draw_points.js",
    "draw_sets.js",
    "draw_lanes.js",
    "trade_list.js",
    "begin.js",
)


@dataclass
class Charts:
    """What the page's script draws: the description of each plot by name, and the numbers of all of them."""

    plots: dict[str, Any] = field(default_factory=dict)
    pack: Pack = field(default_factory=Pack)


def render(page: Page, charts: Charts | None = None) -> str:
    """The HTML of a page, complete in itself."""
    from markupsafe import Markup

    charts = charts or Charts()
    content = {"plots": charts.plots, "columns": charts.pack.described}
    return (
        environment()
        .get_template("page.html")
        .render(
            page=page,
            plots=bool(charts.plots),
            style=Markup(text_of("page.css")),
            script=Markup(script()),
            script_hash=script_hash(),
            plots_json=Markup(script_json(content)),
            pack=charts.pack.text if charts.plots else "",
        )
    )


def script_json(content: Any) -> str:
    r"""JSON that can stand inside a script element whatever its strings say.

    >>> print(script_json({"name": "</script>"}))
    {"name":"\u003c/script\u003e"}
    """
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def script() -> str:
    """The page's one script."""
    inside = "\n".join(text_of(name) for name in SCRIPTS)
    return f"(() => {{\n'use strict';\n{inside}}})();\n"


@cache
def script_hash() -> str:
    """What the page's policy allows to run: this script, and nothing else."""
    return base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()


@cache
def text_of(name: str) -> str:
    return (HERE / name).read_text("utf-8")


@cache
def environment() -> Environment:
    """Templates beside this file; a name that a page lacks is an error, never an empty place."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
