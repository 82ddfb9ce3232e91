"""From a checked spec to a tape of order books: raw lines as columns, ticks and lots, then packed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from huracan.data.instrument import rules_from
from huracan.data.store import store_root
from huracan.data.store_kinds import BOOK, Series
from huracan.load_stored import nanoseconds, own_payments, stored_payments
from huracan.sim.book_layout import measured
from huracan.sim.book_tape import BookTape, build_book_tape
from huracan.sim.feed import DEPTH, NAMES, QUOTE, TRADE, AnyFeed, Feed, FeedRules, LongFeed, empty_columns, until
from huracan.sim.refusal import Refused
from huracan.sim.series import Payments, Rules
from huracan.sim.spool import Column, pieces, put_rows
from huracan.sim.tick_map import quantum_of
from huracan.spec_records import BOOK_FORMATS, STORED_BOOK, Instrument, Spec
from huracan.spec_synthetic import symbols_of

if TYPE_CHECKING:
    from huracan.data.events import Events

COUNTED = ("no_exchange_time", "local_before_exchange", "gapped_book", "unordered_local_time")  # by the tape itself


def has_books(spec: Spec) -> bool:
    """Whether the spec's data are order books."""
    return spec.on_books


def load_book_tape(spec: Spec) -> BookTape:
    """Every instrument's file, read, mended by the rules of the spec, and packed."""
    series = spec.data.series() if spec.data.synthetic is None else ()
    for each in series:
        if each.format not in BOOK_FORMATS or (each.file is None) != (each.format == STORED_BOOK):
            fix = f'give every instrument a file and its format, or format = "{STORED_BOOK}" for those of the store'
            raise Refused("books and bars in one run, or a format without its file", where="data", fix=fix)
    strict = {"bad_level": "refuse"} if spec.data.bad_level == "refuse" else {}
    feeds: list[AnyFeed] = [read_feed(spec, each, strict | (each.repair or {})) for each in series]
    feeds = feeds or list(synthetic_feeds(spec))
    end = nanoseconds(spec.data.end)
    if end is not None:
        feeds = [until(f, end) for f in feeds]
    payments = [paid(each, feed) for each, feed in zip(series, feeds, strict=False)] or [None] * len(feeds)
    data = spec.data
    rules = FeedRules(gap=data.gap, no_snapshot=data.no_snapshot, bad_level=data.bad_level, quotes=data.quotes)
    return build_book_tape(feeds, payments, rules=rules)


def paid(each: Instrument, feed: AnyFeed) -> Payments | None:
    """The instrument's funding: of its own file, or with a book of the store what the store holds."""
    if each.funding is not None or each.file is not None or each.kind() == "spot" or not len(feed):
        return own_payments(each)
    first = min(int(p["exch_ns"].min()) for p in feed.pieces("exch_ns"))
    last = max(int(max(p["exch_ns"].max(), p["local_ns"].max())) for p in feed.pieces("exch_ns", "local_ns"))
    series = Series(each.venue or "", each.symbol or "", BOOK)
    return stored_payments(store_root(), series, first, last + 1, each.funding_repair or {})


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


def read_feed(spec: Spec, each: Instrument, repair: Mapping[str, str]) -> LongFeed:
    """One file's events, or those of the store, under the instrument's name and rules, after the repairs chosen."""
    from huracan.data.book_repairs import mended_pieces

    repairs: dict[str, int] = {}
    noticed: list[tuple[Any, ...]] = [()]
    columns, symbol = empty_columns(), ""
    name = each.file or f"{each.venue} {each.symbol} book"
    for piece in mended_pieces(name, noticing(events_of(spec, each, repair), noticed), repair, repairs):
        put_rows(columns, {name: getattr(piece, name) for name in NAMES})
        symbol = piece.symbol
    for note in noticed[0]:
        if note.name not in COUNTED:
            repairs.setdefault(note.name, note.count)
    given = rules_from(each.rules.given() if each.rules else {}, each.symbol or "")
    rules = with_tick(given, columns, each.symbol or "", repairs, spec.data.quotes)
    return LongFeed(each.symbol or symbol, columns, rules, each.venue or "", repairs)


def events_of(spec: Spec, each: Instrument, repair: Mapping[str, str]) -> Iterator[Events]:
    """The events of a file or of the store, some at a time, in the order in which they were recorded."""
    from huracan.data.binance_raw import binance_raw_blocks
    from huracan.data.book_repairs import bad_lines
    from huracan.data.events import only_one
    from huracan.data.stored_feed import stored_pieces
    from huracan.data.tardis import tardis_blocks

    if each.file is None:
        start, end = nanoseconds(spec.data.start), nanoseconds(spec.data.end)
        return stored_pieces(store_root(), each.venue or "", each.symbol or "", start, end, quotes=spec.data.quotes)
    blocks = binance_raw_blocks if each.format == "binance-raw" else tardis_blocks
    return only_one(blocks(each.file, bad_lines=bad_lines(repair)), None, each.file)


def noticing(feed: Iterator[Events], noticed: list[tuple[Any, ...]]) -> Iterator[Events]:
    """The pieces as they are, with what reading noticed up to the last one kept."""
    for piece in feed:
        noticed[0] = piece.problems
        yield piece


def with_tick(
    given: Rules, columns: Mapping[str, Column], symbol: str, repairs: dict[str, int], quotes: str = "check"
) -> Rules:
    """The rules with a tick: the decimals of the data where the spec gives none, which is a repair."""
    if given.tick_num:
        return given

    deep = any(bool((piece["kind"] == DEPTH).any()) for piece in pieces(columns, ("kind",)))
    quoted = quotes == "use" or (quotes == "auto" and not deep)

    def prices() -> Iterator[Any]:
        for piece in pieces(columns, ("kind", "price")):
            kind, price = piece["kind"], piece["price"]
            used = (kind <= TRADE) | ((kind == QUOTE) & quoted)
            yield price[used & (price > 0.0) & (price < np.inf)]

    if not any(len(found) for found in prices()):
        raise Refused(f"{symbol} has no price", where="data", fix="check the file")
    num, den, _ = quantum_of(prices, 0.0)
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
