"""The strategy language, checked on the source before numba sees it: each refusal names the line and the way out.

What a step, a gate's check and their own @inline helpers may use is on one page, docs/STRATEGIES.md. It is what
compiles, gives the same bits compiled and in plain Python, and can neither peek nor change what is not its own. The
check walks every path once: a name that has no value on some path, a field that does not exist or a fraction put into
a whole number is found here, not in a result.

    source → statements → expressions → calls → (own helpers: the same again)     language_kinds.py says what values are
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from huracan.sim.declare import Declaration
from huracan.sim.language_body import Body, Check, refuse
from huracan.sim.language_kinds import NOTHING, Kind, Number, Outside, Unusable, ctx_record, describe, join, want_record
from huracan.sim.language_statements import run_block
from huracan.sim.refusal import Refused
from huracan.sim.sources import plain, source_file


def check_language(fn: Callable[..., Any]) -> None:
    """Refuse a strategy's step or a gate's check that uses what is not in the language, itself or in its own helpers.

    >>> from huracan.strategies.sma_cross import sma_cross
    >>> check_language(sma_cross)
    """
    d = getattr(fn, "__huracan__", None)
    if not isinstance(d, Declaration):
        name = getattr(fn, "__name__", fn)
        where, fix = place(fn) or "strategy.use", "put @strategy(...) or @gate(...) above it"
        raise Refused(f"{name!r} is neither a strategy nor a gate", where=where, fix=fix)
    if plain(fn) is not fn:
        raise Refused(
            f"{d.name!r} is compiled already", where=place(fn), fix=f"take @inline or @njit off: @{d.role} is enough"
        )
    if not isinstance(fn, types.FunctionType):
        raise Refused(f"{d.name!r} is not a function", where=place(fn) or d.name, fix="decorate a plain `def`")
    wanted = ("ctx",) if d.role == "strategy" else ("ctx", "want")
    parameters = inspect.signature(fn).parameters
    names = tuple(parameters)
    plainly = all(p.kind == p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in parameters.values())
    if len(names) != len(wanted) or not plainly:
        raise Refused(
            f"a {d.role} takes {' and '.join(wanted)}", where=place(fn), fix=f"def {d.name}({', '.join(wanted)}):"
        )
    ctx = ctx_record(d)
    check = Check(d, ctx, enter)
    kinds: dict[str, Kind] = {names[0]: ctx}
    if d.role == "gate":
        kinds[names[1]] = want_record()
    body = walk(check, fn, kinds)
    (check_reasons if d.role == "gate" else check_step)(body, d)


def place(fn: Callable[..., Any]) -> str:
    """File and line of a function."""
    code = plain(fn).__code__ if hasattr(plain(fn), "__code__") else None
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code else ""


def walk(check: Check, fn: types.FunctionType, kinds: Mapping[str, Kind]) -> Body:
    """Walk a function whose parameters hold these kinds."""
    node = definition(check, fn)
    file = Path(fn.__code__.co_filename).name
    stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    body = Body(check, fn, file, frozenset(stored | set(kinds)), dict(kinds))
    if fn.__code__.co_freevars:
        what = f"{fn.__name__} takes {', '.join(fn.__code__.co_freevars)} from the function around it"
        refuse(body, node, what, "define it at the top of the file, or make it a parameter")
    check.stack.append(fn)
    run_block(body, node.body)
    check.stack.pop()
    return body


def definition(check: Check, fn: types.FunctionType) -> ast.FunctionDef:
    """A function's definition in its file."""
    path = source_file(fn)
    if path not in check.trees:
        check.trees[path] = definitions(path, path.stat().st_mtime_ns)
    node = check.trees[path].get(fn.__code__.co_firstlineno)
    if node is None or node.name != fn.__code__.co_name:
        fix = "write it as a plain `def`" if fn.__code__.co_name == "<lambda>" else "import the file again"
        raise Refused(
            f"{fn.__name__!r} does not stand where it was defined: a lambda, or its file has changed",
            where=place(fn),
            fix=fix,
        )
    return node


@functools.lru_cache(maxsize=32)
def definitions(path: Path, _changed_ns: int) -> dict[int, ast.FunctionDef]:
    """Every function of a file, by the line on which it or its first decorator begins."""
    out: dict[int, ast.FunctionDef] = {}
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef):
            out[min([node.lineno, *(d.lineno for d in node.decorator_list)])] = node
    return out


def enter(check: Check, caller: Body, node: ast.AST, value: Any, kinds: Mapping[str, Kind]) -> Kind:
    """The kind of what an own helper gives back; walks it once for each set of kinds."""
    fn: types.FunctionType = plain(value)
    if fn in check.stack:
        refuse(caller, node, f"{fn.__name__} calls itself", "write a loop: for k in range(n): ...")
    key = (fn, *kinds.items())
    if key not in check.results:
        check_compiled(check, caller, node, value)
        body = walk(check, fn, kinds)
        check.results[key] = result(body)
    return check.results[key]


def check_compiled(check: Check, caller: Body, node: ast.AST, value: Any) -> None:
    """Refuse a helper that is not compiled as the machine is: with @inline."""
    from huracan.sim import options

    fn = plain(value)
    ours = (options.own, options.part, options.rare, options.inline)
    wanted = "put @inline above it, from huracan import inline"
    flags = getattr(value, "targetoptions", None)
    if flags is not None:
        if flags.get("fastmath"):
            refuse(caller, node, f"{fn.__name__} is compiled with fastmath, which changes results", wanted)
        if flags.get("error_model") != "numpy" or flags.get("_nrt") is not False or flags.get("parallel"):
            refuse(caller, node, f"{fn.__name__} is compiled by numba itself, slower and by other rules", wanted)
        return
    for each in definition(check, fn).decorator_list:
        names = [n for n in ast.walk(each) if isinstance(n, ast.keyword) and n.arg == "fastmath"]
        if names:
            refuse(caller, node, f"{fn.__name__} is compiled with fastmath, which changes results", wanted)
        if not isinstance(each, ast.Call) and any(resolve(each, fn.__globals__) is o for o in ours):
            return
    refuse(caller, node, f"{fn.__name__} is a plain Python function, which compiled code can't call", wanted)


def resolve(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """What a decorator's dotted name stands for; None if that can't be told."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        return getattr(resolve(node.value, names), node.attr, None)
    return None


def result(body: Body) -> Kind:
    """The kind of what a walked helper gives back."""
    values = [(node, kind) for node, kind in body.returns if kind != NOTHING]
    if not values:
        return NOTHING
    if body.env is not None or len(values) != len(body.returns):
        what = f"{body.fn.__name__} gives a value on some paths and nothing on others"
        refuse(body, values[0][0], what, "end every path with `return` and a value")
    kind = values[0][1]
    for node, other in values[1:]:
        kind = join(kind, other)
        if isinstance(kind, Unusable):
            refuse(body, node, f"{body.fn.__name__} returns {kind.what}", "return the same on every path")
    return Number(kind.sort) if isinstance(kind, Number) else kind


def check_step(body: Body, d: Declaration) -> None:
    """A step's value is not used; only numbers may be returned."""
    for node, kind in body.returns:
        if kind != NOTHING and not isinstance(kind, Number):
            refuse(body, node, f"{d.name} returns {describe(kind)}", "a step returns nothing: `return`")


def check_reasons(body: Body, d: Declaration) -> None:
    """A gate says 0 or the number of one of its reasons, on every path."""
    passes = "return 0 to let the want pass, 1 for the first reason"
    if body.env is not None:
        refuse_end(body, passes)
    for node, kind in body.returns:
        if not isinstance(kind, Number) or isinstance(kind, Outside):
            refuse(body, node, f"{d.name} returns {describe(kind)}", passes)
        if kind.sort == "float":
            refuse(body, node, f"{d.name} returns a number that is not whole", passes)
        if kind.value is not None and not 0 <= int(kind.value) <= len(d.reasons):
            refuse(body, node, f"{d.name} returns {kind.value}, and has {len(d.reasons)} reason(s)", passes)


def refuse_end(body: Body, fix: str) -> NoReturn:
    """Refuse a gate that can come to its end without saying anything."""
    last = definition(body.check, body.fn).body[-1]
    refuse(body, last, f"{body.fn.__name__} can end without a `return`", fix)
