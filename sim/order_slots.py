"""The slots that orders stand in: which are free, what one holds at first, and why an order can't stand in any."""

from __future__ import annotations

import math

from huracan.sim.codes import ALONE, BAD_INSTRUMENT, BAD_QUANTITY, BAD_SIDE, BELOW_LOT, EMPTY, GTC, NEVER, NEW
from huracan.sim.options import part
from huracan.sim.prices import quantity_down, unit_notional

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
