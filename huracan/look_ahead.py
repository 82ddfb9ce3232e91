"""Whether a sweep's lanes look ahead, many rows at once in vector registers (sim/look_ahead_code.py), and why not.

Both ways give the same bits, so this is a matter of time alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from huracan.machine import Machine
from huracan.sim import columns as feature_columns
from huracan.sim.dry_step import why_not
from huracan.sim.linker import Linked, link
from huracan.sim.refusal import Refused
from huracan.sim.stubs import is_compiled
from huracan.sim.vector_check import known_as_scalar
from huracan.spec_records import Spec

WORTH_COMPILING = 50_000_000  # bars of lanes: of fewer it saves a fifth of a second, and takes the compiler one


def with_look_ahead(machine: Machine, lanes: int, also: Sequence[Spec] = ()) -> Machine:
    """The machine with a build that looks ahead, if this sweep can use one and is long enough."""
    ahead, reason = choose(machine, lanes, also)
    always = os.environ.get("HURACAN_VECTOR") == "always"
    return replace(machine, ahead=ahead, row_by_row_because=reason, vectors_unproven=not always)


def choose(machine: Machine, lanes: int, also: Sequence[Spec]) -> tuple[Linked | None, str]:
    """(the build or nothing, why there is none)."""
    asked = os.environ.get("HURACAN_VECTOR", "auto")
    if asked not in ("auto", "always", "never"):
        raise Refused(
            f"HURACAN_VECTOR is {asked!r}", where="environment", fix="set it to auto, always or never, or unset it"
        )
    if asked == "never":
        return None, "HURACAN_VECTOR is never"
    reason = why_not_here(machine, (machine.spec, *also))
    if reason:
        return None, reason
    code = machine.code
    ahead = link(
        code.step,
        code.checks,
        machine.linked.groups,
        instruments=1,
        slots=machine.slots,
        is_wide=feature_columns.is_wide,
        ahead=True,
        sources=code.sources,
    )
    if asked == "auto" and known_as_scalar(ahead.entry):
        return None, "LLVM made no vectors of its step"
    if asked == "auto" and lanes * machine.tape.rows < WORTH_COMPILING and not is_compiled(ahead.entry):
        return None, "it is short: compiling for vectors would take longer than it saves"
    return ahead, ""


def why_not_here(machine: Machine, specs: Sequence[Spec]) -> str:
    """What is against it in this sweep; "" if nothing is."""
    groups = machine.linked.groups
    if machine.instruments != 1:
        return "it has several instruments"
    if groups.split or groups.record or groups.events:
        return "reports take time" if groups.split else "it keeps records"
    if any(s.account.borrow for s in specs):
        return "the account may borrow, at interest that is due every bar"
    return why_not_ahead(machine.code.step, machine.code.sources)


@lru_cache(maxsize=64)
def why_not_ahead(step: Callable[..., Any], sources: str) -> str:
    """Why a step can't run ahead, found out once for as long as nothing that it depends on changes; "" if it can."""
    return why_not(step)
