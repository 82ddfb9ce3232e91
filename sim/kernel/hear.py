"""What decides takes in the reports that have arrived, into a ledger of its own, and sends its orders to the venue.

Only here and in `route` do the two ledgers meet: nothing that decides reads a record of the venue.
"""

from __future__ import annotations

from huracan.sim.codes import BANKRUPT, DORMANT, EMPTY, LIVE, NEVER, TOLD_FILL, TOLD_FUNDING, TOLD_INTEREST, TOLD_ORDER
from huracan.sim.kernel.advance import dispatch
from huracan.sim.kernel.decide import enter_book
from huracan.sim.kernel.groups import VENUE
from huracan.sim.kernel.ledger import take_in
from huracan.sim.kernel.marks import wake_for_requests
from huracan.sim.kernel.orderbook import count
from huracan.sim.kernel.reports import note, tell_orders
from huracan.sim.kernel.values import unit_value
from huracan.sim.options import part, rare
from huracan.sim.order_slots import NAN
from huracan.sim.record_copy import copy_record


@part
def hear_order(v, w):
    """How one of the own orders stands."""
    r = v.own_orders[w.slot]
    if r.id != w.id:
        return
    r.state = w.state
    r.kind = w.kind
    r.arrived = w.arrived
    r.qty = w.qty
    r.left = w.left
    r.price = w.price
    r.trigger = w.trigger
    if r.modify_row != NEVER and w.taken_ns == r.modify_ns:
        r.new_qty = NAN
        r.new_price = NAN
        r.new_trigger = NAN
        r.modify_row = NEVER
        r.modify_ns = NEVER


@part
def hear_one(v, w):
    """One report into the own ledger."""
    a = v.own_acct
    if w.what == TOLD_FILL:
        take_in(a, v.own_positions[w.inst], v.rules[w.inst], w.qty, w.price, w.fee, w.received, v.settings)
    elif w.what == TOLD_ORDER:
        hear_order(v, w)
    elif w.what == TOLD_FUNDING:
        a.cash -= w.fee
        a.funding += w.fee
    elif w.what == TOLD_INTEREST:
        a.cash -= w.fee
        a.interest += w.fee
    else:
        a.bankrupt = 1


@rare
def hear(v, moment):
    """Take in what has arrived by now; returns how many reports that was.

    In a replay it is what had arrived at this moment when the reports were written down.
    """
    m = v.mail
    heard = 0
    while m.tail < m.head:
        w = v.reports[m.tail % len(v.reports)]
        if VENUE:
            if w.arrive_ns > v.own_acct.ts_ns:
                break
            w.heard = moment
        elif w.heard > moment:
            break
        hear_one(v, w)
        m.tail += 1
        heard += 1
    return heard


@part
def mark_own(v):
    """Equity and its peak as what decides knows them."""
    a = v.own_acct
    value = 0.0
    for k in range(len(v.own_positions)):
        q = v.own_positions[k].qty
        if q != 0.0:
            value += q * unit_value(v.rules[k], v.own_positions[k].mark)
    a.equity = a.cash + value
    a.peak = max(a.peak, a.equity)


@part
def marks_of_bars(v):
    """The last closes are the marks."""
    for k in range(len(v.own_positions)):
        if v.bars[k].fresh == 1:
            v.own_positions[k].mark = v.bars[k].close


@rare
def before_decision(v, row_index, row):
    """The own clock, what has arrived, and what it is worth now."""
    a = v.own_acct
    a.row = row_index
    a.ts_ns = row.close_ns
    known = a.bankrupt
    heard = hear(v, 2 * row_index)
    if known == 1:
        if heard > 0:
            mark_own(v)
        return
    a.open_ns = row.open_ns
    marks_of_bars(v)
    if row.live == 1:  # before the start there is nothing but prices
        mark_own(v)


@rare
def after_decision(v, row_index):
    """What the close itself has brought, where reports take no time."""
    if hear(v, 2 * row_index + 1) > 0:
        mark_own(v)


@part
def hand_over(v, j):
    """The venue's copy of an order that has been sent; from here on the two differ by what has not been told."""
    copy_record(v.orders[j], v.own_orders[j])
    note(v.told[j], v.orders[j])


@rare
def route(v, j):
    """A want becomes an order under way to the venue, with its bracket's children."""
    r = v.own_orders[j]
    r.state = LIVE
    dispatch(v.own_acct, v.settings, r)
    if VENUE:
        hand_over(v, j)
        if r.take >= 0:
            hand_over(v, r.take)
        if r.stop >= 0:
            hand_over(v, r.stop)
        if v.acct.bankrupt == 1:  # decided before the news
            count(v, BANKRUPT)
            v.orders[j].state = EMPTY
            if r.take >= 0:
                v.orders[r.take].state = EMPTY
            if r.stop >= 0:
                v.orders[r.stop].state = EMPTY
            tell_orders(v, v.acct.ts_ns)
        else:
            enter_book(v, j)


@part
def pass_on(o, r):
    """Requests for one order; what the venue has carried out already is not asked again."""
    o.cancel_row = r.cancel_row
    o.cancel_ns = r.cancel_ns
    if r.modify_row != NEVER and r.modify_ns != o.taken_ns:
        o.modify_row = r.modify_row
        o.modify_ns = r.modify_ns
        o.new_qty = r.new_qty
        o.new_price = r.new_price
        o.new_trigger = r.new_trigger


@rare
def route_requests(v):
    """The step's books are closed; cancels and modifies are under way. One that finds its order gone does nothing."""
    a = v.own_acct
    a.n_new = 0
    a.first_new = a.next_id
    if a.n_requests > 0:
        a.n_requests = 0
        if VENUE:
            for j in range(len(v.orders)):
                r = v.own_orders[j]
                o = v.orders[j]
                if r.id == o.id and o.state != EMPTY and (r.state == LIVE or r.state == DORMANT):
                    pass_on(o, r)
            wake_for_requests(v)
