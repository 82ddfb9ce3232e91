"""What `huracan data fetch` shows: a bar a series while it runs, then a table."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huracan.data import store
from huracan.data.instants import format_ns

if TYPE_CHECKING:
    from huracan.data.fetching import Outcome, TellSeries
    from huracan.data.store_kinds import Series

EVERY = 15.0  # seconds between two lines where stderr is no terminal


@contextlib.contextmanager
def fetching(wanted: Sequence[Series]) -> Iterator[TellSeries]:
    """Progress on stderr: in a terminal a bar a series with the time it will still take, else a line now and then."""
    if not sys.stderr.isatty():
        yield _lines(wanted)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]:,}"))
    console = Console(stderr=True)
    with Progress(*columns, TextColumn("rows"), TimeRemainingColumn(), console=console, transient=True) as bars:
        tasks = [bars.add_task(str(series), total=None, rows=0, markup=False) for series in wanted]

        def tell(k: int, done: int, rows: int, total: int) -> None:
            bars.update(tasks[k], completed=done / 1e9, total=max(total, 1) / 1e9, rows=rows)

        yield tell


def _lines(wanted: Sequence[Series]) -> TellSeries:
    begun = said = time.monotonic()
    state: dict[int, tuple[float, int]] = {}
    first: dict[int, float] = {}

    def tell(k: int, done: int, rows: int, total: int) -> None:
        nonlocal said
        share = min(done / max(total, 1), 1.0)
        first.setdefault(k, share)
        state[k] = (share, rows)
        now = time.monotonic()
        if now - said < EVERY:
            return
        said = now
        all_rows = sum(r for _, r in state.values())
        got = sum(s - first[i] for i, (s, _) in state.items())
        left = sum(1.0 - s for s, _ in state.values()) + len(wanted) - len(state)
        words = f", about {(now - begun) * left / got / 60:.0f} min left" if got > 0 else ""
        share = 1.0 - left / len(wanted)
        print(f"{share:.0%} of {len(wanted)} series, {all_rows:,} rows{words}", file=sys.stderr, flush=True)

    return tell


def fetched(outcomes: Sequence[Outcome], venue: Any, root: Path) -> dict[str, Any]:
    """What was fetched, for programs."""
    found = []
    for each in outcomes:
        held = store.span(root, each.series)
        found.append(
            {
                "symbol": each.series.symbol,
                "kind": each.series.kind,
                "timeframe": each.series.timeframe or None,
                "new_rows": each.rows,
                "held_rows": held.rows if held else 0,
                "first": _iso(held.first_ns) if held else None,
                "last": _iso(held.last_ns) if held else None,
                "bars_not_at_venue": each.empty_bars,
                "unusable_rows": each.dropped,
                "cut_instants": each.cut_instants,
                "first_cut": _iso(each.first_cut_ns) if each.first_cut_ns else None,
                "nothing_before": _iso(each.begins_ns) if each.begins_ns else None,
                "failed": each.failed,
            }
        )
    return {
        "venue": outcomes[0].series.venue if outcomes else None,
        "store": str(root),
        "series": found,
        "asked_again": venue.retries,
        "waited_s": round(venue.waited, 3),
    }


def _iso(ns: int) -> str:
    return format_ns(ns).replace(" ", "T") + "Z"


def show_fetched(outcomes: Sequence[Outcome], venue: Any, root: Path) -> None:
    """The same for people."""
    from rich.console import Console

    from huracan.terminal import _table

    rows = []
    for each in outcomes:
        held = store.span(root, each.series)
        span = f"{format_ns(held.first_ns)} to {format_ns(held.last_ns)}" if held else "-"
        rows.append((str(each.series), f"{each.rows:,}", f"{held.rows if held else 0:,}", span, _said(each)))
    Console().print(_table(("series", "new rows", "held", "from, to", "said"), rows))
    if venue.retries or venue.waited:
        print(f"asked again {venue.retries} times; waited {venue.waited:.0f} s because the venue said so")
    print(f"store: {root}")


def _said(each: Outcome) -> str:
    words = [
        (each.empty_bars, "bars that the venue has not"),
        (each.dropped, "rows without a usable price"),
    ]
    said = [f"{n:,} {what}" for n, what in words if n]
    if each.cut_instants:
        said.append(
            f"{each.cut_instants:,} instants with more trades than a page, first {format_ns(each.first_cut_ns)}: "
            "the venue's interface goes no further into an instant, so some of their trades are missing"
        )
    if each.begins_ns:
        said.append(f"nothing before {format_ns(each.begins_ns)} was given: the venue may keep its newest rows only")
    return "; ".join(said + ([f"failed: {each.failed}"] if each.failed else []))


def say_failures(outcomes: Sequence[Outcome]) -> int:
    """One line on stderr for each series that failed, and the exit code."""
    failed = [each for each in outcomes if each.failed]
    for each in failed:
        print(f"huracan: failed: {each.series}: {each.failed}", file=sys.stderr)
    if failed:
        print("huracan: what was fetched is stored; the same command goes on from there", file=sys.stderr)
    return 1 if failed else 0
