"""One page of a venue's data as the store's columns: what to ask for each kind, and how the answer is read."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data.store_kinds import BARS, FUNDING, MARK, TRADES, Series
from huracan.data.timeframes import parse_timeframe
from huracan.data.venue_client import Venue
from huracan.data.venue_windows import LEAST_MS, WIDEST_MS, Windows
from huracan.sim.refusal import Refused

Columns = dict[str, npt.NDArray[Any]]
MS = 1_000_000
HOUR, DAY = 3_600_000_000_000, 86_400_000_000_000
PAGE = 1000  # rows asked for where the venue does not say how many it gives
LEAST = 100  # candles that a page of any venue reaches over
KRAKEN = "kraken"
NUMBERED = ("binance", "binanceus", "binanceusdm", "binancecoinm")  # whose trades' ids count up by one


@dataclass(frozen=True)
class Pages:
    """How one series is asked for, page by page."""

    series: Series
    ask: Callable[[int, dict[str, Any]], Awaitable[Any]]  # (since in ms, more parameters) -> ccxt's rows
    read: Callable[[Any], tuple[Columns, int]]  # ccxt's rows -> columns in order, rows that are no data
    step_ns: int  # from a row's time to the next that there can be; 0: several rows an instant
    span_ns: int  # of time that one page can be relied on to have looked at
    numbered: bool = False
    after: Callable[[Any], dict[str, Any]] | None = None  # ccxt's last row -> parameters of the page behind it
    windows: Windows | None = None  # of a venue that is asked for them

    @property
    def by_time_only(self) -> bool:
        """Whether nothing but times tells whether rows are missing between two pages."""
        return self.step_ns == 0 and not self.numbered


def pages_of(venue: Venue, series: Series) -> Pages:
    """Check that the venue has such a series, and say how to ask for it."""
    exchange, symbol = venue.exchange, series.symbol
    if symbol not in exchange.markets:
        near = difflib.get_close_matches(symbol, list(exchange.markets), 3)
        fix = f"did you mean {', '.join(near)}?" if near else "write it as ccxt does, BTC/USDT or BTC/USDT:USDT"
        raise Refused(f"{series.venue} has no market {symbol!r}", where="SYMBOL", fix=fix)
    if series.kind == TRADES:
        _needs(exchange, "fetchTrades", series)
        limit = _limit(exchange, symbol, "fetchTrades")

        async def trades(since: int, more: dict[str, Any]) -> Any:
            if exchange.id == KRAKEN and "since" not in more:
                more = {"since": str(since * MS - 1)} | more  # ccxt would round it down to a whole second
            since_or_id = None if "fromId" in more or "since" in more else since
            return await exchange.fetch_trades(symbol, since_or_id, limit, more)

        if exchange.id in LEAST_MS and exchange.markets[symbol]["spot"]:
            return windowed_trades(exchange, series, limit)
        after = behind_on_kraken if exchange.id == KRAKEN else None
        return Pages(series, trades, read_trades, 0, HOUR, exchange.id in NUMBERED, after)
    if series.kind == FUNDING:
        _needs(exchange, "fetchFundingRateHistory", series)
        limit = _limit(exchange, symbol, "fetchFundingRateHistory", 100)

        async def funding(since: int, more: dict[str, Any]) -> Any:
            return await exchange.fetch_funding_rate_history(symbol, since, limit, more)

        return Pages(series, funding, read_funding_rates, MS, 10 * DAY)
    _needs(exchange, "fetchOHLCV" if series.kind == BARS else "fetchMarkOHLCV", series)
    word = _timeframe(exchange, series)
    limit = _limit(exchange, symbol, "fetchOHLCV")
    price = {"price": "mark"} if series.kind == MARK else {}

    async def candles(since: int, more: dict[str, Any]) -> Any:
        return await exchange.fetch_ohlcv(symbol, word, since, limit, price | more)

    read = read_bars if series.kind == BARS else read_marks
    return Pages(series, candles, read, series.step_ns, min(limit, LEAST) * series.step_ns)


def windowed_trades(exchange: Any, series: Series, limit: int) -> Pages:
    """Of a venue that is asked for windows of time."""
    windows = Windows(LEAST_MS[exchange.id], limit)

    async def fetch(since: int, until: int) -> Any:
        return await exchange.fetch_trades(series.symbol, since, limit, {"until": until})

    async def trades(since: int, more: dict[str, Any]) -> Any:
        return await windows.ask(fetch, since)

    return Pages(series, trades, read_trades, 0, WIDEST_MS * MS, windows=windows)


def behind_on_kraken(row: Any) -> dict[str, Any]:
    """Kraken pages by nanoseconds, which a trade's own stamp tells to the microsecond; twice given is held once.

    >>> behind_on_kraken({"info": ["0.03", "4.2", 1541390792.763, "s", "l", ""]})
    {'since': '1541390792762999064'}
    """
    return {"since": str(int(float(row["info"][2]) * 1e9) - 1000)}


def _needs(exchange: Any, method: str, series: Series) -> None:
    if not exchange.has.get(method):
        fix = "import a file of them, or choose another venue"
        raise Refused(f"{exchange.id} gives no {series.kind} (ccxt: {method})", where="--kind", fix=fix)


def _limit(exchange: Any, symbol: str, method: str, otherwise: int = PAGE) -> int:
    found = None
    with contextlib.suppress(Exception):  # features differ from venue to venue, and are not needed
        found = exchange.feature_value(symbol, method, "limit")
    return int(found) if found else otherwise


def _timeframe(exchange: Any, series: Series) -> str:
    known: dict[int, str] = {}
    for word in exchange.timeframes or {}:
        with contextlib.suppress(Refused):
            known[parse_timeframe(word)] = word
    if series.step_ns not in known:
        fix = f"use one of {', '.join(known.values())}; `huracan data resample` makes longer ones"
        raise Refused(f"{exchange.id} has no {series.timeframe} bars", where="--timeframe", fix=fix)
    return known[series.step_ns]


def read_bars(rows: Any) -> tuple[Columns, int]:
    """[ms, open, high, low, close, volume] in order, each time once (the later row stands), without unusable rows."""
    return _candles(rows, 6)


def read_marks(rows: Any) -> tuple[Columns, int]:
    """The same of the mark price, which has no volume."""
    return _candles(rows, 5)


def _candles(rows: Any, width: int) -> tuple[Columns, int]:
    table = np.array([[_number(x) for x in row[:width]] for row in rows], np.float64).reshape(-1, width)
    names = ("ts", "open", "high", "low", "close", "volume")[:width]
    o, h, low, c = table[:, 1], table[:, 2], table[:, 3], table[:, 4]
    whole = np.isfinite(table).all(axis=1) & (table[:, 1:5] > 0.0).all(axis=1)
    whole &= (h >= low) & (o <= h) & (o >= low) & (c <= h) & (c >= low)
    if width > 5:
        whole &= table[:, 5] >= 0.0
    bad = int((~whole).sum())
    table = table[whole]
    columns: Columns = {name: table[:, k] for k, name in enumerate(names)}
    columns["ts"] = table[:, 0].astype(np.int64) * MS
    return once(columns), bad


def read_funding_rates(rows: Any) -> tuple[Columns, int]:
    """Rates with the mark price where the venue's own answer carries it."""
    ts = np.array([row["timestamp"] or 0 for row in rows], np.int64) * MS
    rate = np.array([_number(row.get("fundingRate")) for row in rows], np.float64)
    mark = np.array([_number((row.get("info") or {}).get("markPrice")) for row in rows], np.float64)
    mark = np.where(mark > 0.0, mark, np.nan)
    whole = (ts > 0) & (np.abs(rate) < 1.0)
    columns: Columns = {"ts": ts[whole], "rate": rate[whole], "mark": mark[whole]}
    return once(columns), int((~whole).sum())


def read_trades(rows: Any) -> tuple[Columns, int]:
    """Trades in the order of time, each id once."""
    sides = {"buy": 1, "sell": -1}
    ts = np.array([row["timestamp"] or 0 for row in rows], np.int64) * MS
    price = np.array([_number(row["price"]) for row in rows], np.float64)
    qty = np.array([_number(row["amount"]) for row in rows], np.float64)
    side = np.array([sides.get(row["side"], 0) for row in rows], np.int8)
    ids = np.array([str(row["id"] or "") for row in rows], dtype=object)
    whole = (ts > 0) & np.isfinite(price) & (price > 0.0) & np.isfinite(qty) & (qty >= 0.0)
    order = np.flatnonzero(whole)
    order = order[np.lexsort((id_order(ids[order]), ts[order]))]
    seen: set[str] = set()
    kept = []
    for i in order.tolist():
        if not ids[i] or ids[i] not in seen:
            kept.append(i)
            seen.add(ids[i])
    columns: Columns = {"ts": ts, "price": price, "qty": qty, "side": side, "id": ids}
    return {name: column[kept] for name, column in columns.items()}, int((~whole).sum())


def id_order(ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Numbers where all ids are numbers, else the order in which they came."""
    if all(text.isdigit() and len(text) < 19 for text in ids):
        return ids.astype(np.int64) if len(ids) else np.zeros(0, np.int64)
    return np.arange(len(ids))


def once(columns: Columns) -> Columns:
    """Rows in the order of time; of several at one time the last that came."""
    ts = columns["ts"]
    order = np.argsort(ts, kind="stable")
    last = np.append(ts[order][1:] != ts[order][:-1], True) if len(ts) else np.zeros(0, np.bool_)
    return {name: column[order[last]] for name, column in columns.items()}


def _number(value: Any) -> float:
    """A number or its text; NaN for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
