"""What a file holds, guessed from its first bytes and its columns; every guess is said aloud and can be overruled.

first bytes ─▶ Binance raw lines │ Tardis csv │ a table ─▶ its columns ─▶ bars │ funding │ mark │ trades
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.instants import find_time, name_of_time, time_column, times_and_form
from huracan.data.raw_bars import renamed
from huracan.data.table_pieces import first_piece
from huracan.data.tables import Table, find_column, float_column, plain_name, read_table
from huracan.data.tardis import LAYOUTS
from huracan.data.text_blocks import check_file, line_blocks
from huracan.sim.refusal import Refused

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BINANCE_RAW, TARDIS, TABLE = "binance-raw", "tardis", "table"
TABLE_FORMATS = ("csv", "parquet", "feather", "json")
KINDS = ("bars", "funding", "mark", "trades", "book")

RATE_NAMES = ("fundingrate", "lastfundingrate", "rate", "funding")
MARK_NAMES = ("markprice", "mark")
TRADE_PRICE = ("price", "p", "tradeprice")
TRADE_QTY = ("qty", "amount", "quantity", "size", "q", "basevolume", "volume", "vol")
_SIDE = ("side", "takerside", "isbuyermaker", "m")
_ID = ("id", "tradeid", "aggtradeid", "t", "a")
_BUY = ("buy", "b", "bid", "1", "+1")
_SELL = ("sell", "s", "ask", "-1")
_QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USD", "EUR", "TRY", "BTC", "ETH", "BNB")


@dataclass(frozen=True)
class Found:
    """What a file is: its format, the kind of data, and the words that say how that was guessed."""

    format: str
    kind: str
    said: str


@dataclass(frozen=True)
class Trades:
    """Single trades of a file, in its order; side is 0 where it has none, ids are "" where it has none."""

    times: Ints
    price: Floats
    qty: Floats
    side: npt.NDArray[np.int8]
    ids: list[str]
    notes: dict[str, int]
    names: dict[str, str] = field(default_factory=dict)  # what the file calls each column
    form: str = ""  # in which the times are written

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """As the store and the checks have them."""
        ids = np.array(self.ids, dtype=object)
        return {"ts": self.times, "price": self.price, "qty": self.qty, "side": self.side, "id": ids}


def detect(
    path: str | os.PathLike[str],
    format: str | None = None,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Found:
    """What a file holds; `format`, `kind` and names of columns overrule the guess.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("date,open,high,low,close\\n2024-01-01,1,2,1,2\\n")
    ...     file.flush()
    ...     detect(file.name).kind
    'bars'
    """
    name = check_file(path)
    if kind is not None and kind not in KINDS:
        raise Refused(f"there is no kind {kind!r}", where="--kind", fix=f"use one of {', '.join(KINDS)}")
    if format not in (None, BINANCE_RAW, TARDIS, *TABLE_FORMATS):
        formats = ", ".join((*TABLE_FORMATS, BINANCE_RAW, TARDIS))
        raise Refused(f"there is no format {format!r}", where="--format", fix=f"use one of {formats}")
    if format in (None, BINANCE_RAW, TARDIS):
        head = _head(name)
        if format == BINANCE_RAW or (format is None and re.match(rb"\s*\d{19}\s+\{", head)):
            return Found(BINANCE_RAW, kind or "book", "lines of local nanoseconds and JSON: Binance raw")
        header = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip().split(",")
        layout = next((n for n, wanted in LAYOUTS.items() if set(wanted) - {"id"} <= set(header)), "")
        if format == TARDIS or layout:
            said = f"the columns of Tardis {layout}" if layout else "Tardis, as asked"
            return Found(TARDIS, kind or ("trades" if layout == "trades" else "book"), said)
    if kind is not None:
        return Found(format or TABLE, kind, f"{kind}, as asked")
    return _kind_of_table(name, format, columns or {})


def _kind_of_table(name: str, format: str | None, columns: Mapping[str, str]) -> Found:
    first = first_piece(name, format)  # names tell trades; what tells bars from payments may be in the last row
    if first is not None and _names_tell_trades(first, columns):
        known = ", ".join(n or "(unnamed)" for n in renamed(first, columns).names)
        return Found(format or TABLE, "trades", f"the columns {known}: single trades")
    table = renamed(read_table(name, format), columns)
    known = ", ".join(n or "(unnamed)" for n in table.names)
    if find_column(table, RATE_NAMES[:2]) is not None:
        return Found(format or TABLE, "funding", f"the columns {known}: funding payments")
    candles = all(find_column(table, (word, word[0])) is not None for word in ("open", "high", "low", "close"))
    if candles:
        others = [find_column(table, (word, word[0])) for word in ("high", "low", "close")]
        flat = [float_column(table, place, {}) for place in others if place is not None]
        if all((column == 0).all() for column in flat):
            said = f"the columns {known}, with high, low and close all zero: funding rates in the column of opens"
            return Found(format or TABLE, "funding", said)
        if re.search(r"mark", os.path.basename(name), re.IGNORECASE):
            return Found(format or TABLE, "mark", f"the columns {known}, and mark in the file's name: mark prices")
        return Found(format or TABLE, "bars", f"the columns {known}: bars")
    if find_column(table, ("rate", "funding")) is not None:
        return Found(format or TABLE, "funding", f"the columns {known}: funding payments")
    price, qty = find_column(table, TRADE_PRICE), find_column(table, TRADE_QTY)
    if price is not None and qty is not None:
        return Found(format or TABLE, "trades", f"the columns {known}: single trades")
    if find_column(table, MARK_NAMES) is not None:
        return Found(format or TABLE, "mark", f"the columns {known}: mark prices")
    fix = f"name the columns (open, high, low, close; or price, qty; or fundingRate), or give --column; found: {known}"
    raise Refused("missing_column: these are neither bars nor trades nor funding", where=name, fix=fix)


def _names_tell_trades(table: Table, columns: Mapping[str, str]) -> bool:
    try:
        named = renamed(table, columns)
        other = find_column(named, (*RATE_NAMES[:2], "rate", "funding")) is not None
        candles = all(find_column(named, (word, word[0])) is not None for word in ("open", "high", "low", "close"))
        price, qty = find_column(named, TRADE_PRICE), find_column(named, TRADE_QTY)
    except Refused:  # said of the whole file
        return False
    return price is not None and qty is not None and not other and not candles


def raw_funding(
    path: str | os.PathLike[str],
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    names: dict[str, str] | None = None,
) -> tuple[Ints, Floats, Floats, dict[str, int]]:
    """Times, rates and mark prices (NaN where there are none) as they stand, and what reading had to decide.

    `names` is filled with what the file calls each column.
    """
    table = renamed(read_table(path, format), columns or {})
    notes: dict[str, int] = {}
    place = find_column(table, (*RATE_NAMES, "open"))
    if place is None:
        found = ", ".join(repr(n) for n in table.names)
        fix = f"name the column 'fundingrate'; columns found: {found}"
        raise Refused("missing_column: no column of funding rates", where=table.path, fix=fix)
    times = time_column(table, notes)
    mark = find_column(table, MARK_NAMES)
    marks = np.full(len(times), np.nan) if mark is None else float_column(table, mark, notes)
    if names is not None:
        names |= {"ts": table.names[find_time(table)], "rate": table.names[place]}
        names |= {} if mark is None else {"mark": table.names[mark]}
    return times, float_column(table, place, notes), marks, notes


def raw_trades(
    path: str | os.PathLike[str], format: str | None = None, columns: Mapping[str, str] | None = None
) -> Trades:
    """Trades of a file as they stand."""
    return trades_of_table(renamed(read_table(path, format), columns or {}))


def trades_of_table(table: Table) -> Trades:
    """Trades of a table as they stand."""
    notes: dict[str, int] = {}
    places = [find_column(table, names) for names in (TRADE_PRICE, TRADE_QTY)]
    for place, word in zip(places, ("price", "qty"), strict=True):
        if place is None:
            found = ", ".join(repr(n) for n in table.names)
            fix = f"name the column {word!r}; columns found: {found}"
            raise Refused(f"missing_column: no column of {word}", where=table.path, fix=fix)
    price, qty = (float_column(table, place, notes) for place in places if place is not None)
    times, form = times_and_form(table, notes)
    side = _sides(table, notes)
    taken = {*places, find_time(table)}
    at = next((p for name in _ID if (p := find_column(table, (name,))) is not None and p not in taken), None)
    ids = [""] * table.rows if at is None else ["" if v is None else str(v) for v in table.columns[at].to_pylist()]
    names = {
        word: table.names[place] for word, place in zip(("price", "qty"), places, strict=True) if place is not None
    }
    names |= {"ts": table.names[find_time(table)]} | ({} if at is None else {"id": table.names[at]})
    return Trades(times, price, qty, side, ids, notes, names, form)


def _sides(table: Table, notes: dict[str, int]) -> npt.NDArray[np.int8]:
    """+1 where the buyer took, -1 where the seller did, 0 unknown (counted)."""
    place = find_column(table, _SIDE)
    if place is None:
        notes["no_side"] = table.rows
        return np.zeros(table.rows, dtype=np.int8)
    maker = plain_name(table.names[place]) in ("isbuyermaker", "m")
    words = [str(word).strip().lower() for word in table.columns[place].to_pylist()]
    if maker:
        sides = {"true": -1, "1": -1, "false": 1, "0": 1}
    else:
        sides = dict.fromkeys(_BUY, 1) | dict.fromkeys(_SELL, -1)
    side = np.array([sides.get(word, 0) for word in words], dtype=np.int8)
    if (side == 0).any():
        notes["unknown_side"] = int((side == 0).sum())
    return side


def guess_symbol(name: str, perpetual: bool | None = None) -> str:
    """A venue's symbol, or a file's name, as ccxt writes it; "" where nothing can be made of it.

    >>> guess_symbol("BTCUSDT"), guess_symbol("btc_usdt-1m.json"), guess_symbol("ETH_USDT_USDT-1m-futures.feather")
    ('BTC/USDT', 'BTC/USDT', 'ETH/USDT:USDT')
    """
    word = re.split(r"[-.]", os.path.basename(name).upper())[0]
    parts = [part for part in word.split("_") if part]
    if len(parts) == 1:
        quote = next((q for q in _QUOTES if parts[0].endswith(q) and len(parts[0]) > len(q)), "")
        parts = [parts[0].removesuffix(quote), quote] if quote else []
    elif parts[0] in ("SPOT", "USDM", "COINM", "PERP", "BINANCE", "BYBIT", "OKX"):
        return guess_symbol("_".join(parts[1:]), perpetual=parts[0] in ("USDM", "PERP") or perpetual)
    if len(parts) not in (2, 3) or parts[1] not in _QUOTES or not parts[0].isalnum():
        return _first_pair(parts, perpetual)
    settle = parts[2] if len(parts) == 3 and parts[2] in (parts[0], parts[1]) else parts[1] if perpetual else ""
    return f"{parts[0]}/{parts[1]}" + (f":{settle}" if settle else "")


def _first_pair(parts: list[str], perpetual: bool | None) -> str:
    return guess_symbol(parts[0], perpetual) if len(parts) > 1 else ""


def guess_step(times: Ints) -> int:
    """The commonest distance between times, in ns; 0 for fewer than two."""
    steps, counts = np.unique(np.diff(np.sort(times)), return_counts=True)
    counts[steps == 0] = 0  # the same time twice is no step
    return int(steps[np.argmax(counts)]) if counts.any() else 0


def _head(name: str) -> bytes:
    """The first bytes of a file's text; nothing where it is no text."""
    try:
        return next(iter(line_blocks(name, 4096)))[0][:4096]
    except Refused:
        return b""


__all__ = ["Found", "Trades", "detect", "guess_step", "guess_symbol", "name_of_time", "raw_funding", "raw_trades"]
