"""One row of the tape, in the steps that docs/EXECUTION.md numbers: the venue's half before the decision and after."""

from __future__ import annotations

import math

from huracan.sim.codes import (
    BANKRUPT,
    BY_END,
    BY_TIME,
    COST_BOUNDED,
    EMPTY,
    EXPIRED,
    LIVE,
    MARKET,
    NEVER,
    SPOT,
    TIME_EXIT,
)
from huracan.sim.costs.borrow import interest
from huracan.sim.costs.funding import funding
from huracan.sim.kernel.execute import execute, execution, taker_steps
from huracan.sim.kernel.groups import BORROW, CLOSES, MARGIN, RECORD, RESTING, SPLIT
from huracan.sim.kernel.ledger import book_rarely
from huracan.sim.kernel.liquidate import liquidate_at, liquidate_at_open
from huracan.sim.kernel.margin import in_danger, note_risk, wallet
from huracan.sim.kernel.marks import (
    envelope,
    envelopes,
    excursions,
    mark_account,
    mark_bars,
    statistics,
    touched,
)
from huracan.sim.kernel.opens import has_turn, opens, refill_once, take_requests
from huracan.sim.kernel.orderbook import cancel_everything, count, drop_child, finish, slots
from huracan.sim.kernel.path import path
from huracan.sim.kernel.quiet import come_and_go, met_alone
from huracan.sim.kernel.reports import tell_funding, tell_halt, tell_interest, tell_orders
from huracan.sim.kernel.values import unit_notional
from huracan.sim.options import part, rare

NOTHING = 1e-12  # a share of the first cash that is rounding, not money


@part
def pay_funding(v, payment, opened):
    """One funding instant; a missing mark is the last price known then: the open if it has come, else last close."""
    k = payment.inst
    q = v.positions[k].qty
    if q == 0.0:
        return
    mark = payment.mark
    if not mark > 0.0:
        mark = v.bars[k].open if opened and v.bars[k].fresh == 1 else v.positions[k].mark
    paid = funding(v.rules[k], q, payment.rate, mark)
    a = v.acct
    a.cash -= paid
    a.funding += paid
    v.desks[k].funding += paid
    if SPLIT:
        tell_funding(v, k, paid, payment.ts_ns)
    note_risk(v)


@rare
def fund_until(v, payments, first, last, ts_ns, opened):
    """Steps 1 and 3: every payment with an instant at or before ts_ns; returns the next one's place."""
    i = first
    while i < last and payments[i].ts_ns <= ts_ns:
        pay_funding(v, payments[i], opened)
        i += 1
    return i


@rare
def charge_interest(v, elapsed_ns):
    """Step 5: interest on what a spot account borrowed since the last row."""
    t = v.settings
    if t.borrow_rate == 0.0:
        return
    borrowed = 0.0
    spot = False
    held = False
    for k in range(len(v.positions)):
        q = v.positions[k].qty
        held = held or q != 0.0
        if v.rules[k].contract == SPOT:
            spot = True
            if q < 0.0:
                borrowed -= q * unit_notional(v.rules[k], v.positions[k].mark)
    if spot:
        borrowed += max(-wallet(v), 0.0)
    if not held and not v.acct.cash > NOTHING * t.cash:
        return  # bankrupt in this row: nothing more is paid
    if borrowed > 0.0:
        paid = interest(borrowed, t.borrow_rate, elapsed_ns)
        v.acct.cash -= paid
        v.acct.interest += paid
        if SPLIT:
            tell_interest(v, paid, v.acct.ts_ns)
        note_risk(v)


@rare
def time_limits(v, k):
    """Step 5: orders whose time is over, and brackets that have held long enough."""
    row = v.acct.row
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        if r.state != LIVE:
            continue
        if row >= r.die_row:
            finish(v, j, EXPIRED)
        elif row >= r.hold_row:
            if r.entry >= 0:
                finish(v, r.entry, TIME_EXIT)
            if r.take >= 0:
                drop_child(v, r.take)
            r.hold_row = NEVER
            if r.kind == MARKET:
                continue  # the stop has triggered: what is held is on its way out
            r.kind = MARKET
            r.reason = BY_TIME
            r.done_row = -1
            r.arrived = 0
            send(v, r)


@part
def send(v, r):
    """An order of the venue's own making leaves for the market."""
    dispatch(v.acct, v.settings, r)


@part
def dispatch(a, t, r):
    """An order leaves for the market now: when it gets there."""
    now = 0 if t.market_at_close == 1 and r.kind == MARKET else 1
    r.live_row = a.row + now + t.latency_rows
    r.live_ns = a.ts_ns + t.entry_ns
    r.arrived = 0


@part
def busy_opens(v, row, payments, first_payment):
    """Steps 1 to 3: funding, the opens, and funding that falls inside the row. Returns the next payment's place."""
    at = first_payment
    if MARGIN and at < row.fund_hi:
        at = fund_until(v, payments, at, row.fund_hi, row.open_ns, False)
    k = v.stats.first_look
    while k >= 0:
        refill_once(v, k, False)
        k = v.desks[k].next_look
    take_requests(v, v.acct.row, v.acct.open_ns)
    if MARGIN and v.stats.risky == 1:
        liquidate_at_open(v)
    opens(v)
    if SPLIT:
        tell_orders(v, v.acct.open_ns)
    if MARGIN and at < row.fund_hi:
        at = fund_until(v, payments, at, row.fund_hi, row.close_ns - 1, True)
    return at


@part
def busy_bars_over(v):
    """Step 5, when all paths have been walked: orders whose time is over."""
    k = v.stats.first_look
    while k >= 0:
        if RESTING:
            time_limits(v, k)
        envelope(v, k)
        k = v.desks[k].next_look
    if SPLIT:
        tell_orders(v, v.acct.ts_ns)


@(rare if RECORD or SPLIT or not RESTING else part)
def busy_row(v, row, payments, first_payment):
    """Steps 1 to 5 of a row in which something may happen. Returns the next payment's place."""
    at = busy_opens(v, row, payments, first_payment)
    k = v.stats.first_look
    while k >= 0:
        if v.bars[k].fresh == 1:
            path(v, k)
        k = v.desks[k].next_look
    busy_bars_over(v)
    return at


@part
def anything_to_do(v, row, first_payment):
    """Whether this row can touch an order, a margin or a payment; most rows can't.

    Chains the instruments to look at: those that are touched, or all where they share a margin.
    """
    last = -1
    rest = NEVER
    v.stats.first_look = -1
    for k in range(len(v.positions)):
        if touched(v, k, v.acct.row):
            if last < 0:
                v.stats.first_look = k
            else:
                v.desks[last].next_look = k
            v.desks[k].next_look = -1
            last = k
        else:
            rest = min(rest, v.desks[k].wake_row)
    v.stats.rest_wake = rest
    if MARGIN:
        if first_payment < row.fund_hi or (v.settings.all_spot == 0 and (last >= 0 or in_danger(v))):
            look_at_all(v)
            return True
    return last >= 0


@rare
def look_at_all(v):
    """Chain every instrument."""
    n = len(v.positions)
    v.stats.rest_wake = NEVER
    v.stats.first_look = 0
    for k in range(n):
        v.desks[k].next_look = k + 1 if k + 1 < n else -1


@part
def begin_row(v, row_index, row, payments, first_payment):
    """Steps 1 to 6 up to the marks; returns the next payment's place."""
    at = wake_row(v, row_index, row, payments, first_payment)
    if v.acct.bankrupt == 0:
        settle_row(v)
    return at


@part
def wake_row(v, row_index, row, payments, first_payment):
    """Steps 1 to 5 and the interest; returns the next payment's place."""
    a = v.acct
    at = first_payment
    if a.bankrupt == 1:
        a.row = row_index
        a.ts_ns = row.close_ns
        return at
    elapsed = row.close_ns - a.ts_ns
    a.row = row_index
    a.open_ns = row.open_ns
    a.ts_ns = row.close_ns
    if anything_to_do(v, row, at):
        if SPLIT or not (come_and_go(v, row, at) if RESTING else met_alone(v, row, at)):
            at = busy_row(v, row, payments, at)
    pay_interest(v, elapsed)
    return at


@rare
def open_event(v, row_index, row, payments, first_payment):
    """The first event of a row that is told piece by piece: all opens are in. Returns the next payment's place."""
    a = v.acct
    at = first_payment
    v.stats.busy = 0
    if a.bankrupt == 0:
        v.stats.elapsed_ns = row.close_ns - a.ts_ns
        a.open_ns = row.open_ns
    a.row = row_index
    a.ts_ns = row.close_ns
    if a.bankrupt == 0 and anything_to_do(v, row, at):
        v.stats.busy = 1
        at = busy_opens(v, row, payments, at)
    return at


@rare
def bar_event(v, k):
    """One instrument's bar is over."""
    if v.stats.busy == 1 and v.bars[k].fresh == 1:
        j = v.stats.first_look
        while j >= 0:
            if j == k:
                path(v, k)
            j = v.desks[j].next_look


@rare
def last_event(v):
    """All bars are in: interest and marks, before the decision."""
    if v.stats.busy == 1:
        busy_bars_over(v)
    if v.acct.bankrupt == 0:
        pay_interest(v, v.stats.elapsed_ns)
        settle_row(v)


@part
def pay_interest(v, elapsed):
    """Step 5 of the whole account."""
    if BORROW:
        if v.settings.borrow == 1:
            charge_interest(v, elapsed)


@part
def worth_something(v):
    """Step 6: marks, and whether anything is left."""
    mark_bars(v)
    return v.acct.equity > NOTHING * v.settings.cash


@part
def settle_row(v):
    """Step 6; an account with nothing left stops."""
    if not worth_something(v):
        stop_lane(v)


@part
def warm_row(v, row_index, row):
    """A row before the start: prices become marks, nothing else happens."""
    v.acct.row = row_index
    v.acct.open_ns = row.open_ns
    v.acct.ts_ns = row.close_ns
    for k in range(len(v.positions)):
        if v.bars[k].fresh == 1:
            v.positions[k].mark = v.bars[k].close


@rare
def stop_lane(v):
    """Nothing is left: the lane decides and fills no more."""
    v.acct.bankrupt = 1
    if MARGIN and v.stats.holding == 1:
        liquidate_at(v, -1, 0.0, v.acct.ts_ns, True)
        mark_account(v)
    cancel_everything(v, BANKRUPT)
    if SPLIT:
        tell_orders(v, v.acct.ts_ns)
        tell_halt(v, v.acct.ts_ns)


@rare
def fill_at_close(v, row_index):
    """Step 7: market orders that have arrived by this close, reducing ones first."""
    for k in range(len(v.positions)):
        refill_once(v, k, True)
    while True:
        best = -1
        for k in range(len(v.positions)):
            lo, hi = slots(v, k)
            for j in range(lo, hi):
                r = v.orders[j]
                if r.state != LIVE or r.kind != MARKET or r.done_row == row_index:
                    continue
                if row_index < r.live_row or v.acct.ts_ns < r.live_ns or v.bars[k].fresh == 0:
                    continue
                if has_turn(v, j, best):
                    best = j
        if best < 0:
            break
        r = v.orders[best]
        r.done_row = row_index
        execute(v, best, v.bars[r.inst].close, math.nan, v.acct.ts_ns, True)


@rare
def close_out(v):
    """Step 8 on the last row: every position goes at its close, as a taker; every order is cancelled."""
    t = v.settings
    for k in range(len(v.positions)):
        q = v.positions[k].qty
        if q != 0.0:
            side = -1 if q > 0.0 else 1
            x = v.positions[k].mark
            steps, bounded = taker_steps(v, k, side, x, abs(q), math.nan)
            if bounded:
                count(v, COST_BOUNDED)
            book_rarely(
                v,
                execution(k, side, abs(q), x, steps, 0, BY_END, 0, 0, t.fee_taker, v.acct.ts_ns, True, v.rules[k]),
            )
    for j in range(len(v.orders)):
        v.orders[j].state = EMPTY


@part
def due_at_close(v):
    """Whether a market order may have arrived by this close: it would keep its desk awake."""
    due = False
    for k in range(len(v.positions)):
        if v.desks[k].wake_row <= v.acct.row + 1:
            due = True
    return due


@part
def close_row(v, row_index, last):
    """Step 7, and the end of the tape: executions at the close, after which the account is marked again."""
    moved = False
    if CLOSES:
        if v.settings.market_at_close == 1 and due_at_close(v):
            before = v.stats.fills
            fill_at_close(v, row_index)
            moved = v.stats.fills != before
            envelopes(v)
    if last and v.settings.close_at_end == 1:
        close_out(v)
        moved = True
    if moved:
        mark_account(v)
        if not v.acct.equity > NOTHING * v.settings.cash:
            stop_lane(v)


@part
def close_row_of(v, row_index, last):
    """Step 7 of an account that is not bankrupt, and what is told and noted after it."""
    a = v.acct
    if a.bankrupt == 0:
        close_row(v, row_index, last)
        if SPLIT:
            tell_orders(v, a.ts_ns)
        if RECORD:
            for k in range(len(v.positions)):
                if v.bars[k].fresh == 1:
                    excursions(v, k)


@part
def end_row(v, row_index, last):
    """Steps 7 and 8: fills at the close, the end of the tape, equity and statistics."""
    close_row_of(v, row_index, last)
    statistics(v)
