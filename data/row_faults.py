"""What is wrong or odd with rows that are no bars: payments, mark prices, single trades. Finding changes nothing.

Columns by kind: funding ts, rate, perhaps mark; marks ts, price; trades ts, price, qty, perhaps side and id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.bar_faults import Fault, Spans, order_faults, spikes
from huracan.data.raw_bars import PRICES, Floats, Ints
from huracan.data.repair_rules import OF_KIND

Flags = npt.NDArray[np.bool_]

HOUR = 3_600_000_000_000
JITTER = 60_000_000_000  # venues stamp payments some ms to seconds late
INTERVALS = (1, 2, 4, 6, 8, 12, 24)  # hours between payments that venues use


def column_of(kind: str, name: str) -> str:
    """The column that a problem stands in.

    >>> column_of("trades", "nonpositive_qty"), column_of("funding", "duplicate_time")
    ('qty', 'ts')
    """
    if name in ("unordered_time", "duplicate_time", "funding_odd_hours", "missing_funding"):
        return "ts"
    if kind == "funding":
        return "mark" if name == "nonpositive_price" else "rate"
    return {"nonpositive_qty": "qty", "duplicate_trade": "id", "unknown_side": "side"}.get(name, "price")


def row_faults(kind: str, columns: Mapping[str, Any], only: str | None = None) -> list[Fault]:
    """Every problem that occurs in the rows, or only the one that is named."""
    names = OF_KIND[kind] if only is None else (only,)
    look = {"funding": _of_payments, "marks": _of_marks, "trades": _of_trades}[kind]
    found = [Fault(name, order_faults(columns["ts"])[0]) if name == "unordered_time" else look(name, columns)
             for name in names]  # fmt: skip
    return [fault for fault in found if fault.count]


def _of_payments(name: str, columns: Mapping[str, Any]) -> Fault:
    times, rate = columns["ts"], columns["rate"]
    if name == "missing_funding":
        return Fault(name, spans=missing_payments(times))
    if name == "duplicate_time":
        return Fault(name, order_faults(times)[1])
    if name == "funding_odd_hours":
        return Fault(name, odd_hours(times))
    if name == "nonpositive_price":
        mark = columns.get("mark", np.ones(len(times)))
        return Fault(name, np.isinf(mark) | (mark <= 0))
    return Fault(name, ~np.isfinite(rate) if name == "nan" else np.abs(rate) >= 1)


def _of_marks(name: str, columns: Mapping[str, Any]) -> Fault:
    if name == "duplicate_time":
        return Fault(name, order_faults(columns["ts"])[1])
    price = columns["price"]
    return Fault(name, ~np.isfinite(price) if name == "nan" else price <= 0)


def _of_trades(name: str, columns: Mapping[str, Any]) -> Fault:
    price = columns["price"]
    nan, low, none = trade_values(price, columns["qty"])
    if name in ("nan", "nonpositive_price", "nonpositive_qty"):
        return Fault(name, {"nan": nan, "nonpositive_price": low, "nonpositive_qty": none}[name])
    if name == "spike":
        sound = np.flatnonzero(~(nan | low | none))
        spike = np.zeros(len(price), dtype=np.bool_)
        spike[sound[spikes(dict.fromkeys(PRICES, price[sound]))]] = True
        return Fault(name, spike)
    if name == "unknown_side":
        side = columns.get("side", np.zeros(len(price)))
        return Fault(name, (side == 0) & bool((side != 0).any()))  # a file without sides says so by itself
    return Fault(name, doubled_ids(columns))


def trade_values(price: Floats, qty: Floats) -> tuple[Flags, Flags, Flags]:
    """Trades with a missing number, with a price of zero or less, and with a quantity of zero or less."""
    nan: Flags = ~np.asarray(np.isfinite(price) & np.isfinite(qty))
    low: Flags = ~nan & (price <= 0)
    none: Flags = ~nan & ~low & (qty <= 0)
    return nan, low, none


def doubled_ids(columns: Mapping[str, Any]) -> Flags:
    """Trades whose id and time stand above already; without ids none does."""
    import pandas as pd

    ids = columns.get("id")
    if ids is None:
        return np.zeros(len(columns["ts"]), dtype=np.bool_)
    frame = pd.DataFrame({"ts": columns["ts"], "id": np.asarray(ids, dtype=object)})
    again: Flags = (frame.duplicated() & (frame["id"] != "")).to_numpy()
    return again


def odd_hours(times: Ints) -> Flags:
    """Payments off the hour, or at an hour that neither gap beside them explains: 5:00 between 0:00 and 8:00.

    >>> odd_hours(np.array([0, 5, 8, 16, 24]) * HOUR).tolist()
    [False, True, False, False, False]
    """
    hours = (times + HOUR // 2) // HOUR
    off: Flags = np.abs(times - hours * HOUR) > JITTER
    if len(times) < 3:
        return off
    order = np.argsort(times, kind="stable")
    sorted_hours = hours[order]
    gap = np.diff(sorted_hours)
    explained = np.zeros(len(times), dtype=np.bool_)
    for interval in INTERVALS:
        on = sorted_hours % interval == 0
        explained[1:] |= on[1:] & (gap == interval)
        explained[:-1] |= on[:-1] & (gap == interval)
        over = sorted_hours[2:] - sorted_hours[:-2] == interval  # the one between them may be the odd one
        explained[2:] |= on[2:] & over
        explained[:-2] |= on[:-2] & over
    # beside a hole neither gap is an interval: then the hour must suit the commonest one
    usual = [g for g in gap.tolist() if g in INTERVALS]
    common = max(set(usual), key=usual.count) if usual else 8
    wide = np.append(gap, 0) > max(INTERVALS)
    wide[1:] |= gap > max(INTERVALS)
    explained |= wide & (sorted_hours % common == 0)
    multiple = np.zeros(len(times), dtype=np.bool_)
    multiple[1:] |= gap % common == 0
    multiple[:-1] |= gap % common == 0
    explained |= multiple & (sorted_hours % common == 0)
    odd: Flags = off.copy()
    odd[order] |= ~explained
    odd[order[1:]] &= gap != 0  # the same hour twice is a doubled payment, not an odd one
    return odd


def missing_payments(times: Ints) -> Spans:
    """Gaps wider than both gaps beside them, a whole number of the narrower of these: (first, last, payments)."""
    hours = np.unique((times + HOUR // 2) // HOUR)
    gap = np.diff(hours)
    spans = []
    for i in range(len(gap)):
        beside = [int(gap[j]) for j in (i - 1, i + 1) if 0 <= j < len(gap) and int(gap[j]) in INTERVALS]
        if not beside or int(gap[i]) <= max(beside) or int(gap[i]) % max(beside):
            continue
        step = max(beside)
        first, last = (int(hours[i]) + step) * HOUR, (int(hours[i + 1]) - step) * HOUR
        spans.append((first, last, int(gap[i]) // step - 1))
    return tuple(spans)
