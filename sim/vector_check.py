"""Whether LLVM made vectors of a step: read from what it made while that is fresh, kept beside it in the cache."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Any

from huracan.sim.stubs import cache_dir

YES, NO = "in vectors", "number by number"
WANTED = "llvm.loop.vectorize.width"  # compile_lowering.eight_hints


def known_as_scalar(entry: Any) -> bool:
    """Whether an earlier compile of this entry is known to have come out without vectors."""
    note = cache_dir() / f"{entry.__module__}.vectors"
    return note.is_file() and note.read_text("utf-8") == NO


@cache
def made_of_vectors(entry: Any) -> bool:
    """Whether the loop that runs the step is in vectors; True where nobody can tell, as with code from the cache."""
    note = cache_dir() / f"{entry.__module__}.vectors"
    if note.is_file():
        return note.read_text("utf-8") != NO
    text = compiled_text(entry)
    if not text:
        return True
    found = is_packed(text)
    with contextlib.suppress(OSError):
        note.write_text(YES if found else NO, "utf-8")
    return found


def compiled_text(entry: Any) -> str:
    """What LLVM made of an entry in this process, in its language; "" for one from the cache, and in plain Python."""
    inspect = getattr(entry, "inspect_llvm", None)
    if inspect is None or sum(entry.stats.cache_hits.values()):
        return ""
    return "\n".join(inspect().values())


def is_packed(text: str) -> bool:
    """Whether what rows ask is put together many at once: then nothing is left of the loop that was to be vectors.

    >>> is_packed("br label %done"), is_packed("!4 = !{!'llvm.loop.vectorize.width', i32 8}")
    (True, False)
    """
    return WANTED not in text
