"""Every record and every code that the machine, its drivers and its results share.

All records are aligned; times are int64 ns UTC, money in the settle currency, quantities in units of the instrument. A
code has a name in the enum beside it; results show names only.
"""

from __future__ import annotations

import hashlib
from collections import namedtuple
from enum import IntEnum, IntFlag
from functools import cache

import numpy as np

NEVER = 1 << 62  # a row or a time that does not come


class State(IntEnum):
    """Where an order stands; a slot is free when EMPTY."""

    EMPTY = 0
    NEW = 1  # wanted in this step, not yet past gates, sizing and risk
    LIVE = 2  # sent; works from live_row / live_ns on
    DORMANT = 3  # a bracket's child that has less than a lot to guard


class Kind(IntEnum):
    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    TRAIL = 5


class Tif(IntEnum):
    GTC = 0
    IOC = 1
    FOK = 2
    GTT = 3


class Role(IntEnum):
    """What an order is within a bracket."""

    ALONE = 0
    ENTRY = 1
    TAKE = 2
    STOP = 3


class FillReason(IntEnum):
    """Why an execution happened."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    TAKE = 4
    TRAIL = 5
    TIME = 6
    LIQUIDATION = 7
    END = 8


class Reason(IntEnum):
    """Why something was refused, cut or cancelled; every one is counted by name."""

    NONE = 0
    BAD_QUANTITY = 1
    BELOW_LOT = 2
    BAD_PRICE = 3
    NO_FREE_SLOT = 4
    BAD_INSTRUMENT = 5
    BAD_BRACKET = 6
    BELOW_MIN_NOTIONAL = 7
    POST_ONLY_WOULD_CROSS = 8
    IOC_UNFILLED = 9
    FOK_UNFILLED = 10
    NOTHING_TO_REDUCE = 11
    SHORT_WITHOUT_BORROW = 12
    CUT_TO_CASH = 13
    CUT_TO_MARGIN = 14
    MARKET_REMAINDER = 15
    BRACKET_EXIT = 16
    POSITION_CLOSED = 17
    EXPIRED = 18
    LIQUIDATED = 19
    BANKRUPT = 20
    CANCELLED = 21
    UNKNOWN_ORDER = 22
    REQUEST_UNDER_WAY = 23
    GATED = 24
    DUST = 25
    TIME_EXIT = 26
    BAD_SIDE = 27
    BAD_TIF = 28
    BAD_MODIFY = 29
    TOO_MANY_LEVELS = 30
    COST_BOUNDED = 31


N_REASONS = 32


class Intrabar(IntEnum):
    PESSIMISTIC = 0
    OPTIMISTIC = 1
    OHLC = 2
    OLHC = 3
    NEAREST = 4
    DRILL = 5


class LimitFill(IntEnum):
    TOUCH = 0
    THROUGH = 1
    HAZARD = 2


class Slippage(IntEnum):
    FIXED = 0
    VOL_VOLUME = 1


class Contract(IntEnum):
    SPOT = 0
    LINEAR = 1
    INVERSE = 2


class EventKind(IntEnum):
    """What the machine can be told, in the order in which it is told within a slice."""

    FUNDING = 1
    OPEN = 2
    OPENED = 3  # all opens of this instant are in: orders meet them
    BAR = 4
    END = 5  # the slice is complete: decide


class ReportKind(IntEnum):
    """What the venue tells."""

    FILL = 1  # an execution
    ORDER = 2  # an order stands otherwise than before: arrived, filled, changed, gone
    FUNDING = 3
    INTEREST = 4
    HALT = 5  # the account is bankrupt


class Calm(IntFlag):
    """What the calendar says of a row that follows a live one, is not the last, and has no payment."""

    ROW = 1
    SAMPLED = 2  # a point of the sample grid falls on its close
    DAYED = 4  # a midnight does


MAX_TIERS = 8

bar = np.dtype(
    [("open", "f8"), ("high", "f8"), ("low", "f8"), ("close", "f8"), ("volume", "f8"), ("fresh", "i8")], align=True
)
# `calm`: what the calendar says of a row (Calm), 0 where it may ask for more than its prices do; `same`: how many rows
# from it on it says the same of.
row = np.dtype(
    [("open_ns", "i8"), ("close_ns", "i8"), ("fund_hi", "i8"), ("live", "i8"), ("calm", "i8"), ("same", "i8")],
    align=True,
)
event = np.dtype(
    [("ts_ns", "i8"), ("kind", "i8"), ("inst", "i8"), ("a", "f8"), ("b", "f8"), ("c", "f8"), ("d", "f8"), ("e", "f8")],
    align=True,
)
payment = np.dtype([("ts_ns", "i8"), ("inst", "i8"), ("rate", "f8"), ("mark", "f8")], align=True)
fine_span = np.dtype([("lo", "i8"), ("hi", "i8")], align=True)
cost_input = np.dtype([("half_spread_bps", "f8"), ("sigma", "f8"), ("volume_mean", "f8")], align=True)

rules = np.dtype(
    [
        ("tick_num", "i8"),
        ("tick_den", "i8"),
        ("contract", "i8"),
        ("capped", "i8"),  # 1: the data has volume, so the participation cap applies
        ("lot_num", "i8"),
        ("lot_den", "i8"),
        ("min_notional", "f8"),
        ("multiplier", "f8"),
        ("tick", "f8"),
    ],
    align=True,
)

account = np.dtype(
    [
        ("row", "i8"),
        ("ts_ns", "i8"),
        ("open_ns", "i8"),
        ("next_id", "i8"),
        ("first_new", "i8"),
        ("n_new", "i8"),
        ("last_slot", "i8"),  # of the last want
        ("n_requests", "i8"),  # cancels and modifies asked for in this step
        ("bankrupt", "i8"),
        ("cash", "f8"),
        ("equity", "f8"),
        ("peak", "f8"),
        ("fees", "f8"),
        ("funding", "f8"),
        ("interest", "f8"),
        ("counts", "i8", (N_REASONS,)),  # refusals by Reason, of what decides; the venue keeps its own
    ],
    align=True,
)

# `largest` is the most that was held since it was flat: what the rounding of sums is measured by.
position = np.dtype(
    [("qty", "f8"), ("avg_price", "f8"), ("mark", "f8"), ("largest", "f8"), ("entry_row", "i8")], align=True
)

order = np.dtype(
    [
        ("id", "i8"),
        ("inst", "i8"),
        ("side", "i8"),
        ("state", "i8"),
        ("kind", "i8"),
        ("tif", "i8"),
        ("post_only", "i8"),
        ("reduce", "i8"),
        ("role", "i8"),
        ("reason", "i8"),  # FillReason of its executions
        ("arrived", "i8"),  # 0 until it has met the market once (again after a modify)
        (
            "waiting",
            "i8",
        ),  # 1: executes as a market order at the next open (rest of a market order or of a triggered stop)
        ("entry", "i8"),  # brackets: slot of the entry, of the target and of the stop; -1 where there is none
        ("take", "i8"),
        ("stop", "i8"),
        ("hold", "i8"),  # bars after which the held quantity is closed; 0 never
        ("hold_row", "i8"),
        ("live_row", "i8"),
        ("live_ns", "i8"),
        ("ttl", "i8"),
        ("die_row", "i8"),
        ("cancel_row", "i8"),
        ("cancel_ns", "i8"),
        ("modify_row", "i8"),
        ("modify_ns", "i8"),
        ("taken_ns", "i8"),  # modify_ns of the last modify that the venue carried out
        ("done_row", "i8"),  # last row at whose open it executed: once an instant
        ("book", "i8"),
        ("tag", "i8"),
        ("qty", "f8"),
        ("left", "f8"),
        ("price", "f8"),
        ("trigger", "f8"),
        ("distance", "f8"),
        ("reference", "f8"),
        ("new_qty", "f8"),
        ("new_price", "f8"),
        ("new_trigger", "f8"),
        ("edge_bps", "f8"),
        ("confidence", "f8"),
    ],
    align=True,
)

# The venue's own desk for one instrument: the trigger envelope, what is left of the bar's volume, and the open trade.
desk = np.dtype(
    [
        ("n_live", "i8"),
        ("top", "i8"),  # slots from here on are free
        ("wake_row", "i8"),  # the first row that must be looked at whatever its prices
        ("up", "f8"),  # a high at or above it, or a low at or below `down`, must be looked at
        ("down", "f8"),
        ("budget", "f8"),
        ("refilled_row", "i8"),  # the row whose volume the budget is of
        ("next_look", "i8"),  # the next instrument to look at in this row; -1 none
        (
            "inside",
            "i8",
        ),  # row in which the trade was opened inside the bar: its high and low don't count for MAE / MFE
        ("entry_ns", "i8"),
        ("side", "i8"),
        ("exit_reason", "i8"),
        ("in_qty", "f8"),
        ("in_price", "f8"),  # sums of quantity x price, for the volume-weighted prices
        ("in_value", "f8"),  # sums of quantity x unit value, for the money
        ("basis", "f8"),  # what is held has cost, on average; it outlives the trade where dust is left
        ("out_qty", "f8"),
        ("out_price", "f8"),
        ("out_value", "f8"),
        ("fees", "f8"),
        ("funding", "f8"),
        ("mae", "f8"),
        ("mfe", "f8"),
    ],
    align=True,
)

stats = np.dtype(
    [
        # Sums by the row's number modulo 8: so many rows can be added at once, and any split of a tape adds the same.
        # Each is a line of the cache, and eight numbers lie between two: LLVM would write across the seam otherwise.
        ("sum_equity", "f8", (8,)),
        ("bars", "i8"),
        ("sample_ns", "i8"),
        ("next_sample", "i8"),
        ("next_day", "i8"),
        ("samples", "i8"),
        ("days", "i8"),
        ("fills", "i8"),
        ("trades", "i8"),
        ("sum_r", "f8", (8,)),
        ("wins", "i8"),
        ("exposed", "i8"),
        ("dust", "i8"),
        ("liquidations", "i8"),
        ("orders", "i8"),
        ("partial", "i8"),
        ("last", "f8"),  # equity of the last row
        ("held", "i8"),  # whether a position was held at the last row
        ("sum_r2", "f8", (8,)),
        ("holding", "i8"),  # the same as the ledger stands now
        ("first_look", "i8"),  # the first instrument to look at in this row; -1 none
        ("rest_wake", "i8"),  # the first row in which one of the others must be looked at whatever the prices
        ("risky", "i8"),  # whether the account could ever touch its maintenance as it stands
        ("busy", "i8"),  # whether something may happen in this row (builds that stop between a row's events)
        ("elapsed_ns", "i8"),  # from the row before to this one (the same builds)
        ("at_sample", "f8"),
        ("at_day", "f8"),
        ("sum_neg2", "f8", (8,)),
        ("day_r", "f8"),
        ("day_r2", "f8"),
        ("peak", "f8"),
        ("max_drawdown", "f8"),
        ("traded", "f8"),
        ("spread", "f8"),
        ("slippage", "f8"),
        ("impact", "f8"),
        ("sum_flat", "f8"),  # of equity in rows in which nothing was held, but for the last such equity,
        ("flat_equity", "f8"),  # which stood in
        ("flat_rows", "i8"),  # so many rows
        ("counts", "i8", (N_REASONS,)),
    ],
    align=True,
)

settings = np.dtype(
    [
        ("seed", "i8"),
        ("lane", "i8"),
        ("market_at_close", "i8"),
        ("limit_fill", "i8"),
        ("through_ticks", "i8"),
        ("intrabar", "i8"),
        ("gap_at_price", "i8"),
        ("keep_remainder", "i8"),
        ("latency_rows", "i8"),
        ("entry_ns", "i8"),
        ("response_ns", "i8"),
        ("close_at_end", "i8"),
        ("all_spot", "i8"),  # spot everywhere, no borrow: cash is the only limit
        ("borrow", "i8"),
        ("fee_in_base", "i8"),
        ("slippage_model", "i8"),
        ("n_tiers", "i8"),
        ("timeframe_ns", "i8"),
        ("sample_ns", "i8"),
        ("spread_from_data", "i8"),
        ("cash", "f8"),
        ("leverage", "f8"),
        ("borrow_rate", "f8"),
        ("liquidation_fee_bps", "f8"),
        ("fee_maker_bps", "f8"),
        ("fee_taker_bps", "f8"),
        ("half_spread_bps", "f8"),
        ("slippage_bps", "f8"),
        # The same as shares of the notional, as `lanes.in_shares` writes them: dividing at every fill is dear.
        ("fee_maker", "f8"),
        ("fee_taker", "f8"),
        ("fee_forced", "f8"),  # of a liquidation
        ("half_spread", "f8"),
        ("spread_and_slip", "f8"),
        ("vol_ref", "f8"),
        ("vol_power", "f8"),
        ("volume_power", "f8"),
        ("participation_coefficient", "f8"),
        ("bars_a_year", "f8"),
        ("impact", "f8"),
        ("max_participation", "f8"),
        ("hazard_base", "f8"),
        ("hazard_depth", "f8"),
        ("hazard_queue", "f8"),
        ("max_rate", "f8"),
        ("tier_from", "f8", (MAX_TIERS,)),
        ("tier_rate", "f8", (MAX_TIERS,)),
        ("tier_less", "f8", (MAX_TIERS,)),  # maintenance = notional x rate - less, within a tier
    ],
    align=True,
)

fill = np.dtype(
    [
        ("ts_ns", "i8"),
        ("inst", "i8"),
        ("side", "i8"),
        ("maker", "i8"),
        ("order_id", "i8"),
        ("reason", "i8"),
        ("tag", "i8"),
        ("qty", "f8"),
        ("price", "f8"),
        ("fee", "f8"),
        ("spread", "f8"),
        ("slippage", "f8"),
        ("impact", "f8"),
    ],
    align=True,
)

trade = np.dtype(
    [
        ("entry_ns", "i8"),
        ("exit_ns", "i8"),
        ("inst", "i8"),
        ("side", "i8"),
        ("exit_reason", "i8"),
        ("qty", "f8"),
        ("entry_price", "f8"),
        ("exit_price", "f8"),
        ("fees", "f8"),
        ("funding", "f8"),
        ("pnl", "f8"),
        ("mae", "f8"),
        ("mfe", "f8"),
    ],
    align=True,
)

equity = np.dtype(
    [
        ("ts_ns", "i8"),
        ("last_order", "i8"),  # the highest order id given so far: when an order was made can be read off it
        ("equity", "f8"),
        ("cash", "f8"),
        ("position_value", "f8"),
        ("drawdown", "f8"),
    ],
    align=True,
)

# What the venue has last told of the order in a slot.
told = np.dtype(
    [
        ("id", "i8"),
        ("state", "i8"),
        ("kind", "i8"),
        ("arrived", "i8"),
        ("taken_ns", "i8"),
        ("qty", "f8"),
        ("left", "f8"),
        ("price", "f8"),
        ("trigger", "f8"),
    ],
    align=True,
)

# The venue's word to what decides. FILL: qty with its sign, price, fee, received (less than qty where the fee is taken
# from it); ORDER: how the order in `slot` stands; FUNDING, INTEREST: `fee` was paid.
report = np.dtype(
    [
        ("arrive_ns", "i8"),
        ("heard", "i8"),  # 2 x row, and 1 more after the decision: when it was taken in; -1 before
        ("what", "i8"),
        ("inst", "i8"),
        ("slot", "i8"),
        ("id", "i8"),
        ("state", "i8"),
        ("kind", "i8"),
        ("arrived", "i8"),
        ("taken_ns", "i8"),
        ("qty", "f8"),
        ("left", "f8"),
        ("price", "f8"),
        ("trigger", "f8"),
        ("fee", "f8"),
        ("received", "f8"),
    ],
    align=True,
)

# Where the ring of reports stands: `head` have been written, `tail` taken in, `lost` found no room.
mailbox = np.dtype([("head", "i8"), ("tail", "i8"), ("last_ns", "i8"), ("lost", "i8")], align=True)

# One execution on its way into the ledger.
Execution = namedtuple(
    "Execution", "inst side qty price maker reason order_id tag fee_share spread slippage impact ts_ns inside"
)
# What a strategy's `step` sees: records only, never history.
Ctx = namedtuple(
    "Ctx",
    "acct orders positions bars feats feats1 wide wide1 bar pos f f1 me p u rules settings",
)
# Equity and its peak in a stretch of calm rows, as numbers that need no memory.
Tally = namedtuple("Tally", "equity peak")
# What the venue's functions see: its own truth, the market, and the buffers of the recorder.
Venue = namedtuple("Venue", "acct orders positions desks stats bars rules settings costs rec fine")
# The same where what decides has its own ledger: the own records stand beside the venue's, slot for slot.
SplitVenue = namedtuple(
    "SplitVenue",
    "acct orders positions desks stats bars rules settings costs rec fine "
    "own_acct own_orders own_positions told reports mail",
)
# One chunk of a tape of bars: rows[r], bars[r, k]; payments in time order; finer bars per (row, instrument) for the
# drill.
# `sample_ns` is the sample grid that the rows' `calm` is told by. Of one instrument `lines` has the bars once more,
# field by field, and then the least, and the most, that a unit is worth at the closes of 1, 2, 4 and more rows from it
# on, SPANS of each: lines[field, first + LEAD + row]. Before the first row and behind the last there is room, for many
# rows at once; so it is behind the last of `rows`, and of a feature's column.
# Sweeps write the equity of every lane after the rows in `looks` into `seen`, (looks, lanes).
LEAD = 8
SPARE = 24
SPANS = 8
TapeView = namedtuple("TapeView", "rows bars payments costs fine spans sample_ns lines first looks seen")
# What a unit of the only instrument is worth, from TapeView.lines: value[LEAD + row]; spans[k, LEAD + row] is the least
# of 2**k rows and spans[SPANS + k, LEAD + row] the most.
Units = namedtuple("Units", "value spans")
# State of many lanes; first axis is the lane.
Lanes = namedtuple(
    "Lanes",
    "acct orders positions desks stats settings p u feats feats1 wide wide1 rules cursor "
    "own_acct own_orders own_positions told reports mail",
)
GateLanes = namedtuple("GateLanes", "p u feats feats1 wide wide1 counts")
Fine = namedtuple("Fine", "bars spans")
Recorder = namedtuple("Recorder", "fills trades equity n")


@cache
def layout_hash() -> str:
    """Sixteen hex digits that change when a record or a code changes.

    >>> len(layout_hash())
    16
    """
    records = (
        bar, row, event, payment, fine_span, cost_input, rules, account, position, order, desk, stats, settings,
        fill, trade, equity, told, report, mailbox,
    )  # fmt: skip
    enums = (
        State,
        Kind,
        Tif,
        Role,
        FillReason,
        Reason,
        Intrabar,
        LimitFill,
        Slippage,
        Contract,
        EventKind,
        ReportKind,
        Calm,
    )
    text = repr([r.descr for r in records]) + repr([[(m.name, m.value) for m in e] for e in enums])
    text += repr([t._fields for t in (Execution, Ctx, Venue, SplitVenue, TapeView, Lanes, GateLanes, Fine, Recorder)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
