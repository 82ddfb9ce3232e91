"""The account is closed out by the venue."""

from __future__ import annotations

from huracan.sim.codes import BY_LIQUIDATION, LIQUIDATED
from huracan.sim.kernel.ledger import book_rarely
from huracan.sim.kernel.margin import maintenance, others
from huracan.sim.kernel.orderbook import cancel_everything
from huracan.sim.layout import Execution
from huracan.sim.options import rare
from huracan.sim.prices import unit_notional, unit_value


@rare
def liquidate_at(v, k, x, ts_ns, inside):
    """Close everything: instrument k at x (k < 0: none), the others at their last mark; cancel every order."""
    t = v.settings
    for j in range(len(v.positions)):
        q = v.positions[j].qty
        if q != 0.0:
            price = x if j == k else v.positions[j].mark
            side = -1 if q > 0.0 else 1
            bps = t.fee_taker_bps + t.liquidation_fee_bps
            book_rarely(
                v, Execution(j, side, abs(q), price, 0, BY_LIQUIDATION, 0, 0, bps, 0.0, 0.0, 0.0, ts_ns, inside)
            )
    v.stats.liquidations += 1
    cancel_everything(v, LIQUIDATED)


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
