"""What `make bench` runs in processes of their own: `python bench/workers.py NAME ARGUMENTS` ends with a line of JSON.

Comparisons run both engines in turn in one process, on the same bars, so that whatever else the machine does hits both.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import sweep_specs as specs
from measure import timed
from store_side import fetched_pages, stored_year  # noqa: F401 - named on the command line

import huracan
from huracan import either_venue
from huracan.data.synthetic import regimes
from huracan.spec import load_spec

ROUNDS = 5
THREAD_ROUNDS = 21  # two threads want two quiet cores at once
SLICES = (4, 8, 16)  # sets that vectorbt simulates at once: the quickest of these is used
PROBE = 24
Peer = Callable[..., dict[str, Any]]  # sets, size of slices and, if not all of it, what to say of them


def compare(spec: dict[str, Any], sets: Sequence[Any], peer: Peer, rounds: int) -> dict[str, Any]:
    """Rounds of the whole sweep in huracan and of every n-th set in vectorbt; all its sets in the end."""
    import peer_sweeps

    os.environ["HURACAN_THREADS"] = "1"
    loading = hand_over(spec)
    result, first = timed(lambda: huracan.sweep(spec))
    size = quickest(sets, peer)
    ours, theirs, bare, differ = [], [], [], 0
    for r in range(rounds):
        ours.append(timed(lambda: huracan.sweep(spec))[1])
        part, few = sets[r::rounds], sets[r::rounds][:PROBE]
        found, cost = timed(partial(peer, part, size))
        theirs.append(scaled(cost, len(sets) / len(part)))
        differ += int((np.abs(found["total_return"] - result.columns["total_return"][r::rounds]) > 1e-9).sum())
        bare.append(scaled(timed(partial(peer, few, size, peer_sweeps.only_return))[1], len(sets) / len(few)))
    return {
        "sets": len(sets),
        "bars": specs.BARS,
        "loading": vars(loading),
        "first": vars(first),
        "ours": [vars(c) for c in ours],
        "theirs": [vars(c) for c in theirs],
        "bare": [vars(c) for c in bare],
        "slice": size,
        "differ": differ,
        "trades": float(result.columns["trades"].mean()),
        "orders": float(result.columns["orders"].mean()),
    }


def hand_over(spec: dict[str, Any]) -> Any:
    """Give this process' sweeps their tape, as vectorbt is given arrays; what it costs to make it."""
    tape, loading = timed(lambda: either_venue.load_tape(load_spec(spec)))
    either_venue.load_tape = lambda *_: tape
    return loading


def quickest(sets: Sequence[Any], peer: Peer) -> int:
    """The size of slices that suits vectorbt best; it is warm afterwards."""
    peer(sets[:1], 1)
    if len(sets) < PROBE:
        return 1
    return min(SLICES, key=lambda n: timed(partial(peer, sets[:PROBE], n))[1].cpu)


def scaled(cost: Any, factor: float) -> Any:
    return type(cost)(cost.wall * factor, cost.cpu * factor)


def frame() -> Any:
    import peer_sweeps

    return peer_sweeps.Frame(regimes(specs.BARS, specs.SEED, symbols=("ETH/USDT",))[0])


def crosses(spec: dict[str, Any], sets: Sequence[tuple[int, int]], direction: str = "longonly") -> dict[str, Any]:
    import peer_sweeps

    f = frame()
    return compare(spec, sets, partial(peer_sweeps.cross, f, direction=direction), ROUNDS)


def cross() -> dict[str, Any]:
    return crosses(specs.cross(), specs.cross_sets())


def quick() -> dict[str, Any]:
    """The crosses with short averages: how much the orders take."""
    return crosses(specs.quick_cross(), specs.quick_cross_sets())


def lone() -> dict[str, Any]:
    """Crosses of which no two share an average."""
    return crosses(specs.lone_cross(), specs.lone_cross_sets())


def turns() -> dict[str, Any]:
    """Crosses long and short, by targets."""
    return crosses(specs.turns(), specs.cross_sets(), "both")


def bracket(market_fill: str) -> dict[str, Any]:
    import peer_sweeps

    f = frame()
    run = lambda *a: peer_sweeps.exits(f, peer_sweeps.cross_signals, *a)  # noqa: E731
    return compare(specs.bracket(market_fill), specs.exit_sets(), run, ROUNDS)


def reversion() -> dict[str, Any]:
    import peer_sweeps

    f = frame()
    run = lambda *a: peer_sweeps.exits(f, peer_sweeps.reversion_signals, *a)  # noqa: E731
    return compare(specs.reversion(), specs.exit_sets(), run, ROUNDS)


def assets() -> dict[str, Any]:
    import peer_sweeps

    made = regimes(specs.BARS, specs.SEED, symbols=specs.ASSETS)
    frames = [peer_sweeps.Frame(b) for b in made]
    found = compare(
        specs.assets(), list(specs.ASSET_FAST), lambda sets, _, *say: peer_sweeps.assets(frames, sets, *say), 4
    )
    return found | {"bars": specs.BARS * len(specs.ASSETS)}


def perpetual() -> dict[str, Any]:
    """The crosses again where margin is watched and funding is paid."""
    os.environ["HURACAN_THREADS"] = "1"
    spec = specs.cross("ETH/USDT:USDT")
    hand_over(spec)
    huracan.sweep(spec)
    return {"ours": [vars(timed(lambda: huracan.sweep(spec))[1]) for _ in range(3)], "sets": 1000, "bars": specs.BARS}


def threads() -> dict[str, Any]:
    """One thread and two in turn; `main` is the processor time of the thread that only hands out the work.

    `apart`: seconds by the clock until two processes have each done the sweep of one thread at once. They share
    nothing but the machine, so what they lose is what it does not give to two.
    """
    spec = specs.cross()
    hand_over(spec)
    huracan.sweep(spec)
    out: dict[str, Any] = {"1": [], "2": [], "main": [], "apart": []}
    with another("sweeps_on_call") as ask:
        for _ in range(THREAD_ROUNDS):
            for n in ("1", "2"):
                os.environ["HURACAN_THREADS"] = n
                mine = time.thread_time()
                out[n].append(vars(timed(lambda: huracan.sweep(spec))[1]))
            out["main"].append(time.thread_time() - mine)
            os.environ["HURACAN_THREADS"] = "1"
            out["apart"].append(timed(lambda: ask(lambda: huracan.sweep(spec)))[1].wall)
    return out


@contextlib.contextmanager
def another(name: str) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """A second process with a function of this file, which works once whenever it is asked, beside what is given."""
    command = [sys.executable, __file__, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        asked, done = child.stdin, child.stdout
        assert asked is not None
        assert done is not None
        done.readline()  # it is warm

        def ask(work: Callable[[], Any]) -> None:
            asked.write("\n")
            asked.flush()
            work()
            done.readline()

        yield ask
        asked.close()
        done.read()


def sweeps_on_call() -> dict[str, Any]:
    """One sweep on one thread for every line on stdin."""
    os.environ["HURACAN_THREADS"] = "1"
    spec = specs.cross()
    hand_over(spec)
    huracan.sweep(spec)
    print("warm", flush=True)
    count = 0
    for _ in sys.stdin:
        huracan.sweep(spec)
        print("done", flush=True)
        count += 1
    return {"sweeps": count}


def sweep_only(n: str) -> dict[str, Any]:
    """A sweep and nothing else, for the memory of the whole process."""
    os.environ["HURACAN_THREADS"] = n
    return {"sets": huracan.sweep(specs.cross()).sets}


def peer_only(size: str) -> dict[str, Any]:
    """vectorbt's sweep of a few slices, for the memory of the whole process."""
    import peer_sweeps

    sets = specs.cross_sets()[: max(3 * int(size), 32)]
    return {"sets": len(peer_sweeps.cross(frame(), sets, int(size))["trades"])}


def compiling(use: str, symbol: str, kind: str) -> dict[str, Any]:
    """What linking and compiling take: a first run less a second one, both of 2,000 bars that are there already."""
    regimes(2000, specs.SEED)
    data = {"synthetic": "regimes", "bars": 2000, "symbol": symbol}
    sweep = {"take": [0.01, 0.02]} if "bracket" in use else {"fast": [5, 10]}
    spec = {"run": {"seed": specs.SEED}, "data": data, "strategy": {"use": use}}
    run = (lambda: huracan.backtest(spec)) if kind == "backtest" else (lambda: huracan.sweep(spec | {"sweep": sweep}))
    first, again = timed(run)[1], timed(run)[1]
    return {"cpu": first.cpu - again.cpu, "wall": first.wall - again.wall, "again": again.cpu}


def scaling_whole(sets: str, bars: str) -> dict[str, Any]:
    """One sweep into a folder, on one thread."""
    import scaling

    os.environ["HURACAN_THREADS"] = "1"
    os.environ["HURACAN_VECTOR"] = "always"  # the length would decide, and what is compiled already: one line, one way
    return scaling.whole(int(sets), int(bars))


def scaling_million() -> dict[str, Any]:
    """A part of a million sets over a year of minutes."""
    import scaling

    return scaling.part_of_a_million()


def cluster_shards() -> dict[str, Any]:
    """Shards of ten seconds on threads and on a Ray cluster."""
    import cluster_side

    return cluster_side.shards()


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
