"""A column of times as int64 nanoseconds UTC: integers by magnitude, text by what it looks like, zones converted."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.tables import Table, find_column, first_missing, is_text, numpy_of, place_of, plain_name
from huracan.sim.refusal import Refused

Ints = npt.NDArray[np.int64]

# the first that a file has counts; a bar's time is its open, so close times are not among them
TIME_NAMES = (
    "opentime", "timestamp", "datetime", "date", "time", "ts", "timestampms", "unix", "t",
    "fundingtime", "fundingtimestamp", "calctime", "timens", "tsns", "openns",
)  # fmt: skip
# ns, us, ms, s; all mean 1973 and later, and up to 2261 what nanoseconds can hold
_EPOCHS = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000), (1e8, 1_000_000_000))
_FIX = "write times as ISO text (2025-01-31 23:59:00), or as s, ms, us or ns since 1970"
_ZONED = r"^(?P<body>.*\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(?P<zone>Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$"
NAIVE, SLASHED = "no zone", "day and month"  # forms of text
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M:%S %p")


def format_ns(ns: int) -> str:
    """An instant as people read it.

    >>> format_ns(1_704_067_200_000_000_000)
    '2024-01-01 00:00:00'
    """
    text = str(np.datetime64(int(ns), "ns")).replace("T", " ")
    return text.rstrip("0").rstrip(".") if not text.endswith(".000000000") else text[:-10]


def find_time(table: Table) -> int:
    """The place of the time column: by name, else an unnamed first column (which must then parse)."""
    place = find_column(table, TIME_NAMES)
    if place is None and table.names and plain_name(table.names[0]) == "":
        place = 0
    if place is None:
        found = ", ".join(table.names)
        fix = f"name the column of open times 'timestamp'; columns found: {found}"
        raise Refused("missing_column: no column of times", where=table.path, fix=fix)
    return place


def name_of_time(table: Table) -> str:
    """What the file calls its time column, for messages."""
    return table.names[find_time(table)] or "(unnamed)"


def time_column(table: Table, repairs: dict[str, int]) -> Ints:
    """The file's times; counts `naive_times_as_utc` in repairs where they carried no zone."""
    return times_and_form(table, repairs)[0]


def times_and_form(table: Table, repairs: dict[str, int]) -> tuple[Ints, str]:
    """The same, and the form in which they are written: two parts of a file are read as one where it is the same."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = find_time(table)
    column = table.columns[place]
    where = f"{table.path}, column {table.names[place] or '(unnamed)'}"
    if column.null_count:
        row = first_missing(column)
        raise Refused("nan: a row without a time", where=place_of(table, row, table.names[place]), fix=_FIX)
    kind = column.type
    naive = False
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        times, form = _from_arrow(column, where), str(kind)
        naive = getattr(kind, "tz", None) is None
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        wide = pa.float64() if pa.types.is_floating(kind) else pa.int64()
        times, form = _from_numbers(numpy_of(pc.cast(column, wide), wide.to_pandas_dtype()), table, place)
    elif is_text(column):
        times, form = _from_text(column, table, place)
        naive = form in (NAIVE, SLASHED)
    else:
        raise Refused(f"bad_time: a column of {kind} holds no times", where=where, fix=_FIX)
    if naive:
        repairs["naive_times_as_utc"] = table.rows
    return times, form


def _from_arrow(column: Any, where: str) -> Ints:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        exact = pc.cast(column, pa.timestamp("ns", getattr(column.type, "tz", None)))
    except pa.ArrowException as error:
        raise Refused(f"bad_time: {error}", where=where, fix="times must lie between 1677 and 2262") from error
    times: Ints = numpy_of(pc.cast(exact, pa.int64()), np.int64)
    return times


def _from_numbers(values: npt.NDArray[Any], table: Table, place: int) -> tuple[Ints, str]:
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise Refused(f"nan: {values[row]} is no time", where=place_of(table, row, table.names[place]), fix=_FIX)
    unit = _unit_of(float(values[0]))
    if unit == 0 or unit != _unit_of(float(values.min())) or unit != _unit_of(float(values.max())):
        row = next(i for i, v in enumerate(values.tolist()) if unit == 0 or _unit_of(v) != unit)
        what = f"bad_time: {values[row]} is no time since 1970" + (" in the unit of the rows before it" if row else "")
        raise Refused(what, where=place_of(table, row, table.names[place]), fix=_FIX)
    if values.dtype.kind != "f":
        exact: Ints = values.astype(np.int64)
        return exact * np.int64(unit), f"whole numbers of {unit} ns"
    whole: Ints = np.floor(values).astype(np.int64)
    # a double holds a second's fraction to a microsecond at best
    part: Ints = np.rint((values - whole) * unit / 1_000).astype(np.int64)
    return whole * np.int64(unit) + part * 1_000, f"numbers of {unit} ns"


def _unit_of(value: float) -> int:
    return next((unit for floor, unit in _EPOCHS if value >= floor and value < 9.2e18 / unit), 0)


def _from_text(column: Any, table: Table, place: int) -> tuple[Ints, str]:
    """Text as times, and its form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    where = f"{table.path}, column {table.names[place] or '(unnamed)'}"
    column = pc.utf8_trim_whitespace(column)
    first = column[0].as_py()
    if re.fullmatch(r"\d+(\.\d*)?", first):
        for kind in (pa.int64(), pa.float64()):
            try:
                return _from_numbers(numpy_of(pc.cast(column, kind), kind.to_pandas_dtype()), table, place)
            except pa.ArrowException:
                continue
        row = next(i for i, text in enumerate(column.to_pylist()) if not _reads_as(text, pa.float64()))
        what = f"bad_time: {column[row].as_py()!r} is no number, as the times before it are"
        raise Refused(what, where=place_of(table, row, table.names[place]), fix=_FIX)
    if "/" in first:
        return _from_arrow(_slashed_dates(column, where), where), SLASHED
    try:  # the common case, whole columns at once: no zone at all
        return _from_arrow(pc.cast(column, pa.timestamp("ns")), where), NAIVE
    except pa.ArrowException:
        return _from_zoned(column, table, place)


def _from_zoned(column: Any, table: Table, place: int) -> tuple[Ints, str]:
    """Text with zones, one and the same in all rows; two zones are refused, for one of them may be a mistake."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = pc.extract_regex(column, _ZONED)
    zones = pc.struct_field(parts, "zone")
    bodies = pc.coalesce(pc.struct_field(parts, "body"), column)
    try:
        times = _from_arrow(pc.cast(bodies, pa.timestamp("ns")), table.path)
    except pa.ArrowException:
        row = next(i for i, text in enumerate(bodies.to_pylist()) if not _reads_as(text, pa.timestamp("ns")))
        where, far = place_of(table, row, table.names[place]), _reads_as(bodies[row].as_py(), pa.timestamp("s"))
        why = "lies outside the years 1677 to 2262, which is all that nanoseconds can hold" if far else "is no time"
        raise Refused(f"bad_time: {column[row].as_py()!r} {why}", where=where, fix=_FIX) from None
    offsets = {zone: None if zone is None else _offset_minutes(zone) for zone in pc.unique(zones).to_pylist()}
    if len(set(offsets.values())) > 1:
        first, *rest = [offsets[zone] for zone in zones.to_pylist()]
        row = next(i for i, here in enumerate(rest, 1) if here != first)
        what = f"mixed_zones: {column[row].as_py()!r} is in another zone than the rows before it"
        fix = "write all times in one zone, best in UTC"
        raise Refused(what, where=place_of(table, row, table.names[place]), fix=fix)
    minutes = next(iter(offsets.values()))
    return times - np.int64((minutes or 0) * 60_000_000_000), NAIVE if minutes is None else f"{minutes} minutes ahead"


def _offset_minutes(zone: str) -> int:
    if zone in ("Z", "z", "UTC", "GMT"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if zone[0] == "-" else minutes


def _reads_as(text: str, kind: Any) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.cast(pa.scalar(text), kind)
    except pa.ArrowException:
        return False
    return True


def _slashed_dates(column: Any, where: str) -> Any:
    """1/31/2025 or 31/1/2025: whichever reads the whole column; where both do and differ, nobody can know."""
    import pyarrow.compute as pc

    read: list[Any] = []
    for date in ("%m/%d/%Y", "%d/%m/%Y"):
        for clock in _CLOCKS:
            parsed = pc.strptime(column, format=date + clock, unit="s", error_is_null=True)
            if parsed.null_count == 0:
                read.append(parsed)
                break
    if not read:
        raise Refused(f"bad_time: {column[0].as_py()!r} and its like are no times", where=where, fix=_FIX)
    if len(read) == 2 and not read[0].equals(read[1]):
        raise Refused("ambiguous_dates: day and month can't be told apart", where=where, fix=_FIX)
    return read[0]
