"""`huracan data check`: a file or a series of the store, looked at as it is.

file ─▶ what it holds ─▶ raw columns ─┐
store ─▶ series ─▶ its rows ──────────┴▶ checks ─▶ table, JSON, page
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    from huracan.data.checks import Check
    from huracan.data.raw_bars import RawBars
    from huracan.data.store_kinds import Series


@dataclass(frozen=True)
class Asked:
    """What the command line says of a file or a series; "" and None are left to be guessed."""

    symbol: str = ""
    venue: str = ""
    timeframe: str = ""
    format: str | None = None
    kind: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    store: Path | None = None


def check(target: str, asked: Asked) -> tuple[Check, list[str]]:
    """What is found in a file, or else in a series of the store; and what was guessed, in words."""
    if os.path.exists(target):
        return check_file(target, asked)
    series = find_series(target, asked)
    return check_series(series, asked), [f"{series} of the store"]


def check_file(path: str, asked: Asked) -> tuple[Check, list[str]]:
    """A file of any kind."""
    import numpy as np

    from huracan.data import checks, detect
    from huracan.data.files import check_timeframe
    from huracan.data.raw_bars import read_raw_bars
    from huracan.data.timeframes import parse_timeframe

    found = detect.detect(path, asked.format, asked.kind, asked.columns)
    said = [f"{path}: {found.said}"]
    table_format = asked.format if asked.format in detect.TABLE_FORMATS else None
    if found.format in (detect.BINANCE_RAW, detect.TARDIS):
        return _check_feed(path, found.format, asked), said
    if found.kind == "funding":
        times, rate, mark, notes = detect.raw_funding(path, table_format, asked.columns)
        return checks.check_funding(path, times, rate, notes, mark), said
    if found.kind == "trades":
        trades = detect.raw_trades(path, table_format, asked.columns)
        tick = tick_of(trades.price)
        return checks.check_trades(path, trades.columns(), trades.notes, tick), said
    raw = read_raw_bars(path, symbol=asked.symbol, format=table_format, columns=asked.columns)
    step = parse_timeframe(asked.timeframe) if asked.timeframe else detect.guess_step(raw.times)
    if step == 0:
        fix = "say how long a bar is: --timeframe 1m"
        raise Refused("the file has fewer than two different times", where=path, fix=fix)
    check_timeframe(raw, step)
    timeframe = asked.timeframe or _timeframe_of(step)
    if not asked.timeframe:
        said.append(f"the commonest step between times: {timeframe} bars")
    tick = tick_of(np.concatenate(list(raw.prices.values())))
    return checks.check_bars(raw, step, timeframe, kind=found.kind, tick=tick), said


def check_series(series: Series, asked: Asked) -> Check:
    """A series of the store."""
    from huracan.data import checks, store
    from huracan.data.store_kinds import numbers, times
    from huracan.data.stored_checks import check_bars_in_pieces, check_trades_in_pieces

    root = store.store_root(asked.store)
    for part in store.parts(root, series):
        store.verify(part, series)
    name = str(series)
    if series.kind in ("book", "quotes"):
        return _check_stored_book(root, series)
    if series.kind == "funding":
        table = store.read(root, series)
        return checks.check_funding(name, times(table), numbers(table, "rate"), {})
    if series.kind == "trades":
        return check_trades_in_pieces(name, lambda: _trades_of(root, series))
    walk = lambda: _bars_of(root, series)  # noqa: E731
    found = check_bars_in_pieces(name, series.kind, series.timeframe, series.step_ns, walk)
    return found if found is not None else _check_all_bars(series, walk)


def _trades_of(root: Path, series: Series) -> Iterator[dict[str, Any]]:
    from huracan.data import store
    from huracan.data.store_kinds import numbers, times

    words = ("price", "qty", "side")
    for table in store.stream(root, series, words):
        yield {"ts": times(table), **{word: numbers(table, word) for word in words}}


def _bars_of(root: Path, series: Series) -> Iterator[RawBars]:
    """Stored bars in pieces; of a mark price there is no volume."""
    from huracan.data import store
    from huracan.data.raw_bars import PRICES, raw_from_arrays
    from huracan.data.store_kinds import numbers, times

    for table in store.stream(root, series):
        prices = {word: numbers(table, word) for word in PRICES}
        volume = numbers(table, "volume") if "volume" in table.column_names else None
        yield raw_from_arrays(str(series), times(table), prices, volume)


def _check_all_bars(series: Series, walk: Callable[[], Iterator[RawBars]]) -> Check:
    """All bars at once, where their times do not rise: somebody else has written them."""
    import numpy as np

    from huracan.data import checks
    from huracan.data.stream_repairs import joined

    raw = functools.reduce(joined, walk())
    raw = replace(raw, rows=np.arange(len(raw)))
    tick = tick_of(np.concatenate(list(raw.prices.values())))
    return checks.check_bars(raw, series.step_ns, series.timeframe, kind=series.kind, tick=tick)


def find_series(symbol: str, asked: Asked) -> Series:
    """The series of the store that the words mean; several or none are refused with what there is."""
    from huracan.data.store import list_series, store_root
    from huracan.data.timeframes import format_timeframe, parse_timeframe

    root = store_root(asked.store)
    timeframe = format_timeframe(parse_timeframe(asked.timeframe)) if asked.timeframe else ""
    held = list_series(root)
    fits = [each for each in held if each.symbol == symbol]
    fits = [each for each in fits if not asked.venue or each.venue == asked.venue]
    kinds = [asked.kind] if asked.kind else ["bars", "trades", "book", "quotes", "funding", "mark"]
    for kind in kinds:
        found = [each for each in fits if each.kind == kind]
        found = [each for each in found if not (timeframe and each.timeframe) or each.timeframe == timeframe]
        if len(found) == 1:
            return found[0]
        if found:
            listed = "; ".join(map(str, found))
            fix = "say which with --venue, --kind or --timeframe"
            raise Refused(f"{symbol!r} means several series: {listed}", where=str(root), fix=fix)
    near = "; ".join(map(str, fits)) or ", ".join(sorted({each.symbol for each in held})) or "nothing"
    what = f"there is no file {symbol!r}, and no such series in the store"
    raise Refused(what, where=str(root), fix=f"the store holds {near}")


def tick_of(prices: Any) -> str:
    """The tick of prices as text, "" where they follow none; numbers that are no prices don't count."""
    import numpy as np

    from huracan.data.ticks import infer_tick

    sound = prices[np.isfinite(prices) & (prices > 0)]
    num, den = infer_tick(sound) if len(sound) else (0, 1)
    return np.format_float_positional(num / den, trim="-") if num else ""


def _timeframe_of(step_ns: int) -> str:
    from huracan.data.timeframes import format_timeframe

    return format_timeframe(step_ns)


def _check_feed(path: str, format: str, asked: Asked) -> Check:
    """Order-book lines: everything that can be read is, and what can't is among the problems."""
    from huracan.data.binance_raw import binance_raw_blocks
    from huracan.data.book_check import check_book
    from huracan.data.detect import BINANCE_RAW
    from huracan.data.events import only_one
    from huracan.data.tardis import tardis_blocks

    blocks = binance_raw_blocks if format == BINANCE_RAW else tardis_blocks
    return check_book(path, only_one(blocks(path, bad_lines="skip"), asked.symbol or None, path))


def _check_stored_book(root: Path, series: Series) -> Check:
    from huracan.data import store
    from huracan.data.book_check import check_book
    from huracan.data.stored_feed import stored_levels, stored_quotes

    events = stored_levels if series.kind == "book" else stored_quotes
    found = check_book(str(series), events(series, store.stream(root, series)))
    return replace(found, rows=sum(part.rows for part in store.parts(root, series)))
