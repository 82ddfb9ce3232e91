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

    def across(out: Any, o: int, step: int, a: Any, i: Any, g: int) -> None:
        for k in range(8):
            for m in range(8):
                out[o + m * step + k] = a[i[g + k] + m]

    def spread(out: Any, o: int, step: int, a: Any, i: int) -> None:
        for m in range(8):
            out[o + m * step : o + m * step + 8] = a[i + m]

    def fixed(a: Any, n: int) -> Any:
        return a

    def not_below_zero(a: Any, n: int) -> int:
        return sum(1 << k for k in range(n) if a[k] >= 0.0)

    def lowest_bit(x: int) -> int:
        return (int(x) & -int(x)).bit_length() - 1

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

    LANES = ir.VectorType(ir.DoubleType(), 8)

    def shuffle(builder: Any, x: Any, y: Any, places: Any) -> Any:
        """Elements of x (0 to 7) and y (8 to 15) in this order."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), 8), [ir.Constant(ir.IntType(32), p) for p in places])
        return builder.shuffle_vector(x, y, mask)

    def eight(builder: Any, data: Any, i: Any) -> Any:
        """Pointer to eight doubles from data[i] on."""
        return builder.bitcast(builder.gep(data, [i]), LANES.as_pointer())

    @intrinsic
    def across(typingctx: Any, out: Any, o: Any, step: Any, a: Any, i: Any, g: Any) -> Any:
        """out[o + m * step + k] = a[i[g + k] + m] for k and m below 8: eight pieces of a, laid side by side."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            to, source, places = (make_array(sig.args[n])(context, builder, args[n]).data for n in (0, 3, 4))
            whole = ir.IntType(64)
            rows = []
            for k in range(8):
                at = builder.load(builder.gep(places, [builder.add(args[5], whole(k))]))
                rows.append(builder.load(eight(builder, source, at), align=8))
            for width in (4, 2, 1):  # halves, quarters, single numbers change places
                low = [p if not p & width else p - width + 8 for p in range(8)]
                high = [p + width if not p & width else p + 8 for p in range(8)]
                for k in range(8):
                    if not k & width:
                        x, y = rows[k], rows[k + width]
                        rows[k], rows[k + width] = shuffle(builder, x, y, low), shuffle(builder, x, y, high)
            for m in range(8):
                at = builder.add(args[1], builder.mul(args[2], whole(m)))
                builder.store(rows[m], eight(builder, to, at), align=8)
            return context.get_dummy_value()

        return types.void(out, types.int64, types.int64, a, i, types.int64), codegen

    @intrinsic
    def spread(typingctx: Any, out: Any, o: Any, step: Any, a: Any, i: Any) -> Any:
        """out[o + m * step + k] = a[i + m] for k and m below 8: one piece of a for eight neighbours."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            to, source = (make_array(sig.args[n])(context, builder, args[n]).data for n in (0, 3))
            whole = ir.IntType(64)
            for m in range(8):
                x = builder.load(builder.gep(source, [builder.add(args[4], whole(m))]))
                one = builder.insert_element(ir.Constant(LANES, ir.Undefined), x, ir.IntType(32)(0))
                at = builder.add(args[1], builder.mul(args[2], whole(m)))
                builder.store(shuffle(builder, one, one, [0] * 8), eight(builder, to, at), align=8)
            return context.get_dummy_value()

        return types.void(out, types.int64, types.int64, a, types.int64), codegen

    @intrinsic
    def fixed(typingctx: Any, a: Any, n: Any) -> Any:
        """The same array of n records, with LLVM told that it has n: a loop over one of them is none."""
        if not isinstance(n, types.IntegerLiteral):
            return None
        count = n.literal_value

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            array = make_array(sig.args[0])(context, builder, args[0])
            array.shape = cgutils.pack_array(builder, [context.get_constant(types.intp, count)])
            array.nitems = context.get_constant(types.intp, count)
            array.strides = cgutils.pack_array(builder, [array.itemsize])
            return array._getvalue()

        return a(a, n), codegen

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
