"""Requests that reach the venue: new orders meet the exchange's book as it is then, others find their order or not."""

from __future__ import annotations

import math

import numpy as np

from huracan.sim.book_layout import CANCEL, EATEN, MARKS, MODIFY, NEXT_REQUEST, BookVenue
from huracan.sim.codes import (
    BANKRUPT,
    CANCELLED,
    EMPTY,
    FOK,
    FOK_UNFILLED,
    GTT,
    IOC,
    IOC_UNFILLED,
    LIMIT,
    LIVE,
    MARKET,
    MARKET_REMAINDER,
    NEVER,
    POST_ONLY_WOULD_CROSS,
    STOP_LIMIT,
    TOLD_ORDER,
    TOO_MANY_LEVELS,
)
from huracan.sim.kernel.book_fills import done, execute
from huracan.sim.kernel.book_latency import set_response
from huracan.sim.kernel.book_leave import arm, off_lists, tell_terms
from huracan.sim.kernel.book_places import NOBODY, bid_x, first_of, put_last, tick_at
from huracan.sim.kernel.book_stops import is_reached, waits_for_price, watch
from huracan.sim.kernel.groups import RESTING
from huracan.sim.kernel.reports import next_report
from huracan.sim.options import part, rare
from huracan.sim.prices import price_of_tick, tick_of_price
from huracan.sim.reference import refer


@part
def side_of(r):
    """The side of the book that an order would rest on: 2 x instrument, and 1 more for asks."""
    return 2 * r.inst + (0 if r.side > 0 else 1)


@part
def place_of(v, side, price):
    """x of a price on a side."""
    inst = side >> 1
    x = bid_x(v.ground, inst, tick_of_price(v.rules[inst], price))
    return ((1 << v.ground.width) - 1) - x if side & 1 else x


@part
def mark_at(v, cell):
    """The place that remembers what own takers of this lane took at a cell; NOBODY if the market has renewed it."""
    j = np.int64(v.market.heads[cell])
    while j != NOBODY:
        r = v.market.rests[j]
        if r.state == EATEN and r.lane == v.lane:
            return j
        j = r.next
    return NOBODY


@part
def free_mark(v, after):
    """The first free place for such a memory behind `after` others; NOBODY where all are taken."""
    first = v.first + len(v.own_orders)
    for i in range(first, first + MARKS):
        if v.market.rests[i].state == EMPTY:
            if after == 0:
                return i
            after -= 1
    return NOBODY


@part
def eat(v, i, cell, x, lots):
    """Remember at place i that own takers took `lots` at a cell."""
    r = v.market.rests[i]
    if r.state == EATEN:
        r.front += lots
        return
    r.state = EATEN
    r.lane = v.lane
    r.front = lots
    put_last(v.market, v.ground.width, i, cell, x)


@rare
def walk(v, j, worst, dry):
    """Take from the other side, best level first, up to its x `worst`; returns how much (dry: how much it would).

    Levels that own takers have emptied stay empty for this lane until the market says what stands there.
    """
    r = v.orders[j]
    side = side_of(r) ^ 1
    base = side << v.ground.width
    lot = v.ground.spans[r.inst].lot
    x = v.market.best[side]
    if v.ground.spans[r.inst].touch_only == 1:
        worst = max(worst, x)
    took = 0.0
    left = r.left
    marked = 0
    while x >= worst and x >= v.ground.lows[side] and left > 0.0:
        there = v.market.lots[base + x]
        if there > 0:
            i = mark_at(v, base + x)
            there_now = there - (v.market.rests[i].front if i != NOBODY else 0.0)
            if there_now > 0.0:
                if i == NOBODY:
                    i = free_mark(v, marked)
                    if i == NOBODY:
                        if not dry:
                            done(v, j, TOO_MANY_LEVELS)
                        return took
                    if dry:
                        marked += 1
                qty = min(left, there_now * lot)
                if not dry:
                    asked = qty
                    qty = execute(v, j, asked, price_of_tick(v.rules[r.inst], tick_at(v.ground, side, x)), 0)
                    if qty > 0.0:
                        eat(v, i, base + x, x, math.ceil(qty / lot - 1e-9))
                    if r.state != LIVE or qty < asked:
                        return took + qty
                took += qty
                left -= qty
        x -= 1
    return took


@part
def rest_here(v, j, side, x):
    """The order takes its place in the queue, behind all that stands there now.

    Where only quotes tell of the book, nobody knows how much that is behind the touch: so all that the next one tells.
    """
    r = v.orders[j]
    cell = (side << v.ground.width) + x
    r.front = float(v.market.lots[cell])
    if v.ground.spans[r.inst].touch_only == 1 and (x < v.market.best[side] or v.market.best[side] < 0):
        r.front = math.inf
    r.traded = 0.0
    r.seen = -1
    r.rested_ns = v.acct.ts_ns
    put_last(v.market, v.ground.width, v.first + j, cell, x)


@rare
def meet(v, j, taken_ns):
    """An order meets the book: it takes, rests, waits for its price, or is refused."""
    r = v.orders[j]
    r.arrived = 1
    if RESTING:
        if waits_for_price(r):
            if not is_reached(v, r):
                watch(v, j)
                tell_terms(v, j, taken_ns)
                return
            r.kind = LIMIT if r.kind == STOP_LIMIT else MARKET
    if r.kind == MARKET:
        walk(v, j, 0, False)
        if r.state == LIVE:
            done(v, j, MARKET_REMAINDER)
        return
    side = side_of(r)
    x = place_of(v, side, r.price)
    mask = (1 << v.ground.width) - 1
    other = v.market.best[side ^ 1]
    if other >= 0 and x + other >= mask:
        if r.post_only == 1:
            done(v, j, POST_ONLY_WOULD_CROSS)
            return
        if r.tif == FOK and walk(v, j, mask - x, True) < r.left * (1.0 - 1e-12):
            done(v, j, FOK_UNFILLED)
            return
        walk(v, j, mask - x, False)
        if r.state != LIVE:
            return
    if r.tif == IOC:
        done(v, j, IOC_UNFILLED)
    elif r.tif == FOK:
        done(v, j, FOK_UNFILLED)
    else:
        if RESTING:
            if r.tif == GTT and r.die_ns == NEVER:
                r.die_ns = v.acct.ts_ns + r.ttl * v.settings.timeframe_ns
                arm(v, r.die_ns)
        rest_here(v, j, side, x)
        tell_terms(v, j, taken_ns)


@rare
def change(v, j, q):
    """A modify has arrived. Less quantity and nothing else keeps the place in the queue; anything else loses it."""
    r = v.orders[j]
    filled = r.qty - r.left
    less = not (q.price == q.price and q.price != r.price) and not (q.trigger == q.trigger and q.trigger != r.trigger)
    if q.qty == q.qty:
        less = less and q.qty <= r.qty
        r.qty = q.qty
        r.left = max(q.qty - filled, 0.0)
    if q.price == q.price:
        r.price = q.price
    if q.trigger == q.trigger:
        r.trigger = q.trigger
    if not r.left > 0.0 and r.state == LIVE:
        done(v, j, CANCELLED)
    elif less or r.state != LIVE:
        tell_terms(v, j, q.sent_ns)
    else:
        off_lists(v, j)
        meet(v, j, q.sent_ns)


@rare
def arrive(v, q):
    """One request is there."""
    j = q.slot
    r = v.orders[j]
    ts = q.arrive_ns
    v.acct.ts_ns = ts
    set_response(v, ts, q.id)
    if r.id != q.id or r.state == EMPTY:  # it has filled meanwhile: the answer changes nothing, but it travels
        w = next_report(v, TOLD_ORDER, 0, ts)
        w.slot = j
        w.id = -1
    elif q.what == CANCEL:
        done(v, j, CANCELLED)
    elif q.what == MODIFY:
        change(v, j, q)
    else:
        r.state = LIVE
        if v.acct.bankrupt == 1:  # sent before the news
            done(v, j, BANKRUPT)
        else:
            meet(v, j, -1)
    if RESTING:
        if v.stats.busy == 1:
            settle(v)


@rare
def settle(v):
    """Children of brackets that an execution has woken meet the market, and those that this wakes, until none is."""
    while v.stats.busy == 1:
        v.stats.busy = 0
        for j in range(len(v.orders)):
            r = v.orders[j]
            if r.state == LIVE and r.arrived == 0:
                meet(v, j, -1)


@part
def arrivals(lanes, market, ground, rec, lo, hi, now):
    """All requests that arrive at this instant, lane by lane; sets when the next one does."""
    soonest = NEVER
    for c in range(lo, hi):
        d = lanes.clocks[c]
        if d.tail == d.head:
            continue
        q = lanes.requests[c, d.tail]
        if q.arrive_ns <= now:
            first = first_of(lanes, c)
            v = refer(BookVenue(
                lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
                lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
                lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
                lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
            ))  # fmt: skip
            size = lanes.requests.shape[1]
            while d.tail != d.head and lanes.requests[c, d.tail].arrive_ns <= now:
                arrive(v, lanes.requests[c, d.tail])
                d.tail = d.tail + 1 if d.tail + 1 < size else 0
            if d.tail == d.head:
                d.tail = 0
                d.head = 0
                continue
        soonest = min(soonest, lanes.requests[c, d.tail].arrive_ns)
    market.at[NEXT_REQUEST] = soonest
