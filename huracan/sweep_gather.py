"""From the finished blocks of a sweep to its result: one table in the order of the sets, and what the best is worth."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.either_venue import about_any
from huracan.sim.atomic_files import written_into
from huracan.sim.folds import scores
from huracan.sim.judgement import Evidence
from huracan.sim.out_of_sample import findings, held_out
from huracan.sim.result import plain_json
from huracan.sim.sweep_result import SweepResult
from huracan.sim.sweep_table import TableWriter, stored_columns
from huracan.sweep_blocks import SetBlock
from huracan.sweep_job import Job, sampled
from huracan.sweep_parts import Columns, Part, Parts, Returns
from huracan.trials import count_trials, strategy_name

Floats = npt.NDArray[np.float64]
Best = tuple[float, int, Floats]  # a figure, the set that has it, and its returns
ROWS = "rows.parquet"


@dataclass
class Seen:
    """What is picked up while the parts go by, so that none has to stay in memory."""

    rejections: dict[str, int] = field(default_factory=dict)
    sample: list[Returns] = field(default_factory=list)
    best: Best | None = None
    chosen: list[Best | None] = field(default_factory=list)


def gather(
    job: Job, planned: Iterable[SetBlock], parts: Parts, manifest: Mapping[str, Any], counted: Path | None
) -> SweepResult:
    """The result of what is finished; raises KeyboardInterrupt if that is nothing."""
    seen = Seen(chosen=[None] * len(job.validation.splits if job.validation else ()))
    table: Columns = {}
    writer = TableWriter(parts.folder / ROWS) if parts.folder is not None else None
    rows = 0
    for _, group in groupby(planned, key=lambda block: block.stretch):
        finished = [parts.load(block.name) for block in group if parts.has(block.name)]
        if not finished:
            continue
        for part in finished:
            pick_up(job, part, seen)
        columns = in_order(finished)
        rows += len(columns["set"])
        if writer is not None:
            with written_into(writer.path.parent):
                writer.write(columns)
        else:
            table = {k: np.concatenate([table[k], c]) for k, c in columns.items()} if table else columns
    if rows == 0:
        raise KeyboardInterrupt
    run = f"{parts.run}-{rows}"
    if writer is not None:
        with written_into(writer.path.parent):
            writer.close(run)
        give_back()
        params, figures = stored_columns(writer.path)
    else:
        params, figures = {k[2:]: c for k, c in table.items() if k.startswith("p.")}, without_values(table)  # type: ignore[assignment]
    count_trials(counted, manifest["id"], rows, {"strategy": strategy_name(job.machine.spec), "sweep": run})
    return SweepResult(
        about_any(job.machine, seen.rejections),
        params,
        figures,
        rank_by=job.rank_by,
        evidence=evidence(job, seen, manifest),
        planned=len(job.sets),
        validation=validated(job, seen),
        stored=None if writer is None else writer.path,
        run=run if writer is not None else "",
    )


def give_back() -> None:
    """Memory that is free goes back to the system, where the C library can: copies of rows are large, and over now."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError):  # not everywhere is there such a library
        ctypes.CDLL(None).malloc_trim(0)


def without_values(table: Columns) -> Columns:
    return {k: c for k, c in table.items() if not k.startswith("p.")}


def in_order(finished: list[Part]) -> Columns:
    """The rows of some parts, by number of the set."""
    numbers = np.concatenate([part.columns["set"] for part in finished])
    order = np.argsort(numbers, kind="stable")
    return {name: np.concatenate([part.columns[name] for part in finished])[order] for name in finished[0].columns}


def pick_up(job: Job, part: Part, seen: Seen) -> None:
    """Counts of refusals, returns of the sample, and whether a set of this part is the best so far at anything."""
    for name, count in part.rejections.items():
        seen.rejections[name] = seen.rejections.get(name, 0) + count
    numbers, returns = part.columns["set"], part.returns
    wanted = sampled(job, returns.numbers)
    seen.sample.append(returns if wanted.all() else Returns(returns.numbers[wanted], returns.rows[wanted]))
    rank = np.where(np.isfinite(part.columns[job.rank_by]), part.columns[job.rank_by], -np.inf)
    top = float(rank.max())
    if np.isfinite(top):  # of equals the lowest number: those of a block do not stand in order
        number = int(min(set(numbers[rank == top].tolist()) & set(returns.numbers.tolist())))
        seen.best = better(seen.best, (top, number, returns.of(number)))
    if not seen.chosen or job.validation is None or not len(returns.numbers):
        return
    found = scores(returns.rows.T, [split.train for split in job.validation.splits])
    found = np.where(np.isnan(found), -np.inf, found)
    for k, row in enumerate(found):
        at = int(np.lexsort((returns.numbers, -row))[0])
        if np.isfinite(row[at]):
            number = int(returns.numbers[at])
            seen.chosen[k] = better(seen.chosen[k], (float(row[at]), number, returns.rows[at]))


def better(one: Best | None, other: Best) -> Best:
    """The higher figure; among equals the lower number, so that no order of blocks matters."""
    if one is None or (other[0], -other[1]) > (one[0], -one[1]):
        return other
    return one


def evidence(job: Job, seen: Seen, manifest: Mapping[str, Any]) -> Evidence:
    """The returns that luck is judged by, before the held-out end; none where no set has the figure for the best."""
    inside = job.inside
    before, seed = manifest["trials_before"], job.machine.spec.run.seed
    if seen.best is None or inside < 2:
        return Evidence(np.zeros((0, 0)), 0, 0, job.cuts.step_ns, before, seed)
    numbers = np.concatenate([returns.numbers for returns in seen.sample])
    order = np.argsort(numbers)
    held = np.concatenate([returns.rows for returns in seen.sample])[order, :inside]
    _, best, returns = seen.best
    place = int(np.searchsorted(numbers[order], best))
    if best not in numbers:
        place, held = len(numbers), np.concatenate([held, returns[np.newaxis, :inside]])
    return Evidence(np.ascontiguousarray(held.T), place, len(numbers), job.cuts.step_ns, before, seed)


def validated(job: Job, seen: Seen) -> dict[str, Any] | None:
    """What was found out of sample, where the spec asks."""
    v = job.validation
    if v is None:
        return None

    def values_of(number: int) -> dict[str, Any]:
        columns = job.sets.grid.picked(np.array([number]))
        return {key: plain_json(column[0]) for key, column in zip(job.sets.grid.keys, columns, strict=True)}

    chosen = [None if best is None else best[1:] for best in seen.chosen]
    found = findings(v.method, v.splits, chosen, v.paths, job.cuts, values_of)
    found |= {"purge_spans": v.purge, "embargo_spans": v.embargo, "span_s": job.cuts.step_ns // 10**9}
    if v.inside < v.count and seen.best is not None:
        found["holdout"] = held_out(seen.best[2], v.inside, job.cuts, seen.best[1])
    return found
