"""What the data room hands to the tape: one instrument's bars and payments as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

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
