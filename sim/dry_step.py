"""The step that only says whether it wants anything: what a sweep looks ahead with (look_ahead_code.py).

It is a copy of the step in which every helper that would order, change or cancel raises a flag instead, and so does an
index out of range, or a write into an array of its own state. A row in which the flag stays down is over; in one where
it is up the step itself runs, and what is wrong is said there.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

from huracan.sim import orders
from huracan.sim.plain_copy import Rewrite, definition
from huracan.sim.sources import names_of, plain

READERS = ("drawdown", "size", "fraction_quantity")  # helpers that want nothing: they run as they are


def why_not(step: Callable[..., Any]) -> str:
    """Why a sweep can't run ahead with a strategy; "" if it can."""
    for fn in own_functions(plain(step), set()):
        for node in ast.walk(definition(fn)):
            line = fn.__code__.co_firstlineno + getattr(node, "lineno", 1) - 1
            if (isinstance(node, ast.Attribute) and node.attr in ("peak", "counts")) or named(node, fn) is plain(
                orders.drawdown
            ):
                return f"it reads what rows add up to (line {line})"
            if isinstance(node, ast.Subscript) and context(fn) == "":
                return f"{fn.__name__} indexes and is not given ctx (line {line})"
    return ""


def in_dry(step: Callable[..., Any], done: dict[int, Any] | None = None) -> Callable[..., Any]:
    """A copy of a step, and of its own helpers, in which whatever wants something only raises the flag."""
    from huracan.sim.options import part, rare

    done = {} if done is None else done
    fn = plain(step)
    names = dict(fn.__globals__)
    for name in names_of(fn.__code__):
        inner = plain(names.get(name))
        if not isinstance(inner, types.FunctionType):
            continue
        if inner.__module__ == orders.__name__:
            if inner.__name__ not in READERS:
                names[name] = done.setdefault(id(inner), dry_helper(inner))
        elif is_own(inner):
            if id(inner) not in done:
                called = not getattr(names[name], "targetoptions", {}).get("forceinline", True)
                done[id(inner)] = (rare if called else part)(in_dry(inner, done))
            names[name] = done[id(inner)]
    node = definition(fn)
    if not any(isinstance(n, ast.Subscript) for n in ast.walk(node)):
        return types.FunctionType(fn.__code__, names, fn.__name__, fn.__defaults__, fn.__closure__)
    names["__within"] = part(within)
    if hasattr(fn, "__is_copy__"):
        node = Rewrite().visit(node)  # uncompiled: its divisions are calls
    module = ast.Module([Indexing(context(fn)).visit(node)], [])
    exec(compile(ast.fix_missing_locations(module), fn.__code__.co_filename, "exec"), names)
    made: types.FunctionType = names[fn.__name__]
    made.__defaults__ = fn.__defaults__
    return made


def own_functions(fn: types.FunctionType, seen: set[int]) -> Iterator[types.FunctionType]:
    """A step and its own helpers, each once."""
    if id(fn) in seen:
        return
    seen.add(id(fn))
    yield fn
    for name in sorted(names_of(fn.__code__)):
        inner = plain(fn.__globals__.get(name))
        if isinstance(inner, types.FunctionType) and is_own(inner):
            yield from own_functions(inner, seen)


def is_own(fn: types.FunctionType) -> bool:
    """Whether a function is a strategy's own, not the machine's."""
    return not (fn.__module__ or "").startswith("huracan.sim.")


def named(node: ast.AST, fn: types.FunctionType) -> Any:
    """The Python function that a name in a function's text stands for."""
    return plain(fn.__globals__.get(node.id)) if isinstance(node, ast.Name) else None


def context(fn: types.FunctionType) -> str:
    """The name under which a function is given what a step sees; "" if it is not."""
    names = fn.__code__.co_varnames[: fn.__code__.co_argcount]
    return "ctx" if "ctx" in names else ""


def dry_helper(helper: types.FunctionType) -> Any:
    """A helper of the same signature that only raises the flag."""
    from huracan.sim.options import part

    text = f"def {helper.__name__}{inspect.signature(helper)}:\n    ctx.acct.n_new = 1\n    return -1\n"
    names: dict[str, Any] = dict(helper.__globals__)
    exec(text.replace("=nan", "=NAN"), names)
    return part(names[helper.__name__])


def within(ctx: Any, a: Any, i: Any) -> Any:
    """a[i]; outside of it some element, and the flag."""
    n = len(a)
    at = i + n if i < 0 else i
    if at < 0 or at >= n:
        ctx.acct.n_new = 1
        at = 0
    return a[at]


class Indexing(ast.NodeTransformer):
    """Reads by index as calls of `within`; writes by index as the flag alone."""

    def __init__(self, context: str) -> None:
        self.context = context

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        given: list[ast.expr] = [ast.Name(self.context, ast.Load()), node.value, node.slice]
        return ast.copy_location(ast.Call(ast.Name("__within", ast.Load()), given, []), node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any(isinstance(target, ast.Subscript) for target in node.targets):
            return self.flag(node)
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return self.flag(node) if isinstance(node.target, ast.Subscript) else self.generic_visit(node)

    def flag(self, node: ast.stmt) -> ast.AST:
        return ast.copy_location(ast.parse(f"{self.context}.acct.n_new = 1").body[0], node)
