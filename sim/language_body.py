"""One function under the language check: what its names hold so far, and how it refuses."""

from __future__ import annotations

import ast
import difflib
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from huracan.sim.declare import Declaration
from huracan.sim.language_kinds import Kind, Record, Unusable, join
from huracan.sim.refusal import Refused

Env = dict[str, Kind]


@dataclass
class Loop:
    """What names hold where a loop is left or begun anew."""

    breaks: list[Env] = field(default_factory=list)
    continues: list[Env] = field(default_factory=list)


@dataclass
class Check:
    """One run of the check: the declaration, the files read, and the helpers walked so far."""

    declaration: Declaration
    ctx: Record
    enter: Callable[[Check, Body, ast.AST, Any, Mapping[str, Kind]], Kind]
    trees: dict[Path, dict[int, ast.FunctionDef]] = field(default_factory=dict)
    results: dict[tuple[Any, ...], Kind] = field(default_factory=dict)
    stack: list[types.FunctionType] = field(default_factory=list)


@dataclass
class Body:
    """A function being walked. `env` holds the names that have a value on every path to here; None after a return."""

    check: Check
    fn: types.FunctionType
    file: str
    local: frozenset[str]
    env: Env | None
    loops: list[Loop] = field(default_factory=list)
    returns: list[tuple[ast.Return, Kind]] = field(default_factory=list)

    @property
    def names(self) -> Env:
        """The names that have a value here."""
        return {} if self.env is None else self.env


def refuse(body: Body, node: ast.AST, what: str, fix: str) -> NoReturn:
    """Refuse a construct at its line."""
    raise Refused(what, where=f"{body.file}:{getattr(node, 'lineno', 0)}", fix=fix)


def text(node: ast.AST) -> str:
    """A piece of source as one short line."""
    line = " ".join(ast.unparse(node).split())
    return line if len(line) <= 50 else line[:47] + "..."


def nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean ...?`, or what to do if nothing is near.

    >>> nearest("slwo", ["fast", "slow"], "declare it")
    "did you mean 'slow'?"
    """
    near = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {near[0]!r}?" if near else otherwise


def merge(*paths: Env | None) -> Env | None:
    """What holds where paths meet: names with a value on all of them; a path that has returned does not count."""
    open_paths = [p for p in paths if p is not None]
    if not open_paths:
        return None
    first, *others = open_paths
    out: Env = {}
    for name, kind in first.items():
        if all(name in p for p in others):
            for p in others:
                kind = kind if isinstance(kind, Unusable) else join(kind, p[name])
            out[name] = kind
    return out
