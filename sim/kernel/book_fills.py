"""Executions of resting orders: what a trade, a change of depth or a moved best price does to them."""

from __future__ import annotations

from huracan.sim.book_layout import EATEN, MARKS, BookVenue
from huracan.sim.codes import EMPTY, LIVE, NOTHING_TO_REDUCE, TOLD_ORDER
from huracan.sim.kernel.book_latency import set_response
from huracan.sim.kernel.book_places import NOBODY, take_away, tick_at
from huracan.sim.kernel.book_queue import after_depth, excess
from huracan.sim.kernel.groups import RECORD
from huracan.sim.kernel.ledger import book
from huracan.sim.kernel.margin import cut_to_money
from huracan.sim.kernel.orderbook import count
from huracan.sim.kernel.reports import next_report
from huracan.sim.layout import Execution
from huracan.sim.options import part, rare
from huracan.sim.prices import price_of_tick, quantity_down, quantity_on_lot, unit_value


@rare
def tell_order(v, r, state, arrived, taken_ns, ts_ns):
    """How an order stands now."""
    w = next_report(v, TOLD_ORDER, r.inst, ts_ns)
    w.slot = r.slot
    w.id = r.id
    w.state = state
    w.kind = r.kind
    w.arrived = arrived
    w.taken_ns = taken_ns
    w.qty = r.qty
    w.left = r.left
    w.price = r.price
    w.trigger = r.trigger


@part
def write_down(v, r, ts_ns, filled):
    """An order is done: how long it rested and how much of it filled."""
    if RECORD:
        n = v.rec.n[5]
        o = v.rec.orders[n]
        o.id = r.id
        o.inst = r.inst
        o.side = r.side
        o.rested_ns = r.rested_ns
        o.done_ns = ts_ns
        o.price = r.price
        o.qty = r.qty
        o.filled = filled
        o.maker = 1 if r.rested_ns >= 0 else 0
        v.rec.n[5] = n + 1


@rare
def finish(v, j, reason, ts_ns):
    """An order is done; `reason` 0 when it has simply filled."""
    r = v.market.rests[j]
    if r.cell >= 0:
        take_away(v.market, v.tape.width, j)
    if reason != 0:
        count(v, reason)
    r.state = EMPTY
    v.desks[r.inst].n_live -= 1
    write_down(v, r, ts_ns, r.qty - r.left)
    tell_order(v, r, EMPTY, 1, -1, ts_ns)


@part
def taker_costs(v, k, side, qty, price):
    """(half the spread, what was paid beyond the best price), in money; 0 where a side of the book is empty."""
    bid = v.market.best[2 * k]
    ask = v.market.best[2 * k + 1]
    if bid < 0 or ask < 0:
        return 0.0, 0.0
    rule = v.rules[k]
    low = price_of_tick(rule, tick_at(v.tape, 2 * k, bid))
    high = price_of_tick(rule, tick_at(v.tape, 2 * k + 1, ask))
    touch = unit_value(rule, high if side > 0 else low)
    mid = unit_value(rule, 0.5 * (low + high))
    return qty * side * (touch - mid), qty * side * (unit_value(rule, price) - touch)


@rare
def execute(v, j, qty, price, maker, ts_ns):
    """Order j executes `qty` at `price`, as far as the account allows; returns how much that was."""
    r = v.market.rests[j]
    t = v.settings
    k = r.inst
    if r.reduce == 1:
        held = quantity_down(v.rules[k], max(-r.side * v.positions[k].qty, 0.0))
        if not held > 0.0:
            finish(v, j, NOTHING_TO_REDUCE, ts_ns)
            return 0.0
        qty = min(qty, held)
    bps = t.fee_maker_bps if maker == 1 else t.fee_taker_bps
    qty, why = cut_to_money(v, k, r.side, qty, price, bps)
    if qty > 0.0:
        v.acct.ts_ns = ts_ns
        spread, slippage = (0.0, 0.0) if maker == 1 else taker_costs(v, k, r.side, qty, price)
        book(
            v, Execution(k, r.side, qty, price, maker, r.reason, r.id, r.tag, bps, spread, slippage, 0.0, ts_ns, False)
        )
        left = quantity_on_lot(v.rules[k], r.left - qty)
        r.left = left if left > 1e-9 * r.qty else 0.0
    if why != 0:
        finish(v, j, why, ts_ns)
    elif not r.left > 0.0:
        finish(v, j, 0, ts_ns)
    else:
        v.stats.partial += 1
        if r.cell >= 0:
            tell_order(v, r, LIVE, 1, -1, ts_ns)
    return qty


@rare
def fill_resting(lanes, market, tape, rec, j, qty, ts_ns):
    """`qty` of resting order j executes at its price; returns how much that was."""
    r = market.rests[j]
    c = r.lane
    v = BookVenue(
        lanes.acct[c], lanes.positions[c], lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c],
        rec, lanes.own_acct[c], lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c],
        market.bars, lanes.book_settings[c], market, tape, c, 1 + c * (lanes.own_orders.shape[1] + MARKS),
    )  # fmt: skip
    set_response(v, ts_ns, r.id)
    return execute(v, j, qty, r.price, 1, ts_ns)


@rare
def drop_resting(lanes, market, tape, rec, j, reason, ts_ns):
    """Resting order j is cancelled."""
    c = market.rests[j].lane
    v = BookVenue(
        lanes.acct[c], lanes.positions[c], lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c],
        rec, lanes.own_acct[c], lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c],
        market.bars, lanes.book_settings[c], market, tape, c, 1 + c * (lanes.own_orders.shape[1] + MARKS),
    )  # fmt: skip
    set_response(v, ts_ns, market.rests[j].id)
    finish(v, j, reason, ts_ns)


@rare
def level_changed(lanes, market, tape, cell, now):
    """A level that own orders rest at holds another quantity: their queues move."""
    before = float(market.lots[cell])
    j = market.heads[cell]
    while j != NOBODY:
        r = market.rests[j]
        if r.state == EATEN:  # the market has said what stands there
            after = r.next
            take_away(market, tape.width, j)
            r.state = EMPTY
            j = after
            continue
        s = lanes.book_settings[r.lane]
        r.front = after_depth(s.queue, s.power, tape.spans[r.inst].lot, r.front, r.traded, before, float(now))
        r.traded = 0.0
        j = r.next


@rare
def best_moved_onto(lanes, market, tape, rec, side, x, ts_ns):
    """The best of the other side has moved to x of this side or better: who rests there fills whole."""
    width = tape.width
    base = side << width
    while market.most[2 * side] >= x:
        j = market.heads[base + market.most[2 * side]]
        r = market.rests[j]
        if r.state == EATEN:
            take_away(market, width, j)
            r.state = EMPTY
            continue
        fill_resting(lanes, market, tape, rec, j, r.left, ts_ns)
        if r.state != EMPTY:  # it may reduce no further, and can't rest where the market has passed
            drop_resting(lanes, market, tape, rec, j, NOTHING_TO_REDUCE, ts_ns)


@rare
def traded_at(lanes, market, tape, rec, side, x, event, lots, ts_ns):
    """Takers took `lots` at x of this side: better own orders fill whole, those at x by their place in the queue.

    `event` is the number of the trade in the exchange's stream.
    """
    best_moved_onto(lanes, market, tape, rec, side, x + 1, ts_ns)
    width = tape.width
    j = market.heads[(side << width) + x]
    while j != NOBODY:
        r = market.rests[j]
        after = r.next
        if r.state == EATEN:
            j = after
            continue
        s = lanes.book_settings[r.lane]
        own = lanes.clocks[r.lane]
        if own.trade != event:  # what own orders of a lane take of one trade they share
            own.trade = event
            own.given = 0.0
        r.front -= lots
        r.traded += lots
        over = excess(r.front)
        if over > 0:
            r.front = 0.0
            lot = tape.spans[r.inst].lot
            qty = r.left
            if s.partial == 1:
                qty = min(r.left, max(over - own.given, 0.0) * lot)
            if qty > 0.0:
                done = fill_resting(lanes, market, tape, rec, j, qty, ts_ns)
                own.given += done / lot
        j = after
