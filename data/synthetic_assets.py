"""The assets of a synthetic market: what makes one unlike another, by its base coin's name."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from huracan.data.instrument import base_of

SECTORS = ("majors", "platforms", "payments", "exchanges", "games", "storage")


class Asset(NamedTuple):
    """One asset; `lane` names its draws, so that they are the same whichever others are made beside it."""

    lane: int
    log_price: float
    tick_num: int
    tick_den: int
    volatility: float  # of log prices, a minute
    common: float  # correlation with what all assets share
    volume: float  # a minute, in units of quantity
    lot_den: int
    sector: int
    together: float = 0.35  # correlation with what its sector shares


# log price, tick as a fraction, volatility a minute, correlation with the market, volume a minute, lots a unit, sector
_KNOWN = {
    "BTC": (10.645, 1, 10, 4.5e-4, 0.85, 20.0, 1000, 0),
    "ETH": (7.741, 1, 100, 5.5e-4, 0.8, 300.0, 1000, 0),
    "BNB": (5.737, 1, 100, 5.0e-4, 0.7, 100.0, 100, 3),
    "SOL": (4.605, 1, 100, 7.5e-4, 0.7, 5_000.0, 10, 1),
    "XRP": (-0.511, 1, 10_000, 6.5e-4, 0.65, 300_000.0, 10, 2),
    "ADA": (-0.598, 1, 10_000, 7.0e-4, 0.7, 200_000.0, 1, 1),
}


def asset_of(symbol: str) -> Asset:
    """The base coin's traits, from the table or else from its name; its draws go by its name either way.

    >>> asset_of("BTC/USDT:USDT").tick_den, SECTORS[asset_of("BTC/USDT").sector]
    (10, 'majors')
    """
    base = base_of(symbol)
    if base in _KNOWN:
        return Asset(lane_of(base), *_KNOWN[base])
    digest = hashlib.sha256(base.encode()).digest()
    log_price = digest[6] / 28.0  # a price of 1 to 9,000, in some thousand ticks at least
    tick_den = 10_000 if log_price < 2.3 else 1_000 if log_price < 4.6 else 100
    volatility, common = 5e-4 + 5e-4 * digest[7] / 256.0, 0.45 + 0.4 * digest[8] / 256.0
    sector = digest[10] % len(SECTORS)
    return Asset(lane_of(base), log_price, 1, tick_den, volatility, common, 1_000.0 + 100.0 * digest[9], 100, sector)


def asset_names(n: int) -> tuple[str, ...]:
    """Perpetuals of the first n assets there are: the known ones, then made-up ones.

    >>> asset_names(8)[5:]
    ('ADA/USDT:USDT', 'C007/USDT:USDT', 'C008/USDT:USDT')
    """
    names = [*_KNOWN, *(f"C{k:03d}" for k in range(len(_KNOWN) + 1, n + 1))][:n]
    return tuple(f"{name}/USDT:USDT" for name in names)


def lane_of(name: str) -> int:
    """The lane of draws that go by a name: 1 to 2**48, so never lane 0, which all share."""
    return 1 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "little")
