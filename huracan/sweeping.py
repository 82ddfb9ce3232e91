"""A sweep: the same path as one run, with a lane for each set.

Blocks of lanes outside, chunks of tape inside, a thread a block.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.grid import Grid, expand
from huracan.load import load_tape
from huracan.machine import CHUNK, Machine, about, base_settings, build, drive, make_block
from huracan.sim import columns as feature_columns
from huracan.sim.declare import Declaration
from huracan.sim.figures import figure_columns, rejections
from huracan.sim.lanes import accounts, no_recorder
from huracan.sim.refusal import Refused
from huracan.sim.sweep_result import SweepResult
from huracan.sim.tape import first_ns
from huracan.spec import with_values
from huracan.spec_records import Spec

Records = npt.NDArray[Any]
TABLE_BYTES = 48 << 20  # of feature columns that one thread keeps for one chunk
MAX_BLOCK = 1024


@dataclass(frozen=True)
class Sets:
    """All lanes of a sweep as arrays: settings, parameters of strategy and gates, and the feature columns they read."""

    grid: Grid
    settings: Records
    params: tuple[Records, ...]  # of the strategy, then of each gate; c_* fields hold places in `wanted`
    wanted: tuple[Any, ...]


def sweep_run(spec: Spec, *, progress: Callable[[int, int], None] | None = None) -> SweepResult:
    """Run every set and return a row for each; on Ctrl-C the sets that were finished."""
    machine, sets = prepare(spec)
    n = len(sets.grid)
    blocks = split(n, workers(), machine, sets)
    done: dict[int, tuple[Records, Records, Records]] = {}
    finished = 0
    with ThreadPoolExecutor(workers()) as pool:
        waiting: dict[Future[Any], int] = {pool.submit(run_block, machine, sets, lo, hi): lo for lo, hi in blocks}
        try:
            while waiting:
                ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for f in ready:
                    lo = waiting.pop(f)
                    done[lo] = f.result()
                    finished += len(done[lo][0])
                    if progress is not None:
                        progress(finished, n)
        except KeyboardInterrupt:
            for f in waiting:
                f.cancel()
            if not done:
                raise
    return gather(machine, sets, blocks, done)


def prepare(spec: Spec) -> tuple[Machine, Sets]:
    """Load, link, and lay out the lanes."""
    if spec.sweep is None:
        raise Refused(
            "the spec has no [sweep] table", where="sweep", fix="add one, as in fast = { from = 5, to = 60, step = 5 }"
        )
    grid = expand(spec.sweep, fixed_values(spec))
    also = variants(spec, grid)
    tape = load_tape(spec, also)
    machine = build(spec, tape, record=False, also=also)
    return machine, lay_out(machine, grid)


def variants(spec: Spec, grid: Grid) -> list[Spec]:
    """The spec with each swept value of [venue] and [account] in its place.

    It says what tape and build must hold ready for some lane.
    """
    found = []
    for key, column in zip(grid.keys, grid.columns(), strict=True):
        if key.startswith(("venue.", "account.")):
            found += [
                with_values(spec, {key: value.item() if hasattr(value, "item") else value})
                for value in np.unique(column)
            ]
    return found


def fixed_values(spec: Spec) -> dict[str, Any]:
    """Parameters that `where` may name although they are not swept."""
    return {k: v for k, v in spec.strategy.params.items() if isinstance(v, (int, float, str, bool))}


def lay_out(machine: Machine, grid: Grid) -> Sets:
    """Every lane's records, filled column by column."""
    spec, code, n = machine.spec, machine.code, len(grid)
    swept = dict(zip(grid.keys, grid.columns(), strict=True))
    settings = np.repeat(base_settings(machine, spec), n)
    settings["lane"] = np.arange(n)
    for key, column in swept.items():
        if key.startswith(("venue.", "account.")):
            sweep_settings(machine, settings, key, column)
    params, wanted = [], dict[Any, int]()
    values = code.values(spec)
    dtypes = [machine.linked.p, *(g.p for g in machine.linked.gates)]
    prefixes = ["", *(f"gates.{g.name}." for g in spec.gates)]
    for d, base, dtype, prefix in zip(code.declarations, values, dtypes, prefixes, strict=True):
        own = {name: swept[prefix + name] for name in d.params if prefix + name in swept}
        params.append(param_rows(machine, d, base, own, dtype, n, wanted, prefix or "strategy.params."))
    known = {f"{prefix}{name}" for d, prefix in zip(code.declarations, prefixes, strict=True) for name in d.params}
    for key in swept:
        if key not in known and not key.startswith(("venue.", "account.")):
            raise Refused(
                f"{key!r} is no parameter", where=f"sweep.{key}", fix=f"the parameters are {', '.join(sorted(known))}"
            )
    return Sets(grid, settings, tuple(params), tuple(wanted))


def sweep_settings(machine: Machine, settings: Records, key: str, column: npt.NDArray[Any]) -> None:
    """One swept key of [venue] or [account]: whatever it changes in the settings record, value by value."""
    base = base_settings(machine, machine.spec)
    for value in np.unique(column):
        plain = value.item() if hasattr(value, "item") else value
        other = base_settings(machine, with_values(machine.spec, {key: plain}))
        here = column == value
        for name in base.dtype.names or ():
            if not np.array_equal(base[name], other[name]):
                settings[name][here] = other[name][0]


def param_rows(
    machine: Machine,
    d: Declaration,
    base: Mapping[str, float],
    swept: Mapping[str, npt.NDArray[Any]],
    dtype: np.dtype[Any],
    n: int,
    wanted: dict[Any, int],
    where: str,
) -> Records:
    """Parameter records of all lanes of one declaration; every distinct feature column gets a place in `wanted`."""
    out = np.zeros(n, dtype)
    values: dict[str, npt.NDArray[Any]] = {}
    for name, p in d.params.items():
        if name in swept:
            distinct, place = np.unique(swept[name], return_inverse=True)
            encoded = np.array([p.value(v.item() if hasattr(v, "item") else v, where + name) for v in distinct])
            values[name] = encoded[place]
        else:
            values[name] = np.full(n, base[name])
        out[name] = values[name]
    used = [name for name in d.params if name in swept and name in feature_params(d)]
    if used:
        combos, place = np.unique(np.stack([values[name] for name in used], axis=1), axis=0, return_inverse=True)
        place = place.reshape(-1)
    else:
        combos, place = np.zeros((1, 0)), np.zeros(n, np.int64)
    for i, combo in enumerate(combos):
        here = {**base, **dict(zip(used, (float(x) for x in combo), strict=True))}
        columns = feature_columns.resolve(d.features, here)
        lanes = place == i
        for name, column in columns.items():
            out[f"c_{name}"][lanes] = wanted.setdefault(column, len(wanted))
    return out


def feature_params(d: Declaration) -> frozenset[str]:
    """Parameters that a declaration's features depend on."""
    return frozenset(a for f in d.features.values() for a in f.args if isinstance(a, str) and a in d.params)


def workers() -> int:
    """Threads of a sweep: HURACAN_THREADS, else one for each core."""
    return int(os.environ.get("HURACAN_THREADS", "0")) or os.cpu_count() or 1


def split(n: int, threads: int, machine: Machine, sets: Sets) -> list[tuple[int, int]]:
    """Blocks of neighbouring lanes: enough for every thread, so small that a block's feature columns stay in bounds."""
    size = min(max(-(-n // threads), 1), MAX_BLOCK)
    most = max(TABLE_BYTES // (8 * CHUNK * machine.instruments), 1)
    blocks: list[tuple[int, int]] = []
    lo = 0
    while lo < n:
        hi = min(lo + size, n)
        while hi - lo > 1 and len(places(sets, lo, hi)) > most:
            hi = lo + (hi - lo) // 2
        blocks.append((lo, hi))
        lo = hi
    return blocks


def places(sets: Sets, lo: int, hi: int) -> npt.NDArray[np.int64]:
    """Distinct feature columns of lanes lo..hi."""
    found = [p[name][lo:hi] for p in sets.params for name in p.dtype.names or () if name.startswith("c_")]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def run_block(machine: Machine, sets: Sets, lo: int, hi: int) -> tuple[Records, Records, Records]:
    """Lanes lo..hi over the whole tape: (stats, account, sides of open trades)."""
    wanted = [sets.wanted[i] for i in places(sets, lo, hi)]
    rows = feature_columns.plan(wanted, machine.instruments).base
    at = np.zeros(max(len(sets.wanted), 1), np.int64)
    for i in places(sets, lo, hi):
        at[i] = rows[sets.wanted[i]]
    params = []
    for p in sets.params:
        own = p[lo:hi].copy()
        for name in own.dtype.names or ():
            if name.startswith("c_"):
                own[name] = at[own[name]]
        params.append(own)
    block = make_block(machine, sets.settings[lo:hi].copy(), params[0], params[1:], wanted)
    drive(machine, block, no_recorder())
    lanes = block.lanes
    return np.asarray(lanes.stats), accounts(lanes), np.asarray(lanes.desks["side"])


def gather(
    machine: Machine,
    sets: Sets,
    blocks: Sequence[tuple[int, int]],
    done: Mapping[int, tuple[Records, Records, Records]],
) -> SweepResult:
    """The finished blocks as one table, in the order of the sets."""
    kept = [(lo, hi) for lo, hi in blocks if lo in done]
    stats, acct, sides = (np.concatenate([done[lo][i] for lo, _ in kept]) for i in range(3))
    index = np.concatenate([np.arange(lo, hi) for lo, hi in kept])
    tape = machine.tape
    columns = figure_columns(
        stats,
        acct,
        sets.settings[index],
        periods=machine.spec.run.periods,
        start_ns=first_ns(tape),
        end_ns=int(tape.close_ns[-1]),
        open_trades=(sides != 0).sum(axis=1),
    )
    swept = {key: column[index] for key, column in zip(sets.grid.keys, sets.grid.columns(), strict=True)}
    refused = rejections(stats, acct)
    return SweepResult(about(machine, refused), swept, columns, planned=len(sets.grid))


def plan_sweep(spec: Spec) -> dict[str, Any]:
    """What a sweep would run."""
    machine, sets = prepare(spec)
    blocks = split(len(sets.grid), workers(), machine, sets)
    lane = (
        sum(np.dtype(a.dtype).itemsize for a in (sets.settings, *sets.params))
        + 400 * machine.slots * machine.instruments
    )
    widest = max(hi - lo for lo, hi in blocks)
    table = max(len(places(sets, lo, hi)) for lo, hi in blocks) * 8 * CHUNK * machine.instruments
    return {
        "sets": len(sets.grid),
        "bars": machine.tape.rows,
        "instruments": machine.instruments,
        "feature_columns": len(sets.wanted),
        "blocks": len(blocks),
        "threads": workers(),
        "memory_bytes": int(workers() * (widest * lane + table) + len(sets.grid) * 1000),
    }
