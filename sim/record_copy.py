"""One record copied over another, for compiled code and plain Python alike.

Assigning a record (`a[0] = b[j]`) makes numba load and store an array of bytes, and LLVM then keeps a copy on the stack
byte by byte: every whole number is put together from eight registers again. A copy of known length it can take apart by
field.
"""

from __future__ import annotations

from typing import Any

from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

if config.DISABLE_JIT:

    def copy_record(to: Any, what: Any) -> None:
        """Every field of `what` into `to`, a record of the same type."""
        for name in to.dtype.names:
            to[name] = what[name]

else:
    from llvmlite import ir

    @intrinsic
    def copy_record(typingctx: Any, to: Any, what: Any) -> Any:
        """Every field of `what` into `to`, a record of the same type."""
        if not isinstance(to, types.Record) or to != what:
            return None
        size = to.size

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            cgutils.raw_memcpy(builder, args[0], args[1], ir.Constant(ir.IntType(64), size), 1, align=8)
            return context.get_dummy_value()

        return types.void(to, what), codegen
