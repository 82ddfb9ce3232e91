"""`make parity-l2`: the same orders, trades and money as hftbacktest on order books; writes docs/PARITY_L2.md.

Exit status 1 if a case differs that must not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from market import ROOT

from huracan.book_machine import run_on_tape
from huracan.load_book import read_feed
from huracan.sim.book_tape import BookTape, build_book_tape, plain_events
from huracan.sim.feed import AnyFeed, Feed
from huracan.spec import load_spec
from huracan.spec_fields import LAST_PIECE

PEER = ROOT / ".venv-l2" / "bin" / "python"
REAL = ROOT.parent / "shared" / "data" / "l2"
QUEUES = ("risk_averse", "power:2", "power:3", "power2:2", "power3:2", "log", "log2")
FEE_BPS = 2.0
MONEYS = ("volume", "position", "balance", "fee")
MONEY = 1e-9  # relative: sums of the same numbers in another order
ODD = 0.0007 / 0.125  # beyond whole lots
SPREAD_RUNS = 5  # of the peer at 100 ms, where its own figures differ from run to run


@dataclass(frozen=True)
class Market:
    """One feed for both engines."""

    name: str
    feed: AnyFeed
    tape: BookTape
    columns: dict[str, Any]
    qty: float
    max_position: float
    half_ticks: int


def markets(names: list[str]) -> list[Market]:
    """Real feeds that are there, and the synthetic one."""
    out = []
    for name, kind, tick, lot in (
        ("usdm_btcusdt_20240808", "linear", 0.1, 0.001),
        ("spot_btcusdt_20240808", "linear", 0.01, 0.00001),
    ):
        path = REAL / f"{name}.gz"
        if path.is_file() and (not names or name in names):
            rules = {"tick": tick, "lot": lot, "kind": kind}
            data = {"file": str(path), "symbol": "BTC/USDT:USDT", "format": "binance-raw", "rules": rules}
            spec = load_spec({"data": data, "strategy": {"use": "touch_maker"}})
            out.append(made(name, read_feed(spec, spec.data.series()[0], {}), 0.125, 1.0, 0))
    if not names or "synthetic" in names:
        out.append(made("synthetic", synthetic_feed(1200.0, 7), 1.0, 5.0, 0))
    return out


def made(name: str, feed: AnyFeed, qty: float, most: float, half: int) -> Market:
    return Market(name, feed, build_book_tape([feed]), plain_events(feed), qty, most, half)


def in_pieces(market: Market) -> Market:
    """The same feed for quantities that are no whole lots: on whole lots the peer's partial-fill exchange stops."""
    feed = replace(market.feed, rules=replace(market.feed.rules, lot=0.0))
    odd = market.qty * (1.0 + ODD)
    return made(market.name, feed, odd, market.max_position, market.half_ticks)


def synthetic_feed(seconds: float, seed: int) -> Feed:
    """The built-in book as columns."""
    from huracan.data.synthetic_book import book_feeds

    f = book_feeds(seconds, seed)[0]
    price = f.price * f.rules.tick_num / f.rules.tick_den
    times = (f.exchange_ns, f.local_ns)
    return Feed(f.symbol, f.kind, f.side, f.flags, price, f.lots * (f.rules.lot or 1.0), *times, f.rules, f.venue)


def peer(market: Market, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What hftbacktest finds for each job."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "feed.npz", **market.columns)
        (Path(folder) / "jobs.json").write_text(json.dumps(jobs))
        command = [str(PEER), str(Path(__file__).with_name("peer_hftbacktest.py")), "feed.npz", "jobs.json"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def job(market: Market, queue: str, latency_ms: float, step_ms: float, *, partial: bool = False) -> dict[str, Any]:
    return {
        "partial": partial,
        "queue": queue,
        "entry_ms": latency_ms,
        "response_ms": latency_ms,
        "step_ms": step_ms,
        "half_ticks": market.half_ticks,
        "qty": market.qty,
        "max_position": market.max_position,
        "fee": FEE_BPS / 1e4,
        "fee_taker": 5.0 / 1e4,
    }


def spec_of(job: dict[str, Any], slots: int = 48) -> Any:
    """The same job as a run spec."""
    return load_spec(
        {
            "run": {"order_slots": slots},
            "data": {"file": str(Path(__file__)), "format": "binance-raw", "symbol": "BTC/USDT:USDT"},
            "account": {"cash": 1e7},
            "venue": {
                "fee_maker_bps": FEE_BPS,
                "queue": job["queue"],
                "partial_fills": LAST_PIECE if job["partial"] else False,
                "latency_ms": {"entry": job["entry_ms"], "response": job["response_ms"]},
            },
            "strategy": {
                "use": "touch_maker",
                "params": {k: job[k] for k in ("half_ticks", "step_ms", "max_position", "qty")},
            },
        }
    )


def ours(market: Market, job: dict[str, Any]) -> dict[str, Any]:
    """What huracan finds; position and balance summed from its fills, as an account of zero would have them."""
    result = run_on_tape(spec_of(job), market.tape)
    f = result.fill_rows
    signed = f["side"] * f["qty"]
    return {
        "orders": result.figures["orders"],
        "trades": len(f),
        "volume": float(f["qty"].sum()),
        "position": float(signed.sum()),
        "balance": float(-(signed * f["price"]).sum()),
        "fee": float(f["fee"].sum()),
        "cancels": result.figures["rejections"].get("cancelled", 0),
        "post_only": result.figures["rejections"].get("post_only_would_cross", 0),
        "no_slot": result.figures["rejections"].get("no_free_slot", 0),
    }


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Counts equal, money within rounding."""
    if a["orders"] != b["orders"] or a["trades"] != b["trades"]:
        return False
    return all(
        abs(a[k] - b[k]) <= MONEY * max(1.0, abs(b["balance"])) for k in ("volume", "position", "balance", "fee")
    )


def main() -> int:
    """Run everything, print as it goes, write the page."""
    names = sys.argv[1:]
    wrong = 0
    lines: list[str] = []
    pieces: list[str] = []
    spread: list[str] = []
    for market in markets(names):
        cases = [(q, ms, 100.0) for ms in (0.0, 10.0) for q in QUEUES] + [("power:2", 10.0, 10.0)]
        wrong += compare(market, [job(market, *case) for case in cases], lines)
        odd = in_pieces(market)
        wrong += compare(odd, [job(odd, *case, partial=True) for case in cases], pieces)
        slow = [job(market, q, 100.0, 100.0) for q in ("risk_averse", "power:2", "log")]
        for i, found in enumerate(zip(*(peer(market, slow) for _ in range(SPREAD_RUNS)), strict=True)):
            mine = ours(market, slow[i])
            inside, text = within(market, slow[i], mine, list(found))
            wrong += not inside
            print("inside   " if inside else "OUTSIDE  ", text, flush=True)
            spread.append(text)
    if not names:
        write_page(ROOT / "docs" / "PARITY_L2.md", lines, pieces, spread)
    print(f"{wrong} cases differ")
    return 1 if wrong else 0


def compare(market: Market, jobs: list[dict[str, Any]], lines: list[str]) -> int:
    """Both engines on these jobs, a line of the page for each; how many differ."""
    wrong = 0
    for each, found in zip(jobs, peer(market, jobs), strict=True):
        mine = ours(market, each)
        equal = same(mine, found)
        wrong += not equal
        what = "pieces" if each["partial"] else "whole"
        print(
            "same     " if equal else "DIFFERENT", market.name, what, each["queue"], each["entry_ms"], mine, flush=True
        )
        if not equal:
            print("   theirs", found, flush=True)
        lines.append(row(market, each, mine, found, equal))
    return wrong


def row(market: Market, job: dict[str, Any], mine: dict[str, Any], found: dict[str, Any], equal: bool) -> str:
    """One line of the page's first table."""
    money = max(abs(mine[k] - found[k]) for k in MONEYS)
    return (
        f"| {market.name} | {job['queue']} | {job['entry_ms']:g} | {job['step_ms']:g} | {mine['orders']:,} | "
        f"{mine['trades']:,} | {found['trades']:,} | {mine['position']:g} | "
        f"{money:.1e} | {'yes' if equal else '**no**'} |"
    )


def within(market: Market, job: dict[str, Any], mine: dict[str, Any], found: list[dict[str, Any]]) -> tuple[bool, str]:
    """Whether our figures lie where the peer's own runs lie, give or take the width of that range; and a line of it."""
    cells = []
    inside = True
    for name in ("orders", "trades", "position"):
        low, high = min(f[name] for f in found), max(f[name] for f in found)
        width = max(high - low, 0.0)
        inside = inside and low - width <= mine[name] <= high + width
        cells.append(f"{mine[name]:,g} | {low:,g} to {high:,g}")
    text = f"| {market.name} | {job['queue']} | " + " | ".join(cells) + f" | {'yes' if inside else '**no**'} |"
    return inside, text


HEAD = """# The same fills as hftbacktest

Written by `make parity-l2` on {date} with huracan-sim {huracan} and hftbacktest {peer} (its no-partial-fill exchange,
an environment of its own: it needs numpy below 2.3). `touch_maker` runs on the same events in both: Binance raw lines
and the built-in synthetic book. Fee {fee} bps for makers. Latency is each way. *money* is the largest difference of
volume, position, balance and fee: equal is within {money:g} of the traded value, which is rounding of sums.

| feed | queue | latency ms | step ms | orders | trades | theirs | position | money | equal |
|---|---|--:|--:|--:|--:|--:|--:|--:|---|
"""
PIECES = """
## In pieces

hftbacktest's partial-fill exchange sends every piece of an order, and its local side books the last one only. On whole
lots it stops (an order that a trade fills to the lot stays in its book); so quantities here are a fraction of a lot
beyond, and the feeds are told no lot. `partial_fills = "{last}"` imitates it: an order that has been hit shrinks, and
its last piece alone reaches the ledger; own orders do not share a trade. It is there for this comparison only.

| feed | queue | latency ms | step ms | orders | trades | theirs | position | money | equal |
|---|---|--:|--:|--:|--:|--:|--:|--:|---|
"""
SPREAD = """
## At 100 ms

hftbacktest walks its own orders in the order of a hash map, so with orders a tenth of a second under way its figures
change from run to run: the range of {runs} runs stands beside ours, which do not change.

| feed | queue | orders | theirs | trades | theirs | position | theirs | within |
|---|---|--:|--:|--:|--:|--:|--:|---|
"""
TAIL = """
## What differs, and why

- Partial fills. With `partial_fills = true`, the default, an order takes what a trade left beyond the queue and keeps
  the rest at the front; every piece is booked, and own orders of a lane share one trade.
- Quantities are exact decimals here and sums of floats there: a position of ten times 0.1 is 1 here, and may be
  0.9999999999999999 there, which is below a `max_position` of 1. The cases use quantities that floats hold exactly.
- After a clear hftbacktest looks for the next best one level too far down; the snapshot behind it mends that at once.
- Updates before a snapshot and levels beyond its last one are kept, as hftbacktest's own converter does.
"""


def write_page(path: Path, lines: list[str], pieces: list[str], spread: list[str]) -> None:
    """The page, whole or not at all."""
    import huracan

    head = HEAD.format(
        date=datetime.now(UTC).date(), huracan=huracan.__version__, peer="2.4.4", fee=FEE_BPS, money=MONEY
    )
    text = (
        head
        + "\n".join(lines)
        + "\n"
        + PIECES.format(last=LAST_PIECE)
        + "\n".join(pieces)
        + "\n"
        + SPREAD.format(runs=SPREAD_RUNS)
        + "\n".join(spread)
        + "\n"
        + TAIL
    )
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
