"""From a spec to the machine on order-book tapes: lanes that share a book, and the loop that drives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.code import Code, find_code
from huracan.data.timeframes import format_timeframe, parse_timeframe
from huracan.load_book import load_book_tape, read_latencies
from huracan.machine import code_hash_of, gate_refusals, param_row, versions
from huracan.settings import settings_record
from huracan.sim import book_layout, layout
from huracan.sim import columns as feature_columns
from huracan.sim.book_bars import trade_bars
from huracan.sim.book_layout import (
    NEXT_REQUEST,
    NEXT_SAMPLE,
    NEXT_STEP,
    BookLanes,
    BookRecorder,
    LatencyModel,
    Market,
)
from huracan.sim.book_linker import link_book
from huracan.sim.book_market import mid_bars
from huracan.sim.book_tape import BookTape, view
from huracan.sim.figures import figures, rejections
from huracan.sim.fill_times import fill_times
from huracan.sim.lanes import DAY_NS, gate_lanes, next_grid, nothing_known, records
from huracan.sim.layout import NEVER, Contract, GateLanes
from huracan.sim.linker import Groups, Linked, initial_state
from huracan.sim.memory import as_records
from huracan.sim.refusal import Refused
from huracan.sim.result import About, Result
from huracan.sim.sources import reached_names
from huracan.spec import spec_hash
from huracan.spec_records import Spec

Records = npt.NDArray[Any]
MINUTE = "1m"
MILLISECOND = 1_000_000
QUEUES = {"risk_averse": 0, "power": 1, "power2": 2, "power3": 3, "log": 4, "log2": 5}
DEEP_WORDS = {"bid_qty", "ask_qty", "micro", "imbalance", "bought", "sold", "last_side", "last"}
ROOM = 4096  # fills and trades that a recorder holds before it is emptied
LIVES = 1 << 16
NOT_YET = {"stop", "reduce_stop", "trail", "reduce_trail", "bracket"}
GRACE = 100  # round trips and steps after the tape's end in which a lane may still act


@dataclass(frozen=True)
class BookMachine:
    """A linked machine and what every block of its lanes shares."""

    spec: Spec
    tape: BookTape
    code: Code
    linked: Linked
    slots: int
    sample_ns: int

    @property
    def instruments(self) -> int:
        return self.tape.instruments

    @property
    def timeframe_ns(self) -> int:
        """Of bars made of the tape's own trades."""
        return parse_timeframe(self.spec.data.timeframe or MINUTE)


@dataclass(frozen=True)
class Terms:
    """What each lane is run with: layout.settings, book_layout.book_settings, its step, and measured latencies."""

    settings: Records
    books: Records
    steps: Sequence[int]
    latencies: Records


@dataclass(frozen=True)
class BookBlock:
    """Some lanes with their state, the market that they share, and the tape as they read it."""

    lanes: BookLanes
    gates: tuple[GateLanes, ...]
    market: Market
    view: Any
    table: Any


def build_book(spec: Spec, tape: BookTape, *, record: bool, deep: bool | None = None) -> BookMachine:
    """Find the code and link it with what the spec needs; `deep` keeps the local book whether it is read or not."""
    code = find_code(spec)
    d = code.declaration
    n = tape.instruments
    if d.instruments and d.instruments != n:
        fix = f"name {d.instruments} instruments"
        raise Refused(f"{d.name} trades {d.instruments} instruments, the data has {n}", where="data", fix=fix)
    missing = sorted(reached_names([code.step, *code.checks]) & NOT_YET)
    if missing:
        fix = "on order books use market and limit orders, modify and cancel"
        raise Refused(f"{d.name} uses {', '.join(missing)}", where="strategy.use", fix=fix)
    groups = Groups(
        resting=1, margin=1, costs=0, record=int(record), split=1, deep=int(reads_depth(code) if deep is None else deep)
    )
    linked = link_book(code.step, code.checks, groups, is_wide=feature_columns.is_wide)
    sample = parse_timeframe(spec.run.sample or MINUTE)
    return BookMachine(spec, tape, code, linked, spec.run.order_slots, sample)


def reads_depth(code: Code) -> bool:
    """Whether the strategy or a gate reads more of a book than its best prices."""
    return bool(reached_names([code.step, *code.checks]) & DEEP_WORDS)


def book_settings(spec: Spec) -> Records:
    """One book_layout.book_settings record for a spec."""
    out = np.zeros(1, book_layout.book_settings)
    s = out[0]
    model, _, power = (spec.venue.queue or "risk_averse").partition(":")
    s["queue"], s["power"] = QUEUES[model], float(power or 1.0)
    s["partial"] = spec.venue.partial_fills is not False
    delay = spec.venue.latency_ms
    if delay is not None:
        s["entry_ns"], s["response_ns"] = delay.entry * MILLISECOND, delay.response * MILLISECOND
        s["entry_sigma"], s["response_sigma"] = delay.entry_sigma, delay.response_sigma
        drawn = LatencyModel.DRAWN if delay.entry_sigma or delay.response_sigma else LatencyModel.CONSTANT
        s["latency"] = LatencyModel.MEASURED if delay.file is not None else drawn
    return out


def latency_rows(specs: Sequence[Spec]) -> Records:
    """Measured latencies of the lanes, which share one file; two equal rows where there is none."""
    files = {s.venue.latency_ms.file for s in specs if s.venue.latency_ms is not None} - {None}
    if len(files) > 1:
        raise Refused("lanes with different files of latencies", where="venue.latency_ms", fix="run each by itself")
    if not files:
        return np.zeros(2, book_layout.measured)
    rows: Records = read_latencies(str(files.pop()))
    return rows


def step_ns(machine: BookMachine, values: Mapping[str, float]) -> int:
    """How often a lane steps: by the parameter that the strategy names as its clock; 0 with every local event."""
    d = machine.code.declaration
    if d.clock == "event":
        return 0
    if d.clock:
        if d.clock not in values:
            fix = f"add {d.clock} to its params, in milliseconds"
            raise Refused(f"{d.name} has no parameter {d.clock!r} for its clock", where="@strategy", fix=fix)
        step = round(float(values[d.clock]) * MILLISECOND)
        if step <= 0:
            raise Refused(f"{d.clock} = {values[d.clock]}", where="strategy.params", fix="give a step above 0 ms")
        return step
    return machine.timeframe_ns


def make_book_block(
    machine: BookMachine, terms: Terms, params: Records, gate_params: Sequence[Records], wanted: Sequence[Any]
) -> BookBlock:
    """Lanes at the start of the tape."""
    tape, linked, slots, settings = machine.tape, machine.linked, machine.slots, terms.settings
    n, k = len(settings), tape.instruments
    acct = records(layout.account, n)
    for name in ("cash", "equity", "peak"):
        acct[name] = settings["cash"]
    acct["ts_ns"] = tape.start_ns
    own = records(layout.account, n)
    own[:] = acct
    stats = records(layout.stats, n)
    stats["sample_ns"] = settings["sample_ns"]
    stats["next_sample"] = next_grid(tape.start_ns, machine.sample_ns)
    stats["next_day"] = next_grid(tape.start_ns, DAY_NS)
    for name in ("last", "at_sample", "at_day", "peak"):
        stats[name] = settings["cash"]
    mail = records(layout.mailbox, n)
    mail["last_ns"] = -NEVER
    clocks = first_clocks(machine, terms)
    u = records(linked.u, n)
    u[:] = initial_state(machine.code.declaration, linked.u)[0]
    gates = tuple(
        gate_lanes(linked, g, gate_params[g], initial_state(machine.code.gate_declarations[g], linked.gates[g].u), k)
        for g in range(len(gate_params))
    )
    lanes = BookLanes(
        acct,
        records(layout.position, n, k),
        records(layout.desk, n, k),
        stats,
        as_records(settings),
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
    )
    bar_rows, bars, table = own_bars(machine, wanted)
    seen = view(tape, terms.latencies, bar_rows, bars, deep=bool(linked.groups.deep))
    return BookBlock(lanes, gates, new_market(machine, n, int(clocks["next_step"].min())), seen, table)


def first_clocks(machine: BookMachine, terms: Terms) -> Any:
    """When each lane steps first, and until when."""
    steps = np.asarray(terms.steps)
    clocks = records(book_layout.desk_clock, len(steps))
    clocks["step_ns"] = steps
    clocks["next_step"] = first_step(machine, steps)
    clocks["last_ns"], clocks["rows"], clocks["trade"] = -NEVER, -1, -1
    both = terms.settings["entry_ns"] + terms.settings["response_ns"]
    clocks["last_step"] = machine.tape.last_local_ns + GRACE * (both + np.maximum(steps, MILLISECOND))
    return clocks


def own_bars(machine: BookMachine, wanted: Sequence[Any]) -> tuple[Records, Records, Any]:
    """(rows, bars, table of features) of the tape's own trades; one row that never comes where nobody reads them."""
    k = machine.instruments
    rows, bars = np.zeros(1, layout.row), np.zeros((1, k), layout.bar)
    rows["close_ns"] = NEVER
    table = np.full((1, 1), np.nan)
    if wanted or not machine.code.declaration.clock:
        found, made = trade_bars(machine.tape, machine.timeframe_ns)
        rows, bars = np.concatenate([found, rows]), np.concatenate([made, bars])
        plan = feature_columns.plan(wanted, k, machine.timeframe_ns)
        if plan.n_rows and len(found):
            table = np.full((plan.n_rows, len(found)), np.nan)
            state = feature_columns.start(plan, machine.tape.rules)
            with np.errstate(all="ignore"):
                feature_columns.fill(plan, state, as_records(found), as_records(made), table, 0, len(found))
    return rows, bars, table


def first_step(machine: BookMachine, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """When each lane steps first."""
    if machine.code.declaration.clock:
        return np.where(steps > 0, machine.tape.start_ns + steps, machine.tape.start_ns)
    return (machine.tape.start_ns // steps + 1) * steps


def new_market(machine: BookMachine, lanes: int, first: int) -> Market:
    """An empty book for a block."""
    tape = machine.tape
    cells = (2 * tape.instruments) << tape.width
    places = 1 + lanes * (machine.slots * tape.instruments + book_layout.MARKS)
    rests = records(book_layout.rest, places)
    rests["cell"] = -1
    most = np.zeros(4 * tape.instruments, np.int64)
    most[::2] = -1
    books = records(book_layout.book, tape.instruments)
    for name in ("bid", "ask", "mid", "micro", "imbalance", "last"):
        books[name] = np.nan
    books["tick"] = tape.rules["tick"]
    bars = records(layout.bar, tape.instruments)
    for name in ("open", "high", "low", "close"):
        bars[name] = np.nan
    at = np.zeros(16, np.int64)
    at[NEXT_REQUEST], at[NEXT_STEP] = NEVER, first
    at[NEXT_SAMPLE] = next_grid(tape.start_ns, machine.sample_ns)
    return Market(
        np.zeros(cells, np.int32),
        np.zeros(cells if machine.linked.groups.deep else 1, np.int32),
        np.zeros(cells, np.int32),
        np.zeros(cells, np.int32),
        np.full(2 * tape.instruments, -1, np.int64),
        np.full(2 * tape.instruments, -1, np.int64),
        rests,
        most,
        books,
        bars,
        at,
    )


def book_recorder(record: bool, most: int) -> BookRecorder:
    """Buffers of a recording run; those of others are never written."""
    room = ROOM + most if record else 1
    n = np.zeros(6, np.int64)
    n[3] = n[4] = ROOM
    return BookRecorder(
        records(layout.fill, room),
        records(layout.trade, room),
        records(layout.equity, room),
        n,
        records(book_layout.order_life, LIVES if record else 1),
    )


def drive_book(
    machine: BookMachine,
    block: BookBlock,
    rec: BookRecorder,
    *,
    on_full: Callable[[], None] | None = None,
    stops: Sequence[int] = (NEVER,),
) -> None:
    """Run a block to the end of the tape, in as many parts as there are `stops`; `on_full` empties the recorder."""
    n = len(block.lanes.acct)
    with np.errstate(all="ignore"):
        for stop in stops:
            while True:
                state = machine.linked.entry(
                    block.view, block.table, block.lanes, block.market, *block.gates, rec, 0, n, stop
                )
                if on_full is not None:
                    on_full()
                if state != 1:
                    break
    lost = int(block.lanes.clocks["lost"].sum()) + int(block.lanes.mail["lost"].sum())
    if lost:
        raise Refused(
            "more requests or reports were under way at once than there is room for",
            where="run.order_slots",
            fix="more order_slots, or a shorter latency",
        )


class Kept:
    """What a recording run has written down: buffers that the machine fills and pieces taken out of them."""

    def __init__(self, machine: BookMachine) -> None:
        self.rec = book_recorder(True, 8 * machine.slots * machine.instruments + 64)
        self.parts: tuple[list[Records], ...] = ([], [], [], [])

    def empty(self) -> None:
        """Take out what is there."""
        for i, (place, buffer) in enumerate(
            ((0, self.rec.fills), (1, self.rec.trades), (2, self.rec.equity), (5, self.rec.orders))
        ):
            n = int(self.rec.n[place])
            if n:
                self.parts[i].append(np.array(buffer[:n]))
                self.rec.n[place] = 0

    def all(self, i: int, dtype: np.dtype[Any]) -> Records:
        """Everything of one kind, in order."""
        return np.concatenate(self.parts[i]).view(dtype) if self.parts[i] else np.zeros(0, dtype)


def record_book_run(spec: Spec, *, lane: int = 0) -> Result:
    """spec → book tape → machine → result, for one lane with everything written down."""
    return run_on_tape(spec, load_book_tape(spec), lane=lane)


def run_on_tape(spec: Spec, tape: BookTape, *, lane: int = 0) -> Result:
    """`record_book_run` on a tape that is there already."""
    machine = build_book(spec, tape, record=True)
    block = block_of(machine, [spec], [lane])
    kept = Kept(machine)
    drive_book(machine, block, kept.rec, on_full=kept.empty)
    return book_result(machine, block, kept, np.asarray(block.lanes.settings))


def block_of(machine: BookMachine, specs: Sequence[Spec], numbers: Sequence[int] | None = None) -> BookBlock:
    """A lane for each spec, all on the machine's tape; they may differ in parameters, account and venue."""
    rows = [machine.code.values(spec) for spec in specs]
    dtypes = [machine.linked.p, *(g.p for g in machine.linked.gates)]
    declared = machine.code.declarations
    columns = [[feature_columns.resolve(d.features, v) for d, v in zip(declared, r, strict=True)] for r in rows]
    wanted = [column for of_lane in columns for own in of_lane for column in own.values()]
    base = feature_columns.plan(wanted, machine.instruments, machine.timeframe_ns).base
    params = [
        np.concatenate([param_row(r[i], c[i], base, dtype) for r, c in zip(rows, columns, strict=True)])
        for i, dtype in enumerate(dtypes)
    ]
    spot = bool((machine.tape.rules["contract"] == Contract.SPOT).all())
    lanes = range(len(specs)) if numbers is None else numbers
    settings = np.concatenate(
        [
            settings_record(
                spec, timeframe_ns=machine.timeframe_ns, sample_ns=machine.sample_ns, all_spot=spot, lane=lane
            )
            for spec, lane in zip(specs, lanes, strict=True)
        ]
    )
    steps = [step_ns(machine, row[0]) for row in rows]
    books = np.concatenate([book_settings(s) for s in specs])
    return make_book_block(machine, Terms(settings, books, steps, latency_rows(specs)), params[0], params[1:], wanted)


def run_lanes(specs: Sequence[Spec], tape: BookTape) -> BookBlock:
    """Many lanes that share one book, run to the end of the tape; their records are the result."""
    machine = build_book(specs[0], tape, record=False)
    block = block_of(machine, specs)
    drive_book(machine, block, book_recorder(False, 0))
    return block


def book_result(machine: BookMachine, block: BookBlock, kept: Kept, settings: Records) -> Result:
    """Records and figures of the one lane that was recorded."""
    lanes, tape, spec = block.lanes, machine.tape, machine.spec
    account = np.array(np.asarray(lanes.acct))
    account["counts"] = np.asarray(lanes.own_acct)["counts"]
    numbers = figures(
        lanes.stats[0],
        account[0],
        settings[0],
        periods=spec.run.periods,
        start_ns=tape.start_ns,
        end_ns=tape.end_ns,
        open_trades=int((lanes.desks["side"][0] != 0).sum()),
    )
    extra = gate_refusals(machine.linked, block.gates, 0)
    refused = rejections(lanes.stats[0], account[0], extra)
    if extra:
        refused.pop("gated", None)
    fills = kept.all(0, layout.fill)
    about = About(
        name=spec.run.name,
        symbols=tape.symbols,
        start_ns=tape.start_ns,
        end_ns=tape.end_ns,
        sample=format_timeframe(machine.sample_ns),
        seed=spec.run.seed,
        spec=spec.model_dump(mode="python", exclude_none=True),
        spec_hash=spec_hash(spec),
        code_hash=code_hash_of(machine.code),
        data_hash=tape.data_hash,
        repairs=dict(tape.repairs),
        rejections=refused,
        versions=versions(),
    )
    numbers["fill_times"] = fill_times(tape, fills, kept.all(3, book_layout.order_life), machine.timeframe_ns)
    return Result(about, numbers, fills, kept.all(1, layout.trade), kept.all(2, layout.equity), mid_bars(tape))
