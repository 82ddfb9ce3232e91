"""Bars as a file or the store has them, before anything is checked: what checks look at and repairs mend."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from huracan.data.instants import find_time, time_column
from huracan.data.instrument import base_of
from huracan.data.tables import Table, find_column, float_column, plain_name, read_table
from huracan.sim.refusal import Refused

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
_PRICE_NAMES = {word: (word, word[0], word + "price") for word in PRICES}
_VOLUME_NAMES = ("volume", "vol", "v", "basevolume")
# half and full spreads, in basis points of the close or in price
_SPREAD_NAMES = (("halfspreadbps",), ("spreadbps",), ("halfspread",), ("spread",))


@dataclass(frozen=True)
class RawBars:
    """Columns of equal length in the file's order; prices may be anything, NaN included.

    `rows` counts from 0 where each row stands in the file; `columns` says what the file calls each column.
    """

    path: str
    times: Ints
    prices: dict[str, Floats]
    volume: Floats | None
    half_spread_bps: Floats | None
    rows: Ints
    columns: dict[str, str]
    repairs: dict[str, int]

    def __len__(self) -> int:
        return len(self.times)


def read_raw_bars(
    path: str | os.PathLike[str],
    *,
    symbol: str = "",
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> RawBars:
    """The bars of a file as they stand; `columns` says which column of the file holds what ({"open": "first"})."""
    table = renamed(read_table(path, format), columns or {})
    by_position = table.by_position and not table.path.lower().endswith(".json")
    repairs: dict[str, int] = {"columns_by_position": len(table.names)} if by_position else {}
    find_time(table)  # named first when missing: without times nothing else matters
    places = {word: needed(table, f"{word} prices", _PRICE_NAMES[word]) for word in PRICES}
    times = time_column(table, repairs)
    prices = {word: float_column(table, place, repairs) for word, place in places.items()}
    names = {"time": table.names[find_time(table)], **{word: table.names[place] for word, place in places.items()}}
    base = plain_name(base_of(symbol))
    place = find_column(table, (*_VOLUME_NAMES, f"volume{base}"))
    volume = None
    if place is None:
        repairs["no_volume"] = table.rows
    else:
        names["volume"] = table.names[place]
        volume = float_column(table, place, repairs)
    spread, name = _half_spread(table, prices["close"], repairs)
    names |= {"half_spread_bps": name} if name else {}
    return RawBars(table.path, times, prices, volume, spread, np.arange(table.rows), names, repairs)


def renamed(table: Table, columns: Mapping[str, str]) -> Table:
    """The table with columns under the names that `columns` gives them, and nothing else under those names.

    >>> renamed(Table("f", ("a", "open"), (0, 1), 1), {"open": "a"}).names
    ('open', '(open)')
    """
    names = list(table.names)
    for word, name in columns.items():
        if name not in table.names:
            found = ", ".join(repr(n) for n in table.names)
            raise Refused(f"missing_column: no column {name!r}", where=table.path, fix=f"columns found: {found}")
        known = _PRICE_NAMES.get(word, ()) or (_VOLUME_NAMES if word == "volume" else (word,))
        names = [f"({n})" if plain_name(n) in known and n != name else n for n in names]
        names[table.names.index(name)] = word
    return replace(table, names=tuple(names))


def needed(table: Table, what: str, wanted: tuple[str, ...]) -> int:
    """The place of a column that must be there."""
    place = find_column(table, wanted)
    if place is None:
        found = ", ".join(repr(n) for n in table.names)
        fix = f"name the column {wanted[0]!r}; columns found: {found}"
        raise Refused(f"missing_column: no column of {what}", where=table.path, fix=fix)
    return place


def picked(raw: RawBars, rows: npt.NDArray[np.bool_] | Ints) -> RawBars:
    """Some rows of raw bars, in the order given."""
    return replace(
        raw,
        times=raw.times[rows],
        prices={word: array[rows] for word, array in raw.prices.items()},
        volume=None if raw.volume is None else raw.volume[rows],
        half_spread_bps=None if raw.half_spread_bps is None else raw.half_spread_bps[rows],
        rows=raw.rows[rows],
    )


def raw_from_arrays(
    label: str, times: Ints, prices: Mapping[str, Floats], volume: Floats | None, spread: Floats | None = None
) -> RawBars:
    """Raw bars of the store, or made in memory; `label` stands where a file's path would."""
    columns = {word: word for word in ("time", *PRICES, "volume", "half_spread_bps")}
    return RawBars(label, times, dict(prices), volume, spread, np.arange(len(times)), columns, {})


def place_in(raw: RawBars, row: int, word: str) -> str:
    """Where a problem stands, for a message: file, row from 1 and column."""
    return f"{raw.path}, row {int(raw.rows[row]) + 1}, column {raw.columns.get(word) or '(unnamed)'}"


def _half_spread(table: Table, close: Floats, repairs: dict[str, int]) -> tuple[Floats | None, str]:
    for (word,), factor in zip(_SPREAD_NAMES, (1.0, 0.5, 1.0, 0.5), strict=True):
        place = find_column(table, (word,))
        if place is not None:
            spread = float_column(table, place, repairs)
            in_bps = word.endswith("bps")
            with np.errstate(divide="ignore", invalid="ignore"):  # a close of zero is named by the checks
                return (spread * factor if in_bps else spread * factor / close * 1e4), table.names[place]
    return None, ""
