"""The figures of a run against empyrical, against published values, and where they do not exist."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from huracan.sim import layout
from huracan.sim.figures import DAY_NS, YEAR_NS, figure_columns, figures, rejections
from huracan.sim.layout import Reason

with warnings.catch_warnings():  # its own imports are not ours to mend
    warnings.simplefilter("ignore")
    import empyrical

# Percent; values.md gives its figures at 252 days a year.
PUBLISHED = [1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0]
CONTRACT = [
    *("final_equity", "total_return", "annual_return", "volatility", "sharpe", "sharpe_daily", "sortino", "calmar"),
    *("max_drawdown", "fills", "trades", "open_trades", "win_rate", "fees", "funding", "slippage", "turnover"),
    *("exposure", "bars"),
]


def fed(returns: list[float], cash: float = 1000.0, sample_ns: int = DAY_NS) -> tuple[Any, Any, Any]:
    """The three records as a lane would leave them, accumulated from the definitions; every sample is also a day."""
    stats, account, settings = (np.zeros(1, kind)[0] for kind in (layout.stats, layout.account, layout.settings))
    settings["cash"], stats["sample_ns"] = cash, sample_ns
    equity, peak = cash, cash
    for i, r in enumerate(returns):
        equity *= 1.0 + r
        peak = max(peak, equity)
        stats["samples"] += 1
        stats["days"] += 1
        stats["bars"] += 1
        stats["sum_r"][i % 8] += r
        stats["sum_r2"][i % 8] += r * r
        stats["sum_neg2"][i % 8] += min(r, 0.0) ** 2
        stats["day_r"] += r
        stats["day_r2"] += r * r
        stats["sum_equity"][i % 8] += equity
        stats["max_drawdown"] = min(stats["max_drawdown"], equity / peak - 1.0)
    account["equity"] = equity
    return stats, account, settings


def figures_of(
    returns: list[float], periods: float | None = None, years: float = 1.0, **changed: Any
) -> dict[str, Any]:
    stats, account, settings = fed(returns)
    for key, value in changed.items():
        record = next(each for each in (stats, account, settings) if key in each.dtype.names)
        record[key] = value
    return figures(stats, account, settings, periods=periods, start_ns=0, end_ns=round(YEAR_NS * years))


def test_published_values() -> None:
    # empyrical counts periods, the published series begins with a NaN that it counts as one: 9 of 252 to the year. We
    # count elapsed time, so the run must last 9/252 of a year for the two to mean the same.
    found = figures_of([r / 100.0 for r in PUBLISHED], periods=252.0, years=9.0 / 252.0)
    assert found["max_drawdown"] == pytest.approx(-0.1, abs=1e-12)
    assert found["volatility"] == pytest.approx(0.9136465399704637, abs=1e-12)
    assert found["calmar"] == pytest.approx(19.135925373194233, rel=1e-9)
    assert found["sharpe"] == pytest.approx(1.7238613961706866, abs=1e-12)
    assert found["sharpe_daily"] == pytest.approx(1.7238613961706866, abs=1e-12)
    assert found["sortino"] == pytest.approx(2.605531251673693, abs=1e-12)


def test_annual_return_counts_time_and_not_samples() -> None:
    returns = [r / 100.0 for r in PUBLISHED]
    total = math.prod(1.0 + r for r in returns) - 1.0
    assert figures_of(returns, years=1.0)["annual_return"] == pytest.approx(total, rel=1e-12)
    assert figures_of(returns, years=2.0)["annual_return"] == pytest.approx((1.0 + total) ** 0.5 - 1.0, rel=1e-12)
    assert figures_of(returns, periods=252.0)["annual_return"] == figures_of(returns)["annual_return"]
    theirs = empyrical.annual_return(np.array(returns), annualization=len(returns))  # as many samples as a year has
    assert figures_of(returns, years=1.0)["annual_return"] == pytest.approx(theirs, rel=1e-9)


RETURNS = st.lists(st.floats(-0.2, 0.2).map(lambda r: round(r, 6)), min_size=3, max_size=60)


@given(returns=RETURNS, periods=st.sampled_from([52.0, 252.0, 365.0, 525_600.0]))
@example(returns=[0.0, 0.0, 0.125], periods=525_600.0)
def test_same_as_empyrical(returns: list[float], periods: float) -> None:
    r = np.array(returns)
    found = figures_of(returns, periods=periods, years=len(returns) / periods)
    with np.errstate(over="ignore"):  # three minutes that gain an eighth are more than a double holds in a year
        theirs = {
            "volatility": empyrical.annual_volatility(r, annualization=periods),
            "sharpe": empyrical.sharpe_ratio(r, annualization=periods),
            "sortino": empyrical.sortino_ratio(r, annualization=periods),
            "max_drawdown": empyrical.max_drawdown(r),
            "annual_return": empyrical.annual_return(r, annualization=periods),
            "calmar": empyrical.calmar_ratio(r, annualization=periods),
        }
    varied = len(set(returns)) > 1
    for key, value in theirs.items():
        if key in ("volatility", "sharpe") and not varied:
            assert found[key] in (0.0, None)
        elif math.isfinite(value):
            assert found[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key
        else:
            assert found[key] is None, key


def test_periods_a_year() -> None:
    returns = [r / 100.0 for r in PUBLISHED]
    stats, account, settings = fed(returns, sample_ns=60 * 10**9)
    found = figures(stats, account, settings, periods=None, start_ns=0, end_ns=YEAR_NS)
    assert found["periods"] == 525_600.0
    assert found["sharpe"] == pytest.approx(empyrical.sharpe_ratio(np.array(returns), annualization=525_600), rel=1e-9)
    assert found["sharpe_daily"] == pytest.approx(
        empyrical.sharpe_ratio(np.array(returns), annualization=365), rel=1e-9
    )
    # 252 is meant for samples of a day; on minutes it says nothing about days
    assert (
        figures(stats, account, settings, periods=252.0, start_ns=0, end_ns=YEAR_NS)["sharpe_daily"]
        == found["sharpe_daily"]
    )
    assert figures_of(returns, periods=252.0)["sharpe_daily"] == figures_of(returns, periods=252.0)["sharpe"]


def test_plain_counts_and_ratios() -> None:
    changed = {
        "trades": 8,
        "wins": 2,
        "exposed": 3,
        "traded": 4000.0,
        "fees": 5.0,
        "funding": -2.0,
        "slippage": 3.0,
        "partial": 7,
    }
    found = figures_of([0.0] * 4, **changed)
    assert (found["win_rate"], found["exposure"], found["turnover"]) == (0.25, 0.75, 4.0)
    assert (found["fees"], found["funding"], found["slippage"], found["partial_fills"]) == (5.0, -2.0, 3.0, 7)
    assert (found["final_equity"], found["total_return"], found["bars"]) == (1000.0, 0.0, 4)
    assert type(found["trades"]) is int
    assert type(found["fees"]) is float


def test_every_figure_of_the_contract_is_there() -> None:
    assert list(figures_of([0.01, -0.01]))[: len(CONTRACT)] == CONTRACT


@pytest.mark.parametrize(
    ("case", "missing"),
    [
        ({"returns": []}, "volatility sharpe sharpe_daily sortino calmar win_rate turnover exposure"),
        ({"returns": [0.1]}, "volatility sharpe sharpe_daily sortino calmar win_rate"),
        ({"returns": [0.0] * 50}, "sharpe sharpe_daily sortino calmar win_rate"),
        ({"returns": [0.01, 0.02]}, "sortino calmar win_rate"),
        ({"returns": [0.01, -0.02], "years": 0.0}, "annual_return calmar win_rate"),
        ({"returns": [0.5, -0.1], "years": 1e-9}, "annual_return calmar win_rate"),  # 1.35 ** 1e9 is no number
        (
            {"returns": [0.01, -1.5], "bankrupt": 1},
            "annual_return volatility sharpe sharpe_daily sortino calmar win_rate",
        ),
    ],
)
def test_figures_that_do_not_exist(case: dict[str, Any], missing: str) -> None:
    found = figures_of(**case)
    assert {key for key, value in found.items() if value is None} == set(missing.split())
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("each", [1e-4, 1e-12, -1e-8])
def test_rounding_is_no_risk(each: float) -> None:
    """Interest changes equity by the same share every minute: what varies is the last digit of equity / equity."""
    last_digit = np.finfo(float).eps * np.random.default_rng(2).integers(-1, 2, 5000)
    returns = (each + last_digit).tolist()
    assert np.std(returns) > 0.0
    found = figures_of(returns)
    assert (found["volatility"], found["sharpe"], found["sharpe_daily"]) == (0.0, None, None)


def test_small_risk_is_risk() -> None:
    rng = np.random.default_rng(5)
    returns = (1e-9 * rng.standard_normal(2000)).tolist()
    theirs = empyrical.sharpe_ratio(np.array(returns), annualization=365)
    assert figures_of(returns)["sharpe"] == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(("sample", "step_ns"), [(None, 60 * 10**9), ("1h", 3600 * 10**9), ("1d", DAY_NS)])
def test_a_whole_run_agrees_with_its_own_equity(sample: str | None, step_ns: int) -> None:
    """From the equity of the result, by empyrical and by hand; the sums of the lane must tell the same."""
    import huracan

    spec: dict[str, Any] = {
        "run": {"seed": 3} | ({} if sample is None else {"sample": sample}),
        "data": {"synthetic": "regimes", "bars": 8000, "timeframe": "1m"},
        "strategy": {"use": "sma_cross", "params": {"fast": 10, "slow": 40, "fraction": 1.0}},
    }
    result = huracan.backtest(spec)
    found, rows = result.figures, result.equity_rows
    assert found["fills"] > 20
    sampled = on_grid(rows, result.about.start_ns, step_ns)
    daily = on_grid(rows, result.about.start_ns, DAY_NS)
    year = YEAR_NS / step_ns
    theirs = {
        "volatility": empyrical.annual_volatility(sampled, annualization=year),
        "sharpe": empyrical.sharpe_ratio(sampled, annualization=year),
        "sortino": empyrical.sortino_ratio(sampled, annualization=year),
        "sharpe_daily": empyrical.sharpe_ratio(daily, annualization=365),
        "max_drawdown": empyrical.max_drawdown(np.diff(rows["equity"], prepend=1e6) / np.r_[1e6, rows["equity"][:-1]]),
    }
    assert {key: found[key] for key in theirs} == pytest.approx(theirs, rel=1e-9)
    assert found["samples"] == sampled.size
    assert found["turnover"] == pytest.approx(
        float((result.fills.qty * result.fills.price).sum() / rows["equity"].mean())
    )
    assert found["fees"] == pytest.approx(float(result.fills.fee.sum()))
    assert found["win_rate"] == pytest.approx(float((result.trades.pnl > 0.0).mean()))
    assert found["final_equity"] == rows["equity"][-1]


def on_grid(rows: Any, start_ns: int, step_ns: int) -> np.ndarray[Any, Any]:
    """Returns between whole steps since 1970, each at the last equity known then, the first from the cash."""
    points = np.arange(start_ns // step_ns + 1, rows["ts_ns"][-1] // step_ns + 1) * step_ns
    at = np.searchsorted(rows["ts_ns"], points, side="right") - 1
    equity = np.r_[1e6, np.where(at >= 0, rows["equity"][at], 1e6)]
    return equity[1:] / equity[:-1] - 1.0


def test_columns_are_the_same_figures() -> None:
    cases = [[0.01, -0.02, 0.03], [], [0.1], [0.0, 0.0], [-0.5, 0.2]]
    records = [np.array([fed(case)[k] for case in cases]) for k in range(3)]
    records[1]["bankrupt"][4] = 1
    how: dict[str, Any] = {"periods": None, "start_ns": 0, "end_ns": YEAR_NS}
    columns = figure_columns(*records, open_trades=np.arange(5), **how)
    for k in range(len(cases)):
        alone = figures(*(each[k] for each in records), open_trades=k, **how)
        row = {key: column[k].item() for key, column in columns.items()}
        assert {key: None if value != value else value for key, value in row.items()} == alone
        assert alone["open_trades"] == k
    assert {column.shape for column in columns.values()} == {(5,)}


def test_columns_are_not_views_of_the_machine() -> None:
    records = [np.array([each]) for each in fed([0.01, 0.02])]
    columns = figure_columns(*records, periods=None, start_ns=0, end_ns=YEAR_NS)
    before = {key: column.copy() for key, column in columns.items()}
    for each in records:
        each[:] = np.zeros(1, each.dtype)
    for key, column in columns.items():
        assert np.array_equal(column, before[key], equal_nan=column.dtype.kind == "f"), key


def test_columns_hold_nan_and_never_infinity() -> None:
    stats, account, settings = fed([0.5])
    columns = figure_columns(stats, account, settings, periods=None, start_ns=0, end_ns=1)  # 1.5 ** 3e16
    assert not [key for key, column in columns.items() if np.isinf(column).any()]
    assert np.isnan(columns["annual_return"]).all()


def test_rejections_have_names() -> None:
    stats, account = np.zeros(2, layout.stats), np.zeros(2, layout.account)
    stats["counts"][:, Reason.CUT_TO_CASH] = 2
    account["counts"][1, Reason.CUT_TO_CASH] = 1
    account["counts"][0, Reason.BELOW_LOT] = 4
    assert rejections(stats[0], account[0], {"calm: bar too wide": 3, "never": 0}) == {
        "below_lot": 4,
        "cut_to_cash": 2,
        "calm: bar too wide": 3,
    }
    assert rejections(stats, account) == {"below_lot": 4, "cut_to_cash": 5}
    found = figure_columns(stats, account, np.ones(2, layout.settings), periods=1.0, start_ns=0, end_ns=1)
    assert found["rejected"].tolist() == [6, 3]
