"""A compiler pipeline for functions that only ever run inside a linked entry.

numba makes every jitted function a program of its own: optimised, turned into machine code, wrapped for Python. A
kernel of a hundred small functions pays that a hundred times, each time with all that it calls. Here a function is only
typed and lowered; the entry links all of them and optimises once: measured, seconds instead of half a minute. Called
from Python, such a function runs as the plain Python that it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import importlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from llvmlite import binding
from numba import _dynfunc, types
from numba.core import codegen, funcdesc
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.typed_passes import (
    AnnotateTypes,
    BaseNativeLowering,
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NoPythonSupportedFeatureValidation,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.typing.templates import _OverloadFunctionTemplate
from numba.core.untyped_passes import (
    DeadBranchPrune,
    FixupArgs,
    GenericRewrites,
    IRProcessing,
    ReconstructSSA,
    RewriteDynamicRaises,
    RewriteSemanticConstants,
    TranslateByteCode,
)
from numba.cpython import builtins

from huracan.sim.compile_lowering import PartLower, is_part, quiet_function
from huracan.sim.compile_trims import no_lifetimes, same_flags, trimmed

_keep: list[Any] = []  # callbacks live as long as the machine code that may call them


def out_of_memory(ll_module: Any, generator: Any) -> None:
    """Variables out of memory, so that there is less to copy when a part is inlined; the rest is the entry's."""
    ll_module.data_layout = generator._data_layout
    passes, builder = light_passes(generator)
    for function in ll_module.functions:
        if not function.is_declaration:
            passes.run(function, builder)


@cache
def light_passes(generator: Any) -> tuple[Any, Any]:
    """The few passes that a part goes through."""
    passes = binding.create_new_function_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    return passes, generator._pass_builder()


class PartLibrary(codegen.JITCodeLibrary):
    """A library that is never optimised or executed, only linked into others."""

    def _optimize_functions(self, ll_module: Any) -> None:
        out_of_memory(ll_module, self._codegen)

    def finalize(self) -> None:
        self._finalized = True


class EntryLibrary(codegen.JITCodeLibrary):
    """A library that links the parts that it reaches, whatever their depth, and optimises them together."""

    _linking_libraries: list[Any]
    is_hinted = False

    def finalize(self) -> None:
        self._linking_libraries = callers_first(self._linking_libraries)
        with without_remarks() if self.is_hinted else contextlib.nullcontext():
            super().finalize()


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """LLVM remarks on the screen that a loop with hints could not be done as they say, which vector_check reads.

    It knows no way to be quiet about that: what it writes on the process's stderr is caught, and all else passed on.
    """
    with contextlib.ExitStack() as last:
        try:
            caught = last.enter_context(tempfile.TemporaryFile())
            screen = os.dup(2)
        except OSError:  # a full disk, or a process without a screen: then it may remark
            yield
            return
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            caught.seek(0)
            for line in caught:
                if not line.startswith(b"remark: "):
                    os.write(2, line)


def callers_first(libraries: list[Any]) -> list[Any]:
    """Every library that these reach, each after all that call it.

    LLVM links a function only where a call already waits for it.
    """
    order: list[Any] = []
    seen: set[int] = set()

    def visit(library: Any) -> None:
        if id(library) in seen:
            return
        seen.add(id(library))
        if isinstance(library, PartLibrary):
            for called in library._linking_libraries:
                visit(called)
        order.append(library)

    for library in libraries:
        visit(library)
    return order[::-1]


@cache
def process_name() -> str:
    """What no other process is called; a fork of this one has another number."""
    return secrets.token_hex(16)


def short_name(name: str, argtypes: Sequence[Any], *, abi_tags: Sequence[str] = (), uid: int | None = None) -> str:
    """The symbol of a part: numba's own spells out every field of every record, ten thousand letters a call.

    `uid` counts functions of one process. Entries that several processes have compiled are loaded side by side from the
    disk, and of two functions of one name there the loader takes either: so the process is in the name.
    """
    identity = f"{process_name()} {os.getpid()} {name} {[str(t) for t in argtypes]} {list(abi_tags)} {uid}"
    return f"part.{name.rpartition('.')[2]}.{hashlib.sha256(identity.encode()).hexdigest()[:24]}"


def python_entry(py_func: Any) -> int:
    """Address of a C function that runs `py_func`: what Python meets when it calls a part."""
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_void_p)

    def run(_self: Any, args: Any, _kws: Any) -> Any:
        return py_func(*args)

    callback = prototype(run)
    _keep.append(callback)
    return ctypes.cast(callback, ctypes.c_void_p).value or 0


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(BaseNativeLowering):
    """Lower to LLVM IR and stop there."""

    _name = "huracan_part_lowering"

    @property
    def lowering_class(self) -> Any:
        return PartLower

    def run_pass(self, state: Any) -> bool:
        target = state.targetctx
        state.library = PartLibrary(target.codegen(), state.func_id.func_qualname)
        flags = state.flags
        fndesc = funcdesc.PythonFunctionDescriptor.from_specialized_function(
            state.func_ir,
            state.typemap,
            state.return_type,
            state.calltypes,
            mangler=short_name,
            inline=flags.forceinline,
            noalias=flags.noalias,
            abi_tags=[flags.get_mangle_string()],
        )
        with target.push_code_library(state.library):
            lower = self.lowering_class(target, state.library, fndesc, state.func_ir, metadata=state.metadata)
            lower.lower()
            env, call_helper = lower.env, lower.call_helper
        cfunc = _dynfunc.make_function(
            importlib.import_module("builtins"),
            fndesc.qualname.split(".")[-1],
            "a part",
            python_entry(state.func_id.func),
            env,
            (state.library,),
        )
        if lower.is_quiet:
            found = quiet_function(fndesc, [state.library])
            target._defns[cfunc].append(found, found.signature)
        else:
            target.insert_user_function(cfunc, fndesc, [state.library])
        state["cr"] = _LowerResult(fndesc, call_helper, cfunc=cfunc, env=env)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class EntryLowering(NativeLowering):
    """Ordinary lowering into a library that links parts."""

    _name = "huracan_entry_lowering"

    @property
    def lowering_class(self) -> Any:
        return PartLower

    def run_pass(self, state: Any) -> bool:
        state.library = EntryLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


def pipeline(state: Any) -> PassManager:
    """numba's nopython pipeline with the lowering of parts."""
    manager = PassManager("huracan")
    manager.passes.extend(DefaultPassBuilder.define_untyped_pipeline(state).passes)
    manager.passes.extend(DefaultPassBuilder.define_typed_pipeline(state).passes)
    manager.add_pass(NoPythonSupportedFeatureValidation, "ensure features that are in use are in a valid form")
    manager.add_pass(IRLegalization, "ensure IR is legal prior to lowering")
    manager.add_pass(AnnotateTypes, "annotate types")
    manager.add_pass(PartLowering, "lowering")
    manager.add_pass(NoPythonBackend, "nopython mode backend")
    manager.finalize()
    return manager


# What a part of the kernel needs of numba's pipeline: it has no closures, no `with`, no array expressions, and nobody
# reads its annotations.
PART_PASSES = (
    TranslateByteCode,
    FixupArgs,
    IRProcessing,
    RewriteSemanticConstants,
    DeadBranchPrune,
    GenericRewrites,
    RewriteDynamicRaises,
    ReconstructSSA,
    DeadBranchPrune,
    NopythonTypeInference,
    PreLowerStripPhis,
    PartLowering,
    NoPythonBackend,
)


COMPILE_OTHERS = (NopythonTypeInference, PartLowering, EntryLowering)


class PartPasses(PassManager):
    """Runs its passes and nothing between them: numba's own checks and analyses take longer than the passes."""

    def run(self, state: Any) -> None:
        with same_flags(state.flags):
            super().run(state)

    def _runPass(self, index: int, pss: Any, state: Any) -> None:
        pss.analysis = self._analysis
        with contextlib.nullcontext() if isinstance(pss, COMPILE_OTHERS) else no_lifetimes():
            pss.run_initialization(state)
            pss.run_pass(state)
            pss.run_finalizer(state)


@cache
def part_passes(lowering: Any = PartLowering) -> PartPasses:
    """The pipeline of a part, or with another lowering of what links parts."""
    manager = PartPasses("huracan_part")
    for step in PART_PASSES:
        wanted = lowering if step is PartLowering else step
        manager.add_pass(wanted, wanted.name())
    manager.finalize()
    return manager


@cache
def part_of(dispatcher: Any) -> Any:
    """The same function as a part."""
    from huracan.sim.options import part  # which is made of what stands here

    return part(dispatcher.py_func)


def is_small(value: Any) -> bool:
    """Whether this is one of our functions that Python may call compiled, too (options.inline)."""
    if not isinstance(value, Dispatcher) or is_part(value) or not value.targetoptions.get("forceinline"):
        return False
    return bool(value.py_func.__module__.startswith("huracan."))


def made_as_part(decorator: Any) -> Any:
    """How numba compiles what `min` and `max` stand for, a part too: alone each would be a program of its own."""

    def jit_decorator(template: Any) -> Any:
        from huracan.sim.options import part

        if template._overload_func in (builtins.ol_min, builtins.ol_max):
            return lambda **_options: part
        return decorator(template)

    return jit_decorator


class Remembering:
    """A typing context that looks up only once what an operator or a builtin makes of some types.

    A part is typed by the kinds of its arguments, not anew for every constant that somebody passes: what a constant
    makes superfluous goes when the part is inlined.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._known: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_value_type(self, val: Any) -> Any:
        return self._context.resolve_value_type(part_of(val) if is_small(val) else val)

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        if isinstance(func, types.Dispatcher) and is_part(func.dispatcher):
            args = tuple(types.unliteral(a) for a in args)
            kws = {name: types.unliteral(a) for name, a in kws.items()}
        elif isinstance(func, types.BoundFunction | types.Dispatcher):
            return self._context.resolve_function_type(func, args, kws)
        key = (func, args, tuple(kws.items()) if kws else ())
        if key not in self._known:
            found = self._context.resolve_function_type(func, args, kws)
            if found is None:
                return None
            self._known[key] = found
        return self._known[key]


remembering = cache(Remembering)


class PartCompiler(CompilerBase):
    """Compiler of what runs inside an entry only."""

    makes_parts = True

    def define_pipelines(self) -> list[PassManager]:
        self.state.typingctx = remembering(self.state.typingctx)
        return [part_passes()]


class UserCompiler(CompilerBase):
    """The same for a user's own function, with all of numba's checks."""

    makes_parts = True

    def define_pipelines(self) -> list[PassManager]:
        self.state.typingctx = remembering(self.state.typingctx)
        return [pipeline(self.state)]


class EntryCompiler(CompilerBase):
    """Compiler of an entry, and by the way of every part that it reaches."""

    def compile_extra(self, func: Any) -> Any:
        # What is made here is kept: to look for garbage among it again and again takes a tenth of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            as_part = made_as_part(_OverloadFunctionTemplate._get_jit_decorator)
            with trimmed(self.state.targetctx, (_OverloadFunctionTemplate, "_get_jit_decorator", as_part)):
                return super().compile_extra(func)
        finally:
            if collecting:
                gc.enable()

    def define_pipelines(self) -> list[PassManager]:
        self.state.typingctx = remembering(self.state.typingctx)
        return [part_passes(EntryLowering)]
