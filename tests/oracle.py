"""The second engine: docs/EXECUTION.md written down once more, slowly, to be compared with the compiled one.

`run(instruments, settings, script)` -> `Outcome`. Plain Python and `decimal`; functions stand in the document's order.
A script is `{(row, instrument): [action, ...]}`, an action a tuple such as `("buy", 1)`: the `do_` methods of `Desk`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Context, Decimal, localcontext

from tests.oracle_fills import Executor
from tests.oracle_money import Account, Market
from tests.oracle_orders import Desk
from tests.oracle_path import Path
from tests.oracle_records import (
    ROUNDING,
    SELL,
    ZERO,
    Bar,
    Bracket,
    EquityRow,
    Instrument,
    Order,
    Outcome,
    Settings,
    exact,
    marketable,
    sign,
)
from tests.oracle_reports import Reports

__all__ = ["Instrument", "Outcome", "Settings", "run"]

Script = dict[tuple[int, int], list[tuple]]


def run(instruments: list[Instrument], settings: Settings, script: Script) -> Outcome:
    """The whole run; every number in the outcome is a Decimal."""
    with localcontext(Context(prec=40)):
        return Simulation(instruments, settings, script).run()


class Simulation:
    """One lane: rows in, an outcome out."""

    def __init__(self, instruments: list[Instrument], settings: Settings, script: Script) -> None:
        self.settings = settings
        self.script = script
        self.outcome = Outcome()
        self.markets = [Market.of(inst) for inst in instruments]
        self.account = Account(settings, self.markets, self.outcome)
        self.desk = Desk(self)
        self.executor = Executor(self)
        self.path = Path(self)
        self.reports = Reports(self)
        self.last_held = [ZERO] * len(instruments)
        self.close_times = sorted({close for market in self.markets for close in market.bars})
        self.row = 0
        self.close_ns = 0
        self.halted = False  # bankrupt, and marked so at a close

    # --- a slice ------------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        for row, close_ns in enumerate(self.close_times):
            self.row, self.close_ns = row, close_ns
            self.slice()
        outcome = self.outcome
        outcome.cash = self.account.cash
        outcome.positions = [position.qty for position in self.account.positions]
        outcome.open_trades = sum(position.trade is not None for position in self.account.positions)
        return outcome

    def slice(self) -> None:
        self.begin_row()
        alive = not self.outcome.bankrupt
        if alive:
            self.pay_funding(up_to_open=True)
            self.desk.take_arrived()
            self.opens()
            self.reports.tell(self.open_ns())
            self.pay_funding(up_to_open=False)
            for i in self.fresh():
                self.path.inside(i)
            if not self.outcome.bankrupt:
                self.time_limits()
                self.interest()
        for i in self.fresh():
            self.markets[i].mark = self.markets[i].bar.close
        if alive:
            self.stop_if_bankrupt()
            self.halted = self.outcome.bankrupt
            self.reports.tell(self.close_ns)
        self.reports.hear(self.close_ns)
        if not self.reports.known.bankrupt:
            self.steps()
        if not self.outcome.bankrupt:
            if self.settings.market_fill == "close":
                self.closes()
            if self.settings.close_at_end and self.row == len(self.close_times) - 1:
                for i in self.account.held():
                    self.executor.close_at_end(i)
            self.stop_if_bankrupt()
        self.halted = self.outcome.bankrupt
        if not self.reports.known.bankrupt:
            self.reports.tell(self.close_ns)
        self.end_row()

    def begin_row(self) -> None:
        share = exact(self.settings.max_participation)
        for market in self.markets:
            market.bar = market.bars.get(self.close_ns)
            capped = share > 0 and market.bar is not None and market.bar.volume is not None
            market.volume_left = share * market.bar.volume if capped else None
            if capped and self.settings.intrabar == "drill":
                for fine in self.path.finer(market)[:1]:
                    self.path.refill(market, fine)

    def end_row(self) -> None:
        self.account.widen_excursions(self.row)
        value = self.account.total_position_value()
        self.outcome.equity.append(EquityRow(self.close_ns, self.account.cash + value, self.account.cash, value))
        for market in self.markets:
            if market.bar is not None:
                market.past.append(market.bar)

    def open_ns(self) -> int:
        return self.close_ns - self.markets[0].timeframe_ns

    def fresh(self) -> list[int]:
        return [i for i, market in enumerate(self.markets) if market.bar is not None]

    def stop_if_bankrupt(self) -> None:
        if self.account.equity() <= exact(self.settings.cash) * ROUNDING * ROUNDING:
            self.outcome.bankrupt = True
            held = self.account.held()
            if held and not self.account.cash_only:
                self.liquidate(held[0], self.markets[held[0]].mark, inside=True)

    def steps(self) -> None:
        for i in self.fresh():
            for action in self.script.get((self.row, i), []):
                self.desk.do(i, action)
        self.desk.leave()

    # --- funding ------------------------------------------------------------------------------------------------------

    def pay_funding(self, up_to_open: bool) -> None:
        """Instants up to the open come before the opens, those inside the bar after; the close's is the next row's."""
        due = []
        for i, market in enumerate(self.markets):
            while market.funding:
                ts = market.funding[0][0]
                if ts >= self.close_ns or (up_to_open and ts > self.open_ns()):
                    break
                due.append((ts, i, *market.funding.pop(0)[1:]))
        for ts, i, rate, mark in sorted(due, key=lambda payment: payment[:2]):
            market = self.markets[i]
            last_price = market.bar.open if market.bar and not up_to_open else market.mark
            if self.account.positions[i].qty != 0:
                self.account.pay_funding(i, rate, last_price if mark is None else mark)
                self.reports.tell(ts)

    # --- the opens ----------------------------------------------------------------------------------------------------

    def opens(self) -> None:
        """All opens are one instant: liquidation first, then orders that reduce, then the others, each by id."""
        for i in self.fresh():
            x = self.markets[i].bar.open
            if self.account.liquidation_price(i, x, x) is not None:
                self.liquidate(i, x, inside=False)
        here = [o for i in self.fresh() for o in self.live(i)]
        for order in self.in_turn(here, lambda o: self.executable_at_open(o, self.markets[o.inst].bar.open)):
            self.execute_at_open(order, self.markets[order.inst].bar)
        for i in self.fresh():
            for order in self.live(i):
                if not order.just_live:
                    self.has_met_open(order, self.markets[i].bar.open)

    def in_turn(self, here: list[Order], executable: Callable[[Order], bool]) -> Iterator[Order]:
        """Whose turn it is, chosen anew after each execution: the lowest id that reduces the position as it is then.

        What becomes live by one of them (children) is for the path.
        """
        waiting = list(here)
        while ready := [o for o in waiting if not o.done and not o.just_live and executable(o)]:
            order = min(ready, key=lambda o: (not self.reduces(o), o.id))
            waiting.remove(order)
            yield order

    def executable_at_open(self, order: Order, x: Decimal) -> bool:
        if order.state != "live":
            return False
        acts_as = order.acts_as()
        if acts_as == "market":
            return self.settings.market_fill == "next_open"
        if acts_as == "limit":
            if not order.rests:
                return marketable(order, x) or order.tif in ("IOC", "FOK")
            return self.gapped_through(order, x)
        return self.triggered_at(order, x)

    def gapped_through(self, order: Order, x: Decimal) -> bool:
        """Does an open at x fill this resting limit? With `through` and `hazard` only if it lies beyond the price."""
        if self.settings.limit_fill == "touch":
            return marketable(order, x)
        ticks = self.through_ticks(order.inst)
        beyond = order.side * (order.price - x)
        return beyond >= ticks if ticks > 0 else beyond > 0

    def triggered_at(self, order: Order, x: Decimal) -> bool:
        """Has a stop or a trailing stop triggered at x, with the trigger it had before?"""
        if order.kind == "trail":
            if order.reference is None:
                return False
            return order.side * (x - order.trail_trigger(self.markets[order.inst].tick)) >= 0
        return order.kind == "stop" and order.side * (x - order.trigger) >= 0

    def through_ticks(self, i: int) -> Decimal:
        """How far beyond its price a limit's level lies; 0 without a tick (strictly beyond) and for other models."""
        rule = self.settings.limit_fill
        return exact(rule[1]) * self.markets[i].tick if isinstance(rule, tuple) else ZERO

    def execute_at_open(self, order: Order, bar: Bar, inside: bool = False) -> None:
        """At the open of a bar: a taker there, or a limit that rested and was gapped through."""
        if order.state != "live":
            return
        x, volume = bar.open, self.markets[order.inst].bar.volume
        acts_as = order.acts_as()
        if acts_as == "limit" and order.rests:
            price = x if self.settings.gap_fill == "open" else order.price
            self.executor.execute(order, price, "maker", volume, inside)
        elif acts_as == "limit":
            self.arrive(order, x, volume, inside)
        elif acts_as == "market":
            self.executor.execute(order, x, "taker", volume, inside)
        else:
            self.trigger(order, x, volume, inside)

    def arrive(self, order: Order, x: Decimal, volume: Decimal | None, inside: bool) -> None:
        """A limit at the first open it meets."""
        if not marketable(order, x):
            self.refuse(order, "ioc_unfilled" if order.tif == "IOC" else "fok_unfilled")
        elif order.post_only:
            self.refuse(order, "post_only_would_cross")
        else:
            self.executor.execute(order, x, "taker", volume, inside)

    def trigger(self, order: Order, x: Decimal, volume: Decimal | None, inside: bool) -> bool:
        """A stop triggers at x: a taker there; a stop-limit only if marketable, else it rests. True if it executed."""
        order.triggered = True
        order.rests = True
        self.outcome.market_events["triggered"] += 1
        if order.price is not None and not marketable(order, x):
            return False
        self.executor.execute(order, x, "taker", volume, inside)
        return True

    def has_met_open(self, order: Order, x: Decimal) -> None:
        order.rests = True
        if order.first_row is None:
            order.first_row = self.row
        self.follow(order, x)

    def follow(self, order: Order, price: Decimal) -> None:
        """A trailing stop's reference is the best price of the path since it lives."""
        if order.kind == "trail" and not order.triggered:
            if order.reference is None:
                order.reference = price
            order.reference = max(order.reference, price) if order.side == SELL else min(order.reference, price)

    # --- time limits, interest ----------------------------------------------------------------------------------------

    def time_limits(self) -> None:
        for order in [o for i in range(len(self.markets)) for o in self.live(i)]:
            expires = order.tif == "GTT" and order.first_row is not None
            if expires and self.row >= order.first_row + order.ttl - 1:
                self.cancel(order, "expired")
        for i in range(len(self.markets)):
            for bracket in self.brackets(i):
                self.time_exit(bracket)

    def time_exit(self, bracket: Bracket) -> None:
        """At the end of row since + max_hold - 1 children and entry go, and what is held leaves at market."""
        if bracket.max_hold <= 0 or bracket.held_since is None or bracket.time_exit_over:
            return
        if self.row < bracket.held_since + bracket.max_hold - 1:
            return
        bracket.time_exit_over = True
        if bracket.held == 0:
            return
        if not bracket.entry.done:
            self.cancel(bracket.entry, "time_exit")
        if bracket.target is not None:
            self.cancel(bracket.target, "time_exit")
        order = bracket.stop
        if order.triggered and not order.done:
            return  # what is held is on its way out already
        if order.kind == "stop" and not order.done:
            self.outcome.events["time_exit"] += 1
        order.kind, order.reason, order.state = "market", "time", "sent"
        order.trigger, order.triggered, order.just_live = None, False, False
        order.qty = order.filled + order.lost + bracket.held
        order.made_row, order.made_ns = self.row, self.close_ns
        self.desk.request("new", order)

    def interest(self) -> None:
        gone = not self.account.held() and self.account.cash <= exact(self.settings.cash) * ROUNDING * ROUNDING
        if self.row > 0 and not gone:
            self.account.pay_interest(self.close_ns - self.close_times[self.row - 1])

    # --- the close ----------------------------------------------------------------------------------------------------

    def closes(self) -> None:
        """`market_fill = "close"`: market orders that have arrived by C."""
        alive = [o for i in self.fresh() for o in self.desk.alive(i)]
        for order in self.in_turn(alive, self.executable_at_close):
            self.execute_at_close(order)
        for i in self.fresh():
            self.children_at_close(i)

    def executable_at_close(self, order: Order) -> bool:
        if order.done or order.acts_as() != "market" or order.state == "dormant":
            return False
        rows_passed = self.row >= order.made_row + self.settings.latency_bars
        in_time = self.close_ns >= order.made_ns + self.settings.latency_entry_ns
        return order.state == "live" or (rows_passed and in_time)

    def execute_at_close(self, order: Order) -> None:
        if not order.done:
            order.state = "live"
            bar = self.markets[order.inst].bar
            self.executor.execute(order, bar.close, "taker", bar.volume, inside=True)

    def children_at_close(self, i: int) -> None:
        """Born at a close, when the bar is over: they meet the next open as new orders."""
        for order in self.live(i):
            if order.just_live:
                order.just_live = order.rests = False

    # --- margin -------------------------------------------------------------------------------------------------------

    def liquidate(self, i: int, price: Decimal, inside: bool) -> None:
        """All at once: this instrument at that price, the others at their last mark; every order is cancelled."""
        for order in self.desk.orders:
            if not order.done:
                order.state = "done"
                self.outcome.events["liquidated"] += 1
        self.desk.requests.clear()
        held = self.account.held()
        self.outcome.market_events["liquidation"] += 1
        for j in held:
            self.executor.close_out(j, price if j == i else self.markets[j].mark, "liquidation", inside)
            self.last_held[j] = ZERO
        for j in range(len(self.markets)):
            for bracket in self.brackets(j):
                bracket.held = ZERO
        self.stop_if_bankrupt()

    # --- orders -------------------------------------------------------------------------------------------------------

    def live(self, i: int) -> list[Order]:
        return [o for o in self.desk.orders if o.inst == i and o.state == "live"]

    def brackets(self, i: int) -> Iterator[Bracket]:
        return iter([o.bracket for o in self.desk.orders if o.inst == i and o.role == "entry"])

    def reduces(self, order: Order) -> bool:
        return sign(self.account.positions[order.inst].qty) == -order.side

    def refuse(self, order: Order, reason: str) -> None:
        """The market, or the account, turns an order (or its rest) away."""
        self.outcome.rejections[reason] += 1
        if order.role == "stop":
            order.bracket.time_exit_over = True
        self.finish(order)

    def cancel(self, order: Order, reason: str) -> None:
        if not order.done:
            self.outcome.events[reason] += 1
            if reason in ("cancelled", "never_sent") and order.role == "stop":
                order.bracket.time_exit_over = True
            self.finish(order)

    def finish(self, order: Order) -> None:
        """Done; and when less than a lot is held and the entry is done, the children of its bracket are, too."""
        order.state = "done"
        bracket = order.bracket
        if bracket is not None and bracket.entry.done and self.executor.less_than_a_lot(bracket):
            for child in bracket.children():
                if not child.done:
                    child.state = "done"
                    if bracket.held > 0:
                        self.outcome.rejections["below_lot"] += 1
                    else:
                        self.outcome.events["bracket_over"] += 1
