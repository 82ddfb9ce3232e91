"""The streams: the exchange's events move its book and meet own orders; local events move what decisions see."""

from __future__ import annotations

import math

from huracan.sim.book_layout import BARS, BESTS, EXCHANGE, LOCAL, TOUCHES
from huracan.sim.kernel.book_fills import best_moved_onto, level_changed, traded_at
from huracan.sim.kernel.book_places import NOBODY, tick_at
from huracan.sim.kernel.groups import DEEP, RECORD
from huracan.sim.options import part, rare
from huracan.sim.prices import price_of_tick
from huracan.sim.record_copy import copy_record

DEPTH, BEST, TRADE, CLEAR = 0, 1, 2, 3


@part
def full(rec):
    """Whether what another instant writes down might not fit the recorder, all of whose buffers are as long."""
    if RECORD:
        most = rec.n[3]
        return rec.n[0] >= most or rec.n[1] >= most or rec.n[2] >= most or rec.n[5] >= most
    return False


@rare
def clear_levels(lots, base, x, best):
    """Levels from the best down to x hold nothing."""
    y = x
    while y <= best:
        lots[base + y] = 0
        y += 1


@part
def exchange_until(lanes, market, tape, rec, limit):
    """All events of the exchange up to `limit`; False when the recorder is full first."""
    events = tape.exchange
    lots = market.lots
    heads = market.heads
    best = market.best
    most = market.most
    width = tape.width
    mask = (1 << width) - 1
    i = market.at[EXCHANGE]
    m = market.at[BESTS]
    room = True
    while room:
        e = events[i]
        if e.ts_ns > limit:
            break
        i += 1
        key = int(e.key)
        kind = key & 7
        cell = key >> 3
        if kind <= BEST:
            if heads[cell] != NOBODY:
                level_changed(lanes, market, tape, cell, e.lots)
            lots[cell] = e.lots
            if kind == BEST:
                side = cell >> width
                other = side ^ 1
                was = best[side]
                bid = side & ~1
                best[bid] = tape.bests[m].bid
                best[bid + 1] = tape.bests[m].ask
                m += 1
                x = mask - best[side]
                if best[side] > was and most[2 * other] >= x:
                    best_moved_onto(lanes, market, tape, rec, other, x, e.ts_ns)
                    room = not full(rec)
        elif kind == TRADE:
            side = cell >> width
            if most[2 * side] >= cell & mask:
                traded_at(lanes, market, tape, rec, side, cell & mask, i, e.lots, e.ts_ns)
                room = not full(rec)
        else:
            side = cell >> width
            clear_levels(lots, side << width, cell & mask, best[side])
            bid = side & ~1
            best[bid] = tape.bests[m].bid
            best[bid + 1] = tape.bests[m].ask
            m += 1
    market.at[EXCHANGE] = i
    market.at[BESTS] = m
    return room


@part
def local_until(market, tape, rules, now):
    """What has reached the local side by now: bests, and in builds that keep the local book its levels and trades."""
    if DEEP:
        deep_until(market, tape, rules, now)
    t = market.at[TOUCHES]
    while tape.touches[t].ts_ns <= now:
        u = tape.touches[t]
        market.known[2 * u.inst] = u.bid
        market.known[2 * u.inst + 1] = u.ask
        market.books[u.inst].ts_ns = u.ts_ns
        t += 1
    if t != market.at[TOUCHES]:
        market.at[TOUCHES] = t
        for k in range(len(market.books)):
            show_touch(market, tape, rules, k)
    if DEEP:
        for k in range(len(market.books)):
            show_sizes(market, tape, k)


@part
def show_touch(market, tape, rules, k):
    """Best prices as a strategy reads them."""
    b = market.books[k]
    bid = market.known[2 * k]
    ask = market.known[2 * k + 1]
    b.bid = math.nan
    b.ask = math.nan
    if bid >= 0:
        b.bid_tick = tick_at(tape, 2 * k, bid)
        b.bid = price_of_tick(rules[k], b.bid_tick)
    if ask >= 0:
        b.ask_tick = tick_at(tape, 2 * k + 1, ask)
        b.ask = price_of_tick(rules[k], b.ask_tick)
    b.mid = 0.5 * (b.bid + b.ask)


@part
def deep_until(market, tape, rules, now):
    """The local stream up to now: levels, and what takers traded since the last step."""
    width = tape.width
    mask = (1 << width) - 1
    i = market.at[LOCAL]
    while tape.local[i].ts_ns <= now:
        e = tape.local[i]
        i += 1
        key = int(e.key)
        kind = key & 7
        cell = key >> 3
        if kind <= BEST:
            market.local[cell] = e.lots
        elif kind == TRADE:
            side = cell >> width
            b = market.books[side >> 1]
            qty = e.lots * tape.spans[side >> 1].lot
            b.last = price_of_tick(rules[side >> 1], tick_at(tape, side, cell & mask))
            if side & 1:
                b.last_side = 1
                b.bought += qty
            else:
                b.last_side = -1
                b.sold += qty
            b.ts_ns = e.ts_ns
        else:
            side = cell >> width
            # the best is not kept here: everything better than the level goes
            clear_levels(market.local, side << width, cell & mask, mask)
    market.at[LOCAL] = i


@part
def show_sizes(market, tape, k):
    """Quantities at the touch, and what follows from them."""
    b = market.books[k]
    lot = tape.spans[k].lot
    bid = market.known[2 * k]
    ask = market.known[2 * k + 1]
    b.bid_qty = 0.0
    b.ask_qty = 0.0
    if bid >= 0:
        b.bid_qty = market.local[((2 * k) << tape.width) + bid] * lot
    if ask >= 0:
        b.ask_qty = market.local[((2 * k + 1) << tape.width) + ask] * lot
    both = b.bid_qty + b.ask_qty
    b.micro = math.nan
    b.imbalance = math.nan
    if bid >= 0 and ask >= 0 and both > 0.0:
        b.micro = (b.bid * b.ask_qty + b.ask * b.bid_qty) / both
        b.imbalance = (b.bid_qty - b.ask_qty) / both


@part
def next_local(market, tape):
    """When the next news reaches the local side; NEVER after the last."""
    if DEEP:
        return tape.local[market.at[LOCAL]].ts_ns
    return tape.touches[market.at[TOUCHES]].ts_ns


@part
def bars_until(market, tape, now):
    """The bars of the tape's own trades that have closed by now; the last one of each instrument stands."""
    b = market.at[BARS]
    while tape.bar_rows[b].close_ns <= now:
        for k in range(len(market.bars)):
            copy_record(market.bars[k], tape.bars[b, k])
        b += 1
    market.at[BARS] = b
