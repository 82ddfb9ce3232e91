"""Law 6 on order books: for fixed orders, one a lane, worse is never better."""

from __future__ import annotations

from typing import Any

import numpy as np

from huracan.book_build import build_book
from huracan.book_lanes import drive_book, run_until
from huracan.book_machine import Kept, block_of, run_on_tape
from huracan.sim.book_tape import build_book_tape
from huracan.sim.codes import IOC
from huracan.sim.declare import param, strategy
from huracan.sim.layout import NEVER, fill
from huracan.sim.orders import buy, limit, sell
from huracan.sim.prices import price_of_tick
from tests.sim.test_book_engines import random_feed, spec_of

LANES, ROWS, LOOKS = 40, 900, 60


@strategy(
    params={"step_ms": param(5.0, 0.001), "at": param(1, 1), "away": param(0), "side": param(1), "qty": param(9.0)},
    needs="book",
    clock="step_ms",
)
def one_order(ctx):
    """One limit order, in a step and at a distance that are given."""
    b = ctx.book
    if ctx.acct.row == ctx.p.at and b.mid == b.mid:
        tick = b.bid_tick - ctx.p.away if ctx.p.side > 0 else b.ask_tick + ctx.p.away
        limit(ctx, 1 if ctx.p.side > 0 else -1, ctx.p.qty, price_of_tick(ctx.rules[0], tick))


def filled(seed: int, queue: str = "power:2", entry: float = 0.0, fee: float = 1.0) -> tuple[Any, Any]:
    """(how much of each lane's order had filled at each of some instants, fees at the end)."""
    tape = build_book_tape([random_feed(seed, ROWS)])
    specs = []
    for lane in range(LANES):
        params = {"at": 3 + 11 * lane, "away": lane % 4, "side": 1 if lane % 2 else -1, "qty": 5.0 + lane}
        more: dict[str, Any] = {"strategy__use": one_order, "strategy__params": params}
        specs.append(spec_of(queue, True, entry, 0.0, venue__fee_maker_bps=fee, venue__fee_taker_bps=fee, **more))
    machine = build_book(specs[0], tape, record=False, also=specs[1:])
    block = block_of(machine, specs)
    seen = []
    for stop in np.linspace(tape.start_ns, tape.end_ns, LOOKS).astype(np.int64).tolist():
        run_until(machine, block, None, stop)
        seen.append(np.abs(np.asarray(block.lanes.positions["qty"])[:, 0]))
    drive_book(machine, block, None, stops=(NEVER,))
    seen.append(np.abs(np.asarray(block.lanes.positions["qty"])[:, 0]))
    return np.stack(seen), np.asarray(block.lanes.acct["fees"])


def test_more_queue_ahead_never_fills_earlier_or_more() -> None:
    """Against the model with power 1: power2 and log may put an order back by the part of a lot that it was ahead."""
    worst, _ = filled(26, "risk_averse")
    better, _ = filled(26, "power:1")
    assert (worst <= better).all()
    assert (worst < better).any()
    assert (worst[-1] > 0.0).sum() > 10
    assert ((worst > 0.0) & (worst < worst[-1])).any()  # some filled in pieces


def test_more_entry_latency_never_fills_earlier() -> None:
    before, _ = filled(23, "risk_averse", 0.0)
    for entry in (3.0, 20.0, 90.0):
        later, _ = filled(23, "risk_averse", entry)
        assert (later <= before).all(), entry
        assert (later < before).any(), entry
        before = later


def test_more_fee_never_costs_less() -> None:
    one, cheap = filled(24, fee=1.0)
    two, dear = filled(24, fee=3.0)
    assert np.array_equal(one, two)
    assert (dear >= cheap).all()
    assert (dear > cheap).sum() > 10


@strategy(params={"step_ms": param(20.0, 0.001)}, needs="book", clock="step_ms")
def takers(ctx):
    """Takes this way and that by a fixed plan, at market and up to a price."""
    b = ctx.book
    if b.mid == b.mid:
        n = ctx.acct.row % 6
        qty = 2.0 + ctx.acct.row % 7
        if n < 3:
            buy(ctx, qty)
        elif n == 3:
            limit(ctx, 1, qty, b.ask + 1.0, tif=IOC)
        elif n == 4:
            sell(ctx, 3.0 * qty)
        else:
            limit(ctx, -1, qty, b.bid - 2.0, tif=IOC)


def test_more_permanent_impact_never_improves_a_price() -> None:
    tape = build_book_tape([random_feed(27, ROWS)])
    before = None
    for bps in (0.0, 0.01, 0.2, 3.0, 90.0, 1e5):
        spec = spec_of(strategy__use=takers, strategy__params={}, venue__permanent_impact_bps=bps)
        f = run_on_tape(spec, tape).fill_rows
        assert (f["price"] > 0.0).all()
        assert (f["impact"] >= 0.0).all()
        if before is not None:
            for name in ("ts_ns", "order_id", "side", "qty"):
                assert np.array_equal(f[name], before[name]), (bps, name)
            worse = (f["price"] - before["price"]) * f["side"]
            assert (worse >= 0.0).all(), bps
            assert (worse > 0.0).sum() > 20, bps
            assert np.allclose(f["spread"], before["spread"])
            assert np.allclose(f["slippage"], before["slippage"])
        before = f
    assert before is not None
    assert len(before) > 100
    assert set(before["side"].tolist()) == {1, -1}


def test_without_impact_a_build_with_it_gives_the_same_bytes() -> None:
    tape = build_book_tape([random_feed(27, ROWS)])
    spec, other = (
        spec_of(strategy__use=takers, strategy__params={}, venue__permanent_impact_bps=bps) for bps in (0.0, 1.0)
    )
    machines = [build_book(spec, tape, record=True, also=also) for also in ([], [other])]
    assert [m.linked.groups.costs for m in machines] == [0, 1]
    found = []
    for machine in machines:
        block, kept = block_of(machine, [spec]), Kept(machine)
        drive_book(machine, block, kept.rec, on_full=kept.empty)
        state = [np.asarray(a).tobytes() for name, a in block.lanes._asdict().items() if name != "pushed"]
        found.append((kept.all(0, fill).tobytes(), state))
    assert found[0] == found[1]
