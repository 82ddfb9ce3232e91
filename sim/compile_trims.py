"""What numba does again for every function and need not, taken out while parts compile.

A kernel is a hundred small functions, and numba is made for one large one. For each it imports its own modules anew,
looks through all registries for what is new, tells listeners of every lock it takes, catches warnings at every step of
typing, computes where variables live and die (parts hold no references, so that nothing has to be let go), and compares
all its flags by value. Together that is more than a tenth of the time to compile; what comes out is the same.
Everything here is private to numba, like the passes of compiling.py, and ends with the entry.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from llvmlite.binding import ffi
from numba.core import base, cpu, ir, postproc, transforms, typeinfer
from numba.core.compiler import Flags
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import WarningsFixer  # type: ignore[attr-defined]
from numba.core.registry import cpu_target
from numba.core.targetconfig import ConfigStack
from numba.core.typing import context as typing_context

from huracan.sim.compile_once import Known, remembering_once
from huracan.sim.compile_reading import reading_quickly


@cache
def load_numba() -> None:
    """Load what numba loads before it compiles, or loads, its first function; without SciPy's linear algebra.

    A fifth of a second in every process, only to know that it is there. What needs it asks for it again.
    """
    from numba.np import linalg

    asked = linalg.ensure_blas
    with global_compiler_lock:
        linalg.ensure_blas = lambda: None
        try:
            cpu_target.target_context.refresh()
        finally:
            linalg.ensure_blas = asked


@cache
def late_registries() -> tuple[Any, ...]:
    """What `load_additional_registries` installs once its imports are done."""
    from numba.cpython import cmathimpl, mathimpl, printimpl, randomimpl
    from numba.experimental.jitclass.base import ClassBuilder
    from numba.misc import cffiimpl
    from numba.np import npyimpl

    modules = (cmathimpl, cffiimpl, mathimpl, npyimpl, printimpl, randomimpl)
    return (*(module.registry for module in modules), ClassBuilder.class_impl_registry)


def registered(context: Any) -> int:
    """How many things the registries of a context know."""
    return sum(len(getattr(r, kind)) for r, loader in context._registries.items() for kind in loader.registry_items)


def refreshing(
    refresh: Callable[[Any], None], seen: dict[int, int], forget: Callable[[], None]
) -> Callable[[Any], None]:
    """numba's look through all registries for what is new, only where they know more than at the last look.

    The contexts of all parts are copies of one and share its registries. `forget` is called before each look.
    """

    def many(context: Any) -> int:
        typing = getattr(context, "typing_context", None)
        return registered(context) + (0 if typing is None else registered(typing))

    def look(context: Any) -> None:
        shared = id(context._registries)
        if seen.get(shared) != many(context):
            forget()
            refresh(context)
            seen[shared] = many(context)

    return look


def install_late(context: Any) -> None:
    """What was registered since the last look: an intrinsic's lowering goes into the first registry numba finds."""
    for registry in late_registries():
        context.install_registry(registry)


NO_VARIABLES = frozenset({str, int, float, bool, bytes, type(None), ir.Loc})
every_kind = ir.Inst._rec_list_vars


def variables_in(inst: Any, value: Any) -> Any:
    """Variables anywhere in what an instruction holds, in order; most of it is names, numbers and places."""
    if type(value) is not dict:
        return every_kind(inst, value)
    found = []
    for each in value.values():
        kind = type(each)
        if kind is ir.Var:
            found.append(each)
        elif kind not in NO_VARIABLES:
            found.extend(every_kind(inst, each))
    return found


class ShortInferer(typeinfer.TypeInferer):  # type: ignore[misc]
    """numba's inference of types, which forgets on the way out what knows each other in circles."""

    def unify(self, raise_errors: bool = True) -> Any:
        found = super().unify(raise_errors)
        self.__dict__.clear()
        return found


@contextlib.contextmanager
def trimmed(context: Any, *others: tuple[Any, str, Any]) -> Iterator[None]:
    """While an entry compiles: registries without their imports, and only where they know more than at the last look.

    Variables are found without asking what each thing is not; what an implementation takes is asked once; a warning is
    given at once, not kept for the end with its line; nobody is told of LLVM's lock. Under numba's compiler lock, so
    that nobody else compiles meanwhile.
    """
    context.refresh()
    seen: dict[int, int] = {}
    known: list[Known] = []

    def forget() -> None:
        for each in known:
            each.clear()

    nothing = contextlib.nullcontext()
    instead: tuple[tuple[Any, str, Any], ...] = (
        (cpu.CPUContext, "load_additional_registries", install_late),
        (base.BaseContext, "refresh", refreshing(base.BaseContext.refresh, seen, lambda: None)),
        (typing_context.BaseContext, "refresh", refreshing(typing_context.BaseContext.refresh, seen, forget)),
        (base, "_has_loc", cache(base._has_loc)),
        (WarningsFixer, "catch_warnings", lambda *_args, **_named: nothing),
        (ffi.lib._lock, "_cblist", []),
        (ir.Inst, "_rec_list_vars", variables_in),
        (typeinfer, "TypeInferer", ShortInferer),
        *remembering_once(known),
        *reading_quickly(),
        *others,
    )
    kept = [getattr(where, name) for where, name, _ in instead]
    try:
        for where, name, value in instead:
            setattr(where, name, value)
        yield
    finally:
        for (where, name, _), value in zip(instead, kept, strict=True):
            setattr(where, name, value)


def without_lifetimes(processor: Any, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
    """numba's look at a function after a pass, less where its variables live and die."""
    ir = processor.func_ir
    ir.blocks = transforms.canonicalize_cfg(ir.blocks)
    ir.variable_lifetime = postproc.VariableLifetime(ir.blocks)
    ir.generator_info = None


@contextlib.contextmanager
def no_lifetimes() -> Iterator[None]:
    """For passes over a part, none of which may compile another function meanwhile."""
    full = postproc.PostProcessor.run
    postproc.PostProcessor.run = without_lifetimes
    try:
        yield
    finally:
        postproc.PostProcessor.run = full


class SameFlags(Flags):  # type: ignore[misc]
    """Flags of which there is one of a kind: equal when they are the same, and hashed once."""

    __slots__ = ("known",)

    def __init__(self, flags: Any) -> None:
        super().__init__(flags)
        self.known = hash(tuple(sorted(self.values())))

    def __hash__(self) -> int:
        return self.known

    def __eq__(self, other: object) -> bool:
        return self is other or bool(super().__eq__(other))


_flags: dict[Any, SameFlags] = {}


def same_flags(flags: Any) -> Any:
    """The one record of these flags, as the top of numba's stack of flags."""
    key = tuple(sorted((name, repr(value)) for name, value in flags._values.items()))
    return ConfigStack().enter(_flags.setdefault(key, SameFlags(flags)))
