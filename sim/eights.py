"""Rows eight at a time, said to LLVM in vectors: what it is left to find out for itself it finds here and not there.

In plain Python (NUMBA_DISABLE_JIT=1) the same names go row by row, to the same bits.
"""

from __future__ import annotations

from typing import Any

from numba import config, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

if config.DISABLE_JIT:

    def copy_eight(to: Any, at: int, a: Any, lo: int) -> None:
        to[at : at + 8] = a[lo : lo + 8]

    def add_eight(a: Any, x: float, lo: int, hi: int) -> None:
        for k in range(max(lo, 0), min(hi, 8)):
            a[k] += x

    def add_whole(sums: Any, units: Any, at: int, held: tuple[float, float]) -> None:
        add_some(sums, units, at, held, -1, 8, 0.0)

    def add_some(sums: Any, units: Any, at: int, held: tuple[float, float], lo: int, hi: int, before: float) -> None:
        cash, qty = held
        for k in range(max(lo, 0), min(hi, 8)):
            equity = cash + qty * units[at + k]
            r = equity / (before if k == lo else cash + qty * units[at + k - 1]) - 1.0
            loss = min(r, 0.0)
            for part, more in enumerate((equity, r, r * r, loss * loss)):
                sums[8 * part + k] += more

else:
    from llvmlite import ir

    WORD = ir.IntType(64)
    DOUBLES = ir.VectorType(ir.DoubleType(), 8)
    WORDS = ir.VectorType(WORD, 8)
    PLACES = ir.Constant(WORDS, list(range(8)))

    def everywhere(builder: Any, kind: Any, x: Any) -> Any:
        """A vector of one number."""
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), x, ir.IntType(32)(0))
        return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8))

    def constant(x: float) -> Any:
        """The same of a constant."""
        return ir.Constant(DOUBLES, [x] * 8)

    def eight_at(context: Any, builder: Any, kind: Any, array: Any, at: Any = None) -> Any:
        """Pointer to eight doubles of an array."""
        data = make_array(kind)(context, builder, array).data
        return builder.bitcast(builder.gep(data, [at]) if at is not None else data, DOUBLES.as_pointer())

    def between(builder: Any, lo: Any, hi: Any) -> Any:
        """For each of eight places whether it is one of lo..hi."""
        return builder.and_(
            builder.icmp_signed(">=", PLACES, everywhere(builder, WORDS, lo)),
            builder.icmp_signed("<", PLACES, everywhere(builder, WORDS, hi)),
        )

    def add_to(builder: Any, at: Any, more: Any) -> None:
        """Eight more onto the eight doubles there."""
        builder.store(builder.fadd(builder.load(at, align=8), more), at, align=8)

    @intrinsic
    def copy_eight(typingctx: Any, to: Any, at: Any, a: Any, lo: Any) -> Any:
        """to[at + k] = a[lo + k] for eight doubles, in one piece: what is written in several is waited for."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            target, source = (eight_at(context, builder, sig.args[k], args[k], args[k + 1]) for k in (0, 2))
            builder.store(builder.load(source, align=8), target, align=8)
            return context.get_dummy_value()

        return types.void(to, types.int64, a, types.int64), codegen

    @intrinsic
    def add_eight(typingctx: Any, a: Any, x: Any, lo: Any, hi: Any) -> Any:
        """a[k] += x for k from lo, or 0, below hi, or 8."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            more = everywhere(builder, DOUBLES, args[1])
            more = builder.select(between(builder, args[2], args[3]), more, constant(0.0))
            add_to(builder, eight_at(context, builder, sig.args[0], args[0]), more)
            return context.get_dummy_value()

        return types.void(a, types.float64, types.int64, types.int64), codegen

    @intrinsic
    def add_whole(typingctx: Any, sums: Any, units: Any, at: Any, held: Any) -> Any:
        """`add_some` of all eight rows."""
        return types.void(sums, units, types.int64, held), add_worths

    @intrinsic
    def add_some(typingctx: Any, sums: Any, units: Any, at: Any, held: Any, lo: Any, hi: Any, before: Any) -> Any:
        """Add equity, its return, that squared, and squared where it is a loss, of those rows at + k with lo <= k < hi.

        Equity is cash + qty x units[row], held = (cash, qty); before row `lo` it was `before`. Row k goes into part k
        of each of the four sums, which stand after one another.
        """
        return types.void(sums, units, types.int64, held, types.int64, types.int64, types.float64), add_worths

    def add_worths(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        """Code of both."""
        sums, units, at, held = args[:4]
        cash, qty = (everywhere(builder, DOUBLES, builder.extract_value(held, k)) for k in (0, 1))

        def worth(at: Any) -> Any:
            unit = builder.load(eight_at(context, builder, sig.args[1], units, at), align=8)
            return builder.fadd(cash, builder.fmul(qty, unit))

        equity, before = worth(at), worth(builder.sub(at, WORD(1)))
        if len(args) > 4:
            lo, hi, at_lo = args[4:]
            first = builder.icmp_signed("==", PLACES, everywhere(builder, WORDS, lo))
            before = builder.select(first, everywhere(builder, DOUBLES, at_lo), before)
        r = builder.fadd(builder.fdiv(equity, before), constant(-1.0))
        if len(args) > 4:
            inside = between(builder, lo, hi)
            equity, r = (builder.select(inside, x, constant(0.0)) for x in (equity, r))
        loss = builder.select(builder.fcmp_ordered("<", constant(0.0), r), constant(0.0), r)
        for k, more in enumerate((equity, r, builder.fmul(r, r), builder.fmul(loss, loss))):
            add_to(builder, eight_at(context, builder, sig.args[0], sums, WORD(8 * k)), more)
        return context.get_dummy_value()
