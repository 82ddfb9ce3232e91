"""The path of the price inside one bar, and the orders that it meets, one after another."""

from __future__ import annotations

import math

import numpy as np

from huracan.sim.codes import (
    DRILL,
    HAZARD,
    LIMIT,
    LIVE,
    MARKET,
    NEAREST,
    NEVER,
    OHLC,
    OLHC,
    OPTIMISTIC,
    PESSIMISTIC,
    STOP_CHILD,
    STOP_LIMIT,
    TAKE,
    TRAIL,
)
from huracan.sim.kernel.execute import execute
from huracan.sim.kernel.groups import COSTS, MARGIN, RESTING
from huracan.sim.kernel.levels import beyond, comes_from, follow, level, marketable
from huracan.sim.kernel.liquidate import is_gone, liquidate_at, liquidate_inside
from huracan.sim.kernel.margin import in_danger, liquidation_price
from huracan.sim.kernel.opens import at_open, first_in_turn, meets, refill
from huracan.sim.kernel.orderbook import slots
from huracan.sim.options import part, rare
from huracan.sim.portable_math import exp
from huracan.sim.random_numbers import HAZARD as HAZARD_PURPOSE
from huracan.sim.random_numbers import uniform

NOBODY = -1
LIQUIDATION = -2


@part
def works(r, row, open_ns):
    """The order rests at the market while this bar goes on."""
    return r.state == LIVE and r.kind != MARKET and row >= r.live_row and open_ns >= r.live_ns


@part
def leaning(v, k, row, open_ns):
    """+1 if the worst that can come next is a fall (a long position, or one about to be), -1 a rise, 0 neither.

    0 means that nothing can happen.
    """
    q = v.positions[k].qty
    if q != 0.0:
        return 1 if q > 0.0 else -1
    lo, hi = slots(v, k)
    first = NEVER
    side = 0
    for j in range(lo, hi):
        r = v.orders[j]
        if works(r, row, open_ns) and r.reduce == 0 and r.id < first:
            first = r.id
            side = -r.side  # a flat account that will buy is hurt when the high comes before the entry
    return side


@part
def steps(rule, distance):
    """A distance of prices in ticks, so that equal means equal; as it is where there is no tick."""
    if rule.tick_num == 0:
        return distance
    return np.floor(distance * rule.tick_den / rule.tick_num + 0.5)


@part
def high_is_next(v, k, x, high, low, seen_high, seen_low, policy, row, open_ns):
    """Which extreme the path visits next, when at least one is left."""
    if seen_high:
        return False
    if seen_low:
        return True
    if policy == OHLC:
        return True
    if policy == OLHC:
        return False
    if policy == NEAREST:
        return not steps(v.rules[k], high - x) > steps(v.rules[k], x - low)
    lean = leaning(v, k, row, open_ns)
    if lean == 0:
        return True
    return lean < 0 if policy != OPTIMISTIC else lean > 0


@part
def reduces(v, r):
    """Whether the order would make the position smaller."""
    return r.side * v.positions[r.inst].qty < 0.0


@part
def new_taker(r, x):
    """A limit that has just become live inside the bar, already marketable."""
    return r.kind == LIMIT and r.arrived == 0 and marketable(r, x)


@part
def first_on_leg(v, k, x, end, liquidation, row, open_ns, done):
    """(slot, level) of what the price meets first on its way from x to `end`: an order, the liquidation, or nobody."""
    best = NOBODY
    best_level = end
    best_distance = abs(end - x)
    best_first = 2
    best_id = NEVER
    if liquidation == liquidation:
        gone = is_gone(v, k, x, liquidation)
        if gone or is_gone(v, k, end, liquidation):
            best = LIQUIDATION
            best_level = x if gone else liquidation
            best_distance = abs(best_level - x)
            best_first = 0
            best_id = 0
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        if not works(r, row, open_ns) or (done >> (j - lo)) & 1:
            continue
        lvl = level(v, r)
        if new_taker(r, x) or beyond(v, r, x, lvl):
            lvl = x
        elif comes_from(r) * (end - x) > 0.0 and beyond(v, r, end, lvl):
            pass
        else:
            continue
        distance = abs(lvl - x)
        first = 1 if reduces(v, r) else 2
        if distance > best_distance:
            continue
        nearer = best == NOBODY or distance < best_distance
        if nearer or first < best_first or (first == best_first and r.id < best_id):
            best = j
            best_level = lvl
            best_distance = distance
            best_first = first
            best_id = r.id
    return best, best_level


@part
def chance_fails(v, r, row):
    """The hazard model's draw for a limit that the bar has reached."""
    if not COSTS:
        return False
    t = v.settings
    if t.limit_fill != HAZARD or r.kind != LIMIT:
        return False
    b = v.bars[r.inst]
    d = 0.0
    if b.high > b.low:
        d = (r.price - b.low) / (b.high - b.low) if r.side > 0 else (b.high - r.price) / (b.high - b.low)
    share = 1.0
    if v.rules[r.inst].capped == 1:
        share = min(1.0, b.volume / (t.hazard_queue * r.qty))
    p = 1.0 - exp(-(t.hazard_base + t.hazard_depth * max(d, 0.0)) * share)
    return not uniform(t.seed, t.lane, row * 1048576 + r.id, HAZARD_PURPOSE) < p


@part
def meet_inside(v, j, x, row, taker):
    """Order j is met at x inside the bar; 1 if it may still act in this bar (a stop-limit that has just triggered)."""
    r = v.orders[j]
    r.arrived = 1
    ts = v.acct.ts_ns
    if r.kind == STOP_LIMIT:
        r.kind = LIMIT
        if marketable(r, x):
            execute(v, j, x, math.nan, ts, True)
            return 0
        return 1
    if r.kind == LIMIT:
        if taker:
            execute(v, j, x, math.nan, ts, True)
        elif not chance_fails(v, r, row):
            execute(v, j, x, r.price, ts, True)
        return 0
    execute(v, j, x, math.nan, ts, True)
    return 0


@part
def judged(v, k, x, row, open_ns):
    """The price stands at x: trailing stops follow, and whatever is live has now met the market."""
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        if works(r, row, open_ns):
            follow(r, x)
            r.arrived = 1


@rare
def walk(v, k, x, high, low, close, policy):
    """Walk the path from x over both extremes to the close."""
    row = v.acct.row
    open_ns = v.acct.open_ns
    lo, hi = slots(v, k)
    seen_high = False
    seen_low = False
    done = 0
    while True:
        end = close
        up = False
        last = seen_high and seen_low
        if not last:
            up = high_is_next(v, k, x, high, low, seen_high, seen_low, policy, row, open_ns)
            end = high if up else low
        level_of_liquidation = liquidation_price(v, k, x) if MARGIN else math.nan
        j, at = first_on_leg(v, k, x, end, level_of_liquidation, row, open_ns, done)
        if j != NOBODY:
            taker = j >= 0 and new_taker(v.orders[j], x)
            moved = x != at
            x = at
            if not last and x == end:  # the order stood at the extreme: it has been visited
                seen_high = seen_high or up
                seen_low = seen_low or not up
            if moved:
                judged(v, k, x, row, open_ns)
            if j == LIQUIDATION:
                liquidate_at(v, k, x, v.acct.ts_ns, True)
            elif meet_inside(v, j, x, row, taker) == 0:
                done |= 1 << (j - lo)
            continue
        if last or x != end:
            judged(v, k, end, row, open_ns)
        x = end
        if last:
            return
        if up:
            seen_high = True
        else:
            seen_low = True


@part
def newborn(r, row):
    """A bracket's child that was born at an open: the path behind it is the first to see it."""
    child = r.role == TAKE or r.role == STOP_CHILD
    return child and r.kind != MARKET and r.live_row == row and r.arrived == 0  # at market it is a time exit


@part
def drill(v, k, b):
    """Walk the finer bars inside this one; each with its own open, volume and path."""
    span = v.fine.spans[k]
    if span.hi <= span.lo:
        walk(v, k, b.open, b.high, b.low, b.close, PESSIMISTIC)
        return
    for i in range(span.lo, span.hi):
        f = v.fine.bars[i]
        if i > span.lo:
            refill(v, k, f.volume)
        if i > span.lo or f.open != b.open:
            fine_open(v, k, f.open)
        walk(v, k, f.open, f.high, f.low, f.close, PESSIMISTIC)


@rare
def fine_open(v, k, x):
    """The open of a finer bar: first liquidation, then the resting orders that it gaps over, reducing ones first."""
    row = v.acct.row
    if MARGIN:
        if is_gone(v, k, x, liquidation_price(v, k, x)):
            liquidate_at(v, k, x, v.acct.ts_ns, True)
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        waits = r.kind == MARKET and v.settings.market_at_close == 0  # market orders meet the bar's own opens only
        r.done_row = row if waits or newborn(r, row) else -1
    while True:
        j = first_in_turn(v, k, x, row, v.acct.open_ns, -1)
        if j < 0:
            break
        at_open(v, j, x, meets(v, v.orders[j], x, row), row, v.acct.ts_ns, True)
    for j in range(lo, hi):
        r = v.orders[j]
        if works(r, row, v.acct.open_ns) and not newborn(r, row):
            follow(r, x)
            r.arrived = 1


@part
def meets_somebody(v, k, b):
    """Whether the path of this bar can touch an order or the margin, or move a trailing stop."""
    row = v.acct.row
    open_ns = v.acct.open_ns
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        if works(r, row, open_ns):
            if r.arrived == 0 or r.kind == TRAIL:
                return True
            lvl = level(v, r)
            if comes_from(r) > 0:
                if b.high >= lvl:
                    return True
            elif b.low <= lvl:
                return True
    if MARGIN:
        return in_danger(v)
    return False


@part
def path(v, k):
    """Step 4 of a row, for one fresh instrument."""
    b = v.bars[k]
    if RESTING:
        if v.settings.intrabar == DRILL:
            drill(v, k, b)
        elif meets_somebody(v, k, b):
            walk(v, k, b.open, b.high, b.low, b.close, v.settings.intrabar)
    elif MARGIN:
        if in_danger(v):
            liquidate_inside(v, k, b.open, b.high, b.low)
