"""What is wrong or odd with data, said for people and programs: names, counts, places, and the repair to choose.

    bars · funding payments · trades · order-book events  ─▶  Check (rows, problems, coverage)

Finding problems changes nothing. What a run does about them its spec says ([data] repair, data/repairs.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.bar_faults import Fault, bar_faults, distinct, order_faults, spikes
from huracan.data.instants import format_ns
from huracan.data.raw_bars import PRICES, Floats, Ints, RawBars
from huracan.data.repairs import RULES

Flags = npt.NDArray[np.bool_]
Spans = tuple[tuple[int, int, int], ...]

HOUR = 3_600_000_000_000
JITTER = 60_000_000_000  # venues stamp payments some ms to seconds late
INTERVALS = (1, 2, 4, 6, 8, 12, 24)  # hours between payments that venues use
MOST_SPANS = 200  # listed of one problem
SILENCE = 60_000_000_000  # without an event from which a book feed has stopped
BUCKETS = 400  # of the picture of coverage

# Problems that are no bars' (those stand in RULES): what to do, and what they mean.
OTHERS = {
    "funding_odd_hours": ("drop", "payments at times at which no interval of 1 to 24 hours puts them"),
    "missing_funding": ("fetch", "a payment between its neighbours is not there"),
    "bad_rate": ("drop", "a rate of 100 % or more is no funding rate"),
    "nonpositive_qty": ("drop", "a traded quantity of zero or below"),
    "unknown_side": ("keep", "nobody knows who was the taker"),
    "crossed_book": ("keep", "the best bid is at or above the best ask after a message"),
    "gapped_book": ("refetch", "updates between two messages were lost"),
    "no_snapshot": ("keep", "the book never begins with a snapshot"),
    "snapshot_behind_update": (
        "keep",
        "updates before a snapshot are newer than it: they are applied once more",
    ),
    "update_before_snapshot": ("keep", "levels that are older than the snapshot before them"),
    "unordered_local_time": ("keep", "local times go back"),
    "local_before_exchange": ("clock_shift", "local stamps precede the exchange's: a run moves them all"),
    "no_exchange_time": ("keep", "messages without the exchange's time: the last one known stands in"),
    "bad_level": ("drop", "levels or trades with a price or quantity that can't be: left out on reading"),
    "not_market_trade": ("drop", "trades that met no order of the book: left out on reading"),
    "other_message": ("drop", "messages of other streams: left out on reading"),
    "bad_line": ("drop", "lines that are no messages: left out on reading"),
    "cut_short": ("refetch", "the file ends before its end"),
    "empty_quote": ("keep", "a side of the quote is empty"),
    "stopped_feed": ("keep", "no event for a minute or more"),
}
_BAR_WORDS = {name: (rule.suggested, rule.says) for name, rule in RULES.items()}


@dataclass(frozen=True)
class Problem:
    """One kind of problem: times are ISO text (None unknown), rows count from 1 (0 where it is no row)."""

    name: str
    count: int
    first: str | None
    last: str | None
    repair: str
    choices: tuple[str, ...] = ()
    first_row: int = 0
    last_row: int = 0
    says: str = ""
    spans: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Coverage:
    """For the picture: per bucket of time, rows there, rows that should be there, and rows with some problem."""

    edges_ns: Ints  # one more than buckets
    present: Ints
    expected: Ints
    troubled: Ints
    price: Floats  # the last price in the bucket, NaN for none


@dataclass(frozen=True)
class Check:
    """What was found in one data set."""

    name: str
    kind: str
    rows: int
    timeframe: str
    first: str | None
    last: str | None
    problems: tuple[Problem, ...]
    coverage: Coverage
    notes: dict[str, int] = field(default_factory=dict)  # repairs that reading alone needed
    tick: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON has it; `rows` and `problems` are the contract's."""
        about: dict[str, Any] = {"name": self.name, "kind": self.kind, "rows": self.rows}
        about |= {"timeframe": self.timeframe or None, "first": self.first, "last": self.last}
        about |= {"tick": self.tick or None, "notes": self.notes}
        lists = ("choices", "spans")
        return about | {
            "problems": [asdict(each) | {key: list(getattr(each, key)) for key in lists} for each in self.problems]
        }


def check_bars(raw: RawBars, step_ns: int, timeframe: str, *, kind: str = "bars", tick: str = "") -> Check:
    """Bars, or a mark price's; volumes of a mark price are not looked at."""
    if kind == "mark":
        raw = _without_volume(raw)
    faults = bar_faults(raw, step_ns)
    problems = tuple(_of_fault(fault, raw.times, raw.rows) for fault in faults)
    troubled = np.zeros(len(raw), dtype=np.bool_)
    for fault in faults:
        if fault.mask is not None and fault.name != "no_volume":
            troubled |= fault.mask
    shape = coverage(raw.times, troubled, raw.prices["close"], step_ns)
    return _check(raw.path, kind, raw.times, problems, shape, timeframe=timeframe, notes=raw.repairs, tick=tick)


def check_funding(name: str, times: Ints, rate: Floats, notes: dict[str, int]) -> Check:
    """Payments: their rates, order, hours, and those that are not there."""
    return _check_rows(name, "funding", {"ts": times, "rate": rate}, rate, notes)


def check_trades(name: str, times: Ints, price: Floats, qty: Floats, notes: dict[str, int], tick: str = "") -> Check:
    """Single trades: order, numbers, and prices that leave the others and come straight back."""
    return _check_rows(name, "trades", {"ts": times, "price": price, "qty": qty}, price, notes, tick)


def row_faults(kind: str, columns: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with payments (ts, rate) or trades (ts, price, qty), without what does not occur."""
    times = columns["ts"]
    unordered, doubled = order_faults(times)
    faults = [Fault("unordered_time", unordered)]
    if kind == "funding":
        rate = columns["rate"]
        faults += [
            Fault("duplicate_time", doubled),
            Fault("nan", ~np.isfinite(rate)),
            Fault("bad_rate", np.abs(rate) >= 1),
            Fault("funding_odd_hours", odd_hours(times)),
            Fault("missing_funding", spans=missing_payments(times)),
        ]
    else:
        price, qty = columns["price"], columns["qty"]
        nan = ~(np.isfinite(price) & np.isfinite(qty))
        low = ~nan & (price <= 0)
        none = ~nan & ~low & (qty <= 0)
        sound = np.flatnonzero(~(nan | low | none))
        spike = np.zeros(len(times), dtype=np.bool_)
        spike[sound[spikes(dict.fromkeys(PRICES, price[sound]))]] = True
        faults += [Fault("nan", nan), Fault("nonpositive_price", low), Fault("nonpositive_qty", none)]
        faults.append(Fault("spike", spike))
    return [fault for fault in faults if fault.count]


def _check_rows(
    name: str, kind: str, columns: Mapping[str, Any], shown: Floats, notes: dict[str, int], tick: str = ""
) -> Check:
    times = columns["ts"]
    faults = row_faults(kind, columns)
    problems = tuple(_of_fault(fault, times, np.arange(len(times))) for fault in faults)
    troubled = np.zeros(len(times), dtype=np.bool_)
    for fault in faults:
        if fault.mask is not None:
            troubled |= fault.mask
    return _check(name, kind, times, problems, coverage(times, troubled, shown, 0), notes=notes, tick=tick)


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


def coverage(times: Ints, troubled: Flags, price: Floats, step_ns: int) -> Coverage:
    """Rows and expected rows per bucket of time; with no step nothing is expected."""
    first, last = int(times.min()), int(times.max())
    step = step_ns or 1
    slots = (last - first) // step + 1
    count = int(min(BUCKETS, max(1, slots)))
    per = -(-slots // count)
    edges = first + np.arange(count + 1, dtype=np.int64) * per * step
    edges = edges[: int(np.searchsorted(edges, last, side="right")) + 1]
    present = np.histogram(distinct(times) if step_ns else times, edges)[0].astype(np.int64)
    bad = np.histogram(times[troubled], edges)[0].astype(np.int64)
    expected = np.full(len(present), per if step_ns else 0, dtype=np.int64)
    if step_ns and len(expected):
        expected[-1] = (last - int(edges[-2])) // step + 1
    order = np.argsort(times, kind="stable")
    at = np.searchsorted(times[order], edges[1:], side="left") - 1
    shown = np.where(present > 0, price[order][np.maximum(at, 0)], np.nan)
    return Coverage(edges, present, expected, bad, shown)


def iso(ns: int) -> str:
    """An instant as ISO text with its zone."""
    return format_ns(ns).replace(" ", "T") + "Z"


def problem(name: str, count: int, when: Sequence[int], rows: Sequence[int] = (0, 0), spans: Spans = ()) -> Problem:
    """A problem by its name; `when` holds the first and last time in ns (0: unknown)."""
    repair, says = OTHERS.get(name) or _BAR_WORDS.get(name) or ("keep", "")
    choices = RULES[name].choices if name in RULES else ()
    listed = tuple({"first": iso(a), "last": iso(b), "bars": n} for a, b, n in spans[:MOST_SPANS])
    first, last = (iso(ns) if ns else None for ns in (when[0], when[-1]))
    return Problem(name, int(count), first, last, repair, choices, int(rows[0]), int(rows[-1]), says, listed)


def _of_fault(fault: Fault, times: Ints, rows: Ints) -> Problem:
    if fault.mask is None:
        return problem(fault.name, fault.count, (fault.spans[0][0], fault.spans[-1][1]), spans=fault.spans)
    at = np.flatnonzero(fault.mask)
    when = (int(times[at].min()), int(times[at].max()))
    return problem(fault.name, fault.count, when, (int(rows[at[0]]) + 1, int(rows[at[-1]]) + 1))


def _without_volume(raw: RawBars) -> RawBars:
    from dataclasses import replace

    return replace(raw, volume=None)


def _check(name: str, kind: str, times: Ints, problems: tuple[Problem, ...], shape: Coverage, **more: Any) -> Check:
    more = {"timeframe": "", "tick": "", "notes": {}} | more
    return Check(
        name=name,
        kind=kind,
        rows=len(times),
        first=iso(int(times.min())),
        last=iso(int(times.max())),
        problems=problems,
        coverage=shape,
        **more,
    )
