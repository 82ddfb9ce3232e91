"""What a run on order books pays and teaches: funding, how fills came about, and the hazard that bars inherit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import huracan
from huracan.book_machine import run_lanes, run_on_tape
from huracan.load_book import load_book_tape
from huracan.sim.book_bars import trade_bars
from huracan.sim.book_layout import order_life
from huracan.sim.book_tape import build_book_tape
from huracan.sim.codes import GTT
from huracan.sim.declare import param, strategy
from huracan.sim.feed import Feed
from huracan.sim.fill_times import fill_times, reached
from huracan.sim.layout import fill
from huracan.sim.orders import limit
from huracan.sim.series import Payments, Rules
from huracan.sim.tape import payment_records
from huracan.spec import load_spec
from tests.huracan.test_book_margin import MS, START, book_of, once, spec

SECOND = 1000 * MS


def test_funding_is_paid_by_what_is_held_at_its_instant() -> None:
    """At the mark that came with it, else at the exchange's mid; a short receives; both ledgers know it in the end."""
    made = book_of([1000.0] * 50 + [1010.0] * 50)
    ts = np.array([START, START + 300 * MS, START + 700 * MS])
    told = Payments(ts, np.array([0.5, 0.001, -0.002]), np.array([np.nan, 995.0, np.nan]))
    tape = replace(made, payments=payment_records([told], made.start_ns, made.end_ns))
    late = {"latency_ms": {"entry": 20.0, "response": 5.0}}
    specs = [spec(once, params={"qty": 2.0, "side": side}, venue__latency_ms=late["latency_ms"]) for side in (1, -1)]
    wanted = 2.0 * (0.001 * 995.0 - 0.002 * 1010.0)  # the first comes before anything is held
    for each, side in zip(specs, (1, -1), strict=True):
        figures = run_on_tape(each, tape).figures
        assert figures["funding"] == pytest.approx(side * wanted, rel=1e-12)
        assert run_on_tape(each, made).figures["final_equity"] - figures["final_equity"] == pytest.approx(side * wanted)
    lanes = run_lanes(specs, tape).lanes
    for own, venue in zip(lanes.own_acct, lanes.acct, strict=True):
        assert own["cash"] == venue["cash"]
        assert own["funding"] == venue["funding"] != 0.0


def test_the_figures_of_fills_by_hand() -> None:
    """Three orders that rested and one that took; the mid is 1000 for four seconds, then 1010."""
    tape = book_of([1000.0] * 400 + [1010.0] * 400)
    lives = np.zeros(4, order_life)
    lives["rested_ns"] = [START, START, START, -1]
    lives["done_ns"] = START + np.array([1, 3, 2, 1]) * SECOND
    lives["qty"], lives["filled"] = [1.0, 3.0, 2.0, 5.0], [1.0, 3.0, 0.5, 5.0]
    fills = np.zeros(3, fill)
    fills["ts_ns"] = START + np.array([1, 3, 1]) * SECOND
    fills["side"], fills["qty"], fills["maker"] = [1, -1, 1], [1.0, 3.0, 5.0], [1, 1, 0]
    fills["price"] = [999.5, 1000.5, 1000.5]
    found = fill_times(tape, fills, lives, 60 * SECOND)
    assert (found["rested"], found["fill_rate"]) == (3, 1.0)
    assert found["fill_rate_by_quantity"] == 4.5 / 6.0
    assert found["time_to_fill_s"] == {"mean": 2.0, "median": 2.0, "p90": pytest.approx(2.8)}  # whole ones only
    after = {name: found[f"{name}_markout_bps"] for name in ("maker", "taker")}
    bought, sold = (1000.0 - 999.5) / 999.5, -(1010.0 - 1000.5) / 1000.5
    assert after["maker"]["1s"] == pytest.approx((bought + 3.0 * sold) / 4.0 * 1e4)
    assert after["maker"]["5s"] == pytest.approx((1010.0 - 999.5) / 999.5 * 1e4)  # the other's is behind the end
    assert after["taker"]["1s"] == pytest.approx((1000.0 - 1000.5) / 1000.5 * 1e4)
    assert after["maker"]["30s"] is None
    assert found["hazard"] is None


def test_a_bar_counts_for_an_order_that_was_there_all_of_it() -> None:
    """One that ends with the bar was; one that was cancelled inside it was not, unless it had filled."""
    start = START // SECOND * SECOND
    traded = [(2, 99.0), (4, 98.0), (6, 99.0)]  # tenths of a second into each of three bars
    rows = [(0, 1, 99.0, 5.0, start), (0, -1, 101.0, 5.0, start)]
    rows += [(1, -1, p, 4.0, start + bar * SECOND + at * 100 * MS) for bar in range(3) for at, p in traded]
    rows += [(0, -1, 101.0, 6.0, start + 3 * SECOND)]
    kind, side, price, qty, ts = (np.array(c) for c in zip(*rows, strict=True))
    feed = Feed("X", kind.astype(np.int8), side.astype(np.int8), np.zeros(len(rows), np.uint8), price, qty, ts, ts,
                Rules("linear", 1, 1, 1.0))  # fmt: skip
    tape = build_book_tape([feed])
    lives = np.zeros(4, order_life)
    lives["side"], lives["qty"] = 1, [2.0, 24.0, 2.0, 2.0]
    lives["rested_ns"] = start
    lives["price"] = [98.5, 98.0, 98.5, 97.0]
    ended = (SECOND, 2 * SECOND, SECOND + 500 * MS, 3 * SECOND)
    lives["done_ns"] = start + np.array(ended)
    lives["filled"] = [0.0, 24.0, 0.0, 0.0]
    depth, share, done = reached(tape, lives, SECOND)
    # ended with the first bar; not in the first and filled in the second; the first only; never reached
    assert done.tolist() == [0.0, 0.0, 1.0, 0.0]
    assert depth.tolist() == [0.5, 0.0, 0.0, 0.5]
    assert share.tolist() == [1.0, 0.5, 0.5, 1.0]


@strategy(params={"away": param(1.0), "qty": param(1.0)})
def around(ctx):
    """Rests a tick off the close on both sides, for a bar."""
    off = ctx.p.away * ctx.rules[ctx.me].tick
    limit(ctx, 1, ctx.p.qty, ctx.bar.close - off, post_only=True, tif=GTT, ttl=1)
    limit(ctx, -1, ctx.p.qty, ctx.bar.close + off, post_only=True, tif=GTT, ttl=1)


def test_bars_inherit_what_the_book_taught(tmp_path: Path) -> None:
    """With the hazard of the run on the book, orders on its bars fill about as often as there; by touch too often."""
    money = {"cash": 1e7, "leverage": 10.0}
    on_book = {
        "data": {"synthetic": "book", "seconds": 200.0, "timeframe": "1s"},
        "account": money,
        "venue": {"queue": "risk_averse"},
        "strategy": {"use": around},
    }
    tape = load_book_tape(load_spec(on_book))
    taught = run_on_tape(load_spec(on_book), tape).figures
    times = taught["fill_times"]
    rows, bars = trade_bars(tape, SECOND)
    b, fresh = bars[:, 0], bars[:, 0]["fresh"] == 1
    columns = {name: b[name][fresh] for name in ("open", "high", "low", "close", "volume")}
    pd.DataFrame({"time": pd.to_datetime(rows["open_ns"][fresh]), **columns}).to_csv(tmp_path / "bars.csv", index=False)
    rules = {"tick": float(tape.rules[0]["tick"]), "kind": "linear"}

    def rate(**hazard: float) -> float:
        """Fills an order that was not rejected; on bars of this size each order fills whole or not at all."""
        data = {"file": str(tmp_path / "bars.csv"), "symbol": "X", "timeframe": "1s", "rules": rules}
        venue = {"limit_fill": {"model": "hazard"} | hazard}
        of_bars = {"data": data, "account": money, "venue": venue, "strategy": {"use": around}}
        f = huracan.backtest(of_bars).figures
        return float(f["fills"] / (f["orders"] - f["rejections"]["post_only_would_cross"]))

    hazard = times["hazard"]  # pasted whole, as anybody would
    assert times["hazard"]["observations"] > 100
    touched, inherited = rate(base=1e6, depth=0.0), rate(**hazard)  # the first fills all that a bar touches
    assert touched > 1.3 * times["fill_rate"]
    assert abs(inherited - times["fill_rate"]) < 0.5 * (touched - times["fill_rate"])
