"""Why the result of one run differs from that of another, as far as their records tell.

pairs of trades ─▶ quantity, costs in prices, latency, timing, price, fees, funding
trades of one   ─▶ outside the other's time, missed (an order was out and not filled), busy, no order sent
the rest        ─▶ what was open at the end
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.execution_panel import own_orders
from huracan.reports.trade_pairs import BARS_APART, Pairs, pairs_of, step_of
from huracan.sim.figures import plain

if TYPE_CHECKING:
    import numpy.typing as npt

    from huracan.reports.returns import Floats, Ints
    from huracan.sim.result import Result

UNKNOWN = np.iinfo(np.int64).min  # a time that the records do not tell
IN_PRICES = ("spread", "slippage", "impact")
OUTSIDE = "Trades outside the time that both cover"


@dataclass(frozen=True)
class Causes:
    """What leads from the net result of one run to that of the other; the causes add up to the difference."""

    before: float
    causes: tuple[tuple[str, float], ...]
    after: float
    pairs: Pairs


@dataclass(frozen=True)
class Leg:
    """One end of some trades: its price in money a unit, the modelled costs within it, when it was filled, decided."""

    worth: Floats
    costs: Floats
    filled: Ints
    decided: Ints  # UNKNOWN where the records do not tell


def causes_of(first: Result, second: Result) -> Causes | None:
    """From the first run's net result to the second's, cause by cause; None where a run lacks its cash or its end."""
    before, after = net_of(first), net_of(second)
    if before is None or after is None:
        return None
    pairs = pairs_of(first, second)
    found = {**of_pairs(first, second, pairs), **of_single_trades(first, second, pairs)}
    found["Open at the end, interest, dust"] = after - before - sum(found.values())
    return Causes(before, tuple(found.items()), after, pairs)


def of_pairs(first: Result, second: Result, pairs: Pairs) -> dict[str, float]:
    """What differs between the same trades of both runs."""
    a, b = first.trade_rows[pairs.first], second.trade_rows[pairs.second]
    side = a["side"].astype(np.float64)
    entry, exit_ = ((leg_of(first, a, end), leg_of(second, b, end)) for end in ("entry", "exit"))
    found = {
        "Larger or smaller quantities": float((side * (exit_[0].worth - entry[0].worth) * (b["qty"] - a["qty"])).sum())
    }
    names = (
        "Spread, slippage and impact in the prices",
        "Latency: decided at the same time, filled at another",
        "Timing: decided at another time",
        "Timing: filled at another time",
        "Other prices at the same time",
    )
    found |= dict.fromkeys(names, 0.0)
    for sign, (one, two) in ((-side, entry), (side, exit_)):
        whole = sign * b["qty"] * (two.worth - one.worth)
        paid = -b["qty"] * (two.costs - one.costs)
        rest = whole - paid
        told = (one.decided != UNKNOWN) & (two.decided != UNKNOWN)
        together, agreed = one.filled == two.filled, one.decided == two.decided
        kinds = (told & agreed & ~together, told & ~agreed & ~together, ~told & ~together, together)
        found[names[0]] += float(paid.sum())
        for name, mine in zip(names[1:], kinds, strict=True):
            found[name] += float(rest[mine].sum())
    found["Fees"] = float((a["fees"] - b["fees"]).sum())
    found["Funding"] = float((a["funding"] - b["funding"]).sum())
    return found


def of_single_trades(first: Result, second: Result, pairs: Pairs) -> dict[str, float]:
    """What only one run did: the other was not running, was not filled, was in another trade, or sent no order."""
    found = {OUTSIDE: 0.0}
    for run, other, places, sign, name, its in (
        (first, second, pairs.only_first, -1.0, "first", "second"),
        (second, first, pairs.only_second, 1.0, "second", "first"),
    ):
        rows = run.trade_rows[places]
        pnl = sign * rows["pnl"]
        outside = (rows["entry_ns"] < other.about.start_ns) | (rows["entry_ns"] > other.about.end_ns)
        found[OUTSIDE] += float(pnl[outside].sum())
        sent = sent_orders(run, other, rows)
        if sent is None:
            found[f"Trades that only the {name} made"] = float(pnl[~outside].sum())
            continue
        found[f"Missed: the {its} sent an order and was not filled"] = float(pnl[~outside & sent].sum())
        busy = in_a_trade(run, other, rows)
        found[f"Path: the {its} was in another trade"] = float(pnl[~outside & ~sent & busy].sum())
        found[f"Signals of the {name} alone: the {its} sent no order"] = float(pnl[~outside & ~sent & ~busy].sum())
    return found


def sent_orders(run: Result, other: Result, rows: Any) -> npt.NDArray[np.bool_] | None:
    """Whether the other run had an order out at each trade's decision that was not filled; None if not recorded.

    Either one was sent within a few bars that never was filled, or one of the same side was filled only later. Of a
    bracket's three numbers at least one always stays open: numbers after a filled one are no miss.
    """
    equity, fills = other.equity_rows, other.fill_rows
    if not equity.size or not equity["last_order"].any():
        return None
    decided = decisions(run, rows, "entry")
    moment = np.where(decided == UNKNOWN, rows["entry_ns"], decided)
    step = max(step_of(run), step_of(other))
    last = np.r_[0, equity["last_order"]]
    since = last[np.searchsorted(equity["ts_ns"], moment - BARS_APART * step, side="left")]
    until = last[np.searchsorted(equity["ts_ns"], moment + step, side="right")]
    filled = np.zeros(int(last.max()) + 3, bool)
    ids = fills["order_id"][(fills["order_id"] > 0) & (fills["order_id"] < filled.size - 2)]
    for after in range(3):
        filled[ids + after] = True
    never = np.cumsum(~filled)
    sent = never[until] > never[since]
    for side in (1, -1):
        waiting = fills[np.isin(fills["order_id"], own_orders(other)) & (fills["side"] == side)]
        made = made_at(other, waiting["order_id"])
        known = made != UNKNOWN
        begun = np.searchsorted(np.sort(made[known]), moment, side="right")
        done = np.searchsorted(np.sort(waiting["ts_ns"][known]), np.maximum(moment, rows["entry_ns"]), side="right")
        sent |= (rows["side"] == side) & (begun > done)
    return np.asarray(sent)


def in_a_trade(run: Result, other: Result, rows: Any) -> npt.NDArray[np.bool_]:
    """Whether the other run held a position in the same symbol when each trade began."""
    theirs = other.trade_rows
    names = np.array([*other.about.symbols, ""])[theirs["inst"]]
    mine = np.array([*run.about.symbols, ""])[rows["inst"]]
    busy = np.zeros(rows.size, bool)
    for symbol in np.unique(mine):
        these, those = mine == symbol, names == symbol
        begun = np.searchsorted(np.sort(theirs["entry_ns"][those]), rows["entry_ns"][these], side="right")
        ended = np.searchsorted(np.sort(theirs["exit_ns"][those]), rows["entry_ns"][these], side="left")
        busy[these] = begun > ended
    return busy


def made_at(result: Result, ids: Ints) -> Ints:
    """The close at which each order's number was given out; UNKNOWN where that is not recorded."""
    equity = result.equity_rows
    place = np.searchsorted(equity["last_order"], ids)
    known = (place < equity.size) & (ids > 0)
    return np.where(known, equity["ts_ns"][np.minimum(place, equity.size - 1)], UNKNOWN)


def leg_of(result: Result, rows: Any, end: str) -> Leg:
    """The entries or the exits of some trades."""
    return Leg(
        worth(result, rows, f"{end}_price"),
        costs_a_unit(result, rows, end),
        rows[f"{end}_ns"],
        decisions(result, rows, end),
    )


def costs_a_unit(result: Result, rows: Any, end: str) -> Floats:
    """Spread, slippage and impact in money a unit, the mean over the fills of each trade's entry or exit."""
    fills = result.fill_rows
    costs = sum((fills[name] for name in IN_PRICES), np.zeros(fills.size))
    out = np.zeros(rows.size)
    side = rows["side"] if end == "entry" else -rows["side"]
    # the fill at the other end belongs to the other leg, unless all happened at once
    at_once = rows["entry_ns"] == rows["exit_ns"]
    for inst in np.unique(rows["inst"]).tolist():
        for sign in (1, -1):
            mine = np.flatnonzero((rows["inst"] == inst) & (side == sign))
            those = np.flatnonzero((fills["inst"] == inst) & (fills["side"] == sign))
            if not mine.size or not those.size:
                continue
            ts = fills["ts_ns"][those]
            early, late = rows["entry_ns"][mine], rows["exit_ns"][mine]
            i, j = np.searchsorted(ts, early, side="left"), np.searchsorted(ts, late, side="right")
            if end == "entry":
                j = np.where(at_once[mine], j, np.searchsorted(ts, late, side="left"))
            else:
                i = np.where(at_once[mine], i, np.searchsorted(ts, early, side="right"))
            paid, bought = np.r_[0.0, np.cumsum(costs[those])], np.r_[0.0, np.cumsum(fills["qty"][those])]
            qty = bought[j] - bought[i]
            out[mine] = np.where(qty > 0.0, (paid[j] - paid[i]) / np.where(qty > 0.0, qty, 1.0), 0.0)
    return out


def decisions(result: Result, rows: Any, end: str) -> Ints:
    """When the order of each trade's first (or last) fill was made: the close at which its number was given out.

    A bracket's children were made with their entry, so that an exit at one of them says when it was entered; UNKNOWN
    where numbers are not recorded, or only between two rows of equity, as on order books.
    """
    out = np.full(rows.size, UNKNOWN, np.int64)
    fills, equity = result.fill_rows, result.equity_rows
    if not equity.size or not equity["last_order"].any():
        return out
    made = made_at(result, fills["order_id"])
    if (made > fills["ts_ns"]).any():
        return out
    when: dict[tuple[int, int, int], int] = {}
    for key, ns in zip(
        zip(*(fills[n].tolist() for n in ("ts_ns", "inst", "side")), strict=True), made.tolist(), strict=True
    ):
        when.setdefault(key, ns)
    sign = 1 if end == "entry" else -1
    keys = zip(rows[f"{end}_ns"].tolist(), rows["inst"].tolist(), (sign * rows["side"]).tolist(), strict=True)
    return np.array([when.get(key, UNKNOWN) for key in keys], np.int64).reshape(rows.size)


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
