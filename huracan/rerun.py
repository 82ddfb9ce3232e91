"""One row of a sweep as a backtest in full: the same spec with that row's values, to the same figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from huracan.sim.refusal import Refused
from huracan.spec import Spec, load_spec, with_values

if TYPE_CHECKING:
    from huracan.sim.result import Result
    from huracan.sim.sweep_result import SweepResult

SAME = ("data_hash", "code_hash")


def rerun_row(table: Path, row: int) -> Result:
    """Run one row of a sweep.parquet (or of the folder it is in) again and record everything."""
    swept = open_sweep(table)
    return rerun(swept, row)


def open_sweep(table: Path) -> SweepResult:
    """The sweep that a table, or its folder, belongs to."""
    from huracan.sim.sweep_result import TABLE, load_sweep

    if not table.exists():
        raise Refused("there is no such file", where=str(table), fix=f"give the {TABLE} of a sweep, or its folder")
    return load_sweep(table if table.is_dir() else table.parent)


def rerun(swept: SweepResult, row: int) -> Result:
    """One row in full; refused if the data or the code are no longer those of the sweep."""
    from huracan.either_venue import record_any

    if not 0 <= row < swept.sets:
        raise Refused(f"there is no row {row}", where="--row", fix=f"the rows are 0 to {swept.sets - 1}")
    found = swept.row(row)
    spec = with_values(spec_of(swept), {key: found[f"p.{key}"] for key in swept.params})
    result = record_any(spec, lane=int(found.get("set", row)))
    for key in SAME:
        if getattr(result.about, key) != getattr(swept.about, key):
            what = "the data have changed" if key == "data_hash" else "the strategy, its gates or huracan have changed"
            fix = "run the sweep again, or bring back what it was run with"
            fix += said_versions(swept, result) if key == "code_hash" else ""
            raise Refused(f"{what} since the sweep: {key} differs", where=str(swept.stored), fix=fix)
    return result


def said_versions(swept: SweepResult, result: Result) -> str:
    """Versions that the sweep was run with where they are others; of the same ones some file was edited."""
    there, here = swept.about.versions, result.about.versions
    others = [
        f"{name} {version} (here {here.get(name)})" for name, version in there.items() if version != here.get(name)
    ]
    return f": {', '.join(others)}" if others else ": the versions are the same, so it is a file that was edited"


def spec_of(swept: SweepResult) -> Spec:
    """The spec of a sweep without its [sweep]."""
    raw = {name: value for name, value in swept.about.spec.items() if name != "sweep"}
    if not raw:
        raise Refused("the sweep has kept no spec", where=str(swept.stored), fix="run the sweep again")
    for each in (raw["strategy"], *raw.get("gates", ())):
        if str(each["use"]).startswith("<"):
            what = f"{each['use']} was a function of a Python session, which no file holds"
            raise Refused(what, where=str(swept.stored), fix="put it into a file and name it, as path/to/file.py:name")
    return load_spec(raw)


def best_rows(swept: SweepResult, count: int) -> list[int]:
    """The rows of the best sets, the best first; sets without the figure are none of them."""
    values = np.asarray(swept.columns[swept.rank_by], np.float64)
    order = np.argsort(np.where(np.isfinite(values), -values, np.inf), kind="stable")[:count]
    return [int(row) for row in order if np.isfinite(values[row])]
