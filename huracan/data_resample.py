"""`huracan data resample`: bars or trades of a file or of the store into longer bars, in the store or in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huracan.data_check import Asked, find_series
from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    from huracan.data.resample import Made

WRITERS = (".csv", ".parquet", ".pq", ".feather", ".arrow")


def resample(
    target: str,
    to: str,
    asked: Asked,
    *,
    whole: bool = False,
    file: Path | None = None,
    repair: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Make the bars, put them where they belong, and say what was made; `repair` is for a file of bars or trades."""
    from huracan.data.checks import iso
    from huracan.data.store import store_root
    from huracan.data.store_kinds import Series
    from huracan.data.store_writing import append
    from huracan.data.timeframes import format_timeframe, parse_timeframe

    to_ns = parse_timeframe(to)
    if file is not None and file.suffix.lower() not in WRITERS:
        raise Refused(f"{file.name!r} does not tell a format", where="--file", fix=f"end it in {', '.join(WRITERS)}")
    repairs: dict[str, int] = {}
    made, venue, symbol, source = _made(target, to_ns, asked, whole, repair or {}, repairs)
    answer: dict[str, Any] = {"from": source, "timeframe": format_timeframe(to_ns), "bars": len(made.open_ns)}
    answer |= {"partial": made.partial, "venue": venue, "symbol": symbol, "repairs": repairs}
    if len(made.open_ns):
        answer |= {"first": iso(int(made.open_ns[0])), "last": iso(int(made.open_ns[-1]))}
    if file is not None:
        _write(made, file)
        return answer | {"file": str(file)}
    if not symbol:
        fix = "say it with --symbol, or write a file with --file"
        raise Refused("the source does not tell its symbol", where=target, fix=fix)
    series = Series(venue, symbol, "bars", format_timeframe(to_ns))
    return answer | {"series": str(series), "new": append(store_root(asked.store), series, made.columns())}


def _made(
    target: str, to_ns: int, asked: Asked, only_whole: bool, repair: Mapping[str, str], repairs: dict[str, int]
) -> tuple[Made, str, str, str]:
    """(bars, venue, symbol, what they were made of)."""
    from huracan.data.resample import bars_from_bars, bars_from_trades, whole

    if os.path.exists(target):
        kind, columns, step_ns, symbol = _of_file(target, asked, repair, repairs)
        venue, source = asked.venue or "local", target
    else:
        if repair:
            fix = "rows of the store were repaired when they were imported"
            raise Refused("repairs are for files", where="--repair", fix=fix)
        series = find_series(target, asked)
        kind, columns, step_ns = _of_store(series, asked)
        venue, symbol, source = series.venue, series.symbol, str(series)
    if kind == "trades":
        made = bars_from_trades(columns["ts"], columns["price"], columns["qty"], to_ns)
        end_ns = int(columns["ts"][-1]) + 1
    else:
        prices = (columns["open"], columns["high"], columns["low"], columns["close"])
        made = bars_from_bars(columns["ts"], prices, columns.get("volume"), step_ns, to_ns)
        end_ns = int(columns["ts"][-1]) + step_ns
    if only_whole:
        made = whole(made, to_ns, int(columns["ts"][0]), end_ns)
    return made, venue, symbol, source


def _of_file(
    path: str, asked: Asked, repair: Mapping[str, str], repairs: dict[str, int]
) -> tuple[str, dict[str, Any], int, str]:
    """(kind, columns, timeframe in ns, symbol) of a table of bars or trades, or of the trades of a feed."""
    import numpy as np

    from huracan.data import detect
    from huracan.data.events import TRADE
    from huracan.data.timeframes import parse_timeframe
    from huracan.data_import import Imported, bars_of, trades_of

    found = detect.detect(path, asked.format, asked.kind, asked.columns)
    symbol = asked.symbol or detect.guess_symbol(path)
    if found.format in (detect.BINANCE_RAW, detect.TARDIS):
        from huracan.data.binance_raw import read_binance_raw
        from huracan.data.book_repairs import bad_lines, mended_feed
        from huracan.data.tardis import read_tardis

        read = read_binance_raw if found.format == detect.BINANCE_RAW else read_tardis
        feed = mended_feed(path, read(path, bad_lines=bad_lines(repair)), repair, repairs)
        rows = np.flatnonzero(feed.kind == TRADE)
        if not len(rows):
            raise Refused("the file holds no trades", where=path, fix="give bars or trades")
        rows = rows[np.argsort(feed.exch_ns[rows], kind="stable")]
        columns = {"ts": feed.exch_ns[rows], "price": feed.price[rows], "qty": feed.qty[rows]}
        return "trades", columns, 0, symbol or detect.guess_symbol(feed.symbol)
    done = Imported(path, asked.venue, symbol, found.kind)
    table_format = asked.format if asked.format in detect.TABLE_FORMATS else None
    if found.kind == "trades":
        columns = trades_of(path, asked, table_format, done, repair)
        repairs |= done.repairs
        return "trades", columns, 0, symbol
    if found.kind != "bars":
        raise Refused(f"{found.kind} can't be resampled", where=path, fix="give bars or trades")
    columns = bars_of(path, asked, table_format, done, repair)
    repairs |= done.repairs
    return "bars", columns, parse_timeframe(done.timeframe), symbol


def _of_store(series: Any, asked: Asked) -> tuple[str, dict[str, Any], int]:
    from huracan.data import store
    from huracan.data.store_kinds import numbers, times

    if series.kind not in ("bars", "trades"):
        raise Refused(f"{series.kind} can't be resampled", where=str(series), fix="give bars or trades, with --kind")
    table = store.read(store.store_root(asked.store), series)
    wanted = ("open", "high", "low", "close", "volume") if series.kind == "bars" else ("price", "qty")
    columns = {name: numbers(table, name) for name in wanted if name in table.column_names}
    return series.kind, {"ts": times(table), **columns}, series.step_ns


def _write(made: Made, file: Path) -> None:
    """The bars as a file, whole or not at all."""
    import pyarrow as pa

    from huracan.sim.atomic_files import make_folder, write_together

    columns = made.columns()
    ts = pa.array(columns.pop("ts")).cast(pa.timestamp("ns", "UTC"))
    table = pa.table({"date": ts, **columns})

    def put(path: Path) -> None:
        if file.suffix.lower() == ".csv":
            from pyarrow import csv

            csv.write_csv(table, path)
        elif file.suffix.lower() in (".feather", ".arrow"):
            from pyarrow import feather

            feather.write_feather(table, str(path))
        else:
            from pyarrow import parquet

            parquet.write_table(table, path)

    if file.is_dir():
        raise Refused("this is a folder, not a file", where=str(file), fix="name a file in it")
    make_folder(file.parent)
    write_together(file.parent, {file.name: put})
