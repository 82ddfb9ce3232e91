"""The figures of one run against empyrical-reloaded and QuantStats: where they are equal, where not, and why.

python bench/against_stats.py      writes the table of docs/REPORTS.md
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs" / "REPORTS.md"
BEGIN, END = "<!-- figures: written by make stats-table -->", "<!-- figures end -->"
SPEC: dict[str, Any] = {
    "run": {"name": "figures", "seed": 5, "sample": "1d"},
    "data": {"synthetic": "regimes", "bars": 24 * 400, "timeframe": "1h"},
    "account": {"cash": 100_000.0},
    "venue": {"fee_taker_bps": 2.0},
    "strategy": {"use": "sma_cross", "params": {"fast": 24, "slow": 96, "fraction": 0.8}},
}

BARS = "ours sees the close of every bar; on daily returns a fall within the day is gone"
STOCKS = "both take 252 days a year, which is right for stocks; a market that never closes has 365"
CALMAR = "ours divides by the drawdown at bars, theirs by that of days"
GAINED = "ours is of all days, QuantStats' of days that moved; the win rate of result.json is of trades"
VAR = "ours and empyrical's is the quantile that was seen, QuantStats' is that of a bell curve"
SHORT = "the mean of the days at or below the quantile; QuantStats takes those below its bell curve's"


@dataclass(frozen=True)
class Row:
    """A figure three times; `same` says whether the definition is the same, `why` what differs where it is not."""

    figure: str
    ours: float
    empyrical: float | None
    quantstats: float | None
    same: tuple[bool | None, bool | None]
    why: str


def run() -> Any:
    """A run on days, of whole days."""
    import huracan

    return huracan.backtest(SPEC)


def rows_of(result: Any) -> list[Row]:
    """Every figure that the three have in common, on the same daily returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both warn of pandas' future when imported
        import empyrical as ep
        import numpy as np
        import quantstats.stats as qs

        from huracan.reports.return_panels import value_at_risk
        from huracan.sim.uncertainty import deepest_fall

        f = result.figures
        r, q = result.to_empyrical(whole_days=True), result.to_quantstats(whole_days=True)
        a, p = {"annualization": 365}, {"periods": 365}
        high, low = np.percentile(r.to_numpy(), [95, 5])
        var, short = value_at_risk(r.to_numpy(), 0.95)
        year = "with 365 days a year passed to both"
        pairs = {
            "Total return": (f["total_return"], ep.cum_returns_final(r), qs.comp(q), ""),
            "Max drawdown, at days": (deepest_fall(r.to_numpy()), ep.max_drawdown(r), qs.max_drawdown(q), ""),
            "Volatility": (f["volatility"], ep.annual_volatility(r, **a), qs.volatility(q, **p), year),
            "Sharpe": (f["sharpe"], ep.sharpe_ratio(r, **a), qs.sharpe(q, **p), year),
            "Sortino": (f["sortino"], ep.sortino_ratio(r, **a), qs.sortino(q, **p), year),
            "Annual return": (f["annual_return"], ep.cagr(r, **a), qs.cagr(q, **p), year),
            "Tail ratio": (abs(float(high / low)), ep.tail_ratio(r), qs.tail_ratio(q), ""),
        }
        unlike = {
            "Max drawdown, at bars": (f["max_drawdown"], ep.max_drawdown(r), qs.max_drawdown(q), BARS),
            "Sharpe, as they come": (f["sharpe"], ep.sharpe_ratio(r), qs.sharpe(q), STOCKS),
            "Calmar": (f["calmar"], ep.calmar_ratio(r, **a), qs.calmar(q, **p), CALMAR),
            "Days that gained": (float((r > 0.0).mean()), None, qs.win_rate(q), GAINED),
        }
        rows = [Row(name, *three, (True, True), why) for name, (*three, why) in pairs.items()]
        rows += [Row(name, *three, (False, False), why) for name, (*three, why) in unlike.items()]
        rows.append(Row("Value at risk 95 %", -var, ep.value_at_risk(r), qs.value_at_risk(q), (True, False), VAR))
        cvar = ep.conditional_value_at_risk(r)
        rows.append(Row("Expected shortfall 95 %", -short, cvar, qs.cvar(q), (None, False), SHORT))
        return rows


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| figure | huracan | empyrical | QuantStats | same | why not, or what it takes |",
        "|---|---:|---:|---:|---|---|",
    ]
    for row in rows:
        theirs = ["" if v is None else f"{v:.6f}" for v in (row.empyrical, row.quantstats)]
        words = {True: "yes", False: "no", None: "–"}
        known = zip((row.empyrical, row.quantstats), row.same, strict=True)
        same = " / ".join("–" if value is None else words[each] for value, each in known)
        lines.append(f"| {row.figure} | {row.ours:.6f} | {theirs[0]} | {theirs[1]} | {same} | {row.why} |")
    return "\n".join(lines)


def main() -> None:
    from importlib.metadata import version

    names = ", ".join(f"{name} {version(name)}" for name in ("empyrical-reloaded", "quantstats"))
    text = DOCS.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{BEGIN}\n{table(rows_of(run()))}\n\nOne run of 400 days on the synthetic market, {names}.\n{END}"
    DOCS.write_text(before + made + after, "utf-8")
    print(f"wrote the table of {DOCS}")


if __name__ == "__main__":
    main()
