"""Lanes on an order-book tape: their state, the book that they share, and the loop that drives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.book_build import MILLISECOND, BookMachine, is_curved, steps_ns
from huracan.sim import book_layout, layout
from huracan.sim import columns as feature_columns
from huracan.sim.book_layout import (
    EXCHANGE,
    NEXT_REQUEST,
    NEXT_SAMPLE,
    NEXT_STEP,
    NEXT_TIMER,
    BookLanes,
    BookRecorder,
    Ground,
    Market,
    Shown,
    Streams,
)
from huracan.sim.book_tape import view
from huracan.sim.cuts import Looks
from huracan.sim.declared import initial_state
from huracan.sim.lanes import DAY_NS, gate_lanes, in_shares, next_grid, nothing_known, records
from huracan.sim.layout import NEVER, GateLanes
from huracan.sim.memory import as_records
from huracan.sim.refusal import Refused

Records = npt.NDArray[Any]
ROOM = 4096  # fills, trades, rows and orders that a recorder holds before it is emptied
GRACE = 100  # round trips and steps after the tape's end in which a lane may still act
NOWHERE = -2  # a place on a side of a book that no best price is beyond
PARTS = 64  # of a tape between which a driver that is watched stops


@dataclass(frozen=True)
class Terms:
    """What each lane is run with: layout.settings, book_layout.book_settings, and the measured latencies of all."""

    settings: Records
    books: Records
    latencies: Records


@dataclass(frozen=True)
class BookBlock:
    """Some lanes with their state, the market that they share, and the tape as they read it."""

    lanes: BookLanes
    gates: tuple[GateLanes, ...]
    market: Market
    shown: Shown
    streams: Streams
    ground: Ground
    table: Any


def make_book_block(
    machine: BookMachine, terms: Terms, params: Records, gate_params: Sequence[Records], plan: feature_columns.Plan
) -> BookBlock:
    """Lanes at the start of the tape."""
    check_build(machine, terms)
    tape, linked, slots, settings = machine.tape, machine.linked, machine.slots, terms.settings
    n, k = len(settings), tape.instruments
    acct = records(layout.account, n)
    for name in ("cash", "equity", "peak"):
        acct[name] = settings["cash"]
    acct["ts_ns"] = machine.start_ns
    own = records(layout.account, n)
    own[:] = acct
    desks = records(layout.desk, n, k)
    desks["top"] = slots  # every slot is looked at
    stats = records(layout.stats, n)
    stats["sample_ns"] = settings["sample_ns"]
    stats["next_sample"] = machine.first_sample_ns
    stats["next_day"] = next_grid(machine.start_ns, DAY_NS)
    for name in ("last", "at_sample", "at_day", "peak"):
        stats[name] = settings["cash"]
    mail = records(layout.mailbox, n)
    mail["last_ns"] = -NEVER
    clocks = first_clocks(machine, terms, steps_ns(machine, params))
    u = records(linked.u, n)
    u[:] = initial_state(machine.code.declaration, linked.u)[0]
    gates = tuple(
        gate_lanes(linked, g, gate_params[g], initial_state(machine.code.gate_declarations[g], linked.gates[g].u), k)
        for g in range(len(gate_params))
    )
    lanes = BookLanes(
        acct,
        records(layout.position, n, k),
        desks,
        stats,
        in_shares(settings),
        as_records(terms.books),
        as_records(params),
        u,
        *nothing_known(linked.f, linked.wide, n, k),
        as_records(tape.rules),
        own,
        records(layout.order, n, k * slots),
        records(layout.position, n, k),
        records(layout.report, n, 64 + 16 * k * slots),
        mail,
        records(book_layout.request, n, 4 * k * slots + 8),
        clocks,
        np.zeros((n, k)),
    )
    bar_rows, bars, table = own_bars(machine, plan)
    seen = view(tape, terms.latencies, bar_rows, bars, deep=bool(linked.groups.deep))
    market = new_market(machine, n, int(clocks["next_step"].min()))
    return BookBlock(lanes, gates, market, new_shown(machine), *seen, table)


def check_build(machine: BookMachine, terms: Terms) -> None:
    """A build without the rules that a lane needs would be wrong without a word."""
    groups = machine.linked.groups
    late = (terms.books["latency"] != book_layout.LatencyModel.CONSTANT).any()
    dear = ((terms.books["push_bps"] > 0.0) | (terms.books["imitate"] == 1)).any()
    curved = any(is_curved(s) for s in terms.books)
    if (late and not groups.delays) or (dear and not groups.costs) or (curved and not groups.curved):
        raise ValueError("the machine was built without the settings of these lanes: name their specs in `also`")


def first_clocks(machine: BookMachine, terms: Terms, steps: npt.NDArray[np.int64]) -> Any:
    """When each lane steps first, and until when."""
    clocks = records(book_layout.desk_clock, len(steps))
    clocks["step_ns"] = steps
    clocks["next_step"] = first_step(machine, steps)
    clocks["last_ns"], clocks["rows"], clocks["seen"], clocks["trade"] = -NEVER, -1, -1, -1
    both = terms.settings["entry_ns"] + terms.settings["response_ns"]
    clocks["last_step"] = machine.tape.last_local_ns + GRACE * (both + np.maximum(steps, MILLISECOND))
    return clocks


def own_bars(machine: BookMachine, plan: feature_columns.Plan) -> tuple[Records, Records, Any]:
    """(rows, bars, table of features) of the tape's own trades; one row that never comes where nobody reads them."""
    k = machine.instruments
    rows, bars = np.zeros(1, layout.row), np.zeros((1, k), layout.bar)
    rows["close_ns"] = NEVER
    table = np.full((1, 1), np.nan)
    if plan.columns or not machine.code.declaration.clock:
        found, made = machine.own_bars
        rows, bars = np.concatenate([found, rows]), np.concatenate([made, bars])
        if plan.n_rows and len(found):
            table = np.full((plan.n_rows, len(found)), np.nan)
            state = feature_columns.start(plan, machine.tape.rules)
            with np.errstate(all="ignore"):
                feature_columns.fill(plan, state, as_records(found), as_records(made), table, 0, len(found))
    return rows, bars, table


def first_step(machine: BookMachine, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """When each lane steps first."""
    if machine.code.declaration.clock:
        return np.where(steps > 0, machine.start_ns + steps, machine.start_ns)
    return (machine.start_ns // steps + 1) * steps


def new_market(machine: BookMachine, lanes: int, first: int) -> Market:
    """An empty book for a block."""
    tape = machine.tape
    cells = (2 * tape.instruments) << tape.width
    places = 1 + lanes * (machine.slots * tape.instruments + book_layout.MARKS)
    rests = records(book_layout.rest, places)
    rests["cell"] = -1
    most = np.zeros(4 * tape.instruments, np.int64)
    most[::2] = -1
    at = np.zeros(16, np.int64)
    at[NEXT_REQUEST], at[NEXT_STEP], at[NEXT_TIMER] = NEVER, first, NEVER
    at[NEXT_SAMPLE] = machine.first_sample_ns if machine.first_sample_ns < tape.end_ns else NEVER
    return Market(
        np.zeros(cells, np.int32),
        np.zeros(cells, np.int32),
        np.zeros(cells, np.int32),
        np.full(2 * tape.instruments, -1, np.int64),
        rests,
        most,
        at,
        np.zeros(2 * tape.instruments, np.int64),
        np.full(tape.instruments, np.nan),
        np.tile([np.inf, -np.inf], tape.instruments),
        np.full(2 * tape.instruments, NOWHERE, np.int64),
    )


def new_shown(machine: BookMachine) -> Shown:
    """Nothing known of any book."""
    tape = machine.tape
    cells = (2 * tape.instruments) << tape.width
    books = records(book_layout.book, tape.instruments)
    for name in ("bid", "ask", "mid", "micro", "imbalance", "last"):
        books[name] = np.nan
    books["tick"] = tape.rules["tick"]
    bars = records(layout.bar, tape.instruments)
    for name in ("open", "high", "low", "close"):
        bars[name] = np.nan
    local = np.zeros(cells if machine.linked.groups.deep else 1, np.int32)
    return Shown(local, np.full(2 * tape.instruments, -1, np.int64), books, bars)


def book_recorder(record: bool, most: int) -> BookRecorder | None:
    """Buffers of a recording run; other builds are handed none."""
    if not record:
        return None
    room = ROOM + most
    n = np.zeros(6, np.int64)
    n[3] = n[4] = ROOM
    return BookRecorder(
        records(layout.fill, room),
        records(layout.trade, room),
        records(layout.equity, room),
        n,
        records(book_layout.order_life, room),
    )


def drive_book(
    machine: BookMachine,
    block: BookBlock,
    rec: BookRecorder | None,
    *,
    on_full: Callable[[], None] | None = None,
    stops: Sequence[int] = (NEVER,),
    looks: Looks | None = None,
    watch: Callable[[int], None] | None = None,
) -> None:
    """Run a block to the end of the tape, in as many parts as there are `stops`; `on_full` empties the recorder.

    A tape on files is run in more parts, after each of which the memory of what was read is given back.

    `looks` is shown the equity at the samples that it names, and `watch` is told how many events are done.
    """
    tape = machine.tape
    seen = looks_at(machine, looks)
    if watch is not None:
        stops = sorted({*np.linspace(tape.start_ns, tape.end_ns, PARTS).astype(np.int64).tolist(), *stops})
    for stop in sorted({*stops, *seen, *tape.stretches()}):
        run_until(machine, block, rec, stop, on_full)
        tape.forget()
        if looks is not None and stop in seen:
            looks.take(block.lanes.acct["equity"])
        if watch is not None:
            watch(int(block.market.at[EXCHANGE]))
    lost = int(block.lanes.clocks["lost"].sum()) + int(block.lanes.mail["lost"].sum())
    if lost:
        raise Refused(
            "more requests or reports were under way at once than there is room for",
            where="run.order_slots",
            fix="more order_slots, or a shorter latency",
        )


def run_until(
    machine: BookMachine,
    block: BookBlock,
    rec: BookRecorder | None,
    stop_ns: int,
    on_full: Callable[[], None] | None = None,
) -> None:
    """All that happens up to an instant."""
    n, seen = len(block.lanes.acct), (block.streams, block.ground)
    state = 1
    with np.errstate(all="ignore"):
        while state == 1:
            state = machine.linked.entry(
                *seen, block.table, block.lanes, block.market, block.shown, *block.gates, rec, 0, n, stop_ns
            )
            if on_full is not None:
                on_full()


def looks_at(machine: BookMachine, looks: Looks | None) -> set[int]:
    """The instants after which equity is looked at; the last row of equity is there when all is over."""
    if looks is None:
        return set()
    when, last = machine.sampled_ns, len(machine.sampled_ns) - 1
    return {NEVER if row == last else int(when[row]) for row in looks.rows.tolist()}


def block_bytes(block: BookBlock) -> tuple[int, int]:
    """Memory (of each lane, of what the lanes of a block share)."""
    rests = np.asarray(block.market.rests).nbytes
    own = sum(np.asarray(a).nbytes for a in block.lanes) + rests
    shared = sum(np.asarray(a).nbytes for a in block.market) - rests
    return own // len(block.lanes.acct), shared + block.table.nbytes
