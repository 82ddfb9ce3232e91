"""A second engine for order-book tapes, in plain Python and dictionaries, written from docs/BOOKS.md.

It shares with the machine the random numbers of `dice` and nothing else: no cells, no lists of neighbours, no marked
bests. Slow, and meant to be read.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from huracan.sim.random_numbers import USER, uniform

DEPTH, TRADE, CLEAR = "depth", "trade", "clear"
MARKET, LIMIT = "market", "limit"


@dataclass
class Event:
    ts: int
    kind: str
    side: int  # depth and clear: +1 bid, -1 ask; trade: of the taker
    tick: int
    lots: int


@dataclass
class Book:
    """One book: what each level holds, and the bests as updates have moved them."""

    levels: dict[int, dict[int, int]] = field(default_factory=lambda: {1: {}, -1: {}})
    best: dict[int, int | None] = field(default_factory=lambda: {1: None, -1: None})

    def beyond(self, side: int, tick: int) -> int | None:
        """The best level of a side that is worse than `tick`."""
        worse = [t for t, q in self.levels[side].items() if q > 0 and (tick - t) * side > 0]
        return (max(worse) if side > 0 else min(worse)) if worse else None

    def apply(self, e: Event) -> None:
        side, levels = e.side, self.levels[e.side]
        if e.kind == CLEAR:
            best = self.best[side]
            for t in list(levels):
                if best is not None and (t - e.tick) * side >= 0 and (best - t) * side >= 0:
                    levels[t] = 0
            self.best[side] = self.beyond(side, e.tick)
            return
        levels[e.tick] = e.lots
        best = self.best[side]
        if e.lots == 0:
            if e.tick == best:
                self.best[side] = self.beyond(side, e.tick)
        elif best is None or (e.tick - best) * side > 0:
            self.best[side] = e.tick
            other = self.best[-side]
            if other is not None and (e.tick - other) * side >= 0:
                self.best[-side] = self.beyond(-side, e.tick)


def ratio(a: float, b: float) -> float:
    """a / b as IEEE has it."""
    if b != 0.0:
        return a / b
    return math.nan if a == 0.0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


@dataclass
class Order:
    id: int
    side: int
    kind: str
    tick: int
    qty: float
    left: float
    post_only: bool = False
    tif: str = "GTC"
    live: bool = False
    front: float = 0.0
    traded: float = 0.0


@dataclass
class Own:
    """What decides knows of one of its orders."""

    id: int
    side: int
    kind: str
    asked: bool = False  # a cancel is under way
    changing: int | None = None  # a modify is under way: its number


@dataclass
class Terms:
    queue: str
    power: float
    partial: bool
    entry: int
    response: int
    step: int
    dice: int
    slots: int


class Engine:
    def __init__(self, exchange: list[Event], local: list[Event], terms: Terms) -> None:
        self.exchange, self.local, self.terms = deque(exchange), deque(local), terms
        self.start = min(exchange[0].ts, local[0].ts)
        self.end = local[-1].ts
        self.book, self.seen = Book(), Book()
        self.orders: list[Order] = []  # resting, in the order in which they came to rest
        self.flying: dict[int, Order] = {}
        self.slots: list[Own | None] = [None] * terms.slots
        self.requests: deque[tuple[int, str, Any]] = deque()
        self.reports: deque[tuple[int, Any]] = deque()
        self.eaten: dict[tuple[int, int], float] = {}
        self.fills: list[tuple[int, int, float, int, bool, int]] = []
        self.next_id = 0
        self.row = 0
        self.asks = 0

    # --- the venue

    def tell(self, ts: int, what: Any) -> None:
        self.reports.append((ts + self.terms.response, what))

    def fill(self, o: Order, qty: float, tick: int, maker: bool, ts: int) -> None:
        self.fills.append((ts, o.side, qty, tick, maker, o.id))
        o.left -= qty
        if o.left <= 0:
            self.done(o, ts)
        elif o.live:
            self.tell(ts, None)

    def done(self, o: Order, ts: int) -> None:
        if o in self.orders:
            self.orders.remove(o)
        o.live = False
        self.flying.pop(o.id, None)
        self.tell(ts, ("gone", o.id))

    def on_event(self, e: Event) -> None:
        if e.kind == TRADE:
            self.on_trade(e)
            return
        side = e.side
        if e.kind == DEPTH:
            before = self.book.levels[side].get(e.tick, 0)
            for o in self.orders:
                if o.side == side and o.tick == e.tick:
                    self.requeue(o, before, e.lots)
            self.eaten.pop((side, e.tick), None)
        was = self.book.best[side]
        self.book.apply(e)
        now = self.book.best[side]
        if e.kind == DEPTH and now is not None and (was is None or (now - was) * side > 0):
            self.passed(-side, now, e.ts)

    def passed(self, side: int, tick: int, ts: int) -> None:
        """The market has come to `tick` from the other side: own orders of this side at it or better fill whole."""
        met = [o for o in self.orders if o.side == side and (o.tick - tick) * side >= 0]
        for o in sorted(met, key=lambda o: -o.tick * side):  # better prices first, then by arrival
            self.fill(o, o.left, o.tick, True, ts)
        for key in [k for k in self.eaten if k[0] == side and (k[1] - tick) * side >= 0]:
            del self.eaten[key]

    def requeue(self, o: Order, before: float, now: float) -> None:
        t = self.terms
        change = before - now - o.traded
        o.traded = 0.0
        if t.queue == "risk_averse" or change < 0:
            o.front = min(o.front, now)
            return
        back = before - o.front

        def f(x: float) -> float:
            if t.queue.startswith("log"):
                return math.log1p(x) if x > -1.0 else math.nan
            return x**t.power if x >= 0.0 or t.power == int(t.power) else math.nan

        if t.queue in ("power", "log"):
            p = ratio(f(back), f(back) + f(o.front))
        elif t.queue == "power3":
            p = 1.0 - f(ratio(o.front, o.front + back))
        else:
            p = ratio(f(back), f(back + o.front))
        if math.isinf(p):
            p = 1.0
        guess = o.front - (1.0 - p) * change + min(back - p * change, 0.0)
        o.front = guess if guess < now else now  # no probability: the level's own quantity

    def on_trade(self, e: Event) -> None:
        side = -e.side
        self.passed(side, e.tick + side, e.ts)
        given = 0.0
        for o in [o for o in self.orders if o.side == side and o.tick == e.tick]:
            o.front -= e.lots
            o.traded += e.lots
            over = math.floor(-o.front + 0.5)
            if over > 0:
                o.front = 0.0
                qty = min(o.left, max(over - given, 0.0)) if self.terms.partial else o.left
                if qty > 0:
                    self.fill(o, qty, o.tick, True, e.ts)
                    given += qty

    def reachable(self, side: int, worst: int | None) -> list[tuple[int, float]]:
        """(tick, lots left for us) of the side that a taker meets, best first."""
        best = self.book.best[side]
        out = []
        for t, q in self.book.levels[side].items():
            if q > 0 and best is not None and (best - t) * side >= 0 and (worst is None or (t - worst) * side >= 0):
                out.append((t, q - self.eaten.get((side, t), 0.0)))
        return sorted([x for x in out if x[1] > 0], key=lambda x: -x[0] * side)

    def take(self, o: Order, worst: int | None, ts: int) -> None:
        for tick, lots in self.reachable(-o.side, worst):
            qty = min(o.left, lots)
            key = (-o.side, tick)
            self.eaten[key] = self.eaten.get(key, 0.0) + qty
            self.fill(o, qty, tick, False, ts)
            if o.left <= 0:
                return

    def meet(self, o: Order, ts: int) -> None:
        if o.kind == MARKET:
            self.take(o, None, ts)
            if o.left > 0:
                self.done(o, ts)
            return
        best = self.book.best[-o.side]
        if best is not None and (o.tick - best) * o.side >= 0:
            if o.post_only:
                self.done(o, ts)
                return
            if o.tif == "FOK" and sum(q for _, q in self.reachable(-o.side, o.tick)) < o.left:
                self.done(o, ts)
                return
            self.take(o, o.tick, ts)
            if o.left <= 0:
                return
        if o.tif != "GTC":
            self.done(o, ts)
            return
        o.live = True
        o.front = float(self.book.levels[o.side].get(o.tick, 0))
        o.traded = 0.0
        self.orders.append(o)
        self.tell(ts, ("there", o.id))

    def arrive(self, ts: int, what: str, body: Any) -> None:
        if what == "new":
            self.meet(body, ts)
            return
        order_id, qty, tick, number = body
        o = next((o for o in self.orders if o.id == order_id), None)
        if o is None:
            self.tell(ts, None)
        elif what == "cancel":
            self.done(o, ts)
        else:
            keeps = tick is None or tick == o.tick
            if qty is not None:
                keeps = keeps and qty <= o.qty
                o.left = max(qty - (o.qty - o.left), 0.0)
                o.qty = qty
            if tick is not None:
                o.tick = tick
            if o.left <= 0:
                self.done(o, ts)
                return
            if not keeps:
                self.orders.remove(o)
                o.live = False
                self.meet(o, ts)
            if o.live:
                self.tell(ts, ("changed", o.id, number))

    # --- what decides

    def send(self, ts: int, what: str, body: Any) -> None:
        self.requests.append((ts + self.terms.entry, what, body))

    def hear(self, ts: int) -> None:
        while self.reports and self.reports[0][0] <= ts:
            _, what = self.reports.popleft()
            if what is None:
                continue
            for j, own in enumerate(self.slots):
                if own is not None and own.id == what[1]:
                    if what[0] == "gone":
                        self.slots[j] = None
                    elif what[0] == "changed" and own.changing == what[2]:
                        own.changing = None

    def want(self, side: int, kind: str, tick: int, qty: float, **more: Any) -> Order | None:
        free = next((j for j, own in enumerate(self.slots) if own is None), None)
        if free is None:
            return None
        self.next_id += 1
        self.slots[free] = Own(self.next_id, side, kind)
        return Order(self.next_id, side, kind, tick, qty, qty, **more)

    def step(self, ts: int) -> None:
        bid, ask = self.seen.best[1], self.seen.best[-1]
        if bid is None or ask is None:
            return
        new: list[Order] = []
        asked: dict[int, list[tuple[str, Any]]] = {}
        fresh: set[int] = set()

        def u(n: int) -> float:
            return float(uniform(self.terms.dice, 1, n, USER))

        for i in range(3):
            n = (self.row * 4 + i) * 8
            what, side = u(n), 1 if u(n + 1) < 0.5 else -1
            qty, away = math.floor(u(n + 2) * 30.0) + 1.0, math.floor(u(n + 3) * 9.0) - 2
            kind, which = u(n + 4), math.floor(u(n + 5) * self.terms.slots)
            own = self.slots[which]
            o: Order | None = None
            if what < 0.4:
                tif = "IOC" if kind > 0.9 else ("FOK" if kind > 0.8 else "GTC")
                tick = bid - away if side > 0 else ask + away
                o = self.want(side, LIMIT, tick, qty, post_only=kind < 0.4, tif=tif)
            elif what < 0.5:
                o = self.want(side, MARKET, 0, qty)
            elif own is not None and own.id not in fresh and not own.asked and own.changing is None:
                if what < 0.7:
                    own.asked = True
                    asked.setdefault(which, []).append(("cancel", (own.id, None, None, None)))
                elif what < 0.9 and own.kind == LIMIT:
                    tick = bid - away if own.side > 0 else ask + away
                    self.asks += 1
                    own.changing = self.asks
                    terms = (qty if kind < 0.5 or kind >= 0.8 else None, tick if kind >= 0.5 else None)
                    asked.setdefault(which, []).append(("modify", (own.id, *terms, self.asks)))
            if o is not None:
                new.append(o)
                fresh.add(o.id)
        for o in new:
            self.send(ts, "new", o)
        for j in sorted(asked):
            for what_asked, body in asked[j]:
                self.send(ts, what_asked, body)

    def run(self) -> list[tuple[int, int, float, int, bool, int]]:
        due = self.start + self.terms.step
        while True:
            at = min(due, self.requests[0][0] if self.requests else due)
            while self.exchange and self.exchange[0].ts <= at:
                self.on_event(self.exchange.popleft())
            if self.requests and self.requests[0][0] <= at:
                now = self.requests[0][0]
                while self.requests and self.requests[0][0] <= now:
                    ts, what, body = self.requests.popleft()
                    self.arrive(ts, what, body)
                continue
            while self.local and self.local[0].ts <= due:
                e = self.local.popleft()
                if e.kind != TRADE:
                    self.seen.apply(e)
            self.row += 1
            self.hear(due)
            if due >= self.end and not self.requests and not self.reports:
                return self.fills
            if due <= self.end + 100 * (self.terms.entry + self.terms.response + self.terms.step):
                self.step(due)
            due += self.terms.step
