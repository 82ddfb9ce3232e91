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

DEPTH, TRADE, CLEAR, QUOTE = "depth", "trade", "clear", "quote"
MARKET, LIMIT, STOP, STOP_LIMIT, TRAIL = "market", "limit", "stop", "stop_limit", "trail"
WAITS = (STOP, STOP_LIMIT, TRAIL)


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
    touch_alone: bool = False  # a quote ends worse levels too

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
        if e.kind == QUOTE:
            for t in [t for t in levels if (t - e.tick) * side > 0 or (self.touch_alone and t != e.tick)]:
                levels[t] = 0
            if self.touch_alone and not e.lots:
                self.best[side] = None
                return
            if best is not None and (best - e.tick) * side > 0:
                self.best[side] = e.tick if e.lots else self.beyond(side, e.tick)
                return
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


@dataclass(eq=False)
class Order:
    id: int
    side: int
    kind: str
    tick: float  # of a limit
    qty: float
    left: float
    post_only: bool = False
    tif: str = "GTC"
    reduce: bool = False
    trigger: float = math.nan
    distance: float = math.nan
    reference: float = math.nan
    ttl: int = 0
    role: str = "alone"
    hold: int = 0
    state: str = "flying"  # flying, live, dormant, done
    where: str = ""  # book, watch
    met: bool = False
    slot: int = -1
    entry: Order | None = None
    take: Order | None = None
    stop: Order | None = None
    die: float = math.inf
    hold_until: float = math.inf
    front: float = 0.0
    traded: float = 0.0
    seen: int = -1

    @property
    def level(self) -> float:
        """What triggers it."""
        return self.reference + self.side * self.distance if self.kind == TRAIL else self.trigger

    def reached(self, x: float) -> bool:
        return (x - self.level) * self.side >= 0 if math.isfinite(self.level) else False


@dataclass
class Own:
    """What decides knows of one of its orders."""

    id: int
    side: int
    kind: str
    role: str = "alone"
    state: str = "live"
    timer_only: bool = False
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
    bar: int = 60_000_000_000  # of a life or a holding time counted in bars
    waiting: bool = False  # the strategy that asks for stops and brackets too
    push: float = 0.0  # permanent impact, bps a unit
    last_piece: bool = False
    by_quote: bool = False  # stops wait for the touch
    touch_only: bool = False  # quotes alone say what the book holds
    marks: int = 64  # levels whose consumption a lane remembers


class Engine:
    def __init__(self, exchange: list[Event], local: list[Event], terms: Terms) -> None:
        self.exchange, self.local, self.terms = deque(exchange), deque(local), terms
        self.start = min(exchange[0].ts, local[0].ts)
        self.end = local[-1].ts
        self.book, self.seen = Book(), Book(touch_alone=terms.touch_only)
        self.behind: Event | None = None  # the bid that the ask of its message has gone before
        self.told: dict[int, dict[int, int]] = {1: {}, -1: {}}  # what was last said of each level; no clear counts
        self.all: dict[int, Order] = {}  # at the venue or on the way to it, by slot
        self.resting: list[Order] = []  # in the order in which they came to rest
        self.watching: list[Order] = []  # in the order in which they began to wait
        self.position = 0.0
        self.last = math.nan
        self.now = 0
        self.trades = 0
        self.slots: list[Own | None] = [None] * terms.slots
        self.requests: deque[tuple[int, str, Any]] = deque()
        self.reports: deque[tuple[int, Any]] = deque()
        self.eaten: dict[tuple[int, int], float] = {}
        self.fills: list[tuple[int, int, float, int, bool, int]] = []
        self.paid: list[float] = []  # the price of each fill
        self.pushed = 0.0  # what takers have bought net
        self.did: dict[str, int] = {}
        self.next_id = 0
        self.row = 0
        self.asks = 0

    # --- the venue: an order's life

    def count(self, what: str) -> None:
        self.did[what] = self.did.get(what, 0) + 1

    def tell(self, o: Order, number: int | None = None) -> None:
        self.reports.append((self.now + self.terms.response, (o.slot, o.id, o.state, o.kind, number)))

    def away(self, o: Order) -> None:
        """Off the book and off the list of those that wait."""
        if o.where == "book":
            self.resting.remove(o)
        elif o.where == "watch":
            self.watching.remove(o)
        o.where = ""

    def free(self, o: Order, state: str = "done") -> None:
        self.away(o)
        o.state = state
        if state == "dormant":
            o.hold_until, o.met = math.inf, False
            o.kind = STOP if o.role == "stop" else o.kind
        elif self.all.get(o.slot) is o:
            del self.all[o.slot]
        self.tell(o)

    def finish(self, o: Order) -> None:
        if o.role == "entry":
            for child in (o.take, o.stop):
                if child is not None:
                    child.entry = None
                    if child.state == "dormant":
                        self.free(child)
            o.take = o.stop = None
        elif o.role != "alone":
            self.forget(o)
        self.free(o)

    def forget(self, o: Order) -> None:
        """Entry and sibling of a child know of it no more."""
        if o.entry is not None:
            if o.role == "take":
                o.entry.take = None
            else:
                o.entry.stop = None
        if o.role == "take" and o.stop is not None:
            o.stop.take = None
        if o.role == "stop" and o.take is not None:
            o.take.stop = None

    def drop(self, o: Order) -> None:
        self.forget(o)
        self.free(o)

    def sibling(self, o: Order) -> Order | None:
        return o.stop if o.role == "take" else o.take

    # --- the venue: executions

    def execute(self, o: Order, qty: float, tick: int, maker: bool) -> float:
        if o.reduce:
            held = max(-o.side * self.position, 0.0)
            if o.left > held:
                other = self.sibling(o) if o.role != "alone" else None
                if other is not None and other.left > held:
                    other.left = held
                    self.tell(other)
                o.left = held
                self.count("cut")
            if o.left <= 0:
                self.finish(o)
                return 0.0
            qty = min(qty, o.left)
        before = self.position
        price = float(tick)
        if not maker:
            more = max(o.side * self.pushed, 0.0) * self.terms.push / 1e4
            price = tick * (1.0 + more) if o.side > 0 else tick / (1.0 + more)
            if o.kind == LIMIT:
                price = min(price, o.tick) if o.side > 0 else max(price, o.tick)
            self.pushed += o.side * qty
        if not self.terms.last_piece or math.floor(o.left - qty + 0.5) <= 0:
            self.fills.append((self.now, o.side, qty, tick, maker, o.id))
            self.paid.append(price)
            self.position += o.side * qty
        else:
            self.count("piece that is not booked")
        o.left -= qty
        self.after(o, qty, before)
        if o.state == "done":
            return qty
        if o.left <= 0:
            self.finish(o)
        elif o.where == "book":
            self.tell(o)
        return qty

    def after(self, o: Order, qty: float, before: float) -> None:
        """What an execution means for brackets."""
        if o.role in ("take", "stop"):
            self.count("child filled")
            if o.entry is not None:
                self.finish(o.entry)
            other = self.sibling(o)
            if other is not None:
                other.left -= qty
                if other.left > 0:
                    self.tell(other)
                else:
                    self.drop(other)
        was = (before > 0) - (before < 0)
        if was and (self.position > 0) - (self.position < 0) != was:
            for slot in sorted(self.all):
                r = self.all.get(slot)
                if r is None or r.state != "live" or r.role not in ("take", "stop") or r.side == was or r.left <= 0:
                    continue
                if r.entry is None:
                    self.drop(r)
                else:
                    r.qty = r.left = 0.0
                    self.free(r, "dormant")
                    self.count("slept")
        if o.role == "entry":
            more = qty if o.side * before >= 0 else max(o.side * self.position, 0.0)
            for child in (o.take, o.stop):
                if child is not None and more > 0:
                    self.wake(child, more, o.hold)

    def wake(self, c: Order, more: float, hold: int) -> None:
        c.qty += more
        c.left += more
        if c.state == "dormant":
            c.state = "live"
            if hold and c.role == "stop":
                c.hold_until = self.now + hold * self.terms.bar + self.terms.entry
        if c.where == "watch":
            self.tell(c)
            return
        self.away(c)
        c.met = False

    def settle(self) -> None:
        """Children that have woken meet the market."""
        while True:
            woken = [s for s in sorted(self.all) if self.all[s].state == "live" and not self.all[s].met]
            if not woken:
                return
            for slot in woken:
                o = self.all.get(slot)
                if o is not None and o.state == "live" and not o.met:
                    self.meet(o)

    # --- the venue: the market

    def on_event(self, e: Event) -> None:
        self.now = e.ts
        if e.kind == TRADE:
            self.on_trade(e)
            return
        side = e.side
        if e.kind == QUOTE and side > 0 and e is not self.behind and self.exchange and self.exchange[0].kind == QUOTE:
            ask = self.exchange[0]
            if ask.side < 0 and ask.ts == e.ts and any(q > 0 and t <= e.tick for t, q in self.told[-1].items()):
                self.exchange[0] = self.behind = e  # the ask moves out of the bid's way first
                e, side = ask, -1
        if e.kind in (DEPTH, QUOTE):
            changes = [(e.tick, e.lots)]
            if e.kind == QUOTE:
                changes += [(t, 0) for t, q in self.told[side].items() if q > 0 and (t - e.tick) * side > 0]
            for tick, lots in changes:
                self.told[side][tick] = lots
                before = self.book.levels[side].get(tick, 0)
                for o in self.resting:
                    if o.side == side and o.tick == tick:
                        self.requeue(o, before, lots)
                self.eaten.pop((side, tick), None)
        was = self.book.best[side]
        self.book.apply(e)
        now = self.book.best[side]
        if e.kind != CLEAR and now is not None and (was is None or (now - was) * side > 0):
            self.passed(-side, now)
        if self.terms.by_quote:
            self.rouse()

    def passed(self, side: int, tick: int) -> None:
        """The market has come to `tick` from the other side: own orders of this side at it or better fill whole."""
        for key in [k for k in self.eaten if k[0] == side and (k[1] - tick) * side >= 0]:
            del self.eaten[key]
        while True:
            met = [o for o in self.resting if o.side == side and (o.tick - tick) * side >= 0]
            if not met:
                break
            o = sorted(met, key=lambda o: -o.tick * side)[0]  # better prices first, then by arrival
            self.execute(o, o.left, int(o.tick), True)
            self.settle()
            if o.where == "book":
                self.finish(o)

    def requeue(self, o: Order, before: float, now: float) -> None:
        t = self.terms
        change = before - now - o.traded
        o.traded = 0.0
        if math.isinf(o.front):
            o.front = now
            return
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
        self.trades += 1
        self.passed(side, e.tick + side)
        given = 0.0
        while True:
            here = [o for o in self.resting if o.side == side and o.tick == e.tick and o.seen != self.trades]
            if not here:
                break
            o = here[0]
            o.seen = self.trades
            o.front -= e.lots
            o.traded += e.lots
            over = 0 if math.isinf(o.front) else math.floor(-o.front + 0.5)
            if over > 0:
                o.front = 0.0
                shared = 0.0 if self.terms.last_piece else given
                qty = min(o.left, max(over - shared, 0.0)) if self.terms.partial else o.left
                if qty > 0:
                    given += self.execute(o, qty, int(o.tick), True)
                    self.settle()
        self.last = e.tick
        if not self.terms.by_quote:
            self.rouse()

    def touch(self, o: Order) -> float:
        """The best price that a stop which waits for the touch looks at: the side that it would take."""
        best = self.book.best[-o.side]
        return math.nan if best is None else float(best)

    def rouse(self) -> None:
        """Stops follow the last trade, or the touch, and those that it reaches go to market."""
        for o in list(self.watching):
            x = self.touch(o) if self.terms.by_quote else self.last
            if o.where != "watch" or math.isnan(x):
                continue
            self.follow(o, x)
            if o.reached(x):
                self.count("triggered")
                self.away(o)
                o.kind = LIMIT if o.kind == STOP_LIMIT else MARKET
                self.meet(o)
                self.settle()

    def follow(self, o: Order, x: float) -> None:
        if o.kind == TRAIL:
            best = min if o.side > 0 else max
            o.reference = x if math.isnan(o.reference) else best(o.reference, x)

    def reachable(self, side: int, worst: float | None) -> list[tuple[int, float]]:
        """(tick, lots left for us) of the side that a taker meets, best first."""
        best = self.book.best[side]
        out = []
        for t, q in self.book.levels[side].items():
            if self.terms.touch_only and t != best:
                continue
            if q > 0 and best is not None and (best - t) * side >= 0 and (worst is None or (t - worst) * side >= 0):
                out.append((t, q - self.eaten.get((side, t), 0.0)))
        return sorted([x for x in out if x[1] > 0], key=lambda x: -x[0] * side)

    def there(self, side: int, worst: int) -> float:
        """How much a taker could take, with the levels that it can remember."""
        lots, room = 0.0, self.terms.marks - len(self.eaten)
        for tick, qty in self.reachable(side, worst):
            room -= (side, tick) not in self.eaten
            if room < 0:
                break
            lots += qty
        return lots

    def take(self, o: Order, worst: float | None) -> None:
        for tick, lots in self.reachable(-o.side, worst):
            if (-o.side, tick) not in self.eaten and len(self.eaten) == self.terms.marks:
                self.count("too many levels")
                self.finish(o)
                return
            asked = min(o.left, lots)
            qty = self.execute(o, asked, tick, False)
            if qty > 0:
                key = (-o.side, tick)
                self.eaten[key] = self.eaten.get(key, 0.0) + qty
            if o.state != "live" or qty < asked:
                return

    def meet(self, o: Order, number: int | None = None) -> None:
        o.met = True
        if o.kind in WAITS:
            x = self.touch(o) if self.terms.by_quote else self.last
            if not math.isnan(x):
                self.follow(o, x)
            if math.isnan(x) or not o.reached(x):
                o.where = "watch"
                self.watching.append(o)
                self.tell(o, number)
                return
            o.kind = LIMIT if o.kind == STOP_LIMIT else MARKET
        if o.kind == MARKET:
            self.take(o, None)
            if o.state == "live":
                self.finish(o)
            return
        best = self.book.best[-o.side]
        if best is not None and (o.tick - best) * o.side >= 0:
            if o.post_only:
                self.finish(o)
                return
            if o.tif == "FOK" and self.there(-o.side, int(o.tick)) < o.left:
                self.finish(o)
                return
            self.take(o, o.tick)
            if o.state != "live":
                return
        if o.tif in ("IOC", "FOK"):
            self.finish(o)
            return
        if o.tif == "GTT" and math.isinf(o.die):
            o.die = self.now + o.ttl * self.terms.bar
        o.where = "book"
        o.front = float(self.book.levels[o.side].get(int(o.tick), 0))
        own = self.book.best[o.side]
        if self.terms.touch_only and (own is None or (own - o.tick) * o.side > 0):
            o.front = math.inf
        o.traded, o.seen = 0.0, -1
        self.resting.append(o)
        self.tell(o, number)

    def times_up(self, now: int) -> None:
        self.now = now
        for slot in sorted(self.all):
            o = self.all.get(slot)
            if o is None or o.state != "live" or min(o.die, o.hold_until) > now:
                continue
            if o.die <= now:
                self.count("expired")
                self.finish(o)
            else:
                self.count("timed out")
                if o.entry is not None:
                    self.finish(o.entry)
                if o.take is not None:
                    self.drop(o.take)
                self.away(o)
                o.hold_until, o.kind = math.inf, MARKET
                self.meet(o)
            self.settle()

    def arrive(self, ts: int, what: str, body: Any) -> None:
        self.now = ts
        if what == "new":
            if body.state == "flying":
                body.state = "live"
                self.meet(body)
                self.settle()
            return
        order_id, qty, tick, trigger, number = body
        o = next((o for o in self.all.values() if o.id == order_id), None)
        if o is None:
            self.reports.append((ts + self.terms.response, None))
        elif what == "cancel":
            self.finish(o)
        else:
            self.change(o, qty, tick, trigger, number)
        self.settle()

    def change(self, o: Order, qty: float | None, tick: int | None, trigger: int | None, number: int) -> None:
        keeps = (tick is None or tick == o.tick) and (trigger is None or trigger == o.trigger)
        if qty is not None:
            keeps = keeps and qty <= o.qty
            o.left = max(qty - (o.qty - o.left), 0.0)
            o.qty = qty
        o.tick = o.tick if tick is None else tick
        o.trigger = o.trigger if trigger is None else trigger
        if o.left <= 0 and o.state == "live":
            self.finish(o)
        elif keeps or o.state != "live":
            self.tell(o, number)
        else:
            self.away(o)
            self.meet(o, number)

    # --- what decides

    def send(self, ts: int, what: str, body: Any) -> None:
        self.requests.append((ts + self.terms.entry, what, body))

    def hear(self, ts: int) -> None:
        while self.reports and self.reports[0][0] <= ts:
            _, what = self.reports.popleft()
            own = self.slots[what[0]] if what is not None else None
            if own is None or own.id != what[1]:
                continue
            _, _, state, kind, number = what
            if state == "done":
                self.slots[what[0]] = None
                continue
            own.state, own.kind = state, kind
            if number is not None and own.changing == number:
                own.changing = None

    def place(self, o: Order) -> Order | None:
        """A want takes the first free slot, a bracket as many as it has parts; None where there are too few."""
        parts = [o, *(c for c in (o.take, o.stop) if c is not None)] if o.role == "entry" else [o]
        free = [j for j, own in enumerate(self.slots) if own is None][: len(parts)]
        if len(free) < len(parts):
            return None
        for j, part, more in zip(free, parts, (0, 1 if o.take is not None else 2, 2), strict=False):
            part.id, part.slot = self.next_id + 1 + more, j
            timer = part.role == "stop" and not math.isfinite(part.trigger)
            state = "live" if part is o else "dormant"
            self.slots[j] = Own(part.id, part.side, part.kind, part.role, state, timer)
        self.next_id += 3 if o.role == "entry" else 1
        return o

    def want(self, n: int, bid: int, ask: int) -> Order | None:
        """A new order as the dice of throw n has it; None where there is none."""
        if self.terms.waiting:
            return self.waiting_want(n, bid, ask)
        u = self.throw
        what, side = u(n), 1 if u(n + 1) < 0.5 else -1
        qty, away, kind = math.floor(u(n + 2) * 30.0) + 1.0, math.floor(u(n + 3) * 9.0) - 2, u(n + 4)
        if what < 0.4:
            tif = "IOC" if kind > 0.9 else ("FOK" if kind > 0.8 else "GTC")
            tick = bid - away if side > 0 else ask + away
            return Order(0, side, LIMIT, tick, qty, qty, post_only=kind < 0.4, tif=tif)
        return Order(0, side, MARKET, 0, qty, qty) if what < 0.5 else None

    def waiting_want(self, n: int, bid: int, ask: int) -> Order | None:
        u = self.throw
        what, side = u(n), 1 if u(n + 1) < 0.5 else -1
        qty, away, kind = math.floor(u(n + 2) * 30.0) + 1.0, math.floor(u(n + 3) * 9.0) - 2, u(n + 4)
        which, some = math.floor(u(n + 5) * self.terms.slots), u(n + 6)
        far, near = (math.floor(u(n + k) * 8.0) + 1 for k in (7, 8))
        tick = bid - away if side > 0 else ask + away
        trigger = ask + away if side > 0 else bid - away
        if what < 0.22:
            tif = "IOC" if kind > 0.92 else ("FOK" if kind > 0.84 else ("GTT" if kind > 0.5 else "GTC"))
            return Order(0, side, LIMIT, tick, qty, qty, kind < 0.25, tif, some < 0.3, ttl=1)
        if what < 0.3:
            return Order(0, side, MARKET, 0, qty, qty)
        if what < 0.45:
            limit = kind < 0.4
            worst = trigger + side * (far - 4) if limit else math.nan
            return Order(0, side, STOP_LIMIT if limit else STOP, worst, qty, qty, reduce=some < 0.4, trigger=trigger)
        if what < 0.53:
            return Order(0, side, TRAIL, math.nan, qty, qty, reduce=some < 0.5, distance=far)
        if what >= 0.7:
            return None
        at_market, hold = kind < 0.4, int(which % 3 > 0)
        base = (ask if side > 0 else bid) if at_market else tick
        o = Order(0, side, MARKET if at_market else LIMIT, tick, qty, qty, role="entry", hold=hold)
        if some < 0.8:
            o.take = Order(0, -side, LIMIT, base + side * far, 0, 0, reduce=True, role="take", state="dormant", entry=o)
        if some > 0.4 or hold:
            level = base - side * near if some > 0.4 else -side * math.inf
            o.stop = Order(0, -side, STOP, 0, 0, 0, reduce=True, trigger=level, role="stop", state="dormant", entry=o)
        if o.take is not None:
            o.take.stop = o.stop
        if o.stop is not None:
            o.stop.take = o.take
        return o

    def ask_for(self, n: int, own: Own, bid: int, ask: int) -> tuple[str, Any] | None:
        """A cancel or a modify of one's own order as the dice has it."""
        u = self.throw
        what, kind = u(n), u(n + 4)
        qty, away = math.floor(u(n + 2) * 30.0) + 1.0, math.floor(u(n + 3) * 9.0) - 2
        tick = bid - away if own.side > 0 else ask + away
        terms: tuple[Any, Any, Any] | None = None
        if what < (0.8 if self.terms.waiting else 0.7):
            own.asked = True
            return "cancel", (own.id, None, None, None, None)
        if not self.terms.waiting:
            if what < 0.9 and own.kind == LIMIT:
                terms = (qty if kind < 0.5 or kind >= 0.8 else None, tick if kind >= 0.5 else None, None)
        else:
            some, far = u(n + 6), math.floor(u(n + 7) * 8.0) + 1
            if some < 0.3 and own.role in ("alone", "entry"):
                terms = (qty, None, None)
            elif some < 0.6 and own.kind in (LIMIT, STOP_LIMIT):
                terms = (None, tick, None)
            elif some >= 0.6 and own.kind in (STOP, STOP_LIMIT) and not own.timer_only:
                terms = (None, None, ask + far if own.side > 0 else bid - far)
        if terms is None:
            return None
        self.asks += 1
        own.changing = self.asks
        return "modify", (own.id, *terms, self.asks)

    def throw(self, n: int) -> float:
        return float(uniform(self.terms.dice, 1, n, USER))

    def step(self, ts: int) -> None:
        bid, ask = self.seen.best[1], self.seen.best[-1]
        if bid is None or ask is None:
            return
        new: list[Order] = []
        asked: dict[int, list[tuple[str, Any]]] = {}
        fresh: set[int] = set()
        for i in range(3):
            n = (self.row * 4 + i) * (16 if self.terms.waiting else 8)
            o = self.want(n, bid, ask)
            if o is not None:
                if self.place(o) is not None:
                    new.append(o)
                    fresh |= {p.id for p in (o, o.take, o.stop) if p is not None}
                continue
            which = math.floor(self.throw(n + 5) * self.terms.slots)
            own = self.slots[which]
            if own is None or own.id in fresh or own.state != "live" or own.asked or own.changing is not None:
                continue
            if (found := self.ask_for(n, own, bid, ask)) is not None:
                asked.setdefault(which, []).append(found)
        for o in new:
            for part in (o, o.take, o.stop):
                if part is not None:
                    self.all[part.slot] = part
            self.send(ts, "new", o)
        for j in sorted(asked):
            for what_asked, body in asked[j]:
                self.send(ts, what_asked, body)

    def run(self) -> list[tuple[int, int, float, int, bool, int]]:
        due = self.start + self.terms.step
        while True:
            timer = min((min(o.die, o.hold_until) for o in self.all.values() if o.state == "live"), default=math.inf)
            at = min(due, self.requests[0][0] if self.requests else due, int(min(timer, due)))
            if self.exchange and self.exchange[0].ts <= at:
                self.on_event(self.exchange.popleft())
                continue
            if self.requests and self.requests[0][0] <= at:
                self.arrive(*self.requests.popleft())
                continue
            if timer <= at:
                self.times_up(int(timer))
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
