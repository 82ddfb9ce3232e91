"""A market made from a seed: regimes, clustered volatility, fat tails and jumps, sectors, basis and funding, venues.

    labels, what all share ─▶ one path an asset ─▶ basis ─▶ venue ─▶ Bars, Payments

It is there so that everything runs with no network, and so that tests know what is true: the regimes come with their
labels, and edges can be planted with a known strength (`synthetic_edges`). The laws of its parts are in
`synthetic_market`; the numbers there were set to look like minutes of real perpetuals, and promise no profit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huracan.data import synthetic_market as laws
from huracan.data.files import hash_arrays, hash_bars
from huracan.data.instrument import base_of, kind_of
from huracan.data.synthetic_assets import SECTORS, Asset, asset_of, lane_of
from huracan.data.synthetic_edges import BARS, Edges, Place, check_edges, check_places
from huracan.data.timeframes import format_timeframe
from huracan.sim.enough_memory import need
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars, Payments, Rules

Floats = npt.NDArray[np.float64]

REGIMES = ("range", "trend_up", "trend_down", "panic")  # what a label counts
MINUTE = 60_000_000_000
EIGHT_HOURS = 480 * MINUTE
START = 1_704_067_200_000_000_000  # 2024-01-01
LATEST = 2**63 - 1 - 366 * 24 * 60 * MINUTE  # a year before the last int64, so that sums of times have room
SHARED_BYTES, SERIES_BYTES = 230, 60  # what a bar takes while a market is made, once and for each series; measured
OFF = Edges()
HERE = (Place(),)

FUNDING_SHARE = 0.3  # of the premium over eight hours, beside a basis point
MOST_FUNDING = 3e-3


@dataclass(frozen=True)
class Market:
    """Bars of every symbol at every venue, their funding (None for spot), and the truth behind them.

    `labels` has the regime of each bar, `breakout_bars` and `breakout_directions` where planted breakouts begin to
    drift and which way, `sectors` the sector of each symbol.
    """

    bars: tuple[Bars, ...]
    payments: tuple[Payments | None, ...]
    labels: npt.NDArray[np.int8]
    edges: Edges
    sectors: dict[str, str]
    breakout_bars: npt.NDArray[np.int64]
    breakout_directions: npt.NDArray[np.int8]


def market(
    bars: int,
    seed: int,
    *,
    symbols: Sequence[str] = ("BTC/USDT:USDT",),
    timeframe_ns: int = MINUTE,
    start_ns: int = START,
    edges: Edges = OFF,
    places: Sequence[Place] = HERE,
) -> Market:
    """A market of symbols at venues, symbol by symbol, without gaps; the same seed gives the same bytes on any machine.

    A symbol's bars depend on its name and its venue alone, unless an edge ties it to the first symbol; a longer market
    begins with the shorter one. A perpetual stands above the spot of its coin by a basis, and pays funding by it.

    >>> made = market(3, 7, symbols=("ETH/USDT", "ETH/USDT:USDT"))
    >>> [b.rules.kind for b in made.bars], REGIMES[made.labels[0]]
    (['spot', 'linear'], 'range')
    """
    _check(bars, timeframe_ns, start_ns)
    _check_symbols(symbols)
    check_edges(edges, BARS, len(symbols))
    check_places(places)
    series_made = len(symbols) * len(places)
    need(
        bars * (SHARED_BYTES + SERIES_BYTES * series_made),
        f"{bars:,} synthetic bars" + (f" of {series_made:,} instruments" if series_made > 1 else ""),
        where="[data] bars",
        fix="ask for fewer bars or instruments at once, or for a longer timeframe",
    )
    s = laws.shared(laws.Clock(bars, timeframe_ns, start_ns, int(seed)), edges.breakout)
    series: list[Bars] = []
    payments: list[Payments | None] = []
    first: laws.Path | None = None
    for k, symbol in enumerate(symbols):
        path = _path(s, asset_of(symbol), k, first, edges)
        first = path if first is None else first
        basis = np.zeros(bars) if kind_of(symbol) == "spot" else laws.basis_of(s, symbol, path)
        for place in places:
            series.append(_bars(s, symbol, path, basis, place))
            payments.append(None if kind_of(symbol) == "spot" else _funding(series[-1], basis))
    planted = s.broken.bar < bars if edges.breakout > 0.0 else np.zeros(s.broken.bar.size, np.bool_)
    return Market(
        tuple(series),
        tuple(payments),
        s.labels,
        edges,
        {symbol: SECTORS[asset_of(symbol).sector] for symbol in symbols},
        s.broken.bar[planted],
        s.broken.direction[planted],
    )


def regimes(
    bars: int,
    seed: int,
    *,
    symbols: Sequence[str] = ("BTC/USDT:USDT",),
    timeframe_ns: int = MINUTE,
    start_ns: int = START,
) -> list[Bars]:
    """The bars of `market` alone, with nothing planted.

    >>> made = regimes(3, 7, symbols=("ETH/USDT:USDT",))[0]
    >>> made.symbol, made.rules.tick, bool((made.high >= made.low).all())
    ('ETH/USDT:USDT', 0.01, True)
    """
    return list(market(bars, seed, symbols=symbols, timeframe_ns=timeframe_ns, start_ns=start_ns).bars)


def labels(bars: int, seed: int, *, timeframe_ns: int = MINUTE) -> npt.NDArray[np.int8]:
    """The true regime of each bar of a market with the same arguments: indices into REGIMES.

    >>> REGIMES[labels(1, 7)[0]]
    'range'
    """
    _check(bars, timeframe_ns, START)
    return laws.chain(laws.Clock(bars, timeframe_ns, START, int(seed)))


def _path(s: laws.Shared, asset: Asset, k: int, first: laws.Path | None, edges: Edges) -> laws.Path:
    """An asset's path, tied to the first symbol's where an edge says so."""
    if first is None:
        return laws.path_of(s, asset)
    if edges.leader > 0.0:
        return laws.path_of(s, asset, (first.shock, edges.leader))
    own = laws.path_of(s, asset)
    return laws.tied(s, asset, first, own, edges.pair) if k == 1 and edges.pair > 0.0 else own


def _bars(s: laws.Shared, symbol: str, path: laws.Path, basis: Floats, place: Place) -> Bars:
    asset, lane = asset_of(symbol), lane_of(f"{symbol} at {place.name}")
    there = path._replace(close=path.close + basis + place.basis_bps * 1e-4)
    if place.lag_ms > 0.0:
        there = laws.late(s, there, round(place.lag_ms * 1e6), lane)
    prices, volume = laws.prices_of(s, asset, there, lane)
    opened, high, low, close = (row.copy() for row in prices)
    open_ns = s.clock.start_ns + s.clock.step_ns * np.arange(s.clock.bars, dtype=np.int64)
    return Bars(
        symbol,
        place.name,
        s.clock.step_ns,
        open_ns,
        opened,
        high,
        low,
        close,
        volume=volume,
        rules=Rules(kind=kind_of(symbol), tick_num=asset.tick_num, tick_den=asset.tick_den, inferred=False),
        data_hash=hash_bars(open_ns, opened, high, low, close, volume),
    )


def _funding(bars: Bars, basis: Floats) -> Payments:
    """Funding at 00:00, 08:00 and 16:00 UTC, after the first open and up to the last close.

    The rate is a basis point and a share of what the basis was beyond its usual one, on average over the eight hours
    before; the mark is the last close at or before the instant. Nothing later than the instant is looked at.
    """
    first, last = int(bars.open_ns[0]), int(bars.open_ns[-1]) + bars.timeframe_ns
    instants = np.arange((first // EIGHT_HOURS + 1) * EIGHT_HOURS, last + 1, EIGHT_HOURS, dtype=np.int64)
    closes_ns = bars.open_ns + bars.timeframe_ns
    now = np.searchsorted(closes_ns, instants, side="right") - 1
    instants, now = instants[now >= 0], now[now >= 0]
    then = np.searchsorted(closes_ns, instants - EIGHT_HOURS, side="right") - 1
    then = np.minimum(then, now - 1)
    total = np.concatenate([np.zeros(1), np.cumsum(basis)])  # of the first so many bars
    premium = (total[now + 1] - total[then + 1]) / (now - then) - 1e-4 * laws.BASIS_BPS
    rate = np.clip(1e-4 + FUNDING_SHARE * premium, -MOST_FUNDING, MOST_FUNDING)
    rate = np.floor(rate * 1e8 + 0.5) / 1e8
    mark = bars.close[now]
    return Payments(instants, rate, mark, data_hash=hash_arrays(ts_ns=instants, rate=rate, mark=mark))


def _check(bars: int, timeframe_ns: int, start_ns: int) -> None:
    if isinstance(bars, bool) or not isinstance(bars, (int, np.integer)) or bars < 1:
        raise Refused(f"a synthetic market of {bars!r} bars", where="[data] bars", fix="ask for one bar or more")
    if timeframe_ns < 1 or start_ns % 1_000_000_000:
        what = f"bars of {format_timeframe(timeframe_ns)} from {start_ns} ns"
        raise Refused(what, where="[data] timeframe", fix="give a timeframe above zero and a start on a whole second")
    most = (LATEST - start_ns) // timeframe_ns
    if bars > most:
        what = (
            f"{bars} bars of {format_timeframe(timeframe_ns)} reach past the year 2262, where times in nanoseconds end"
        )
        raise Refused(what, where="[data] bars", fix=f"ask for {most} bars at most, or for shorter ones")


def _check_symbols(symbols: Sequence[str]) -> None:
    twice = [s for i, s in enumerate(symbols) if s in symbols[:i]]
    if not symbols or twice or not all(base_of(symbol) for symbol in symbols):
        what = f"symbol {twice[0]!r} stands twice" if twice else "a symbol has no coin" if symbols else "no symbols"
        raise Refused(what, where="[data] symbols", fix='name each instrument once, as in ["BTC/USDT:USDT"]')
