"""`huracan data import`: a file of any known kind into the store, with what was guessed said aloud.

file ─▶ what it holds ─▶ read, repaired by the rules chosen, checked ─▶ store
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from huracan.data_check import Asked, tick_of
from huracan.sim.refusal import Refused

if TYPE_CHECKING:
    from huracan.data.events import Events

LOCAL = "local"  # the venue of files that don't say where they are from
FOR_RUNS = ("no_snapshot", "update_before_snapshot", "snapshot_behind_update")  # these, and clearing and uncrossing


@dataclass
class Imported:
    """What one file brought: which series got how many new rows, what was guessed, repaired and noticed."""

    file: str
    venue: str
    symbol: str
    kind: str
    timeframe: str = ""
    rows: int = 0
    new: dict[str, int] = field(default_factory=dict)
    tick: str = ""
    said: list[str] = field(default_factory=list)
    repairs: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)


def import_file(path: str, asked: Asked, repair: Mapping[str, str], bad_lines: str = "refuse") -> list[Imported]:
    """Put a file into the store; a feed of several symbols gives one answer each."""
    from huracan.data import detect

    found = detect.detect(path, asked.format, asked.kind, asked.columns)
    said = [found.said]
    if found.format in (detect.BINANCE_RAW, detect.TARDIS):
        return _import_feed(path, found.format, asked, said, repair, bad_lines)
    symbol = asked.symbol or detect.guess_symbol(path)
    if not symbol:
        fix = "say which instrument this is, as ccxt writes it: --symbol BTC/USDT:USDT"
        raise Refused("the file's name does not tell a symbol", where=path, fix=fix)
    if not asked.symbol:
        said.append(f"the file's name: {symbol}")
    done = Imported(path, asked.venue or LOCAL, symbol, found.kind, said=said)
    table_format = asked.format if asked.format in detect.TABLE_FORMATS else None
    if found.kind in ("bars", "mark"):
        columns = bars_of(path, asked, table_format, done, repair)
    elif found.kind == "funding":
        columns = _funding(path, asked, table_format, done, repair)
    elif found.kind == "trades":
        if _import_long_trades(path, asked, table_format, done, repair):
            return [done]
        columns = trades_of(path, asked, table_format, done, repair)
    else:
        fix = "name its format: --format binance-raw or --format tardis"
        raise Refused("a table is no order book", where=path, fix=fix)
    _append(asked, done, columns)
    return [done]


def _append(asked: Asked, done: Imported, columns: dict[str, Any]) -> None:
    from huracan.data.store import store_root
    from huracan.data.store_kinds import Series
    from huracan.data.store_writing import append

    done.rows = len(columns["ts"])
    series = Series(done.venue, done.symbol, done.kind, done.timeframe)
    done.new[done.kind] = append(store_root(asked.store), series, columns)


def bars_of(path: str, asked: Asked, format: str | None, done: Imported, repair: Mapping[str, str]) -> dict[str, Any]:
    import numpy as np

    from huracan.data.detect import guess_step
    from huracan.data.files import checked_bars
    from huracan.data.raw_bars import read_raw_bars
    from huracan.data.timeframes import format_timeframe, parse_timeframe

    raw = read_raw_bars(path, symbol=done.symbol, format=format, columns=asked.columns)
    step = parse_timeframe(asked.timeframe) if asked.timeframe else guess_step(raw.times)
    if not step:
        raise Refused("one bar does not tell its timeframe", where=path, fix="say it: --timeframe 1m")
    done.timeframe = format_timeframe(step)
    if not asked.timeframe:
        done.said.append(f"the commonest step between times: {done.timeframe} bars")
    bars = checked_bars(raw, symbol=done.symbol, timeframe=done.timeframe, repair=repair)
    done.repairs = {name: count for name, count in bars.repairs.items() if name != "tick_inferred"}
    num, den = bars.rules.tick_num, bars.rules.tick_den
    done.tick = np.format_float_positional(num / den, trim="-") if num else ""
    columns = {"ts": bars.open_ns, "open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close}
    if done.kind == "mark":
        done.repairs.pop("no_volume", None)
        return columns
    columns |= {} if bars.volume is None else {"volume": bars.volume}
    return columns | ({} if bars.half_spread_bps is None else {"half_spread_bps": bars.half_spread_bps})


def _funding(path: str, asked: Asked, format: str | None, done: Imported, repair: Mapping[str, str]) -> dict[str, Any]:
    from huracan.data.detect import raw_funding

    names: dict[str, str] = {}
    times, rate, mark, done.repairs = raw_funding(path, format, asked.columns, names)
    return _mended(path, {"ts": times, "rate": rate, "mark": mark}, done, repair, names)


def trades_of(path: str, asked: Asked, format: str | None, done: Imported, repair: Mapping[str, str]) -> dict[str, Any]:
    from huracan.data.detect import raw_trades

    trades = raw_trades(path, format, asked.columns)
    done.repairs, done.tick = dict(trades.notes), tick_of(trades.price)
    return _mended(path, trades.columns(), done, repair, trades.names)


def _import_long_trades(path: str, asked: Asked, format: str | None, done: Imported, repair: Mapping[str, str]) -> bool:
    """Trades in pieces; False, with nothing stored, where the file must be read whole, be it to name its fault."""
    from huracan.data.long_trades import long_trades
    from huracan.data.store import store_root
    from huracan.data.store_kinds import Series
    from huracan.data.store_writing import append
    from huracan.data.table_pieces import NotInPieces

    try:
        trades = long_trades(path, format, asked.columns, repair)
    except NotInPieces:
        return False
    done.rows, done.repairs, done.tick = len(trades), trades.notes, trades.known.tick_text()
    done.problems = trades.problems()
    root, series = store_root(asked.store), Series(done.venue, done.symbol, done.kind, done.timeframe)
    done.new[done.kind] = sum(append(root, series, columns) for columns in trades.tables())
    return True


def _mended(
    path: str, columns: dict[str, Any], done: Imported, repair: Mapping[str, str], names: Mapping[str, str]
) -> dict[str, Any]:
    """Payments or trades after the rules chosen; a problem that needs one and has none is refused with its place."""
    from huracan.data.row_faults import row_faults
    from huracan.data.row_repairs import mended_rows, refuse_rows

    columns, rows = mended_rows(done.kind, columns, repair, done.repairs, "--repair")

    def place(row: int, word: str) -> str:
        return f"{path}, row {row + 1}, column {names.get(word) or '(unnamed)'}"

    refuse_rows(done.kind, columns, rows, repair, place, "--repair {}={}")
    done.problems = {fault.name: fault.count for fault in row_faults(done.kind, columns)}
    return columns


def _import_feed(
    path: str, format: str, asked: Asked, said: list[str], repair: Mapping[str, str], bad_lines: str
) -> list[Imported]:
    """A feed, block by block; each symbol of the file goes to its own series.

    Of the repairs of books those apply that say what may be read; what mends a book is for the run to choose.
    """
    from huracan.data.repair_rules import check_rules

    check_rules(repair, "--repair", "book")
    for name, rule in repair.items():
        if rule in ("clear", "uncross") or (rule == "drop" and name in FOR_RUNS):
            fix = f'the store keeps what was recorded; choose it in a run: [data] repair = {{ {name} = "{rule}" }}'
            raise Refused(f"{name}={rule} is no repair of an import", where="--repair", fix=fix)
    if bad_lines == "skip":
        repair = {"bad_line": "drop", "cut_short": "keep"} | dict(repair)
    from huracan.data import detect
    from huracan.data.binance_raw import binance_raw_blocks
    from huracan.data.book_repairs import bad_lines as reading
    from huracan.data.book_repairs import refuse_noticed
    from huracan.data.feed_store import FeedStore
    from huracan.data.store import store_root
    from huracan.data.tardis import tardis_blocks

    raw = format == detect.BINANCE_RAW
    venue = asked.venue or ("binance" if raw else _tardis_venue(path) or LOCAL)
    blocks: Iterator[Events] = (binance_raw_blocks if raw else tardis_blocks)(path, bad_lines=reading(repair))
    stores: dict[str, FeedStore] = {}
    for block in blocks:
        refuse_noticed(path, block.problems, repair, "--repair {}={}")
        if block.symbol not in stores:
            if asked.symbol and stores:
                fix = "leave --symbol out, so that each symbol is guessed from the venue's own name"
                raise Refused("the file holds several symbols", where=path, fix=fix)
            name = asked.symbol or _feed_symbol(path, block.symbol, venue)
            if not asked.symbol:
                said.append(f"{block.symbol} of {os.path.basename(path)}: {name}")
            stores[block.symbol] = FeedStore(store_root(asked.store), venue, name)
        stores[block.symbol].add(block)
    answers = []
    for each in stores.values():
        each.close()
        kind = next((name for name in ("book", "trades", "quotes") if name in each.new), "trades")
        done = Imported(path, venue, each.symbol, kind, rows=each.events, new=each.new, tick=each.tick(), said=said)
        done.problems = {note.name: note.count for note in each.problems}
        done.repairs = {f"{name}_left_out": count for name, count in each.left_out.items()}
        answers.append(done)
    return answers


def _feed_symbol(path: str, raw: str, venue: str) -> str:
    """The venue's name as ccxt writes it; whether it is a perpetual the venue's or the file's name may tell."""
    from huracan.data.detect import guess_symbol

    words = f"{venue} {os.path.basename(path)}".lower()
    perpetual = any(word in words for word in ("usdm", "futures", "perp", "swap"))
    symbol = guess_symbol(raw, perpetual)
    if not symbol:
        fix = "say it as ccxt writes it: --symbol BTC/USDT:USDT"
        raise Refused(f"{raw!r} does not tell its symbol", where=path, fix=fix)
    return symbol


def _tardis_venue(path: str) -> str:
    from huracan.data.text_blocks import line_blocks

    head, _, rest = next(iter(line_blocks(path)))[0].partition(b"\n")
    columns, cells = head.decode("utf-8-sig", "replace").strip().split(","), rest.split(b"\n", 1)[0].split(b",")
    at = columns.index("exchange") if "exchange" in columns else -1
    return cells[at].decode("utf-8", "replace").strip() if 0 <= at < len(cells) else ""
