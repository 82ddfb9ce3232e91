"""`make synthetic`: facts of the synthetic market, and what detectors find in it; writes docs/SYNTHETIC.md.

Exit status 1 if a fact or a detector is outside the bounds that the page names.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from market import ROOT
from synthetic_detectors import SIZE, Found, breakout, leader, leading_feed, pair, toxic
from synthetic_facts import Interval, bar_facts, book_shapes, over_seeds
from synthetic_page import write_page

from huracan.data.synthetic import market
from huracan.data.synthetic_book import book_feeds
from huracan.data.synthetic_edges import Edges

SEEDS, FEED_SEEDS = 40, 30
BARS, FEED_SECONDS, SHAPE_SECONDS = 50_000, 400.0, 60.0
SPOT = ("BTC/USDT", "ETH/USDT")
DATA = ROOT.parent / "shared" / "data"
COINS = ("BTC", "ETH", "SOL", "XRP", "ADA")
BOOKS = (("perpetual", "usdm_btcusdt_20240808.gz", 0.1), ("spot", "spot_btcusdt_20240809.gz", 0.01))

# What each figure must keep to: the interval of its mean, and for shapes the real perpetual's figure over it.
FACTS: dict[str, tuple[float, float]] = {
    "returns, lag 1": (-0.01, 0.01),
    "returns, lag 10": (-0.01, 0.01),
    "the same at lag 1, in standard errors": (-1.0, 1.0),
    "absolute returns, lag 100": (0.05, 1.0),
    "kurtosis": (5.0, 1e9),
    "volume with absolute returns": (0.3, 1.0),
}
OF_BOOKS = ("toxic", "leader of books")
MANY, MANY_FEEDS = 400, 150  # seeds where nothing is planted, so that false alarms can be counted
SURE = 0.01  # false alarms are too many where 5 % would give as many so seldom
NEAR = 2.0  # a shape is near the real one within this factor

PLANTED: dict[str, tuple[Callable[[int, float], Found], tuple[float, ...]]] = {}


def planted(name: str, *strengths: float) -> Callable[[Callable[[int, float], Found]], Callable[[int, float], Found]]:
    """Registers what makes a market of a seed and a strength, and looks for the edge in it."""

    def keep(fn: Callable[[int, float], Found]) -> Callable[[int, float], Found]:
        PLANTED[name] = (fn, strengths)
        return fn

    return keep


@planted("leader", 0.0, 0.02, 0.05, 0.1, 0.3)
def _leader(seed: int, strength: float) -> Found:
    first, second = market(20_000, seed, symbols=SPOT, edges=Edges(leader=strength)).bars
    return leader(first.close, second.close)


@planted("pair", 0.0, 0.01, 0.03, 0.1, 0.3)
def _pair(seed: int, strength: float) -> Found:
    first, second = market(20_000, seed, symbols=SPOT, edges=Edges(pair=strength)).bars
    return pair(first.close, second.close)


@planted("breakout", 0.0, 0.1, 0.2, 0.4, 0.8)
def _breakout(seed: int, strength: float) -> Found:
    bars = market(BARS, seed, symbols=SPOT[:1], edges=Edges(breakout=strength)).bars[0]
    return breakout(bars.close, bars.high, bars.low)


@planted("toxic", 0.0, 0.5, 0.8)
def _toxic(seed: int, strength: float) -> Found:
    return toxic(book_feeds(FEED_SECONDS, seed, edges=Edges(toxic=strength), quotes=True)[0])


@planted("leader of books", 0.0, 0.6)
def _leading_book(seed: int, strength: float) -> Found:
    feeds = book_feeds(FEED_SECONDS, seed, symbols=SPOT, edges=Edges(leader=strength), quotes=True)
    return leading_feed(*feeds)


def facts(seeds: int, bars: int) -> dict[str, Interval]:
    """The stylised facts of a perpetual's minutes over seeds."""
    found = []
    for seed in range(seeds):
        made = market(bars, seed).bars[0]
        assert made.volume is not None
        found.append(bar_facts(made.close, made.volume, made.open_ns))
    return {name: over_seeds([each[name] for each in found]) for name in found[0]}


def real_facts() -> dict[str, list[float]]:
    """The same of the real perpetuals, where the data is there."""
    from huracan.data.files import read_bars

    found = []
    for coin in COINS:
        file = DATA / "bars_1m_usdm" / f"{coin}_USDT_USDT-1m-futures.feather"
        if file.is_file():
            bars = read_bars(str(file), symbol=f"{coin}/USDT:USDT", timeframe="1m")
            assert bars.volume is not None
            found.append(bar_facts(bars.close, bars.volume, bars.open_ns))
    return {name: [each[name] for each in found] for name in found[0]} if found else {}


def shapes(seeds: int, seconds: float) -> dict[str, Interval]:
    """Spread and depth of the made-up perpetual over seeds."""
    found = [book_shapes(book_feeds(seconds, seed)[0].events(), 0.1) for seed in range(seeds)]
    return {name: over_seeds([each[name] for each in found]) for name in found[0]}


def real_shapes() -> dict[str, dict[str, float]]:
    """The same of the real books, where the data is there."""
    from huracan.data.binance_raw import read_binance_raw

    return {
        name: book_shapes(read_binance_raw(DATA / "l2" / file), tick)
        for name, file, tick in BOOKS
        if (DATA / "l2" / file).is_file()
    }


def detections(name: str, seeds: int) -> list[dict[str, Any]]:
    """One row a strength: the mean estimate, and in what share of the seeds the edge was found."""
    look, strengths = PLANTED[name]
    rows = []
    for strength in strengths:
        many = (MANY_FEEDS if name in OF_BOOKS else MANY) if strength == 0.0 else seeds
        found = [look(seed, strength) for seed in range(many)]
        share = float(np.mean([each.found for each in found]))
        seen = over_seeds([each.strength for each in found])
        hits = sum(each.found for each in found)
        rows.append({"edge": name, "planted": strength, "seen": seen, "found": share, "seeds": many, "hits": hits})
        print(f"{name} {strength:g}: seen {seen.mean:.4f}, found in {share:.0%}", flush=True)
    return rows


def limits(seeds: int = 1000) -> int:
    """Print what the scores of `pair` go below in 5 % of markets without one."""
    look, _ = PLANTED["pair"]
    scores = [look(seed, 0.0).score for seed in range(10_000, 10_000 + seeds)]
    print(f"pair: 5 % of {seeds} scores are below {np.quantile(scores, SIZE):.2f}")
    return 0


def outside(
    facts_: dict[str, Interval], shapes_: dict[str, Interval], real: dict[str, float], rows: list[dict[str, Any]]
) -> list[str]:
    """What does not keep to the bounds; of edges: too many false alarms, or the strongest missed or misjudged."""
    wrong = [n for n, (low, high) in FACTS.items() if not low < facts_[n].low <= facts_[n].high < high]
    wrong += [n for n, value in real.items() if not 1 / NEAR < value / shapes_[n].mean < NEAR]
    for row in rows:
        name, strength = row["edge"], row["planted"]
        if strength == 0.0 and too_many(row["hits"], row["seeds"]):
            wrong.append(f"false alarms of {name}")
        if strength == max(PLANTED[name][1]) and (row["found"] < 0.9 or abs(row["seen"].mean / strength - 1) > 0.2):
            wrong.append(f"{name} of {strength:g}")
    return wrong


def too_many(alarms: int, tries: int) -> bool:
    """Whether a detector that is wrong in 5 % of the tries would hardly ever be wrong so often."""
    from scipy.stats import binom

    return bool(binom.sf(alarms - 1, tries, SIZE) < SURE)


def main() -> int:
    """Measure everything, print as it goes, write the page."""
    made, real = facts(SEEDS, BARS), real_facts()
    for name, each in made.items():
        print(f"{name}: {each.mean:.4f} ({each.low:.4f} to {each.high:.4f})", flush=True)
    books, real_books = shapes(FEED_SEEDS, SHAPE_SECONDS), real_shapes()
    for name, each in books.items():
        print(f"{name}: {each.mean:.3f} ({each.low:.3f} to {each.high:.3f})", flush=True)
    rows = [row for name in PLANTED for row in detections(name, FEED_SEEDS if name in OF_BOOKS else SEEDS)]
    when = f"{date.today().isoformat()}, Python {platform.python_version()}, numpy {np.__version__}"
    settings = (SEEDS, FEED_SEEDS, BARS, SHAPE_SECONDS, when)
    write_page(Path(ROOT / "docs" / "SYNTHETIC.md"), (made, real, FACTS), (books, real_books, NEAR), rows, settings)
    wrong = outside(made, books, real_books.get("perpetual", {}), rows)
    for name in wrong:
        print(f"outside its bounds: {name}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(limits() if sys.argv[1:] == ["limits"] else main())
