"""The line between the parts: what decides has a ledger of its own and knows only what it was told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from huracan.law_money import money_faults
from huracan.law_runs import Run, Trial, advance, lane_of, records_difference, start, state, state_difference, whole
from huracan.laws import chunks_dont_matter, happened, lanes_dont_matter, snapshots_go_on
from huracan.sim.builds import Groups
from huracan.sim.layout import NEVER, State
from huracan.sim.linker import Linked
from tests import engine
from tests.laws.cases import HAPPENED, MINUTE, QUICK, case, enough, fuzz_case, memory_build, seeds
from tests.oracle_records import Instrument, Settings

SECOND = 10**9
LATE = (1, 20 * SECOND, MINUTE - 1, MINUTE, 3 * MINUTE + 5)
OWN = ("own_acct", "own_orders", "own_positions", "p", "u", "feats", "feats1", "wide", "wide1")
MONEY = ("cash", "equity", "fees", "funding", "interest", "bankrupt")
HELD = ("qty", "avg_price", "mark")
KNOWN_LATER = ("peak", "entry_row")  # belong to the moment at which it was known


@cache
def split_build() -> Linked:
    """Two ledgers; any number of instruments."""
    return engine.linked_for(2, Groups(split=1))


@cache
def alone_build() -> Linked:
    """What decides, without a venue."""
    return engine.linked_for(2, Groups(split=1, venue=0))


def trials(linked: Linked, first: int, n: int, lanes: int = 1) -> list[Trial]:
    """Random cases and the second engine's, on one build."""
    found = []
    for seed in seeds(first, n):
        found += [case(seed, lanes=lanes).trial(linked), fuzz_case(seed).trial(linked)]
    return found


def late(trial: Trial, response_ns: int) -> Trial:
    """The same with reports that take time."""
    settings = trial.settings.copy()
    settings["response_ns"] = response_ns
    return replace(trial, settings=settings)


def apart(run: Run, skip: tuple[str, ...] = KNOWN_LATER) -> list[str]:
    """Where the two ledgers of a run differ. A bankrupt account's venue keeps no marks any more."""
    a, b = np.asarray(run.lanes.acct), np.asarray(run.lanes.own_acct)
    p, q = np.asarray(run.lanes.positions), np.asarray(run.lanes.own_positions)
    money = [n for n in (*MONEY, "peak") if n not in skip and not np.array_equal(a[n], b[n])]
    held = HELD[:2] if a["bankrupt"][0] else HELD
    return money + [n for n in (*held, "entry_row") if n not in skip and not np.array_equal(p[n], q[n])]


def test_without_latency_two_ledgers_are_one() -> None:
    did: Counter[str] = Counter()
    for trial in trials(split_build(), 0, 60):
        two, one = whole(trial, [0]), whole(replace(trial, linked=memory_build()), [0])
        assert records_difference(one, two) == ""
        assert state_difference(state(one), state(two), skip_of(one)) == "", trial.name
        assert not apart(two, ())
        did.update(happened(one))
    assert enough(did, 20, *HAPPENED), did


def skip_of(run: Run) -> dict[str, tuple[str, ...]]:
    """What two ledgers have and one has not, and what the account of one of them leaves to the other."""
    names = ("own_acct", "own_orders", "own_positions", "told", "reports", "mail", "orders")
    counted = ("next_id", "first_new", "n_new", "last_slot", "n_requests", "counts")
    return dict.fromkeys(names, ("*",)) | {"acct": counted}


@pytest.mark.parametrize("response_ns", LATE)
def test_when_all_has_arrived_the_ledgers_are_equal(response_ns: int) -> None:
    """Money is conserved in both, and once nothing is under way both say the same; before that they do differ."""
    differed = 0
    did: Counter[str] = Counter()
    for trial in trials(split_build(), 100, 20):
        t = late(trial, response_ns)
        assert not list(money_faults(t, 0))
        run = start(t)
        for row in range(1, t.tape.rows + 1):
            advance(t, run, row)
            mail = run.lanes.mail[0]
            assert mail["lost"] == 0
            if mail["head"] == mail["tail"]:
                assert not apart(run), (t.name, row)
            else:
                differed += bool(apart(run))
        did.update(happened(run))
    assert differed > (2 if QUICK else 20)
    assert enough(did, 20, "fills", "rejections", "cancels"), did


def test_the_other_laws_hold_with_late_reports() -> None:
    rng = np.random.default_rng(3)
    did: Counter[str] = Counter()
    for i, trial in enumerate(trials(split_build(), 200, 10, lanes=3)):
        t = late(trial, LATE[i % len(LATE)])
        for law in (
            chunks_dont_matter(t, rng, (1, 5)),
            lanes_dont_matter(t, rng),
            snapshots_go_on(t, (t.tape.rows // 2,)),
        ):
            assert not [f for f in law if not f.ok]
        did.update(happened(whole(t)))
    assert enough(did, 20, "fills", "rejections", "cancels"), did


def test_spoiling_the_venue_changes_no_decision_before_the_next_report() -> None:
    decided = spoilt = 0
    for trial in trials(split_build(), 300, 25):
        t = late(trial, 4 * MINUTE)
        for row in range(2, t.tape.rows - 1, 7):
            clean, dirty = advance(t, start(t), row), advance(t, start(t), row)
            spoil(dirty)
            heads = [int(r.lanes.mail[0]["head"]) for r in (clean, dirty)]
            orders = int(clean.lanes.own_acct[0]["next_id"])
            for until in range(row + 1, t.tape.rows + 1):
                advance(t, clean, until)
                advance(t, dirty, until)
                news = [first_news(r, head) for r, head in zip((clean, dirty), heads, strict=True)]
                if min(news) <= int(clean.lanes.own_acct[0]["ts_ns"]):
                    break
                assert own_difference(clean, dirty) == "", (t.name, row, until)
                decided += int(clean.lanes.own_acct[0]["next_id"]) - orders
                orders = int(clean.lanes.own_acct[0]["next_id"])
            spoilt += 1
    assert spoilt > (5 if QUICK else 50)
    assert decided > (10 if QUICK else 100)


def spoil(run: Run) -> None:
    """Every record of the venue says something else; what is under way to the other side stays."""
    lanes = run.lanes
    for records in (lanes.acct, lanes.positions, lanes.desks, lanes.stats):
        a = np.asarray(records)
        for name in a.dtype.names or ():
            if a.dtype[name].kind == "f":
                a[name] = 123.25
    for name in ("cash", "equity"):
        np.asarray(lanes.acct)[name] = 1e9
    orders = np.asarray(lanes.orders)
    orders["state"] = np.where(orders["state"] == State.LIVE, State.EMPTY, orders["state"])
    np.asarray(lanes.desks)["wake_row"] = 0
    np.asarray(lanes.positions)["qty"] = -7.0


def first_news(run: Run, head: int) -> int:
    """When the first report arrives that was written after `head`."""
    lanes = run.lanes
    if int(lanes.mail[0]["head"]) == head:
        return NEVER
    return int(np.asarray(lanes.reports)[0]["arrive_ns"][head % lanes.reports.shape[1]])


def own_difference(a: Run, b: Run) -> str:
    """Where two runs' records of what decides differ."""
    x, y = state(a), state(b)
    return state_difference({n: x[n] for n in OWN}, {n: y[n] for n in OWN})


def with_room(run: Run, room: int) -> Run:
    """The same lane with a ring that is never written over."""
    shape = run.lanes.reports
    wide: Any = np.zeros((1, room), np.asarray(shape).dtype)
    return replace(run, lanes=run.lanes._replace(reports=wide.view(type(shape))))


@pytest.mark.parametrize("response_ns", [0, *LATE])
def test_what_decides_replays_from_what_it_was_told(response_ns: int) -> None:
    """Bars and reports alone, with the moments at which they were heard, give the same bytes row for row."""
    heard = 0
    did: Counter[str] = Counter()
    for trial in trials(split_build(), 400, 10):
        t = late(trial, response_ns)
        room = 40 * t.tape.rows * t.slots * len(t.tape.series)
        told = with_room(start(t), room)
        log = advance(t, told, t.tape.rows).lanes
        again = replace(t, linked=alone_build())
        replayed = with_room(start(again), room)
        taken = int(log.mail[0]["tail"])
        np.asarray(replayed.lanes.reports)[0, :taken] = np.asarray(log.reports)[0, :taken]
        np.asarray(replayed.lanes.mail)["head"] = taken
        advance(again, replayed, t.tape.rows)
        assert own_difference(told, replayed) == "", t.name
        assert int(replayed.lanes.mail[0]["tail"]) == taken
        heard += taken
        did.update(happened(told))
    assert heard > (50 if QUICK else 500)
    assert enough(did, 20, "fills"), did


def test_a_late_report_is_late() -> None:
    """A market order fills at the next open, at minute 1; after a minute and a half it is known.

    The decision at minute 2 knows of no position to close, that at minute 3 does.
    """
    rows = [(k * MINUTE, 100.0, 101.0, 99.0, 100.0, 1000.0) for k in range(8)]
    market = [Instrument(name, MINUTE, rows, tick=(1, 1)) for name in "AB"]
    script = {(0, 0): [("buy", 5.0)], (1, 0): [("close",)], (2, 0): [("close",)]}
    at_once = engine.run(market, Settings(), script, groups=Groups(split=1))
    assert [(f[0] // MINUTE, f[2] * f[3]) for f in at_once.fills] == [(1, 5.0), (2, -5.0)]
    slow = engine.run(market, Settings(latency_response_ns=3 * MINUTE // 2), script, groups=Groups(split=1))
    assert [(f[0] // MINUTE, f[2] * f[3]) for f in slow.fills] == [(1, 5.0), (3, -5.0)]
    assert slow.rejections == {}


def test_cancels_may_come_too_late() -> None:
    """A fill overtakes a cancel: the order is gone, nothing is counted, and the position is real."""
    rows = [(k * MINUTE, 100.0, 100.0, 100.0 - 5.0 * (k == 2), 100.0, 1000.0) for k in range(6)]
    market = [Instrument(name, MINUTE, rows, tick=(1, 1)) for name in "AB"]
    script = {(0, 0): [("limit", 1, 2.0, 97.0)], (2, 0): [("cancel_last",)]}
    out = engine.run(market, replace(Settings(), latency_response_ns=MINUTE // 2), script, groups=Groups(split=1))
    assert [(f[0] // MINUTE, f[2], f[4]) for f in out.fills] == [(3, 1, 97.0)]
    assert "cancelled" not in out.rejections
    assert out.positions == [2.0, 0.0]


def test_a_lane_is_its_own_whatever_its_latency() -> None:
    """Lanes of one block have latencies of their own, and each is the lane alone."""
    for seed in seeds(500, 6):
        t = case(seed, lanes=len(LATE)).trial(split_build())
        settings = t.settings.copy()
        settings["response_ns"] = LATE
        t = replace(t, settings=settings)
        block = state(whole(t))
        for lane in range(len(LATE)):
            one = lane_of(block, lane)
            assert state_difference(one, state(whole(t, [lane])), {"reports": ("*",)}) == ""
