"""The result of a sweep: one row a parameter set, the best of them, and what that best is worth.

sweep.parquet  p.<key> for each swept key, then the figures      sweep.json  sets, bars, best, honesty
report.html    the same for people
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.atomic_files import make_folder, write_together
from huracan.sim.figures import Columns, plain
from huracan.sim.honesty import Moments, assess
from huracan.sim.refusal import Refused
from huracan.sim.result import FORMAT, About, plain_json, read_json, write_text
from huracan.sim.result_tables import RUN_KEY, arrow_array, numpy_array

TABLE = "sweep.parquet"
FIX = "run the sweep again, or bring back the files that belong together"


@dataclass(frozen=True, eq=False)
class SweepResult:
    """All sets that were run: `figures` is what sweep.json says, `best` one row, `table` a pandas DataFrame.

    `params` holds a column of values for each swept key, `columns` those of `figure_columns`; a row is a set.
    `planned` says how many sets there would have been had nothing interrupted the sweep; None: all are here.

    >>> about = About("x", ("BTC/USDT",), 0, 60_000_000_000, "1m")
    >>> columns = {"sharpe": np.array([0.5, np.nan, 1.5]), "bars": np.array([9, 9, 9])}
    >>> SweepResult(about, {"fast": np.array([1, 2, 3])}, columns).best
    {'p.fast': 3, 'sharpe': 1.5, 'bars': 9}
    """

    about: About
    params: Mapping[str, npt.NDArray[Any]]
    columns: Columns
    rank_by: str = "sharpe"
    shape: Moments | None = None  # of the best set's returns, where somebody has run it again and looked
    planned: int | None = None

    @property
    def sets(self) -> int:
        return int(next(iter(self.columns.values())).size)

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
        params = {f"p.{key}": plain_json(column[place]) for key, column in self.params.items()}
        return params | {key: plain(column[place]) for key, column in self.columns.items()}

    @cached_property
    def honesty(self) -> dict[str, Any]:
        """What the best Sharpe ratio is worth once it is known from how many it was picked."""
        row = self.best_row
        if row is None or not {"sharpe", "samples", "periods"} <= set(self.columns):
            return assess(np.full(self.sets, np.nan), None, 0, None, None)
        samples, periods = (plain(self.columns[key][row]) for key in ("samples", "periods"))
        return assess(np.asarray(self.columns["sharpe"], np.float64), row, samples, periods, self.shape)

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
            "keys": list(self.params),
            **self.about.plain(),
        }

    @cached_property
    def table(self) -> Any:
        """All sets, a pandas DataFrame with the columns of sweep.parquet."""
        return self._arrow().to_pandas()

    def save(self, folder: str | Path) -> Path:
        """Write the files of the contract into a folder, which is made; the report last, so that it can't lose data."""
        from pyarrow import parquet

        from huracan.reports import write_sweep_report

        folder = Path(folder)
        make_folder(folder)
        content = {"format": FORMAT, **self.figures}
        run = self._run(content)
        text = json.dumps(content | {"run": run}, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        table = self._arrow().replace_schema_metadata({RUN_KEY: run.encode()})
        files = {
            TABLE: lambda path: parquet.write_table(table, path),
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

    def _arrow(self) -> Any:
        import pyarrow as pa

        arrays = {f"p.{key}": _arrow_values(column) for key, column in self.params.items()}
        arrays |= {key: _arrow_figure(column) for key, column in self.columns.items()}
        return pa.Table.from_arrays(list(arrays.values()), names=list(arrays))


def load_sweep(folder: str | Path) -> SweepResult:
    """The result that `SweepResult.save` wrote; half of one, or one of another format, is refused."""
    import pyarrow as pa
    from pyarrow import parquet

    folder = Path(folder)
    raw = read_json(folder, "sweep.json", "sweep")
    try:
        with parquet.ParquetFile(folder / TABLE) as file:
            table = file.read()
        about, run = About.read(raw), raw["run"]
        keys, rank_by, planned, _, _ = (raw[key] for key in ("keys", "rank_by", "planned", "best", "honesty"))
    except FileNotFoundError:
        raise Refused(f"{TABLE} is missing", where=str(folder), fix=FIX) from None
    except (OSError, pa.ArrowException) as error:
        raise Refused(f"{TABLE} can't be read: {error}", where=str(folder), fix=FIX) from None
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"sweep.json lacks what it needs: {error}", where=str(folder), fix=FIX) from None
    if (table.schema.metadata or {}).get(RUN_KEY) != run.encode():
        raise Refused(f"{TABLE} and sweep.json are of different runs", where=str(folder), fix=FIX)
    columns = {name: _numpy(table[name]) for name in table.column_names}
    params = {key: columns.pop(f"p.{key}") for key in keys}
    result = SweepResult(about, params, columns, rank_by=rank_by, planned=planned)
    for name in ("best", "honesty"):  # the table may hold less: words for a column of several kinds, no moments
        result.__dict__[name] = raw[name]
    return result


def _arrow_values(column: npt.NDArray[Any]) -> Any:
    """Swept values: numbers, truth values or words; a column of several kinds becomes text."""
    if column.dtype.kind in "biuf":
        return arrow_array(column)
    words = [each if isinstance(each, str) else json.dumps(plain_json(each)) for each in column.tolist()]
    places = {word: place for place, word in enumerate(dict.fromkeys(words))}
    return arrow_array(np.array([places[word] for word in words], np.int64), words=tuple(places) or ("",))


def _arrow_figure(column: npt.NDArray[Any]) -> Any:
    """A column of figures, null where it is NaN."""
    array = arrow_array(column)
    if column.dtype.kind != "f" or not np.isnan(column).any():
        return array
    import pyarrow as pa

    there = np.packbits(~np.isnan(column), bitorder="little")
    return pa.Array.from_buffers(pa.float64(), column.size, [pa.py_buffer(there), array.buffers()[1]])


def _numpy(column: Any) -> npt.NDArray[Any]:
    """A column as it went in: NaN for null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=object)
    if pa.types.is_boolean(column.type):
        return numpy_array(pc.cast(column, pa.uint8()), np.dtype(np.uint8)).view(np.bool_)
    if not pa.types.is_floating(column.type):
        return numpy_array(column, np.dtype(np.int64))
    values = numpy_array(column, np.dtype(np.float64))
    if column.null_count:
        values[numpy_array(pc.cast(pc.is_null(column), pa.uint8()), np.dtype(np.uint8)) == 1] = np.nan
    return values
