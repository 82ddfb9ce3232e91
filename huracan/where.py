"""The condition of a sweep, `where = "fast < slow and slow % 5 == 0"`: read by a small interpreter, never by eval."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from huracan.sim.refusal import Refused
from huracan.words import nearest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

AT = "sweep.where"
DEEPEST = 100  # the interpreter is recursive
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
COMPARISON: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
SIGNS = {"Pow": "**", "MatMult": "@", "In": "in", "NotIn": "not in", "Is": "is", "IsNot": "is not"}
PLAIN = (ast.Expression, ast.BoolOp, ast.Compare, ast.Name, ast.Attribute, ast.boolop, ast.expr_context)
WAY_OUT = "use names, numbers, + - * / // %, comparisons, and, or, not, and brackets; texts with == and != only"


def parse(text: str) -> ast.Expression:
    """The tree of a condition, every part of which the interpreter knows.

    >>> parse("fast ** 2 < slow")
    Traceback (most recent call last):
    huracan.sim.refusal.Refused: where has no ** (at sweep.where). To mend it: use names, numbers, + - * / // %, ...
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = f" ({error.msg}, column {error.offset})" if isinstance(error, SyntaxError) else ""
        raise Refused(f'"{text}" is no condition{why}', where=AT, fix='write it as "fast < slow"') from None
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        for node in level:
            _check(node, text)
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return tree
    raise Refused("the condition is nested too deeply", where=AT, fix="write it with fewer brackets and signs")


def _check(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.operator):
        known = type(node) in ARITHMETIC
    elif isinstance(node, ast.cmpop):
        known = type(node) in COMPARISON
    elif isinstance(node, ast.Constant):
        value = node.value
        known = isinstance(value, str) or (isinstance(value, (int, float)) and abs(value) < 2**63 and isfinite(value))
    elif isinstance(node, (ast.UnaryOp, ast.BinOp, ast.unaryop)):
        known = not isinstance(node, ast.Invert)
    else:
        known = isinstance(node, PLAIN)
    if not known:
        kind = type(node).__name__
        said = SIGNS.get(kind) or (ast.get_source_segment(text.strip(), node) if isinstance(node, ast.expr) else kind)
        raise Refused(f"where has no {said}", where=AT, fix=WAY_OUT)


def conditions(tree: ast.Expression, columns: Mapping[str, Any], shape: int | tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which sets of this shape the condition keeps; a column is an array that broadcasts to it, or one value for all.

    A division by zero, or what is no number, is refused with the first set that asks for it; behind `and` and `or` only
    those sets are asked that the words before leave open.

    >>> import numpy as np
    >>> conditions(parse("5 <= fast < slow"), {"fast": np.array([4, 5, 9]), "slow": 8}, 3)
    array([False,  True, False])
    >>> conditions(parse("slow > 0 and fast / slow < 2"), {"fast": 6, "slow": np.array([0, 2, 4])}, 3)
    array([False, False,  True])
    """
    import numpy as np

    with np.errstate(all="ignore"):
        kept = _condition(tree.body, columns, np.bool_(True))
    return np.broadcast_to(kept, shape)


def _condition(node: ast.expr, columns: Mapping[str, Any], asked: Any) -> Any:
    value = _value(node, columns, asked)
    if value.dtype != bool:
        kind = "a number" if value.dtype.kind == "f" else "a text"
        what = f'"{ast.unparse(node)}" is {kind} where a condition belongs'
        raise Refused(what, where=AT, fix='compare it, as in "fast < slow"')
    return value


def _number(node: ast.expr, columns: Mapping[str, Any], asked: Any) -> Any:
    value = _value(node, columns, asked)
    if value.dtype.kind != "f":
        kind = "true or false" if value.dtype == bool else "a text"
        raise Refused(f'"{ast.unparse(node)}" is {kind} where a number belongs', where=AT, fix=WAY_OUT)
    return value


def _compared(left: ast.expr, sign: ast.cmpop, right: ast.expr, columns: Mapping[str, Any], asked: Any) -> Any:
    """Numbers by any sign; texts, and true or false, by whether they are the same."""
    a, b = _value(left, columns, asked), _value(right, columns, asked)
    kinds = {"text" if each.dtype.kind in "OU" else each.dtype.kind for each in (a, b)}
    if isinstance(sign, (ast.Eq, ast.NotEq)) and kinds in ({"text"}, {"b"}):
        return COMPARISON[type(sign)](a, b)
    return COMPARISON[type(sign)](_compared_number(left, columns, asked), _compared_number(right, columns, asked))


def _compared_number(side: ast.expr, columns: Mapping[str, Any], asked: Any) -> Any:
    """A number that there is; infinities, from numbers that are too large, may leave none."""
    import numpy as np

    number = _number(side, columns, asked)
    if isinstance(side, (ast.BinOp, ast.UnaryOp)):
        _refuse_where(asked & np.isnan(number), side, columns, "is no number", "use smaller numbers")
    return number


def _value(node: ast.expr, columns: Mapping[str, Any], asked: Any) -> Any:
    """An array of conditions (bool), of numbers (float64) or of texts; nothing is meant by sets not `asked`."""
    import numpy as np

    if isinstance(node, ast.BoolOp):
        both = isinstance(node.op, ast.And)
        value = _condition(node.values[0], columns, asked)
        for each in node.values[1:]:
            open_yet = np.logical_and(asked, value if both else np.logical_not(value))
            join = np.logical_and if both else np.logical_or
            value = join(value, _condition(each, columns, open_yet))
        return value
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            return np.logical_not(_condition(node.operand, columns, asked))
        number = _number(node.operand, columns, asked)
        return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left, columns, asked), _number(node.right, columns, asked)
        if isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod)):
            fix = f"add a condition before it, as in {ast.unparse(node.right)} != 0 and ..."
            fix = "divide by another number" if isinstance(node.right, ast.Constant) else fix
            _refuse_where(asked & (right == 0.0), node, columns, "divides by zero", fix)
        return ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.Compare):
        value = np.bool_(True)
        for left, sign, right in zip((node.left, *node.comparators), node.ops, node.comparators, strict=False):
            value = np.logical_and(value, _compared(left, sign, right, columns, asked))
        return value
    found = node.value if isinstance(node, ast.Constant) else _look_up(ast.unparse(node), columns)
    array = np.asarray(found)
    return array.astype(np.float64) if array.dtype.kind in "iu" else array


def _refuse_where(bad: Any, node: ast.expr, columns: Mapping[str, Any], what: str, fix: str) -> None:
    """Refuse a part of the condition with the first set for which it can't be computed."""
    import numpy as np

    if not bad.any():
        return
    used = dict.fromkeys(name for each in ast.walk(node) if (name := _name(each)) in columns)
    spread = np.broadcast_arrays(bad, *(np.asarray(columns[name]) for name in used))
    first = int(np.flatnonzero(spread[0])[0])
    at = ", ".join(f"{name} = {each.flat[first]}" for name, each in zip(used, spread[1:], strict=True))
    raise Refused(f'"{ast.unparse(node)}" {what}{f" for {at}" if at else ""}', where=AT, fix=fix)


def _name(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""


def _look_up(name: str, columns: Mapping[str, Any]) -> Any:
    if name not in columns:
        fix = nearest(name, columns) or f"the names here are {', '.join(columns)}"
        raise Refused(f'where names "{name}", which is neither swept nor set', where=AT, fix=fix)
    return columns[name]
