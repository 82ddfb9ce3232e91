"""What all blocks of a sweep share: the linked machine, the sets, where time is cut, and how the best is chosen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.code import find_code
from huracan.either_venue import AnyMachine, build_sweep, cuts_of
from huracan.grid import expand
from huracan.machine import code_hash_of, versions
from huracan.sim import layout
from huracan.sim.cuts import SAMPLE, Cuts
from huracan.sim.figures import figure_columns
from huracan.sim.refusal import Refused
from huracan.sim.strips import ALONE, Beside
from huracan.spec import spec_hash
from huracan.spec_records import Spec
from huracan.sweep_lanes import Sets, check_costs, make_sets, stretches, variants
from huracan.validation import Validation, lay_out
from huracan.words import nearest

Ints = npt.NDArray[np.int64]
IN_SAMPLE, OUT_OF_SAMPLE = "sharpe_in_sample", "sharpe_out_of_sample"


@dataclass(frozen=True)
class Job:
    """Everything that all blocks of a sweep share."""

    machine: AnyMachine
    sets: Sets
    cuts: Cuts
    validation: Validation | None
    rank_by: str
    sample: Ints  # numbers of the sets that luck is judged on, sorted
    beside: Beside = ALONE  # what its blocks share while they run

    @property
    def inside(self) -> int:
        """Cuts before the held-out end."""
        return len(self.cuts) if self.validation is None else self.validation.inside


def prepare(spec: Spec, tape: Any = None) -> Job:
    """Load, link, and find out what every set needs; whatever is wrong is refused here, before anything runs.

    `tape` is the spec's, if it was loaded before.
    """
    if spec.sweep is None:
        raise Refused(
            "the spec has no [sweep] table", where="sweep", fix="add one, as in fast = { from = 5, to = 60, step = 5 }"
        )
    grid = expand(spec.sweep, fixed_values(spec))
    also = variants(spec, grid)
    check_costs(spec, also)
    machine = build_sweep(spec, also, len(grid), tape)
    sets = make_sets(machine, grid)
    cuts = cuts_of(machine, len(sets))
    validation = lay_out(spec.sweep.validate, cuts)
    return Job(machine, sets, cuts, validation, ranked_by(spec, validation), sample_of(len(sets), spec.run.seed))


def fixed_values(spec: Spec) -> dict[str, Any]:
    """Parameters of the strategy and of gates, as given or by default, which `where` may name."""
    if spec.sweep is None or not spec.sweep.where:
        return {}
    code = find_code(spec)
    given = [("", spec.strategy.params), *((f"gates.{gate.name}.", gate.params) for gate in spec.gates)]
    found: dict[str, Any] = {}
    for (prefix, params), d in zip(given, code.declarations, strict=True):
        values = {name: each.default for name, each in d.params.items()} | dict(params)
        found |= {prefix + name: value for name, value in values.items() if isinstance(value, (int, float, str, bool))}
    return found


def ranked_by(spec: Spec, validation: Validation | None) -> str:
    """The figure that the best has most of; with a held-out end only one that does not look at it."""
    assert spec.sweep is not None
    held = validation is not None and validation.inside < validation.count
    wanted = spec.sweep.rank_by
    if held and wanted in ("sharpe", IN_SAMPLE):
        return IN_SAMPLE
    known = figure_names()
    if wanted not in known:
        fix = nearest(wanted, known) or f"the figures are {', '.join(known)}"
        raise Refused(f'there is no figure "{wanted}"', where="sweep.rank_by", fix=fix)
    if held:
        what = f'rank_by = "{wanted}" looks at the held-out end as well'
        raise Refused(what, where="sweep.rank_by", fix=f'leave it out: with holdout sets are ranked by "{IN_SAMPLE}"')
    return wanted


@cache
def figure_names() -> tuple[str, ...]:
    """The figures that every set has."""
    records = (np.zeros(1, kind) for kind in (layout.stats, layout.account, layout.settings))
    return tuple(figure_columns(*records, periods=None, start_ns=0, end_ns=1))


def sample_of(sets: int, seed: int) -> Ints:
    """All sets, or of very many some that chance picks, the same ones for the same seed."""
    if sets <= SAMPLE:
        return np.arange(sets)
    return np.sort(np.random.default_rng([seed, sets]).choice(sets, SAMPLE, replace=False))


def sampled(job: Job, numbers: Ints) -> npt.NDArray[np.bool_]:
    """Whether each of these sets is of the sample."""
    at = np.minimum(np.searchsorted(job.sample, numbers), len(job.sample) - 1)
    found: npt.NDArray[np.bool_] = job.sample[at] == numbers
    return found


def identity_of(job: Job) -> dict[str, Any]:
    """What a checkpoint must agree in: nothing of it may change under a sweep that goes on."""
    digest = hashlib.sha256(repr((len(job.sets), job.sets.grid.keys)).encode())
    if job.sets.grid.drawn is not None:
        for columns in stretches(job.sets.grid):
            for column in columns:
                digest.update(repr(column.tolist()).encode() if column.dtype.kind in "OU" else column.tobytes())
    return {
        "spec_hash": spec_hash(job.machine.spec),
        "code_hash": code_hash_of(job.machine.code),
        "data_hash": job.machine.tape.data_hash,
        "sets_hash": digest.hexdigest(),
        "versions": versions(),
    }
