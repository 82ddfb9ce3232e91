"""The pages: everything a user named is text, nothing is fetched, and whatever does not exist is said in words."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.reports.charts import MOST_POINTS, heat_map, histogram, line, nice_steps, thinned
from huracan.reports.parts import Text
from huracan.reports.price_data import MOST_TRADES, shown_trades
from huracan.reports.render import Charts
from huracan.reports.sweep_page import sets_together_panel
from huracan.sim import layout
from huracan.sim.figures import DAY_NS, YEAR_NS, figures
from huracan.sim.result import About, Result
from huracan.sim.sweep_result import SweepResult
from tests.reports.made import made_run
from tests.reports.page_text import EVIL, page_of


def about(name: str = "cross", symbols: tuple[str, ...] = ("ETH/USDT:USDT",), **changed: Any) -> About:
    given = {"spec_hash": "abc123", "code_hash": "def456", "data_hash": "789aaa", "spec": {"run": {"name": name}}}
    return About(name, symbols, 0, 2 * YEAR_NS, "1h", **(given | changed))


def run(trades: int = 0, bars: int = 0, numbers: dict[str, Any] | None = None, **changed: Any) -> Result:
    t, e = np.zeros(trades, layout.trade), np.zeros(bars, layout.equity)
    t["exit_reason"], t["side"], t["qty"], t["pnl"] = 1, 1, 2.0, np.arange(trades) + 0.25
    e["ts_ns"] = np.linspace(DAY_NS, 2 * YEAR_NS, bars).astype(np.int64)
    e["equity"] = 100.0 + np.sin(np.arange(bars))
    e["drawdown"] = -np.abs(np.sin(np.arange(bars))) / 10.0
    return Result(about(**changed), {"cash": 100.0} | (numbers or {}), trade_rows=t, equity_rows=e)


def sweep(sharpes: list[float], keys: tuple[str, ...] = ("fast", "slow"), **changed: Any) -> SweepResult:
    n = len(sharpes)
    params = {key: np.arange(n) // (4**k) % 4 if n > 4 else np.arange(n) for k, key in enumerate(keys)}
    columns = {"sharpe": np.array(sharpes, float), "samples": np.full(n, 9000), "periods": np.full(n, 8760.0)}
    columns |= {"bars": np.full(n, 9000), "trades": np.full(n, 400), "fills": np.full(n, 800), "fees": np.ones(n)}
    return SweepResult(about(**changed), params, columns)


SHARPES = np.linspace(-1.0, 2.0, 16).tolist()
BOTH = [run(trades=25, bars=300), sweep(SHARPES)]


@pytest.mark.parametrize("result", BOTH, ids=["run", "sweep"])
def test_nothing_is_fetched_and_only_our_script_runs(result: Any, tmp_path: Path) -> None:
    page = page_of(result, tmp_path)
    assert not re.search(r"//\w|url\(|@import|javascript:", page.html.replace(page.scripts[1], ""))
    banned = {"link", "img", "iframe", "object", "embed", "base", "form"}
    assert not {tag for tag, _ in page.tags} & banned
    assert not [key for _, attrs in page.tags for key in attrs if key == "src" or key.startswith("on")]
    assert {(attrs["href"] or "")[:1] for _, attrs in page.tags if "href" in attrs} == {"#"}
    kinds = [attrs.get("type") for tag, attrs in page.tags if tag == "script"]
    assert kinds == ["application/json", "application/octet-stream", None]
    allowed = base64.b64encode(hashlib.sha256(page.scripts[2].encode()).digest()).decode()
    policy = [attrs for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    expected = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    assert policy[0]["content"] == expected


@pytest.mark.parametrize("result", BOTH, ids=["run", "sweep"])
def test_page_is_for_phones_and_for_the_dark(result: Any, tmp_path: Path) -> None:
    page = page_of(result, tmp_path)
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in page.html
    assert "prefers-color-scheme: dark" in page.html
    wide = [attrs for tag, attrs in page.tags if tag == "div" and "wide" in (attrs.get("class") or "").split()]
    assert len(wide) >= sum(tag == "table" for tag, _ in page.tags) > 2  # each table scrolls by itself


def test_names_are_text_on_the_tear_sheet(tmp_path: Path) -> None:
    plain = {"repairs": {"a": 1}, "rejections": {"b": 2}, "versions": {"c": "1"}}
    harmless = page_of(made_run(500, 20, symbols=("A",), spec={"a": ["b"]}, **plain), tmp_path)
    named = {
        "repairs": {EVIL: 1},
        "rejections": {EVIL: 2},
        "versions": {EVIL: EVIL},
        "spec_hash": EVIL,
        "spec": {EVIL: [EVIL]},
    }
    page = page_of(made_run(500, 20, name=EVIL, symbols=(EVIL,), **named), tmp_path)
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in harmless.tags}
    assert page.html.count("<script") == 3
    assert "<img" not in page.html
    assert "alert(1)</" not in page.html
    assert "\\u003cscript\\u003ealert(1)" in page.scripts[0]
    assert page.plots["price"]["instruments"][0]["name"] == EVIL
    assert page.text.count(EVIL) >= 7  # title, head, symbols, repairs, rejections, versions, hashes


def test_names_are_text_on_the_sweep_page(tmp_path: Path) -> None:
    result = sweep(SHARPES, keys=(EVIL, "slow" + EVIL), name=EVIL)
    result.params["words"] = np.array([EVIL, "x"] * 8, dtype=object)  # type: ignore[index]
    page = page_of(result, tmp_path)
    harmless = sweep(SHARPES, keys=("a", "b"))
    harmless.params["words"] = np.array(["y", "x"] * 8, dtype=object)  # type: ignore[index]
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in page_of(harmless, tmp_path).tags}
    assert page.html.count("<script") == 3
    assert "<img" not in page.html
    assert page.text.count(EVIL) > 10


def test_sections_of_the_tear_sheet(tmp_path: Path) -> None:
    numbers = {"final_equity": 112.5, "total_return": 0.125, "sharpe": 1.234, "periods": 8760.0, "fees": 3.0}
    numbers |= {"slippage": 1.5, "funding": -0.5, "spread": 0.0, "impact": 0.0, "interest": 0.0, "traded": 6000.0}
    numbers |= {"trades": 25, "fills": 50}
    named = {"rejections": {"cut_to_cash": 1234}, "repairs": {"duplicate_time": 2}}
    text = page_of(run(trades=25, bars=300, numbers=numbers, **named), tmp_path).words()
    for expected in (
        *("Equity, USDT", "The worst drawdowns", "Skill or luck?", "Where the money went, USDT", "Month by month"),
        *("What the trades have in common", "Rejections, cuts and cancels", "Repairs", "All figures", "What was run"),
        *("12.50%", "112.50", "1.23", "annualised by the root of 8,760 samples of 1h a year", "over 2.00 years"),
        *("Fees 3.00 3.00% 5.00", "Slippage 1.50 1.50% 2.50", "Funding -0.50 -0.50% -0.83"),
        *("All costs 4.00 4.00% 6.67", "cut to cash 1,234", "duplicate time 2", "abc123", "def456", "789aaa"),
        *("25 trades: too few to tell skill from luck.", "market.parquet is not beside result.json"),
    ):
        assert expected in text, expected


@pytest.mark.parametrize("trades", [0, 1, 500])
def test_no_trade_is_shown_twice_or_lost(trades: int, tmp_path: Path) -> None:
    page = page_of(run(trades=trades, bars=5), tmp_path)
    assert ("No trade was closed." in page.text) == (trades == 0)
    if trades:
        shown = page.column(page.plots["price"]["trades"]["pnl"])
        assert shown.tolist() == [k + 0.25 for k in range(trades)]


def test_of_very_many_trades_the_largest_are_shown(tmp_path: Path) -> None:
    result = run(trades=MOST_TRADES + 3, bars=5)
    assert shown_trades(result).tolist() == list(range(3, MOST_TRADES + 3))
    page = page_of(result, tmp_path)
    assert f"{MOST_TRADES:,} of {MOST_TRADES + 3:,} trades, those that won or lost most" in page.text


@pytest.mark.parametrize("bars", [0, 1, 2])
@pytest.mark.parametrize(
    "numbers", [{}, {"bankrupt": True, "liquidations": 2}, {"fills": 0, "trades": 0}, {"cash": None}]
)
def test_what_does_not_exist_is_text(bars: int, numbers: dict[str, Any], tmp_path: Path) -> None:
    missing = dict.fromkeys(("final_equity", "annual_return", "sharpe", "calmar", "win_rate", "turnover", "periods"))
    page = page_of(run(bars=bars, numbers=missing | numbers), tmp_path)
    assert "n/a" in page.text
    assert not re.search(r"\b(nan|inf|None)\b", page.text.replace("None.", ""))
    drawn = bars + (numbers.get("cash", 100.0) is not None) > 1 and bars > 0
    assert ("There are not enough points to draw." in page.text) != drawn
    if numbers.get("bankrupt"):
        assert "The account was lost" in page.text
        assert "2 liquidations" in page.text
    if "fills" in numbers:
        assert "Nothing was filled" in page.text


def test_a_lane_that_never_did_anything(tmp_path: Path) -> None:
    records = [np.zeros(1, kind)[0] for kind in (layout.stats, layout.account, layout.settings)]
    page_of(run(bars=3, numbers=figures(*records, periods=None, start_ns=0, end_ns=0)), tmp_path)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"fills": 62, "trades": 31, "fees": 1.0, "slippage": 1.0}, "31 trades: too few to tell skill from luck."),
        ({"fills": 1, "trades": 0, "open_trades": 1}, "1 trade still open at the end is marked at its last close"),
        ({"fills": 9, "fees": 0.0}, "No fees were charged."),
        ({"fills": 9, "fees": 1.0}, "No spread, slippage or impact was modelled"),
        ({"fills": 9, "sharpe": 7.0}, "A Sharpe ratio above 3 is rare"),
    ],
)
def test_warnings_are_words(numbers: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    assert sentence in page_of(run(bars=3, numbers=numbers), tmp_path).text
    fine = {"fills": 900, "trades": 400, "fees": 1.0, "slippage": 1.0, "sharpe": 1.0}
    assert sentence not in page_of(run(bars=3, numbers=fine), tmp_path).text


def test_honesty_comes_first_on_the_sweep_page(tmp_path: Path) -> None:
    result = sweep(SHARPES)
    text = page_of(result, tmp_path).words()
    assert result.honesty["verdict"] in text
    places = [
        text.index(each)
        for each in ("Not judged", "How often which value", "A best that stands", "The best set in full")
    ]
    assert places == sorted(places)
    assert "Deflated Sharpe n/a" in text
    assert "16 sets over 9,000 bars" in text


def test_heat_map_has_a_cell_for_each_pair_and_frames_the_best(tmp_path: Path) -> None:
    sharpes = SHARPES.copy()
    sharpes[3] = float("nan")
    page = page_of(sweep(sharpes), tmp_path)
    classes = [attrs.get("class") for tag, attrs in page.tags if tag == "rect"]
    assert classes.count("cell-none") == 1
    assert classes.count("cell-plus") + classes.count("cell-minus") == 15
    assert classes.count("cell-best") == 1
    assert "fast 3, slow 3: 2" in [attrs.get("data-tip") for _, attrs in page.tags]
    assert "1 of them have no such figure" in page.words()


@pytest.mark.parametrize("sharpes", [[], [float("nan")] * 3, [1.0], [1.0, 1.0, 1.0], [1.0, 2.0, float("nan")]])
@pytest.mark.parametrize("keys", [("one",), ("one", "two"), ("one", "two", "three")])
def test_sweeps_with_little_to_show(sharpes: list[float], keys: tuple[str, ...], tmp_path: Path) -> None:
    page = page_of(sweep(sharpes, keys), tmp_path)
    assert ("There is no best set." in page.text) == (not np.isfinite(sharpes).any())
    assert not re.search(r"\b(nan|inf)\b", page.text)


@pytest.mark.parametrize(("keys", "pairs"), [(8, 28), (14, 66)])
def test_any_two_of_many_parameters_make_a_heat_map(keys: int, pairs: int) -> None:
    """Of so many that the pairs would swell the page the first twelve, and the page says so."""
    made = sweep(SHARPES)
    places = np.arange(len(SHARPES))
    params = {f"k{i}": places // (1 + i % 4) % 3 for i in range(keys)}
    charts = Charts()
    panel = sets_together_panel(replace(made, params=params), np.array(SHARPES), charts)
    assert panel is not None
    assert len({(each["x"], each["y"]) for each in charts.plots["heat"]["pairs"]}) == pairs
    said = [part.text for part in panel.parts if isinstance(part, Text)]
    assert said == (["Any two of the first 12 of 14 parameters can be chosen."] if keys > 12 else [])


def test_a_figure_of_the_held_out_end_is_called_by_its_name(tmp_path: Path) -> None:
    made = sweep(SHARPES)
    columns = {**made.columns, "sharpe_in_sample": np.array(SHARPES), "sharpe_out_of_sample": -np.array(SHARPES)}
    text = page_of(replace(made, columns=columns, rank_by="sharpe_in_sample"), tmp_path).text
    assert "Sharpe in sample of all sets" in text
    assert "ranked by Sharpe in sample" in text
    assert "Sharpe out of sample" in text
    assert "Sharpe out of sample" not in page_of(made, tmp_path).text


def test_an_interrupted_sweep_says_so(tmp_path: Path) -> None:
    whole = sweep(SHARPES)
    half = SweepResult(whole.about, whole.params, whole.columns, planned=1000)
    assert "Interrupted: 16 of 1,000 sets" in page_of(half, tmp_path).text
    assert "Interrupted" not in page_of(whole, tmp_path).text


def test_thinning_keeps_the_extremes_and_the_ends() -> None:
    y = np.random.default_rng(1).standard_normal(500_000).cumsum()
    y[123_456], y[400_001] = -1e6, 1e6
    x, thin = thinned(np.arange(y.size, dtype=float), y)
    assert x.size <= MOST_POINTS + 2
    assert (thin.min(), thin.max(), thin[0], thin[-1]) == (-1e6, 1e6, y[0], y[-1])
    assert (np.diff(x) > 0).all()


def test_a_curve_stays_in_its_box() -> None:
    drawn = line(np.arange(3.0), np.array([5.0, 9.0, 1.0]), (), str, 5.0)
    assert drawn is not None
    numbers = [float(each) for each in re.findall(r"[\d.]+", drawn.path)]
    assert all(0.0 <= each <= 1000.0 for each in numbers)
    assert numbers[0::2] == [0.0, 500.0, 1000.0]
    heights = numbers[1::2]
    assert heights[1] < heights[0] < heights[2]
    assert heights[0] == drawn.zero


def test_histogram_counts_every_value() -> None:
    values = np.random.default_rng(1).standard_normal(1000)
    drawn = histogram(np.r_[values, np.nan], [(0.5, "best")], str)
    assert drawn is not None
    assert sum(int(says.rpartition(": ")[2].replace(",", "")) for *_, says, _ in drawn.rects) == 1000


def test_heat_map_takes_medians_and_puts_many_values_together() -> None:
    x, y = (each.ravel().tolist() for each in np.meshgrid(np.arange(500), np.arange(2)))
    drawn = heat_map(x, y, np.arange(1000.0), ("a", "b"), 999, str, str)
    assert drawn is not None
    assert len(drawn.cells) <= 2 * 60
    assert sum(best for *_, best in drawn.cells) == 1
    assert drawn.cells[0][6] == "a 0 to 8, b 0: 4.0"


def test_ticks_are_round() -> None:
    assert nice_steps(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert nice_steps(-3e-8, 3e-8) == [-2e-8, 0.0, 2e-8]
    assert nice_steps(5.0, 5.0) == [5.0]
