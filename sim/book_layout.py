"""Records of order-book tapes and of the venue on them; layout.py holds what both venues share.

A level of the book stands in a *cell*: `(2 x instrument + side) << width | x`, where x grows with how good the price is
on its side (bids by tick, asks mirrored). So both sides share all code, and a better price is always a larger x.
"""

from __future__ import annotations

import hashlib
from collections import namedtuple
from enum import IntEnum

import numpy as np


class Told(IntEnum):
    """What a packed event says; the low three bits of its key, above them the cell."""

    DEPTH = 0  # the level now holds so many lots
    BEST = 1  # the same, and a best price of this instrument has moved: the next record of `bests` holds both
    TRADE = 2  # so many lots were taken at the cell of the passive side
    CLEAR = 3  # levels from the best down to this cell are gone; bests as with BEST
    QUOTE = 4  # best price of its side; only until book_quotes.py has told it as changes of levels


EATEN = 99  # state of a place that remembers what a lane's own takers took of a level
MARKS = 64  # such places a lane has: where as many levels wait for the market, its takers stop, by name


class QueueModel(IntEnum):
    """Which share of a cancellation ahead or behind an order is assumed."""

    RISK_AVERSE = 0
    POWER = 1
    POWER2 = 2
    POWER3 = 3
    LOG = 4
    LOG2 = 5


class LatencyModel(IntEnum):
    """Where the times of requests and reports come from."""

    CONSTANT = 0
    DRAWN = 1  # log-normal, by counter-based random numbers
    MEASURED = 2  # rows of (time, entry, response), between which it is interpolated


# One measured latency.
measured = np.dtype([("ts_ns", "i8"), ("entry_ns", "f8"), ("response_ns", "f8")], align=True)

NEW_ORDER, CANCEL, MODIFY = 0, 1, 2  # what a request asks of the venue


# One change of a book or one trade as a stream has it: 16 bytes; exchange's and local streams together are 32 an event.
book_event = np.dtype([("ts_ns", "i8"), ("key", "u4"), ("lots", "i4")], align=True)
best = np.dtype([("bid", "i4"), ("ask", "i4")], align=True)  # x of both bests, -1 where a side is empty
touch = np.dtype([("ts_ns", "i8"), ("inst", "i4"), ("bid", "i4"), ("ask", "i4"), ("spare", "i4")], align=True)

# How ticks become x: far levels by rank, with a place between each two for prices that the tape never names.
span = np.dtype(
    [
        ("lo", "i8"),  # ticks lo..hi stand side by side, lo at x = first
        ("hi", "i8"),
        ("first", "i8"),
        ("low_at", "i8"),  # where this instrument's far ticks begin in `far`, below and above, and how many there are
        ("n_low", "i8"),
        ("high_at", "i8"),
        ("n_high", "i8"),
        ("touch_only", "i8"),  # only quotes say what stands in its book: nothing is known beyond the touch
        ("lot", "f8"),  # quantity of one lot of the tape (not of the rules: fine enough for every quantity in it)
    ],
    align=True,
)

# What a strategy sees of one instrument's book: best prices, and in builds that keep the local book what stands there.
book = np.dtype(
    [
        ("bid", "f8"),  # NaN where the side is empty
        ("ask", "f8"),
        ("bid_qty", "f8"),
        ("ask_qty", "f8"),
        ("mid", "f8"),
        ("micro", "f8"),  # mid weighted with the other side's quantity
        ("imbalance", "f8"),  # (bid_qty - ask_qty) / (bid_qty + ask_qty)
        ("tick", "f8"),
        ("ts_ns", "i8"),  # local time of the last news
        ("bid_tick", "i8"),
        ("ask_tick", "i8"),
        ("last", "f8"),  # price of the last trade seen
        ("last_side", "i8"),  # of its taker
        ("bought", "f8"),  # quantity traded by takers since the last step
        ("sold", "f8"),
    ],
    align=True,
)

# A request under way to the venue.
request = np.dtype(
    [
        ("arrive_ns", "i8"),
        ("sent_ns", "i8"),
        ("what", "i8"),
        ("slot", "i8"),
        ("id", "i8"),
        ("qty", "f8"),
        ("price", "f8"),
        ("trigger", "f8"),
    ],
    align=True,
)

# An order at the venue; place 0 of the pool is nobody, then come each lane's slots and its marks.
rest = np.dtype(
    [
        ("id", "i8"),
        ("cell", "i8"),  # -1 while it is not in the book
        ("x", "i8"),
        ("next", "i8"),  # the order after it in its cell, and before it
        ("prev", "i8"),
        ("inst", "i8"),
        ("side", "i8"),  # +1 buy, -1 sell
        ("state", "i8"),
        ("kind", "i8"),
        ("tif", "i8"),
        ("post_only", "i8"),
        ("reduce", "i8"),
        ("role", "i8"),
        ("reason", "i8"),
        ("tag", "i8"),
        ("arrived", "i8"),
        ("watched", "i8"),  # 1: a stop that waits for its price, in the list of its instrument
        ("seen", "i8"),  # the last trade that it was looked at for
        ("entry", "i8"),  # brackets: slots, as in layout.order
        ("take", "i8"),
        ("stop", "i8"),
        ("hold", "i8"),
        ("ttl", "i8"),
        ("die_ns", "i8"),  # when its life ends, and when a bracket has been held long enough
        ("hold_ns", "i8"),
        ("rested_ns", "i8"),  # when it began to rest where it rests
        ("lane", "i8"),
        ("slot", "i8"),
        ("qty", "f8"),
        ("left", "f8"),
        ("price", "f8"),
        ("trigger", "f8"),
        ("distance", "f8"),
        ("reference", "f8"),
        ("front", "f8"),  # lots ahead of it, and lots traded at its level since the last change of depth
        ("traded", "f8"),
    ],
    align=True,
)

# Where a lane's ring of requests stands, and its clock.
desk_clock = np.dtype(
    [
        ("next_step", "i8"),
        ("step_ns", "i8"),
        ("head", "i8"),
        ("tail", "i8"),
        ("last_ns", "i8"),  # arrival of the last request: none overtakes another
        ("lost", "i8"),
        ("last_step", "i8"),  # after it the lane only hears what is still under way
        ("asked", "i8"),  # requests so far
        ("steps", "i8"),
        ("rows", "i8"),
        ("seen", "i8"),  # how many touches there were when it last looked what it is worth
        ("idle", "i8"),  # 1: its last step did nothing, not even something that was refused
        ("refused", "i8"),  # refusals so far, as counted after a step that wanted nothing
        ("trade", "i8"),  # number of the last trade that own orders shared, and how many lots of it they took
        ("given", "f8"),
    ],
    align=True,
)

# Settings of the book venue, one a lane.
book_settings = np.dtype(
    [
        ("queue", "i8"),
        ("power", "f8"),
        ("partial", "i8"),
        ("imitate", "i8"),  # partial fills as the reference books them: the last piece of an order only
        ("push_bps", "f8"),  # permanent impact of own takers, a unit of what they have taken net
        ("by_quote", "i8"),  # stops wait for the touch, not for a trade
        ("latency", "i8"),  # a value of LatencyModel
        ("entry_ns", "f8"),  # medians of what is drawn, and the deviations of its logarithm
        ("response_ns", "f8"),
        ("entry_sigma", "f8"),
        ("response_sigma", "f8"),
    ],
    align=True,
)

# The compiler pays for every array that a function is handed, so each is given the few that it needs.
# The tape's streams, read in order; and how its places stand for prices.
Streams = namedtuple("Streams", "exchange bests local touches payments bar_rows bars")
Ground = namedtuple("Ground", "spans far ticks lows latencies width start_ns last_local_ns end_ns")
# What all lanes of a block share: the exchange's book, who rests where, where the streams stand; of each instrument the
# stops that wait (first, last), the last price traded, the band of prices in which none of them has anything to do; of
# each side of a book the best place at which no account can be down to its maintenance.
Market = namedtuple("Market", "lots heads tails best rests most at watch last band danger")
# The local side: levels in builds that keep them, best places, and what strategies read.
Shown = namedtuple("Shown", "local known books bars")
# Places in `Market.at`: where the streams stand, when the next request arrives and the next step and sample are due,
# how many bars have closed, whether the run is over, when the next order's time is.
EXCHANGE, BESTS, TOUCHES, LOCAL, PAYMENTS, NEXT_REQUEST, NEXT_STEP, NEXT_SAMPLE, BARS, OVER, NEXT_TIMER = range(11)

# One finished order, for the statistics of fill times.
order_life = np.dtype(
    [
        ("id", "i8"),
        ("inst", "i8"),
        ("side", "i8"),
        ("maker", "i8"),
        ("rested_ns", "i8"),  # -1: it never rested
        ("done_ns", "i8"),
        ("price", "f8"),
        ("qty", "f8"),
        ("filled", "f8"),
    ],
    align=True,
)

BookRecorder = namedtuple("BookRecorder", "fills trades equity n orders")  # n[5]: orders written
BookLanes = namedtuple(
    "BookLanes",
    "acct positions desks stats settings book_settings p u feats feats1 wide wide1 rules "
    "own_acct own_orders own_positions reports mail requests clocks pushed",
)
# The part of the lanes that the venue works on, and what its functions see of one lane.
VenueLanes = namedtuple(
    "VenueLanes",
    "acct positions desks stats settings book_settings rules own_acct own_orders own_positions reports mail requests "
    "clocks bars pushed",
)
BookVenue = namedtuple(
    "BookVenue",
    "acct orders positions desks stats rules settings rec own_acct own_orders own_positions reports mail "
    "bars book_settings market ground lane first pushed",
)
# What a strategy's `step` sees on a book tape: what it sees on bars, and the books; helpers read depth in the last two.
BookCtx = namedtuple(
    "BookCtx",
    "acct orders positions bars feats feats1 wide wide1 bar pos f f1 me p u rules settings book books shown ground",
)


def layout_hash() -> str:
    """Sixteen hex digits that change when a record or a code of the book venue changes.

    >>> len(layout_hash())
    16
    """
    records = (book_event, best, touch, span, book, request, rest, desk_clock, book_settings, order_life, measured)
    text = repr([r.descr for r in records]) + repr(
        [[(m.name, m.value) for m in e] for e in (Told, QueueModel, LatencyModel)]
    )
    text += repr(
        [t._fields for t in (Streams, Ground, Market, Shown, BookRecorder, BookLanes, VenueLanes, BookVenue, BookCtx)]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
