"""What a sweep would run, and how long: measured on a slice of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from huracan.book_build import BookMachine
from huracan.book_lanes import BookBlock, book_recorder, run_until
from huracan.either_venue import AnyMachine, block_bytes, tape_bytes
from huracan.machine import CHUNK, Block, Machine
from huracan.sim import columns as feature_columns
from huracan.sim.book_layout import EXCHANGE
from huracan.sim.lanes import no_recorder
from huracan.sim.layout import SPARE
from huracan.sim.tape import chunk
from huracan.spec_records import Spec
from huracan.sweep_blocks import Deal, blocks, feature_ids
from huracan.sweep_job import Job, prepare
from huracan.sweep_lanes import STRETCH, feature_count, lanes_of
from huracan.sweeping import deal_of, workers

SLICE_LANES = 64
SLICE_S = 0.5  # of measuring
SLICES = 200  # of a tape of order books, after each of which it is asked whether that is enough
PROCESS_BYTES = 190 << 20  # the interpreter with numba, numpy and pyarrow loaded
COPIES = 5  # of a stretch of rows while it is put into order and written
MOST_DEALT = 2 * STRETCH  # sets whose blocks are counted; the rest is dealt alike


@dataclass(frozen=True)
class Dealt:
    """Blocks, the most lanes and columns of one, and the columns of all of them."""

    blocks: int
    lanes: int
    columns: int
    all_columns: int


def plan_sweep(spec: Spec) -> dict[str, Any]:
    """Sets, features, blocks, memory and time."""
    job = prepare(spec)
    machine, sets, threads = job.machine, job.sets, workers()
    books = isinstance(machine, BookMachine)
    found = dealt(job, deal_of(job, threads))
    lane_s, column_s = measured_book(job, machine) if isinstance(machine, BookMachine) else measured(job, machine)
    busy = min(threads, found.blocks)
    seconds = machine.tape.rows * (len(sets) * lane_s + found.all_columns * machine.instruments * column_s) / busy
    return {
        "sets": len(sets),
        "events" if books else "bars": machine.tape.rows,
        "instruments": machine.instruments,
        "feature_columns": feature_count(sets),
        "blocks": found.blocks,
        "sets_a_block": found.lanes,
        "columns_a_block": found.columns,
        "threads": threads,
        **look_ahead(machine),
        "ranked_by": job.rank_by,
        "spans": len(job.cuts),
        "span_days": job.cuts.step_ns / 86_400e9,
        "splits": len(job.validation.splits) if job.validation else 0,
        "judged_on_sets": len(job.sample),
        "memory_bytes": memory_bytes(job, found, busy),
        f"nanoseconds_{'an_event' if books else 'a_bar'}_and_set": round(lane_s * 1e9, 2),
        "seconds": round(seconds, 3),
    }


def dealt(job: Job, deal: Deal) -> Dealt:
    """How the sets are dealt out; of very many the first ones speak for the rest."""
    fixed = sum(not used for d in job.sets.declared for used in d.slots.values())  # columns that all sets share
    count, sets, lanes, columns, total = 0, 0, 0, 0, 0
    for block in blocks(job.sets, deal):
        if sets >= MOST_DEALT:
            break
        ids = feature_ids(job.sets, block.numbers)
        own = fixed + sum(len(np.unique(ids[:, k])) for k in range(ids.shape[1]))
        count, sets, total = count + 1, sets + len(block.numbers), total + own
        lanes, columns = max(lanes, len(block.numbers)), max(columns, own)
    more = len(job.sets) / sets
    return Dealt(round(count * more), lanes, columns, round(total * more))


def look_ahead(machine: AnyMachine) -> dict[str, Any]:
    """Whether rows are taken many at once, in vectors, and why not; on order books lanes share the book instead."""
    if isinstance(machine, BookMachine):
        return {}
    return {"in_vectors": machine.ahead is not None, "row_by_row_because": machine.row_by_row_because}


def measured_book(job: Job, machine: BookMachine) -> tuple[float, float]:
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
    return (time.perf_counter() - began) / events / len(block.lanes.acct), 0.0


def measured(job: Job, machine: Machine) -> tuple[float, float]:
    """Seconds that a bar of one lane takes, and a bar of one feature column: tried on the first sets and bars."""
    tape = machine.tape
    block = lanes_of(machine, job.sets, np.arange(min(SLICE_LANES, len(job.sets))))
    assert isinstance(block, Block)
    lanes, spread = len(block.lanes.acct), bool(np.asarray(block.lanes.settings["spread_from_data"]).any())
    table = np.full((max(block.table_rows, 1), CHUNK + SPARE), np.nan)
    rec = no_recorder()
    entry = (machine.ahead or machine.linked).entry

    def run(view: Any, lo: int, first: int, last: int) -> tuple[float, float]:
        """Seconds of the columns and of the lanes over some rows of a chunk."""
        began = time.perf_counter()
        if block.table_rows:
            feature_columns.fill(block.plan, block.columns, view.rows, view.bars, table, first, last)
        filled = time.perf_counter()
        entry(view, table, block.lanes, *block.gates, rec, 0, lanes, first, last, lo, tape.rows - 1)
        return filled - began, time.perf_counter() - filled

    columns_s = lanes_s = 0.0
    bars = 0
    with np.errstate(all="ignore"):
        for lo in range(0, tape.rows, CHUNK):
            hi = min(lo + CHUNK, tape.rows)
            view = chunk(tape, lo, hi, spread_from_data=spread, sample_ns=machine.sample_ns)
            first = 0
            if lo == 0:  # the first call compiles, which is no time of a bar
                first = min(2, hi)
                run(view, lo, 0, first)
            if first < hi - lo:
                spent = run(view, lo, first, hi - lo)
                columns_s, lanes_s, bars = columns_s + spent[0], lanes_s + spent[1], bars + hi - lo - first
            if columns_s + lanes_s > SLICE_S:
                break
    bars = max(bars, 1)
    return lanes_s / bars / lanes, columns_s / bars / max(block.table_rows, 1)


def memory_bytes(job: Job, found: Dealt, busy: int) -> int:
    """The most memory that the process should need: bars, blocks, rows, returns of the sample."""
    machine = job.machine
    lane, shared = block_bytes(machine, lanes_of(machine, job.sets, np.arange(1)))
    block = found.lanes * (lane + 8 * len(job.cuts)) + shared
    block += 0 if isinstance(machine, BookMachine) else found.columns * machine.instruments * CHUNK * 8
    bars = tape_bytes(machine)
    rows = min(len(job.sets), STRETCH) * 8 * 48 * COPIES
    judged = 3 * 8 * len(job.cuts) * len(job.sample)
    return int(PROCESS_BYTES + busy * block + bars + rows + judged + 40 * min(len(job.sets), 10**8))
