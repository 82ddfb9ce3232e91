"""Orders by what there shall be in the end: a position closed, reduced, or of a size; a limit that is kept."""

from __future__ import annotations

import math

from huracan.sim.codes import (
    ALONE,
    BAD_INSTRUMENT,
    BAD_QUANTITY,
    EMPTY,
    GTC,
    INVERSE,
    LIMIT,
    LIVE,
    MARKET,
    NEVER,
    NEW,
    NOTHING_TO_REDUCE,
    STOP_CHILD,
    TAKE,
)
from huracan.sim.options import part
from huracan.sim.order_changes import cancel_slot
from huracan.sim.order_slots import refuse, slots_each
from huracan.sim.order_wants import limit_order, market_order
from huracan.sim.prices import price_down, price_up, quantity_down, quantity_on_lot, surely_less_than_a_lot


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
    if surely_less_than_a_lot(ctx.rules[k], abs(d)):
        return -1
    return move_by(ctx, d, terms, k)


@part
def move_by(ctx, d, terms, k):
    """Buy or sell so much at market; nothing if it is less than a lot. The sum is as rough as its `terms` are large."""
    qty = quantity_on_lot(ctx.rules[k], abs(d), terms)
    if quantity_down(ctx.rules[k], qty) == 0.0:
        return -1
    return market_order(ctx, 1 if d > 0.0 else -1, qty, k, 0)


@part
def fraction_quantity(ctx, fraction, inst=-1):
    """The quantity that `fraction` of equity buys at this close after the taker's costs, floored to the lot.

    Nothing where no equity is left, as far as is known, nor of an instrument that does not exist.
    """
    if inst >= len(ctx.positions):
        return 0.0
    k = ctx.me if inst < 0 else inst
    rule = ctx.rules[k]
    s = ctx.settings
    costs = s.fee_taker + s.spread_and_slip
    price = ctx.bars[k].close
    worth = abs(fraction) * max(ctx.acct.equity, 0.0)
    if rule.contract == INVERSE:
        return quantity_down(rule, worth * price / (rule.multiplier * (1.0 + costs)))
    return quantity_down(rule, worth / (price * rule.multiplier * (1.0 + costs)))


@part
def target_fraction(ctx, fraction, inst=-1):
    """Go to a position worth `fraction` of equity (negative is short), at market."""
    if surely_worth(ctx, fraction, inst):
        return -1
    return go_to_fraction(ctx, fraction, inst)


@part
def go_to_fraction(ctx, fraction, inst):
    """The same where it is not known yet that nothing is to be done."""
    q = fraction_quantity(ctx, fraction, inst)
    return target(ctx, -q if fraction < 0.0 else q, inst)


@part
def surely_worth(ctx, fraction, inst):
    """Whether a position surely has the lots that `fraction` of equity buys: without a division, and never by mistake.

    Whoever looks ahead asks this of every bar.
    """
    k = ctx.me if inst < 0 else inst
    if k >= len(ctx.positions):
        return False
    each = slots_each(ctx)
    for j in range(k * each, (k + 1) * each):
        if ctx.orders[j].state != EMPTY and ctx.orders[j].kind == MARKET:
            return False
    rule = ctx.rules[k]
    s = ctx.settings
    price = ctx.bars[k].close
    held = ctx.positions[k].qty if fraction >= 0.0 else -ctx.positions[k].qty
    worth = abs(fraction) * max(ctx.acct.equity, 0.0)
    if rule.contract == INVERSE or rule.lot_num == 0:
        return worth == 0.0 and held == 0.0 and price > 0.0
    unit = price * rule.multiplier * (1.0 + s.fee_taker + s.spread_and_slip)
    lot = rule.lot_num / rule.lot_den
    least = held * (1.0 + 1e-12) + 1e-6 * lot  # rounding is far less
    most = (held + lot * (1.0 - 1e-6)) * (1.0 - 1e-12)
    return held >= 0.0 and (held == 0.0 or worth >= least * unit) and worth <= most * unit and price > 0.0


@part
def size(ctx, qty, fraction, inst=-1):
    """`fraction` of equity as a quantity if it is above zero, else `qty`: what strategies with both parameters use."""
    if fraction > 0.0:
        return fraction_quantity(ctx, fraction, inst)
    return qty


@part
def works_alone(r, side):
    """A limit of this side that is no part of a bracket."""
    return (r.state == LIVE or r.state == NEW) and r.kind == LIMIT and r.role == ALONE and r.side == side


@part
def keep(ctx, side, price, qty, inst=-1):
    """Have one post-only limit at `price` on this side and no other; with qty 0, none.

    Returns the id, -1 if none or refused.
    """
    if inst >= len(ctx.positions):
        return refuse(ctx, BAD_INSTRUMENT)
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
