"""Parameter sets that `huracan check` tries a strategy with: lively ones, the ends of ranges, and wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from huracan.code import param_values
from huracan.laws import Finding
from huracan.sim.declare import Declaration, Param
from huracan.sim.refusal import Refused


def param_sets(d: Declaration) -> list[dict[str, Any]]:
    """The defaults, and livelier ones.

    Numbers at a half and a quarter, switches turned over, `fraction` in place of `qty`.
    """
    sets: list[dict[str, Any]] = [{}]
    sets += [
        {name: livelier(p, share) for name, p in d.params.items() if name not in ("qty", "fraction")}
        for share in (0.5, 0.25)
    ]
    if "fraction" in d.params:
        sets[-1]["fraction"] = within(d.params["fraction"], 0.5)
    return sets


def livelier(p: Param, share: float) -> Any:
    """A share of a number within its range, the other value of a switch, the last of some choices."""
    if p.kind == "choice":
        return p.choices[-1]
    if p.kind == "bool":
        return not p.default
    assert not isinstance(p.default, str)
    return within(p, p.default * share)


def within(p: Param, x: float) -> float | int:
    """A number of the parameter's kind and range near x."""
    low = -np.inf if p.low is None else p.low
    high = np.inf if p.high is None else p.high
    x = min(max(x, low), high)
    return int(np.ceil(x)) if p.kind == "integer" else float(x)


def wrong_values(d: Declaration) -> Iterator[tuple[str, Any]]:
    """A name that is no parameter, and for each parameter values beyond its range and of other types."""
    yield "no_such_parameter", 1
    for name, p in d.params.items():
        yield from ((name, value) for value in ("a text that is no choice", [1], None))
        if p.kind in ("integer", "number"):
            yield name, float("nan")
            yield name, True
            if p.low is not None:
                yield name, p.low - 1
            if p.high is not None:
                yield name, p.high + 1
        if p.kind == "integer":
            yield name, 1.5


def ends_of_ranges(d: Declaration) -> Iterator[dict[str, Any]]:
    """Each parameter alone at either end of its range, or at each of its choices."""
    for name, p in d.params.items():
        if p.kind == "choice":
            yield from ({name: choice} for choice in p.choices)
        elif p.kind == "bool":
            yield from ({name: value} for value in (False, True))
        else:
            yield from ({name: within(p, end)} for end in (p.low, p.high) if end is not None)


def wrong_parameters(d: Declaration) -> Iterator[Finding]:
    """Law 8: what parameters may not be is refused with where and what to do."""
    for name, value in wrong_values(d):
        where = "it was accepted"
        try:
            param_values(d, {name: value}, "strategy.params")
        except Refused as refused:
            where = (
                ""
                if refused.where.endswith(name) and refused.fix
                else f"refused without where or what to do: {refused}"
            )
        yield Finding(8, not where, f"{name} = {value!r}", where)
