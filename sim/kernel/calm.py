"""Stretches of calm rows, which sweeps run through in one loop: no order, payment, margin or midnight asks for more.

Between two rare things positions, orders and the calendar stand still, so equity follows from the close alone. Of one
instrument many rows are added up at once, when the stretch is over (`count_rows`); of several, row by row.
"""

from __future__ import annotations

import numpy as np

from huracan.sim.codes import DAYED, SAMPLED
from huracan.sim.eights import add_some, add_whole, copy_eight
from huracan.sim.kernel.groups import BORROW, CLOSES, MARGIN, RESTING
from huracan.sim.kernel.margin import in_danger
from huracan.sim.kernel.marks import (
    DAY_NS,
    add_equity,
    add_return,
    may_be_deepest,
    note_depth,
    peak_of_account,
    peak_of_rows,
    stand_still,
    take_day,
)
from huracan.sim.kernel.values import unit_value
from huracan.sim.layout import LEAD, SPANS, Tally
from huracan.sim.memory import highest_bit, stack_floats, take
from huracan.sim.options import part


@part
def calm_kind(v, row, sample_ns):
    """layout.Calm of a row that has begun, if this lane keeps the calendar's time; else 0."""
    s = v.stats
    if row.calm == 0 or s.sample_ns != sample_ns or (BORROW and v.settings.borrow == 1):
        return 0
    if (s.next_sample == row.close_ns) != (row.calm & SAMPLED != 0) or s.next_sample < row.close_ns:
        return 0
    if (s.next_day == row.close_ns) != (row.calm & DAYED != 0) or s.next_day < row.close_ns:
        return 0
    return row.calm


@part
def first_wake(v):
    """The first row in which an order must be looked at whatever the prices: of those looked at in this row, or not."""
    wake = v.stats.rest_wake
    k = v.stats.first_look
    while k >= 0:
        wake = min(wake, v.desks[k].wake_row)
        k = v.desks[k].next_look
    return wake


@part
def prices_matter(v, every):
    """Whether this row's prices may touch an order or the margin; `every` instrument has a bar."""
    if RESTING:
        for k in range(len(v.positions)):
            b = v.bars[k]
            d = v.desks[k]
            if (every or b.fresh == 1) and (b.high >= d.up or b.low <= d.down):
                return True
    return in_danger(v) if MARGIN else False


@part
def begin_calm(v, row_index, row):
    """A calm row begins."""
    v.acct.row = row_index
    v.acct.open_ns = row.open_ns
    v.acct.ts_ns = row.close_ns


@part
def mark_calm(v, peak, every):
    """The closes become marks, and the equity what positions are worth at them; `every` instrument has a bar."""
    value = 0.0
    for k in range(len(v.positions)):
        p = v.positions[k]
        if every or v.bars[k].fresh == 1:
            p.mark = v.bars[k].close
        if p.qty != 0.0:
            value += p.qty * unit_value(v.rules[k], p.mark)
    equity = v.acct.cash + value
    higher = max(peak, equity)
    v.acct.equity = equity
    v.acct.peak = higher
    return Tally(equity, higher)


@part
def count_calm(v, t, kind, m):
    """Step 8 of a calm row: its equity into part m of the running figures."""
    s = v.stats
    add_equity(s, t.equity, m)
    if kind & SAMPLED != 0:
        add_return(s, m, t.equity)
    if kind & DAYED != 0:
        take_day(s, t.equity)
        s.next_day += DAY_NS
    s.peak = max(s.peak, t.equity) if CLOSES else t.peak
    note_depth(s, t.equity, s.peak)


@part
def worth_at(v, unit):
    """The equity where a unit of the only instrument is worth so much, as `mark_calm` has it."""
    q = v.positions[0].qty
    return v.acct.cash + q * unit if q != 0.0 else v.acct.cash


@part
def worth_in(v, units, a, n):
    """(lowest, highest) equity in the n rows from `a` on, 2**SPANS at most, while the position stays as it is."""
    k = np.uint64(min(highest_bit(n), SPANS - 1))
    rest = np.uint64(LEAD + a + n) - (np.uint64(1) << k)  # the second of two spans that cover them
    at = np.uint64(LEAD + a)
    spans = units.spans
    low = min(spans[k, at], spans[k, rest])
    k += np.uint64(SPANS)
    high = max(spans[k, at], spans[k, rest])
    one = worth_at(v, low)  # rounding keeps the order, so these are the bits of the rows themselves
    other = worth_at(v, high)
    return min(one, other), max(one, other)


@part
def count_rows(v, units, peak, kind, a, b, done):
    """Step 8 of calm rows a..b of this chunk, which follow `done` rows, with one instrument; their Tally.

    `peak` is the account's before them, or with the first of them; `units` has LEAD + row.
    """
    s = v.stats
    if kind & DAYED == 0:
        if v.positions[0].qty == 0.0:
            return count_flat(v, peak, kind, b - a, done)
        add_rows(v, units.value, kind, a, b, done)
        s.peak = note_rows(v, units, peak_of_rows(s, peak), a, b)
        return Tally(worth_at(v, take(units.value, LEAD + b - 1)), peak_of_account(s, peak))
    equity = peak
    for i in range(a, b):
        equity = worth_at(v, take(units.value, LEAD + i))
        peak = max(peak, equity)
        count_calm(v, Tally(equity, peak), kind, (done + i - a) & 7)
    return Tally(equity, peak)


@part
def note_rows(v, units, peak, a, b):
    """The deepest drawdown of rows a..b; returns the peak. Row by row only where both may be new in the same rows."""
    s = v.stats
    for g in range(a, b, 1 << SPANS):
        n = min(b - g, 1 << SPANS)
        low, high = worth_in(v, units, g, n)
        if high <= peak:
            note_depth(s, low, peak)
        elif high > peak and not may_be_deepest(low, high, s.max_drawdown):
            peak = high
        else:
            for i in range(g, g + n):
                equity = worth_at(v, take(units.value, LEAD + i))
                peak = max(peak, equity)
                note_depth(s, equity, peak)
    return peak


@part
def count_flat(v, peak, kind, rows, done):
    """The same where nothing is held: equity stands still."""
    s = v.stats
    equity = v.acct.cash
    s.peak = max(peak_of_rows(s, peak), equity)
    if kind & SAMPLED != 0:
        add_return(s, done & 7, equity)
    note_depth(s, equity, s.peak)
    stand_still(s, equity, rows)
    return Tally(equity, peak_of_account(s, peak))


@part
def add_rows(v, units, kind, a, b, done):
    """The sums of `count_rows`, eight rows at a time: rows before a and behind b are read and add nothing."""
    s = v.stats
    held = (v.acct.cash, v.positions[0].qty)
    sums = stack_floats(32)  # in registers while the rows pass
    copy_eight(sums, 0, s.sum_equity, 0)
    copy_eight(sums, 8, s.sum_r, 0)
    copy_eight(sums, 16, s.sum_r2, 0)
    copy_eight(sums, 24, s.sum_neg2, 0)
    g = a - (done & 7)
    while g < b:
        if a < g and g + 8 <= b:  # most are, and need not ask which
            add_whole(sums, units, LEAD + g, held)
        else:
            add_some(sums, units, LEAD + g, held, a - g, b - g, s.at_sample)
        g += 8
    copy_eight(s.sum_equity, 0, sums, 0)
    if kind & SAMPLED != 0:
        copy_eight(s.sum_r, 0, sums, 8)
        copy_eight(s.sum_r2, 0, sums, 16)
        copy_eight(s.sum_neg2, 0, sums, 24)
        s.at_sample = worth_at(v, take(units, LEAD + b - 1))


@part
def end_calm(v, kind, rows, last):
    """What `rows` calm rows add up to besides; `last` is the equity of the last of them."""
    s = v.stats
    s.bars += rows
    if rows > 0:
        s.last = last
        s.held = s.holding
    if kind & SAMPLED != 0:
        s.samples += rows
        s.exposed += rows * s.holding
        s.next_sample += rows * s.sample_ns
