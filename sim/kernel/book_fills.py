"""One execution on a book, whoever asked for it: how much, and what it means for the order and its bracket."""

from __future__ import annotations

import math

from huracan.sim.codes import EMPTY, LIMIT, NOTHING_TO_REDUCE
from huracan.sim.costs.push import pushed_price
from huracan.sim.kernel.book_leave import tell_order
from huracan.sim.kernel.book_margin import narrow
from huracan.sim.kernel.book_places import tick_at
from huracan.sim.kernel.execute import after_execution, cut_to_position
from huracan.sim.kernel.groups import COSTS, MARGIN, RESTING
from huracan.sim.kernel.ledger import book_rarely
from huracan.sim.kernel.margin import cut_to_money
from huracan.sim.kernel.orderbook import finish
from huracan.sim.kernel.values import unit_value
from huracan.sim.layout import Execution
from huracan.sim.options import part, rare
from huracan.sim.prices import price_of_tick, quantity_on_lot


@rare
def done(v, j, reason):
    """An order is done, with what that means for its bracket; `reason` 0 when it has simply filled."""
    finish(v, j, reason)


@part
def taker_costs(v, k, side, qty, price):
    """(half the spread, what was paid beyond the best price), in money; 0 where a side of the book is empty."""
    bid = v.market.best[2 * k]
    ask = v.market.best[2 * k + 1]
    if bid < 0 or ask < 0:
        return 0.0, 0.0
    rule = v.rules[k]
    low = price_of_tick(rule, tick_at(v.ground, 2 * k, bid))
    high = price_of_tick(rule, tick_at(v.ground, 2 * k + 1, ask))
    touch = unit_value(rule, high if side > 0 else low)
    mid = unit_value(rule, 0.5 * (low + high))
    return qty * side * (touch - mid), qty * side * (unit_value(rule, price) - touch)


@part
def is_piece(v, k, left):
    """Whether the reference would not book this execution: so much of the order is left that it is not the last."""
    return v.book_settings.imitate == 1 and math.floor(left / v.ground.spans[k].lot + 0.5) > 0.0


@part
def book_it(v, r, qty, level, price, maker, fee_share):
    """An execution at `price` at a level of the book goes into the ledger, and what was paid beyond the level."""
    k = r.inst
    spread, slippage = (0.0, 0.0) if maker == 1 else taker_costs(v, k, r.side, qty, level)
    impact = 0.0
    if COSTS:
        if maker == 0:
            if price != level:  # a sell of nothing more would be -0.0
                impact = qty * r.side * (unit_value(v.rules[k], price) - unit_value(v.rules[k], level))
            v.pushed[k] += r.side * qty
        if is_piece(v, k, r.left - qty):
            return
    ts_ns = v.acct.ts_ns
    book_rarely(
        v,
        Execution(
            k, r.side, qty, price, maker, r.reason, r.id, r.tag, fee_share, spread, slippage, impact, ts_ns, False
        ),
    )


@rare
def execute(v, j, qty, level, maker):
    """Order j executes `qty` at a level, as far as position and account allow; returns how much that was."""
    r = v.orders[j]
    t = v.settings
    k = r.inst
    if r.reduce == 1:
        cut_to_position(v, j)
        if not r.left > 0.0:
            done(v, j, NOTHING_TO_REDUCE)
            return 0.0
        qty = min(qty, r.left)
    fee_share = t.fee_maker if maker == 1 else t.fee_taker
    price = level
    if COSTS:
        if maker == 0:
            cap = r.price if r.kind == LIMIT else math.nan
            price = pushed_price(v.book_settings.push_bps, v.pushed[k], r.side, level, cap)
    qty, why = cut_to_money(v, k, r.side, qty, price, fee_share)
    if qty > 0.0:
        before = v.positions[k].qty
        book_it(v, r, qty, level, price, maker, fee_share)
        left = quantity_on_lot(v.rules[k], r.left - qty, r.left)
        r.left = left if left > 1e-9 * r.qty else 0.0
        if COSTS:
            if v.book_settings.imitate == 1 and not is_piece(v, k, r.left):
                r.left = 0.0
        if RESTING:
            after_execution(v, j, qty, before)
        if MARGIN:
            narrow(v)
        if r.state == EMPTY:
            return qty  # a child that closed the position was dropped on the way
    if why != 0:
        done(v, j, why)
    elif not r.left > 0.0:
        done(v, j, 0)
    else:
        v.stats.partial += 1
        if r.cell >= 0:
            tell_order(v, j)
    return qty
