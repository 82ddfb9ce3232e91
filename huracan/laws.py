"""The laws, as functions of a trial: each runs it in another way and says where the two differ.

`huracan check FILE.py:name` puts a user's strategy through them on synthetic markets (law_check.py); the tests put
everything through them that is shipped, and any list of orders besides. Law 3 needs a second process (law_plain.py),
law 6 lists of orders, law 8 a declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from huracan.law_money import money_faults
from huracan.law_runs import (
    Records,
    Run,
    Trial,
    advance,
    copy_state,
    lane_of,
    part_way,
    recorder_for,
    records_difference,
    start,
    state,
    state_difference,
    whole,
)
from huracan.sim import layout
from huracan.sim.layout import SPARE, Reason
from huracan.sim.linker import Linked
from huracan.sim.series import Bars, Payments
from huracan.sim.tape import Tape, build_tape, chunk

LAWS = {
    1: "chunks don't matter",
    2: "lanes don't matter",
    3: "the compiler doesn't matter",
    4: "no peeking",
    5: "money is conserved",
    6: "worse is not better",
    7: "a snapshot goes on to the same bytes",
    8: "bad input has a name",
}
NOT_REFUSED = (
    Reason.CANCELLED,
    Reason.BRACKET_EXIT,
    Reason.POSITION_CLOSED,
    Reason.EXPIRED,
    Reason.TIME_EXIT,
    Reason.DUST,
)
ENDED = (
    *NOT_REFUSED[:5],
    Reason.IOC_UNFILLED,
    Reason.FOK_UNFILLED,
    Reason.MARKET_REMAINDER,
    Reason.LIQUIDATED,
    Reason.BANKRUPT,
)


@dataclass(frozen=True)
class Finding:
    """One case of a law: `what` was compared, and `where` the first difference is if it is not `ok`."""

    law: int
    ok: bool
    what: str
    where: str = ""


@dataclass(frozen=True)
class Checked:
    """What all laws but the third said of a strategy, how plain Python's results are held against it, what it did."""

    findings: list[Finding]
    compare: Callable[[Any], Iterator[Finding]]
    happened: dict[str, int]


def found(law: int, trial: Trial, what: str, where: str) -> Finding:
    """A finding; `where` is "" if all is well."""
    return Finding(law, not where, f"{trial.name}: {what}", where)


def chunks_dont_matter(trial: Trial, rng: np.random.Generator, sizes: Sequence[int] = (1, 7)) -> Iterator[Finding]:
    """Law 1: state, statistics and records after any split of the tape are those after one chunk.

    Also when the recorder is full again and again.
    """
    rows = trial.tape.rows
    one = whole(trial)
    some = sorted(int(x) for x in rng.integers(1, max(rows, 2), size=min(rows, 9)))
    splits = {f"{size} rows at a time": list(range(0, rows, size)) for size in sizes} | {f"split at {some}": some}
    for words, edges in splits.items():
        other = advance(trial, start(trial), rows, edges)
        where = state_difference(state(one), state(other)) or columns_difference(one, other)
        yield found(1, trial, words, where)
    if trial.linked.groups.record:
        alone = whole(trial, [0])
        for words, edges in splits.items():
            other = advance(trial, start(trial, [0]), rows, edges, small=True)
            yield found(1, trial, f"records, {words}", records_difference(alone, other))


def columns_difference(a: Run, b: Run) -> str:
    """Whether the features go on from different bytes."""
    return "" if a.columns.snapshot() == b.columns.snapshot() else "the state of the features"


def lanes_dont_matter(trial: Trial, rng: np.random.Generator) -> Iterator[Finding]:
    """Law 2: a lane alone, in another order, in blocks and on threads is the lane within the whole block."""
    n = trial.lanes
    block = state(whole(trial))
    for lane in range(n):
        alone = state(whole(trial, [lane]))
        yield found(2, trial, f"lane {lane} alone", state_difference(lane_of(block, lane), alone))
    order = [int(i) for i in rng.permutation(n)]
    shuffled = state(whole(trial, order))
    wrong = [state_difference(lane_of(block, lane), lane_of(shuffled, at)) for at, lane in enumerate(order)]
    yield found(2, trial, f"lanes in the order {order}", next(filter(None, wrong), ""))
    yield found(2, trial, "two threads on one block", state_difference(block, state(on_threads(trial))))


def on_threads(trial: Trial) -> Run:
    """The whole tape, the lanes of one block shared out to two threads."""
    run = start(trial)
    rows = trial.tape.rows
    view = chunk(trial.tape, 0, rows, spread_from_data=trial.spread_from_data)
    table = np.full((max(run.columns.rows, 1), rows + SPARE), np.nan)
    run.columns.fill(view, table, rows)
    half = (trial.lanes + 1) // 2

    def share(lanes: tuple[int, int]) -> None:
        with np.errstate(all="ignore"):
            rec = recorder_for(trial, rows)
            trial.linked.entry(view, table, run.lanes, *run.gates, rec, *lanes, 0, rows, 0, trial.last_row)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(share, [(0, half), (half, trial.lanes)]))
    return run


def builds_dont_matter(trial: Trial, other: Linked, words: str) -> Iterator[Finding]:
    """Law 2: another build of the same strategy gives the same account, statistics, positions and working orders.

    What only one of them keeps may differ: excursions, which a build without records leaves out, whether an order has
    met the market before, which a build for market orders alone never asks, and what lies in free slots.
    """
    a, b = whole(trial), whole(replace(trial, linked=other))
    skip: dict[str, tuple[str, ...]] = {"orders": ("*",)}
    if trial.linked.groups.record != other.groups.record:
        skip["desks"] = ("mae", "mfe")
    where = state_difference(state(a), state(b), skip)
    same = trial.linked.groups.resting == other.groups.resting
    yield found(2, trial, words, where or working_difference(a, b, () if same else ("arrived",)))
    if trial.linked.groups.record and other.groups.record:
        alone, there = whole(trial, [0]), whole(replace(trial, linked=other), [0])
        yield found(2, trial, f"{words}, records", records_difference(alone, there))


def working_difference(a: Run, b: Run, but: Sequence[str] = ()) -> str:
    """Where the orders differ that still work, `but` in these fields; a free slot may hold anything."""
    x, y = (
        np.where(o["state"] != 0, o, np.zeros(1, layout.order)) for o in (np.asarray(r.lanes.orders) for r in (a, b))
    )
    return state_difference({"orders": x}, {"orders": y}, {"orders": tuple(but)} if but else {})


def no_peeking(trial: Trial, cuts: Sequence[int]) -> Iterator[Finding]:
    """Law 4: up to row t nothing depends on what comes after it, whether that is cut off or replaced."""
    s = trial.settings.copy()
    s["close_at_end"] = 0  # the end of the tape is no secret of the future: it is when the run ends
    trial = replace(trial, settings=s)
    full = whole(trial, [0])
    for t in cuts:
        here = part_way(trial, t + 1)
        alone = part_way(trial, t + 1, [0])
        yield found(4, trial, f"records up to row {t} of the whole", prefix_difference(alone, full))
        for words, tape in (("cut off", cut_tape(trial, t)), ("replaced", other_future(trial, t))):
            if tape is None:
                continue
            there = replace(trial, tape=tape)
            where = state_difference(state(here), state(part_way(there, t + 1)))
            yield found(4, trial, f"all after row {t} {words}", where)
            if trial.linked.groups.record:
                where = records_difference(alone, part_way(there, t + 1, [0]))
                yield found(4, trial, f"records, all after row {t} {words}", where)


def prefix_difference(part: Run, full: Run) -> str:
    """Where the first records of a whole run are not those of its part."""
    shorter = Run(full.lanes, full.gates, full.columns, 0, ([], [], []))
    for i in range(3):
        shorter.parts[i].append(full.written(i)[: len(part.written(i))])
    return records_difference(part, shorter)


def cut_tape(trial: Trial, t: int) -> Tape | None:
    """The tape up to row t; None if an instrument has no bar by then."""
    end = int(trial.tape.close_ns[t])
    return rebuilt(
        trial,
        [first_bars(s.rows(0, len(s)), end) for s in trial.tape.series],
        [first_bars(s, end) for s in trial.tape.fine],
    )


def other_future(trial: Trial, t: int) -> Tape | None:
    """The tape with other bars after row t.

    Time runs backwards there, every third bar is missing and funding has another sign.
    """
    end = int(trial.tape.close_ns[t])
    return rebuilt(
        trial,
        [reversed_after(s.rows(0, len(s)), end) for s in trial.tape.series],
        [reversed_after(s, end) for s in trial.tape.fine],
        end,
    )


def rebuilt(trial: Trial, series: list[Bars], fine: list[Bars], flip_after: int | None = None) -> Tape | None:
    """A tape of these bars with the payments and the warm-up of the trial's."""
    if not all(len(s.open_ns) for s in series):
        return None
    payments: list[Payments | None] = []
    for k in range(len(series)):
        own = trial.tape.payments[trial.tape.payments["inst"] == k]
        rate = own["rate"].copy()
        if flip_after is not None:
            rate[own["ts_ns"] > flip_after] *= -3.0
        payments.append(Payments(own["ts_ns"].copy(), rate, own["mark"].copy()) if len(own) else None)
    tape = build_tape(series, payments, warmup=trial.tape.first_live, window=trial.window, fine=fine)
    return replace(tape, rules=trial.tape.rules)


def first_bars(s: Bars, end_ns: int) -> Bars:
    """Bars that have closed by end_ns."""
    return bars_of(s, np.flatnonzero(s.open_ns + s.timeframe_ns <= end_ns), {})


def reversed_after(s: Bars, end_ns: int) -> Bars:
    """The same bars up to end_ns; then those of the future, last first and upside down in time, two out of three."""
    late = s.open_ns + s.timeframe_ns > end_ns
    order = np.arange(len(late))
    order[late] = order[late][::-1]
    keep = np.flatnonzero(~late | (np.arange(len(late)) % 3 != 0))
    swapped = {
        "open_ns": s.open_ns,
        "open": np.where(late, s.close[order], s.open),
        "high": s.high[order],
        "low": s.low[order],
        "close": np.where(late, s.open[order], s.close),
    }
    if s.volume is not None:
        swapped["volume"] = np.where(late, 2.0 * s.volume[order] + 1.0, s.volume)
    if s.half_spread_bps is not None:
        swapped["half_spread_bps"] = np.where(late, 2.0 * s.half_spread_bps, s.half_spread_bps)
    return bars_of(s, keep, swapped)


def bars_of(s: Bars, keep: Records, columns: dict[str, Records]) -> Bars:
    """Bars at these places of an instrument's columns, some of which may be given anew."""
    names = ("open_ns", "open", "high", "low", "close", "volume", "half_spread_bps")
    given = {name: columns.get(name, getattr(s, name)) for name in names}
    kept: dict[str, Any] = {name: None if column is None else column[keep] for name, column in given.items()}
    return replace(s, **kept)


def money_is_conserved(trial: Trial) -> Iterator[Finding]:
    """Law 5, lane by lane: law_money.py."""
    for lane in range(trial.lanes):
        yield found(5, trial, f"lane {lane}", next(iter(money_faults(trial, lane)), ""))


def snapshots_go_on(trial: Trial, rows: Sequence[int]) -> Iterator[Finding]:
    """Law 7, its snapshot half: state bytes that were copied in the middle of a run go on to the same bytes."""
    full = whole(trial)
    for row in rows:
        copied = copy_state(trial, advance(trial, start(trial), row))
        advance(trial, copied, trial.tape.rows)
        where = state_difference(state(full), state(copied)) or columns_difference(full, copied)
        yield found(7, trial, f"a snapshot after row {row}", where)


def happened(run: Any) -> dict[str, int]:
    """What a run's lanes did, added up: a law that was held against nothing has not been tested."""
    stats, acct = np.asarray(run.lanes.stats), np.asarray(run.lanes.acct)
    counts = stats["counts"].sum(axis=0) + acct["counts"].sum(axis=0)
    refused = sum(int(counts[r]) for r in Reason if r not in (*NOT_REFUSED, Reason.NONE))
    return {
        "orders": int(stats["orders"].sum()),
        "fills": int(stats["fills"].sum()),
        "partial_fills": int(stats["partial"].sum()),
        "trades": int(stats["trades"].sum()),
        "rejections": refused,
        "cancels": sum(int(counts[r]) for r in ENDED),
        "liquidations": int(stats["liquidations"].sum()),
    }
