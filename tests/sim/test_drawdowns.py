"""Drawdowns follow from the column of equity, where executions come after the marks of their row too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import huracan

USERS = '''
"""Leaves at its best."""
from huracan import buy, close, highest, lowest, param, sell, size, strategy


@strategy(
    params=dict(fast=param(20, 2, 200), slow=param(50, 2, 200), short=param(0, 0, 1)),
    features=dict(low=lowest("slow"), top=highest("fast")),
)
def at_the_top(ctx):
    """Bought where the price is low, sold where it is higher than of late: a peak, until it has cost its fee."""
    if ctx.pos.qty == 0.0 and ctx.bar.close <= ctx.f1.low:
        buy(ctx, size(ctx, 0.0, 0.3))
    elif ctx.pos.qty > 0.0 and ctx.bar.close >= ctx.f1.top:
        close(ctx)
    elif ctx.p.short == 1 and ctx.pos.qty == 0.0 and ctx.bar.close >= ctx.f1.top:
        sell(ctx, size(ctx, 0.0, 0.3))
    elif ctx.pos.qty < 0.0 and ctx.bar.close <= ctx.f1.low:
        close(ctx)


@strategy(
    params=dict(fast=param(20, 2, 200), slow=param(50, 2, 200)),
    features=dict(low=lowest("slow"), top=highest("fast")),
    state=dict(peak=0.0),
)
def as_seen(ctx):
    """The same, as long as the account's peak is the highest of what it was worth at its steps."""
    u = ctx.u
    u.peak = max(u.peak, ctx.acct.equity)
    if u.peak == ctx.acct.peak:
        if ctx.pos.qty == 0.0 and ctx.bar.close <= ctx.f1.low:
            buy(ctx, size(ctx, 0.0, 0.3))
        elif ctx.pos.qty > 0.0 and ctx.bar.close >= ctx.f1.top:
            close(ctx)


@strategy(params=dict(share=param(0.5, 0.0, 1.0)))
def held(ctx):
    """Bought at once, and held to the end."""
    if ctx.pos.qty == 0.0:
        buy(ctx, size(ctx, 0.0, ctx.p.share))
'''
CASH = 3_000.0
SPEC: dict[str, Any] = {
    "data": {"synthetic": "regimes", "bars": 3000, "symbols": ["ETH/USDT"]},
    "run": {"seed": 3},
    "account": {"cash": CASH},
    "venue": {"fee_taker_bps": 20.0, "half_spread_bps": 5.0},
}
CLOSES = {"venue": {**SPEC["venue"], "market_fill": "close"}}
SETS = {"fast": [3, 20, 55], "slow": [5, 13, 89]}
PERP = {"symbols": ["ETH/USDT:USDT"]}
CASES: dict[str, dict[str, Any]] = {
    "spot": CLOSES,
    "long and short, with funding": CLOSES | {"data": {**SPEC["data"], **PERP}, "both": 1},
    "two instruments": CLOSES | {"data": {**SPEC["data"], "symbols": ["BTC/USDT:USDT", "ETH/USDT:USDT"]}, "both": 1},
    "told late": {"venue": {**CLOSES["venue"], "latency_ms": {"response": 70_000}}},
    "pieces of a long tape": CLOSES | {"data": {**SPEC["data"], "bars": 20_000}},
    "closed at the end": CLOSES | {"run": {"seed": 3, "close_at_end": True}},
    "closed at the end, filled at opens": {"run": {"seed": 3, "close_at_end": True}},
}


def spec_of(case: dict[str, Any], users: Path, values: dict[str, Any] | None) -> dict[str, Any]:
    """A case's sweep, or the run of one of its sets."""
    both = case.get("both", 0)
    spec = SPEC | {k: v for k, v in case.items() if k != "both"}
    if values is None:
        return spec | {"sweep": SETS, "strategy": {"use": f"{users}:at_the_top", "params": {"short": both}}}
    return spec | {"strategy": {"use": f"{users}:at_the_top", "params": {**values, "short": both}}}


def below(equity: Any) -> Any:
    """How far each equity is below the highest of those before it and of the cash at first: as it is defined."""
    peak = np.maximum(np.maximum.accumulate(equity), CASH)
    return (equity - peak) / peak


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path))
    (tmp_path / "users.py").write_text(USERS)
    return tmp_path / "users.py"


@pytest.mark.parametrize("vector", ["never", "always"])
@pytest.mark.parametrize("name", CASES)
def test_drawdowns_follow_from_equity(name: str, vector: str, users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sweep's rows, to the last bit, and of its runs, whose columns say the same."""
    monkeypatch.setenv("HURACAN_VECTOR", vector)
    case = CASES[name]
    swept = huracan.sweep(spec_of(case, users, None))
    assert swept.columns["fills"].sum() > 300
    for row in range(len(swept.columns["max_drawdown"])):
        values = {key: int(swept.params[key][row]) for key in SETS}
        one = huracan.backtest(spec_of(case, users, values))
        drawdown = below(one.equity["equity"].to_numpy())
        np.testing.assert_array_equal(one.equity["drawdown"].to_numpy(), drawdown)
        assert one.figures["max_drawdown"] == swept.columns["max_drawdown"][row] == drawdown.min()
        assert one.figures["calmar"] == pytest.approx(swept.columns["calmar"][row], nan_ok=True)
        assert one.figures["funding"] != 0.0 or "funding" not in name
        assert one.figures["calmar"] == pytest.approx(-one.figures["annual_return"] / drawdown.min())


@pytest.mark.parametrize("vector", ["never", "always"])
@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_a_peak_that_closing_out_takes_back(fill: str, vector: str, users: Path, monkeypatch: Any) -> None:
    """The last close is the highest of all, but no row ends with what was held then: it was sold, and that cost."""
    monkeypatch.setenv("HURACAN_VECTOR", vector)
    closes = [*(100.0 + k % 7 for k in range(400)), 150.0]
    lines = [f"{1_700_000_040_000 + 60_000 * k},{c},{c},{c},{c},1000" for k, c in enumerate(closes)]
    (users.parent / "bars.csv").write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    spec = SPEC | {
        "data": {"file": str(users.parent / "bars.csv"), "timeframe": "1m", "rules": {"kind": "spot", "tick": 0.01}},
        "run": {"close_at_end": True},
        "venue": {"fee_taker_bps": 2_000.0, "market_fill": fill},
    }
    shares = [0.2, 0.4]
    use = f"{users}:held"
    swept = huracan.sweep(spec | {"strategy": {"use": use}, "sweep": {"share": shares}})
    for row, share in enumerate(shares):
        one = huracan.backtest(spec | {"strategy": {"use": use, "params": {"share": share}}})
        drawdown = below(one.equity["equity"].to_numpy())
        np.testing.assert_array_equal(one.equity["drawdown"].to_numpy(), drawdown)
        assert one.figures["max_drawdown"] == swept.columns["max_drawdown"][row] == drawdown.min()
        assert one.figures["fills"] == 2


@pytest.mark.parametrize("response", [0, 1])
def test_steps_go_on_seeing_the_peak_of_their_marks(response: int, users: Path) -> None:
    """What the account is worth before the executions of a close raises the peak that steps read, in either ledger."""
    spec = SPEC | {"venue": CLOSES["venue"] | {"latency_ms": {"response": response}}}
    seeing, plain = (
        huracan.backtest(spec | {"strategy": {"use": f"{users}:{name}", "params": {"fast": 3, "slow": 5}}})
        for name in ("as_seen", "at_the_top")
    )
    assert seeing.figures["fills"] == plain.figures["fills"] > 200
    assert seeing.figures["max_drawdown"] == plain.figures["max_drawdown"]


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled here")
def test_files_of_compiled_and_plain_code_say_the_same(users: Path) -> None:
    lines = ["[data]", 'synthetic = "regimes"', "bars = 800", 'symbols = ["ETH/USDT"]', "[run]", "close_at_end = true"]
    lines += ["[account]", f"cash = {CASH}", "[venue]", 'market_fill = "close"', "fee_taker_bps = 20.0", "[strategy]"]
    lines += ['use = "users.py:at_the_top"', "params = { fast = 3, slow = 5 }"]
    (users.parent / "spec.toml").write_text("\n".join(lines) + "\n")
    code = "import sys; from huracan import cli; sys.exit(cli.main(sys.argv[1:]))"
    shown = []
    for more in ([], ["--python"]):
        out = users.parent / f"o{len(more)}"
        words = ["backtest", str(users.parent / "spec.toml"), "--out", str(out), "--json", *more]
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        figures = json.loads(done.stdout)
        written = pq.read_table(out / "equity.parquet").to_pydict()
        drawdown = below(np.array(written["equity"]))
        np.testing.assert_array_equal(written["drawdown"], drawdown)
        assert figures["max_drawdown"] == drawdown.min() < 0.0
        shown.append((figures["fills"], written["drawdown"]))
    assert shown[0] == shown[1]
    assert shown[0][0] > 50
