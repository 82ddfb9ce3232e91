"""Reports of saved runs: written again, held against each other, or as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huracan.sim.atomic_files import make_folder, write_together
from huracan.sim.market_file import run_bars
from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    from huracan.sim.result import Result
    from huracan.sim.series import Bars
    from huracan.sim.sweep_result import SweepResult

BOUNDS = "path_bounds.json"
COMPARISON = "comparison.html"


def load(folder: Path) -> Result | SweepResult:
    """The result in a folder; of a backtest and a sweep in one folder, the later one."""
    from huracan.sim.result import load_result
    from huracan.sim.sweep_result import load_sweep

    found = [folder / name for name in ("result.json", "sweep.json") if (folder / name).is_file()]
    if not found:
        fix = "give a folder that huracan backtest or huracan sweep wrote"
        raise Refused("there is no result.json or sweep.json", where=str(folder), fix=fix)
    latest = max(found, key=lambda path: path.stat().st_mtime)
    return load_sweep(folder) if latest.name == "sweep.json" else load_result(folder)


def render(folder: Path, out: Path | None = None, benchmark: Path | None = None) -> Path:
    """Write report.html from the result files in a folder, beside them or into `out`."""
    return write_page(folder, load(folder), out, benchmark)


def benchmark_of(result: Result, path: Path) -> Bars:
    """The bars of a file, of the timeframe of the run; a file of other times is refused."""
    from huracan.data.files import read_bars
    from huracan.data.timeframes import format_timeframe

    if not result.market:
        raise Refused("the prices of this run were not kept", where=result.about.name, fix="run the backtest again")
    bars = read_bars(path, timeframe=format_timeframe(result.market[0].timeframe_ns))
    about = result.about
    if bars.open_ns[0] >= about.end_ns or bars.open_ns[-1] + bars.timeframe_ns <= about.start_ns:
        fix = "give bars of the time of the run"
        raise Refused("the benchmark has no bar within the run", where=str(path), fix=fix)
    return run_bars(bars, about.start_ns, about.end_ns)


def write_page(
    folder: Path, result: Result | SweepResult, out: Path | None = None, benchmark: Path | None = None
) -> Path:
    """Write the report of a result that stands in a folder, beside it or into `out`."""
    from huracan.reports import write_report, write_sweep_report
    from huracan.sim.result import Result

    into = folder if out is None else out
    make_folder(into)
    if isinstance(result, Result):
        bounds = read_bounds(folder)
        against = None if benchmark is None else benchmark_of(result, benchmark)
        write_together(into, {"report.html": lambda path: write_report(result, path, bounds, against)})
    else:
        write_together(into, {"report.html": lambda path: write_sweep_report(result, path)})
    return into / "report.html"


def read_bounds(folder: Path) -> Mapping[str, Mapping[str, Any]] | None:
    """The figures of the worst and the best path, where they were asked for."""
    path = folder / BOUNDS
    if not path.is_file():
        return None
    try:
        bounds = json.loads(path.read_text("utf-8"))
        return {name: dict(bounds[name]) for name in ("worst", "best")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "run huracan backtest --path-bounds again, or delete the file"
        raise Refused(f"{BOUNDS} can't be read: {error}", where=str(folder), fix=fix) from None


def names_of(folders: Sequence[Path], results: Sequence[Result]) -> list[str]:
    """What the runs are called beside each other: their names if they differ, else their folders.

    >>> from huracan.sim.result import About, Result
    >>> two = [Result(About("x", ("A",), 0, 1, "1m"), {}) for _ in range(2)]
    >>> names_of([Path("runs/a"), Path("runs/b")], two)
    ['a', 'b']
    """
    for names in (
        [result.about.name for result in results],
        [folder.resolve().name for folder in folders],
        [str(folder) for folder in folders],
    ):
        if len(set(names)) == len(names):
            return names
    return [f"{k}: {folder}" for k, folder in enumerate(folders, start=1)]


def comparison(folders: Sequence[Path], out: Path | None) -> Path | None:
    """Write the page of several runs: `out`/report.html, or comparison.html beside the first; None for fewer than two.

    Sweeps are left out: a sweep is a comparison already.
    """
    from huracan.reports import write_comparison

    runs = runs_of(folders)
    if len(runs) < 2:
        return None
    folder, name = (folders[0], COMPARISON) if out is None else (out, "report.html")
    make_folder(folder)
    write_together(folder, {name: lambda path: write_comparison(runs, path)})
    return folder / name


def runs_of(folders: Sequence[Path]) -> list[tuple[str, Result]]:
    """The backtests among the folders, with their names."""
    from huracan.reports.compare_page import MOST_RUNS
    from huracan.sim.result import Result

    both = [(folder, result) for folder in folders if isinstance(result := load(folder), Result)]
    if len(both) > MOST_RUNS:
        raise Refused(f"{len(both)} runs at once", where="DIR...", fix=f"compare at most {MOST_RUNS}")
    names = names_of([folder for folder, _ in both], [result for _, result in both])
    return [(name, result) for name, (_, result) in zip(names, both, strict=True)]


def as_markdown(folders: Sequence[Path]) -> str:
    """The report of one run or sweep, or the comparison of several runs, as Markdown."""
    from huracan.reports.compare_page import compare_page
    from huracan.reports.markdown import markdown
    from huracan.reports.run_page import run_page
    from huracan.reports.sweep_page import sweep_page
    from huracan.sim.result import Result

    if len(folders) > 1:
        runs = runs_of(folders)
        if len(runs) < 2:
            raise Refused("there are no two backtests to compare", where="DIR...", fix="give folders of backtests")
        return markdown(compare_page(runs)[0])
    result = load(folders[0])
    page = run_page(result, read_bounds(folders[0])) if isinstance(result, Result) else sweep_page(result)
    return markdown(page[0])
