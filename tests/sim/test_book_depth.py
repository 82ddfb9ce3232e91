"""What strategies read of a local book beyond its best prices, against the same counted by brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from huracan.book_build import build_book
from huracan.book_machine import block_of, run_lanes
from huracan.sim.book_depth import book_imbalance, depth_bps, depth_ticks, sweep_price
from huracan.sim.book_tape import BookTape, build_book_tape
from huracan.sim.declare import gate, param, strategy
from huracan.sim.language import check_language
from huracan.sim.orders import buy
from huracan.sim.refusal import Refused
from tests.book_engine import TRADE, Book
from tests.sim.test_book_engines import MS, events_of, random_feed, spec_of

STEPS = 300
NAMES = ("levels", "bids", "asks", "near_bids", "near_asks", "cost", "gain")


@strategy(
    params={"step_ms": param(9.0), "levels": param(3, 1), "ticks": param(4, 0), "bps": param(3.0), "qty": param(1.0)},
    state={"n": 0} | {name: [0.0] * STEPS for name in NAMES},
    needs="book",
    clock="step_ms",
)
def reader(ctx):
    """Write down what is read."""
    n = ctx.u.n
    if n < 300:
        ctx.u.levels[n] = book_imbalance(ctx, ctx.p.levels)
        ctx.u.bids[n] = depth_ticks(ctx, 1, ctx.p.ticks)
        ctx.u.asks[n] = depth_ticks(ctx, -1, ctx.p.ticks)
        ctx.u.near_bids[n] = depth_bps(ctx, 1, ctx.p.bps)
        ctx.u.near_asks[n] = depth_bps(ctx, -1, ctx.p.bps, inst=0)
        ctx.u.cost[n] = sweep_price(ctx, 1, ctx.p.qty)
        ctx.u.gain[n] = sweep_price(ctx, -1, ctx.p.qty)
        ctx.u.n += 1


@strategy(params={"step_ms": param(9.0, 0.001)}, needs="book", clock="step_ms")
def touch_reader(ctx):
    """Reads best prices only."""
    if ctx.book.ask - ctx.book.bid > 1e9:
        buy(ctx, 1.0)


@gate(params={"least": param(0.0)}, reasons=("the other side is thin",))
def deep_enough(ctx, want):
    """Reads depth, so the local book is kept for it."""
    return 1 if depth_ticks(ctx, -want.side, 5, inst=want.inst) < ctx.p.least else 0


def sides(book: Book) -> dict[int, list[tuple[int, int]]]:
    """(tick, lots) from each side's best on, best first."""
    found = {}
    for side in (1, -1):
        best = book.best[side]
        levels = [(t, q) for t, q in book.levels[side].items() if q > 0 and best is not None and (best - t) * side >= 0]
        found[side] = sorted(levels, key=lambda level: -level[0] * side)
    return found


def brute(tape: BookTape, p: dict[str, Any]) -> list[dict[str, float]]:
    """The same features at the same instants, from a dictionary of levels."""
    book, events, out = Book(), events_of(tape, tape.local), []
    due, i = tape.start_ns, 0
    while due < tape.last_local_ns and len(out) < STEPS:
        due += round(p["step_ms"] * MS)
        while i < len(events) and events[i].ts <= due:
            if events[i].kind != TRADE:
                book.apply(events[i])
            i += 1
        levels = sides(book)
        both = [sum(q for _, q in levels[s][: p["levels"]]) for s in (1, -1)]
        mid = 0.5 * (levels[1][0][0] + levels[-1][0][0]) if all(both) else math.nan
        row = {"levels": (both[0] - both[1]) / sum(both) if all(both) else math.nan}
        for side, far, near, sweep in ((1, "bids", "near_bids", "gain"), (-1, "asks", "near_asks", "cost")):
            own = levels[side]
            row[far] = float(sum(q for t, q in own if abs(t - own[0][0]) <= p["ticks"]))
            limit = mid * (1.0 - side * p["bps"] / 1e4)
            row[near] = float(sum(q for t, q in own if (t - limit) * side >= 0)) if mid == mid else math.nan
            left, paid = p["qty"], 0.0
            for t, q in own:
                took = min(left, q)
                paid, left = paid + took * t, left - took
            row[sweep] = paid / p["qty"] if left <= 0 else math.nan
        out.append(row)
    return out


@pytest.mark.parametrize("seed", [0, 1])
def test_depth_is_what_brute_force_counts(seed: int) -> None:
    tape = build_book_tape([random_feed(seed, 900)])
    params = [
        {"step_ms": 9.0, "levels": 1, "ticks": 0, "bps": 0.5, "qty": 1.0},
        {"step_ms": 9.0, "levels": 3, "ticks": 4, "bps": 3.0, "qty": 100.0},
        {"step_ms": 9.0, "levels": 50, "ticks": 40_000, "bps": 9_000.0, "qty": 260.0},
    ]
    block = run_lanes([spec_of(strategy__use=reader, strategy__params=p) for p in params], tape)
    for lane, p in enumerate(params):
        told = brute(tape, p)
        u = np.asarray(block.lanes.u)[lane]
        assert int(u["n"]) == len(told) > 200
        for name in NAMES:
            assert u[name][: len(told)].tolist() == pytest.approx([row[name] for row in told], nan_ok=True), (
                lane,
                name,
            )
    cost = np.asarray(block.lanes.u)[2]["cost"][:200]
    assert np.isnan(cost).any()
    assert np.isfinite(cost).any()


def test_the_local_book_is_kept_only_where_depth_is_read() -> None:
    tape = build_book_tape([random_feed(2, 300)])
    shallow = build_book(spec_of(strategy__use=touch_reader, strategy__params={}), tape, record=False)
    assert shallow.linked.groups.deep == 0
    assert len(block_of(shallow, [shallow.spec]).shown.local) == 1
    gated = spec_of(strategy__use=touch_reader, strategy__params={}, gates=[{"use": deep_enough}])
    for spec in (spec_of(strategy__use=reader, strategy__params={}), gated):
        assert build_book(spec, tape, record=False).linked.groups.deep == 1


def test_depth_is_refused_where_there_is_no_book() -> None:
    @strategy(params={})
    def on_bars(ctx):
        """Asks for what a bar does not have."""
        if depth_ticks(ctx, 1, 3) > 0.0:
            buy(ctx, 1.0)

    with pytest.raises(Refused, match="reads an order book"):
        check_language(on_bars)
