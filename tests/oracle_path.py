"""The second engine's path inside a bar: from the open over both extremes to the close (docs/EXECUTION.md)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.oracle_records import BUY, ONE, ZERO, Bar, Order, exact, marketable, sign

if TYPE_CHECKING:
    from tests.oracle import Simulation
    from tests.oracle_money import Market


@dataclass
class Event:
    """Something that happens on a leg of the path: an order that is reached, or (order None) liquidation."""

    distance: Decimal
    rank: int  # at one level: liquidation 0, orders that reduce 1, the others 2; then by id
    order: Order | None
    level: Decimal
    arrives: bool = False  # just live and already marketable or triggered: a taker here

    def key(self) -> tuple:
        return self.distance, self.rank, self.order.id if self.order else 0


class Path:
    """Walks the bars of one row, and executes what the price reaches."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.settings = sim.settings
        self.markets = sim.markets
        self.account = sim.account
        self.executor = sim.executor

    def inside(self, i: int) -> None:
        """The bar's own path; with `drill` the paths of the finer bars inside it, where there are any."""
        market = self.markets[i]
        bar = market.bar
        if self.settings.intrabar != "drill":
            return self.walk(i, bar, self.settings.intrabar)
        inside = self.finer(market)
        if not inside:
            return self.walk(i, bar, "pessimistic")
        for n, fine in enumerate(inside):
            if n > 0:
                self.refill(market, fine)
            if n > 0 or fine.open != bar.open:
                self.fine_open(i, fine)
            self.walk(i, fine, "pessimistic")
        return None

    def finer(self, market: Market) -> list[Bar]:
        """The finer bars inside the present bar."""
        return [
            fine
            for fine in market.fine
            if market.bar.open_ns <= fine.open_ns and fine.open_ns + market.fine_timeframe_ns <= self.sim.close_ns
        ]

    def refill(self, market: Market, fine: Bar) -> None:
        """A finer bar brings its own volume; one without a volume shares the bar's."""
        if market.volume_left is not None and fine.volume is not None:
            market.volume_left = exact(self.settings.max_participation) * fine.volume

    def fine_open(self, i: int, fine: Bar) -> None:
        """Liquidation, then the gap rule at a finer bar's open; market orders wait for the bar's own open."""
        if self.account.liquidation_price(i, fine.open, fine.open) is not None:
            self.sim.liquidate(i, fine.open, inside=True)
        resting = [o for o in self.sim.live(i) if o.acts_as() != "market"]
        for order in self.sim.in_turn(resting, lambda o: self.sim.executable_at_open(o, fine.open)):
            self.sim.execute_at_open(order, fine, inside=True)
        for order in self.sim.live(i):
            if not order.just_live:
                self.sim.follow(order, fine.open)

    def walk(self, i: int, bar: Bar, policy: str) -> None:
        """From the open over both extremes to the close."""
        now = bar.open
        unvisited = {"H": bar.high, "L": bar.low}
        executed: set[int] = set()
        while True:
            name = self.next_extreme(i, policy, bar, unvisited)
            end = unvisited[name] if name else bar.close
            event = self.first_event(i, now, end, executed)
            if event is None:
                self.move(i, now, end)
                now = end
                if name is None:
                    break
                del unvisited[name]
                continue
            self.move(i, now, event.level)
            if name and event.level == end:
                del unvisited[name]
            now = event.level
            if event.order is None:
                self.sim.liquidate(i, now, inside=True)
            else:
                self.execute_on_path(event, now, executed)
        for order in self.sim.live(i):
            order.just_live = False

    def next_extreme(self, i: int, policy: str, bar: Bar, unvisited: dict) -> str | None:
        """H, L, or None for the close."""
        if len(unvisited) < 2:
            return next(iter(unvisited), None)
        if policy == "ohlc":
            return "H"
        if policy == "olhc":
            return "L"
        if policy == "nearest":
            return "H" if bar.high - bar.open <= bar.open - bar.low else "L"
        side = sign(self.account.positions[i].qty)
        if side == 0:
            # reduce-only orders open nothing, so they do not decide
            resting = [o for o in self.sim.live(i) if o.acts_as() != "market" and not o.reduce_only]
            if not resting:
                return "H"
            # pessimistic: a buy that waits is taken by the fall that ends the path, so that nothing good follows it
            side = -min(resting, key=lambda o: o.id).side
        worse, better = ("L", "H") if side > 0 else ("H", "L")
        return worse if policy == "pessimistic" else better

    def first_event(self, i: int, now: Decimal, end: Decimal, executed: set[int]) -> Event | None:
        """The first thing that the leg from `now` to `end` reaches."""
        events = []
        level = self.account.liquidation_price(i, now, end)
        if level is not None:
            events.append(Event(abs(level - now), 0, None, level))
        for order in self.sim.live(i):
            if order.id in executed or order.acts_as() == "market":
                continue
            rank = 1 if self.sim.reduces(order) else 2
            if order.just_live and self.marketable_or_triggered(order, now):
                events.append(Event(ZERO, rank, order, now, arrives=True))
                continue
            level = self.level_on_leg(order, now, end)
            if level is not None:
                events.append(Event(abs(level - now), rank, order, level))
        return min(events, key=Event.key, default=None)

    def marketable_or_triggered(self, order: Order, price: Decimal) -> bool:
        return marketable(order, price) if order.acts_as() == "limit" else self.sim.triggered_at(order, price)

    def level_on_leg(self, order: Order, now: Decimal, end: Decimal) -> Decimal | None:
        """Where on the leg the order executes or triggers; None if the leg does not get there."""
        low, high = min(now, end), max(now, end)
        if order.acts_as() == "limit":
            ticks = self.sim.through_ticks(order.inst) if self.settings.limit_fill != "touch" else ZERO
            level = order.price - order.side * ticks
            strictly = isinstance(self.settings.limit_fill, tuple) and ticks == 0
            furthest = low if order.side == BUY else high
            beyond = order.side * (level - furthest)
            if beyond < 0 or (strictly and beyond == 0):
                return None
            return min(now, level) if order.side == BUY else max(now, level)
        level = order.trail_trigger(self.markets[order.inst].tick) if order.kind == "trail" else order.trigger
        furthest = high if order.side == BUY else low
        if order.side * (furthest - level) < 0:
            return None
        return max(now, level) if order.side == BUY else min(now, level)

    def move(self, i: int, now: Decimal, to: Decimal) -> None:
        for order in self.sim.live(i):
            self.sim.follow(order, to)
            if to != now:
                order.just_live = False

    def execute_on_path(self, event: Event, now: Decimal, executed: set[int]) -> None:
        """Each order executes at most once in a bar's path, except that a stop-limit may trigger and then fill."""
        order, volume = event.order, self.markets[event.order.inst].bar.volume
        order.just_live = False
        if order.acts_as() != "limit":
            if self.sim.trigger(order, now, volume, inside=True):
                executed.add(order.id)
            return
        executed.add(order.id)
        if event.arrives:
            self.executor.execute(order, now, "taker", volume, inside=True)
        elif self.hazard_lets(order):
            self.executor.execute(order, order.price, "maker", volume, inside=True)

    def hazard_lets(self, order: Order) -> bool:
        """`limit_fill = hazard`: one draw for an order and row, by how far the whole bar went beyond the price."""
        table = self.settings.limit_fill
        if not isinstance(table, dict):
            return True
        from huracan.sim.random_numbers import HAZARD, uniform

        bar = self.markets[order.inst].bar
        base, depth, queue = (exact(table.get(k, d)) for k, d in (("base", 0.5), ("depth", 2.0), ("queue", 1.0)))
        furthest = bar.low if order.side == BUY else bar.high
        span = bar.high - bar.low
        d = order.side * (order.price - furthest) / span if span else ZERO
        v = ONE if bar.volume is None else min(ONE, bar.volume / (queue * order.qty))
        p = ONE - (-(base + depth * d) * v).exp()
        drawn = uniform(self.settings.seed, self.settings.lane, self.sim.row * 2**20 + order.id, HAZARD)
        self.sim.outcome.market_events["hazard_draw"] += 1
        return exact(float(drawn)) < p
