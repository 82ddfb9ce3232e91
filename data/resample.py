"""Bars of a longer timeframe out of bars, and bars out of single trades.

Volume is summed, the high is the highest and the low the lowest, whatever the split; a bar whose parts are not all
there is made of those that are, and counted. A stretch without any part stays without a bar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.timeframes import format_timeframe
from huracan.sim.refusal import Refused

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = dict[str, npt.NDArray[Any]]  # columns of one length


@dataclass(frozen=True)
class Made:
    """Bars by their open times; `parts` says of how many rows each was made, `partial` how many lack some."""

    open_ns: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats | None
    parts: Ints
    partial: int

    def columns(self) -> dict[str, npt.NDArray[np.generic]]:
        """As the store and files have them."""
        made: dict[str, npt.NDArray[np.generic]] = {"ts": self.open_ns, "open": self.open, "high": self.high}
        made |= {"low": self.low, "close": self.close}
        return made | ({} if self.volume is None else {"volume": self.volume})


def bars_from_bars(
    open_ns: Ints, prices: tuple[Floats, Floats, Floats, Floats], volume: Floats | None, step_ns: int, to_ns: int
) -> Made:
    """Bars of `to_ns` out of bars of `step_ns`, in order; their opens lie on whole multiples of `to_ns` since 1970.

    Weeks begin on Monday.

    >>> a = np.array([1.0, 2.0, 3.0])
    >>> made = bars_from_bars(np.array([0, 60, 120]) * 10**9, (a, a + 1, a - 0.5, a), a, 60 * 10**9, 120 * 10**9)
    >>> made.high.tolist(), made.volume.tolist(), made.partial
    ([3.0, 4.0], [3.0, 3.0], 1)
    """
    if to_ns <= step_ns or to_ns % step_ns:
        fix = f"give a timeframe that is a multiple of {format_timeframe(step_ns)}"
        raise Refused(f"{format_timeframe(to_ns)} bars can't be made of {format_timeframe(step_ns)} bars", fix=fix)
    _check_order(open_ns)
    opened, high, low, close = prices
    starts, at = _bins(open_ns, to_ns)
    ends = np.append(at[1:], len(open_ns)) - 1
    parts = np.diff(np.append(at, len(open_ns)))
    return Made(
        starts,
        opened[at],
        np.maximum.reduceat(high, at),
        np.minimum.reduceat(low, at),
        close[ends],
        None if volume is None else np.add.reduceat(volume, at),
        parts,
        int((parts < to_ns // step_ns).sum()),
    )


def bars_from_trades(times: Ints, price: Floats, qty: Floats, to_ns: int) -> Made:
    """Bars of `to_ns` out of trades in order; the first and the last may not be whole, and count as partial.

    >>> made = bars_from_trades(np.array([0, 1, 61]) * 10**9, np.array([5.0, 4.0, 6.0]), np.ones(3), 60 * 10**9)
    >>> made.low.tolist(), made.volume.tolist()
    ([4.0, 6.0], [2.0, 1.0])
    """
    _check_order(times)
    starts, at = _bins(times, to_ns)
    ends = np.append(at[1:], len(times)) - 1
    parts = np.diff(np.append(at, len(times)))
    columns = (price[at], np.maximum.reduceat(price, at), np.minimum.reduceat(price, at), price[ends])
    return Made(starts, *columns, np.add.reduceat(qty, at), parts, min(2, len(starts)))


def in_whole_bars(pieces: Iterable[Rows], to_ns: int) -> Iterator[Rows]:
    """Rows in order (`ts` among them), cut where a bar of `to_ns` begins, so that each piece holds whole bars."""
    rest: Rows = {}
    for piece in pieces:
        if not len(piece["ts"]):
            continue
        rows = {name: np.concatenate([rest[name], column]) for name, column in piece.items()} if rest else piece
        _, at = _bins(rows["ts"], to_ns)
        cut = int(at[-1])
        rest = {name: column[cut:] for name, column in rows.items()}
        if cut:
            yield {name: column[:cut] for name, column in rows.items()}
    if rest:
        yield rest


def joined(made: Sequence[Made]) -> Made:
    """Bars that were made piece by piece as one."""
    if not made:
        raise Refused("empty: there are no rows to resample", fix="give data that holds some")
    names = ("open_ns", "open", "high", "low", "close", "parts")
    columns = {name: np.concatenate([getattr(each, name) for each in made]) for name in names}
    volumes = [each.volume for each in made if each.volume is not None]
    return Made(
        **columns,
        volume=np.concatenate(volumes) if volumes else None,
        partial=sum(each.partial for each in made),
    )


def whole(made: Made, to_ns: int, first_ns: int, end_ns: int) -> Made:
    """Without a first bar that begins before the data, and a last one that ends after it."""
    kept = (made.open_ns >= first_ns) & (made.open_ns + to_ns <= end_ns)
    arrays = {name: getattr(made, name)[kept] for name in ("open_ns", "open", "high", "low", "close", "parts")}
    volume = None if made.volume is None else made.volume[kept]
    return Made(**arrays, volume=volume, partial=made.partial - int((~kept).sum()))


_MONDAY = 4 * 86_400_000_000_000  # 1970 began on a Thursday
_WEEK = 604_800_000_000_000


def _bins(times: Ints, to_ns: int) -> tuple[Ints, Ints]:
    """The open time of each bar, and the row at which it begins."""
    if not len(times):
        raise Refused("empty: there are no rows to resample", fix="give data that holds some")
    origin = _MONDAY if to_ns % _WEEK == 0 else 0
    bins = (times - origin) // to_ns * to_ns + origin
    at = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
    return bins[at], at


def _check_order(times: Ints) -> None:
    if len(times) > 1 and (np.diff(times) < 0).any():
        row = int(np.argmax(np.diff(times) < 0)) + 2
        fix = "sort them, or import them with --repair unordered_time=sort"
        raise Refused("unordered_time: rows are out of order", where=f"row {row}", fix=fix)
