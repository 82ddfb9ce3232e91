"""`make bench`: speed and memory against other engines; writes docs/BENCHMARKS.md, whose last section is kept as it is.

`make bench ARGS=scaling` runs only the parts that are named and prints their tables; with the word `write` among them,
as in `make bench ARGS="scaling cluster write"`, each takes its place on the page, with the day and the load.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import bench_tables
import cluster_side
import feeds
import store_side
from bench_page import Table, write_page, write_parts
from measure import ROOT, load, worker
from processes import measure_processes
from scaling import scaling


def main(names: list[str]) -> int:
    """Run the parts, print their tables, and write the page if all were run."""
    start, busy = time.perf_counter(), [load()]
    write = "write" in names
    names = [name for name in names if name != "write"]
    if unknown := set(names) - set(PARTS):
        sys.exit(f"no part {', '.join(sorted(unknown))}: the parts are {', '.join(PARTS)}")
    tables: list[Table] = []
    for name, part in PARTS.items():
        if names and name not in names:
            continue
        print(f"{name} ({time.perf_counter() - start:.0f} s so far)", flush=True)
        tables.append(part())
        busy.append(load())
        print(tables[-1].text(), flush=True)
    if names and write:
        write_parts(ROOT / "docs" / "BENCHMARKS.md", tables, busy)
    if not names:
        write_page(ROOT / "docs" / "BENCHMARKS.md", tables, busy, time.perf_counter() - start)
    return 0


def sweeps() -> Table:
    ahead = {"HURACAN_VECTOR": "always"}  # as sweeps of this length do, whatever is compiled already
    crosses = [worker(name, env=ahead)[0] for name in ("cross", "lone", "quick", "turns")]
    perpetual = worker("perpetual", env=ahead)[0]
    brackets = {fill: worker("bracket", fill, env=ahead)[0] for fill in ("next_open", "close")}
    reversion = worker("reversion", env=ahead)[0]
    return bench_tables.sweeps(crosses, perpetual, brackets, reversion, worker("assets")[0])


def rows() -> Table:
    return bench_tables.rows(worker("cross", env={"HURACAN_VECTOR": "never"})[0])


def memory() -> Table:
    spent = {n: worker("sweep_only", n)[1] for n in ("1", "2")}
    peer = {n: worker("peer_only", n)[1] for n in ("8", "100")}
    ways = (worker("threads", env={"HURACAN_VECTOR": way})[0] for way in ("always", "never"))
    return bench_tables.memory(spent, peer, *ways)


def processes() -> Table:
    return bench_tables.processes(measure_processes())


def store() -> Table:
    return store_side.table(worker("stored_year")[0], worker("fetched_pages")[0])


PARTS: dict[str, Callable[[], Table]] = {
    "sweeps": sweeps,
    "rows": rows,
    "memory": memory,
    "processes": processes,
    "store": store,
    "feeds": feeds.feeds,
    "scaling": scaling,
    "cluster": cluster_side.table,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
