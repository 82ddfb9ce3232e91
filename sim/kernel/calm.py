"""Stretches of calm rows, which sweeps run through in one loop: no order, payment, margin or midnight asks for more.

Between two rare things positions, orders and the calendar stand still, so equity follows from the close alone. Of one
instrument many rows are added up at once, when the stretch is over (`count_rows`); of several, row by row.
"""

from __future__ import annotations

from huracan.sim.codes import DAYED, SAMPLED
from huracan.sim.kernel.groups import MARGIN, RESTING
from huracan.sim.kernel.margin import in_danger
from huracan.sim.kernel.marks import DAY_NS, add_return, note_depth, take_day
from huracan.sim.layout import LEAD, Tally
from huracan.sim.memory import add_eight, put, stack_floats, take
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
    add_eight(s.sum_equity, t.equity, m, m + 1)
    if kind & SAMPLED != 0:
        add_return(s, m, t.equity)
    if kind & DAYED != 0:
        take_day(s, t.equity)
        s.next_day += DAY_NS
    note_depth(s, t.equity, t.peak)


@part
def worth_at(v, unit):
    """The equity where a unit of the only instrument is worth so much, as `mark_calm` has it."""
    q = v.positions[0].qty
    return v.acct.cash + q * unit if q != 0.0 else v.acct.cash


@part
def count_rows(v, units, peak, kind, a, b, done):
    """Step 8 of calm rows a..b of this chunk, which follow `done` rows, with one instrument; their Tally.

    `peak` is the equity's before them, or with the first of them; units[LEAD + row] is what a unit is worth.
    """
    if kind & DAYED == 0:
        if v.positions[0].qty == 0.0:
            return add_flat(v, peak, kind, a, b, done)
        lowest, highest = add_rows(v, units, kind, a, b, done)
        if highest <= peak:
            note_depth(v.stats, lowest, peak)
            return Tally(worth_at(v, take(units, LEAD + b - 1)), peak)
    equity = peak
    for i in range(a, b):
        equity = worth_at(v, take(units, LEAD + i))
        peak = max(peak, equity)
        if kind & DAYED != 0:
            count_calm(v, Tally(equity, peak), kind, (done + i - a) & 7)
        else:
            note_depth(v.stats, equity, peak)
    return Tally(equity, peak)


@part
def add_flat(v, peak, kind, a, b, done):
    """The same where nothing is held: equity stands still."""
    s = v.stats
    equity = v.acct.cash
    higher = max(peak, equity)
    if kind & SAMPLED != 0:
        add_return(s, done & 7, equity)
    note_depth(s, equity, higher)
    equities = stack_floats(8)
    for m in range(8):
        put(equities, m, s.sum_equity[m])
    g = a - (done & 7)
    while g < b:
        add_eight(equities, equity, a - g, b - g)
        g += 8
    for m in range(8):
        s.sum_equity[m] = take(equities, m)
    return Tally(equity, higher)


@part
def add_rows(v, units, kind, a, b, done):
    """The sums of `count_rows`, eight rows at a time; (lowest, highest) equity.

    Rows before a and behind b are read and add nothing.
    """
    s = v.stats
    equities = stack_floats(8)  # in registers while the rows pass
    returns = stack_floats(8)
    squares = stack_floats(8)
    losses = stack_floats(8)
    lows = stack_floats(8)
    highs = stack_floats(8)
    at = s.at_sample
    first = worth_at(v, take(units, LEAD + a))
    for m in range(8):
        put(equities, m, s.sum_equity[m])
        put(returns, m, s.sum_r[m])
        put(squares, m, s.sum_r2[m])
        put(losses, m, s.sum_neg2[m])
        put(lows, m, first)
        put(highs, m, -first)
    g = a - (done & 7)
    if kind & SAMPLED != 0:
        while g < b:
            for m in range(8):
                i = g + m
                inside = a <= i and i < b
                equity = worth_at(v, take(units, LEAD + i))
                before = at if i == a else worth_at(v, take(units, LEAD + i - 1))
                r = equity / before - 1.0 if inside else 0.0
                loss = min(r, 0.0)
                put(returns, m, take(returns, m) + r)
                put(squares, m, take(squares, m) + r * r)
                put(losses, m, take(losses, m) + loss * loss)
                put(equities, m, take(equities, m) + (equity if inside else 0.0))
                put(lows, m, min(take(lows, m), equity if inside else first))
                put(highs, m, min(take(highs, m), -equity if inside else -first))
            g += 8
        s.at_sample = worth_at(v, take(units, LEAD + b - 1))
    else:
        while g < b:
            for m in range(8):
                i = g + m
                inside = a <= i and i < b
                equity = worth_at(v, take(units, LEAD + i))
                put(equities, m, take(equities, m) + (equity if inside else 0.0))
                put(lows, m, min(take(lows, m), equity if inside else first))
                put(highs, m, min(take(highs, m), -equity if inside else -first))
            g += 8
    for m in range(8):
        s.sum_equity[m] = take(equities, m)
        s.sum_r[m] = take(returns, m)
        s.sum_r2[m] = take(squares, m)
        s.sum_neg2[m] = take(losses, m)
    return least_of(lows), -least_of(highs)


@part
def least_of(a):
    """The smallest of eight numbers, in three steps instead of seven."""
    four = min(min(take(a, 0), take(a, 4)), min(take(a, 1), take(a, 5)))
    return min(four, min(min(take(a, 2), take(a, 6)), min(take(a, 3), take(a, 7))))


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
