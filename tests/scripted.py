"""A strategy that does what a table tells it, so that any list of orders can be put to the machine.

Up to twelve actions a bar.
"""

from __future__ import annotations

from huracan.sim.declare import strategy
from huracan.sim.options import rare
from huracan.sim.orders import (
    bracket,
    buy,
    cancel,
    cancel_all,
    close,
    is_open,
    keep,
    limit,
    market_order,
    modify,
    reduce_limit,
    reduce_stop,
    reduce_trail,
    sell,
    stop,
    target,
    target_fraction,
    trail,
)

ACTIONS = 12
FIELDS = ("what", "side", "qty", "price", "trigger", "take", "n", "flag")
CODES = {
    "buy": 1,
    "sell": 2,
    "limit": 3,
    "stop": 4,
    "trail": 5,
    "bracket": 6,
    "close": 7,
    "target": 8,
    "cancel_last": 9,
    "cancel_all": 10,
    "modify_last": 11,
    "reduce": 12,
    "reduce_limit": 13,
    "reduce_stop": 14,
    "reduce_trail": 15,
    "keep": 16,
    "cancel_child": 17,
    "modify_child": 18,
    "target_fraction": 19,
}
# Only names: the tests fill the table themselves.
FEATURES = {f"{name}{i}": None for i in range(ACTIONS) for name in FIELDS}


@rare
def act(ctx, what, side, qty, price, trigger, take, n, flag):
    """One action; remembers the id of an accepted order."""
    k = ctx.me
    u = ctx.u
    made = -1
    if what == 1.0:
        made = buy(ctx, qty)
    elif what == 2.0:
        made = sell(ctx, qty)
    elif what == 3.0:
        made = limit(ctx, int(side), qty, price, flag >= 10.0, int(flag) % 10, int(n))
    elif what == 4.0:
        made = stop(ctx, int(side), qty, trigger, price)
    elif what == 5.0:
        made = trail(ctx, int(side), qty, price)
    elif what == 6.0:
        made = bracket(ctx, int(side), qty, price, take, trigger, int(n))
    elif what == 7.0:
        made = close(ctx)
    elif what == 8.0:
        made = target(ctx, qty)
    elif what == 9.0:
        if is_open(ctx, u.last[k]):
            cancel(ctx, u.last[k])
    elif what == 10.0:
        cancel_all(ctx)
    elif what == 11.0:
        if is_open(ctx, u.last[k]):
            modify(ctx, u.last[k], qty, price, trigger)
    elif what == 12.0:
        made = market_order(ctx, int(side), qty, -1, 1)
    elif what == 13.0:
        made = reduce_limit(ctx, int(side), qty, price)
    elif what == 14.0:
        made = reduce_stop(ctx, int(side), qty, trigger)
    elif what == 15.0:
        made = reduce_trail(ctx, int(side), qty, price)
    elif what == 16.0:
        keep(ctx, int(side), price, qty)
    elif what == 17.0:
        if u.last[k] > 0 and is_open(ctx, u.last[k] + int(n)):
            cancel(ctx, u.last[k] + int(n))
    elif what == 18.0:
        if u.last[k] > 0 and is_open(ctx, u.last[k] + int(n)):
            modify(ctx, u.last[k] + int(n), qty, price, trigger)
    elif what == 19.0:
        made = target_fraction(ctx, qty)
    if made > 0:
        u.last[k] = made


@strategy(features=FEATURES, state={"last": [0] * 8})
def scripted(ctx):
    """Do what the table says for this bar."""
    f = ctx.f
    if f.what0 > 0.0:
        act(ctx, f.what0, f.side0, f.qty0, f.price0, f.trigger0, f.take0, f.n0, f.flag0)
    if f.what1 > 0.0:
        act(ctx, f.what1, f.side1, f.qty1, f.price1, f.trigger1, f.take1, f.n1, f.flag1)
    if f.what2 > 0.0:
        act(ctx, f.what2, f.side2, f.qty2, f.price2, f.trigger2, f.take2, f.n2, f.flag2)
    if f.what3 > 0.0:
        act(ctx, f.what3, f.side3, f.qty3, f.price3, f.trigger3, f.take3, f.n3, f.flag3)
    if f.what4 > 0.0:
        act(ctx, f.what4, f.side4, f.qty4, f.price4, f.trigger4, f.take4, f.n4, f.flag4)
    if f.what5 > 0.0:
        act(ctx, f.what5, f.side5, f.qty5, f.price5, f.trigger5, f.take5, f.n5, f.flag5)
    if f.what6 > 0.0:
        act(ctx, f.what6, f.side6, f.qty6, f.price6, f.trigger6, f.take6, f.n6, f.flag6)
    if f.what7 > 0.0:
        act(ctx, f.what7, f.side7, f.qty7, f.price7, f.trigger7, f.take7, f.n7, f.flag7)
    if f.what8 > 0.0:
        act(ctx, f.what8, f.side8, f.qty8, f.price8, f.trigger8, f.take8, f.n8, f.flag8)
    if f.what9 > 0.0:
        act(ctx, f.what9, f.side9, f.qty9, f.price9, f.trigger9, f.take9, f.n9, f.flag9)
    if f.what10 > 0.0:
        act(ctx, f.what10, f.side10, f.qty10, f.price10, f.trigger10, f.take10, f.n10, f.flag10)
    if f.what11 > 0.0:
        act(ctx, f.what11, f.side11, f.qty11, f.price11, f.trigger11, f.take11, f.n11, f.flag11)
