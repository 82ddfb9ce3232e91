"""Time, memory and machine: how `make bench` measures."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Cost:
    """What something took: seconds by the clock, seconds of processor, and of a process its peak of memory."""

    wall: float
    cpu: float
    megabytes: float = 0.0


def timed(work: Callable[[], Any]) -> tuple[Any, Cost]:
    """A call and what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    out = work()
    return out, Cost(time.perf_counter() - wall, time.process_time() - cpu)


def process(command: Sequence[str | Path], env: dict[str, str] | None = None) -> tuple[str, Cost]:
    """What a process printed and what it took from start to end, its children included; a failure ends the bench."""
    words = [str(part) for part in command]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **(env or {})}, cwd=ROOT
        ) as child:
            assert child.stdout is not None
            printed = child.stdout.read()
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if child.returncode:
            errors.seek(0)
            sys.exit(f"failed ({child.returncode}): {' '.join(words)}\n{printed}{errors.read()}")
    return printed, Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def worker(name: str, *arguments: str, env: dict[str, str] | None = None) -> tuple[dict[str, Any], Cost]:
    """One function of bench/workers.py in a process of its own: what it returned, and what the process took."""
    print(f"  {name} {' '.join(arguments)}", flush=True)
    printed, cost = process([sys.executable, HERE / "workers.py", name, *arguments], counting_nowhere(env))
    return json.loads(printed.splitlines()[-1]), cost


def counting_nowhere(env: dict[str, str] | None) -> dict[str, str]:
    """Sweeps count their trials in the store; those of a benchmark are nobody's trials."""
    return {"HURACAN_STORE": str(ROOT / ".numba_cache" / "bench-store"), **(env or {})}


def middle(costs: Sequence[Cost]) -> Cost:
    """Medians."""
    return Cost(*(median(getattr(c, name) for c in costs) for name in ("wall", "cpu", "megabytes")))


def machine() -> str:
    """Processor, cores and memory in words."""
    model = platform.processor() or platform.machine()
    memory = 0.0
    if Path("/proc/cpuinfo").is_file():
        names = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()]
        keys = [line.partition(":")[0].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()]
        model = names[keys.index("model name")] if "model name" in keys else model
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def load() -> float:
    """How many processes want to run: above the number of cores, figures by the clock are those of a busy machine."""
    return os.getloadavg()[0]
