"""The linker: writes the small stub that binds one strategy and its gates to one build of the kernel, and imports it.

A stub's name hashes everything that its machine code depends on: the kernel's and the helpers' sources, the strategy's
and the gates' files, the record layout, the groups and numba itself. Only the stub's entry is cached on disk, so that
an edited helper can't leave old code running.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from huracan.sim import layout
from huracan.sim.builds import Groups
from huracan.sim.declared import Bound, GateRecords, bind
from huracan.sim.dry_step import goes_through_orders
from huracan.sim.look_ahead_code import Ahead
from huracan.sim.sources import kernel_sources, strategy_sources
from huracan.sim.stub_code import stub_text
from huracan.sim.stubs import load_stub


@dataclass(frozen=True)
class Linked:
    """A linked machine: its entry, and the records that it expects for parameters, own state and features."""

    entry: Callable[..., int]
    p: np.dtype[Any]
    u: np.dtype[Any]
    f: np.dtype[Any]
    wide: np.dtype[Any]
    gates: tuple[GateRecords, ...]
    groups: Groups
    code_hash: str


_lock = threading.RLock()
_bound: dict[str, Bound] = {}


def bound(key: str) -> Bound:
    """The functions and records that the linker has put down for a stub."""
    return _bound[key]


def imported(text: str, key: str, here: Bound) -> ModuleType:
    """A stub with this text, which finds under its key what it binds."""
    with _lock:
        _bound[key] = here
        return load_stub(text, kernel_paths())


def link(
    step: Callable[..., Any],
    checks: Sequence[Callable[..., Any]],
    groups: Groups,
    *,
    instruments: int,
    slots: int,
    is_wide: Callable[[str, Any], bool],
    ahead: bool = False,
    sources: str = "",
) -> Linked:
    """Bind a strategy and its gates to a build of the kernel.

    From the cache if nothing it depends on has changed, else compiled at the first call. `ahead`: the step of a
    sweep with one instrument, which must have a dry one (dry_step.py), looks ahead. `sources`: what `strategy_sources`
    says of step and checks, if it was asked just now.
    """
    sources = sources or strategy_sources([step, *checks])
    return link_once((step, *checks), sources, groups, slots if instruments == 1 else 0, is_wide, ahead)


@lru_cache(maxsize=64)
def link_once(
    functions: tuple[Callable[..., Any], ...],
    sources: str,
    groups: Groups,
    slots: int,
    is_wide: Callable[[str, Any], bool],
    ahead: bool,
) -> Linked:
    """The same, once for as long as the sources stay; `slots` are 0 where there are several instruments."""
    step, *checks = functions
    d, gate_declarations, here = bind(step, checks, is_wide)
    records = (here.p.descr, here.u.descr, here.f.descr, here.wide.descr)
    identity = repr((groups, slots, ahead, layout.layout_hash(), sources, *records))
    identity += repr([(r.p.descr, r.u.descr, r.f.descr, r.wide.descr) for r in here.gates]) + kernel_sources()
    key = hashlib.sha256(identity.encode()).hexdigest()[:20]
    look = Ahead(not groups.resting and goes_through_orders(step)) if ahead else None
    text = stub_text(key, groups, d, gate_declarations, slots, is_wide, look)
    entry = imported(text, key, here).entry
    return Linked(entry, here.p, here.u, here.f, here.wide, here.gates, groups, key)


def without_types(entry: Any) -> Any:
    """The compiled code of an entry that has been called before with arguments of the very same types.

    To find out the types of some forty arrays takes numba as long as a lane takes for thousands of rows. Where there is
    more than one kind of arguments, or nothing compiled, the entry itself.
    """
    made = list(getattr(entry, "overloads", {}).values())
    return made[0].entry_point if len(made) == 1 else entry


@cache
def kernel_paths() -> tuple[Path, ...]:
    """Files whose text every stub depends on."""
    room = Path(__file__).parent
    return tuple(sorted([*(room / "kernel").glob("*.py"), *(room / "costs").glob("*.py"), *room.glob("*.py")]))
