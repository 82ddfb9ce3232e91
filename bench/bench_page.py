"""docs/BENCHMARKS.md: tables of what was aimed at and what was reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measure import machine

LIMITS = "## What limits it"
HEAD = """# Speed and memory

Written by `make bench` on {date}: {machine}. huracan-sim {huracan}, vectorbt {vectorbt} with its rust
engine {rust}, backtesting.py {backtesting}, numba {numba}, numpy {numpy}. The whole took {minutes:.0f} minutes; the
machine's load average was {load}, so others were at work beside it whenever that is above the number of cores:
compare ratios, not seconds.
"""


@dataclass(frozen=True)
class Table:
    """A heading, words, and rows."""

    title: str
    words: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def text(self) -> str:
        lines = [f"## {self.title}", "", *([self.words, ""] if self.words else [])]
        lines += [cells(self.columns), cells(["---"] * len(self.columns)), *(cells(r) for r in self.rows)]
        return "\n".join(lines) + "\n"


def cells(row: Sequence[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in row)} |"


def write_page(path: Path, tables: Sequence[Table], busy: Sequence[float], seconds: float) -> None:
    """The page; what people wrote below its last heading stays."""
    before = path.read_text("utf-8") if path.is_file() else ""
    kept = before[before.index(LIMITS) :] if LIMITS in before else f"{LIMITS}\n"
    head = HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        minutes=seconds / 60,
        load=" to ".join(f"{x:.1f}" for x in (min(busy), max(busy))),
        huracan=version("huracan-sim"),
        rust=version("vectorbt-rust"),
        **{name: version(name) for name in ("vectorbt", "backtesting", "numba", "numpy")},
    )
    path.write_text("\n".join([head, *(t.text() for t in tables), kept]), encoding="utf-8")


def write_parts(path: Path, tables: Sequence[Table], busy: Sequence[float]) -> None:
    """Some tables in their places on the page, or before its last heading, each with the day and the load."""
    page = path.read_text("utf-8")
    day, load = datetime.now(UTC).date().isoformat(), " to ".join(f"{x:.1f}" for x in (min(busy), max(busy)))
    for table in tables:
        text = replace(table, words=f"{table.words}\n\nMeasured on {day} at a load average of {load}.".lstrip()).text()
        heading = f"## {table.title}\n"
        first = page.find(heading)
        if first < 0:
            first = last = page.index(LIMITS)
        else:
            last = page.index("\n## ", first + 1) + 1
        page = f"{page[:first]}{text}\n{page[last:]}"
    path.write_text(page, encoding="utf-8")
