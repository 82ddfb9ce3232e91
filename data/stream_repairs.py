"""Repairs of bars that are too many for the memory: chunk by chunk, with the same result as on all of them at once.

    chunks of stored bars ─▶ off the grid ─▶ spikes ─▶ stale ─▶ outages ─▶ no volume ─▶ missing ─▶ chunks, to be stored

Each rule walks the chunks that come out of the one before: once or more for what must be known of all bars (where on
the grid they lie, their usual move, hours that are never open), then once to mend. What else can be wrong with bars the
store refuses when it is written, so rules for it have nothing to do. Between two walks nothing is kept.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from huracan.data.bar_faults import (
    BLOCK,
    DEAD,
    STILL,
    WEEK,
    Flags,
    Habits,
    gap_faults,
    never_open,
    off_grid,
    spikes,
    stale,
)  # fmt: skip
from huracan.data.raw_bars import PRICES, Floats, RawBars, picked, raw_from_arrays
from huracan.data.repair_rules import check_rules
from huracan.data.repairs import clipped, filled, in_spans
from huracan.data.store_kinds import Series
from huracan.data.store_writing import NotStored, write_part, writing
from huracan.data.stored_bars import StoredBars, open_bars
from huracan.data.usual_moves import median_move
from huracan.sim.refusal import Refused
from huracan.sim.spool import roomy

ROWS = 65_536  # of a chunk: a multiple of BLOCK
PART = 4 * ROWS  # rows of a part of what is mended
MOST = 4 * ROWS  # bars that are filled in at once
NEAR = {"spike": 2 * BLOCK, "stale": 2 * STILL, "outage": 2 * DEAD}  # rows around a chunk that decide about its own
IN_ORDER = ("off_grid", "spike", "stale", "outage", "zero_volume", "missing_bars")  # as in BAR_RULES

Chunks = Callable[[], Iterator[RawBars]]  # each call walks them from the start
Span = tuple[int, int, int]


def mended_bars(bars: StoredBars, repair: Mapping[str, str]) -> StoredBars:
    """Stored bars after the rules chosen, in temporary files that go when nobody holds these bars any more.

    They stand where TMPDIR says, else in /var/tmp, whose files are on a disk.
    """
    check_rules(repair)
    rules = {name: repair[name] for name in IN_ORDER if repair.get(name, "keep") not in ("keep", "refuse")}
    if not rules or not len(bars):
        return bars
    counts: dict[str, int] = {}
    chunks: Chunks = lambda: _chunks_of(bars)  # noqa: E731
    for name, rule in rules.items():
        chunks = _behind(name, rule, bars.timeframe_ns, chunks, counts)
    root = Path(tempfile.mkdtemp(prefix="huracan-mended-", dir=roomy()))
    try:
        _store(root, bars.series, chunks)
        made = open_bars(
            root, bars.series, rules=bars.rules, cache_bytes=bars.cache_bytes, half_spread_bps=bars.spread_bps
        )
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    weakref.finalize(made.lock, shutil.rmtree, root, ignore_errors=True)
    named = {f"{name}_{rules[name]}": n for name, n in counts.items() if n}
    about_values = ("tick_inferred", "prices_off_tick", "no_volume")
    kept = {name: n for name, n in bars.repairs.items() if name not in about_values}
    return replace(made, repairs=kept | named | made.repairs)


def _behind(name: str, rule: str, step_ns: int, before: Chunks, counts: dict[str, int]) -> Chunks:
    """The chunks behind one rule; each walk counts the rows it concerns anew."""

    look: Callable[[], Iterator[tuple[RawBars, int]]]
    phase = _phase(before, step_ns) if name in ("off_grid", "outage", "missing_bars") else 0
    if name == "off_grid":
        look = lambda: _on_grid(before, step_ns, phase, rule)  # noqa: E731
    elif name == "spike":
        usual = usual_move(before)
        look = lambda: _masked(before, NEAR[name], rule, lambda raw: spikes(raw.prices, usual))  # noqa: E731
    elif name == "stale":
        look = lambda: _masked(before, NEAR[name], rule, lambda raw: stale(raw.prices))  # noqa: E731
    elif name == "zero_volume":
        traded = any(_traded(each) for each in before())
        look = lambda: _masked(before, 0, rule, lambda raw: _idle(raw) & traded)  # noqa: E731
    else:
        habits = habits_of(before, step_ns, phase)

        def spans(raw: RawBars) -> tuple[Span, ...]:
            faults = gap_faults(raw, step_ns, ~off_grid(raw.times, step_ns, phase), habits)
            return next((fault.spans for fault in faults if fault.name == name), ())

        if name == "outage":
            dead = lambda raw: in_spans(raw.times, spans(raw))  # noqa: E731
            look = lambda: _masked(before, NEAR[name], rule, dead)  # noqa: E731
        else:
            look = lambda: _with_missing(before, spans, step_ns, phase)  # noqa: E731

    def walk() -> Iterator[RawBars]:
        counts[name] = 0
        for made, count in look():
            counts[name] += count
            if len(made):
                yield made

    return walk


# --- chunks -----------------------------------------------------------------------------------------------------------


def _chunks_of(bars: StoredBars) -> Iterator[RawBars]:
    for lo in range(0, len(bars), ROWS):
        some = bars.rows(lo, min(lo + ROWS, len(bars)))
        spread = None if bars.spread_bps is not None else some.half_spread_bps  # the same for all is no column
        prices = {word: getattr(some, word) for word in PRICES}
        yield raw_from_arrays(f"{bars.venue} {bars.symbol}", some.open_ns, prices, some.volume, spread)


def joined(first: RawBars, second: RawBars) -> RawBars:
    """One behind the other."""

    def both(a: Floats | None, b: Floats | None) -> Floats | None:
        return None if a is None or b is None else np.concatenate([a, b])

    return replace(
        first,
        times=np.concatenate([first.times, second.times]),
        prices={word: np.concatenate([first.prices[word], second.prices[word]]) for word in PRICES},
        volume=both(first.volume, second.volume),
        half_spread_bps=both(first.half_spread_bps, second.half_spread_bps),
        rows=np.concatenate([first.rows, second.rows]),
    )


def windows(chunks: Chunks, near: int) -> Iterator[tuple[RawBars, slice]]:
    """Every ROWS rows with up to `near` rows on both sides of them, and where in these they stand."""
    held: RawBars | None = None
    done = 0  # rows at the start of what is held that were given out, and stay as neighbours
    for each in chunks():
        held = each if held is None else joined(held, each)
        while len(held) >= done + ROWS + near:
            yield picked_rows(held, 0, done + ROWS + near), slice(done, done + ROWS)
            cut = max(done + ROWS - near, 0)
            held, done = picked_rows(held, cut, len(held)), done + ROWS - cut
    if held is not None and len(held) > done:
        yield held, slice(done, len(held))


def picked_rows(raw: RawBars, lo: int, hi: int) -> RawBars:
    """Rows lo..hi."""
    return picked(raw, np.arange(lo, hi))


# --- what must be known of all bars -----------------------------------------------------------------------------------


def _phase(chunks: Chunks, step_ns: int) -> int:
    """Where inside a step most bars begin."""
    seen: dict[int, int] = {}
    for each in chunks():
        for phase, count in zip(*np.unique(each.times % step_ns, return_counts=True), strict=True):
            seen[int(phase)] = seen.get(int(phase), 0) + int(count)
    return min(seen, key=lambda phase: (-seen[phase], phase))


def habits_of(chunks: Chunks, step_ns: int, phase: int) -> Habits:
    """Whether anything trades, and the slots of the week in which there never is a bar."""
    week = 0 if WEEK % step_ns else WEEK // step_ns
    bars = np.zeros(week, np.int64)
    first, last, gaps, traded = -1, -1, False, False
    for each in chunks():
        traded |= _traded(each)
        slots = (each.times[~off_grid(each.times, step_ns, phase)] - phase) // step_ns
        if not len(slots):
            continue
        gaps |= bool((np.diff(slots if last < 0 else np.append(last, slots)) > 1).any())
        first, last = int(slots[0]) if first < 0 else first, int(slots[-1])
        if week >= 2:
            bars += np.bincount(slots % week, minlength=week)
    return Habits(never_open(bars, last - first) if gaps and week >= 2 else None, traded)


def _traded(raw: RawBars) -> bool:
    return raw.volume is not None and bool((raw.volume > 0).any())


def _idle(raw: RawBars) -> Flags:
    return np.zeros(len(raw), np.bool_) if raw.volume is None else raw.volume == 0


def usual_move(chunks: Chunks) -> float:
    """The median of the moves of all closes."""
    return median_move(lambda: (each.prices["close"] for each in chunks()))


# --- rules ------------------------------------------------------------------------------------------------------------


def _masked(chunks: Chunks, near: int, rule: str, find: Callable[[RawBars], Flags]) -> Iterator[tuple[RawBars, int]]:
    """Chunks without the rows that are found, or with their prices clipped; and how many were found."""
    for window, own in windows(chunks, near):
        mask = find(window)
        count = int(mask[own].sum())
        if rule == "clip" and count:
            prices, volume = clipped(window, mask)
            window = replace(window, prices=prices, volume=volume)
        rows = np.arange(own.start, own.stop)
        yield picked(window, rows[~mask[own]] if rule == "drop" else rows), count


def _on_grid(chunks: Chunks, step_ns: int, phase: int, rule: str) -> Iterator[tuple[RawBars, int]]:
    """Chunks whose bars begin where most do."""
    for each in chunks():
        away = off_grid(each.times, step_ns, phase)
        if rule == "drop":
            yield picked(each, ~away), int(away.sum())
        else:
            times = np.where(away, each.times - (each.times - phase) % step_ns, each.times)
            yield replace(each, times=times), int(away.sum())


def _with_missing(
    chunks: Chunks, spans: Callable[[RawBars], tuple[Span, ...]], step_ns: int, phase: int
) -> Iterator[tuple[RawBars, int]]:
    """Chunks with flat bars where some are missing, however many these are.

    A gap is known at the bar on the grid that ends it; what came behind the last such bar waits for the next one.
    """
    held: RawBars | None = None
    done = 0  # of the rows that are held, those that were given out: the bar at which a gap may begin
    for each in chunks():
        held = each if held is None else joined(held, each)
        known = np.flatnonzero(~off_grid(held.times, step_ns, phase))
        if not len(known) or known[-1] < done:
            continue
        end = int(known[-1])
        yield from _behind_first(done, _filled_in_pieces(picked_rows(held, 0, end + 1), spans(held), step_ns))
        held, done = picked_rows(held, end, len(held)), 1
    if held is not None and len(held) > done:
        yield picked_rows(held, done, len(held)), 0


def _behind_first(rows: int, pieces: Iterator[tuple[RawBars, int]]) -> Iterator[tuple[RawBars, int]]:
    """The pieces without the first rows of them all."""
    for made, count in pieces:
        cut = min(rows, len(made))
        rows -= cut
        yield picked_rows(made, cut, len(made)), count


def _filled_in_pieces(raw: RawBars, spans: tuple[Span, ...], step_ns: int) -> Iterator[tuple[RawBars, int]]:
    """Rows with their gaps filled, not more than MOST at once."""
    new = sum(bars for _, _, bars in spans)
    if not new:
        yield raw, 0
    elif new <= MOST:
        yield filled(raw, spans, step_ns), new
    elif len(spans) > 1:  # the halves meet in the row before a gap, which belongs to the first
        half = len(spans) // 2
        at = int(np.searchsorted(raw.times, spans[half][0]))
        yield from _filled_in_pieces(picked_rows(raw, 0, at), spans[:half], step_ns)
        yield from _behind_first(1, _filled_in_pieces(picked_rows(raw, at - 1, len(raw)), spans[half:], step_ns))
    else:
        first, last, _ = spans[0]
        at = int(np.searchsorted(raw.times, first))
        yield picked_rows(raw, 0, at), 0
        before = picked_rows(raw, at - 1, at)
        for lo in range(first, last + 1, MOST * step_ns):
            hi = min(lo + (MOST - 1) * step_ns, last)
            made = filled(before, ((lo, hi, (hi - lo) // step_ns + 1),), step_ns)
            yield picked_rows(made, 1, len(made)), len(made) - 1
        yield picked_rows(raw, at, len(raw)), 0


# --- where they are kept ----------------------------------------------------------------------------------------------


def _store(root: Path, series: Series, chunks: Chunks) -> None:
    """The chunks as parts of a store of their own."""
    held: list[RawBars] = []
    last = -1
    with writing(root, series) as folder:
        for each in chunks():
            last = _in_order(series, each, last)
            held.append(each)
            if sum(map(len, held)) >= PART:
                _write(folder, series, held)
                held = []
        if held:
            _write(folder, series, held)
    if last < 0:
        fix = "choose repairs that drop less"
        raise Refused("the repairs leave no bar", where=f"data.repair, {series}", fix=fix)


def _write(folder: Path, series: Series, held: list[RawBars]) -> None:
    from huracan.data.store_kinds import as_table

    whole = held[0]
    for each in held[1:]:
        whole = joined(whole, each)
    columns = {"ts": whole.times, **whole.prices}
    columns |= {} if whole.volume is None else {"volume": whole.volume}
    columns |= {} if whole.half_spread_bps is None else {"half_spread_bps": whole.half_spread_bps}
    try:
        write_part(folder, series, as_table(series.kind, columns))
    except NotStored as error:
        fix = "free some space, or set TMPDIR to a folder with more"
        raise NotStored(f"mended bars could not be kept in {folder}: {error.__cause__}; {fix}") from error


def _in_order(series: Series, raw: RawBars, last: int) -> int:
    """The time of the last row; times that do not rise are refused: a rule has put one bar onto another."""
    from huracan.data.instants import format_ns

    back = np.flatnonzero(np.diff(raw.times, prepend=last) <= 0)
    if len(back):
        what = f"duplicate_time: {format_ns(int(raw.times[back[0]]))} stands twice after the repairs"
        raise Refused(what, where=f"data.repair, {series}", fix='choose off_grid = "drop"')
    return int(raw.times[-1])
