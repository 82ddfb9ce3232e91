"""The loops that walk a chunk of bars for the columns of one kind, and those that make bars of a longer timeframe.

A job is one column for one instrument. Its record is copied to the stack while its bars pass, so that its fields stay
in registers. `bars` are the tape's, with out = the table, or closed bars of a longer timeframe, with out = a table of
their own; at[i] is the row of the tape at which bar i is known. Every index comes from the plan, and none is negative.
"""

from __future__ import annotations

import numpy as np

from huracan.sim.options import part
from huracan.sim.record_copy import copy_record


@part
def bar_by_bar(update, s, ring, news, k, line):
    """line[i] = the value after bar i of instrument k; a stale bar changes nothing."""
    value = s.value
    for i in range(news.shape[0]):
        bar = news[i, k]
        if bar.fresh != 0:
            value = update(s, ring, bar)
        line[i] = value
    s.value = value


@part
def each(update, slot, bars, at, table, out, work, lo, hi, jobs, states, rings):
    """Kinds that look at one instrument: a stale bar changes nothing, and the last value stands."""
    news = bars[lo:hi]
    for j in range(jobs.shape[0]):
        job = jobs[j]
        k = job.inst
        ring = rings[job.ring : job.ring + job.doubles]
        line = out[job.row, lo:hi]
        s = slot[0]
        copy_record(s, states[j])
        bar_by_bar(update, s, ring, news, k, line)
        copy_record(states[j], s)


@part
def sums(update, tick, worth, slot, bars, at, table, out, work, lo, hi, jobs, states, rings):
    """Kinds that sum the whole ticks of one instrument's last n bars, in a record with the fields of ticks.TICKS.

    Where every bar is fresh and on the tick, and that is almost everywhere, the ticks are worked out once for all that
    look at the instrument, and the sums are one addition after the other, all else many at a time; where not, bar by
    bar, to the same bits. `tick(s, price)` is the price in ticks or -1, `worth(s, total)` the value of a sum.
    """
    news = bars[lo:hi]
    n_rows = hi - lo
    seen = -1
    largest = -1.0
    for j in range(jobs.shape[0]):
        job = jobs[j]
        k = job.inst
        ring = rings[job.ring : job.ring + job.doubles]
        line = out[job.row, lo:hi]
        s = slot[0]
        copy_record(s, states[j])
        if k != seen:
            largest = ticks_of(tick, s, news, k, work)
            seen = k
        if s.exact != 0 and 0.0 <= largest <= s.most:
            full = min(max(s.n - 1 - s.count, 0), n_rows)
            s.total = slide(s.total, ring, s.place, line, work)
            s.place = (s.place + n_rows) % s.n
            s.count = min(s.count + n_rows, s.n)
            for i in range(n_rows):
                line[i] = worth(s, line[i])
            for i in range(full):
                line[i] = np.nan
            s.value = line[n_rows - 1]
        else:
            bar_by_bar(update, s, ring, news, k, line)
        copy_record(states[j], s)


@part
def ticks_of(tick, s, news, k, work):
    """work[i] = the close of bar i in ticks; returns the largest, or -1 if a bar is stale or off the tick."""
    largest = 0.0
    least = 0.0
    for i in range(news.shape[0]):
        bar = news[i, k]
        t = tick(s, bar.close) if bar.fresh != 0 else -1.0
        work[i] = t
        largest = t if t > largest else largest
        least = t if t < least else least
    return largest if least == 0.0 else -1.0


@part
def slide(total, ring, place, line, work):
    """line[i] = the sum after bar i, with the ring from `place` on as what leaves; returns the last sum.

    Whole numbers below 2**53, so that four may be added up beside the sum instead of one after the other.
    """
    n_rows = line.shape[0]
    first = 0
    while first < n_rows:
        until = min(n_rows, first + ring.shape[0] - place)
        back = place - first
        for i in range(first, until):
            new = work[i]
            line[i] = new - ring[back + i]
            ring[back + i] = new
        i = first
        while i + 4 <= until:
            a = line[i]
            b = a + line[i + 1]
            c = b + line[i + 2]
            d = c + line[i + 3]
            line[i] = total + a
            line[i + 1] = total + b
            line[i + 2] = total + c
            total = total + d
            line[i + 3] = total
            i += 4
        while i < until:
            total += line[i]
            line[i] = total
            i += 1
        place = 0
        first = until
    return total


@part
def pair(combine, update, slot, bars, at, table, out, work, lo, hi, jobs, states, rings):
    """Kinds that look at two instruments: a bar that either of them misses changes nothing.

    What is made of two bars alone comes first, in a loop in which the processor can work on many bars at once.
    """
    news = bars[lo:hi]
    for j in range(jobs.shape[0]):
        job = jobs[j]
        a = job.inst
        b = job.other
        ring = rings[job.ring : job.ring + job.doubles]
        line = out[job.row, lo:hi]
        s = slot[0]
        copy_record(s, states[j])
        for i in range(hi - lo):
            line[i] = news[i, a].close
            work[i] = news[i, b].close
        for i in range(hi - lo):
            line[i] = combine(s, line[i], work[i])
        value = s.value
        for i in range(hi - lo):
            if news[i, a].fresh != 0 and news[i, b].fresh != 0:
                value = update(s, ring, line[i])
            line[i] = value
        s.value = value
        copy_record(states[j], s)


@part
def field_of(bar, field):
    """A number of the bar by its place in layout.bar."""
    if field == 0:
        return bar.open
    if field == 1:
        return bar.high
    if field == 2:
        return bar.low
    if field == 3:
        return bar.close
    return bar.volume


@part
def source(update, slot, bars, at, table, out, work, lo, hi, jobs, states, rings):
    """Kinds that look at another column, of which job.source is the row in the table, or at a field of the bar (-1)."""
    news = bars[lo:hi]
    for j in range(jobs.shape[0]):
        job = jobs[j]
        a = job.inst
        b = job.other
        ring = rings[job.ring : job.ring + job.doubles]
        line = out[job.row, lo:hi]
        s = slot[0]
        copy_record(s, states[j])
        value = s.value
        for i in range(hi - lo):
            if news[i, a].fresh != 0 and news[i, b].fresh != 0:
                if job.source >= 0:
                    x = table[job.source, at[lo + i]]
                else:
                    x = field_of(news[i, a], job.field)
                value = update(s, ring, x)
            line[i] = value
        s.value = value
        copy_record(states[j], s)


@part
def hand_over(pending, closed, m):
    """Bar m of the longer timeframe is what is pending, which begins anew."""
    for k in range(pending.shape[0]):
        copy_record(closed[m, k], pending[k])
        pending[k].fresh = 0


@part
def close_buckets(rows, bars, lo, hi, every_ns, shift_ns, pending, end, closed, at):
    """Bars of a longer timeframe that close in rows lo..hi: closed[1..m], known at rows at[1..m]; returns m.

    A bar belongs to the bucket in which it closes. A bucket closes at the row that reaches its end, or, where bars are
    missing, at the first row past it. end[1] says whether one is open, end[0] when it ends.
    """
    m = 0
    for i in range(lo, hi):
        now = rows[i].close_ns
        if end[1] != 0 and now > end[0]:
            m += 1
            hand_over(pending, closed, m)
            at[m] = i
            end[1] = 0
        for k in range(pending.shape[0]):
            bar = bars[i, k]
            if bar.fresh != 0:
                into = pending[k]
                if into.fresh == 0:
                    copy_record(into, bar)
                else:
                    into.high = max(into.high, bar.high)
                    into.low = min(into.low, bar.low)
                    into.close = bar.close
                    into.volume += bar.volume
                if end[1] == 0:
                    end[1] = 1
                    end[0] = -((shift_ns - now) // every_ns) * every_ns + shift_ns
        if end[1] != 0 and now == end[0]:
            m += 1
            hand_over(pending, closed, m)
            at[m] = i
            end[1] = 0
    return m


@part
def spread_out(jobs, values, at, m, table, lo, hi):
    """Values of a longer timeframe on the rows of the tape, each from where it is known; values[:, 0] stood before."""
    for j in range(jobs.shape[0]):
        line = table[jobs[j].table_row]
        value = values[j, 0]
        e = 1
        for i in range(lo, hi):
            while e <= m and at[e] <= i:
                value = values[j, e]
                e += 1
            line[i] = value
