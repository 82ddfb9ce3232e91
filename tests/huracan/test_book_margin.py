"""Maintenance and the end of money on order books, against hand-made books."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.book_machine import run_lanes, run_on_tape
from huracan.sim.book_tape import BookTape, build_book_tape
from huracan.sim.declare import param, strategy
from huracan.sim.feed import Feed
from huracan.sim.orders import bracket, buy, sell
from huracan.sim.series import Rules
from huracan.spec import load_spec

MS = 1_000_000
START = 1_700_000_000_000 * MS


@strategy(
    params={"step_ms": param(10.0, 0.001), "qty": param(1.0), "side": param(1, -1, 1)},
    needs="book",
    clock="step_ms",
    state={"done": 0},
)
def once(ctx):
    """One market order, then nothing."""
    if ctx.u.done == 0 and ctx.book.mid == ctx.book.mid:
        ctx.u.done = 1
        if ctx.p.side > 0:
            buy(ctx, ctx.p.qty)
        else:
            sell(ctx, ctx.p.qty)


@strategy(params={"step_ms": param(10.0, 0.001)}, needs="book", clock="step_ms", state={"done": 0})
def guarded(ctx):
    """One bracket, then nothing."""
    if ctx.u.done == 0 and ctx.book.mid == ctx.book.mid:
        ctx.u.done = 1
        bracket(ctx, 1, 2.0, take=1010.0, stop=990.0)


def book_of(mids: list[float], kind: str = "linear", trades: bool = False) -> BookTape:
    """A book one unit wide whose mid goes through `mids`, one every 10 ms, thousands at each level."""
    rows: list[tuple[int, int, float, float, int]] = []
    was: dict[int, float] = {}
    for i, mid in enumerate(mids):
        at = START + i * 10 * MS
        for side in (1, -1):
            price = mid - 0.5 * side
            if side in was and was[side] != price:
                rows.append((0, side, was[side], 0.0, at))
        for side in (1, -1):
            price = mid - 0.5 * side
            rows.append((0, side, price, 5000.0, at))
            was[side] = price
        if trades:
            rows.append((1, -1, mid - 0.5, 1.0, at))
    kinds, side_of, price, qty, ts = (np.array(c) for c in zip(*rows, strict=True))
    flags = np.zeros(len(rows), np.uint8)
    return build_book_tape(
        [Feed("X", kinds.astype(np.int8), side_of.astype(np.int8), flags, price, qty, ts, ts, Rules(kind, 1, 2, 1.0))]
    )


def spec(use: Any, **more: Any) -> Any:
    given: dict[str, Any] = {
        "data": {"file": str(Path(__file__)), "format": "binance-raw", "symbol": "X"},
        "account": {"cash": 1000.0, "leverage": 10.0, "maintenance": 0.005},
        "venue": {"fee_maker_bps": 0.0, "fee_taker_bps": 0.0},
        "strategy": {"use": use, "params": more.pop("params", {})},
    }
    for key, value in more.items():
        section, _, name = key.partition("__")
        given[section] = {**given[section], name: value}
    return load_spec(given)


def falling(to: float, step: float = 1.0) -> list[float]:
    return [1000.0] * 10 + list(np.arange(1000.0, to, -step)) + [to] * 10


def test_an_account_is_closed_out_at_the_first_mid_that_is_down_to_maintenance() -> None:
    tape = book_of(falling(850.0))
    found = run_on_tape(spec(once, params={"qty": 9.0}), tape)
    assert found.figures["liquidations"] == 1
    entry, exit_ = found.fill_rows
    assert exit_["price"] == next(m for m in falling(850.0) if 1000.0 + 9.0 * (m - entry["price"]) <= 0.005 * 9.0 * m)
    assert found.fills["reason"].iloc[-1] == "liquidation"
    assert found.figures["final_equity"] == pytest.approx(1000.0 + 9.0 * (exit_["price"] - entry["price"]))
    assert found.figures["final_equity"] > 0.0


def test_a_short_is_closed_out_by_a_rise_and_lanes_are_as_alone() -> None:
    mids = [2000.0 - m for m in falling(850.0)]
    tape = book_of(mids)
    specs = [spec(once, params={"qty": q, "side": s}) for q, s in ((9.0, -1), (5.0, -1), (9.0, 1), (2.0, -1))]
    together = run_lanes(specs, tape)
    assert np.asarray(together.lanes.stats["liquidations"]).tolist() == [1, 0, 0, 0]
    for lane, each in enumerate(specs):
        alone = run_lanes([each], tape)
        assert np.asarray(alone.lanes.acct["equity"])[0] == np.asarray(together.lanes.acct["equity"])[lane]


def test_a_gap_through_everything_ends_the_account() -> None:
    tape = book_of([1000.0] * 10 + [400.0] * 10)
    found = run_on_tape(spec(once, params={"qty": 9.0}), tape)
    assert found.figures["bankrupt"]
    assert found.figures["final_equity"] < 0.0
    assert found.figures["annual_return"] is None


def test_coins_paid_in_full_are_never_closed_out() -> None:
    tape = book_of(falling(100.0, 10.0), "spot")
    found = run_on_tape(spec(once, params={"qty": 1.0}, account__leverage=1.0, account__cash=1001.0), tape)
    assert found.figures["liquidations"] == 0
    assert found.figures["fills"] == 1


def test_a_bracket_leaves_at_its_stop_when_a_trade_reaches_it() -> None:
    tape = book_of(falling(900.0), trades=True)
    found = run_on_tape(spec(guarded), tape)
    fills = found.fills
    assert fills["reason"].tolist() == ["market", "stop"]
    assert fills["price"].iloc[0] == 1000.5
    assert fills["price"].iloc[1] == 989.5  # the bid when the first trade at 990 or lower came: 990.5 - 0.5 is not it
    assert found.figures["open_trades"] == 0
