"""What stands on a page is what happened: months compound, the waterfall adds up, figures are the result's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import huracan
from huracan.reports.curve_panels import gross_of
from huracan.reports.execution_panel import markouts, own_orders, waiting_table
from huracan.reports.figure_words import FIGURES
from huracan.reports.money_panel import ledger_of, money_panel
from huracan.reports.packing import Pack, unpacked
from huracan.reports.price_data import near
from huracan.reports.return_panels import value_at_risk
from huracan.reports.returns import curve_of, grid, held, months_of, returns_on, rolling, rolling_beta, worst_falls
from huracan.reports.wording import written
from huracan.sim import layout
from huracan.sim.figures import DAY_NS
from huracan.sim.market_file import merged
from huracan.sim.result import Result, load_result
from tests.reports.made import MINUTE_NS, made_market, made_run
from tests.reports.page_text import page_of

KINDS = ("linear", "inverse", "spot")


def spec_of(kind: str, **venue: Any) -> dict[str, Any]:
    """A run with every cost that its kind of contract can have."""
    symbol = {"linear": "ETH/USDT:USDT", "inverse": "BTC/USD:BTC", "spot": "BTC/USDT"}[kind]
    multiplier = {"multiplier": 100.0} if kind == "inverse" else {}
    account: dict[str, Any] = {"cash": 100_000.0 if kind != "inverse" else 50.0}
    if kind == "spot":
        account["fee_in"] = "base"
    costs = {"fee_taker_bps": 5.0, "slippage_bps": 1.5, "half_spread_bps": 0.8, "max_participation": 0.0}
    return {
        "run": {"name": kind, "seed": 3},
        "data": {
            "synthetic": "regimes",
            "bars": 4000,
            "timeframe": "1h",
            "symbol": symbol,
            "rules": {"kind": kind, **multiplier},
        },
        "account": account,
        "venue": costs | venue,
        "strategy": {"use": "sma_cross", "params": {"fast": 8, "slow": 30, "fraction": 0.9}},
    }


@pytest.fixture(scope="module", params=KINDS)
def real(request: pytest.FixtureRequest) -> Result:
    """A run of the machine itself."""
    result = huracan.backtest(spec_of(request.param))
    assert result.fill_rows.size > 20
    return result


def test_the_waterfall_adds_up_to_the_penny(real: Result) -> None:
    found = ledger_of(real)
    assert found is not None
    assert len([value for _, value in found.costs if value]) >= 2
    scale = 1e-9 * max(1.0, real.figures["traded"])
    assert found.unexplained == pytest.approx(0.0, abs=scale)
    assert found.edge - sum(value for _, value in found.costs) == pytest.approx(found.net, abs=scale)
    assert found.net == real.figures["final_equity"] - real.figures["cash"]


def test_a_cost_that_is_missing_shows(real: Result) -> None:
    wrong = Result(
        real.about,
        real.numbers | {"fees": real.numbers["fees"] + 5.0},
        real.fill_rows,
        real.trade_rows,
        real.equity_rows,
        real.market,
    )
    found = ledger_of(wrong)
    assert found is not None
    assert found.unexplained == pytest.approx(5.0, abs=1e-6)
    assert "Not explained" in str(money_panel(wrong, "USDT"))


@given(st.integers(0, 40), st.integers(0, 10_000))
def test_the_waterfall_adds_up_on_any_run(trades: int, seed: int) -> None:
    found = ledger_of(made_run(200, trades, seed=seed))
    assert found is not None
    assert found.unexplained == pytest.approx(0.0, abs=1e-6)


def test_months_compound_to_the_total(real: Result) -> None:
    months = months_of(curve_of(real))
    assert len(months) > 4
    total = np.prod([1.0 + m.value for m in months]) - 1.0
    assert total == pytest.approx(real.figures["total_return"], abs=1e-12)


def test_the_page_says_what_result_json_says(real: Result, tmp_path: Path) -> None:
    folder = real.save(tmp_path / "run")
    raw = json.loads((folder / "result.json").read_text())
    text = page_of(load_result(folder), tmp_path).words()
    for key, label, kind in FIGURES:
        assert f"{label} {written(raw[key], kind)}" in text, key
    for name, n in (raw["rejections"] | raw["repairs"]).items():
        assert f"{name.replace('_', ' ')} {n:,}" in text
    for key in ("spec_hash", "code_hash", "data_hash"):
        assert raw[key] in text


def test_daily_returns_are_those_of_sharpe_daily(real: Result) -> None:
    curve = curve_of(real)
    r = returns_on(curve, grid(curve, DAY_NS))
    assert r.mean() / r.std(ddof=1) * 365.0**0.5 == pytest.approx(real.figures["sharpe_daily"], rel=1e-9)
    assert worst_falls(curve)[0].depth == pytest.approx(real.figures["max_drawdown"], rel=1e-12)


def test_prices_come_back_as_they_were(real: Result, tmp_path: Path) -> None:
    again = load_result(real.save(tmp_path))
    assert len(again.market) == len(real.market) == 1
    for name in ("open_ns", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(again.market[0], name), getattr(real.market[0], name)), name
    assert again.market[0].rules == real.market[0].rules
    (tmp_path / "market.parquet").unlink()
    without = load_result(tmp_path)
    assert without.market == ()
    assert "market.parquet is not beside result.json" in page_of(without, tmp_path).text


def test_market_orders_wait_for_the_next_open_and_no_longer(real: Result) -> None:
    table = waiting_table(real)
    assert table is not None
    assert table.rows[0][0] == "market"
    assert table.rows[0][2:] == ("at once",) * 3  # the close of the decision is the open of the fill
    assert own_orders(real).size == np.unique(real.fill_rows["order_id"]).size


def test_markouts_by_hand() -> None:
    """A fill at an open is followed by its own bar's close 0 bars later; one inside a bar belongs to that bar."""
    market = made_market(10, "A", 1)
    fills = np.zeros(2, layout.fill)
    fills["ts_ns"] = [market.open_ns[3], market.open_ns[4]]
    fills["side"], fills["price"], fills["maker"], fills["reason"] = [1, -1], [2000.0, 2001.0], [0, 1], [1, 2]
    result = replace(made_run(10, 0), fill_rows=fills, market=(market,))
    found = markouts(result, 1)
    assert found[0] == pytest.approx((market.close[4] - 2000.0) / 2000.0 * 1e4)
    assert found[1] == pytest.approx(-(market.close[4] - 2001.0) / 2001.0 * 1e4)
    assert np.isnan(markouts(result, 7)[0])


def test_rolling_figures_by_hand() -> None:
    rng = np.random.default_rng(2)
    r, m = rng.normal(0.001, 0.01, 100), rng.normal(0.0, 0.02, 100)
    sharpe, volatility = rolling(r, 30, 365.0)
    last = r[-30:]
    assert volatility[-1] == pytest.approx(last.std(ddof=1) * 365.0**0.5)
    assert sharpe[-1] == pytest.approx(last.mean() / last.std(ddof=1) * 365.0**0.5)
    assert np.isnan(sharpe[28])
    assert np.isfinite(sharpe[29])
    expected = np.cov(last, m[-30:])[0, 1] / m[-30:].var(ddof=1)
    assert rolling_beta(r, m, 30)[-1] == pytest.approx(expected)


def test_buying_and_holding_by_hand() -> None:
    a, b = made_market(100, "A", 1), made_market(100, "B", 2)
    last = a.open_ns[-1:] + MINUTE_NS
    found = held((a, b), last, 1000.0)
    assert found is not None
    assert found[0] == pytest.approx(500.0 * a.close[-1] / a.open[0] + 500.0 * b.close[-1] / b.open[0])
    assert held((), last, 1.0) is None


def test_value_at_risk_by_hand() -> None:
    var, short = value_at_risk(np.r_[np.full(5, -0.1), np.full(95, 0.01)], 0.96)
    assert (var, short) == pytest.approx((0.1, 0.1))


@given(st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), min_size=1, max_size=60))
def test_packed_numbers_come_back(values: list[float]) -> None:
    pack = Pack()
    pack.add([1.0, 2.0])
    pack.add(values)
    found = unpacked(pack)[1]
    known = np.array([v for v in values if v == v])
    height = float(np.ptp(known)) if known.size else 0.0
    assert np.array_equal(np.isnan(found), np.isnan(values))
    assert found[~np.isnan(found)] == pytest.approx(
        known, abs=max(height / 2**29, 1e-9 * np.abs(known).max(initial=1.0))
    )


def test_ticks_come_back_exactly() -> None:
    prices = made_market(5000, "A", 3).close
    pack = Pack()
    pack.add(prices)
    assert np.array_equal(np.round(unpacked(pack)[0], 2), prices)
    assert pack.described[0]["step"] == 0.01


def test_bars_of_bars_keep_the_extremes() -> None:
    bars = made_market(1003, "A", 4)
    coarse = merged(bars, 10)
    assert coarse.open_ns.size == 101
    assert (coarse.high.max(), coarse.low.min()) == (bars.high.max(), bars.low.min())
    assert (coarse.open[0], coarse.close[-1]) == (bars.open[0], bars.close[-1])
    assert coarse.volume is not None
    assert coarse.volume.sum() == pytest.approx(bars.volume.sum() if bars.volume is not None else 0.0)


@given(st.integers(1, 60), st.integers(20, 400))
def test_minutes_near_trades_stay_in_the_budget(trades: int, budget: int) -> None:
    bars = made_market(3000, "A", 5)
    rng = np.random.default_rng(trades)
    first = np.sort(rng.integers(0, 2900, trades))
    last = first + rng.integers(0, 90, trades)
    places = near(bars, bars.open_ns[first], bars.open_ns[last], np.ones(trades), budget)
    assert 0 < places.size <= budget
    assert (np.diff(places) > 0).all()


def test_leverage_is_long_and_short_added_up(tmp_path: Path) -> None:
    """Long one instrument and short the other: net next to nothing, gross twice the value of one."""
    markets = (made_market(100, "A/USDT:USDT", 1), made_market(100, "B/USDT:USDT", 1))
    fills = np.zeros(2, layout.fill)
    fills["ts_ns"], fills["inst"], fills["side"] = markets[0].open_ns[10], [0, 1], [1, -1]
    fills["qty"], fills["price"] = 2.0, markets[0].open[10]
    result = replace(made_run(100, 0, symbols=("A/USDT:USDT", "B/USDT:USDT")), fill_rows=fills, market=markets)
    times = result.equity_rows["ts_ns"]
    gross = gross_of(result, times)
    assert gross is not None
    assert gross[:10].tolist() == [0.0] * 10
    assert gross[10:] == pytest.approx(2 * 2.0 * markets[0].close[10:])
    most = float((gross / result.equity_rows["equity"]).max())
    page = page_of(result, tmp_path)
    assert f"long and short added up, at most {written(most, 'share')}." in page.words()
    assert [each["name"] for each in page.plots["exposure"]["series"]] == [
        "Net position, of equity",
        "Gross, of equity",
    ]
    assert gross_of(made_run(100, 3), times) is None


def test_what_a_book_run_wrote_down_of_its_resting_orders(tmp_path: Path) -> None:
    result = made_run(500, 20)
    result.numbers["fill_times"] = {
        "rested": 1200,
        "fill_rate": 0.25,
        "fill_rate_by_quantity": None,
        "time_to_fill_s": {"mean": 90.0, "median": 1.5, "p90": 0.25},
        "maker_markout_bps": {"1s": -0.5, "5s": None, "30s": 1.25},
        "taker_markout_bps": {"1s": None, "5s": None, "30s": None},
    }
    words = page_of(result, tmp_path).words()
    assert "1,200 25.00% n/a 1.5 seconds 250 ms 1.5 minutes" in words
    assert "after 1 second after 5 seconds after 30 seconds Maker -0.50 n/a +1.25" in words
