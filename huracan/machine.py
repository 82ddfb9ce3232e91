"""From a spec to a linked machine with its lanes, and the loop that drives it over a tape."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan import load
from huracan.code import Code, find_code
from huracan.data.timeframes import format_timeframe, parse_timeframe
from huracan.settings import ignored, settings_record, unpriced, uses_cost_models
from huracan.sim import columns as feature_columns
from huracan.sim.book_tape import BookTape
from huracan.sim.builds import Groups
from huracan.sim.chunks import Chunks
from huracan.sim.cuts import Looks
from huracan.sim.declared import initial_state
from huracan.sim.figures import figures, rejections
from huracan.sim.lanes import accounts, gate_lanes, most_executions, new_lanes, recorder, report_room
from huracan.sim.layout import SPARE, Contract, GateLanes, Lanes, Recorder, TapeView
from huracan.sim.linker import Linked, link, without_types
from huracan.sim.market_file import all_or_none, run_bars
from huracan.sim.refusal import Refused
from huracan.sim.result import About, Result
from huracan.sim.sources import kernel_sources
from huracan.sim.strips import ALONE, Beside
from huracan.sim.stub_code import is_quick
from huracan.sim.tape import Room, Tape, chunk, first_ns, piece, room_for
from huracan.sim.vector_check import made_of_vectors
from huracan.spec import spec_hash, spec_table
from huracan.spec_records import Spec

Records = npt.NDArray[Any]
MAX_SLOTS = 62  # a path remembers which orders it has met in one 64-bit word
CHUNK = 8192  # rows that are made ready at once, and the most that feature columns are computed for
READY = CHUNK  # bars that a sweep makes ready at once: few enough for the second-level cache
LAST_CUTS = 4  # strips of a block's last pieces, where others may soon have nothing left to do
AHEAD_TABLE = 1 << 19  # values of feature columns for the rows that lanes look ahead in,
AHEAD_ROWS = 1024  # at least so many rows: a lane's records come and go with each piece


@dataclass(frozen=True)
class Machine:
    """A linked machine and what every block of its lanes shares."""

    spec: Spec
    tape: Tape
    code: Code
    linked: Linked
    slots: int
    sample_ns: int
    ahead: Linked | None = None  # the build that looks many rows ahead, where a sweep can use it
    row_by_row_because: str = ""  # why there is none
    vectors_unproven: bool = True  # whether the machine code of that build must be looked at before it is trusted

    @property
    def instruments(self) -> int:
        return len(self.tape.series)

    @property
    def start_ns(self) -> int:
        """The first live bar's open."""
        return first_ns(self.tape)

    @property
    def end_ns(self) -> int:
        """The last bar's close."""
        return int(self.tape.close_ns[-1])


@dataclass(frozen=True)
class Block:
    """Some lanes: their state, and the feature columns that they read."""

    lanes: Lanes
    gates: tuple[GateLanes, ...]
    plan: Any
    columns: Any
    table_rows: int


def build(spec: Spec, tape: Tape, *, record: bool, also: Sequence[Spec] = ()) -> Machine:
    """Find the code, link it with the groups that the spec needs, and that lanes with the settings of `also` need."""
    code = find_code(spec)
    d = code.declaration
    n = len(tape.series)
    if d.needs == "book":
        raise Refused(
            f"{d.name} needs an order-book tape",
            where="strategy.use",
            fix="give book data, or choose a strategy for bars",
        )
    if d.instruments and d.instruments != n:
        raise Refused(
            f"{d.name} trades {d.instruments} instruments, the data has {n}",
            where="data",
            fix=f"name {d.instruments} instruments",
        )
    contracts = tape.rules["contract"]
    lanes = (spec, *also)
    check_spreads(tape, lanes)
    groups = Groups(
        resting=int(code.rests or any(s.venue.intrabar == "drill" for s in lanes)),  # a drill walks every path
        margin=int(
            not all_spot(tape)
            or len(tape.payments) > 0
            or any(s.account.leverage > 1.0 or s.account.borrow for s in lanes)
        ),
        borrow=int(any(s.account.borrow for s in lanes)),
        spots=int(Contract.SPOT in contracts),
        inverses=int(Contract.INVERSE in contracts),
        costs=int(any(uses_cost_models(s) for s in lanes)),
        closes=int(any(s.venue.market_fill == "close" for s in lanes)),
        record=int(record),
        split=int(any(s.venue.latency_ms is not None and s.venue.latency_ms.response > 0.0 for s in lanes)),
    )
    slots = spec.run.order_slots
    if slots > MAX_SLOTS:
        raise Refused(
            f"order_slots = {slots}",
            where="run.order_slots",
            fix=f"an instrument has at most {MAX_SLOTS} orders at once",
        )
    wide, sources = feature_columns.is_wide, code.sources
    linked = link(code.step, code.checks, groups, instruments=n, slots=slots, is_wide=wide, sources=sources)
    sample = tape.timeframe_ns if spec.run.sample is None else parse_timeframe(spec.run.sample)
    return Machine(spec, tape, code, linked, slots, sample)


def check_spreads(tape: Tape, specs: Sequence[Spec]) -> None:
    """A spread that is to come from the data is there: without it takers would pay none, and nobody would know."""
    if any(s.venue.half_spread_bps == "data" for s in specs):
        for bars in tape.series:
            if bars.rows(0, 1).half_spread_bps is None:
                raise Refused(
                    f'half_spread_bps = "data", and the data of {bars.symbol} has no spread',
                    where="venue.half_spread_bps",
                    fix="give it a column half_spread_bps, or a number as [data] half_spread_bps, or here",
                )


def all_spot(tape: Tape | BookTape) -> bool:
    """Every instrument is spot."""
    return bool((tape.rules["contract"] == Contract.SPOT).all())


def base_settings(machine: Machine, spec: Spec, lane: int = 0) -> Records:
    """The settings of one lane."""
    return settings_record(
        spec,
        timeframe_ns=machine.tape.timeframe_ns,
        sample_ns=machine.sample_ns,
        all_spot=all_spot(machine.tape),
        lane=lane,
    )


def make_block(
    machine: Machine, settings: Records, params: Records, gate_params: Sequence[Records], plan: feature_columns.Plan
) -> Block:
    """Lanes at the start of the tape; `params` and `gate_params` already hold the rows of their columns in `plan`."""
    tape, linked = machine.tape, machine.linked
    if settings["market_at_close"].any() and not linked.groups.closes:
        raise ValueError("the machine was built without the settings of these lanes: name their specs in `also`")
    lanes = new_lanes(
        linked,
        settings,
        params,
        initial_state(machine.code.declaration, linked.u),
        tape.rules,
        slots=machine.slots,
        start_ns=first_ns(tape),
        reports=report_room(linked, settings, tape, machine.slots, deepest(tape)),
    )
    gates = tuple(
        gate_lanes(
            linked,
            g,
            gate_params[g],
            initial_state(machine.code.gate_declarations[g], linked.gates[g].u),
            machine.instruments,
        )
        for g in range(len(gate_params))
    )
    return Block(lanes, gates, plan, feature_columns.start(plan, tape.rules), plan.n_rows)


def piece_rows(machine: Machine, block: Block) -> int:
    """Rows whose bars and feature columns stay in the second-level cache, or near it where lanes share few columns.

    So many that a chunk is cut evenly: a lane's records come and go with a short piece as they do with a long one.
    """
    rows = max(CHUNK // machine.instruments, 128)
    if machine.ahead is not None:
        rows = min(max(AHEAD_TABLE // max(block.table_rows, 1), AHEAD_ROWS), CHUNK)
    return -(-CHUNK // max(round(CHUNK / rows), 1) // 16) * 16


def ready_rows(machine: Machine) -> int:
    """Rows that a sweep makes ready at once."""
    return max(READY // machine.instruments, CHUNK)


def pieces(
    machine: Machine, chunk_rows: int, step: int, spread: bool, chunks: Chunks | None
) -> Iterator[tuple[int, TapeView]]:
    """The tape in pieces of at most `step` rows, each with its first row; a piece stands until the next is taken."""
    tape = machine.tape
    ready = partial(chunk, tape, spread_from_data=spread, sample_ns=machine.sample_ns)
    own: Room | None = None
    for lo in range(0, tape.rows, chunk_rows):
        hi = min(lo + chunk_rows, tape.rows)
        if chunks is not None and hi <= chunks.rows:
            room, whole = None, chunks.get(lo, spread, partial(ready, lo, hi))
        else:
            room = own = own or room_for(tape, min(chunk_rows, tape.rows), step)
            whole = ready(lo, hi, room=room)
        for first in range(lo, hi, step):
            yield first, piece(whole, room, first - lo, min(first + step, hi) - lo)


def drive(
    machine: Machine,
    block: Block,
    rec: Recorder,
    *,
    on_full: Callable[[], None] | None = None,
    chunk_rows: int = CHUNK,
    looks: Looks | None = None,
    watch: Callable[[int], None] | None = None,
    beside: Beside = ALONE,
) -> None:
    """Run a block over the whole tape, piece by piece; `on_full` empties the recorder.

    `looks` is shown the equity after the rows it names, and `watch` is told how many rows are done. `beside` is what
    other blocks share: chunks of the same length, and strips of lanes, of which nothing is recorded.
    """
    tape = machine.tape
    spread = bool(np.asarray(block.lanes.settings["spread_from_data"]).any())
    n = len(block.lanes.acct)
    linked = machine.ahead or machine.linked
    unproven = machine.ahead is not None and machine.vectors_unproven
    step = min(piece_rows(machine, block), chunk_rows)
    # The odd length keeps columns of one row from falling into one set of the cache.
    table = feature_columns.table_for(max(block.table_rows, 1), step, SPARE)
    look_rows = looks.rows if looks is not None else np.zeros(0, np.int64)
    ends, looked = look_rows.tolist(), 0
    quick = is_quick(linked.groups)  # looks by itself; what is not stops for each look
    call, known = linked.entry, False  # whether its types are found out: all pieces share them
    with np.errstate(all="ignore"):  # plain Python follows IEEE rules without a word, as the compiled machine does
        for lo, view in pieces(machine, chunk_rows, step, spread, beside.chunks):
            rows = len(view.rows)
            if block.table_rows:
                feature_columns.fill(block.plan, block.columns, view.rows, view.bars, table, 0, rows)
            here = look_rows[looked : (looked := bisect_left(ends, lo + rows))] - lo
            view = view._replace(looks=here, seen=np.empty((len(here), n)))
            at = 0
            for until in [rows] if quick else [*(here + 1).tolist(), rows]:
                while at < until:
                    run = partial(run_lanes, call, block, (view, table), rec, (at, until, lo, tape.rows - 1))
                    if beside.strips is None or unproven:
                        at = run(0, n)
                    else:
                        beside.strips.over(run, n, cuts=LAST_CUTS if lo + 2 * rows >= tape.rows else 1)
                        at = until
                    if unproven and not made_of_vectors(linked.entry):
                        linked = machine.linked  # goes on from here: it is the same state
                        call = linked.entry
                    elif not known:
                        call, known = without_types(linked.entry), True
                    unproven = False
                    if on_full is not None:
                        on_full()
                if not quick:
                    view.seen[here == until - 1] = block.lanes.acct["equity"]
            if looks is not None:
                looks.keep(view.seen)
            if watch is not None and (lo // CHUNK < (lo + rows) // CHUNK or lo + rows == tape.rows):
                watch(lo + rows)
    if len(block.lanes.mail) and int(np.asarray(block.lanes.mail)["lost"].sum()):
        raise Refused(
            "more reports were under way at once than there is room for",
            where="venue.latency_ms.response",
            fix="a shorter latency, or fewer orders a row",
        )


def run_lanes(
    call: Callable[..., int],
    block: Block,
    read: tuple[TapeView, Any],
    rec: Recorder,
    rows: tuple[int, int, int, int],
    lo: int,
    hi: int,
) -> int:
    """Lanes lo..hi of a block over some rows of a piece; how far they came, which is the end if nothing is recorded."""
    with np.errstate(all="ignore"):  # as in `drive`: a thread that helps has not inherited it
        at = call(*read, block.lanes, *block.gates, rec, lo, hi, *rows)
    return at


def param_row(
    values: Mapping[str, float], columns: Mapping[str, Any], plan_rows: Mapping[Any, int], dtype: np.dtype[Any]
) -> Records:
    """One lane's parameter record: values, then the table row of each feature."""
    out = np.zeros(1, dtype)
    for name, value in values.items():
        out[name][0] = value
    for name, column in columns.items():
        out[f"c_{name}"][0] = plan_rows[column]
    return out


def record_run(spec: Spec, *, lane: int = 0) -> Result:
    """spec → tape → machine → result, for one lane with everything written down."""
    tape = load.load_tape(spec)
    machine = build(spec, tape, record=True)
    code, linked = machine.code, machine.linked
    values = code.values(spec)
    columns = [feature_columns.resolve(d.features, v) for d, v in zip(code.declarations, values, strict=True)]
    wanted = [column for c in columns for column in c.values()]
    plan = feature_columns.plan(wanted, machine.instruments, tape.timeframe_ns)
    dtypes = [linked.p, *(g.p for g in linked.gates)]
    params = [param_row(v, c, plan.base, dt) for v, c, dt in zip(values, columns, dtypes, strict=True)]
    settings = base_settings(machine, spec, lane)
    block = make_block(machine, settings, params[0], params[1:], plan)
    kept = Kept(machine)
    drive(machine, block, kept.rec, on_full=kept.empty, chunk_rows=min(CHUNK, tape.rows))
    return make_result(machine, block, kept, settings)


class Kept:
    """What a recording run has written down so far: buffers that the machine fills and pieces taken out of them."""

    def __init__(self, machine: Machine) -> None:
        orders = machine.slots * machine.instruments
        margin = most_executions(orders, machine.instruments, deepest(machine.tape))
        capacity = max(4 * margin, 65_536)
        self.rec = recorder(capacity, capacity, min(CHUNK, machine.tape.rows), margin)
        self.parts: tuple[list[Records], list[Records], list[Records]] = ([], [], [])

    def empty(self) -> None:
        """Take out what is there."""
        for i, buffer in enumerate((self.rec.fills, self.rec.trades, self.rec.equity)):
            n = int(self.rec.n[i])
            if n:
                self.parts[i].append(np.array(buffer[:n]))
                self.rec.n[i] = 0

    def all(self, i: int, dtype: np.dtype[Any]) -> Records:
        """Everything of one kind, in order."""
        return np.concatenate(self.parts[i]).view(dtype) if self.parts[i] else np.zeros(0, dtype)


def deepest(tape: Tape) -> int:
    """One more than the finer bars in one row."""
    return 1 + max((tape.timeframe_ns // f.timeframe_ns for f in tape.fine), default=0) * len(tape.fine)


def gate_refusals(linked: Linked, gates: Sequence[GateLanes]) -> dict[str, int]:
    """Refusals of the gates by the words of their reasons, of all lanes together."""
    out: dict[str, int] = {}
    for g, r in enumerate(linked.gates):
        for code, word in enumerate(r.reasons, start=1):
            n = int(gates[g].counts[:, code].sum())
            if n:
                out[word] = out.get(word, 0) + n
    return out


def refusals(block: Any, linked: Linked) -> dict[str, int]:
    """What was refused, cut or cancelled in all lanes of a block, by name; what a gate refused by its own words."""
    words = gate_refusals(linked, block.gates)
    found = rejections(np.asarray(block.lanes.stats), accounts(block.lanes), words)
    if words:
        found.pop("gated", None)  # the gates' own words say it better
    return found


def about(machine: Machine, refused: dict[str, int]) -> About:
    """What the result says of the run beside its figures."""
    spec, tape = machine.spec, machine.tape
    repairs = tape.repairs | ignored(spec, all_spot=all_spot(tape)) | unpriced(spec, tape.series)
    return About(
        name=spec.run.name,
        symbols=tuple(s.symbol for s in tape.series),
        start_ns=first_ns(tape),
        end_ns=int(tape.close_ns[-1]),
        sample=format_timeframe(machine.sample_ns),
        seed=spec.run.seed,
        spec=spec_table(spec),
        spec_hash=spec_hash(spec),
        code_hash=code_hash(machine),
        data_hash=tape.data_hash,
        repairs=repairs,
        rejections=refused,
        versions=versions(),
    )


def code_hash(machine: Machine) -> str:
    """Identity of the code that ran: kernel, strategy and gates."""
    return code_hash_of(machine.code)


def code_hash_of(code: Code) -> str:
    """Identity of the kernel and of a strategy with its gates."""
    import hashlib

    return hashlib.sha256((kernel_sources() + code.sources).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions that a run depends on."""
    import numba

    import huracan

    return {"huracan": huracan.__version__, "numba": numba.__version__, "numpy": np.__version__}


def make_result(machine: Machine, block: Block, kept: Kept, settings: Records) -> Result:
    """Records and figures of the one lane that was recorded."""
    from huracan.sim import layout

    lanes = block.lanes
    tape = machine.tape
    account = accounts(lanes)[0]
    numbers = figures(
        lanes.stats[0],
        account,
        settings[0],
        periods=machine.spec.run.periods,
        start_ns=first_ns(tape),
        end_ns=int(tape.close_ns[-1]),
        open_trades=int((lanes.desks["side"][0] != 0).sum()),
    )
    return Result(
        about(machine, refusals(block, machine.linked)),
        numbers,
        kept.all(0, layout.fill),
        kept.all(1, layout.trade),
        kept.all(2, layout.equity),
        market=all_or_none(tuple(run_bars(bars, first_ns(tape), int(tape.close_ns[-1])) for bars in tape.series)),
    )
