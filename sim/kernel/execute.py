"""One order executes at one point of the market: how much, at what price, with what left over."""

from __future__ import annotations

import math

from huracan.sim.codes import (
    ALONE,
    BY_MARKET,
    COST_BOUNDED,
    FOK,
    FOK_UNFILLED,
    LIMIT,
    LIVE,
    MARKET,
    MARKET_REMAINDER,
    NOTHING_TO_REDUCE,
    STOP_CHILD,
    TAKE,
)
from huracan.sim.codes import ENTRY as ENTRY_ROLE
from huracan.sim.costs.impact import impact_bps
from huracan.sim.costs.slippage import slippage_bps
from huracan.sim.costs.spread import half_spread_bps
from huracan.sim.kernel.book_leave import tell_order
from huracan.sim.kernel.groups import BOOKS, COSTS, RESTING
from huracan.sim.kernel.ledger import book
from huracan.sim.kernel.margin import cut_to_money
from huracan.sim.kernel.orderbook import child_filled, count, entry_added, finish, position_closed, shrink, side_of
from huracan.sim.kernel.values import unit_value
from huracan.sim.layout import Execution
from huracan.sim.options import part, rare
from huracan.sim.prices import quantity_down, quantity_on_lot

MOST_SHARE = 0.9  # of its price that models may cost a taker: a seller who loses all of it would pay to sell


@part
def cost_shares(v, k, qty):
    """(half-spread, with slippage, with impact too) of a taker, as shares of the price, and whether they are bounded.

    What is given as numbers stays: the spec's are below the whole price.
    """
    t = v.settings
    if COSTS:
        i = v.costs[k]
        volume = v.bars[k].volume if v.rules[k].capped == 1 and v.bars[k].fresh == 1 else math.nan
        spread = half_spread_bps(t, i)
        slip = spread + slippage_bps(t, i, qty, volume)
        most = max(MOST_SHARE, t.spread_and_slip)
        with_impact = (slip + impact_bps(t, i, qty, volume)) / 1e4
        return min(spread / 1e4, most), min(slip / 1e4, most), min(with_impact, most), with_impact > most
    return t.half_spread, t.spread_and_slip, t.spread_and_slip, False


@part
def taker_price(side, x, share, cap):
    """Price of a taker at market price x, never worse than `cap` (NaN: no cap)."""
    price = x * (1.0 + side * share)
    if cap == cap and (price - cap) * side > 0.0:
        return cap
    return price


@part
def taker_steps(v, k, side, x, qty, cap):
    """(prices with half the spread, with slippage too, with impact too: the last is paid; whether it is bounded)."""
    spread, slip, impact, bounded = cost_shares(v, k, qty)
    steps = (taker_price(side, x, spread, cap), taker_price(side, x, slip, cap), taker_price(side, x, impact, cap))
    return steps, bounded


@part
def execution(k, side, qty, x, steps, maker, reason, order_id, tag, fee_share, ts_ns, inside, rule):
    """What goes into the books: each part of the cost by its step away from x."""
    with_spread, with_slip, price = steps
    a = unit_value(rule, x)
    b = unit_value(rule, with_spread)
    c = unit_value(rule, with_slip)
    d = unit_value(rule, price)
    s = qty * side
    return Execution(
        k,
        side,
        qty,
        price,
        maker,
        reason,
        order_id,
        tag,
        fee_share,
        s * (b - a),
        s * (c - b),
        s * (d - c),
        ts_ns,
        inside,
    )


@part
def within_volume(v, k, qty):
    """(quantity that the bar's volume still allows, 1 if that is less than asked)."""
    if v.rules[k].capped == 0 or v.settings.max_participation == 0.0:
        return qty, 0
    budget = v.desks[k].budget
    if qty <= budget * (1.0 + 1e-9):  # less is the rounding of what others took
        return qty, 0
    return quantity_down(v.rules[k], max(budget, 0.0)), 1


@part
def cut_to_position(v, j):
    """A reduce-only order wants whole lots of what there is to reduce, and no more from then on.

    What it is cut by has not filled. A bracket's children shrink together.
    """
    r = v.orders[j]
    held = quantity_down(v.rules[r.inst], max(min(r.left, -r.side * v.positions[r.inst].qty), 0.0))
    if r.left > held:
        if RESTING and r.role != ALONE:
            other = r.stop if r.role == TAKE else r.take
            if other >= 0 and v.orders[other].left > held:
                shrink(v.orders[other], held)
                if BOOKS:
                    tell_order(v, other)
            shrink(r, held)
        elif held > 0.0:  # else it ends, as the order that it was
            shrink(r, held)
        r.left = held


@part
def take_out(v, j, x, maker_price, ts_ns, inside):
    """(executed, reason of a cut or 0): order j executes what it may at market price x.

    A maker at `maker_price`, a taker if that is NaN.
    """
    r = v.orders[j]
    k = r.inst
    t = v.settings
    rule = v.rules[k]
    if r.reduce == 1:
        cut_to_position(v, j)
        if not r.left > 0.0:
            return 0.0, NOTHING_TO_REDUCE
    qty, short = within_volume(v, k, r.left)
    maker = maker_price == maker_price
    fee_share = t.fee_maker if maker else t.fee_taker
    steps = (maker_price, maker_price, maker_price)
    bounded = False
    cap = math.nan
    if not maker:
        if RESTING:
            if r.kind == LIMIT and r.waiting == 0:
                cap = r.price
        steps, bounded = taker_steps(v, k, r.side, x, qty, cap)
    asked = qty
    qty, why = cut_to_money(v, k, r.side, qty, steps[2], fee_share)
    if RESTING:
        if r.tif == FOK and (short == 1 or why != 0):
            return 0.0, FOK_UNFILLED
    if not qty > 0.0:
        return 0.0, why
    if COSTS:
        if not maker and qty < asked:
            steps, bounded = taker_steps(v, k, r.side, x, qty, cap)
        if bounded:
            count(v, COST_BOUNDED)
    before = v.positions[k].qty
    reference = maker_price if maker else x
    book(
        v,
        execution(
            k, r.side, qty, reference, steps, 1 if maker else 0, r.reason, r.id, r.tag, fee_share, ts_ns, inside, rule
        ),
    )
    rest = v.desks[k].budget - qty
    v.desks[k].budget = rest if rest > 1e-12 * qty else 0.0  # no executions of a rounding error
    left = quantity_on_lot(rule, r.left - qty, r.left)
    r.left = left if left > 1e-9 * r.qty else 0.0  # a rest of rounding is no rest
    if RESTING:
        after_execution(v, j, qty, before)
    return qty, why


@part
def after_execution(v, j, qty, before):
    """What an execution of order j means for its bracket, and for those of the position that it may have closed."""
    r = v.orders[j]
    k = r.inst
    rule = v.rules[k]
    if r.role == TAKE or r.role == STOP_CHILD:
        child_filled(v, j, qty)
    after = v.positions[k].qty
    was = 1 if before > 0.0 else -1
    if before != 0.0 and (was * after <= 0.0 or (side_of(rule, before) != 0 and side_of(rule, after) == 0)):
        position_closed(v, k, was)
    if r.role == ENTRY_ROLE:
        added = qty
        if r.side * before < 0.0:  # what closes an opposite position first adds nothing
            added = max(r.side * after, 0.0)
        elif v.settings.fee_in_base == 1 and r.side > 0:  # nor does what the fee keeps
            added = after - before
        entry_added(v, r, added)


@(rare if RESTING else part)
def execute(v, j, x, maker_price, ts_ns, inside):
    """Order j meets the market at x: it executes, and what is left of it rests, waits or is cancelled by name."""
    r = v.orders[j]
    done, why = take_out(v, j, x, maker_price, ts_ns, inside)
    if r.state != LIVE:
        return  # a child that closed the position was dropped on the way
    if why != 0:
        finish(v, j, why)
    elif not r.left > 0.0:
        finish(v, j, 0)
    elif r.kind == MARKET and r.reason == BY_MARKET:
        if done > 0.0:
            v.stats.partial += 1
        if v.settings.keep_remainder == 0:
            finish(v, j, MARKET_REMAINDER)
    elif RESTING:
        if done > 0.0:
            v.stats.partial += 1
        if r.kind != LIMIT and r.kind != MARKET:
            r.kind = MARKET
            r.waiting = 1


@rare
def execute_rarely(v, j, x, maker_price, ts_ns, inside):
    """`execute` for places that are seldom reached: a call instead of a copy of it."""
    execute(v, j, x, maker_price, ts_ns, inside)
