"""Law 8: bad input is refused with what, where and what to do, or counted by name; nothing is dropped in silence."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import huracan
from huracan import law_plain
from huracan.law_check import SHORT, bad_input, benches, where_out_of_range
from huracan.run import check
from huracan.sim.layout import Reason
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars, Payments
from huracan.sim.tape import build_tape
from tests import engine
from tests.laws.cases import MINUTE
from tests.laws.shipped import NAMES, on_bars
from tests.oracle_records import Instrument, Settings

FLAT = [(k * MINUTE, 100.0, 101.0, 99.0, 100.0, 1000.0) for k in range(8)]


@pytest.mark.parametrize("name", [n for n in NAMES if n in on_bars()])
def test_parameters_of_what_is_shipped(name: str) -> None:
    findings = list(bad_input(on_bars()[name]))
    assert not [f for f in findings if not f.ok]
    assert len(findings) > 5


def rejections(*actions: tuple, market: dict | None = None, **settings: object) -> dict[str, int]:
    """What is counted when a script makes these orders on the first of eight flat bars."""
    i = Instrument("A", MINUTE, FLAT, tick=(1, 1), **(market or {}))
    out = engine.run([i], Settings(**{"leverage": 2.0, **settings}), {(0, 0): list(actions)})
    assert np.isfinite(out.equity["equity"]).all()
    return out.rejections


NAN, INF = math.nan, math.inf
NAMED = [
    ([("buy", NAN)], {"bad_quantity": 1}),
    ([("buy", -1.0)], {"bad_quantity": 1}),
    ([("sell", INF)], {"bad_quantity": 1}),
    ([("target", NAN)], {"bad_quantity": 1}),
    ([("limit", 0, 1, 100.0)], {"bad_side": 1}),
    ([("limit", 2, 1, 100.0)], {"bad_side": 1}),
    ([("limit", 1, 1, NAN)], {"bad_price": 1}),
    ([("limit", 1, 1, 0.2)], {"bad_price": 1}),  # the tick below it is 0
    ([("limit", 1, 1, -5.0)], {"bad_price": 1}),
    ([("limit", 1, 1, 90.0, False, "GTT", 0)], {"bad_tif": 1}),
    ([("stop", 1, 1, NAN)], {"bad_price": 1}),
    ([("stop", 1, 1, 110.0, -1.0)], {"bad_price": 1}),
    ([("trail", -1, 1, NAN)], {"bad_price": 1}),
    ([("bracket", 1, 1, 100.0, 99.0, 90.0)], {"bad_bracket": 1}),
    ([("bracket", 1, 1, INF)], {"bad_price": 1}),
    ([("limit", 1, 1, 90.0), ("modify_last", -1.0)], {"bad_quantity": 1}),
    ([("stop", 1, 1, 110.0), ("modify_last", None, 90.0)], {"bad_modify": 1}),
    ([("limit", 1, 1, 90.0)] * 12, {"no_free_slot": 4}),
    ([("buy", 1e12)], {"cut_to_margin": 1}),
    ([("reduce_limit", -1, 1, 90.0)], {"nothing_to_reduce": 1}),
]


@pytest.mark.parametrize(("actions", "named"), NAMED, ids=lambda x: str(x)[:60])
def test_bad_orders_are_counted_by_name(actions: list[tuple], named: dict[str, int]) -> None:
    found = rejections(*actions)
    assert {name: found.get(name, 0) for name in named} == named
    assert set(found) <= {r.name.lower() for r in Reason}


def test_a_thousand_orders_are_refused_and_the_run_goes_on() -> None:
    i = Instrument("A", MINUTE, [(k * MINUTE, 100.0, 101.0, 99.0, 100.0, 1000.0) for k in range(100)], tick=(1, 1))
    script = {(row, 0): [("limit", 1, 1, 50.0)] * 12 for row in range(90)} | {(95, 0): [("cancel_all",), ("buy", 1)]}
    out = engine.run([i], Settings(leverage=2.0), script)
    assert out.rejections["no_free_slot"] == 12 * 90 - 8 + 1
    assert len(out.equity) == 100


def bars(**other: object) -> Bars:
    columns = {"open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0}
    plain = {name: np.full(8, value) for name, value in columns.items()} | {"open_ns": MINUTE * np.arange(8)}
    return Bars("A", "x", MINUTE, **{**plain, **other})  # type: ignore[arg-type]


def test_tapes_that_cannot_be_are_refused() -> None:
    for series, says in [
        ([], "there is no instrument"),
        ([bars(), bars()], "named twice"),
        ([bars(open_ns=np.zeros(0, np.int64))], "has no bars"),
    ]:
        with pytest.raises(Refused, match=says) as caught:
            build_tape(series)
        assert caught.value.where
        assert caught.value.fix
    with pytest.raises(Refused, match="no bar after the start"):
        build_tape([bars()], start_ns=10**18)


@pytest.mark.parametrize("price", [1e-8, 1e8])
def test_tiny_and_huge_prices_run(price: float) -> None:
    rows = [(k * MINUTE, *(price * x for x in (1.0, 1.01, 0.99, 1.005)), 1000.0) for k in range(8)]
    out = engine.run(
        [Instrument("A", MINUTE, rows)],
        Settings(cash=1e6 * price, leverage=2.0),
        {(0, 0): [("buy", 10)], (3, 0): [("close",)]},
    )
    assert len(out.fills) == 2
    assert np.isfinite(out.equity["equity"]).all()


def test_funding_without_a_mark_is_repaired_by_name() -> None:
    payments = Payments(np.array([3 * MINUTE]), np.array([0.01]), np.array([NAN]))
    assert build_tape([bars()], [payments]).repairs == {"funding_mark_from_last_price": 1}


WRONG = '''
from huracan import buy, param, strategy


@strategy(params={"qty": param(1.0, 0.0)}, state={"n": 0})
def counts(ctx):
    """Buys on every third bar."""
    ctx.u.n += 1
    if ctx.u.n % 3 == 0:
        buy(ctx, ctx.p.qty)


@strategy(instruments=40)
def many(ctx):
    """Needs forty."""
'''


def test_check_refuses_by_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(WRONG)
    for target, says in [
        (f"{file}:none", "has no 'none'"),
        (f"{tmp_path}/other.py:none", "there is no file"),
        (f"{file}:many", "trades 40 instruments"),
        ("no_such_strategy", "there is no strategy"),
    ]:
        with pytest.raises(Refused, match=says) as caught:
            check(target)
        assert caught.value.fix
    assert [b.trial.name for b in benches(f"{file}:counts")] == [
        "a perpetual",
        "an inverse perpetual",
        "coins for cash",
    ]


LEAVES = """
from huracan import strategy


@strategy(state=dict(n=0, last=[0.0] * {size}))
def leaves(ctx):
    ctx.u.last[ctx.u.n] = ctx.bar.close
    ctx.u.n += 1
"""


@pytest.mark.parametrize("size", [4, SHORT + 9])
def test_check_names_the_line_that_leaves_an_array(tmp_path: Path, size: int) -> None:
    """Compiled code knows no line: `huracan check` looks for it in plain Python, on the first rows, then on all."""
    file = tmp_path / "leaves.py"
    file.write_text(LEAVES.format(size=size), "utf-8")
    name, out = f"{file}:leaves", tmp_path / "plain.npz"
    process = law_plain.start_check(name, out)
    refused = where_out_of_range(name, out, process, IndexError("index is out of bounds"))
    law_plain.stop(process)
    assert f"index {size} is out of bounds" in refused.what
    assert refused.where == f"{file}:7"
    assert refused.fix


HELPER = """
from huracan import inline, param, strategy


@inline
def kept(a, i, x):
    a[i] = x
    return a[i]


@strategy(params={"from_row": param(900, 1, 10**6)}, state={"n": 0, "last": [0.0] * 3})
def leaves(ctx):
    ctx.u.n += 1
    if ctx.u.n >= ctx.p.from_row:
        kept(ctx.u.last, ctx.u.n, ctx.bar.close)
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="plain Python finds it by itself")
@pytest.mark.parametrize("run", ["backtest", "sweep"])
def test_a_helper_that_leaves_an_array_is_refused(run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wrote over what stood behind the array before, and counted refusals by the billion."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    (tmp_path / "mine.py").write_text(HELPER, "utf-8")
    spec: dict[str, Any] = {
        "data": {"synthetic": "regimes", "bars": 1500},
        "strategy": {"use": f"{tmp_path / 'mine.py'}:leaves"},
    }
    if run == "sweep":
        spec["sweep"] = {"from_row": [2000, 900]}
    with pytest.raises(Refused, match="the strategy indexes out of range"):
        getattr(huracan, run)(spec)
