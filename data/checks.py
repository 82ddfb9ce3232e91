"""What is wrong or odd with data, said for people and programs: names, counts, places, and the repair to choose.

    bars · funding payments · trades · order-book events  ─▶  Check (rows, problems, coverage)

Finding problems changes nothing. What a run does about them its spec says (data/repair_rules.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.bar_faults import Fault, Spans, bar_faults, distinct
from huracan.data.instants import format_ns
from huracan.data.raw_bars import Floats, Ints, RawBars
from huracan.data.repair_rules import OF_KIND
from huracan.data.row_faults import row_faults

Flags = npt.NDArray[np.bool_]

MOST_SPANS = 200  # listed of one problem
SILENCE = 60_000_000_000  # without an event from which a book feed has stopped
BUCKETS = 400  # of the picture of coverage


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
    problems = tuple(_of_fault(kind, fault, raw.times, raw.rows) for fault in faults)
    troubled = np.zeros(len(raw), dtype=np.bool_)
    for fault in faults:
        if fault.mask is not None and fault.name != "no_volume":
            troubled |= fault.mask
    shape = coverage(raw.times, troubled, raw.prices["close"], step_ns)
    return _check(raw.path, kind, raw.times, problems, shape, timeframe=timeframe, notes=raw.repairs, tick=tick)


def check_funding(name: str, times: Ints, rate: Floats, notes: dict[str, int], mark: Floats | None = None) -> Check:
    """Payments: their rates, marks, order, hours, and those that are not there."""
    columns: dict[str, Any] = {"ts": times, "rate": rate} | ({} if mark is None else {"mark": mark})
    return _check_rows(name, "funding", columns, rate, notes)


def check_trades(name: str, columns: Mapping[str, Any], notes: dict[str, int], tick: str = "") -> Check:
    """Single trades (ts, price, qty; perhaps side, id): order, numbers, ids, and prices that leave and come back."""
    return _check_rows(name, "trades", columns, columns["price"], notes, tick)


def _check_rows(
    name: str, kind: str, columns: Mapping[str, Any], shown: Floats, notes: dict[str, int], tick: str = ""
) -> Check:
    times = columns["ts"]
    faults = row_faults(kind, columns)
    problems = tuple(_of_fault(kind, fault, times, np.arange(len(times))) for fault in faults)
    troubled = np.zeros(len(times), dtype=np.bool_)
    for fault in faults:
        if fault.mask is not None:
            troubled |= fault.mask
    return _check(name, kind, times, problems, coverage(times, troubled, shown, 0), notes=notes, tick=tick)


def coverage(times: Ints, troubled: Flags, price: Floats, step_ns: int) -> Coverage:
    """Rows and expected rows per bucket of time; with no step nothing is expected."""
    edges, expected = buckets(int(times.min()), int(times.max()), len(times), step_ns)
    present = np.histogram(distinct(times) if step_ns else times, edges)[0].astype(np.int64)
    bad = np.histogram(times[troubled], edges)[0].astype(np.int64)
    order = np.argsort(times, kind="stable")
    at = np.searchsorted(times[order], edges[1:], side="left") - 1
    shown = price[order][np.maximum(at, 0)]
    if step_ns:  # where no bar is, no price is; of other rows the last one stands
        shown = np.where(present > 0, shown, np.nan)
    return Coverage(edges, present, expected, bad, shown)


def buckets(first: int, last: int, rows: int, step_ns: int) -> tuple[Ints, Ints]:
    """The edges of the buckets between two times, one more than buckets, and the rows expected in each."""
    step = step_ns or 1
    slots = (last - first) // step + 1
    most = slots if step_ns else rows // 2  # where nothing is expected, buckets that mostly have rows
    count = int(min(BUCKETS, max(1, most)))
    per = -(-slots // count)
    edges = first + np.arange(count + 1, dtype=np.int64) * per * step
    edges = edges[: int(np.searchsorted(edges, last, side="right")) + 1]
    expected = np.full(len(edges) - 1, per if step_ns else 0, dtype=np.int64)
    if step_ns and len(expected):
        expected[-1] = (last - int(edges[-2])) // step + 1
    return edges, expected


def iso(ns: int) -> str:
    """An instant as ISO text with its zone."""
    return format_ns(ns).replace(" ", "T") + "Z"


def problem(
    kind: str, name: str, count: int, when: Sequence[int], rows: Sequence[int] = (0, 0), spans: Spans = ()
) -> Problem:
    """A problem of a kind of data, by its name; `when` holds the first and last time in ns (0: unknown)."""
    rule = OF_KIND[kind][name]
    listed = tuple({"first": iso(a), "last": iso(b), "bars": n} for a, b, n in spans[:MOST_SPANS])
    first, last = (iso(ns) if ns else None for ns in (when[0], when[-1]))
    places = int(rows[0]), int(rows[-1])
    return Problem(name, int(count), first, last, rule.suggested, rule.choices, *places, rule.says, listed)


def _of_fault(kind: str, fault: Fault, times: Ints, rows: Ints) -> Problem:
    if fault.mask is None:
        return problem(kind, fault.name, fault.count, (fault.spans[0][0], fault.spans[-1][1]), spans=fault.spans)
    at = np.flatnonzero(fault.mask)
    when = (int(times[at].min()), int(times[at].max()))
    return problem(kind, fault.name, fault.count, when, (int(rows[at[0]]) + 1, int(rows[at[-1]]) + 1))


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
