"""The lanes of a sweep: from numbers of sets to the machine's records, a block at a time, so that memory is bounded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.either_venue import AnyBlock, AnyMachine, lanes_with, settings_of, timeframe_of
from huracan.grid import Grid
from huracan.sim import columns as feature_columns
from huracan.sim.declare import Declaration, Param
from huracan.sim.feature import uses
from huracan.sim.refusal import Refused
from huracan.spec import with_values
from huracan.spec_fields import WHOLE_PRICE_BPS
from huracan.spec_records import Spec

Records = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
STRETCH = 1 << 16  # sets that are laid out, and later put back into order, in one go
MOST_VARIANTS = 1000  # values of a key of [venue] or [account] that are each tried before the run
SECTIONS = ("venue.", "account.")


@dataclass(frozen=True)
class Sets:
    """The sets of a sweep, what is fixed for all of them, and where each swept key belongs."""

    grid: Grid
    base: tuple[Records, ...]  # settings of the spec itself, of as many kinds as the venue has
    declared: tuple[Declared, ...]  # the strategy, then each gate
    seen: dict[tuple[str, Any], tuple[Records, ...]] = field(default_factory=dict)  # settings by swept key and value

    def __len__(self) -> int:
        return len(self.grid)

    @property
    def slots(self) -> list[tuple[str, ...]]:
        """Of every declared feature the swept keys that it depends on; features that depend on none are left out."""
        return [tuple(d.prefix + name for name in used) for d in self.declared for used in d.slots.values() if used]


@dataclass(frozen=True)
class Declared:
    """One declaration with its values and the names of those of its parameters that are swept."""

    declaration: Declaration
    values: Mapping[str, float]
    dtype: np.dtype[Any]
    prefix: str
    swept: tuple[str, ...]
    slots: Mapping[str, tuple[str, ...]]  # feature → swept parameters that it depends on


def make_sets(machine: AnyMachine, grid: Grid) -> Sets:
    """Where the swept keys belong; an unknown one, and a value that its parameter can't have, is refused."""
    spec, code = machine.spec, machine.code
    dtypes = [machine.linked.p, *(g.p for g in machine.linked.gates)]
    prefixes = ["", *(f"gates.{g.name}." for g in spec.gates)]
    known = {f"{prefix}{name}" for d, prefix in zip(code.declarations, prefixes, strict=True) for name in d.params}
    for key in grid.keys:
        if key not in known and not key.startswith(SECTIONS):
            from huracan.words import nearest

            fix = nearest(key, known) or f"the parameters are {', '.join(sorted(known))}"
            raise Refused(f"{key!r} is no parameter", where=f"sweep.{key}", fix=fix)
    declared = []
    for d, values, dtype, prefix in zip(code.declarations, code.values(spec), dtypes, prefixes, strict=True):
        swept = tuple(name for name in d.params if prefix + name in grid.keys)
        slots = {name: tuple(u for u in used if u in swept) for name, used in uses(d.features).items()}
        declared.append(Declared(d, values, dtype, prefix, swept, slots))
    sets = Sets(grid, settings_of(machine, spec), tuple(declared))
    check_values(sets, spec)
    return sets


def check_values(sets: Sets, spec: Spec) -> None:
    """Every value of every swept parameter, before anything runs: types, ranges, and contradictions."""
    for d in sets.declared:
        for name in d.swept:
            key = d.prefix + name
            check_column(d.declaration.params[name], values_of(sets.grid, key), f"sweep.{key}")
    given = {name for name, value in spec.strategy.params.items() if value} | set(sets.declared[0].swept)
    if {"qty", "fraction"} <= given:
        fix = "keep one of them: a quantity in units, or a share of equity"
        raise Refused("qty and fraction contradict each other", where="sweep", fix=fix)


def check_costs(spec: Spec, also: Sequence[Spec]) -> None:
    """Half-spread and slippage are below the whole price in every variant; so they must be where sets combine them."""
    venues = [each.venue for each in (spec, *also)]
    both = max(v.given_half_bps for v in venues) + max(v.given_slip_bps for v in venues)
    if both >= WHOLE_PRICE_BPS:
        what = (
            f"venue.half_spread_bps and venue.slippage_bps come to {both:,.6g} bps together, the whole price and more"
        )
        raise Refused(what, where="sweep", fix="sweep smaller ones: less than 10,000 together")


def check_column(p: Param, values: Records, where: str) -> None:
    """Refuse the first of some rising values that the parameter can't have; of most numbers both ends tell."""
    if values.dtype.kind == "i" or (values.dtype.kind == "f" and p.kind == "number"):
        with contextlib.suppress(Refused):
            for value in values[[0, -1]]:
                p.value(plain(value), where)
            return
    for value in values:
        p.value(plain(value), where)


def stretches(grid: Grid) -> Iterator[list[Records]]:
    """The columns of all sets, a stretch at a time."""
    for lo in range(0, len(grid), STRETCH):
        yield grid.columns(lo, lo + STRETCH)


def values_of(grid: Grid, key: str) -> Records:
    """The different values that the sets have of a key, rising."""
    return grid.distinct([grid.keys.index(key)], len(grid))[1][0]


def plain(value: Any) -> Any:
    """A value as the spec would have it."""
    return value.item() if hasattr(value, "item") else value


def variants(spec: Spec, grid: Grid) -> list[Spec]:
    """The spec with each swept value of [venue] and [account] in its place; of very many numbers both ends.

    It says what tape and build must hold ready for some lane.
    """
    found = []
    for key in grid.keys:
        if key.startswith(SECTIONS):
            values = values_of(grid, key)
            if len(values) > MOST_VARIANTS:
                values = values[[0, -1]]
            found += [with_values(spec, {key: plain(value)}) for value in values]
    return found


def lanes_of(machine: AnyMachine, sets: Sets, numbers: Ints) -> AnyBlock:
    """Lanes for the sets of these numbers, at the start of the tape."""
    swept = dict(zip(sets.grid.keys, sets.grid.picked(numbers), strict=True))
    settings = settings_rows(machine, sets, numbers, swept)
    wanted: dict[Any, int] = {}
    params = [param_rows(d, swept, len(numbers), wanted) for d in sets.declared]
    plan = feature_columns.plan(wanted, machine.instruments, timeframe_of(machine))
    at = np.array([plan.base[column] for column in wanted] or [0], np.int64)
    for own in params:
        for name in own.dtype.names or ():
            if name.startswith("c_"):
                own[name] = at[own[name]]
    return lanes_with(machine, settings, params[0], params[1:], plan)


def settings_rows(machine: AnyMachine, sets: Sets, numbers: Ints, swept: Mapping[str, Records]) -> tuple[Records, ...]:
    """The settings of each lane: the spec's, with what each swept key of [venue] and [account] changes in them."""
    out = tuple(np.repeat(base, len(numbers)) for base in sets.base)
    out[0]["lane"] = numbers
    for key, column in swept.items():
        if not key.startswith(SECTIONS):
            continue
        for value in np.unique(column):
            other = sets.seen.get((key, plain(value)))
            if other is None:
                other = settings_of(machine, with_values(machine.spec, {key: plain(value)}))
                if len(sets.seen) < MOST_VARIANTS:
                    sets.seen[key, plain(value)] = other
            here = column == value
            for mine, base, its in zip(out, sets.base, other, strict=True):
                for name in base.dtype.names or ():
                    if not np.array_equal(base[name], its[name]):
                        mine[name][here] = its[name][0]
    return out


def param_rows(d: Declared, swept: Mapping[str, Records], n: int, wanted: dict[Any, int]) -> Records:
    """Parameter records of some lanes; c_* fields hold the place of each lane's feature column in `wanted`."""
    out = np.zeros(n, d.dtype)
    for name, p in d.declaration.params.items():
        out[name] = encoded(p, swept[d.prefix + name]) if name in d.swept else d.values[name]
    for feature, used in d.slots.items():
        combos, place = distinct_rows([np.asarray(out[name], np.float64) for name in used], n)
        columns = feature_columns.columns_of(feature, d.declaration.features, d.values, used, combos)
        at = np.array([wanted.setdefault(column, len(wanted)) for column in columns], np.int64)
        out[f"c_{feature}"] = at[place]
    return out


def distinct_rows(columns: list[Records], n: int) -> tuple[list[list[float]], Ints]:
    """(the different rows that some columns make, and for each of their n rows which of them it is)."""
    if not columns:
        return [[]], np.zeros(n, np.int64)
    if len(columns) == 1:
        values, place = np.unique(columns[0], return_inverse=True)
        return [[value] for value in values.tolist()], place
    rows, place = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return rows.tolist(), place.reshape(-1)


def encoded(p: Param, column: Records) -> Records:
    """Swept values as the machine sees them; they were checked before."""
    if p.choices:
        words = {word: k for k, word in enumerate(p.choices)}
        return np.array([words[str(word)] for word in column.tolist()], np.float64)
    return np.asarray(column, np.float64)


def feature_count(sets: Sets) -> int:
    """Distinct feature columns that all sets together read; counted by values, where they are very many an estimate."""
    found: set[Any] = set()
    more = 0
    for d in sets.declared:
        for name, used in d.slots.items():
            count, combos = combinations(sets, d, used)
            more += 0 if combos else count
            found.update(feature_columns.columns_of(name, d.declaration.features, d.values, used, combos))
    return len(found) + more


def combinations(sets: Sets, d: Declared, used: tuple[str, ...]) -> tuple[int, list[list[float]]]:
    """How many combinations of some swept parameters' values there are, and they themselves unless they are many."""
    if not used:
        return 1, [[]]
    count, columns = sets.grid.distinct([sets.grid.keys.index(d.prefix + name) for name in used], STRETCH)
    stacked = [encoded(d.declaration.params[name], column) for name, column in zip(used, columns, strict=False)]
    return count, np.stack(stacked, axis=1).tolist() if stacked else []
