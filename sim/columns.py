"""The table of feature columns that all lanes share: each distinct column is computed once per chunk, online, its state
carried over.

    features + parameters --resolve--> columns --plan--> rows of the table --start--> state --fill--> table[row, bar]

Live feeds the same `fill` one row at a time. Any split of a tape gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import config

from huracan.sim import layout
from huracan.sim.feature import BAR_FIELDS as BAR_FIELDS
from huracan.sim.feature import KINDS as KINDS
from huracan.sim.feature import Column as Column
from huracan.sim.feature import Feature as Feature
from huracan.sim.feature import columns_of as columns_of
from huracan.sim.feature import is_wide as is_wide
from huracan.sim.feature import is_wide_column as is_wide_column
from huracan.sim.feature import kind_module
from huracan.sim.feature import resolve as resolve
from huracan.sim.refusal import Refused
from huracan.sim.stubs import load_stub, sources_of

Records = np.ndarray[Any, Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_WEEK_NS = 7 * 86_400 * 10**9
_MONDAY_NS = 4 * 86_400 * 10**9  # 1970-01-05; weeks begin on Mondays
_LARGE = 1 << 19  # doubles from which numpy asks for pages of 2 MB: with small ones lanes wait for their addresses
_LOOPS = "huracan.sim.kernel.column_loops"

job = np.dtype(
    [
        ("inst", "i8"),
        ("other", "i8"),  # the second instrument that must have news; the same as inst for most kinds
        ("row", "i8"),  # where the loop writes: a row of the table, or of the longer timeframe's own
        ("table_row", "i8"),
        ("ring", "i8"),  # first double of its history in the part's rings
        ("doubles", "i8"),
        ("source", "i8"),
        ("field", "i8"),
        ("past", "i8"),  # first double in the part's rings of what all jobs of an instrument share, and how many
        ("kept", "i8"),
    ],
    align=True,
)

# what each loop is given to call
_FUNCTIONS = {"each": "update", "sums": "update, tick, worth", "source": "update", "pair": "combine, update"}

_COLUMN_STUB = '''"""All columns of one kind of feature."""
from numba import njit

from huracan.sim.kernel.column_loops import {loop}
from huracan.sim.memory import record_type, stack_slots
from huracan.sim.options import LINKED_ENTRY
from {module} import STATE, {functions}

RECORD = record_type(STATE)


@njit(**LINKED_ENTRY)
def entry(bars, at, table, out, work, lo, hi, jobs, states, rings):
    slot = stack_slots(RECORD, 1)
    {loop}({functions}, slot, bars, at, table, out, work, lo, hi, jobs, states, rings)
'''

_BUCKET_STUB = '''"""Bars of a longer timeframe."""
from numba import njit

from huracan.sim.kernel.column_loops import close_buckets, spread_out
from huracan.sim.options import LINKED_ENTRY


@njit(**LINKED_ENTRY)
def aggregate(rows, bars, lo, hi, every_ns, shift_ns, pending, end, closed, at):
    return close_buckets(rows, bars, lo, hi, every_ns, shift_ns, pending, end, closed, at)


@njit(**LINKED_ENTRY)
def spread(jobs, values, at, m, table, lo, hi):
    spread_out(jobs, values, at, m, table, lo, hi)
'''


@dataclass(frozen=True, eq=False)
class Part:
    """Columns that one call fills: of one kind and timeframe, none of them looking at another of them."""

    kind: str
    every_ns: int
    columns: tuple[Column, ...]
    jobs: Records
    args: Floats  # (jobs, arguments)
    doubles: int  # of history, for all jobs


@dataclass(frozen=True, eq=False)
class Plan:
    """Distinct columns with the first row of each in the table, and the order in which they are computed."""

    columns: tuple[Column, ...]
    base: dict[Column, int]
    n_rows: int
    n_instruments: int
    parts: tuple[Part, ...]
    longer: tuple[int, ...]  # the longer timeframes, in ns


@dataclass
class _Group:
    """Columns of one kind, timeframe and depth, the first row of each, and whether it is of the whole."""

    columns: list[Column] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    wide: list[bool] = field(default_factory=list)


@dataclass
class ColumnState:
    """What columns carry from one row to the next, in one buffer of plain bytes; the rest is room to work in."""

    buffer: npt.NDArray[np.uint8]
    states: list[Records]  # a part's records, one a job
    rings: list[Floats]
    pending: list[Records]  # a longer timeframe's open bars, (instruments,)
    ends: list[Ints]  # (2,): when they close, and whether they are open
    at: Ints = field(default_factory=lambda: np.arange(0))
    work: Floats = field(default_factory=lambda: np.zeros(0))
    closed: list[Records] = field(default_factory=list)
    known: list[Ints] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)

    def snapshot(self) -> bytes:
        """The state as bytes; equal bytes go on equally."""
        return self.buffer.tobytes()

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot of a state of the same plan."""
        if len(snapshot) != len(self.buffer):
            raise Refused(
                f"a snapshot of {len(snapshot)} bytes is not of this plan, whose state has {len(self.buffer)}"
            )
        self.buffer[:] = np.frombuffer(snapshot, np.uint8)


def plan(columns: Iterable[Column], n_instruments: int, timeframe_ns: int = 0) -> Plan:
    """Where every distinct column stands in the table, in order of first mention.

    A column takes a row for each instrument, or one if it is of the whole. With the tape's timeframe, longer ones that
    are no multiple of it are refused.

    >>> plan([Column("sma", (20,)), Column("sma", (50,)), Column("sma", (20,))], n_instruments=3).n_rows
    6
    """
    distinct: dict[Column, int] = dict.fromkeys(columns, 0)
    if any(column.source is not None for column in distinct):
        given, distinct = distinct, {}
        for column in given:
            _add(column, distinct)
    groups: dict[tuple[int, str, int], _Group] = {}
    n_rows = 0
    for column in distinct:
        key = (0 if column.source is None else _depth(column), column.kind, column.every_ns)
        group = groups.get(key)
        if group is None or column.source is not None:  # all of a kind that look at bars are alike
            _check(column, n_instruments, timeframe_ns)
            wide = is_wide_column(column)
            group = groups.setdefault(key, _Group())
        else:
            wide = group.wide[0]
        group.columns.append(column)
        group.rows.append(n_rows)
        group.wide.append(wide)
        distinct[column] = n_rows
        n_rows += 1 if wide else n_instruments
    parts = tuple(_part(groups[key], distinct, n_instruments) for key in sorted(groups))
    longer = tuple(sorted({p.every_ns for p in parts if p.every_ns}))
    return Plan(tuple(distinct), distinct, n_rows, n_instruments, parts, longer)


def start(plan: Plan, rules: Records) -> ColumnState:
    """State before the first bar; `rules` are layout.rules, (instruments,)."""
    states = [(len(p.jobs), kind_module(p.kind).STATE) for p in plan.parts]
    rings = [(p.doubles, np.dtype(np.float64)) for p in plan.parts]
    pending = [(plan.n_instruments, layout.bar)] * len(plan.longer)
    ends = [(2, np.dtype(np.int64))] * len(plan.longer)
    buffer, views = _one_buffer([*states, *rings, *pending, *ends])
    n, m = len(plan.parts), len(plan.longer)
    state = ColumnState(buffer, views[:n], views[n : 2 * n], views[2 * n : 2 * n + m], views[2 * n + m :])
    for part, records in zip(plan.parts, state.states, strict=True):
        records["value"] = np.nan
        kind_module(part.kind).begin(records, part.args, np.asarray(rules)[part.jobs["inst"]])
    state.values = [np.zeros((len(p.jobs), 2)) if p.every_ns else np.zeros((1, 1)) for p in plan.parts]
    state.closed = [_records((2, plan.n_instruments), layout.bar) for _ in plan.longer]
    state.known = [np.zeros(2, np.int64) for _ in plan.longer]
    return state


def table_for(columns: int, rows: int, spare: int) -> Floats:
    """A table for `fill`, and behind its rows spare ones, NaN, for who reads many at once.

    It stands at the start of a line of the cache: eight values that are read at once lie in one line.
    """
    values = columns * (rows + spare)
    room = np.empty(max(values + 8, _LARGE))
    first = -(room.ctypes.data // 8) % 8
    table = room[first : first + values].reshape(columns, rows + spare)
    table[:, rows:] = np.nan
    return table


def fill(plan: Plan, state: ColumnState, rows: Records, bars: Records, table: Floats, lo: int, hi: int) -> None:
    """Compute all columns in rows lo..hi of a chunk: table[row, lo:hi], NaN until a feature's window is full.

    `rows` is layout.row (chunk,), `bars` layout.bar (chunk, instruments), `table` float64 (at least plan.n_rows, at
    least chunk), C order. Chunks come in order, each row once; several threads may each fill with a state of their own.
    """
    if hi <= lo or not plan.parts:
        return
    rows, bars = _attributes(rows), _attributes(bars)
    if len(state.at) < hi:
        state.at = np.arange(max(hi, len(bars)))
        state.work = np.zeros(len(state.at) + 2 + max(int(p.jobs["kept"].max()) for p in plan.parts))
    counts = {every: _aggregate(plan, state, q, rows, bars, lo, hi) for q, every in enumerate(plan.longer)}
    for p, part in enumerate(plan.parts):
        records, rings = state.states[p], state.rings[p]
        entry = _entry(part.kind)
        if part.every_ns == 0:
            entry(bars, state.at, table, table, state.work, lo, hi, part.jobs, records, rings)
            continue
        q, m = plan.longer.index(part.every_ns), counts[part.every_ns]
        if state.values[p].shape[1] <= m:
            state.values[p] = np.zeros((len(part.jobs), 2 * m + 1))
        values = state.values[p]
        values[:, 0] = records["value"]
        if m:
            entry(state.closed[q], state.known[q], table, values, state.work, 1, m + 1, part.jobs, records, rings)
        _buckets().spread(part.jobs, values, state.known[q], m, table, lo, hi)


def _add(column: Column, distinct: dict[Column, int]) -> None:
    if column not in distinct:
        if column.source is not None:
            _add(column.source, distinct)
        distinct[column] = 0


def _check(column: Column, n_instruments: int, timeframe_ns: int) -> None:
    if column.every_ns and timeframe_ns and column.every_ns % timeframe_ns:
        raise Refused(
            f"every={column.every_ns / 1e9:g} s is no multiple of the tape's bars of {timeframe_ns / 1e9:g} s",
            where=f"feature {column.kind}",
            fix="give a multiple of the timeframe",
        )
    if n_instruments < 2 and is_wide_column(column):
        fix = "give the tape two instruments"
        raise Refused(
            f"{column.kind} needs two instruments, and the tape has {n_instruments}",
            where=f"feature {column.kind}",
            fix=fix,
        )


def _depth(column: Column) -> int:
    return 0 if column.source is None else 1 + _depth(column.source)


def _part(group: _Group, base: dict[Column, int], n_instruments: int) -> Part:
    """The jobs of columns of one kind, timeframe and depth."""
    columns, wide = group.columns, np.array(group.wide)
    first = columns[0]
    module = kind_module(first.kind)
    sizes = np.array([int(module.room(column.args)) for column in columns])
    looks = np.array([-1 if column.source is None else base[column.source] for column in columns])
    fields = np.array([BAR_FIELDS.index(column.field) if column.field else 0 for column in columns])
    # What is shared lies before the rings: as much as the longest window looks back on.
    kept = 1 + int(sizes.max()) if module.LOOP == "sums" else 0
    # All columns of an instrument after one another: they share what they read. Those of the whole come but once.
    of_each = [np.arange(len(columns)), *[np.flatnonzero(~wide)] * (n_instruments - 1)]
    which = np.concatenate(of_each)
    inst = np.repeat(np.arange(n_instruments), [len(own) for own in of_each])
    jobs = np.zeros(len(which), job)
    jobs["inst"], jobs["other"] = inst, np.where(wide[which], 1, inst)
    jobs["table_row"] = np.array(group.rows)[which] + inst
    jobs["row"] = np.arange(len(which)) if first.every_ns else jobs["table_row"]
    ends = kept * n_instruments + np.cumsum(sizes[which])
    jobs["ring"], jobs["doubles"] = ends - sizes[which], sizes[which]
    jobs["source"] = np.where(looks[which] < 0, -1, looks[which] + inst)
    jobs["field"] = fields[which]
    jobs["past"], jobs["kept"] = inst * kept, kept
    args = np.array([column.args for column in columns], np.float64)[which]
    return Part(first.kind, first.every_ns, tuple(columns), _attributes(jobs), args, max(int(ends[-1]), 1))


def _aggregate(plan: Plan, state: ColumnState, q: int, rows: Records, bars: Records, lo: int, hi: int) -> int:
    """Make the bars of longer timeframe q that close in these rows; how many."""
    every = plan.longer[q]
    shift = _MONDAY_NS if every % _WEEK_NS == 0 else 0
    closes = np.asarray(rows["close_ns"][lo:hi])
    buckets = (shift - closes) // every
    most = 2 + int(np.count_nonzero(buckets[1:] != buckets[:-1]))
    if len(state.known[q]) <= most:
        state.known[q] = np.zeros(2 * most + 1, np.int64)
        state.closed[q] = _records((2 * most + 1, plan.n_instruments), layout.bar)
    done = _buckets().aggregate(
        rows, bars, lo, hi, every, shift, state.pending[q], state.ends[q], state.closed[q], state.known[q]
    )
    return int(done)


def _records(shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> Records:
    return _attributes(np.zeros(shape, dtype))


def _attributes(records: Records) -> Records:
    """Records as a kernel wants them: plain Python needs attributes, numba is quicker with what is no subclass."""
    return records.view(np.recarray) if config.DISABLE_JIT else records.view(np.ndarray)


def _one_buffer(wanted: list[tuple[int, np.dtype[Any]]]) -> tuple[npt.NDArray[np.uint8], list[Any]]:
    """One zeroed buffer, and arrays of (length, dtype) one after the other in it; all dtypes are of whole 8 bytes."""
    sizes = [n * dtype.itemsize for n, dtype in wanted]
    buffer = np.zeros(sum(sizes), np.uint8)
    views: list[Any] = []
    at = 0
    for size, (_, dtype) in zip(sizes, wanted, strict=True):
        view = buffer[at : at + size].view(dtype)
        views.append(_attributes(view) if dtype.names else view)
        at += size
    return buffer, views


@cache
def _entry(kind: str) -> Any:
    """The compiled loop of a kind."""
    module = kind_module(kind)
    text = _COLUMN_STUB.format(loop=module.LOOP, module=module.__name__, functions=_FUNCTIONS[module.LOOP])
    return load_stub(text, [*sources_of(module.__name__), *sources_of(_LOOPS), *sources_of("huracan.sim.memory")]).entry


@cache
def _buckets() -> Any:
    return load_stub(_BUCKET_STUB, sources_of(_LOOPS))
