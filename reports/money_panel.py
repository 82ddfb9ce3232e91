"""Where the money went: from what the prices gave, through each cost, to what was left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.charts import waterfall
from huracan.reports.curve_panels import title_of
from huracan.reports.parts import Panel, Part, Table, Text
from huracan.reports.wording import NONE, money, moneys

if TYPE_CHECKING:
    from huracan.sim.result import Result

# (figure, its words, where it was paid)
COSTS = (
    ("fees", "Fees", "paid out of cash; below zero is a rebate"),
    ("spread", "Spread", "in the prices of the fills: half the distance of bid and ask"),
    ("slippage", "Slippage", "in the prices of the fills: worse than the reference price"),
    ("impact", "Impact", "in the prices of the fills: moved by the order's own size"),
    ("funding", "Funding", "paid out of cash; below zero is received"),
    ("interest", "Borrow interest", "paid out of cash"),
)
IN_PRICES = ("spread", "slippage", "impact")


@dataclass(frozen=True)
class Ledger:
    """From the gross edge to the net result: `edge` less `costs` is `net`, and `unexplained` what does not add up."""

    edge: float
    costs: tuple[tuple[str, float], ...]
    net: float
    unexplained: float


def ledger_of(result: Result) -> Ledger | None:
    """Read off the fills and the last row of equity, and held against the figures: a penny that is missing shows.

    The edge is what the fills earned at the prices before spread, slippage and impact. None where a figure is missing.
    """
    figures = result.figures
    known = {key: figures.get(key) for key, _, _ in COSTS}
    cash, final = figures.get("cash"), figures.get("final_equity")
    if cash is None or final is None or any(value is None for value in known.values()):
        return None
    costs = tuple((label, float(known[key] or 0.0)) for key, label, _ in COSTS)
    net = float(final) - float(cash)
    paid = sum(value for _, value in costs)
    edge = edge_of_fills(result)
    if edge is None:
        return Ledger(net + paid, costs, net, 0.0)
    return Ledger(edge, costs, net, net + paid - edge)


def edge_of_fills(result: Result) -> float | None:
    """What the fills made at their reference prices, open positions at the last mark; None without prices or rows."""
    fills, rows = result.fill_rows, result.equity_rows
    if not result.market or not rows.size:
        return None
    multiplier = np.array([bars.rules.multiplier for bars in result.market])[fills["inst"]]
    backward = np.array([bars.rules.kind == "inverse" for bars in result.market])[fills["inst"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(backward, -multiplier / fills["price"], multiplier * fills["price"])
    bought = float((fills["side"] * fills["qty"] * worth).sum())
    in_prices = float((fills["spread"] + fills["slippage"] + fills["impact"]).sum())
    held = float(rows["position_value"][-1])
    return held - bought + in_prices + fees_in_coin(result)


def fees_in_coin(result: Result) -> float:
    """Fees that were taken out of what was bought: the position at the end lacks them already, so they are added back.

    In coin they are worth what the coin is worth at the end; the ledger counts them at the price of their fill, and the
    difference is part of the edge.
    """
    account = result.about.spec.get("account") or {}
    venue = result.about.spec.get("venue") or {}
    in_base = "base" in (str(account.get("fee_in", "")), str(venue.get("fee_in", "")))
    if not in_base:
        return 0.0
    spot = [bars.rules.kind == "spot" for bars in result.market]
    worth = [bars.rules.multiplier for bars in result.market]
    held = [0.0] * len(spot)
    total = 0.0
    rows = (result.fill_rows[name].tolist() for name in ("inst", "side", "qty", "price", "fee"))
    for k, side, qty, price, fee in zip(*rows, strict=True):
        if side > 0 and spot[k]:
            kept = min(qty, max(qty + held[k], 0.0))  # what covers a short pays in quote
            total += fee * (kept / qty)
            held[k] -= fee * (kept / qty) / (price * worth[k])
        held[k] += side * qty
    return total


def money_panel(result: Result, unit: str) -> Panel:
    """The waterfall and, under it, each cost in money, of the starting cash and in bps of what was traded."""
    figures = result.figures
    found = ledger_of(result)
    parts: list[Part] = []
    if found is not None and result.fill_rows.size:
        steps = [(label, -value) for label, value in found.costs if value]
        if abs(found.unexplained) >= 0.005:
            steps.append(("Not explained", found.unexplained))
        parts.append(Text(verdict(found, unit), "lead"))
        parts.append(waterfall(("Gross edge", found.edge), steps, "Net result", unit))
    head = ("", "Amount", "Of starting cash", "Bps of traded value", "")
    parts.append(Table(("t", "n", "n extra", "n extra", "note"), tuple(cost_rows(figures)), head))
    how = (
        "Gross edge is what the trades earned at the prices that the market showed, before any cost. Each step "
        "below takes one cost away; blue adds, orange takes. If the gross edge is positive and the net result is "
        "not, the idea may be right and the trading too dear: trade less, or as a maker. If the gross edge is "
        "negative, no rebate helps."
    )
    return Panel("money", title_of("Where the money went", unit), tuple(parts), how, "Money")


def verdict(found: Ledger, unit: str) -> str:
    paid = found.edge - found.net
    name = f" {unit}" if unit else ""
    if found.edge <= 0.0:
        return f"Before any cost the trades lost {money(-found.edge)}{name}; costs came to {money(paid)}{name}."
    if paid <= 0.0:
        return f"The trades earned {money(found.edge)}{name} before costs, and costs came to {money(paid)}{name}."
    share = paid / found.edge
    kept = "all of it and more" if share > 1.0 else f"{share:.0%} of it"
    return f"The trades earned {money(found.edge)}{name} before costs, and costs took {kept}: {money(paid)}{name}."


def cost_rows(figures: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Each cost: its amount, as a share of the starting cash, in bps of what was traded, and where it was paid."""
    cash, traded = figures.get("cash"), figures.get("traded")

    known = [figures.get(key) for key, _, _ in COSTS]
    known.append(sum(value for value in known if value is not None) if any(v is not None for v in known) else None)
    labels = [(label, note) for _, label, note in COSTS] + [("All costs", "positive is paid")]
    rows = []
    for (label, note), value, amount in zip(labels, known, moneys(known), strict=True):
        of_cash = f"{value / cash:.2%}" if value is not None and cash else NONE
        of_traded = f"{value / traded * 1e4:,.2f}" if value is not None and traded else NONE
        rows.append((label, amount, of_cash, of_traded, note))
    return rows
