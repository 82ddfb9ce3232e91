"""All opens of one instant: requests that have arrived take effect, then orders meet the open, reducing ones first."""

from __future__ import annotations

import math

from huracan.sim.codes import (
    ALONE,
    CANCELLED,
    DORMANT,
    ENTRY,
    FOK,
    FOK_UNFILLED,
    GTT,
    HAZARD,
    IOC,
    IOC_UNFILLED,
    LIMIT,
    LIVE,
    MARKET,
    NEVER,
    POST_ONLY_WOULD_CROSS,
    STOP_CHILD,
    STOP_LIMIT,
    TAKE,
    TRAIL,
)
from huracan.sim.kernel.execute import execute, execute_rarely
from huracan.sim.kernel.groups import RESTING, SPLIT
from huracan.sim.kernel.levels import beyond, follow, level, limit_level, marketable
from huracan.sim.kernel.orderbook import finish, slots
from huracan.sim.options import part
from huracan.sim.order_changes import take_new_terms

NOT_YET = 0
TAKER = 1
MAKER = 2
CROSSED = 3


@part
def here(r, row, open_ns):
    """The order has reached the market by this open."""
    return r.state == LIVE and row >= r.live_row and open_ns >= r.live_ns


@part
def take_requests(v, row, open_ns):
    """Modifies and cancels that have arrived by this open, those of brackets' children first."""
    if RESTING:
        take_requests_of(v, row, open_ns, True)
    take_requests_of(v, row, open_ns, False)


@part
def take_requests_of(v, row, open_ns, children):
    """Requests for children, or for all other orders, of the instruments that are looked at."""
    k = v.stats.first_look
    while k >= 0:
        lo, hi = slots(v, k)
        for j in range(lo, hi):
            r = v.orders[j]
            if r.state != LIVE and r.state != DORMANT:
                continue
            if (r.role == TAKE or r.role == STOP_CHILD) != children:
                continue
            if RESTING:
                if row >= r.modify_row and open_ns >= r.modify_ns:
                    if SPLIT:
                        r.taken_ns = r.modify_ns
                    take_new_terms(r)
                    if r.state == LIVE and not r.left > 0.0:
                        finish(v, j, CANCELLED)
                        continue
            if row >= r.cancel_row and open_ns >= r.cancel_ns:
                finish(v, j, CANCELLED)
        k = v.desks[k].next_look


@part
def meets(v, r, x, row):
    """What order r does at open x: nothing, takes, makes, or is turned away for crossing."""
    if r.done_row == row:
        return NOT_YET
    if r.kind == MARKET:
        return NOT_YET if v.settings.market_at_close == 1 else TAKER
    if RESTING:
        if r.kind == LIMIT:
            if r.arrived == 0:
                if not marketable(r, x):
                    return NOT_YET
                return CROSSED if r.post_only == 1 else TAKER
            if v.settings.limit_fill == HAZARD and r.price == x:
                return NOT_YET  # no gap: the path draws for it
            return MAKER if beyond(v, r, x, limit_level(v, r)) else NOT_YET
        if r.kind == TRAIL and r.arrived == 0:
            return NOT_YET
        return TAKER if beyond(v, r, x, level(v, r)) else NOT_YET
    return NOT_YET


@part
def at_open(v, j, x, what, row, ts_ns, inside):
    """Carry out what `meets` said."""
    r = v.orders[j]
    r.done_row = row
    if what == CROSSED:
        finish(v, j, POST_ONLY_WOULD_CROSS)
        return
    price = math.nan
    if RESTING:
        if what == MAKER:
            price = r.price if v.settings.gap_at_price == 1 else x
        elif r.kind == STOP_LIMIT:
            r.kind = LIMIT
            r.arrived = 1
            if not marketable(r, x):
                return  # from here on it rests
        execute(v, j, x, price, ts_ns, inside)
    else:
        execute_rarely(v, j, x, price, ts_ns, inside)  # most orders meet the open alone (quiet.py)


@part
def has_turn(v, j, best):
    """Whether the order in slot j comes before that in slot `best` (-1: none).

    First what reduces a position as it is now, then by submission.
    """
    if best < 0:
        return True
    r = v.orders[j]
    o = v.orders[best]
    reduces = r.side * v.positions[r.inst].qty < 0.0
    if reduces != (o.side * v.positions[o.inst].qty < 0.0):
        return reduces
    return r.id < o.id


@part
def first_in_turn(v, k, x, row, open_ns, best):
    """The slot of instrument k's executable order at price x whose turn it is, or `best` if that one comes first."""
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        if here(r, row, open_ns) and meets(v, r, x, row) != NOT_YET and has_turn(v, j, best):
            best = j
    return best


@part
def next_at_open(v, row, open_ns):
    """The slot of the order whose turn it is at the opens, over all instruments; -1 if none is left."""
    best = -1
    k = v.stats.first_look
    while k >= 0:
        if v.desks[k].n_live != 0 and v.bars[k].fresh == 1:
            best = first_in_turn(v, k, v.bars[k].open, row, open_ns, best)
        k = v.desks[k].next_look
    return best


@part
def after_open(v, row, open_ns):
    """Orders that have met their first open are no longer new to the market; what was for that instant only is over."""
    k = v.stats.first_look
    while k >= 0:
        if v.desks[k].n_live != 0 and v.bars[k].fresh == 1:
            met_open(v, k, row, open_ns)
        k = v.desks[k].next_look


@part
def met_open(v, k, row, open_ns):
    """The same for the orders of one instrument."""
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        if not here(r, row, open_ns) or (r.role != ALONE and r.role != ENTRY and r.live_row == row):
            continue  # a child born at this open is the path's
        if r.arrived == 0 and r.tif == GTT:
            if r.die_row == NEVER:
                r.die_row = row + r.ttl - 1
        r.arrived = 1
        follow(r, v.bars[k].open)
        if r.tif == IOC:
            finish(v, j, IOC_UNFILLED)
        elif r.tif == FOK:
            finish(v, j, FOK_UNFILLED)


@part
def refill(v, k, volume):
    """The share of a bar's volume that own orders may take; as it was where the volume is not known (NaN)."""
    if volume == volume:
        v.desks[k].budget = v.settings.max_participation * volume


@part
def refill_once(v, k, at_close):
    """The volume that own orders may take: the bar's; with a drill the first finer bar's, at the close the last one's.

    Finer bars without a volume share the bar's.
    """
    if v.desks[k].refilled_row != v.acct.row:
        v.desks[k].refilled_row = v.acct.row
        refill(v, k, v.bars[k].volume)
        if RESTING:
            span = v.fine.spans[k]
            if span.hi > span.lo:
                refill(v, k, v.fine.bars[span.hi - 1 if at_close else span.lo].volume)


@part
def opens(v):
    """The opens of a row, once requests have taken effect."""
    row = v.acct.row
    open_ns = v.acct.open_ns
    while True:
        j = next_at_open(v, row, open_ns)
        if j < 0:
            break
        x = v.bars[v.orders[j].inst].open
        at_open(v, j, x, meets(v, v.orders[j], x, row), row, open_ns, False)
    if RESTING:
        after_open(v, row, open_ns)
