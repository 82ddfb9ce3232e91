"""Records on the stack, for compiled code: LLVM may keep their fields in registers once everything is inlined.

In plain Python (NUMBA_DISABLE_JIT=1) the same names give zeroed record arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, from_dtype, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array


class Record(np.record):  # type: ignore[misc]
    """A record in plain Python whose fields come before numpy's methods: `f.std` is the feature, not a function."""

    def __getattribute__(self, name: str) -> Any:
        fields = np.void.__getattribute__(self, "dtype").fields
        if fields is not None and name in fields:
            return np.void.__getattribute__(self, "getfield")(*fields[name][:2])
        return np.record.__getattribute__(self, name)


def as_records(a: np.ndarray[Any, Any]) -> Any:
    """A structured array whose records' fields are attributes, for compiled code and plain Python alike."""
    a = np.ascontiguousarray(a)
    if config.DISABLE_JIT:
        return np.asarray(a).view(np.dtype((Record, a.dtype)))
    return a.view(np.recarray)


if config.DISABLE_JIT:

    def record_type(dt: np.dtype[Any]) -> Any:
        return dt

    def stack_slots(dt: Any, n: int) -> Any:
        return as_records(np.zeros(n, dt))

    def stack_floats(n: int) -> Any:
        return np.zeros(n)

    def stack_ints(n: int) -> Any:
        return np.zeros(n, np.int64)

    def take(a: Any, i: int) -> Any:
        return a[i]

    def put(a: Any, i: int, x: Any) -> None:
        a[i] = x

    def not_below_zero(a: Any, n: int) -> int:
        return sum(1 << k for k in range(n) if a[k] >= 0.0)

    def eight_at_once() -> None:
        pass

    def lowest_bit(x: int) -> int:
        return (int(x) & -int(x)).bit_length() - 1

    def highest_bit(x: int) -> int:
        return int(x).bit_length() - 1

else:
    from llvmlite import ir

    def record_type(dt: np.dtype[Any]) -> Any:
        return from_dtype(dt)

    @intrinsic
    def stack_slots(typingctx: Any, dt: Any, n: Any) -> Any:
        """n zeroed records on the stack; n is a literal. A few kB at most: large ones make LLVM take minutes."""
        record = dt.instance_type if isinstance(dt, types.TypeRef) else dt.dtype
        if not isinstance(n, types.IntegerLiteral):
            return None
        return on_stack(record, record.size, n, dt)

    @intrinsic
    def stack_floats(typingctx: Any, n: Any) -> Any:
        """n doubles on the stack, zero; n is a literal."""
        if not isinstance(n, types.IntegerLiteral):
            return None
        return on_stack(types.float64, 8, n)

    @intrinsic
    def stack_ints(typingctx: Any, n: Any) -> Any:
        """n whole numbers on the stack, zero; n is a literal."""
        if not isinstance(n, types.IntegerLiteral):
            return None
        return on_stack(types.int64, 8, n)

    @intrinsic
    def take(typingctx: Any, a: Any, i: Any) -> Any:
        """Element i >= 0 of a contiguous array: nothing is checked or wrapped, so LLVM can make vectors of a loop."""
        return a.dtype(a, i), lambda context, builder, sig, args: builder.load(element(context, builder, sig, args))

    @intrinsic
    def put(typingctx: Any, a: Any, i: Any, x: Any) -> Any:
        """Write element i >= 0, in the same way."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            value = context.cast(builder, args[2], sig.args[2], sig.args[0].dtype)
            builder.store(value, element(context, builder, sig, args))
            return context.get_dummy_value()

        return types.void(a, i, x), codegen

    def element(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        """Pointer to an element of args[0] at args[1]."""
        data = make_array(sig.args[0])(context, builder, args[0]).data
        return builder.gep(data, [args[1]])

    @intrinsic
    def eight_at_once(typingctx: Any) -> Any:
        """Said in a loop: LLVM leaves it to its vectorizer instead of unrolling it (compile_lowering.py)."""
        return types.void(), lambda context, builder, sig, args: context.get_dummy_value()

    @intrinsic
    def not_below_zero(typingctx: Any, a: Any, n: Any) -> Any:
        """Bit k says whether a[k] >= 0, for the n doubles of a; n is a literal, 64 at most."""
        if not isinstance(n, types.IntegerLiteral):
            return None
        count = n.literal_value

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            kind = ir.VectorType(ir.DoubleType(), count)
            data = make_array(sig.args[0])(context, builder, args[0]).data
            x = builder.load(builder.bitcast(data, kind.as_pointer()), align=8)
            bits = builder.fcmp_ordered(">=", x, ir.Constant(kind, [0.0] * count))
            return builder.zext(builder.bitcast(bits, ir.IntType(count)), ir.IntType(64))

        return types.int64(a, n), codegen

    @intrinsic
    def lowest_bit(typingctx: Any, x: Any) -> Any:
        """Place of the lowest bit that is set in a whole number that is not 0."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.int64), codegen

    @intrinsic
    def highest_bit(typingctx: Any, x: Any) -> Any:
        """Place of the highest bit that is set in a whole number that is not 0."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.sub(ir.IntType(64)(63), builder.ctlz(args[0], ir.Constant(ir.IntType(1), 1)))

        return types.int64(types.int64), codegen

    def on_stack(kind: Any, size: int, n: Any, *before: Any) -> Any:
        """Signature and code of an array of n of a kind on the stack."""
        count = n.literal_value
        array = types.Array(kind, 1, "C")

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            with builder.goto_entry_block():  # numba's own way of doing it stores every byte one by one
                p = builder.alloca(ir.ArrayType(ir.IntType(8), size * count))
            p.align = 64
            cgutils.memset(builder, p, ir.Constant(ir.IntType(64), size * count), 0)
            a = make_array(array)(context, builder)
            item = context.get_constant(types.intp, size)
            populate_array(
                a,
                data=builder.bitcast(p, context.get_data_type(kind).as_pointer()),
                shape=cgutils.pack_array(builder, [context.get_constant(types.intp, count)]),
                strides=cgutils.pack_array(builder, [item]),
                itemsize=item,
                meminfo=None,
            )
            return a._getvalue()

        return array(*before, n), codegen
