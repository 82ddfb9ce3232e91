"""Measured and drawn latencies on order books, against cases worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.book_build import build_book
from huracan.book_lanes import drive_book
from huracan.book_machine import Kept, block_of
from huracan.sim.book_tape import BookTape, build_book_tape
from huracan.sim.declare import param, strategy
from huracan.sim.feed import Feed
from huracan.sim.layout import fill
from huracan.sim.orders import buy
from huracan.sim.random_numbers import LATENCY, normal
from huracan.sim.series import Rules
from tests.sim.test_book_engines import MS, spec_of

SENT = (40, 100, 130, 175, 200, 290, 300, 301, 350)  # ms after the first stamp
NEWS = 2_000  # local stamps, a tenth of a millisecond apart


def quiet() -> BookTape:
    """A book that says the same again and again, every tenth of a millisecond."""
    n = 2 * NEWS
    side = np.tile([1, -1], NEWS)
    ts = 1_700_000_000_000_000_000 + (np.arange(n) // 2) * (MS // 5)
    qty = 1000.0 + np.arange(n) // 2 % 2
    return build_book_tape([
        Feed("X", np.zeros(n, np.int8), side.astype(np.int8), np.full(n, 0, np.uint8), 100.0 - side, qty, ts, ts,
             Rules("linear", 1, 1, 1.0)),
    ])  # fmt: skip


@strategy(
    params={"step_ms": param(1.0, 0.001)},
    state={"sent": 0, "known": 0, "at": [0] * 16, "heard": [0] * 16},
    needs="book",
    clock="step_ms",
)
def sender(ctx):
    """Buys one at nine instants, and writes down when it knew of the fills."""
    ms = ctx.acct.row
    if ms in (40, 100, 130, 175, 200, 290, 300, 301, 350):
        buy(ctx, 1.0)
        ctx.u.at[ctx.u.sent] = ctx.acct.ts_ns
        ctx.u.sent += 1
    for _ in range(9):
        if ctx.u.known < 9 and ctx.pos.qty > ctx.u.known:
            ctx.u.heard[ctx.u.known] = ctx.acct.ts_ns
            ctx.u.known += 1


def run(tape: BookTape, **more: Any) -> tuple[list[int], list[int]]:
    """(when each order filled, when that was first known), in ns after the first stamp."""
    spec = spec_of(strategy__use=sender, strategy__params={"step_ms": 1.0}, **more)
    machine = build_book(spec, tape, record=True)
    block, kept = block_of(machine, [spec]), Kept(machine)
    drive_book(machine, block, kept.rec, on_full=kept.empty)
    u = np.asarray(block.lanes.u)[0]
    assert [int(at) - tape.start_ns for at in u["at"][: len(SENT)]] == [ms * MS for ms in SENT]
    filled = [int(ts) - tape.start_ns for ts in kept.all(0, fill)["ts_ns"]]
    assert len(filled) == len(SENT) == int(u["known"])
    return filled, [int(ts) - tape.start_ns for ts in u["heard"][: len(SENT)]]


def next_step(ns: float) -> int:
    """The first millisecond at or after."""
    return math.ceil(ns / MS) * MS


def test_measured_latencies_are_interpolated_held_at_both_ends_and_never_overtake(tmp_path: Path) -> None:
    tape = quiet()
    base = tape.start_ns
    rows = [(100, 10.0, 4.0), (200, 30.0, 8.0), (300, 90.0, 8.0), (320, 2.0, 1.0)]
    lines = [f"{base + ms * MS},{entry},{response}" for ms, entry, response in rows]
    (tmp_path / "late.csv").write_text("\n".join(["time,entry_ms,response_ms", *lines]) + "\n")
    filled, heard = run(tape, venue__latency_ms=str(tmp_path / "late.csv"))
    # 40: before the first row. 130: 10 + 0.3 x 20. 175: 10 + 0.75 x 20. 290: 30 + 0.9 x 60. 300: the row itself.
    # 301: 90 - 88 / 20, but none overtakes the one before. 350: after the last row.
    by_hand = [40 + 10, 100 + 10, 130 + 16, 175 + 25, 200 + 30, 290 + 84, 300 + 90, 300 + 90, 300 + 90]
    assert filled == [ms * MS for ms in by_hand]
    # answers take what was measured when they leave: at 50, 110, 146, 200, 230, then after the last row
    answers = [4.0, 4.4, 4.0 + 0.46 * 4.0, 8.0, 8.0, 1.0, 1.0, 1.0, 1.0]
    due = [next_step((ms + late) * MS) for ms, late in zip(by_hand, answers, strict=True)]
    assert heard == due


def test_drawn_latencies_are_log_normal_with_the_median_given() -> None:
    tape = quiet()
    delay = {"entry": 5.0, "response": 3.0, "entry_sigma": 0.4, "response_sigma": 0.0}
    filled, heard = run(tape, venue__latency_ms=delay)
    arrive, by_hand = 0, []
    for number, ms in enumerate(SENT):
        draw = float(normal(0, 0, 2 * number, LATENCY))
        arrive = max(ms * MS + int(5.0 * MS * math.exp(0.4 * draw)), arrive)
        by_hand.append(arrive)
    assert filled == pytest.approx(by_hand, abs=2)  # exp of portable_math may differ in its last bit
    assert len({f - ms * MS for f, ms in zip(filled, SENT, strict=True)}) > 5
    assert heard == [next_step(ns + 3.0 * MS) for ns in filled]


def test_constant_latencies_are_what_they_say() -> None:
    filled, heard = run(quiet(), venue__latency_ms={"entry": 7.25, "response": 2.5})
    assert filled == [ms * MS + 7 * MS + MS // 4 for ms in SENT]
    assert heard == [next_step(ns + 2.5 * MS) for ns in filled]
