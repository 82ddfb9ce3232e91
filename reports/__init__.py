"""Pages for people: the tear-sheet of a run and the page of a sweep, each one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huracan.sim.result import Result
    from huracan.sim.series import Bars
    from huracan.sim.sweep_result import SweepResult

__all__ = ["write_comparison", "write_report", "write_sweep_report"]


def write_report(
    result: Result,
    path: str | Path,
    bounds: Mapping[str, Mapping[str, Any]] | None = None,
    benchmark: Bars | None = None,
) -> None:
    """Write the tear-sheet of one run; `bounds` are the figures under the worst and the best path inside the bars.

    `benchmark` are bars to hold it against, instead of its own instruments.

    >>> from huracan.sim.result import About, Result
    >>> write_report(Result(About("cross", ("BTC/USDT",), 0, 60_000_000_000, "1m"), {"cash": 100.0}), "report.html")
    """
    from huracan.reports.render import render
    from huracan.reports.run_page import run_page

    Path(path).write_text(render(*run_page(result, bounds, benchmark)), encoding="utf-8", errors="replace")


def write_comparison(runs: Sequence[tuple[str, Result]], path: str | Path) -> None:
    """Write the page that holds several runs, each with what it is called there, against the first of them."""
    from huracan.reports.compare_page import compare_page
    from huracan.reports.render import render

    Path(path).write_text(render(*compare_page(runs)), encoding="utf-8", errors="replace")


def write_sweep_report(sweep: SweepResult, path: str | Path) -> None:
    """Write the page of a sweep: what its best is worth first, then the sets."""
    from huracan.reports.render import render
    from huracan.reports.sweep_page import sweep_page

    Path(path).write_text(render(*sweep_page(sweep)), encoding="utf-8", errors="replace")
