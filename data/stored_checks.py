"""Stored bars and trades looked at piece by piece: the very findings of data/checks.py, in memory that does not grow.

    pieces ─▶ walk: what must be known of all rows ─▶ walk: the faults of each piece ─▶ tallies, picture ─▶ Check

Prices that are sound wait in temporary files (sim/spool.py), so that a spike is looked for among the rows around it,
wherever a piece ends. Bars whose times do not rise, which no writer of the store leaves, are not for here: None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from huracan.data.bar_faults import (
    BLOCK,
    LONG,
    STILL,
    WEEK,
    Flags,
    Spans,
    late_hours,
    missing_spans,
    never_open,
    off_grid,
    outage_spans,
    spikes,
    stale,
    value_faults,
)
from huracan.data.checks import MOST_SPANS, Check, Coverage, Problem, buckets, iso, problem
from huracan.data.raw_bars import PRICES, Floats, Ints, RawBars
from huracan.data.repair_rules import OF_KIND
from huracan.data.row_faults import trade_values
from huracan.data.stored_bars import Tick
from huracan.data.usual_moves import median_move
from huracan.sim.spool import Column, pieces, put_rows, spool

NEAR = 2 * BLOCK  # rows around some that decide about them; more than a stretch of STILL
assert NEAR > 2 * STILL

Trades = Mapping[str, Any]  # ts, price, qty, side


# --- what is gathered -------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """One problem so far: rows by their times and places, or spans of time."""

    count: int = 0
    when: tuple[int, int] = (0, 0)
    rows: tuple[int, int] = (0, 0)
    spans: list[tuple[int, int, int]] = field(default_factory=list)

    def see(self, times: Ints, mask: Flags, first_row: int) -> None:
        """Rows of a piece, the first of which is row `first_row`, counted from 0."""
        at = np.flatnonzero(mask)
        if not len(at):
            return
        low, high = int(times[at].min()), int(times[at].max())
        first, last = first_row + int(at[0]) + 1, first_row + int(at[-1]) + 1
        self.when = (min(self.when[0], low), max(self.when[1], high)) if self.count else (low, high)
        self.rows = (self.rows[0] if self.count else first, last)
        self.count += len(at)

    def see_spans(self, spans: Spans) -> None:
        """Stretches of time behind those before; no more of them are kept than are listed."""
        if not spans:
            return
        self.when = (self.when[0] if self.count else spans[0][0], spans[-1][1])
        self.count += sum(rows for _, _, rows in spans)
        self.spans += spans[: max(MOST_SPANS - len(self.spans), 0)]


@dataclass
class Picture:
    """The picture of coverage so far; in a bucket the price of the latest row stands."""

    edges: Ints
    expected: Ints
    present: Ints
    troubled: Ints
    latest: Ints
    price: Floats

    def see(self, times: Ints, troubled: Flags, price: Floats) -> None:
        """Rows of a piece."""
        self.present += np.histogram(times, self.edges)[0]
        self.troubled += np.histogram(times[troubled], self.edges)[0]
        order = np.argsort(times, kind="stable")
        at = np.searchsorted(self.edges, times[order], side="right") - 1
        last = np.flatnonzero(np.append(np.diff(at) != 0, True))
        rows, into = order[last], at[last]
        newer = times[rows] >= self.latest[into]
        self.latest[into[newer]] = times[rows[newer]]
        self.price[into[newer]] = price[rows[newer]]

    def coverage(self, step_ns: int) -> Coverage:
        """The picture of all rows."""
        there = self.present > 0
        shown = self.price
        if not step_ns:  # where no bar is, no price is; of other rows the last one stands
            shown = shown[np.maximum.accumulate(np.where(there, np.arange(len(there)), 0))]
        return Coverage(self.edges, self.present, self.expected, self.troubled, shown)


def new_picture(first: int, last: int, rows: int, step_ns: int) -> Picture:
    """A picture of rows between two times, without any yet."""
    edges, expected = buckets(first, last, rows, step_ns)
    n = len(expected)
    counts = (np.zeros(n, np.int64), np.zeros(n, np.int64))
    return Picture(edges, expected, *counts, np.full(n, first, np.int64), np.full(n, np.nan))


@dataclass
class Known:
    """What must be known of all rows before some can be judged."""

    sound: dict[str, Column]  # the prices of the rows that have them, in order
    rows: int = 0
    first: int = 0
    last: int = 0
    rising: bool = True
    counted: bool = False  # some row has a side, or a volume above zero
    phases: dict[int, int] = field(default_factory=dict)  # where inside a step bars begin, and how many
    tick: Tick = field(default_factory=Tick)

    def see(self, times: Ints, prices: Mapping[str, Floats], sound: Flags) -> None:
        """Rows of a piece, of which there is at least one."""
        self.rising &= bool((np.diff(times) > 0).all()) and (not self.rows or int(times[0]) > self.last)
        low, high = int(times.min()), int(times.max())
        self.first, self.last = (min(self.first, low), max(self.last, high)) if self.rows else (low, high)
        self.rows += len(times)
        put_rows(self.sound, {word: column[sound] for word, column in prices.items()})
        for column in prices.values():
            real = column[np.isfinite(column) & (column > 0)]
            if len(real):
                self.tick.see(real)

    def tick_text(self) -> str:
        """The tick as text, "" where prices follow none."""
        num, den = self.tick.found() if self.tick.top else (0, 1)
        return np.format_float_positional(num / den, trim="-") if num else ""

    def usual(self, word: str) -> float:
        """The median move between the sound prices of a column."""
        return median_move(lambda: (each[word] for each in pieces(self.sound, [word])))

    def around(self, lo: int, hi: int) -> tuple[dict[str, Floats], slice]:
        """The sound prices lo..hi with those around them, from a block's start on, and where in these they stand."""
        first = max(lo // BLOCK * BLOCK - NEAR, 0)
        last = -(-hi // BLOCK) * BLOCK + NEAR
        return {word: column.read(first, last) for word, column in self.sound.items()}, slice(lo - first, hi - first)


def _scattered(sound: Flags, found: Flags) -> Flags:
    """Flags of the sound rows as flags of all rows."""
    mask = np.zeros(len(sound), np.bool_)
    mask[sound] = found
    return mask


# --- trades -----------------------------------------------------------------------------------------------------------


def check_trades_in_pieces(name: str, walk: Callable[[], Iterator[Trades]]) -> Check:
    """Single trades; each call of `walk` gives their pieces from the start, none of them empty."""
    known = Known(spool({"price": np.float64}))
    for each in walk():
        known.see(each["ts"], {"price": each["price"]}, ~np.logical_or.reduce(trade_values(each["price"], each["qty"])))
        known.counted |= bool((each["side"] != 0).any())
    usual = known.usual("price")
    tallies = {name: Tally() for name in OF_KIND["trades"]}
    picture = new_picture(known.first, known.last, known.rows, 0)
    row = sounds = before = 0
    for each in walk():
        times, price = each["ts"], each["price"]
        nan, low, none = trade_values(price, each["qty"])
        sound = ~(nan | low | none)
        around, own = known.around(sounds, sounds + int(sound.sum()))
        found = spikes(dict.fromkeys(PRICES, around["price"]), usual)[own]
        masks = {
            "unordered_time": np.diff(times, prepend=before if row else times[0]) < 0,
            "nan": nan,
            "nonpositive_price": low,
            "nonpositive_qty": none,
            "spike": _scattered(sound, found),
            "unknown_side": (each["side"] == 0) & known.counted,
        }
        for word, mask in masks.items():
            tallies[word].see(times, mask, row)
        picture.see(times, np.logical_or.reduce(list(masks.values())), price)
        row, sounds, before = row + len(times), sounds + int(sound.sum()), int(times[-1])
    return _check(name, "trades", "", known, tallies, picture.coverage(0))


# --- bars -------------------------------------------------------------------------------------------------------------


@dataclass
class Slots:
    """The places of bars in time, in steps from where the first one on the grid begins, as far as they were walked."""

    step_ns: int
    phase: int  # where inside a step most bars begin
    begin: int = 0  # where inside a step the first bar on the grid begins
    first: int = 0
    last: int = 0
    bars: int = 0
    gaps: bool = False
    week: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # bars in each slot of the week

    def of(self, times: Ints) -> Ints:
        return (times - self.begin) // self.step_ns

    def see(self, times: Ints) -> None:
        """Bars on the grid, in the order of time."""
        if not len(times):
            return
        if not self.bars:
            self.begin = int(times[0]) % self.step_ns
            week = 0 if WEEK % self.step_ns else WEEK // self.step_ns
            self.week = np.zeros(week if week >= 2 else 0, np.int64)
        places = self.of(times)
        self.gaps |= bool((np.diff(places, prepend=self.last if self.bars else places[0]) > 1).any())
        self.first, self.last = self.first if self.bars else int(places[0]), int(places[-1])
        self.bars += len(places)
        if len(self.week):
            self.week += np.bincount(places % len(self.week), minlength=len(self.week))

    def closed(self) -> Flags | None:
        """The slots of the week that never have a bar, where there are weeks enough to know."""
        return never_open(self.week, self.last - self.first) if self.gaps and len(self.week) else None


def check_bars_in_pieces(
    name: str, kind: str, timeframe: str, step_ns: int, walk: Callable[[], Iterator[RawBars]]
) -> Check | None:
    """Bars, or a mark price's; each call of `walk` gives their pieces from the start. None where times do not rise."""
    known = Known(spool(dict.fromkeys(PRICES, np.float64)))
    for each in walk():
        known.see(each.times, each.prices, ~np.logical_or.reduce(value_faults(each)[:2]))
        known.counted |= each.volume is not None and bool((each.volume > 0).any())
        for phase, count in zip(*np.unique(each.times % step_ns, return_counts=True), strict=True):
            known.phases[int(phase)] = known.phases.get(int(phase), 0) + int(count)
    if not known.rising:
        return None
    slots = Slots(step_ns, min(known.phases, key=lambda phase: (-known.phases[phase], phase)))
    for each in walk():
        slots.see(each.times[~_off_grid(each.times, slots)[1]])
    usual, tallies = known.usual("close"), {name: Tally() for name in _BAR_ORDER}
    picture = new_picture(known.first, known.last, known.rows, step_ns)
    row = sounds = 0
    for each in walk():
        masks, sound = _bar_masks(each, slots, known)
        around, own = known.around(sounds, sounds + int(sound.sum()))
        masks["spike"] = _scattered(sound, spikes(around, usual)[own])
        masks["stale"] = _scattered(sound, stale(around)[own])
        for word, mask in masks.items():
            tallies[word].see(each.times, mask, row)
        troubled = np.logical_or.reduce([mask for word, mask in masks.items() if word != "no_volume"])
        picture.see(each.times, troubled, each.prices["close"])
        row, sounds = row + len(each), sounds + int(sound.sum())
    if slots.bars >= 2:
        _tally_gaps(walk, slots, known.counted, tallies)
    return _check(name, kind, timeframe, known, tallies, picture.coverage(step_ns))


# as data/bar_faults.py finds them; times that rise are neither unordered nor doubled
_BAR_ORDER = (
    "time_zone_slip", "off_grid", "nan", "nonpositive_price", "bad_ohlc", "bad_volume", "zero_volume", "no_volume",
    "missing_bars", "closed_hours", "outage", "spike", "stale",
)  # fmt: skip


def _off_grid(times: Ints, slots: Slots) -> tuple[Flags, Flags]:
    """Which bars have a clock that is off by hours, and which begin beside the grid for no such reason."""
    slip = late_hours(times, slots.step_ns, slots.phase)[0] if slots.step_ns >= LONG else np.zeros(len(times), np.bool_)
    return slip, off_grid(times, slots.step_ns, slots.phase) & ~slip


def _bar_masks(raw: RawBars, slots: Slots, known: Known) -> tuple[dict[str, Flags], Flags]:
    """What each row shows by itself, and which rows have prices."""
    slip, grid = _off_grid(raw.times, slots)
    nan, nonpositive, ohlc = value_faults(raw)
    masks = {"time_zone_slip": slip, "off_grid": grid, "nan": nan, "nonpositive_price": nonpositive, "bad_ohlc": ohlc}
    if raw.volume is not None:
        masks["bad_volume"] = (raw.volume < 0) | np.isinf(raw.volume)
        masks["zero_volume" if known.counted else "no_volume"] = raw.volume == 0
    return masks, ~(nan | nonpositive)


def _tally_gaps(
    walk: Callable[[], Iterator[RawBars]], slots: Slots, traded: bool, tallies: Mapping[str, Tally]
) -> None:
    """Missing bars, closed hours and outages: each piece goes on from the last bar, and the last trade, before it."""
    closed, how = slots.closed(), (slots.step_ns, slots.begin)
    present = alive = np.array([slots.first - 1])

    def outages(edges: Ints) -> None:
        tallies["outage"].see_spans(outage_spans(edges, *how, closed))

    for each in walk():
        here = slots.of(each.times[~_off_grid(each.times, slots)[1]])
        there = here if each.volume is None or not traded else slots.of(each.times[~(each.volume <= 0)])
        present, alive = (
            np.append(present, here),
            np.append(alive, there[(there >= slots.first) & (there <= slots.last)]),
        )
        spans, shut = missing_spans(present, *how, closed)
        tallies["missing_bars"].see_spans(spans)
        tallies["closed_hours"].see_spans(shut)
        outages(alive)
        present, alive = present[-1:], alive[-1:]
    outages(np.append(alive, slots.last + 1))


# --- what is said -----------------------------------------------------------------------------------------------------


def _check(name: str, kind: str, timeframe: str, known: Known, tallies: Mapping[str, Tally], shape: Coverage) -> Check:
    problems: list[Problem] = []
    for word, tally in tallies.items():
        if tally.count:
            problems.append(problem(kind, word, tally.count, tally.when, tally.rows, tuple(tally.spans)))
    return Check(
        name=name,
        kind=kind,
        rows=known.rows,
        timeframe=timeframe,
        first=iso(known.first),
        last=iso(known.last),
        problems=tuple(problems),
        coverage=shape,
        tick=known.tick_text(),
    )
