"""Scenario tables: six lines of bars, a script and the fills a person can check by eye against docs/EXECUTION.md.

They are data, so that the oracle and the compiled engine run the very same cases. Bar k opens at minute k; `"3o"` is a
fill at the open of bar 3, `"3h"` half a bar later, and `"3c"` one inside it or at its close. Prices are on a tick of 1
unless a case says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.oracle import Instrument, Settings

MINUTE = 60 * 10**9
QUARTER = MINUTE // 4


def bars(*lines: str | None, first: int = 0, step: int = MINUTE) -> list[tuple]:
    """`"open high low close [volume]"` a bar (volume 1000 unless given, `-` for no column); None is a missing bar."""
    rows = []
    for k, line in enumerate(lines):
        if line is not None:
            prices = line.split()
            volume = prices[4] if len(prices) > 4 else "1000"
            rows.append((first + k * step, *map(float, prices[:4]), None if volume == "-" else float(volume)))
    return rows


@dataclass(frozen=True)
class Case:
    """`script`: row (or (row, instrument)) -> actions.

    `fills`: (when, side, qty, price, liquidity, order id, reason[, instrument]). `expect`: figures of the outcome:
    cash, fees, positions, rejections, events, and trades as dicts of their fields.
    """

    name: str
    bars: list[tuple] | list[list[tuple]]
    script: dict[Any, list[tuple]]
    fills: list[tuple]
    settings: dict = field(default_factory=dict)
    market: dict = field(default_factory=dict)
    markets: list[dict] = field(default_factory=list)  # for several instruments: what differs from `market`
    expect: dict = field(default_factory=dict)

    def build(self) -> tuple[list[Instrument], Settings, dict[tuple[int, int], list[tuple]]]:
        tapes = self.bars if isinstance(self.bars[0], list) else [self.bars]
        own = self.markets or [{}] * len(tapes)
        instruments = [
            Instrument(f"I{k}", MINUTE, rows, **{"tick": (1, 1), **self.market, **more})
            for k, (rows, more) in enumerate(zip(tapes, own, strict=True))
        ]
        script = {key if isinstance(key, tuple) else (key, 0): actions for key, actions in self.script.items()}
        return instruments, Settings(**{"leverage": 10.0, **self.settings}), script

    def expected_fills(self) -> list[tuple]:
        """(ts_ns, instrument, side, qty, price, liquidity, order_id, reason)."""
        rows = []
        for when, side, qty, price, liquidity, order_id, reason, *inst in self.fills:
            ts = int(when[:-1]) * MINUTE + {"o": 0, "h": MINUTE // 2, "c": MINUTE}[when[-1]]
            rows.append((ts, inst[0] if inst else 0, side, qty, price, liquidity, order_id, reason))
        return rows


FLAT = "100 100 100 100"
SPOT = {"kind": "spot"}
CASH = {"leverage": 1.0}  # with spot: an account that can't borrow

MARKET_ORDERS = [
    Case(
        "a market order meets the next open",
        bars("100 102 99 101", "103 104 102 103"),
        {0: [("buy", 2)]},
        [("1o", 1, 2, 103, "taker", 1, "market")],
        expect={"cash": 10_000, "positions": [2]},
    ),
    Case(
        "market_fill close: the close at which it was decided",
        bars("100 102 99 101", "103 104 102 103"),
        {0: [("buy", 2)], 1: [("close",)]},
        [("0c", 1, 2, 101, "taker", 1, "market"), ("1c", -1, 2, 103, "taker", 2, "market")],
        settings={"market_fill": "close"},
        expect={"cash": 10_004},
    ),
    Case(
        "latency_bars 1: one open later",
        bars(FLAT, "101 101 101 101", "102 102 102 102"),
        {0: [("buy", 1)]},
        [("2o", 1, 1, 102, "taker", 1, "market")],
        settings={"latency_bars": 1},
    ),
    Case(
        "latency in time: an order that arrives at an open meets it",
        bars(FLAT, "101 101 101 101", "102 102 102 102"),
        {0: [("buy", 1)]},
        [("2o", 1, 1, 102, "taker", 1, "market")],
        settings={"latency_entry_ns": MINUTE},
    ),
    Case(
        "latency in time: an order that arrives inside a bar waits for the next open",
        bars(FLAT, "101 101 101 101", "102 102 102 102"),
        {0: [("buy", 1)]},
        [("2o", 1, 1, 102, "taker", 1, "market")],
        settings={"latency_entry_ns": MINUTE // 2},
    ),
    Case(
        "a flip is one fill, two trades",
        bars(FLAT, "100 100 100 100", "104 104 104 104", "101 101 101 101"),
        {0: [("buy", 2)], 1: [("sell", 5)], 2: [("close",)]},
        [
            ("1o", 1, 2, 100, "taker", 1, "market"),
            ("2o", -1, 5, 104, "taker", 2, "market"),
            ("3o", 1, 3, 101, "taker", 3, "market"),
        ],
        settings={"fee_taker_bps": 100},
        expect={
            "cash": 10_000 + 8 + 9 - 2 - 5.2 - 3.03,
            "trades": [
                {"side": 1, "qty": 2, "entry_price": 100, "exit_price": 104, "fees": 2 + 2.08, "pnl": 8 - 4.08},
                {"side": -1, "qty": 3, "entry_price": 104, "exit_price": 101, "fees": 3.12 + 3.03, "pnl": 9 - 6.15},
            ],
        },
    ),
    Case(
        "target counts market orders under way; close is reduce-only",
        bars(FLAT, FLAT, FLAT, FLAT),
        {0: [("target", 3), ("target", 3), ("target", 2)], 1: [("target", -1), ("close",)], 2: []},
        [
            # the second target(3) finds 3 under way and does nothing; target(2) sends 1 the other way
            ("1o", 1, 3, 100, "taker", 1, "market"),
            ("1o", -1, 1, 100, "taker", 2, "market"),
            ("2o", -1, 3, 100, "taker", 3, "market"),
        ],
        expect={"positions": [-1], "rejections": {"nothing_to_reduce": 1}},
    ),
    Case(
        "what is left of a bar's volume but for rounding fills an order whole",
        bars(FLAT, "100 100 100 100 1"),
        {0: [("buy", 0.5), ("buy", 0.4), ("limit", 1, 0.1, 100, False, "FOK")]},
        [
            ("1o", 1, 0.5, 100, "taker", 1, "market"),
            ("1o", 1, 0.4, 100, "taker", 2, "market"),
            ("1o", 1, 0.1, 100, "taker", 3, "limit"),  # 1 - 0.5 - 0.4 is a little less than 0.1 in doubles
        ],
        market={"lot": 0.1},
    ),
    Case(
        "the rest after a volume cap waits for the next open",
        bars(FLAT, "100 100 100 100 10", "101 101 101 101 10", "102 102 102 102 10"),
        {0: [("buy", 12)]},
        [
            ("1o", 1, 5, 100, "taker", 1, "market"),
            ("2o", 1, 5, 101, "taker", 1, "market"),
            ("3o", 1, 2, 102, "taker", 1, "market"),
        ],
        settings={"max_participation": 0.5},
    ),
    Case(
        "market_remainder cancel",
        bars(FLAT, "100 100 100 100 10", "101 101 101 101 10"),
        {0: [("buy", 12)]},
        [("1o", 1, 10, 100, "taker", 1, "market")],
        settings={"market_remainder": "cancel"},
        expect={"rejections": {"market_remainder": 1}},
    ),
    Case(
        "a bar with no volume fills nothing",
        bars(FLAT, "100 100 100 100 0", "101 101 101 101 5"),
        {0: [("buy", 1)]},
        [("2o", 1, 1, 101, "taker", 1, "market")],
    ),
    Case(
        "no volume column, no cap",
        bars("100 100 100 100 -", "100 100 100 100 -"),
        {0: [("buy", 50)]},
        [("1o", 1, 50, 100, "taker", 1, "market")],
    ),
    Case(
        "max_participation 0, no cap",
        bars("100 100 100 100 1", "100 100 100 100 1"),
        {0: [("buy", 50)]},
        [("1o", 1, 50, 100, "taker", 1, "market")],
        settings={"max_participation": 0.0},
    ),
    Case(
        "own orders share the volume, by id; what is left of the limit rests and is a maker at the next open",
        bars(FLAT, "100 100 100 100 10", "99 99 99 99"),
        {0: [("buy", 8), ("limit", 1, 5, 101)]},
        [
            ("1o", 1, 8, 100, "taker", 1, "market"),
            ("1o", 1, 2, 100, "taker", 2, "limit"),
            ("2o", 1, 3, 99, "maker", 2, "limit"),
        ],
    ),
    Case(
        "at the opens orders that reduce go first",
        bars(FLAT, FLAT, "100 100 100 100 4", FLAT),
        {0: [("buy", 2)], 1: [("buy", 3), ("close",)]},
        [
            ("1o", 1, 2, 100, "taker", 1, "market"),
            ("2o", -1, 2, 100, "taker", 3, "market"),
            ("2o", 1, 2, 100, "taker", 2, "market"),
            ("3o", 1, 1, 100, "taker", 2, "market"),
        ],
    ),
    Case(
        "quantities are floored to the lot, also what the volume cap leaves",
        bars(FLAT, "100 100 100 100 7", FLAT),
        {0: [("buy", 5.7)]},
        [("1o", 1, 3.5, 100, "taker", 1, "market"), ("2o", 1, 2, 100, "taker", 1, "market")],
        settings={"max_participation": 0.55},
        market={"lot": 0.5},
    ),
]

LIMITS = [
    Case(
        "touch: a limit fills at its price when the bar reaches it, as maker",
        bars(FLAT, "100 101 98 100"),
        {0: [("limit", 1, 2, 98)]},
        [("1c", 1, 2, 98, "maker", 1, "limit")],
        settings={"fee_maker_bps": -100, "fee_taker_bps": 500},
        expect={"fees": -1.96, "cash": 10_001.96},
    ),
    Case(
        "through:1: only one tick beyond, still at its price",
        bars(FLAT, "100 101 98 100", "100 101 97 100"),
        {0: [("limit", 1, 2, 98)]},
        [("2c", 1, 2, 98, "maker", 1, "limit")],
        settings={"limit_fill": ("through", 1)},
    ),
    Case(
        "through without a tick: strictly beyond",
        bars(FLAT, "100 101 98 100", "100 101 97.99 100"),
        {0: [("limit", 1, 2, 98)]},
        [("2c", 1, 2, 98, "maker", 1, "limit")],
        settings={"limit_fill": ("through", 1)},
        market={"tick": (0, 1)},
    ),
    Case(
        "through:2 at a later open: not one tick beyond, but two",
        bars(FLAT, FLAT, "97 98 97 98", "96 98 96 98"),
        {0: [("limit", 1, 1, 98)]},
        [("3o", 1, 1, 96, "maker", 1, "limit")],
        settings={"limit_fill": ("through", 2)},
    ),
    Case(
        "marketable on arrival: a taker at the open",
        bars(FLAT, "97 99 96 98"),
        {0: [("limit", 1, 1, 98)]},
        [("1o", 1, 1, 97, "taker", 1, "limit")],
    ),
    Case(
        "gap_fill open: a resting limit that is gapped through fills at the open, as maker",
        bars(FLAT, "100 101 99 100", "96 97 95 96"),
        {0: [("limit", 1, 1, 98)]},
        [("2o", 1, 1, 96, "maker", 1, "limit")],
    ),
    Case(
        "gap_fill price: at its own price",
        bars(FLAT, "100 101 99 100", "96 97 95 96"),
        {0: [("limit", 1, 1, 98)]},
        [("2o", 1, 1, 98, "maker", 1, "limit")],
        settings={"gap_fill": "price"},
    ),
    Case(
        "post-only is rejected if it would cross on arrival, and a maker if it is gapped later",
        bars(FLAT, "99 100 99 100", "96 97 95 96"),
        {0: [("limit", 1, 1, 99, True), ("limit", 1, 2, 98, True)]},
        [("2o", 1, 2, 96, "maker", 2, "limit")],
        expect={"rejections": {"post_only_would_cross": 1}},
    ),
    Case(
        "IOC takes what it can at the first open, or nothing",
        bars(FLAT, "100 100 90 100 4", "90 90 90 90"),
        {0: [("limit", 1, 6, 100, False, "IOC"), ("limit", 1, 6, 99, False, "IOC")]},
        [("1o", 1, 4, 100, "taker", 1, "limit")],
        expect={"rejections": {"ioc_unfilled": 2}},
    ),
    Case(
        "FOK fills whole or not at all",
        bars(FLAT, "100 100 90 100 4", "90 90 90 90"),
        {0: [("limit", 1, 6, 100, False, "FOK"), ("limit", 1, 4, 100, False, "FOK")]},
        [("1o", 1, 4, 100, "taker", 2, "limit")],
        expect={"rejections": {"fok_unfilled": 1}},
    ),
    Case(
        "GTT lives in the first n rows, counted from the first open it meets",
        bars(FLAT, "100 101 99 100", "100 101 99 100", "100 101 95 100"),
        {0: [("limit", 1, 1, 98, False, "GTT", 2), ("limit", 1, 2, 98, False, "GTT", 3)]},
        [("3c", 1, 2, 98, "maker", 2, "limit")],
        expect={"events": {"expired": 1}},
    ),
    Case(
        "a cancel that arrives in time, and one that is too late",
        bars(FLAT, FLAT, "100 101 95 100"),
        {0: [("limit", 1, 1, 98)], 1: [("cancel_last",)]},
        [],
        expect={"events": {"cancelled": 1}},
    ),
    Case(
        "a cancel travels as long as an order",
        bars(FLAT, FLAT, FLAT, "100 101 95 100", FLAT),
        {0: [("limit", 1, 1, 98)], 2: [("cancel_last",)]},
        [("3c", 1, 1, 98, "maker", 1, "limit")],
        settings={"latency_bars": 1},
    ),
    Case(
        "a modified limit that is marketable at the next open is a taker there",
        bars(FLAT, FLAT, "100 101 99 100"),
        {0: [("limit", 1, 3, 98)], 1: [("modify_last", 2, 101, None)]},
        [("2o", 1, 2, 100, "taker", 1, "limit")],
    ),
    Case(
        "prices off the tick: buy limits and sell stops down, sell limits and buy stops up",
        bars(FLAT, FLAT, "100 105 95 100"),
        {
            0: [("buy", 3)],
            1: [("limit", 1, 1, 97.9), ("limit", -1, 1, 103.1), ("stop", -1, 1, 96.9), ("stop", 1, 1, 104.1)],
        },
        [
            ("1o", 1, 3, 100, "taker", 1, "market"),
            ("2c", -1, 1, 104, "maker", 3, "limit"),
            ("2c", 1, 1, 105, "taker", 5, "stop"),
            ("2c", 1, 1, 97, "maker", 2, "limit"),
            ("2c", -1, 1, 96, "taker", 4, "stop"),
        ],
        settings={"intrabar": "ohlc"},
    ),
    Case(
        "a hazard of certainty fills at a touch",
        bars(FLAT, "100 101 98 100"),
        {0: [("limit", 1, 2, 98)]},
        [("1c", 1, 2, 98, "maker", 1, "limit")],
        settings={"limit_fill": {"model": "hazard", "base": 1000.0, "depth": 0.0, "queue": 1.0}},
    ),
    Case(
        "a hazard of zero never fills, but a gap beyond the price does",
        bars(FLAT, "100 101 90 100", "98 99 98 99", "97 99 97 99"),
        {0: [("limit", 1, 2, 98)]},
        [("3o", 1, 2, 97, "maker", 1, "limit")],
        settings={"limit_fill": {"model": "hazard", "base": 0.0, "depth": 0.0, "queue": 1.0}},
    ),
]

STOPS = [
    Case(
        "a stop is a taker at its trigger, and pays slippage",
        bars(FLAT, "100 106 100 104"),
        {0: [("stop", 1, 1, 105)]},
        [("1c", 1, 1, 105.105, "taker", 1, "stop")],
        settings={"slippage": {"model": "fixed", "bps": 10.0}},
        expect={"slippage_cost": 0.105},
    ),
    Case(
        "a stop that is gapped fills at the open",
        bars(FLAT, "107 108 106 107"),
        {0: [("stop", 1, 1, 105)]},
        [("1o", 1, 1, 107, "taker", 1, "stop")],
    ),
    Case(
        "a stop's rest waits as a market order",
        bars(FLAT, "100 106 100 104 2", "103 104 102 103"),
        {0: [("stop", 1, 5, 105)]},
        [("1c", 1, 2, 105, "taker", 1, "stop"), ("2o", 1, 3, 103, "taker", 1, "stop")],
    ),
    Case(
        "a stop-limit triggers and then fills on the way back, as maker",
        bars(FLAT, "100 106 103 104"),
        {0: [("stop", 1, 1, 105, 104)]},
        [("1c", 1, 1, 104, "maker", 1, "stop")],
        settings={"intrabar": "ohlc"},
    ),
    Case(
        "a stop-limit that is gapped beyond its limit rests from the open on",
        bars(FLAT, "108 109 107 108", "107 108 105 107"),
        {0: [("stop", 1, 1, 105, 106)]},
        [("2c", 1, 1, 106, "maker", 1, "stop")],
    ),
    Case(
        "a stop-limit never pays beyond its limit",
        bars(FLAT, "100 106 100 104"),
        {0: [("stop", 1, 2, 105, 106)]},
        [("1c", 1, 2, 106, "taker", 1, "stop")],
        settings={"slippage": {"model": "fixed", "bps": 200.0}},
        expect={"slippage_cost": 2},
    ),
    Case(
        "a trailing stop follows the path and triggers on the way back",
        bars(FLAT, "100 104 98 99"),
        {0: [("buy", 1), ("trail", -1, 1, 3)]},
        [("1o", 1, 1, 100, "taker", 1, "market"), ("1c", -1, 1, 101, "taker", 2, "trail")],
        settings={"intrabar": "ohlc"},
    ),
    Case(
        "a trailing stop keeps its reference over bars, and is gapped at the open",
        bars(FLAT, "100 103 100 103", "99 110 98 109"),
        {0: [("buy", 1), ("trail", -1, 1, 3)]},
        [("1o", 1, 1, 100, "taker", 1, "market"), ("2o", -1, 1, 99, "taker", 2, "trail")],
        settings={"intrabar": "olhc"},
    ),
    Case(
        "a buy trailing stop enters after a bounce",
        bars(FLAT, "100 100 94 95", "95 99 95 98"),
        {0: [("trail", 1, 1, 4)]},
        [("2c", 1, 1, 98, "taker", 1, "trail")],
    ),
    Case(
        "reduce-only orders are cut to the position, and cancelled when there is nothing to reduce",
        bars(FLAT, FLAT, "100 103 97 100", FLAT),
        {0: [("buy", 3)], 1: [("reduce_limit", -1, 5, 103), ("reduce_stop", -1, 5, 97)], 2: [("reduce", -1, 1)]},
        [("1o", 1, 3, 100, "taker", 1, "market"), ("2c", -1, 3, 103, "maker", 2, "limit")],
        settings={"intrabar": "ohlc"},
        expect={"rejections": {"nothing_to_reduce": 2}},
    ),
]

WIDE = bars(FLAT, "100 104 97 101", "101 101 101 101")
LONG_BRACKET = {0: [("bracket", 1, 1, None, 103, 98)]}
ENTRY = ("1o", 1, 1, 100, "taker", 1, "market")
TAKEN = ("1c", -1, 1, 103, "maker", 2, "take")
STOPPED = ("1c", -1, 1, 98, "taker", 3, "stop")

PATHS = [
    Case("pessimistic: the stop first", WIDE, LONG_BRACKET, [ENTRY, STOPPED]),
    Case("optimistic: the target first", WIDE, LONG_BRACKET, [ENTRY, TAKEN], settings={"intrabar": "optimistic"}),
    Case("ohlc: high first", WIDE, LONG_BRACKET, [ENTRY, TAKEN], settings={"intrabar": "ohlc"}),
    Case("olhc: low first", WIDE, LONG_BRACKET, [ENTRY, STOPPED], settings={"intrabar": "olhc"}),
    Case("nearest: the low is nearer", WIDE, LONG_BRACKET, [ENTRY, STOPPED], settings={"intrabar": "nearest"}),
    Case(
        "pessimistic: a buy limit is reached by the last fall, so that its target has to wait",
        bars(FLAT, "100 104 97 100", "100 104 99 100"),
        {0: [("bracket", 1, 1, 98, 103, 95)]},
        [("1c", 1, 1, 98, "maker", 1, "limit"), ("2c", -1, 1, 103, "maker", 2, "take")],
    ),
    Case(
        "optimistic: the same target is reached in the same bar",
        bars(FLAT, "100 104 97 100", "100 104 99 100"),
        {0: [("bracket", 1, 1, 98, 103, 95)]},
        [("1c", 1, 1, 98, "maker", 1, "limit"), ("1c", -1, 1, 103, "maker", 2, "take")],
        settings={"intrabar": "optimistic"},
    ),
    Case(
        "pessimistic turns round: a buy stop enters on the way up, then the low comes first",
        bars(FLAT, "100 106 98 104"),
        {0: [("stop", 1, 1, 103), ("limit", -1, 1, 105), ("reduce_stop", -1, 1, 99)]},
        [
            ("1c", 1, 1, 103, "taker", 1, "stop"),
            ("1c", -1, 1, 99, "taker", 3, "stop"),
            ("1c", -1, 1, 105, "maker", 2, "limit"),
        ],
    ),
    Case(
        "at one level orders that reduce go first",
        bars(FLAT, FLAT, "100 105 100 104 3"),
        {0: [("buy", 2)], 1: [("stop", 1, 2, 105), ("limit", -1, 2, 105)]},
        [
            ("1o", 1, 2, 100, "taker", 1, "market"),
            ("2c", -1, 2, 105, "maker", 3, "limit"),
            ("2c", 1, 1, 105, "taker", 2, "stop"),
        ],
    ),
    Case(
        "drill: the finer bars tell that the target came first",
        WIDE,
        LONG_BRACKET,
        [ENTRY, TAKEN],
        settings={"intrabar": "drill"},
        market={
            "fine": bars("100 104 100 103 10", "103 103 97 101 10", first=MINUTE, step=QUARTER),
            "fine_timeframe_ns": QUARTER,
        },
    ),
    Case(
        "drill: a finer bar that opens beyond the stop fills it there",
        WIDE,
        LONG_BRACKET,
        [ENTRY, ("1c", -1, 1, 97, "taker", 3, "stop")],
        settings={"intrabar": "drill"},
        market={
            "fine": bars("100 101 99 100 10", "97 104 97 101 10", first=MINUTE, step=QUARTER),
            "fine_timeframe_ns": QUARTER,
        },
    ),
    Case(
        "drill: children born at the bar's open wait for the path behind a first finer bar that opens elsewhere",
        bars("112 112 112 112", "112 115 108 115"),
        {0: [("stop", -1, 1, 110), ("bracket", -1, 2, None, 114, None)]},
        [
            ("1o", -1, 2, 112, "taker", 2, "market"),
            # the stop meets the finer bar's open; the target, marketable since its birth, the path that starts there
            ("1c", -1, 1, 109, "taker", 1, "stop"),
            ("1c", 1, 2, 109, "taker", 3, "take"),
        ],
        settings={"intrabar": "drill"},
        market={
            "fine": bars("109 115 108 115", first=MINUTE + QUARTER, step=QUARTER),
            "fine_timeframe_ns": QUARTER,
        },
    ),
    Case(
        "drill: a target that is born marketable at a finer bar's open takes there",
        bars("110 110 110 110", "110 110 110 110", "110 112 102 104"),
        {0: [("bracket", 1, 2, 100, 103, None)], 1: [("modify_last", None, 106)]},
        [("2c", 1, 2, 104, "maker", 1, "limit"), ("2c", -1, 2, 104, "taker", 2, "take")],
        settings={"intrabar": "drill"},
        market={
            "fine": bars("110 112 110 112", "104 105 102 104", first=2 * MINUTE, step=QUARTER),
            "fine_timeframe_ns": QUARTER,
        },
    ),
    Case("drill without finer bars: pessimistic", WIDE, LONG_BRACKET, [ENTRY, STOPPED], settings={"intrabar": "drill"}),
    Case(
        "a missing bar: the order of that instrument waits, the other's does not",
        [bars(FLAT, "101 101 101 101", "102 102 102 102"), bars(FLAT, None, "50 50 50 50")],
        {(0, 0): [("buy", 1)], (0, 1): [("buy", 1)]},
        [("1o", 1, 1, 101, "taker", 1, "market", 0), ("2o", 1, 1, 50, "taker", 2, "market", 1)],
    ),
]

BRACKETS = [
    Case(
        "a child's fill cancels what is left of the entry",
        bars(FLAT, "100 100 98 99 4", "99 104 99 103"),
        {0: [("bracket", 1, 10, 98, 103, 90)]},
        [("1c", 1, 4, 98, "maker", 1, "limit"), ("2c", -1, 4, 103, "maker", 2, "take")],
        expect={"events": {"bracket_exit": 1}, "positions": [0]},
    ),
    Case(
        "a partial target shrinks the stop and does not cancel it",
        bars(FLAT, FLAT, "100 103 100 100 4", "100 100 95 96"),
        {0: [("bracket", 1, 10, None, 103, 97)]},
        [
            ("1o", 1, 10, 100, "taker", 1, "market"),
            ("2c", -1, 4, 103, "maker", 2, "take"),
            ("3c", -1, 6, 97, "taker", 3, "stop"),
        ],
    ),
    Case(
        "a short bracket",
        bars(FLAT, "100 101 96 97"),
        {0: [("bracket", -1, 1, None, 96, 103)]},
        [("1o", -1, 1, 100, "taker", 1, "market"), ("1c", 1, 1, 96, "maker", 2, "take")],
    ),
    Case(
        "max_hold 2: held in rows 1 and 2, sold at the open of row 3",
        bars(FLAT, "100 101 99 100", "100 101 99 100", "102 102 102 102"),
        {0: [("bracket", 1, 1, None, 110, 90, 2)]},
        [ENTRY, ("3o", -1, 1, 102, "taker", 3, "time")],
    ),
    Case(
        "max_hold 1 with market_fill close: a limit entry leaves at the close of its own bar",
        bars(FLAT, "100 101 98 99"),
        {0: [("bracket", 1, 1, 98, None, None, 1)]},
        [("1c", 1, 1, 98, "maker", 1, "limit"), ("1c", -1, 1, 99, "taker", 3, "time")],
        settings={"market_fill": "close"},
    ),
    Case(
        "a position that is closed in another way takes the children with it",
        bars(FLAT, FLAT, FLAT, "100 110 90 100"),
        {0: [("bracket", 1, 1, None, 105, 95)], 1: [("close",)]},
        [ENTRY, ("2o", -1, 1, 100, "taker", 4, "market")],
        expect={"events": {"position_closed": 2}},
    ),
    Case(
        "a target that is marketable when its entry fills executes there, as a taker",
        bars(FLAT, "108 109 101 102"),
        {0: [("bracket", 1, 1, None, 105, 95)]},
        [("1o", 1, 1, 108, "taker", 1, "market"), ("1c", -1, 1, 108, "taker", 2, "take")],
    ),
    Case(
        "a stop child that is gapped fills at the open",
        bars(FLAT, FLAT, "90 92 89 91"),
        {0: [("bracket", 1, 1, None, 105, 95)]},
        [ENTRY, ("2o", -1, 1, 90, "taker", 3, "stop")],
    ),
    Case(
        "a target that is gapped is a maker at the open",
        bars(FLAT, FLAT, "108 109 107 108"),
        {0: [("bracket", 1, 1, None, 105, 95)]},
        [ENTRY, ("2o", -1, 1, 108, "maker", 2, "take")],
    ),
    Case(
        "a cancelled entry takes the sleeping children with it",
        bars(FLAT, FLAT, "100 110 90 100"),
        {0: [("bracket", 1, 1, 95, 105, 91)], 1: [("cancel_last",)]},
        [],
        expect={"events": {"cancelled": 1}},
    ),
    Case(
        "ids: a bracket takes three, whether or not its children exist",
        bars(FLAT, FLAT),
        {0: [("bracket", 1, 1), ("buy", 1)]},
        [("1o", 1, 1, 100, "taker", 1, "market"), ("1o", 1, 1, 100, "taker", 4, "market")],
    ),
]

REFUSALS = [
    Case(
        "checks at submission",
        bars(FLAT, FLAT),
        {
            0: [
                ("buy", 0),
                ("buy", float("nan")),
                ("sell", -1),
                ("buy", 0.4),
                ("limit", 1, 1, 0),
                ("stop", 1, 1, float("inf")),
                ("trail", 1, 1, -1),
                ("limit", 1, 1, 3),
                ("bracket", 1, 1, 100, 99, 90),
                ("bracket", 1, 1, 100, 110, 105),
                ("bracket", -1, 1, 100, 110, 105),
            ]
        },
        [],
        market={"lot": 0.5, "min_notional": 5.0},
        expect={
            "rejections": {
                "bad_quantity": 3,
                "below_lot": 1,
                "bad_price": 3,
                "below_min_notional": 1,
                "bad_bracket": 3,
            }
        },
    ),
    Case(
        "eight slots an instrument; a bracket with children takes three; a slot is free when its order is done",
        bars(FLAT, FLAT, FLAT, FLAT),
        {
            0: [("bracket", 1, 1, 90, 110, 80), ("bracket", 1, 1, 90, 110, 80), ("bracket", 1, 1, 90, 110, 80)]
            + [("buy", 1)] * 3,
            1: [("cancel_all",), ("buy", 1)],
            2: [("limit", 1, 1, 50)] * 9,
        },
        [
            ("1o", 1, 1, 100, "taker", 7, "market"),
            ("1o", 1, 1, 100, "taker", 8, "market"),
            ("2o", 1, 1, 100, "taker", 9, "market"),
        ],
        expect={"rejections": {"no_free_slot": 3}},
    ),
    Case(
        "an order that reduces may be below the minimum notional",
        bars(FLAT, FLAT, FLAT),
        {0: [("buy", 2)], 1: [("sell", 1)]},
        [("1o", 1, 2, 100, "taker", 1, "market"), ("2o", -1, 1, 100, "taker", 2, "market")],
        market={"min_notional": 150.0},
        expect={"rejections": {}},
    ),
]

COSTS = [
    Case(
        "half the spread and slippage on the open; the fee on the price paid; each cost on its own",
        bars(FLAT, FLAT, "110 110 110 110"),
        {0: [("buy", 10)], 1: [("close",)]},
        [("1o", 1, 10, 100.3, "taker", 1, "market"), ("2o", -1, 10, 109.67, "taker", 2, "market")],
        settings={"half_spread_bps": 10, "slippage": {"model": "fixed", "bps": 20.0}, "fee_taker_bps": 100},
        expect={"fees": 10.03 + 10.967, "spread_cost": 1 + 1.1, "slippage_cost": 2 + 2.2, "cash": 10_093.7 - 20.997},
    ),
    Case(
        "square root impact: 1e4 x 0.5 x 0.1 x sqrt(25 / 100) = 250 bps once two returns are known",
        bars("100 100 100 100 100", "110 110 110 110 100", "99 99 99 99 100", "100 100 100 100 100"),
        {0: [("buy", 25)], 2: [("buy", 25)]},
        [("1o", 1, 25, 110, "taker", 1, "market"), ("3o", 1, 25, 102.5, "taker", 2, "market")],
        settings={"impact_coefficient": 0.5, "impact_window": 2},
        expect={"impact_cost": 62.5},
    ),
    Case(
        "square root impact where nobody traded, and no cap is asked for: as if ten times the volume",
        bars("100 100 100 100 100", "110 110 110 110 100", "99 99 99 99 100", "100 100 100 100 0"),
        {2: [("buy", 25)]},
        [("3o", 1, 25, 115.8113883008419, "taker", 1, "market")],
        settings={"impact_coefficient": 0.5, "impact_window": 2, "max_participation": 0.0},
        expect={"impact_cost": 395.2847075210474},
    ),
    Case(
        "vol_volume slippage: 10 bps x 1 x (200 / 100) x (1 + 25 / 100) = 25 bps",
        bars("100 100 100 100 200", "110 110 110 110 200", "99 99 99 99 200", "100 100 100 100 100"),
        {2: [("buy", 25)]},
        [("3o", 1, 25, 100.25, "taker", 1, "market")],
        settings={
            "slippage": {
                "model": "vol_volume",
                "bps": 10.0,
                "window": 2,
                "vol_ref": 1.0,
                "vol_power": 0.0,
                "volume_power": 1.0,
                "participation": 1.0,
            }
        },
        expect={"slippage_cost": 6.25},
    ),
    Case(
        "vol_volume factors stay in [0.1, 10]: a wild market at 10, a busy bar at 0.1",
        bars("100 100 100 100 1", "110 110 110 110 1", "99 99 99 99 1", "100 100 100 100 1000"),
        {2: [("buy", 25)]},
        [("3o", 1, 25, 100.1, "taker", 1, "market")],
        settings={
            "slippage": {
                "model": "vol_volume",
                "bps": 10.0,
                "window": 2,
                "vol_ref": 1.0,
                "vol_power": 1.0,
                "volume_power": 1.0,
                "participation": 0.0,
            }
        },
    ),
    Case(
        "funding at an instant comes before the opens at that instant, at the last close; inside a bar at its mark",
        bars(FLAT, "100 104 100 104", "105 105 105 105", "106 106 106 106"),
        {0: [("buy", 10)], 1: [("buy", 10)]},
        [("1o", 1, 10, 100, "taker", 1, "market"), ("2o", 1, 10, 105, "taker", 2, "market")],
        # at minute 1 flat; at minute 2 ten at 104; half a minute later twenty at the mark of 100
        market={"funding": [(MINUTE, 0.01, None), (2 * MINUTE, 0.01, None), (2 * MINUTE + 1, -0.01, 100.0)]},
        expect={"funding": 10.4 - 20.0, "cash": 10_009.6},
    ),
    Case(
        "interest on borrowed quote, minute by minute",
        bars(FLAT, FLAT, FLAT),
        {0: [("buy", 15)]},
        [("1o", 1, 15, 100, "taker", 1, "market")],
        settings={"cash": 1000.0, "leverage": 2.0, "borrow": True, "borrow_rate": 52.56},
        market=SPOT,
        expect={"interest": 0.05 + 0.050005, "cash": -500.100005},
    ),
    Case(
        "an inverse contract pays in coin: 500 x (1 / 100 - 1 / 125) = 1",
        bars(FLAT, FLAT, "125 125 125 125"),
        {0: [("buy", 5)], 1: [("close",)]},
        [("1o", 1, 5, 100, "taker", 1, "market"), ("2o", -1, 5, 125, "taker", 2, "market")],
        settings={"cash": 10.0, "leverage": 1.0, "fee_taker_bps": 100},
        market={"kind": "inverse", "multiplier": 100.0},
        expect={"fees": 0.05 + 0.04, "cash": 10.91, "trades": [{"pnl": 0.91}]},
    ),
]

MONEY = [
    Case(
        "spot: a buy is cut to cash, fee included",
        bars(FLAT, FLAT, FLAT),
        {0: [("buy", 20)]},
        [("1o", 1, 9, 100, "taker", 1, "market")],
        settings={**CASH, "cash": 1000.0, "fee_taker_bps": 10},
        market={**SPOT, "lot": 1.0},
        expect={"rejections": {"cut_to_cash": 1}, "cash": 99.1},
    ),
    Case(
        "spot: a sale is cut to the holding",
        bars(FLAT, FLAT, FLAT),
        {0: [("sell", 1), ("buy", 3)], 1: [("sell", 5)]},
        [("1o", 1, 3, 100, "taker", 2, "market"), ("2o", -1, 3, 100, "taker", 3, "market")],
        settings=CASH,
        market=SPOT,
        expect={"rejections": {"short_without_borrow": 2}, "positions": [0]},
    ),
    Case(
        "margin: exposure stays within leverage x equity",
        bars(FLAT, FLAT, FLAT, FLAT),
        {0: [("buy", 15)], 1: [("buy", 15)], 2: [("sell", 50)]},
        [
            ("1o", 1, 15, 100, "taker", 1, "market"),
            ("2o", 1, 5, 100, "taker", 2, "market"),
            ("3o", -1, 40, 100, "taker", 3, "market"),
        ],
        settings={"cash": 1000.0, "leverage": 2.0},
        expect={"rejections": {"cut_to_margin": 2}, "positions": [-20]},
    ),
    Case(
        "liquidation inside the bar: 1000 + 100 (p - 100) = 6.25 % of 100 p at 96",
        bars(FLAT, FLAT, "99 99 95 98", FLAT),
        {0: [("buy", 100)], 1: [("limit", -1, 100, 110), ("stop", -1, 100, 95)]},
        [("1o", 1, 100, 100, "taker", 1, "market"), ("2c", -1, 100, 96, "taker", 0, "liquidation")],
        settings={"cash": 1000.0, "maintenance": [[0.0, 0.0625]], "liquidation_fee_bps": 100.0, "half_spread_bps": 0.0},
        expect={"events": {"liquidated": 2}, "cash": 504, "fees": 96, "bankrupt": False},
    ),
    Case(
        "liquidation at the open if the bar opens beyond, and the end of a lane without equity",
        bars(FLAT, FLAT, "90 99 89 98", FLAT),
        {0: [("buy", 100)], 2: [("buy", 1)]},
        [("1o", 1, 100, 100, "taker", 1, "market"), ("2o", -1, 100, 90, "taker", 0, "liquidation")],
        settings={"cash": 1000.0, "maintenance": [[0.0, 0.0625]]},
        expect={"cash": 0, "bankrupt": True},
    ),
    Case(
        "marginal tiers: 5 % of the first 5000 and 10 % of the rest: 100 p - 9000 = 250 + 10 p - 500 at 97 2/9",
        bars(FLAT, FLAT, "99 99 97.5 98", "98 98 97 97"),
        {0: [("buy", 100)]},
        [("1o", 1, 100, 100, "taker", 1, "market"), ("3c", -1, 100, 875 / 9, "taker", 0, "liquidation")],
        settings={"cash": 1000.0, "maintenance": [[0.0, 0.05], [5000.0, 0.1]]},
        market={"tick": (1, 2)},
    ),
    Case(
        "a bar that stops just above the liquidation price",
        [bars(FLAT, FLAT, "100 100 96 97"), bars("50 50 50 50", "50 50 50 50", "51 51 51 51")],
        {(0, 0): [("buy", 96)], (0, 1): [("buy", 8)]},
        [
            ("1o", 1, 96, 100, "taker", 1, "market", 0),
            ("1o", 1, 8, 50, "taker", 2, "market", 1),
            # 1000 + 96 (p - 100) = 5 % of (96 p + 400) at p = 8620 / 91.2 = 94.5
        ],
        settings={"cash": 1000.0, "maintenance": [[0.0, 0.05]]},
        expect={"positions": [96, 8]},
    ),
    Case(
        "liquidation takes the other instrument along, at its last mark",
        [bars(FLAT, FLAT, "100 100 91 97"), bars("50 50 50 50", "50 50 50 52", "51 51 51 51")],
        {(0, 0): [("buy", 90)], (0, 1): [("buy", 10)]},
        [
            ("1o", 1, 90, 100, "taker", 1, "market", 0),
            ("1o", 1, 10, 50, "taker", 2, "market", 1),
            # 1000 + 90 (p - 100) + 10 (52 - 50) = 0.1 (90 p + 520) at p = 8032 / 81
            ("2c", -1, 90, 8032 / 81, "taker", 0, "liquidation", 0),
            ("2c", -1, 10, 52, "taker", 0, "liquidation", 1),
        ],
        settings={"cash": 1000.0, "maintenance": [[0.0, 0.1]]},
    ),
    Case(
        "spot without borrow pays in full, whatever the leverage, and sells what it holds",
        bars(FLAT, FLAT, FLAT, FLAT),
        {0: [("buy", 200)], 1: [("sell", 150)], 2: [("buy", 10)]},
        [
            ("1o", 1, 100, 100, "taker", 1, "market"),
            ("2o", -1, 100, 100, "taker", 2, "market"),
            ("3o", 1, 10, 100, "taker", 3, "market"),
        ],
        settings={"leverage": 5.0, "borrow_rate": 1.0},
        market={**SPOT, "lot": 1},
        expect={"cash": 9000, "rejections": {"cut_to_cash": 1, "short_without_borrow": 1}, "interest": 0},
    ),
    Case(
        "spot beside a contract, without borrow: the wallet pays for it, and a short is not lent",
        [bars(FLAT, FLAT, FLAT), bars(FLAT, FLAT, FLAT)],
        {(0, 0): [("buy", 150)], (0, 1): [("sell", 10)], (1, 1): [("buy", 120)]},
        [("1o", 1, 150, 100, "taker", 1, "market", 0), ("2o", 1, 100, 100, "taker", 3, "market", 1)],
        market={"lot": 1},
        markets=[{}, SPOT],
        expect={"cash": 0, "rejections": {"cut_to_cash": 1, "short_without_borrow": 1}},
    ),
    Case(
        "spot beside a contract, with borrow: interest is due on what the wallet owes, not on what a contract is worth",
        [bars(FLAT, FLAT, FLAT, FLAT), bars(FLAT, FLAT, FLAT, FLAT)],
        {(0, 0): [("buy", 500)], (0, 1): [("buy", 300)], (2, 1): [("sell", 10)]},
        [
            ("1o", 1, 500, 100, "taker", 1, "market", 0),
            ("1o", 1, 300, 100, "taker", 2, "market", 1),
            ("3o", -1, 10, 100, "taker", 3, "market", 1),
        ],
        # 20,000 is borrowed for the minutes 1 and 2, 19,000 for the last; a year has 525,600
        settings={"borrow": True, "borrow_rate": 525.6},
        markets=[{}, SPOT],
        expect={"interest": 20 + 20 * 1.001 + (19 + 20 * 0.002001) * 1.0},
    ),
    Case(
        "fee in base: the holding is smaller than what was bought",
        bars(FLAT, FLAT, FLAT),
        {0: [("buy", 10)], 1: [("close",)]},
        [("1o", 1, 10, 100, "taker", 1, "market"), ("2o", -1, 9.9, 100, "taker", 2, "market")],
        settings={**CASH, "fee_in": "base", "fee_taker_bps": 100},
        market={**SPOT, "lot": 0.1},
        expect={"cash": 10_000 - 1000 + 990 - 9.9, "positions": [0], "fees": 19.9},
    ),
    Case(
        "dust: what is left below the lot is flat for trades",
        bars(FLAT, FLAT, "110 110 110 110"),
        {0: [("buy", 10)], 1: [("close",)]},
        [("1o", 1, 10, 100, "taker", 1, "market"), ("2o", -1, 9.9, 110, "taker", 2, "market")],
        settings={**CASH, "fee_in": "base", "fee_taker_bps": 10},
        market={**SPOT, "lot": 0.1},
        expect={"positions": [0.09], "open_trades": 0, "dust": 1},
    ),
    Case(
        "fee in base: a lot less a millionth is less than a lot",
        bars(FLAT, FLAT, FLAT, FLAT),
        {0: [("buy", 2)], 1: [("sell", 1)], 2: [("sell", 1)]},
        [("1o", 1, 2, 100, "taker", 1, "market"), ("2o", -1, 1, 100, "taker", 2, "market")],
        settings={**CASH, "fee_in": "base", "fee_taker_bps": 0.004},
        market={**SPOT, "lot": 1},
        expect={"positions": [0.9999992], "rejections": {"short_without_borrow": 1}},
    ),
    Case(
        "fee in base: what covers a short pays in quote, so that closing closes",
        bars(FLAT, FLAT, FLAT, FLAT),
        {0: [("sell", 10)], 1: [("close",)], 2: [("close",)]},
        [("1o", -1, 10, 100, "taker", 1, "market"), ("2o", 1, 10, 100, "taker", 2, "market")],
        settings={"borrow": True, "fee_in": "base", "fee_taker_bps": 100},
        market=SPOT,
        expect={"cash": 10_000 - 20, "positions": [0], "fees": 20, "open_trades": 0},
    ),
    Case(
        "fee in base: a buy that turns a short keeps its fee from what goes beyond it",
        bars(FLAT, FLAT, FLAT),
        {0: [("sell", 10)], 1: [("buy", 30)]},
        [("1o", -1, 10, 100, "taker", 1, "market"), ("2o", 1, 30, 100, "taker", 2, "market")],
        settings={"borrow": True, "fee_in": "base", "fee_taker_bps": 100},
        market=SPOT,
        expect={
            "cash": 10_000 + 1000 - 10 - 3000 - 10,
            "positions": [19.8],
            "fees": 40,
            "trades": [{"side": -1, "qty": 10, "entry_price": 100, "exit_price": 100, "fees": 20, "pnl": -20}],
        },
    ),
    Case(
        "fee in base: a short that is closed out leaves nothing behind",
        bars(FLAT, FLAT, "100 300 100 200", FLAT),
        {0: [("sell", 90)]},
        [("1o", -1, 90, 100, "taker", 1, "market"), ("2c", 1, 90, 19000 / 99, "taker", 0, "liquidation")],
        settings={
            "borrow": True,
            "fee_in": "base",
            "fee_taker_bps": 0,
            "liquidation_fee_bps": 50,
            "maintenance": [[0.0, 0.1]],
        },
        market=SPOT,
        expect={"positions": [0], "open_trades": 0},
    ),
    Case(
        "fee in base: a bracket that is left with less than a lot guards nothing, whatever else is held later",
        bars(FLAT, FLAT, FLAT, "100 111 100 111", "111 111 80 80"),
        {0: [("bracket", 1, 1, None, 110, 90)], 1: [("buy", 2)]},
        [("1o", 1, 1, 100, "taker", 1, "market"), ("2o", 1, 2, 100, "taker", 4, "market")],
        settings={**CASH, "fee_in": "base", "fee_taker_bps": 50},
        market={**SPOT, "lot": 1},
        expect={"positions": [2.985], "rejections": {"below_lot": 2}},
    ),
    Case(
        "fee in base: a bracket's children wake when its entry has brought in a lot, and leave the rest as dust",
        bars(FLAT, "100 100 94 100 1", "94 94 94 94 10", FLAT),
        {0: [("bracket", 1, 3, 100, 120, 95)]},
        [
            ("1o", 1, 1, 100, "taker", 1, "limit"),
            ("2o", 1, 2, 94, "maker", 1, "limit"),
            ("2c", -1, 2, 94, "taker", 3, "stop"),
        ],
        settings={**CASH, "fee_in": "base", "fee_taker_bps": 50, "fee_maker_bps": 50},
        market={**SPOT, "lot": 1},
        expect={"positions": [0.985], "rejections": {}, "dust": 1},
    ),
    Case(
        "fee in base: brackets on one position sell what each has brought in",
        bars(FLAT, FLAT, "100 110 100 110", "110 120 110 120", FLAT),
        {0: [("bracket", 1, 10, None, 110, 90), ("bracket", 1, 10, None, 120, 90)]},
        [
            ("1o", 1, 10, 100, "taker", 1, "market"),
            ("1o", 1, 10, 100, "taker", 4, "market"),
            ("2c", -1, 9.9, 110, "maker", 2, "take"),
            ("3c", -1, 9.9, 120, "maker", 5, "take"),
        ],
        settings={**CASH, "fee_in": "base", "fee_taker_bps": 100},
        market={**SPOT, "lot": 0.1},
        expect={"positions": [0], "rejections": {}},
    ),
    Case(
        "close_at_end closes at the close, with costs",
        bars(FLAT, "100 100 100 104"),
        {0: [("buy", 1)]},
        [("1o", 1, 1, 100, "taker", 1, "market"), ("1c", -1, 1, 104, "taker", 0, "end")],
        settings={"close_at_end": True},
        expect={"cash": 10_004, "open_trades": 0},
    ),
    Case(
        "excursions: the entry bar counts for a fill at its open, of the exit bar only the exit price",
        bars(FLAT, "100 103 98 100", "100 107 99 101", "99 120 80 100"),
        {0: [("buy", 2)], 2: [("close",)]},
        [("1o", 1, 2, 100, "taker", 1, "market"), ("3o", -1, 2, 99, "taker", 2, "market")],
        expect={"trades": [{"mae": -4, "mfe": 14, "pnl": -2, "exit_reason": "market"}]},
    ),
    Case(
        "excursions: a fill inside a bar leaves that bar out",
        bars(FLAT, "100 110 98 105", "105 106 104 105", "103 103 103 103"),
        {0: [("limit", 1, 1, 98)], 2: [("close",)]},
        [("1c", 1, 1, 98, "maker", 1, "limit"), ("3o", -1, 1, 103, "taker", 2, "market")],
        expect={"trades": [{"mae": 0, "mfe": 8, "pnl": 5}]},
    ),
]

LATE = MINUTE + 1  # reports: what happens at an open is known a row after its bar's close
REPORTS = [
    Case(
        "a fill at an open is known at the bar's close if its report takes no longer than the bar",
        bars(FLAT, "101 101 101 101", "102 102 102 102"),
        {0: [("buy", 2)], 1: [("close",)]},
        [("1o", 1, 2, 101, "taker", 1, "market"), ("2o", -1, 2, 102, "taker", 2, "market")],
        settings={"latency_response_ns": MINUTE},
    ),
    Case(
        "until its report is in, a fill is not known: nothing to close",
        bars(FLAT, "101 101 101 101", "102 102 102 102", "103 103 103 103"),
        {0: [("buy", 2)], 1: [("close",)], 2: [("close",)]},
        [("1o", 1, 2, 101, "taker", 1, "market"), ("3o", -1, 2, 103, "taker", 2, "market")],
        settings={"latency_response_ns": LATE},
        expect={"cash": 10_004},
    ),
    Case(
        "target counts an order that has filled unknown as one that works",
        bars(FLAT, FLAT, FLAT, FLAT),
        {0: [("target", 2)], 1: [("target", 2)], 2: [("target", 2)]},
        [("1o", 1, 2, 100, "taker", 1, "market")],
        settings={"latency_response_ns": LATE},
    ),
    Case(
        "a cancel that finds its order gone does nothing, nor does a modify",
        bars(FLAT, "100 100 94 100", "100 100 94 100", "100 100 94 100"),
        {0: [("limit", 1, 2, 95)], 1: [("modify_last", 5, None, None), ("cancel_last",)], 2: [("cancel_last",)]},
        [("1c", 1, 2, 95, "maker", 1, "limit")],
        settings={"latency_response_ns": LATE},
        expect={"events": {"cancelled": 0}, "rejections": {}, "positions": [2]},
    ),
    Case(
        "what a reduce-only order was cut by has not filled: a new quantity is all that is wanted",
        bars(FLAT, FLAT, "100 100 96 97 0", "97 97 97 97 0", "96 96 96 96"),
        {0: [("buy", 2)], 1: [("reduce_stop", -1, 3, 97)], 2: [("modify_last", 2, None, None)]},
        [("1o", 1, 2, 100, "taker", 1, "market"), ("4o", -1, 2, 96, "taker", 2, "stop")],
        expect={"positions": [0], "rejections": {}},
    ),
    Case(
        "a modify is under way until it is known that it has taken effect",
        bars(FLAT, FLAT, FLAT, FLAT, "100 100 94 100"),
        {
            0: [("limit", 1, 2, 90)],
            1: [("modify_last", None, 93, None)],  # takes effect at the open of bar 2, known at the close of bar 3
            2: [("modify_last", None, 94, None)],
            3: [("modify_last", None, 95, None)],
        },
        [("4c", 1, 2, 95, "maker", 1, "limit")],
        settings={"latency_response_ns": LATE},
        expect={"rejections": {"request_under_way": 1}},
    ),
    Case(
        "an order keeps its slot until its end is known",
        bars(FLAT, FLAT, FLAT, FLAT),
        {0: [("buy", 1)], 1: [("buy", 2)], 2: [("buy", 4)]},
        [("1o", 1, 1, 100, "taker", 1, "market"), ("3o", 1, 4, 100, "taker", 2, "market")],
        settings={"latency_response_ns": LATE, "order_slots": 1},
        expect={"rejections": {"no_free_slot": 1}},
    ),
    Case(
        "a fraction of equity that has gone, as far as is known, is nothing: not a position on the other side",
        bars(FLAT, FLAT, "100 100 88 88", "88 88 88 88"),
        # liquidated in bar 2, unknown at its close: 100 bought at 100 are known, and 1000 + 100 (88 - 100) = -200
        {0: [("buy", 100)], 2: [("target_fraction", 0.5)]},
        [
            ("1o", 1, 100, 100, "taker", 1, "market"),
            ("2c", -1, 100, 96, "taker", 0, "liquidation"),
            ("3o", -1, 100, 88, "taker", 2, "market"),
        ],
        settings={
            "cash": 1000.0,
            "leverage": 100.0,
            "maintenance": [[0.0, 0.0625]],
            "latency_response_ns": 2 * MINUTE,
        },
    ),
    Case(
        "a fraction of equity: half of 10000 over 100 (1 + 1 %), in whole lots",
        bars(FLAT, "101 101 101 101"),
        {0: [("target_fraction", -0.5)]},
        [("1o", -1, 49, 100.899, "taker", 1, "market")],
        settings={"fee_taker_bps": 90.0, "half_spread_bps": 4.0, "slippage": {"model": "fixed", "bps": 6.0}},
        market={"lot": 1.0},
    ),
    Case(
        "until it hears that it is bankrupt an account goes on deciding; what it sends goes nowhere",
        bars(FLAT, FLAT, "90 99 89 98", FLAT, FLAT),
        {0: [("buy", 100)], 2: [("buy", 1)], 3: [("buy", -1)], 4: [("buy", -1)]},  # known at the close of bar 4
        [("1o", 1, 100, 100, "taker", 1, "market"), ("2o", -1, 100, 90, "taker", 0, "liquidation")],
        settings={"cash": 1000.0, "maintenance": [[0.0, 0.0625]], "latency_response_ns": 2 * MINUTE},
        expect={"events": {"bankrupt": 1}, "rejections": {"bad_quantity": 1}, "cash": 0, "bankrupt": True},
    ),
]
APART = [
    Case(
        "few slots: what finds none is refused, a bracket needs one for each of its orders",
        bars(FLAT, "100 100 95 96"),
        {0: [("bracket", 1, 1, None, 110, 90), ("bracket", 1, 2, None, None, 95), ("buy", 1)]},
        [("1o", 1, 2, 100, "taker", 1, "market"), ("1c", -1, 2, 95, "taker", 3, "stop")],
        settings={"order_slots": 2},
        expect={"rejections": {"no_free_slot": 2}},
    ),
    Case(
        "finer bars of a bar that is missing are not walked; an instrument that has ended keeps its last close",
        [bars(FLAT, None, "100 100 96 97"), bars("50 50 50 50", "50 52 50 52")],
        {(0, 0): [("limit", 1, 1, 96)], (0, 1): [("buy", 1)]},
        [("1o", 1, 1, 50, "taker", 2, "market", 1), ("2c", 1, 1, 96, "maker", 1, "limit", 0)],
        settings={"intrabar": "drill"},
        markets=[
            {
                "fine": bars("100 100 90 95", first=MINUTE, step=QUARTER)
                + bars("100 100 96 97", first=2 * MINUTE, step=QUARTER),
                "fine_timeframe_ns": QUARTER,
            },
            {"fine": bars("50 52 50 52", first=MINUTE, step=QUARTER), "fine_timeframe_ns": QUARTER},
        ],
        expect={"cash": 10_000, "positions": [1, 1]},
    ),
    Case(
        "bars off each other's minutes: an order meets the first open of its instrument that it can reach",
        [bars(FLAT, FLAT, FLAT), bars("50 50 50 50", "51 51 51 51", "52 52 52 52", first=MINUTE // 2)],
        # rows close at 1:00 (bar of I0), 1:30 (I1), 2:00 (I0), 2:30 (I1), ...; I1's bar of 1:30 opens as it is decided
        {(1, 1): [("buy", 1)], (2, 0): [("buy", 2)]},
        [("1h", 1, 1, 51, "taker", 1, "market", 1), ("2o", 1, 2, 100, "taker", 2, "market", 0)],
    ),
]

CASES: list[Case] = [
    *(*MARKET_ORDERS, *LIMITS, *STOPS, *PATHS, *BRACKETS, *REFUSALS, *COSTS, *MONEY),
    *(*REPORTS, *APART),
]
