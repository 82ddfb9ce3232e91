"""Simple detectors of planted edges: each gives an estimate of the strength and how sure it is, from prices alone.

None of them knows where anything was planted. `found` asks for 5 % of false alarms where nothing is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ONE_SIDED = 1.645
SIZE = 0.05  # of false alarms
# Dickey and Fuller's 5 % is at -2.86, for prices that never come back. Here ranges pull every price back a little, so
# the limit is what 5 % of 1,000 markets without a pair go beyond (`make synthetic ARGS=limits`, other seeds).
PAIR_LIMIT = -3.26
SECOND = 1_000_000_000


class Found(NamedTuple):
    """What a detector says."""

    strength: float
    score: float
    found: bool


def above_chance(terms: Floats, block: int = 60, draws: int = 999) -> tuple[float, bool]:
    """Is a sum of terms above what the signs of its blocks give by chance? (standard score, whether in 5 % or fewer).

    Where nothing is planted a block's sum is as often above zero as below it, so its sign can be drawn anew. Heavy
    tails, volatility that clusters, and terms that depend on their neighbours are all kept inside the blocks.
    """
    whole = terms[: terms.size // block * block].reshape(-1, block).sum(axis=1)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (draws, whole.size))
    seen = float(whole.sum())
    as_high = 1 + int((signs @ whole >= seen).sum())
    spread = float(np.sqrt((whole * whole).sum()))
    return (seen / spread if spread else 0.0), as_high <= SIZE * (draws + 1)


def leader(lead: Floats, follow: Floats) -> Found:
    """Do signs of one series' returns come back in the other's next ones, more than the other way round?

    What both ways share, a trend of the whole market, leads nowhere. The estimate is the correlation of normals.
    """
    a, b = np.sign(np.diff(np.log(lead))), np.sign(np.diff(np.log(follow)))
    more = a[:-1] * b[1:] - b[:-1] * a[1:]
    return Found(float(np.sin(np.pi / 2.0 * more.mean())), *above_chance(more))


def pair(first: Floats, second: Floats) -> Found:
    """Does the logarithm of their ratio come back? Dickey and Fuller's regression of its changes on where it stands."""
    s = np.log(second / first)
    change, at = np.diff(s), s[:-1] - s[:-1].mean()
    change = change - change.mean()
    slope = float((change * at).sum() / (at * at).sum())
    rest = change - slope * at
    score = slope / float(np.sqrt((rest * rest).sum() / (rest.size - 2) / (at * at).sum()))
    return Found(-slope, score, score < PAIR_LIMIT)


def breakout(close: Floats, high: Floats, low: Floats, span: int = 60, usual: int = 1440) -> Found:
    """Does the way out of an hour's range go on for half an hour, more after quiet hours than after others?

    Quiet is below three tenths of the day's usual volatility. Where the market trends every way out goes on a little,
    so other hours are what quiet ones are held against. The estimate is in deviations a bar, the day's.
    """
    r = np.diff(np.log(close), prepend=np.log(close[0]))
    total = np.concatenate([np.zeros(1), np.cumsum(r * r)])
    t = np.arange(usual, close.size - 2 * span)
    hour = np.sqrt((total[t + 1] - total[t + 1 - span]) / span)
    day = np.sqrt((total[t + 1] - total[t + 1 - usual]) / usual)
    windows = np.lib.stride_tricks.sliding_window_view
    calm = np.concatenate([np.full(9, np.inf), windows(hour / day, 10).min(axis=1)])  # it may have ended minutes ago
    top, bottom = windows(high, span).max(axis=1), windows(low, span).min(axis=1)  # [k]: of bars k to k + span - 1
    outcomes: tuple[list[float], list[float]] = ([], [])
    for group, chosen in ((0, np.flatnonzero(calm < 0.3)), (1, np.flatnonzero(calm >= 0.6))):
        free = 0
        for k in chosen.tolist():
            at = int(t[k])
            far = 1.0 + float(day[k])  # beyond the range by a usual bar: a quiet market leaves its range all the time
            above, below = close[at + 1] > top[at - span + 1] * far, close[at + 1] < bottom[at - span + 1] / far
            side = 1.0 if above else -1.0 if below else 0.0
            if at < free or side == 0.0:
                continue
            gone = float(np.log(close[at + 1 + span // 2] / close[at + 1]))
            outcomes[group].append(side * gone / (float(day[k]) * (span // 2)))
            free = at + span
    quiet, others = (np.array(x) for x in outcomes)
    if quiet.size < 5 or others.size < 5:
        return Found(0.0, 0.0, False)
    strength = float(quiet.mean() - others.mean())
    score = strength / float(np.sqrt(quiet.var(ddof=1) / quiet.size + others.var(ddof=1) / others.size))
    return Found(strength, score, score > ONE_SIDED)


def middles(feed: Any, every_ns: int) -> tuple[Floats, Floats]:
    """Of a synthetic feed on a grid of the exchange's time: the middle price, and net market orders since the last."""
    from huracan.data.events import QUOTE, TRADE

    assert (feed.kind == QUOTE).any(), "the feed needs its quotes"
    edges = np.arange(feed.exchange_ns[0] + every_ns, feed.exchange_ns[-1], every_ns)
    sides = []
    for side in (1, -1):
        rows = np.flatnonzero((feed.kind == QUOTE) & (feed.side == side))
        last = np.searchsorted(feed.exchange_ns[rows], edges, side="right") - 1
        sides.append(feed.price[rows[np.maximum(last, 0)]])
    trades = np.flatnonzero(feed.kind == TRADE)
    first = np.diff(feed.exchange_ns[trades], prepend=-1) != 0  # one of an order that walks several levels
    trades = trades[first]
    total = np.concatenate([np.zeros(1), np.cumsum(feed.side[trades].astype(np.float64))])
    upto = total[np.searchsorted(feed.exchange_ns[trades], edges, side="right")]
    return (sides[0] + sides[1]) / 2.0, np.diff(upto, prepend=0.0)


def toxic(feed: Any) -> Found:
    """Does the price go on where a second's market orders went? The strength is what the truth says, see `informed`."""
    middle, flow = middles(feed, SECOND)
    both = np.sign(flow[:-1]) * np.sign(np.diff(middle))
    both = both[both != 0.0]
    return Found(informed(feed), *above_chance(both, block=5))


def informed(feed: Any) -> float:
    """Beyond a half, twice the share of market orders in the second before each true jump that go where it goes."""
    from huracan.data.events import TRADE

    trades = np.flatnonzero(feed.kind == TRADE)
    trades = trades[np.diff(feed.exchange_ns[trades], prepend=-1) != 0]
    nxt = np.searchsorted(feed.jump_ns, feed.exchange_ns[trades], side="right")
    inside = (nxt < feed.jump_ns.size) & (nxt > 0)
    trades, nxt = trades[inside], nxt[inside]
    near = feed.jump_ns[nxt] - feed.exchange_ns[trades] < SECOND
    settled = feed.exchange_ns[trades] - feed.jump_ns[nxt - 1] > SECOND // 10  # not the sweep after the last jump
    way = np.sign(feed.jump_ticks[nxt] - feed.jump_ticks[nxt - 1])
    right = (feed.side[trades] == way)[near & settled]
    return float(2.0 * right.mean() - 1.0)


def leading_feed(lead: Any, follow: Any) -> Found:
    """Does the middle of one book follow the other's a second later, more than the other way round?

    Both see what moves the market some moments late, now the one and now the other first. The estimate is the
    correlation of moves of a second.
    """
    a, b = (np.diff(np.log(middles(feed, SECOND)[0])) for feed in (lead, follow))
    n = min(a.size, b.size)
    a, b = a[:n] - a[:n].mean(), b[:n] - b[:n].mean()
    scale = float(np.sqrt((a[:-1] ** 2).sum() * (b[1:] ** 2).sum()))
    return Found(float((a[:-1] * b[1:]).sum()) / scale, *above_chance(a[:-1] * b[1:] - b[:-1] * a[1:], block=5))
