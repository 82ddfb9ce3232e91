"""Doubles taken apart: their bit patterns, and sums and products whose rounding errors are kept.

A number held as the sum of two doubles has some 106 bits; the functions of `portable_math` are built on that.
"""

from __future__ import annotations

import struct
from typing import Any

from numba import config, types
from numba.extending import intrinsic

from huracan.sim.options import inline

# x + ROUNDER rounds x to a whole number, which then stands in the low bits of the sum.
ROUNDER = 1.5 * 2.0**52
ROUNDER_BITS = 4843621399236968448

_SPLITTER = 2.0**27 + 1.0

if config.DISABLE_JIT:

    def bits_of(x: float) -> int:
        """The bit pattern of a double as a signed 64-bit integer."""
        n: int = struct.unpack("<q", struct.pack("<d", x))[0]
        return n

    def from_bits(n: int) -> float:
        """The double with the bit pattern of a signed 64-bit integer."""
        x: float = struct.unpack("<d", struct.pack("<q", n))[0]
        return x

    def quotient(a: float, b: float, inverse: float) -> float:
        """a / b of whole numbers below 2**53 and 2**50, with inverse = 1.0 / b."""
        return a / b

else:

    @intrinsic
    def bits_of(typingctx: Any, x: Any) -> Any:
        """The bit pattern of a double as a signed 64-bit integer."""
        return types.int64(types.float64), _bitcast

    @intrinsic
    def from_bits(typingctx: Any, n: Any) -> Any:
        """The double with the bit pattern of a signed 64-bit integer."""
        return types.float64(types.int64), _bitcast

    def _bitcast(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(sig.return_type))

    @intrinsic
    def quotient(typingctx: Any, a: Any, b: Any, inverse: Any) -> Any:
        """a / b of whole numbers below 2**53 and 2**50, with inverse = 1.0 / b: without dividing, which takes long.

        What a product with the inverse leaves of a is exact, and mends it: what then remains wrong is 2**-105 of the
        quotient, and that is never so near to the middle between two doubles, 2**-54 / b of it. The same bits, then.
        """

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            number, divisor, inverse = args
            if not _has_fused(context):
                return builder.fdiv(number, divisor)
            q = builder.fmul(number, inverse)
            left = builder.fma(q, builder.fneg(divisor), number)
            return builder.fma(left, inverse, q)

        return types.float64(types.float64, types.float64, types.float64), codegen

    def _has_fused(context: Any) -> bool:
        """Whether the processor that is compiled for multiplies and adds with one rounding."""
        triple, _, features = context.codegen().magic_tuple()
        return "+fma," in f"{features}," or triple.startswith(("aarch64", "arm64"))


@inline
def fast_two_sum(a: float, b: float) -> tuple[float, float]:
    """a + b and its rounding error, for |a| >= |b| or a == 0."""
    s = a + b
    return s, (a - s) + b


@inline
def two_sum(a: float, b: float) -> tuple[float, float]:
    """a + b and its rounding error, for any order."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@inline
def two_product(a: float, b: float) -> tuple[float, float]:
    """a * b and its rounding error, for |a| and |b| below 2**996; by Dekker, without a fused multiply-add."""
    p = a * b
    t = _SPLITTER * a
    ah = t - (t - a)
    al = a - ah
    t = _SPLITTER * b
    bh = t - (t - b)
    bl = b - bh
    return p, (((ah * bh - p) + ah * bl) + al * bh) + al * bl
