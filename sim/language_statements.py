"""The language check of statements: walks them in order and keeps which names have a value on every path."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from huracan.sim.language_body import Body, Loop, merge, refuse, text
from huracan.sim.language_kinds import INT, NOTHING, Array, Kind, Number, Outside, Record, Tuple, describe
from huracan.sim.language_values import kind_of, number, operation, usable
from huracan.sim.language_words import REFUSED

CANNOT_WRITE = {
    "acct": "the account follows from fills; keep own numbers in state=dict(...) and write ctx.u",
    "pos": "positions follow from fills: buy, sell, close, target; keep own numbers in state=dict(...) and write ctx.u",
    "bar": "bars are what happened; keep own numbers in state=dict(...) and write ctx.u",
    "book": "the book is the market's; keep own numbers in state=dict(...) and write ctx.u",
    "f": "features are computed for you; keep own numbers in state=dict(...) and write ctx.u",
    "wide": "features are computed for you; keep own numbers in state=dict(...) and write ctx.u",
    "p": "parameters are fixed for a run; copy it into a local name, or keep it in state=dict(...)",
    "order": "a step changes orders by modify(ctx, id, ...) and cancel(ctx, id); a gate lets a want pass or refuses it",
    "rules": "the instrument's rules stand in the spec: [data.rules]",
    "settings": "the venue's settings stand in the spec: [venue]",
    "ctx": "give it a local name, or keep it in state=dict(...) and write ctx.u",
}


def run_block(body: Body, statements: Sequence[ast.stmt]) -> None:
    """Walk statements in order; what stands behind a return is never reached and not looked at."""
    for each in statements:
        if body.env is None:
            return
        handler = STATEMENTS.get(type(each))
        if handler is None:
            what, fix = REFUSED.get(
                type(each), (f"`{text(each)}` is not in the strategy language", "see docs/STRATEGIES.md")
            )
            refuse(body, each, what, fix)
        handler(body, each)


def expression(body: Body, node: ast.Expr) -> None:
    if isinstance(node.value, ast.Constant) and (isinstance(node.value.value, str) or node.value.value is ...):
        return  # a docstring, or `...`
    kind = kind_of(body, node.value)
    if isinstance(kind, Outside) and callable(kind.value):
        refuse(body, node, f"`{text(node)}` does nothing: the function is not called", f"{text(node)}(...)")


def assign(body: Body, node: ast.Assign) -> None:
    kind = usable(body, node.value)
    for each in node.targets:
        store(body, each, kind, node.value)


def annotated(body: Body, node: ast.AnnAssign) -> None:
    if node.value is None:
        refuse(body, node, f"`{text(node)}` gives no value", f"{text(node.target)} = 0.0")
    store(body, node.target, usable(body, node.value), node.value)


def augmented(body: Body, node: ast.AugAssign) -> None:
    now, by = number(body, node.target), number(body, node.value)
    store(body, node.target, operation(body, node, now, node.op, by, node.target, node.value), node.value)


def store(body: Body, target: ast.expr, kind: Kind, value: ast.expr) -> None:
    """Let a target hold a value of this kind; refused if it may not be written, or would cut the value."""
    if isinstance(target, ast.Name):
        # what a name holds changes: only its sort is kept, never its value
        body.names[target.id] = Number(kind.sort, None, kind.choices) if isinstance(kind, Number) else kind
    elif isinstance(target, (ast.Tuple, ast.List)):
        if not isinstance(kind, Tuple) or len(kind.items) != len(target.elts):
            refuse(
                body,
                target,
                f"`{text(value)}` does not give {len(target.elts)} values",
                "as many names as values: a, b = 1.0, 2.0",
            )
        for each, item in zip(target.elts, kind.items, strict=True):
            store(body, each, item, value)
    elif isinstance(target, ast.Attribute):
        of = kind_of(body, target.value)
        if not isinstance(of, Record) or not of.own:
            fix = CANNOT_WRITE.get(of.name, "write ctx.u") if isinstance(of, Record) else "write ctx.u"
            refuse(body, target, f"`{text(target)}` can't be written", fix)
        held = kind_of(body, target)
        if isinstance(held, Array):
            refuse(body, target, f"`{text(target)}` is an array", f"write its elements: {text(target)}[k] = ...")
        fits(body, target, held, kind, value)
    elif isinstance(target, ast.Subscript):
        if isinstance(target.slice, ast.Slice):
            refuse(body, target, *REFUSED[ast.Slice])
        of = kind_of(body, target.value)
        if not isinstance(of, Array) or not of.own:
            refuse(body, target, f"`{text(target)}` can't be written", "write ctx.u: state=dict(last=[0.0] * 16)")
        fits(body, target, kind_of(body, target), kind, value)
    else:
        refuse(body, target, *REFUSED.get(type(target), ("this can't be assigned to", "assign to a name")))


def fits(body: Body, target: ast.expr, held: Kind, kind: Kind, value: ast.expr) -> None:
    """A number goes into own state that holds its sort: a fraction would lose its decimals without a word."""
    if not isinstance(held, Number) or not isinstance(kind, Number):
        refuse(
            body,
            target,
            f"`{text(value)}` is {describe(kind)}; `{text(target)}` holds a number",
            "keep one of its fields",
        )
    if held.sort == "int" and kind.sort == "float":
        name = text(target).removeprefix("ctx.u.").partition("[")[0]
        start = "[0.0] * 16" if isinstance(target, ast.Subscript) else "0.0"
        what = f"`{text(target)}` starts as a whole number, so `{text(value)}` would lose its decimals"
        refuse(body, target, what, f"state=dict({name}={start}), or int(...)")


def branch(body: Body, node: ast.If) -> None:
    number(body, node.test)
    before = dict(body.names)
    run_block(body, node.body)
    then, body.env = body.env, before
    run_block(body, node.orelse)
    body.env = merge(then, body.env)


def loop(body: Body, node: ast.For) -> None:
    items, once = iteration(body, node)
    before = dict(body.names)
    for _ in range(2):  # the second time with what the first left: a whole number may have become a fraction
        inside = dict(before)
        body.env = inside
        store(body, node.target, items, node.iter)
        body.loops.append(Loop())
        run_block(body, node.body)
        left = body.loops.pop()
        again = merge(body.env, *left.continues)
        if again is not None:
            before = merge(before, again) or before
    body.env = merge(again, None if once else before)
    if node.orelse and body.env is not None:
        run_block(body, node.orelse)
    body.env = merge(body.env, *left.breaks)


def iteration(body: Body, node: ast.For) -> tuple[Kind, bool]:
    """What a loop's name holds, and whether the loop runs at least once."""
    over = node.iter
    name = over.func.id if isinstance(over, ast.Call) and isinstance(over.func, ast.Name) else ""
    if isinstance(over, ast.Call) and name in ("range", "enumerate", "zip") and name not in body.names:
        for keyword in over.keywords:
            refuse(body, keyword.value, f"{name} takes no keywords here", f"for k in {name}(...)")
        if name == "range":
            return INT, range_runs(body, over)
        parts = [iterated(body, a) for a in over.args]
        if name == "enumerate":
            if len(parts) != 1:
                refuse(body, over, "enumerate takes one array here", "for k in range(len(...)): ...")
            return Tuple((INT, parts[0][0])), parts[0][1]
        return Tuple(tuple(p[0] for p in parts)), all(p[1] for p in parts)
    return iterated(body, over)


def iterated(body: Body, node: ast.expr) -> tuple[Kind, bool]:
    """What the elements of an array or a tuple are, and whether there are any for certain."""
    kind = usable(body, node)
    if isinstance(kind, Array):
        return kind.item, bool(kind.length) or kind.length is None  # there is always an instrument and a slot
    if isinstance(kind, Tuple) and kind.items:
        first = kind.items[0]
        if any(k != first for k in kind.items):
            refuse(body, node, f"`{text(node)}` holds different sorts", "make them alike: (1.0, 2.0), not (1, 2.0)")
        return Number(first.sort) if isinstance(first, Number) else first, True
    refuse(
        body,
        node,
        f"a loop goes over a range, an array or a tuple; `{text(node)}` is {describe(kind)}",
        "for k in range(n): ...",
    )


def range_runs(body: Body, node: ast.Call) -> bool:
    """Check the arguments of a range; whether it is known to have an element."""
    if not 1 <= len(node.args) <= 3:
        refuse(body, node, f"range takes one to three numbers, not {len(node.args)}", "for k in range(n)")
    values = []
    for each in node.args:
        kind = number(body, each)
        if kind.sort == "float":
            fix = f"range(int({text(each)})), or declare a whole number: param(5), not param(5.0)"
            refuse(body, each, f"`{text(each)}` is not a whole number", fix)
        values.append(kind.value)
    if len(values) == 3 and values[2] == 0:
        refuse(body, node, "a range with step 0", "step by 1 or by -1")
    return all(v is not None for v in values) and len(range(*[int(v) for v in values])) > 0


def leave(body: Body, node: ast.Return) -> None:
    kind: Kind = NOTHING
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        kind = usable(body, node.value)
        if isinstance(kind, Outside):
            refuse(body, node, f"`{text(node.value)}` is not a value", "call it, or return a number")
    body.returns.append((node, kind))
    body.env = None


def jump(body: Body, node: ast.Break | ast.Continue) -> None:
    into = body.loops[-1].breaks if isinstance(node, ast.Break) else body.loops[-1].continues
    into.append(dict(body.names))
    body.env = None


def nothing(body: Body, node: ast.Pass) -> None:
    """`pass` does nothing."""


STATEMENTS: dict[type[ast.AST], Any] = {
    ast.Expr: expression,
    ast.Assign: assign,
    ast.AnnAssign: annotated,
    ast.AugAssign: augmented,
    ast.If: branch,
    ast.For: loop,
    ast.Return: leave,
    ast.Break: jump,
    ast.Continue: jump,
    ast.Pass: nothing,
}
