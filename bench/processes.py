"""Whole processes of 2,000 bars, imports, and compiling: what a newcomer waits for."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import HERE, Cost, middle, process, worker

HURACAN = Path(sys.executable).with_name("huracan")
LATER = 5
SPEC = """
[run]
name = "two-thousand"
seed = 7
[data]
{data}
[strategy]
use = "sma_cross"
[strategy.params]
fast = 5
slow = 20
fraction = 1.0
"""
BUILT_IN = 'synthetic = "regimes"\nbars = 2_000'
FILE = 'file = "bars.csv"\nsymbol = "ETH/USDT"\ntimeframe = "1m"'
# the same cross in the peers, from the same file
PEERS = {
    "vectorbt": """
import sys, pandas as pd, vectorbt as vbt
bars = pd.read_csv(sys.argv[1], index_col="date", parse_dates=True)
fast, slow = (vbt.MA.run(bars["close"], n) for n in (5, 20))
up, down = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
pf = vbt.Portfolio.from_signals(bars["close"], up.vbt.fshift(1), down.vbt.fshift(1), price=bars["open"],
                                fees=5e-4, init_cash=1e6, freq="1min")
print(pf.stats())
""",
    "backtesting.py": """
import sys, pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
class Cross(Strategy):
    def init(self):
        mean = lambda c, n: pd.Series(c).rolling(n).mean()
        self.fast, self.slow = (self.I(mean, self.data.Close, n) for n in (5, 20))
    def next(self):
        if crossover(self.fast, self.slow):
            self.buy()
        elif crossover(self.slow, self.fast):
            self.position.close()
bars = pd.read_csv(sys.argv[1], index_col="date", parse_dates=True).rename(columns=str.title)
print(Backtest(bars, Cross, cash=1e6, commission=5e-4).run())
""",
}


def measure_processes() -> dict[str, Any]:
    """Every figure by its name: Costs, or lists of seconds."""
    out: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="huracan-bench-") as name:
        away = Path(name)
        write_bars(away / "bars.csv")
        for kind, data in (("built-in market", BUILT_IN), ("csv file", FILE)):
            spec = away / f"{kind.partition(' ')[0]}.toml"
            spec.write_text(SPEC.format(data=data), encoding="utf-8")
            out[kind] = first_and_later(spec, spec.with_suffix(""))
        for peer, text in PEERS.items():
            script = away / f"peer_{peer.partition('.')[0]}.py"
            script.write_text(text, encoding="utf-8")
            print(f"  whole process of {peer}", flush=True)
            out[peer] = middle(
                [process([sys.executable, "-W", "ignore", script, away / "bars.csv"])[1] for _ in range(3)]
            )
    print("  import and --help", flush=True)
    clock = "import time; t = time.perf_counter(); import huracan; print(time.perf_counter() - t)"
    out["import"] = [float(process([sys.executable, "-c", clock])[0]) for _ in range(7)]
    out["help"] = middle([process([HURACAN, "--help"])[1] for _ in range(7)])
    out["compile"] = {}
    for use in ("sma_cross", f"{HERE / 'strategies' / 'cross_bracket.py'}:cross_bracket"):
        for market, symbol in (("spot", "ETH/USDT"), ("perpetual", "ETH/USDT:USDT")):
            for kind in ("backtest", "sweep"):
                out["compile"][use.rpartition(":")[2], market, kind] = fresh_compile(use, symbol, kind)
    return out


def first_and_later(spec: Path, folder: Path) -> dict[str, Cost]:
    """The first run ever, with nothing compiled wherever machine code is kept, and the median of later ones."""
    print(f"  huracan backtest {spec.name}, 2 + {LATER} times", flush=True)
    first = []
    for n in range(2):
        env = {"HURACAN_CACHE": str(folder / f"stubs{n}"), "NUMBA_CACHE_DIR": str(folder / f"numba{n}")}
        command = [HURACAN, "backtest", spec, "--out", folder / "out"]
        first.append(process(command, env)[1])
    later = middle([process(command, env)[1] for _ in range(LATER)])
    return {"first run ever": min(first, key=lambda c: c.wall), "later runs": later}


def fresh_compile(use: str, symbol: str, kind: str) -> dict[str, Any]:
    """Link and compile into an empty cache."""
    with tempfile.TemporaryDirectory(prefix="huracan-bench-") as name:
        return worker("compiling", use, symbol, kind, env={"HURACAN_CACHE": name})[0]


def write_bars(path: Path) -> None:
    """2,000 bars of the built-in market as a csv file."""
    import pandas as pd

    from huracan.data.synthetic import regimes

    b = regimes(2000, 7, symbols=("ETH/USDT",))[0]
    columns = {name: getattr(b, name) for name in ("open", "high", "low", "close", "volume")}
    pd.DataFrame({"date": pd.to_datetime(b.open_ns), **columns}).to_csv(path, index=False)
