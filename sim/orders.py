"""What a strategy calls to want something: every helper writes into free order slots.

It returns an order id, -1 if refused. Nothing here sends anything: a want stands in its slot as NEW until gates, sizing
and risk have seen it. A refusal is counted by its reason.
"""

from __future__ import annotations

import math

from huracan.sim.codes import (
    ALONE,
    BAD_BRACKET,
    BAD_INSTRUMENT,
    BAD_MODIFY,
    BAD_PRICE,
    BAD_QUANTITY,
    BAD_SIDE,
    BAD_TIF,
    BELOW_LOT,
    BELOW_MIN_NOTIONAL,
    BY_LIMIT,
    BY_MARKET,
    BY_STOP,
    BY_TAKE,
    BY_TRAIL,
    DORMANT,
    EMPTY,
    ENTRY,
    FOK,
    GTC,
    GTT,
    INVERSE,
    IOC,
    LIMIT,
    LIVE,
    MARKET,
    NEVER,
    NEW,
    NO_FREE_SLOT,
    NOTHING_TO_REDUCE,
    REQUEST_UNDER_WAY,
    STOP,
    STOP_CHILD,
    STOP_LIMIT,
    TAKE,
    TRAIL,
    UNKNOWN_ORDER,
)
from huracan.sim.costs.slippage import modelled_bps
from huracan.sim.options import part
from huracan.sim.prices import price_down, price_up, quantity_down, unit_notional

NAN = math.nan


@part
def refuse(ctx, reason):
    """Count a refusal; helpers return its -1."""
    ctx.acct.counts[reason] += 1
    return -1


@part
def slots_each(ctx):
    """Order slots that one instrument has."""
    return len(ctx.orders) // len(ctx.positions)


@part
def free_slot(ctx, inst, after):
    """The first free slot of an instrument at or after `after`; -1 if there is none."""
    each = slots_each(ctx)
    for j in range(max(after, inst * each), (inst + 1) * each):
        if ctx.orders[j].state == EMPTY:
            return j
    return -1


@part
def find(ctx, order_id):
    """The slot of a working order by its id; -1 if there is none."""
    if order_id <= 0:
        return -1
    for j in range(len(ctx.orders)):
        r = ctx.orders[j]
        if r.state != EMPTY and r.id == order_id:
            return j
    return -1


@part
def is_open(ctx, order_id):
    """Whether an order with this id is still working."""
    return find(ctx, order_id) >= 0


@part
def clear(r):
    """Reset a slot for a new order."""
    r.tif = GTC
    r.post_only = 0
    r.reduce = 0
    r.role = ALONE
    r.arrived = 0
    r.waiting = 0
    r.entry = -1
    r.take = -1
    r.stop = -1
    r.hold = 0
    r.hold_row = NEVER
    r.live_row = NEVER
    r.live_ns = NEVER
    r.ttl = 0
    r.die_row = NEVER
    r.cancel_row = NEVER
    r.cancel_ns = NEVER
    r.modify_row = NEVER
    r.modify_ns = NEVER
    r.taken_ns = NEVER
    r.done_row = -1
    r.book = 0
    r.tag = 0
    r.price = NAN
    r.trigger = NAN
    r.distance = NAN
    r.reference = NAN
    r.new_qty = NAN
    r.new_price = NAN
    r.new_trigger = NAN
    r.edge_bps = NAN
    r.confidence = NAN


@part
def positive(x):
    """Finite and above zero; NaN is not."""
    return x > 0.0 and x < math.inf


@part
def check(ctx, inst, side, qty):
    """The reason why this quantity can't be ordered, 0 if it can."""
    if inst < 0 or inst >= len(ctx.positions):
        return BAD_INSTRUMENT
    if side != 1 and side != -1:
        return BAD_SIDE
    if not positive(qty):
        return BAD_QUANTITY
    if not quantity_down(ctx.rules[inst], qty) > 0.0:
        return BELOW_LOT
    return 0


@part
def too_small(ctx, inst, side, qty, price):
    """Whether an order that may increase the position is worth less than the minimum notional at `price`."""
    rule = ctx.rules[inst]
    if rule.min_notional == 0.0 or ctx.positions[inst].qty * side < 0.0:
        return False
    return quantity_down(rule, qty) * unit_notional(rule, price) < rule.min_notional * (1.0 - 1e-12)


@part
def write(ctx, j, inst, kind, side, qty, state, reason):
    """Fill slot j; the caller sets prices and options. The id is the next one."""
    a = ctx.acct
    r = ctx.orders[j]
    clear(r)
    a.next_id += 1
    r.id = a.next_id
    r.inst = inst
    r.kind = kind
    r.side = side
    r.qty = qty
    r.left = qty
    r.state = state
    r.reason = reason
    if state == NEW:
        a.n_new += 1
        a.last_slot = j
    return a.next_id


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
def close(ctx, inst=-1):
    """Leave the whole position at market; nothing if there is none."""
    k = ctx.me if inst < 0 else inst
    if k >= len(ctx.positions):
        return refuse(ctx, BAD_INSTRUMENT)
    q = ctx.positions[k].qty
    if q == 0.0:
        return -1
    return market_order(ctx, -1 if q > 0.0 else 1, abs(q), k, 1)


@part
def reduce(ctx, qty, inst=-1):
    """Make the position smaller by at most `qty`, at market."""
    k = ctx.me if inst < 0 else inst
    if k >= len(ctx.positions):
        return refuse(ctx, BAD_INSTRUMENT)
    q = ctx.positions[k].qty
    if q == 0.0:
        return refuse(ctx, NOTHING_TO_REDUCE)
    return market_order(ctx, -1 if q > 0.0 else 1, qty, k, 1)


@part
def target(ctx, qty, inst=-1):
    """Go to a signed position at market, counting own market orders that are still working."""
    k = ctx.me if inst < 0 else inst
    if k >= len(ctx.positions):
        return refuse(ctx, BAD_INSTRUMENT)
    held = ctx.positions[k].qty
    d = qty - held
    terms = abs(qty) + abs(held)
    each = slots_each(ctx)
    for j in range(k * each, (k + 1) * each):
        r = ctx.orders[j]
        if r.state != EMPTY and r.kind == MARKET and r.role != TAKE and r.role != STOP_CHILD:
            d -= r.side * r.left
            terms += r.left
    if not abs(d) < math.inf:
        return refuse(ctx, BAD_QUANTITY)
    if abs(d) <= 1e-12 * terms:
        return -1  # there already, but for the rounding of the sum
    if quantity_down(ctx.rules[k], abs(d)) == 0.0:
        return -1  # less than a lot away: there already
    return market_order(ctx, 1 if d > 0.0 else -1, abs(d), k, 0)


@part
def fraction_quantity(ctx, fraction, inst=-1):
    """The quantity that `fraction` of equity buys at this close after the taker's costs, floored to the lot."""
    k = ctx.me if inst < 0 else inst
    rule = ctx.rules[k]
    s = ctx.settings
    costs = (s.fee_taker_bps + s.half_spread_bps + modelled_bps(s)) / 1e4
    price = ctx.bars[k].close
    if rule.contract == INVERSE:
        return quantity_down(rule, abs(fraction) * ctx.acct.equity * price / (rule.multiplier * (1.0 + costs)))
    return quantity_down(rule, abs(fraction) * ctx.acct.equity / (price * rule.multiplier * (1.0 + costs)))


@part
def target_fraction(ctx, fraction, inst=-1):
    """Go to a position worth `fraction` of equity (negative is short), at market."""
    q = fraction_quantity(ctx, fraction, inst)
    return target(ctx, -q if fraction < 0.0 else q, inst)


@part
def size(ctx, qty, fraction, inst=-1):
    """`fraction` of equity as a quantity if it is above zero, else `qty`: what strategies with both parameters use."""
    if fraction > 0.0:
        return fraction_quantity(ctx, fraction, inst)
    return qty


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


@part
def free_bracket(ctx, j):
    """Free an order that was never sent, with its children."""
    r = ctx.orders[j]
    if r.role == ENTRY:
        if r.take >= 0:
            ctx.orders[r.take].state = EMPTY
        if r.stop >= 0:
            ctx.orders[r.stop].state = EMPTY
    r.state = EMPTY


@part
def not_sent(ctx, r):
    """Whether an order was made in this step: a want, or a child of one."""
    return r.state == NEW or (r.state == DORMANT and ctx.orders[r.entry].state == NEW)


@part
def free_child(ctx, j):
    """Free a bracket's child that was never sent; entry and sibling forget it."""
    r = ctx.orders[j]
    e = ctx.orders[r.entry]
    if r.role == TAKE:
        e.take = -1
        if e.stop >= 0:
            ctx.orders[e.stop].take = -1
    else:
        e.stop = -1
        if e.take >= 0:
            ctx.orders[e.take].stop = -1
    r.state = EMPTY


@part
def cancel(ctx, order_id):
    """Ask for an order to be cancelled; returns the id, -1 if unknown.

    A bracket's entry takes its children with it while they hold nothing.
    """
    j = find(ctx, order_id)
    if j < 0:
        return refuse(ctx, UNKNOWN_ORDER)
    cancel_slot(ctx, j)
    return order_id


@part
def cancel_slot(ctx, j):
    """`cancel` by slot: an order that was not sent goes at once, else the request travels."""
    a = ctx.acct
    r = ctx.orders[j]
    if r.state == NEW:
        free_bracket(ctx, j)
        a.n_new -= 1
    elif not_sent(ctx, r):
        free_child(ctx, j)
    elif r.cancel_row == NEVER:
        a.n_requests += 1
        r.cancel_row = a.row + 1 + ctx.settings.latency_rows
        r.cancel_ns = a.ts_ns + ctx.settings.entry_ns


@part
def cancel_all(ctx, inst=-1):
    """Ask for every working order of the instrument to be cancelled; returns how many."""
    k = ctx.me if inst < 0 else inst
    each = slots_each(ctx)
    n = 0
    for j in range(k * each, (k + 1) * each):
        s = ctx.orders[j].state
        if s == NEW or s == LIVE:  # noqa: SIM109
            cancel_slot(ctx, j)
            n += 1
    return n


@part
def modify(ctx, order_id, qty=NAN, price=NAN, trigger=NAN):
    """Ask for a new total quantity, price or trigger (NaN: as it is); one request at a time.

    Returns the id, -1 if refused.
    """
    j = find(ctx, order_id)
    if j < 0:
        return refuse(ctx, UNKNOWN_ORDER)
    r = ctx.orders[j]
    rule = ctx.rules[r.inst]
    if qty == qty and not positive(qty):
        return refuse(ctx, BAD_QUANTITY)
    if qty == qty and not quantity_down(rule, qty) > 0.0:
        return refuse(ctx, BELOW_LOT)
    if (price == price and not positive(price)) or (trigger == trigger and not positive(trigger)):
        return refuse(ctx, BAD_PRICE)
    if (price == price and r.kind != LIMIT and r.kind != STOP_LIMIT) or (
        trigger == trigger and r.kind != STOP and r.kind != STOP_LIMIT
    ):
        return refuse(ctx, BAD_MODIFY)
    if trigger == trigger and not positive(r.trigger):
        return refuse(ctx, BAD_MODIFY)  # it only waits for the time exit
    if qty == qty and (r.role == TAKE or r.role == STOP_CHILD):
        return refuse(ctx, BAD_MODIFY)  # a child holds what its entry filled
    if r.modify_row != NEVER or r.cancel_row != NEVER:
        return refuse(ctx, REQUEST_UNDER_WAY)
    r.new_qty = quantity_down(rule, qty)
    r.new_price = price_down(rule, price) if r.side > 0 else price_up(rule, price)
    r.new_trigger = price_up(rule, trigger) if r.side > 0 else price_down(rule, trigger)
    if not_sent(ctx, r):
        take_new_terms(r)
        return order_id
    ctx.acct.n_requests += 1
    r.modify_row = ctx.acct.row + 1 + ctx.settings.latency_rows
    r.modify_ns = ctx.acct.ts_ns + ctx.settings.entry_ns
    return order_id


@part
def take_new_terms(r):
    """What a modify changes, once it has arrived: quantity keeps what was filled; the order meets the market anew."""
    if r.new_qty == r.new_qty:
        filled = r.qty - r.left
        r.qty = r.new_qty
        r.left = max(r.new_qty - filled, 0.0)
    if r.new_price == r.new_price:
        r.price = r.new_price
        r.arrived = 0
    if r.new_trigger == r.new_trigger and (r.kind == STOP or r.kind == STOP_LIMIT):  # else it has triggered on the way
        r.trigger = r.new_trigger
        r.arrived = 0
    r.new_qty = NAN
    r.new_price = NAN
    r.new_trigger = NAN
    r.modify_row = NEVER
    r.modify_ns = NEVER


@part
def drawdown(ctx):
    """How far equity is below its peak, as a fraction of the peak: 0 at a new high, -0.1 ten per cent below."""
    a = ctx.acct
    return (a.equity - a.peak) / a.peak


@part
def works_alone(r, side):
    """A limit of this side that is no part of a bracket."""
    return (r.state == LIVE or r.state == NEW) and r.kind == LIMIT and r.role == ALONE and r.side == side


@part
def keep(ctx, side, price, qty, inst=-1):
    """Have one post-only limit at `price` on this side and no other; with qty 0, none.

    Returns the id, -1 if none or refused.
    """
    k = ctx.me if inst < 0 else inst
    rule = ctx.rules[k]
    p = price_down(rule, price) if side > 0 else price_up(rule, price)
    each = slots_each(ctx)
    found = -1
    if qty > 0.0:
        for j in range(k * each, (k + 1) * each):  # the oldest, whichever slot it has
            r = ctx.orders[j]
            good = r.price == p and r.post_only == 1 and r.cancel_row == NEVER
            if good and works_alone(r, side) and (found < 0 or r.id < found):
                found = r.id
    for j in range(k * each, (k + 1) * each):
        if works_alone(ctx.orders[j], side) and ctx.orders[j].id != found:
            cancel_slot(ctx, j)
    if found < 0 and qty > 0.0:
        return limit_order(ctx, side, qty, price, True, GTC, 0, k, 0)
    return found


@part
def pending(ctx, inst=-1):
    """How many orders of the instrument are working."""
    k = ctx.me if inst < 0 else inst
    each = slots_each(ctx)
    n = 0
    for j in range(k * each, (k + 1) * each):
        if ctx.orders[j].state != EMPTY:
            n += 1
    return n


__all__ = [
    "FOK",
    "GTC",
    "GTT",
    "IOC",
    "bracket",
    "buy",
    "cancel",
    "cancel_all",
    "close",
    "drawdown",
    "fraction_quantity",
    "is_open",
    "keep",
    "label",
    "limit",
    "modify",
    "pending",
    "reduce",
    "reduce_limit",
    "reduce_stop",
    "reduce_trail",
    "sell",
    "size",
    "stop",
    "target",
    "target_fraction",
    "trail",
]
