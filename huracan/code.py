"""The strategy and the gates that a spec names: shipped by name, or a user's `path/to/file.py:name`, or a function."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from huracan.sim.declare import Declaration
from huracan.sim.declared import declaration
from huracan.sim.language import check_language
from huracan.sim.refusal import Refused
from huracan.sim.sources import reached_names, strategy_sources
from huracan.spec_records import Spec

# Helpers that put an order to rest; a strategy that names none of them is linked without the path inside the bar.
RESTING = frozenset(
    [
        "limit",
        "stop",
        "trail",
        "bracket",
        "modify",
        "keep",
        "reduce_limit",
        "reduce_stop",
        "reduce_trail",
        "limit_order",
        "stop_order",
        "trail_order",
    ]
)


@dataclass(frozen=True)
class Code:
    """Functions and what they declared."""

    step: Callable[..., Any]
    checks: tuple[Callable[..., Any], ...]
    declaration: Declaration
    gate_declarations: tuple[Declaration, ...]
    rests: bool
    sources: str

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        return (self.declaration, *self.gate_declarations)

    def values(self, spec: Spec) -> list[dict[str, float]]:
        """Parameter values of the strategy, then of each gate, checked against their declarations."""
        out = [param_values(self.declaration, spec.strategy.params, "strategy.params")]
        for g, gate in enumerate(spec.gates):
            out.append(param_values(self.gate_declarations[g], gate.params, f"gates.{gate.name}"))
        return out


def find_code(spec: Spec) -> Code:
    """Find, check and describe what a spec names."""
    step = find(spec.strategy.use, "strategy", "strategy.use")
    checks = tuple(find(g.use, "gate", f"gates.{g.name}.use") for g in spec.gates)
    functions = (step, *checks)
    known = sources_of(functions)
    if known:
        check_once(functions, known)
    else:
        check_all(functions)
    return Code(
        step,
        checks,
        declaration(step, "strategy"),
        tuple(declaration(c, "gate") for c in checks),
        bool(reached_names(functions) & RESTING),
        known or strategy_sources(functions),
    )


def sources_of(functions: Sequence[Callable[..., Any]]) -> str:
    """What the functions depend on, as `strategy_sources` says; "" where it can't, and `check_language` says why."""
    if not all(isinstance(fn, FunctionType) for fn in functions):
        return ""
    try:
        return strategy_sources(functions)
    except Refused:
        return ""


def check_all(functions: tuple[Callable[..., Any], ...]) -> None:
    """Refuse what is not in the language."""
    for fn in functions:
        check_language(fn)


@lru_cache(maxsize=64)
def check_once(functions: tuple[Callable[..., Any], ...], sources: str) -> None:
    """The same, once for as long as nothing that the functions depend on changes."""
    check_all(functions)


def find(use: Any, role: str, where: str) -> Callable[..., Any]:
    """The function behind a name of a spec."""
    if callable(use):
        return use  # type: ignore[no-any-return]
    if ":" in use or use.endswith(".py"):
        path, _, name = use.rpartition(":")
        if not path:
            raise Refused(f"{use!r} names no function", where=where, fix="write path/to/file.py:name")
        return from_file(Path(path), name, role, where)
    return shipped(use, role, where)


def shipped(name: str, role: str, where: str) -> Callable[..., Any]:
    """A strategy or gate of ours by name: the function that its file is named after."""
    module_name = f"huracan.strategies.{name}"
    if name.isidentifier() and importlib.util.find_spec(module_name) is not None:
        fn = getattr(importlib.import_module(module_name), name, None)
        declared = getattr(fn, "__huracan__", None)
        if callable(fn) and isinstance(declared, Declaration) and declared.role == role:
            return fn  # type: ignore[no-any-return]
    import pkgutil

    import huracan.strategies as room

    known = [m.name for m in pkgutil.iter_modules(room.__path__) if not m.ispkg and m.name != "discovery"]
    if name in known:
        fix = f"`huracan strategies` lists what trades; your own {role} is path/to/file.py:name"
        raise Refused(f"{name!r} is no {role}", where=where, fix=fix)
    near = difflib.get_close_matches(name, known, 1)
    fix = (
        f"did you mean {near[0]!r}?" if near else f"`huracan strategies` lists them; your own is path/to/file.py:{name}"
    )
    raise Refused(f"there is no {role} {name!r}", where=where, fix=fix)


def from_file(path: Path, name: str, role: str, where: str) -> Callable[..., Any]:
    """A function from a user's file, which is imported once for each version of its text."""
    if not path.is_file():
        raise Refused(f"there is no file {path}", where=where, fix="check the path; it starts at the spec's folder")
    module = import_file(path.resolve())
    fn = getattr(module, name, None)
    if fn is None:
        own = [n for n, v in vars(module).items() if isinstance(getattr(v, "__huracan__", None), Declaration)]
        raise Refused(
            f"{path.name} has no {name!r}", where=where, fix=f"it has {', '.join(own) or f'no decorated {role}'}"
        )
    return fn  # type: ignore[no-any-return]


def import_file(path: Path) -> ModuleType:
    """Import a user's file under a name that changes with its text; its folder is importable while it loads."""
    digest = hashlib.sha256(str(path).encode() + path.read_bytes()).hexdigest()[:16]
    module_name = f"huracan_user_{path.stem}_{digest}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise Refused(f"{path} is no Python file", fix="give a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Refused:
        del sys.modules[module_name]
        raise
    except (Exception, SystemExit) as error:  # a file that leaves must not take the run with it
        del sys.modules[module_name]
        line = error.lineno if isinstance(error, SyntaxError) else error_line(error, str(path))
        raise Refused(
            f"{path.name} does not load: {type(error).__name__}: {error}", where=f"{path}:{line}", fix="mend the file"
        ) from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def error_line(error: BaseException, file: str) -> int:
    """The last line of `file` that an error came through; 0 if none."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def param_values(d: Declaration, given: dict[str, Any], where: str) -> dict[str, float]:
    """Values for every parameter of a declaration; unknown names, wrong types and values out of range are refused."""
    for name in given:
        if name not in d.params:
            near = difflib.get_close_matches(name, d.params, 1)
            fix = f"did you mean {near[0]!r}?" if near else f"its parameters are {', '.join(d.params) or 'none'}"
            raise Refused(f"{d.name} has no parameter {name!r}", where=f"{where}.{name}", fix=fix)
    if "qty" in given and given.get("fraction"):
        raise Refused("qty and fraction contradict each other", where=f"{where}.fraction", fix="keep one of them")
    return {name: p.value(given.get(name, p.default), f"{where}.{name}") for name, p in d.params.items()}
