"""How a strategy or a gate says what it is: decorators that only write down, and compile and import nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from huracan.sim.refusal import Refused

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Param:
    """A parameter: its default, the range it may lie in (ends included), or the choices it has."""

    default: float | int | bool | str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """One of "bool", "integer", "number", "choice"."""
        if self.choices:
            return "choice"
        if isinstance(self.default, bool):
            return "bool"
        return "integer" if isinstance(self.default, int) else "number"

    def value(self, given: Any, where: str) -> float | int:
        """The number that the machine sees for a given value; refused if it is of another type or out of range."""
        kind = self.kind
        if kind == "choice":
            if given not in self.choices:
                raise Refused(
                    f"{given!r} is not one of {', '.join(self.choices)}", where=where, fix="choose one of them"
                )
            return self.choices.index(given)
        if kind == "bool":
            if not isinstance(given, bool):
                raise Refused(f"{given!r} is not true or false", where=where, fix="give true or false")
            return int(given)
        if isinstance(given, bool) or not isinstance(given, (int, float)) or given != given:
            raise Refused(f"{given!r} is not a number", where=where, fix="give a number")
        if kind == "integer":
            if int(given) != given:
                raise Refused(f"{given!r} is not a whole number", where=where, fix="give a whole number")
            given = int(given)
            if not -(2**63) <= given < 2**63:
                raise Refused(f"{given!r} does not fit into 64 bits", where=where, fix="give a smaller number")
        if (self.low is not None and given < self.low) or (self.high is not None and given > self.high):
            low = "-inf" if self.low is None else self.low
            high = "inf" if self.high is None else self.high
            raise Refused(f"{given!r} is out of range", where=where, fix=f"give a value from {low} to {high}")
        return given if kind == "integer" else float(given)


def param(
    default: float | int | bool | str, low: float | None = None, high: float | None = None, choices: Sequence[str] = ()
) -> Param:
    """A parameter of a strategy or a gate.

    A whole default makes it an integer, a fraction a number, True or False a bool.

    >>> param(20, 2, 2000).kind, param(1.0).kind, param("mean", choices=["mean", "median"]).kind
    ('integer', 'number', 'choice')
    """
    if choices and default not in choices:
        raise Refused(f"default {default!r} is not one of the choices {list(choices)}", where="param", fix="add it")
    if isinstance(default, str) and not choices:
        raise Refused(f"a text default {default!r} needs choices", where="param", fix="param(default, choices=[...])")
    if low is not None and high is not None and not low <= high:
        raise Refused(f"the range from {low} to {high} holds nothing", where="param", fix="exchange the two")
    return Param(default, low, high, tuple(choices))


@dataclass(frozen=True)
class Declaration:
    """What a decorated function said of itself."""

    role: str  # "strategy" or "gate"
    name: str
    params: Mapping[str, Param]
    features: Mapping[str, Any]
    state: Mapping[str, Any] = field(default_factory=dict)
    scope: str = "each"
    needs: str = ""
    clock: str = ""
    instruments: int = 0
    reasons: tuple[str, ...] = ()


def strategy(
    *bare: Any,
    params: Mapping[str, Param] | None = None,
    features: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
    scope: str = "each",
    needs: str = "",
    clock: str = "",
    instruments: int = 0,
) -> Callable[[Function], Function]:
    """Declare a strategy's `step(ctx)`; the function itself stays as it is.

    >>> @strategy(params=dict(n=param(3)))
    ... def nothing(ctx):
    ...     pass
    >>> nothing.__huracan__.params["n"].default
    3
    """
    if bare:
        raise Refused(
            "@strategy takes names", where="@strategy", fix="write @strategy() or @strategy(params=dict(...))"
        )
    if scope not in ("each", "all"):
        raise Refused(f"scope {scope!r} is not known", where="@strategy", fix='scope="each" or scope="all"')
    if needs not in ("", "book"):
        raise Refused(f"needs {needs!r} is not known", where="@strategy", fix='needs="book", or leave it out')
    if clock and clock != "event" and clock not in (params or {}):
        fix = 'name the parameter with the milliseconds between two steps, or "event"'
        raise Refused(f"clock {clock!r} is no parameter", where="@strategy", fix=fix)
    if isinstance(instruments, bool) or not isinstance(instruments, int) or instruments < 0:
        fix = "give how many it trades, or leave it out for any number"
        raise Refused(f"instruments is {instruments!r}", where="@strategy", fix=fix)

    def declare(fn: Function) -> Function:
        fn.__huracan__ = Declaration(  # type: ignore[attr-defined]
            "strategy",
            fn.__name__,
            dict(params or {}),
            dict(features or {}),
            dict(state or {}),
            scope,
            needs,
            clock,
            instruments,
        )
        return fn

    return declare


def gate(
    *,
    reasons: Sequence[str],
    params: Mapping[str, Param] | None = None,
    features: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
) -> Callable[[Function], Function]:
    """Declare a gate `check(ctx, want)`: it returns 0 to let a want pass, or the number of a reason, counted from 1.

    >>> @gate(reasons=("never",))
    ... def closed(ctx, want):
    ...     return 1
    >>> closed.__huracan__.reasons
    ('never',)
    """
    if not reasons:
        raise Refused("a gate needs at least one reason", where="@gate", fix='reasons=("why it says no",)')

    def declare(fn: Function) -> Function:
        fn.__huracan__ = Declaration(  # type: ignore[attr-defined]
            "gate", fn.__name__, dict(params or {}), dict(features or {}), dict(state or {}), reasons=tuple(reasons)
        )
        return fn

    return declare
