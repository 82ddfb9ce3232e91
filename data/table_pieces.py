"""Tables that are too long for the memory: the columns of a csv, parquet or feather file, some rows at a time.

Pieces are for files that are as they should be. Whatever is wrong with one is `NotInPieces`: then the file is read
whole (tables.py), which names its fault and the place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from huracan.data.tables import Table, csv_options, csv_table, format_of, from_arrow, refuse_wide_text
from huracan.sim.refusal import Refused

BLOCK_BYTES = 1 << 20  # of a csv file
ROWS = 65_536  # of a parquet file


class NotInPieces(Exception):
    """The file can't be read piece by piece, or not to the same end."""


def table_pieces(path: str | os.PathLike[str], format: str | None = None) -> Iterator[Table]:
    """The rows of a file in tables of the same columns, none of them empty; json has no pieces."""
    import csv

    import pyarrow as pa

    name = os.fspath(path)
    try:
        kind = format_of(name, format)
        if kind == "json":
            raise NotInPieces
        for table in {"csv": _of_csv, "parquet": _of_parquet, "feather": _of_feather}[kind](name):
            if table.rows:
                yield table
    except (OSError, ValueError, EOFError, StopIteration, csv.Error, pa.ArrowException, Refused) as error:
        raise NotInPieces from error


def first_piece(path: str | os.PathLike[str], format: str | None = None) -> Table | None:
    """The first rows of a file, None where they can't be read alone."""
    try:
        return next(table_pieces(path, format), None)
    except NotInPieces:
        return None


def _of_csv(name: str) -> Iterator[Table]:
    import pyarrow as pa
    from pyarrow import csv

    refuse_wide_text(name)
    header, by_position, options, parse, convert = csv_options(name)
    options.block_size = BLOCK_BYTES
    with csv.open_csv(name, read_options=options, parse_options=parse, convert_options=convert) as reader:
        for batch in reader:
            yield csv_table(name, header, by_position, pa.Table.from_batches([batch]))


def _of_parquet(name: str) -> Iterator[Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(name, pre_buffer=False) as file:
        for batch in file.iter_batches(ROWS, use_threads=False):
            yield from_arrow(name, pa.Table.from_batches([batch]))


def _of_feather(name: str) -> Iterator[Table]:
    """Record batches of the file; the first version of the format has none."""
    import pyarrow as pa

    with pa.OSFile(name) as source, pa.ipc.open_file(source) as file:
        for k in range(file.num_record_batches):
            table: Any = pa.Table.from_batches([file.get_batch(k)])
            table.validate(full=True)  # as of a whole file
            yield from_arrow(name, table)
