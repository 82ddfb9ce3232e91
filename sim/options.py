"""How kernel code is compiled; the only place that names numba's private flags.

`_nrt=False` (no reference counting) and `forceinline=True` are not public in numba: either one alone is three to four
times slower, so the project pins numba to one minor version and a test looks at the machine code.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from huracan.sim.compiling import EntryCompiler, PartCompiler, UserCompiler

# A function that can also be called from Python, compiled: for small numeric code such as portable_math.
KERNEL: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "forceinline": True}
inline = njit(**KERNEL)

# A part of a linked machine: inlined into it, never called on its own.
PART: dict[str, Any] = KERNEL | {"pipeline_class": PartCompiler, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
part = njit(**PART)

# A user's own function: indexing out of range is an error with a name there, not a write into a neighbour.
USER: dict[str, Any] = PART | {"boundscheck": True, "pipeline_class": UserCompiler}
own = njit(**USER)

# Rare work stays a call: inlined everywhere it would make LLVM take half a minute, and the hot loop no faster.
RARE: dict[str, Any] = PART | {"forceinline": False}
rare = njit(**RARE)

# What Python calls, and what is cached on disk.
ENTRY: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "nogil": True, "cache": True, "no_cfunc_wrapper": True}
LINKED_ENTRY: dict[str, Any] = ENTRY | {"pipeline_class": EntryCompiler}
