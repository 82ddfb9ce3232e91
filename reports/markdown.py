"""A page as Markdown, for a pull request: its words and tables, without the charts."""

from __future__ import annotations

import re

from huracan.reports.parts import Beside, Cards, Cell, Page, Panel, Part, Table, Text, Waterfall

SHORT = ("headline", "honesty", "chance", "money", "months", "bounds", "counts", "figures", "best", "specs")


def markdown(page: Page) -> str:
    """The panels that a reviewer reads; names can't become markup.

    >>> print(markdown(Page("backtest", "a<b>|", ("x",), (Panel("chance", "Luck?", (Text("1 | 2"),)),))))
    ## a&lt;b&gt;\\|
    <BLANKLINE>
    Backtest · x
    <BLANKLINE>
    ### Luck?
    <BLANKLINE>
    1 \\| 2
    <BLANKLINE>
    """
    lines = [
        f"## {safe(page.name)}",
        "",
        " · ".join([page.kind.capitalize(), *(safe(each) for each in page.about)]),
        "",
    ]
    if page.warnings:
        lines += [*(f"- ⚠ {safe(each)}" for each in page.warnings), ""]
    for panel in page.panels:
        if panel.name in SHORT or panel.name.startswith("causes"):
            lines += panel_lines(panel)
    return "\n".join(lines)


def panel_lines(panel: Panel) -> list[str]:
    """A heading and the parts that have words."""
    body = [line for part in panel.parts for line in part_lines(part)]
    if not body:
        return []
    title = [] if panel.name == "headline" else [f"### {safe(panel.title)}", ""]
    return [*title, *body]


def part_lines(part: Part) -> list[str]:
    if isinstance(part, Text):
        return [safe(part.text), ""]
    if isinstance(part, Cards):
        labels = tuple(safe(card.label) for card in part.cards)
        return table_lines(labels, ("n",) * len(labels), [[safe(card.value) for card in part.cards]])
    if isinstance(part, Table):
        title = [f"**{safe(part.title)}**", ""] if part.title else []
        head = tuple(safe(each) for each in part.head) or ("",) * len(part.columns)
        rows = [[safe(each.text if isinstance(each, Cell) else each) for each in row] for row in part.rows]
        return [*title, *table_lines(head, part.columns, rows)]
    if isinstance(part, Waterfall):
        rows = [[safe(step.label), safe(step.value)] for step in part.steps]
        return table_lines(("", "Amount"), ("", "n"), rows)
    if isinstance(part, Beside):
        return [
            line
            for title, each in part.parts
            for line in ([f"**{safe(title)}**", ""] if title else []) + part_lines(each)
        ]
    return []


def table_lines(head: tuple[str, ...], kinds: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    """A table of pipes; columns of numbers stand to the right."""
    rule = ["---:" if kind.startswith("n") and kind != "note" else ":---" for kind in kinds]
    return [row_line(head), row_line(rule), *(row_line(row) for row in rows), ""]


def row_line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def safe(text: str) -> str:
    """Text that stays text: no tags, no cells, no links, no emphasis.

    >>> safe("<img>|*x*"), safe("1.5e-07")
    ('&lt;img&gt;\\\\|\\\\*x\\\\*', '1.5e-07')
    """
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", " ".join(plain.split()))
