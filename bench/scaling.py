"""How the cost of a sweep grows with its sets and its bars: a table, and docs/scaling.svg on logarithmic axes."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench_page import Table
from bench_tables import reached
from measure import ROOT, worker

SETS = (1_000, 10_000, 100_000, 1_000_000)
BARS = (1_000, 10_000, 100_000, 1_000_000)
FEW_BARS, FEW_SETS = 5_000, 2_000
YEAR = 525_600
BLOCKS = 2  # of the million sets over a year of minutes that are run
PLOT = ROOT / "docs" / "scaling.svg"
WORDS = """One sweep of crosses each, from the spec to its finished files, in a process of its own on one thread;
seconds of processor, less those of a sweep of two sets. *running*: the lanes over the bars, and
their parts onto the disk. *whole*: with the table and what the best is worth, which is judged on all sets up to 10,000
and on so many of more. *ns*: running, for one bar of one set; the fewer bars, the more of it is each set's own row. The
last row runs {blocks} blocks of a million sets over a year of minutes ({bars:,} bars) as the sweep deals them out
and extrapolates from them: sets, not bars.

![cost](scaling.svg)"""


def spec(sets: int, bars: int) -> dict[str, Any]:
    """So many crosses over so many bars."""
    side = max(round(math.sqrt(sets)), 1)
    data = {"synthetic": "regimes", "bars": bars, "symbol": "ETH/USDT", "rules": {"kind": "spot", "tick": 1e-8}}
    fast = {"from": 2, "to": side + 1, "step": 1}
    slow = {"from": side + 2, "to": side + 1 + sets // side, "step": 1}
    sweep = {"fast": fast, "slow": slow}
    return {
        "run": {"seed": 7},
        "data": data,
        "strategy": {"use": "sma_cross", "params": {"qty": 1.0}},
        "sweep": sweep,
    }


def whole(sets: int, bars: int) -> dict[str, float]:
    """A sweep into a folder: seconds of processor, those of its blocks alone, and sets."""
    import huracan
    from huracan import sweeping

    running: list[float] = []
    run_blocks = sweeping.run_blocks

    def watched(*arguments: Any) -> None:
        began = time.process_time()
        run_blocks(*arguments)
        running.append(time.process_time() - began)

    sweeping.run_blocks = watched
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HURACAN_STORE"] = str(Path(folder) / "store")
        huracan.sweep(spec(2, bars), out=Path(folder) / "warm")
        spent = []
        for number, each in enumerate((2, sets)):
            began = time.process_time()
            found = huracan.sweep(spec(each, bars), out=Path(folder) / str(number))
            spent.append(time.process_time() - began)
            made = found.sets  # while the table is there
    return {"seconds": spent[1] - spent[0], "running": running[2] - running[1], "sets": made, "bars": bars}


def part_of_a_million() -> dict[str, float]:
    """Some blocks of a million sets over a year of minutes."""
    from itertools import islice

    from huracan.spec import load_spec
    from huracan.sweep_blocks import blocks, deal_for
    from huracan.sweep_job import prepare
    from huracan.sweep_parts import Parts
    from huracan.sweeping import Pace, run_and_keep

    job = prepare(load_spec(spec(1_000_000, YEAR)))
    dealt = blocks(job.sets, deal_for(len(job.sets), YEAR, 1, 2))
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(Path(folder), "bench")
        run_and_keep(job, next(dealt), parts, Pace())  # compiles
        began, sets = time.process_time(), 0
        for block in islice(dealt, BLOCKS):
            run_and_keep(job, block, parts, Pace())
            sets += len(block.numbers)
    spent = time.process_time() - began
    return {"seconds": spent, "running": spent, "sets": sets, "bars": YEAR}


def scaling() -> Table:
    """The table; the plot is written beside the page."""
    by_sets = [worker("scaling_whole", str(n), str(FEW_BARS)) for n in SETS]
    by_bars = [worker("scaling_whole", str(FEW_SETS), str(n)) for n in BARS]
    million, cost = worker("scaling_million")
    rows: list[tuple[Any, ...]] = []
    for (found, spent), n in zip(by_sets, SETS, strict=True):
        met = reached(spent.megabytes < 600.0) if n == SETS[-1] else ""
        rows.append((f"{n:,} sets x {FEW_BARS:,} bars", *figures(found), f"{spent.megabytes:.0f} MB", met))
    for (found, spent), n in zip(by_bars, BARS, strict=True):
        rows.append((f"{FEW_SETS:,} sets x {n:,} bars", *figures(found), f"{spent.megabytes:.0f} MB", ""))
    minutes = million["seconds"] / million["sets"] * 1e6 / 60.0 / 2.0
    said = f"extrapolated: {minutes:.0f} minutes on two cores"
    name = f"{million['sets']:,} of 1,000,000 sets x a year of minutes; {said}"
    rows.append((name, *figures(million), f"{cost.megabytes:.0f} MB", reached(minutes < 30.0)))
    series = [
        ("sets", [(f["sets"], f["running"]) for f, _ in by_sets]),
        ("bars", [(f["bars"], f["running"]) for f, _ in by_bars]),
    ]
    PLOT.write_text(plot(series), encoding="utf-8")
    columns = ("sweep", "running", "whole", "ns", "peak of the process", "reached")
    return Table("Linear in sets and in bars", WORDS.format(blocks=BLOCKS, bars=YEAR), columns, rows)


def figures(found: dict[str, float]) -> tuple[str, str, str]:
    """Seconds running and in all, and nanoseconds a bar and set."""
    ns = found["running"] / found["sets"] / found["bars"] * 1e9
    return f"{found['running']:.2f} s", f"{found['seconds']:.2f} s", f"{ns:.1f}"


def plot(series: Sequence[tuple[str, Sequence[tuple[float, float]]]], width: int = 640, height: int = 400) -> str:
    """Points and lines on doubly logarithmic axes, with dotted lines along which cost is proportional."""
    points = [(x, max(y, 1e-4)) for _, found in series for x, y in found]
    low_x, high_x = (math.log10(f(x for x, _ in points)) for f in (min, max))
    low_y, high_y = (
        math.floor(math.log10(min(y for _, y in points))),
        math.ceil(math.log10(max(y for _, y in points))),
    )
    left, right, top, bottom = 60, width - 40, 30, height - 50

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - low_x) / (high_x - low_x)
        up = (math.log10(max(y, 1e-4)) - low_y) / max(high_y - low_y, 1)
        return round(left + across * (right - left), 1), round(bottom - up * (bottom - top), 1)

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">']
    lines += [f'<rect width="{width}" height="{height}" fill="#fff"/><g font-size="12" fill="#555">']
    for power in range(math.ceil(low_x), math.floor(high_x) + 1):
        x, _ = at(10.0**power, 10.0**low_y)
        lines.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(low_y, high_y + 1):
        _, y = at(10.0**low_x, 10.0**power)
        lines.append(f'<path d="M{left} {y}H{right}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g} s</text>')
    lines.append(f'<text x="{(left + right) / 2}" y="{height - 12}" text-anchor="middle">sets, or bars</text></g>')
    for (name, found), colour in zip(series, ("#0b5cad", "#c4561a"), strict=True):
        path = "M" + "L".join("{} {}".format(*at(x, y)) for x, y in found)
        lines.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += ['<circle cx="{}" cy="{}" r="4" fill="{}"/>'.format(*at(x, y), colour) for x, y in found]
        (first_x, _), (last_x, last_y) = found[0], found[-1]
        ends = [at(first_x, last_y * first_x / last_x), at(last_x, last_y)]
        lines.append('<path d="M{} {}L{} {}" stroke="{}" stroke-dasharray="2 4"/>'.format(*ends[0], *ends[1], colour))
        x, y = at(last_x, last_y)
        lines.append(f'<text x="{x - 8}" y="{y - 8}" font-size="13" fill="{colour}" text-anchor="end">by {name}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
