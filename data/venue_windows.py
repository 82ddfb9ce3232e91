"""Trades of venues that are asked for a window of time, from when to when, and cut what does not fit on a page.

They may keep a full window's newest trades or its oldest, and their page may be shorter than was asked for. So a window
whose answer is as long as any that came is not believed, but halved; the rest is known to be whole.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

WIDEST_MS = 3_599_000  # mexc takes less than an hour
FEW = 10  # rows that no venue's page is shorter than
EMPTY = 4  # times that a window without any row is asked for
OFTEN = 3  # answers of the same greatest length: that is a page's

# The least window, in ms, of the venues whose fetch_trades takes `until`; Coinbase knows whole seconds only.
LEAST_MS = {"coinbase": 1000, "mexc": 1}

Fetch = Callable[[int, int], Awaitable[Any]]  # (since, until) in ms -> ccxt's rows


async def answer_of(fetch: Fetch, since: int, until: int) -> list[Any]:
    """The rows of a window; none is believed when it was asked for again and again, for it may be a mistake."""
    rows: list[Any] = []
    for _ in range(EMPTY):
        rows = list(await fetch(since, until) or [])
        if rows:
            break
    return rows


@dataclass
class Windows:
    """How wide the next window is; `cut_ms` holds those that can't be halved and may have lost some."""

    least_ms: int
    limit: int
    width_ms: int = WIDEST_MS
    most: int = 0
    times: int = 0  # that the longest answer came
    last_cut_ms: int = -1
    cut_ms: list[int] = field(default_factory=list)

    async def ask(self, fetch: Fetch, since: int) -> Any:
        """The first trades from a time on, up to where a whole window ends; none if there are none in WIDEST_MS."""
        at = since // self.least_ms * self.least_ms
        until = at + WIDEST_MS
        while at < until:
            rows = await answer_of(fetch, at, at + self.width_ms)
            full = self.is_full(len(rows))
            if full and self.width_ms > self.least_ms:
                self.width_ms = max(self.width_ms // 2 // self.least_ms * self.least_ms, self.least_ms)
                continue
            if full and self.is_page(len(rows)):
                self.note_cut(min(row["timestamp"] for row in rows))
            later = [row for row in rows if (row.get("timestamp") or 0) >= since]
            if later:
                end = at + self.width_ms  # of the last instant the window may hold a part only
                self.widen(len(rows))
                return [row for row in later if row["timestamp"] < end] or later
            at += self.width_ms
            self.widen(len(rows))
        return []

    def note_cut(self, ms: int) -> None:
        """A window may hold more than its page, from this time on; the next window may say so again."""
        at = ms // self.least_ms * self.least_ms
        if at != self.last_cut_ms:
            self.cut_ms.append(at)
        self.last_cut_ms = at

    def widen(self, n: int) -> None:
        """A window with few rows may be wider: the market has become quieter."""
        if 2 * n < self.most or n < FEW:
            self.width_ms = min(2 * self.width_ms, WIDEST_MS)

    def is_full(self, n: int) -> bool:
        """Whether an answer may have been cut."""
        self.times = self.times + 1 if n == self.most else 1 if n > self.most else self.times
        full = n >= max(self.most, FEW) or n >= self.limit
        self.most = max(self.most, n)
        return full

    def is_page(self, n: int) -> bool:
        """Whether answers are cut at this length."""
        return n >= self.limit or self.times >= OFTEN
