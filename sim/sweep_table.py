"""sweep.parquet: one row a set. Written and read column by column or in groups of rows, as a million sets must be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.figures import plain
from huracan.sim.result_tables import RUN_KEY, arrow_array, numpy_array

Column = npt.NDArray[Any]
GROUP = 1 << 14  # rows that are read at once where single sets are looked at
AT_HAND = 4  # columns kept in memory


class StoredColumns(Mapping[str, Column]):
    """The columns of a file whose names begin with a prefix, read when they are asked for; few are kept."""

    def __init__(self, path: Path, names: tuple[str, ...], prefix: str = "") -> None:
        self.path, self._names, self._prefix = path, names, prefix
        self._at_hand: dict[str, Column] = {}
        self._group: tuple[int, dict[str, Column]] = (-1, {})

    def __getitem__(self, name: str) -> Column:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._at_hand:
            from pyarrow import parquet

            while len(self._at_hand) >= AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
            with parquet.ParquetFile(self.path) as file:
                self._at_hand[name] = read_column(file.read([self._prefix + name]).column(0))
        return self._at_hand[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def row(self, place: int) -> dict[str, Any]:
        """One row; its neighbours in the file are kept at hand."""
        group, within = divmod(place, GROUP)
        if self._group[0] != group:
            from pyarrow import parquet

            with parquet.ParquetFile(self.path) as file:
                table = file.read_row_group(group, [self._prefix + name for name in self._names])
            self._group = (group, {name: read_column(table[self._prefix + name]) for name in self._names})
        return {name: column[within] for name, column in self._group[1].items()}


def stored_columns(path: Path) -> tuple[StoredColumns, StoredColumns]:
    """(swept values, figures) of a table."""
    from pyarrow import parquet

    names = parquet.read_schema(path).names
    params = tuple(name[2:] for name in names if name.startswith("p."))
    return StoredColumns(path, params, "p."), StoredColumns(path, tuple(n for n in names if not n.startswith("p.")))


def run_of(path: Path) -> str:
    """Which run a table is of; empty where it does not say."""
    from pyarrow import parquet

    return bytes((parquet.read_metadata(path).metadata or {}).get(RUN_KEY, b"")).decode()


def row_of(columns: Mapping[str, Column], place: int) -> dict[str, Any]:
    """One row of columns, stored or not.

    >>> row_of({"a": np.array([1, 2])}, 1)
    {'a': np.int64(2)}
    """
    if isinstance(columns, StoredColumns):
        return columns.row(place)
    return {name: column[place] for name, column in columns.items()}


class TableWriter:
    """A table written in pieces, in groups of GROUP rows, to a path of its own."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self._writer: Any = None
        self._waiting: Any = None

    def write(self, columns: Mapping[str, Column]) -> None:
        """Some more rows; all pieces have the same columns."""
        import pyarrow as pa
        from pyarrow import parquet

        arrays = arrow_columns(columns)
        table = pa.Table.from_arrays(list(arrays.values()), names=list(arrays))
        self.rows += table.num_rows
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self.path, table.schema)
        if self._waiting is not None:
            table = pa.concat_tables([self._waiting, table])
        whole = table.num_rows // GROUP * GROUP
        for lo in range(0, whole, GROUP):
            self._writer.write_table(table.slice(lo, GROUP), row_group_size=GROUP)
        self._waiting = table.slice(whole)

    def close(self, run: str) -> None:
        """The last rows, and which run they are of."""
        if self._writer is None:
            raise ValueError("a table without rows")
        if self._waiting.num_rows:
            self._writer.write_table(self._waiting, row_group_size=GROUP)
        self._writer.add_key_value_metadata({RUN_KEY.decode(): run})
        self._writer.close()


def arrow_columns(columns: Mapping[str, Column]) -> dict[str, Any]:
    """Arrow arrays by name: swept values (`p.`) as numbers, truth values or words, figures with null for NaN."""
    return {name: arrow_values(c) if name.startswith("p.") else arrow_figure(c) for name, c in columns.items()}


def arrow_values(column: Column) -> Any:
    """Swept values: numbers, truth values or words; a column of several kinds becomes text."""
    if column.dtype.kind in "biuf":
        return arrow_array(column)
    words = [each if isinstance(each, str) else json.dumps(plain(each)) for each in column.tolist()]
    places = {word: place for place, word in enumerate(dict.fromkeys(words))}
    return arrow_array(np.array([places[word] for word in words], np.int64), words=tuple(places) or ("",))


def arrow_figure(column: Column) -> Any:
    """A column of figures, null where it is NaN."""
    array = arrow_array(column)
    if column.dtype.kind != "f" or not np.isnan(column).any():
        return array
    import pyarrow as pa

    there = np.packbits(~np.isnan(column), bitorder="little")
    return pa.Array.from_buffers(pa.float64(), column.size, [pa.py_buffer(there), array.buffers()[1]])


def arrow_binary(rows: Sequence[Column | None]) -> Any:
    """Each row's numbers as bytes, null where there are none; by buffers, as `pa.array` would import pandas.

    >>> arrow_binary([np.ones(1), None]).to_pylist()
    [b'\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?', None]
    """
    import pyarrow as pa

    raw = [b"" if row is None else row.tobytes() for row in rows]
    ends = np.cumsum([0, *map(len, raw)])
    there = np.packbits([row is not None for row in rows], bitorder="little")
    kind, wide = (pa.large_binary(), np.int64) if ends[-1] >= 2**31 else (pa.binary(), np.int32)
    buffers = [pa.py_buffer(there), pa.py_buffer(ends.astype(wide)), pa.py_buffer(b"".join(raw))]
    return pa.Array.from_buffers(kind, len(rows), buffers)


def read_column(column: Any) -> Column:
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
