"""Uncompiled, a strategy runs from a copy of its source whose arithmetic and conversions do what compiled code does.

Plain Python raises where IEEE-754 has an answer: 1.0 / 0.0 is inf, math.sqrt(-1.0) is NaN. The copy keeps file and line
of everything, so breakpoints work, and an error names the line that the user wrote. What it calls instead is below; a
test holds each against the compiled operation.
"""

from __future__ import annotations

import ast
import copy
import math
import types
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import config

from huracan.sim.sources import plain, source_file

LOWEST = -(1 << 63)  # what a NaN, an infinity, or a number beyond 64 bits becomes as a whole number


def is_whole(x: Any) -> bool:
    """An integer or a bool, Python's or numpy's."""
    return isinstance(x, (int, np.integer, np.bool_))


def divide(a: Any, b: Any) -> float:
    """a / b."""
    x, y = float(a), float(b)
    if y != 0.0:
        return x / y
    return math.nan if x == 0.0 or x != x else math.copysign(math.inf, x) * math.copysign(1.0, y)


def floor_divide(a: Any, b: Any) -> float | int:
    """a // b."""
    if is_whole(a) and is_whole(b):
        return 0 if b == 0 else wrapped(int(a) // int(b)) if not (a == LOWEST and b == -1) else 0
    return divide(a, b) if b == 0 else float(a) // float(b)


def remainder(a: Any, b: Any) -> float | int:
    """a % b."""
    if is_whole(a) and is_whole(b):
        return 0 if b == 0 else int(a) % int(b)
    return math.nan if b == 0 else float(a) % float(b)


def wrapped(x: int) -> int:
    """A whole number in 64 bits."""
    return (x + (1 << 63)) % (1 << 64) - (1 << 63)


def in_64_bits(x: Any) -> Any:
    """A sum, difference or product: whole numbers beyond 64 bits begin anew at the other end."""
    return wrapped(x) if type(x) is int and not LOWEST <= x <= -1 - LOWEST else x


def add(a: Any, b: Any) -> Any:
    """a + b."""
    return in_64_bits(a + b)


def subtract(a: Any, b: Any) -> Any:
    """a - b."""
    return in_64_bits(a - b)


def multiply(a: Any, b: Any) -> Any:
    """a * b."""
    return in_64_bits(a * b)


def power(a: Any, b: Any) -> Any:
    """a ** b of whole numbers, in 64 bits."""
    if not (is_whole(a) and is_whole(b)):
        return a**b
    if b >= 0:
        return wrapped(pow(int(a), int(b), 1 << 64))
    return LOWEST if a == 0 else int(a) ** (int(b) % 2) if abs(a) == 1 else 0


def whole(x: Any, to: Callable[[float], int]) -> int:
    """A number made whole by int, round, floor or ceil."""
    if is_whole(x):
        return int(x)
    return to(float(x)) if -9223372036854775808.0 <= x < 9223372036854775808.0 else LOWEST


def square_root(x: Any) -> float:
    """math.sqrt(x)."""
    return math.sqrt(x) if x >= 0 else math.nan


OPERATORS: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("__add", add),
    ast.Sub: ("__subtract", subtract),
    ast.Mult: ("__multiply", multiply),
    ast.Div: ("__divide", divide),
    ast.FloorDiv: ("__floor_divide", floor_divide),
    ast.Mod: ("__remainder", remainder),
    ast.Pow: ("__power", power),
}
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    int: lambda x=0: whole(x, int),
    round: lambda x: whole(x, round),
    math.floor: lambda x: whole(x, math.floor),
    math.ceil: lambda x: whole(x, math.ceil),
    math.sqrt: square_root,
}
MATH = types.SimpleNamespace(**{**vars(math), **{n: FUNCTIONS[getattr(math, n)] for n in ("floor", "ceil", "sqrt")}})


class Rewrite(ast.NodeTransformer):
    """Arithmetic as calls, in the place of the originals."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return called(node, node.left, node.op, node.right) or node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        before = copy.deepcopy(node.target)
        before.ctx = ast.Load()
        value = called(node, before, node.op, node.value)
        return node if value is None else ast.copy_location(ast.Assign([node.target], value), node)


def called(node: ast.AST, left: ast.expr, op: ast.operator, right: ast.expr) -> ast.expr | None:
    """The call that stands for an operator; None for one that plain Python does as compiled code does."""
    if type(op) not in OPERATORS:
        return None
    name = ast.Name(OPERATORS[type(op)][0], ast.Load())
    return ast.fix_missing_locations(ast.copy_location(ast.Call(name, [left, right], []), node))


def to_run(*functions: Callable[..., Any]) -> list[Callable[..., Any]]:
    """What a stub binds: the functions themselves where they are compiled, else their copies."""
    return [plain_copy(f) for f in functions] if config.DISABLE_JIT else list(functions)


@lru_cache(maxsize=64)
def plain_copy(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A strategy's step or a gate's check, with its own helpers, to run uncompiled with the compiled results.

    >>> from huracan.strategies.sma_cross import sma_cross
    >>> plain_copy(sma_cross).__code__.co_filename == sma_cross.__code__.co_filename
    True
    """
    return copied(plain(fn), {})


def copied(fn: types.FunctionType, done: dict[int, types.FunctionType]) -> types.FunctionType:
    """The copy of a function; `done` holds those made already, by the original's id."""
    if id(fn) in done:
        return done[id(fn)]
    if getattr(fn, "__is_copy__", False):
        return fn  # its source stands elsewhere
    node = definition(fn)
    module = ast.Module([Rewrite().visit(node)], [])
    names: dict[str, Any] = {**fn.__globals__, "int": FUNCTIONS[int], "round": FUNCTIONS[round]}
    names |= dict(OPERATORS.values())
    exec(compile(ast.fix_missing_locations(module), fn.__code__.co_filename, "exec"), names)
    made: types.FunctionType = names[node.name]
    made.__defaults__ = fn.__defaults__
    made.__dict__.update(fn.__dict__)
    made.__is_copy__ = True  # type: ignore[attr-defined]
    done[id(fn)] = made
    for name in made.__code__.co_names:
        if name in names and name not in ("int", "round"):
            names[name] = replaced(names[name], done)
    return made


def replaced(value: Any, done: dict[int, types.FunctionType]) -> Any:
    """What a global of the function is in the copy."""
    from huracan.sim.language_calls import is_own

    if value is math:
        return MATH
    if isinstance(value, types.BuiltinFunctionType) and value in FUNCTIONS:
        return FUNCTIONS[value]
    if isinstance(plain(value), types.FunctionType) and is_own(plain(value).__module__ or ""):
        return copied(plain(value), done)
    return value


def definition(fn: types.FunctionType) -> ast.FunctionDef:
    """The text of a function, without its decorators."""
    tree = ast.parse(source_file(fn).read_bytes())
    line = fn.__code__.co_firstlineno  # of a copy its own, of what was imported its first decorator's
    node = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and line in (n.lineno, first_line(n)))
    node.decorator_list = []
    return node


def first_line(node: ast.FunctionDef) -> int:
    """The line on which a definition or its first decorator begins."""
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])
