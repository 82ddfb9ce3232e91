"""What a sweep would run, how long it would take and how much memory: measured on a slice of it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from huracan.book_build import BookMachine
from huracan.either_venue import AnyMachine
from huracan.spec_records import Spec
from huracan.sweep_blocks import Deal, SetBlock, blocks, feature_ids
from huracan.sweep_estimate import Dealt, memory_bytes, seconds_of, speeds_of
from huracan.sweep_job import Job, prepare
from huracan.sweep_lanes import STRETCH, feature_count
from huracan.sweeping import deal_of, workers

MOST_DEALT = 2 * STRETCH  # sets whose blocks are counted; the rest is dealt alike


def plan_sweep(spec: Spec) -> dict[str, Any]:
    """Sets, features, blocks, memory and time."""
    began = time.perf_counter()
    job = prepare(spec)
    loaded_s = time.perf_counter() - began
    machine, sets, threads = job.machine, job.sets, workers()
    books = isinstance(machine, BookMachine)
    found = dealt(job, deal_of(job, threads))
    memory = memory_bytes(job, found, threads)  # before anything is tried, which takes memory of its own
    speeds = speeds_of(job, found)
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
        "memory_bytes": memory,
        f"nanoseconds_{'an_event' if books else 'a_bar'}_and_set": round(speeds.lane_s * 1e9, 2),
        "seconds": round(loaded_s + seconds_of(job, found, speeds, threads), 3),
    }


def dealt(job: Job, deal: Deal) -> Dealt:
    """How the sets are dealt out; of very many the first ones speak for the rest."""
    fixed = sum(not used for d in job.sets.declared for used in d.slots.values())  # columns that all sets share
    count, sets, lanes, columns, total = 0, 0, 0, 0, 0
    first: SetBlock | None = None
    for block in blocks(job.sets, deal):
        if sets >= MOST_DEALT:
            break
        first = first or block
        ids = feature_ids(job.sets, block.numbers)
        own = fixed + sum(len(np.unique(ids[:, k])) for k in range(ids.shape[1]))
        count, sets, total = count + 1, sets + len(block.numbers), total + own
        lanes, columns = max(lanes, len(block.numbers)), max(columns, own)
    assert first is not None
    more = len(job.sets) / sets
    return Dealt(first, round(count * more), lanes, columns, round(total * more))


def look_ahead(machine: AnyMachine) -> dict[str, Any]:
    """Whether rows are taken many at once, in vectors, and why not; on order books lanes share the book instead."""
    if isinstance(machine, BookMachine):
        return {}
    return {"in_vectors": machine.ahead is not None, "row_by_row_because": machine.row_by_row_because}
