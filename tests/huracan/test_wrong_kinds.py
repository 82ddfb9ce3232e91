"""What is no spec at all, and keys that mean nothing to an account, each have a name."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import huracan
from huracan import cli
from huracan.run import plan, sweep
from huracan.settings import ignored
from huracan.spec import load_spec

NO_SPECS: list[Any] = [5, 1.5, None, [], ["spec.toml"], b"spec.toml", object(), huracan, np.zeros(3), io.StringIO("x")]


@pytest.mark.parametrize("source", NO_SPECS, ids=lambda source: type(source).__name__)
def test_what_is_no_spec_is_refused_by_its_kind(source: Any) -> None:
    for call in (huracan.backtest, huracan.sweep, plan):
        with pytest.raises(huracan.Refused) as caught:
            call(source)
        assert caught.value.where == "spec"
        assert "give the path of a TOML file, or a dict" in caught.value.fix
        kind = type(source).__name__
        assert ("None" if source is None else kind) in caught.value.what


@pytest.mark.parametrize("path", ["x" * 5000, "a/" * 3000 + "s.toml", "spec\0.toml"])
def test_a_path_that_can_be_none_is_refused(path: str) -> None:
    with pytest.raises(huracan.Refused, match=r"the run spec (can't be read|is not there)"):
        huracan.backtest(Path(path))


def test_a_spec_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "s.toml"
    spec.write_text("")

    def denied(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied", str(spec))

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(huracan.Refused, match="can't be read: Permission denied"):
        huracan.backtest(spec)


SPEC: dict[str, Any] = {
    "data": {"synthetic": "regimes", "bars": 50, "symbols": ["BTC/USDT", "ETH/USDT"]},
    "strategy": {"use": "buy_and_hold"},
}


def test_a_folder_or_a_cluster_of_another_kind_is_refused() -> None:
    swept = SPEC | {"sweep": {"fraction": [0.5, 1.0]}}
    with pytest.raises(huracan.Refused, match=r"out can't be an int \(5\)"):
        sweep(swept, out=5)  # type: ignore[arg-type]
    with pytest.raises(huracan.Refused, match=r"cluster can't be an int \(6379\)"):
        sweep(swept, cluster=6379)  # type: ignore[arg-type]


def test_what_is_neither_strategy_nor_gate_says_where() -> None:
    with pytest.raises(huracan.Refused) as caught:
        huracan.backtest(SPEC | {"strategy": {"use": np.sum}})
    assert "put @strategy(...)" in caught.value.fix
    assert caught.value.where


def test_leverage_that_means_nothing_is_named_in_the_result() -> None:
    """Spot that may not borrow pays in full: no leverage, and nothing to pay interest for."""
    plain = huracan.backtest(SPEC).figures
    asked = huracan.backtest(SPEC | {"account": {"leverage": 3.0, "borrow_rate": 0.1}}).figures
    named = {"leverage_without_borrow": 2, "borrow_rate_without_borrow": 2}
    assert asked["repairs"] == plain["repairs"] | named
    assert asked["final_equity"] == plain["final_equity"]


@pytest.mark.parametrize(
    ("more", "all_spot", "named"),
    [
        ({"account": {"leverage": 1.0}}, True, set()),
        ({"account": {"leverage": 0.5}}, True, {"leverage_without_borrow"}),
        ({"account": {"leverage": 3.0, "borrow": True}}, True, set()),
        ({"account": {"leverage": 3.0, "borrow_rate": 0.1}}, False, set()),  # beside contracts it counts
        ({"sweep": {"account.leverage": [1.0, 2.0]}}, True, {"leverage_without_borrow"}),
        ({"sweep": {"account.leverage": [1.0, 2.0], "account.borrow": [True, False]}}, True, set()),
    ],
)
def test_what_means_nothing_depends_on_the_whole_account(more: dict[str, Any], all_spot: bool, named: set[str]) -> None:
    assert ignored(load_spec(SPEC | more), all_spot=all_spot) == dict.fromkeys(named, 2)


TWO_CURRENCIES = [
    (["BTC/USDT", "ETH/EUR"], "USDT and EUR"),
    (["BTC/USDT:USDT", "ETH/USDC:USDC"], "USDT and USDC"),
    (["BTC/USD:BTC", "ETH/USD:ETH"], "BTC and ETH"),
    (["BTC/USD:BTC-250627", "BTC/USDT:USDT"], "BTC and USDT"),
]


@pytest.mark.parametrize(("symbols", "currencies"), TWO_CURRENCIES)
def test_instruments_that_settle_in_two_currencies_are_refused(symbols: list[str], currencies: str) -> None:
    with pytest.raises(huracan.Refused, match=f"the instruments settle in {currencies}") as caught:
        huracan.backtest(SPEC | {"data": {"synthetic": "regimes", "bars": 50, "symbols": symbols}})
    assert caught.value.where == "data"
    assert caught.value.fix


@pytest.mark.parametrize("symbols", [["BTC/USDT", "ETH/USDT:USDT"], ["BTC/USD:BTC", "ETH/BTC"], ["spy", "BTC/USDT"]])
def test_one_currency_or_an_unknown_one_is_not(symbols: list[str]) -> None:
    assert load_spec(SPEC | {"data": {"synthetic": "regimes", "bars": 50, "symbols": symbols}}).data.symbols


@pytest.mark.parametrize("warmup", [50, 10**12])
def test_a_warm_up_that_leaves_no_bar_is_refused(warmup: int) -> None:
    data = {"synthetic": "regimes", "bars": 50}
    with pytest.raises(huracan.Refused, match=f"a warm-up of {warmup:,} bars leaves none of 50"):
        huracan.backtest(SPEC | {"data": data | {"warmup": warmup}})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["backtest", "s.toml", "--out", ""], "refused: a value is empty (at --out)"),
        (["backtest", "s.toml", "--out="], "refused: a value is empty (at --out)"),
        (["backtest", "", "--out", "o"], "refused: a value is empty (at backtest)"),
        (["backtest", "s.toml", "--out", "x" * 300], "refused: the name of the folder for the results is too long"),
    ],
)
def test_a_folder_that_has_no_name_is_refused(
    line: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.toml").write_text('[data]\nsynthetic = "regimes"\nbars = 50\n[strategy]\nuse = "buy_and_hold"\n')
    assert cli.main(line) == 2
    assert says in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["s.toml"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"gates": [{"use": "sma_cross"}]}, "'sma_cross' is no gate"),
        ({"strategy": {"use": "calm"}}, "'calm' is no strategy"),
    ],
)
def test_a_strategy_is_no_gate(more: dict[str, Any], says: str) -> None:
    with pytest.raises(huracan.Refused, match=says):
        huracan.backtest(SPEC | more)
