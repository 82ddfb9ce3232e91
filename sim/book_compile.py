"""One pass over a packed stream that marks which events move a best price and writes down the bests.

The machine then keeps a book with one store an event: who the best is stands in the tape, the same for every lane.
Where an update crosses the other side, the other best is moved past it and its levels stay, as the reference engine
does; a level's quantity is what was last said of it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from huracan.sim.options import ENTRY

DEPTH, BEST, TRADE, CLEAR = 0, 1, 2, 3


@njit(**ENTRY)
def mark_bests(events, n, width, lots, low, best, bests, touches, counts):
    """Mark events in place; returns how many bests were written.

    `lots` (2 x instruments << width) and `best` (2 x instruments, -1) are work space, `low` becomes the worst x of each
    side; counts: crossed, emptied.
    """
    mask = (1 << width) - 1
    m = 0
    for i in range(n):
        key = np.int64(events[i].key)
        kind = key & 7
        if kind == TRADE:
            continue
        cell = key >> 3
        side = cell >> width
        x = cell & mask
        base = side << width
        other = side ^ 1
        was = best[side]
        was_other = best[other]
        if kind == CLEAR:
            y = x
            while y <= best[side]:
                lots[base + y] = 0
                y += 1
            y = x - 1
            while y >= low[side] and lots[base + y] == 0:
                y -= 1
            best[side] = y if y >= low[side] else -1
        else:
            q = events[i].lots
            lots[cell] = q
            if q == 0:
                if x == best[side]:
                    y = x - 1
                    while y >= low[side] and lots[base + y] == 0:
                        y -= 1
                    best[side] = y if y >= low[side] else -1
            else:
                if x < low[side]:
                    low[side] = x
                if x > best[side]:
                    best[side] = x
                    if best[other] >= 0 and x + best[other] >= mask:
                        counts[0] += 1
                        y = mask - x - 1
                        o = other << width
                        while y >= low[other] and lots[o + y] == 0:
                            y -= 1
                        best[other] = y if y >= low[other] else -1
        moved = best[side] != was or best[other] != was_other
        if best[side] < 0 and was >= 0:
            counts[1] += 1
        if kind == CLEAR or moved:
            bid = side & ~1
            bests[m].bid = best[bid]
            bests[m].ask = best[bid + 1]
            if len(touches) > 0:
                touches[m].ts_ns = events[i].ts_ns
                touches[m].inst = side >> 1
                touches[m].bid = best[bid]
                touches[m].ask = best[bid + 1]
            m += 1
            if kind == DEPTH:
                events[i].key = np.uint32(key | BEST)
    return m
