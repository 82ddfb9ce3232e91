"""Every page as people see it: made, opened in a real browser, and photographed, under demo/pages.

python tests/reports/look.py        or: make pages
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from huracan import cli  # noqa: E402
from huracan.reports import write_report, write_sweep_report  # noqa: E402
from huracan.sim.sweep_result import SweepResult  # noqa: E402
from tests.reports.chromium import Chromium  # noqa: E402
from tests.reports.made import made_about, made_market, made_run  # noqa: E402
from tests.reports.page_text import EVIL  # noqa: E402

VIEWS = {
    "wide": (1440, False, False),
    "wide-dark": (1440, True, False),
    "phone": (390, False, True),
    "phone-dark": (390, True, True),
}


def make_pages(folder: Path) -> list[Path]:
    """The pages that are made up here, and those of `make demo` where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    year = made_run()
    write_report(year, folder / "year.html")
    write_report(made_run(5000, 60, name=EVIL, symbols=(EVIL,)), folder / "names.html")
    write_report(made_run(400, 0), folder / "nothing.html")
    write_report(made_run(1, 0), folder / "one.html")
    ruined = made_run(3000, 40)
    ruined.equity_rows["equity"][-500:] = -50.0
    ruined.numbers.update(bankrupt=True, final_equity=-50.0, sharpe=None, annual_return=None)
    write_report(ruined, folder / "bankrupt.html")
    write_sweep_report(made_sweep(), folder / "four.html")
    made = [folder / f"{name}.html" for name in ("year", "names", "nothing", "one", "bankrupt", "four")]
    return made + real_pages(folder)


def real_pages(folder: Path) -> list[Path]:
    """What the commands write: a backtest, the same under worse conditions, both side by side, a sweep, a check."""
    runs = folder / "runs"
    runs.mkdir(exist_ok=True)
    examples = ROOT / "examples"
    spec = (examples / "backtest.toml").read_text("utf-8")
    worse = spec.replace("[venue]", "[venue]\nlatency_bars = 1\nhalf_spread_bps = 0.5").replace(
        'name = "', 'name = "worse '
    )
    (runs / "worse.toml").write_text(worse, "utf-8")
    (runs / "faulty.json").write_text(json.dumps(faulty_bars()), "utf-8")
    for command in (
        ["backtest", str(examples / "backtest.toml"), "--out", str(runs / "backtest"), "--path-bounds"],
        ["backtest", str(runs / "worse.toml"), "--out", str(runs / "worse")],
        ["report", str(runs / "backtest"), str(runs / "worse"), "--out", str(runs / "compare")],
        ["sweep", str(examples / "sweep.toml"), "--out", str(runs / "sweep")],
        ["data", "check", str(runs / "faulty.json"), "--timeframe", "1m", "--out", str(runs / "data")],
    ):
        assert cli.main(command) == 0, command
    return [*(runs / name / "report.html" for name in ("backtest", "compare", "sweep")), runs / "data" / "check.html"]


def faulty_bars() -> list[list[float]]:
    """A week of minutes with a gap, a spike, bars without volume, and some that come twice."""
    bars = made_market(60 * 24 * 7, "A", 3)
    assert bars.volume is not None
    rows = np.stack([bars.open_ns // 1_000_000, bars.open, bars.high, bars.low, bars.close, bars.volume], axis=1)
    rows[3000, 2] *= 1.4
    rows[4000:4100, 5] = 0.0
    kept = np.r_[0:1500, 1580:5000, 4990:9000, 9001 : len(rows)]
    return [[float(v) for v in row] for row in rows[kept]]


def made_sweep() -> SweepResult:
    """Four parameters, a plateau and some noise."""
    n = 6 * 8 * 5 * 2
    place = np.arange(n)
    fast, slow, fee = place % 6, place // 6 % 8, place // 48 % 5
    noise = np.random.default_rng(1).normal(0.0, 0.3, n)
    columns: dict[str, Any] = {"sharpe": np.sin(fast / 3.0) + np.cos(slow / 3.0) - 0.2 * fee + noise}
    columns |= {"samples": np.full(n, 9000), "bars": np.full(n, 9000), "periods": np.full(n, 8760.0)}
    columns |= {"trades": np.full(n, 140), "fills": np.full(n, 280), "fees": np.full(n, 3.5)}
    words = np.array(["touch", "through"], object)[place // 240]
    params = {"fast": fast * 10, "slow": slow * 25, "venue.fee_taker_bps": fee * 1.5, "venue.limit_fill": words}
    return SweepResult(made_about(9000, name="sweep of four"), params, columns)


def main() -> None:
    folder = ROOT / "demo" / "pages"
    os.environ["HURACAN_STORE"] = str(folder / "store")
    browser = Chromium()
    for path in make_pages(folder):
        name = path.stem if path.parent == folder else path.parent.name
        for view, (width, dark, phone) in VIEWS.items():
            tab = browser.open(path, width=width, dark=dark, phone=phone)
            tab.screenshot(folder / f"{name}-{view}.png")
            if view == "wide":
                tab.pdf(folder / f"{name}.pdf")
            print(f"{folder / name}-{view}.png", *tab.complaints(), *tab.requests())
            tab.close()
    browser.close()


if __name__ == "__main__":
    main()
