"""The second engine's orders: the checks at submission, the helpers that scripts call, requests on their way."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.oracle_records import (
    BPS,
    BUY,
    ONE,
    SELL,
    ZERO,
    Bracket,
    Order,
    Request,
    ceil_to,
    exact,
    floor_to,
    sign,
    usable,
)

if TYPE_CHECKING:
    from tests.oracle import Simulation
    from tests.oracle_reports import Look


def round_price(kind: str, side: int, price: Decimal, tick: Decimal) -> Decimal:
    """Prices off the tick: buy limits and sell stops down, sell limits and buy stops up."""
    down = (kind == "limit") == (side == BUY)
    return floor_to(price, tick) if down else ceil_to(price, tick)


class Desk:
    """What a strategy calls at `step`: every helper sends orders or requests, or refuses with a named reason."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.settings = sim.settings
        self.orders: list[Order] = []  # by id
        self.requests: list[Request] = []  # in the order they were made
        self.next_id = 1
        self.last: dict[int, Order] = {}  # the last accepted order of each instrument
        self.made_now: list[Order] = []  # in this row's step

    # the script

    def do(self, i: int, action: tuple) -> None:
        name, *args = action
        getattr(self, f"do_{name}")(i, *args)

    def do_buy(self, i: int, qty: float) -> None:
        self.submit(i, BUY, qty, "market")

    def do_sell(self, i: int, qty: float) -> None:
        self.submit(i, SELL, qty, "market")

    def do_limit(
        self, i: int, side: int, qty: float, price: float, post_only: bool = False, tif: str = "GTC", ttl: int = 0
    ) -> None:
        self.submit(i, side, qty, "limit", price=price, post_only=post_only, tif=tif, ttl=ttl)

    def do_stop(self, i: int, side: int, qty: float, trigger: float, limit: float | None = None) -> None:
        self.submit(i, side, qty, "stop", trigger=trigger, price=limit)

    def do_trail(self, i: int, side: int, qty: float, distance: float) -> None:
        self.submit(i, side, qty, "trail", distance=distance)

    def do_reduce(self, i: int, side: int, qty: float) -> None:
        self.submit(i, side, qty, "market", reduce_only=True)

    def do_reduce_limit(self, i: int, side: int, qty: float, price: float) -> None:
        self.submit(i, side, qty, "limit", price=price, reduce_only=True)

    def do_reduce_stop(self, i: int, side: int, qty: float, trigger: float) -> None:
        self.submit(i, side, qty, "stop", trigger=trigger, reduce_only=True)

    def do_reduce_trail(self, i: int, side: int, qty: float, distance: float) -> None:
        self.submit(i, side, qty, "trail", distance=distance, reduce_only=True)

    def do_bracket(
        self,
        i: int,
        side: int,
        qty: float,
        entry: float | None = None,
        take: float | None = None,
        stop: float | None = None,
        max_hold: int = 0,
    ) -> None:
        kind = "market" if entry is None else "limit"
        self.submit(i, side, qty, kind, price=entry, bracket=(take, stop, max_hold))

    def do_close(self, i: int) -> None:
        """A reduce-only market order of the whole position; nothing when flat."""
        qty = self.sim.reports.position(i)
        if qty != 0:
            self.submit(i, -sign(qty), abs(qty), "market", reduce_only=True)

    def do_target(self, i: int, wanted: float) -> None:
        """What is missing to `wanted`, counting own market orders that still run (not children of brackets)."""
        working = [(o, look) for o, look in self.working(i) if look.acts_as == "market" and not o.is_child]
        coming = sum((o.side * look.remaining for o, look in working), ZERO)
        held = self.sim.reports.position(i)
        missing = exact(wanted) - held - coming
        terms = abs(exact(wanted)) + abs(held) + sum((look.remaining for _, look in working), ZERO)
        if abs(missing) <= terms * Decimal("1e-12"):
            return  # the rest of a division is nothing
        if floor_to(abs(missing), self.sim.markets[i].lot) > 0:  # less than a lot away is there already
            self.submit(i, sign(missing), abs(missing), "market")

    def do_target_fraction(self, i: int, fraction: float) -> None:
        """A position worth a fraction of equity at this close, after a taker's fee, half-spread and (base) slippage."""
        market, s = self.sim.markets[i], self.settings
        slippage = s.slippage.get("base_bps", s.slippage.get("bps", 0.0))
        costs = sum(exact(x) for x in (s.fee_taker_bps, s.half_spread_bps, slippage)) / BPS
        unit = market.notional(ONE, market.mark) * (ONE + costs)
        qty = floor_to(max(ZERO, abs(exact(fraction)) * self.sim.reports.equity() / unit), market.lot)
        self.do_target(i, qty if fraction > 0 else -qty)

    def do_cancel_last(self, i: int) -> None:
        if i in self.last and self.is_open(self.last[i]):
            self.request("cancel", self.last[i])

    def do_cancel_all(self, i: int) -> None:
        """Every working order; children that sleep stand or fall with their entry."""
        for order, look in self.working(i):
            if not look.asleep:
                self.request("cancel", order)

    def child(self, i: int, n: int) -> Order | None:
        """The order n ids after the last accepted one, if it still works."""
        wanted = self.last[i].id + n if i in self.last else 0
        return next((o for o in self.orders if o.id == wanted and self.is_open(o)), None)

    def do_cancel_child(self, i: int, n: int) -> None:
        if (order := self.child(i, n)) is not None:
            self.request("cancel", order)

    def do_modify_child(self, i: int, n: int, qty: Any, price: Any, trigger: Any) -> None:
        if (order := self.child(i, n)) is not None:
            self.ask_modify(order, qty, price, trigger)

    def do_keep(self, i: int, side: int, price: float, qty: float) -> None:
        """One post-only limit at this price on this side, and no other; with nothing to keep, none."""
        rounded = self.rounded(i, side, price, None)[0]
        kept = None
        for order, look in self.working(i):
            if look.acts_as != "limit" or order.role != "alone" or order.side != side:
                continue
            stays = order.post_only and not order.cancel_asked
            if qty > 0 and look.price == rounded and stays and kept is None:
                kept = order
            else:
                self.request("cancel", order)
        if kept is None and qty > 0:
            last = self.last.get(i)
            self.submit(i, side, qty, "limit", price=price, post_only=True)
            if last is not None:
                self.last[i] = last
            else:
                self.last.pop(i, None)

    def do_modify_last(
        self, i: int, qty: float | None = None, price: float | None = None, trigger: float | None = None
    ) -> None:
        if i in self.last and self.is_open(self.last[i]):
            self.ask_modify(self.last[i], qty, price, trigger)

    def ask_modify(self, order: Order, qty: Any, price: Any, trigger: Any) -> None:
        i, market, look = order.inst, self.sim.markets[order.inst], self.sim.reports.look(order)
        if qty is not None:
            if not usable(qty):
                return self.reject("bad_quantity")
            qty = floor_to(exact(qty), market.lot)
            if qty == 0:
                return self.reject("below_lot")
        price, trigger = self.rounded(i, order.side, price, trigger)
        if ZERO in (price, trigger):
            return self.reject("bad_price")
        if qty is not None and order.is_child:
            return self.reject("bad_modify")
        if (price is not None and look.price is None) or (trigger is not None and look.trigger is None):
            return self.reject("bad_modify")
        if self.asked(order):
            return self.reject("request_under_way")
        self.request("modify", order, qty=qty, price=price, trigger=trigger)

    # what is known

    def working(self, i: int) -> list[tuple[Order, Look]]:
        """The orders of an instrument that work as far as is known, with how they stand."""
        looks = [(o, self.sim.reports.look(o)) for o in self.orders if o.inst == i]
        return [(o, look) for o, look in looks if look.alive]

    def is_open(self, order: Order) -> bool:
        return self.sim.reports.look(order).alive

    def asked(self, order: Order) -> bool:
        """A cancel is under way, or a modify of which nothing has been heard."""
        modify = order.modify_asked
        return order.cancel_asked or (
            modify is not None and (modify.taken_in is None or modify.taken_in > self.sim.reports.known.number)
        )

    # checks at submission

    def reject(self, reason: str) -> None:
        self.sim.outcome.rejections[reason] += 1

    def rounded(self, i: int, side: int, limit: Any, stop: Any) -> tuple[Decimal | None, Decimal | None]:
        """A limit price and a trigger on the tick; None stays None, and what can't be a price becomes zero."""
        tick = self.sim.markets[i].tick
        return tuple(
            None if x is None else round_price(kind, side, exact(x), tick) if usable(x) else ZERO
            for kind, x in (("limit", limit), ("stop", stop))
        )

    def submit(
        self,
        i: int,
        side: int,
        qty: Any,
        kind: str,
        price: Any = None,
        trigger: Any = None,
        distance: Any = None,
        reduce_only: bool = False,
        post_only: bool = False,
        tif: str = "GTC",
        ttl: int = 0,
        bracket: tuple | None = None,
    ) -> None:
        """Checks in the order of the document; an accepted order takes the next id and leaves for the market."""
        if not usable(qty):
            return self.reject("bad_quantity")
        market, held = self.sim.markets[i], self.sim.reports.position(i)
        qty = floor_to(exact(qty), market.lot)
        if qty == 0:
            return self.reject("below_lot")

        price, trigger = self.rounded(i, side, price, trigger)
        take, stop = self.rounded(i, -side, *bracket[:2]) if bracket else (None, None)
        max_hold = bracket[2] if bracket else 0
        if ZERO in (price, trigger, take, stop) or (kind == "trail" and not usable(distance)):
            return self.reject("bad_price")

        slots = 1 + (take is not None) + (stop is not None or max_hold > 0)
        if len(self.working(i)) + slots > self.sim.settings.order_slots:
            return self.reject("no_free_slot")
        if bracket and price is not None:
            wrong_take = take is not None and side * (take - price) <= 0
            wrong_stop = stop is not None and side * (price - stop) <= 0
            if wrong_take or wrong_stop:
                return self.reject("bad_bracket")
        reduces = reduce_only or sign(held) == -side
        at = next(p for p in (price, trigger, market.mark) if p is not None)
        if market.notional(qty, at) < market.min_notional and not reduces:
            return self.reject("below_min_notional")

        order = self.new_order(
            i,
            side,
            kind,
            qty,
            kind,
            price=price,
            trigger=trigger,
            distance=None if distance is None else exact(distance),
            reduce_only=reduce_only,
            post_only=post_only,
            tif=tif,
            ttl=ttl,
        )
        if bracket:
            self.new_bracket(order, take, stop, max_hold)
        self.last[i] = order
        self.made_now += [order, *(order.bracket.children() if order.bracket else [])]
        self.request("new", order)
        return None

    def new_order(self, i: int, side: int, kind: str, qty: Decimal, reason: str, **more: Any) -> Order:
        order = Order(self.next_id, i, side, kind, qty, reason=reason, **more)
        order.made_row, order.made_ns = self.sim.row, self.sim.close_ns
        self.next_id += 1
        self.orders.append(order)
        return order

    def new_bracket(self, entry: Order, take: Decimal | None, stop: Decimal | None, max_hold: int) -> None:
        """Three ids whether or not the children exist; children sleep until the entry fills."""
        bracket = Bracket(entry, max_hold=max_hold)
        entry.bracket, entry.role = bracket, "entry"
        first = self.next_id
        child = {"reduce_only": True, "bracket": bracket, "state": "dormant"}
        if take is not None:
            bracket.target = self.new_order(
                entry.inst, -entry.side, "limit", ZERO, "take", price=take, role="target", **child
            )
        self.next_id = first + 1
        if stop is not None or max_hold > 0:
            kind = "stop" if stop is not None else "time"
            bracket.stop = self.new_order(
                entry.inst, -entry.side, kind, ZERO, "stop", trigger=stop, role="stop", **child
            )
        self.next_id = first + 2

    def alive(self, i: int) -> list[Order]:
        return [o for o in self.orders if o.inst == i and not o.done]

    # requests

    def request(self, what: str, order: Order, **more: Any) -> None:
        """Leaves for the market; a cancel or modify of an order made in this very step changes it before it leaves."""
        request = Request(what, order, self.sim.row, self.sim.close_ns, **more)
        if what != "new" and order in self.made_now:
            return self.take_effect(request)
        if what == "cancel":
            order.cancel_asked = True
        elif what == "modify":
            order.modify_asked = request
        self.requests.append(request)
        return None

    def leave(self) -> None:
        """What the step has made is on its way; an account that is bankrupt, unknown to it, takes nothing in."""
        for order in self.made_now:
            order.as_sent = self.sim.reports.look(order)
        self.made_now = []
        if self.sim.outcome.bankrupt:
            for order in self.orders:
                if not order.done:
                    order.state = "done"
                    self.sim.outcome.events["bankrupt"] += 1

    def take_arrived(self) -> None:
        """Requests that have arrived by their instrument's open take effect: of brackets' children, then in order."""
        waiting = []
        for request in sorted(self.requests, key=lambda r: not r.order.is_child):
            order = request.order
            open_ns = self.sim.close_ns - self.sim.markets[order.inst].timeframe_ns
            rows_passed = self.sim.row >= request.made_row + 1 + self.sim.settings.latency_bars
            if rows_passed and open_ns >= request.made_ns + self.sim.settings.latency_entry_ns:
                self.take_effect(request)
            else:
                waiting.append(request)
        self.requests = waiting

    def take_effect(self, request: Request) -> None:
        order = request.order
        if order.done:
            return
        if request.what == "new":
            if order.state == "sent":
                order.state = "live"
        elif request.what == "cancel":
            self.sim.cancel(order, "never_sent" if order in self.made_now else "cancelled")
        else:
            self.modify(request)

    def modify(self, request: Request) -> None:
        """New total quantity, price or trigger; at its next open the order arrives as if new."""
        order = request.order
        request.taken_in = self.sim.reports.made + 1
        order.modified += 1
        if request.price is not None and order.price is not None:
            order.price = request.price
        if request.trigger is not None and order.trigger is not None:
            order.trigger = request.trigger
        if request.price is not None:
            order.rests = False
        self.sim.outcome.market_events["modified"] += 1
        if request.qty is not None and not order.is_child:
            order.qty = request.qty
            if order.remaining <= 0:
                self.sim.cancel(order, "cancelled")
