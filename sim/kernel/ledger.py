"""One execution goes into the books: cash, position, fees, and the trade that runs from flat to flat."""

from __future__ import annotations

from huracan.sim.codes import SPOT
from huracan.sim.costs.fee import fee
from huracan.sim.kernel.groups import RECORD, SPLIT, SPOTS
from huracan.sim.kernel.margin import note_risk
from huracan.sim.kernel.reports import tell_fill
from huracan.sim.kernel.values import unit_notional, unit_value
from huracan.sim.options import part, rare
from huracan.sim.prices import quantity_on_lot


@part
def is_dust(rule, qty, price):
    """Too little to be ordered: below the lot or the minimum notional."""
    if qty == 0.0:
        return False
    if rule.lot_num != 0 and abs(qty) * rule.lot_den < rule.lot_num * (1.0 - 1e-9):
        return True
    return rule.min_notional > 0.0 and abs(qty) * unit_notional(rule, price) < rule.min_notional * (1.0 - 1e-12)


@part
def mark_excursion(desk, rule, qty, price):
    """Remember the best and the worst that the position's open profit has been."""
    g = qty * unit_value(rule, price) - (desk.basis if qty > 0.0 else -desk.basis)
    if g < desk.mae:
        desk.mae = g
    if g > desk.mfe:
        desk.mfe = g


@part
def begin_trade(v, e):
    """From flat: nothing bought, sold or paid yet; dust that is still held comes in at what it cost."""
    d = v.desks[e.inst]
    d.side = e.side
    d.entry_ns = e.ts_ns
    d.inside = v.acct.row if e.inside else -1
    d.in_qty = 0.0
    d.in_price = 0.0
    d.in_value = d.basis
    d.out_qty = 0.0
    d.out_price = 0.0
    d.out_value = 0.0
    d.fees = 0.0
    d.funding = 0.0
    d.mae = 0.0
    d.mfe = 0.0


@part
def end_trade(v, e):
    """To flat: count the trade, and write it out in a recording build. What dust cost is no loss of this trade."""
    d = v.desks[e.inst]
    s = v.stats
    pnl = d.side * (d.out_value - (d.in_value - d.basis)) - d.fees - d.funding
    s.trades += 1
    if pnl > 0.0:
        s.wins += 1
    if RECORD:
        n = v.rec.n[1]
        t = v.rec.trades[n]
        t.entry_ns = d.entry_ns
        t.exit_ns = e.ts_ns
        t.inst = e.inst
        t.side = d.side
        t.exit_reason = e.reason
        t.qty = d.in_qty
        t.entry_price = d.in_price / d.in_qty
        t.exit_price = d.out_price / d.out_qty
        t.fees = d.fees
        t.funding = d.funding
        t.pnl = pnl
        t.mae = d.mae
        t.mfe = d.mfe
        v.rec.n[1] = n + 1
    d.side = 0


@part
def book_trade(v, e, old, new, received, cost):
    """Split an execution into what closes the open trade and what begins or adds to one; the fee goes by quantity."""
    d = v.desks[e.inst]
    rule = v.rules[e.inst]
    qty = abs(received)
    leaving = 0.0
    over = False
    if old * e.side < 0.0:
        leaving = min(qty, abs(old))
        over = leaving < qty or new == 0.0 or is_dust(rule, new, e.price)
        if RECORD:
            if over:
                mark_excursion(d, rule, old, e.price)
        d.basis = 0.0 if leaving == abs(old) or new == 0.0 else d.basis - d.basis * (leaving / abs(old))
    if leaving > 0.0 and d.side != 0:  # without a trade it is dust that goes
        d.out_qty += leaving
        d.out_price += leaving * e.price
        d.out_value += leaving * unit_value(rule, e.price)
        d.fees += cost * (leaving / e.qty)
        if over:
            end_trade(v, e)
            if new != 0.0 and leaving == qty:
                v.stats.dust += 1
    entering = qty - leaving
    if entering > 0.0 and new != 0.0:  # flat but for rounding is flat
        if d.side == 0:
            begin_trade(v, e)
        worth = entering * unit_value(rule, e.price)
        d.in_qty += entering
        d.in_price += entering * e.price
        d.in_value += worth
        d.basis += worth
        d.fees += cost * ((e.qty - leaving) / e.qty)


@part
def kept_from(old, qty):
    """How much of a spot buy pays its fee in base: what does not cover a short, which is owed back in full."""
    return min(qty, max(qty + old, 0.0))


@part
def take_in(a, p, rule, traded, price, cost, received, t):
    """An execution of `traded` (with its sign) into an account and a position, the venue's or the own.

    `received` is less than what was traded where the fee is taken from it. Returns what is held then.
    """
    old = p.qty
    if SPOTS and t.fee_in_base == 1 and traded > 0.0 and rule.contract == SPOT:
        kept = kept_from(old, traded)
        a.cash -= traded * unit_value(rule, price) + cost * ((traded - kept) / traded)
        new = old + received if kept > 0.0 else quantity_on_lot(rule, old + received, old)
    else:
        a.cash -= traded * unit_value(rule, price) + cost
        new = quantity_on_lot(rule, old + received, max(abs(old), abs(received)))
    p.largest = max(p.largest, max(abs(old), abs(received)))
    if abs(new) <= 1e-12 * p.largest:
        new = 0.0  # what is left is the rounding of the largest sum on the way
    a.fees += cost
    if old * received >= 0.0:
        p.avg_price = (p.avg_price * abs(old) + price * abs(received)) / (abs(old) + abs(received))
        if old == 0.0:
            p.entry_row = a.row
    elif old * new < 0.0:
        p.avg_price = price
        p.entry_row = a.row
        p.largest = abs(new)
    elif new == 0.0:
        p.avg_price = 0.0
        p.largest = 0.0
    p.qty = new
    return new


@part
def book(v, e):
    """Book one execution in the venue's ledger."""
    a = v.acct
    p = v.positions[e.inst]
    s = v.stats
    rule = v.rules[e.inst]
    notional = e.qty * unit_notional(rule, e.price)
    cost = fee(notional, e.fee_share)
    traded = e.side * e.qty
    received = traded
    old = p.qty
    if SPOTS and v.settings.fee_in_base == 1 and e.side > 0 and rule.contract == SPOT:
        received -= kept_from(old, e.qty) * e.fee_share
    new = take_in(a, p, rule, traded, e.price, cost, received, v.settings)
    if SPLIT:
        tell_fill(v, e, cost, received)
    s.fills += 1
    s.traded += notional
    s.spread += e.spread
    s.slippage += e.slippage
    s.impact += e.impact
    if RECORD:
        n = v.rec.n[0]
        f = v.rec.fills[n]
        f.ts_ns = e.ts_ns
        f.inst = e.inst
        f.side = e.side
        f.maker = e.maker
        f.order_id = e.order_id
        f.reason = e.reason
        f.tag = e.tag
        f.qty = e.qty
        f.price = e.price
        f.fee = cost
        f.spread = e.spread
        f.slippage = e.slippage
        f.impact = e.impact
        v.rec.n[0] = n + 1
    note_risk(v)
    book_trade(v, e, old, new, received, cost)


@rare
def book_rarely(v, e):
    """`book` for places that are seldom reached: a call instead of a copy of it."""
    book(v, e)
