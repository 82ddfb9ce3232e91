"""The language check of names from outside: which a strategy may reach, and where to turn instead."""

from __future__ import annotations

import ast
import math
import sys
import types
from typing import Any, NoReturn

import numpy as np

from huracan.sim.language_body import Body, nearest, refuse, text
from huracan.sim.language_words import (
    MATH_FUNCTIONS,
    MATH_WAYS_OUT,
    MODULES,
    NUMPY_FUNCTIONS,
    ORDER_HOMES,
    PORTABLE_FUNCTIONS,
    RANDOM_FUNCTIONS,
)

# Order functions beside the public helpers that may be called: three that only look, and what helpers are made of.
MORE_HELPERS = ("find", "slots_each", "positive", "market_order", "limit_order", "stop_order", "trail_order")
# What a gate may ask.
READ_ONLY = ("drawdown", "fraction_quantity", "size", "is_open", "pending", "find", "slots_each", "positive")


def root(module: types.ModuleType) -> str:
    """The package that a module belongs to."""
    return module.__name__.partition(".")[0]


def module_member(body: Body, node: ast.Attribute, module: types.ModuleType, name: str) -> Any:
    """`module.name`; refused for modules whose text no hash covers, and for names that a module does not have."""
    if module is math or module is np:
        kept = (*MATH_FUNCTIONS, *NUMPY_FUNCTIONS, "pi", "e", "tau", "inf", "nan")
        if not hasattr(module, name):
            refuse(body, node, f"there is no `{text(node)}`", nearest(name, kept, "see docs/STRATEGIES.md"))
        value = getattr(module, name)
        if not isinstance(value, float) and library_sort(value) is None:
            refuse_library(body, node, module.__name__, name)
        return value
    if module.__name__ == "huracan" or module.__name__.startswith("huracan.sim."):
        if not hasattr(module, name):
            refuse(body, node, f"there is no `{text(node)}`", nearest(name, dir(module), "see docs/STRATEGIES.md"))
        return getattr(module, name)
    if root(module) in MODULES:
        refuse(body, node, f"`{text(node)}` is not in the strategy language", MODULES[root(module)])
    if root(module) in sys.stdlib_module_names:
        refuse(body, node, f"`{text(node)}` is not in the strategy language", "see docs/STRATEGIES.md for what is")
    what = f"`{text(node)}` is reached through a module, so an edit there would not be noticed"
    refuse(body, node, what, f"from {module.__name__} import {name}")


def library_sort(value: Any) -> str | None:
    """What a function of math or numpy gives, if it is one of those that are the same everywhere."""
    for module, table in ((math, MATH_FUNCTIONS), (np, NUMPY_FUNCTIONS)):
        for name, sort in table.items():
            if value is getattr(module, name):
                return sort
    return None


def refuse_library(body: Body, node: ast.AST, module: str, name: str) -> NoReturn:
    """Refuse a function of math or numpy with what to write instead."""
    what = f"`{module}.{name}` is not in the strategy language"
    if name in PORTABLE_FUNCTIONS:
        what = f"`{module}.{name}` differs from machine to machine"
        refuse(body, node, what, f"portable_math.{name}, from huracan import portable_math")
    fallback = "use + - * /, portable_math, a feature, or own state"
    refuse(body, node, what, MATH_WAYS_OUT.get(name, fallback))


def library_home(value: Any) -> tuple[str, str] | None:
    """Module and name of a function of math or numpy."""
    name = getattr(value, "__name__", "")
    for module in (math, np):
        if name and getattr(module, name, None) is value:
            return module.__name__, name
    return None


def sim_function(body: Body, node: ast.AST, fn: types.FunctionType) -> str:
    """What a function of huracan.sim gives ("float", "int", "bool", "number"); refused if it is not for strategies."""
    from huracan.sim.book_depth import __all__ as depths
    from huracan.sim.orders import __all__ as helpers

    home, name = fn.__module__.removeprefix("huracan.sim."), fn.__name__
    if home == "portable_math" and name in PORTABLE_FUNCTIONS:
        return "float"
    if home == "random_numbers" and name in RANDOM_FUNCTIONS:
        return RANDOM_FUNCTIONS[name]
    if home == "prices":
        return "float"
    if home == "book_depth" and name in depths:
        if body.check.declaration.needs != "book" and body.check.declaration.role == "strategy":
            fix = 'say needs="book" in @strategy: there are no order books on a tape of bars'
            refuse(body, node, f"`{name}` reads an order book", fix)
        return "float"
    if home in ORDER_HOMES and (name in helpers or name in MORE_HELPERS):
        if body.check.declaration.role == "gate" and name not in READ_ONLY:
            fix = "return 0 to let the want pass or the number of a reason; trade in a strategy"
            refuse(body, node, f"a gate places no orders: `{name}`", fix)
        if name in ("is_open", "positive"):
            return "bool"
        return "float" if name in ("drawdown", "fraction_quantity", "size") else "int"
    refuse(
        body,
        node,
        f"`{name}` of {fn.__module__} is not for strategies",
        nearest(name, helpers, f"helpers are {', '.join(helpers)}"),
    )


def refuse_function(body: Body, node: ast.AST, value: Any, shown: str) -> NoReturn:
    """Refuse to call something that is no function of the language."""
    module = getattr(value, "__module__", "") or ""
    if module.startswith("huracan.strategies.features"):
        refuse(
            body,
            node,
            f"`{shown}(...)` is declared, not called",
            f"features=dict(x={shown}(20)) in @strategy, then ctx.f.x",
        )
    if module.partition(".")[0] in MODULES:
        refuse(body, node, f"`{shown}` is not in the strategy language", MODULES[module.partition(".")[0]])
    if module.startswith("huracan"):
        refuse(
            body, node, f"`{shown}` of {module} is not for use inside a strategy", "see docs/STRATEGIES.md for what is"
        )
    refuse(body, node, f"`{shown}` can't be called here", "write a function with @inline, from huracan import inline")
