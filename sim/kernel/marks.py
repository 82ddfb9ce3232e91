"""After a row: the account's worth, the trigger envelope of the next rows, and the statistics, a number at a time."""

from __future__ import annotations

import math

from huracan.sim.codes import EMPTY, LIVE, MARKET, NEVER, TRAIL
from huracan.sim.eights import add_eight
from huracan.sim.kernel.groups import CLOSES, RECORD, RESTING, SPLIT
from huracan.sim.kernel.ledger import mark_excursion
from huracan.sim.kernel.levels import comes_from
from huracan.sim.kernel.levels import level as level_of
from huracan.sim.kernel.orderbook import slots
from huracan.sim.kernel.values import unit_value
from huracan.sim.options import part, rare

DAY_NS = 86_400_000_000_000


@part
def position_value(v):
    """Value of all positions at their marks."""
    value = 0.0
    for k in range(len(v.positions)):
        q = v.positions[k].qty
        if q != 0.0:
            value += q * unit_value(v.rules[k], v.positions[k].mark)
    return value


@part
def mark_account(v):
    """Equity and its peak, as the ledger stands."""
    value = 0.0
    holding = 0
    for k in range(len(v.positions)):
        q = v.positions[k].qty
        if q != 0.0:
            holding = 1
            value += q * unit_value(v.rules[k], v.positions[k].mark)
    take_worth(v, value, holding)


@part
def mark_bars(v):
    """The same at the closes of this row, which become the marks."""
    value = 0.0
    holding = 0
    for k in range(len(v.positions)):
        p = v.positions[k]
        b = v.bars[k]
        if b.fresh == 1:
            p.mark = b.close
        if p.qty != 0.0:
            holding = 1
            value += p.qty * unit_value(v.rules[k], p.mark)
    take_worth(v, value, holding)


@part
def take_worth(v, value, holding):
    """What all positions are worth, and whether there are any."""
    a = v.acct
    a.equity = a.cash + value
    a.peak = max(a.peak, a.equity)
    v.stats.holding = holding


@part
def excursions(v, k):
    """MAE and MFE of an open trade by this bar's extremes; not in the bar inside which it was opened."""
    d = v.desks[k]
    q = v.positions[k].qty
    if d.side != 0 and q != 0.0 and d.inside != v.acct.row:
        mark_excursion(d, v.rules[k], q, v.bars[k].high)
        mark_excursion(d, v.rules[k], q, v.bars[k].low)


@part
def envelope(v, k):
    """Set the band of prices, and the row, that instrument k's orders must be looked at again."""
    d = v.desks[k]
    row = v.acct.row
    lo, hi = slots(v, k)
    n = 0
    top = 0
    wake = NEVER
    up = math.inf
    down = -math.inf
    for j in range(lo, hi):
        r = v.orders[j]
        if r.state == EMPTY:
            continue
        n += 1
        top = j + 1 - lo
        wake = min(wake, min(r.cancel_row, r.modify_row))
        if r.state != LIVE:
            continue
        if not RESTING or r.kind == MARKET:
            wake = min(wake, max(row + 1, r.live_row))
            continue
        if r.arrived == 0:
            wake = min(wake, max(row + 1, r.live_row))
        wake = min(wake, min(r.die_row, r.hold_row))
        lvl = level_of(v, r)
        if comes_from(r) > 0:
            up = min(up, lvl)
            if r.kind == TRAIL:
                down = max(down, r.reference)
        else:
            down = max(down, lvl)
            if r.kind == TRAIL:
                up = min(up, r.reference)
    d.n_live = n
    d.top = top
    d.wake_row = wake
    d.up = up
    d.down = down


@part
def wake_for_requests(v):
    """Cancels and modifies of this step are under way: whom they may concern is looked at when they arrive."""
    if len(v.positions) == 1:
        v.desks[0].wake_row = min(v.desks[0].wake_row, v.acct.row + 1 + v.settings.latency_rows)
    else:
        envelopes(v)


@rare
def envelopes(v):
    """`envelope` of every instrument."""
    for k in range(len(v.positions)):
        envelope(v, k)


@part
def touched(v, k, row):
    """Whether this row can concern an order of instrument k."""
    d = v.desks[k]
    if not RESTING:
        return row >= d.wake_row
    b = v.bars[k]
    return row >= d.wake_row or (b.fresh == 1 and (b.high >= d.up or b.low <= d.down))


@part
def add_equity(s, equity, m):
    """The equity of a row into part m of its sum, or of a row in which nothing is held into what stands still."""
    if s.holding == 0:
        stand_still(s, equity, 1)
    else:
        add_eight(s.sum_equity, equity, m, m + 1)


@part
def stand_still(s, equity, rows):
    """The same of so many rows in which nothing is held: counted, and multiplied when it moves."""
    if equity != s.flat_equity:
        s.sum_flat += s.flat_equity * s.flat_rows
        s.flat_equity = equity
        s.flat_rows = 0
    s.flat_rows += rows


@part
def add_return(s, m, equity):
    """The return since the last sample into part m of the sums."""
    if equity != s.at_sample:
        r = equity / s.at_sample - 1.0
        loss = min(r, 0.0)  # a branch would be guessed wrong every other time
        add_eight(s.sum_r, r, m, m + 1)  # as wide as many rows are added: a number alone would be waited for there
        add_eight(s.sum_r2, r * r, m, m + 1)
        add_eight(s.sum_neg2, loss * loss, m, m + 1)
        s.at_sample = equity


@part
def take_sample(s, equity):
    """One more return on the sample grid."""
    add_return(s, s.bars & 7, equity)
    s.samples += 1


@part
def take_day(s, equity):
    """One more return on the grid of days."""
    s.days += 1
    if equity != s.at_day:
        r = equity / s.at_day - 1.0
        s.day_r += r
        s.day_r2 += r * r
        s.at_day = equity


@rare
def up_to(s, ts_ns):
    """Grid points before this close had the equity of the row before."""
    if s.next_sample < ts_ns:
        n = (ts_ns - 1 - s.next_sample) // s.sample_ns + 1
        take_sample(s, s.last)
        s.samples += n - 1
        if s.held == 1:
            s.exposed += n
        s.next_sample += n * s.sample_ns
    if s.next_day < ts_ns:
        n = (ts_ns - 1 - s.next_day) // DAY_NS + 1
        take_day(s, s.last)
        s.days += n - 1
        s.next_day += n * DAY_NS


@part
def may_be_deepest(equity, peak, max_drawdown):
    """Whether this may be the deepest drawdown so far; says yes too often rather than divide."""
    below = equity - peak
    return below <= max_drawdown * peak * (1.0 - 1e-12) and below < 0.0


@part
def deepest(equity, peak, max_drawdown):
    """The deepest drawdown with this one."""
    return min(max_drawdown, (equity - peak) / peak)


@part
def note_depth(s, equity, peak):
    """The drawdown at this equity, if it is the deepest so far."""
    if may_be_deepest(equity, peak, s.max_drawdown):
        s.max_drawdown = deepest(equity, peak, s.max_drawdown)


@part
def peak_of_rows(s, peak):
    """The highest equity that a row has ended with; `peak` is the account's, which marks before a close may raise more.

    The two differ by what executions cost that come after the marks of their row, in no build but those that have such.
    """
    return s.peak if CLOSES else peak


@part
def peak_of_account(s, peak):
    """The account's peak after calm rows, in which nothing comes after the marks; `peak` is the one before them."""
    return max(peak, s.peak) if CLOSES else s.peak


@part
def behind(s, ts_ns):
    """Whether the grids have points before this close that are not taken yet."""
    return s.next_sample < ts_ns or s.next_day < ts_ns


@part
def running(v):
    """`statistics` of a row that no grid point has been missed before."""
    a = v.acct
    s = v.stats
    sampled = s.next_sample == a.ts_ns
    dayed = s.next_day == a.ts_ns
    add_equity(s, a.equity, s.bars & 7)
    if sampled:
        take_sample(s, a.equity)
        s.exposed += s.holding
        s.next_sample += s.sample_ns
    if dayed:
        take_day(s, a.equity)
        s.next_day += DAY_NS
    s.peak = max(s.peak, a.equity)  # not the account's, which the last row's marks raise before `close_out`, too
    note_depth(s, a.equity, s.peak)
    s.bars += 1
    s.last = a.equity
    s.held = s.holding


@part
def statistics(v):
    """Step 8: this row's equity into the running figures."""
    a = v.acct
    s = v.stats
    ts = a.ts_ns
    if behind(s, ts):
        up_to(s, ts)
    running(v)
    if RECORD:
        n = v.rec.n[2]
        e = v.rec.equity[n]
        e.ts_ns = ts
        if SPLIT:
            e.last_order = v.own_acct.next_id
        else:
            e.last_order = a.next_id
        e.equity = a.equity
        e.cash = a.cash
        e.position_value = position_value(v)
        e.drawdown = (a.equity - s.peak) / s.peak
        v.rec.n[2] = n + 1
