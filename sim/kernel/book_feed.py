"""The streams: the exchange's events move its book and meet own orders; local events move what decisions see."""

from __future__ import annotations

import math

import numpy as np

from huracan.sim.book_layout import BARS, BESTS, EXCHANGE, LOCAL, TOUCHES
from huracan.sim.kernel.book_margin import is_near, margin_calls
from huracan.sim.kernel.book_places import NOBODY, tick_at
from huracan.sim.kernel.book_resting import best_moved_onto, level_changed, traded_at
from huracan.sim.kernel.book_triggers import price_news, touch_news
from huracan.sim.kernel.groups import DEEP, MARGIN, RECORD, RESTING
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


@rare
def exchange_until(lanes, market, streams, ground, rec, lo, hi, limit):
    """All events of the exchange up to `limit`; False when the recorder is full first."""
    events = streams.exchange
    lots = market.lots
    heads = market.heads
    best = market.best
    most = market.most
    width = ground.width
    mask = (1 << width) - 1
    i = market.at[EXCHANGE]
    m = market.at[BESTS]
    room = True
    while room:
        e = events[i]
        if e.ts_ns > limit:
            break
        i += 1
        key = np.int64(e.key)
        kind = key & 7
        cell = key >> 3
        if kind <= BEST:
            if heads[cell] != NOBODY:
                level_changed(lanes, market, ground, cell, e.lots)
            lots[cell] = e.lots
            if kind == BEST:
                side = cell >> width
                other = side ^ 1
                was = best[side]
                bid = side & ~1
                best[bid] = streams.bests[m].bid
                best[bid + 1] = streams.bests[m].ask
                m += 1
                x = mask - best[side]
                if best[side] > was and most[2 * other] >= x:
                    best_moved_onto(lanes, market, ground, rec, other, x, e.ts_ns)
                    room = not full(rec)
                if RESTING:
                    if market.watch[side & ~1] != NOBODY:
                        touch_news(lanes, market, ground, rec, side >> 1, e.ts_ns)
                        room = not full(rec)
                if MARGIN:
                    if is_near(market, side):
                        margin_calls(lanes, market, ground, rec, lo, hi, e.ts_ns)
                        room = not full(rec)
        elif kind == TRADE:
            side = cell >> width
            if most[2 * side] >= cell & mask:
                traded_at(lanes, market, ground, rec, side, cell & mask, i, e.lots, e.ts_ns)
                room = not full(rec)
            if RESTING:
                price = price_of_tick(lanes.rules[side >> 1], tick_at(ground, side, cell & mask))
                price_news(lanes, market, ground, rec, side >> 1, price, e.ts_ns)
                room = not full(rec)
        else:
            side = cell >> width
            clear_levels(lots, side << width, cell & mask, best[side])
            bid = side & ~1
            best[bid] = streams.bests[m].bid
            best[bid + 1] = streams.bests[m].ask
            m += 1
            if RESTING:
                if market.watch[bid] != NOBODY:
                    touch_news(lanes, market, ground, rec, side >> 1, e.ts_ns)
                    room = not full(rec)
            if MARGIN:
                if is_near(market, side):
                    margin_calls(lanes, market, ground, rec, lo, hi, e.ts_ns)
                    room = not full(rec)
    market.at[EXCHANGE] = i
    market.at[BESTS] = m
    return room


@part
def local_until(market, shown, streams, ground, rules, now):
    """What has reached the local side by now: bests, and in builds that keep the local book its levels and trades."""
    if DEEP:
        deep_until(market, shown, streams, ground, rules, now)
    t = market.at[TOUCHES]
    while streams.touches[t].ts_ns <= now:
        u = streams.touches[t]
        shown.known[2 * u.inst] = u.bid
        shown.known[2 * u.inst + 1] = u.ask
        shown.books[u.inst].ts_ns = u.ts_ns
        t += 1
    if t != market.at[TOUCHES]:
        market.at[TOUCHES] = t
        for k in range(len(shown.books)):
            show_touch(shown, ground, rules, k)
    if DEEP:
        for k in range(len(shown.books)):
            show_sizes(shown, ground, k)


@part
def show_touch(shown, ground, rules, k):
    """Best prices as a strategy reads them."""
    b = shown.books[k]
    bid = shown.known[2 * k]
    ask = shown.known[2 * k + 1]
    b.bid = math.nan
    b.ask = math.nan
    if bid >= 0:
        b.bid_tick = tick_at(ground, 2 * k, bid)
        b.bid = price_of_tick(rules[k], b.bid_tick)
    if ask >= 0:
        b.ask_tick = tick_at(ground, 2 * k + 1, ask)
        b.ask = price_of_tick(rules[k], b.ask_tick)
    b.mid = 0.5 * (b.bid + b.ask)


@part
def deep_until(market, shown, streams, ground, rules, now):
    """The local stream up to now: levels, and what takers traded since the last step."""
    width = ground.width
    mask = (1 << width) - 1
    i = market.at[LOCAL]
    while streams.local[i].ts_ns <= now:
        e = streams.local[i]
        i += 1
        key = np.int64(e.key)
        kind = key & 7
        cell = key >> 3
        if kind <= BEST:
            shown.local[cell] = e.lots
        elif kind == TRADE:
            side = cell >> width
            b = shown.books[side >> 1]
            qty = e.lots * ground.spans[side >> 1].lot
            b.last = price_of_tick(rules[side >> 1], tick_at(ground, side, cell & mask))
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
            clear_levels(shown.local, side << width, cell & mask, mask)
    market.at[LOCAL] = i


@part
def show_sizes(shown, ground, k):
    """Quantities at the touch, and what follows from them."""
    b = shown.books[k]
    lot = ground.spans[k].lot
    bid = shown.known[2 * k]
    ask = shown.known[2 * k + 1]
    b.bid_qty = 0.0
    b.ask_qty = 0.0
    if bid >= 0:
        b.bid_qty = shown.local[((2 * k) << ground.width) + bid] * lot
    if ask >= 0:
        b.ask_qty = shown.local[((2 * k + 1) << ground.width) + ask] * lot
    both = b.bid_qty + b.ask_qty
    b.micro = math.nan
    b.imbalance = math.nan
    if bid >= 0 and ask >= 0 and both > 0.0:
        b.micro = (b.bid * b.ask_qty + b.ask * b.bid_qty) / both
        b.imbalance = (b.bid_qty - b.ask_qty) / both


@part
def next_local(market, streams):
    """When the next news reaches the local side; NEVER after the last."""
    if DEEP:
        return streams.local[market.at[LOCAL]].ts_ns
    return streams.touches[market.at[TOUCHES]].ts_ns


@part
def bars_until(market, shown, streams, now):
    """The bars of the tape's own trades that have closed by now; the last one of each instrument stands."""
    b = market.at[BARS]
    while streams.bar_rows[b].close_ns <= now:
        for k in range(len(shown.bars)):
            copy_record(shown.bars[k], streams.bars[b, k])
        b += 1
    market.at[BARS] = b
