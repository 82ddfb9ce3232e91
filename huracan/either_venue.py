"""Bars or order books: what a sweep asks of a machine, whichever of the two venues it is linked to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from huracan import book_build, book_lanes, book_machine, machine
from huracan.book_build import BookMachine, build_book
from huracan.book_lanes import BookBlock
from huracan.load import load_tape
from huracan.load_book import has_books, load_book_tape
from huracan.look_ahead import with_look_ahead
from huracan.machine import Block, Machine
from huracan.sim.chunks import Chunks, chunks_for
from huracan.sim.columns import Plan
from huracan.sim.cuts import Cuts, Looks, plan_cuts
from huracan.sim.lanes import no_recorder
from huracan.sim.result import About, Result
from huracan.sim.strips import ALONE, Beside
from huracan.spec_records import Spec

Records = npt.NDArray[Any]
AnyMachine = Machine | BookMachine
AnyBlock = Block | BookBlock


def record_any(spec: Spec, *, lane: int = 0) -> Result:
    """spec → tape → machine → result, for one lane with everything written down."""
    return book_machine.record_book_run(spec, lane=lane) if has_books(spec) else machine.record_run(spec, lane=lane)


def build_sweep(spec: Spec, also: Sequence[Spec], sets: int, tape: Any = None) -> AnyMachine:
    """The tape, unless it is there already, and the machine that serve the spec and the settings of `also`."""
    if has_books(spec):
        return build_book(spec, load_book_tape(spec) if tape is None else tape, record=False, also=also)
    tape = load_tape(spec, also) if tape is None else tape
    return with_look_ahead(machine.build(spec, tape, record=False, also=also), sets, also)


def cuts_of(m: AnyMachine, sets: int) -> Cuts:
    """When a sweep looks at the equity of its lanes: after rows of the tape, or samples of a book's equity."""
    if isinstance(m, BookMachine):
        return plan_cuts(m.sampled_ns, m.start_ns, m.sample_ns, sets)
    return plan_cuts(m.tape.close_ns, m.start_ns, m.tape.timeframe_ns, sets)


def first_live(m: AnyMachine) -> int:
    """The first row at which lanes act."""
    return 0 if isinstance(m, BookMachine) else m.tape.first_live


def timeframe_of(m: AnyMachine) -> int:
    """Of the bars that features are made of."""
    return m.timeframe_ns if isinstance(m, BookMachine) else m.tape.timeframe_ns


def settings_of(m: AnyMachine, spec: Spec) -> tuple[Records, ...]:
    """What the venue of one lane is run with: its records, one row each."""
    if isinstance(m, BookMachine):
        return book_build.lane_records(m, spec)
    return (machine.base_settings(m, spec),)


def lanes_with(
    m: AnyMachine, settings: tuple[Records, ...], params: Records, gate_params: Sequence[Records], plan: Plan
) -> AnyBlock:
    """Lanes with these records, at the start of the tape."""
    if isinstance(m, BookMachine):
        terms = book_lanes.Terms(settings[0], settings[1], m.latencies)
        return book_lanes.make_book_block(m, terms, params, gate_params, plan)
    return machine.make_block(m, settings[0], params, gate_params, plan)


def drive_any(
    m: AnyMachine, block: AnyBlock, looks: Looks, watch: Callable[[int], None] | None, beside: Beside = ALONE
) -> None:
    """Lanes over the whole tape, with nothing written down; `beside` is what other blocks share."""
    if isinstance(m, BookMachine):
        assert isinstance(block, BookBlock)
        book_lanes.drive_book(m, block, book_lanes.book_recorder(False, 0), looks=looks, watch=watch)
    else:
        assert isinstance(block, Block)
        rows = machine.ready_rows(m)
        machine.drive(m, block, no_recorder(), chunk_rows=rows, looks=looks, watch=watch, beside=beside)


def chunks_of(m: AnyMachine) -> Chunks | None:
    """Where blocks that read the same bars keep what they make ready of them."""
    return None if isinstance(m, BookMachine) else chunks_for(m.tape)


def about_any(m: AnyMachine, refused: dict[str, int]) -> About:
    """What a result says of the run beside its figures."""
    return book_machine.about_book(m, refused) if isinstance(m, BookMachine) else machine.about(m, refused)
