"""Law 3, the compiler doesn't matter: the same trials in a process of plain Python, bit for bit.

python -c "from huracan.law_plain import main; main()" TARGET OUT.npz     with NUMBA_DISABLE_JIT=1
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from huracan.law_runs import Records, Trial, difference, state, whole
from huracan.laws import Finding, found
from huracan.sim.refusal import Refused

# What is compared beside the fills, trades and equity rows of every lane. Own state and features may hold a NaN of
# another sign.
REFUSED, REFUSED_STATUS = "refused: ", 2  # how the second process says that it met a refusal
STATE = ("acct", "orders", "positions", "desks", "stats", "u", "feats", "feats1", "wide", "wide1")


def results(trial: Trial) -> dict[str, Records]:
    """What each lane alone writes down, and the state of all at the end."""
    out: dict[str, Records] = {}
    for lane in range(trial.lanes):
        run = whole(trial, [lane])
        for i, name in enumerate(("fill", "trade", "equity")):
            out[f"{trial.name}/{lane}/{name}"] = run.written(i)
        for name, a in state(run).items():
            if name in STATE or name.startswith("gate"):
                out[f"{trial.name}/{lane}/{name}"] = np.array(a)
    return out


def save(path: Path, trials: Sequence[Trial]) -> None:
    """The results of some trials as one file, as plain bytes.

    Records of other types come back as what they are only here.
    """
    arrays = {key: np.frombuffer(a.tobytes(), np.uint8) for trial in trials for key, a in results(trial).items()}
    np.savez(path, **arrays)  # type: ignore[arg-type]


def compare(trial: Trial, plain: Any) -> Iterator[Finding]:
    """Compiled here, plain Python there: a finding a lane."""
    mine = results(trial)
    for lane in range(trial.lanes):
        where = ""
        for key, a in mine.items():
            if where or not key.startswith(f"{trial.name}/{lane}/"):
                continue
            name = key.rpartition("/")[2]
            raw = plain[key].tobytes()
            if len(raw) != a.nbytes:
                where = f"{name}: {a.nbytes} bytes compiled, {len(raw)} in plain Python"
            else:
                where = difference(name, a, np.frombuffer(raw, a.dtype).reshape(a.shape), nan_is_nan=True)
        yield found(3, trial, f"lane {lane}, compiled against plain Python", where)


def start(arguments: Sequence[str], cwd: str | None = None) -> subprocess.Popen[str]:
    """A Python without the compiler, under way."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, *arguments]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def start_check(target: str, out: Path, *, whole: bool = False) -> subprocess.Popen[str]:
    """The short trials of a strategy, or the whole ones, under way in plain Python."""
    return start(["-c", "from huracan.law_plain import main; main()", "whole" if whole else "short", target, str(out)])


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for it; what it said last if it failed, else ""."""
    said = process.communicate()[0] or ""
    lines = [line for line in said.splitlines() if line.strip()]
    return (
        ""
        if process.returncode == 0
        else f"plain Python ended with {process.returncode}: {lines[-1] if lines else 'no word'}"
    )


def refused_in(process: subprocess.Popen[str]) -> Refused | None:
    """Wait for it; the refusal that it ended with, if that is how it ended."""
    said = process.communicate()[0] or ""
    lines = [line for line in said.splitlines() if line.startswith(REFUSED)]
    if process.returncode != REFUSED_STATUS or not lines:
        return None
    return Refused(**json.loads(lines[-1].removeprefix(REFUSED)))


def stop(process: subprocess.Popen[str]) -> None:
    """End it, whether or not it has finished."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def main() -> None:
    """What the second process does for `huracan check`."""
    from huracan import law_books
    from huracan.code import find
    from huracan.law_check import benches, short
    from huracan.run import out_of_range
    from huracan.sim.declared import declaration

    rows, target, out = sys.argv[-3:]
    try:
        if law_books.on_books(declaration(find(target, "strategy", "the target"), "strategy")):
            seconds = law_books.SECONDS if rows == "whole" else law_books.SHORT
            law_books.save(Path(out), law_books.benches(target, seconds))
            return
        save(Path(out), [b.trial if rows == "whole" else short(b.trial) for b in benches(target)])
    except IndexError as error:
        refused = out_of_range(target, error)
        print(REFUSED + json.dumps({"what": refused.what, "where": refused.where, "fix": refused.fix}))
        sys.exit(REFUSED_STATUS)


def folder() -> tempfile.TemporaryDirectory[str]:
    """Where the results of the second process lie until they are compared."""
    return tempfile.TemporaryDirectory(prefix="huracan-check-")
