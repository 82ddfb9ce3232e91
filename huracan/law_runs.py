"""What the laws compare: one strategy run on one tape again and again, in other chunks, other company and other builds.

A `Trial` says what is run, a lane for each set of settings and parameters; a `Run` is its state somewhere on the tape,
with what was written down on the way. Whoever has features of their own (tests that put any list of orders to the
machine) brings another `Columns`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from huracan.sim import columns as feature_columns
from huracan.sim import layout
from huracan.sim.lanes import gate_lanes, most_executions, new_lanes, recorder, report_room
from huracan.sim.layout import SPARE, GateLanes, Lanes, Recorder, TapeView
from huracan.sim.linker import Linked
from huracan.sim.tape import Tape, chunk, first_ns

Records = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
KEPT = (layout.fill, layout.trade, layout.equity)


class Columns(Protocol):
    """Where a run's features come from, chunk by chunk."""

    @property
    def rows(self) -> int: ...

    def fill(self, view: TapeView, table: Floats, n: int) -> None:
        """The next n rows into table[:, :n]."""

    def snapshot(self) -> bytes: ...

    def restore(self, state: bytes) -> None: ...


class PlannedColumns:
    """The features that the strategy declared."""

    def __init__(self, plan: feature_columns.Plan, rules: Records) -> None:
        self.plan, self.state = plan, feature_columns.start(plan, rules)

    @property
    def rows(self) -> int:
        return self.plan.n_rows

    def fill(self, view: TapeView, table: Floats, n: int) -> None:
        if self.plan.n_rows:
            feature_columns.fill(self.plan, self.state, view.rows, view.bars, table, 0, n)

    def snapshot(self) -> bytes:
        return self.state.snapshot()

    def restore(self, state: bytes) -> None:
        self.state.restore(state)


@dataclass(frozen=True)
class Trial:
    """One strategy on one tape; `params` and `own` are those of the strategy, then of each gate."""

    name: str
    tape: Tape
    linked: Linked
    settings: Records  # (lanes,)
    params: tuple[Records, ...]  # each (lanes,)
    own: tuple[Records, ...]  # what own state starts as
    slots: int
    columns: Callable[[], Columns]
    deepest: int = 1  # finer bars in one row, for the drill
    window: int = 0  # bars behind the tape's cost columns

    @property
    def lanes(self) -> int:
        return len(self.settings)

    @property
    def last_row(self) -> int:
        return self.tape.rows - 1

    @property
    def spread_from_data(self) -> bool:
        return bool(self.settings["spread_from_data"].any())


@dataclass
class Run:
    """A trial's state after `row` rows, and what was written down until then.

    That is a list of pieces for each of fills, trades and equity.
    """

    lanes: Lanes
    gates: tuple[GateLanes, ...]
    columns: Columns
    row: int = 0
    parts: tuple[list[Records], list[Records], list[Records]] = field(default_factory=lambda: ([], [], []))

    def written(self, i: int) -> Records:
        """All fills (0), trades (1) or equity rows (2), in the order in which they were written."""
        return np.concatenate(self.parts[i]) if self.parts[i] else np.zeros(0, KEPT[i])

    def take(self, rec: Recorder) -> None:
        """Take out of the recorder what is there."""
        for i, buffer in enumerate((rec.fills, rec.trades, rec.equity)):
            n = int(rec.n[i])
            if n:
                self.parts[i].append(np.array(np.asarray(buffer[:n]), KEPT[i]))
                rec.n[i] = 0


def start(trial: Trial, which: Sequence[int] | None = None) -> Run:
    """Fresh lanes: all of them, or those named, in that order."""
    chosen = np.arange(trial.lanes) if which is None else np.asarray(which, np.int64)
    lanes = new_lanes(
        trial.linked,
        trial.settings[chosen].copy(),
        trial.params[0][chosen].copy(),
        trial.own[0].copy(),
        trial.tape.rules.copy(),
        slots=trial.slots,
        start_ns=first_ns(trial.tape),
        reports=report_room(trial.linked, trial.settings, trial.tape, trial.slots, trial.deepest),
    )
    n = len(trial.tape.series)
    gates = tuple(
        gate_lanes(trial.linked, g, trial.params[g + 1][chosen].copy(), trial.own[g + 1].copy(), n)
        for g in range(len(trial.linked.gates))
    )
    return Run(lanes, gates, trial.columns())


def recorder_for(trial: Trial, rows: int, small: bool = False) -> Recorder:
    """Room for what `rows` rows of all lanes write.

    `small` is hardly more than one row needs, so that the machine stops again and again.
    """
    orders = trial.slots * len(trial.tape.series)
    margin = most_executions(orders, len(trial.tape.series), trial.deepest)
    room = margin + 1 if small else margin + 64 + 8 * orders * rows
    return recorder(room, room, max(rows * trial.lanes, 1), margin)


def advance(trial: Trial, run: Run, until: int, edges: Sequence[int] = (), *, small: bool = False) -> Run:
    """Go on to row `until`, with chunks that end at `edges`; the run itself, for chaining."""
    stops = sorted({e for e in edges if run.row < e < until} | ({until} if until > run.row else set()))
    for hi in stops:
        lo = run.row
        view = chunk(trial.tape, lo, hi, spread_from_data=trial.spread_from_data)
        table = np.full((max(run.columns.rows, 1), hi - lo + SPARE), np.nan)
        step(trial, run, view, table, lo, 0, hi - lo, small=small)
    return run


def step(
    trial: Trial, run: Run, view: TapeView, table: Floats, row0: int, at: int, to: int, *, small: bool = False
) -> None:
    """Rows at..to of a chunk that begins at row0; its features are computed when its first row is."""
    n = len(run.lanes.acct)
    rec = recorder_for(trial, to - at, small and n == 1)
    with np.errstate(all="ignore"):  # plain Python follows IEEE rules without a word, as the compiled machine does
        if at == 0:
            run.columns.fill(view, table, len(view.rows))
        while at < to:
            at = trial.linked.entry(view, table, run.lanes, *run.gates, rec, 0, n, at, to, row0, trial.last_row)
            run.take(rec)
    run.row = row0 + to


def whole(trial: Trial, which: Sequence[int] | None = None) -> Run:
    """The whole tape as one chunk."""
    return advance(trial, start(trial, which), trial.tape.rows)


def part_way(trial: Trial, row: int, which: Sequence[int] | None = None) -> Run:
    """Up to `row`, with all of the tape before the machine's eyes.

    Features are computed to its end, as in a backtest of one chunk.
    """
    run = start(trial, which)
    view = chunk(trial.tape, 0, trial.tape.rows, spread_from_data=trial.spread_from_data)
    step(trial, run, view, np.full((max(run.columns.rows, 1), trial.tape.rows + SPARE), np.nan), 0, 0, row)
    return run


def row_by_row(trial: Trial, which: int) -> Iterator[Run]:
    """One lane, stopped after every row; `parts` hold what the row wrote."""
    run = start(trial, [which])
    view = chunk(trial.tape, 0, trial.tape.rows, spread_from_data=trial.spread_from_data)
    table = np.full((max(run.columns.rows, 1), trial.tape.rows + SPARE), np.nan)
    for i in range(trial.tape.rows):
        for part in run.parts:
            part.clear()
        step(trial, run, view, table, 0, i, i + 1)
        yield run


def state(run: Run) -> dict[str, Records]:
    """Everything that a run goes on from, by name; the first axis is the lane."""
    found = {name: np.asarray(a) for name, a in zip(run.lanes._fields, run.lanes, strict=True) if name != "rules"}
    for g, gate in enumerate(run.gates):
        found |= {f"gate {g} {name}": np.asarray(a) for name, a in zip(gate._fields, gate, strict=True)}
    return found


def copy_state(trial: Trial, run: Run) -> Run:
    """Another run that goes on from this one's bytes alone."""
    other = start(trial, range(len(run.lanes.acct)))
    for name, a in state(other).items():
        a[...] = np.frombuffer(state(run)[name].tobytes(), a.dtype).reshape(a.shape)
    other.columns.restore(run.columns.snapshot())
    other.row = run.row
    return other


def difference(what: str, a: Records, b: Records, skip: Sequence[str] = (), *, nan_is_nan: bool = False) -> str:
    """Where two arrays of records differ first in any bit, in words; "" where they don't.

    `nan_is_nan` takes any NaN for any other.
    """
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    if a.shape != b.shape:
        return f"{what}: {a.shape[0] if a.ndim == 1 else a.shape} against {b.shape[0] if b.ndim == 1 else b.shape}"
    if a.tobytes() == b.tobytes():
        return ""
    for name in a.dtype.names or ("",):
        if name in skip:
            continue
        x, y = (np.ascontiguousarray(r[name] if name else r) for r in (a, b))
        unlike = x.view(np.int64) != y.view(np.int64)
        if nan_is_nan and x.dtype.kind == "f":
            unlike &= ~(np.isnan(x) & np.isnan(y))
        if unlike.any():
            at = tuple(int(i) for i in np.argwhere(unlike)[0])
            return f"{what}{list(at)}.{name}: {x[at].item()!r} against {y[at].item()!r}"
    return ""


def state_difference(
    a: dict[str, Records],
    b: dict[str, Records],
    skip: dict[str, tuple[str, ...]] | None = None,
    *,
    nan_is_nan: bool = False,
) -> str:
    """Where two states differ first; `skip` names fields, or with ("*",) whole arrays, that may differ."""
    for name in a:
        ignored = (skip or {}).get(name, ())
        if ignored != ("*",):
            found = difference(name, a[name], b[name], ignored, nan_is_nan=nan_is_nan)
            if found:
                return found
    return ""


def records_difference(a: Run, b: Run) -> str:
    """Where what two runs of one lane wrote down differs first."""
    for i, name in enumerate(("fill", "trade", "equity")):
        found = difference(name, a.written(i), b.written(i))
        if found:
            return found
    return ""


def lane_of(found: dict[str, Records], lane: int) -> dict[str, Records]:
    """One lane of a state, as a state of one lane."""
    return {name: a[lane : lane + 1] for name, a in found.items()}
