"""The store: market data as Parquet files under one folder, by venue, symbol, kind and timeframe.

    ROOT/binance/BTC_USDT+USDT/bars-1m/000007_FIRST_LAST_ROWS_HASH.parquet      (first and last time in ns)

A series is a list of *parts*. What the names say is all there is: no index that could disagree with the files.

- `append` (store_writing) writes a part whole (another name, flush to the disk, rename) under the series' lock, so two
  processes may append at once. Rows that are held already are dropped; where new rows fall among held ones, the new
  part takes the old part's rows over. Who appends page by page should cut pages between two instants: a page that
  begins at the instant where the last one ended takes that whole part over.
- Of two parts whose times overlap the later number stands and the earlier one is dead: a writer that was killed
  between writing and tidying up has changed nothing. Live parts never overlap, so reading is one after the other.
- A reader holds a shared lock on the folder, and files are deleted under an exclusive one.
- Pages carry checksums and the name carries the hash of the content: a damaged part is named, never read as data.

    append(root, series, table) -> rows that were new     read(root, series, columns, start_ns, end_ns) -> Table
    stream(root, series, ...) -> Tables, in order         list_series(root) -> [Series]
    span(root, series) -> Span | None                     remove(root, series)
"""

from __future__ import annotations

import bisect
import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.data.store_kinds import Series, folder_name, hash_in_pieces, plain_name_of, schema, times
from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    import pyarrow as pa

_PART = re.compile(r"(\d{6,})_(\d+)_(\d+)_(\d+)_([0-9a-f]{16})\.parquet")
_FOREVER = 2**63 - 1


@dataclass(frozen=True, order=True)
class Part:
    """One file of a series, as its name says; `last_ns` is the time of its last row."""

    first_ns: int
    last_ns: int
    number: int
    rows: int
    digest: str  # the first 16 digits of the content's hash
    path: Path


@dataclass(frozen=True)
class Span:
    """What is held of a series; `last_ns` is the time of the last row (of a bar, its open)."""

    first_ns: int
    last_ns: int
    rows: int
    parts: int
    bytes: int


def store_root(given: str | Path | None = None) -> Path:
    """The store's folder: as given, else HURACAN_STORE, else ~/.huracan/data; a file in its place is refused.

    >>> store_root("elsewhere")
    PosixPath('elsewhere')
    """
    root = Path(given or os.environ.get("HURACAN_STORE") or "~/.huracan/data").expanduser()
    refuse_file(root)
    return root


def refuse_file(path: Path) -> None:
    """A file where a folder must be is named, whichever of the folders above it is."""
    for each in (path, *path.parents):
        if each.exists():
            if not each.is_dir():
                fix = "move that file away, or give another folder with --store"
                raise Refused("the store's folder is a file, or lies below one", where=str(each), fix=fix)
            return


def series_folder(root: Path, series: Series) -> Path:
    """Where a series' parts are."""
    kind = f"{series.kind}-{series.timeframe}" if series.timeframe else series.kind
    return root / folder_name(series.venue) / folder_name(series.symbol) / kind


def list_series(root: Path) -> list[Series]:
    """Every series that has a part, in the order of venue, symbol, kind, timeframe."""
    found = []
    for folder in sorted(root.glob("*/*/*")) if root.is_dir() else []:
        kind, _, timeframe = folder.name.partition("-")
        venue, symbol = plain_name_of(folder.parent.parent.name), plain_name_of(folder.parent.name)
        with contextlib.suppress(Refused):  # a folder of somebody else's
            series = Series(venue, symbol, kind, timeframe)
            if series_folder(root, series) == folder and parts(root, series):
                found.append(series)
    return sorted(found)


def parts(root: Path, series: Series) -> list[Part]:
    """The live parts in the order of time."""
    return live(all_parts(series_folder(root, series)))


def all_parts(folder: Path) -> list[Part]:
    """Every part in a series' folder, dead ones included."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        refuse_file(folder)
        raise
    found = []
    for name in names:
        match = _PART.fullmatch(name)
        if match:
            number, first, last, rows = (int(match[i]) for i in range(1, 5))
            found.append(Part(first, last, number, rows, match[5], folder / name))
    return found


def live(found: Sequence[Part]) -> list[Part]:
    """Parts that no later one has taken over, in the order of time."""
    kept: list[Part] = []  # apart from each other, in the order of time
    for part in sorted(found, key=lambda p: -p.number):
        at = bisect.bisect_right(kept, part.last_ns, key=lambda p: p.first_ns)
        if at == 0 or not overlaps(part, kept[at - 1]):
            kept.insert(at, part)
    return kept


def overlaps(part: Part, other: Part) -> bool:
    """Whether the times of two parts overlap, be it in one instant."""
    return part.first_ns <= other.last_ns and other.first_ns <= part.last_ns


def span(root: Path, series: Series) -> Span | None:
    """What is held of a series, None for nothing; reads names only."""
    found = parts(root, series)
    if not found:
        return None
    size = sum(part.path.stat().st_size for part in found)
    return Span(found[0].first_ns, found[-1].last_ns, sum(part.rows for part in found), len(found), size)


def read(
    root: Path,
    series: Series,
    columns: Sequence[str] | None = None,
    start_ns: int | None = None,
    end_ns: int | None = None,
) -> pa.Table:
    """Rows with start_ns <= ts < end_ns as one table; `ts` is always among the columns."""
    import pyarrow as pa

    found = list(stream(root, series, columns, start_ns, end_ns))
    if found:
        return pa.concat_tables(found)
    return schema(series.kind).empty_table().select(_chosen(columns, schema(series.kind).names, series))


def stream(
    root: Path,
    series: Series,
    columns: Sequence[str] | None = None,
    start_ns: int | None = None,
    end_ns: int | None = None,
) -> Iterator[pa.Table]:
    """The same rows, a table at a time in the order of time; each has at most some 65,000 rows."""
    start, end = start_ns if start_ns is not None else -1, end_ns if end_ns is not None else _FOREVER
    with reading(series_folder(root, series)):
        found = [part for part in parts(root, series) if part.last_ns >= start and part.first_ns < end]
        wanted = _chosen(columns, columns_of(found, series), series)
        for part in found:
            yield from _rows_of(part, wanted, start, end)


def _rows_of(part: Part, wanted: Sequence[str], start: int, end: int) -> Iterator[pa.Table]:
    with open_part(part) as file:
        for group in range(file.metadata.num_row_groups):
            low, high = group_span(file, group)
            if high < start or low >= end:
                continue
            table = read_group(part, file, group, wanted)
            if low < start or high >= end:
                ts = times(table)
                lo, hi = np.searchsorted(ts, (start, end))
                table = table.slice(lo, hi - lo)
            if table.num_rows:
                yield table


def columns_of(found: Sequence[Part], series: Series) -> list[str]:
    """The columns of a series with these parts, all of which have the same, in the kind's order."""
    if not found:
        return []
    with open_part(found[0]) as file:
        held: list[str] = list(file.schema_arrow.names)
    return [name for name in schema(series.kind).names if name in held]


def open_part(part: Part) -> Any:
    """The part's Parquet file; one that can't be read, or is not what its name says, is refused by name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(part.path, page_checksum_verification=True, pre_buffer=False)
    except FileNotFoundError:
        raise Refused("the store changed while it was read", where=str(part.path), fix="run it again") from None
    except (OSError, pa.ArrowException) as error:
        if part.path.is_dir():
            fix = "move that folder away; then fetch or import its times again, everything else is whole"
            raise Refused("corrupted_part: a folder stands in its place", where=str(part.path), fix=fix) from error
        raise damaged(part, error) from error
    if file.metadata.num_rows != part.rows:
        raise damaged(part, f"{file.metadata.num_rows} rows, and its name says {part.rows}")
    return file


def read_group(part: Part, file: Any, group: int, columns: Sequence[str]) -> pa.Table:
    """Some columns of one row group."""
    import pyarrow as pa

    try:
        return file.read_row_group(group, columns=list(columns), use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise damaged(part, error) from error


def group_span(file: Any, group: int) -> tuple[int, int]:
    """(first, last) time of a row group, in ns."""
    statistics = file.metadata.row_group(group).column(0).statistics
    return int(statistics.min_raw), int(statistics.max_raw)


def verify(part: Part, series: Series) -> None:
    """Read a whole part, some rows of a column at a time, and hold it against the hash in its name."""
    with open_part(part) as file:

        def pieces(name: str) -> Iterator[Any]:
            return (read_group(part, file, g, [name]).column(0) for g in range(file.metadata.num_row_groups))

        if hash_in_pieces(columns_of([part], series), part.rows, pieces)[:16] != part.digest:
            raise damaged(part, "its content is not what its name says")


def damaged(part: Part, why: object) -> Refused:
    """What is said of a part that can't be read."""
    words = str(why).splitlines()[0] if str(why) else type(why).__name__
    fix = "delete that file; then fetch or import its times again, everything else is whole"
    return Refused(f"corrupted_part: {words}", where=str(part.path), fix=fix)


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[None]:
    """While it is held, nobody deletes files of the folder."""
    import fcntl

    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # not there: nothing to hold
        yield
        return
    try:
        with contextlib.suppress(OSError):  # some network disks have no locks; a vanished part is named then
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _chosen(columns: Sequence[str] | None, held: Sequence[str], series: Series) -> list[str]:
    for name in columns or ():
        if held and name not in held:
            raise Refused(f"missing_column: no column {name!r}", where=str(series), fix=f"use {', '.join(held)}")
    return [name for name in held if columns is None or name in columns or name == "ts"]
