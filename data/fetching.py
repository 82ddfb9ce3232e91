"""Fetching a series: what the store has not and the venue may have, page by page, into the store.

    holes (wanted, not held, not known to be empty) -> pages from the first missing time on -> gaps again -> append

A page may be short, empty by mistake, doubled or out of order. What is missing inside it is asked for once more; what
the venue does not give then either is noted as empty: nobody asks for it again. Rows are stored every FLUSH_ROWS
rows or FLUSH_SECONDS: that much a killed process loses, and the next one fetches it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.data import store
from huracan.data.emptiness import add_empty, empty_ranges
from huracan.data.intervals import Range, united, without
from huracan.data.store_kinds import ONE_A_TIME, Series, times
from huracan.data.store_writing import NotStored, append
from huracan.data.venue_client import Venue, VenueFailed
from huracan.data.venue_pages import MS, Columns, Pages, id_order, once, pages_of

FLUSH_ROWS = 20_000
FLUSH_SECONDS = 15.0
SETTLED_NS = 3_600_000_000_000  # emptiness younger than this is not noted: the venue may be late
AGAIN = 2  # times that a gap inside a page is asked for
FEW = 10  # rows that no venue's page is shorter than
SECOND = 1_000_000_000
WEEK = 7 * 24 * 3600 * SECOND
EMPTY = 4  # times that a page without any row is asked for, before it is believed

AT_ONCE = 16  # series
LATE_NS = 2_000_000_000  # trades and payments of the last moments may still be on their way

Tell = Callable[[int, int], None]  # ns of time done, rows
TellSeries = Callable[[int, int, int, int], None]  # which series, ns of time done, rows, ns of time in all


@dataclass
class Outcome:
    """What became of one series."""

    series: Series
    rows: int = 0  # new or changed in the store
    served: int = 0
    empty_bars: int = 0  # bars wanted that the venue has not
    dropped: int = 0  # rows that are no data: no price, inside out
    cut_instants: int = 0  # instants with more trades than a page, of which some may be missing
    first_cut_ns: int = 0
    begins_ns: int = 0  # the venue gave nothing before, and may keep its newest rows only
    failed: str | None = None


@dataclass
class Buffer:
    """Rows and emptiness that are not stored yet."""

    pieces: list[Columns] = field(default_factory=list)
    empty: list[Range] = field(default_factory=list)
    rows: int = 0
    since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Wish:
    """What is to be fetched of every series: [since, until), until now where `until_ns` is None."""

    since_ns: int
    until_ns: int | None = None
    recheck: bool = False  # ask again for what the venue did not have before


async def fetch_all(root: Path, venue: Venue, wanted: Sequence[Series], wish: Wish, tell: TellSeries) -> list[Outcome]:
    """Fetch several series at once. One that fails doesn't stop the others; it says why."""
    jobs = [pages_of(venue, series) for series in wanted]  # all names are right before the first is fetched
    now_ns = await venue.now_ms() * MS
    few = asyncio.Semaphore(AT_ONCE)

    async def job(k: int, pages: Pages) -> Outcome:
        finished = now_ns - pages.step_ns + MS if pages.series.timeframe else now_ns - LATE_NS
        until = finished if wish.until_ns is None else min(wish.until_ns, finished)
        work = Work(root, venue, pages, now_ns, lambda done, rows: tell(k, done, rows, until - wish.since_ns))
        async with few:
            return await fetch_series(work, wish.since_ns, until, wish.recheck)

    return await asyncio.gather(*(job(k, pages) for k, pages in enumerate(jobs)))


async def fetch_series(work: Work, since_ns: int, until_ns: int, recheck: bool) -> Outcome:
    """Fetch what lies in [since, until) and is missing; stores what it has when it ends, however it ends."""
    root, pages, outcome = work.root, work.pages, work.outcome
    try:
        wanted = await asyncio.to_thread(holes, root, pages, since_ns, until_ns, recheck)
        done = until_ns - since_ns - sum(hi - lo for lo, hi in wanted)
        try:
            for lo, hi in wanted:
                work.tell(done, outcome.served)
                await work.fill(lo, hi, done)
                done += hi - lo
        finally:
            await work.flush()
        work.tell(done, outcome.served)
        if work.unproven and work.first_ns and not work.pages_on:
            outcome.begins_ns = work.first_ns
        if pages.series.timeframe:
            left = await asyncio.to_thread(missing, root, pages, since_ns, until_ns)
            outcome.empty_bars = sum((hi - lo) // pages.step_ns for lo, hi in left)
    except (VenueFailed, NotStored) as error:
        outcome.failed = str(error)
    return outcome


def missing(root: Path, pages: Pages, since_ns: int, until_ns: int) -> list[Range]:
    """Ranges of the times asked for that the store has no rows of."""
    series, step = pages.series, pages.step_ns
    if not series.timeframe:
        return without(
            (since_ns, until_ns), [(p.first_ns, p.last_ns + max(step, 1)) for p in store.parts(root, series)]
        )
    held = []
    for piece in store.stream(root, series, ["ts"], since_ns, until_ns):
        held += runs(times(piece), step)
    return without((since_ns, until_ns), held)


def holes(root: Path, pages: Pages, since_ns: int, until_ns: int, recheck: bool) -> list[Range]:
    """What must be asked for: missing, and not known to be empty (unless that is to be looked at again)."""
    known = [] if recheck else empty_ranges(store.series_folder(root, pages.series))
    left = [r for lo_hi in missing(root, pages, since_ns, until_ns) for r in without(lo_hi, known)]
    return united(left)


@dataclass
class Work:
    """One series on its way: the buffer, and what is said of it in the end."""

    root: Path
    venue: Venue
    pages: Pages
    now_ns: int
    tell: Tell
    buffer: Buffer = field(default_factory=Buffer)
    outcome: Outcome = field(init=False)
    answer: list[Any] = field(default_factory=list)  # the venue's last one
    most: int = 0  # rows of the longest answer
    pages_on: bool = (
        False  # an answer went on where one before had ended: the venue gives the first rows, not the newest
    )
    unproven: list[Range] = field(default_factory=list)  # emptiness, if it does
    reached: int = 0  # the last time of which there was a row
    first_ns: int = 0

    begun: bool = False  # the venue's data have been seen to begin

    @property
    def may_leap(self) -> bool:
        """Whether a page without rows tells of what follows: windows see no further than their end."""
        return self.pages.windows is None or not self.begun

    def __post_init__(self) -> None:
        self.outcome = Outcome(self.pages.series)

    async def fill(self, lo: int, hi: int, done: int) -> None:
        """One hole, from its first missing time to its end."""
        at, jump, span = lo, 1, self.pages.span_ns
        doubtful: list[Range] = []  # ahead of rows, in longer and longer leaps
        while at < hi:
            page = await self.page(at, hi)
            if not len(page["ts"]) and await self.ends_before(at, hi):
                self.cut(at)
                at = (at // SECOND + 1) * SECOND
                continue
            if not len(page["ts"]):
                beyond = min(at + jump * span, hi)
                if at < hi - span < beyond:
                    beyond = hi - span  # no leap passes over the last page
                doubtful.append((at, beyond))
                at, jump = beyond, 2 * jump if self.may_leap else 1
                continue
            if doubtful and doubtful[-1][0] + span < at:  # in a leap only the first page was looked at
                at = await self.first_page_with_rows(doubtful[-1][0] + span, at, hi)
                if self.pages.windows is not None:  # whose first trades may be hours apart
                    at = max(lo, at - (at - lo) % MS - WEEK)
                    doubtful = [(lo, at)]
                page = await self.page(at, hi)
                self.begun = True
            jump = 1
            self.believe(doubtful)
            doubtful = []
            if len(page["ts"]):
                self.begun = True
                self.see_paging(page)
                at = await self.take(page, at, hi)
            self.tell(done + at - lo, self.outcome.served)
            await self.flush_if_due()
        self.believe(doubtful)

    def believe(self, ranges: list[Range]) -> None:
        """Times without rows. A venue that only keeps its newest trades answers as if there had been none before."""
        if self.pages.by_time_only and not self.pages_on:
            self.unproven += ranges
        else:
            self.buffer.empty += ranges

    def see_paging(self, page: Columns) -> None:
        """Whether the venue pages on from a time: then what it left out before is empty."""
        last = int(page["ts"][-1])
        if self.reached and last > self.reached and not self.pages_on:
            self.pages_on = True
            self.buffer.empty += self.unproven
            self.unproven = []
        if not self.outcome.served:
            self.first_ns = int(page["ts"][0])
        self.reached = max(self.reached, last)

    async def ends_before(self, at: int, hi: int) -> bool:
        """Whether the venue, which knows whole seconds only, gives a full page of the second before that time in it.

        ccxt leaves out what is before the time that it was asked for, so the whole second is asked for.
        """
        if not self.pages.by_time_only or at % SECOND == 0 or self.pages.windows is not None:
            return False
        await self.page(at // SECOND * SECOND, hi)
        known = [row["timestamp"] for row in self.answer if isinstance(row, dict) and row.get("timestamp")]
        full = len(self.answer) >= max(self.most, FEW)
        return full and bool(known) and max(known) * MS < at

    def cut(self, at: int) -> None:
        """An instant of which not all trades can be had."""
        self.outcome.cut_instants += 1
        self.outcome.first_cut_ns = self.outcome.first_cut_ns or at

    async def page(self, at: int, hi: int, more: dict[str, Any] | None = None) -> Columns:
        """The rows of one page with at <= ts < hi; an empty one is asked for again, it may be a mistake."""
        for _ in range(EMPTY):
            rows = await self.venue.ask(lambda: self.pages.ask(at // MS, dict(more or {})))
            self.answer = list(rows or [])
            self.most = max(self.most, len(self.answer))
            columns, bad = self.pages.read(self.answer)
            if len(columns["ts"]) or bad or self.pages.windows is not None:  # they ask again themselves
                break
        self.outcome.dropped += bad
        while self.pages.windows is not None and self.pages.windows.cut_ms:
            self.cut(self.pages.windows.cut_ms.pop(0) * MS)
        lo = np.searchsorted(columns["ts"], at)
        return {name: column[lo : np.searchsorted(columns["ts"], hi)] for name, column in columns.items()}

    async def first_page_with_rows(self, lo: int, hi: int, end: int) -> int:
        """A time from which on a page has rows, near the first such: the venue's data begins between lo and hi."""
        while hi - lo > self.pages.span_ns:
            middle = lo + (hi - lo) // 2
            middle -= (middle - lo) % max(self.pages.step_ns, MS)
            if len((await self.page(middle, end))["ts"]):
                hi = middle
            else:
                lo = middle + self.pages.span_ns
        return min(lo, hi)

    async def take(self, page: Columns, at: int, hi: int) -> int:
        """Keep a page, after asking again for what is missing in it; gives the time from which to go on."""
        pages = self.pages
        if pages.series.timeframe:
            page = await self.without_gaps(page, at)
        elif pages.numbered:
            page = await self.without_skipped_ids(page, at, hi)
        last = int(page["ts"][-1])
        if pages.step_ns:
            go_on = last + pages.step_ns
        elif last > at:
            go_on = last  # the page may have cut that instant, so the next one begins with it
            page = {name: column[: np.searchsorted(page["ts"], last)] for name, column in page.items()}
        else:
            page = await self.whole_instant(page, at, hi)
            go_on = at + MS
        if not len(page["ts"]):
            return go_on
        self.note_empty(page, at, go_on)
        self.keep(page)
        return go_on

    def keep(self, page: Columns) -> None:
        self.buffer.pieces.append(page)
        self.buffer.rows += len(page["ts"])
        self.outcome.served += len(page["ts"])

    async def without_gaps(self, page: Columns, at: int) -> Columns:
        """Bars with those that the page left out, if the venue has them after all."""
        step, in_vain = self.pages.step_ns, 0
        while in_vain < AGAIN:
            ts = page["ts"]
            late = np.flatnonzero(np.diff(np.append(at - step, ts)) > step)
            if not len(late):
                break
            first = int(ts[late[0] - 1]) + step if late[0] else at
            more = await self.page(first, int(ts[-1]) + step)
            new = ~np.isin(more["ts"], ts)
            in_vain = 0 if new.any() else in_vain + 1
            page = once({name: np.concatenate([page[name], more[name][new]]) for name in page})
        return page

    async def without_skipped_ids(self, page: Columns, at: int, hi: int) -> Columns:
        """Trades whose ids count up, with those that the page left out."""
        in_vain = 0
        while in_vain < AGAIN:
            ids = page["id"].astype(np.int64)
            skipped = np.flatnonzero(np.diff(ids) != 1)
            if not len(skipped):
                break
            more = await self.page(at, hi, {"fromId": int(ids[skipped[0]]) + 1})
            new = ~np.isin(more["id"], page["id"]) & (more["ts"] <= page["ts"][-1])
            in_vain = 0 if new.any() else in_vain + 1
            page = _sorted_trades({name: np.concatenate([page[name], more[name][new]]) for name in page})
        return page

    async def whole_instant(self, page: Columns, at: int, hi: int) -> Columns:
        """All trades of one instant that fills a page by itself."""
        size = len(page["ts"])
        if self.pages.numbered:
            while True:
                more = await self.page(at, hi, {"fromId": int(page["id"][-1]) + 1})
                here = {name: column[more["ts"] == at] for name, column in more.items()}
                new = ~np.isin(here["id"], page["id"])
                page = {name: np.concatenate([page[name], here[name][new]]) for name in page}
                if not new.any() or len(new) < len(more["ts"]):
                    return page
        if self.pages.after is not None:
            while True:
                more = await self.page(at, hi, self.pages.after(self.answer[-1]))
                here = {name: column[more["ts"] == at] for name, column in more.items()}
                new = ~np.isin(here["id"], page["id"])
                page = {name: np.concatenate([page[name], here[name][new]]) for name in page}
                if len(here["ts"]) < len(more["ts"]):
                    return page
                if not new.any():
                    break
        if size >= FEW and len(self.answer) >= self.most and self.pages.windows is None:
            self.cut(at)
        return page

    def note_empty(self, page: Columns, at: int, go_on: int) -> None:
        """Times up to go_on that this page has looked at and that have no rows."""
        ts = page["ts"]
        held = runs(ts, self.pages.step_ns) if self.pages.series.timeframe else [(int(ts[0]), int(ts[-1]) + 1)]
        self.believe(without((at, go_on), held))

    async def flush_if_due(self) -> None:
        due = self.buffer.rows >= FLUSH_ROWS or time.monotonic() - self.buffer.since >= FLUSH_SECONDS
        if due:
            await self.flush()

    async def flush(self) -> None:
        """Store the buffer: rows first, then what is known to be empty."""
        buffer, self.buffer = self.buffer, Buffer()
        self.outcome.rows += await asyncio.shield(asyncio.to_thread(self._store, buffer))

    def _store(self, buffer: Buffer) -> int:
        series, new = self.pages.series, 0
        if buffer.pieces:
            columns = {name: np.concatenate([p[name] for p in buffer.pieces]) for name in buffer.pieces[0]}
            if series.kind not in ONE_A_TIME:
                columns = _sorted_trades(columns)
            new = append(self.root, series, columns)
        settled = [(lo, min(hi, self.now_ns - SETTLED_NS)) for lo, hi in buffer.empty]
        if any(lo < hi for lo, hi in settled):
            add_empty(self.root, series, settled)
        return new


def runs(ts: npt.NDArray[np.int64], step: int) -> list[Range]:
    """Ranges that rows one step apart cover."""
    ends = np.flatnonzero(np.append(np.diff(ts) != step, True))
    starts = np.append(0, ends[:-1] + 1)
    return [(int(ts[a]), int(ts[b]) + step) for a, b in zip(starts, ends, strict=True)]


def _sorted_trades(columns: Columns) -> Columns:
    order = np.lexsort((id_order(columns["id"]), columns["ts"]))
    return {name: column[order] for name, column in columns.items()}
