"""A named tuple handed on by its address: what a function of the kernel gets is one pointer, whatever the tuple holds.

numba takes a tuple apart into all its numbers at every call and puts it together again behind it; an array alone is
seven. The compiler would spend more on a book venue's thirty arrays than on what is done with them. In plain Python
`refer` gives back the tuple itself.
"""

from __future__ import annotations

import hashlib
from typing import Any

from numba import config, types
from numba.core import cgutils
from numba.core.datamodel import models, registry
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic

if config.DISABLE_JIT:

    def refer(t: Any) -> Any:
        return t

else:

    class Reference(types.Type):  # type: ignore[misc]
        """Where a named tuple stands on the stack of the function that referred to it."""

        def __init__(self, what: Any) -> None:
            self.what = what
            # The tuple's own name spells out every field of every record; this one is hashed at every call.
            super().__init__(f"reference.{hashlib.sha256(what.name.encode()).hexdigest()[:24]}")

    @registry.register_default(Reference)
    class ReferenceModel(models.PrimitiveModel):  # type: ignore[misc]
        def __init__(self, dmm: Any, fe_type: Any) -> None:
            super().__init__(dmm, fe_type, dmm.lookup(fe_type.what).get_value_type().as_pointer())

    @infer_getattr
    class ReferenceFields(AttributeTemplate):  # type: ignore[misc]
        key = Reference

        def generic_resolve(self, reference: Any, name: str) -> Any:
            fields = reference.what.fields
            return reference.what.types[fields.index(name)] if name in fields else None

    @lower_getattr_generic(Reference)
    def field_of(context: Any, builder: Any, reference: Any, value: Any, name: str) -> Any:
        place = reference.what.fields.index(name)
        return builder.load(cgutils.gep_inbounds(builder, value, 0, place))

    @intrinsic
    def refer(typingctx: Any, t: Any) -> Any:
        """The tuple by its address, for as long as the caller runs; anything else as it is."""
        if not isinstance(t, types.NamedTuple):
            return t(t), lambda context, builder, sig, args: args[0]

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            with builder.goto_entry_block():  # numba's own way of doing it stores a zero of the whole first
                at = builder.alloca(args[0].type)
            for place in range(len(t.types)):
                part = builder.extract_value(args[0], place)
                builder.store(part, cgutils.gep_inbounds(builder, at, 0, place))
            return at

        return Reference(t)(t), codegen
