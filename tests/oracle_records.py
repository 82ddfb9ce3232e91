"""What the second engine takes and gives: instruments, settings, orders, fills, and the outcome of a run.

Numbers are `decimal.Decimal` from here on; floats that come in are read as people see them (`0.1` is one tenth).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

ZERO, ONE, BPS = Decimal(0), Decimal(1), Decimal(10_000)
DAY_NS = 86_400 * 10**9
YEAR_NS = 365 * DAY_NS
BUY, SELL = 1, -1
ROUNDING = Decimal(
    "1e-9"
)  # of a quantity, a lot, a tick or the starting cash: less is rounding (the rest of a division)

Reasons = Counter[str]


def exact(x: Any) -> Decimal:
    """The decimal that people see: 0.1 is one tenth, not the double next to it."""
    return x if isinstance(x, Decimal) else Decimal(repr(float(x)) if isinstance(x, float) else str(x))


def usable(x: Any) -> bool:
    """A quantity or price that an order may carry: finite and above zero."""
    return x is not None and math.isfinite(x) and x > 0


def floor_to(x: Decimal, step: Decimal) -> Decimal:
    return x if step == 0 else (x / step + ROUNDING).to_integral_value(ROUND_FLOOR) * step


def ceil_to(x: Decimal, step: Decimal) -> Decimal:
    return x if step == 0 else (x / step - ROUNDING).to_integral_value(ROUND_CEILING) * step


def sign(x: Decimal) -> int:
    return (x > 0) - (x < 0)


@dataclass
class Bar:
    """One bar; `volume` is None where the data has no volume column."""

    open_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None

    @classmethod
    def of(cls, row: Any) -> Bar:
        open_ns, *prices, volume = row
        return cls(int(open_ns), *map(exact, prices), None if volume is None else exact(volume))


@dataclass
class Instrument:
    """A market as a test writes it; `fine` are the bars that `drill` walks, each `fine_timeframe_ns` long."""

    symbol: str
    timeframe_ns: int
    rows: list[tuple]  # (open_ns, open, high, low, close, volume | None)
    tick: tuple[int, int] = (0, 1)  # numerator, denominator; (0, 1) is none
    lot: float = 0.0
    min_notional: float = 0.0
    multiplier: float = 1.0
    kind: str = "linear"  # "spot" | "linear" | "inverse"
    funding: list[tuple] = field(default_factory=list)  # (ts_ns, rate, mark | None)
    fine: list[tuple] = field(default_factory=list)
    fine_timeframe_ns: int = 0


@dataclass
class Settings:
    """[account] and [venue]. Costs are zero unless a test sets them."""

    cash: float = 10_000.0
    leverage: float = 1.0
    borrow: bool = False
    borrow_rate: float = 0.0  # a year
    maintenance: list[list[float]] = field(default_factory=list)  # [[notional from, rate], ...], marginal
    fee_in: str = "quote"  # "quote" | "base"
    liquidation_fee_bps: float = 0.0
    fee_maker_bps: float = 0.0
    fee_taker_bps: float = 0.0
    # {"model": "fixed", "bps"} or
    # {"model": "vol_volume", "bps", "window", "vol_ref", "vol_power", "volume_power", "participation"}
    slippage: dict = field(default_factory=lambda: {"model": "fixed", "bps": 0.0})
    half_spread_bps: float = 0.0
    impact_coefficient: float = 0.0
    impact_window: int = 20
    market_fill: str = "next_open"  # "next_open" | "close"
    limit_fill: Any = "touch"  # "touch" | ("through", n) | {"model": "hazard", "base", "depth", "queue"}
    intrabar: str = "pessimistic"  # "optimistic" | "ohlc" | "olhc" | "nearest" | "drill"
    max_participation: float = 1.0  # 0 is no cap
    gap_fill: str = "open"  # "open" | "price"
    latency_bars: int = 0
    latency_entry_ns: int = 0
    latency_response_ns: int = 0
    market_remainder: str = "wait"  # "wait" | "cancel"
    close_at_end: bool = False
    seed: int = 0
    lane: int = 0
    order_slots: int = 8  # for each instrument


@dataclass(eq=False)
class Bracket:
    """What the three orders of a bracket share: `held` is what the entry added to the position and nothing took out."""

    entry: Order
    target: Order | None = None
    stop: Order | None = None  # also carries the time exit
    max_hold: int = 0
    held: Decimal = ZERO
    held_since: int | None = None  # the row in which it came to hold something
    time_exit_over: bool = False

    def children(self) -> list[Order]:
        return [o for o in (self.target, self.stop) if o is not None]


@dataclass(eq=False)
class Order:
    id: int
    inst: int
    side: int
    kind: str  # "market" | "limit" | "stop" | "trail" | "time" (a stop child that only waits for the time exit)
    qty: Decimal
    price: Decimal | None = None  # limit price, of stop-limits too
    trigger: Decimal | None = None
    distance: Decimal | None = None
    reduce_only: bool = False
    post_only: bool = False
    tif: str = "GTC"
    ttl: int = 0
    reason: str = "market"
    role: str = "alone"  # "entry" | "target" | "stop"
    bracket: Bracket | None = None
    made_row: int = 0
    made_ns: int = 0
    state: str = "sent"  # then "live" ("dormant" before it, for children), at last "done"
    filled: Decimal = ZERO
    lost: Decimal = ZERO  # cut off and cancelled
    triggered: bool = False
    reference: Decimal | None = None  # best price so far, of a trailing stop
    rests: bool = False  # has met an open, or went live inside a bar: no longer a taker by arrival
    first_row: int | None = None  # the first row in which it met an open
    just_live: bool = False  # went live at the very point where the path stands
    as_sent: Any = None  # how it stood when it left for the market, as a strategy knows it until it hears
    cancel_asked: bool = False
    modify_asked: Request | None = None  # the last one that left
    modified: int = 0

    @property
    def remaining(self) -> Decimal:
        rest = self.qty - self.filled - self.lost
        return rest if rest > self.qty * ROUNDING else ZERO

    @property
    def done(self) -> bool:
        return self.state == "done"

    @property
    def is_child(self) -> bool:
        return self.role in ("target", "stop")

    def acts_as(self) -> str:
        """What the order is by now: `market`, `limit`, `stop` or `trail`; a triggered stop is one of the first two."""
        if self.kind in ("stop", "trail") and self.triggered:
            return "limit" if self.price is not None else "market"
        return self.kind

    def trail_trigger(self, tick: Decimal) -> Decimal:
        """Sell stops round down to the tick, buy stops up."""
        if self.side == SELL:
            return floor_to(self.reference - self.distance, tick)
        return ceil_to(self.reference + self.distance, tick)


def marketable(order: Order, x: Decimal) -> bool:
    """Would a limit at this price trade at x at once?"""
    return order.side * (order.price - x) >= 0


@dataclass(eq=False)
class Request:
    """A new order, a cancel or a modify on its way to the market."""

    what: str  # "new" | "cancel" | "modify"
    order: Order
    made_row: int
    made_ns: int
    qty: Decimal | None = None
    price: Decimal | None = None
    trigger: Decimal | None = None
    taken_in: int | None = None  # the number of the first news that tells of a modify


@dataclass(frozen=True)
class Fill:
    ts_ns: int
    instrument: int
    side: int
    qty: Decimal
    price: Decimal
    fee: Decimal
    liquidity: str
    order_id: int  # 0 where no order stands behind it: liquidation, end
    reason: str


@dataclass
class Trade:
    entry_ts: int
    symbol: str
    side: int
    exit_ts: int = 0
    qty: Decimal = ZERO  # all that entered
    entry_price: Decimal = ZERO
    exit_price: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    pnl: Decimal = ZERO
    exit_reason: str = ""
    mae: Decimal = ZERO
    mfe: Decimal = ZERO


@dataclass
class EquityRow:
    ts_ns: int
    equity: Decimal
    cash: Decimal
    position_value: Decimal


@dataclass
class Outcome:
    fills: list[Fill] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    equity: list[EquityRow] = field(default_factory=list)
    cash: Decimal = ZERO
    positions: list[Decimal] = field(default_factory=list)
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    interest: Decimal = ZERO
    slippage_cost: Decimal = ZERO
    spread_cost: Decimal = ZERO
    impact_cost: Decimal = ZERO
    rejections: Reasons = field(default_factory=Counter)  # refused orders, and what was cut or cancelled at a fill
    events: Reasons = field(default_factory=Counter)  # orders that ended otherwise: expired, cancelled, ...
    bankrupt: bool = False
    open_trades: int = 0
    market_events: Reasons = field(default_factory=Counter)  # what tests want to see happen: partial fills, ...
