"""A backtest on order books from spec to result: the rows of equity, the start, the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import huracan
from huracan import book_lanes
from huracan.sim.refusal import Refused


def run(**more: Any) -> Any:
    given: dict[str, Any] = {
        "run": {"seed": 5, "sample": "1s"},
        "data": {"synthetic": "book", "seconds": 20.0},
        "venue": {"queue": "log", "latency_ms": {"entry": 5.0, "response": 5.0}},
        "strategy": {"use": "touch_maker", "params": {"half_ticks": 1, "max_position": 3.0}},
    }
    for key, value in more.items():
        section, _, name = key.partition("__")
        given[section] = {**given[section], name: value}
    return huracan.backtest(given)


def test_no_row_of_equity_is_lost_where_nothing_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that is emptied after fills alone would write past its end."""
    monkeypatch.setattr(book_lanes, "ROOM", 4)
    found = run(data__seconds=160.0, strategy__params={"max_position": 0.0, "step_ms": 60_000.0})
    assert found.figures["fills"] == 0
    ts = found.equity["ts"].to_numpy("int64")
    assert len(ts) == found.figures["bars"] >= 160
    assert (np.diff(ts)[:-1] == 10**9).all()


def test_equity_ends_with_the_tape_and_holds_every_fill() -> None:
    found = run(run__sample="30s")  # longer than the tape: the end is the only row
    assert len(found.equity) == 1
    assert found.figures["fills"] > 10
    assert found.equity["equity"].iloc[-1] == found.figures["final_equity"]
    assert found.equity["ts"].iloc[-1] >= found.fills["ts"].iloc[-1]
    fills = found.fills
    money = 1e6 - (fills["side"] * fills["qty"] * fills["price"]).sum() - fills["fee"].sum()
    held = (fills["side"] * fills["qty"]).sum()
    assert held != 0.0
    last = found.equity.iloc[-1]
    assert last["cash"] == pytest.approx(money, abs=1e-6)
    mark = last["position_value"] / held
    assert abs(mark / fills["price"].iloc[-1] - 1.0) < 0.01


def test_close_at_end_leaves_nothing_and_pays_for_it() -> None:
    still, closed = run(), run(run__close_at_end=True)
    assert still.figures["open_trades"] == 1
    assert closed.figures["open_trades"] == 0
    last = closed.fills.iloc[-1]
    assert (last["reason"], last["liquidity"]) == ("end", "taker")
    assert closed.figures["spread"] > still.figures["spread"]
    assert abs((closed.fills["side"] * closed.fills["qty"]).sum()) < 1e-9
    assert closed.equity["position_value"].iloc[-1] == 0.0


def test_what_stands_before_the_start_is_seen_and_not_traded() -> None:
    whole = run()
    begins = whole.about.start_ns + 8 * 10**9
    when = str(np.datetime64(begins, "ns"))
    late = run(data__start=when)
    assert late.about.start_ns == begins
    assert late.fills["ts"].iloc[0].value > begins
    assert late.figures["fills"] > 5
    assert (late.equity["ts"].to_numpy("int64") > begins).all()
    with pytest.raises(Refused, match="start is outside the tape"):
        run(data__start="2031-01-01")


def test_a_bar_strategy_with_features_and_brackets_runs_unchanged() -> None:
    found = run(
        strategy__use="bracket_reversion",
        strategy__params={"window": 3, "z": 0.3, "take": 3e-4, "stop": 3e-4, "max_hold": 3},
        data__timeframe="1s",
        data__seconds=30.0,
    )
    reasons = set(found.fills["reason"])
    assert "limit" in reasons
    assert reasons & {"take", "stop", "time"}
    assert found.figures["trades"] > 2
