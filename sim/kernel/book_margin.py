"""Maintenance on a book: an account is closed out at the change of a best price at which its equity is down to it.

Looking at every lane at every change would cost more than all the rest. So each account with a risk knows how far a
mid may move before it could be there, and the nearest of them is written down as a place on each side of the book.
"""

from __future__ import annotations

import math

from huracan.sim.book_layout import BookVenue
from huracan.sim.codes import INVERSE
from huracan.sim.kernel.book_latency import set_response
from huracan.sim.kernel.book_places import bid_x, first_of, tick_at
from huracan.sim.kernel.groups import INVERSES
from huracan.sim.kernel.liquidate import liquidate_at
from huracan.sim.kernel.margin import others
from huracan.sim.options import part, rare
from huracan.sim.prices import price_of_tick, tick_of_price
from huracan.sim.reference import refer

SAFE = 1.0 - 1e-9  # rounding may make the band narrower, never wider
NOW = 1 << 40  # a place that every best is beyond
NOWHERE = -2  # a place that none is


@rare
def mark_venue(v):
    """The exchange's own mids are the venue's marks."""
    for k in range(len(v.positions)):
        bid = v.market.best[2 * k]
        ask = v.market.best[2 * k + 1]
        if bid >= 0 and ask >= 0:
            low = price_of_tick(v.rules[k], tick_at(v.ground, 2 * k, bid))
            high = price_of_tick(v.rules[k], tick_at(v.ground, 2 * k + 1, ask))
            v.positions[k].mark = 0.5 * (low + high)


@part
def is_near(market, side):
    """Whether the bests of this instrument stand where some account might be down to its maintenance."""
    bid = side & ~1
    return market.best[bid] <= market.danger[bid] or market.best[bid + 1] <= market.danger[bid + 1]


@rare
def narrow(v):
    """The band of an account as it stands now is kept to."""
    if v.stats.risky == 0:
        return
    mark_venue(v)
    equity, need = others(v, -1)
    spare = equity - need
    held = 0
    for k in range(len(v.positions)):
        if v.positions[k].qty != 0.0:
            held += 1
    for k in range(len(v.positions)):
        p = v.positions[k]
        if p.qty != 0.0:
            side = 2 * k if p.qty > 0.0 else 2 * k + 1
            v.market.danger[side] = max(v.market.danger[side], place_of_danger(v, k, spare / held * SAFE))


@part
def place_of_danger(v, k, spare):
    """x of the best price, of bids for a long position and of asks for a short one, down to which `spare` is enough."""
    rule = v.rules[k]
    q = v.positions[k].qty
    mark = v.positions[k].mark
    if not spare > 0.0:
        return NOW
    step = spare / (abs(q) * rule.multiplier * (1.0 + v.settings.max_rate))
    price = mark - step if q > 0.0 else mark + step
    if INVERSES and rule.contract == INVERSE:
        price = 1.0 / (1.0 / mark + step) if q > 0.0 else 1.0 / max(1.0 / mark - step, 0.0)
    if not price > 0.0 or not price < math.inf:
        return NOWHERE
    near = tick_of_price(rule, price)
    x = bid_x(v.ground, k, near + 1 if q > 0.0 else near - 1)
    return x if q > 0.0 else ((1 << v.ground.width) - 1) - x


@rare
def margin_calls(lanes, market, ground, rec, lo, hi, ts_ns):
    """Every account with a risk: closed out where its equity is down to maintenance at the mids, else its band anew."""
    for s in range(len(market.danger)):
        market.danger[s] = NOWHERE
    for c in range(lo, hi):
        if lanes.stats[c].risky == 1 and lanes.acct[c].bankrupt == 0:
            first = first_of(lanes, c)
            v = refer(BookVenue(
                lanes.acct[c], market.rests[first : first + lanes.own_orders.shape[1]], lanes.positions[c],
                lanes.desks[c], lanes.stats[c], lanes.rules, lanes.settings[c], rec, lanes.own_acct[c],
                lanes.own_orders[c], lanes.own_positions[c], lanes.reports[c], lanes.mail[c], lanes.bars,
                lanes.book_settings[c], market, ground, c, first, lanes.pushed[c],
            ))  # fmt: skip
            mark_venue(v)
            equity, need = others(v, -1)
            if equity <= need:
                v.acct.ts_ns = ts_ns
                set_response(v, ts_ns, 0)
                liquidate_at(v, -1, 0.0, ts_ns, False)
            else:
                narrow(v)
