"""The second engine's reports: what the strategy knows of its account and orders, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.oracle_records import ZERO, Order, exact

if TYPE_CHECKING:
    from tests.oracle import Simulation


@dataclass(frozen=True)
class Look:
    """How one order stands."""

    alive: bool
    acts_as: str
    remaining: Decimal
    price: Decimal | None
    trigger: Decimal | None  # None where nothing waits for it any more
    asleep: bool = False  # a bracket's child that guards less than a lot

    modified: int = 0  # how many modifies have taken effect

    @classmethod
    def at(cls, order: Order, asleep: bool = False) -> Look:
        if order.done:
            return GONE  # of an order that was cancelled before it left there is no news
        trigger = None if order.triggered else order.trigger
        return cls(True, order.acts_as(), order.remaining, order.price, trigger, asleep, order.modified)


GONE = Look(False, "", ZERO, None, None)


@dataclass(frozen=True)
class News:
    """The whole account at one moment: what a strategy knows once the reports up to there have arrived."""

    number: int
    arrives_ns: int
    cash: Decimal
    held: tuple[tuple[Decimal, Decimal], ...]  # (quantity, its value at entry) by instrument
    orders: dict[int, Look]  # those that work
    next_id: int  # ids below it had been given by then
    bankrupt: bool


class Reports:
    """News under way from the market to the strategy, none overtaking another."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.latency_ns = sim.settings.latency_response_ns
        self.made = 0
        self.under_way: list[News] = []
        self.known = News(0, 0, exact(sim.settings.cash), ((ZERO, ZERO),) * len(sim.markets), {}, 1, False)

    def tell(self, ts_ns: int) -> None:
        """Something may have happened at this time; if so it is known the latency later."""
        if not self.latency_ns:
            return
        last = self.under_way[-1] if self.under_way else self.known
        news = self.picture(max(ts_ns + self.latency_ns, last.arrives_ns))
        if self.says_more(news, last):
            self.under_way.append(news)

    def says_more(self, news: News, last: News) -> bool:
        """Whether anything has happened since the last news; an order that has only left is no news."""
        if (news.cash, news.held, news.bankrupt) != (last.cash, last.held, last.bankrupt):
            return True
        orders = [o for o in self.sim.desk.orders if o.id < news.next_id]
        return any(self.look_in(news, o) != self.look_in(last, o) for o in orders)

    def hear(self, now_ns: int) -> None:
        """What has arrived by now; without a latency all that is."""
        if not self.latency_ns:
            self.known = self.picture(now_ns)
        while self.under_way and self.under_way[0].arrives_ns <= now_ns:
            self.known = self.under_way.pop(0)

    def picture(self, arrives_ns: int) -> News:
        sim = self.sim
        self.made += 1
        held = tuple((p.qty, p.cost) for p in sim.account.positions)
        orders = {o.id: Look.at(o, self.asleep(o)) for o in sim.desk.orders if not o.done}
        return News(self.made, arrives_ns, sim.account.cash, held, orders, sim.desk.next_id, sim.halted)

    def asleep(self, order: Order) -> bool:
        return order.is_child and self.sim.executor.less_than_a_lot(order.bracket)

    # what the strategy sees

    def look(self, order: Order) -> Look:
        """An order as it is known: as it left, until something is heard of it."""
        if order in self.sim.desk.made_now:
            return Look.at(order, order.is_child)
        return self.look_in(self.known, order)

    def look_in(self, news: News, order: Order) -> Look:
        if order.id >= news.next_id:
            return order.as_sent
        return news.orders.get(order.id, GONE)

    def position(self, i: int) -> Decimal:
        return self.known.held[i][0]

    def equity(self) -> Decimal:
        """What is known to be held, at the prices of now."""
        total = self.known.cash
        for market, (qty, cost) in zip(self.sim.markets, self.known.held, strict=True):
            if qty != 0:
                total += market.value(qty, market.mark) - (ZERO if market.kind == "spot" else cost)
        return total
