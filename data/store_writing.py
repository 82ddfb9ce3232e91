"""Writing to the store: append, compact, remove. Every file appears whole or not at all."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huracan.data import emptiness, store
from huracan.data.intervals import without
from huracan.data.store import Part, series_folder
from huracan.data.store_kinds import ONE_A_TIME, TRADES, Series, as_table, check_rows, content_hash, times
from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 65_536  # rows that are decoded at once
LARGE = 1_000_000  # rows from which a part is left as it is
PATIENCE = 10.0  # seconds that removing waits for readers
MANY = 32  # small parts from which they are put together


class NotStored(OSError):
    """The disk is full or refuses: what was there before is there still, the part in flight is not."""


def append(root: Path, series: Series, columns: pa.Table | Mapping[str, Any]) -> int:
    """Add rows in the order of time to a series, made when missing; gives how many were new or changed.

    Of bars, marks and payments the row given now stands for its time. Trades with an id are held once; of other rows
    those that are held already, as often as they are given, are left out. Rows that no run could use are refused.

    >>> import tempfile
    >>> series = Series("v", "A/B", "funding")
    >>> rows = {"ts": np.array([1, 2]), "rate": np.array([0.0, 1e-4]), "mark": np.array([np.nan, 9.5])}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     append(Path(name), series, rows), append(Path(name), series, rows)
    (2, 0)
    """
    table = as_table(series.kind, columns)
    check_rows(series, table)
    if not table.num_rows:
        return 0
    with writing(root, series) as folder:
        held = store.live(store.all_parts(folder))
        new = _not_held(root, series, table)
        for lo, hi in _pieces(times(new), held):
            _write_piece(folder, series, new.slice(lo, hi - lo))
        if sum(part.rows < LARGE for part in held) >= MANY:
            _compact(folder, series)
        _tidy(folder)
    return int(new.num_rows)


def compact(root: Path, series: Series) -> None:
    """Put small neighbouring parts together."""
    with writing(root, series) as folder:
        _compact(folder, series)
        _tidy(folder)


def remove(root: Path, series: Series) -> int:
    """Delete a series; gives the rows that it held. Waits for those who read it."""
    if not store.all_parts(series_folder(root, series)):
        fix = "`huracan data list` shows what there is"
        raise Refused("nothing to remove", where=str(series), fix=fix)
    for part in store.all_parts(series_folder(root, series)):
        if part.path.is_dir():
            raise Refused(
                "a folder stands where a part should", where=str(part.path), fix="move it away, and try again"
            )
    with writing(root, series) as folder, deleting(folder, PATIENCE) as free:
        if not free:
            raise Refused("somebody is reading it", where=str(series), fix="wait for the run to end, and try again")
        found = store.all_parts(folder)
        held = store.live(found)
        dead = [part for part in found if part not in held]
        for part in (*dead, *held):  # the dead first: a killed process must not bring them back
            part.path.unlink(missing_ok=True)
        _drop_leftovers(folder)
        for name in (emptiness.FILE, ".lock"):
            (folder / name).unlink(missing_ok=True)
    for each in (folder, folder.parent, folder.parent.parent):
        with contextlib.suppress(OSError):  # not empty: somebody else's
            each.rmdir()
    return sum(part.rows for part in held)


def _not_held(root: Path, series: Series, table: pa.Table) -> pa.Table:
    """The rows of a table that are not held, or otherwise; it must have the columns that are held."""
    found = store.parts(root, series)
    names = store.columns_of(found, series)
    if found and set(names) != set(table.column_names):
        what = f"columns_differ: held are {', '.join(names)}, given {', '.join(table.column_names)}"
        fix = "remove the series first, or keep the other data under another venue's name"
        raise Refused(what, where=str(series), fix=fix)
    if series.kind == TRADES:
        table = _once_by_id(table)
    ts = times(table)
    held = store.read(root, series, None, int(ts[0]), int(ts[-1]) + 1)
    return table.filter(_unlike(series, held, table)) if held.num_rows else table


def _unlike(series: Series, held: pa.Table, table: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows of a table have no equal among the held; of several equal ones the first have theirs first."""
    left, right = (_keys(series, each) for each in (table, held))
    names = list(left.columns)
    for frame in (left, right):
        frame["nth"] = frame.groupby(names, dropna=False, sort=False).cumcount()
    merged = left.merge(right, on=[*names, "nth"], how="left", indicator=True)
    return np.asarray(merged["_merge"] == "left_only")


def _keys(series: Series, table: pa.Table) -> Any:
    """What tells rows apart: of trades with an id that and the time, else every column."""
    import pandas as pd

    frame = table.to_pandas()
    if series.kind == TRADES:
        known = frame["id"] != ""
        frame.loc[known, ["price", "qty"]] = 0.0
        frame.loc[known, "side"] = 0
        if "local_ts" in frame:
            frame.loc[known, "local_ts"] = pd.Timestamp(0, tz="UTC")
    return frame


def _once_by_id(table: pa.Table) -> pa.Table:
    """Trades without those whose id stands above already."""
    frame = table.select(["ts", "id"]).to_pandas()
    again = frame.duplicated() & (frame["id"] != "")
    return table.filter(~again.to_numpy()) if again.any() else table


def _pieces(ts: npt.NDArray[np.int64], held: Sequence[Part]) -> list[tuple[int, int]]:
    """Rows cut so that each piece falls into one part or between two of them."""
    if not len(ts):
        return []
    cuts = {0, len(ts)}
    for part in held:
        cuts |= {int(np.searchsorted(ts, part.first_ns, "left")), int(np.searchsorted(ts, part.last_ns, "right"))}
    edges = sorted(cuts)
    for lo, hi in itertools.pairwise(sorted(cuts)):
        edges += range(lo + LARGE, hi, LARGE)
    edges.sort()
    return list(itertools.pairwise(edges))


def _write_piece(folder: Path, series: Series, rows: pa.Table) -> None:
    """Write rows as a part, with those of the part that they fall into."""
    ts = times(rows)
    here = Part(int(ts[0]), int(ts[-1]), 0, len(ts), "", folder)
    for part in store.live(store.all_parts(folder)):
        if store.overlaps(part, here):
            rows = _merge(series, _whole(part, series), rows)
    write_part(folder, series, rows)


def _whole(part: Part, series: Series) -> pa.Table:
    import pyarrow as pa

    names = store.columns_of([part], series)
    with store.open_part(part) as file:
        return pa.concat_tables([store.read_group(part, file, g, names) for g in range(file.metadata.num_row_groups)])


def _merge(series: Series, held: pa.Table, new: pa.Table) -> pa.Table:
    """Both in the order of time; of kinds with one row an instant the new one stands."""
    import pyarrow as pa

    both = pa.concat_tables([held, new])
    ts = times(both)
    order = np.argsort(ts, kind="stable")
    if series.kind in ONE_A_TIME:
        last = np.append(ts[order][1:] != ts[order][:-1], True)
        order = order[last]
    return both.take(order)


def write_part(folder: Path, series: Series, table: pa.Table) -> None:
    """One new part, under the next number, flushed to the disk before it gets its name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ts = times(table)
    number = max((part.number for part in store.all_parts(folder)), default=0) + 1
    name = f"{number:06d}_{ts[0]}_{ts[-1]}_{len(ts)}_{content_hash(table)[:16]}.parquet"
    hidden = folder / f".{uuid.uuid4().hex}.tmp"
    encodings = {f.name: "BYTE_STREAM_SPLIT" for f in table.schema if pa.types.is_floating(f.type)}
    encodings |= {f.name: "DELTA_BINARY_PACKED" for f in table.schema if pa.types.is_timestamp(f.type)}
    try:
        with open(hidden, "xb") as file:
            pq.write_table(
                table,
                file,
                row_group_size=ROW_GROUP,
                compression="lz4",
                use_dictionary=False,
                column_encoding=encodings,
                write_page_checksum=True,
            )
            file.flush()
            os.fsync(file.fileno())
        os.rename(hidden, folder / name)
        _flush_folder(folder)
    except OSError as error:
        raise not_stored(folder, error) from error
    finally:
        with contextlib.suppress(OSError):
            hidden.unlink(missing_ok=True)


def _compact(folder: Path, series: Series) -> None:
    """Neighbours that together stay below LARGE become one part.

    Where rows are on no grid, a part's times say what was looked at: then nothing unknown may lie between neighbours.
    """
    import pyarrow as pa

    known = emptiness.empty_ranges(folder)
    run: list[Part] = []
    for part in [*store.live(store.all_parts(folder)), None]:
        if part is not None and sum(p.rows for p in run) + part.rows <= LARGE:
            between = (run[-1].last_ns + 1, part.first_ns) if run else (0, 0)
            if series.timeframe or not without(between, known):
                run.append(part)
                continue
        if len(run) > 1:
            write_part(folder, series, pa.concat_tables([_whole(p, series) for p in run]))
        run = [part] if part is not None else []


def _tidy(folder: Path) -> None:
    """Delete dead parts, unless somebody is reading: the next writer will."""
    _drop_leftovers(folder)
    found = store.all_parts(folder)
    dead = set(found) - set(store.live(found))
    if dead:
        with deleting(folder) as free:
            for part in sorted(dead, key=lambda p: p.number) if free else ():
                part.path.unlink(missing_ok=True)


@contextlib.contextmanager
def deleting(folder: Path, seconds: float = 0.0) -> Iterator[bool]:
    """Whether nobody reads the folder and, while it is held, nobody begins to; waits so long for those who do."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    free, until = False, time.monotonic() + seconds
    try:
        while not free:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                free = True
            except BlockingIOError:
                if time.monotonic() >= until:
                    break
                time.sleep(0.05)
            except OSError:  # a disk without locks
                free = True
        yield free
    finally:
        os.close(handle)


def _drop_leftovers(folder: Path) -> None:
    """What killed writers left half-written; nobody else is writing under the lock."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(root: Path, series: Series) -> Iterator[Path]:
    """The series' folder, made when missing, under its lock; the system frees the lock of a process that dies."""
    import fcntl

    folder = series_folder(root, series)
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except (FileExistsError, NotADirectoryError):
            store.refuse_file(folder)
            raise
        except OSError as error:
            raise not_stored(folder, error) from error
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):
            if os.fstat(handle).st_ino == os.stat(folder / ".lock").st_ino:
                break
        os.close(handle)  # the series was removed while we waited
    try:
        yield folder
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def not_stored(folder: Path, error: OSError) -> NotStored:
    """What is said when the disk refuses a part."""
    why = error.strerror or str(error)
    return NotStored(
        f"nothing more could be stored in {folder}: {why}. What was stored before is whole. "
        "Free some space (or give another folder with --store) and run it again"
    )
