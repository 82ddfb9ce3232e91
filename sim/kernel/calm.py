"""Stretches of calm rows, which sweeps run through in one loop: no order, payment, margin or midnight asks for more.

Between two rare things positions, orders and the calendar stand still, so what only depends on them is taken once, and
the running figures are numbers (layout.Tally) that need no memory until the stretch is over.
"""

from __future__ import annotations

from huracan.sim.codes import DAYED, SAMPLED
from huracan.sim.kernel.groups import MARGIN, RESTING
from huracan.sim.kernel.margin import in_danger
from huracan.sim.kernel.marks import DAY_NS, add_return, deepest, may_be_deepest, take_day
from huracan.sim.layout import Tally
from huracan.sim.options import part
from huracan.sim.prices import unit_value


@part
def calm_kind(v, row, sample_ns):
    """layout.Calm of a row that has begun, if this lane keeps the calendar's time; else 0."""
    s = v.stats
    if row.calm == 0 or s.sample_ns != sample_ns or (MARGIN and v.settings.borrow == 1):
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
def tally_of(v):
    """The running figures as they stand once a row is marked."""
    s = v.stats
    return Tally(v.acct.equity, v.acct.peak, s.sum_equity, s.at_sample, s.sum_r, s.sum_r2, s.sum_neg2)


@part
def mark_calm(v, t, every):
    """The closes become marks, and the equity what positions are worth at them; `every` instrument has a bar."""
    value = 0.0
    for k in range(len(v.positions)):
        p = v.positions[k]
        if every or v.bars[k].fresh == 1:
            p.mark = v.bars[k].close
        if p.qty != 0.0:
            value += p.qty * unit_value(v.rules[k], p.mark)
    equity = v.acct.cash + value
    peak = max(t.peak, equity)
    v.acct.equity = equity
    v.acct.peak = peak
    return Tally(equity, peak, t.sum_equity, t.at_sample, t.sum_r, t.sum_r2, t.sum_neg2)


@part
def count_calm(v, t, kind):
    """Step 8 of a calm row: its equity into the running figures."""
    at, total, squares, losses = t.at_sample, t.sum_r, t.sum_r2, t.sum_neg2
    if kind & SAMPLED != 0:
        at, total, squares, losses = add_return(at, total, squares, losses, t.equity)
    if kind & DAYED != 0:
        take_day(v.stats, t.equity)
        v.stats.next_day += DAY_NS
    s = v.stats
    if may_be_deepest(t.equity, t.peak, s.max_drawdown):
        s.max_drawdown = deepest(t.equity, t.peak, s.max_drawdown)  # in memory: else LLVM divides in every row
    return Tally(t.equity, t.peak, t.sum_equity + t.equity, at, total, squares, losses)


@part
def end_calm(v, t, kind, rows, last):
    """What `rows` calm rows add up to; `last` is the equity of the last of them."""
    s = v.stats
    s.sum_equity = t.sum_equity
    s.bars += rows
    if rows > 0:
        s.last = last
        s.held = s.holding
    if kind & SAMPLED != 0:
        s.at_sample = t.at_sample
        s.sum_r = t.sum_r
        s.sum_r2 = t.sum_r2
        s.sum_neg2 = t.sum_neg2
        s.samples += rows
        s.exposed += rows * s.holding
        s.next_sample += rows * s.sample_ns
