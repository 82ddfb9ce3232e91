"""The store's speed: a year of minutes into a tape, and fetching from a venue on loopback that answers at once."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from bench_page import Table
from measure import ROOT, timed

sys.path.insert(0, str(ROOT))  # the venue on loopback is the tests'

SYMBOLS, MINUTES, START = 10, 365 * 1440, 1_735_689_600_000
PAGES, PAGE = 100, 1000


def stored_year() -> dict[str, Any]:
    """Seconds from the store to the tape, through all its chunks, and of pandas reading the same columns."""
    import pandas as pd

    from huracan.data.store_kinds import Series
    from huracan.data.store_writing import append
    from huracan.load import load_tape
    from huracan.sim.tape import chunk
    from huracan.spec import load_spec

    symbols = [f"C{k}/USDT" for k in range(SYMBOLS)]
    random = np.random.default_rng(1)
    rounds: dict[str, list[tuple[float, float]]] = {"tape": [], "chunks": [], "feather": [], "parquet": []}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        os.environ["HURACAN_STORE"] = name
        for k, symbol in enumerate(symbols):
            columns = year(random)
            append(root, Series("v", symbol, "bars", "1m"), columns)
            frame = pd.DataFrame(columns).assign(ts=pd.to_datetime(columns["ts"], utc=True))
            frame.to_feather(root / f"{k}.feather")
            frame.to_parquet(root / f"{k}.parquet")
        spec = load_spec(
            {
                "data": {"venue": "v", "symbols": symbols, "timeframe": "1m"},
                "strategy": {"use": "sma_cross"},
            }
        )

        def walk(tape: Any) -> None:
            for lo in range(0, tape.rows, 8192):
                chunk(tape, lo, min(lo + 8192, tape.rows))

        for _ in range(6):
            tape, cost = timed(lambda: load_tape(spec))
            rounds["tape"].append((cost.wall, cost.cpu))
            cost = timed(lambda tape=tape: walk(tape))[1]
            rounds["chunks"].append((cost.wall, cost.cpu))
            for kind, read in (("feather", pd.read_feather), ("parquet", pd.read_parquet)):
                cost = timed(lambda kind=kind, read=read: [read(root / f"{k}.{kind}") for k in range(SYMBOLS)])[1]
                rounds[kind].append((cost.wall, cost.cpu))
    return {name: found[1:] for name, found in rounds.items()}  # the first is for imports


def year(random: np.random.Generator) -> dict[str, Any]:
    """A year of one symbol's minutes on a tick of a cent."""
    close = np.round(3000.0 * np.exp(np.cumsum(random.normal(0.0, 1e-3, MINUTES))), 2)
    opened = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(opened, close) + 0.5, np.minimum(opened, close) * 0.999
    times = (START + 60_000 * np.arange(MINUTES)) * 1_000_000
    prices = {"open": opened, "high": np.round(high, 2), "low": np.round(low, 2), "close": close}
    return {"ts": times} | prices | {"volume": np.round(random.lognormal(2.0, 1.0, MINUTES), 5)}


def fetched_pages() -> dict[str, Any]:
    """Seconds of processor for pages of bars into the store, and for ccxt alone; the venue is a process of its own."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        here, there = context.Pipe()
        venue = context.Process(target=serve, args=(name, there), daemon=True)
        venue.start()
        there.close()  # else nobody would hear that the venue has ended before it said its port
        port = here.recv()
        found = asyncio.run(fetch_and_ask(Path(name), port))
        here.send("enough")
        venue.join(10)
    return found


def serve(folder: str, pipe: Any) -> None:
    """A venue on loopback until somebody has had enough."""
    from tests.loopback_venue import MINUTE, Market, Served, candles, serving

    n = PAGES * PAGE
    with serving(Served({"BTCUSDT": Market(candles(START, n + 1))}, START + n * MINUTE), Path(folder)) as venue:
        pipe.send(venue.port)
        pipe.recv()


async def fetch_and_ask(folder: Path, port: int) -> dict[str, Any]:
    """The same pages fetched into a store, and asked of ccxt by a loop that throws them away; ccxt never waits."""
    import aiohttp
    import ccxt.async_support as ccxt

    from huracan.data.fetching import Wish, fetch_all
    from huracan.data.store_kinds import Series
    from huracan.data.venue_client import open_venue
    from tests.loopback_venue import Loopback

    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    ours, alone = [], []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, resolver=Loopback(port))) as session:

        def make(config: dict[str, Any]) -> Any:
            return ccxt.binance(config | {"session": session, "enableRateLimit": False})

        limit = ccxt.binance().rateLimit
        async with open_venue("binance", make) as venue:
            for round_ in range(4):
                wall, cpu = time.perf_counter(), time.process_time()
                wanted = [Series("binance", "BTC/USDT", "bars", "1m")]
                done = await fetch_all(folder / f"{round_}", venue, wanted, Wish(START * 1_000_000), lambda *said: None)
                ours.append((time.perf_counter() - wall, time.process_time() - cpu))
                if done[0].rows != PAGES * PAGE:
                    sys.exit(f"fetched {done[0].rows} of {PAGES * PAGE} bars")
                wall, cpu = time.perf_counter(), time.process_time()
                for k in range(PAGES):
                    await venue.exchange.fetch_ohlcv("BTC/USDT", "1m", START + k * PAGE * 60_000, PAGE)
                alone.append((time.perf_counter() - wall, time.process_time() - cpu))
    return {"ours": ours[1:], "ccxt": alone[1:], "limit_ms": limit}


def table(year_found: dict[str, Any], pages: dict[str, Any]) -> Table:
    """Both as rows."""

    def taken(found: list[list[float]], scale: float = 1.0) -> tuple[float, float]:
        return median(w for w, _ in found) * scale, median(c for _, c in found) * scale

    def row(name: str, cost: tuple[float, float], unit: str, target: str = "", reached: str = "") -> tuple[Any, ...]:
        digits = 2 if unit == "s" else 1
        return (name, f"{cost[0]:.{digits}f} {unit}", f"{cost[1]:.{digits}f} {unit}", target, reached)

    tape, ours, alone = taken(year_found["tape"]), taken(pages["ours"], 1e3 / PAGES), taken(pages["ccxt"], 1e3 / PAGES)
    rows = [
        row(f"{SYMBOLS} symbols, from the store to a tape", tape, "s", "< 1 s", "yes" if tape[1] < 1.0 else "**no**"),
        row("every chunk of that tape as the machine's records", taken(year_found["chunks"]), "s"),
        row("the same columns by `pandas.read_feather`", taken(year_found["feather"]), "s"),
        row("the same columns by `pandas.read_parquet`", taken(year_found["parquet"]), "s"),
        row("one page of 1,000 bars, fetched and stored", ours, "ms", f"< {pages['limit_ms']:.0f} ms", ""),
        row("the same page, ccxt alone", alone, "ms"),
    ]
    rows[4] = (*rows[4][:4], "yes" if ours[1] < pages["limit_ms"] else "**no**")
    words = (
        f"A year is {MINUTES:,} minutes, five columns of prices and volume and the times. To the tape means: every "
        "value decoded, its page's checksum held, hashed into the run's identity, the tick inferred, all instruments "
        "put on one timeline; pandas only decodes. Fetching goes through ccxt and TLS to a venue on loopback that "
        "answers at once, without ccxt's waits; its target is the time that ccxt's own rate limit for Binance leaves "
        "to a request, so below it the venue is what a fetch waits for. Both targets are in seconds of processor."
    )
    return Table("A year of minutes, and fetching", words, ("what", "clock", "processor", "target", "reached"), rows)
