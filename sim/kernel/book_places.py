"""Where prices stand in a tape's cells, and who rests at a cell: a list in the order of arrival, for all lanes."""

from __future__ import annotations

import numpy as np

from huracan.sim.book_layout import MARKS
from huracan.sim.options import part, rare

NOBODY = 0


@part
def first_of(lanes, c):
    """Where the orders of lane c begin in the pool."""
    return 1 + c * (lanes.own_orders.shape[1] + MARKS)


@part
def rank(far, at, n, tick):
    """(how many of the sorted far ticks are below `tick`, whether it is one of them)."""
    lo = 0
    hi = n
    while lo < hi:
        middle = (lo + hi) >> 1
        if far[at + middle] < tick:
            lo = middle + 1
        else:
            hi = middle
    return lo, lo < n and far[at + lo] == tick


@rare
def far_x(s, far, tick):
    """x of a tick outside the linear range: a tick that the tape never names stands between its neighbours."""
    if tick < s.lo:
        i, named = rank(far, s.low_at, s.n_low, tick)
        return 2 * i + 1 if named else 2 * i
    i, named = rank(far, s.high_at, s.n_high, tick)
    base = s.first + (s.hi - s.lo + 1)
    return base + 2 * i + 1 if named else base + 2 * i


@part
def bid_x(ground, inst, tick):
    """x of a tick on the bids' side."""
    s = ground.spans[inst]
    if tick >= s.lo and tick <= s.hi:
        return s.first + tick - s.lo
    return far_x(s, ground.far, tick)


@part
def tick_at(ground, side, x):
    """The tick of x on a side: 2 x instrument, and 1 more for asks."""
    mask = (1 << ground.width) - 1
    bid = mask - x if side & 1 else x
    return ground.ticks[((side >> 1) << ground.width) + bid]


@part
def put_last(market, width, j, cell, x):
    """Order j rests at a cell, behind all that rest there."""
    r = market.rests[j]
    side = cell >> width
    r.cell = cell
    r.x = x
    r.next = NOBODY
    last = np.int64(market.tails[cell])
    r.prev = last
    if last == NOBODY:
        market.heads[cell] = j
    else:
        market.rests[last].next = j
    market.tails[cell] = j
    if x > market.most[2 * side]:
        market.most[2 * side] = x
    market.most[2 * side + 1] += 1


@part
def take_away(market, width, j):
    """Order j rests no longer."""
    r = market.rests[j]
    cell = r.cell
    if r.prev == NOBODY:
        market.heads[cell] = r.next
    else:
        market.rests[r.prev].next = r.next
    if r.next == NOBODY:
        market.tails[cell] = r.prev
    else:
        market.rests[r.next].prev = r.prev
    r.cell = -1
    side = cell >> width
    market.most[2 * side + 1] -= 1
    if r.x == market.most[2 * side]:
        x = r.x
        if market.most[2 * side + 1] == 0:
            x = -1
        else:
            base = side << width
            while market.heads[base + x] == NOBODY:
                x -= 1
        market.most[2 * side] = x


@part
def watch_last(market, j):
    """Stop j waits for its price, behind all that wait for one of its instrument's."""
    r = market.rests[j]
    last = market.watch[2 * r.inst + 1]
    r.watched = 1
    r.next = NOBODY
    r.prev = last
    if last == NOBODY:
        market.watch[2 * r.inst] = j
    else:
        market.rests[last].next = j
    market.watch[2 * r.inst + 1] = j


@part
def unwatch(market, j):
    """Stop j waits no longer. Its `next` stays, for whoever walks the list."""
    r = market.rests[j]
    r.watched = 0
    if r.prev == NOBODY:
        market.watch[2 * r.inst] = r.next
    else:
        market.rests[r.prev].next = r.next
    if r.next == NOBODY:
        market.watch[2 * r.inst + 1] = r.prev
    else:
        market.rests[r.next].prev = r.prev
