"""What a strategy calls to want something, and to look at what it has: every helper under one name.

A helper that wants writes into free order slots and returns an order id, -1 if refused. Nothing here sends anything: a
want stands in its slot as NEW until gates, sizing and risk have seen it. A refusal is counted by its reason.
"""

from __future__ import annotations

from huracan.sim.codes import FOK, GTC, GTT, IOC
from huracan.sim.order_changes import cancel, cancel_all, modify
from huracan.sim.order_readers import drawdown, is_open, pending

# The language also lets a strategy call what helpers are made of: `as` keeps these names here.
from huracan.sim.order_slots import find as find
from huracan.sim.order_slots import positive as positive
from huracan.sim.order_slots import slots_each as slots_each
from huracan.sim.order_targets import close, fraction_quantity, keep, reduce, size, target, target_fraction
from huracan.sim.order_wants import (
    bracket,
    buy,
    label,
    limit,
    reduce_limit,
    reduce_stop,
    reduce_trail,
    sell,
    stop,
    trail,
)
from huracan.sim.order_wants import limit_order as limit_order
from huracan.sim.order_wants import market_order as market_order
from huracan.sim.order_wants import stop_order as stop_order
from huracan.sim.order_wants import trail_order as trail_order

__all__ = [
    "FOK",
    "GTC",
    "GTT",
    "IOC",
    "bracket",
    "buy",
    "cancel",
    "cancel_all",
    "close",
    "drawdown",
    "fraction_quantity",
    "is_open",
    "keep",
    "label",
    "limit",
    "modify",
    "pending",
    "reduce",
    "reduce_limit",
    "reduce_stop",
    "reduce_trail",
    "sell",
    "size",
    "stop",
    "target",
    "target_fraction",
    "trail",
]
