"""The step that only says whether it wants anything: what a sweep looks ahead with (look_ahead_code.py).

It is a copy of the step in which every helper that would order, change or cancel raises a flag instead, and so does an
index out of range, or a write into an array of its own state. A row in which the flag stays down is over; in one where
it is up the step itself runs, and what is wrong is said there.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from huracan.sim.language_calls import is_own
from huracan.sim.language_outside import READ_ONLY
from huracan.sim.language_words import ORDER_HOMES
from huracan.sim.order_readers import drawdown
from huracan.sim.order_slots import slots_each
from huracan.sim.plain_copy import Rewrite, definition
from huracan.sim.sources import names_of, plain

# Helpers that want nothing: they run as they are.
READERS = (*READ_ONLY, "works_alone", "surely_worth")
# Helpers that look before they want something: a target that is reached wants nothing.
LOOKERS = ("close", "reduce", "target", "target_fraction", "keep")
# Those of both that go through the slots of orders.
WALKERS = ("target", "target_fraction", "keep", "pending", "is_open", "find")


def why_not(step: Callable[..., Any]) -> str:
    """Why a sweep can't run ahead with a strategy, or gains nothing; "" if it can."""
    for each in definition(plain(step)).body:
        written = isinstance(each, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For))
        if written and any(isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) for n in ast.walk(each)):
            return f"it writes into an array of its own state in every row (line {each.lineno})"
    for fn in own_functions(plain(step), set()):
        for node in ast.walk(definition(fn)):
            line = getattr(node, "lineno", 0)
            sums = isinstance(node, ast.Attribute) and node.attr in ("peak", "counts")
            if sums or meant(node, fn.__globals__) is plain(drawdown):
                return f"it reads what rows add up to (line {line})"
            if isinstance(node, ast.Subscript) and context(fn) == "":
                return f"{fn.__name__} indexes and is not given ctx (line {line})"
    return ""


def goes_through_orders(step: Callable[..., Any]) -> bool:
    """Whether a step asks for its orders by helpers, and in no way that could tell free slots from none."""
    found = False
    for fn in own_functions(plain(step), set()):
        for node in ast.walk(definition(fn)):
            helper = meant(node, fn.__globals__)
            if helper is plain(slots_each) or (
                isinstance(node, ast.Attribute) and node.attr in ("orders", "last_slot")
            ):
                return False
            found = found or (
                isinstance(helper, types.FunctionType) and orders_something(helper) and helper.__name__ in WALKERS
            )
    return found


def in_dry(step: Callable[..., Any], done: dict[int, Any] | None = None) -> Callable[..., Any]:
    """A copy of a step, and of its own helpers, in which whatever wants something only raises the flag."""
    from huracan.sim.options import part

    done = {} if done is None else done
    fn = plain(step)
    cells = [cell.cell_contents for cell in fn.__closure__ or ()]
    names: dict[str, Any] = {**fn.__globals__, **dict(zip(fn.__code__.co_freevars, cells, strict=True))}
    node = definition(fn)
    if hasattr(fn, "__is_copy__"):
        node = Rewrite().visit(node)  # uncompiled: its divisions are calls
    called = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} - set(fn.__code__.co_varnames)
    dry = Dry(context(fn), names, called, done)
    module = ast.Module([dry.visit(node)], [])
    names |= {name: dry_of(names[name], done) for name in sorted(called) if name in names}
    names |= {"__within": part(within), **dry.found}
    exec(compile(ast.fix_missing_locations(module), fn.__code__.co_filename, "exec"), names)
    made: types.FunctionType = names[fn.__name__]
    made.__defaults__ = fn.__defaults__
    return made


def dry_of(value: Any, done: dict[int, Any]) -> Any:
    """What stands in a dry copy for something that a step calls; `done` holds those made already."""
    from huracan.sim.options import part, rare

    fn = plain(value)
    if not isinstance(fn, types.FunctionType) or not (is_own(fn.__module__ or "") or orders_something(fn)):
        return value
    if orders_something(fn):
        if fn.__name__ in READERS:
            return value
        if fn.__name__ not in LOOKERS:
            return done.setdefault(id(fn), dry_helper(fn))
    if id(fn) not in done:
        called = not getattr(value, "targetoptions", {}).get("forceinline", True)
        done[id(fn)] = (rare if called else part)(in_dry(fn, done))
    return done[id(fn)]


def orders_something(fn: types.FunctionType) -> bool:
    """Whether this is an order helper, or a part of one."""
    return (fn.__module__ or "").removeprefix("huracan.sim.") in ORDER_HOMES


def own_functions(fn: types.FunctionType, seen: set[int]) -> Iterator[types.FunctionType]:
    """A step and its own helpers, each once."""
    if id(fn) in seen:
        return
    seen.add(id(fn))
    yield fn
    for name in sorted(names_of(fn.__code__)):
        inner = plain(fn.__globals__.get(name))
        if isinstance(inner, types.FunctionType) and is_own(inner.__module__ or ""):
            yield from own_functions(inner, seen)


def meant(node: ast.AST, names: dict[str, Any]) -> Any:
    """The Python function that a name, or a name in a module of ours, stands for in a function's text."""
    if isinstance(node, ast.Name):
        return plain(names.get(node.id))
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module = names.get(node.value.id)
        if isinstance(module, types.ModuleType) and module.__name__.partition(".")[0] == "huracan":
            return plain(getattr(module, node.attr, None))
    return None


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


class Dry(ast.NodeTransformer):
    """Reads by index as calls of `within`, writes by index as the flag, helpers that are reached through a module by
    names of their own (`found`). `called`: the names of `names` that are used, and no local ones."""

    def __init__(self, context: str, names: dict[str, Any], called: set[str], done: dict[int, Any]) -> None:
        self.context = context
        self.names = names
        self.called = called
        self.done = done
        self.found: dict[str, Any] = {}
        self.gone = 0

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        fn = meant(node, self.names)
        if not isinstance(fn, types.FunctionType) or not orders_something(fn):
            return node
        name = f"__dry_{fn.__name__}"
        self.found[name] = dry_of(getattr(sys.modules[fn.__module__], fn.__name__), self.done)
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Store):  # among other targets: a name of its own takes the value
            self.gone += 1
            return ast.copy_location(ast.Name(f"__gone_{self.gone}", ast.Store()), node)
        if self.fixed(node.slice) and not isinstance(node.value, ast.Attribute):
            return node  # of a tuple, which may be of several sorts, and the language check knows that it is within
        given: list[ast.expr] = [ast.Name(self.context, ast.Load()), node.value, node.slice]
        return ast.copy_location(ast.Call(ast.Name("__within", ast.Load()), given, []), node)

    def fixed(self, index: ast.expr) -> bool:
        """Whether an index is the same number always."""
        if isinstance(index, ast.UnaryOp):
            index = index.operand
        if isinstance(index, ast.Name):
            return index.id in self.called and isinstance(self.names.get(index.id), int)
        return isinstance(index, ast.Constant)

    def visit_Assign(self, node: ast.Assign) -> Any:
        if all(isinstance(target, ast.Subscript) for target in node.targets):
            return self.flag(node)
        return self.flagged(node, *node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        return self.flagged(node, node.target)

    def visit_For(self, node: ast.For) -> Any:
        return self.flagged(node, node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        return self.flag(node) if isinstance(node.target, ast.Subscript) else self.generic_visit(node)

    def flagged(self, node: ast.stmt, *targets: ast.expr) -> Any:
        """A statement, behind the flag if one of its targets is an element of an array."""
        writes = any(isinstance(part, ast.Subscript) for target in targets for part in ast.walk(target))
        self.generic_visit(node)
        return [self.flag(node), node] if writes else node

    def flag(self, node: ast.stmt) -> ast.AST:
        return ast.copy_location(ast.parse(f"{self.context}.acct.n_new = 1").body[0], node)
