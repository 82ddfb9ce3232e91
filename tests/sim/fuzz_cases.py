"""Seeded random cases for two engines: short tapes full of coincidences, all policies, scripts that hit bars' prices.

`case(seed)` gives (instruments, settings, script) and depends on the seed alone. Prices are on the tick, and orders aim
at opens, extremes and closes of the bars to come, so that levels, gaps and volumes coincide far more often than in a
market.
`python -m tests.sim.fuzz_cases 1000` prints what occurs in a thousand of them.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.oracle import Instrument, Settings, run

MINUTE = 60 * 10**9
QUARTER = MINUTE // 4
FAMILIES = ("market", "target", "limit", "stop", "trail", "bracket", "reduce", "change", "keep", "child")
ACCOUNTS = ("cash", "borrow", "linear", "inverse")

Case = tuple[list[Instrument], Settings, dict[tuple[int, int], list[tuple]]]


def case(
    seed: int,
    *,
    orders: str | tuple[str, ...] = "all",
    costs: bool = True,
    instruments: int | None = None,
    account: str | None = None,
    intrabar: str | None = None,
    latency: bool = True,
    volume: bool = True,
    rows: tuple[int, int] = (5, 60),
) -> Case:
    """One case; every argument narrows what is drawn."""
    family = FAMILIES if orders == "all" else (orders,) if isinstance(orders, str) else orders
    draft, made = begun(seed, instruments, account, volume, rows)
    draft.settings(made, costs=costs, intrabar=intrabar, latency=latency)
    return made, draft.s, draft.script(made, family)


def begun(
    seed: int,
    instruments: int | None = None,
    account: str | None = None,
    volume: bool = True,
    rows: tuple[int, int] = (5, 60),
) -> tuple[Draft, list[Instrument]]:
    """The instruments of a case, and the dice that its settings and its script are thrown with."""
    rng = Random(seed)
    n = instruments or rng.choice((1, 1, 1, 2, 2, 3))
    draft = Draft(rng, account or rng.choice((*ACCOUNTS, "linear")), rng.randint(*rows))
    return draft, [draft.instrument(f"F{k}", volume) for k in range(n)]


def apart(seed: int, *, drill: bool | None = None) -> Case:
    """A case in which what is decided and what happens stand apart, or the instruments do; drawn apart from `case`.

    Reports that take time; fewer order slots than orders want; instruments that come later, end earlier, stop for a
    while or have bars off the others' minutes, with finer bars or without.
    """
    rng = Random(f"apart {seed}")
    draft, made = begun(seed, instruments=rng.choice((1, 2, 2, 3)))
    late = rng.random() < 0.6
    for inst in made:
        come_and_go(rng, inst)
        if not late and rng.random() < 0.3:  # what is late is known by rows, and these would tell of each other's
            inst.rows = [(row[0] + MINUTE // 3, *row[1:]) for row in inst.rows]
    drill = rng.random() < 0.4 if drill is None else drill
    draft.settings(made, costs=True, intrabar="drill" if drill else None, latency=True)
    for inst in made if draft.s.intrabar == "drill" else ():
        come_and_go_finer(rng, inst)
    if late:
        draft.s.latency_response_ns = rng.choice((1, MINUTE // 3, MINUTE - 1, MINUTE, 2 * MINUTE, 3 * MINUTE + 5))
    draft.s.order_slots = rng.choice((1, 2, 3, 4, 8, 8))
    return made, draft.s, draft.script(made, (*FAMILIES, "fraction"))


def astride(seed: int) -> Case:
    """A case in which reports take time and instruments have bars off each other's minutes, each in rows of its own.

    An open may lie before the close of the row before; what happens at it is known no earlier than what that brought.
    """
    rng = Random(f"astride {seed}")
    draft, made = begun(seed, instruments=rng.choice((2, 2, 3)))
    for inst in made:
        come_and_go(rng, inst)
    for inst in made[1:]:
        by = rng.choice((0, 1, MINUTE // 3, MINUTE // 2, 2 * MINUTE // 3, MINUTE - 1))
        inst.rows = [(row[0] + by, *row[1:]) for row in inst.rows]
    draft.settings(made, costs=True, intrabar=None, latency=True)
    s = draft.s
    s.latency_response_ns = rng.choice((1, MINUTE // 6, MINUTE // 3, MINUTE // 2, MINUTE - 1, MINUTE, 3 * MINUTE + 5))
    s.order_slots = rng.choice((1, 2, 3, 4, 8, 8))
    return made, s, draft.script(made, (*FAMILIES, "fraction"))


def come_and_go(rng: Random, inst: Instrument) -> None:
    """The instrument comes later, ends earlier, or is not there for a while; it keeps three bars at least."""
    rows = inst.rows
    if rng.random() < 0.5:
        rows = rows[rng.randrange(len(rows)) :]
    if rng.random() < 0.3:
        rows = rows[: 1 + rng.randrange(len(rows))]
    if rng.random() < 0.5:
        at, long = rng.randrange(len(rows)), rng.randint(1, 8)
        rows = rows[:at] + rows[at + long :]
    if len(rows) >= 3:
        inst.rows = rows


def come_and_go_finer(rng: Random, inst: Instrument) -> None:
    """Finer bars that are missing in places, a stretch of them or one by one."""
    if rng.random() < 0.5:
        at = rng.randrange(len(inst.fine))
        inst.fine = inst.fine[:at] + inst.fine[at + rng.randint(1, 12) :] or inst.fine
    inst.fine = [row for row in inst.fine if rng.random() < 0.9] or inst.fine


def dear(seed: int) -> Case:
    """A case in which models of slippage and impact may cost more than the whole price."""
    rng = Random(f"dear {seed}")
    instruments, s, script = case(seed, latency=rng.random() < 0.3)
    window = rng.choice((2, 3, 5))
    s.impact_window = window
    if rng.random() < 0.7 or s.slippage["model"] == "vol_volume":
        s.slippage = {
            "model": "vol_volume",
            "bps": rng.choice((50.0, 300.0, 3000.0)),
            "window": window,
            "vol_ref": rng.choice((0.1, 1.0)),
            "vol_power": rng.choice((1.0, 2.0)),
            "volume_power": rng.choice((0.5, 2.0)),
            "participation": rng.choice((1.0, 10.0)),
        }
    if rng.random() < 0.6:
        s.impact_coefficient = rng.choice((3.0, 30.0, 1000.0))
    s.half_spread_bps = rng.choice((0.0, 5.0, 5000.0))
    return instruments, s, script


def mixed(seed: int) -> Case:
    """A case whose account or data ask for two things that `case` never draws together; what is added is drawn apart.

    Fees in base where coins can be borrowed; leverage, maintenance and a borrow rate where they mean nothing; spot
    beside contracts, lent or not; finer bars without a volume beside bars with one, and the other way round.
    """
    rng = Random(f"mixed {seed}")
    account = rng.choice(("borrow", "borrow", "borrow", "cash", "linear", "linear", "inverse"))
    instruments, s, script = case(seed, account=account, intrabar=rng.choice((None, None, "drill")))
    if account == "borrow":
        s.fee_in = "base"
        if s.fee_taker_bps == 0.0:
            s.fee_maker_bps = s.fee_taker_bps = 50.0
    elif account == "cash":
        s.maintenance, s.liquidation_fee_bps, s.borrow_rate = [[0.0, 0.04]], 50.0, 50.0
        s.leverage = rng.choice((1.0, 0.5, 3.0))
    else:
        s.borrow, s.borrow_rate = rng.random() < 0.5, 50.0
    if account == "linear":
        for inst in instruments[1:]:
            if rng.random() < 0.5:
                inst.kind, inst.funding = "spot", []
    for inst in instruments if s.intrabar == "drill" else ():
        if rng.random() < 0.3:
            inst.fine = [(*row[:5], None) for row in inst.fine]
        elif rng.random() < 0.3:
            inst.rows = [(*row[:5], None) for row in inst.rows]
    return instruments, s, script


def clean(x: float) -> float:
    """The double that prints as people write the number."""
    return round(x, 9)


@dataclass
class Draft:
    """A case in the making: everything that is drawn, in one order."""

    rng: Random
    account: str
    rows: int
    s: Settings = field(default_factory=Settings)

    # tapes

    def instrument(self, symbol: str, volume: bool) -> Instrument:
        rng = self.rng
        tick = rng.choice(((1, 1), (1, 1), (1, 2), (1, 10), (1, 4)))
        step = tick[0] / tick[1]
        with_volume = volume and rng.random() < 0.9
        bars = self.bars(rng.randint(80, 140), with_volume)
        rows = [(k * MINUTE, *(clean(t * step) for t in ohlc), v) for k, (*ohlc, v) in bars.items()]
        return Instrument(
            symbol,
            MINUTE,
            rows,
            tick=tick,
            lot=rng.choice((0.0, 1.0, 1.0, 0.5, 0.1)),
            min_notional=clean(rng.choice((0.0, 0.0, 0.0, 0.0, 0.0, 1.5)) * rows[0][1]),
            multiplier=100.0 if self.account == "inverse" else rng.choice((1.0, 1.0, 1.0, 2.0, 0.5)),
            kind={"cash": "spot", "borrow": "spot"}.get(self.account, self.account),
            funding=[] if self.account in ("cash", "borrow") else self.funding(rows),
        )

    def bars(self, at: int, with_volume: bool) -> dict[int, tuple]:
        """Minute -> (open, high, low, close in ticks, volume): a walk with gaps, flat bars, holes, empty bars."""
        rng, bars = self.rng, {}
        wild = rng.choice((2, 4, 8))
        while len(bars) < 3:
            for minute in range(self.rows):
                x = max(20, at + (rng.randint(-wild, wild) if rng.random() < 0.35 else 0))
                if rng.random() < 0.1:
                    close = high = low = x
                else:
                    close = max(20, x + rng.randint(-wild, wild))
                    high = max(x, close) + rng.choice((0, 0, 1, 2, wild))
                    low = max(10, min(x, close) - rng.choice((0, 0, 1, 2, wild)))
                at = close
                amount = rng.choice((0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 10.0, 50.0, 1000.0, 1000.0, 1000.0))
                if rng.random() >= 0.07:
                    bars[minute] = (x, high, low, close, amount if with_volume else None)
        return bars

    def funding(self, rows: list[tuple]) -> list[tuple]:
        rng = self.rng
        if rng.random() < 0.5:
            return []
        instants = sorted(
            {k * MINUTE + rng.choice((0, 0, 1, MINUTE // 2)) for k in rng.choices(range(self.rows + 1), k=5)}
        )
        return [
            (ts, rng.choice((0.01, -0.01, 0.003)), rng.choice((None, rows[0][1]))) for ts in instants if ts > rows[0][0]
        ]

    def fine(self, inst: Instrument) -> list[tuple]:
        """Quarters that agree with their bar: the same open, extremes, close; a few bars have none, or not all."""
        rng, fine = self.rng, []
        step = inst.tick[0] / inst.tick[1]
        for open_ns, o, h, low, c, v in inst.rows:
            if rng.random() < 0.15:
                continue
            lowest, highest = round(low / step), round(h / step)
            marks = [round(o / step), *(rng.randint(lowest, highest) for _ in range(3)), round(c / step)]
            high_in, low_in = rng.randrange(4), rng.randrange(4)
            for q in range(4):
                gap = rng.random() < 0.3 and q > 0
                start = rng.randint(lowest, highest) if gap else marks[q]
                top = highest if q == high_in else max(start, marks[q + 1])
                bottom = lowest if q == low_in else min(start, marks[q + 1])
                if rng.random() < 0.1:
                    continue
                prices = (clean(t * step) for t in (start, top, bottom, marks[q + 1]))
                fine.append((open_ns + q * QUARTER, *prices, None if v is None else v / 4))
        return fine

    # settings

    def settings(self, made: list[Instrument], *, costs: bool, intrabar: str | None, latency: bool) -> None:
        rng, s = self.rng, self.s
        price = made[0].rows[0][1] * made[0].multiplier
        worth = 100.0 / made[0].rows[0][1] if self.account == "inverse" else price
        s.leverage = {"cash": 1.0, "borrow": rng.choice((1.0, 2.0, 4.0))}.get(
            self.account, rng.choice((1.0, 2.0, 5.0, 10.0, 20.0))
        )
        s.cash = clean(round(worth * rng.choice((3, 8, 20, 60, 400)) / s.leverage, 3))
        if self.account == "borrow":
            s.borrow, s.borrow_rate = True, rng.choice((0.0, 0.1, 50.0))
        if self.account != "cash":
            s.maintenance = rng.choice(
                ([], [[0.0, 0.01]], [[0.0, 0.04]], [[0.0, 0.01], [clean(round(worth * 5, 2)), 0.03]])
            )
            s.liquidation_fee_bps = rng.choice((0.0, 50.0))
        s.intrabar = intrabar or rng.choice(
            ("pessimistic", "pessimistic", "optimistic", "ohlc", "olhc", "nearest", "drill")
        )
        s.limit_fill = rng.choice(("touch", "touch", "touch", ("through", 1), ("through", 2), self.hazard()))
        s.market_fill = rng.choice(("next_open", "next_open", "close"))
        s.gap_fill = rng.choice(("open", "price"))
        s.market_remainder = rng.choice(("wait", "wait", "cancel"))
        s.max_participation = rng.choice((1.0, 1.0, 0.5, 0.1, 0.0))
        s.close_at_end = rng.random() < 0.3
        s.seed, s.lane = rng.randrange(1000), rng.randrange(1000)
        s.order_slots = 8
        if latency and rng.random() < 0.3:
            if rng.random() < 0.5:
                s.latency_bars = rng.choice((1, 2))
            else:
                s.latency_entry_ns = rng.choice((MINUTE // 2, MINUTE, 2 * MINUTE - 1))
        if costs:
            self.costs(made)
        if s.intrabar == "drill":
            for inst in made:
                inst.fine, inst.fine_timeframe_ns = self.fine(inst), QUARTER
            if not all(inst.fine for inst in made):
                s.intrabar = "pessimistic"

    def hazard(self) -> dict:
        rng = self.rng
        return {
            "model": "hazard",
            "base": rng.choice((0.0, 0.3, 2.0)),
            "depth": rng.choice((0.0, 3.0)),
            "queue": rng.choice((1.0, 10.0)),
        }

    def costs(self, made: list[Instrument]) -> None:
        rng, s = self.rng, self.s
        s.fee_maker_bps, s.fee_taker_bps = rng.choice(((0.0, 0.0), (2.0, 5.0), (-1.0, 5.0), (10.0, 50.0)))
        s.half_spread_bps = rng.choice((0.0, 0.0, 5.0))
        if self.account == "cash" and rng.random() < 0.3:
            s.fee_in = "base"
        window = rng.choice((2, 3, 5))
        model = rng.choice(("none", "none", "fixed", "vol_volume"))
        if model == "fixed":
            s.slippage = {"model": "fixed", "bps": rng.choice((1.0, 20.0, 200.0))}
        elif model == "vol_volume":
            s.slippage = {
                "model": "vol_volume",
                "bps": 5.0,
                "window": window,
                "vol_ref": rng.choice((1.0, 20.0)),
                "vol_power": rng.choice((0.0, 1.0, 0.5)),
                "volume_power": rng.choice((0.0, 1.0, 0.5)),
                "participation": rng.choice((0.0, 1.0)),
            }
        if rng.random() < 0.25:
            s.impact_coefficient, s.impact_window = 0.1, window

    # scripts

    def script(self, made: list[Instrument], family: tuple[str, ...]) -> dict[tuple[int, int], list[tuple]]:
        closes = sorted({row[0] + MINUTE for inst in made for row in inst.rows})
        busy = self.rng.choice((0.25, 0.5, 0.8))
        script: dict[tuple[int, int], list[tuple]] = {}
        for r, close in enumerate(closes):
            for k, inst in enumerate(made):
                place = next((j for j, row in enumerate(inst.rows) if row[0] + MINUTE == close), None)
                if place is None or self.rng.random() > busy:
                    continue
                actor = Actor(self.rng, inst, inst.rows[place], inst.rows[place + 1 : place + 5], self)
                count = self.rng.choice((1, 1, 2, 3, 5))
                script[r, k] = [action for _ in range(count) if (action := actor.act(self.rng.choice(family)))]
        return script


@dataclass
class Actor:
    """Draws one instrument's actions at one close. It may look ahead: what it writes down is only a list of orders."""

    rng: Random
    inst: Instrument
    now: tuple
    ahead: list[tuple]
    draft: Draft
    last_price: float | None = None

    def act(self, family: str) -> tuple:
        return getattr(self, family)()

    def side(self) -> int:
        return self.rng.choice((1, -1))

    def qty(self) -> float:
        """Mostly a few lots; sometimes off the lot, sometimes all the account could carry and more."""
        rng, s = self.rng, self.draft.s
        lot = self.inst.lot or rng.choice((1.0, 0.25))
        if rng.random() < 0.12:
            unit = self.inst.multiplier * self.now[4]
            unit = self.inst.multiplier / self.now[4] if self.inst.kind == "inverse" else unit
            return clean(max(lot, round(s.cash * s.leverage / unit * rng.choice((0.9, 1.0, 1.5)) / lot) * lot))
        if rng.random() < 0.05:
            return clean(lot * rng.choice((0.4, 1.3, 2.7, 0.0, -1.0)))
        return clean(lot * rng.choice((1, 1, 2, 2, 3, 4, 5, 8, 13)))

    def price(self) -> float:
        """A level of the bars to come, the level used last, or near the close; on the tick but for a few."""
        rng = self.rng
        step = self.inst.tick[0] / self.inst.tick[1]
        if self.last_price is not None and rng.random() < 0.3:
            return self.last_price
        if self.ahead and rng.random() < 0.75:
            bar = rng.choice(self.ahead)
            level = rng.choice((bar[1], bar[2], bar[2], bar[3], bar[3], bar[4]))
        else:
            level = self.now[4] + step * rng.randint(-6, 6)
        level += step * rng.choice((0, 0, 0, 0, 1, -1, 2, -2))
        if rng.random() < 0.06:
            level += step * rng.choice((0.3, -0.3))
        if rng.random() < 0.01:
            level = rng.choice((0.0, -5.0))
        self.last_price = clean(level)
        return self.last_price

    def around(self, side: int) -> tuple[float, float]:
        """A level for the given side to wait below (or above) the close, and one on the other side."""
        low, high = sorted((self.price(), self.price()))
        return (low, high) if side > 0 else (high, low)

    # families

    def market(self) -> tuple:
        return self.rng.choice((("buy", self.qty()), ("sell", self.qty()), ("buy", self.qty()), ("close",)))

    def target(self) -> tuple:
        return ("target", clean(self.rng.choice((0.0, self.qty(), -self.qty()))))

    def fraction(self) -> tuple:
        return ("target_fraction", self.rng.choice((0.0, 0.25, 0.5, 1.0, 1.0, -0.5, 3.0)))

    def limit(self) -> tuple:
        rng, side = self.rng, self.side()
        price = self.around(side)[0] if rng.random() < 0.8 else self.price()
        tif = rng.choice(("GTC", "GTC", "GTC", "IOC", "FOK", "GTT"))
        post_only = rng.random() < 0.2 and tif in ("GTC", "GTT")
        return ("limit", side, self.qty(), price, post_only, tif, rng.randint(1, 4) if tif == "GTT" else 0)

    def stop(self) -> tuple:
        rng, side = self.rng, self.side()
        trigger = self.around(-side)[0] if rng.random() < 0.8 else self.price()
        return ("stop", side, self.qty(), trigger, self.price() if rng.random() < 0.35 else None)

    def trail(self) -> tuple:
        step = self.inst.tick[0] / self.inst.tick[1]
        distance = clean(step * self.rng.choice((1, 2, 3, 5, 2.5)))
        return (self.rng.choice(("trail", "reduce_trail")), self.side(), self.qty(), distance)

    def bracket(self) -> tuple:
        rng, side = self.rng, self.side()
        levels = sorted(self.price() for _ in range(3))
        if rng.random() < 0.9:  # else some stand on the wrong side
            step = self.inst.tick[0] / self.inst.tick[1]
            levels = [clean(levels[0] - step), levels[1], clean(levels[2] + step)]
        stop, entry, take = levels if side > 0 else reversed(levels)
        at_market = rng.random() < 0.5
        some = rng.random
        return (
            "bracket",
            side,
            self.qty(),
            None if at_market else entry,
            take if some() < 0.8 else None,
            stop if some() < 0.8 else None,
            rng.choice((0, 0, 0, 1, 2, 4)),
        )

    def reduce(self) -> tuple:
        rng, side = self.rng, self.side()
        kind = rng.choice(("reduce", "reduce_limit", "reduce_stop", "close"))
        if kind == "close":
            return ("close",)
        if kind == "reduce":
            return ("reduce", side, self.qty())
        return (kind, side, self.qty(), self.around(side if kind == "reduce_limit" else -side)[0])

    def keep(self) -> tuple:
        side = self.side()
        return ("keep", side, self.around(side)[0], self.rng.choice((0.0, self.qty(), self.qty())))

    def child(self) -> tuple:
        """Something asked of the target (one id after its entry) or the stop (two) of the last order."""
        rng, n = self.rng, self.rng.choice((1, 2))
        if rng.random() < 0.4:
            return ("cancel_child", n)
        return (
            "modify_child",
            n,
            *rng.choice(((None, self.price(), None), (None, None, self.price()), (self.qty(), None, None))),
        )

    def change(self) -> tuple:
        rng = self.rng
        kind = rng.choice(("cancel_last", "cancel_all", "modify_last", "modify_last"))
        if kind != "modify_last":
            return (kind,)
        qty = self.qty() if rng.random() < 0.4 else None
        price = self.price() if rng.random() < 0.7 else None
        return ("modify_last", qty, price, self.price() if rng.random() < 0.3 else None)


def distribution(seeds: range, **narrowed: Any) -> dict[str, Counter]:
    """What occurs in the cases of these seeds, by the oracle; each thing also as the number of cases that have it."""
    seen: dict[str, Counter] = {
        name: Counter() for name in ("fills", "rejections", "events", "market", "cases", "accounts")
    }
    for seed in seeds:
        instruments, settings, script = case(seed, **narrowed)
        outcome = run(instruments, settings, script)
        seen["fills"].update(f"{fill.reason} {fill.liquidity}" for fill in outcome.fills)
        for name, counts in (
            ("rejections", outcome.rejections),
            ("events", outcome.events),
            ("market", outcome.market_events),
        ):
            seen[name].update(counts)
            seen["cases"].update({f"with {what}": 1 for what in counts})
        how_many = len(outcome.fills)
        seen["cases"]["no fill" if how_many == 0 else "1-2 fills" if how_many < 3 else "3 or more fills"] += 1
        seen["cases"]["bankrupt"] += outcome.bankrupt
        seen["accounts"][f"{instruments[0].kind}{', borrow' if settings.borrow else ''}, {settings.intrabar}"] += 1
    return seen


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for name, counts in distribution(range(many)).items():
        print(f"\n{name}")
        for what, count in counts.most_common():
            print(f"  {count:7d} {what}")


if __name__ == "__main__":
    main()
