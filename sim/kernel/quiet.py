"""Rows of which `advance.busy_row` would make more than there is in them.

Where orders only come and go, cancels take effect, and limits and stops reach a market that does not touch them: a
strategy that replaces its entry makes such a row each time. Where a single market order meets the open, there is no
turn to look for. Anything else, and anything in doubt, is left to `busy_row`: the state afterwards is the same to the
byte.
"""

from __future__ import annotations

import math

from huracan.sim.codes import (
    CANCELLED,
    DORMANT,
    DRILL,
    EMPTY,
    FOK,
    GTT,
    IOC,
    LIMIT,
    LIVE,
    MARKET,
    STOP_CHILD,
    TAKE,
    TRAIL,
)
from huracan.sim.kernel.execute import execute
from huracan.sim.kernel.groups import MARGIN
from huracan.sim.kernel.levels import comes_from, level, marketable
from huracan.sim.kernel.margin import in_danger
from huracan.sim.kernel.marks import envelope
from huracan.sim.kernel.opens import here, refill_once
from huracan.sim.kernel.orderbook import finish, slots
from huracan.sim.kernel.path import path
from huracan.sim.options import part


@part
def come_and_go(v, row, first_payment):
    """Whether this was such a row; if so it is done."""
    if v.settings.intrabar == DRILL:
        return False
    if MARGIN:
        if v.settings.all_spot == 0 or first_payment < row.fund_hi:
            return False
    k = v.stats.first_look
    while k >= 0:
        if not untouched(v, k):
            return False
        k = v.desks[k].next_look
    k = v.stats.first_look
    while k >= 0:
        refill_once(v, k, False)
        take_in(v, k)
        envelope(v, k)
        k = v.desks[k].next_look
    return True


@part
def untouched(v, k):
    """Whether no price of this row and nothing about its orders asks for more of instrument k."""
    b = v.bars[k]
    d = v.desks[k]
    if b.fresh == 0 or b.high >= d.up or b.low <= d.down:
        return False
    row = v.acct.row
    open_ns = v.acct.open_ns
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        if r.state == EMPTY:
            continue
        child = r.role == TAKE or r.role == STOP_CHILD
        if row >= r.modify_row and open_ns >= r.modify_ns:
            return False
        if row >= r.cancel_row and open_ns >= r.cancel_ns:
            if child:
                return False
            continue
        if r.state == DORMANT:
            continue
        if r.state != LIVE or r.kind == MARKET or r.kind == TRAIL or row >= r.die_row or row >= r.hold_row:
            return False
        if r.arrived == 0:
            if child or r.tif == IOC or r.tif == FOK or r.tif == GTT:
                return False
            if r.kind == LIMIT and marketable(r, b.open):
                return False
            lvl = level(v, r)  # the desk's band may not know of it yet
            if b.high >= lvl if comes_from(r) > 0 else b.low <= lvl:
                return False
    return True


@part
def take_in(v, k):
    """Cancels take effect, and what has reached the market is new to it no more."""
    row = v.acct.row
    open_ns = v.acct.open_ns
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        if r.state == EMPTY:
            continue
        if row >= r.cancel_row and open_ns >= r.cancel_ns:
            finish(v, j, CANCELLED)
        elif here(r, row, open_ns):
            r.arrived = 1


@part
def met_alone(v, row, first_payment):
    """Whether a single market order met this open and nothing else was to be done; if so it is done."""
    d = v.desks[0]
    r = v.orders[0]
    if len(v.positions) != 1 or d.top != 1 or v.bars[0].fresh == 0 or v.settings.market_at_close == 1:
        return False
    if MARGIN:
        if first_payment < row.fund_hi or in_danger(v):
            return False
    if not here(r, v.acct.row, v.acct.open_ns) or v.acct.row >= r.cancel_row:
        return False
    refill_once(v, 0, False)
    r.done_row = v.acct.row
    execute(v, 0, v.bars[0].open, math.nan, v.acct.open_ns, False)
    path(v, 0)
    envelope(v, 0)
    return True
