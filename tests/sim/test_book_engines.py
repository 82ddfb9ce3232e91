"""The book venue against a second engine in plain Python, on random books and random orders: fill by fill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.book_build import build_book
from huracan.book_lanes import BookBlock, book_recorder, drive_book
from huracan.book_machine import Kept, block_of, run_lanes, run_on_tape
from huracan.sim.book_tape import BookTape, build_book_tape
from huracan.sim.declare import param, strategy
from huracan.sim.feed import Feed, FeedRules
from huracan.sim.layout import NEVER, fill
from huracan.sim.orders import buy, limit
from huracan.sim.refusal import Refused
from huracan.sim.series import Rules
from huracan.spec import load_spec
from huracan.spec_records import Spec
from tests.book_dice import dice, waiting_dice
from tests.book_engine import CLEAR, DEPTH, QUOTE, TRADE, Engine, Event, Terms

MS = 1_000_000
LATE = ((0.0, 0.0), (7.0, 4.0), (40.0, 25.0))
QUEUES = ("risk_averse", "power:2", "power:1.5", "power2:2", "power3:3", "log", "log2")


def random_feed(seed: int, n: int = 3000, far: bool = True) -> Feed:
    """A book that wanders: levels change round a middle, takers trade at the touch, a snapshot now and then."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, int, float, float]] = []
    middle = 20_000
    for side in (1, -1):
        rows += [(0, side, 2, float(middle - side * k), float(rng.integers(1, 60))) for k in range(1, 12)]
        if far:
            rows += [(0, side, 2, float(middle - side * k * 9_777), 5.0) for k in (1, 2)]
    while len(rows) < n:
        what = rng.random()
        middle += int(rng.integers(-1, 2)) if rng.random() < 0.1 else 0
        side = 1 if rng.random() < 0.5 else -1
        away = int(rng.geometric(0.35))
        if what < 0.8:
            lots = 0.0 if rng.random() < 0.35 else float(rng.integers(1, 60))
            rows.append((0, side, 1, float(middle - side * away), lots))
        elif what < 0.995:
            rows.append(
                (1, side, 1, float(middle + side * (1 if rng.random() < 0.8 else 3)), float(rng.integers(1, 50)))
            )
        else:
            rows.append((2, 0, 3, 0.0, 0.0))
            for s in (1, -1):
                rows += [(0, s, 2, float(middle - s * k), float(rng.integers(1, 60))) for k in range(1, 9)]
    kind, side_of, flags, price, qty = (np.array(c) for c in zip(*rows, strict=True))
    exch = 1_700_000_000_000_000_000 + np.cumsum(rng.integers(0, 9, len(rows))) * MS
    local = exch + rng.integers(1, 12, len(rows)) * MS
    order = np.argsort(local, kind="stable")
    return Feed(
        "X",
        kind.astype(np.int8)[order],
        side_of.astype(np.int8)[order],
        flags.astype(np.uint8)[order],
        price[order],
        qty[order],
        exch[order],
        local[order],
        Rules("linear", 1, 1, 1.0),
    )


@cache
def tape_of(seed: int) -> BookTape:
    return build_book_tape([random_feed(seed)])


def spec_of(
    queue: str = "risk_averse", partial: bool | str = True, entry: float = 7.0, response: float = 4.0, **more: Any
) -> Spec:
    given: dict[str, Any] = {
        "run": {"order_slots": 12},
        "data": {
            "file": str(Path(__file__)),
            "format": "binance-raw",
            "symbol": "X",
            "timeframe": "1s",
            "rules": {"kind": "linear"},
        },
        "account": {"cash": 1e9, "leverage": 10.0},
        "venue": {
            "queue": queue,
            "partial_fills": partial,
            "latency_ms": {"entry": entry, "response": response},
            "fee_maker_bps": 1.0,
        },
        "strategy": {"use": dice, "params": {"step_ms": 5.0, "dice": 1}},
    }
    given["data"]["timeframe"] = "1s"
    for key, value in more.items():
        section, _, name = key.partition("__")
        given[section] = {**given[section], name: value} if name else value
    return load_spec(given)


def events_of(tape: BookTape, stream: Any) -> list[Event]:
    """A packed stream taken apart again."""
    mask = (1 << tape.width) - 1
    out = []
    for e in stream[:-1]:
        key = int(e["key"])
        cell = key >> 3
        ask = (cell >> tape.width) & 1
        x = cell & mask
        tick = int(tape.ticks[mask - x if ask else x])
        assert tick >= 0
        kind = (DEPTH, DEPTH, TRADE, CLEAR)[key & 7]
        side = (1 if ask else -1) if kind == TRADE else (-1 if ask else 1)
        out.append(Event(int(e["ts_ns"]), kind, side, tick, int(e["lots"])))
    return out


def with_quotes(given: Feed, seed: int, deep: bool) -> Feed:
    """The feed with best bids and offers of their own; without `deep` they are all that it says of books."""
    rng = np.random.default_rng(seed)
    kept = np.flatnonzero((given.kind == 1) | deep)
    new: dict[str, list[Any]] = {name: [] for name in ("kind", "side", "flags", "price", "qty", "exch_ns", "local_ns")}
    for row in kept.tolist():
        if rng.random() < (0.15 if deep else 1.5):
            middle = 20_000 + int(rng.integers(-3, 4))
            sides = ((1, -1), (-1, 1), (1,), (-1,))[int(rng.choice(4, p=(0.7, 0.1, 0.1, 0.1)))]
            delay = int(rng.integers(-3, 9)) * MS
            for k, side in enumerate(sides):
                lots = 0.0 if rng.random() < 0.02 else float(rng.integers(1, 60))
                told = (3, side, k == 0, float(middle - side * int(rng.integers(1, 3))), lots)
                times = (int(given.exch_ns[row]) + delay, int(given.local_ns[row]))
                for name, value in zip(new, (*told, *times), strict=True):
                    new[name].append(value)
        for name, column in new.items():
            column.append(getattr(given, name)[row])
    columns = {name: np.array(column).astype(getattr(given, name).dtype) for name, column in new.items()}
    columns["local_ns"] = np.maximum(columns["local_ns"], columns["exch_ns"])
    return Feed(given.symbol, **columns, rules=given.rules)


def told_by(feed: Feed, stamps: str) -> list[Event]:
    """Levels, trades and quotes of a feed that begins and ends no snapshot, in the order of one of its clocks."""
    ts = getattr(feed, stamps)
    names = {0: DEPTH, 1: TRADE, 3: QUOTE}
    return [
        Event(int(ts[i]), names[int(feed.kind[i])], int(feed.side[i]), int(feed.price[i]), int(feed.qty[i]))
        for i in np.argsort(ts, kind="stable")
    ]


@pytest.mark.parametrize(
    ("deep", "queue"), [(False, "risk_averse"), (False, "power:1.5"), (False, "log2"), (True, "log")]
)
def test_two_engines_agree_on_quotes(deep: bool, queue: str) -> None:
    """The second engine is told the quotes as they are, the machine's tape holds what they change."""
    makers = takers = 0
    for seed, (entry, response) in enumerate(LATE):
        given = random_feed(seed, 1500)
        given = Feed(**{n: c[given.kind != 2] if isinstance(c, np.ndarray) else c for n, c in vars(given).items()})
        feed = with_quotes(given, seed, deep)
        in_order = np.argsort(feed.local_ns, kind="stable")
        feed = Feed(**{n: c[in_order] if isinstance(c, np.ndarray) else c for n, c in vars(feed).items()})
        tape = build_book_tape([feed], rules=FeedRules(quotes="use"))
        use = waiting_dice if seed else dice
        spec = spec_of(queue, True, entry, response, strategy__use=use, strategy__params={"step_ms": 5.0, "dice": seed})
        streams = told_by(feed, "exch_ns"), told_by(feed, "local_ns")
        mine, theirs = fills_of(run_on_tape(spec, tape).fill_rows), second(tape, spec, streams).fills
        for i, (a, b) in enumerate(zip(mine, theirs, strict=False)):
            assert a == b, f"fill {i} of seed {seed}"
        assert len(mine) == len(theirs)
        makers += sum(f[4] for f in mine)
        takers += sum(not f[4] for f in mine)
    assert makers > 30
    assert takers > 100


def second(tape: BookTape, spec: Spec, streams: tuple[list[Event], list[Event]] | None = None) -> Engine:
    """The second engine after its run, on the packed streams or others."""
    venue, params = spec.venue, spec.strategy.params
    assert venue.latency_ms is not None
    model, _, power = (venue.queue or "").partition(":")
    terms = Terms(
        model,
        float(power or 1),
        venue.partial_fills is not False,
        round(venue.latency_ms.entry * MS),
        round(venue.latency_ms.response * MS),
        round(params["step_ms"] * MS),
        params["dice"],
        spec.run.order_slots,
        10**9,
        spec.strategy.use is waiting_dice,
        venue.permanent_impact_bps,
        venue.partial_fills == "last_piece",
        venue.book_trigger == "quote",
        bool(tape.spans["touch_only"][0]),
    )
    engine = Engine(*(streams or (events_of(tape, tape.exchange), events_of(tape, tape.local))), terms)
    engine.run()
    return engine


def fills_of(rows: Any) -> list[tuple[int, int, float, int, bool, int]]:
    return [
        (
            int(f["ts_ns"]),
            int(f["side"]),
            float(f["qty"]),
            round(float(f["price"])),
            bool(f["maker"]),
            int(f["order_id"]),
        )
        for f in rows
    ]


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("partial", [True, False])
def test_two_engines_agree_fill_by_fill(queue: str, partial: bool) -> None:
    makers = takers = pieces = 0
    for seed, (entry, response) in enumerate(((0.0, 0.0), (7.0, 4.0), (40.0, 25.0))):
        tape = tape_of(seed)
        spec = spec_of(queue, partial, entry, response, strategy__params={"step_ms": 5.0, "dice": seed})
        found = run_on_tape(spec, tape)
        mine, theirs = fills_of(found.fill_rows), second(tape, spec).fills
        for i, (a, b) in enumerate(zip(mine, theirs, strict=False)):
            assert a == b, f"fill {i} of seed {seed}"
        assert len(mine) == len(theirs)
        makers += sum(f[4] for f in mine)
        takers += sum(not f[4] for f in mine)
        pieces += len(mine) - len({f[5] for f in mine})
    assert makers > 100
    assert takers > 100
    assert pieces > 20


def test_two_engines_agree_on_permanent_impact() -> None:
    """What is paid beyond a level, to the bit; and it stands in the result under its name."""
    tape = build_book_tape([random_feed(1, 900)])
    own = {"strategy__use": waiting_dice, "strategy__params": {"step_ms": 5.0, "dice": 1}}
    spec = spec_of("power:2", True, *LATE[1], venue__permanent_impact_bps=0.7, **own)
    found, engine = run_on_tape(spec, tape), second(tape, spec)
    rows = found.fill_rows
    assert [(int(f["order_id"]), float(f["qty"]), float(f["price"])) for f in rows] == [
        (f[5], f[2], paid) for f, paid in zip(engine.fills, engine.paid, strict=True)
    ]
    beyond = [f[1] * f[2] * (paid - f[3]) for f, paid in zip(engine.fills, engine.paid, strict=True)]
    assert rows["impact"].tolist() == beyond
    assert sum(b > 0.0 for b in beyond) > 20
    assert min(beyond) == 0.0
    assert found.figures["impact"] == pytest.approx(sum(beyond))


def test_two_engines_agree_on_orders_of_which_the_last_piece_is_booked() -> None:
    tape = tape_of(1)
    spec = spec_of("power:2", "last_piece", 7.0, 4.0, strategy__params={"step_ms": 5.0, "dice": 1})
    engine = second(tape, spec)
    assert fills_of(run_on_tape(spec, tape).fill_rows) == engine.fills
    assert engine.did["piece that is not booked"] > 20
    assert len(engine.fills) == len({f[5] for f in engine.fills})


@strategy(params={"step_ms": param(5.0, 0.001), "tif": param(0)}, needs="book", clock="step_ms")
def sweeper(ctx):
    """Buys far more than one remembers, then a little more."""
    if ctx.acct.row == 2:
        limit(ctx, 1, 500.0, ctx.book.ask + 90.0, tif=ctx.p.tif)
    elif ctx.acct.row == 4:
        buy(ctx, 1.0)


def test_a_taker_stops_by_name_where_a_lane_can_remember_no_more_levels() -> None:
    n = 200
    side = np.tile([1, -1], n // 2)
    price = 20_000.0 - side * (1 + np.arange(n) // 2)
    zeros = np.zeros(n, np.int64)
    ts = 1_700_000_000_000_000_000 + MS * np.arange(n + 1).clip(max=n) * (np.arange(n + 1) == n) * 100
    feed = Feed(
        "X",
        np.append(zeros, 1).astype(np.int8),
        np.append(side, 1).astype(np.int8),
        np.append(zeros + 2, 0).astype(np.uint8),
        np.append(price, 20_001.0),
        np.append(zeros + 2.0, 1.0),
        ts,
        ts + MS,
        Rules("linear", 1, 1, 1.0),
    )
    tape = build_book_tape([feed])
    for tif, first in ((0, 128.0), (2, 0.0)):
        params = {"step_ms": 5.0, "tif": tif}
        found = run_on_tape(spec_of(entry=0.0, response=0.0, strategy__use=sweeper, strategy__params=params), tape)
        assert found.fill_rows["qty"].sum() == first + (0.0 if first else 1.0)
        counts = found.figures["rejections"]
        assert counts == ({"too_many_levels": 2} if first else {"fok_unfilled": 1}), counts


def agree(
    queue: str, partial: bool, seed: int, entry: float, response: float, slots: int, rows: int, **more: Any
) -> dict[str, int]:
    """Orders that wait, in both engines; what happened."""
    tape = build_book_tape([random_feed(seed, rows)])
    spec = spec_of(
        queue,
        partial,
        entry,
        response,
        strategy__use=waiting_dice,
        strategy__params={"step_ms": 5.0, "dice": seed},
        run__order_slots=slots,
        **more,
    )
    engine = second(tape, spec)
    mine = fills_of(run_on_tape(spec, tape).fill_rows)
    for i, (a, b) in enumerate(zip(mine, engine.fills, strict=False)):
        assert a == b, f"fill {i} of seed {seed}"
    assert len(mine) == len(engine.fills)
    return engine.did


def test_two_engines_agree_on_a_short_tape() -> None:
    """Little enough for plain Python, and for `make mutants`."""
    did: Counter[str] = Counter()
    for seed in (0, 1):
        did.update(agree("power:2", True, seed, *LATE[seed], 12, 900))
    assert did["triggered"] > 20
    assert did["cut"] > 10


def test_two_engines_agree_on_stops_that_wait_for_the_touch() -> None:
    did: Counter[str] = Counter()
    for seed in range(3):
        did.update(agree("power:2", True, seed, *LATE[seed], 12, 900, venue__book_trigger="quote"))
    assert did["triggered"] > 30
    own = {"strategy__use": waiting_dice, "strategy__params": {"step_ms": 5.0, "dice": 1}}
    tape = build_book_tape([random_feed(1, 900)])
    touch, trade = (run_on_tape(spec_of(venue__book_trigger=w, **own), tape) for w in ("quote", "trade"))
    assert fills_of(touch.fill_rows) != fills_of(trade.fill_rows)


def test_two_engines_agree_on_stops_brackets_and_lives_that_end() -> None:
    did: Counter[str] = Counter()
    for seed in range(10):
        did.update(
            agree(("risk_averse", "power:2")[seed % 2], seed % 3 > 0, seed, *LATE[seed % 3], 12 + 6 * seed, 2500)
        )
    for what in ("triggered", "child filled", "slept", "expired", "timed out", "cut"):
        assert did[what] > 2, did


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 160))
def test_two_engines_agree_on_many_more(seed: int) -> None:
    assert agree(QUEUES[seed % 7], seed % 3 > 0, seed, *LATE[seed % 3], 12 + seed % 30, 3000)


def tables(block: BookBlock) -> list[bytes]:
    """All state of a block's lanes, a lane a string of bytes."""
    parts = [np.ascontiguousarray(a) for name, a in block.lanes._asdict().items() if name != "rules"]
    return [b"".join(p[c].tobytes() for p in parts) for c in range(len(block.lanes.acct))]


def test_any_split_of_the_tape_gives_the_same_bytes() -> None:
    tape = tape_of(3)
    machine = build_book(spec_of(), tape, record=True)
    whole = finished(machine, (NEVER,))
    rng = np.random.default_rng(0)
    stamps = np.unique(np.concatenate([tape.exchange["ts_ns"][:-1], tape.local["ts_ns"][:-1]]))
    for stops in (stamps, np.sort(rng.choice(stamps, 40)) + rng.integers(-3, 3, 40), stamps[::7]):
        assert finished(machine, (*map(int, stops), NEVER)) == whole


def finished(machine: Any, stops: Any) -> tuple[bytes, bytes]:
    block = block_of(machine, [machine.spec])
    kept = Kept(machine)
    drive_book(machine, block, kept.rec, on_full=kept.empty, stops=stops)
    assert len(kept.all(0, fill)) > 50
    return tables(block)[0], kept.all(0, fill).tobytes()


def test_a_lane_alone_is_the_same_as_among_others() -> None:
    tape = tape_of(4)
    specs = [
        spec_of(queue, partial, entry, response, strategy__params={"step_ms": step, "dice": i})
        for i, (queue, partial, entry, response, step) in enumerate(
            (
                ("risk_averse", True, 0.0, 0.0, 5.0),
                ("power:2", True, 7.0, 4.0, 5.0),
                ("power:2", False, 7.0, 4.0, 10.0),
                ("log", True, 30.0, 1.0, 15.0),
                ("power2:2", True, 3.0, 3.0, 7.0),
            )
        )
    ]
    together = tables(run_lanes(specs, tape))
    back = tables(run_lanes(specs[::-1], tape))[::-1]
    machine = build_book(specs[0], tape, record=False, also=specs[1:])
    for i, spec in enumerate(specs):
        block = block_of(machine, [spec], [i])
        drive_book(machine, block, book_recorder(False, 0))
        assert int(block.lanes.stats["fills"][0]) > 50
        assert same_but_lane(tables(block)[0], together[i])
        assert same_but_lane(back[i], together[i])


def same_but_lane(a: bytes, b: bytes) -> bool:
    """Equal but for the number of the lane, which the settings hold."""
    x, y = np.frombuffer(a, np.int64), np.frombuffer(b, np.int64)
    return len(x) == len(y) and int((x != y).sum()) <= 1


def test_both_ledgers_agree_when_all_reports_have_arrived() -> None:
    tape = tape_of(5)
    block = run_lanes([spec_of(queue, partial) for queue in QUEUES for partial in (True, False)], tape)
    lanes = block.lanes
    assert (np.asarray(lanes.mail["head"]) == np.asarray(lanes.mail["tail"])).all()
    assert (np.asarray(lanes.stats["fills"]) > 50).all()
    assert np.array_equal(np.asarray(lanes.positions["qty"]), np.asarray(lanes.own_positions["qty"]))
    assert np.array_equal(np.asarray(lanes.acct["cash"]), np.asarray(lanes.own_acct["cash"]))
    assert np.array_equal(np.asarray(lanes.acct["fees"]), np.asarray(lanes.own_acct["fees"]))


def test_what_comes_later_changes_nothing_before() -> None:
    feed = random_feed(6)
    cut = int(feed.local_ns[2000])
    changed = np.array(feed.qty)
    later = feed.exch_ns >= cut
    changed[later & (feed.kind == 0)] += 3.0
    spec = spec_of("power:2")
    other = Feed(**{**vars(feed), "qty": changed})
    a = fills_of(run_on_tape(spec, build_book_tape([feed])).fill_rows)
    b = fills_of(run_on_tape(spec, build_book_tape([other])).fill_rows)
    before = [f for f in a if f[0] < cut]
    assert len(before) > 50
    assert before == [f for f in b if f[0] < cut]
    assert a != b


SHORT = """
import hashlib
from tests.sim.test_book_engines import build_book_tape, random_feed, run_on_tape, spec_of
found = run_on_tape(spec_of("power:1.5"), build_book_tape([random_feed(8, 700)]))
print(len(found.fill_rows), hashlib.sha256(found.fill_rows.tobytes() + found.equity_rows.tobytes()).hexdigest())
"""


def test_compiled_and_plain_python_give_the_same_bytes() -> None:
    said = []
    for off in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SHORT],
            env=os.environ | {"NUMBA_DISABLE_JIT": off},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1]
    assert int(said[0].split()[0]) > 50


def test_one_of_several_books_too_many_is_refused() -> None:
    feeds = [random_feed(1), random_feed(2)]
    spec = spec_of(strategy__use="touch_maker", strategy__params={})
    with pytest.raises(Refused, match="trades 1 instruments, the data has 2"):
        build_book(spec, build_book_tape(feeds), record=False)
