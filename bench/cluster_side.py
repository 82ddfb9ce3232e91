"""What a Ray cluster costs over threads: the same shards of some ten seconds, both ways in turn."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from bench_page import Table
from bench_tables import reached
from measure import worker

BARS = 400_000
SHARD_S, SHARDS, ROUNDS = 10.0, 4, 3  # shards a round, on as many workers as the machine has cores
TARGET = 0.10
WORDS = """Crosses over {bars:,} bars as `huracan sweep --cluster` runs them, in shards of about ten seconds: {shards}
shards on {workers} threads of one process, then on {workers} workers of a Ray cluster on the same machine, in turn, by
the clock. *overhead*: the best of {rounds} rounds against the best, and in brackets by processor time of the shards
alone. *once before*: starting Ray and its workers, each of which takes the tape from the object store and links the
machine."""


def shards() -> dict[str, Any]:
    """Seconds of threads and of the cluster, round by round."""
    import numpy as np

    from huracan import sweeping
    from huracan.cluster import joined, run_shards
    from huracan.spec import load_spec
    from huracan.sweep_blocks import Deal, blocks
    from huracan.sweep_job import identity_of, prepare
    from huracan.sweep_parts import Parts

    os.environ["HURACAN_VECTOR"] = "never"
    workers = os.cpu_count() or 1
    data = {"synthetic": "regimes", "bars": BARS, "symbol": "ETH/USDT", "rules": {"kind": "spot", "tick": 1e-8}}
    spec: dict[str, Any] = {"run": {"seed": 7}, "data": data}
    spec |= {"strategy": {"use": "sma_cross", "params": {"qty": 1.0}}}
    spec |= {"sweep": {"fast": {"from": 2, "to": 301, "step": 1}, "slow": {"from": 302, "to": 501, "step": 1}}}
    job = prepare(load_spec(spec))
    sweeping.run_part(job, np.arange(64))  # compiles
    began = time.process_time()
    sweeping.run_part(job, np.arange(128))
    lanes = round(128 * SHARD_S / (time.process_time() - began))
    deal = Deal(lanes * 5 // 4, 10_000)  # so many sets in halves of halves are so many shards
    few = first_sets(job, min(SHARDS * lanes, len(job.sets)))
    dealt = list(blocks(few.sets, deal))
    found: dict[str, Any] = {"workers": workers, "lanes": lanes, "shards": len(dealt), "threads": [], "cluster": []}
    with ThreadPoolExecutor(workers) as pool:
        began = time.perf_counter()
        with joined("auto") as crew:
            assert crew is not None
            identity = identity_of(job)
            some = first_sets(job, 4 * workers)
            run_shards(crew, some, identity, blocks(some.sets, Deal(4, 10_000)), Parts(None, ""), None)
            found["before"] = time.perf_counter() - began
            for _ in range(ROUNDS):
                began = time.perf_counter()
                list(pool.map(lambda block: sweeping.run_part(job, block.numbers), dealt))
                found["threads"].append(time.perf_counter() - began)
                began = time.perf_counter()
                parts = Parts(None, "")
                run_shards(crew, few, identity, dealt, parts, None)
                found["cluster"].append(time.perf_counter() - began)
                assert sum(parts.rows(block.name) for block in dealt) == len(few.sets)
            found["processor"] = processor_seconds(crew.ray, job, dealt, pool)
    return found


def processor_seconds(ray: Any, job: Any, dealt: list[Any], pool: ThreadPoolExecutor) -> tuple[float, float]:
    """(of threads, of workers) for the first shards, one each: what other processes on the machine do not touch."""
    from huracan.cluster import make_kit, run_shard
    from huracan.sweep_job import identity_of
    from huracan.sweeping import run_part

    def on_worker(shelf: list[Any], key: str, numbers: Any) -> float:
        began = time.thread_time()
        run_shard(shelf, key, numbers)
        return time.thread_time() - began

    def on_thread(block: Any) -> float:
        began = time.thread_time()
        run_part(job, block.numbers)
        return time.thread_time() - began

    some = dealt[: os.cpu_count() or 1]
    kit = make_kit(job, identity_of(job))
    shelf, task = [ray.put(kit)], ray.remote(num_cpus=1, max_retries=0)(on_worker)
    here = sum(pool.map(on_thread, some))
    return here, sum(ray.get([task.remote(shelf, kit.key, block.numbers) for block in some]))


def first_sets(job: Any, count: int) -> Any:
    """The job of the first sets only; workers have all of them, and are given numbers."""
    import numpy as np

    return replace(job, sets=replace(job.sets, grid=replace(job.sets.grid, kept=np.arange(count))))


def table() -> Table:
    """The row."""
    found = worker("cluster_shards")[0]
    here, there = (min(found[key]) for key in ("threads", "cluster"))
    overhead = there / here - 1.0
    bare = found["processor"][1] / found["processor"][0] - 1.0
    name = f"{found['shards']} shards of {found['lanes']:,} sets"
    more = f"{overhead:+.1%} ({bare:+.1%})"
    seconds = (f"{here:.1f} s", f"{there:.1f} s", more, f"<= {TARGET:.0%}", reached(overhead <= TARGET))
    words = WORDS.format(bars=BARS, shards=found["shards"], workers=found["workers"], rounds=ROUNDS)
    columns = ("sweep", "threads", "cluster", "overhead", "target", "reached", "once before")
    return Table("A cluster against threads", words, columns, [(name, *seconds, f"{found['before']:.1f} s")])
