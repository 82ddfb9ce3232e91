"""The page of the synthetic market: what is in it, the facts with their intervals, what detectors find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthetic_facts import Interval

HEAD = """# The synthetic market

A market made from a seed, so that everything works with no network and tests know what is true. It promises no profit:
its numbers were set to look like minutes and order books of real perpetuals, and nothing more. The same seed gives the
same bytes on any machine, and a longer market begins with the shorter one; tests pin the hashes.

```toml
[run]
seed = 7                      # of the market too

[data]
synthetic = "regimes"
bars = 100_000
timeframe = "1m"
assets = 30                   # so many perpetuals; or symbols = ["BTC/USDT", "BTC/USDT:USDT"]
venues = [{ name = "fast" }, { name = "late", lag_ms = 30_000, basis_bps = 2.0 }]
edges = { leader = 0.3 }      # planted; all are off by default
```

`synthetic = "book"` makes order books instead, `seconds = 600` long, for strategies that need a book; it takes the same
keys but `bars`. `huracan data synth` writes either kind to files or to the store, with the truth beside it.

- **Regimes**: range, trend up, trend down, panic; the label of each bar is kept. A range pulls back to where it
  began, a panic is wild and falls. Volatility has three memories (a quarter of an hour, four hours, two days), goes by
  the hour of the day, and stays up after a jump. Volume goes with it.
- **Assets** share the market's moves, and those of their sector. A perpetual stands above the spot of its coin by a
  basis that wanders and runs ahead of the price, and pays funding by it every eight hours.
- **Venues** follow the market late, by `lag_ms`, and stand `basis_bps` apart.
- **Order books**: a fair price jumps; stale quotes are taken and pulled, the gap is filled beside the new price; in
  between limit orders join the touch, cancels and market orders take from it at rates that hang on the queues.

| edge | what is planted | strength |
|---|---|---|
| `leader` | the first symbol's moves come back in all others a bar later (in books a second) | their correlation |
| `pair` | the second symbol follows the first | share of what lies between them that a bar takes back |
| `breakout` | two quiet hours, then one hour that drifts | drift in deviations a bar |
| `toxic` | in books: market orders that know of the next jump a second before | their share |

`leader` and `pair` need two symbols and exclude each other. Anything else is refused by name.
"""


def write_page(path: Path, facts: Any, shapes: Any, rows: list[dict[str, Any]], settings: Any) -> None:
    """Everything on one page."""
    seeds, feed_seeds, bars, seconds, when = settings
    lines = [HEAD, "## Stylised facts", ""]
    lines += [f"`make synthetic`, {when}. BTC/USDT:USDT, {bars:,} minutes, {seeds} seeds: the mean with its 95 %"]
    lines += ["interval, and the range over seeds. Real: five perpetuals, a month of minutes each.", ""]
    lines += ["| figure | mean | 95 % | over seeds | must be | real |", "|---|---|---|---|---|---|"]
    made, real, bounds = facts
    for name, each in made.items():
        low, high = bounds.get(name, (None, None))
        must = "" if low is None else f"above {low:g}" if high in (1.0, 1e9) and low > 0 else f"{low:g} to {high:g}"
        seen = f"{min(real[name]):.3g} to {max(real[name]):.3g}" if real else "not there"
        lines.append(
            f"| {name} | {each.mean:.3g} | {span(each)} | {each.least:.3g} to {each.most:.3g} | {must} | {seen} |"
        )
    books, real_books, near = shapes
    lines += ["", "## Shapes of order books", ""]
    lines += [
        f"{seconds:g} s of the made-up perpetual for each of {feed_seeds} seeds, seen every tenth of a second; the real"
    ]
    lines += [
        "BTCUSDT books of 8 and 9 August 2024. The flow was set by the perpetual, and is held to within a factor of"
    ]
    lines += [
        f"{near:g} of it; the spot book, with a tick a tenth as wide, is another market and stands beside it.",
        "",
    ]
    names = list(real_books)
    lines += [
        "| figure | mean | 95 % | " + " | ".join(f"real {n}" for n in names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    for name, each in books.items():
        theirs = "".join(f" {real_books[n][name]:.3g} |" for n in names)
        lines.append(f"| {name} | {each.mean:.3g} | {span(each)} |{theirs}")
    lines += ["", "## Planted edges, and what simple detectors find", ""]
    lines += [
        "Each detector (`bench/synthetic_detectors.py`) sees prices only and may raise a false alarm in 5 % of the",
        "markets where nothing is planted. What its score is there follows from its deviation (`breakout`), is drawn",
        "by giving blocks of it their signs anew (both leaders, `toxic`), or is taken from other seeds (`pair`: ranges",
        "pull every ratio back a little). Where nothing is planted there are more seeds, so that false alarms can be",
        "counted. *Seen* is the estimate of the strength; that of `toxic` is read off the true times of the jumps.",
        "*Found in* has its binomial 95 % interval (Clopper and Pearson).",
        "",
    ]
    lines += ["| edge | planted | seeds | seen | 95 % | found in | 95 % |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        seen = row["seen"]
        what = f"{row['edge']} | {row['planted']:g} | {row['seeds']}"
        lines.append(
            f"| {what} | {seen.mean:.3g} | {span(seen)} | {row['found']:.1%} | {share(row['hits'], row['seeds'])} |"
        )
    path.write_text("\n".join(lines) + "\n")


def share(hits: int, tries: int) -> str:
    """The interval of a share as text."""
    from scipy.stats import beta

    low = beta.ppf(0.025, hits, tries - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, tries - hits) if hits < tries else 1.0
    return f"{low:.0%} to {high:.0%}"


def span(each: Interval) -> str:
    """An interval as text."""
    return f"{each.low:.3g} to {each.high:.3g}"
