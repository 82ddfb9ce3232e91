"""A sweep: the same path as one run, with a lane for each set.

    spec → sets → blocks of lanes outside, chunks of tape inside, a thread a block → parts → table → what it is worth

What is finished is kept block by block (`huracan.sweep_parts`), so memory grows neither with the tape nor with the
sets, and a sweep that was stopped in any way goes on where it stood, to the same result.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huracan.book_build import BookMachine
from huracan.either_venue import AnyBlock, chunks_of, drive_any, first_live
from huracan.machine import refusals
from huracan.sim.atomic_files import NotWritten
from huracan.sim.cuts import Looks
from huracan.sim.enough_memory import need
from huracan.sim.figures import figure_columns
from huracan.sim.folds import scores, winners
from huracan.sim.lanes import accounts, lane_bytes
from huracan.sim.refusal import Refused
from huracan.sim.strips import Beside, Strips
from huracan.sim.sweep_result import TABLE, SweepResult, load_sweep
from huracan.sim.sweep_table import stored_columns
from huracan.spec_records import Spec
from huracan.sweep_blocks import Deal, SetBlock, deal_for, dealt_out
from huracan.sweep_gather import gather
from huracan.sweep_job import IN_SAMPLE, OUT_OF_SAMPLE, Job, identity_of, prepare, sampled
from huracan.sweep_lanes import lanes_of
from huracan.sweep_parts import FOLDER, SAID, Part, Parts, Returns, forget, open_checkpoint, read_manifest
from huracan.trials import trials_folder, tried_before

if TYPE_CHECKING:
    from huracan.cluster import Crew

Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
SET_BYTES = 1200  # that a row takes where all stay in memory; measured
SHARE = 2  # blocks of each thread beyond which it pays to keep what they read: fresh memory takes its time, too
TICK_S = 0.2  # between two looks at how far the blocks are


class Stopped(Exception):
    """A block was given up because the sweep stops."""


@dataclass
class Pace:
    """How far the blocks under way are, in sets; written by the threads that run them."""

    stop: threading.Event = field(default_factory=threading.Event)
    under_way: dict[str, float] = field(default_factory=dict)


def sweep_run(
    spec: Spec,
    *,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    crew: Crew | None = None,
) -> SweepResult:
    """Run every set, here or by the `crew` of a cluster, and return a row for each; on Ctrl-C those that were finished.

    With a folder `out`, finished blocks are kept there as they come, `resume` goes on with them, and the table is a
    file there. Without one everything stays in memory.
    """
    job = prepare(spec)
    machine, sets = job.machine, job.sets
    if out is None:
        fix = "give a folder, out = DIR, into which rows go as they come; or ask for fewer sets"
        need(len(sets) * SET_BYTES, f"{len(sets):,} parameter sets in memory", where="sweep", fix=fix)
    deal = deal_of(job, crew.cpus if crew else workers())
    identity = identity_of(job)
    if out is not None and resume and (done := finished(out, identity)) is not None:
        return done
    counted = trials_folder(spec, machine.tape.data_hash)
    sweep_id = uuid.uuid4().hex[:16]
    manifest: dict[str, Any] = {"id": sweep_id, "lanes": deal.lanes, "columns": deal.columns, "sets": len(sets)}
    manifest["trials_before"] = tried_before(counted, sweep_id)
    run = hashlib.sha256(repr(sorted(identity.items())).encode()).hexdigest()[:16]
    parts = Parts(None, run)
    if out is not None:
        manifest, folder = open_checkpoint(out, identity, manifest, resume=resume)
        parts = Parts(folder, run)
        deal = Deal(manifest["lanes"], manifest["columns"])
    planned = dealt_out(sets, deal)
    with nothing_lost():
        if crew is None:
            run_blocks(job, planned, parts, progress)
        else:
            from huracan.cluster import run_shards

            run_shards(crew, job, identity, planned, parts, progress)
        return gather(job, planned, parts, manifest, counted)


def deal_of(job: Job, threads: int) -> Deal:
    """How large the blocks of a sweep are; lanes of an order book share most of what they hold."""
    machine = job.machine
    books = isinstance(machine, BookMachine)
    one = 0 if books else lane_bytes(machine.linked, machine.instruments, machine.slots)
    return deal_for(len(job.sets), machine.tape.rows, machine.instruments, threads, one)


def finished(out: Path, identity: Mapping[str, Any]) -> SweepResult | None:
    """The complete result of this very sweep, if the folder holds it: there is nothing to go on with.

    That of another is refused by the name of what differs: who asks to go on does not mean to write over it.
    """
    if read_manifest(out / FOLDER) is not None:
        return None
    try:
        found = load_sweep(out)
    except Refused:
        return None
    for key in ("spec_hash", "code_hash", "data_hash"):
        if getattr(found.about, key) != identity[key]:
            fix = "write to another folder, or leave --resume out to write over it"
            raise Refused(f"the sweep in the folder is of {SAID[key]}: {key} differs", where=str(out), fix=fix)
    return found if found.sets == found.planned else None


@contextlib.contextmanager
def nothing_lost() -> Iterator[None]:
    """A full disk says that what is finished is kept."""
    try:
        yield
    except OSError as error:
        raise NotWritten(f"{error}; what is finished is kept, and --resume goes on from it") from error


def finish(result: SweepResult, out: Path) -> SweepResult:
    """Write the result's files; a complete one needs its checkpoint no more, and is read from its own table then."""
    if result.stored == out / TABLE:  # it was complete before
        return result
    with nothing_lost():
        result.save(out)
    if result.sets < (result.planned or 0):
        return result
    params, columns = stored_columns(out / TABLE)
    there = replace(result, params=params, columns=columns, stored=out / TABLE)
    for name in ("best_row", "best", "honesty", "problems", "figures"):
        there.__dict__[name] = getattr(result, name)
    forget(out)
    return there


def workers() -> int:
    """Threads of a sweep: HURACAN_THREADS, else one for each core."""
    asked = os.environ.get("HURACAN_THREADS", "").strip() or "0"
    if not asked.isascii() or not asked.isdigit():
        fix = "give a whole number of threads, or 0 or nothing for one each core"
        raise Refused(f"HURACAN_THREADS is {asked!r}", where="environment", fix=fix)
    return int(asked) or os.cpu_count() or 1


def run_blocks(job: Job, planned: Iterable[SetBlock], parts: Parts, progress: Progress | None) -> None:
    """Every block that is not finished yet; on Ctrl-C those under way are given up and the rest is left."""
    pace, threads = Pace(), workers()
    done, total = 0, len(job.sets)
    waiting: dict[Future[Any], int] = {}

    def settle(until: int) -> None:
        """Wait until no more than so many blocks are under way."""
        nonlocal done
        while len(waiting) > until:
            ready, _ = wait(waiting, timeout=TICK_S if progress is not None else None, return_when=FIRST_COMPLETED)
            for each in ready:
                done += waiting.pop(each)
                each.result()
            if progress is not None:
                progress(done + int(sum(list(pace.under_way.values()))), total)

    with ThreadPoolExecutor(threads) as pool:
        try:
            dealt = iter(planned)
            ahead = list(islice(dealt, SHARE * threads + 1))
            strips = Strips()
            chunks = chunks_of(job.machine) if len(ahead) > SHARE * threads else None
            beside = Beside(chunks, strips, threading.Lock()) if threads > 1 else Beside(chunks)
            job = replace(job, beside=beside)
            for block in chain(ahead, dealt):
                if parts.has(block.name):
                    done += len(block.numbers)
                    continue
                strips.more()
                future = pool.submit(run_and_keep, job, block, parts, pace)
                future.add_done_callback(strips.ended)
                waiting[future] = len(block.numbers)
                settle(2 * threads - 1)
            for _ in range(threads - 1):
                pool.submit(strips.help)  # begins when no block is left
            settle(0)
        except KeyboardInterrupt:
            pace.stop.set()
        except BaseException:
            pace.stop.set()
            raise
        finally:
            for each in waiting:
                each.cancel()


def run_and_keep(job: Job, block: SetBlock, parts: Parts, pace: Pace) -> None:
    """One block, from its sets to its part."""
    lanes, rows = len(block.numbers), job.machine.tape.rows

    def watch(row: int) -> None:
        if pace.stop.is_set():
            raise Stopped
        pace.under_way[block.name] = lanes * min(row / rows, 1.0)

    try:
        if not pace.stop.is_set():
            parts.save(block.name, run_part(job, block.numbers, watch))
    except Stopped:
        pass
    finally:
        pace.under_way.pop(block.name, None)


def run_part(job: Job, numbers: Ints, watch: Callable[[int], None] | None = None) -> Part:
    """The sets of these numbers over the whole tape."""
    machine = job.machine
    with job.beside.turn:
        block = lanes_of(machine, job.sets, numbers)
    looks = Looks(job.cuts, first_live(machine), np.asarray(block.lanes.settings["cash"]))
    drive_any(machine, block, looks, watch, job.beside)
    return part_of(job, numbers, block, looks)


def part_of(job: Job, numbers: Ints, block: AnyBlock, looks: Looks) -> Part:
    """What is kept of a block that has run: a row a set, and the returns of some sets."""
    machine = job.machine
    stats, acct = np.asarray(block.lanes.stats), accounts(block.lanes)
    sides = np.asarray(block.lanes.desks["side"])
    figures = figure_columns(
        stats,
        acct,
        np.asarray(block.lanes.settings),
        periods=machine.spec.run.periods,
        start_ns=machine.start_ns,
        end_ns=machine.end_ns,
        open_trades=(sides != 0).sum(axis=1),
    )
    swept = zip(job.sets.grid.keys, job.sets.grid.picked(numbers), strict=True)
    columns = {f"p.{key}": column for key, column in swept} | figures
    returns = looks.returns()
    if job.inside < len(job.cuts):
        year = job.cuts.a_year**0.5
        halves = scores(returns, [[(0, job.inside)], [(job.inside, len(job.cuts))]]) * year
        alive = ~figures["bankrupt"]
        columns |= {IN_SAMPLE: halves[0], OUT_OF_SAMPLE: np.where(alive, halves[1], np.nan)}
    columns["set"] = numbers
    places = kept_places(job, numbers, returns, columns[job.rank_by])
    kept = Returns(numbers[places], np.ascontiguousarray(returns.T[places]))
    return Part(columns, kept, refusals(block, machine.linked))


def kept_places(job: Job, numbers: Ints, returns: Any, rank: Any) -> Ints:
    """Whose returns are kept: of the sample, of the block's best, and of its best on each split's training part."""
    kept = sampled(job, numbers)
    known = np.where(np.isfinite(rank), rank, -np.inf)
    kept[np.lexsort((numbers, -known))[0]] = True  # of equals the lowest number: a block is in the order of tiles
    if job.validation is not None and job.validation.splits and not kept.all():
        best = winners(scores(returns, [split.train for split in job.validation.splits]), numbers)
        kept[best[best >= 0]] = True
    return np.flatnonzero(kept)
