"""What starts orders that wait at the venue: a trade at a stop's price or the touch there, or the end of their time."""

from __future__ import annotations

import math

from huracan.sim.book_layout import NEXT_TIMER, BookVenue
from huracan.sim.codes import BY_TIME, EXPIRED, LIMIT, LIVE, MARKET, NEVER, STOP_LIMIT, TIME_EXIT
from huracan.sim.kernel.book_arrivals import meet, settle
from huracan.sim.kernel.book_fills import done
from huracan.sim.kernel.book_latency import set_response
from huracan.sim.kernel.book_leave import off_lists
from huracan.sim.kernel.book_places import NOBODY, first_of
from huracan.sim.kernel.book_stops import reaches, take_into_band, touch_price, trigger_of
from huracan.sim.kernel.levels import follow
from huracan.sim.kernel.orderbook import drop_child
from huracan.sim.options import part, rare
from huracan.sim.reference import refer


@part
def price_news(lanes, market, ground, rec, k, price, ts_ns):
    """A trade of instrument k; stops look at it only outside the band in which nothing happens to any of them."""
    market.last[k] = price
    if price >= market.band[2 * k] or price <= market.band[2 * k + 1]:
        wake_stops(lanes, market, ground, rec, k, price, price, 0, ts_ns)


@rare
def touch_news(lanes, market, ground, rec, k, ts_ns):
    """The touch of instrument k has moved while stops wait."""
    bid = touch_price(market, ground, lanes.rules, 2 * k)
    ask = touch_price(market, ground, lanes.rules, 2 * k + 1)
    high = ask if ask == ask else bid
    low = bid if bid == bid else ask
    if high >= market.band[2 * k] or low <= market.band[2 * k + 1]:
        wake_stops(lanes, market, ground, rec, k, bid, ask, 1, ts_ns)


@rare
def wake_stops(lanes, market, ground, rec, k, bid, ask, by_quote, ts_ns):
    """Stops follow the price, those that it reaches go to market in the order in which they began to wait.

    Those that sell look at `bid`, those that buy at `ask`: of a trade both are its price.
    """
    i = market.watch[2 * k]
    while i != NOBODY:
        r = market.rests[i]
        after = r.next
        price = ask if r.side > 0 else bid
        if r.watched == 1 and price == price and lanes.book_settings[r.lane].by_quote == by_quote:  # else it has gone
            follow(r, price)
            if reaches(price, r, trigger_of(lanes.rules[k], r)):
                pull(lanes, market, ground, rec, i, ts_ns)
        i = after
    market.band[2 * k] = math.inf
    market.band[2 * k + 1] = -math.inf
    i = market.watch[2 * k]
    while i != NOBODY:
        take_into_band(market.band, lanes.rules[k], market.rests[i])
        i = market.rests[i].next


@rare
def pull(lanes, market, ground, rec, i, ts_ns):
    """The stop at place i of the pool is triggered."""
    r = market.rests[i]
    c = r.lane
    first = first_of(lanes, c)
    v = refer(BookVenue(
        lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
        lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
        lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
        lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
    ))  # fmt: skip
    v.acct.ts_ns = ts_ns
    set_response(v, ts_ns, r.id)
    off_lists(v, r.slot)
    r.kind = LIMIT if r.kind == STOP_LIMIT else MARKET
    meet(v, r.slot, -1)
    if v.stats.busy == 1:
        settle(v)


@rare
def times_up(lanes, market, ground, rec, lo, hi, now):
    """Orders whose life has ended, and brackets held for long enough; sets when the next one's time is."""
    market.at[NEXT_TIMER] = NEVER
    soonest = NEVER
    for c in range(lo, hi):
        if lanes.clocks[c].next_step >= NEVER:
            continue  # the run is over for this lane
        first = first_of(lanes, c)
        v = refer(BookVenue(
            lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
            lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
            lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
            lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
        ))  # fmt: skip
        for j in range(len(v.orders)):
            r = v.orders[j]
            if r.state == LIVE and min(r.die_ns, r.hold_ns) <= now:
                v.acct.ts_ns = now
                set_response(v, now, r.id)
                if r.die_ns <= now:
                    done(v, j, EXPIRED)
                else:
                    leave_bracket(v, j)
                if v.stats.busy == 1:
                    settle(v)
        for j in range(len(v.orders)):
            r = v.orders[j]
            if r.state == LIVE:
                soonest = min(soonest, min(r.die_ns, r.hold_ns))
    market.at[NEXT_TIMER] = min(market.at[NEXT_TIMER], soonest)


@rare
def leave_bracket(v, j):
    """A bracket's time is up: the rest of its entry and its target go, the stop leaves at market."""
    r = v.orders[j]
    if r.entry >= 0:
        done(v, r.entry, TIME_EXIT)
    if r.take >= 0:
        drop_child(v, r.take)
    off_lists(v, j)
    r.hold_ns = NEVER
    r.kind = MARKET
    r.reason = BY_TIME
    meet(v, j, -1)
