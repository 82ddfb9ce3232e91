"""`huracan check`: a strategy against the laws, on synthetic markets under several accounts and venues.

One that reads order books, or steps by a clock, is held against them on books: law_books.py.

target ─▶ trials (market x venues x parameters) ─▶ laws ─▶ what held, what happened
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from huracan import law_books, law_plain
from huracan.code import find, param_values
from huracan.data.synthetic import market as synthetic_market
from huracan.law_parameters import ends_of_ranges, param_sets, wrong_parameters
from huracan.law_runs import PlannedColumns, Trial, whole
from huracan.laws import (
    LAWS,
    Checked,
    Finding,
    builds_dont_matter,
    chunks_dont_matter,
    cut_tape,
    happened,
    lanes_dont_matter,
    money_is_conserved,
    no_peeking,
    snapshots_go_on,
)
from huracan.machine import Machine, base_settings, build, param_row
from huracan.run import out_of_range
from huracan.settings import uses_cost_models
from huracan.sim import columns as feature_columns
from huracan.sim.builds import Groups
from huracan.sim.declare import Declaration
from huracan.sim.declared import declaration, initial_state
from huracan.sim.language import check_language
from huracan.sim.linker import Linked, link
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars
from huracan.sim.sources import source_file
from huracan.sim.tape import Tape, build_tape
from huracan.spec import Spec, load_spec

Step = Callable[..., Any]  # a strategy's function, or a gate's

ROWS = 1200
SHORT = 300  # rows that are run in plain Python as well
WINDOW = 20

COSTS = {
    "slippage_bps": {"model": "vol_volume", "base_bps": 2.0, "window": WINDOW},
    "impact": {"model": "sqrt", "coefficient": 0.3, "window": WINDOW},
}
# Each is a lane's [venue]; together they reach every policy that a tape of bars without finer bars has.
VENUES: dict[str, dict[str, Any]] = {
    "as it comes": {"max_participation": 0.05},
    "optimistic": {"intrabar": "optimistic", "fee_maker_bps": -1.0, "half_spread_bps": 1.5, "max_participation": 0.2},
    "one bar late": {"intrabar": "ohlc", "latency_bars": 1, "gap_fill": "price", "slippage_bps": 3.0},
    "at the close": {"market_fill": "close", "market_remainder": "cancel", "max_participation": 0.01},
    "through": {"limit_fill": "through:1", "intrabar": "olhc", "latency_ms": {"entry": 20_000.0}, **COSTS},
    "hazard": {"limit_fill": "hazard", "intrabar": "nearest", "fee_taker_bps": 30.0, "max_participation": 0.1},
}
# name: symbols, [account]; the last one is for strategies that take any number of instruments
MARKETS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "a perpetual": (("BTC/USDT:USDT",), {"leverage": 3.0}),
    "an inverse perpetual": (("ETH/USD:ETH",), {"leverage": 2.0, "cash": 100.0}),
    "coins for cash": (("BTC/USDT", "ETH/USDT", "SOL/USDT"), {}),
}
MANY = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT", "BNB/USDT:USDT", "ADA/USDT:USDT")


@dataclass(frozen=True)
class Bench:
    """A trial with the full build, the specs of its lanes, and the machine that the first of them is linked to."""

    trial: Trial
    specs: tuple[Spec, ...]
    machine: Machine


def benches(target: str | Step, gates: Sequence[Step] = (), rows: int = ROWS) -> list[Bench]:
    """The strategy, with these gates if any, on every market that it can trade.

    A lane for each venue, the parameter sets dealt out to them.
    """
    step = find(target, "strategy", "the target")
    d = declaration(step, "strategy")
    if d.needs == "book":
        raise Refused(f"{d.name} needs an order-book tape", where="check", fix="the laws are checked on bars")
    sets, venues = param_sets(d), [*VENUES.values(), *list(VENUES.values())[:2]]
    made = []
    for seed, (name, symbols, account) in enumerate(markets(d), start=7):
        lanes = [(venue, sets[(lane + seed) % len(sets)]) for lane, venue in enumerate(venues)]
        made.append(bench(step, gates, name, symbols, account, lanes, rows, seed))
    return made


def markets(d: Declaration) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
    """Markets with as many instruments as a strategy asks for."""
    wide = any(feature_columns.is_wide(name, d.features) for name in d.features)
    n = d.instruments or (2 if wide else 0)
    if n > len(MANY):
        raise Refused(f"{d.name} trades {n} instruments", where="check", fix=f"the synthetic markets have {len(MANY)}")
    for name, (symbols, account) in MARKETS.items():
        if n in (0, len(symbols)):
            yield name, symbols, account
    if n > 1:
        yield f"{n} perpetuals", MANY[:n], {"leverage": 3.0}
        yield f"{n} coins for cash", tuple(s.partition(":")[0] for s in MANY[:n]), {}


def bench(
    step: Step,
    gates: Sequence[Step],
    name: str,
    symbols: tuple[str, ...],
    account: Mapping[str, Any],
    lanes: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    rows: int,
    seed: int,
) -> Bench:
    """One market; `lanes` are pairs of [venue] and parameters."""
    shared: dict[str, Any] = {
        "run": {"name": "check", "seed": seed},
        "data": {
            "synthetic": "regimes",
            "bars": rows,
            "symbols": list(symbols),
        },  # stands for the market, which has holes besides
        "account": dict(account),
        "gates": [{"use": gate} for gate in gates],
    }
    specs = [
        load_spec({**shared, "venue": dict(venue), "strategy": {"use": step, "params": dict(params)}})
        for venue, params in lanes
    ]
    tape = market(symbols, rows, seed)
    machine = build(specs[0], tape, record=True)
    full, code = build_with(machine, Groups()), machine.code
    values = [code.values(spec) for spec in specs]
    columns = [
        [feature_columns.resolve(d.features, v) for d, v in zip(code.declarations, found, strict=True)]
        for found in values
    ]
    plan = feature_columns.plan(
        [c for lane in columns for one in lane for c in one.values()], len(symbols), tape.timeframe_ns
    )
    records = []
    for i, dtype in enumerate([full.p, *(g.p for g in full.gates)]):
        records.append(
            np.concatenate([param_row(v[i], c[i], plan.base, dtype) for v, c in zip(values, columns, strict=True)])
        )
    own = zip(code.declarations, [full.u, *(g.u for g in full.gates)], strict=True)
    trial = Trial(
        name,
        tape,
        full,
        np.concatenate([base_settings(machine, spec, lane) for lane, spec in enumerate(specs)]),
        tuple(records),
        tuple(initial_state(d, dtype) for d, dtype in own),
        machine.slots,
        lambda: PlannedColumns(plan, tape.rules),
        window=WINDOW,
    )
    return Bench(trial, tuple(specs), machine)


def build_with(machine: Machine, groups: Groups) -> Linked:
    """The same strategy linked with these groups."""
    code = machine.code
    n, wide = machine.instruments, feature_columns.is_wide
    return link(code.step, code.checks, groups, instruments=n, slots=machine.slots, is_wide=wide)


def market(symbols: Sequence[str], rows: int, seed: int) -> Tape:
    """Synthetic minutes with what real ones have: missing bars, one long hole, bars without volume.

    Funding comes more often than is usual.
    """
    rng = np.random.default_rng(seed)
    made = synthetic_market(rows, seed, symbols=symbols)
    series = [holed(s, rng) for s in made.bars]
    payments = [
        None if p is None else frequent(p, s, s.timeframe_ns * 97)
        for p, s in zip(made.payments, made.bars, strict=True)
    ]
    return build_tape(series, payments, warmup=rows // 20, window=WINDOW)


def holed(s: Bars, rng: np.random.Generator) -> Bars:
    """Two bars in a hundred are missing, and forty in a row; three in a hundred have no volume."""
    n = len(s.open_ns)
    keep = rng.random(n) > 0.02
    hole = int(rng.integers(n // 4, n // 2))
    keep[hole : hole + min(40, n // 10)] = False
    keep[0] = True
    assert s.volume is not None  # synthetic bars have one
    volume = np.where(rng.random(n) < 0.03, 0.0, s.volume)
    columns = {name: getattr(s, name)[keep] for name in ("open_ns", "open", "high", "low", "close")}
    return replace(s, volume=volume[keep], **columns)


def frequent(p: Any, s: Bars, every_ns: int) -> Any:
    """Funding every few dozen bars, every third time inside a bar, every second time without a mark."""
    n = int((s.open_ns[-1] - s.open_ns[0]) // every_ns)
    ts = s.open_ns[0] + every_ns * np.arange(1, n + 1)
    ts[::3] += s.timeframe_ns // 2
    mark = np.where(np.arange(n) % 2 == 0, np.nan, float(s.close[n // 2]))
    rate = np.where(np.arange(n) % 3 == 0, -1e-4, 2e-4)
    return replace(p, ts_ns=ts, rate=rate, mark=mark)


def short(trial: Trial, name: str = "") -> Trial:
    """The beginning of a trial, for plain Python."""
    tape = cut_tape(trial, min(SHORT, trial.tape.rows) - 1) or trial.tape
    return replace(trial, tape=tape, name=name or trial.name)


def pruned(b: Bench, *, record: bool) -> Iterator[Finding]:
    """Law 2: the build that a backtest (a sweep) of the bench's first spec would get, against the full one.

    Only on the lanes that it serves.
    """
    at_close = [record or spec.venue.market_fill != "close" for spec in b.specs]  # a backtest's build keeps closes
    lanes = [lane for lane, spec in enumerate(b.specs) if at_close[lane] and not uses_cost_models(spec)]
    groups = replace(b.machine.linked.groups, costs=0, closes=int(record), record=int(record))
    words = f"the build of a {'backtest' if record else 'sweep'} against the full one"
    yield from builds_dont_matter(only(b.trial, lanes), build_with(b.machine, groups), words)


def only(trial: Trial, lanes: Sequence[int]) -> Trial:
    """A trial of some of the lanes."""
    return replace(trial, settings=trial.settings[lanes], params=tuple(p[lanes] for p in trial.params))


def bad_input(step: Step, rows: int = 150) -> Iterator[Finding]:
    """Law 8: what parameters may not be is refused by name; whatever they may be runs, or is refused by name."""
    d = declaration(step, "strategy")
    yield from wrong_parameters(d)
    name, symbols, account = next(markets(d))
    lanes = []
    for params in ends_of_ranges(d):
        try:
            resolved = feature_columns.resolve(d.features, param_values(d, params, "strategy.params"))
            feature_columns.plan(resolved.values(), len(symbols))
        except Refused as refused:
            yield Finding(8, bool(refused.fix), f"{params} is refused: {refused}")
        else:
            lanes.append((VENUES["as it comes"], params))
    if lanes:
        b = bench(step, (), name, symbols, account, lanes, rows, 7)
        equity = np.asarray(whole(b.trial).lanes.acct["equity"])
        for (_, params), worth in zip(lanes, equity, strict=True):
            yield Finding(
                8, bool(np.isfinite(worth)), f"{params} runs", "" if np.isfinite(worth) else f"equity is {worth}"
            )


def check(target: str | Step) -> dict[str, Any]:
    """Hold a strategy against the laws; law 6 speaks of fixed lists of orders, which a strategy is not."""
    step = find(target, "strategy", "the target")
    check_language(step)
    name = f"{source_file(step)}:{step.__name__}"
    books = law_books.on_books(declaration(step, "strategy"))
    with law_plain.folder() as folder:
        out = Path(folder) / "plain.npz"
        process = law_plain.start_check(name, out)
        try:
            try:
                checked = law_books.checked(step) if books else on_bars(step)
            except IndexError as error:
                raise where_out_of_range(name, out, process, error) from error
            failed = law_plain.finish(process)
            if failed:
                checked.findings.append(Finding(3, False, "the same in plain Python", failed))
            else:
                with np.load(out) as plain:
                    checked.findings.extend(checked.compare(plain))
        finally:
            law_plain.stop(process)
    return verdict(target if isinstance(target, str) else name, checked.findings, checked.happened)


def on_bars(step: Step) -> Checked:
    """All laws but the third, on bars."""
    tried = benches(step)
    findings = list(held(step, tried))
    did: Counter[str] = Counter()
    for b in tried:
        did.update(happened(whole(b.trial)))
    return Checked(
        findings, lambda plain: (f for b in tried for f in law_plain.compare(short(b.trial), plain)), dict(did)
    )


def where_out_of_range(name: str, out: Path, process: Any, error: IndexError) -> Refused:
    """Compiled code does not know on which line an index left its array; plain Python does, if need be on all rows."""
    refused = law_plain.refused_in(process)
    if refused is None:
        whole_run = law_plain.start_check(name, out, whole=True)
        try:
            refused = law_plain.refused_in(whole_run)
        finally:
            law_plain.stop(whole_run)
    return refused or out_of_range(name, error)


def held(step: Step, tried: Sequence[Bench]) -> Iterator[Finding]:
    """All laws but the third."""
    rng = np.random.default_rng(7)
    for b in tried:
        rows = b.trial.tape.rows
        yield from chunks_dont_matter(b.trial, rng)
        yield from lanes_dont_matter(b.trial, rng)
        yield from no_peeking(b.trial, [rows // 3, rows // 2, rows - 9])
        yield from money_is_conserved(b.trial)
        yield from snapshots_go_on(b.trial, [1, rows // 2])
    yield from pruned(tried[0], record=False)
    yield from pruned(tried[-1], record=True)
    yield from bad_input(step)


def verdict(target: str, findings: Sequence[Finding], did: dict[str, int]) -> dict[str, Any]:
    """What the command prints."""
    laws = []
    for number in sorted({f.law for f in findings}):
        own = [f for f in findings if f.law == number]
        broken = [f for f in own if not f.ok]
        detail = f"{len(broken)} of {len(own)}: {broken[0].what}: {broken[0].where}" if broken else ""
        laws.append({"law": f"{number} {LAWS[number]}", "ok": not broken, "cases": len(own), "detail": detail})
    warnings = []
    if not did["fills"]:
        warnings.append("it filled no order on any of the synthetic markets: that the laws hold says little")
    return {"target": target, "ok": all(law["ok"] for law in laws), "laws": laws, "happened": did, "warnings": warnings}
