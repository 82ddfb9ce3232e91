"""A file of any known format as named columns; whatever keeps it from being one is refused with its name.

Columns stay arrow arrays (text in csv), so that the column a run needs decides how it is read, and a column that
it doesn't need can hold anything. Rows are counted from 1, without the header.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.ticks import widen_float32
from huracan.sim.refusal import Refused

Floats = npt.NDArray[np.float64]

_FORMATS = {
    "csv": (".csv", ".tsv", ".txt"),
    "parquet": (".parquet", ".pq"),
    "feather": (".feather", ".arrow"),
    "json": (".json",),
}
_POSITIONS = ("time", "open", "high", "low", "close", "volume")  # rows without names: ms, o, h, l, c, v
_EMPTY_WORDS = ["", "nan", "NaN", "NAN", "-nan", "-NaN", "NA", "N/A", "#N/A", "null", "NULL", "None", "none"]


@dataclass(frozen=True)
class Table:
    """Columns by name as the file spells them; `by_position` says that the file had no names."""

    path: str
    names: tuple[str, ...]
    columns: tuple[Any, ...]
    rows: int
    by_position: bool = False


def read_table(path: str | os.PathLike[str], format: str | None = None) -> Table:
    """The columns of a csv, parquet, feather or json file, the format taken from its ending unless given."""
    name = os.fspath(path)
    kind = format_of(name, format)
    if not os.path.exists(name):
        raise Refused("there is no such file", where=name, fix="check the path; relative paths start at the spec")
    if os.path.isdir(name):
        raise Refused("this is a folder, not a file", where=name, fix="name one file in it")
    if os.path.getsize(name) == 0:
        raise Refused("empty: the file has no bytes", where=name, fix="fetch or write the file again")
    if kind == "csv":
        refuse_wide_text(name)
    import csv

    import pyarrow as pa

    readers = {"csv": _read_csv, "parquet": _read_parquet, "feather": _read_feather, "json": _read_json}
    try:
        table = readers[kind](name)
    except (OSError, ValueError, EOFError, RecursionError, csv.Error, pa.ArrowException) as error:
        message = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        fix = "the file may be cut short or damaged: fetch it again, or name its true format"
        raise Refused(f"unreadable: this is not a whole {kind} file ({message})", where=name, fix=fix) from error
    if table.rows == 0:
        raise Refused("empty: the file has no rows", where=name, fix="fetch or write the file again")
    return table


def refuse_wide_text(name: str) -> None:
    """Text of two or four bytes a letter is named: read as bytes it would look like anything."""
    with open(name, "rb") as file:
        first = file.read(4)
    if first[:2] in (b"\xff\xfe", b"\xfe\xff"):
        fix = "save it as UTF-8, or plain csv"
        raise Refused("encoding: the file is UTF-16 text", where=f"{name}, row 1", fix=fix)


def plain_name(name: str) -> str:
    """A column's name without case, spaces and punctuation.

    >>> plain_name(" Open_Time"), plain_name("Unnamed: 0")
    ('opentime', '')
    """
    short = re.sub(r"[^0-9a-z%<>]", "", name.lower())
    return "" if re.fullmatch(r"unnamed\d*|indexlevel\d+|index", short) else short


def find_column(table: Table, wanted: Sequence[str]) -> int | None:
    """The place of the first of the wanted plain names; a name that two columns share is refused."""
    plain = [plain_name(n) for n in table.names]
    for want in wanted:
        places = [i for i, name in enumerate(plain) if name == want]
        if len(places) > 1:
            spelled = " and ".join(repr(table.names[i]) for i in places)
            raise Refused(f"ambiguous_column: {spelled} mean the same", where=table.path, fix="drop or rename one")
        if places:
            return places[0]
    return None


def float_column(table: Table, place: int, repairs: dict[str, int]) -> Floats:
    """A column as doubles, NaN where it is empty; what is no number is refused with its row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table.columns[place]
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = pc.cast(column, kind.value_type)
        kind = column.type
    if pa.types.is_decimal(kind):  # arrow's own decimal to double is not correctly rounded; text to double is
        column = pc.cast(column, pa.string())
    elif pa.types.is_float32(kind):
        repairs["float32_prices_widened"] = table.rows
        return widen_float32(numpy_of(column, np.float32))
    elif not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind) or is_text(column)):
        raise Refused(
            f"not_a_number: the column holds {kind}",
            where=f"{table.path}, column {table.names[place]}",
            fix="write it as plain numbers",
        )
    try:
        column = pc.cast(column, pa.float64())
    except pa.ArrowException:
        column = _parse_floats(table, place)
    return numpy_of(column, np.float64)


def is_text(column: Any) -> bool:
    """Whether a column holds strings."""
    import pyarrow as pa

    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def place_of(table: Table, row: int, column: str) -> str:
    """Where a problem stands, for a message; `row` counts from 0 here and from 1 for people."""
    return f"{table.path}, row {row + 1}, column {column}"


def numpy_of(column: Any, kind: type[np.generic]) -> npt.NDArray[Any]:
    """A fresh array of one fixed-width arrow column, NaN where a float is missing.

    Read off the buffers: arrow's own `to_numpy` and `pa.array` import pandas, which costs half a second, and give
    read-only arrays, which are another type to numba.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = np.frombuffer(array.buffers()[1], dtype=kind)[array.offset : array.offset + len(array)].copy()
    if array.null_count:
        missing = np.from_dlpack(pc.cast(pc.is_null(array), pa.uint8()))
        values[missing == 1] = np.nan
    return values


def first_missing(column: Any) -> int:
    """The first row without a value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return int(np.argmax(numpy_of(pc.cast(pc.is_null(column), pa.uint8()), np.uint8)))


def arrow_of(values: npt.NDArray[Any]) -> Any:
    """An arrow array over the memory of int64 or float64 numbers."""
    import pyarrow as pa

    kind = pa.float64() if values.dtype.kind == "f" else pa.int64()
    return pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(np.ascontiguousarray(values))])


def _parse_floats(table: Table, place: int) -> Any:
    """Text that arrow's strict cast turned down: once more with blanks trimmed, naming the first row that fails."""
    values: list[float] = []
    for row, text in enumerate(table.columns[place].to_pylist()):
        try:
            values.append(float("nan") if text is None or text.strip() in _EMPTY_WORDS else float(text))
        except ValueError:
            where = place_of(table, row, table.names[place])
            fix = "write plain numbers with a point for the decimals"
            raise Refused(f"not_a_number: {text!r}", where=where, fix=fix) from None
    return arrow_of(np.array(values))


def format_of(name: str, format: str | None) -> str:
    if format is not None:
        if format in _FORMATS:
            return format
        fix = f"formats that hold bars are {', '.join(_FORMATS)}"
        raise Refused(f"format {format!r} is not one for bars or funding", where=name, fix=fix)
    lower = name.lower().removesuffix(".gz")
    for kind, endings in _FORMATS.items():
        if lower.endswith(endings) and (lower == name.lower() or kind == "csv"):
            return kind
    fix = f"set format to one of {', '.join(_FORMATS)}"
    raise Refused("unknown_format: the ending of the file name does not tell its format", where=name, fix=fix)


def from_arrow(name: str, table: Any) -> Table:
    """The columns of an arrow table."""
    return Table(name, tuple(table.column_names), tuple(table.columns), int(table.num_rows))


def _read_parquet(name: str) -> Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(name) as file:
        return from_arrow(name, file.read())


def _read_feather(name: str) -> Table:
    import pyarrow.feather as feather

    table = feather.read_table(name, memory_map=False)
    table.validate(full=True)  # a damaged file can carry offsets that point outside its buffers
    return from_arrow(name, table)


def _read_csv(name: str) -> Table:
    """All columns as text: arrow's guesses are made on the first block, and fail on what comes later."""
    import pyarrow as pa
    from pyarrow import csv

    header, by_position, options, parse, convert = csv_options(name)
    try:
        table = csv.read_csv(name, read_options=options, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        if "columns, got" not in str(error):
            raise
        options.use_threads = False  # rows are only counted by one thread
        try:
            table = csv.read_csv(name, read_options=options, parse_options=parse, convert_options=convert)
        except pa.ArrowInvalid as again:
            raise _ragged(name, str(again), 0 if by_position else 1) from None
    return csv_table(name, header, by_position, table)


def csv_options(name: str) -> tuple[list[str], bool, Any, Any, Any]:
    """The first row of a csv file, whether it is no header, and how arrow is to read the file."""
    import csv as words

    import pyarrow as pa
    from pyarrow import csv

    with pa.input_stream(name) as stream:
        first = bytes(stream.read(65_536)).decode("utf-8-sig", "replace").lstrip("\r\n").split("\n", 1)[0].rstrip("\r")
    delimiter = max(",;\t", key=first.count)  # the comma where none occurs
    header = next(words.reader([first], delimiter=delimiter))
    by_position = len(header) >= 5 and all(_is_number(word) for word in header[1:6])
    slots = [f"c{i}" for i in range(len(header))]

    skipped = 0 if by_position else 1
    options = csv.ReadOptions(column_names=slots, skip_rows_after_names=skipped)
    parse = csv.ParseOptions(delimiter=delimiter)
    convert = csv.ConvertOptions(
        column_types={slot: pa.string() for slot in slots},
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        null_values=_EMPTY_WORDS,
    )
    return header, by_position, options, parse, convert


def csv_table(name: str, header: Sequence[str], by_position: bool, table: Any) -> Table:
    """What was read of a csv file under its names."""
    if by_position:
        count = min(len(header), len(_POSITIONS))
        return Table(name, _POSITIONS[:count], tuple(table.columns[:count]), int(table.num_rows), by_position=True)
    return Table(name, tuple(header), tuple(table.columns), int(table.num_rows))


def _ragged(name: str, said: str, skipped: int) -> Refused:
    """A row of another length than the first, as arrow says it: "Row #3: Expected 6 columns, got 4"."""
    found = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", said)
    row, wanted, got = found.groups() if found else (None, "more", "other")
    where = name if row is None else f"{name}, row {int(row) - skipped}, column {first_apart(int(got), int(wanted))}"
    fix = "write every row alike, or fetch the file again"
    return Refused(f"ragged_row: {got} cells where the first row has {wanted}", where=where, fix=fix)


def first_apart(got: int, wanted: int) -> int:
    """The number of the first column in which a row is too short or too long.

    >>> first_apart(4, 6), first_apart(7, 6)
    (5, 7)
    """
    return min(got, wanted) + 1


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _read_json(name: str) -> Table:
    with open(name, encoding="utf-8") as file:
        rows = json.load(file)
    if not isinstance(rows, list):
        raise ValueError("expected a list of rows, each [ms, o, h, l, c, v] or an object")
    if not rows:
        return Table(name, (), (), 0)
    by_name = isinstance(rows[0], dict)
    width = len(rows[0]) if isinstance(rows[0], (dict, list)) else 0
    if not by_name and width < 5:
        raise ValueError("expected rows of [ms, o, h, l, c, v]")
    _all_alike(name, rows, width)
    names = tuple(rows[0]) if by_name else _POSITIONS[:width]
    keys: Sequence[Any] = names if by_name else range(len(names))
    columns = tuple(_json_column(name, names[i], [row.get(k) if by_name else row[k] for row in rows])
                    for i, k in enumerate(keys))  # fmt: skip
    return Table(name, names, columns, len(rows), by_position=not by_name)


def _all_alike(name: str, rows: list[Any], width: int) -> None:
    kind = type(rows[0])
    for i, row in enumerate(rows):
        if type(row) is not kind or len(row) != width:
            found = f"{len(row)} fields" if isinstance(row, (list, dict)) else f"{row!r}"
            fix = "write every row alike, or fetch the file again"
            column = first_apart(len(row), width) if isinstance(row, (list, dict)) else 1
            where = f"{name}, row {i + 1}, column {column}"
            raise Refused(f"ragged_row: {found} where the first row has {width}", where=where, fix=fix)


def _json_column(name: str, key: str, values: list[Any]) -> Any:
    """An arrow column of one column's values; exchanges write prices as text, and then all of them are."""
    import pyarrow as pa

    kinds = set(map(type, values))
    numbers = {int, float, type(None)}
    if kinds == {int} and max(map(abs, values)) < 2**63:
        return arrow_of(np.array(values, dtype=np.int64))
    if kinds <= numbers:
        return arrow_of(np.array([np.nan if v is None else float(v) for v in values]))
    if kinds <= {str, type(None)}:
        text = pa.lib.StringBuilder()
        text.append_values(values)
        return text.finish()
    mixed = kinds <= numbers | {str}
    row = next(i for i, v in enumerate(values) if (isinstance(v, str) if mixed else type(v) not in numbers | {str}))
    fix = "write plain numbers in every row"
    raise Refused(f"not_a_number: {values[row]!r}", where=f"{name}, row {row + 1}, column {key}", fix=fix)
