"""The loops that walk a chunk of bars for the columns of one kind, and those that make bars of a longer timeframe.

A job is one column for one instrument. Its record is copied to the stack while its bars pass, so that its fields stay
in registers. `bars` are the tape's, with out = the table, or closed bars of a longer timeframe, with out = a table of
their own; at[i] is the row of the tape at which bar i is known. Every index comes from the plan, and none is negative.
"""

from __future__ import annotations

import numpy as np

from huracan.sim.options import part
from huracan.sim.record_copy import copy_record

TURN = 2.0**52  # where an odometer begins anew; sums of a window stay below a quarter of it (ticks.begin_ticks)


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

    All that look at an instrument share one odometer of its ticks: a sum is the difference of two of its readings, so
    that a column is a subtraction and a division a bar, many bars at a time. A column that has to leave the ticks is
    given its ring and goes on bar by bar. `tick(s, price)` is the price in ticks or -1, `worth(s, total)` the value of
    a sum.
    """
    news = bars[lo:hi]
    seen = -1
    kept = 0
    largest = 0.0
    fresh = 0
    turned = False
    for j in range(jobs.shape[0]):
        job = jobs[j]
        k = job.inst
        ring = rings[job.ring : job.ring + job.doubles]
        line = out[job.row, lo:hi]
        s = slot[0]
        copy_record(s, states[j])
        if k != seen:
            seen = k
            kept = job.kept
            past = rings[job.past : job.past + kept]
            largest, fresh, turned = count_on(tick, s, news, k, most_of(jobs, states, j), past, work)
        if s.exact != 0 and largest <= s.most:
            if fresh == hi - lo:
                differences(worth, s, work, kept, turned, line)
            else:
                differences_of_some(worth, s, work, kept, news, k, line)
            s.place = (s.place + fresh) % s.n
            s.count = min(s.count + fresh, s.n)
        else:
            if s.exact != 0:
                take_ring(s, work, kept, ring)
            bar_by_bar(update, s, ring, news, k, line)
        copy_record(states[j], s)


@part
def most_of(jobs, states, first):
    """The most ticks that any column of this instrument which is still on ticks can take; -1 if none is."""
    most = -1.0
    for j in range(first, jobs.shape[0]):
        if jobs[j].inst != jobs[first].inst:
            break
        if states[j].exact != 0:
            most = max(most, states[j].most)
    return most


@part
def count_on(tick, s, news, k, most, past, work):
    """The odometer's readings: work[kept + e] after the e-th fresh bar, behind the `kept` ones of `past`.

    Returns the largest number of ticks, how many fresh bars were counted, and whether it may have begun anew on the
    way. It stops for good at a bar that none can take, and then the largest is infinite.
    """
    kept = past.shape[0]
    n_rows = news.shape[0]
    turned = False
    for i in range(kept):
        work[i] = past[i]
        turned = turned or past[i] > past[kept - 1]
    largest = 0.0
    bad = 0.0
    fresh = 0
    for i in range(n_rows):
        bar = news[i, k]
        t = tick(s, bar.close)
        fresh += 1 if bar.fresh != 0 else 0
        work[kept + i] = t
        largest = t if t > largest else largest
        bad = t if t < bad else bad
    reading = work[kept - 1]
    if fresh == n_rows and bad == 0.0 and largest <= most and reading + largest * n_rows < TURN:
        for i in range(kept, kept + n_rows):
            reading += work[i]
            work[i] = reading
    else:
        turned = True
        largest = 0.0
        fresh = 0
        for i in range(n_rows):
            bar = news[i, k]
            if bar.fresh != 0:
                t = tick(s, bar.close)
                if not 0.0 <= t <= most:
                    largest = np.inf
                    break
                reading += t
                if reading >= TURN:
                    reading -= TURN
                work[kept + fresh] = reading
                fresh += 1
                largest = max(largest, t)
    for i in range(kept):
        past[i] = work[fresh + i]
    return largest, fresh, turned


@part
def between(work, i, n, turned):
    """The sum of n bars up to that of reading i; `turned`: the odometer may have begun anew within them."""
    total = work[i] - work[i - n]
    return total + TURN if turned and total < 0.0 else total


@part
def differences(worth, s, work, kept, turned, line):
    """line[i] = the value after bar i where every bar is fresh."""
    n = s.n
    for i in range(line.shape[0]):
        line[i] = worth(s, between(work, kept + i, n, turned))
    for i in range(min(max(n - 1 - s.count, 0), line.shape[0])):
        line[i] = np.nan
    s.value = line[line.shape[0] - 1]


@part
def differences_of_some(worth, s, work, kept, news, k, line):
    """The same where bars are missing."""
    value = s.value
    e = 0
    for i in range(line.shape[0]):
        if news[i, k].fresh != 0:
            value = worth(s, between(work, kept + e, s.n, True)) if s.count + e + 1 >= s.n else np.nan
            e += 1
        line[i] = value
    s.value = value


@part
def take_ring(s, work, kept, ring):
    """The ring and the sum of ticks as they would be, had the bars before these been taken one by one."""
    place = s.place
    for i in range(kept - 1, kept - 1 - s.n, -1):
        place = place - 1 if place > 0 else s.n - 1
        ring[place] = between(work, i, 1, True)
    s.total = between(work, kept - 1, s.n, True)


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
