"""Every page as people see it: made, opened in a real browser, and photographed, under demo/pages.

python tests/reports/look.py        or: make pages
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from huracan.reports import write_comparison, write_report, write_sweep_report  # noqa: E402
from huracan.sim.sweep_result import SweepResult  # noqa: E402
from tests.reports.chromium import Chromium  # noqa: E402
from tests.reports.made import made_about, made_run  # noqa: E402
from tests.reports.page_text import EVIL  # noqa: E402

VIEWS = {"wide": (1440, False, False), "wide-dark": (1440, True, False), "phone": (390, False, True)}


def make_pages(folder: Path) -> list[Path]:
    """The pages that are made up here, and those of `make demo` where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    year = made_run()
    write_report(year, folder / "year.html")
    write_report(made_run(5000, 60, name=EVIL, symbols=(EVIL,)), folder / "names.html")
    write_report(made_run(400, 0), folder / "nothing.html")
    other = made_run(60 * 24 * 60, 400, name="paper")
    other.fill_rows["price"] += other.fill_rows["side"] * 0.05
    write_comparison(
        [("backtest", made_run(60 * 24 * 60, 430, name="backtest")), ("paper", other)], folder / "compare.html"
    )
    write_sweep_report(made_sweep(), folder / "sweep.html")
    made = [folder / f"{name}.html" for name in ("year", "names", "nothing", "compare", "sweep")]
    return made + [path for name in ("backtest", "sweep") if (path := ROOT / "demo" / name / "report.html").is_file()]


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
    browser = Chromium()
    for path in make_pages(folder):
        name = path.stem if path.parent == folder else f"demo-{path.parent.name}"
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
