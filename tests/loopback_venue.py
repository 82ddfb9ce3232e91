"""A venue on loopback that ccxt's own Binance client talks to: TLS with a CA of its own, real paths, and faults.

It serves what it holds (bars, mark bars, trades, funding) the way Binance does: from a time on, capped pages, the
unfinished bar included. `faults` says what goes wrong with a request instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web
from aiohttp.abc import AbstractResolver

MINUTE = 60_000  # times are ms, as on the wire
FAULTS = ("429", "418", "503", "html", "reset", "cut", "empty", "doubled", "unordered", "holes", "nulls")
PAIR = ("ETH", "USDT")  # Kraken's
SPOT = {"BTCUSDT": "BTC", "ETHUSDT": "ETH", "SOLUSDT": "SOL"}

Fault = Callable[[str, int], str | None]  # (path, how many requests before) -> one of FAULTS


@dataclass
class Market:
    """What the venue holds of one symbol; candles are [open time, o, h, l, c, v] as text but for the time."""

    bars: list[list[Any]] = field(default_factory=list)
    marks: list[list[Any]] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    funding: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Served:
    """The running venue."""

    markets: dict[str, Market]
    now_ms: int
    page: int = 1000
    newest: bool = False  # trades: the newest ones only, whatever time is asked for
    seconds: bool = False  # trades: from the start of the second that is asked for
    ids: bool = True  # trades have numbers of their own
    windowed: bool = False  # a page of bars reaches no further than so many bars after its start
    faults: Fault = lambda path, n: None
    retry_after: str = "0.2"
    delay: float = 0.0
    port: int = 0
    asked: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)
    failed: list[tuple[float, str]] = field(default_factory=list)


def candles(first_ms: int, n: int, *, seed: int = 0, lost: float = 0.0, step: int = MINUTE) -> list[list[Any]]:
    """Random candles, some of which the venue has lost for good."""
    random = np.random.default_rng(seed)
    close = np.round(3000.0 * np.exp(np.cumsum(random.normal(0.0, 1e-3, n))), 2)
    out = []
    for k in np.flatnonzero(random.random(n) >= lost).tolist():
        c, o = close[k], close[max(k - 1, 0)]
        prices = (o, round(max(o, c) + 0.5, 2), round(min(o, c) - 0.5, 2), c)
        out.append([first_ms + step * k, *(f"{p:.2f}" for p in prices), f"{random.lognormal():.3f}"])
    return out


def some_trades(first_ms: int, n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Aggregated trades whose ids count up; many share a millisecond."""
    random = np.random.default_rng(seed)
    stamps = first_ms + np.cumsum(random.integers(0, 900, n) * (random.random(n) < 0.6))
    return [
        {"a": 7000 + k, "p": f"{random.uniform(99, 101):.2f}", "q": f"{random.uniform(0.001, 2):.3f}", "f": k, "l": k}
        | {"T": int(stamps[k]), "m": bool(random.random() < 0.5), "M": True}
        for k in range(n)
    ]


def some_funding(first_ms: int, n: int, hours: int = 8) -> list[dict[str, Any]]:
    """Funding every so many hours with some ms of jitter, marks in some of the rows."""
    return [
        {"symbol": "BTCUSDT", "fundingTime": first_ms + k * hours * 3_600_000 + k % 5, "fundingRate": f"{k % 7 - 3}e-5"}
        | {"markPrice": f"{3000 + k}.5" if k % 3 else ""}
        for k in range(n)
    ]


@contextlib.contextmanager
def serving(served: Served, folder: Path) -> Iterator[Served]:
    """Run the venue in a thread; `folder` gets ca.pem."""
    context = certificates(folder)
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(served, request)

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            served.port = probe.getsockname()[1]
        await web.TCPSite(runner, "127.0.0.1", served.port, ssl_context=context).start()
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(30)
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)


async def answer(served: Served, request: web.Request) -> web.StreamResponse:
    """One request, with what goes wrong with it."""
    path = "/" + request.match_info["path"]
    query = dict(request.query)
    n = len(served.asked)
    served.asked.append((time.monotonic(), path, query))
    if served.delay:
        await asyncio.sleep(served.delay)
    fault = served.faults(path, n)
    if fault in ("429", "418"):
        served.failed.append((time.monotonic(), path))
        body = {"code": -1003, "msg": "Too many requests."}
        return web.json_response(body, status=int(fault), headers={"Retry-After": served.retry_after})
    if fault == "503":
        return web.json_response({"code": -1000, "msg": "Unknown error, please check your request."}, status=503)
    if fault == "html":
        return web.Response(text="<html>502 Bad Gateway</html>", status=502, content_type="text/html")
    if fault == "reset":
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    found = body_of(served, path, query)
    if found is None:
        return web.json_response({"code": -1, "msg": f"no such path {path}"}, status=404)
    text = json.dumps(spoiled(found, fault, n) if isinstance(found, list) else found)
    return web.Response(text=text[: len(text) // 2] if fault == "cut" else text, content_type="application/json")


def spoiled(rows: list[Any], fault: str | None, n: int) -> list[Any]:
    """A page as a venue with a bad day gives it."""
    random = np.random.default_rng(n)
    if fault == "empty":
        return []
    if fault == "doubled":
        return [row for row in rows for _ in range(int(random.integers(1, 3)))]
    if fault == "unordered":
        return [rows[k] for k in random.permutation(len(rows))]
    if fault == "holes" and len(rows) > 3:
        gone = set(random.integers(1, len(rows) - 1, max(len(rows) // 10, 1)).tolist())
        return [row for k, row in enumerate(rows) if k not in gone]
    if fault == "nulls" and rows and isinstance(rows[0], list):
        return [[row[0], None, None, None, None, None] if random.random() < 0.1 else row for row in rows]
    return rows


def body_of(served: Served, path: str, query: dict[str, str]) -> Any:
    """What Binance answers there, None for paths that it has not."""
    if path.endswith("/exchangeInfo"):
        kind = path.split("/")[1]
        return {"symbols": [spot_info(*s) if kind == "api" else swap_info(*s) for s in SPOT.items() if kind != "dapi"]}
    if path.endswith("/contract/detail"):  # Mexc's, which has no swaps here
        return {"success": True, "code": 0, "data": []}
    if path.startswith(("/v2/", "/api/v3/brokerage/")):
        return coinbase(served, path, query)
    if path.startswith("/0/public/"):
        return kraken(served, path, query)
    if path.endswith("/time"):
        return {"serverTime": served.now_ms}
    market = served.markets.get(query.get("symbol", ""), Market())
    limit = min(int(query.get("limit", 500)), served.page)
    start, end = int(query.get("startTime", 0)), int(query.get("endTime", 2**62))
    last = path.rpartition("/")[2]
    if last in ("klines", "markPriceKlines"):
        rows = market.bars if last == "klines" else market.marks
        if served.windowed:
            end = min(end, start + limit * MINUTE - 1)
        found = [row for row in rows if start <= row[0] <= min(end, served.now_ms)][:limit]
        return [[*row, row[0] + MINUTE - 1, "0", 1, "0", "0", "0"] for row in found]
    if last == "aggTrades":
        if "fromId" in query:
            return [t for t in market.trades if t["a"] >= int(query["fromId"])][:limit]
        start = start // 1000 * 1000 if served.seconds else start
        found = [t for t in market.trades if start <= t["T"] <= min(end, served.now_ms)]
        found = found[-limit:] if served.newest else found[:limit]
        return found if served.ids else [t | {"a": None, "f": None, "l": None} for t in found]
    if last == "fundingRate":
        return [f for f in market.funding if start <= f["fundingTime"] <= min(end, served.now_ms)][:limit]
    return None


def kraken(served: Served, path: str, query: dict[str, str]) -> Any:
    """What Kraken answers: trades behind a time in ns, with stamps in seconds and numbers that count up."""
    last = path.rpartition("/")[2]
    if last == "Time":
        return {"error": [], "result": {"unixtime": served.now_ms // 1000, "rfc1123": ""}}
    if last == "Assets":
        assets = {name: {"aclass": "currency", "altname": name, "decimals": 8, "status": "enabled"} for name in PAIR}
        return {"error": [], "result": assets}
    if last == "AssetPairs":
        pair = {"altname": "ETHUSDT", "wsname": "ETH/USDT", "base": "ETH", "quote": "USDT", "status": "online"}
        pair |= {"lot_decimals": 8, "pair_decimals": 2, "cost_decimals": 5, "ordermin": "0.001", "costmin": "0.5"}
        pair |= {"tick_size": "0.01", "fees": [[0, 0.4]], "fees_maker": [[0, 0.25]], "lot": "unit"}
        return {"error": [], "result": {"ETHUSDT": pair | {"leverage_buy": [], "leverage_sell": []}}}
    if last == "Trades":
        start = int(query["since"]) * (10**9 if len(query["since"]) < 12 else 1)
        found = [t for t in served.markets["ETHUSDT"].trades if t["ns"] > start][: served.page]
        rows = [[t["p"], t["q"], t["ns"] / 1e9, "s" if t["m"] else "b", "l", "", t["a"]] for t in found]
        return {"error": [], "result": {"ETHUSDT": rows, "last": str(found[-1]["ns"] if found else start)}}
    return None


def coinbase(served: Served, path: str, query: dict[str, str]) -> Any:
    """What Coinbase answers: of trades between two whole seconds the newest, and no more than a page."""
    last = path.rpartition("/")[2]
    if path == "/v2/time":
        iso = datetime.datetime.fromtimestamp(served.now_ms // 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"data": {"iso": iso, "epoch": served.now_ms // 1000}}
    if path == "/v2/exchange-rates":
        return {"data": {"currency": "USD", "rates": {"BTC": "0.00001"}}}
    if path.startswith("/v2/currencies"):
        return {"data": []}
    if last == "products":
        product = {"product_id": "BTC-USDT", "base_currency_id": "BTC", "quote_currency_id": "USDT", "status": "online"}
        product |= {"product_type": "SPOT", "trading_disabled": False, "price": "100", "base_increment": "0.001"}
        product |= {"quote_increment": "0.01", "base_min_size": "0.001", "base_max_size": "900", "quote_min_size": "1"}
        return {"products": [product | {"quote_max_size": "1000000"}] if query.get("product_type") != "FUTURE" else []}
    if last == "ticker":
        start, end = int(query["start"]) * 1000, int(query["end"]) * 1000
        found = [t for t in served.markets["BTCUSDT"].trades if start <= t["T"] <= min(end, served.now_ms)]
        found = found[-min(int(query.get("limit", 100)), served.page) :][::-1]
        return {"trades": [coinbase_trade(t) for t in found], "best_bid": "99", "best_ask": "101"}
    return None


def coinbase_trade(t: dict[str, Any]) -> dict[str, Any]:
    when = datetime.datetime.fromtimestamp(t["T"] // 1000, datetime.UTC)
    iso = f"{when:%Y-%m-%dT%H:%M:%S}.{t['T'] % 1000:03d}000Z"
    trade = {"trade_id": str(t["a"]), "product_id": "BTC-USDT", "price": t["p"], "size": t["q"], "time": iso}
    return trade | {"side": "SELL" if t["m"] else "BUY", "bid": "", "ask": ""}


def spot_info(symbol: str, base: str) -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"},
    ]
    common = {"symbol": symbol, "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT", "filters": filters}
    common |= {"isSpotTradingAllowed": True, "isMarginTradingAllowed": False, "permissions": ["SPOT"]}
    return common | {"baseAssetPrecision": 8, "quotePrecision": 8, "orderTypes": ["LIMIT", "MARKET"]}


def swap_info(symbol: str, base: str) -> dict[str, Any]:
    common = spot_info(symbol, base) | {"pair": symbol, "contractType": "PERPETUAL", "deliveryDate": 4133404800000}
    return common | {"onboardDate": 1569398400000, "marginAsset": "USDT", "pricePrecision": 2, "quantityPrecision": 3}


class Loopback(AbstractResolver):
    """Every name is this machine, at the venue's port: nothing can leave."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        found = {"hostname": host, "host": "127.0.0.1", "port": self.port}
        return [found | {"family": socket.AF_INET, "proto": 0, "flags": socket.AI_NUMERICHOST}]

    async def close(self) -> None:
        pass


def certificates(folder: Path) -> ssl.SSLContext:
    """A new CA, written to folder/ca.pem, and a server's context for Binance's names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: str, key: Any, issuer: str, signer: Any, *more: tuple[Any, bool]) -> Any:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        built = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer))
        built = built.public_key(key.public_key()).serial_number(x509.random_serial_number())
        day = datetime.timedelta(days=1)
        built = built.not_valid_before(now - day).not_valid_after(now + day)
        for extension, critical in more:
            built = built.add_extension(extension, critical)
        return built.sign(signer, hashes.SHA256())

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    known = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    basic = x509.BasicConstraints(ca=True, path_length=None)
    ca = certificate("a CA for tests", ca_key, "a CA for tests", ca_key, (basic, True), (usage, True), (known, False))
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName(name)
            for name in ("*.binance.com", "binance.com", "api.kraken.com", "*.coinbase.com", "*.mexc.com")
        ]
    )
    leaf = certificate("*.binance.com", key, "a CA for tests", ca_key, (names, False), (authority, False))
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    plain = serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(pem) + secret)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "leaf.pem")
    return context
