"""What a strategy asks of orders that stand: cancels and modifies.

One that was made in the same step changes or goes at once; any other request travels to the market.
"""

from __future__ import annotations

from huracan.sim.codes import (
    BAD_MODIFY,
    BAD_PRICE,
    BAD_QUANTITY,
    BELOW_LOT,
    DORMANT,
    EMPTY,
    ENTRY,
    LIMIT,
    LIVE,
    NEVER,
    NEW,
    REQUEST_UNDER_WAY,
    STOP,
    STOP_CHILD,
    STOP_LIMIT,
    TAKE,
    UNKNOWN_ORDER,
)
from huracan.sim.options import part
from huracan.sim.order_slots import NAN, find, positive, refuse, slots_each
from huracan.sim.prices import price_down, price_up, quantity_down


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
    if inst >= len(ctx.positions):
        return 0
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
