"""From a checked spec to a tape of order books: raw lines as columns, ticks and lots, then packed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from huracan.data.instrument import rules_from
from huracan.data.store import store_root
from huracan.data.store_kinds import BOOK, Series
from huracan.load_stored import nanoseconds, own_payments, stored_payments
from huracan.sim.book_layout import measured
from huracan.sim.book_tape import BookTape, Feed, FeedRules, build_book_tape, quantum, rows_of
from huracan.sim.refusal import Refused
from huracan.sim.series import Payments, Rules
from huracan.spec_records import BOOK_FORMATS, STORED_BOOK, Instrument, Spec
from huracan.spec_synthetic import symbols_of

COUNTED = ("no_exchange_time", "local_before_exchange", "gapped_book", "unordered_local_time")  # by the tape itself


def has_books(spec: Spec) -> bool:
    """Whether the spec's data are order books."""
    return spec.data.synthetic == "book" or any(each.format in BOOK_FORMATS for each in spec.data.series())


def load_book_tape(spec: Spec) -> BookTape:
    """Every instrument's file, read, mended by the rules of the spec, and packed."""
    series = spec.data.series() if spec.data.synthetic is None else ()
    for each in series:
        if each.format not in BOOK_FORMATS or (each.file is None) != (each.format == STORED_BOOK):
            fix = f'give every instrument a file and its format, or format = "{STORED_BOOK}" for those of the store'
            raise Refused("books and bars in one run, or a format without its file", where="data", fix=fix)
    strict = {"bad_level": "refuse"} if spec.data.bad_level == "refuse" else {}
    feeds = [read_feed(spec, each, strict | (each.repair or {})) for each in series] or synthetic_feeds(spec)
    end = nanoseconds(spec.data.end)
    if end is not None:
        feeds = [rows_of(f, f.local_ns < end) for f in feeds]
    payments = [paid(each, feed) for each, feed in zip(series, feeds, strict=False)] or [None] * len(feeds)
    data = spec.data
    rules = FeedRules(gap=data.gap, no_snapshot=data.no_snapshot, bad_level=data.bad_level)
    return build_book_tape(feeds, payments, rules=rules)


def paid(each: Instrument, feed: Feed) -> Payments | None:
    """The instrument's funding: of its own file, or with a book of the store what the store holds."""
    if each.funding is not None or each.file is not None or each.kind() == "spot" or not len(feed):
        return own_payments(each)
    span = int(feed.exch_ns.min()), int(max(feed.exch_ns.max(), feed.local_ns.max())) + 1
    series = Series(each.venue or "", each.symbol or "", BOOK)
    return stored_payments(store_root(), series, *span, each.funding_repair or {})


def synthetic_feeds(spec: Spec) -> list[Feed]:
    """The built-in order books, under the rules of the spec where it gives some."""
    from huracan.data.synthetic import HERE
    from huracan.data.synthetic_book import book_feeds

    data = spec.data
    places = [each.place() for each in data.venues] or HERE
    feeds = []
    for made in book_feeds(
        data.seconds, spec.run.seed, symbols=symbols_of(data), places=places, edges=data.edges.edges()
    ):
        rules, found = made.rules, made.events()
        if data.rules is not None:
            asked = rules_from(data.rules.given(), made.symbol)
            tick = (asked.tick_num, asked.tick_den) if asked.tick_num else (rules.tick_num, rules.tick_den)
            rules = replace(asked, tick_num=tick[0], tick_den=tick[1], lot=asked.lot or rules.lot, inferred=False)
        columns = (found.kind, found.side, found.flags, found.price, found.qty, found.exch_ns, found.local_ns)
        feeds.append(Feed(made.symbol, *columns, rules, made.venue))
    return feeds


def read_feed(spec: Spec, each: Instrument, repair: Mapping[str, str]) -> Feed:
    """One file's events, or those of the store, under the instrument's name and rules, after the repairs chosen."""
    from huracan.data.binance_raw import read_binance_raw
    from huracan.data.book_repairs import bad_lines, mended_feed
    from huracan.data.stored_feed import stored_feed
    from huracan.data.tardis import read_tardis

    if each.file is None:
        start, end = nanoseconds(spec.data.start), nanoseconds(spec.data.end)
        found = stored_feed(store_root(), each.venue or "", each.symbol or "", start, end)
    else:
        read = read_binance_raw if each.format == "binance-raw" else read_tardis
        found = read(each.file, bad_lines=bad_lines(repair))
    repairs = {p.name: p.count for p in found.problems if p.name not in COUNTED}
    found = mended_feed(each.file or f"{each.venue} {each.symbol} book", found, repair, repairs)
    levels = (found.kind < 2) & (found.price > 0.0) & (found.price < np.inf)
    given = rules_from(each.rules.given() if each.rules else {}, each.symbol or "")
    rules = with_tick(given, found.price[levels], each.symbol or "", repairs)
    return Feed(
        each.symbol or found.symbol,
        found.kind,
        found.side,
        found.flags,
        found.price,
        found.qty,
        found.exch_ns,
        found.local_ns,
        rules,
        each.venue or "",
        repairs,
    )


def with_tick(given: Rules, prices: Any, symbol: str, repairs: dict[str, int]) -> Rules:
    """The rules with a tick: the decimals of the data where the spec gives none, which is a repair."""
    if given.tick_num:
        return given
    if not len(prices):
        raise Refused(f"{symbol} has no price", where="data", fix="check the file")
    num, den, _ = quantum(prices, 0.0)
    repairs["tick_inferred"] = 1
    return replace(given, tick_num=num, tick_den=den, inferred=True)


def read_latencies(file: str) -> Any:
    """A table of measured latencies, book_layout.measured: a column of times, `entry_ms` and `response_ms`."""
    from huracan.data.instants import time_column
    from huracan.data.tables import read_table

    table = read_table(file, None)
    ts = time_column(table, {})
    out = np.zeros(len(ts), measured)
    out["ts_ns"] = ts
    for name in ("entry", "response"):
        column = next((i for i, c in enumerate(table.names) if c.lower() == f"{name}_ms"), None)
        if column is None:
            fix = "give a table with a time, entry_ms and response_ms"
            raise Refused(f"no column {name}_ms", where=file, fix=fix)
        out[f"{name}_ns"] = np.asarray(table.columns[column], np.float64) * 1e6
    values = np.concatenate([out["entry_ns"], out["response_ns"]])
    if len(out) < 2 or (np.diff(ts) <= 0).any() or not ((values >= 0.0) & (values < 1e15)).all():
        fix = "give at least two rows, times rising, milliseconds from 0"
        raise Refused("the measured latencies can't be interpolated", where=file, fix=fix)
    return out
