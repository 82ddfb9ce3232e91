"""A tape of bars: any number of instruments on one timeline of rows, handed to the machine in chunks.

The columns stay where the data room keeps them, in memory or in the store; a chunk's records are made when they are
asked for, so that memory does not grow with the tape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numba import config

from huracan.sim import layout
from huracan.sim.calm_rows import Grid, fill_rows
from huracan.sim.codes import INVERSE
from huracan.sim.kernel.bar_rows import put_rows
from huracan.sim.layout import LEAD, SPANS, SPARE, Contract, TapeView
from huracan.sim.lone_bars import BAR, PRICES, Known, given, lone_chunk
from huracan.sim.memory import as_records
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars, BarSource, Floats, Ints, Payments, Rules
from huracan.sim.timeline import MARK, RowTimes, Timeline, timeline

Records = np.ndarray[Any, Any]


class Room(NamedTuple):
    """Where a chunk's rows and bars stand, and where those of some of its rows are put together."""

    rows: Records  # layout.row
    columns: Floats  # (BAR, instruments, rows of a chunk)
    bars: Records  # layout.bar, (rows of a piece, instruments)
    lines: Floats  # of one instrument, layout.TapeView's


@dataclass(frozen=True)
class Tape:
    """Instruments on one timeline."""

    series: tuple[BarSource, ...]
    timeline: Timeline
    payments: Records  # layout.payment, in time order
    first_live: int  # rows before it only warm features up
    rules: Records  # layout.rules, (instruments,)
    window: int  # bars over which the cost models look back; 0 when none does
    fine: tuple[Bars, ...]
    repairs: dict[str, int]
    data_hash: str

    @property
    def rows(self) -> int:
        return len(self.timeline)

    @property
    def close_ns(self) -> RowTimes:
        return RowTimes(self.timeline)

    @property
    def open_ns(self) -> RowTimes:
        return RowTimes(self.timeline, -self.timeframe_ns)

    @property
    def timeframe_ns(self) -> int:
        return self.series[0].timeframe_ns

    @cached_property
    def first_ns(self) -> int:
        """The first live row's open."""
        return self.open_ns[self.first_live]


def exact_fraction(value: float) -> tuple[int, int]:
    """A decimal number as the fraction that was meant: 0.1 is 1 / 10; (0, 1) for 0.

    >>> exact_fraction(0.05)
    (1, 20)
    """
    f = Fraction(Decimal(repr(float(value))))
    return f.numerator, f.denominator


def rule_records(series: Sequence[BarSource]) -> Records:
    """layout.rules of every instrument."""
    out = rule_records_of([s.rules for s in series])
    out["capped"] = [s.has_volume for s in series]
    return out


def rule_records_of(rules: Sequence[Rules]) -> Records:
    """layout.rules of instruments whose volume caps nothing."""
    out = np.zeros(len(rules), layout.rules)
    for k, r in enumerate(rules):
        lot = exact_fraction(r.lot)
        out[k]["tick_num"], out[k]["tick_den"] = r.tick_num, r.tick_den
        out[k]["lot_num"], out[k]["lot_den"] = lot
        out[k]["contract"] = Contract[r.kind.upper()]
        out[k]["min_notional"] = r.min_notional
        out[k]["multiplier"] = r.multiplier
        out[k]["tick"] = r.tick
    return out


def payment_records(payments: Sequence[Payments | None], first_ns: int, last_ns: int) -> Records:
    """All instruments' funding between two times, in time order."""
    parts = []
    for k, p in enumerate(payments):
        if p is None:
            continue
        inside = (p.ts_ns >= first_ns) & (p.ts_ns < last_ns)
        part = np.zeros(int(inside.sum()), layout.payment)
        part["ts_ns"], part["inst"] = p.ts_ns[inside], k
        part["rate"], part["mark"] = p.rate[inside], p.mark[inside]
        parts.append(part)
    if not parts:
        return np.zeros(0, layout.payment)
    merged = np.concatenate(parts)
    return merged[np.lexsort((merged["inst"], merged["ts_ns"]))]


def trailing(values: Floats, window: int) -> Floats:
    """Mean of the `window` values before each place; NaN until there are as many.

    Summed in a fixed order, so that every machine agrees.
    """
    out = np.full(len(values), np.nan)
    if len(values) > window:
        total = np.zeros(len(values) - window)
        for j in range(window):
            total += values[j : j + len(total)]
        out[window:] = total / window
    return out


def cost_columns(bars: Bars, window: int) -> tuple[Floats, Floats]:
    """(standard deviation of close-to-close returns, mean volume) of the `window` bars before each bar."""
    n = len(bars.close)
    returns = np.full(n, np.nan)
    returns[1:] = bars.close[1:] / bars.close[:-1] - 1.0
    mean = trailing(returns, window)
    sigma = np.full(n, np.nan)
    if n > window:
        total = np.zeros(n - window)
        for j in range(window):
            d = returns[j : j + len(total)] - mean[window:]
            total += d * d
        sigma[window:] = np.sqrt(total / window)
    volume = bars.volume if bars.volume is not None else np.full(n, np.nan)
    mean_volume = trailing(volume, window)
    mean_volume[np.isnan(sigma)] = np.nan  # both are known from the same bar on
    return sigma, mean_volume


def payments_before(tape: Tape, close_ns: Ints) -> Ints:
    """How many payments have an instant before each of these closes."""
    if not len(tape.payments):
        return np.zeros(len(close_ns), np.int64)
    return np.searchsorted(tape.payments["ts_ns"], close_ns, side="left")


def paid_before(tape: Tape, row: int) -> int:
    """How many payments have an instant before a row's close."""
    return int(payments_before(tape, tape.close_ns[row : row + 1])[0]) if len(tape.payments) else 0


def most_payments_a_row(tape: Tape) -> int:
    """Payments that fall into one row at most."""
    most, before = 0, 0
    for lo in range(0, tape.rows if len(tape.payments) else 0, MARK):
        known = payments_before(tape, tape.close_ns[lo : min(lo + MARK, tape.rows)])
        most, before = max(most, int(np.diff(known, prepend=before).max())), int(known[-1])
    return most


def build_tape(
    series: Sequence[BarSource],
    payments: Sequence[Payments | None] = (),
    *,
    start_ns: int | None = None,
    warmup: int = 0,
    window: int = 0,
    fine: Sequence[Bars] = (),
) -> Tape:
    """Put instruments on one timeline.

    Rows that close after `start_ns` are live, up to `warmup` before them warm features up.
    """
    if not series:
        raise Refused("there is no instrument", where="[data]", fix="name a file, symbols or a synthetic market")
    steps = sorted({s.timeframe_ns for s in series})
    if len(steps) > 1:
        raise Refused("instruments of different timeframes", where="[data]", fix="resample them to one timeframe")
    names = [(s.venue, s.symbol) for s in series]
    if len(set(names)) < len(names):
        raise Refused("an instrument is named twice", where="[data]", fix="give each file its own symbol or venue")
    for s in series:
        if len(s) == 0:
            raise Refused(f"{s.symbol} has no bars", where="[data]", fix="check start, end and the file")
    rows = timeline(series)
    first_live = 0 if start_ns is None else rows.row_after(start_ns)
    if first_live >= len(rows):
        raise Refused("no bar after the start", where="[data] start", fix="choose an earlier start")
    cut = max(first_live - warmup, 0) if start_ns is not None else 0
    if start_ns is None:
        if warmup >= len(rows):
            what, fix = f"a warm-up of {warmup:,} bars leaves none of {len(rows):,}", "warm up with fewer, or give more"
            raise Refused(what, where="[data] warmup", fix=fix)
        first_live = warmup
    rows, first_live = replace(rows, offset=cut), first_live - cut
    closes = RowTimes(rows)
    records = payment_records(payments, closes[first_live] - steps[0], closes[-1])
    repairs: dict[str, int] = {}
    for s in series:
        for name, count in s.repairs.items():
            repairs[name] = repairs.get(name, 0) + count
    for p in payments:
        for name, count in (p.repairs if p is not None else {}).items():
            repairs[name] = repairs.get(name, 0) + count
    no_mark = int(np.isnan(records["mark"]).sum()) if len(records) else 0
    if no_mark:
        repairs["funding_mark_from_last_price"] = no_mark
    return Tape(
        tuple(series),
        rows,
        records,
        first_live,
        rule_records(series),
        window,
        tuple(fine),
        repairs,
        tape_hash(series, payments, fine),
    )


def tape_hash(series: Sequence[BarSource], payments: Sequence[Payments | None], fine: Sequence[Bars]) -> str:
    """Identity of the data: every instrument's hash, rules and name, in order."""
    parts: list[object] = []
    for s in (*series, *fine):
        r: Rules = s.rules
        parts.append(
            (
                s.venue,
                s.symbol,
                s.timeframe_ns,
                s.data_hash,
                r.kind,
                r.tick_num,
                r.tick_den,
                r.lot,
                r.min_notional,
                r.multiplier,
            )
        )
    parts += [p.data_hash if p is not None else None for p in payments]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def bar_chunk(tape: Tape, lo: int, hi: int) -> Records:
    """layout.bar of rows lo..hi, (rows, instruments); a stale bar stands at its last close with no volume."""
    bars: Records = chunk(tape, lo, hi).bars
    return bars


def room_for(tape: Tape, rows: int, piece: int) -> Room:
    """Memory for chunks and pieces of so many rows: to be given it anew for each takes longer than to fill it."""
    n = len(tape.series)
    times = with_fields(np.zeros(rows + SPARE, layout.row))  # what many rows at once read behind the last is ours
    bars = with_fields(np.empty((piece, n), layout.bar))
    if n == 1:
        lines = np.empty((len(BAR) + 2 * SPANS, LEAD + rows + SPARE + 8))  # the odd length keeps a row out of one set
        lines[:, :LEAD] = lines[:, LEAD + rows :] = 1.0
        return Room(times, lines[: len(BAR), np.newaxis, LEAD : LEAD + rows + 8], bars, lines)
    return Room(times, np.empty((len(BAR), n, rows + 8)), bars, np.ones((len(BAR), 1)))


def with_fields(records: Records) -> Any:
    """Records as the machine reads them: in plain Python it needs attributes, and what has none is quicker to cut."""
    return as_records(records) if config.DISABLE_JIT else np.ascontiguousarray(records)


def piece(view: TapeView, room: Room | None, lo: int, hi: int) -> TapeView:
    """Rows lo..hi of a chunk as a view of their own: with `room` their bars are put together when they are needed.

    What was put together long ago has left the cache. They stand until the next piece is asked for.
    """
    if room is None:
        bars = view.bars[lo:hi]
    else:
        bars = room.bars[: hi - lo]
        put_rows(bars, room.columns, lo)
    rows = len(view.rows)
    costs, spans = (part[lo:hi] if len(part) == rows else part for part in (view.costs, view.spans))
    return view._replace(rows=view.rows[lo:hi], bars=bars, costs=costs, spans=spans, first=lo)


def fill_columns(tape: Tape, closes: Ints, latest: Sequence[Ints], room: Room) -> None:
    """The columns of rows that are known by their closes and by each instrument's last bar."""
    for k, s in enumerate(tape.series):
        own_bars(s, closes, latest[k], room.columns[:, k, : len(closes)], tape.timeline.twins)


def own_bars(series: BarSource, closes: Ints, at: Ints, out: Floats, complete: bool = False) -> None:
    """Columns of layout.bar of one instrument in rows that close at `closes`, into `out`, (columns, rows).

    at[row] is its last bar then, -1 before the first. `complete`: it is known already that no row misses a bar.
    """
    bars = series.rows(max(int(at[0]), 0), max(int(at[-1]), 0) + 1)
    if complete or (at[0] >= 0 and np.array_equal(bars.open_ns, closes - series.timeframe_ns)):
        for column, name in zip(out, PRICES, strict=False):
            column[:] = getattr(bars, name)
        out[4] = bars.volume if bars.volume is not None else 0.0
        out[5] = 1.0
        return
    known = np.maximum(at, 0)
    own = known - known[0]
    fresh = (at >= 0) & (bars.open_ns[own] == closes - series.timeframe_ns)
    last = np.where(at >= 0, bars.close[own], np.nan)
    for column, name in zip(out, PRICES, strict=False):
        column[:] = last if name == "close" else np.where(fresh, getattr(bars, name)[own], last)
    out[4] = np.where(fresh, bars.volume[own], 0.0) if bars.volume is not None else 0.0
    out[5] = fresh


def cost_chunk(tape: Tape, lo: int, hi: int, spread_from_data: bool) -> Records:
    """layout.cost_input of rows lo..hi, or of one row of zeros when no model asks for it."""
    n = len(tape.series)
    if not tape.window and not spread_from_data:
        return np.zeros((1, n), layout.cost_input)
    _, latest = tape.timeline.at(lo, hi)
    out = np.zeros((len(latest[0]), n), layout.cost_input)
    for k, s in enumerate(tape.series):
        known = np.maximum(latest[k], 0)
        back = max(int(known[0]) - tape.window - 1, 0)  # what the first of them looks back on
        bars = s.rows(back, int(known[-1]) + 1)
        own = known - back
        if tape.window:
            sigma, volume_mean = cost_columns(bars, tape.window)
            out[:, k]["sigma"], out[:, k]["volume_mean"] = sigma[own], volume_mean[own]
        if spread_from_data and bars.half_spread_bps is not None:
            out[:, k]["half_spread_bps"] = bars.half_spread_bps[own]
    return out


def fine_chunk(tape: Tape, lo: int, hi: int) -> tuple[Records, Records]:
    """(finer bars inside rows lo..hi, the span of each row and instrument in them); one empty row without a drill."""
    n = len(tape.series)
    if not tape.fine:
        return np.zeros(1, layout.bar), np.zeros((1, n), layout.fine_span)
    closes = tape.close_ns[lo:hi]
    spans = np.zeros((len(closes), n), layout.fine_span)
    parts = []
    base = 0
    for k, f in enumerate(tape.fine):
        a = np.searchsorted(f.open_ns, closes - tape.timeframe_ns, side="left")
        b = np.searchsorted(f.open_ns, closes, side="left")
        first, last = int(a[0]), int(b[-1])
        part = np.zeros(last - first, layout.bar)
        for name in ("open", "high", "low", "close"):
            part[name] = getattr(f, name)[first:last]
        part["volume"] = f.volume[first:last] if f.volume is not None else np.nan
        part["fresh"] = 1
        spans[:, k]["lo"], spans[:, k]["hi"] = a - first + base, b - first + base
        base += len(part)
        parts.append(part)
    return np.concatenate(parts), spans


def chunk(
    tape: Tape,
    lo: int,
    hi: int,
    *,
    spread_from_data: bool = False,
    sample_ns: int = 0,
    room: Room | None = None,
) -> TapeView:
    """Rows lo..hi as the machine's records; `sample_ns` is the grid of the lanes' samples, every bar if it is 0.

    With `room` the bars stand there until it is given again, and the caller takes them out in pieces.
    """
    here = room or room_for(tape, hi - lo, hi - lo)
    rows, payments = here.rows[: hi - lo], with_fields(tape.payments)
    grid = Grid(tape.timeframe_ns, tape.first_ns % tape.timeframe_ns, sample_ns or tape.timeframe_ns)
    known = Known(paid_before(tape, lo), tape.first_live - lo, hi == tape.rows)
    if len(tape.series) == 1:
        at = lo + tape.timeline.offset  # each row is a bar
        bars, rule = tape.series[0].rows(at, at + hi - lo), tape.rules[0]
        worth = (float(rule["multiplier"]), int(rule["contract"]) == INVERSE)
        lone_chunk(here.lines, rows, given(bars), payments, grid, known, worth)
    else:
        closes, latest = tape.timeline.at(lo, hi)
        fill_columns(tape, closes, latest, here)
        fill_rows(rows, closes - tape.timeframe_ns, payments, *known[:2], grid, known.ends)
    if room is None:
        put_rows(here.bars, here.columns, 0)
    fine, spans = fine_chunk(tape, lo, hi)
    parts = (rows, here.bars, payments, cost_chunk(tape, lo, hi, spread_from_data), fine, spans)
    nobody_looks = (np.zeros(0, np.int64), np.zeros((0, 1)))
    return TapeView._make([*(with_fields(p) for p in parts), grid.sample_ns, here.lines, 0, *nobody_looks])


def first_ns(tape: Tape) -> int:
    """The first live row's open."""
    return tape.first_ns
