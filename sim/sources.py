"""What a linked machine's code depends on, as text: for the names of stubs and for a run's code_hash."""

from __future__ import annotations

import hashlib
import inspect
import types
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from huracan.sim.refusal import Refused


@cache
def kernel_sources() -> str:
    """Hash over every source that a kernel can reach, and over the versions of numba, llvmlite and numpy."""
    import llvmlite
    import numba

    room = Path(__file__).parent
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {np.__version__}".encode())
    for path in sorted([*room.glob("*.py"), *(room / "kernel").glob("*.py"), *(room / "costs").glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def plain(fn: Any) -> Any:
    """The Python function behind a compiled one."""
    return getattr(fn, "py_func", fn)


def source_file(fn: Callable[..., Any]) -> Path:
    """The file that a function stands in.

    Refused for one that has none, because its code could not be told from another's.
    """
    path = Path(inspect.getsourcefile(plain(fn)) or plain(fn).__code__.co_filename)
    if not path.is_file():
        raise Refused(
            f"{getattr(fn, '__name__', fn)!r} stands in no file ({path.name}): "
            "a notebook cell or a prompt leaves nothing to hash",
            fix="save it in a .py file and name it as file.py:name",
        )
    return path


def constant_text(value: Any) -> str:
    """A global constant as text that changes when it does."""
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return repr(value)


def reached(fn: Callable[..., Any], seen: dict[int, str]) -> None:
    """Collect, from a function outward, the text of every file and constant that its code refers to."""
    code_of = plain(fn)
    if id(code_of) in seen:
        return
    module = code_of.__module__ or ""
    path = source_file(code_of)
    seen[id(code_of)] = f"{code_of.__qualname__} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    if module.startswith("huracan.sim"):
        return  # kernel_sources has it
    for name in sorted(names_of(code_of.__code__)):
        if name not in code_of.__globals__:
            continue
        value = code_of.__globals__[name]
        if callable(plain(value)) and isinstance(plain(value), types.FunctionType):
            reached(plain(value), seen)
        elif not isinstance(value, types.ModuleType):
            seen[hash((id(code_of), name))] = f"{name} = {constant_text(value)}"


def names_of(code: types.CodeType) -> set[str]:
    """Global names that a code object, and those inside it, refer to."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= names_of(constant)
    return names


def strategy_sources(functions: Sequence[Callable[..., Any]]) -> str:
    """Hash over the strategy, its gates, their helpers and constants, wherever they stand."""
    seen: dict[int, str] = {}
    for fn in functions:
        reached(fn, seen)
    return hashlib.sha256("\n".join(sorted(seen.values())).encode()).hexdigest()


def reached_names(functions: Sequence[Callable[..., Any]]) -> frozenset[str]:
    """Every name that the functions and their own helpers refer to, by global or by attribute."""
    names: set[str] = set()
    waiting = [plain(f) for f in functions]
    seen: set[int] = set()
    while waiting:
        fn = waiting.pop()
        if id(fn) in seen or (fn.__module__ or "").startswith("huracan.sim."):
            continue
        seen.add(id(fn))
        own = names_of(fn.__code__)
        names |= own
        for name in own:
            value = plain(fn.__globals__.get(name))
            if isinstance(value, types.FunctionType):
                names.add(value.__name__)
                waiting.append(value)
    return frozenset(names)
