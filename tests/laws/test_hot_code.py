"""The hot code is what it is meant to be: no reference counting, nothing fused or loosened.

On a fresh compile in a cache of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

if os.environ.get("NUMBA_DISABLE_JIT") == "1":
    pytest.skip("nothing is compiled here", allow_module_level=True)

COUNTING = re.compile(r"NRT_(?:incref|decref|MemInfo\w*|Allocate\w*)")
FUSED = re.compile(r"\bvfn?m(?:add|sub)\w*|\bfn?m(?:add|sub|la|ls)\b|\bfmadd\w*", re.IGNORECASE)
LOOSE = re.compile(r"\b(?:fast|contract|reassoc|arcp|afn)\b|@llvm\.fmuladd\S*")
MEANT = re.compile(r"call \S.*@llvm\.fma\.")  # by exact_doubles.quotient, which divides to the last bit with them

# A sweep is what must be fast; its entry and the loops of its features are looked at. What comes from the disk can't be
# inspected.
LOOK = """
import json, sys
import numba, numpy as np
from huracan.spec import load_spec
from huracan.sweep_job import prepare
from huracan.sweeping import run_part
from huracan.sim import columns
from huracan.sim.compiling import is_part
from huracan.sim.builds import kernel

job = prepare(load_spec({
    "data": {"synthetic": "regimes", "bars": 60},
    "venue": {"impact": 0.1},
    "strategy": {"use": "bracket_reversion", "params": {"window": 5}},
    "sweep": {"z": [0.5, 1.0]},
}))
machine = job.machine
run_part(job, np.arange(2))
counted = numba.njit(lambda n: np.arange(n) * 2.0)
counted(3)
loose = numba.njit(fastmath=True)(lambda a, b: a * b + 1.0)
loose(1.0, 2.0)
found = {}
for name, entry in [("sweep", machine.linked.entry), ("mean", columns._entry("sma")),
                    ("deviation", columns._entry("std")), ("counted", counted), ("loose", loose)]:
    found[name] = ["\\n".join(entry.inspect_llvm().values()), "\\n".join(entry.inspect_asm().values())]
parts = {f for module in vars(kernel(machine.linked.groups)).values() for f in vars(module).values()
         if hasattr(f, "nopython_signatures") and is_part(f)}
compiled = [(f.__name__, str(a)) for f in parts for s in f.nopython_signatures for a in s.args]
found["parts"] = [len(compiled), [name for name, kind in compiled if kind.startswith("Literal")]]
json.dump(found, open(sys.argv[1], "w"))
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """LLVM's intermediate code and the machine code, by what they are of."""
    folder = tmp_path_factory.mktemp("fresh")
    own = {"HURACAN_CACHE": str(folder / "stubs"), "NUMBA_CACHE_DIR": str(folder / "numba")}
    out = folder / "code.json"
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(out)],
        env=os.environ | own,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text("utf-8"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["sweep", "mean", "deviation"])
def test_hot_code_counts_no_references_and_fuses_nothing(code: dict[str, list[str]], name: str) -> None:
    ir, machine = code[name]
    body = only_called_inside(ir)
    assert "fmul" in body or "fadd" in body
    assert not COUNTING.search(body)
    assert not LOOSE.search(body)
    meant = len(MEANT.findall(body))
    assert meant == 0 or name == "mean"
    assert len(FUSED.findall(machine)) <= meant


def test_the_search_finds_what_it_looks_for(code: dict[str, list[str]]) -> None:
    assert COUNTING.search(only_called_inside(code["counted"][0]))
    assert LOOSE.search(only_called_inside(code["loose"][0]))
    flags = Path("/proc/cpuinfo")
    has_fma = flags.is_file() and re.search(r"(?m)^flags\b.*\bfma\b", flags.read_text("utf-8"))
    assert FUSED.search(code["loose"][1]) or not has_fma


def only_called_inside(ir: str) -> str:
    """Without the wrapper that unpacks Python's arguments: it holds references for as long as a call lasts."""
    functions = re.split(r"(?m)^(?=define )", ir)
    return "".join(f for f in functions[1:] if "_ZN7cpython" not in f.partition("{")[0])


def test_no_part_is_compiled_anew_for_a_constant(code: dict[str, list[Any]]) -> None:
    """`finish(v, j, CANCELLED)` and `finish(v, j, EXPIRED)` are one function: eight of them took a quarter second."""
    arguments, by_constant = code["parts"]
    assert arguments > 100
    assert by_constant == []
