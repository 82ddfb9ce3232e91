"""How numba reads a part's bytecode, less what a part has not got.

Nearly half of what it goes through are the places that Python keeps free for its caches; it searches every function for
`with` and for dictionaries, tells a silent log of every step, and makes a context for the words of an error at every
step of typing. What comes out is the same.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from typing import Any

from numba.core import byteflow, interpreter, ssa, typeinfer
from numba.core.errors import _numba_path, loc_info, new_error_context  # type: ignore[attr-defined]

WITHS = frozenset(dis.opmap[name] for name in ("SETUP_WITH", "BEFORE_WITH", "LOAD_SPECIAL") if name in dis.opmap)
UPDATES = frozenset((dis.opmap["DICT_UPDATE"],))


def pass_caches(state: Any) -> None:
    """On to the next instruction that does something."""
    inst = state.get_inst().next
    while state._bytecode[inst].opname == "CACHE":
        inst = state._bytecode[inst].next
    state._pc = inst


def only_with(codes: frozenset[int], rewrite: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A rewrite of functions that have one of these instructions."""

    def look(func_ir: Any) -> Any:
        return func_ir if codes.isdisjoint(func_ir.func_id.code.co_code[::2]) else rewrite(func_ir)

    return look


class Quiet:
    """A log that nobody reads."""

    def debug(self, *_words: Any) -> None:
        pass


class ErrorContext:
    """numba's context, made only when there is an error to give words to."""

    __slots__ = ("named", "words")

    def __init__(self, *words: Any, **named: Any) -> None:
        self.words, self.named = words, named

    def __enter__(self) -> None:
        loc = self.named.get("loc")
        if loc is not None and not loc.filename.startswith(_numba_path):
            loc_info.update(self.named)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is not None:
            with new_error_context(*self.words, **self.named):
                raise error


def reading_quickly() -> tuple[tuple[Any, str, Any], ...]:
    """What to put in numba's place, where, and under which name."""
    with_exit, updates = interpreter.peep_hole_delete_with_exit, interpreter.peep_hole_fuse_dict_add_updates
    logs = [where for where in (byteflow, interpreter, ssa) if not where._logger.isEnabledFor(10)]
    return (
        (byteflow.State, "advance_pc", pass_caches),
        (interpreter, "peep_hole_delete_with_exit", only_with(WITHS, with_exit)),
        (interpreter, "peep_hole_fuse_dict_add_updates", only_with(UPDATES, updates)),
        (typeinfer, "new_error_context", ErrorContext),
        *((where, "_logger", Quiet()) for where in logs),
    )
