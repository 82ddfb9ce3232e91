"""What the second process of law 3 runs: every case in plain Python, its results into one file.

NUMBA_DISABLE_JIT=1 python -m tests.laws.plain OUT.npz
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from huracan.law_check import short
from huracan.law_plain import save
from huracan.law_runs import Trial
from tests.laws.cases import case, fuzz_case
from tests.laws.shipped import NAMES, trials

SEEDS = range(2000, 2050)


def compared() -> Iterator[Trial]:
    """Every trial that is run both ways."""
    for seed in SEEDS:
        for kind, made in (("case", case(seed)), ("fuzz", fuzz_case(seed))):
            yield made.trial(name=f"{kind} {seed}")
    for name in NAMES:
        for b in trials(name):
            yield short(b.trial, name=f"{name}, {b.trial.name}")


if __name__ == "__main__":
    save(Path(sys.argv[1]), list(compared()))
