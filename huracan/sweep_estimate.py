"""What a sweep takes, in seconds and in bytes: a first block is tried, some constants were measured on whole sweeps."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from huracan.book_build import BookMachine
from huracan.book_lanes import BookBlock, block_bytes, book_recorder, run_until
from huracan.either_venue import first_live
from huracan.machine import CHUNK, Block, Machine, ready_rows, run_lanes
from huracan.sim import columns as feature_columns
from huracan.sim.book_layout import EXCHANGE
from huracan.sim.chunks import KEPT_BYTES, row_bytes
from huracan.sim.cuts import Looks
from huracan.sim.enough_memory import held_bytes
from huracan.sim.lanes import lane_bytes, no_recorder
from huracan.sim.layout import SPARE
from huracan.sim.linker import Linked
from huracan.sim.sweep_table import TableWriter
from huracan.sim.tape import chunk
from huracan.sweep_blocks import SetBlock
from huracan.sweep_gather import in_order
from huracan.sweep_job import Job
from huracan.sweep_lanes import STRETCH, lanes_of
from huracan.sweep_parts import Parts
from huracan.sweeping import SHARE, part_of

SLICE_LANES = 64  # of an order book, whose lanes share most of the work
SLICE_S = 0.5  # of measuring
SLICES = 200  # of a tape of order books, after each of which it is asked whether that is enough
MOST_TRIES = 50  # of a short tape, which is run again until that is enough
RUN_BYTES = 95 << 20  # pyarrow and the threads, once blocks run
END_BYTES = 55 << 20  # what judges and draws
COPIES = 4  # of a stretch of rows while it is put into order and written
LEFT = 1.3  # of them still there at the end
END_SET_BYTES = 45  # of each set while whole columns of the table are looked at,
END_KEY_BYTES = 28  # and of each key that is swept
LOOKS = 5  # copies of the equity of a block's lanes when returns are made of it
START_S = 0.8  # the interpreter, its imports, a linked machine out of the cache
END_S = 0.6  # what judges, and the page
JUDGED_S = 1.5e-4  # of each set that luck is judged on
DRAWN_S = 2e-6  # of each set on the page


@dataclass(frozen=True)
class Dealt:
    """The first block, how many there are, the most lanes and columns of one, and the columns of all of them."""

    first: SetBlock
    blocks: int
    lanes: int
    columns: int
    all_columns: int


@dataclass(frozen=True)
class Speeds:
    """Seconds of a row and lane, of a row and column, of a row made ready, of a block beside, of a set at the end."""

    lane_s: float
    column_s: float
    ready_s: float
    block_s: float
    gather_s: float


def seconds_of(job: Job, found: Dealt, speeds: Speeds, threads: int) -> float:
    """From the start of the command to its last file, but for the data, which the plan itself has loaded."""
    machine, sets = job.machine, len(job.sets)
    busy = min(threads, found.blocks)
    rows = machine.tape.rows
    run = rows * (sets * speeds.lane_s + found.all_columns * machine.instruments * speeds.column_s) / busy
    if isinstance(machine, Machine):
        kept = min(rows, KEPT_BYTES // row_bytes(machine.tape)) if found.blocks > SHARE * threads else 0
        run += (kept + (rows - kept) * found.blocks / busy) * speeds.ready_s
    python = found.blocks * speeds.block_s + sets * speeds.gather_s  # one thread at a time
    return START_S + run + python + END_S + len(job.sample) * JUDGED_S + sets * DRAWN_S


def speeds_of(job: Job, found: Dealt) -> Speeds:
    """What the first block takes, over the first rows."""
    machine = job.machine
    if isinstance(machine, BookMachine):
        return Speeds(measured_book(job, machine), 0.0, 0.0, *measured_around(job, found))
    return Speeds(*measured(job, machine, found), *measured_around(job, found))


def measured_around(job: Job, found: Dealt) -> tuple[float, float]:
    """Seconds of a block beside its rows: lanes, figures, and the part on disk; and of a set to put into the table."""
    import pyarrow.parquet  # noqa: F401  not a block's time

    numbers = found.first.numbers
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(Path(folder), "")
        for _ in range(2):  # the first time is of what is found and kept on the way
            began = time.perf_counter()
            block = lanes_of(job.machine, job.sets, numbers)
            looks = Looks(job.cuts, first_live(job.machine), np.asarray(block.lanes.settings["cash"]))
            for _ in looks.rows:
                looks.take(block.lanes.acct["equity"])
            parts.save("a", part_of(job, numbers, block, looks))
            around = time.perf_counter() - began
        began = time.perf_counter()
        writer = TableWriter(Path(folder) / "rows.parquet")
        writer.write(in_order([parts.load("a")]))
        writer.close("")
        return around, (time.perf_counter() - began) / len(numbers)


def measured_book(job: Job, machine: BookMachine) -> float:
    """Seconds that an event takes of one lane among those that share a book, tried on the first sets and events."""
    block = lanes_of(machine, job.sets, np.arange(min(SLICE_LANES, len(job.sets))))
    assert isinstance(block, BookBlock)
    rec, tape = book_recorder(False, 0), machine.tape
    run_until(machine, block, rec, tape.start_ns)  # the first call compiles, which is no time of an event
    before = int(block.market.at[EXCHANGE])
    began = time.perf_counter()
    for stop in np.linspace(tape.start_ns, tape.end_ns, SLICES)[1:].astype(np.int64).tolist():
        run_until(machine, block, rec, stop)
        if time.perf_counter() - began > SLICE_S:
            break
    events = max(int(block.market.at[EXCHANGE]) - before, 1)
    return (time.perf_counter() - began) / events / len(block.lanes.acct)


def measured(job: Job, machine: Machine, found: Dealt) -> tuple[float, float, float]:
    """Seconds that a row takes of one lane, of one feature column, and to be made ready."""
    tape = machine.tape
    lanes_s = columns_s = ready_s = 0.0
    rows, lanes, table_rows = 0, len(found.first.numbers), 0
    linked = machine.ahead or machine.linked
    rec = no_recorder()
    compiled = False
    for _ in range(MOST_TRIES):
        block = lanes_of(machine, job.sets, found.first.numbers)
        assert isinstance(block, Block)
        spread = bool(np.asarray(block.lanes.settings["spread_from_data"]).any())
        table_rows = max(block.table_rows, 1)
        table = np.full((table_rows, CHUNK + SPARE), np.nan)
        with np.errstate(all="ignore"):
            for lo in range(0, tape.rows, CHUNK):
                hi = min(lo + CHUNK, tape.rows)
                began = time.perf_counter()
                view = chunk(tape, lo, hi, spread_from_data=spread, sample_ns=machine.sample_ns)
                made = time.perf_counter()
                first = 0
                if not compiled:  # the first call compiles, which is no time of a bar
                    first, compiled = min(2, hi), True
                    run_slice(block, linked, view, table, rec, (lo, 0, first, tape.rows))
                if first < hi - lo:
                    spent = run_slice(block, linked, view, table, rec, (lo, first, hi - lo, tape.rows))
                    columns_s, lanes_s, ready_s = columns_s + spent[0], lanes_s + spent[1], ready_s + made - began
                    rows += hi - lo - first
                if columns_s + lanes_s + ready_s > SLICE_S:
                    break
        if columns_s + lanes_s + ready_s > SLICE_S / 5:
            break
    rows = max(rows, 1)
    return lanes_s / rows / lanes, columns_s / rows / table_rows / machine.instruments, ready_s / rows


def run_slice(
    block: Block, linked: Linked, view: Any, table: Any, rec: Any, rows: tuple[int, ...]
) -> tuple[float, float]:
    """Seconds of the columns and of the lanes over some rows of a chunk: (its first, from, until, rows of the tape)."""
    lo, first, last, whole = rows
    began = time.perf_counter()
    if block.table_rows:
        feature_columns.fill(block.plan, block.columns, view.rows, view.bars, table, first, last)
    filled = time.perf_counter()
    run_lanes(linked.entry, block, (view, table), rec, (first, last, lo, whole - 1), 0, len(block.lanes.acct))
    return filled - began, time.perf_counter() - filled


def memory_bytes(job: Job, found: Dealt, threads: int) -> int:
    """The most memory that the process should need, from what it holds now: the code, and the data."""
    machine = job.machine
    now, most = held_bytes()
    busy = min(threads, found.blocks)
    if isinstance(machine, BookMachine):
        one = lanes_of(machine, job.sets, np.arange(1))
        assert isinstance(one, BookBlock)
        lane, shared = block_bytes(one)
        kept = 0
    else:
        lane = lane_bytes(machine.linked, machine.instruments, machine.slots)
        row = row_bytes(machine.tape)
        rows = min(ready_rows(machine), machine.tape.rows)
        kept = min(KEPT_BYTES, machine.tape.rows * row) if found.blocks > SHARE * threads else 0
        shared = found.columns * machine.instruments * CHUNK * 8 + (rows * row if kept < machine.tape.rows * row else 0)
    running = kept + busy * (found.lanes * (lane + LOOKS * 8 * len(job.cuts)) + shared)
    table = min(len(job.sets), STRETCH) * 8 * 48
    judged = 3 * 8 * len(job.cuts) * len(job.sample)
    end = END_BYTES + LEFT * table + judged + len(job.sets) * (END_SET_BYTES + END_KEY_BYTES * len(job.sets.grid.keys))
    return int(max(most, now + RUN_BYTES + max(running, COPIES * table, end)))  # one after the other
