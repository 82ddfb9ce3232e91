"""What pages are made of: a page is a list of panels, a panel a title, its parts and how to read them.

Each part is one small record, and parts.html shows each kind of it one way: tear-sheet, comparison, sweep and data
check look alike because they are made of the same parts.

    figures → panels of parts → render.page → one HTML file
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Tick = tuple[float, str]  # place in per cent, label


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` is "", "soft", "lead" or "warn"."""

    text: str
    tone: str = ""
    kind: str = field(default="text", init=False)


@dataclass(frozen=True)
class Card:
    """One large figure; `tone` is "", "plus" or "minus"."""

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Cards:
    """Large figures side by side."""

    cards: tuple[Card, ...]
    kind: str = field(default="cards", init=False)


@dataclass(frozen=True)
class Cell:
    """One cell: `tone` "plus" or "minus" colours it, `strength` from 0 to 1 shades it, `tip` is shown on hover."""

    text: str
    tone: str = ""
    strength: float = 0.0
    tip: str = ""


@dataclass(frozen=True)
class Table:
    """A table that scrolls by itself; `head` may be empty. A column is "n" (number), "t" (no wrap), "" or "note".

    With `lead` the first cell of a row is its name.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    head: tuple[str, ...] = ()
    lead: bool = True
    title: str = ""
    kind: str = field(default="table", init=False)

    @property
    def heading(self) -> list[tuple[str, str]]:
        """(class, words) of every column's head."""
        return list(zip(self.columns, self.head, strict=True))

    @property
    def shown(self) -> list[list[tuple[str, Cell]]]:
        """(class, cell) of every cell."""
        return [
            [(c, each if isinstance(each, Cell) else Cell(each)) for c, each in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]


@dataclass(frozen=True)
class Line:
    """A curve: `path` to stroke, `area` to fill between it and `zero`, where there is such a line."""

    path: str
    area: str
    zero: float | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    title: str = ""
    style: str = ""
    kind: str = field(default="line", init=False)


@dataclass(frozen=True)
class Bars:
    """A histogram or columns: (left, top, width, height, what it says, class) in the box, and marks (place, class)."""

    rects: tuple[tuple[float, float, float, float, str, str], ...]
    marks: tuple[tuple[float, str], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    title: str = ""
    x_name: str = ""
    y_name: str = ""
    zero: float | None = None
    style: str = ""
    kind: str = field(default="bars", init=False)


@dataclass(frozen=True)
class Heat:
    """A heat map: (left, top, width, height, class, strength 0 to 1, what it says, whether it is the best)."""

    cells: tuple[tuple[float, float, float, float, str, float, str, bool], ...]
    x_name: str
    y_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    low: str
    high: str
    scale: str = "none"  # the colours from the lowest to the highest, as a CSS background
    title: str = ""
    kind: str = field(default="heat", init=False)


@dataclass(frozen=True)
class Span:
    """A figure within its interval: places in per cent of a common axis."""

    label: str
    low: float
    high: float
    at: float
    value: str
    says: str


@dataclass(frozen=True)
class Spans:
    """Several figures with their intervals on one axis; `mark` is a place to compare with, -1 for none."""

    spans: tuple[Span, ...]
    x_ticks: tuple[Tick, ...]
    mark: float = -1.0
    title: str = ""
    kind: str = field(default="spans", init=False)


@dataclass(frozen=True)
class Step:
    """One bar of a waterfall, places in per cent, with its amount and what it says; `tone` is plus, minus or total."""

    label: str
    left: float
    width: float
    value: str
    tone: str
    says: str


@dataclass(frozen=True)
class Waterfall:
    """Amounts that lead from one total to another, one under the other."""

    steps: tuple[Step, ...]
    zero: float
    title: str = ""
    cut: bool = False  # the axis does not begin at zero
    kind: str = field(default="waterfall", init=False)


@dataclass(frozen=True)
class Plot:
    """A chart that the page's script draws from packed data: `name` finds its description among the page's plots."""

    name: str
    title: str
    height: int = 300  # CSS pixels
    tools: tuple[str, ...] = ()  # "zoom", "log", "pick"
    legend: tuple[tuple[str, str], ...] = ()  # (colour class, words)
    kind: str = field(default="plot", init=False)


@dataclass(frozen=True)
class Trades:
    """The list of trades with its filters, from packed data."""

    name: str
    symbols: tuple[str, ...]
    reasons: tuple[str, ...]
    rows: int
    kind: str = field(default="trades", init=False)


@dataclass(frozen=True)
class Pre:
    """Text as it is written, folded away under its title."""

    title: str
    text: str
    kind: str = field(default="pre", init=False)


@dataclass(frozen=True)
class Beside:
    """Parts side by side where there is room; each may have a heading of its own."""

    parts: tuple[tuple[str, Any], ...]
    kind: str = field(default="beside", init=False)


Part = Text | Cards | Table | Line | Bars | Heat | Spans | Waterfall | Plot | Trades | Pre | Beside


@dataclass(frozen=True)
class Panel:
    """One section of a page. `how` is what stands under "How to read this"; a panel without parts is left out."""

    name: str  # of its anchor: letters and dashes
    title: str
    parts: tuple[Part, ...]
    how: str = ""
    short: str = ""  # in the page's navigation; the title unless given


@dataclass(frozen=True)
class Page:
    """One HTML file: what it is called, what must be known before believing it, and its panels."""

    kind: str  # "backtest", "sweep", "comparison", "data check"
    name: str
    about: tuple[str, ...]  # a line under the name, piece by piece
    panels: tuple[Panel, ...]
    warnings: tuple[str, ...] = ()
    footer: str = (
        "A backtest shows what would have happened under its assumptions, and picks the past that it is shown. "
        "It promises nothing."
    )
