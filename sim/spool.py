"""Rows that may be more than memory holds: appended, read back by ranges, and in the end seen as one array.

    rows ─▶ Column: in memory, or from HELD bytes on in a temporary file ─▶ pieces, or one mapped array

A file has no name: whatever ends the process, nothing is left of it. What is mapped and was read need not stay in
memory: `forget` gives it back, and whoever reads it again finds it in the file.
"""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HELD = 4 << 20  # bytes of a column that stay in memory
ROWS = 1 << 17  # rows that are worked on at once
SAMPLES = 64  # of each such piece, by which rows are dealt out to be sorted


class NoRoom(OSError):
    """The folder for temporary files takes nothing more."""


def roomy() -> str:
    """The folder for temporary files: the one of TMPDIR, else /var/tmp, whose files are on a disk."""
    if not os.environ.get("TMPDIR") and os.access("/var/tmp", os.W_OK):
        return "/var/tmp"
    return tempfile.gettempdir()


def no_room(error: OSError) -> NoRoom:
    """What is said when temporary files find no room."""
    why = error.strerror or str(error)
    fix = "Free some space (about 150 bytes an event), or set TMPDIR to a folder with more"
    return NoRoom(f"a long feed could not be kept in {roomy()} while it runs: {why}. {fix}")


class Column:
    """Rows of one dtype, in the order in which they were appended."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.rows = 0
        self._memory: list[Array] | None = []
        self._file: Any = None
        self._whole: Array | None = None

    def __len__(self) -> int:
        return self.rows

    def append(self, rows: Array) -> None:
        """Add rows behind the others."""
        if not len(rows):
            return
        if self._memory is not None and (self.rows + len(rows)) * self.dtype.itemsize > HELD:
            self._move_out()
        if self._memory is not None:
            self._memory.append(np.array(rows, self.dtype))
        else:
            self._put(bytes_of(np.ascontiguousarray(rows, self.dtype)))
        self.rows += len(rows)

    def read(self, lo: int, hi: int) -> Array:
        """Rows lo..hi as an array of their own."""
        lo, hi = max(lo, 0), min(hi, self.rows)
        if self._memory is not None:
            return self._held()[lo:hi].copy()
        out = np.empty(max(hi - lo, 0), self.dtype)
        view, at = bytes_of(out), lo * self.dtype.itemsize
        while len(view):
            got = os.preadv(self._file.fileno(), [view], at)
            if got <= 0:
                raise OSError(errno.EIO, "the temporary file is shorter than what was written")
            view, at = view[got:], at + got
        return out

    def array(self) -> Array:
        """All rows as one array that may be written; of a file it is mapped. Nothing is appended afterwards."""
        if self._whole is None:
            if not self.rows:
                self._whole = np.zeros(0, self.dtype)
            elif self._memory is not None:
                self._whole = self._held()
            else:
                mapped = mmap.mmap(self._file.fileno(), self.rows * self.dtype.itemsize)
                self._whole = np.frombuffer(mapped, self.dtype)
                self._file.close()  # the mapping holds it from here on
        return self._whole

    def _held(self) -> Array:
        """All rows, which are in memory, in one array."""
        assert self._memory is not None
        if len(self._memory) != 1:
            self._memory = [np.concatenate(self._memory) if self._memory else np.zeros(0, self.dtype)]
        return self._memory[0]

    def _move_out(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(dir=roomy(), buffering=0)  # noqa: SIM115 - see below
        except OSError as error:
            raise no_room(error) from error
        weakref.finalize(self, self._file.close)
        held, self._memory = self._memory or [], None
        for rows in held:
            self._put(bytes_of(rows))

    def _put(self, view: memoryview) -> None:
        try:
            while len(view):
                view = view[self._file.write(view) :]
        except OSError as error:
            raise no_room(error) from error


def bytes_of(array: Array) -> memoryview:
    """The memory of a contiguous array."""
    plain: Any = array.view(np.uint8).reshape(-1)
    return memoryview(plain)


def mapping_of(array: Array) -> mmap.mmap | None:
    """The file's mapping that an array is a view of; None for one in memory."""
    base: Any = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base


def forget(arrays: Sequence[Array]) -> None:
    """Give back the memory of what was read of mapped arrays; their content stays."""
    for array in arrays:
        mapped = mapping_of(array)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def walked(array: Array) -> Iterator[Array]:
    """An array piece by piece; what was walked through is forgotten."""
    for lo in range(0, len(array), ROWS):
        yield array[lo : lo + ROWS]
        forget([array])


def spool(names: Mapping[str, Any]) -> dict[str, Column]:
    """Empty columns of these names and dtypes."""
    return {name: Column(dtype) for name, dtype in names.items()}


def put_rows(columns: Mapping[str, Column], rows: Mapping[str, Array]) -> None:
    """Append rows to columns of the same names."""
    for name, column in columns.items():
        column.append(rows[name])


def pieces(columns: Mapping[str, Column], names: Sequence[str] = ()) -> Iterator[dict[str, Array]]:
    """Rows of columns of one length, some at a time, in their order."""
    wanted = names or tuple(columns)
    rows = len(columns[wanted[0]])
    for lo in range(0, rows, ROWS):
        yield {name: columns[name].read(lo, lo + ROWS) for name in wanted}


def in_order(parts: Sequence[Mapping[str, Column]], by: str) -> Iterator[dict[str, Array]]:
    """The rows of all parts in the order of one column; equal ones stay as the parts, and the rows in them, stand.

    Rows are dealt out by value into pieces of about ROWS, each of which is sorted by itself, so that what is held at a
    time is bounded however far rows stand from their places. (Only rows of one value all come at once.)
    """
    spans, edges, ordered = _dealt(parts, by)
    if ordered:
        for part in parts:
            yield from pieces(part)
        return
    lows, highs = (np.array([span[i] for span in spans]) for i in (2, 3))
    for lo, hi in zip([None, *edges], [*edges, None], strict=True):
        meets = np.ones(len(spans), bool) if lo is None else highs > lo
        meets &= True if hi is None else lows <= hi
        found = [_between(parts[spans[i][0]], by, spans[i][1], lo, hi) for i in np.flatnonzero(meets).tolist()]
        if not found:
            continue
        rows = {name: np.concatenate([each[name] for each in found]) for name in found[0]}
        key = rows[by]
        if (key[1:] < key[:-1]).any():
            order = np.argsort(key, kind="stable")
            rows = {name: column[order] for name, column in rows.items()}
        if len(key):
            yield rows


def _dealt(parts: Sequence[Mapping[str, Column]], by: str) -> tuple[list[tuple[int, int, Any, Any]], list[Any], bool]:
    """(part, first row, least, greatest) of each piece; the edges between which rows are sorted; whether all are."""
    spans: list[tuple[int, int, Any, Any]] = []
    samples: list[Array] = []
    ordered, last = True, None
    for k, part in enumerate(parts):
        for first in range(0, len(part[by]), ROWS):
            key = part[by].read(first, first + ROWS)
            back = bool((key[1:] < key[:-1]).any())
            ordered &= not back and (last is None or bool(key[0] >= last))
            last = key[-1]
            key = np.sort(key) if back else key
            spans.append((k, first, key[0], key[-1]))
            samples.append(key[:: max(ROWS // SAMPLES, 1)].copy())  # not a view, which would hold the piece
    if not samples:
        return spans, [], True
    every = np.sort(np.concatenate(samples))
    return spans, np.unique(every[SAMPLES::SAMPLES]).tolist(), ordered


def _between(part: Mapping[str, Column], by: str, first: int, lo: Any, hi: Any) -> dict[str, Array]:
    """Rows of one piece whose value is above lo and at most hi."""
    key = part[by].read(first, first + ROWS)
    keep = np.ones(len(key), bool)
    if lo is not None:
        keep &= key > lo
    if hi is not None:
        keep &= key <= hi
    at = np.flatnonzero(keep)
    a, b = (int(at[0]), int(at[-1]) + 1) if len(at) else (0, 0)
    keep = keep[a:b]
    return {name: column.read(first + a, first + b)[keep] for name, column in part.items()}
