"""What a trade, a change of depth or a moved best price does to the orders that rest on a book, of all lanes."""

from __future__ import annotations

import numpy as np

from huracan.sim.book_layout import EATEN, BookVenue
from huracan.sim.codes import EMPTY, NOTHING_TO_REDUCE
from huracan.sim.kernel.book_arrivals import settle
from huracan.sim.kernel.book_fills import done, execute
from huracan.sim.kernel.book_latency import set_response
from huracan.sim.kernel.book_places import NOBODY, first_of, take_away
from huracan.sim.kernel.book_queue import after_depth, excess
from huracan.sim.kernel.groups import COSTS, RESTING
from huracan.sim.options import part, rare
from huracan.sim.reference import refer


@rare
def fill_resting(lanes, market, ground, rec, i, qty, ts_ns):
    """`qty` of the order that rests at place i of the pool executes at its price; returns how much that was."""
    r = market.rests[i]
    c = r.lane
    first = first_of(lanes, c)
    v = refer(BookVenue(
        lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
        lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
        lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
        lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
    ))  # fmt: skip
    v.acct.ts_ns = ts_ns
    set_response(v, ts_ns, r.id)
    filled = execute(v, r.slot, qty, r.price, 1)
    if RESTING:
        if v.stats.busy == 1:
            settle(v)
    return filled


@rare
def drop_resting(lanes, market, ground, rec, i, reason, ts_ns):
    """The order that rests at place i of the pool is cancelled."""
    r = market.rests[i]
    c = r.lane
    first = first_of(lanes, c)
    v = refer(BookVenue(
        lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
        lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
        lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
        lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
    ))  # fmt: skip
    v.acct.ts_ns = ts_ns
    set_response(v, ts_ns, r.id)
    done(v, r.slot, reason)


@part
def forget_eaten(market, width, i):
    """The market has said what stands at this level: what own takers took of it is past."""
    take_away(market, width, i)
    market.rests[i].state = EMPTY


@part
def level_changed(lanes, market, ground, cell, now):
    """A level that own orders rest at holds another quantity: their queues move."""
    before = float(market.lots[cell])
    j = np.int64(market.heads[cell])
    while j != NOBODY:
        r = market.rests[j]
        after = r.next
        if r.state == EATEN:
            forget_eaten(market, ground.width, j)
        else:
            s = lanes.book_settings[r.lane]
            lot = ground.spans[r.inst].lot
            r.front = after_depth(s.queue, s.power, lot, r.front, r.traded, before, float(now))
            r.traded = 0.0
        j = after


@part
def forget_beyond(market, width, side, x):
    """What own takers took of levels that the market has passed is past; before anything fills and takes anew."""
    y = market.most[2 * side]
    while y >= x:
        j = np.int64(market.heads[(side << width) + y])
        while j != NOBODY:
            after = market.rests[j].next
            if market.rests[j].state == EATEN:
                forget_eaten(market, width, j)
            j = after
        y -= 1


@part
def first_resting(market, width, side, x):
    """Who rests at x of a side or better: the best price first, then by arrival; NOBODY if none does."""
    y = market.most[2 * side]
    while y >= x:
        j = np.int64(market.heads[(side << width) + y])
        while j != NOBODY:
            if market.rests[j].state != EATEN:
                return j
            j = market.rests[j].next
        y -= 1
    return NOBODY


@rare
def best_moved_onto(lanes, market, ground, rec, side, x, ts_ns):
    """The best of the other side has moved to x of this side or better: who rests there fills whole."""
    forget_beyond(market, ground.width, side, x)
    while True:
        j = first_resting(market, ground.width, side, x)
        if j == NOBODY:
            break
        r = market.rests[j]
        fill_resting(lanes, market, ground, rec, j, r.left, ts_ns)
        if r.cell >= 0:  # it may reduce no further, and can't rest where the market has passed
            drop_resting(lanes, market, ground, rec, j, NOTHING_TO_REDUCE, ts_ns)


@rare
def traded_at(lanes, market, ground, rec, side, x, event, lots, ts_ns):
    """Takers took `lots` at x of this side: better own orders fill whole, those at x by their place in the queue.

    `event` is the number of the trade in the exchange's stream.
    """
    best_moved_onto(lanes, market, ground, rec, side, x + 1, ts_ns)
    cell = (side << ground.width) + x
    j = np.int64(market.heads[cell])
    while j != NOBODY:
        r = market.rests[j]
        after = r.next
        if r.state == EATEN or r.seen == event:
            j = after
            continue
        r.seen = event
        trade_reaches(lanes, market, ground, rec, j, event, lots, ts_ns)
        if after != NOBODY and market.rests[after].cell != cell:  # the execution has taken that one away too
            after = np.int64(market.heads[cell])
        j = after


@part
def trade_reaches(lanes, market, ground, rec, j, event, lots, ts_ns):
    """A trade at the level where order j rests: its place moves up, and what went beyond it fills."""
    r = market.rests[j]
    s = lanes.book_settings[r.lane]
    own = lanes.clocks[r.lane]
    if own.trade != event:  # what own orders of a lane take of one trade they share
        own.trade = event
        own.given = 0.0
    r.front -= lots
    r.traded += lots
    over = excess(r.front)
    if over > 0:
        r.front = 0.0
        lot = ground.spans[r.inst].lot
        qty = r.left
        if s.partial == 1:
            shared = own.given
            if COSTS:
                if s.imitate == 1:
                    shared = 0.0
            qty = min(r.left, max(over - shared, 0.0) * lot)
        if qty > 0.0:
            own.given += fill_resting(lanes, market, ground, rec, j, qty, ts_ns) / lot
