"""`make bench-l2`: events a second on order books beside hftbacktest, in one run; writes docs/BENCHMARKS_L2.md.

Both sides are timed by process time on one thread, feed in memory, best of some repeats, taken in turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import measure
import numpy as np
from market import ROOT
from parity_l2 import Market, job, markets, peer, spec_of

from huracan.book_build import build_book
from huracan.book_lanes import book_recorder, drive_book
from huracan.book_machine import block_of
from huracan.sim.codes import NO_FREE_SLOT
from huracan.spec import load_spec
from huracan.spec_records import Spec

REPEATS = 3
LANES = 64
SLOTS = 16  # more than these cases ever have orders at work and under way


def nanoseconds(market: Market, specs: list[Spec], *, deep: bool) -> float:
    """Process time of a run over the tape, best of the repeats."""
    machine = build_book(specs[0], market.tape, record=False, deep=deep)
    best = float("inf")
    for i in range(REPEATS + 1):
        block = block_of(machine, specs)
        began = time.process_time_ns()
        drive_book(machine, block, book_recorder(False, 0))
        if i:  # the first may compile
            best = min(best, time.process_time_ns() - began)
        refused = sum(int(a["counts"][:, NO_FREE_SLOT].sum()) for a in (block.lanes.acct, block.lanes.own_acct))
        if refused:
            raise RuntimeError(f"{refused} orders found no slot: the peer sent them, so give more SLOTS")
    return best


def lanes_of(spec: Spec) -> list[Spec]:
    """Sixty-four sets of the same strategy: distances, quantities and caps."""
    out = []
    for i in range(LANES):
        params = dict(spec.strategy.params)
        params |= {"half_ticks": i % 4, "qty": params["qty"] * (1 + i // 4 % 4)}
        params |= {"max_position": params["max_position"] * (1 + i // 16)}
        strategy = spec.strategy.model_copy(update={"params": params})
        out.append(load_spec(spec.model_copy(update={"strategy": strategy})))
    return out


def rows(market: Market) -> list[str]:
    """Table lines of one market."""
    out = []
    for step_ms in (100.0, 10.0):
        one = job(market, "power:2", 10.0, step_ms)
        asked: list[dict[str, Any]] = [one | {"depth": depth, "repeats": REPEATS} for depth in ("hash", "roi")]
        theirs = peer(market, asked)
        events = theirs[0]["rows"]
        fast = min(t["ns"] for t in theirs) / events
        spec = spec_of(one, SLOTS)
        touch, both = (nanoseconds(market, [spec], deep=deep) / events for deep in (False, True))
        many = nanoseconds(market, lanes_of(spec), deep=False) / events / LANES
        out.append(
            f"| {market.name} | {step_ms:g} | {theirs[0]['ns'] / events:.1f} | {theirs[1]['ns'] / events:.1f} | "
            f"{both:.1f} | {fast / both:.1f} | {touch:.1f} | {fast / touch:.1f} | {many:.2f} | {fast / many:.0f} |"
        )
        print(out[-1], flush=True)
    return out


# A maker that nobody has compiled before, in a process and a cache of its own; what its tape needs is compiled first.
NEW_MAKER = """
import sys, time
from huracan.book_machine import run_on_tape
from huracan.load_book import load_book_tape
from huracan.spec import load_spec
spec = load_spec({"data": {"synthetic": "book", "seconds": 5.0}, "strategy": {"use": sys.argv[1]}})
tape = load_book_tape(spec)
began = time.process_time()
run_on_tape(spec, tape)
print(time.process_time() - began)
"""
MAKER = """from huracan import book_imbalance, bracket, keep, param, strategy


@strategy(params=dict(qty=param(0.5, 0.0), step_ms=param(100.0, 1.0)), state=dict(n=0), needs="book", clock="step_ms")
def leaner(ctx):
    b = ctx.book
    lean = book_imbalance(ctx, 5)
    ctx.u.n += 1
    keep(ctx, 1, b.bid, ctx.p.qty if lean > -0.3 else 0.0)
    keep(ctx, -1, b.ask, ctx.p.qty if lean < 0.3 else 0.0)
    if ctx.u.n % 40 == 0 and lean > 0.5:
        bracket(ctx, 1, ctx.p.qty, take=b.mid * 1.0002, stop=b.mid * 0.9998, max_hold=2)
"""


def compile_seconds(use: str) -> float:
    """Processor seconds of a first backtest, its tape left out."""
    with tempfile.TemporaryDirectory() as folder:
        if use == "leaner":
            (Path(folder) / "maker.py").write_text(MAKER)
            use = f"{folder}/maker.py:leaner"
        own = {"HURACAN_CACHE": f"{folder}/stubs", "NUMBA_CACHE_DIR": f"{folder}/numba"}
        command = [sys.executable, "-c", NEW_MAKER, use]
        done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=True)
    return float(done.stdout)


HEAD = """# Order books: speed beside hftbacktest

Written by `make bench-l2` on {date}: {machine}. `touch_maker`, power:2, 10 ms each way, one thread;
nanoseconds of process time an event of hftbacktest's own feed, best of {repeats}, in one run. Ratios are against its
faster depth. *both books*: the exchange's and the local one; *touch*: best prices only; *64 lanes*: an event and lane.

| feed | step ms | hash | roi | both books | ratio | touch | ratio | 64 lanes | ratio |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
"""
TAIL = """
Memory: {memory:.1f} bytes an event of the real feed with both streams and all bests, 64 in hftbacktest.

A first backtest of a maker that is compiled for it takes {maker:.1f} s of processor (`touch_maker`), {leaner:.1f} s
with brackets, stops and the local book's depth; the second finds it on the disk.

What limits it: an event is one store into the book, a look whether anybody rests there, and a branch on its kind that
can't be guessed; a step of a lane walks its order slots and its reports, and is left out where touch and reports are as
they were and it did nothing. Reading, packing and marking a tape is outside both sides' clocks.
"""


def main() -> int:
    found = markets(sys.argv[1:])
    lines = [line for market in found for line in rows(market)]
    if len(sys.argv) == 1:
        head = HEAD.format(date=datetime.now(UTC).date(), machine=measure.machine(), repeats=REPEATS)
        memory = float(np.mean([m.tape.bytes_an_event for m in found]))
        seconds = {name: compile_seconds(use) for name, use in (("maker", "touch_maker"), ("leaner", "leaner"))}
        print(seconds)
        path = ROOT / "docs" / "BENCHMARKS_L2.md"
        path.write_text(head + "\n".join(lines) + "\n" + TAIL.format(memory=memory, **seconds), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
