"""The bars that every engine is given, and crosses of averages computed from whole ticks, where a tie is a tie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "data" / "bars_1m_usdm"
SYMBOLS = ("ETH", "BTC", "SOL", "XRP", "ADA")

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Market:
    """Bars of one instrument, and the [data] table with which huracan reads the same."""

    name: str
    data: dict[str, Any]
    open_ns: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    tick: tuple[int, int]
    step_ns: int = 60_000_000_000

    @property
    def close_ns(self) -> npt.NDArray[np.int64]:
        return self.open_ns + self.step_ns


def real(coin: str) -> Market | None:
    """A month of minutes of a perpetual, if the data is there."""
    from huracan.data.files import read_bars

    file = REAL / f"{coin}_USDT_USDT-1m-futures.feather"
    if not file.is_file():
        return None
    symbol = f"{coin}/USDT:USDT"
    b = read_bars(str(file), symbol=symbol, timeframe="1m")
    data = {"file": str(file), "symbol": symbol, "timeframe": "1m"}
    assert b.volume is not None
    return Market(
        f"{coin} perpetual, real",
        data,
        *(b.open_ns, b.open, b.high, b.low, b.close, b.volume),
        (b.rules.tick_num, b.rules.tick_den),
    )


def synthetic(bars: int, seed: int, symbol: str = "ETH/USDT") -> Market:
    """The built-in market as spot, which pays no funding."""
    from huracan.data.synthetic import regimes

    b = regimes(bars, seed, symbols=(symbol,))[0]
    data = {"synthetic": "regimes", "bars": bars, "symbol": symbol}
    assert b.volume is not None
    return Market(
        f"{symbol.partition('/')[0]}, synthetic",
        data,
        *(b.open_ns, b.open, b.high, b.low, b.close, b.volume),
        (b.rules.tick_num, b.rules.tick_den),
    )


def window_sums(market: Market, window: int) -> npt.NDArray[np.int64]:
    """Sum of the last `window` closes in ticks, exact; 0 until the window is full."""
    num, den = market.tick
    ticks = np.rint(market.close * den / num).astype(np.int64)
    total = np.concatenate([[0], np.cumsum(ticks)])
    out = np.zeros(len(ticks), np.int64)
    out[window - 1 :] = total[window:] - total[:-window]
    return out


def crosses(market: Market, fast: int, slow: int) -> tuple[Flags, Flags]:
    """Bars on which the fast simple average is above the slow one and was not the bar before; and the reverse."""
    above = window_sums(market, fast) * slow - window_sums(market, slow) * fast
    first = max(fast, slow)  # both averages exist here and one bar earlier
    up, down = np.zeros(len(above), bool), np.zeros(len(above), bool)
    up[first:] = (above[first:] > 0) & (above[first - 1 : -1] <= 0)
    down[first:] = (above[first:] < 0) & (above[first - 1 : -1] >= 0)
    return up, down


def later(signals: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same a bar later: decided at a close, met by the next bar."""
    out = np.zeros_like(signals)
    out[1:] = signals[:-1]
    return out
