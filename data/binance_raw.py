"""Binance raw lines as events: local nanoseconds, a blank, then the JSON of a stream or of a snapshot.

    file ─▶ blocks of whole lines ─▶ compiled scan ─▶ one feed a symbol, and what was noticed on the way

Streams read: depth updates, partial depth, trades, aggregate trades, best bid and offer, mark prices; snapshots as the
exchange's interface gives them. Other messages are counted as `other_message`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data import binance_scan as scanner
from huracan.data.events import COLUMNS, Events, Noticed, join, only
from huracan.data.text_blocks import BLOCK, KEEP_WHOLE, SKIP_BAD, line_blocks
from huracan.sim.refusal import Refused

_CONTEXT = 60  # bytes around a fault, for the message
BAD_LINES = ("refuse", "skip")


def read_binance_raw(
    path: str | os.PathLike[str], *, symbol: str | None = None, bad_lines: str = "refuse", block: int = BLOCK
) -> Events:
    """All events of one symbol, named as Binance does ("BTCUSDT"); the only one of the file unless given.

    Lines that are no messages are refused with their number, or with bad_lines="skip" dropped and counted.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w") as file:
    ...     message = '{"e":"trade","T":1723161256322,"s":"BTCUSDT","p":"9.5","q":"2","m":true}'
    ...     _ = file.write(f"1723161255088176367 {message}")
    ...     file.flush()
    ...     read = read_binance_raw(file.name)
    >>> read.symbol, read.side.tolist(), read.price.tolist(), read.exch_ns.tolist()
    ('BTCUSDT', [-1], [9.5], [1723161256322000000])
    """
    return only(join(binance_raw_blocks(path, bad_lines=bad_lines, block=block)), symbol, os.fspath(path))


def binance_raw_blocks(
    path: str | os.PathLike[str], *, bad_lines: str = "refuse", block: int = BLOCK
) -> Iterator[Events]:
    """The feeds of all symbols block by block, in the file's order; problems are counted up from the file's start."""
    name = os.fspath(path)
    carried = _carried()
    line, out, cut = 1, _columns(0), 0
    for text, why in line_blocks(name, block):
        if why and bad_lines == "refuse":
            fix = f"fetch the file again, or {KEEP_WHOLE}: the lines before it are whole"
            raise Refused(why, where=f"{name}, after line {line + text.count(10)}", fix=fix)
        cut += bool(why)
        text = text[: text.rfind(b"\n") + 1] if why else text
        if len(text) // 8 + 20_016 > len(out.kind):
            out = _columns(len(text) // 8 + 20_016)  # no level is shorter
        first = line
        data = np.frombuffer(text, dtype=np.uint8)
        n, line, bad, bad_line = scanner.scan(data, len(text), line, carried, out)
        if bad >= 0 and bad_lines == "refuse":
            raise _bad_line(name, text, bad, bad_line)
        notes = _noticed(carried.faults, cut, line - 1)
        yield from _by_symbol(out, n, carried, notes)
    if line == first and not carried.sizes[0]:
        raise Refused("empty: the file has no lines", where=name, fix="fetch or write the file again")


def _carried() -> scanner.Carried:
    state = np.zeros((scanner.MOST_SYMBOLS, scanner.STATE), dtype=np.int64)
    state[:, (scanner.LAST_ID, scanner.SNAP_ID)] = -1
    return scanner.Carried(
        names=np.zeros((scanner.MOST_SYMBOLS, scanner.SYMBOL_BYTES), dtype=np.uint8),
        sizes=np.zeros(scanner.MOST_SYMBOLS, dtype=np.int64),
        state=state,
        faults=np.zeros((len(scanner.FAULTS), 5), dtype=np.int64),
        fields=np.zeros(scanner.FIELDS, dtype=np.int64),
    )


def _columns(size: int) -> scanner.Columns:
    """Room for events; memory is only taken where something is written."""
    kinds: list[Any] = [np.int8, np.int8, np.uint8, np.int16, np.float64, np.float64, np.int64, np.int64, np.int64]
    arrays: list[Any] = [np.empty(size, dtype=kind) for kind in kinds]
    return scanner.Columns(*arrays)


def _by_symbol(out: scanner.Columns, n: int, carried: scanner.Carried, notes: tuple[Noticed, ...]) -> Iterator[Events]:
    known = max(1, int(np.count_nonzero(carried.sizes)))
    for k in range(known):
        symbol = bytes(carried.names[k, : carried.sizes[k]]).decode("ascii", "replace")
        rows: slice | npt.NDArray[np.bool_] = slice(0, n) if known == 1 else out.inst[:n] == k
        columns: dict[str, Any] = {name: getattr(out, name)[:n][rows].copy() for name in COLUMNS}
        yield Events(symbol, **columns, problems=notes)


def _noticed(faults: npt.NDArray[np.int64], cut: int, last_line: int) -> tuple[Noticed, ...]:
    notes = [Noticed(name, *map(int, row)) for name, row in zip(scanner.FAULTS, faults, strict=True) if row[0]]
    if cut:
        notes.append(Noticed("cut_short", 1, last_line, last_line, 0, 0))
    return tuple(notes)


def _bad_line(name: str, text: bytes, at: int, line: int) -> Refused:
    """A message about the first byte of a line that can't be read."""
    begin = text.rfind(b"\n", 0, at) + 1
    end = text.find(b"\n", begin)
    end = len(text) if end < 0 else end
    near = text[max(begin, at - _CONTEXT // 2) : min(end, at + _CONTEXT // 2)].decode("utf-8", "replace")
    what = f"bad_line: a line must be local nanoseconds, a blank and one message; near {near!r} it is not"
    if at >= end:
        what = f"bad_line: the line ends too early, after {near!r}"
    fix = f"mend or drop the line, or {SKIP_BAD}: they are counted then"
    return Refused(what, where=f"{name}, row {line}, column {at - begin + 1}", fix=fix)
