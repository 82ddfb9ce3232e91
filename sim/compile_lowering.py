"""How a part becomes LLVM's language with little to write down: values instead of memory, tuples by reference.

numba keeps every variable that two blocks share in memory, and LLVM takes it out again; a variable that is assigned
once, before everything that uses it, can be a value at once. And numba hands a tuple over member by member, an array as
seven numbers: for a venue of some twenty arrays that is a hundred and forty arguments a call, in a hundred functions.
Here the caller stores the tuple once, hands over where it is, and the callee reads what it needs; once all is inlined
nothing of it is left. Together that is most of what a part is written down in, and a quarter of the time to compile.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

from llvmlite import ir as llvm
from numba.core import cgutils, ir, types
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.datamodel import default_manager
from numba.core.datamodel.manager import DataModelManager
from numba.core.datamodel.models import TupleModel
from numba.core.errors import LoweringError, new_error_context  # type: ignore[attr-defined]
from numba.core.lowering import Lower
from numba.core.types import Array, Integer
from numba.core.types.containers import BaseTuple, NamedTuple
from numba.np.arrayobj import load_item

from huracan.sim.language_calls import is_own
from huracan.sim.memory import eight_at_once

DATA, SHAPE, STRIDES = 4, 5, 6  # of numba's record of an array
WORD = llvm.IntType(64)
STUB = "huracan_stub"  # modules that the linker has written begin so


class ByReference(TupleModel):  # type: ignore[misc]
    """A named tuple whose argument is a pointer to it."""

    def get_argument_type(self) -> Any:
        return llvm.PointerType(self.get_value_type())

    def as_argument(self, builder: Any, value: Any) -> Any:
        return place_of(builder, value)

    def from_argument(self, builder: Any, value: Any) -> Any:
        found = builder.load(value)  # LLVM drops it where members are read one by one
        found.place = value
        return found


def place_of(builder: Any, value: Any) -> Any:
    """Where in memory a tuple is: put there once, right after it was made, so that every use may look there."""
    found = getattr(value, "place", None)
    if found is not None:
        return found
    block, anchor, entry = builder._block, builder._anchor, builder.function.entry_basic_block
    builder.position_at_start(entry)
    place = builder.alloca(value.type)
    anchor += entry is block
    if not isinstance(value, llvm.Instruction):
        builder._block, builder._anchor = block, anchor
        builder.store(value, place)
        return place
    builder.position_after(value)
    builder.store(value, place)
    builder._block, builder._anchor = block, anchor + (value.parent is block)
    value.place = place
    return place


@cache
def reference_models() -> DataModelManager:
    """numba's models of all types but of named tuples; also of types that are registered later (sim/reference.py)."""
    found = DataModelManager().chain(default_manager)
    found.register(NamedTuple, ByReference)
    return found


def values_of(blocks: Any) -> set[str]:
    """Variables that are assigned once, in a block and at a place that comes before everything that uses them."""
    made_in: dict[str, int] = {}
    memory: set[str] = set()
    used_in: dict[str, set[int]] = {}
    for at, block in blocks.items():
        for inst in block.body:
            target = inst.target.name if isinstance(inst, ir.Assign) else None
            for var in variables_of(inst):
                if var.name not in made_in:
                    memory.add(var.name)  # before it is made, as far as the order of the blocks goes
                used_in.setdefault(var.name, set()).add(at)
            if target is not None:
                if target in made_in:
                    memory.add(target)
                made_in[target] = at
    before = compute_cfg_from_blocks(blocks).dominators()
    return {
        name
        for name, at in made_in.items()
        if name not in memory and all(at in before[use] for use in used_in.get(name, ()))
    }


def variables_of(inst: Any) -> Any:
    """Variables that an instruction uses."""
    if not isinstance(inst, ir.Assign):
        return inst.list_vars()
    value = inst.value
    return (value,) if isinstance(value, ir.Var) else value.list_vars() if isinstance(value, ir.Expr) else ()


class LoopHints(llvm.MDValue):  # type: ignore[misc]
    """What LLVM is told of one loop: a node that names itself first, so that no other loop is meant."""

    def descr(self, buf: list[str]) -> None:
        nodes = [self.get_reference(), *(node.get_reference() for node in self.operands)]
        buf.append(f"distinct !{{ {', '.join(nodes)} }}\n")


def eight_hints(module: Any) -> LoopHints:
    """Eight rounds a vector and two vectors at once; unrolled before, they would be rounds for SLP to guess at."""
    hints = [[llvm.MetaDataString(module, "llvm.loop.unroll.disable")]]
    for name, value in (("vectorize.width", 8), ("interleave.count", 2)):
        number = llvm.Constant(llvm.IntType(32), value)
        hints.append([llvm.MetaDataString(module, f"llvm.loop.{name}"), number])
    nodes = [module.add_metadata(hint) for hint in hints]
    return LoopHints(module, nodes, name=str(len(module.metadata)))


def ends_of_loops(blocks: Any) -> set[int]:
    """Blocks from which the innermost loops that say `eight_at_once` begin again."""
    globals_ = (ir.Global, ir.FreeVar)
    saying = [
        at
        for at, block in blocks.items()
        for inst in block.find_insts(ir.Assign)
        if isinstance(inst.value, globals_) and inst.value.value is eight_at_once
    ]
    loops = compute_cfg_from_blocks(blocks).loops().values() if saying else ()
    ends: set[int] = set()
    for at in saying:
        loop = min((each for each in loops if at in each.body), key=lambda each: len(each.body))
        ends |= {
            b
            for b in loop.body
            if isinstance(blocks[b].terminator, ir.Jump) and blocks[b].terminator.target == loop.header
        }
    return ends


def wraps(value: Any) -> None:
    """A user's whole numbers begin anew beyond 64 bits; numba says they never get there, and LLVM believes it."""
    if isinstance(value, llvm.Instruction) and "nsw" in value.flags:
        value.flags.remove("nsw")


def always_returns(function: Any) -> bool:
    """Whether a function never ends with an error."""
    ends = [block.terminator for block in function.blocks]
    codes = [end.operands[0] for end in ends if isinstance(end, llvm.Ret)]
    return all(isinstance(code, llvm.Constant) and code.constant == 0 for code in codes)


def quiet_function(fndesc: Any, libs: Sequence[Any]) -> Any:
    """Code that calls a part which never ends with an error: nobody asks how it ended, which numba does at length."""

    def call(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        convention, known = context.call_conv, builder.module.globals
        function = known.get(fndesc.mangled_name) or context.declare_function(builder.module, fndesc)
        with builder.goto_entry_block():
            place = builder.alloca(convention.get_return_type(fndesc.restype).pointee)
        packed = convention._get_arg_packer(fndesc.argtypes).as_arguments(builder, args)
        no_error = llvm.Constant(function.args[1].type, None)
        builder.call(function, [place, no_error, *packed])
        return context.get_returned_value(builder, fndesc.restype, builder.load(place))

    call.signature, call.libs = fndesc.argtypes, tuple(libs)  # type: ignore[attr-defined]
    return call


def let_go(module: Any) -> None:
    """Take a module apart that has been handed to LLVM: all in it knows its parent, so only a long search frees it."""
    for value in module.globals.values():
        for block in getattr(value, "blocks", ()):
            for inst in block.instructions:
                vars(inst).clear()
            vars(block).clear()
        vars(value).clear()
    vars(module).clear()


def goes_by_reference(dispatcher: Any) -> bool:
    """Whether a function takes tuples so: a part that is inlined wherever it is called."""
    return is_part(dispatcher) and bool(dispatcher.targetoptions.get("forceinline"))


def is_part(dispatcher: Any) -> bool:
    """Whether a compiled function runs inside an entry only."""
    return bool(getattr(dispatcher._compiler.pipeline_class, "makes_parts", False))


class PartLower(Lower):  # type: ignore[misc]
    """numba's lowering for functions that hold no references: nothing to let go, nothing to clear."""

    def init(self) -> None:
        super().init()
        if self.flags.forceinline:
            self.context.data_model_manager = reference_models()
        module = self.func_ir.func_id.modname
        self.is_users = is_own(module) and not module.startswith(STUB)

    def lower(self) -> None:
        super().lower()
        self.is_quiet = self.generator_info is None and always_returns(self.function)
        let_go(self.module)

    def _find_singly_assigned_variable(self) -> None:
        self._singly_assigned_vars = values_of(self.blocks)
        self._blk_local_varmap: dict[str, Any] = {}
        says = eight_at_once.__name__ in self.func_ir.func_id.code.co_names
        self._ends = {id(self.blocks[at]) for at in ends_of_loops(self.blocks)} if says else set()

    def lower_block(self, block: Any) -> None:
        """numba's, which makes a context for an error's words at every instruction; here only where there is one."""
        self.pre_block(block)
        for inst in block.body:
            self.loc = inst.loc
            try:
                self.lower_inst(inst)
            except Exception:
                error = partial(LoweringError, loc=self.loc)
                with new_error_context('lowering "{inst}" at {loc}', inst=inst, loc=self.loc, errcls_=error):
                    raise
        if id(block) in self._ends:
            self.builder.block.terminator.set_metadata("llvm.loop", eight_hints(self.module))
            self.library.is_hinted = True
        self.post_block(block)

    def lower_inst(self, inst: Any) -> None:
        """numba's, less what only debuggers read, first of all every instruction in words."""
        if type(inst) is ir.Assign and not self.flags.debuginfo:
            value = self.lower_assign(self.typeof(inst.target.name), inst)
            self.storevar(value, inst.target.name)
        else:
            super().lower_inst(inst)

    def extract_function_arguments(self) -> Any:
        for arg in self.call_conv.get_arguments(self.function):
            if isinstance(arg.type, llvm.PointerType) and isinstance(arg.type.pointee, llvm.LiteralStructType):
                arg.add_attribute("noalias")
                arg.add_attribute("captures(none)")
                set.add(arg.attributes, "readonly")  # llvmlite does not list it
        return super().extract_function_arguments()

    def storevar(self, value: Any, name: str, argidx: int | None = None) -> None:
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self.builder.store(value, self.getvar(name))

    def loadvar(self, name: str) -> Any:
        if name in self._blk_local_varmap:
            return self._blk_local_varmap[name]
        return self.builder.load(self.getvar(name))

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:
        if self.flags.debuginfo:
            return super().alloca_lltype(name, lltype, datamodel)
        return cgutils.alloca_once(self.builder, lltype, name=name, zfill=False)

    def delvar(self, name: str) -> None:
        pass

    def lower_call(self, resty: Any, expr: Any) -> Any:
        """A call: by reference if it is inlined. A tuple that a real call sees would be written out for every row."""
        called = self.typeof(expr.func.name)
        inlined = isinstance(called, types.Dispatcher) and goes_by_reference(called.dispatcher)
        kept = self.context.data_model_manager
        self.context.data_model_manager = reference_models() if inlined else default_manager
        try:
            found = super().lower_call(resty, expr)
        finally:
            self.context.data_model_manager = kept
        if getattr(called, "typing_key", None) is range and len(expr.args) < 3:
            found.by_ones = True
        return found

    def lower_binop(self, resty: Any, expr: Any, op: Any) -> Any:
        """numba's, less the search for code that is made for a constant, of which there is none here."""
        if not (expr.static_lhs is ir.UNDEFINED and expr.static_rhs is ir.UNDEFINED):
            return super().lower_binop(resty, expr, op)
        context, builder = self.context, self.builder
        operator = context.typing_context.resolve_value_type(op)
        wanted = self.fndesc.calltypes[expr]
        args = [
            context.cast(builder, self.loadvar(var.name), self.typeof(var.name), kind)
            for var, kind in zip((expr.lhs, expr.rhs), wanted.args, strict=True)
        ]
        signature = operator.get_call_type(context.typing_context, wanted.args, {})
        found = context.get_function(operator, signature)(builder, args)
        return context.cast(builder, found, wanted.return_type, resty)

    def lower_expr(self, resty: Any, expr: Any) -> Any:
        found = None
        if expr.op == "getattr":
            found = self.member(expr.value.name, expr.attr, resty)
        elif expr.op == "getitem":
            found = self.element(expr.value.name, self.typeof(expr.index.name), self.loadvar(expr.index.name), resty)
        elif expr.op == "static_getitem" and type(expr.index) is int and expr.index >= 0:
            found = self.element(expr.value.name, types.intp, llvm.Constant(WORD, expr.index), resty)
        elif expr.op == "getiter":
            found = self.count_by_ones(expr.value.name, resty)
        if found is None:
            found = super().lower_expr(resty, expr)
        if expr.op in ("binop", "inplace_binop") and self.is_users:
            wraps(found)
        return found

    def member(self, name: str, attr: str, wanted: Any) -> Any:
        """A member of a tuple that is in memory; None where it is not."""
        kind = self.typeof(name)
        if not isinstance(kind, NamedTuple) or attr not in kind.fields:
            return None
        at = kind.fields.index(attr)
        place = getattr(self.loadvar(name), "place", None)
        if place is None or kind.types[at] != wanted:
            return None
        found = self.builder.load(cgutils.gep_inbounds(self.builder, place, 0, at))
        if isinstance(wanted, NamedTuple | Array):
            found.place = found.operands[0]
        return found

    def element(self, name: str, index_type: Any, index: Any, wanted: Any) -> Any:
        """An element of an array at integers; None for anything else, and where bounds are checked.

        numba unpacks the whole array into memory for it, and asks whether the index counts from the end. In the kernel
        none does, and users' functions are checked: theirs go numba's way.
        """
        kind = self.typeof(name)
        if not isinstance(kind, Array) or kind.dtype != wanted or self.context.enable_boundscheck:
            return None
        builder = self.builder
        index_types = tuple(index_type) if isinstance(index_type, BaseTuple) else (index_type,)
        if len(index_types) != kind.ndim or not all(isinstance(t, Integer) for t in index_types):
            return None
        found = cgutils.unpack_tuple(builder, index) if isinstance(index_type, BaseTuple) else [index]
        words = [self.context.cast(builder, v, t, types.intp) for v, t in zip(found, index_types, strict=True)]
        data, shape, strides = self.parts_of(self.loadvar(name), kind.ndim)
        place = cgutils.get_item_pointer2(self.context, builder, data, shape, strides, kind.layout, words, False, False)
        return load_item(self.context, builder, kind, place)

    def count_by_ones(self, name: str, wanted: Any) -> Any:
        """An iterator over range(stop) or range(start, stop), None for others: numba divides."""
        value = self.loadvar(name)
        if not getattr(value, "by_ones", False):
            return None
        builder = self.builder
        whole = cgutils.create_struct_proxy(self.typeof(name))(self.context, builder, value)
        found = cgutils.create_struct_proxy(wanted)(self.context, builder)
        with builder.goto_entry_block():
            now, count = builder.alloca(whole.start.type), builder.alloca(whole.start.type)
        found.iter, found.stop, found.step, found.count = now, whole.stop, whole.step, count
        left, none = builder.sub(whole.stop, whole.start), whole.start.type(0)
        builder.store(whole.start, now)
        builder.store(builder.select(builder.icmp_signed(">", left, none), left, none), count)
        return found._getvalue()

    def parts_of(self, array: Any, ndim: int) -> tuple[Any, list[Any], list[Any]]:
        """Where an array's elements are, how many there are, and how far apart, by dimension."""
        place = getattr(array, "place", None)
        if place is None:
            data = self.builder.extract_value(array, DATA)
            lists = [[self.builder.extract_value(array, (m, d)) for d in range(ndim)] for m in (SHAPE, STRIDES)]
        else:
            data = self.builder.load(cgutils.gep_inbounds(self.builder, place, 0, DATA))
            lists = [
                [self.builder.load(cgutils.gep_inbounds(self.builder, place, 0, m, d)) for d in range(ndim)]
                for m in (SHAPE, STRIDES)
            ]
        return data, lists[0], lists[1]
