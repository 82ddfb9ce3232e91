"""What a strategy and its gates have declared, as the records that their stub works on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from huracan.sim.declare import Declaration
from huracan.sim.plain_copy import to_run
from huracan.sim.refusal import Refused


@dataclass(frozen=True)
class GateRecords:
    """The records of one gate."""

    name: str
    p: np.dtype[Any]
    u: np.dtype[Any]
    f: np.dtype[Any]
    wide: np.dtype[Any]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Bound:
    """What a stub finds when it asks for its functions."""

    step: Callable[..., Any]
    checks: tuple[Callable[..., Any], ...]
    p: np.dtype[Any]
    u: np.dtype[Any]
    f: np.dtype[Any]
    wide: np.dtype[Any]
    gates: tuple[GateRecords, ...]


def declaration(fn: Callable[..., Any], role: str) -> Declaration:
    """What a function declared; refused if it is not a strategy (a gate)."""
    d = getattr(fn, "__huracan__", None)
    if not isinstance(d, Declaration) or d.role != role:
        raise Refused(f"{getattr(fn, '__name__', fn)!r} is not a {role}", fix=f"put @{role}(...) above it")
    return d


def param_record(d: Declaration, is_wide: Callable[[str, Any], bool]) -> np.dtype[Any]:
    """Record of a declaration's parameters, then a table row for each of its features."""
    fields = [(n, "f8" if p.kind == "number" else "i8") for n, p in d.params.items()]
    fields += [(f"c_{n}", "i8") for n in d.features]
    return np.dtype(fields or [("none", "i8")], align=True)


def state_record(d: Declaration) -> np.dtype[Any]:
    """Record of a declaration's own state: numbers and fixed arrays of numbers."""
    fields: list[Any] = []
    for n, v in d.state.items():
        first = v[0] if isinstance(v, (list, tuple)) and v else v
        if isinstance(first, bool) or not isinstance(first, (int, float)):
            raise Refused(
                f"state {n!r} starts as {v!r}",
                where=f"{d.name}: state",
                fix="use numbers or lists of numbers, e.g. n=0, last=[0.0] * 16",
            )
        kind = "i8" if isinstance(first, int) else "f8"
        fields.append((n, kind, (len(v),)) if isinstance(v, (list, tuple)) else (n, kind))
    return np.dtype(fields or [("none", "i8")], align=True)


def feature_records(d: Declaration, is_wide: Callable[[str, Any], bool]) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Records of the features that each instrument has, and of those of the whole."""
    each = [(n, "f8") for n, f in d.features.items() if not is_wide(n, d.features)]
    wide = [(n, "f8") for n, f in d.features.items() if is_wide(n, d.features)]
    return np.dtype(each or [("none", "f8")], align=True), np.dtype(wide or [("none", "f8")], align=True)


def initial_state(d: Declaration, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """One record of own state as declared."""
    record = np.zeros(1, dtype)
    for n, v in d.state.items():
        record[n][0] = v
    return record


def bind(
    step: Callable[..., Any], checks: Sequence[Callable[..., Any]], is_wide: Callable[[str, Any], bool]
) -> tuple[Declaration, list[Declaration], Bound]:
    """What a strategy and its gates declared, and what their stub will ask for, whatever the venue."""
    d = declaration(step, "strategy")
    gate_declarations = [declaration(c, "gate") for c in checks]
    f, wide = feature_records(d, is_wide)
    records = []
    for gd in gate_declarations:
        gf, gwide = feature_records(gd, is_wide)
        records.append(GateRecords(gd.name, param_record(gd, is_wide), state_record(gd), gf, gwide, gd.reasons))
    run_step, *run_checks = to_run(step, *checks)
    here = Bound(run_step, tuple(run_checks), param_record(d, is_wide), state_record(d), f, wide, tuple(records))
    return d, gate_declarations, here
