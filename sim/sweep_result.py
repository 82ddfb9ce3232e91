"""The result of a sweep: one row a parameter set, the best of them, and what that best is worth.

sweep.parquet  p.<key> for each swept key, then the figures      sweep.json  sets, bars, best, honesty
report.html    the same for people
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.atomic_files import make_folder, write_together
from huracan.sim.figures import plain
from huracan.sim.judgement import Evidence, judge
from huracan.sim.refusal import Refused
from huracan.sim.result import FORMAT, About, plain_json, read_json, write_text
from huracan.sim.result_tables import RUN_KEY
from huracan.sim.sweep_table import GROUP, StoredColumns, arrow_columns, row_of, run_of, stored_columns

TABLE = "sweep.parquet"
FIX = "run the sweep again, or bring back the files that belong together"


@dataclass(frozen=True, eq=False)
class SweepResult:
    """All sets that were run: `figures` is what sweep.json says, `best` one row, `table` a pandas DataFrame.

    `params` holds a column of values for each swept key, `columns` those of `figure_columns`; a row is a set. Columns
    that are stored stay in the file `stored`. `planned` says how many sets there would have been had nothing
    interrupted the sweep; None: all are here. `evidence` is what the best is judged by, `validation` what was found out
    of sample.

    >>> about = About("x", ("BTC/USDT",), 0, 60_000_000_000, "1m")
    >>> columns = {"sharpe": np.array([0.5, np.nan, 1.5]), "bars": np.array([9, 9, 9])}
    >>> SweepResult(about, {"fast": np.array([1, 2, 3])}, columns).best
    {'p.fast': 3, 'sharpe': 1.5, 'bars': 9}
    """

    about: About
    params: Mapping[str, npt.NDArray[Any]]
    columns: Mapping[str, npt.NDArray[Any]]
    rank_by: str = "sharpe"
    evidence: Evidence | None = None
    planned: int | None = None
    validation: Mapping[str, Any] | None = None
    stored: Path | None = None
    run: str = ""  # names the files that belong together; made from what is in them where it is not given

    @property
    def sets(self) -> int:
        return int(self.columns[next(iter(self.columns))].size)

    @cached_property
    def best_row(self) -> int | None:
        """Where the best set stands: the first with the highest `rank_by`; None if no set has that figure."""
        column = np.asarray(self.columns[self.rank_by], np.float64)
        known = np.isfinite(column)
        return int(np.argmax(np.where(known, column, -np.inf))) if known.any() else None

    @cached_property
    def best(self) -> dict[str, Any] | None:
        """The best set: its parameters and its figures."""
        return None if self.best_row is None else self.row(self.best_row)

    def row(self, place: int) -> dict[str, Any]:
        """One set as a dict, None for a figure that does not exist."""
        params = {f"p.{key}": plain_json(value) for key, value in row_of(self.params, place).items()}
        return params | {key: plain(value) for key, value in row_of(self.columns, place).items()}

    @cached_property
    def honesty(self) -> dict[str, Any]:
        """What the best is worth once it is known from how many it was picked."""
        return judge(self.evidence, self.sets, self.params, self.columns[self.rank_by], self.best_row, self.validation)

    @cached_property
    def problems(self) -> dict[str, int]:
        """Sets that ended without money, and sets without the figure that all are ranked by."""
        lost = self.columns["bankrupt"] if "bankrupt" in self.columns else np.zeros(0)
        unknown = ~np.isfinite(np.asarray(self.columns[self.rank_by], np.float64))
        found = {"bankrupt": int(np.count_nonzero(lost)), f"no_{self.rank_by}": int(unknown.sum())}
        return {name: count for name, count in found.items() if count}

    @cached_property
    def figures(self) -> dict[str, Any]:
        """Everything that sweep.json says."""
        bars = self.columns["bars"]
        return {
            "sets": self.sets,
            "planned": self.sets if self.planned is None else self.planned,
            "bars": int(bars.max()) if bars.size else 0,
            "best": self.best,
            "rank_by": self.rank_by,
            "honesty": self.honesty,
            "validation": None if self.validation is None else dict(self.validation),
            "problems": self.problems,
            "keys": list(self.params),
            **self.about.plain(),
        }

    @cached_property
    def table(self) -> Any:
        """All sets, a pandas DataFrame with the columns of sweep.parquet."""
        from pyarrow import parquet

        return (self._arrow() if self.stored is None else parquet.read_table(self.stored)).to_pandas()

    def save(self, folder: str | Path) -> Path:
        """Write the files of the contract into a folder, which is made; the report last, so that it can't lose data."""
        from huracan.reports import write_sweep_report

        folder = Path(folder)
        make_folder(folder)
        content = {"format": FORMAT, **self.figures}
        run = self.run or self._run(content)
        text = json.dumps(content | {"run": run}, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        files = {
            TABLE: lambda path: self._write_table(path, run),
            "sweep.json": lambda path: write_text(path, text),
        }
        write_together(folder, files)
        write_together(folder, {"report.html": lambda path: write_sweep_report(self, path)})
        return folder

    def _run(self, content: dict[str, Any]) -> str:
        digest = hashlib.sha256(json.dumps(content, allow_nan=False).encode())
        for column in (*self.params.values(), *self.columns.values()):
            digest.update(repr(column.tolist()).encode() if column.dtype.kind == "O" else column.tobytes())
        return digest.hexdigest()[:16]

    def _write_table(self, path: Path, run: str) -> None:
        from pyarrow import parquet

        if self.stored is None:
            parquet.write_table(
                self._arrow().replace_schema_metadata({RUN_KEY: run.encode()}), path, row_group_size=GROUP
            )
        else:
            shutil.copyfile(self.stored, path)

    def _arrow(self) -> Any:
        import pyarrow as pa

        arrays = arrow_columns({f"p.{key}": c for key, c in self.params.items()} | dict(self.columns))
        return pa.Table.from_arrays(list(arrays.values()), names=list(arrays))


def load_sweep(folder: str | Path) -> SweepResult:
    """The result that `SweepResult.save` wrote; half of one, or one of another format, is refused."""
    import pyarrow as pa

    folder = Path(folder)
    raw = read_json(folder, "sweep.json", "sweep")
    try:
        there = run_of(folder / TABLE)
        params, columns = stored_columns(folder / TABLE)
        about, run = About.read(raw), raw["run"]
        keys, rank_by, planned, _, _ = (raw[key] for key in ("keys", "rank_by", "planned", "best", "honesty"))
    except FileNotFoundError:
        raise Refused(f"{TABLE} is missing", where=str(folder), fix=FIX) from None
    except (OSError, pa.ArrowException) as error:
        raise Refused(f"{TABLE} can't be read: {error}", where=str(folder), fix=FIX) from None
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"sweep.json lacks what it needs: {error}", where=str(folder), fix=FIX) from None
    if there != run:
        raise Refused(f"{TABLE} and sweep.json are of different runs", where=str(folder), fix=FIX)
    params = StoredColumns(folder / TABLE, tuple(keys), "p.")
    validation = raw.get("validation")
    result = SweepResult(about, params, columns, rank_by, None, planned, validation, folder / TABLE, run)
    for name in ("best", "honesty"):  # the table holds less: words for a column of several kinds, no returns
        result.__dict__[name] = raw[name]
    return result
