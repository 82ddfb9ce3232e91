"""From a spec to the linked machine on order-book tapes: what its lanes are run with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.code import Code, find_code
from huracan.data.timeframes import parse_timeframe
from huracan.load_book import read_latencies
from huracan.load_stored import nanoseconds
from huracan.settings import settings_record
from huracan.sim import book_depth, book_layout
from huracan.sim import columns as feature_columns
from huracan.sim.book_bars import trade_bars
from huracan.sim.book_layout import LatencyModel, QueueModel
from huracan.sim.book_linker import link_book
from huracan.sim.book_tape import BookTape
from huracan.sim.builds import Groups
from huracan.sim.lanes import next_grid
from huracan.sim.layout import Contract
from huracan.sim.linker import Linked
from huracan.sim.refusal import Refused
from huracan.sim.sources import reached_names
from huracan.spec_fields import LAST_PIECE
from huracan.spec_records import Spec

Records = npt.NDArray[Any]
MINUTE = "1m"
MILLISECOND = 1_000_000
QUEUES = {"risk_averse": 0, "power": 1, "power2": 2, "power3": 3, "log": 4, "log2": 5}
DEEP_WORDS = {"bid_qty", "ask_qty", "micro", "imbalance", "bought", "sold", "last_side", "last", *book_depth.__all__}
WAITING_WORDS = {"stop", "reduce_stop", "trail", "reduce_trail", "bracket", "GTT"}


@dataclass(frozen=True)
class BookMachine:
    """A linked machine and what every block of its lanes shares."""

    spec: Spec
    tape: BookTape
    code: Code
    linked: Linked
    slots: int
    sample_ns: int
    latencies: Records  # measured ones, book_layout.measured

    @property
    def instruments(self) -> int:
        return self.tape.instruments

    @property
    def timeframe_ns(self) -> int:
        """Of bars made of the tape's own trades."""
        return parse_timeframe(self.spec.data.timeframe or MINUTE)

    @property
    def start_ns(self) -> int:
        """From when on the lanes act: `start`, or `warmup` bars after the earliest stamp; what comes before is seen."""
        start = nanoseconds(self.spec.data.start)
        return self.tape.start_ns + self.spec.data.warmup * self.timeframe_ns if start is None else start

    @property
    def end_ns(self) -> int:
        """The latest stamp."""
        return self.tape.end_ns

    @property
    def first_sample_ns(self) -> int:
        """The first instant of the grid of equity."""
        return next_grid(self.start_ns, self.sample_ns)

    @cached_property
    def sampled_ns(self) -> npt.NDArray[np.int64]:
        """When equity is written down: on the grid, and at the end."""
        return np.append(np.arange(self.first_sample_ns, self.end_ns, self.sample_ns, dtype=np.int64), self.end_ns)

    @cached_property
    def own_bars(self) -> tuple[Records, Records]:
        """(rows, bars) of the tape's own trades."""
        return trade_bars(self.tape, self.timeframe_ns)


def build_book(
    spec: Spec, tape: BookTape, *, record: bool, deep: bool | None = None, also: Sequence[Spec] = ()
) -> BookMachine:
    """Find the code and link it with what the spec, and lanes with the settings of `also`, need.

    `deep` keeps the local book whether it is read or not.
    """
    start = nanoseconds(spec.data.start)
    if start is not None and not tape.start_ns <= start < tape.end_ns:
        fix = "give a start within the data: what stands before it warms the book up"
        raise Refused(
            f"start is outside the tape ({at(tape.start_ns)} to {at(tape.end_ns)})", where="data.start", fix=fix
        )
    code = find_code(spec)
    d = code.declaration
    n = tape.instruments
    if d.instruments and d.instruments != n:
        fix = f"name {d.instruments} instruments"
        raise Refused(f"{d.name} trades {d.instruments} instruments, the data has {n}", where="data", fix=fix)
    lanes = [book_settings(each)[0] for each in (spec, *also)]
    spots = (tape.rules["contract"] == Contract.SPOT).all() and len(tape.payments) == 0
    groups = Groups(
        resting=int(bool(reached_names([code.step, *code.checks]) & WAITING_WORDS)),
        margin=int(not spots or any(s.account.leverage > 1.0 or s.account.borrow for s in (spec, *also))),
        spots=int(Contract.SPOT in tape.rules["contract"]),
        inverses=int(Contract.INVERSE in tape.rules["contract"]),
        books=1,
        costs=int(any(s["push_bps"] or s["imitate"] for s in lanes)),
        record=int(record),
        split=1,
        deep=int(reads_depth(code) if deep is None else deep),
        curved=int(any(is_curved(s) for s in lanes)),
        delays=int(any(s["latency"] != LatencyModel.CONSTANT for s in lanes)),
    )
    linked = link_book(code.step, code.checks, groups, is_wide=feature_columns.is_wide)
    sample = parse_timeframe(spec.run.sample or MINUTE)
    return BookMachine(spec, tape, code, linked, spec.run.order_slots, sample, latency_rows((spec, *also)))


def reads_depth(code: Code) -> bool:
    """Whether the strategy or a gate reads more of a book than its best prices."""
    return bool(reached_names([code.step, *code.checks]) & DEEP_WORDS)


def is_curved(s: Any) -> bool:
    """Whether a lane's queue model needs more than products."""
    return bool(s["queue"] >= QueueModel.LOG or (s["queue"] != QueueModel.RISK_AVERSE and s["power"] not in (1.0, 2.0)))


def book_settings(spec: Spec) -> Records:
    """One book_layout.book_settings record for a spec."""
    out = np.zeros(1, book_layout.book_settings)
    s = out[0]
    model, _, power = (spec.venue.queue or "risk_averse").partition(":")
    s["queue"], s["power"] = QUEUES[model], float(power or 1.0)
    s["partial"] = spec.venue.partial_fills is not False
    s["imitate"] = spec.venue.partial_fills == LAST_PIECE
    s["by_quote"] = spec.venue.book_trigger == "quote"
    s["push_bps"] = spec.venue.permanent_impact_bps
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


def steps_ns(machine: BookMachine, params: Records) -> npt.NDArray[np.int64]:
    """How often each lane steps: by the parameter that the strategy names as its clock; 0 with every local event."""
    d = machine.code.declaration
    if d.clock == "event":
        return np.zeros(len(params), np.int64)
    if not d.clock:
        return np.full(len(params), machine.timeframe_ns, np.int64)
    if d.clock not in d.params:
        fix = f"add {d.clock} to its params, in milliseconds"
        raise Refused(f"{d.name} has no parameter {d.clock!r} for its clock", where="@strategy", fix=fix)
    steps = np.round(np.asarray(params[d.clock], np.float64) * MILLISECOND).astype(np.int64)
    if (steps <= 0).any():
        bad = params[d.clock][int(np.argmax(steps <= 0))]
        raise Refused(f"{d.clock} = {bad}", where="strategy.params", fix="give a step above 0 ms")
    return steps


def lane_records(machine: BookMachine, spec: Spec, lane: int = 0) -> tuple[Records, Records]:
    """(layout.settings, book_layout.book_settings) of one lane."""
    spot = bool((machine.tape.rules["contract"] == Contract.SPOT).all())
    own = settings_record(
        spec, timeframe_ns=machine.timeframe_ns, sample_ns=machine.sample_ns, all_spot=spot, lane=lane
    )
    return own, book_settings(spec)


def at(ts_ns: int) -> str:
    """An instant as a text."""
    return str(np.datetime64(ts_ns, "ns").astype("datetime64[ms]"))
