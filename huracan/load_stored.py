"""From an instrument of a spec to its bars and payments in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from huracan.data import store
from huracan.data.files import checked_bars, hash_arrays, read_funding
from huracan.data.instants import format_ns
from huracan.data.instrument import rules_from
from huracan.data.raw_bars import PRICES, raw_from_arrays
from huracan.data.row_repairs import mended_rows
from huracan.data.store_kinds import FUNDING, MARK, Series, numbers, times
from huracan.data.stored_bars import CACHE_BYTES, StoredBars, open_bars
from huracan.data.stream_repairs import mended_bars
from huracan.sim.refusal import Refused
from huracan.sim.series import BarSource, Payments
from huracan.spec_records import Data, Instrument

MINUTE = 60_000_000_000
HOUR = 60 * MINUTE


def from_store(data: Data, each: Instrument, window: int) -> tuple[BarSource, Payments | None]:
    """The instrument's bars, with those before the start that warm up and that costs look back on, and its funding."""
    root = store.store_root()
    series = Series(each.venue or "", each.symbol or "", "bars", each.timeframe or "")
    start_ns, end_ns = nanoseconds(data.start), nanoseconds(data.end)
    bars = open_bars(
        root,
        series,
        start_ns=start_ns,
        end_ns=end_ns,
        before=data.warmup + window + 2,  # one more is the price that stands when the run begins
        rules=rules_from(each.rules.given() if each.rules else None, series.symbol),
        cache_bytes=CACHE_BYTES // max(len(data.series()), 1),
        half_spread_bps=each.half_spread_bps,
    )
    step = series.step_ns
    first = int(bars.times(0, 1)[0]) if len(bars) else 0
    last = int(bars.times(len(bars) - 1, len(bars))[0]) + step if len(bars) else 0
    if not len(bars) or (start_ns is not None and last <= start_ns):
        raise nothing_held(root, series, start_ns)
    missing = {
        "bars_not_in_store": max(first - (start_ns if start_ns is not None else first), 0) // step
        + max((end_ns if end_ns is not None else last) - last, 0) // step
    }
    repair = each.funding_repair or {}
    payments = stored_payments(root, series, first, last, repair) if bars.rules.kind != "spot" else None
    if bars.rules.kind != "spot" and payments is None and each.funding is None:
        missing["no_funding_in_store"] = 1
    bars = replace(bars, repairs=bars.repairs | {name: n for name, n in missing.items() if n})
    return mended_of(bars, each.repair or {}), payments


def mended_of(bars: StoredBars, repair: Mapping[str, str]) -> BarSource:
    """Bars of the store after the repairs that the spec names, in memory that does not grow with them.

    Bars of an hour and more are never so many, and their clocks may slip, which only all of them together tell.
    """
    if not repair or bars.timeframe_ns < HOUR:
        return mended_bars(bars, repair) if repair else bars
    whole = bars.rows(0, len(bars))
    values = {word: getattr(whole, word).copy() for word in PRICES}
    volume = None if whole.volume is None else whole.volume.copy()
    raw = raw_from_arrays(str(bars.series), whole.open_ns.copy(), values, volume, whole.half_spread_bps)
    made = checked_bars(raw, symbol=bars.symbol, timeframe=bars.series.timeframe, repair=repair)
    num, den = made.rules.tick_num, made.rules.tick_den
    rules = replace(bars.rules, tick_num=num, tick_den=den) if bars.rules.inferred else bars.rules
    return replace(made, venue=bars.venue, rules=rules, repairs=bars.repairs | made.repairs)


def own_payments(each: Instrument) -> Payments | None:
    """The payments of the instrument's own files, where it names some."""
    if each.funding is None:
        return None
    return read_funding(each.funding, each.mark, each.funding_repair, each.mark_repair)


def stored_payments(
    root: Path, series: Series, start_ns: int, end_ns: int, repair: Mapping[str, str]
) -> Payments | None:
    """Funding held for the bars' symbol, with the mark that came with it or that stood up to a minute before it.

    Marks come from candles of the mark price of any timeframe that are held, the finest first; NaN where there is none.
    """
    funding = Series(series.venue, series.symbol, FUNDING)
    if not store.parts(root, funding):
        return None
    held = store.read(root, funding, None, start_ns, end_ns)
    repairs: dict[str, int] = {}
    columns = {"ts": times(held), "rate": numbers(held, "rate"), "mark": np.array(numbers(held, "mark"))}
    columns, _ = mended_rows("funding", columns, repair, repairs, "data.funding_repair", "funding_")
    ts, rate, mark = columns["ts"], columns["rate"], columns["mark"]
    marks = [s for s in store.list_series(root) if (s.venue, s.symbol, s.kind) == (series.venue, series.symbol, MARK)]
    for each in sorted(marks, key=lambda s: s.step_ns):
        if not np.isnan(mark).any():
            break
        candles = store.read(root, each, ["open"], start_ns - MINUTE, end_ns)
        opens, price = times(candles), numbers(candles, "open")
        last = np.searchsorted(opens, ts, side="right") - 1
        near = (last >= 0) & (ts - opens[last] <= MINUTE) if len(opens) else np.zeros(len(ts), np.bool_)
        mark = np.where(np.isnan(mark) & near, price[last] if len(price) else np.nan, mark)
    return Payments(ts, rate, mark, data_hash=hash_arrays(ts_ns=ts, rate=rate, mark=mark), repairs=repairs)


def nothing_held(root: Path, series: Series, start_ns: int | None) -> Refused:
    """What is said when the store has none of the bars, with the command that gets them."""
    whole = store.span(root, series)
    others = [s.timeframe for s in store.list_series(root) if (s.venue, s.symbol, s.kind) == _name(series)]
    if whole is not None:
        held = f"{format_ns(whole.first_ns)} to {format_ns(whole.last_ns)}"
        return Refused(f"the store holds {series} from {held}", where="data.start, data.end", fix="choose other times")
    since = "2025-01-01" if start_ns is None else format_ns(start_ns)[:10]
    get = f"huracan data fetch {series.venue} {series.symbol} --timeframe {series.timeframe} --since {since}"
    if others:
        get = f"`huracan data resample` makes them of the {', '.join(others)} bars that are there, or `{get}`"
    else:
        get = f"`{get}`, or `huracan data import` a file"
    return Refused(f"no {series} in the store {root}", where="data.venue, data.symbols", fix=get)


def _name(series: Series) -> tuple[str, str, str]:
    return series.venue, series.symbol, series.kind


def nanoseconds(when: datetime | None) -> int | None:
    """A time of the spec as ns UTC.

    >>> nanoseconds(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000000
    """
    if when is None:
        return None
    delta = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000
