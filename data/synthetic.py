"""A market made from a seed: regimes, clustered volatility, fat tails and jumps, correlated assets, funding.

    labels ─▶ one path an asset ─▶ Bars ─▶ funding

It is there so that everything runs with no network, and so that tests know what is true. The laws of its parts are in
`synthetic_market`; the numbers there were set to look like minutes of real perpetuals, and promise no profit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from huracan.data.files import hash_arrays, hash_bars
from huracan.data.instrument import base_of, kind_of
from huracan.data.synthetic_market import DRAWS, Asset, asset_bars, chain, noise, source_stamp
from huracan.data.timeframes import format_timeframe
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars, Payments, Rules

REGIMES = ("range", "trend_up", "trend_down", "panic")  # what a label counts
MINUTE = 60_000_000_000
EIGHT_HOURS = 480 * MINUTE
START = 1_704_067_200_000_000_000  # 2024-01-01
VENUE = "synthetic"

# log price, tick as a fraction, volatility a minute, correlation with the market, volume a minute, lots in a unit
_KNOWN = {
    "BTC": (10.645, 1, 10, 4.5e-4, 0.9, 20.0, 1000),
    "ETH": (7.741, 1, 100, 5.5e-4, 0.85, 300.0, 1000),
    "BNB": (5.737, 1, 100, 5.0e-4, 0.75, 100.0, 100),
    "SOL": (4.605, 1, 100, 7.5e-4, 0.75, 5_000.0, 10),
    "XRP": (-0.511, 1, 10_000, 6.5e-4, 0.7, 300_000.0, 10),
    "ADA": (-0.598, 1, 10_000, 7.0e-4, 0.75, 200_000.0, 1),
}


def regimes(
    bars: int,
    seed: int,
    *,
    symbols: Sequence[str] = ("BTC/USDT:USDT",),
    timeframe_ns: int = MINUTE,
    start_ns: int = START,
) -> list[Bars]:
    """Bars of each symbol, in order, without gaps; the same seed gives the same bytes on any machine.

    A symbol's bars depend on its base coin alone: not on the other symbols, and a longer market begins with the
    shorter one. So BTC/USDT and BTC/USDT:USDT have the same prices: there is no basis here.

    >>> made = regimes(3, 7, symbols=("ETH/USDT:USDT",))[0]
    >>> made.symbol, made.rules.tick, bool((made.high >= made.low).all())
    ('ETH/USDT:USDT', 0.01, True)
    """
    _check(bars, timeframe_ns, start_ns)
    twice = [s for i, s in enumerate(symbols) if s in symbols[:i]]
    if not symbols or twice:
        what = f"symbol {twice[0]!r} stands twice" if twice else "no symbols"
        raise Refused(what, where="[data] symbols", fix='name each instrument once, as in ["BTC/USDT:USDT"]')
    marks = labels(bars, seed, timeframe_ns=timeframe_ns)
    return [_one(symbol, marks, seed, timeframe_ns, start_ns) for symbol in symbols]


def labels(bars: int, seed: int, *, timeframe_ns: int = MINUTE) -> npt.NDArray[np.int8]:
    """The true regime of each bar of `regimes` with the same arguments: indices into REGIMES.

    >>> REGIMES[labels(1, 7)[0]]
    'range'
    """
    _check(bars, timeframe_ns, START)
    made = np.zeros(bars, dtype=np.int8)
    chain(source_stamp(), wrapped(seed), timeframe_ns, made)
    return made


def funding(bars: Bars, seed: int) -> Payments:
    """Funding of a synthetic perpetual at 00:00, 08:00 and 16:00 UTC, after its first open and up to its last close.

    The rate is a basis point, more after a rise and less after a fall of eight hours, with noise; the mark is the last
    close at or before the instant. Nothing later than the instant is looked at. Spot pays none.

    >>> made = funding(regimes(1000, 7)[0], 7)
    >>> made.ts_ns.size, bool((made.mark > 0).all())
    (2, True)
    """
    first, last = int(bars.open_ns[0]), int(bars.open_ns[-1]) + bars.timeframe_ns
    instants = np.arange((first // EIGHT_HOURS + 1) * EIGHT_HOURS, last + 1, EIGHT_HOURS, dtype=np.int64)
    if bars.rules.kind == "spot":
        instants = instants[:0]
    closes_ns = bars.open_ns + bars.timeframe_ns
    now = np.searchsorted(closes_ns, instants, side="right") - 1
    instants, now = instants[now >= 0], now[now >= 0]
    then = np.maximum(np.searchsorted(closes_ns, instants - EIGHT_HOURS, side="right") - 1, 0)
    shocks = np.zeros(instants.size)
    if instants.size:
        lane = asset_of(bars.symbol).lane
        noise(source_stamp(), wrapped(seed), lane, int(instants[0]) // EIGHT_HOURS, shocks)
    grown = bars.close[now] / bars.close[then] - 1.0
    raw = 1e-4 + 0.01 * grown + 5e-5 * shocks
    rate = np.floor(np.clip(raw, -3e-3, 3e-3) * 1e8 + 0.5) / 1e8
    mark = bars.close[now]
    return Payments(instants, rate, mark, data_hash=hash_arrays(ts_ns=instants, rate=rate, mark=mark))


def _one(symbol: str, marks: npt.NDArray[np.int8], seed: int, step_ns: int, start_ns: int) -> Bars:
    asset = asset_of(symbol)
    prices = np.empty((4, marks.size))
    volume = np.empty(marks.size)
    asset_bars(source_stamp(), wrapped(seed), start_ns, step_ns, marks, asset, np.empty(DRAWS), prices, volume)
    open_ns = start_ns + step_ns * np.arange(marks.size, dtype=np.int64)
    opened, high, low, close = (row.copy() for row in prices)
    return Bars(
        symbol,
        VENUE,
        step_ns,
        open_ns,
        opened,
        high,
        low,
        close,
        volume=volume,
        rules=Rules(kind=kind_of(symbol), tick_num=asset.tick_num, tick_den=asset.tick_den, inferred=False),
        data_hash=hash_bars(open_ns, opened, high, low, close, volume),
    )


def asset_of(symbol: str) -> Asset:
    """The base coin's traits, from the table or else from its name; its draws go by its name either way."""
    base = base_of(symbol)
    lane = lane_of(base)
    digest = hashlib.sha256(base.encode()).digest()
    if base in _KNOWN:
        return Asset(lane, *_KNOWN[base])
    log_price = digest[6] / 28.0  # a price of 1 to 9,000, in some thousand ticks at least
    tick_den = 10_000 if log_price < 2.3 else 1_000 if log_price < 4.6 else 100
    volatility, common = 5e-4 + 5e-4 * digest[7] / 256.0, 0.5 + 0.4 * digest[8] / 256.0
    return Asset(lane, log_price, 1, tick_den, volatility, common, 1_000.0 + 100.0 * digest[9], 100)


def lane_of(name: str) -> int:
    """The lane of draws that go by a name: 1 to 2**48, so never lane 0, which all share."""
    return 1 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "little")


def wrapped(seed: int) -> int:
    """The seed as an int64: compiled code has no wider one, and draws take it modulo 2**64 either way."""
    return (int(seed) + 2**63) % 2**64 - 2**63


def _check(bars: int, timeframe_ns: int, start_ns: int) -> None:
    if isinstance(bars, bool) or not isinstance(bars, (int, np.integer)) or bars < 1:
        raise Refused(f"a synthetic market of {bars!r} bars", where="[data] bars", fix="ask for one bar or more")
    if timeframe_ns < 1 or start_ns % 1_000_000_000:
        what = f"bars of {format_timeframe(timeframe_ns)} from {start_ns} ns"
        raise Refused(what, where="[data] timeframe", fix="give a timeframe above zero and a start on a whole second")
