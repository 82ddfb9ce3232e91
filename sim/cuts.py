"""Cuts of a run's time: the instants, mostly midnights, at which a sweep looks at the equity of every lane.

What a lane earned from cut to cut is all that folds, luck and overfitting are judged by: as many numbers as there are
days, whatever the length of the tape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.timeline import RowTimes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MINUTE_NS = 60 * 10**9
DAY_NS = 1440 * MINUTE_NS
YEAR_NS = 365 * DAY_NS
SECONDS = (30, 15, 10, 5, 2, 1)
SHORTER = (*(m * MINUTE_NS for m in (720, 360, 240, 120, 60, 30, 15, 5, 1)), *(s * 10**9 for s in SECONDS))  # of a day
ENOUGH = 64  # below it a day is too long
ALWAYS_ROWS = 400  # rows between two cuts that make the cost of looking vanish
CHEAP_LOOKS = 10_000_000  # looks at one lane that cost a few seconds in all
MOST_NUMBERS = 10_000_000  # returns that are held in memory at once
PIECE = 1 << 20  # rows whose times are in memory at once
SAMPLE = 10_000  # sets beyond which luck is judged on a sample


@dataclass(frozen=True)
class Cuts:
    """Instants `ends_ns`, evenly spaced by `step_ns`, and the row of the tape that each of them follows (-1: none)."""

    step_ns: int
    ends_ns: Ints
    rows: Ints

    def __len__(self) -> int:
        return len(self.ends_ns)

    @property
    def a_year(self) -> float:
        """Cuts in 365 days."""
        return YEAR_NS / self.step_ns


def plan_cuts(close_ns: Ints | RowTimes, start_ns: int, timeframe_ns: int, lanes: int) -> Cuts:
    """Days, or hours of a short run; several days at once where a long run has many lanes.

    >>> closes = np.arange(1, 200 * 24 + 1) * 60 * MINUTE_NS
    >>> cuts = plan_cuts(closes, 0, 60 * MINUTE_NS, 100)
    >>> cuts.step_ns == DAY_NS, len(cuts), cuts.rows[:2].tolist()
    (True, 200, [23, 47])
    """
    length = int(close_ns[-1]) - start_ns
    rows = len(close_ns)
    most = max(rows // ALWAYS_ROWS, CHEAP_LOOKS // max(lanes, 1), ENOUGH)
    most = max(min(most, MOST_NUMBERS // min(max(lanes, 1), SAMPLE)), ENOUGH)
    step = DAY_NS
    if length // step < ENOUGH:
        finer = [s for s in SHORTER if s >= timeframe_ns and s % timeframe_ns == 0]
        step = next((s for s in finer if length // s >= ENOUGH), finer[-1] if finer else min(timeframe_ns, DAY_NS))
    elif length // step > most:
        step *= -(-(length // step) // most)
    if timeframe_ns > step:
        step = timeframe_ns
    first = (start_ns // step + 1) * step
    ends = first + step * np.arange(max((int(close_ns[-1]) - first) // step + 1, 0), dtype=np.int64)
    before = np.zeros(len(ends), np.int64)  # rows that have closed by each cut, counted piece by piece of a long tape
    for lo in range(0, rows, PIECE):
        before += np.searchsorted(np.asarray(close_ns[lo : lo + PIECE]), ends, side="right")
    return Cuts(int(step), ends, before - 1)


class Looks:
    """The equity of some lanes at every cut, taken while they are driven."""

    def __init__(self, cuts: Cuts, first_live: int, cash: Floats) -> None:
        self.rows, self._place = np.unique(cuts.rows[cuts.rows >= first_live], return_inverse=True)
        self._before = int((cuts.rows < first_live).sum())  # cuts that come before the first bar: still the cash
        self._cash = np.array(cash, np.float64)
        self._seen: list[Floats] = [self._cash[np.newaxis]]

    def take(self, equity: Any) -> None:
        """One more look, at the next of `rows`."""
        self._seen.append(np.array([equity], np.float64))

    def keep(self, equities: Any) -> None:
        """Some more looks, a row each, which nobody writes to any more."""
        self._seen.append(equities)

    def returns(self) -> Floats:
        """Simple returns from cut to cut, (cuts, lanes), the first from the cash; what is lost stays lost at -1, 0, 0.

        >>> looks = Looks(Cuts(1, np.array([1, 2, 3]), np.array([0, 1, 1])), 0, np.array([100.0]))
        >>> looks.take([110.0]); looks.take([99.0]); looks.returns()[:, 0].round(12).tolist()
        [0.1, -0.1, 0.0]
        """
        places = np.concatenate([np.zeros(1 + self._before, np.int64), 1 + self._place.reshape(-1)])
        equity = np.maximum(np.concatenate(self._seen), 0.0)[places]
        was = equity[:-1]
        with np.errstate(all="ignore"):
            found: Floats = equity[1:] / was - 1.0
        found[~(was > 0.0)] = 0.0
        return found
