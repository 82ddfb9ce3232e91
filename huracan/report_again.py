"""The report of a saved run, written again: after an update of huracan, or where report.html was lost."""

from __future__ import annotations

from pathlib import Path

from huracan.sim.atomic_files import write_together
from huracan.sim.refusal import Refused


def render(folder: Path) -> Path:
    """Write report.html from the result files beside it; of a backtest and a sweep in one folder, of the later one."""
    from huracan.reports import write_report, write_sweep_report
    from huracan.sim.result import load_result
    from huracan.sim.sweep_result import load_sweep

    found = [folder / name for name in ("result.json", "sweep.json") if (folder / name).is_file()]
    if not found:
        fix = "give a folder that huracan backtest or huracan sweep wrote"
        raise Refused("there is no result.json or sweep.json", where=str(folder), fix=fix)
    latest = max(found, key=lambda path: path.stat().st_mtime)
    if latest.name == "sweep.json":
        swept = load_sweep(folder)
        write_together(folder, {"report.html": lambda path: write_sweep_report(swept, path)})
    else:
        result = load_result(folder)
        write_together(folder, {"report.html": lambda path: write_report(result, path)})
    return folder / "report.html"
