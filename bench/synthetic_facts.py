"""Facts of bars and shapes of order books, measured in the same way on made-up and on real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SECOND = 1_000_000_000
LEVELS = 200  # ticks behind the touch that are looked at


@dataclass(frozen=True)
class Interval:
    """A figure over seeds: its mean with a 95 % interval, and the least and the greatest of them."""

    mean: float
    low: float
    high: float
    least: float
    most: float


def over_seeds(values: Any) -> Interval:
    """Student's interval of the mean."""
    from scipy.stats import t

    x = np.asarray(values, np.float64)
    half = float(t.ppf(0.975, x.size - 1)) * float(x.std(ddof=1)) / x.size**0.5
    return Interval(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half, float(x.min()), float(x.max()))


def autocorrelation(x: Floats, lag: int) -> float:
    """Of a series with itself `lag` later."""
    y = x - x.mean()
    return float((y[:-lag] * y[lag:]).mean() / (y * y).mean())


def surprise(x: Floats, lag: int) -> float:
    """The autocorrelation in standard errors that hold where volatility clusters (White's)."""
    y = x - x.mean()
    product = y[:-lag] * y[lag:]
    return float(product.sum() / np.sqrt((product * product).sum()))


def bar_facts(close: Floats, volume: Floats, open_ns: Ints) -> dict[str, float]:
    """The stylised facts of bars of a minute."""
    r = np.diff(np.log(close))
    size = np.abs(r)
    hour = (open_ns[1:] // (3600 * SECOND)) % 24
    by_hour = np.array([size[hour == h].mean() for h in range(24)])
    return {
        "returns, lag 1": autocorrelation(r, 1),
        "returns, lag 10": autocorrelation(r, 10),
        "the same at lag 1, in standard errors": surprise(r, 1),
        "absolute returns, lag 1": autocorrelation(size, 1),
        "absolute returns, lag 10": autocorrelation(size, 10),
        "absolute returns, lag 100": autocorrelation(size, 100),
        "kurtosis": float((((r - r.mean()) / r.std()) ** 4).mean()),
        "volume with absolute returns": float(np.corrcoef(volume[1:], size)[0, 1]),
        "busiest hour over quietest": float(by_hour.max() / by_hour.min()),
        "deviation of a minute, bps": float(r.std() * 1e4),
    }


def book_shapes(events: Any, tick: float) -> dict[str, float]:
    """Spread and depth of a feed, weighted by time: a look at the book every tenth of a second."""
    from huracan.data.events import CLEAR, DEPTH, TRADE

    price = np.rint(events.price / tick).astype(np.int64)
    books: list[dict[int, float]] = [{}, {}]
    look = 0
    seen: list[tuple[float, ...]] = []
    profile, filled = np.zeros(LEVELS), np.zeros(LEVELS)
    columns = (events.kind.tolist(), events.side.tolist(), price.tolist(), events.qty.tolist(), events.exch_ns.tolist())
    for kind, side, at, qty, ns in zip(*columns, strict=True):
        if ns >= look and books[0] and books[1]:
            bid, ask = max(books[0]), min(books[1])
            look = ns + SECOND // 10
            if bid < ask:
                seen.append((ask - bid, books[0][bid], (bid + ask) / 2.0, ns))
                for book, best, step in ((books[0], bid, -1), (books[1], ask, 1)):
                    there = np.array([book.get(best + step * k, 0.0) for k in range(LEVELS)])
                    profile += there
                    filled += there > 0.0
        if kind == CLEAR:
            books = [{}, {}]
        elif kind == DEPTH:
            book = books[0 if side > 0 else 1]
            if qty > 0.0:
                book[at] = qty
            else:
                book.pop(at, None)
    spread, touch, middle, _ = np.array(seen[10:]).T
    profile, filled = profile / (2 * len(seen)), filled / (2 * len(seen))
    trades = events.qty[events.kind == TRADE]
    return {
        "share of time at a spread of one tick": float((spread == 1).mean()),
        "size of the touch, quartiles: third over first": ratio(touch, 75, 25),
        "touch over the next nine levels together": float(profile[0] / profile[1:10].sum()),
        "levels filled, 1 to 9 ticks behind": float(filled[1:10].mean()),
        "levels filled, 10 to 99 ticks behind": float(filled[10:100].mean()),
        "levels filled, 100 to 199 ticks behind": float(filled[100:].mean()),
        "depth of 99 ticks over the touch": float(profile[1:100].sum() / profile[0]),
        "trade sizes: ninth decile over median": ratio(trades, 90, 50),
        "share of tenths of a second in which the middle moves": float((np.diff(middle) != 0).mean()),
    }


def ratio(x: Floats, high: float, low: float) -> float:
    """One percentile over another."""
    a, b = np.percentile(x, [high, low])
    return float(a / b)
