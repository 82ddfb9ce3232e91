"""Orders that a strategy asks for: at market, limits, stops, trailing stops, brackets, and what it says of them."""

from __future__ import annotations

import math

from huracan.sim.codes import (
    BAD_BRACKET,
    BAD_PRICE,
    BAD_TIF,
    BELOW_MIN_NOTIONAL,
    BY_LIMIT,
    BY_MARKET,
    BY_STOP,
    BY_TAKE,
    BY_TRAIL,
    DORMANT,
    ENTRY,
    GTC,
    GTT,
    LIMIT,
    MARKET,
    NEW,
    NO_FREE_SLOT,
    STOP,
    STOP_CHILD,
    STOP_LIMIT,
    TAKE,
    TRAIL,
    UNKNOWN_ORDER,
)
from huracan.sim.options import part
from huracan.sim.order_slots import NAN, check, find, free_slot, positive, refuse, too_small, write
from huracan.sim.prices import price_down, price_up, quantity_down


@part
def market_order(ctx, side, qty, inst, reduce):
    """A market order; the one behind buy, sell, close, reduce and target."""
    k = ctx.me if inst < 0 else inst
    why = check(ctx, k, side, qty)
    if why != 0:
        return refuse(ctx, why)
    j = free_slot(ctx, k, 0)
    if j < 0:
        return refuse(ctx, NO_FREE_SLOT)
    if reduce == 0 and too_small(ctx, k, side, qty, ctx.positions[k].mark):
        return refuse(ctx, BELOW_MIN_NOTIONAL)
    order_id = write(ctx, j, k, MARKET, side, quantity_down(ctx.rules[k], qty), NEW, BY_MARKET)
    ctx.orders[j].reduce = reduce
    return order_id


@part
def buy(ctx, qty, inst=-1):
    """Buy `qty` at market."""
    return market_order(ctx, 1, qty, inst, 0)


@part
def sell(ctx, qty, inst=-1):
    """Sell `qty` at market."""
    return market_order(ctx, -1, qty, inst, 0)


@part
def limit_order(ctx, side, qty, price, post_only, tif, ttl, inst, reduce):
    """A limit order; price off the tick: a buy is rounded down, a sell up."""
    k = ctx.me if inst < 0 else inst
    why = check(ctx, k, side, qty)
    if why != 0:
        return refuse(ctx, why)
    if not positive(price):
        return refuse(ctx, BAD_PRICE)
    if tif < GTC or tif > GTT or (tif == GTT and ttl <= 0):
        return refuse(ctx, BAD_TIF)
    rule = ctx.rules[k]
    p = price_down(rule, price) if side > 0 else price_up(rule, price)
    if not positive(p):
        return refuse(ctx, BAD_PRICE)
    j = free_slot(ctx, k, 0)
    if j < 0:
        return refuse(ctx, NO_FREE_SLOT)
    if reduce == 0 and too_small(ctx, k, side, qty, p):
        return refuse(ctx, BELOW_MIN_NOTIONAL)
    order_id = write(ctx, j, k, LIMIT, side, quantity_down(rule, qty), NEW, BY_LIMIT)
    r = ctx.orders[j]
    r.price = p
    r.post_only = 1 if post_only else 0
    r.tif = tif
    r.ttl = ttl
    r.reduce = reduce
    return order_id


@part
def limit(ctx, side, qty, price, post_only=False, tif=GTC, ttl=0, inst=-1):
    """Rest at `price`; tif is GTC, IOC, FOK or GTT (with ttl in bars)."""
    return limit_order(ctx, side, qty, price, post_only, tif, ttl, inst, 0)


@part
def reduce_limit(ctx, side, qty, price, post_only=False, tif=GTC, ttl=0, inst=-1):
    """`limit` that can only make the position smaller."""
    return limit_order(ctx, side, qty, price, post_only, tif, ttl, inst, 1)


@part
def stop_order(ctx, side, qty, trigger, limit_price, inst, reduce):
    """A stop, or with a limit price a stop-limit; a buy trigger off the tick is rounded up, a sell trigger down."""
    k = ctx.me if inst < 0 else inst
    why = check(ctx, k, side, qty)
    if why != 0:
        return refuse(ctx, why)
    with_limit = limit_price == limit_price
    if not positive(trigger) or (with_limit and not positive(limit_price)):
        return refuse(ctx, BAD_PRICE)
    rule = ctx.rules[k]
    t = price_up(rule, trigger) if side > 0 else price_down(rule, trigger)
    p = price_down(rule, limit_price) if side > 0 else price_up(rule, limit_price)
    if not positive(t) or (with_limit and not positive(p)):
        return refuse(ctx, BAD_PRICE)
    j = free_slot(ctx, k, 0)
    if j < 0:
        return refuse(ctx, NO_FREE_SLOT)
    if reduce == 0 and too_small(ctx, k, side, qty, p if with_limit else t):
        return refuse(ctx, BELOW_MIN_NOTIONAL)
    order_id = write(ctx, j, k, STOP_LIMIT if with_limit else STOP, side, quantity_down(rule, qty), NEW, BY_STOP)
    r = ctx.orders[j]
    r.trigger = t
    if with_limit:
        r.price = p
    r.reduce = reduce
    return order_id


@part
def stop(ctx, side, qty, trigger, limit=NAN, inst=-1):
    """Go to market when the price reaches `trigger`; with `limit`, rest there instead."""
    return stop_order(ctx, side, qty, trigger, limit, inst, 0)


@part
def reduce_stop(ctx, side, qty, trigger, limit=NAN, inst=-1):
    """`stop` that can only make the position smaller."""
    return stop_order(ctx, side, qty, trigger, limit, inst, 1)


@part
def trail_order(ctx, side, qty, distance, inst, reduce):
    """A stop that follows the best price at `distance`."""
    k = ctx.me if inst < 0 else inst
    why = check(ctx, k, side, qty)
    if why != 0:
        return refuse(ctx, why)
    if not positive(distance):
        return refuse(ctx, BAD_PRICE)
    j = free_slot(ctx, k, 0)
    if j < 0:
        return refuse(ctx, NO_FREE_SLOT)
    if reduce == 0 and too_small(ctx, k, side, qty, ctx.positions[k].mark):
        return refuse(ctx, BELOW_MIN_NOTIONAL)
    order_id = write(ctx, j, k, TRAIL, side, quantity_down(ctx.rules[k], qty), NEW, BY_TRAIL)
    r = ctx.orders[j]
    r.distance = distance
    r.reduce = reduce
    return order_id


@part
def trail(ctx, side, qty, distance, inst=-1):
    """A trailing stop: triggers `distance` away from the best price since it reached the market."""
    return trail_order(ctx, side, qty, distance, inst, 0)


@part
def reduce_trail(ctx, side, qty, distance, inst=-1):
    """`trail` that can only make the position smaller."""
    return trail_order(ctx, side, qty, distance, inst, 1)


@part
def bracket(ctx, side, qty, entry=NAN, take=NAN, stop=NAN, max_hold=0, inst=-1):
    """An entry (NaN: at market) with a target, a stop and a time exit.

    It takes three ids: the target's is one higher, the stop's two.
    """
    k = ctx.me if inst < 0 else inst
    at_market = entry != entry
    has_take = take == take
    has_stop = stop == stop
    why = check(ctx, k, side, qty)
    if why != 0:
        return refuse(ctx, why)
    if (
        (not at_market and not positive(entry))
        or (has_take and not positive(take))
        or (has_stop and not positive(stop))
    ):
        return refuse(ctx, BAD_PRICE)
    rule = ctx.rules[k]
    e = price_down(rule, entry) if side > 0 else price_up(rule, entry)
    t = price_up(rule, take) if side > 0 else price_down(rule, take)
    s = price_down(rule, stop) if side > 0 else price_up(rule, stop)
    if (not at_market and not positive(e)) or (has_take and not positive(t)) or (has_stop and not positive(s)):
        return refuse(ctx, BAD_PRICE)
    j0 = free_slot(ctx, k, 0)
    j1 = -1
    j2 = -1
    last = j0
    if has_take and last >= 0:
        j1 = free_slot(ctx, k, last + 1)
        last = j1
    if (has_stop or max_hold > 0) and last >= 0:
        j2 = free_slot(ctx, k, last + 1)
        last = j2
    if last < 0:
        return refuse(ctx, NO_FREE_SLOT)
    if not at_market and ((has_take and (t - e) * side <= 0.0) or (has_stop and (e - s) * side <= 0.0)):
        return refuse(ctx, BAD_BRACKET)
    if too_small(ctx, k, side, qty, ctx.positions[k].mark if at_market else e):
        return refuse(ctx, BELOW_MIN_NOTIONAL)
    q = quantity_down(rule, qty)
    order_id = write(ctx, j0, k, MARKET if at_market else LIMIT, side, q, NEW, BY_MARKET if at_market else BY_LIMIT)
    r = ctx.orders[j0]
    r.role = ENTRY
    r.take = j1
    r.stop = j2
    r.hold = max_hold if max_hold > 0 else 0
    if not at_market:
        r.price = e
    a = ctx.acct
    if j1 >= 0:
        child(ctx, j1, j0, k, LIMIT, -side, TAKE, BY_TAKE)
        ctx.orders[j1].price = t
    else:
        a.next_id += 1
    if j2 >= 0:
        child(ctx, j2, j0, k, STOP, -side, STOP_CHILD, BY_STOP)
        if has_stop:
            ctx.orders[j2].trigger = s
        else:
            ctx.orders[j2].trigger = 0.0 if side > 0 else math.inf  # a timer only: no price reaches it
        ctx.orders[j2].take = j1
    else:
        a.next_id += 1
    if j1 >= 0:
        ctx.orders[j1].stop = j2
    return order_id


@part
def child(ctx, j, entry_slot, inst, kind, side, role, reason):
    """A bracket's child: dormant, of no quantity until the entry fills."""
    write(ctx, j, inst, kind, side, 0.0, DORMANT, reason)
    r = ctx.orders[j]
    r.role = role
    r.reduce = 1
    r.entry = entry_slot


@part
def label(ctx, order_id, tag=0, edge_bps=NAN, confidence=NAN, book=0):
    """Say more of a want of this step, for gates and for the result: a bracket's children get the same.

    Takes what a helper has returned, a refused -1 too, and returns it: `label(ctx, buy(ctx, 1.0), tag=3)`.
    """
    if order_id < 0:
        return order_id
    j = find(ctx, order_id)
    if j < 0 or ctx.orders[j].state != NEW:
        return refuse(ctx, UNKNOWN_ORDER)
    r = ctx.orders[j]
    write_label(r, tag, edge_bps, confidence, book)
    if r.role == ENTRY:
        if r.take >= 0:
            write_label(ctx.orders[r.take], tag, edge_bps, confidence, book)
        if r.stop >= 0:
            write_label(ctx.orders[r.stop], tag, edge_bps, confidence, book)
    return order_id


@part
def write_label(r, tag, edge_bps, confidence, book):
    """The four fields of one order."""
    r.tag = tag
    r.edge_bps = edge_bps
    r.confidence = confidence
    r.book = book
