"""The laws on order books: `huracan check` of a strategy that reads books or steps by a clock.

target ─▶ benches (synthetic book x venues x parameters) ─▶ laws 1 to 5, 7, 8 ─▶ findings, as on bars (law_check.py)

Law 6 speaks of fixed lists of orders, which a strategy is not. Law 5 is in law_book_money.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.book_build import BookMachine, build_book
from huracan.book_lanes import BookBlock, run_until
from huracan.book_machine import Kept, block_of
from huracan.code import find, param_values
from huracan.law_book_money import money_faults
from huracan.law_parameters import ends_of_ranges, param_sets, wrong_parameters
from huracan.law_runs import difference, state_difference
from huracan.laws import Checked, Finding, happened
from huracan.load_book import synthetic_feeds
from huracan.sim import book_layout, layout
from huracan.sim import columns as feature_columns
from huracan.sim.book_linker import link_book
from huracan.sim.book_tape import build_book_tape
from huracan.sim.builds import Groups
from huracan.sim.declare import Declaration
from huracan.sim.declared import declaration
from huracan.sim.feed import Feed
from huracan.sim.layout import NEVER
from huracan.sim.refusal import Refused
from huracan.spec import Spec, load_spec

Records = npt.NDArray[Any]
SECONDS = 20.0
SHORT = 1.5  # seconds that are run in plain Python as well
FULL = Groups(books=1, split=1, deep=1, curved=1, delays=1)
KEPT = (("fill", layout.fill), ("trade", layout.trade), ("equity", layout.equity), ("order", book_layout.order_life))
# Each is a lane's [venue]; together they reach every group of rules that a book has.
VENUES: dict[str, dict[str, Any]] = {
    "as it comes": {"queue": "risk_averse", "latency_ms": {"entry": 5.0, "response": 5.0}},
    "no latency": {"queue": "power:2", "fee_maker_bps": -1.0},
    "late": {
        "book_trigger": "quote",
        "queue": "log",
        "partial_fills": False,
        "latency_ms": {"entry": 60.0, "response": 30.0},
    },
    "drawn": {
        "queue": "power3:3",
        "latency_ms": {"entry": 10.0, "response": 4.0, "entry_sigma": 0.6, "response_sigma": 0.3},
        "permanent_impact_bps": 0.01,
    },
}
MARKETS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "a perpetual": (("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"), {"leverage": 3.0}),
    "coins for cash": (("BTC/USDT", "ETH/USDT", "SOL/USDT"), {}),
}


@dataclass(frozen=True)
class BookBench:
    """One market with its lanes, on the full build; `feeds` are what its tape was made of."""

    name: str
    specs: tuple[Spec, ...]
    feeds: tuple[Feed, ...]
    machine: BookMachine


@dataclass(frozen=True)
class Done:
    """Some lanes at the end of their run; `kept` is what one lane alone has written down."""

    block: BookBlock
    kept: tuple[Records, ...]


def on_books(d: Declaration) -> bool:
    """Whether a strategy is checked on books: it reads them, or steps by a clock, which bars do not have."""
    return d.needs == "book" or bool(d.clock)


def benches(target: Any, seconds: float = SECONDS) -> list[BookBench]:
    """The strategy on every market, a lane for each venue, the parameter sets dealt out to them."""
    step = find(target, "strategy", "the target")
    d = declaration(step, "strategy")
    n = d.instruments or 1
    most = len(MARKETS["a perpetual"][0])
    if n > most:
        raise Refused(f"{d.name} trades {n} instruments", where="check", fix=f"the synthetic books have {most}")
    sets = param_sets(d)
    made = []
    for seed, (name, (symbols, account)) in enumerate(MARKETS.items(), start=7):
        venues = enumerate(VENUES.values())
        lanes = [(venue, sets[(lane + seed) % len(sets)]) for lane, venue in venues]
        made.append(bench(step, name, symbols[:n], account, lanes, seconds, seed))
    return made


def bench(
    step: Any,
    name: str,
    symbols: Sequence[str],
    account: Mapping[str, Any],
    lanes: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    seconds: float,
    seed: int,
) -> BookBench:
    """One market; `lanes` are pairs of [venue] and parameters."""
    shared: dict[str, Any] = {
        "run": {"name": "check", "seed": seed, "sample": "1s", "order_slots": 16},
        "data": {"synthetic": "book", "seconds": seconds, "symbols": list(symbols), "timeframe": "1s"},
        "account": dict(account),
    }
    specs = tuple(
        load_spec({**shared, "venue": dict(venue), "strategy": {"use": step, "params": dict(params)}})
        for venue, params in lanes
    )
    feeds = tuple(synthetic_feeds(specs[0]))
    return BookBench(name, specs, feeds, full_machine(specs, feeds))


def full_machine(specs: Sequence[Spec], feeds: Sequence[Feed]) -> BookMachine:
    """The build with everything in it, on a tape of these feeds."""
    machine = build_book(specs[0], build_book_tape(list(feeds)), record=True, also=specs[1:])
    full = link_book(machine.code.step, machine.code.checks, FULL, is_wide=feature_columns.is_wide)
    return replace(machine, linked=full)


def run(
    machine: BookMachine,
    specs: Sequence[Spec],
    numbers: Sequence[int],
    stops: Sequence[int] = (),
    *,
    small: bool = False,
    copy_at: int | None = None,
) -> Done:
    """Lanes of these numbers over the whole tape, in as many parts as there are stops.

    `small` lets the recorder stop the machine at every execution; at `copy_at` the lanes go on from copied bytes.
    """
    block = block_of(machine, specs, numbers)
    kept = Kept(machine)
    if small:
        kept.rec.n[3] = 1
    alone = len(numbers) == 1
    for stop in sorted({*stops, *([] if copy_at is None else [copy_at]), NEVER}):
        run_until(machine, block, kept.rec, stop, kept.empty)
        if stop == copy_at:
            block = copied(machine, specs, numbers, block)
    return Done(block, tuple(kept.all(i, dtype) for i, (_, dtype) in enumerate(KEPT)) if alone else ())


def copied(machine: BookMachine, specs: Sequence[Spec], numbers: Sequence[int], block: BookBlock) -> BookBlock:
    """A fresh block that has this one's bytes and nothing else of it."""
    fresh = block_of(machine, specs, numbers)
    for name in ("lanes", "market", "shown"):
        for to, of in zip(getattr(fresh, name), getattr(block, name), strict=True):
            a = np.asarray(to)
            a[...] = np.frombuffer(np.asarray(of).tobytes(), a.dtype).reshape(a.shape)
    return fresh


def state(done: Done, at: int | None = None) -> dict[str, Records]:
    """Everything that lanes go on from, by name; `at` is one of them."""
    found = {}
    for name, a in done.block.lanes._asdict().items():
        if name != "rules":
            found[name] = np.asarray(a) if at is None else np.asarray(a)[at : at + 1]
    return found


def unlike(a: Done, b: Done) -> str:
    """Where two runs of one lane differ first: what they wrote down, then their state."""
    for (name, _), x, y in zip(KEPT, a.kept, b.kept, strict=True):
        where = difference(name, x, y)
        if where:
            return where
    return state_difference(state(a), state(b))


def finding(law: int, b: BookBench, what: str, where: str) -> Finding:
    return Finding(law, not where, f"{b.name}: {what}", where)


def chunks_dont_matter(b: BookBench, rng: np.random.Generator) -> Iterator[Finding]:
    """Law 1: any split of the tape, and a recorder that is full at every execution."""
    tape = b.machine.tape
    stamps = np.unique(np.concatenate([tape.exchange["ts_ns"][:-1], tape.local["ts_ns"][:-1]]))
    some = rng.choice(stamps, 40) + rng.integers(-3, 3, 40)
    every = stamps[: len(stamps) // 10]
    for lane in range(len(b.specs)):
        whole = run(b.machine, [b.specs[lane]], [lane])
        for words, stops in (("split at random", some), ("a tenth of it stamp by stamp", every)):
            other = run(b.machine, [b.specs[lane]], [lane], [int(s) for s in stops])
            yield finding(1, b, f"lane {lane}, {words}", unlike(whole, other))
        yield finding(
            1, b, f"lane {lane}, full at once", unlike(whole, run(b.machine, [b.specs[lane]], [lane], small=True))
        )


def lanes_dont_matter(b: BookBench, rng: np.random.Generator) -> Iterator[Finding]:
    """Law 2: a lane alone, and in another order, is the lane among others."""
    n = len(b.specs)
    together = run(b.machine, b.specs, range(n))
    order = [int(i) for i in rng.permutation(n)]
    shuffled = run(b.machine, [b.specs[i] for i in order], order)
    for lane in range(n):
        alone = run(b.machine, [b.specs[lane]], [lane])
        yield finding(2, b, f"lane {lane} alone", state_difference(state(together, lane), state(alone)))
        where = state_difference(state(together, lane), state(shuffled, order.index(lane)))
        yield finding(2, b, f"lane {lane} in the order {order}", where)


def builds_dont_matter(b: BookBench, *, record: bool) -> Iterator[Finding]:
    """Law 2: the build that a backtest (a sweep) of the first lane would get, against the full one."""
    pruned = build_book(b.specs[0], b.machine.tape, record=record)
    full, found = (run(m, [b.specs[0]], [0]) for m in (b.machine, pruned))
    skip: dict[str, tuple[str, ...]] = {"pushed": ("*",)}  # which a build without permanent impact leaves alone
    if not record:
        skip["desks"] = ("mae", "mfe")
    where = state_difference(state(full), state(found), skip)
    if record:
        pairs = zip(KEPT, full.kept, found.kept, strict=True)
        where = next(filter(None, (difference(name, x, y) for (name, _), x, y in pairs)), where)
    yield finding(2, b, f"the build of a {'backtest' if record else 'sweep'} against the full one", where)


def no_peeking(b: BookBench) -> Iterator[Finding]:
    """Law 4: until an instant nothing depends on what the exchange says after it."""
    whole = [run(b.machine, [spec], [lane]).kept for lane, spec in enumerate(b.specs)]
    span = b.machine.tape.end_ns - b.machine.tape.start_ns
    for share in (0.3, 0.7):
        t = b.machine.tape.start_ns + int(share * span)
        for words, feeds in (
            ("cut off", [first_rows(f, t) for f in b.feeds]),
            ("replaced", [other_future(f, t) for f in b.feeds]),
        ):
            machine = replace(b.machine, tape=build_book_tape(feeds))
            end = min(t, machine.tape.end_ns)  # when the tape ends is no secret of the future
            for lane, spec in enumerate(b.specs):
                there = run(machine, [spec], [lane]).kept
                pairs = zip(KEPT, whole[lane], there, strict=True)
                where = next(filter(None, (until(name, x, y, end) for (name, _), x, y in pairs)), "")
                yield finding(4, b, f"lane {lane}, all after {share:.0%} {words}", where)


def until(name: str, a: Records, b: Records, t: int) -> str:
    """Where two lists of records differ among those from before t."""
    stamp = {"trade": "exit_ns", "order": "done_ns"}.get(name, "ts_ns")
    return difference(name, a[a[stamp] < t], b[b[stamp] < t])


def first_rows(f: Feed, t: int) -> Feed:
    """What the exchange had said before t."""
    names = ("kind", "side", "flags", "price", "qty", "exch_ns", "local_ns")
    return replace(f, **{name: getattr(f, name)[f.exch_ns < t] for name in names})


def other_future(f: Feed, t: int) -> Feed:
    """The feed with other quantities, and prices some ticks away, from t on."""
    late = f.exch_ns >= t
    moved = 7.0 * f.rules.tick_num / f.rules.tick_den
    price = np.where(late & (f.price > 0.0), f.price + moved, f.price)
    qty = np.where(late & (f.qty > 0.0), 3.0 * f.qty, f.qty)
    return replace(f, price=price, qty=qty)


def money_is_conserved(b: BookBench) -> Iterator[Finding]:
    """Law 5, lane by lane: law_book_money.py."""
    for lane, spec in enumerate(b.specs):
        done = run(b.machine, [spec], [lane])
        faults = money_faults(b.machine, done.block, done.kept[0], done.kept[2])
        yield finding(5, b, f"lane {lane}", next(iter(faults), ""))


def snapshots_go_on(b: BookBench) -> Iterator[Finding]:
    """Law 7, its snapshot half: bytes that were copied in the middle of a run go on to the same bytes."""
    tape = b.machine.tape
    for lane, spec in enumerate(b.specs):
        whole = run(b.machine, [spec], [lane])
        for share in (0.01, 0.6):
            t = tape.start_ns + int(share * (tape.end_ns - tape.start_ns))
            there = run(b.machine, [spec], [lane], copy_at=t)
            yield finding(7, b, f"lane {lane}, a snapshot at {share:.0%}", unlike(whole, there))


def bad_input(step: Any, seconds: float = 2.0) -> Iterator[Finding]:
    """Law 8: what parameters may not be is refused by name; whatever they may be runs, or is refused by name."""
    d = declaration(step, "strategy")
    yield from wrong_parameters(d)
    symbols, account = MARKETS["a perpetual"]
    for params in ends_of_ranges(d):
        lanes = [(VENUES["as it comes"], params)]
        try:
            resolved = feature_columns.resolve(d.features, param_values(d, params, "strategy.params"))
            feature_columns.plan(resolved.values(), d.instruments or 1)
            b = bench(step, "a perpetual", symbols[: d.instruments or 1], account, lanes, seconds, 7)
            equity = float(run(b.machine, b.specs, [0]).block.lanes.acct["equity"][0])
        except Refused as refused:
            yield Finding(8, bool(refused.fix), f"{params} is refused: {refused}")
        else:
            yield Finding(8, bool(np.isfinite(equity)), f"{params} runs", "" if np.isfinite(equity) else f"{equity}")


def held(step: Any, tried: Sequence[BookBench]) -> Iterator[Finding]:
    """All laws but the third."""
    rng = np.random.default_rng(7)
    for b in tried:
        yield from chunks_dont_matter(b, rng)
        yield from lanes_dont_matter(b, rng)
        yield from no_peeking(b)
        yield from money_is_conserved(b)
        yield from snapshots_go_on(b)
    yield from builds_dont_matter(tried[0], record=False)
    yield from builds_dont_matter(tried[-1], record=True)
    yield from bad_input(step)


def checked(step: Any) -> Checked:
    """All laws but the third, and what happened."""
    tried = benches(step)
    findings = list(held(step, tried))
    did: Counter[str] = Counter()
    for b in tried:
        did.update(happened(run(b.machine, b.specs, range(len(b.specs))).block))
    few = benches(step, SHORT)
    return Checked(findings, lambda plain: (f for b in few for f in compare(b, plain)), dict(did))


def results(b: BookBench) -> dict[str, Records]:
    """What law 3 compares: each lane's records, and its state at the end."""
    out = {}
    for lane, spec in enumerate(b.specs):
        done = run(b.machine, [spec], [lane])
        for (name, _), rows in zip(KEPT, done.kept, strict=True):
            out[f"{b.name}/{lane}/{name}"] = rows
        for name, a in state(done).items():
            out[f"{b.name}/{lane}/{name}"] = np.array(a)
    return out


def save(path: Path, tried: Sequence[BookBench]) -> None:
    """Results as one file of plain bytes."""
    arrays = {key: np.frombuffer(a.tobytes(), np.uint8) for b in tried for key, a in results(b).items()}
    np.savez(path, **arrays)  # type: ignore[arg-type]


def compare(b: BookBench, plain: Any) -> Iterator[Finding]:
    """Law 3: compiled here, plain Python there."""
    mine = results(b)
    for lane in range(len(b.specs)):
        where = ""
        for key, a in mine.items():
            if where or not key.startswith(f"{b.name}/{lane}/"):
                continue
            name, raw = key.rpartition("/")[2], plain[key].tobytes()
            if len(raw) != a.nbytes:
                where = f"{name}: {a.nbytes} bytes compiled, {len(raw)} in plain Python"
            else:
                where = difference(name, a, np.frombuffer(raw, a.dtype).reshape(a.shape), nan_is_nan=True)
        yield finding(3, b, f"lane {lane}, compiled against plain Python", where)
