"""What the language check knows of a value before anything runs: number, record, array, tuple, name from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from huracan.sim import book_layout, layout
from huracan.sim.declare import Declaration, Param
from huracan.sim.feature import Feature, is_wide
from huracan.sim.refusal import Refused


@dataclass(frozen=True)
class Number:
    """A number; `sort` is "bool", "int", "float", or "number" where it can't be told. A constant's value is known."""

    sort: str
    value: Any = field(default=None, compare=False)
    choices: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Record:
    """A record of ctx, or ctx itself; only `own` ones may be written."""

    name: str
    fields: Mapping[str, Kind] = field(compare=False, repr=False)
    own: bool = False


@dataclass(frozen=True)
class Array:
    """An array; `length` is known for own state, `per` says what it is counted by ("instrument", "slot" or "")."""

    item: Kind
    length: int | None = None
    own: bool = False
    per: str = field(default="", compare=False)


@dataclass(frozen=True)
class Tuple:
    """A tuple of known length."""

    items: tuple[Kind, ...]


@dataclass(frozen=True)
class Outside:
    """A module, a function or a class that the file's globals or the builtins name."""

    value: Any
    name: str = field(compare=False)


@dataclass(frozen=True)
class Unusable:
    """Something that has no kind of its own: `nothing`, or different things on different paths."""

    what: str


Kind: TypeAlias = Number | Record | Array | Tuple | Outside | Unusable

BOOL, INT, FLOAT, NUMBER = Number("bool"), Number("int"), Number("float"), Number("number")
NOTHING = Unusable("nothing")
_ORDER = ("bool", "int", "float")


def join(a: Kind, b: Kind) -> Kind:
    """The kind of a name that is `a` on one path and `b` on another.

    >>> join(INT, FLOAT).sort
    'float'
    """
    if isinstance(a, Number) and isinstance(b, Number):
        return Number(
            wider(a, b),
            a.value if same_value(a, b) else None,
            a.choices if a.choices == b.choices else (),
        )
    if isinstance(a, Tuple) and isinstance(b, Tuple) and len(a.items) == len(b.items):
        return Tuple(tuple(join(x, y) for x, y in zip(a.items, b.items, strict=True)))
    return a if a == b else Unusable(f"{describe(a)} on one path and {describe(b)} on another")


def same_value(a: Number, b: Number) -> bool:
    """Whether both are the same constant."""
    return a.value is not None and type(a.value) is type(b.value) and repr(a.value) == repr(b.value)


def wider(a: Number, b: Number) -> str:
    """The sort that holds both."""
    if "number" in (a.sort, b.sort):
        return "number"
    return max(a.sort, b.sort, key=_ORDER.index)


def constant(value: Any) -> Number | None:
    """The kind of a plain constant; None if it is not a number."""
    if isinstance(value, (bool, np.bool_)):
        return Number("bool", bool(value))
    if isinstance(value, (int, np.integer)):
        return Number("int", int(value))
    if isinstance(value, (float, np.floating)):
        return Number("float", float(value))
    return None


def describe(kind: Kind) -> str:
    """A kind in words."""
    if isinstance(kind, Number):
        return {"bool": "a yes or no", "int": "a whole number", "float": "a number"}.get(kind.sort, "a number")
    if isinstance(kind, Record):
        return "ctx" if kind.name == "ctx" else "a record"
    if isinstance(kind, Array):
        return "an array"
    if isinstance(kind, Tuple):
        return "a tuple"
    return kind.what if isinstance(kind, Unusable) else f"the name {kind.name!r}"


def record_of(dtype: np.dtype[Any], name: str) -> Record:
    """The kind of one of layout's records."""
    fields: dict[str, Kind] = {}
    for n in dtype.names or ():
        base, shape = dtype[n].subdtype or (dtype[n], ())
        number = INT if base.kind == "i" else FLOAT
        fields[n] = Array(number, int(shape[0])) if shape else number
    return Record(name, fields)


def param_record(d: Declaration) -> Record:
    """The kind of ctx.p."""
    fields: dict[str, Kind] = {}
    for n, p in d.params.items():
        if not isinstance(p, Param):
            raise Refused(f"parameter {n!r} is declared as {p!r}", where=f"{d.name}: params", fix=f"{n}=param({p!r})")
        fields[n] = Number("float" if p.kind == "number" else "int", None, p.choices)
    return Record("p", fields)


def state_record(d: Declaration) -> Record:
    """The kind of ctx.u: the one record that may be written."""
    fields: dict[str, Kind] = {}
    for n, v in d.state.items():
        many = isinstance(v, (list, tuple))
        first = v[0] if many and len(v) else v
        number = INT if isinstance(first, int) else FLOAT
        fields[n] = Array(number, len(v), own=True) if many else number
    return Record("u", fields, own=True)


def feature_records(d: Declaration) -> tuple[Record, Record]:
    """The kinds of ctx.f and ctx.wide."""
    for n, f in d.features.items():
        if f is not None and not isinstance(f, Feature):
            raise Refused(f"feature {n!r} is declared as {f!r}", where=f"{d.name}: features", fix=f"as in {n}=sma(20)")
    real = {n: f for n, f in d.features.items() if f is not None}
    wide = [n for n in real if is_wide(n, real)]
    return Record("f", {n: FLOAT for n in d.features if n not in wide}), Record("wide", dict.fromkeys(wide, FLOAT))


def ctx_record(d: Declaration) -> Record:
    """The kind of ctx for what a strategy or a gate declared.

    >>> from huracan.sim.declare import param
    >>> list(ctx_record(Declaration("strategy", "s", {"n": param(3)}, {})).fields["p"].fields)
    ['n']
    """
    f, wide = feature_records(d)
    bar, position, rules = (
        record_of(layout.bar, "bar"),
        record_of(layout.position, "pos"),
        record_of(layout.rules, "rules"),
    )
    n = d.instruments or None

    def each(item: Kind) -> Array:
        return Array(item, n, per="instrument")

    fields: dict[str, Kind] = {
        "acct": record_of(layout.account, "acct"),
        "orders": Array(record_of(layout.order, "order"), per="slot"),
        "positions": each(position),
        "bars": each(bar),
        "feats": each(f),
        "feats1": each(f),
        "wide": wide,
        "wide1": wide,
        "bar": bar,
        "pos": position,
        "f": f,
        "f1": f,
        "me": INT,
        "p": param_record(d),
        "u": state_record(d),
        "rules": each(rules),
        "settings": record_of(layout.settings, "settings"),
    }
    if d.needs != "book":
        return Record("ctx", {name: fields[name] for name in layout.Ctx._fields})
    book = record_of(book_layout.book, "book")
    return Record("ctx", {name: fields[name] for name in layout.Ctx._fields} | {"book": book, "books": each(book)})


def want_record() -> Record:
    """The kind of a gate's want."""
    return record_of(layout.order, "order")


def listing(names: Sequence[str] | Mapping[str, Any]) -> str:
    """Names in a row, for a message; a long list is cut."""
    shown = [str(n) for n in names]
    return ", ".join(shown[:12]) + (", ..." if len(shown) > 12 else "")
