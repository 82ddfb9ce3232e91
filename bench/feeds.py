"""Reading order-book feeds: how many events a second, against a plain reader of the same file in the same process.

The feeds are made here: depth updates of some 70 levels, trades and quotes as Binance writes them, and the same levels
as Tardis does; gzipped, as such files are kept. The plain readers are what one writes first: `json` line by line into
lists, and `pandas.read_csv`.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from bench_page import Table
from measure import HERE, Cost, process, timed

MESSAGES = 15_000
LEVELS = 70
ROUNDS = 5
TARGET = 1e6  # events a second
START_MS = 1_723_161_255_000


def feeds() -> Table:
    """The table of docs/BENCHMARKS.md, measured in a process of its own."""
    found = json.loads(process([sys.executable, HERE / "feeds.py"])[0].splitlines()[-1])
    rows: list[tuple[Any, ...]] = []
    for name, costs in found["rounds"].items():
        events = found["events"][name]
        ours, theirs = ([Cost(*each[k]) for each in costs] for k in (0, 1))
        cpu = median(c.cpu for c in ours)
        ratio = median(b.cpu / a.cpu for a, b in zip(ours, theirs, strict=True))
        wall = median(b.wall / a.wall for a, b in zip(ours, theirs, strict=True))
        reached = "yes" if events / cpu >= TARGET else "**no**"
        shown = f"{events / cpu / 1e6:.2f} M", f"{events / median(c.wall for c in ours) / 1e6:.2f} M"
        rows.append((name, f"{events:,}", *shown, f"{ratio:.1f} x ({wall:.1f} x)", "1 M", reached))
    columns = ("feed", "events", "events a second, processor", "by the clock", "ratio", "target", "reached")
    words = (
        "Gzipped files of a made feed, read into columns on one thread; the last row also writes them to the store.\n"
        "*ratio*: processor time of the plain reader (`json` line by line; `pandas.read_csv`) over ours, the median\n"
        "of rounds in one process, and in brackets by the clock. A level, a trade, a side of a quote are an event each."
    )
    return Table("Order-book feeds on import", words, columns, rows)


def make(folder: Path) -> tuple[Path, Path]:
    """The two files."""
    rng = np.random.default_rng(1)
    lines, rows = [], ["exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"]
    for k in range(MESSAGES):
        ms = START_MS + 20 * k
        prices = np.round(61_800 + rng.normal(0, 30, LEVELS), 1)
        sizes = np.round(rng.exponential(1.0, LEVELS) * (rng.random(LEVELS) > 0.4), 3)
        levels = [[f"{p:.2f}", f"{q:.3f}"] for p, q in zip(prices.tolist(), sizes.tolist(), strict=True)]
        half = LEVELS // 2
        data = {"e": "depthUpdate", "E": ms, "T": ms, "s": "BTCUSDT", "U": k, "u": k, "pu": k - 1}
        lines.append(message(ms, "depth@0ms", data | {"b": levels[:half], "a": levels[half:]}))
        trade = {"e": "trade", "E": ms, "T": ms, "s": "BTCUSDT", "t": k, "p": levels[0][0], "q": "0.010", "m": True}
        lines += [message(ms, "trade", trade)] * 2
        quote = {
            "e": "bookTicker",
            "u": k,
            "s": "BTCUSDT",
            "b": levels[0][0],
            "B": "1.5",
            "a": levels[1][0],
            "A": "2.5",
        }
        lines += [message(ms, "bookTicker", quote | {"T": ms, "E": ms})] * 6
        for i, (price, size) in enumerate(levels):
            side = "bid" if i < half else "ask"
            rows.append(f"binance-futures,BTCUSDT,{ms}000,{ms}500,false,{side},{price},{size}")
    raw, tardis = folder / "raw.gz", folder / "levels.csv.gz"
    raw.write_bytes(gzip.compress("\n".join(lines).encode(), 6))
    tardis.write_bytes(gzip.compress("\n".join(rows).encode(), 6))
    return raw, tardis


def message(ms: int, stream: str, data: dict[str, Any]) -> str:
    text = json.dumps({"stream": f"btcusdt@{stream}", "data": data}, separators=(",", ":"))
    return f"{ms}000000 {text}"


def plain_raw(path: Path) -> int:
    """Binance lines through json, into lists and arrays."""
    kinds, sides, prices, sizes, times, local = [], [], [], [], [], []
    with gzip.open(path, "rt") as file:
        for line in file:
            data = json.loads(line[20:])["data"]
            ns, ms = int(line[:19]), data["T"]
            if data["e"] == "depthUpdate":
                events = [(0, 1, p, q) for p, q in data["b"]] + [(0, -1, p, q) for p, q in data["a"]]
            elif data["e"] == "trade":
                events = [(1, -1 if data["m"] else 1, data["p"], data["q"])]
            else:
                events = [(3, 1, data["b"], data["B"]), (3, -1, data["a"], data["A"])]
            for kind, side, price, size in events:
                kinds.append(kind)
                sides.append(side)
                prices.append(float(price))
                sizes.append(float(size))
                times.append(ms * 1_000_000)
                local.append(ns)
    columns = [np.array(each) for each in (kinds, sides, prices, sizes, times, local)]
    return len(columns[0])


def plain_tardis(path: Path) -> int:
    """Tardis rows through pandas."""
    import pandas as pd

    frame = pd.read_csv(path)
    frame["exch_ns"] = frame["timestamp"] * 1000
    frame["local_ns"] = frame["local_timestamp"] * 1000
    frame["side"] = np.where(frame["side"] == "bid", 1, -1)
    return len(frame)


def measured() -> dict[str, Any]:
    """Rounds of ours and of the plain reader in turn; the first calls, which compile, are not counted."""
    from huracan.data.binance_raw import binance_raw_blocks, read_binance_raw
    from huracan.data.feed_store import FeedStore
    from huracan.data.tardis import read_tardis

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw, tardis = make(folder)

        def stored() -> int:
            with tempfile.TemporaryDirectory() as place:
                store = FeedStore(Path(place), "binance", "BTC/USDT:USDT")
                for block in binance_raw_blocks(raw):
                    store.add(block)
                store.close()
                return store.events

        work: dict[str, tuple[Any, Any]] = {
            "Binance raw lines": (lambda: len(read_binance_raw(raw)), lambda: plain_raw(raw)),
            "Tardis incremental_book_L2": (lambda: len(read_tardis(tardis)), lambda: plain_tardis(tardis)),
            "Binance raw lines, into the store": (stored, lambda: plain_raw(raw)),
        }
        events, rounds = {}, {}
        for name_, (ours, theirs) in work.items():
            events[name_] = ours()
            assert events[name_] == theirs()
            rounds[name_] = [[[c.wall, c.cpu] for c in (timed(ours)[1], timed(theirs)[1])] for _ in range(ROUNDS)]
        return {"events": events, "rounds": rounds}


if __name__ == "__main__":
    print(json.dumps(measured()))
