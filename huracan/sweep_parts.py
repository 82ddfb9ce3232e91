"""What a sweep has finished, block by block: in memory, or as Parquet files that survive a kill.

    DIR/checkpoint/checkpoint.json       of which spec, code, data and sets this is, and how the sets were dealt out
    DIR/checkpoint/part-00000-00007.parquet   the rows of one block, and the returns between cuts of some of its sets

A part is there whole or not at all. A checkpoint of another spec, code or data is refused by the name of what differs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.atomic_files import make_folder, results_folder, write_together
from huracan.sim.refusal import Refused
from huracan.sim.result_tables import RUN_KEY
from huracan.sim.sweep_table import arrow_binary, arrow_columns, read_column, run_of

Columns = dict[str, npt.NDArray[Any]]
FOLDER = "checkpoint"
MANIFEST = "checkpoint.json"
FORMAT = 1
MORE_KEY = b"huracan.part"  # in a part's metadata: rejections
SAID = {
    "spec_hash": "another spec",
    "code_hash": "another version of the code (the strategy, its gates or huracan)",
    "data_hash": "other data",
    "sets_hash": "other parameter sets",
    "versions": "other versions of numba or numpy",
}


@dataclass(frozen=True, eq=False)
class Returns:
    """Returns from cut to cut of some sets: rows[k], (cuts,), are those of the set numbers[k]."""

    numbers: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float64]

    def of(self, number: int) -> npt.NDArray[np.float64]:
        """Those of one of the sets."""
        (place,) = np.flatnonzero(self.numbers == number)
        found: npt.NDArray[np.float64] = self.rows[place]
        return found


@dataclass(frozen=True)
class Part:
    """The rows of a block: `columns` with a row a set; `returns` of some sets; what was refused."""

    columns: Columns
    returns: Returns
    rejections: Mapping[str, int]


@dataclass
class Parts:
    """Where finished blocks are kept: `folder`, or memory if there is none."""

    folder: Path | None
    run: str
    kept: dict[str, Part] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether a block is finished; a file that can't be read is as good as none."""
        if self.folder is None:
            return name in self.kept
        return self._path(name).is_file() and _run_of(self._path(name)) == self.run

    def save(self, name: str, part: Part) -> None:
        """Keep a finished block."""
        if self.folder is None:
            self.kept[name] = part
            return
        write_together(self.folder, {self._path(name).name: lambda path: _write(path, part, self.run)})

    def load(self, name: str) -> Part:
        """A finished block."""
        return self.kept[name] if self.folder is None else _read(self._path(name))

    def rows(self, name: str) -> int:
        """How many sets a finished block has."""
        if self.folder is None:
            return len(self.kept[name].columns["set"])
        from pyarrow import parquet

        return int(parquet.read_metadata(self._path(name)).num_rows)

    def _path(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"part-{name}.parquet"


@contextlib.contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """The folder is this sweep's until it ends in any way: a second one at the same time is refused.

    The lock is on the folder itself, so that it leaves no file behind, and the system takes it back from a process that
    is killed. Where there are none (Windows, some network folders) sweeps go on without.
    """
    with results_folder(out), contextlib.ExitStack() as held:
        try:
            import fcntl

            folder = os.open(out, os.O_RDONLY)
            held.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fix = "wait until it is done, or write to another folder"
            raise Refused("another sweep is writing into this folder", where=str(out), fix=fix) from None
        except (ImportError, OSError):
            pass
        yield


def open_checkpoint(
    out: Path, identity: Mapping[str, Any], fresh: Mapping[str, Any], *, resume: bool
) -> tuple[dict[str, Any], Path]:
    """The manifest of the sweep in this folder and where its parts are: begun with `fresh`, or found there."""
    folder = out / FOLDER
    there = read_manifest(folder)
    if there is not None and not resume:
        fix = f"add --resume to go on with it, or remove {folder} to begin again"
        raise Refused("an unfinished sweep is in the folder, and it would be lost", where=str(out), fix=fix)
    if there is not None:
        for key, said in SAID.items():
            if there["identity"].get(key) != identity[key]:
                fix = "give back what it was begun with, or begin again in another folder"
                raise Refused(f"the checkpoint is of {said}: {key} differs", where=str(folder), fix=fix)
        return there, folder
    make_folder(folder)
    for path in folder.glob("part-*"):  # of a checkpoint that was being removed: its blocks may have been others
        path.unlink()
    manifest = {"format": FORMAT, "identity": dict(identity), **fresh}
    text = json.dumps(manifest, indent=1) + "\n"
    write_together(folder, {MANIFEST: lambda path: path.write_text(text, encoding="utf-8")})
    return manifest, folder


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What a checkpoint says of itself; None where there is none."""
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
        if found["format"] == FORMAT and isinstance(found["identity"], dict):
            return dict(found)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{MANIFEST} can't be read: {error}"
        raise Refused(what, where=str(folder), fix=f"remove {folder} to begin again") from None
    raise Refused(f"{MANIFEST} is of another version", where=str(folder), fix=f"remove {folder} to begin again")


def forget(out: Path) -> None:
    """Remove the checkpoint of a sweep whose results stand in the folder; its manifest first, lest a kill come."""
    with contextlib.suppress(OSError):
        (out / FOLDER / MANIFEST).unlink()
    shutil.rmtree(out / FOLDER, ignore_errors=True)


def _write(path: Path, part: Part, run: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    arrays = arrow_columns(part.columns)
    returns = dict(zip(part.returns.numbers.tolist(), part.returns.rows, strict=True))
    arrays["returns"] = arrow_binary([returns.get(n) for n in part.columns["set"].tolist()])
    table = pa.Table.from_arrays(list(arrays.values()), names=list(arrays))
    more = json.dumps({"rejections": dict(part.rejections)})
    parquet.write_table(table.replace_schema_metadata({RUN_KEY: run.encode(), MORE_KEY: more.encode()}), path)


def _read(path: Path) -> Part:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        table = file.read()
    more = json.loads((table.schema.metadata or {})[MORE_KEY])
    columns = {name: read_column(table[name]) for name in table.column_names if name != "returns"}
    raw = table["returns"].to_pylist()
    kept = [k for k, row in enumerate(raw) if row is not None]
    rows = np.frombuffer(b"".join(raw[k] for k in kept), np.float64)
    returns = Returns(columns["set"][kept], rows.reshape(len(kept), rows.size // max(len(kept), 1)))
    return Part(columns, returns, more["rejections"])


def _run_of(path: Path) -> str:
    import pyarrow as pa

    try:
        return run_of(path)
    except (OSError, pa.ArrowException):
        return ""
