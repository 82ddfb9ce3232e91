"""What the parity table compares: the same trades asked of huracan and of its peers, and what each setting changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peer_backtesting as bt
import peer_vectorbt as vb
from market import Market
from trades import Run

STRATEGIES = Path(__file__).parent / "strategies"
CASH = 1_000_000.0
WINDOWS = {"fast": 20, "slow": 50}
BASE: dict[str, Any] = {**WINDOWS, "qty": 10, "fee": 0.0005, "cash": CASH}
VECTORBT, BACKTESTING = "vectorbt", "backtesting.py"
# What both peers have: no cap by volume, one fee, prices that no tick rounds.
VENUE: dict[str, Any] = {"fee_maker_bps": 5.0, "fee_taker_bps": 5.0, "max_participation": 0.0}
RULES: dict[str, Any] = {"kind": "linear", "tick": 1e-8}

Peer = Callable[[Market], Run]


@dataclass(frozen=True)
class Case:
    """One comparison that must agree trade by trade."""

    name: str
    use: str
    params: dict[str, Any]
    peers: dict[str, Peer]
    venue: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)

    def spec(self, market: Market, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        """The run as huracan is asked for it; `changes` are dotted keys, None takes one out."""
        use = self.use if not self.use.endswith(".py") else f"{STRATEGIES / self.use}:{self.use.removesuffix('.py')}"
        spec: dict[str, Any] = {
            "run": {"name": self.name, "seed": 7},
            "data": {**market.data, "rules": RULES | self.rules},
            "account": {"cash": CASH},
            "venue": VENUE | self.venue,
            "strategy": {"use": use, "params": dict(self.params)},
        }
        for key, value in (changes or {}).items():
            table = spec
            *path, name = key.split(".")
            for part in path:
                table = table[part]
            if value is None:
                table.pop(name)
            else:
                table[name] = value
        return spec


def vbt(function: Callable[..., Run], **more: Any) -> Peer:
    return lambda market: function(market, BASE | more)


def btpy(strategy: type[bt.Cross], **more: Any) -> Peer:
    return lambda market: bt.run(market, BASE | more, strategy)


EXITS: dict[str, Any] = {"take": 0.0019, "stop": 0.0012}  # close enough that bars reach both
WIDE: dict[str, Any] = {"take": 0.0067, "stop": 0.0043}
QTY: dict[str, Any] = {**WINDOWS, "qty": 10.0}
AT_CLOSE = {"market_fill": "close"}

CASES = {
    "cross": Case(
        "SMA cross, market orders at the next open",
        "sma_cross",
        QTY,
        {VECTORBT: vbt(vb.cross), BACKTESTING: btpy(bt.Cross)},
    ),
    "cross slipped": Case(
        "the same with slippage",
        "sma_cross",
        QTY,
        {VECTORBT: vbt(vb.cross, slippage=0.0002)},
        {"slippage_bps": 2.0},
    ),
    "cross at close": Case(
        "SMA cross, market orders at the close of the signal",
        "sma_cross",
        QTY,
        {VECTORBT: vbt(vb.cross, at_close=True), BACKTESTING: btpy(bt.Cross, at_close=True)},
        AT_CLOSE,
    ),
    "cross fraction": Case(
        "SMA cross with all equity, cut to the cash at the fill",
        "sma_cross",
        {**WINDOWS, "fraction": 1.0},
        {VECTORBT: vbt(vb.fraction, fraction=1.0, slippage=0.0002)},
        {"slippage_bps": 2.0},
    ),
    "hold": Case(
        "buy and hold with a fraction of 0.6, at the next open",
        "buy_and_hold",
        {"fraction": 0.6},
        {VECTORBT: lambda market: vb.fraction(market, {"fraction": 0.6, "fee": 0.0005, "cash": CASH, "hold": True})},
        {},
    ),
    "hold units": Case(
        "buy and hold with a fraction of 0.6, whole units, at the close",
        "buy_and_hold",
        {"fraction": 0.6},
        {
            BACKTESTING: lambda market: bt.run(
                market, {"fraction": 0.6, "fee": 0.0005, "cash": CASH, "at_close": True}, bt.Hold
            )
        },
        AT_CLOSE,
        {"lot": 1.0},
    ),
    "bracket": Case(
        "bracket, entry at the next open, long and short",
        "cross_bracket.py",
        {**QTY, **EXITS, "short": True},
        {BACKTESTING: btpy(bt.Bracket, **EXITS, short=True)},
    ),
    "bracket at close": Case(
        "bracket, entry at the close, long and short",
        "cross_bracket.py",
        {**QTY, **EXITS, "short": True},
        {BACKTESTING: btpy(bt.Bracket, **EXITS, short=True, at_close=True)},
        AT_CLOSE,
    ),
    "bracket paused": Case(
        "bracket, entry at the close, one signal a bar, long and short",
        "cross_bracket.py",
        {**QTY, **EXITS, "short": True, "pause": True},
        {VECTORBT: vbt(vb.bracket, **EXITS, short=True)},
        AT_CLOSE,
    ),
    "bracket late": Case(
        "entry at the next open, exits from the bar after it, long",
        "cross_bracket.py",
        {**QTY, **WIDE, "late": True},
        {VECTORBT: vbt(vb.bracket, **WIDE, at_close=False)},
    ),
    "stop slipped": Case(
        "stop alone, with slippage, long",
        "cross_bracket.py",
        {**QTY, "take": 1.0, "stop": 0.0012, "pause": True},
        {VECTORBT: vbt(vb.bracket, stop=0.0012, slippage=0.0002)},
        AT_CLOSE | {"slippage_bps": 2.0},
    ),
    "trail": Case(
        "stop that follows the highest high, moved at each close",
        "cross_trail.py",
        {**QTY, "stop": 0.0043},
        {VECTORBT: vbt(vb.bracket, stop=0.0043, trail=True)},
        AT_CLOSE,
    ),
    "limit": Case(
        "limit entry below the close",
        "cross_entry.py",
        {**QTY, "away": 0.0007},
        {BACKTESTING: btpy(bt.Entry, away=0.0007)},
    ),
    "breakout": Case(
        "stop entry above the close",
        "cross_entry.py",
        {**QTY, "away": 0.0007, "breakout": True},
        {BACKTESTING: btpy(bt.Entry, away=0.0007, breakout=True)},
    ),
    "limit bracket": Case(
        "limit entry, target and stop from the bar after the fill",
        "limit_bracket.py",
        {**QTY, **EXITS, "away": 0.0007, "late": True},
        {BACKTESTING: btpy(bt.Entry, **EXITS, away=0.0007)},
    ),
}


@dataclass(frozen=True)
class Change:
    """A setting that makes an equal case differ; `peer_run` is the peer with its own word for the same setting."""

    case: str
    peer: str
    setting: str  # as the table shows it
    equal: str  # what makes it equal again
    changes: dict[str, Any]
    why: str
    peer_run: Peer | None = None


CHANGES = [
    Change(
        "cross fraction",
        VECTORBT,
        "`max_participation = 1.0` (default)",
        "`max_participation = 0`",
        {"venue.max_participation": 1.0},
        "an order takes at most the bar's volume, the rest waits",
    ),
    Change(
        "cross",
        VECTORBT,
        '`market_fill = "close"`',
        '`market_fill = "next_open"` (default)',
        {"venue.market_fill": "close"},
        "a market order fills at the close that decided it",
    ),
    Change(
        "cross",
        BACKTESTING,
        "`latency_bars = 1`",
        "`latency_bars = 0` (default)",
        {"venue.latency_bars": 1},
        "orders meet the market a bar later",
    ),
    Change(
        "cross",
        BACKTESTING,
        "`slippage_bps = 2`, their `spread = 0.0002`",
        "`slippage_bps = 0`, `spread = 0`",
        {"venue.slippage_bps": 2.0},
        "backtesting.py's spread is paid on entries only, slippage on every taker",
        btpy(bt.Cross, spread=0.0002),
    ),
    Change(
        "stop slipped",
        VECTORBT,
        "a target as well, in both",
        "no target, or `slippage_bps = 0`",
        {"strategy.params.take": 0.0019},
        "targets are limit orders and never slip; vectorbt slips both exits or none",
        vbt(vb.bracket, **EXITS, slippage=0.0002),
    ),
    Change(
        "bracket paused",
        VECTORBT,
        "rules without a tick (default: inferred, 0.01)",
        "`rules = { tick = 1e-8 }`",
        {"data.rules": {"kind": "linear"}},
        "prices off the tick are rounded as the exchange would; vectorbt fills anywhere",
    ),
    Change(
        "bracket",
        BACKTESTING,
        '`intrabar = "optimistic"`',
        '`intrabar = "pessimistic"` (default)',
        {"venue.intrabar": "optimistic"},
        "a bar that reaches target and stop counts as the target",
    ),
    Change(
        "bracket",
        BACKTESTING,
        '`intrabar = "ohlc"`',
        '`intrabar = "pessimistic"` (default)',
        {"venue.intrabar": "ohlc"},
        "the high comes before the low",
    ),
    Change(
        "bracket",
        BACKTESTING,
        "`fee_maker_bps = 2` (default)",
        "`fee_maker_bps = fee_taker_bps`",
        {"venue.fee_maker_bps": 2.0},
        "targets are makers; the peers have one fee",
    ),
    Change(
        "limit",
        BACKTESTING,
        '`gap_fill = "price"`',
        '`gap_fill = "open"` (default)',
        {"venue.gap_fill": "price"},
        "a resting limit fills at its own price when a bar opens beyond it",
    ),
    Change(
        "limit",
        BACKTESTING,
        '`limit_fill = "through:1000000"`, that is 0.01',
        '`limit_fill = "touch"` (default)',
        {"venue.limit_fill": "through:1000000"},
        "a limit fills only when the price goes that far beyond it",
    ),
    Change(
        "limit bracket",
        BACKTESTING,
        "`bracket()` (children live from the fill on)",
        "exits placed at the close of the fill's bar (`late = true` in bench/strategies/limit_bracket.py)",
        {"strategy.params.late": False},
        "backtesting.py looks at the target and stop of a limit entry from the next bar on, and warns",
    ),
    Change(
        "bracket late",
        VECTORBT,
        "`bracket()` (children see the whole bar of an entry at its open)",
        "exits placed at the close of the entry's bar (`late = true` in bench/strategies/cross_bracket.py)",
        {"strategy.params.late": False},
        "vectorbt allows one order a bar, so a stop can't act in the bar of its entry",
    ),
    Change(
        "bracket late",
        VECTORBT,
        "target and stop so near (0.19 %, 0.12 %) that a bar opens beyond the target and then falls to the stop",
        "both further away (0.67 %, 0.43 %)",
        {"strategy.params.take": EXITS["take"], "strategy.params.stop": EXITS["stop"]},
        "such a bar's open fills the target here; vectorbt looks at the stop first, whatever the open",
        vbt(vb.bracket, **EXITS, at_close=False),
    ),
    Change(
        "bracket paused",
        VECTORBT,
        "entry at the close of the bar that ended a trade",
        "`pause = true` in bench/strategies/cross_bracket.py",
        {"strategy.params.pause": False},
        "vectorbt allows one order a bar",
    ),
]
