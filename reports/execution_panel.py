"""How well the orders were executed: how many were filled, how long it took, what the price did afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.reports.curve_panels import inside_bars, notional_of
from huracan.reports.parts import Panel, Part, Table, Text
from huracan.reports.wording import NONE, count, name_of, share, span, written
from huracan.sim.layout import FillReason
from huracan.sim.result_tables import REASONS

if TYPE_CHECKING:
    from huracan.reports.returns import Floats, Ints
    from huracan.sim.result import Result

HORIZONS = (1, 5, 15, 60)  # bars after a fill
OWN = (FillReason.MARKET, FillReason.LIMIT, FillReason.TRAIL)


def execution_panel(result: Result) -> Panel | None:
    """None where nothing was filled."""
    fills = result.fill_rows
    if not fills.size:
        return None
    parts: list[Part] = []
    if orders := result.figures.get("orders"):
        filled = int(own_orders(result).size)
        parts.append(
            Text(
                f"{filled:,} of {orders:,} orders were filled at least in part ({share(min(filled / orders, 1.0))}); "
                f"{fills.size:,} executions, {share(float((fills['maker'] == 1).mean()))} of them as maker.",
                "lead",
            )
        )
    parts.append(kinds_table(result))
    if waits := waiting_table(result):
        parts.append(waits)
    parts += rested_tables(result.figures.get("fill_times"))
    if marks := markouts_table(result):
        parts.append(marks)
    how = (
        "Fill rate: of the orders sent (targets and stops of brackets left out), how many were filled at all. Time "
        "to fill runs from the close at which an order was made to its first execution. A markout is how far the "
        "price moved in favour of a fill some bars later, in bps of its price: makers whose fills are followed by a "
        "move against them are filled when they should not be; ± is two standard errors."
    )
    return Panel("execution", "How orders were executed", tuple(parts), how, "Execution")


def own_orders(result: Result) -> Ints:
    """Numbers of the orders that were filled and are no bracket's child.

    A bracket takes three numbers in one decision: entry, target, stop. So a filled stop is a child only if the number
    two before it was filled on the other side, the one between was not filled as an order of its own, and no close
    lies between them where the numbers given out by each close are recorded.
    """
    fills = result.fill_rows
    own = np.isin(fills["reason"], [int(r) for r in OWN])
    sides = dict(zip(fills["order_id"][own].tolist(), fills["side"][own].tolist(), strict=True))
    closes = set(np.unique(result.equity_rows["last_order"]).tolist())
    stops = fills[fills["reason"] == int(FillReason.STOP)]
    for number, side in zip(stops["order_id"].tolist(), stops["side"].tolist(), strict=True):
        entry = sides.get(number - 2)
        child = entry == -side and number - 1 not in sides and closes.isdisjoint((number - 2, number - 1))
        if not child:
            sides.setdefault(number, side)
    return np.array(sorted(number for number in sides if number > 0), np.int64)


def kinds_table(result: Result) -> Table:
    """Executions by what they were: number, value, and what they paid in bps of their value."""
    fills = result.fill_rows
    value = notional_of(result, fills["inst"], fills["qty"], fills["price"])
    rows = []
    for reason in range(len(REASONS)):
        for maker in (1, 0):
            mine = (fills["reason"] == reason) & (fills["maker"] == maker)
            n = int(mine.sum())
            if not n:
                continue
            cells = [name_of(REASONS[reason]), "maker" if maker else "taker", count(n)]
            traded = None if value is None else float(value[mine].sum())
            paid = [float(fills[name][mine].sum()) for name in ("fee", "spread", "slippage", "impact")]
            cells += [f"{each / traded * 1e4:,.2f}" if traded else NONE for each in paid]
            rows.append(tuple(cells))
    head = ("Executed by", "As", "Fills", "Fee, bps", "Spread, bps", "Slippage, bps", "Impact, bps")
    return Table(("t", "t", "n", "n", "n", "n", "n"), tuple(rows), head)


def waits_of(result: Result) -> Ints | None:
    """The time from the close at which each order was made to its first execution, in ns, by the reason of that one.

    None where it was not written down when orders were made.
    """
    found = made_and_filled(result)
    return None if found is None else np.asarray(found[1], np.int64)


def made_and_filled(result: Result) -> tuple[Any, Any] | None:
    """The first execution of each order, and how long the order had waited for it."""
    fills, rows = result.fill_rows, result.equity_rows
    if not rows.size or not rows["last_order"].any():
        return None
    own = fills[np.isin(fills["order_id"], own_orders(result))]
    ids, first = np.unique(own["order_id"], return_index=True)
    places = np.searchsorted(rows["last_order"], ids)
    known = places < rows.size
    own, made = own[first[known]], rows["ts_ns"][places[known]]
    if (own["ts_ns"] < made).any():
        return None  # decided between two rows of equity, as on order books: the rows can't say when
    return own, own["ts_ns"] - made


def waiting_table(result: Result) -> Table | None:
    """How long orders waited for their first execution; None where it was not written down when they were made."""
    found = made_and_filled(result)
    if found is None:
        return None
    own, waits = found
    lines = []
    for reason in range(len(REASONS)):
        mine = waits[own["reason"] == reason]
        if mine.size:
            cells = [waited(float(v)) for v in (*np.percentile(mine, [50, 90]), mine.max())]
            lines.append((name_of(REASONS[reason]), count(mine.size), *cells))
    if not lines:
        return None
    head = ("Time to fill", "Orders filled", "Median", "90th percentile", "Longest")
    return Table(("t", "n", "n", "n", "n"), tuple(lines), head)


def rested_tables(found: Any) -> list[Part]:
    """What a run on order books wrote down of the orders that rested; nothing of any other run."""
    if not isinstance(found, dict) or not found.get("rested"):
        return []
    times = found.get("time_to_fill_s") or {}

    def seconds(key: str) -> str:
        value = times.get(key)
        return NONE if value is None else waited(value * 1e9)

    row = (count(found["rested"]), *(written(found.get(k), "share") for k in ("fill_rate", "fill_rate_by_quantity")))
    head = ("Orders that rested", "Filled", "Of their quantity", "Median time to fill", "90th percentile", "Mean")
    tables: list[Part] = [Table(("n",) * 6, ((*row, *(seconds(k) for k in ("median", "p90", "mean"))),), head, False)]
    after = [(word, found.get(f"{word.lower()}_markout_bps") or {}) for word in ("Maker", "Taker")]
    lines = tuple((word, *(signed(v) for v in each.values())) for word, each in after if any_known(each))
    if lines:
        names = next(each for _, each in after if any_known(each))
        tables.append(Table(("t", *("n" for _ in names)), lines, ("Markout of the mid, bps", *map(after_words, names))))
    return tables


def any_known(values: Any) -> bool:
    return any(value is not None for value in values.values())


def signed(value: float | None) -> str:
    return NONE if value is None else f"{value:+,.2f}"


def after_words(key: str) -> str:
    """
    >>> after_words("5s")
    'after 5 seconds'
    """
    return f"after {span(int(str(key).removesuffix('s')) * 10**9)}"


def waited(ns: float) -> str:
    return "at once" if ns <= 0.0 else span(int(ns)) if ns >= 1e9 else f"{ns / 1e6:,.0f} ms"


def markouts_table(result: Result) -> Table | None:
    """The mean move in favour after fills, by maker and taker; None without prices."""
    if not result.market:
        return None
    fills = result.fill_rows
    moves = {h: markouts(result, h) for h in HORIZONS}
    lines = []
    for word, maker in (("Maker", 1), ("Taker", 0)):
        cells = []
        for h in HORIZONS:
            mine = moves[h][(fills["maker"] == maker) & np.isfinite(moves[h])]
            if mine.size < 2:
                cells.append(NONE)
                continue
            error = float(mine.std(ddof=1)) / mine.size**0.5
            cells.append(f"{float(mine.mean()):+,.2f} ± {2.0 * error:,.2f}")
        if any(cell != NONE for cell in cells):
            lines.append((word, count(int((fills["maker"] == maker).sum())), *cells))
    if not lines:
        return None
    step = min(bars.timeframe_ns for bars in result.market)
    bars = [f"after {waited(float(h * step))}" for h in HORIZONS]
    return Table(("t", "n", *(["n"] * len(HORIZONS))), tuple(lines), ("Markout, bps", "Fills", *bars))


def markouts(result: Result, horizon: int) -> Floats:
    """The move in favour of each fill from its price to the close `horizon` bars after its own bar, in bps.

    NaN where the run ends before.
    """
    fills = result.fill_rows
    out = np.full(fills.size, np.nan)
    inside = inside_bars(result)
    for k, bars in enumerate(result.market):
        mine = np.flatnonzero(fills["inst"] == k)
        if not mine.size or not bars.open_ns.size:
            continue
        at = np.searchsorted(bars.open_ns, fills["ts_ns"][mine], side="right") - 1
        shared = fills["ts_ns"][mine] == bars.open_ns[np.maximum(at, 0)]
        own = np.where(shared & inside[mine], at - 1, at)
        place = own + horizon
        there = (own >= 0) & (place < bars.open_ns.size)
        close = bars.close[np.clip(place, 0, bars.open_ns.size - 1)]
        price = fills["price"][mine]
        move = fills["side"][mine] * (close - price) / price * 1e4
        out[mine] = np.where(there, move, np.nan)
    return out
