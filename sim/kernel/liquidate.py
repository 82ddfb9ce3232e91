"""The account is closed out by the venue."""

from __future__ import annotations

from huracan.sim.codes import BY_LIQUIDATION, LIQUIDATED
from huracan.sim.kernel.ledger import book_rarely
from huracan.sim.kernel.margin import liquidation_price, maintenance, others
from huracan.sim.kernel.orderbook import cancel_everything
from huracan.sim.kernel.values import unit_notional, unit_value
from huracan.sim.layout import Execution
from huracan.sim.options import part, rare


@rare
def liquidate_at(v, k, x, ts_ns, inside):
    """Close everything: instrument k at x (k < 0: none), the others at their last mark; cancel every order."""
    t = v.settings
    for j in range(len(v.positions)):
        q = v.positions[j].qty
        if q != 0.0:
            price = x if j == k else v.positions[j].mark
            side = -1 if q > 0.0 else 1
            book_rarely(
                v,
                Execution(j, side, abs(q), price, 0, BY_LIQUIDATION, 0, 0, t.fee_forced, 0.0, 0.0, 0.0, ts_ns, inside),
            )
    v.stats.liquidations += 1
    cancel_everything(v, LIQUIDATED)


@part
def is_gone(v, k, x, liquidation):
    """Whether at price x the account is down to its maintenance already; NaN: no price brings it there."""
    return x <= liquidation if v.positions[k].qty > 0.0 else x >= liquidation


@rare
def liquidate_inside(v, k, x, high, low):
    """On the path of a bar from its open x, where no order rests: it meets nothing else, whichever extreme is first.

    The same price as path.walk finds, which a build without resting orders does without.
    """
    worst = low if v.positions[k].qty > 0.0 else high
    price = liquidation_price(v, k, x)
    if not is_gone(v, k, x, price):
        x = price
        if not is_gone(v, k, worst, price):
            x = worst
            if not is_gone(v, k, x, liquidation_price(v, k, x)):
                return
    liquidate_at(v, k, x, v.acct.ts_ns, True)


@rare
def liquidate_at_open(v):
    """Before the orders of an instant's opens: where equity is down to maintenance.

    That is at an instrument's open, the others at their last mark.
    """
    t = v.settings
    for k in range(len(v.positions)):
        q = v.positions[k].qty
        if v.stats.risky == 0 or v.bars[k].fresh == 0 or q == 0.0:
            continue
        equity, need = others(v, k)
        x = v.bars[k].open
        equity += q * unit_value(v.rules[k], x)
        need += maintenance(t, abs(q) * unit_notional(v.rules[k], x))
        if equity <= need:
            liquidate_at(v, k, x, v.acct.open_ns, False)
