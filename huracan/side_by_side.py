"""Whether a sweep's lanes run side by side in vector registers (sim/vector.py), and why not if they don't.

Both ways give the same bits, so this is a matter of time alone: the vector build takes longer to compile, and lanes
that trade all the time leave it too often to gain.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from huracan.code import Code
from huracan.machine import Machine
from huracan.sim import columns as feature_columns
from huracan.sim.linker import Linked, link
from huracan.sim.refusal import Refused
from huracan.sim.stubs import is_compiled
from huracan.sim.vector import FEWEST, why_not
from huracan.sim.vector_check import known_as_scalar
from huracan.spec_records import Spec

WORTH_COMPILING = 3_000_000_000  # bars of lanes: below that the compiler takes longer than it saves


def with_vectors(machine: Machine, lanes: int, also: Sequence[Spec] = ()) -> Machine:
    """The machine with a build for lanes side by side, if this sweep can use one and is long enough."""
    linked, reason = choose(machine, lanes, also)
    always = os.environ.get("HURACAN_VECTOR") == "always"
    return replace(machine, side_by_side=linked, scalar_because=reason, vectors_unproven=not always)


def choose(machine: Machine, lanes: int, also: Sequence[Spec]) -> tuple[Linked | None, str]:
    """(the build or nothing, why there is none)."""
    asked = os.environ.get("HURACAN_VECTOR", "auto")
    if asked not in ("auto", "always", "never"):
        raise Refused(
            f"HURACAN_VECTOR is {asked!r}", where="environment", fix="set it to auto, always or never, or unset it"
        )
    if asked == "never":
        return None, "HURACAN_VECTOR is never"
    reason = why_not_here(machine, lanes, (machine.spec, *also))
    if reason:
        return None, reason
    linked = link(
        machine.code.step,
        machine.code.checks,
        machine.linked.groups,
        instruments=1,
        slots=machine.slots,
        is_wide=feature_columns.is_wide,
        side_by_side=True,
    )
    if asked == "auto" and known_as_scalar(linked.entry):
        return None, "LLVM made no vectors of its step"
    if asked == "auto" and lanes * machine.tape.rows < WORTH_COMPILING and not is_compiled(linked.entry):
        return None, "it is short: compiling for vectors would take longer than it saves"
    return linked, ""


def why_not_here(machine: Machine, lanes: int, specs: Sequence[Spec]) -> str:
    """What is against vectors in this sweep; "" if nothing is."""
    code: Code = machine.code
    groups = machine.linked.groups
    if machine.instruments != 1:
        return "it has several instruments"
    if lanes < FEWEST:
        return f"it has fewer than {FEWEST} sets"
    if groups.split or groups.record or groups.events:
        return "reports take time" if groups.split else "it keeps records"
    if any(s.account.borrow for s in specs):
        return "the account may borrow, at interest that is due every bar"
    if any(d.features for d in code.gate_declarations):
        return "a gate has features of its own"
    return why_not(code.step, code.declaration)
