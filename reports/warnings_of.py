"""What a reader should know before believing the figures, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huracan.reports.wording import DAY_NS, span

FEW_TRADES = 100


def warnings_of(figures: Mapping[str, Any], length_ns: int) -> list[str]:
    """Sentences on a run, the gravest first; an empty list is no praise.

    >>> warnings_of({"fills": 31, "trades": 31, "fees": 5.0, "slippage": 1.0}, 730 * DAY_NS)
    ['31 trades: too few to tell skill from luck.']
    """

    def of(key: str) -> float:
        return figures.get(key) or 0

    found = []
    if figures.get("bankrupt"):
        found.append("The account was lost: equity fell to zero or below, and yearly figures do not exist.")
    if n := int(of("liquidations")):
        found.append(f"{n:,} {'liquidation' if n == 1 else 'liquidations'}: the venue closed positions by force.")
    if of("fills") == 0:
        found.append("Nothing was filled: this run says nothing about the strategy.")
    elif of("trades") == 0:
        found.append("No trade was closed: there is nothing to tell skill from luck by.")
    elif of("trades") < FEW_TRADES:
        found.append(f"{plural(of('trades'), 'trade')}: too few to tell skill from luck.")
    if n := int(of("open_trades")):
        kept = "is marked at its last close, and is not" if n == 1 else "are marked at their last close, and are not"
        found.append(f"{plural(n, 'trade')} still open at the end {kept} part of the win rate.")
    if length_ns < 365 * DAY_NS:
        found.append(f"{span(length_ns)} of data: figures for a year are extrapolated from less than one.")
    if of("fills") and not figures.get("fees"):
        found.append("No fees were charged.")
    if of("fills") and not (of("slippage") or of("spread") or of("impact")):
        found.append("No spread, slippage or impact was modelled: market orders would have filled at worse prices.")
    if of("sharpe") > 3.0:
        found.append("A Sharpe ratio above 3 is rare: look for what the simulation leaves out before believing it.")
    return found


def plural(n: float, word: str) -> str:
    """
    >>> plural(1, "trade"), plural(1200, "trade")
    ('1 trade', '1,200 trades')
    """
    return f"{n:,.0f} {word}" if n == 1 else f"{n:,.0f} {word}s"
