"""Law 3: compiled and plain Python agree bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan import law_plain
from huracan.law_runs import whole
from huracan.laws import happened
from tests.conftest import ROOT
from tests.laws.cases import HAPPENED, enough
from tests.laws.plain import SEEDS, compared
from tests.laws.shipped import NAMES

if os.environ.get("NUMBA_DISABLE_JIT") == "1":
    pytest.skip("nothing is compiled here", allow_module_level=True)


def test_compiled_and_plain_python_agree(tmp_path: Path) -> None:
    """One process runs every case in plain Python while this one compiles."""
    out = tmp_path / "plain.npz"
    process = law_plain.start(["-m", "tests.laws.plain", str(out)], cwd=str(ROOT))
    did: Counter[str] = Counter()
    mine = list(compared())
    try:
        for trial in mine:
            did.update(happened(whole(trial)))
        assert law_plain.finish(process) == ""
    finally:
        law_plain.stop(process)
    with np.load(out) as plain:
        findings = [f for trial in mine for f in law_plain.compare(trial, plain)]
    assert not [f for f in findings if not f.ok]
    assert len(findings) > 2 * len(SEEDS) + 8 * len(NAMES)
    assert enough(did, 20, *HAPPENED), did


def test_a_difference_of_one_bit_is_found(tmp_path: Path) -> None:
    """The comparison can fail: one bit of one number of one lane."""
    trial = next(t for t in compared() if happened(whole(t))["trades"])
    results = law_plain.results(trial)
    key = f"{trial.name}/0/trade"
    changed: dict[str, Any] = {k: np.frombuffer(a.tobytes(), np.uint8) for k, a in results.items()}
    assert not [f for f in law_plain.compare(trial, changed) if not f.ok]
    other = results[key].copy()
    other["pnl"][0] = np.nextafter(other["pnl"][0], np.inf)
    changed[key] = np.frombuffer(other.tobytes(), np.uint8)
    (found,) = law_plain.compare(trial, changed)
    assert not found.ok
    assert found.where.startswith("trade[0].pnl")


RUNS = """
import hashlib, sys
from huracan.sim.compile_lowering import reference_models
if "early" in sys.argv:  # asked for before the kernel is there, as features that are computed alone do
    reference_models()
from tests.sim.test_book_engines import build_book_tape, random_feed, run_on_tape, spec_of
tape = build_book_tape([random_feed(8, 700)])
for queue in sys.argv[1:2] if "early" in sys.argv else sys.argv[1:]:
    print(queue, hashlib.sha256(run_on_tape(spec_of(queue), tape).fill_rows.tobytes()).hexdigest())
"""


def test_what_several_processes_have_compiled_does_not_mix_in_one(tmp_path: Path) -> None:
    """The loader takes either of two functions of one name: an entry would run parts of another build."""
    own = {"HURACAN_CACHE": str(tmp_path / "stubs"), "NUMBA_CACHE_DIR": str(tmp_path / "numba")}

    def started(*queues: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "ignore", "-c", RUNS, *queues]
        return subprocess.Popen(command, env=os.environ | own, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    first, second = started("risk_averse", "early"), started("power:1.5")
    alone = [p.communicate()[0].splitlines() for p in (first, second)]
    assert [len(lines) for lines in alone] == [1, 1]
    both = started("risk_averse", "power:1.5").communicate()[0].splitlines()
    assert both == [*alone[0], *alone[1]]
    assert alone[0][0].split()[1] != alone[1][0].split()[1]
