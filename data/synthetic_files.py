"""A synthetic market as files, or into the store, with the truth beside it.

    Market, feeds ─▶ VENUE-SYMBOL.bars.parquet, .funding.parquet, .book.parquet ─▶ labels.parquet, truth.json
                └──▶ the store's series ─▶ ROOT/truth/WHICH/ labels.parquet, truth.json

Files of bars and of funding are what a run spec's `file` and `funding` take.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from huracan.data.store import span
from huracan.data.store_kinds import BOOK, FUNDING, QUOTES, TRADES, Series, folder_name
from huracan.data.synthetic import REGIMES, Market
from huracan.data.synthetic_book import Feed
from huracan.data.timeframes import format_timeframe
from huracan.sim.atomic_files import make_folder, write_together
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars, Payments

Writers = dict[str, Callable[[Path], object]]


def write_files(folder: Path, made: Market | Sequence[Feed], about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write everything as parquet files of one folder, all or none; gives what was written, a record a file."""
    writers: Writers = {}
    written: list[dict[str, Any]] = []

    def add(venue: str, symbol: str, kind: str, columns: Mapping[str, Any]) -> None:
        name = f"{folder_name(venue)}-{folder_name(symbol)}.{kind}.parquet"
        writers[name] = partial(_parquet, columns)
        rows = len(next(iter(columns.values())))
        written.append({"venue": venue, "symbol": symbol, "kind": kind, "rows": rows, "file": name})

    if isinstance(made, Market):
        for bars, paid in zip(made.bars, made.payments, strict=True):
            add(bars.venue, bars.symbol, "bars", _bar_columns(bars))
            if paid is not None:
                add(bars.venue, bars.symbol, "funding", _funding_columns(paid))
    else:
        for feed in made:
            add(feed.venue, feed.symbol, "book", _event_columns(feed))
    make_folder(folder)
    write_together(folder, writers | _truth(made, about))
    return written


def write_store(root: Path, made: Market | Sequence[Feed], about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Append everything to the store as new series; one that is there already is refused before any is written."""
    from huracan.data.feed_store import FeedStore
    from huracan.data.store_writing import append

    series = _series_of(made)
    for each in series:
        if span(root, each) is not None:
            fix = f"remove it with `huracan data rm {each.symbol} --venue {each.venue}`, or give another --venue"
            raise Refused(f"the store holds {each} already", where=str(root), fix=fix)
    if isinstance(made, Market):
        for bars, paid in zip(made.bars, made.payments, strict=True):
            append(root, _series(bars), _bar_columns(bars))
            if paid is not None and paid.ts_ns.size:
                append(root, Series(bars.venue, bars.symbol, FUNDING), _funding_columns(paid))
    else:
        for feed in made:
            into = FeedStore(root, feed.venue, feed.symbol)
            into.add(feed.events())
            into.close()
    which = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:8]
    truth = root / "truth" / folder_name(f"{about['market']}-seed-{about['seed']}-{which}")
    make_folder(truth)
    write_together(truth, _truth(made, about))
    held = [(each, span(root, each)) for each in series]
    return [
        {"venue": s.venue, "symbol": s.symbol, "kind": s.kind, "rows": found.rows, "file": None}
        for s, found in held
        if found is not None
    ]


def _series_of(made: Market | Sequence[Feed]) -> list[Series]:
    if not isinstance(made, Market):
        return [Series(feed.venue, feed.symbol, kind) for feed in made for kind in (BOOK, TRADES, QUOTES)]
    series = []
    for bars, paid in zip(made.bars, made.payments, strict=True):
        series.append(_series(bars))
        if paid is not None and paid.ts_ns.size:
            series.append(Series(bars.venue, bars.symbol, FUNDING))
    return series


def _series(bars: Bars) -> Series:
    return Series(bars.venue, bars.symbol, "bars", format_timeframe(bars.timeframe_ns))


def _bar_columns(bars: Bars) -> dict[str, Any]:
    columns: dict[str, Any] = {"ts": bars.open_ns}
    for name in ("open", "high", "low", "close", "volume"):
        columns[name] = getattr(bars, name)
    return columns


def _funding_columns(paid: Payments) -> dict[str, Any]:
    return {"ts": paid.ts_ns, "rate": paid.rate, "mark": paid.mark}


def _event_columns(feed: Feed) -> dict[str, Any]:
    events = feed.events()
    names = ("kind", "side", "flags", "price", "qty", "exch_ns", "local_ns", "seq")
    return {name: getattr(events, name) for name in names}


def _truth(made: Market | Sequence[Feed], about: Mapping[str, Any]) -> Writers:
    """What is true: of bars the regime of each, and planted breakouts; of books each jump of the fair price."""
    if isinstance(made, Market):
        planted = {
            "regimes": list(REGIMES),
            "sectors": made.sectors,
            "breakouts": [
                {"bar": bar, "direction": direction}
                for bar, direction in zip(made.breakout_bars.tolist(), made.breakout_directions.tolist(), strict=True)
            ],
        }
        names = np.array(REGIMES)[made.labels]
        labels = {"ts": made.bars[0].open_ns, "regime": names}
    else:
        planted = {}
        labels = {
            "ts": np.concatenate([feed.jump_ns for feed in made]),
            "venue": np.repeat([feed.venue for feed in made], [feed.jump_ns.size for feed in made]),
            "symbol": np.repeat([feed.symbol for feed in made], [feed.jump_ns.size for feed in made]),
            "fair_price": np.concatenate([feed.jump_ticks * feed.rules.tick for feed in made]),
        }
    hashes = made.bars if isinstance(made, Market) else made
    planted["data_hash"] = {f"{each.venue} {each.symbol}": each.data_hash for each in hashes}
    text = json.dumps({**about, **planted}, indent=1, allow_nan=False) + "\n"
    return {"labels.parquet": partial(_parquet, labels), "truth.json": lambda path: path.write_text(text)}


def _parquet(columns: Mapping[str, Any], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    utc = pa.timestamp("ns", "UTC")
    arrays = {name: pa.array(column, utc) if name == "ts" else pa.array(column) for name, column in columns.items()}
    pq.write_table(pa.table(arrays), path)
