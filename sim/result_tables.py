"""Fills, trades and equity as tables: the machine's records on one side, the contract's columns on the other.

Arrow is used through its buffers only: `pa.array`, `to_numpy` and `read_table` import pandas, which takes half a
second.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim import layout
from huracan.sim.refusal import Refused

Rows = npt.NDArray[Any]
RUN_KEY = b"huracan.run"  # in a file's metadata: which run it belongs to
SYMBOLS = ("symbols of the run",)  # stands for the names that only the run knows


def words_of(codes: type[IntEnum]) -> tuple[str, ...]:
    """The names of an enum in lower case, by code; a code without a name is empty.

    >>> words_of(layout.Contract)
    ('spot', 'linear', 'inverse')
    """
    names = {int(code): code.name.lower() for code in codes}
    return tuple(names.get(code, "") for code in range(max(names) + 1))


REASONS = words_of(layout.FillReason)


@dataclass(frozen=True)
class Column:
    """One column: its name, the record's field, and what its codes are called where it holds codes."""

    name: str
    field: str
    words: tuple[str, ...] = ()
    time: bool = False
    later: bool = False  # came after the first files were written: zeros where a file lacks it


@dataclass(frozen=True)
class Shape:
    """A table's file, its record and its columns in order."""

    file: str
    record: np.dtype[Any]
    columns: tuple[Column, ...]


def _same(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, name) for name in names)


FILLS = Shape(
    "fills.parquet",
    layout.fill,
    (
        Column("ts", "ts_ns", time=True),
        Column("symbol", "inst", SYMBOLS),
        *_same("side", "qty", "price", "fee"),
        Column("liquidity", "maker", ("taker", "maker")),
        *_same("order_id"),
        Column("reason", "reason", REASONS),
        *_same("spread", "slippage", "impact", "tag"),
    ),
)
TRADES = Shape(
    "trades.parquet",
    layout.trade,
    (
        Column("entry_ts", "entry_ns", time=True),
        Column("exit_ts", "exit_ns", time=True),
        Column("symbol", "inst", SYMBOLS),
        *_same("side", "qty", "entry_price", "exit_price", "fees", "funding", "pnl"),
        Column("exit_reason", "exit_reason", REASONS),
        *_same("mae", "mfe"),
    ),
)
EQUITY = Shape(
    "equity.parquet",
    layout.equity,
    (
        Column("ts", "ts_ns", time=True),
        *_same("equity", "cash", "position_value", "drawdown"),
        Column("last_order", "last_order", later=True),
    ),
)


def arrow_table(rows: Rows, shape: Shape, symbols: tuple[str, ...], run: str = "") -> Any:
    """Records as an arrow table of the contract's columns; `run` goes into its metadata.

    >>> rows = np.zeros(1, layout.fill)
    >>> rows["maker"], rows["reason"] = 1, 2
    >>> arrow_table(rows, FILLS, ("BTC/USDT",)).select(["symbol", "liquidity", "reason"]).to_pylist()
    [{'symbol': 'BTC/USDT', 'liquidity': 'maker', 'reason': 'limit'}]
    """
    import pyarrow as pa

    arrays = [
        arrow_array(rows[column.field], words=_words(column, symbols), time=column.time) for column in shape.columns
    ]
    table = pa.Table.from_arrays(arrays, names=[column.name for column in shape.columns])
    return table.replace_schema_metadata({RUN_KEY: run.encode()}) if run else table


def arrow_array(values: Rows, *, words: tuple[str, ...] = (), time: bool = False) -> Any:
    """An arrow array of int64, float64 or bool; of times if `time`; of the text words[value] if there are words."""
    import pyarrow as pa

    if words:
        codes = arrow_array(values.astype(np.int64))
        return pa.DictionaryArray.from_arrays(codes, arrow_text(words)).dictionary_decode()
    if values.dtype.kind == "b":
        return arrow_array(values.astype(np.int64)).cast(pa.bool_())
    kind, wide = (pa.float64(), np.float64) if values.dtype.kind == "f" else (pa.int64(), np.int64)
    if time:
        kind = pa.timestamp("ns", tz="UTC")
    buffer = pa.py_buffer(np.ascontiguousarray(values, wide))
    return pa.Array.from_buffers(kind, values.size, [None, buffer])


def arrow_text(texts: tuple[str, ...]) -> Any:
    """An arrow array of a few strings."""
    import pyarrow as pa

    raw = [text.encode("utf-8", "replace") for text in texts]
    ends = np.cumsum([0, *map(len, raw)]).astype(np.int32)
    return pa.Array.from_buffers(pa.string(), len(raw), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(raw))])


def write_rows(path: Path, rows: Rows, shape: Shape, symbols: tuple[str, ...], run: str) -> None:
    """One parquet file of records."""
    from pyarrow import parquet

    parquet.write_table(arrow_table(rows, shape, symbols, run), path)


def read_rows(folder: Path, shape: Shape, symbols: tuple[str, ...], run: str) -> Rows:
    """The records that `write_rows` wrote; a file that is missing, broken or of another run is refused."""
    import pyarrow as pa
    from pyarrow import parquet

    path = folder / shape.file
    fix = "run the backtest again, or bring back the files that belong together"
    try:
        with parquet.ParquetFile(path) as file:
            table = file.read()
    except FileNotFoundError:
        raise Refused(f"{shape.file} is missing", where=str(folder), fix=fix) from None
    except (OSError, pa.ArrowException) as error:
        raise Refused(f"{shape.file} can't be read: {error}", where=str(folder), fix=fix) from None
    if (table.schema.metadata or {}).get(RUN_KEY) != run.encode():
        raise Refused(f"{shape.file} and result.json are of different runs", where=str(folder), fix=fix)
    rows = np.zeros(table.num_rows, shape.record)
    for column in shape.columns:
        if column.name not in table.column_names:
            if column.later:
                continue
            raise Refused(f"{shape.file} has no column {column.name}", where=str(folder), fix=fix)
        rows[column.field] = _values(table[column.name], rows.dtype[column.field], _words(column, symbols), path)
    return rows


def _words(column: Column, symbols: tuple[str, ...]) -> tuple[str, ...]:
    return symbols if column.words is SYMBOLS else column.words


def _values(column: Any, kind: np.dtype[Any], words: tuple[str, ...], path: Path) -> Rows:
    import pyarrow as pa

    if not words:
        return numpy_array(column, kind)
    array = pa.concat_arrays(column.chunks) if column.num_chunks else arrow_text(())
    coded = array.dictionary_encode()
    codes = {word: code for code, word in reversed(list(enumerate(words)))}
    names = coded.dictionary.to_pylist()
    if unknown := [name for name in names if name not in codes]:
        raise Refused(f"{unknown[0]!r} is not a name that this version knows", where=str(path), fix="run it again")
    by_place = np.array([codes[name] for name in names], np.int64)
    return by_place[numpy_array(coded.indices, np.dtype(np.int32))]


def numpy_array(column: Any, kind: np.dtype[Any]) -> Rows:
    """The values of an arrow column of one fixed width and without nulls."""
    chunks = getattr(column, "chunks", [column])
    parts = [np.frombuffer(part.buffers()[1], kind)[part.offset :][: len(part)] for part in chunks if len(part)]
    return np.concatenate(parts) if parts else np.zeros(0, kind)
