"""The language check of calls: helpers, own functions, portable_math, and the few builtins."""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from huracan.sim.language_body import Body, nearest, refuse, text
from huracan.sim.language_kinds import (
    BOOL,
    FLOAT,
    INT,
    Array,
    Kind,
    Number,
    Outside,
    Record,
    Tuple,
    constant,
    describe,
    listing,
    wider,
)
from huracan.sim.language_outside import (
    library_home,
    library_sort,
    refuse_function,
    refuse_library,
    sim_function,
)
from huracan.sim.language_words import ORDER_HOMES
from huracan.sim.sources import plain

WHOLE = ("inst", "max_hold", "ttl", "tif", "order_id", "tag", "book", "levels", "ticks")  # whole numbers


@dataclass(frozen=True)
class Argument:
    """One argument of a call: its keyword ("" by place), its source and its kind."""

    keyword: str
    node: ast.expr
    kind: Kind


def call_kind(body: Body, node: ast.Call, called: Outside, arguments: Sequence[Argument]) -> Kind:
    """The kind of what a call gives back."""
    value = called.value
    fn = plain(value)
    if value in (range, enumerate, zip):
        refuse(body, node, f"`{called.name}(...)` stands only in a `for`", f"for k in {called.name}(...):")
    if getattr(builtins, called.name, None) is value or value in BUILTIN_CALLS:
        return builtin(body, node, called, arguments)
    if isinstance(fn, types.FunctionType) and fn.__module__ in SIM_HOMES:
        return sim_call(body, node, fn, arguments)
    sort = library_sort(value)
    if sort is not None:
        given = one_number(body, node, called.name, arguments, 2 if value in (math.copysign, np.copysign) else 1)
        return Number(given.sort if sort == "same" else sort)
    home = library_home(value)
    if home is not None:
        refuse_library(body, node, *home)
    if isinstance(fn, types.FunctionType) and is_own(fn.__module__):
        return body.check.enter(body.check, body, node, value, bind(body, node, fn, arguments))
    refuse_function(body, node, value, called.name)


def is_own(module: str) -> bool:
    """Whether a function of this module is a strategy's own helper: a user's, or one beside a shipped strategy."""
    ours = module.startswith("huracan.")
    return not ours or (
        module.startswith("huracan.strategies.") and not module.startswith("huracan.strategies.features")
    )


SIM_HOMES = frozenset(
    f"huracan.sim.{m}" for m in ("book_depth", "portable_math", "prices", "random_numbers", *ORDER_HOMES)
)


def sim_call(body: Body, node: ast.Call, fn: types.FunctionType, arguments: Sequence[Argument]) -> Kind:
    """A call of an order helper, or of another function that huracan.sim has for strategies."""
    sort = sim_function(body, node, fn)
    placed = place(body, node, fn, arguments)
    for name, given in placed.items():
        if name == "ctx":
            if not isinstance(given.kind, Record) or given.kind.name != "ctx":
                refuse(body, given.node, f"{fn.__name__} takes ctx first, not `{text(given.node)}`", signature_text(fn))
        elif name == "rule":
            if not isinstance(given.kind, Record) or given.kind.name != "rules":
                refuse(
                    body,
                    given.node,
                    f"{fn.__name__} takes an instrument's rules first",
                    f"{fn.__name__}(ctx.rules[ctx.me], ...)",
                )
        else:
            check_number(body, fn, name, given)
    return Number(sort)


def check_number(body: Body, fn: types.FunctionType, name: str, given: Argument) -> None:
    """One argument of a helper is a number, and a whole one where it must be."""
    if not isinstance(given.kind, Number):
        what = f"{name} of {fn.__name__} is {describe(given.kind)}: `{text(given.node)}`"
        fix = signature_text(fn)
        if isinstance(given.kind, Record) and given.kind.fields:
            fix = f"name one of its fields: {listing(given.kind.fields)}"
        refuse(body, given.node, what, fix)
    if name in WHOLE and given.kind.sort == "float":
        fix = f"int({text(given.node)}), or declare a whole number: param(5), not param(5.0)"
        refuse(body, given.node, f"{name} of {fn.__name__} is a whole number, and `{text(given.node)}` is not", fix)
    if name == "side" and given.kind.value is not None and given.kind.value not in (1, -1):
        refuse(body, given.node, f"side of {fn.__name__} is {given.kind.value}", "side is 1 to buy and -1 to sell")
    if given.kind.value is not None and name == "qty" and not given.kind.value > 0 and fn.__name__ in ("buy", "sell"):
        refuse(
            body, given.node, f"qty of {fn.__name__} is {given.kind.value}", "give a quantity above zero; `sell` sells"
        )


def signature_text(fn: types.FunctionType) -> str:
    """How a function is called."""
    return f"{fn.__name__}{inspect.signature(fn)}"


def place(body: Body, node: ast.Call, fn: types.FunctionType, arguments: Sequence[Argument]) -> dict[str, Argument]:
    """The arguments by the names of the parameters; refused if they do not fit."""
    parameters = inspect.signature(fn).parameters
    names = list(parameters)
    out: dict[str, Argument] = {}
    fix = signature_text(fn)
    for given in arguments:
        if given.keyword:
            if given.keyword not in parameters:
                what = f"{fn.__name__} has no argument {given.keyword!r}"
                refuse(body, node, what, f"{nearest(given.keyword, names, 'it is called')} {fix}")
            if given.keyword in out:
                refuse(body, node, f"{fn.__name__} gets {given.keyword!r} twice", fix)
            out[given.keyword] = given
        else:
            if len(out) >= len(names):
                refuse(body, node, f"{fn.__name__} takes {len(names)} arguments, not {len(arguments)}", fix)
            out[names[len(out)]] = given
    lacking = [n for n, p in parameters.items() if n not in out and p.default is p.empty]
    if lacking:
        refuse(body, node, f"{fn.__name__} lacks {listing(lacking)}", fix)
    return out


def bind(body: Body, node: ast.Call, fn: types.FunctionType, arguments: Sequence[Argument]) -> dict[str, Kind]:
    """The kinds of an own helper's parameters in this call."""
    for p in inspect.signature(fn).parameters.values():
        if p.kind is not p.POSITIONAL_OR_KEYWORD:
            refuse(body, node, f"{fn.__name__} declares `*` or `/` among its arguments", "name each argument plainly")
    placed = place(body, node, fn, arguments)
    out: dict[str, Kind] = {}
    for name, p in inspect.signature(fn).parameters.items():
        if name in placed:
            kind = placed[name].kind
            # a constant is one call's; the helper is walked once for all calls with numbers of this sort
            out[name] = Number(kind.sort, None, kind.choices) if isinstance(kind, Number) else kind
        else:
            default = constant(p.default)
            if default is None:
                refuse(body, node, f"the default {name}={p.default!r} of {fn.__name__} is not a number", "use a number")
            out[name] = Number(default.sort)
    return out


def one_number(body: Body, node: ast.Call, called: str, arguments: Sequence[Argument], count: int = 1) -> Number:
    """The arguments of a function of `count` numbers; the kind of the first."""
    if len(arguments) != count or any(a.keyword for a in arguments):
        refuse(
            body,
            node,
            f"{called} takes {count} number{'s' * (count > 1)}, not {len(arguments)}",
            f"{called}(x{', y' * (count - 1)})",
        )
    for a in arguments:
        if not isinstance(a.kind, Number):
            refuse(
                body,
                node,
                f"`{text(a.node)}` is {describe(a.kind)}, not a number",
                f"{called} of one of its fields or elements",
            )
    first = arguments[0].kind
    assert isinstance(first, Number)
    return first


BUILTIN_CALLS: tuple[Any, ...] = (abs, min, max, int, float, bool, round, len)


def builtin(body: Body, node: ast.Call, called: Outside, arguments: Sequence[Argument]) -> Kind:
    """A call of a builtin that the language has."""
    value = called.value
    if value not in BUILTIN_CALLS:
        refuse(body, node, f"`{called.name}` is not in the strategy language", "see docs/STRATEGIES.md for what is")
    if value is len:
        if len(arguments) != 1 or not isinstance(arguments[0].kind, (Array, Tuple)):
            refuse(
                body, node, f"`{text(node)}`: only arrays and tuples have a length", "len(ctx.bars), len(ctx.u.last)"
            )
        kind = arguments[0].kind
        return Number("int", len(kind.items) if isinstance(kind, Tuple) else kind.length)
    if value in (min, max):
        if len(arguments) < 2:
            refuse(
                body, node, f"`{text(node)}`: {called.name} takes two numbers or more", f"{called.name}(a, b), or loop"
            )
        out: Kind = INT
        for i, a in enumerate(arguments):
            if a.keyword or not isinstance(a.kind, Number):
                refuse(body, node, f"`{text(node)}`: {called.name} takes numbers only", f"{called.name}(a, b)")
            out = a.kind if i == 0 else Number(wider(a.kind, out))  # type: ignore[arg-type]
        return Number(out.sort)  # type: ignore[union-attr]
    if value is round and len(arguments) == 2:
        fix = (
            "helpers put prices and quantities on the tick and the lot; math.floor(x * 100.0 + 0.5) / 100.0 for others"
        )
        refuse(body, node, "`round` to decimals differs between compiled code and plain Python", fix)
    given = one_number(body, node, called.name, arguments)
    if value is abs:
        return Number("int" if given.sort == "bool" else given.sort)
    return {float: FLOAT, bool: BOOL}.get(value, INT)
