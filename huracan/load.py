"""From a checked spec to a tape: the data room reads, the tape puts it on one timeline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from huracan.data.files import hash_bars, read_bars
from huracan.data.instrument import rules_from
from huracan.data.timeframes import format_timeframe, parse_timeframe
from huracan.load_stored import from_store, nanoseconds, own_payments
from huracan.settings import cost_window
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars, BarSource, Payments
from huracan.sim.tape import Tape, build_tape
from huracan.spec_records import Instrument, Spec
from huracan.spec_synthetic import symbols_of


def load_tape(spec: Spec, also: Sequence[Spec] = ()) -> Tape:
    """The tape that a spec asks for, with what other specs of the same data need besides."""
    start_ns, end_ns = nanoseconds(spec.data.start), nanoseconds(spec.data.end)
    windows = {cost_window(each) for each in (spec, *also)} - {0}
    if len(windows) > 1:
        raise Refused(
            f"windows of {sorted(windows)} bars on one tape",
            where="sweep",
            fix="sweep each window of the cost models by itself",
        )
    window = max(windows, default=0)
    if spec.data.source == "synthetic":
        series, payments = synthetic(spec)
    else:
        series, payments = from_files_and_store(spec, window)
    if end_ns is not None:
        series = [cut(s, end_ns) if isinstance(s, Bars) else s for s in series]
    drill = any(each.venue.intrabar == "drill" for each in (spec, *also))
    fine = [finer(each, s) for each, s in zip(spec.data.series(), series, strict=True)] if drill else []
    return build_tape(series, payments, start_ns=start_ns, warmup=spec.data.warmup, window=window, fine=fine)


def synthetic(spec: Spec) -> tuple[list[BarSource], list[Payments | None]]:
    """The built-in market, with its funding for perpetuals."""
    from huracan.data.synthetic import HERE, market

    data = spec.data
    if data.synthetic != "regimes":
        fix = 'use synthetic = "regimes", or run them with `huracan backtest`'
        raise Refused("synthetic order books where bars are needed", where="data.synthetic", fix=fix)
    made = market(
        data.bars,
        spec.run.seed,
        symbols=symbols_of(data),
        timeframe_ns=parse_timeframe(data.timeframe or "1m"),
        edges=data.edges.edges(),
        places=[each.place() for each in data.venues] or HERE,
    )
    series, payments = list(made.bars), list(made.payments)
    if data.rules is not None:
        series = [with_rules(s, data.rules.given()) for s in series]
    if data.half_spread_bps is not None:
        series = [with_spread(s, data.half_spread_bps) for s in series]
    return list(series), payments


def from_files_and_store(spec: Spec, window: int) -> tuple[list[BarSource], list[Payments | None]]:
    """Every instrument of the spec, in its order: from its file, or else from the store."""
    from concurrent.futures import ThreadPoolExecutor, wait

    series: list[BarSource] = []
    payments: list[Payments | None] = []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:  # decoding and hashing let other threads run
        stored = [pool.submit(from_store, spec.data, each, window) for each in spec.data.series() if in_store(each)]
        wait(stored)
    waiting = iter(stored)
    for each in spec.data.series():
        if each.timeframe is None:
            raise Refused(
                "the bars have no timeframe",
                where="data.timeframe",
                fix='say how long a bar is, as in timeframe = "1m"',
            )
        own = own_payments(each)
        if in_store(each):
            held, paid = next(waiting).result()
            series.append(held)
            payments.append(own if own is not None else paid)
        else:
            bars = read(each, each.file or "")
            series.append(with_spread(bars, each.half_spread_bps) if each.half_spread_bps is not None else bars)
            payments.append(own)
    return series, payments


def in_store(each: Instrument) -> bool:
    """Whether the instrument's bars are in the store; without a timeframe nobody knows which."""
    return each.file is None and each.timeframe is not None


def read(each: Instrument, file: str, timeframe: str | None = None) -> Bars:
    """One file's bars under the instrument's name and rules."""
    return read_bars(
        file,
        symbol=each.symbol or "",
        timeframe=timeframe or each.timeframe or "",
        venue=each.venue or "",
        format=each.format,
        rules=each.rules.given() if each.rules else None,
        repair=each.repair,
    )


def with_rules(bars: Bars, given: dict[str, object]) -> Bars:
    """A synthetic instrument under rules of the spec; its own tick stays unless the spec gives one."""
    asked = rules_from(given, bars.symbol)
    if asked.tick_num == 0:
        asked = replace(asked, tick_num=bars.rules.tick_num, tick_den=bars.rules.tick_den)
    return replace(bars, rules=asked)


def with_spread(bars: Bars, half_spread_bps: float) -> Bars:
    """The same half-spread for every bar."""
    spread = np.full(len(bars.close), half_spread_bps)
    digest = hash_bars(bars.open_ns, bars.open, bars.high, bars.low, bars.close, bars.volume, spread)
    return replace(bars, half_spread_bps=spread, data_hash=digest)


def cut(bars: Bars, end_ns: int) -> Bars:
    """Bars that have closed by end_ns."""
    n = int(np.searchsorted(bars.open_ns + bars.timeframe_ns, end_ns, side="right"))
    volume = None if bars.volume is None else bars.volume[:n]
    spread = None if bars.half_spread_bps is None else bars.half_spread_bps[:n]
    columns = (bars.open_ns[:n], bars.open[:n], bars.high[:n], bars.low[:n], bars.close[:n])
    return replace(
        bars,
        open_ns=columns[0],
        open=columns[1],
        high=columns[2],
        low=columns[3],
        close=columns[4],
        volume=volume,
        half_spread_bps=spread,
        data_hash=hash_bars(*columns, volume, spread),
    )


def finer(each: Instrument, bars: BarSource) -> Bars:
    """The finer bars that the drill walks; their timeframe is the commonest step of their times."""
    if each.drill is None:
        raise Refused(
            'intrabar = "drill" needs finer bars', where="data.drill", fix="name a file of bars of a finer timeframe"
        )
    step = guess_step(each.drill, each)
    if step >= bars.timeframe_ns or bars.timeframe_ns % step:
        raise Refused(
            f"the drill's bars last {format_timeframe(step)}",
            where="data.drill",
            fix="give bars that divide the timeframe",
        )
    return read(each, each.drill, format_timeframe(step))


def guess_step(file: str, each: Instrument) -> int:
    """The commonest distance between the times of a file's rows, in ns."""
    from huracan.data.instants import time_column
    from huracan.data.tables import read_table

    times = np.sort(time_column(read_table(file, each.format), {}))
    steps, counts = np.unique(np.diff(times), return_counts=True)
    if len(steps) == 0:
        raise Refused(f"{file} has fewer than two bars", where="data.drill", fix="give finer bars for the whole run")
    return int(steps[np.argmax(counts)])
