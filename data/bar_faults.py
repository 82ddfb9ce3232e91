"""What may be wrong or odd with bars: each fault a name, the rows it concerns, and nothing decided yet.

    raw bars ─▶ times (order, doubles, grid, slips) ─▶ values (nan, price, ohlc, volume) ─▶ gaps ─▶ spikes, stale

A row counts under the first of nan, nonpositive_price and bad_ohlc that fits, so that a count says how many rows to
mend. Spikes and stale prices are looked for among the rows that are sound, in the order of time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huracan.data.raw_bars import PRICES, Floats, Ints, RawBars

Flags = npt.NDArray[np.bool_]
Span = tuple[int, int, int]  # first ns, last ns, bars
Spans = tuple[Span, ...]

HALF_HOUR = 1_800_000_000_000
LONG = 2 * HALF_HOUR  # bars from which one may begin whole half hours late
WEEK = 604_800_000_000_000
MOST_SLIP = 28 * HALF_HOUR  # zones are at most fourteen hours from UTC
MOST_SLIPS = 40  # clocks change twice a year
DEAD = 10  # bars without a trade from which a stretch is an outage
STILL = 5  # bars without a move from which a price is stale
SIGMAS = 15.0  # of the usual move around it: what a spike must exceed, out and back
LEAST_MOVE = 0.003
BLOCK = 256  # bars over which the usual move is taken
WIDEST = 3  # bars that a spike lasts at most
WEEKS = 4  # weeks in which a slot of the week must never have had a bar to count as closed


@dataclass(frozen=True)
class Fault:
    """`mask` marks rows of the raw bars; faults that are no rows have spans (first ns, last ns, bars) instead."""

    name: str
    mask: Flags | None = None
    spans: Spans = ()
    shift_ns: Ints | None = None  # of a slip: what must be taken off each row's time

    @property
    def count(self) -> int:
        """How many rows or missing bars it concerns."""
        return int(self.mask.sum()) if self.mask is not None else sum(bars for _, _, bars in self.spans)


def bar_faults(raw: RawBars, step_ns: int, only: str = "") -> list[Fault]:
    """Every fault of bars of this length, without those that don't occur; `only` looks for one of them."""
    faults: list[Fault] = []

    def wanted(*names: str) -> bool:
        return not only or only in names

    if wanted("unordered_time", "duplicate_time"):
        unordered, doubled = order_faults(raw.times)
        faults += [Fault("unordered_time", unordered), Fault("duplicate_time", doubled)]
    if wanted("time_zone_slip", "off_grid", "missing_bars", "closed_hours", "outage"):
        slip, shift = slips(raw.times, step_ns)
        grid = off_grid(raw.times, step_ns) & ~slip
        faults += [Fault("time_zone_slip", slip, shift_ns=shift), Fault("off_grid", grid)]
    if wanted("nan", "nonpositive_price", "bad_ohlc"):
        nan, nonpositive, ohlc = value_faults(raw)
        faults += [Fault("nan", nan), Fault("nonpositive_price", nonpositive), Fault("bad_ohlc", ohlc)]
    if raw.volume is not None and wanted("bad_volume", "zero_volume", "no_volume"):
        faults.append(Fault("bad_volume", (raw.volume < 0) | np.isinf(raw.volume)))
        traded = bool((raw.volume > 0).any())
        faults.append(Fault("zero_volume" if traded else "no_volume", raw.volume == 0))
    if wanted("missing_bars", "closed_hours", "outage"):
        faults += gap_faults(raw, step_ns, ~grid)
    if wanted("spike", "stale"):
        faults += move_faults(raw)
    return [fault for fault in faults if fault.count and wanted(fault.name)]


def move_faults(raw: RawBars) -> list[Fault]:
    """Spikes and stale prices, among the rows that have prices, once a time and in the order of time."""
    nan, nonpositive, _ = value_faults(raw)
    sound = np.flatnonzero(~(nan | nonpositive | order_faults(raw.times)[1]))
    if (np.diff(raw.times[sound]) < 0).any():
        sound = sound[np.argsort(raw.times[sound], kind="stable")]
    prices = {word: raw.prices[word][sound] for word in PRICES}
    faults = []
    for name, found in (("spike", spikes(prices)), ("stale", stale(prices))):
        mask = np.zeros(len(raw), dtype=np.bool_)
        mask[sound[found]] = True
        faults.append(Fault(name, mask))
    return faults


def value_faults(raw: RawBars) -> tuple[Flags, Flags, Flags]:
    """Rows with a missing number, with a price of zero or less, and with a high or low that is none."""
    arrays = [raw.prices[word] for word in PRICES]
    opened, high, low, close = arrays
    nan: Flags = ~np.asarray(np.isfinite(np.stack(arrays)).all(axis=0))
    if raw.volume is not None:
        nan |= np.isnan(raw.volume)
    nonpositive: Flags = ~nan & np.asarray((np.stack(arrays) <= 0).any(axis=0))
    bad = (high < np.maximum(opened, close)) | (low > np.minimum(opened, close)) | (high < low)
    ohlc: Flags = bad & ~nan & ~nonpositive
    return nan, nonpositive, ohlc


def order_faults(times: Ints) -> tuple[Flags, Flags]:
    """Rows that are earlier than the row above, and rows whose time stands above already."""
    steps = np.diff(times, prepend=times[:1])
    unordered = steps < 0
    doubled = np.zeros(len(times), dtype=np.bool_)
    if not unordered.any():
        doubled[1:] = steps[1:] == 0
        return unordered, doubled
    order = np.argsort(times, kind="stable")
    doubled[order[1:]] = np.diff(times[order]) == 0
    return unordered, doubled


def distinct(times: Ints) -> Ints:
    """Each time once, in order; numpy's own `unique` takes a second for a million."""
    if (np.diff(times) > 0).all():
        return times
    ordered = np.sort(times)
    return ordered[np.append(True, np.diff(ordered) != 0)] if len(ordered) else ordered


def phase_of(times: Ints, step_ns: int) -> int:
    """Where inside a step most bars begin; sessions may open off the hour."""
    late = times % step_ns
    if len(late) and (late == late[0]).all():
        return int(late[0])
    phases, counts = np.unique(late, return_counts=True)
    return int(phases[np.argmax(counts)])


def off_grid(times: Ints, step_ns: int, phase: int | None = None) -> Flags:
    """Rows that do not begin where the others do."""
    away: Flags = times % step_ns != (phase_of(times, step_ns) if phase is None else phase)
    return away


def slips(times: Ints, step_ns: int) -> tuple[Flags, Ints]:
    """Rows whose clock is off by whole half hours: a stretch that jumps and jumps back, or long bars off the grid.

    Stretches are looked for in the file's order: a jump by step + h is one end, a jump by step - h the other. Where an
    hour simply comes twice (clocks set back in autumn) the rows up to the last time before it count.
    """
    slip, shift = np.zeros(len(times), dtype=np.bool_), np.zeros(len(times), dtype=np.int64)
    jump = np.diff(times) - step_ns
    odd = np.flatnonzero((jump % HALF_HOUR == 0) & (jump != 0) & (np.abs(jump) <= MOST_SLIP))
    back = odd[jump[odd] < -step_ns]  # only a jump back tells a slip from a gap
    if 2 * len(back) < int((jump < -step_ns).sum()) or len(back) > MOST_SLIPS:
        back = back[:0]  # rows in any order make such jumps by chance
    for at in back:
        if slip[at + 1]:
            continue
        h = int(jump[at])
        before = odd[(odd < at) & (jump[odd] == -h)]
        after = odd[(odd > at) & (jump[odd] == -h)]
        if before.size and not slip[before[-1] + 1 : at + 1].any():
            rows, off = slice(int(before[-1]) + 1, int(at) + 1), -h  # was ahead, and comes back
        elif after.size:
            rows, off = slice(int(at) + 1, int(after[0]) + 1), h  # is behind, until it jumps on
        else:
            later = np.flatnonzero(times[at + 1 :] > times[: at + 1].max())
            again = int(later[0]) if later.size else len(times) - int(at) - 1
            if again < 2:  # a row out of its place
                continue
            rows, off = slice(int(at) + 1, int(at) + 1 + again), 0
        if rows.stop - rows.start < 2 or (np.diff(times[rows]) <= 0).any():
            continue
        slip[rows] = True
        shift[rows] = off
    if step_ns >= LONG:
        late, near = late_hours(times, step_ns, phase_of(times, step_ns))
        fresh = late & ~slip
        slip |= fresh
        shift[fresh] = near[fresh]
    return slip, shift


def late_hours(times: Ints, step_ns: int, phase: int) -> tuple[Flags, Ints]:
    """Which bars (of LONG or more) begin whole half hours beside where most do, and how far each begins from there."""
    late = (times - phase) % step_ns
    near = np.where(late > step_ns // 2, late - step_ns, late)
    hours = (late != 0) & (late % HALF_HOUR == 0) & (np.abs(near) <= MOST_SLIP)
    return hours, near


@dataclass(frozen=True)
class Habits:
    """What must be known of all bars before some of them can be judged."""

    closed: Flags | None  # slots of the week that never have a bar, where there are weeks enough to know
    traded: bool  # some volume is above zero


def gap_faults(raw: RawBars, step_ns: int, on_grid: Flags, habits: Habits | None = None) -> list[Fault]:
    """Missing bars, hours in which the market is never open, and outages: long stretches in which nothing traded.

    `habits` are given where these are some bars of more.
    """
    present = distinct(raw.times[on_grid])
    if len(present) < 2:
        return []
    phase = int(present[0]) % step_ns
    slots = (present - phase) // step_ns
    if habits is None:
        habits = Habits(_closed(slots, step_ns), raw.volume is not None and bool((raw.volume > 0).any()))
    spans, shut = missing_spans(slots, step_ns, phase, habits.closed)
    alive = slots
    if raw.volume is not None and habits.traded:
        alive = distinct((raw.times[~(raw.volume <= 0)] - phase) // step_ns)
    edges = np.concatenate([[slots[0] - 1], alive[(alive >= slots[0]) & (alive <= slots[-1])], [slots[-1] + 1]])
    outages = outage_spans(edges, step_ns, phase, habits.closed)
    return [Fault("missing_bars", spans=spans), Fault("closed_hours", spans=shut), Fault("outage", spans=outages)]


def _closed(slots: Ints, step_ns: int) -> Flags | None:
    """The slots of a week in which no week has a bar, where there are enough weeks to know; None where none are."""
    week = WEEK // step_ns
    if WEEK % step_ns or week < 2 or not (np.diff(slots) > 1).any():
        return None
    return never_open(np.bincount((slots % week).astype(np.int64), minlength=week), int(slots[-1] - slots[0]))


def never_open(bars: Ints, slots: int) -> Flags | None:
    """The slots of a week without a bar, out of the bars in each and the slots from the first bar to the last."""
    never: Flags = bars == 0
    return never if slots >= WEEKS * len(bars) and never.any() else None


def _split(low: int, high: int, closed: Flags | None) -> list[tuple[int, int, bool]]:
    """A gap cut into stretches that are closed hours, and stretches that are missing."""
    if closed is None:
        return [(low, high, False)]
    shut = closed[np.arange(low, high + 1) % len(closed)]
    edges = np.flatnonzero(np.diff(shut)) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(shut)]
    return [(low + a, low + b - 1, bool(shut[a])) for a, b in zip(starts, ends, strict=True)]


def missing_spans(slots: Ints, step_ns: int, phase: int, closed: Flags | None) -> tuple[Spans, Spans]:
    """The stretches between slots that have a bar: those of missing bars, and those of closed hours."""
    spans: list[Span] = []
    shut: list[Span] = []
    for i in np.flatnonzero(np.diff(slots) > 1):
        for first, last, is_closed in _split(int(slots[i]) + 1, int(slots[i + 1]) - 1, closed):
            span = (first * step_ns + phase, last * step_ns + phase, last - first + 1)
            (shut if is_closed else spans).append(span)
    return tuple(spans), tuple(shut)


def outage_spans(edges: Ints, step_ns: int, phase: int, closed: Flags | None) -> Spans:
    """Stretches of at least DEAD bars between slots in which something traded; a market that is closed is no outage."""
    found = []
    for i in np.flatnonzero(np.diff(edges) > DEAD):
        for first, last, shut in _split(int(edges[i]) + 1, int(edges[i + 1]) - 1, closed):
            if not shut and last - first + 1 >= DEAD:
                found.append((first * step_ns + phase, last * step_ns + phase, last - first + 1))
    return tuple(found)


def spikes(prices: dict[str, Floats], usual: float | None = None) -> Flags:
    """Rows that leave the price around them by far more than usual and come straight back, in the close or a wick.

    `usual` is the median move of all rows, where these are some of them that begin with a block.
    """
    close = np.log(prices["close"])
    n = len(close)
    found = np.zeros(n, dtype=np.bool_)
    if n < 5:
        return found
    move = np.diff(close, prepend=close[:1])
    limit = np.maximum(SIGMAS * _usual(move, usual), LEAST_MOVE)
    for width in range(1, WIDEST + 1):
        out, back = move[1 : n - width], move[1 + width :]
        net = close[1 + width :] - close[: n - width - 1]
        least = np.minimum(np.abs(out), np.abs(back))
        bad = (out * back < 0) & (least > limit[1 : n - width]) & (np.abs(net) < 0.25 * least)
        for k in range(width):
            found[1 + k : n - width + k] |= bad
    for word, sign in (("high", 1.0), ("low", -1.0)):
        edge = sign * np.log(prices[word])
        body = np.maximum(sign * np.log(prices["open"]), sign * close)
        body[1:] = np.maximum(body[1:], edge[:-1])
        body[:-1] = np.maximum(body[:-1], edge[1:])
        found |= edge - body > limit
    return found


def _usual(move: Floats, middle: float | None) -> Floats:
    """The usual move around each row: the largest of the medians of its block, the two beside it, and all rows."""
    size = np.abs(move)
    full = len(move) // BLOCK * BLOCK
    medians = np.median(size[:full].reshape(-1, BLOCK), axis=1)
    if full < len(move):
        medians = np.append(medians, np.median(size[full:]))
    wide = medians.copy()
    wide[1:] = np.maximum(wide[1:], medians[:-1])
    wide[:-1] = np.maximum(wide[:-1], medians[1:])
    usual = np.maximum(wide, np.median(size) if middle is None else middle) * 1.4826
    return np.repeat(usual, BLOCK)[: len(move)]


def stale(prices: dict[str, Floats]) -> Flags:
    """Rows of a run of at least STILL bars in which no price moved: flat bars at one price, or one bar repeated."""
    opened, high, low, close = (prices[word] for word in PRICES)
    flat = (opened == high) & (high == low) & (low == close)
    again = np.zeros(len(close), dtype=np.bool_)
    again[1:] = np.logical_and.reduce([a[1:] == a[:-1] for a in (opened, high, low, close)])
    at_last = np.zeros(len(close), dtype=np.bool_)
    at_last[1:] = flat[1:] & (close[1:] == close[:-1])
    still = again | at_last
    still[:-1] |= flat[:-1] & again[1:]  # the first of a run of flat bars is one of them
    edges = np.flatnonzero(np.diff(still, prepend=False, append=False))
    for first, end in zip(edges[0::2], edges[1::2], strict=True):
        if end - first < STILL:
            still[first:end] = False
    return still
