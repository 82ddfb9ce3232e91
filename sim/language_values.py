"""The language check of expressions: what kind of value each is, and whether it may stand there."""

from __future__ import annotations

import ast
import builtins
import operator
import types
from enum import EnumType
from typing import Any, NoReturn

import numpy as np

from huracan.sim.language_body import Body, nearest, refuse, text
from huracan.sim.language_calls import Argument, call_kind
from huracan.sim.language_kinds import (
    BOOL,
    FLOAT,
    NOTHING,
    Array,
    Kind,
    Number,
    Outside,
    Record,
    Tuple,
    Unusable,
    constant,
    describe,
    listing,
    wider,
)
from huracan.sim.language_outside import module_member
from huracan.sim.language_words import BUILTINS, REFUSED

DECLARE = {
    "f": "declare it: features=dict({}=sma(20))",
    "wide": "declare it: features=dict({}=spread_z(...))",
    "u": "declare it: state=dict({}=0.0)",
    "p": "declare it: params=dict({}=param(1.0))",
}


def kind_of(body: Body, node: ast.expr) -> Kind:
    """The kind of an expression; refused if it has no place in the language."""
    handler = EXPRESSIONS.get(type(node))
    if handler is None:
        what, fix = REFUSED.get(
            type(node), (f"`{text(node)}` is not in the strategy language", "see docs/STRATEGIES.md")
        )
        refuse(body, node, what, fix)
    kind: Kind = handler(body, node)
    return kind


def usable(body: Body, node: ast.expr) -> Kind:
    """The kind of an expression whose value is used."""
    kind = kind_of(body, node)
    if kind == NOTHING:
        refuse(body, node, f"`{text(node)}` gives nothing back", "give the function a `return` with a value")
    return kind


def number(body: Body, node: ast.expr) -> Number:
    """The kind of an expression that must be a number."""
    kind = usable(body, node)
    if isinstance(kind, Number):
        return kind
    fix = "use a number here"
    if isinstance(kind, Record) and kind.fields:
        fix = f"name one of its fields: {listing(kind.fields)}"
    elif isinstance(kind, Array):
        fix = f"name one element: {text(node)}[k]"
    elif isinstance(kind, Outside) and callable(kind.value):
        fix = f"call it: {kind.name}(...)"
    elif isinstance(kind, Unusable):
        fix = "give each its own name"
    refuse(body, node, f"`{text(node)}` is {describe(kind)}, not a number", fix)


def literal(body: Body, node: ast.Constant) -> Kind:
    kind = constant(node.value)
    if kind is not None:
        if kind.sort == "int" and not -(1 << 63) <= int(kind.value) < 1 << 63:
            refuse(body, node, f"{kind.value} does not fit into 64 bits", f"write it as a float: {float(kind.value)}")
        return kind
    if isinstance(node.value, str):
        fix = "only numbers pass through the machine: use a number, or a parameter with choices"
        refuse(body, node, f"the text {node.value!r}", fix)
    if node.value is None:
        refuse(body, node, "`None` is not in the strategy language", "use a number that says so: math.nan, -1 or 0")
    refuse(body, node, f"`{text(node)}` is not in the strategy language", "use a number")


def name(body: Body, node: ast.Name) -> Kind:
    if node.id in body.names:
        kind = body.names[node.id]
        if isinstance(kind, Unusable):
            refuse(body, node, f"`{node.id}` is {kind.what}", "give each its own name")
        return kind
    if node.id in body.local:
        refuse(body, node, f"`{node.id}` has no value on some path to here", "give it one before the `if` or the loop")
    if node.id in body.fn.__globals__:
        return outside(body, node, body.fn.__globals__[node.id], node.id)
    if hasattr(builtins, node.id):
        return Outside(getattr(builtins, node.id), node.id)
    from huracan.sim.orders import __all__ as helpers

    if node.id in helpers:
        refuse(body, node, f"there is no name `{node.id}` in {body.file}", f"from huracan import {node.id}")
    known = [*body.names, *body.local, *body.fn.__globals__]
    refuse(body, node, f"there is no name `{node.id}`", nearest(node.id, known, "define it at the top of the file"))


def outside(body: Body, node: ast.expr, value: Any, shown: str) -> Kind:
    """The kind of a value that stands outside the function."""
    number_kind = constant(value)
    if number_kind is not None:
        return number_kind
    if isinstance(value, tuple):
        return Tuple(tuple(outside(body, node, v, f"{shown}[{i}]") for i, v in enumerate(value)))
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim == 1:
        return Array(Number("float" if value.dtype.kind == "f" else "int"), len(value))
    if (
        isinstance(value, EnumType)
        and value.__module__ != body.fn.__module__
        and not value.__module__.startswith("huracan.")
    ):
        fix = f"write {shown} into this file, or numbers: LIVE = 2"
        refuse(body, node, f"`{shown}` is a class of {value.__module__}, where an edit would not be noticed", fix)
    if isinstance(value, types.ModuleType) or callable(value):
        return Outside(value, shown)
    if isinstance(value, str):
        refuse(body, node, f"`{shown}` is a text", "use a number, or a parameter with choices")
    what = f"`{shown}` is a {type(value).__name__} of the file, which compiled code can't follow as it changes"
    refuse(body, node, what, "put it into state or params; fixed numbers may be a tuple")


def attribute(body: Body, node: ast.Attribute) -> Kind:
    of = usable(body, node.value)
    if isinstance(of, Record):
        if node.attr in of.fields:
            return of.fields[node.attr]
        missing(body, node, of)
    if isinstance(of, Outside):
        if isinstance(of.value, types.ModuleType):
            return outside(body, node, module_member(body, node, of.value, node.attr), node.attr)
        if isinstance(of.value, EnumType) and hasattr(of.value, node.attr):
            return outside(body, node, getattr(of.value, node.attr), node.attr)
    fix = "take one element at a time, in a loop" if isinstance(of, Array) else "use it as it is"
    refuse(body, node, f"`{text(node.value)}` is {describe(of)} and has no `{node.attr}` here", fix)


def missing(body: Body, node: ast.Attribute, record: Record) -> NoReturn:
    """Refuse a field that a record does not have, with the nearest that there is."""
    fields = record.fields
    what = f"there is no `{text(node)}`"
    if record.name in DECLARE:
        fix = DECLARE[record.name].format(node.attr)
        if fields:
            fix += f" (declared are {listing(fields)})"
        other = {"f": "wide", "wide": "f"}.get(record.name, "")
        if other and node.attr in body.check.ctx.fields[other].fields:  # type: ignore[union-attr]
            fix = f"it is ctx.{other}.{node.attr}"
        refuse(body, node, what, nearest(node.attr, fields, fix))
    if record.name == "ctx":
        for name, kind in fields.items():
            if isinstance(kind, Record) and node.attr in kind.fields:
                refuse(body, node, what, f"did you mean ctx.{name}.{node.attr}?")
        if node.attr in ("book", "books"):
            refuse(body, node, what, 'say needs="book" in @strategy: there are no order books on a tape of bars')
    refuse(body, node, what, nearest(node.attr, fields, f"it has {listing(fields)}"))


def subscript(body: Body, node: ast.Subscript) -> Kind:
    of = usable(body, node.value)
    if isinstance(node.slice, ast.Slice):
        refuse(body, node, *REFUSED[ast.Slice])
    if not isinstance(of, (Array, Tuple)):
        fix = (
            "it is the present only; for the past declare lag(...)"
            if isinstance(of, (Record, Number))
            else "index an array"
        )
        refuse(body, node, f"`{text(node.value)}` is {describe(of)}, not an array", fix)
    index = number(body, node.slice)
    if index.sort == "float":
        refuse(body, node, f"the index `{text(node.slice)}` is not a whole number", f"int({text(node.slice)})")
    value = index.value
    if isinstance(of, Tuple):
        if value is None:
            if any(item != of.items[0] for item in of.items):
                refuse(body, node, f"`{text(node.value)}` holds different things", "index it by a constant")
            return of.items[0]
        check_range(body, node, int(value), len(of.items))
        return of.items[int(value)]
    if value is not None:
        if of.length is not None:
            check_range(body, node, int(value), of.length)
        elif int(value) not in (0, -1):
            fix = f"say instruments={int(value) + 1} in @strategy, or loop: for k in range(len({text(node.value)}))"
            if of.per != "instrument" or int(value) < 0 or body.check.declaration.role == "gate":
                fix = f"loop: for k in range(len({text(node.value)}))"
            refuse(body, node, f"`{text(node)}` may not exist: how many there are is known at the run only", fix)
    return of.item


WHOLE: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}


def check_range(body: Body, node: ast.Subscript, index: int, length: int) -> None:
    """Refuse a constant index that is not in an array of known length."""
    if not -length <= index < length:
        fix = f"the last is {text(node.value)}[{length - 1}]" if length else "it is empty"
        refuse(body, node, f"`{text(node)}` is out of range: it has {length} elements", fix)


def binary(body: Body, node: ast.BinOp) -> Kind:
    kind = operation(body, node, number(body, node.left), node.op, number(body, node.right), node.left, node.right)
    if (whole := whole_constant(node)) is not None and not -(1 << 63) <= whole < 1 << 63:
        refuse(body, node, f"`{text(node)}` does not fit into 64 bits", "begin with a float, as in 10.0 * ...")
    return kind


def whole_constant(node: ast.expr) -> int | None:
    """What whole constants and nothing else come to, or a number as far beyond 64 bits; None where there is no such.

    >>> [whole_constant(ast.parse(t, mode="eval").body) for t in ("2 ** 10 - 1", "1 << 70", "n + 1", "1.0 + 1")]
    [1023, 36893488147419103232, None, None]
    """
    if isinstance(node, ast.Constant):
        return int(node.value) if isinstance(node.value, int) else None
    if isinstance(node, ast.UnaryOp):
        of = whole_constant(node.operand)
        signs: dict[type[ast.unaryop], Any] = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.inv}
        return None if of is None or type(node.op) not in signs else int(signs[type(node.op)](of))
    if not isinstance(node, ast.BinOp) or type(node.op) not in WHOLE:
        return None
    a, b = whole_constant(node.left), whole_constant(node.right)
    if a is None or b is None or (b < 0 and isinstance(node.op, (ast.Pow, ast.LShift, ast.RShift))):
        return None
    if b == 0 and isinstance(node.op, (ast.FloorDiv, ast.Mod)):
        return None
    if b > 64 and abs(a) > (1 if isinstance(node.op, ast.Pow) else 0) and isinstance(node.op, (ast.Pow, ast.LShift)):
        return a << 65  # not what it is, but as much too large
    return int(WHOLE[type(node.op)](a, b))


def operation(
    body: Body, node: ast.AST, a: Number, op: ast.operator, b: Number, left: ast.expr, right: ast.expr
) -> Number:
    """The kind of `a op b`."""
    if isinstance(op, ast.MatMult):
        refuse(body, node, "`@` is not in the strategy language", "write the loop")
    if isinstance(op, ast.Pow):
        return power(body, node, a, b, left, right)
    if isinstance(op, (ast.Div, ast.FloorDiv, ast.Mod)) and b.value == 0 and b.value is not None:
        refuse(body, node, f"`{text(right)}` is 0, and divides", "divide by a number that is not 0")
    if isinstance(op, ast.Div):
        return FLOAT
    sort = wider(a, b)
    if isinstance(op, (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Invert)):
        if sort == "float":
            refuse(body, node, "bits of a number that is not whole", "int(...), or `and` and `or`")
        return Number(sort)
    return Number("int" if sort == "bool" else sort)


def power(body: Body, node: ast.AST, a: Number, b: Number, over: ast.expr, under: ast.expr) -> Number:
    """`**` of whole numbers is exact; else it goes through libm, whose last bits differ from compiled code's."""
    folded = isinstance(over, ast.Constant) and isinstance(under, ast.Constant)  # by Python, before anything runs
    if b.sort == "int" and b.value is not None and b.value >= 0 and (folded or a.sort in ("int", "bool")):
        return Number("float" if a.sort == "float" else "int")
    left, right = text(over), text(under)
    base = left if left.replace(".", "").replace("_", "").isalnum() else f"({left})"
    fix = f"portable_math.pow({left}, {right})"
    if b.value in (2, 3):
        fix = " * ".join([base] * int(b.value)) + f", or {fix}"
    elif b.value == 0.5:
        fix = f"math.sqrt({left})"
    refuse(body, node, f"`{left} ** {right}` differs in its last bits between compiled code and plain Python", fix)


def unary(body: Body, node: ast.UnaryOp) -> Kind:
    kind = number(body, node.operand)
    if isinstance(node.op, ast.Not):
        return BOOL
    if isinstance(node.op, ast.Invert):
        if kind.sort in ("float", "bool"):
            refuse(body, node, f"`{text(node)}` flips the bits of {describe(kind)}", f"not {text(node.operand)}")
        return Number("int")
    sort = "int" if kind.sort == "bool" else kind.sort
    if kind.value is None:
        return Number(sort)
    return Number(sort, -kind.value if isinstance(node.op, ast.USub) else +kind.value)


def logical(body: Body, node: ast.BoolOp) -> Kind:
    kinds = [number(body, v) for v in node.values]
    out = kinds[0]
    for k in kinds[1:]:
        out = Number(wider(out, k))
    return out


def comparison(body: Body, node: ast.Compare) -> Kind:
    sides = [node.left, *node.comparators]
    for i, op in enumerate(node.ops):
        a, b = sides[i], sides[i + 1]
        if isinstance(op, (ast.Is, ast.IsNot)):
            sign = "==" if isinstance(op, ast.Is) else "!="
            fix = f"{text(a)} {sign} {text(b)}"
            for x, y in ((a, b), (b, a)):
                if isinstance(x, ast.Constant) and x.value is None:
                    fix = f"nothing is None here; a number that is missing is NaN: math.isnan({text(y)})"
            refuse(body, node, "`is` asks for the same object; here are only numbers", fix)
        if isinstance(op, (ast.In, ast.NotIn)):
            number(body, a)
            if not isinstance(kind_of(body, b), Tuple):
                refuse(
                    body, node, f"`in` looks into a tuple only, not into `{text(b)}`", "write a tuple (1, 2), or loop"
                )
            continue
        if isinstance(a, ast.Constant) and isinstance(a.value, str):
            a, b = b, a
        left = number(body, a)
        if isinstance(b, ast.Constant) and isinstance(b.value, str) and left.choices:
            choice(body, b, left, text(a))
        right = number(body, b)
        for kind, other in ((left, b), (right, a)):
            if kind.value is not None and kind.value != kind.value:
                refuse(
                    body, node, f"nothing compares with NaN: `{text(node)}` never changes", f"math.isnan({text(other)})"
                )
    return BOOL


def choice(body: Body, node: ast.Constant, kind: Number, shown: str) -> None:
    """A parameter with choices is the number of its choice."""
    listed = ", ".join(f"{i} is {c!r}" for i, c in enumerate(kind.choices))
    if node.value in kind.choices:
        refuse(
            body,
            node,
            f"`{shown}` is the number of a choice, not a text",
            f"compare with {kind.choices.index(node.value)} ({listed})",
        )
    refuse(body, node, f"{node.value!r} is not one of the choices of `{shown}`", listed)


def conditional(body: Body, node: ast.IfExp) -> Kind:
    number(body, node.test)
    a, b = number(body, node.body), number(body, node.orelse)
    return Number(wider(a, b))


def tuple_(body: Body, node: ast.Tuple) -> Kind:
    return Tuple(tuple(usable(body, e) for e in node.elts))


def call(body: Body, node: ast.Call) -> Kind:
    called = usable(body, node.func)
    if not isinstance(called, Outside) or not callable(called.value):
        refuse(body, node, f"`{text(node.func)}` is {describe(called)}, not a function", "call a function")
    if getattr(builtins, called.name, None) is called.value and called.name in BUILTINS:
        refuse(body, node, f"`{called.name}` is not in the strategy language", BUILTINS[called.name])
    arguments = [Argument("", each, argument(body, each, called.name)) for each in node.args]
    for keyword in node.keywords:
        if keyword.arg is None:
            refuse(body, node, "`**` in a call", "write the arguments one by one")
        arguments.append(Argument(keyword.arg, keyword.value, argument(body, keyword.value, called.name)))
    return call_kind(body, node, called, arguments)


def argument(body: Body, node: ast.expr, called: str) -> Kind:
    """The kind of an argument."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        fix = "side is 1 to buy and -1 to sell; tif is GTC, IOC, FOK or GTT from huracan"
        if called == "float":
            fix = "write math.nan or math.inf (import math)"
        refuse(body, node, f"{called} takes numbers, not the text {node.value!r}", fix)
    if isinstance(node, ast.Constant) and node.value is None:
        refuse(body, node, f"{called} takes numbers, not None", "leave the argument out, or give math.nan")
    return usable(body, node)


EXPRESSIONS: dict[type[ast.AST], Any] = {
    ast.Constant: literal,
    ast.Name: name,
    ast.Attribute: attribute,
    ast.Subscript: subscript,
    ast.BinOp: binary,
    ast.UnaryOp: unary,
    ast.BoolOp: logical,
    ast.Compare: comparison,
    ast.IfExp: conditional,
    ast.Tuple: tuple_,
    ast.Call: call,
}
