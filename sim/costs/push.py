"""How far a lane's own takers have moved an order book's prices for good: linear in what they have taken, net."""

from __future__ import annotations

from huracan.sim.options import part


@part
def pushed_price(bps, net, side, price, cap):
    """What a taker of `side` pays at a level of `price` where own takers have bought `net` more than they sold.

    `bps` a unit of `net` in its own direction, nothing in the other: no order gains by having pushed. Never beyond
    `cap` (NaN: no cap), its limit.
    """
    more = max(side * net, 0.0) * bps / 1e4
    moved = price * (1.0 + more) if side > 0 else price / (1.0 + more)
    if cap == cap and (moved - cap) * side > 0.0:
        return cap
    return moved
