"""What numba works out anew wherever it is asked, here once for all parts of an entry.

The same few types and operators are met thousands of times in a kernel, and each time numba chooses among the meanings
of an operator, unpacks a record's type to hash it, or writes an error that somebody catches. What comes out is the
same. All of it is forgotten when a registry knows something new, and when the entry is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import base, config
from numba.core.errors import NumbaNotImplementedError
from numba.core.types.abstract import Type
from numba.core.types.functions import BaseFunction
from numba.core.typing import context as typing_context

Known = dict[Any, Any]


def meaning_of_call(call_type: Callable[..., Any], known: Known) -> Callable[..., Any]:
    """What an operator or a builtin makes of some types; a failure is looked for again, for the sake of its words."""

    def get_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
        key = (id(self), id(context), args)
        if kws:
            return call_type(self, context, args, kws)
        if key not in known:
            known[key] = call_type(self, context, args, kws), self, context
        return known[key][0]

    return get_call_type


def type_of_function(value_type: Callable[..., Any], known: Known) -> Callable[..., Any]:
    """The type of a function or a class that a part names."""

    def resolve_value_type(self: Any, val: Any) -> Any:
        if not callable(val):
            return value_type(self, val)
        key = (id(self), id(val))
        if key not in known:
            known[key] = value_type(self, val), self, val
        return known[key][0]

    return resolve_value_type


def packer_of(packer: Callable[..., Any], known: Known) -> Callable[..., Any]:
    """How arguments of some types are handed over, with one set of models."""

    def get_arg_packer(self: Any, fe_args: Any) -> Any:
        models = self.data_model_manager
        key = (id(models), tuple(fe_args))
        if key not in known:
            known[key] = packer(self, fe_args), models
        return known[key][0]

    return get_arg_packer


def implementation_of(find: Callable[..., Any], known: Known) -> Callable[..., Any]:
    """numba remembers what it found, here also what it did not: only to say so it writes out every field of records."""

    def find_once(self: Any, sig: Any) -> Any:
        key = (id(self), len(self.versions), sig)
        if key in known:
            raise NumbaNotImplementedError(known[key][0])
        try:
            return find(self, sig)
        except NumbaNotImplementedError as error:
            known[key] = error.args[0], self  # the error itself would keep all that was at work when it came
            raise

    return find_once


def hash_of(known: Known) -> Callable[..., int]:
    """The hash of a type, which numba makes of those of all that it is made of."""

    def hash_once(self: Any) -> int:
        found = known.get(id(self))
        if found is None:
            found = known[id(self)] = hash(self.key), self
        return int(found[0])

    return hash_once


def is_same(equal: Callable[..., Any]) -> Callable[..., bool]:
    """Whether two types are equal: most that are, are one and the same."""
    return lambda self, other: self is other or bool(equal(self, other))


def remembering_once(known: list[Known]) -> tuple[tuple[Any, str, Any], ...]:
    """What to put in numba's place, where, and under which name; what is remembered goes into `known`."""

    def dictionary() -> Known:
        known.append({})
        return known[-1]

    values = typing_context.BaseContext
    return (
        (BaseFunction, "get_call_type", meaning_of_call(BaseFunction.get_call_type, dictionary())),
        (values, "resolve_value_type", type_of_function(values.resolve_value_type, dictionary())),
        (base.BaseContext, "get_arg_packer", packer_of(base.BaseContext.get_arg_packer, dictionary())),
        (base.OverloadSelector, "find", implementation_of(base.OverloadSelector.find, dictionary())),
        (Type, "__hash__", hash_of({})),
        (Type, "__eq__", is_same(Type.__eq__)),
        (config, "reload_config", lambda: None),
    )
