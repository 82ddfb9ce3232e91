"""Random markets, settings and lists of orders from a seed, as trials that the laws can run in any way."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from huracan.law_runs import Trial
from huracan.sim.builds import Groups
from huracan.sim.declared import initial_state
from huracan.sim.layout import TapeView
from huracan.sim.linker import Linked
from tests import engine
from tests.oracle_records import Instrument, Settings
from tests.scripted import ACTIONS, FEATURES, FIELDS, scripted
from tests.sim import fuzz_cases

QUICK = os.environ.get("HURACAN_LAWS") == "quick"  # a tenth of the work: mutants run the laws in plain Python
MINUTE = 60 * 10**9
TICKS = [(1, 1), (1, 4), (1, 100), (0, 1)]
Script = dict[tuple[int, int], list[tuple]]
HAPPENED = ("fills", "partial_fills", "rejections", "cancels", "liquidations")


def seeds(first: int, n: int) -> range:
    """n seeds from `first` on; a tenth of them for mutants."""
    return range(first, first + (n // 10 if QUICK else n))


SEEDS = seeds(0, 40)  # of the cases that every law goes through; hypothesis draws more


def enough(did: Mapping[str, int], least: int, *names: str) -> bool:
    """Whether each of these happened more than `least` times; a tenth of the cases needs not have seen all."""
    return sum(did.values()) > 0 if QUICK else min(did.get(name, 0) for name in names or did) > least


@dataclass(frozen=True)
class Case:
    """Instruments, and for each lane its settings and its list of orders."""

    seed: int
    instruments: list[Instrument]
    lanes: list[tuple[Settings, Script]]

    def trial(self, linked: Linked | None = None, name: str = "") -> Trial:
        """The case on a machine; by default the full build for as many instruments."""
        n = len(self.instruments)
        machine = linked or full_build(n)
        tape = engine.make_tape(self.instruments, self.lanes[0][0])
        records = [engine.settings_of(s, self.instruments, tape.timeframe_ns)[0] for s, _ in self.lanes]
        tables = [engine.script_table(script, tape.rows, n) for _, script in self.lanes]
        params = np.zeros(len(self.lanes), machine.p)
        for lane in range(len(self.lanes)):
            for i, feature in enumerate(FEATURES):
                params[f"c_{feature}"][lane] = (lane * len(FEATURES) + i) * n
        table = np.concatenate(tables)
        return Trial(
            name or f"case {self.seed}",
            tape,
            machine,
            np.array(records),
            (params,),
            (initial_state(scripted.__huracan__, machine.u),),
            self.lanes[0][0].order_slots,
            lambda: ScriptColumns(table),
            deepest=1 + (tape.timeframe_ns // tape.fine[0].timeframe_ns * n if tape.fine else 0),
            window=window_of(self.lanes[0][0]),
        )


class ScriptColumns:
    """A table that was written beforehand, in the place of features."""

    def __init__(self, table: Any) -> None:
        self.table, self.at = table, 0

    @property
    def rows(self) -> int:
        return len(self.table)

    def fill(self, view: TapeView, table: Any, n: int) -> None:
        table[: len(self.table), :n] = self.table[:, self.at : self.at + n]
        self.at += n

    def snapshot(self) -> bytes:
        return self.at.to_bytes(8, "little")

    def restore(self, state: bytes) -> None:
        self.at = int.from_bytes(state, "little")


def fuzz_case(seed: int) -> Case:
    """One of the second engine's cases: a short tape full of coincidences, one lane."""
    instruments, chosen, orders = fuzz_cases.case(seed)
    return Case(seed, instruments, [(chosen, orders)])


@cache
def full_build(instruments: int) -> Linked:
    """Two builds serve all cases: one instrument's state on the stack, and any number's in memory."""
    return engine.linked_for(min(instruments, 2), Groups())


@cache
def memory_build() -> Linked:
    """The build for any number of instruments, which runs one as well."""
    return engine.linked_for(2, Groups())


@cache
def sweep_build(instruments: int, *, ahead: bool = False) -> Linked:
    """What a sweep would get: the same without records, so that stretches of calm rows are run through."""
    return engine.linked_for(min(instruments, 2), Groups(record=0), ahead=ahead)


def window_of(s: Settings) -> int:
    """Bars over which volatility is taken, as tests/engine.py has it."""
    if s.slippage["model"] == "vol_volume":
        return int(s.slippage["window"])
    return s.impact_window if s.impact_coefficient else 0


def case(seed: int, *, instruments: int = 0, lanes: int = 1, rows: int = 0, fine: bool | None = None) -> Case:
    """The case of a seed: a few instruments of one family, lanes that differ in settings and orders."""
    rng = random.Random(seed)
    n = instruments or rng.choice([1, 1, 1, 2, 3])
    length = rows or rng.randint(30, 120)
    family = rng.choice(["spot", "linear", "linear", "mixed", "inverse"])
    drill = rng.random() < 0.15 if fine is None else fine
    # what belongs to the tape is the same for all lanes
    window = rng.choice([0, 0, 5])
    markets = [market(rng, k, length, family, drill) for k in range(n)]
    made = []
    for _ in range(lanes):
        s = settings(rng, family, window, drill)
        made.append((replace(s, seed=rng.randint(0, 5), lane=len(made)), script(rng, markets)))
    return Case(seed, markets, made)


def market(rng: random.Random, k: int, rows: int, family: str, drill: bool) -> Instrument:
    """One instrument: a path in ticks, with missing bars, bars without volume and funding."""
    num, den = tick = rng.choice(TICKS)
    step = num / den if num else 0.37
    price = round(rng.choice([20, 100, 100, 1000]) / step)
    wild = rng.choice([1, 3, 8])
    kind = family if family != "mixed" else rng.choice(["spot", "linear"])
    without_volume = rng.random() < 0.15
    gaps = rng.choice([0.0, 0.1])
    lot = rng.choice([0.0, 0.0, 0.5, 1.0])
    bars, finer = [], []
    for i in range(rows):
        opened = max(price + (rng.randint(-wild, wild) if rng.random() < 0.4 else 0), 5)
        inner = walk(rng, opened, wild, 4)
        price = inner[-1][3]
        if i and rng.random() < gaps:
            continue
        volume = None if without_volume else float(rng.choice([0, 3, 10, 40, 1000]))
        ohlc = (inner[0][0], max(b[1] for b in inner), min(b[2] for b in inner), price)
        bars.append((i * MINUTE, *(x * step for x in ohlc), volume))
        if drill and rng.random() < 0.9:
            finer += [
                (i * MINUTE + q * MINUTE // 4, *(x * step for x in b), None if volume is None else volume / 4)
                for q, b in enumerate(inner)
            ]
    funding = [
        (rng.choice([i * MINUTE, i * MINUTE + rng.randint(1, MINUTE - 1)]), rng.choice([-1e-3, 1e-3, 5e-3]), None)
        for i in sorted(rng.sample(range(rows), rows // 12))
        if kind != "spot"
    ]
    marked = [(ts, rate, price * step if rng.random() < 0.5 else None) for ts, rate, _ in sorted(funding)]
    return Instrument(
        f"I{k}",
        MINUTE,
        bars,
        tick,
        lot,
        rng.choice([0.0, 0.0, 30.0]) if kind != "inverse" else 0.0,
        1.0 if kind != "inverse" else 100.0,
        kind,
        marked,
        finer if drill else [],
        MINUTE // 4 if drill else 0,
    )


def walk(rng: random.Random, opened: int, wild: int, pieces: int) -> list[tuple[int, int, int, int]]:
    """Bars in ticks, each opening where the last one closed."""
    made = []
    for _ in range(pieces):
        close = max(opened + rng.randint(-wild, wild), 5)
        made.append(
            (
                opened,
                max(opened, close) + rng.randint(0, wild),
                max(min(opened, close) - rng.randint(0, wild), 2),
                close,
            )
        )
        opened = close
    return made


def settings(rng: random.Random, family: str, window: int, drill: bool) -> Settings:
    """Any account and venue that go with the tape."""
    cash_only = family == "spot" and rng.random() < 0.6
    slippage: dict[str, Any] = {"model": "fixed", "bps": rng.choice([0.0, 0.0, 15.0])}
    impact = 0.0
    if window:
        impact = rng.choice([0.0, 0.4])
        if impact == 0.0 or rng.random() < 0.5:
            slippage = {"model": "vol_volume", "bps": 8.0, "window": window, "vol_ref": 0.8, "vol_power": 0.5}
            slippage |= {"volume_power": 0.5, "participation": 0.3}
    late = rng.choice(["", "", "", "bars", "time"])
    return Settings(
        cash=rng.choice([500.0, 5_000.0, 1e6]) if family != "inverse" else rng.choice([5.0, 1e4]),
        leverage=1.0 if cash_only else rng.choice([1.0, 3.0, 20.0]),
        borrow=not cash_only and family in ("spot", "mixed"),
        borrow_rate=rng.choice([0.0, 20.0]),
        maintenance=rng.choice([[[0.0, 0.005]], [[0.0, 0.02], [1000.0, 0.1]]]),
        fee_in="base" if family == "spot" and rng.random() < 0.3 else "quote",
        liquidation_fee_bps=rng.choice([0.0, 50.0]),
        fee_maker_bps=rng.choice([0.0, 2.0, -1.0]),
        fee_taker_bps=rng.choice([0.0, 5.0, 30.0]),
        slippage=slippage,
        half_spread_bps=rng.choice([0.0, 3.0]),
        impact_coefficient=impact,
        impact_window=window or 20,
        market_fill=rng.choice(["next_open", "next_open", "close"]),
        limit_fill=rng.choice(
            [
                "touch",
                "touch",
                ("through", 1),
                ("through", 2),
                {"model": "hazard", "base": 0.5, "depth": 2.0, "queue": 1.0},
            ]
        ),
        intrabar="drill" if drill else rng.choice(["pessimistic", "optimistic", "ohlc", "olhc", "nearest"]),
        max_participation=rng.choice([1.0, 0.5, 0.1, 0.0]),
        gap_fill=rng.choice(["open", "price"]),
        latency_bars=rng.choice([1, 2]) if late == "bars" else 0,
        latency_entry_ns=rng.choice([1, MINUTE // 2, MINUTE]) if late == "time" else 0,
        market_remainder=rng.choice(["wait", "cancel"]),
        close_at_end=rng.random() < 0.3,
    )


def script(rng: random.Random, markets: Sequence[Instrument]) -> Script:
    """Orders of every kind near the last close, about as many as the slots hold."""
    found: Script = {}
    place = {open_ns: i for i, open_ns in enumerate(sorted({row[0] for m in markets for row in m.rows}))}
    for k, m in enumerate(markets):
        rate = rng.choice([0.15, 0.3, 0.6])
        for row in m.rows:
            if rng.random() < rate:
                found[place[row[0]], k] = [action(rng, m, row[4]) for _ in range(rng.choice([1, 1, 2, 3]))]
    return found


def action(rng: random.Random, m: Instrument, close: float) -> tuple:
    """One thing to do at a close."""
    step = m.tick[0] / m.tick[1] if m.tick[0] else 0.3
    away = lambda: step * rng.choice([0.5, 1, 1, 2, 3, 6, 12])  # noqa: E731 - one line says it best
    side = rng.choice([1, -1])
    qty = rng.choice([0.5, 1, 2, 5, 7.3, 12, 60])
    what = rng.choice(
        [
            "buy",
            "sell",
            "limit",
            "limit",
            "limit",
            "stop",
            "stop",
            "stop_limit",
            "trail",
            "bracket",
            "bracket",
            "bracket",
        ]
        + [
            "close",
            "target",
            "cancel_last",
            "cancel_all",
            "modify_last",
            "reduce",
            "reduce_limit",
            "reduce_stop",
            "reduce_trail",
        ]
    )
    if what in ("buy", "sell"):
        return (what, qty)
    if what == "limit":
        price = close + rng.choice([-side, -side, side, 0]) * away()
        tif, ttl = rng.choice([("GTC", 0), ("GTC", 0), ("IOC", 0), ("FOK", 0), ("GTT", 1), ("GTT", 3)])
        return (what, side, qty, price, rng.random() < 0.2, tif, ttl)
    if what == "stop":
        return (what, side, qty, close + side * away())
    if what == "stop_limit":
        trigger = close + side * away()
        return ("stop", side, qty, trigger, trigger + rng.choice([-1, 1]) * away())
    if what in ("trail", "reduce_trail"):
        return (what, side, qty, away())
    if what == "bracket":
        entry = rng.choice([None, close - side * away()])
        near = close if entry is None else entry
        take = rng.choice([None, near + side * away()])
        stop = rng.choice([None, near - side * away()])
        return (what, side, qty, entry, take, stop, rng.choice([0, 0, 1, 2, 5]))
    if what == "target":
        return (what, rng.choice([-5.0, 0.0, 3.0, 8.5]))
    if what == "modify_last":
        return (what, rng.choice([None, qty]), rng.choice([None, close + rng.choice([-1, 1]) * away()]), None)
    if what == "reduce":
        return (what, side, qty)
    if what == "reduce_limit":
        return (what, side, qty, close + side * rng.choice([-1, 1]) * away())
    if what == "reduce_stop":
        return (what, side, qty, close + side * away())
    return (what,)


assert ACTIONS >= 3
assert len(FEATURES) == ACTIONS * len(FIELDS)
