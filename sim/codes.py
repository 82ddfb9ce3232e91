"""The codes of layout.py as plain integers, for kernels: numba folds an int, but carries an enum's as an object."""

from __future__ import annotations

from huracan.sim.layout import NEVER as NEVER
from huracan.sim.layout import (
    Calm,
    Contract,
    FillReason,
    Intrabar,
    Kind,
    LimitFill,
    Reason,
    ReportKind,
    Role,
    Slippage,
    State,
    Tif,
)

EMPTY = int(State.EMPTY)
NEW = int(State.NEW)
LIVE = int(State.LIVE)
DORMANT = int(State.DORMANT)

MARKET = int(Kind.MARKET)
LIMIT = int(Kind.LIMIT)
STOP = int(Kind.STOP)
STOP_LIMIT = int(Kind.STOP_LIMIT)
TRAIL = int(Kind.TRAIL)

GTC = int(Tif.GTC)
IOC = int(Tif.IOC)
FOK = int(Tif.FOK)
GTT = int(Tif.GTT)

ALONE = int(Role.ALONE)
ENTRY = int(Role.ENTRY)
TAKE = int(Role.TAKE)
STOP_CHILD = int(Role.STOP)

BY_MARKET = int(FillReason.MARKET)
BY_LIMIT = int(FillReason.LIMIT)
BY_STOP = int(FillReason.STOP)
BY_TAKE = int(FillReason.TAKE)
BY_TRAIL = int(FillReason.TRAIL)
BY_TIME = int(FillReason.TIME)
BY_LIQUIDATION = int(FillReason.LIQUIDATION)
BY_END = int(FillReason.END)

BAD_QUANTITY = int(Reason.BAD_QUANTITY)
BELOW_LOT = int(Reason.BELOW_LOT)
BAD_PRICE = int(Reason.BAD_PRICE)
NO_FREE_SLOT = int(Reason.NO_FREE_SLOT)
BAD_INSTRUMENT = int(Reason.BAD_INSTRUMENT)
BAD_BRACKET = int(Reason.BAD_BRACKET)
BELOW_MIN_NOTIONAL = int(Reason.BELOW_MIN_NOTIONAL)
POST_ONLY_WOULD_CROSS = int(Reason.POST_ONLY_WOULD_CROSS)
IOC_UNFILLED = int(Reason.IOC_UNFILLED)
FOK_UNFILLED = int(Reason.FOK_UNFILLED)
NOTHING_TO_REDUCE = int(Reason.NOTHING_TO_REDUCE)
SHORT_WITHOUT_BORROW = int(Reason.SHORT_WITHOUT_BORROW)
CUT_TO_CASH = int(Reason.CUT_TO_CASH)
CUT_TO_MARGIN = int(Reason.CUT_TO_MARGIN)
MARKET_REMAINDER = int(Reason.MARKET_REMAINDER)
BRACKET_EXIT = int(Reason.BRACKET_EXIT)
POSITION_CLOSED = int(Reason.POSITION_CLOSED)
EXPIRED = int(Reason.EXPIRED)
LIQUIDATED = int(Reason.LIQUIDATED)
BANKRUPT = int(Reason.BANKRUPT)
CANCELLED = int(Reason.CANCELLED)
UNKNOWN_ORDER = int(Reason.UNKNOWN_ORDER)
REQUEST_UNDER_WAY = int(Reason.REQUEST_UNDER_WAY)
GATED = int(Reason.GATED)
TIME_EXIT = int(Reason.TIME_EXIT)
BAD_SIDE = int(Reason.BAD_SIDE)
BAD_TIF = int(Reason.BAD_TIF)
BAD_MODIFY = int(Reason.BAD_MODIFY)
TOO_MANY_LEVELS = int(Reason.TOO_MANY_LEVELS)
COST_BOUNDED = int(Reason.COST_BOUNDED)

PESSIMISTIC = int(Intrabar.PESSIMISTIC)
OPTIMISTIC = int(Intrabar.OPTIMISTIC)
OHLC = int(Intrabar.OHLC)
OLHC = int(Intrabar.OLHC)
NEAREST = int(Intrabar.NEAREST)
DRILL = int(Intrabar.DRILL)

TOUCH = int(LimitFill.TOUCH)
THROUGH = int(LimitFill.THROUGH)
HAZARD = int(LimitFill.HAZARD)

FIXED = int(Slippage.FIXED)
VOL_VOLUME = int(Slippage.VOL_VOLUME)

TOLD_FILL = int(ReportKind.FILL)
TOLD_ORDER = int(ReportKind.ORDER)
TOLD_FUNDING = int(ReportKind.FUNDING)
TOLD_INTEREST = int(ReportKind.INTEREST)
TOLD_HALT = int(ReportKind.HALT)

SPOT = int(Contract.SPOT)
LINEAR = int(Contract.LINEAR)
INVERSE = int(Contract.INVERSE)

CALM = int(Calm.ROW)
SAMPLED = int(Calm.SAMPLED)
DAYED = int(Calm.DAYED)
