"""Which strategies may run side by side in vector registers (vector_code.py), and the step that only says: here I want.

A lane is quiet in a row while its step wants nothing. To find out, the step runs for every lane with helpers that only
raise a flag; for a lane whose flag is up it runs again, with the real ones.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Callable
from typing import Any

from huracan.sim import orders
from huracan.sim.declare import Declaration
from huracan.sim.sources import names_of, plain

FEWEST = 16  # lanes for which all this is worth it
READERS = ("drawdown", "size", "fraction_quantity")  # helpers that want nothing: they run as they are


def dry_helper(helper: Any) -> Any:
    """A helper of the same signature that only raises the flag."""
    fn = plain(helper)
    arguments = str(inspect.signature(fn))
    text = f"def {fn.__name__}{arguments}:\n    ctx.acct.n_new = 1\n    return -1\n"
    names: dict[str, Any] = dict(fn.__globals__)
    exec(text.replace("=nan", "=NAN"), names)
    from huracan.sim.options import part

    return part(names[fn.__name__])


def in_dry(fn: Callable[..., Any], seen: dict[int, Any] | None = None) -> Callable[..., Any]:
    """A copy of a step, and of its own helpers, in which whatever wants something only raises the flag."""
    from huracan.sim.options import part

    seen = {} if seen is None else seen
    own = plain(fn)
    names = dict(own.__globals__)
    for name in names_of(own.__code__):
        value = own.__globals__.get(name)
        if value is None or not isinstance(plain(value), types.FunctionType):
            continue
        inner = plain(value)
        if inner.__module__ == orders.__name__:
            if inner.__name__ not in READERS:
                names[name] = seen.setdefault(id(inner), dry_helper(inner))
        elif not inner.__module__.startswith("huracan.sim."):
            if id(inner) not in seen:
                seen[id(inner)] = part(in_dry(inner, seen))
            names[name] = seen[id(inner)]
    return types.FunctionType(own.__code__, names, own.__name__, own.__defaults__, own.__closure__)


def why_not(step: Callable[..., Any], d: Declaration) -> str:
    """Why a strategy can't run side by side; "" if nothing in its text is against it."""
    if d.scope != "each":
        return "it decides for all instruments at once"
    for name, value in d.state.items():
        if isinstance(value, (list, tuple)):
            return f"its state {name!r} is an array"
    return why_not_text(step, set())


def why_not_text(fn: Callable[..., Any], seen: set[int]) -> str:
    """The same for the text of a function and of those that it calls."""
    own = plain(fn)
    if id(own) in seen:
        return ""
    seen.add(id(own))
    tree = ast.parse(textwrap.dedent(inspect.getsource(own)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Store):
            return f"it indexes (line {own.__code__.co_firstlineno + node.lineno - 1})"
        if isinstance(node, (ast.For, ast.While)):
            return f"it loops (line {own.__code__.co_firstlineno + node.lineno - 1})"
    for name in names_of(own.__code__):
        value = plain(own.__globals__.get(name))
        if isinstance(value, types.FunctionType) and not value.__module__.startswith("huracan.sim."):
            inner = why_not_text(value, seen)
            if inner:
                return inner
    return ""
