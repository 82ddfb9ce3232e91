"""What an account may hold, and when it may no longer: buying power, maintenance, the price of liquidation."""

from __future__ import annotations

import math

from huracan.sim.codes import CUT_TO_CASH, CUT_TO_MARGIN, INVERSE, SHORT_WITHOUT_BORROW, SPOT
from huracan.sim.kernel.groups import INVERSES, MARGIN, SPOTS
from huracan.sim.kernel.values import unit_notional, unit_value
from huracan.sim.options import part, rare
from huracan.sim.prices import price_ticks_away, quantity_down

# Rounding may not leave a spot account a fraction of a cent below zero.
SHY = 1.0 - 1e-15
NEARLY = 1e-9  # less than this is rounding, not a cut


@part
def quantity_up(rule, qty):
    """`qty` as it is without a lot; with one it stays on the lot, which rounding of the money may not undo."""
    return qty if rule.lot_num == 0 else math.inf


@part
def paid_for(t, unit, fee_share):
    """Cash that a unit takes on a spot account, with its fee."""
    return unit if t.fee_in_base == 1 else unit * (1.0 + fee_share)


@part
def surely_paid(v, k, side, more, price, fee_share):
    """Whether cash is surely enough for so much on a spot account: most orders need no division to know."""
    if v.settings.all_spot == 0 or side < 0:
        return False
    return more * paid_for(v.settings, unit_notional(v.rules[k], price), fee_share) < v.acct.cash * (1.0 - NEARLY)


@rare
def wallet(v):
    """Cash but for what contracts pay for their positions in full: below zero it is borrowed."""
    cash = v.acct.cash
    for k in range(len(v.positions)):
        if v.rules[k].contract != SPOT:
            cash += v.desks[k].basis if v.positions[k].qty > 0.0 else -v.desks[k].basis
    return cash


@part
def room(v, k, side, price, fee_share, reducing):
    """How much the position may grow at `price` after `reducing` of it has been closed there: not yet floored."""
    a = v.acct
    t = v.settings
    rule = v.rules[k]
    unit = unit_notional(rule, price)
    if t.all_spot == 1:
        return a.cash / paid_for(t, unit, fee_share) * SHY if side > 0 else 0.0
    equity = a.cash
    exposure = 0.0
    for j in range(len(v.positions)):
        q = v.positions[j].qty
        if q != 0.0:
            mark = price if j == k else v.positions[j].mark
            equity += q * unit_value(v.rules[j], mark)
            exposure += abs(q) * unit_notional(v.rules[j], mark)
    exposure -= reducing * unit
    equity -= reducing * unit * fee_share
    return (t.leverage * equity - exposure) / (unit * (1.0 + t.leverage * fee_share)) * SHY


@part
def cut_to_money(v, k, side, qty, price, fee_share):
    """(quantity that the account allows at this price, the reason of the cut or 0)."""
    held = v.positions[k].qty
    reducing = min(qty, max(-side * held, 0.0))
    more = qty - reducing
    if not more > 0.0:
        return qty, 0
    if surely_paid(v, k, side, more, price, fee_share):
        return reducing + more, 0
    most = room(v, k, side, price, fee_share, reducing)
    why = CUT_TO_MARGIN
    if SPOTS and v.settings.borrow == 0 and v.rules[k].contract == SPOT:
        why = SHORT_WITHOUT_BORROW
        if side > 0:
            why = CUT_TO_CASH
            if MARGIN:
                if v.settings.all_spot == 0:
                    own = wallet(v) / paid_for(v.settings, unit_notional(v.rules[k], price), fee_share) * SHY
                    why = CUT_TO_CASH if own <= max(most, 0.0) + NEARLY * qty else CUT_TO_MARGIN
                    most = min(most, own)
        else:
            most = 0.0
    if more <= NEARLY * qty:
        return reducing + min(more, max(most, 0.0)), 0
    if more <= most * (1.0 + NEARLY):
        return reducing + min(more, quantity_up(v.rules[k], most)), 0
    allowed = max(most, 0.0)
    if allowed <= NEARLY * more:
        allowed = 0.0
    return quantity_down(v.rules[k], reducing + allowed), why


@part
def tier(t, notional):
    """The tier that a notional falls in."""
    i = 0
    while i + 1 < t.n_tiers and notional >= t.tier_from[i + 1]:
        i += 1
    return i


@part
def maintenance(t, notional):
    """Margin that must stay: marginal tiers."""
    i = tier(t, notional)
    return notional * t.tier_rate[i] - t.tier_less[i]


@part
def note_risk(v):
    """Remember whether prices alone could bring the account to its maintenance: longs that are fully paid can't."""
    if MARGIN:
        risky = 0
        if v.settings.all_spot == 0:
            for k in range(len(v.positions)):
                q = v.positions[k].qty
                if q < 0.0 or (q > 0.0 and (v.acct.cash < 0.0 or INVERSES and v.rules[k].contract == INVERSE)):
                    risky = 1
        v.stats.risky = risky


@part
def in_danger(v):
    """Whether the account might touch its maintenance in this row, every position at its own worst.

    Never misses, may cry wolf: in another's path a position still stands at its last mark, outside this bar perhaps.
    """
    if v.stats.risky == 0:
        return False
    a = v.acct
    t = v.settings
    worst = a.cash
    need = 0.0
    for k in range(len(v.positions)):
        q = v.positions[k].qty
        if q != 0.0:
            b = v.bars[k]
            px = v.positions[k].mark
            if b.fresh == 1:
                px = min(px, b.low) if q > 0.0 else max(px, b.high)
            worst += q * unit_value(v.rules[k], px)
            need += abs(q) * unit_notional(v.rules[k], px) * t.max_rate
    return worst <= need


@part
def others(v, k):
    """(equity without instrument k, maintenance of the others), at their last marks."""
    equity = v.acct.cash
    need = 0.0
    for j in range(len(v.positions)):
        q = v.positions[j].qty
        if j != k and q != 0.0:
            mark = v.positions[j].mark
            equity += q * unit_value(v.rules[j], mark)
            need += maintenance(v.settings, abs(q) * unit_notional(v.rules[j], mark))
    return equity, need


@part
def on_tick(rule, price):
    """`price` on the tick if it is there but for rounding: at one level liquidation comes before an order."""
    if rule.tick_num == 0:
        return price
    near = price_ticks_away(rule, price, 0)
    return near if abs(near - price) <= NEARLY * price else price


@rare
def liquidation_price(v, k, x):
    """The price of instrument k at which equity meets maintenance, all else at its last mark; NaN if there is none.

    It is x, where the price stands, if equity is down to maintenance there.
    """
    t = v.settings
    q = v.positions[k].qty
    if t.all_spot == 1 or q == 0.0:
        return math.nan
    equity, need = others(v, k)
    rule = v.rules[k]
    if equity + q * unit_value(rule, x) <= need + maintenance(t, abs(q) * unit_notional(rule, x)):
        return x
    spare = equity - need
    m = rule.multiplier
    for i in range(t.n_tiers):
        rate = t.tier_rate[i]
        if INVERSES and rule.contract == INVERSE:
            y = (spare + t.tier_less[i]) / (m * (q + abs(q) * rate))
            p = 1.0 / y
        else:
            p = -(spare + t.tier_less[i]) / (m * (q - abs(q) * rate))
        if p > 0.0 and p < math.inf:
            n = abs(q) * unit_notional(rule, p)
            if n >= t.tier_from[i] and (i + 1 == t.n_tiers or n < t.tier_from[i + 1]):
                return on_tick(rule, p)
    return math.nan
