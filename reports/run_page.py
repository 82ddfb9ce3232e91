"""What the tear-sheet of one run shows, as plain values for its template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.charts import Line, line, plain_label, time_ticks
from huracan.reports.warnings_of import warnings_of
from huracan.reports.wording import NONE, at, count, money, name_of, price, settle_of, share, span, written
from huracan.sim.result_tables import REASONS

if TYPE_CHECKING:
    from huracan.sim.result import About, Result

ENDS = 10  # trades shown from each end
HEADLINE = ("total_return", "annual_return", "sharpe", "max_drawdown", "final_equity", "trades")
# (figure, its words, how it is written); the notes that explain them stand in `notes_of`
FIGURES = (
    ("final_equity", "Final equity", "money"),
    ("total_return", "Total return", "share"),
    ("annual_return", "Annual return", "share"),
    ("volatility", "Volatility", "share"),
    ("max_drawdown", "Max drawdown", "share"),
    ("sharpe", "Sharpe", "ratio"),
    ("sharpe_daily", "Sharpe, daily", "ratio"),
    ("sortino", "Sortino", "ratio"),
    ("calmar", "Calmar", "ratio"),
    ("trades", "Closed trades", "count"),
    ("win_rate", "Win rate", "share"),
    ("open_trades", "Open trades", "count"),
    ("fills", "Fills", "count"),
    ("partial_fills", "Partial fills", "count"),
    ("orders", "Orders", "count"),
    ("rejected", "Refused, cut or cancelled", "count"),
    ("turnover", "Turnover", "ratio"),
    ("fees", "Fees", "money"),
    ("exposure", "Exposure", "share"),
    ("liquidations", "Liquidations", "count"),
    ("dust", "Dust", "count"),
    ("bars", "Bars", "count"),
)
COSTS = (
    ("fees", "Fees", "paid out of cash"),
    ("funding", "Funding", "paid out of cash; below zero is received"),
    ("interest", "Interest", "paid out of cash"),
    ("spread", "Spread", "in the prices of the fills"),
    ("slippage", "Slippage", "in the prices of the fills"),
    ("impact", "Impact", "in the prices of the fills"),
)


def run_page(result: Result) -> dict[str, Any]:
    """Everything that run.html asks for."""
    about, figures = result.about, result.figures
    unit = settle_of(about.symbols)
    notes = notes_of(figures, about, unit)
    words = {key: (label, kind) for key, label, kind in FIGURES}
    headline = [(words[key][0], written(figures.get(key), words[key][1]), notes.get(key, "")) for key in HEADLINE]
    table = [(label, written(figures.get(key), kind), notes.get(key, "")) for key, label, kind in FIGURES]
    equity, drawdown = curves(result)
    first, last, left_out = ends_of(result)
    return {
        **heading(about, unit),
        "warnings": warnings_of(figures, about.end_ns - about.start_ns),
        "headline": headline,
        "figures": table,
        "equity": equity,
        "drawdown": drawdown,
        "costs": costs_of(figures),
        "counts": [
            ("Rejections, cuts and cancels", counts_of(about.rejections)),
            ("Repairs", counts_of(about.repairs)),
        ],
        "first_trades": first,
        "last_trades": last,
        "left_out": left_out,
    }


def heading(about: About, unit: str) -> dict[str, Any]:
    """What every page says of its run: names, times, hashes, the spec."""
    return {
        "name": about.name,
        "symbols": list(about.symbols),
        "unit": unit,
        "start": at(about.start_ns),
        "end": at(about.end_ns),
        "span": span(about.end_ns - about.start_ns),
        "spec": json.dumps(about.plain()["spec"], indent=2, ensure_ascii=False),
        "identity": [
            ("Spec", about.spec_hash or NONE),
            ("Code", about.code_hash or NONE),
            ("Data", about.data_hash or NONE),
            ("Seed", str(about.seed)),
            *((f"Version of {name}", version) for name, version in about.versions.items()),
        ],
    }


def notes_of(figures: Mapping[str, Any], about: About, unit: str) -> dict[str, str]:
    """What a figure means, in what unit it is, and what it is annualised by."""
    periods = figures.get("periods")
    a_year = f"{periods:,.0f} samples of {about.sample} a year" if periods else "the samples of a year"
    days = "365 days a year" if about.sample != "1d" or not periods else f"{periods:,.0f} days a year"
    return {
        "final_equity": f"{unit}; began with {written(figures.get('cash'), 'money')}".lstrip("; "),
        "total_return": f"over {span(about.end_ns - about.start_ns)}",
        "annual_return": "compounded, by elapsed time, 365 days a year",
        "volatility": f"of a year: deviation times the root of {a_year}",
        "max_drawdown": "deepest fall of equity below its peak, at closes",
        "sharpe": f"annualised by the root of {a_year}, risk-free 0",
        "sharpe_daily": f"on daily returns, annualised by the root of {days}",
        "sortino": f"against losing samples only, {a_year}",
        "calmar": "annual return over max drawdown",
        "trades": "from flat to flat",
        "win_rate": "of closed trades, after fees and funding",
        "open_trades": "marked at the last close",
        "fills": "executions",
        "turnover": "traded value over mean equity",
        "fees": "beside the other costs below",
        "exposure": "of samples with a position",
        "dust": "rests too small to be ordered",
        "rejected": "by name below",
    }


def curves(result: Result) -> tuple[Line | None, Line | None]:
    """Equity and drawdown over time, from the starting cash on; None where there is nothing to draw."""
    rows, about = result.equity_rows, result.about
    if not rows.size:
        return None, None
    cash = result.numbers.get("cash")
    begin = [] if cash is None else [(about.start_ns, cash)]
    times = np.array([*(ns for ns, _ in begin), *rows["ts_ns"]], np.int64)
    equity = np.array([*(value for _, value in begin), *rows["equity"]], np.float64)
    fall = np.array([*(0.0 for _ in begin), *rows["drawdown"]], np.float64)
    x = (times - times[0]).astype(np.float64)
    ticks = time_ticks(int(times[0]), int(times[-1]))
    known = equity[np.isfinite(equity)]
    zero = float(equity[0]) if np.isfinite(equity[0]) else 0.0
    label = plain_label(known if known.size else [0.0])
    return line(x, equity, ticks, label, zero), line(x, fall, ticks, share, 0.0)


def costs_of(figures: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Each cost: its amount, as a share of the starting cash, in bps of what was traded, and where it was paid."""
    cash, traded = figures.get("cash"), figures.get("traded")

    def row(label: str, value: float | None, note: str) -> tuple[str, str, str, str, str]:
        of_cash = written(value / cash, "share") if value is not None and cash else NONE
        of_traded = f"{value / traded * 1e4:,.2f}" if value is not None and traded else NONE
        return label, written(value, "money"), of_cash, of_traded, note

    known = [figures.get(key) for key, _, _ in COSTS]
    total = sum(value for value in known if value is not None) if any(v is not None for v in known) else None
    rows = [row(label, value, note) for (_, label, note), value in zip(COSTS, known, strict=True)]
    return [*rows, row("All", total, "positive is paid")]


def counts_of(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Named counts, the largest first."""
    return [(name_of(name), count(n)) for name, n in sorted(counts.items(), key=lambda each: -each[1])]


def ends_of(result: Result) -> tuple[list[dict[str, str]], list[dict[str, str]], int]:
    """The first and the last closed trades, and how many lie between."""
    rows = result.trade_rows
    if rows.size <= 2 * ENDS:
        return [trade_row(row, result.about.symbols) for row in rows], [], 0
    first, last = ([trade_row(row, result.about.symbols) for row in part] for part in (rows[:ENDS], rows[-ENDS:]))
    return first, last, int(rows.size - 2 * ENDS)


def trade_row(row: Any, symbols: tuple[str, ...]) -> dict[str, str]:
    """One closed trade in words."""
    return {
        "symbol": symbols[row["inst"]],
        "side": "long" if row["side"] > 0 else "short",
        "entry": at(row["entry_ns"]),
        "exit": at(row["exit_ns"]),
        "qty": price(float(row["qty"])),
        "entry_price": price(float(row["entry_price"])),
        "exit_price": price(float(row["exit_price"])),
        "fees": money(float(row["fees"] + row["funding"])),
        "pnl": money(float(row["pnl"])),
        "sign": "plus" if row["pnl"] > 0.0 else "minus" if row["pnl"] < 0.0 else "",
        "reason": name_of(REASONS[row["exit_reason"]]),
    }
