"""The path of the data: spec → tape → machine → result; and a sweep, which is the same with many lanes.

Every driver of bars goes through `drive`: it hands the tape to the linked machine chunk by chunk, block of lanes by
block of lanes.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huracan.sim.refusal import Refused
from huracan.spec import Spec, a_kind, load_spec

if TYPE_CHECKING:
    from huracan.sim.result import Result
    from huracan.sim.sweep_result import SweepResult

Source = Spec | str | Path | Mapping[str, Any]


def backtest(spec: Source, *, python: bool = False, check_bounds: bool = False) -> Result:
    """Run one spec and return its result; `python` runs the machine uncompiled, for breakpoints."""
    checked = load_spec(spec)
    if python or check_bounds:
        be_plain_python()
    from huracan.either_venue import record_any

    try:
        with lines_named(spec):
            return record_any(checked)
    except IndexError as error:
        raise out_of_range(checked.strategy.use, error) from error


def sweep(
    spec: Source,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
    cluster: str | None = None,
) -> SweepResult:
    """Run every set of a spec's [sweep] table; `progress` is told (sets done, sets).

    With a folder `out` the rows go there as they come, however many they are: a sweep that was stopped goes on with
    `resume`, and the result's files are written at the end. Without one the result is in memory. `cluster` is "auto" or
    the address of a Ray cluster that runs the sets.
    """
    from huracan.cluster import joined
    from huracan.sweep_parts import alone_in
    from huracan.sweeping import finish, sweep_run

    checked = load_spec(spec)
    for name, value, kinds in (("out", out, (str, Path)), ("cluster", cluster, str)):
        if value is not None and not isinstance(value, kinds):
            fix = "give the path of a folder" if name == "out" else 'give "auto", or the host:port of a Ray cluster'
            raise Refused(f"{name} can't be {a_kind(value)}", where=name, fix=fix)
    folder = None if out is None else Path(out)
    with contextlib.nullcontext() if folder is None else alone_in(folder):
        try:
            with lines_named(spec), joined(cluster) as crew:
                result = sweep_run(checked, out=folder, resume=resume, progress=progress, crew=crew)
        except IndexError as error:
            raise out_of_range(checked.strategy.use, error) from error
        return result if folder is None else finish(result, folder)


def plan(spec: Source) -> dict[str, Any]:
    """What a sweep would run: sets, bars, features, memory, and how long it would take."""
    from huracan.sweep_plan import plan_sweep

    with lines_named(spec):
        return plan_sweep(load_spec(spec))


def rerun(table: str | Path, row: int) -> Result:
    """One row of a sweep.parquet as a backtest in full, to the same figures."""
    from huracan.rerun import rerun_row

    return rerun_row(Path(table), row)


def check(target: str) -> dict[str, Any]:
    """Hold a strategy, `path/to/file.py:name` or a shipped name, against the laws, on synthetic markets."""
    from huracan.law_check import check as held_against

    return held_against(target)


SECTION = re.compile(r"(run|data|account|venue|strategy|gates|sweep)([.\[]|$)")


@contextlib.contextmanager
def lines_named(spec: Source) -> Iterator[None]:
    """What is refused only once strategy and data are known names file and line as well, where a file is the spec."""
    try:
        yield
    except Refused as refused:
        if not isinstance(spec, (str, Path)) or not SECTION.match(refused.where):
            raise
        from huracan.spec_faults import at_line, read_toml

        raise at_line(refused, Path(spec).name, read_toml(Path(spec))[1]) from refused


def be_plain_python() -> None:
    """From here on the kernels are Python; too late once numba has been imported to compile."""
    if "numba" in sys.modules:
        from numba import config

        if not config.DISABLE_JIT:
            raise Refused(
                "the compiler is already at work in this process",
                fix="set NUMBA_DISABLE_JIT=1 before importing huracan",
            )
    os.environ["NUMBA_DISABLE_JIT"] = "1"


def out_of_range(use: object, error: IndexError) -> Refused:
    """What a strategy that leaves its arrays is told; only plain Python knows the line."""
    if "numba" in sys.modules:
        from numba import config

        if config.DISABLE_JIT:
            return Refused(
                f"the strategy indexes out of range: {error}",
                where=last_line(error),
                fix="keep indices inside the array",
            )
    fix = "keep indices inside the array; `huracan backtest --check-bounds` names the line"
    return Refused("the strategy indexes out of range", where=str(use), fix=fix)


def last_line(error: BaseException) -> str:
    """File and line where an error arose."""
    trace = error.__traceback__
    where = ""
    while trace is not None:
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where
