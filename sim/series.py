"""What the data room hands to the tape: one instrument's bars, as arrays or read bit by bit, and its payments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rules:
    """What an exchange asks of prices and quantities; the tick is the exact fraction tick_num / tick_den.

    tick_num == 0 means that prices follow no tick; `inferred` says the tick was read off the data.
    """

    kind: str = "linear"  # "spot", "linear" or "inverse"
    tick_num: int = 0
    tick_den: int = 1
    lot: float = 0.0
    min_notional: float = 0.0
    multiplier: float = 1.0
    inferred: bool = True

    @property
    def tick(self) -> float:
        return self.tick_num / self.tick_den


@dataclass(frozen=True)
class Bars:
    """Bars of one instrument: times are int64 ns of the open, UTC, strictly rising; prices finite and above zero.

    `volume` is in units of quantity, or None where the data has none; `half_spread_bps` is None unless the data has it.
    """

    symbol: str
    venue: str
    timeframe_ns: int
    open_ns: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats | None = None
    half_spread_bps: Floats | None = None
    rules: Rules = field(default_factory=Rules)
    data_hash: str = ""
    repairs: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.open_ns)

    @property
    def has_volume(self) -> bool:
        return self.volume is not None

    def times(self, lo: int, hi: int) -> Ints:
        """The opens of bars lo..hi."""
        return self.open_ns[lo:hi]

    def rows(self, lo: int, hi: int) -> Bars:
        """Bars lo..hi, as views."""
        return Bars(
            self.symbol,
            self.venue,
            self.timeframe_ns,
            self.open_ns[lo:hi],
            self.open[lo:hi],
            self.high[lo:hi],
            self.low[lo:hi],
            self.close[lo:hi],
            None if self.volume is None else self.volume[lo:hi],
            None if self.half_spread_bps is None else self.half_spread_bps[lo:hi],
            self.rules,
            self.data_hash,
            self.repairs,
        )


class BarSource(Protocol):
    """Bars that a tape can be made of: `Bars`, or anything that gives them out range by range.

    `rows` and `times` may be called by several threads; whole columns stand there for what is not a tape.
    """

    @property
    def symbol(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def timeframe_ns(self) -> int: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def data_hash(self) -> str: ...
    @property
    def repairs(self) -> dict[str, int]: ...
    @property
    def has_volume(self) -> bool: ...
    @property
    def open_ns(self) -> Ints: ...
    @property
    def open(self) -> Floats: ...
    @property
    def high(self) -> Floats: ...
    @property
    def low(self) -> Floats: ...
    @property
    def close(self) -> Floats: ...
    @property
    def volume(self) -> Floats | None: ...
    @property
    def half_spread_bps(self) -> Floats | None: ...
    def __len__(self) -> int: ...
    def times(self, lo: int, hi: int) -> Ints: ...
    def rows(self, lo: int, hi: int) -> Bars: ...


@dataclass(frozen=True)
class Payments:
    """Funding of one instrument: at ts_ns the holder of a long position pays rate x notional at the mark price.

    `mark` is NaN where the data has none.
    """

    ts_ns: Ints
    rate: Floats
    mark: Floats
    data_hash: str = ""
    repairs: dict[str, int] = field(default_factory=dict)
