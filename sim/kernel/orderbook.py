"""The venue's side of an order's life: finishing it, and what that means for the other parts of its bracket."""

from __future__ import annotations

from huracan.sim.codes import (
    BELOW_LOT,
    BRACKET_EXIT,
    DORMANT,
    EMPTY,
    ENTRY,
    LIVE,
    NEVER,
    NEW,
    POSITION_CLOSED,
    STOP,
    STOP_CHILD,
    TAKE,
)
from huracan.sim.kernel.book_leave import leave_book, tell_order, wake
from huracan.sim.kernel.groups import BOOKS, RESTING
from huracan.sim.options import part, rare
from huracan.sim.prices import quantity_down


@part
def slots(v, k):
    """(first, one past the last) of the slots of instrument k that may hold an order."""
    first = k * (len(v.orders) // len(v.positions)) if k > 0 else 0
    return first, first + v.desks[k].top


@part
def count(v, reason):
    """Count a refusal, a cut or a cancel by its name."""
    v.stats.counts[reason] += 1


@part
def free(v, j):
    """A slot holds no order any more; whatever pointed to it must be mended by the caller."""
    if BOOKS:
        leave_book(v, j, EMPTY)
    else:
        v.orders[j].state = EMPTY


@part
def drop_child(v, j):
    """Free a bracket's child and forget it in entry and sibling."""
    forget_child(v, j)
    free(v, j)


@part
def forget_child(v, j):
    """Entry and sibling of a bracket's child know of it no more."""
    r = v.orders[j]
    if r.entry >= 0:
        e = v.orders[r.entry]
        if r.role == TAKE:
            e.take = -1
        else:
            e.stop = -1
    if r.role == TAKE and r.stop >= 0:
        v.orders[r.stop].take = -1
    if r.role == STOP_CHILD and r.take >= 0:
        v.orders[r.take].stop = -1


@part
def leave_children(v, e):
    """A bracket's entry is done: children that sleep go with it, by name if it holds something; others stand alone."""
    for j in (e.take, e.stop):
        if j >= 0:
            v.orders[j].entry = -1
            if v.orders[j].state == DORMANT:
                if v.orders[j].left > 0.0:
                    count(v, BELOW_LOT)
                free(v, j)
    e.take = -1
    e.stop = -1


@part
def finish(v, j, reason):
    """An order is done; `reason` 0 when it has simply filled."""
    r = v.orders[j]
    if reason != 0:
        count(v, reason)
    if RESTING:
        if r.role == ENTRY:
            leave_children(v, r)
        elif r.role == TAKE or r.role == STOP_CHILD:
            forget_child(v, j)
    free(v, j)


@part
def entry_added(v, r, qty):
    """A bracket's entry has added `qty` to the position: children live for as much more, from here on.

    What is less than a lot can't be ordered: they sleep until there is more.
    """
    if not qty > 0.0:
        return
    for j in (r.take, r.stop):
        if j >= 0:
            c = v.orders[j]
            c.qty += qty
            c.left += qty
            if not quantity_down(v.rules[r.inst], c.left) > 0.0:
                continue
            if BOOKS:
                wake(v, j, r.hold)
            elif c.state == DORMANT:
                c.state = LIVE
                c.arrived = 0
                c.live_row = v.acct.row
                c.live_ns = 0
                c.done_row = v.acct.row  # born at an open, it is the path that sees it first
                if r.hold > 0 and c.role == STOP_CHILD:
                    c.hold_row = v.acct.row + r.hold - 1


@part
def shrink(r, left):
    """A bracket's child wants only `left` any more: an order for less, not one that has filled."""
    r.qty -= r.left - left
    r.left = left


@part
def child_filled(v, j, qty):
    """A bracket's child has filled by `qty`: its sibling shrinks, what is left of the entry is cancelled."""
    r = v.orders[j]
    if r.entry >= 0:
        finish(v, r.entry, BRACKET_EXIT)
    other = r.stop if r.role == TAKE else r.take
    if other >= 0:
        c = v.orders[other]
        over = not c.left - qty > 1e-12 * c.qty
        shrink(c, c.left - qty)
        if over:
            drop_child(v, other)
        elif BOOKS:
            tell_order(v, other)


@part
def side_of(rule, qty):
    """1 long, -1 short; 0 flat, or with less than can be ordered."""
    if not quantity_down(rule, abs(qty)) > 0.0:
        return 0
    return 1 if qty > 0.0 else -1


@(rare if RESTING or BOOKS else part)
def position_closed(v, k, side):
    """The position of this side is gone.

    Children of finished entries have nothing to guard any more, those of others sleep until the entry fills again.
    """
    lo, hi = slots(v, k)
    for j in range(lo, hi):
        r = v.orders[j]
        if (r.state != LIVE and r.state != DORMANT) or (r.role != TAKE and r.role != STOP_CHILD):
            continue
        if r.side == side or not r.left > 0.0:
            continue
        if r.entry < 0:
            count(v, POSITION_CLOSED)
            drop_child(v, j)
        else:
            r.qty = 0.0
            r.left = 0.0
            if BOOKS:
                leave_book(v, j, DORMANT)
            else:
                r.state = DORMANT
                r.hold_row = NEVER
                if r.waiting == 1:
                    r.waiting = 0
                    r.kind = STOP


@rare
def cancel_everything(v, reason):
    """Every order of the account is cancelled."""
    for j in range(len(v.orders)):
        if v.orders[j].state != EMPTY:
            if v.orders[j].state == LIVE or v.orders[j].state == NEW:
                count(v, reason)
            free(v, j)
