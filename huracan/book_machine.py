"""From a spec to a result on order books: one lane with everything written down, or many over one book."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.book_build import BookMachine, build_book, lane_records, latency_rows
from huracan.book_lanes import BookBlock, Terms, book_recorder, drive_book, make_book_block
from huracan.data.timeframes import format_timeframe
from huracan.load_book import load_book_tape
from huracan.machine import all_spot, code_hash_of, param_row, refusals, versions
from huracan.settings import ignored
from huracan.sim import book_layout, layout
from huracan.sim import columns as feature_columns
from huracan.sim.book_market import mid_bars
from huracan.sim.book_tape import BookTape
from huracan.sim.figures import figures
from huracan.sim.fill_times import fill_times
from huracan.sim.lanes import accounts
from huracan.sim.result import About, Result
from huracan.spec import spec_hash, spec_table
from huracan.spec_records import Spec

Records = npt.NDArray[Any]


class Kept:
    """What a recording run has written down: buffers that the machine fills and pieces taken out of them."""

    def __init__(self, machine: BookMachine) -> None:
        rec = book_recorder(True, 8 * machine.slots * machine.instruments + 64)
        assert rec is not None
        self.rec = rec
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
    plan = feature_columns.plan(wanted, machine.instruments, machine.timeframe_ns)
    params = [
        np.concatenate([param_row(r[i], c[i], plan.base, dtype) for r, c in zip(rows, columns, strict=True)])
        for i, dtype in enumerate(dtypes)
    ]
    lanes = range(len(specs)) if numbers is None else numbers
    own = [lane_records(machine, spec, lane) for spec, lane in zip(specs, lanes, strict=True)]
    settings, books = (np.concatenate(kind) for kind in zip(*own, strict=True))
    terms = Terms(settings, books, latency_rows(specs))
    return make_book_block(machine, terms, params[0], params[1:], plan)


def run_lanes(specs: Sequence[Spec], tape: BookTape) -> BookBlock:
    """Many lanes that share one book, run to the end of the tape; their records are the result."""
    machine = build_book(specs[0], tape, record=False, also=specs[1:])
    block = block_of(machine, specs)
    drive_book(machine, block, book_recorder(False, 0))
    return block


def about_book(machine: BookMachine, refused: dict[str, int]) -> About:
    """What the result says of the run beside its figures."""
    spec, tape = machine.spec, machine.tape
    return About(
        name=spec.run.name,
        symbols=tape.symbols,
        start_ns=machine.start_ns,
        end_ns=machine.end_ns,
        sample=format_timeframe(machine.sample_ns),
        seed=spec.run.seed,
        spec=spec_table(spec),
        spec_hash=spec_hash(spec),
        code_hash=code_hash_of(machine.code),
        data_hash=tape.data_hash,
        repairs=tape.repairs | ignored(spec, all_spot=all_spot(tape)),
        rejections=refused,
        versions=versions(),
    )


def book_result(machine: BookMachine, block: BookBlock, kept: Kept, settings: Records) -> Result:
    """Records and figures of the one lane that was recorded."""
    lanes, tape = block.lanes, machine.tape
    account = accounts(lanes)
    numbers = figures(
        lanes.stats[0],
        account[0],
        settings[0],
        periods=machine.spec.run.periods,
        start_ns=machine.start_ns,
        end_ns=machine.end_ns,
        open_trades=int((lanes.desks["side"][0] != 0).sum()),
    )
    fills = kept.all(0, layout.fill)
    numbers["fill_times"] = fill_times(tape, fills, kept.all(3, book_layout.order_life), machine.timeframe_ns)
    trades, equity = kept.all(1, layout.trade), kept.all(2, layout.equity)
    return Result(about_book(machine, refusals(block, machine.linked)), numbers, fills, trades, equity, mid_bars(tape))
