"""What --plan says of memory and time, beside what sweeps take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import huracan
from huracan.sim.lanes import lane_bytes
from huracan.spec import load_spec
from huracan.sweep_job import prepare
from huracan.sweep_lanes import lanes_of
from huracan.sweep_plan import plan_sweep

PEAK = """
import sys
from pathlib import Path
from huracan import cli
status = cli.main(sys.argv[1:])
told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
print(told["VmHWM"].split()[0], file=sys.stderr)
sys.exit(status)
"""


def spec(bars: int, fast: int, slow: int, **more: Any) -> dict[str, Any]:
    return {
        "data": {"synthetic": "regimes", "bars": bars, "timeframe": "1m"},
        "strategy": {"use": "sma_cross", "params": {"qty": 1.0}},
        "sweep": {"fast": {"from": 2, "to": 1 + fast, "step": 1}, "slow": {"from": 60, "to": 59 + slow, "step": 1}},
        **more,
    }


def run(*words: str) -> tuple[str, float]:
    """(what it printed, the most memory that it held)."""
    done = subprocess.run([sys.executable, "-c", PEAK, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, 1024.0 * int(done.stderr.split()[-1])


compiled = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="plain Python takes hours for it")


@compiled
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="who says how much memory a process held")
def test_a_plan_says_how_much_memory_a_sweep_takes(tmp_path: Path) -> None:
    """Of a process of its own, as a user's is: within a fifth below and a third above."""
    file = tmp_path / "spec.toml"
    for bars, fast, slow in ((2000, 20, 20), (300_000, 10, 10)):
        table = (
            f"fast = {{ from = 2, to = {1 + fast}, step = 1 }}\nslow = {{ from = 60, to = {59 + slow}, step = 1 }}\n"
        )
        file.write_text(
            f'[data]\nsynthetic = "regimes"\nbars = {bars}\ntimeframe = "1m"\n[strategy]\nuse = "sma_cross"\n'
            f"[strategy.params]\nqty = 1.0\n[sweep]\n{table}"
        )
        said = json.loads(run("sweep", str(file), "--plan", "--json")[0])["memory_bytes"]
        peak = run("sweep", str(file), "--out", str(tmp_path / f"{bars}"), "--json")[1]
        assert 0.8 * peak < said < 1.35 * peak, (bars, fast * slow, said / 1e6, peak / 1e6)


@compiled
def test_a_plan_counts_what_many_short_runs_take(tmp_path: Path) -> None:
    """Twenty thousand sets of 200 bars are all overhead: of making lanes, of figures, of the table."""
    short = spec(200, 100, 200)
    said = plan_sweep(load_spec(short))["seconds"]
    began = time.process_time()
    huracan.sweep(short, out=tmp_path / "o")
    took = time.process_time() - began  # no pause, and nobody else on the machine, counts
    assert said > took / 3.0, (said, took)


@pytest.mark.parametrize("response", [0.0, 50.0])
def test_the_memory_of_a_lane_is_what_its_records_take(response: float) -> None:
    made = spec(300, 3, 3, gates=[{"use": "calm"}], venue={"latency_ms": {"response": response}})
    job = prepare(load_spec(made))
    block = lanes_of(job.machine, job.sets, np.arange(4))
    arrays = [*block.lanes._replace(reports=np.zeros(0), rules=np.zeros(0)), *(a for g in block.gates for a in g)]  # type: ignore[union-attr]
    taken = sum(np.asarray(a).nbytes for a in arrays) / 4
    said = lane_bytes(job.machine.linked, job.machine.instruments, job.machine.slots)  # type: ignore[arg-type,union-attr]
    assert taken - 64 <= said <= taken  # counts of refusals are not worth a word
