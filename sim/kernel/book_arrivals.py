"""Requests that reach the venue: new orders meet the exchange's book as it is then, others find their order or not."""

from __future__ import annotations

import math

from huracan.sim.book_layout import CANCEL, EATEN, MARKS, MODIFY, NEXT_REQUEST, BookVenue
from huracan.sim.codes import (
    BAD_TIF,
    CANCELLED,
    EMPTY,
    FOK,
    FOK_UNFILLED,
    GTT,
    IOC,
    IOC_UNFILLED,
    LIVE,
    MARKET,
    MARKET_REMAINDER,
    NEVER,
    POST_ONLY_WOULD_CROSS,
    TOLD_ORDER,
)
from huracan.sim.kernel.book_fills import execute, finish, tell_order
from huracan.sim.kernel.book_latency import set_response
from huracan.sim.kernel.book_places import NOBODY, bid_x, put_last, take_away, tick_at
from huracan.sim.kernel.reports import next_report
from huracan.sim.options import part, rare
from huracan.sim.prices import price_of_tick, tick_of_price


@part
def side_of(r):
    """The side of the book that an order would rest on: 2 x instrument, and 1 more for asks."""
    return 2 * r.inst + (0 if r.side > 0 else 1)


@part
def place_of(v, side, price):
    """x of a price on a side."""
    inst = side >> 1
    x = bid_x(v.tape, inst, tick_of_price(v.rules[inst], price))
    return ((1 << v.tape.width) - 1) - x if side & 1 else x


@part
def gone_at(v, cell):
    """Lots at a cell that own takers of this lane have taken and the market has not renewed."""
    j = v.market.heads[cell]
    while j != NOBODY:
        r = v.market.rests[j]
        if r.state == EATEN and r.lane == v.lane:
            return r.front
        j = r.next
    return 0.0


@part
def eat(v, cell, x, lots):
    """Remember that own takers took `lots` at a cell; False where there is no room left to remember."""
    j = v.market.heads[cell]
    while j != NOBODY:
        r = v.market.rests[j]
        if r.state == EATEN and r.lane == v.lane:
            r.front += lots
            return True
        j = r.next
    first = v.first + len(v.own_orders)
    for j in range(first, first + MARKS):
        r = v.market.rests[j]
        if r.state == EMPTY:
            r.state = EATEN
            r.lane = v.lane
            r.front = lots
            put_last(v.market, v.tape.width, j, cell, x)
            return True
    return False


@rare
def walk(v, j, ts_ns, worst, dry):
    """Take from the other side, best level first, up to its x `worst`; returns how much (dry: how much it would).

    Levels that own takers have emptied stay empty for this lane until the market says what stands there.
    """
    r = v.market.rests[j]
    side = side_of(r) ^ 1
    base = side << v.tape.width
    lot = v.tape.spans[r.inst].lot
    x = v.market.best[side]
    took = 0.0
    left = r.left
    while x >= worst and x >= v.tape.lows[side] and left > 0.0:
        there = v.market.lots[base + x]
        if there > 0:
            there_now = there - gone_at(v, base + x)
            if there_now > 0.0:
                qty = min(left, there_now * lot)
                if not dry:
                    asked = qty
                    qty = execute(v, j, asked, price_of_tick(v.rules[r.inst], tick_at(v.tape, side, x)), 0, ts_ns)
                    if qty > 0.0 and not eat(v, base + x, x, math.ceil(qty / lot - 1e-9)):
                        return took + qty
                    if r.state == EMPTY or qty < asked:
                        return took + qty
                took += qty
                left -= qty
        x -= 1
    return took


@part
def rest_here(v, j, side, x, ts_ns):
    """The order takes its place in the queue, behind all that stands there now."""
    r = v.market.rests[j]
    cell = (side << v.tape.width) + x
    r.front = float(v.market.lots[cell])
    r.traded = 0.0
    r.rested_ns = ts_ns
    put_last(v.market, v.tape.width, j, cell, x)


@rare
def meet(v, j, taken_ns, ts_ns):
    """An order meets the book: it takes, rests, or is refused."""
    r = v.market.rests[j]
    side = side_of(r)
    if r.kind == MARKET:
        walk(v, j, ts_ns, 0, False)
        if r.state != EMPTY:
            finish(v, j, MARKET_REMAINDER, ts_ns)
        return
    x = place_of(v, side, r.price)
    mask = (1 << v.tape.width) - 1
    other = v.market.best[side ^ 1]
    if other >= 0 and x + other >= mask:
        if r.post_only == 1:
            finish(v, j, POST_ONLY_WOULD_CROSS, ts_ns)
            return
        if r.tif == FOK and walk(v, j, ts_ns, mask - x, True) < r.left * (1.0 - 1e-12):
            finish(v, j, FOK_UNFILLED, ts_ns)
            return
        walk(v, j, ts_ns, mask - x, False)
        if r.state == EMPTY:
            return
    if r.tif == GTT:  # a life counted in bars has no meaning between them
        finish(v, j, BAD_TIF, ts_ns)
    elif r.tif == IOC:
        finish(v, j, IOC_UNFILLED, ts_ns)
    elif r.tif == FOK:
        finish(v, j, FOK_UNFILLED, ts_ns)
    else:
        rest_here(v, j, side, x, ts_ns)
        tell_order(v, r, LIVE, 1, taken_ns, ts_ns)


@rare
def change(v, j, q, ts_ns):
    """A modify has arrived. Less quantity at the same price keeps the place in the queue; anything else loses it."""
    r = v.market.rests[j]
    filled = r.qty - r.left
    less = not (q.price == q.price and q.price != r.price)
    if q.qty == q.qty:
        less = less and q.qty <= r.qty
        r.qty = q.qty
        r.left = max(q.qty - filled, 0.0)
    if q.price == q.price:
        r.price = q.price
    if not r.left > 0.0:
        finish(v, j, CANCELLED, ts_ns)
    elif less:
        tell_order(v, r, LIVE, 1, q.sent_ns, ts_ns)
    else:
        take_away(v.market, v.tape.width, j)
        meet(v, j, q.sent_ns, ts_ns)


@rare
def arrive(v, q):
    """One request is there."""
    j = v.first + q.slot
    r = v.market.rests[j]
    ts = q.arrive_ns
    set_response(v, ts, q.id)
    if r.id != q.id or r.state == EMPTY:  # it has filled meanwhile: the answer changes nothing, but it travels
        w = next_report(v, TOLD_ORDER, 0, ts)
        w.slot = q.slot
        w.id = -1
    elif q.what == CANCEL:
        finish(v, j, CANCELLED, ts)
    elif q.what == MODIFY:
        change(v, j, q, ts)
    else:
        r.state = LIVE
        meet(v, j, -1, ts)


@part
def arrivals(lanes, market, tape, rec, lo, hi, now):
    """All requests that arrive at this instant, lane by lane; sets when the next one does."""
    soonest = NEVER
    for c in range(lo, hi):
        d = lanes.clocks[c]
        if d.tail == d.head:
            continue
        q = lanes.requests[c, d.tail]
        if q.arrive_ns <= now:
            v = BookVenue(
                lanes.acct[c], lanes.positions[c], lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c],
                rec, lanes.own_acct[c], lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c],
                market.bars, lanes.book_settings[c], market, tape, c, 1 + c * (lanes.own_orders.shape[1] + MARKS),
            )  # fmt: skip
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
