"""Why two runs differ: one thing is changed, and the difference stands under its name and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import huracan
from huracan import cli
from huracan.reports.causes import OUTSIDE, causes_of
from huracan.reports.compare_page import orders_of
from huracan.reports.execution_panel import own_orders
from huracan.reports.trade_pairs import pairs_of
from huracan.sim import layout
from huracan.sim.layout import FillReason
from huracan.sim.result import Result, load_result
from tests.reports.made import MINUTE_NS, made_run
from tests.reports.page_text import PageText
from tests.reports.test_numbers import spec_of

PRICES = "Spread, slippage and impact in the prices"
LATENCY = "Latency: decided at the same time, filled at another"
MISSED = "Missed: the second sent an order and was not filled"
PATH = "Path: the second was in another trade"
ALONE = ("Signals of the first alone: the second sent no order", "Signals of the second alone: the first sent no order")
END = "Open at the end, interest, dust"


def run_of(name: str = "a", strategy: dict[str, Any] | None = None, **venue: Any) -> Result:
    """A run of the machine, of a quantity that does not depend on the money there is."""
    spec = spec_of("linear", **venue)
    spec["run"] |= {"name": name, "close_at_end": True}
    spec["strategy"] = strategy or {"use": "sma_cross", "params": {"fast": 8, "slow": 30, "qty": 1.0}}
    return huracan.backtest(spec)


@pytest.fixture(scope="module")
def plain() -> Result:
    result = run_of()
    assert result.trade_rows.size > 20
    return result


def causes(first: Result, second: Result) -> dict[str, float]:
    """The causes, which add up whatever they are."""
    found = causes_of(first, second)
    assert found is not None
    assert found.before + sum(value for _, value in found.causes) == pytest.approx(found.after, abs=1e-6)
    assert len(dict(found.causes)) == len(found.causes)
    return dict(found.causes)


def apart_from(found: dict[str, float], *names: str) -> float:
    return max(abs(value) for name, value in found.items() if name not in names)


def test_the_same_run_differs_in_nothing(plain: Result) -> None:
    assert apart_from(causes(plain, plain)) == 0.0


def test_fees(plain: Result) -> None:
    dearer = run_of(fee_taker_bps=8.0)
    found = causes(plain, dearer)
    assert found["Fees"] == pytest.approx(plain.figures["fees"] - dearer.figures["fees"])
    assert found["Fees"] < -1.0
    assert apart_from(found, "Fees") < 1e-6


def test_slippage_and_spread(plain: Result) -> None:
    for venue in ({"slippage_bps": 6.0}, {"half_spread_bps": 3.0}):
        dearer = run_of(**venue)
        found = causes(plain, dearer)
        paid = [sum(float(r.figures[key]) for key in ("spread", "slippage", "impact")) for r in (plain, dearer)]
        assert found[PRICES] == pytest.approx(paid[0] - paid[1], rel=1e-6)
        assert found[PRICES] < -1.0
        assert apart_from(found, PRICES) < 0.01 * abs(found[PRICES])  # fees follow the prices a little


def test_latency(plain: Result) -> None:
    costless = {"slippage_bps": 0.0, "half_spread_bps": 0.0}
    first, later = run_of(**costless), run_of(latency_bars=1, **costless)
    found = causes(first, later)
    pairs = pairs_of(first, later)
    a, b = first.trade_rows[pairs.first], later.trade_rows[pairs.second]
    legs = [(-a["side"], "entry"), (a["side"], "exit")]
    hour = {end: b[f"{end}_ns"] - a[f"{end}_ns"] == 3600 * 10**9 for _, end in legs}  # the rest crossed back at once
    assert min(each.mean() for each in hour.values()) > 0.8
    expected = sum((sign * (b[f"{e}_price"] - a[f"{e}_price"]))[hour[e]].sum() for sign, e in legs)
    assert found[LATENCY] == pytest.approx(expected)
    assert abs(found[LATENCY]) > 1.0
    assert found[PRICES] == 0.0
    assert found["Timing: filled at another time"] == 0.0
    assert orders_of(plain)["Time to fill, median"] == "at once"
    assert orders_of(later)["Time to fill, median"] == "1 hour"


def test_another_signal(plain: Result) -> None:
    other = run_of(strategy={"use": "sma_cross", "params": {"fast": 5, "slow": 60, "qty": 1.0}})
    found = causes(plain, other)
    assert abs(found[ALONE[0]]) > 1.0
    assert abs(found[ALONE[1]]) > 1.0
    assert found[LATENCY] == 0.0
    assert found[END] == pytest.approx(0.0, abs=1e-6)


def test_quantity(plain: Result) -> None:
    double = run_of(strategy={"use": "sma_cross", "params": {"fast": 8, "slow": 30, "qty": 2.0}})
    found = causes(plain, double)
    gross = plain.trade_rows["pnl"].sum() + plain.trade_rows["fees"].sum() + plain.trade_rows["funding"].sum()
    assert found["Larger or smaller quantities"] == pytest.approx(gross)


def test_missed_fills() -> None:
    """Limits that fill at a touch, and the same limits that the price must go through by far."""
    reversion = {
        "use": "bracket_reversion",
        "params": {"window": 20, "z": 1.0, "take": 0.01, "stop": 0.02, "max_hold": 20, "qty": 1.0},
    }
    first = run_of(strategy=reversion)
    assert first.trade_rows.size > 5
    second = run_of(strategy=reversion, limit_fill="through:60000")
    found = causes(first, second)
    assert second.trade_rows.size < first.trade_rows.size
    missed = pairs_of(first, second).only_first
    assert missed.size > 100
    assert abs(found[MISSED]) > 1.0
    assert abs(found[PATH]) > 1.0  # what it entered late, it was still in when the first traded again
    gone = -float(first.trade_rows["pnl"][missed].sum())
    assert found[MISSED] + found[PATH] + found[ALONE[0]] + found[OUTSIDE] == pytest.approx(gone)
    assert abs(found[ALONE[0]]) < 0.1 * abs(found[PATH])  # one bar: both have the same signals


def test_what_lies_outside_the_common_time_is_named(plain: Result) -> None:
    end = int(plain.equity_rows["ts_ns"][2500])
    rows, trades = plain.equity_rows[:2501], plain.trade_rows[plain.trade_rows["exit_ns"] <= end]
    fills = plain.fill_rows[plain.fill_rows["ts_ns"] <= end]
    numbers = plain.numbers | {"final_equity": float(rows["equity"][-1])}
    about = replace(plain.about, end_ns=end)
    short = replace(plain, about=about, numbers=numbers, equity_rows=rows, trade_rows=trades, fill_rows=fills)
    found = causes(plain, short)
    late = plain.trade_rows["entry_ns"] > end
    assert late.sum() > 3
    assert found[OUTSIDE] == pytest.approx(-float(plain.trade_rows["pnl"][late].sum()))
    assert causes(short, plain)[OUTSIDE] == pytest.approx(-found[OUTSIDE])


def test_folders_without_numbers_of_orders_say_less(plain: Result, tmp_path: Path) -> None:
    """As a venue's own records may be: no order numbers by close, so latency can't be told from timing."""
    rows = plain.equity_rows.copy()
    rows["last_order"] = 0
    bare = replace(plain, equity_rows=rows, trade_rows=plain.trade_rows[:-4])
    found = causes(plain, load_result(bare.save(tmp_path)))
    gone = float(plain.trade_rows["pnl"][-4:].sum())
    assert found["Trades that only the first made"] == pytest.approx(-gone)
    assert not [name for name in found if name.startswith("Missed: the second")]
    assert orders_of(bare)["Time to fill, median"] == "n/a"


def test_prices_and_trades_by_hand() -> None:
    first = made_run(3000, 60)
    rows = first.trade_rows.copy()
    rows["entry_ns"] += MINUTE_NS
    rows["fees"] += 1.0
    rows["exit_price"] -= 0.5 * rows["side"]
    rows["entry_price"] += 0.25 * rows["side"]
    rows["pnl"] -= 1.0 + 0.75 * rows["qty"]
    rows = rows[:-2]
    second = replace(
        first, trade_rows=rows, numbers=first.numbers | {"final_equity": first.numbers["cash"] + rows["pnl"].sum()}
    )
    found = causes(first, second)
    assert found["Fees"] == pytest.approx(-58.0)
    assert found["Other prices at the same time"] == pytest.approx(-0.5 * float(rows["qty"].sum()))
    assert found[END] == pytest.approx(0.0, abs=1e-6)


def test_the_page_names_causes_and_orders(plain: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain.save(tmp_path / "a")
    run_of("later", latency_bars=1).save(tmp_path / "b")
    assert cli.main(["report", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "c")]) == 0
    words = PageText((tmp_path / "c" / "report.html").read_text("utf-8")).words()
    for expected in (
        "Why later differs from a, USDT",
        LATENCY,
        "How orders fared",
        "Time to fill, median at once 1 hour",
    ):
        assert expected in words, expected
    assert "venue.latency_bars default 1" in words


def filled(*orders: tuple[int, FillReason, int]) -> Result:
    """A run whose fills are these: number, reason, side; the closes gave out the numbers 4, 8 and 12."""
    fills = np.zeros(len(orders), layout.fill)
    for k, (number, reason, side) in enumerate(orders):
        fills[k]["order_id"], fills[k]["reason"], fills[k]["side"] = number, int(reason), side
    rows = np.zeros(3, layout.equity)
    rows["last_order"] = [4, 8, 12]
    return replace(made_run(10, 0), fill_rows=fills, equity_rows=rows)


def test_a_stop_is_a_brackets_child_only_where_it_can_be_one() -> None:
    """A bracket is entry, target, stop: three numbers in a row of one close, the stop against its entry."""
    market, limit, stop, take = FillReason.MARKET, FillReason.LIMIT, FillReason.STOP, FillReason.TAKE
    for orders, own in (
        (((1, limit, 1), (3, stop, -1)), [1]),  # a bracket that was stopped
        (((1, market, 1), (2, take, -1)), [1]),  # one that reached its target
        (((3, stop, -1),), [3]),  # a stop alone: its entry would have been filled
        (((1, market, 1), (3, stop, 1)), [1, 3]),  # on the same side: two orders
        (((1, market, 1), (2, limit, 1), (3, stop, -1)), [1, 2, 3]),  # three orders of their own
        (((4, market, 1), (6, stop, -1)), [4, 6]),  # a close lies between them
        (((5, limit, 1), (7, stop, -1), (8, stop, -1)), [5, 8]),  # a bracket and a stop beside it
    ):
        assert own_orders(filled(*orders)).tolist() == own, orders
