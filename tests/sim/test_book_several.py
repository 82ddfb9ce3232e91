"""Books of several venues in one tape: each is matched by its own exchange's clock, and none knows of the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from huracan.book_machine import run_on_tape
from huracan.sim.book_layout import Told
from huracan.sim.book_tape import BookTape, build_book_tape
from huracan.sim.declare import param, strategy
from huracan.sim.feed import Feed
from huracan.sim.orders import buy, keep, sell
from tests.sim.test_book_engines import MS, random_feed, spec_of


@strategy(params={"step_ms": param(5.0), "most": param(20.0)}, state={"n": [0] * 4}, needs="book", clock="step_ms")
def each_by_itself(ctx):
    """Quotes both sides of the own book, and leaves at market where it holds too much."""
    b = ctx.book
    if b.mid != b.mid:
        return
    keep(ctx, 1, b.bid, 3.0 if ctx.pos.qty < ctx.p.most else 0.0)
    keep(ctx, -1, b.ask, 3.0 if ctx.pos.qty > -ctx.p.most else 0.0)
    ctx.u.n[ctx.me] += 1
    if ctx.u.n[ctx.me] % 40 == 0 and ctx.pos.qty != 0.0:
        if ctx.pos.qty > 0.0:
            sell(ctx, ctx.pos.qty)
        else:
            buy(ctx, -ctx.pos.qty)


def feeds() -> list[Feed]:
    """Three markets that begin at one instant; the second's news take long, the third is quick and ends early."""
    out = []
    for seed, (symbol, venue, late, rows) in enumerate((("A", "x", 0, 1500), ("B", "y", 30, 1500), ("A", "z", 0, 900))):
        made = random_feed(seed + 20, rows)
        base = int(min(made.exch_ns.min(), made.local_ns.min())) - 1_700_000_000_000_000_000
        exch, local = made.exch_ns - base, made.local_ns - base + late * MS
        out.append(replace(made, symbol=symbol, venue=venue, exch_ns=exch, local_ns=local))
    return out


def fills_of(tape: BookTape, inst: int, response: float, until: int) -> list[tuple[Any, ...]]:
    """Those of one instrument, up to the end of its own feed: behind it a run goes on while others have news."""
    spec = spec_of("power:2", True, 7.0, response, strategy={"use": each_by_itself, "params": {"step_ms": 5.0}})
    rows = run_on_tape(spec, tape).fill_rows
    return [
        tuple(f[n] for n in ("ts_ns", "side", "qty", "price", "maker"))
        for f in rows
        if f["inst"] == inst and f["ts_ns"] < until
    ]


@pytest.mark.parametrize("response", [0.0, 4.0])
def test_a_book_among_others_fills_as_alone(response: float) -> None:
    together = build_book_tape(feeds())
    assert together.venues == ("x", "y", "z")
    for k, feed in enumerate(feeds()):
        until = int(min(feed.exch_ns.max(), feed.local_ns.max())) - 50 * MS
        alone = fills_of(build_book_tape([feed]), 0, response, until)
        assert len(alone) > 60
        assert {f[4] for f in alone} == {0, 1}
        assert fills_of(together, k, response, until) == alone


def test_each_stream_is_in_the_order_of_its_own_clock() -> None:
    tape = build_book_tape(feeds())
    for stream in (tape.exchange, tape.local):
        assert (np.diff(stream["ts_ns"].astype(np.float64)) >= 0).all()
        inst = stream["key"][:-1].astype(np.int64) >> 3 >> tape.width >> 1
        assert (np.diff(inst) != 0).sum() > 1000  # they stand mixed
        assert np.bincount(inst, minlength=3).min() > 500
    first = []
    for stream in (tape.exchange, tape.local):
        second = stream[:-1][stream["key"][:-1].astype(np.int64) >> 3 >> tape.width >> 1 == 1]
        first.append(int(second["ts_ns"][0]))
    assert first[1] - first[0] >= 30 * MS
    assert {int(k) & 7 for k in tape.exchange["key"][:-1]} == {Told.DEPTH, Told.BEST, Told.TRADE, Told.CLEAR}
