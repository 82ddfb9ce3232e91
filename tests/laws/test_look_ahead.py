"""Law 2 where sweeps look ahead many rows at once: the bits of the machine row by row, whatever the strategy does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.run import sweep
from huracan.sim.stubs import is_compiled
from huracan.spec import load_spec
from huracan.sweep_job import prepare

USERS = '''
"""Strategies that a user might write: own state, every kind of order, helpers of their own."""
import math

from huracan import bracket, cancel_all, close, ema, gate, inline, lag, limit, param, pending, rsi, sma, stop, strategy
from huracan import portable_math, target_fraction, trail
import huracan


@inline
def far(x, y, share):
    return x > y * (1.0 + share)


@strategy(params=dict(n=param(20, 2, 200), share=param(0.002), hold=param(20)),
          features=dict(mean=sma("n"), old=lag("close", 3)),
          state=dict(since=0, best=0.0))
def stateful(ctx):
    """Counts bars and remembers a price: state that changes in quiet rows too."""
    ctx.u.since += 1
    ctx.u.best = max(ctx.u.best, ctx.bar.close)
    if ctx.pos.qty == 0.0 and far(ctx.bar.close, ctx.f.mean, ctx.p.share) and ctx.u.since > ctx.p.hold:
        bracket(ctx, 1, 2.0, take=ctx.bar.close * 1.003, stop=ctx.bar.close * 0.998, max_hold=30)
        ctx.u.since = 0
        ctx.u.best = ctx.bar.close
    elif ctx.pos.qty > 0.0 and ctx.bar.close < ctx.u.best * (1.0 - 2.0 * ctx.p.share):
        close(ctx)


@strategy(params=dict(n=param(10, 2, 200), low=param(30.0)), features=dict(r=rsi("n"), e=ema(9)))
def both_ways(ctx):
    """Long and short with leverage, stops and limits."""
    if ctx.f.r < ctx.p.low and ctx.pos.qty <= 0.0:
        target_fraction(ctx, 1.5)
        trail(ctx, -1, 1.0, ctx.bar.close * 0.002)
    elif ctx.f.r > 100.0 - ctx.p.low and ctx.pos.qty >= 0.0 and pending(ctx) == 0:
        limit(ctx, -1, 3.0, ctx.bar.close * 1.001)
        stop(ctx, 1, 3.0, ctx.bar.close * 1.004)
    elif math.fabs(ctx.bar.close - ctx.f.e) > ctx.bar.close * 0.01:
        cancel_all(ctx)


@strategy(params=dict(n=param(20, 2, 200)), features=dict(mean=sma("n")))
def aims(ctx):
    """Says in every bar where it wants to be; most often it is there."""
    target_fraction(ctx, 0.5 if ctx.bar.close > ctx.f.mean else 0.0)


@strategy(params=dict(n=param(20, 2, 200)), features=dict(mean=sma("n")))
def by_module(ctx):
    """Reaches its helpers through the package."""
    if ctx.bar.close > ctx.f.mean and ctx.pos.qty == 0.0 and huracan.pending(ctx) == 0:
        huracan.buy(ctx, huracan.size(ctx, 1.0, 0.3))
    elif ctx.bar.close < ctx.f.mean:
        huracan.target(ctx, 0.0)


@inline
def side_and_size(ctx, most):
    """Numbers of two sorts."""
    if ctx.bar.close > ctx.f.drift:
        return 1, most
    return 0, 0.0


@strategy(params=dict(n=param(20, 2, 200)), features=dict(drift=sma("n")), state=dict(past=[0.0] * 3, sums=[0] * 2))
def drift(ctx):
    """Called like its own feature; writes elements of its state in every way there is."""
    found = side_and_size(ctx, 1.5)
    if ctx.bar.close > ctx.f.drift * 1.0002 and ctx.pos.qty == 0.0:
        ctx.u.past[0], ctx.u.past[1] = ctx.bar.close, ctx.u.past[0]
        was = ctx.u.past[2] = ctx.u.past[1]
        ctx.u.sums[0]: int = ctx.u.sums[0] + 1
        for ctx.u.sums[1] in range(3):
            ctx.u.sums[0] += 1
        if was < ctx.bar.close:
            huracan.buy(ctx, found[1])
    elif ctx.bar.close < ctx.u.past[0] * 0.9998 and found[0] == 0:
        close(ctx)


@strategy(params=dict(n=param(20, 2, 200)), features=dict(mean=sma("n")), state=dict(x=0.0))
def signed(ctx):
    """0.0 and -0.0 are two states."""
    if ctx.bar.close > ctx.f.mean * 1.0005:
        ctx.u.x = -0.0
    elif 1.0 / ctx.u.x < 0.0 and ctx.bar.close < ctx.f.mean * 0.9995:
        ctx.u.x = 0.0
        huracan.buy(ctx, 0.1)


@strategy(params=dict(n=param(5, 2, 200), m=param(20, 2, 200)), features=dict(x=ema("n"), y=ema("m")))
def turns(ctx):
    """Long or short by targets alone; under way, it aims at what it already is on its way to."""
    if ctx.f.x > ctx.f.y:
        huracan.target(ctx, 2.5)
    elif ctx.f.x < ctx.f.y and (pending(ctx) == 0 or ctx.pos.qty > 0.0):
        huracan.target(ctx, -1.25)


@strategy(params=dict(n=param(20, 2, 200)), features=dict(mean=sma("n")), state=dict(past=[0.0] * 3, at=0))
def ring(ctx):
    """Remembers the last three closes, so that every row would ask."""
    ctx.u.past[ctx.u.at % 3] = ctx.bar.close
    ctx.u.at += 1
    if ctx.bar.close > ctx.f.mean and ctx.pos.qty == 0.0:
        huracan.buy(ctx, 1.0)


@gate(features=dict(mean=sma(40), old=lag("mean", 5)), reasons=("falling",))
def rising(ctx, want):
    """Features of a gate are known where it is asked, whatever was passed over before."""
    return 1 if ctx.f.mean < ctx.f.old or ctx.f1.mean < ctx.f1.old else 0


@strategy(params=dict(n=param(3, 2, 50)), features=dict(m=sma("n")))
def crooked(ctx):
    """A sine of its own for every lane, which loops inside: nothing for vectors."""
    if portable_math.sin(ctx.f.m) > 0.5:
        target_fraction(ctx, 0.5)


@strategy(params=dict(n=param(3, 2, 50)), features=dict(m=sma("n")))
def ruin(ctx):
    """Always long with all the leverage there is: liquidated, bankrupt, or lucky."""
    if ctx.bar.close > ctx.f.m:
        target_fraction(ctx, 19.0)
'''


def spec_of(
    folder: Path, use: str, sweep_table: dict[str, Any], *, gated: bool = False, lots: bool = False, **more: Any
) -> dict[str, Any]:
    """A sweep over a market of a few thousand minutes with funding."""
    file = folder / "users.py"
    file.write_text(USERS)
    return {
        "run": {"seed": 5},
        "data": {"synthetic": "regimes", "bars": 3000} | ({"rules": {"lot": 0.3}} if lots else {}),
        "account": {"cash": 100_000.0, "leverage": 20.0},
        "venue": {"max_participation": 0.5} | more,
        "strategy": {"use": use if ":" not in use else f"{file}:{use.partition(':')[2]}", "params": {}},
        "sweep": sweep_table,
        "gates": [{"use": "calm"}, {"use": f"{file}:rising"}] if gated else [],
    }


CASES = {
    "crosses": ("sma_cross", {"fast": {"from": 2, "to": 9, "step": 1}, "slow": [12, 30, 75, 200, 400]}, {}),
    "at the close": ("sma_cross", {"fast": [2, 3, 5, 8], "slow": list(range(20, 30))}, {"market_fill": "close"}),
    "late": ("sma_cross", {"fast": [2, 3, 5, 8], "slow": list(range(20, 30))}, {"latency_bars": 2}),
    "costs": ("sma_cross", {"fast": [2, 3, 5, 8], "venue.fee_taker_bps": [0.0, 1.0, 5.0, 9.0, 20.0]}, {}),
    "state": ("users:stateful", {"n": list(range(5, 25)), "share": [0.0005, 0.002]}, {}),
    "both ways": ("users:both_ways", {"n": list(range(5, 21)), "low": [25.0, 35.0]}, {}),
    "reversion": ("bracket_reversion", {"window": [10, 20, 30], "take": [0.001, 0.002, 0.004], "z": [1.0, 1.5]}, {}),
    "gates": ("sma_cross", {"fast": [2, 3, 5, 8], "slow": list(range(20, 30))}, {}),
    "aims": ("users:aims", {"n": list(range(5, 25))}, {}),
    "by module": ("users:by_module", {"n": list(range(5, 25))}, {}),
    "turns": ("users:turns", {"n": [3, 4, 5, 8], "m": list(range(20, 30))}, {}),
    "late turns": ("users:turns", {"n": [3, 4, 5, 8], "m": list(range(20, 30))}, {"latency_bars": 3}),
    "aims in lots": ("users:aims", {"n": list(range(5, 25))}, {"latency_bars": 1}),
    "ruin": ("users:ruin", {"n": list(range(2, 22))}, {}),
    "elements": ("users:drift", {"n": list(range(5, 25))}, {}),
    "signed zeros": ("users:signed", {"n": list(range(5, 35))}, {}),
}


SMALL: dict[str, dict[str, Any]] = {
    "crosses": {"fast": [3, 5], "slow": [12, 30]},
    "state": {"n": [5, 9], "share": [0.0002, 0.0005], "hold": [2]},
    "both ways": {"n": [5, 9], "low": [35.0]},
    "aims": {"n": [5, 9]},
    "by module": {"n": [5, 9]},
    "late turns": {"n": [3], "m": [20, 22]},
    "aims in lots": {"n": [5, 9]},
}


@pytest.mark.parametrize("name", CASES)
def test_looking_ahead_is_row_by_row(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use, table, venue = CASES[name]
    spec = spec_of(tmp_path, use, table, gated=name == "gates", lots=name == "aims in lots", **venue)
    monkeypatch.setenv("HURACAN_THREADS", "1")
    monkeypatch.setenv("HURACAN_VECTOR", "never")
    alone = sweep(spec)
    monkeypatch.setenv("HURACAN_VECTOR", "always")
    job = prepare(load_spec(spec))
    assert job.machine.ahead is not None, job.machine.row_by_row_because
    together = sweep(spec)
    a, b = alone.table, together.table
    assert a.columns.tolist() == b.columns.tolist()
    assert a["fills"].sum() > 100
    for column in a.columns:
        x, y = a[column].to_numpy(), b[column].to_numpy()
        if x.dtype.kind == "f":
            assert (x.view(np.int64) == y.view(np.int64)).all() or np.array_equal(x, y, equal_nan=True), column
        else:
            assert x.tolist() == y.tolist(), column


@pytest.mark.parametrize("name", SMALL)
def test_a_few_sets_look_ahead(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same over a day, with every figure and the account; in plain Python too."""
    use, _, venue = CASES[name]
    spec = spec_of(tmp_path, use, SMALL[name], lots=name == "aims in lots", **venue)
    spec["data"]["bars"] = 700
    monkeypatch.setenv("HURACAN_VECTOR", "never")
    alone = sweep(spec)
    monkeypatch.setenv("HURACAN_VECTOR", "always")
    assert prepare(load_spec(spec)).machine.ahead is not None
    ahead = sweep(spec)
    assert alone.table["fills"].sum() > 5
    assert alone.table.equals(ahead.table)


HOLDER = '''
"""All in, and for ever."""
from huracan import param, strategy, target_fraction


@strategy(params=dict(least=param(10.0)))
def holder(ctx):
    """Buys once, as much as there is money for."""
    if ctx.pos.qty == 0.0 and ctx.bar.close > ctx.p.least:
        target_fraction(ctx, 1.0)
'''


@pytest.mark.parametrize("broke_at", [1000, 1017, 1033, 1050])
def test_a_lane_is_broke_in_the_row_that_leaves_nothing(
    broke_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fully paid, so no margin says so: only what the close is worth. That it recovers helps nobody."""
    prices = np.full(6000, 100.0)  # between two looks at equity there must be room
    prices[broke_at : broke_at + 5] = 1e-11
    rows = "".join(f"{1_700_000_040 + 60 * k},{x},{x},{x},{x},1\n" for k, x in enumerate(prices.tolist()))
    (tmp_path / "bars.csv").write_text("time,open,high,low,close,volume\n" + rows)
    (tmp_path / "users.py").write_text(HOLDER)
    spec = {
        "data": {"file": str(tmp_path / "bars.csv"), "symbol": "A/USDT", "timeframe": "1m", "rules": {"kind": "spot"}},
        "account": {"cash": 100_000.0},
        "venue": {"max_participation": 0.0, "fee_taker_bps": 0.0},
        "strategy": {"use": f"{tmp_path / 'users.py'}:holder"},
        "sweep": {"least": [10.0, 99.0, 1000.0]},
    }
    monkeypatch.setenv("HURACAN_VECTOR", "never")
    alone = sweep(spec)
    monkeypatch.setenv("HURACAN_VECTOR", "always")
    assert prepare(load_spec(spec)).machine.ahead is not None
    assert alone.table["bankrupt"].tolist() == [True, True, False]
    assert alone.table.equals(sweep(spec).table)


FRESH = """
import sys
import numpy as np
from huracan.machine import drive
from huracan.sim.vector_check import made_of_vectors
from huracan.sim.lanes import no_recorder
from huracan.spec import load_spec
from huracan.sweep_job import prepare
from huracan.sweep_lanes import lanes_of

job = prepare(load_spec(sys.argv[1]))
drive(job.machine, lanes_of(job.machine, job.sets, np.arange(len(job.sets))), no_recorder())
print(made_of_vectors(job.machine.ahead.entry))
"""


def in_fresh_process(folder: Path, use: str, swept: str, vector: str, program: str = FRESH) -> str:
    """What a program prints of a sweep that is compiled in a process of its own: code from the cache can't be read."""
    (folder / "users.py").write_text(USERS)
    spec = folder / "s.toml"
    spec.write_text(
        f"[data]\nsynthetic = 'regimes'\nbars = 500\n[strategy]\nuse = '{use}'\n"
        f"[sweep]\n{swept} = {{ from = 2, to = 30, step = 1 }}\n"
    )
    environment = {**os.environ, "HURACAN_CACHE": str(folder / "cache"), "HURACAN_VECTOR": vector}
    command = [sys.executable, "-c", program, str(spec)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.long
def test_the_machine_code_is_in_vectors(tmp_path: Path) -> None:
    assert in_fresh_process(tmp_path, "sma_cross", "fast", "always").split() == ["True"]
    assert [note.read_text() for note in (tmp_path / "cache").glob("*.vectors")] == ["in vectors"]


@pytest.mark.long
def test_a_target_is_asked_without_gathers_and_divisions(tmp_path: Path) -> None:
    """What is read under a condition LLVM gathers value by value; quotients of lots take as long as all the rest."""
    program = FRESH + (
        "from huracan.sim.vector_check import compiled_text\n"
        "text = compiled_text(job.machine.ahead.entry)\n"
        "wide = [line for line in text.splitlines() if 'x double>' in line]\n"
        "print(len(wide) > 20, [line for line in text.splitlines() if 'masked.gather' in line and 'call' in line])\n"
        "print(sum('fdiv' in line for line in wide))\n"
    )
    said = in_fresh_process(tmp_path, "users.py:turns", "n", "always", program)
    assert said.split() == ["True", "True", "[]", "2"]  # the two of adding up (eights.py)


@pytest.mark.long
def test_a_step_that_makes_no_vectors_goes_row_by_row(tmp_path: Path) -> None:
    """Seen in the machine code at the first compile, and known from then on."""
    program = "import huracan.look_ahead as s\ns.WORTH_COMPILING = 0\n" + FRESH
    program += "print(prepare(load_spec(sys.argv[1])).machine.row_by_row_because)\n"
    said = in_fresh_process(tmp_path, "users.py:crooked", "n", "auto", program)
    assert said.splitlines() == ["False", "LLVM made no vectors of its step"]


def reason(spec: dict[str, Any]) -> str:
    """Why a sweep runs row by row."""
    machine = prepare(load_spec(spec)).machine
    assert machine.ahead is None
    return machine.row_by_row_because


def test_what_can_not_look_ahead_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HURACAN_VECTOR", "always")
    borrowing = spec_of(tmp_path, "sma_cross", {"fast": list(range(2, 30))})
    borrowing["account"]["borrow"] = True
    assert "borrow" in reason(borrowing)
    every = reason(spec_of(tmp_path, "users:ring", {"n": list(range(2, 30))}))
    assert every.startswith("it writes into an array of its own state in every row (line ")
    monkeypatch.setenv("HURACAN_VECTOR", "never")
    assert "never" in reason(spec_of(tmp_path, "sma_cross", {"fast": list(range(2, 30))}))


def test_a_short_sweep_is_not_worth_compiling_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HURACAN_VECTOR", raising=False)
    spec = spec_of(tmp_path, "sma_cross", {"fast": list(range(2, 30))})
    machine = prepare(load_spec(spec)).machine
    assert (machine.ahead is None) == ("short" in machine.row_by_row_because)
    if machine.ahead is not None:
        assert is_compiled(machine.ahead.entry)
