"""Whether LLVM made vectors of a step: read from the machine code while it is fresh, kept beside it in the cache."""

from __future__ import annotations

import contextlib
import re
from functools import cache
from typing import Any

from huracan.sim.stubs import cache_dir

YES, NO = "in vectors", "number by number"


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
    text = machine_code(entry)
    if not text:
        return True
    found = is_packed(text)
    with contextlib.suppress(OSError):
        note.write_text(YES if found else NO, "utf-8")
    return found


def machine_code(entry: Any) -> str:
    """The assembly of an entry that this process has compiled; "" for one from the cache, and in plain Python."""
    inspect = getattr(entry, "inspect_asm", None)
    if inspect is None or sum(entry.stats.cache_hits.values()):
        return ""
    return "\n".join(inspect().values())


def is_packed(text: str) -> bool:
    """Whether what rows ask is put together many at once: with a maximum, which no other loop over rows takes.

    Of processors whose words for it are not known it is believed.

    >>> is_packed("  vmaxpd %zmm1, %zmm2, %zmm3"), is_packed("  vmaxsd %xmm1, %xmm2, %xmm3")
    (True, False)
    """
    found = re.findall(r"^\s+v?max([ps])d\b(.*)", text, re.MULTILINE)
    wide = "%ymm" in text or "%zmm" in text
    packed = [words for kind, words in found if kind == "p" and ("xmm" not in words or not wide)]
    return not found or bool(packed)
