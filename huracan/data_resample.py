"""`huracan data resample`: bars or trades of a file or of the store into longer bars, in the store or in a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huracan.data_check import Asked, find_series
from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    from huracan.data.resample import Made, Rows

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
    from huracan.data.resample import bars_from_bars, bars_from_trades, in_whole_bars, joined, whole

    if os.path.exists(target):
        kind, pieces, step_ns, symbol = _of_file(target, asked, repair, repairs)
        venue, source = asked.venue or "local", target
    else:
        if repair:
            fix = "rows of the store were repaired when they were imported"
            raise Refused("repairs are for files", where="--repair", fix=fix)
        series = find_series(target, asked)
        kind, pieces, step_ns = _of_store(series, asked)
        venue, symbol, source = series.venue, series.symbol, str(series)
    parts, first_ns, last_ns = [], None, 0
    for rows in in_whole_bars(pieces, to_ns):
        first_ns, last_ns = int(rows["ts"][0]) if first_ns is None else first_ns, int(rows["ts"][-1])
        if kind == "trades":
            parts.append(bars_from_trades(rows["ts"], rows["price"], rows["qty"], to_ns))
        else:
            prices = (rows["open"], rows["high"], rows["low"], rows["close"])
            parts.append(bars_from_bars(rows["ts"], prices, rows.get("volume"), step_ns, to_ns))
    made = joined(parts)
    if kind == "trades":  # the first and the last bar may lack some
        made = replace(made, partial=min(2, len(made.open_ns)))
    if only_whole:
        made = whole(made, to_ns, first_ns or 0, last_ns + (step_ns or 1))
    return made, venue, symbol, source


def _of_file(
    path: str, asked: Asked, repair: Mapping[str, str], repairs: dict[str, int]
) -> tuple[str, Iterable[Rows], int, str]:
    """(kind, rows in pieces, timeframe in ns, symbol) of a table of bars or trades, or of the trades of a feed."""
    from huracan.data import detect
    from huracan.data.timeframes import parse_timeframe
    from huracan.data_import import Imported, bars_of, trades_of

    found = detect.detect(path, asked.format, asked.kind, asked.columns)
    symbol = asked.symbol or detect.guess_symbol(path)
    if found.format in (detect.BINANCE_RAW, detect.TARDIS):
        trades, named = _of_feed(path, found.format == detect.BINANCE_RAW, repair, repairs)
        return "trades", trades, 0, symbol or detect.guess_symbol(named)
    done = Imported(path, asked.venue, symbol, found.kind)
    table_format = asked.format if asked.format in detect.TABLE_FORMATS else None
    if found.kind == "trades":
        columns = trades_of(path, asked, table_format, done, repair)
        repairs |= done.repairs
        return "trades", [{name: columns[name] for name in ("ts", "price", "qty")}], 0, symbol
    if found.kind != "bars":
        raise Refused(f"{found.kind} can't be resampled", where=path, fix="give bars or trades")
    columns = bars_of(path, asked, table_format, done, repair)
    repairs |= done.repairs
    return "bars", [columns], parse_timeframe(done.timeframe), symbol


def _of_feed(path: str, raw: bool, repair: Mapping[str, str], repairs: dict[str, int]) -> tuple[Iterable[Rows], str]:
    """(the trades of an order-book feed in the exchange's order, the venue's name of the symbol)."""
    from huracan.data.binance_raw import binance_raw_blocks
    from huracan.data.book_repairs import bad_lines, mended_pieces
    from huracan.data.events import TRADE, only_one
    from huracan.data.tardis import tardis_blocks
    from huracan.sim.spool import in_order, put_rows, spool

    blocks = (binance_raw_blocks if raw else tardis_blocks)(path, bad_lines=bad_lines(repair))
    trades, symbol = spool({"ts": "i8", "price": "f8", "qty": "f8"}), ""
    for piece in mended_pieces(path, only_one(blocks, None, path), repair, repairs):
        rows, symbol = piece.kind == TRADE, piece.symbol
        put_rows(trades, {"ts": piece.exch_ns[rows], "price": piece.price[rows], "qty": piece.qty[rows]})
    if not len(trades["ts"]):
        raise Refused("the file holds no trades", where=path, fix="give bars or trades")
    return in_order([trades], "ts"), symbol


def _of_store(series: Any, asked: Asked) -> tuple[str, Iterable[Rows], int]:
    from huracan.data import store
    from huracan.data.store_kinds import numbers, times

    if series.kind not in ("bars", "trades"):
        raise Refused(f"{series.kind} can't be resampled", where=str(series), fix="give bars or trades, with --kind")
    wanted = ("open", "high", "low", "close", "volume") if series.kind == "bars" else ("price", "qty")
    tables = store.stream(store.store_root(asked.store), series)
    rows = (
        {"ts": times(table), **{name: numbers(table, name) for name in wanted if name in table.column_names}}
        for table in tables
    )
    return series.kind, rows, series.step_ns


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
