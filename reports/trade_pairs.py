"""The same trade in two runs, and why its result differs: quantity, prices, costs; and what only one of them did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.sim.figures import plain

if TYPE_CHECKING:
    from huracan.reports.returns import Ints
    from huracan.sim.result import Result

BARS_APART = 5  # entries further apart than so many samples are different trades


@dataclass(frozen=True)
class Pairs:
    """Places of trades that belong together, and of those that only one run has."""

    first: Ints
    second: Ints
    only_first: Ints
    only_second: Ints


@dataclass(frozen=True)
class Causes:
    """What leads from the net result of one run to that of the other; the causes add up to the difference."""

    before: float
    causes: tuple[tuple[str, float], ...]
    after: float
    pairs: Pairs


def pairs_of(first: Result, second: Result) -> Pairs:
    """Trades of one symbol and side whose entries lie close together, each used once."""
    a, b = first.trade_rows, second.trade_rows
    names_a, names_b = (np.array([*r.about.symbols, ""]) for r in (first, second))
    within = BARS_APART * max(step_of(first), step_of(second))
    left, right = [], []
    for symbol in set(first.about.symbols) & set(second.about.symbols):
        for side in (1, -1):
            i = np.flatnonzero((names_a[a["inst"]] == symbol) & (a["side"] == side))
            j = np.flatnonzero((names_b[b["inst"]] == symbol) & (b["side"] == side))
            i, j = i[np.argsort(a["entry_ns"][i], kind="stable")], j[np.argsort(b["entry_ns"][j], kind="stable")]
            p, q = together(a["entry_ns"][i], b["entry_ns"][j], within)
            left.append(i[p])
            right.append(j[q])
    none = np.zeros(0, np.int64)
    p, q = (np.concatenate([none, *each]) for each in (left, right))
    order = np.argsort(p, kind="stable")
    rest_a, rest_b = np.setdiff1d(np.arange(a.size), p), np.setdiff1d(np.arange(b.size), q)
    return Pairs(p[order], q[order], rest_a, rest_b)


def together(a: Ints, b: Ints, within: int) -> tuple[Ints, Ints]:
    """Places in two rising columns of times that are at most `within` apart, nearest first to come, each used once.

    >>> together(np.array([0, 10, 20]), np.array([1, 19, 40]), 2)
    (array([0, 2]), array([0, 1]))
    """
    i = j = 0
    left, right = [], []
    while i < a.size and j < b.size:
        apart = int(b[j]) - int(a[i])
        if abs(apart) > within:
            i, j = (i + 1, j) if apart > 0 else (i, j + 1)
            continue
        if j + 1 < b.size and abs(int(b[j + 1]) - int(a[i])) < abs(apart):
            j += 1
            continue
        if i + 1 < a.size and abs(int(b[j]) - int(a[i + 1])) < abs(apart):
            i += 1
            continue
        left.append(i)
        right.append(j)
        i, j = i + 1, j + 1
    return np.array(left, np.int64), np.array(right, np.int64)


def step_of(result: Result) -> int:
    """The time between two bars of a run."""
    if result.market:
        return int(result.market[0].timeframe_ns)
    ts = result.equity_rows["ts_ns"]
    return int(np.median(np.diff(ts))) if ts.size > 1 else 60 * 10**9


def causes_of(first: Result, second: Result) -> Causes | None:
    """From the first run's net result to the second's, cause by cause; None where a run lacks its cash or its end."""
    nets = [net_of(each) for each in (first, second)]
    if nets[0] is None or nets[1] is None:
        return None
    pairs = pairs_of(first, second)
    a, b = first.trade_rows[pairs.first], second.trade_rows[pairs.second]
    side = a["side"].astype(np.float64)
    in_a, out_a, in_b, out_b = (
        worth(result, rows, name)
        for result, rows, name in (
            (first, a, "entry_price"),
            (first, a, "exit_price"),
            (second, b, "entry_price"),
            (second, b, "exit_price"),
        )
    )
    found = [
        ("Larger or smaller quantities", float((side * (out_a - in_a) * (b["qty"] - a["qty"])).sum())),
        ("Entry prices", float((-side * b["qty"] * (in_b - in_a)).sum())),
        ("Exit prices", float((side * b["qty"] * (out_b - out_a)).sum())),
        ("Fees", float((a["fees"] - b["fees"]).sum())),
        ("Funding", float((a["funding"] - b["funding"]).sum())),
        ("Trades that only the first made", -float(first.trade_rows["pnl"][pairs.only_first].sum())),
        ("Trades that only the second made", float(second.trade_rows["pnl"][pairs.only_second].sum())),
    ]
    rest = nets[1] - nets[0] - sum(value for _, value in found)
    found.append(("Open at the end, interest, dust", rest))
    return Causes(nets[0], tuple(found), nets[1], pairs)


def net_of(result: Result) -> float | None:
    """What a run made: its last equity less its first cash."""
    cash, final = (plain(result.figures.get(key)) for key in ("cash", "final_equity"))
    return None if cash is None or final is None else float(final) - float(cash)


def worth(result: Result, rows: Any, name: str) -> Any:
    """The value of one unit at a trade's price."""
    price = rows[name]
    if not result.market:
        return price
    multiplier = np.array([bars.rules.multiplier for bars in result.market])[rows["inst"]]
    backward = np.array([bars.rules.kind == "inverse" for bars in result.market])[rows["inst"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(backward, -multiplier / price, multiplier * price)
