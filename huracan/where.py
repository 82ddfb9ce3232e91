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

    >>> import numpy as np
    >>> conditions(parse("5 <= fast < slow"), {"fast": np.array([4, 5, 9]), "slow": 8}, 3)
    array([False,  True, False])
    """
    import numpy as np

    with np.errstate(all="ignore"):  # x / 0 is inf or nan, and compares as such
        kept = _condition(tree.body, columns)
    return np.broadcast_to(kept, shape)


def _condition(node: ast.expr, columns: Mapping[str, Any]) -> Any:
    value = _value(node, columns)
    if value.dtype != bool:
        kind = "a number" if value.dtype.kind == "f" else "a text"
        what = f'"{ast.unparse(node)}" is {kind} where a condition belongs'
        raise Refused(what, where=AT, fix='compare it, as in "fast < slow"')
    return value


def _number(node: ast.expr, columns: Mapping[str, Any]) -> Any:
    value = _value(node, columns)
    if value.dtype.kind != "f":
        kind = "true or false" if value.dtype == bool else "a text"
        raise Refused(f'"{ast.unparse(node)}" is {kind} where a number belongs', where=AT, fix=WAY_OUT)
    return value


def _compared(left: ast.expr, sign: ast.cmpop, right: ast.expr, columns: Mapping[str, Any]) -> Any:
    """Numbers by any sign; texts, and true or false, by whether they are the same."""
    a, b = _value(left, columns), _value(right, columns)
    kinds = {"text" if each.dtype.kind in "OU" else each.dtype.kind for each in (a, b)}
    if isinstance(sign, (ast.Eq, ast.NotEq)) and kinds in ({"text"}, {"b"}):
        return COMPARISON[type(sign)](a, b)
    return COMPARISON[type(sign)](_number(left, columns), _number(right, columns))


def _value(node: ast.expr, columns: Mapping[str, Any]) -> Any:
    """An array of conditions (bool), of numbers (float64) or of texts."""
    import numpy as np

    if isinstance(node, ast.BoolOp):
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        value = _condition(node.values[0], columns)
        for each in node.values[1:]:
            value = join(value, _condition(each, columns))
        return value
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            return np.logical_not(_condition(node.operand, columns))
        number = _number(node.operand, columns)
        return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.BinOp):
        return ARITHMETIC[type(node.op)](_number(node.left, columns), _number(node.right, columns))
    if isinstance(node, ast.Compare):
        value = np.bool_(True)
        for left, sign, right in zip((node.left, *node.comparators), node.ops, node.comparators, strict=False):
            value = np.logical_and(value, _compared(left, sign, right, columns))
        return value
    found = node.value if isinstance(node, ast.Constant) else _look_up(ast.unparse(node), columns)
    array = np.asarray(found)
    return array.astype(np.float64) if array.dtype.kind in "iu" else array


def _look_up(name: str, columns: Mapping[str, Any]) -> Any:
    if name not in columns:
        fix = nearest(name, columns) or f"the names here are {', '.join(columns)}"
        raise Refused(f'where names "{name}", which is neither swept nor set', where=AT, fix=fix)
    return columns[name]
