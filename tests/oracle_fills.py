"""The second engine's executions: how much an order gets, at what price, and what that does to its bracket."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.oracle_money import cost_is_bounded, taker_steps
from tests.oracle_records import BPS, BUY, ROUNDING, SELL, ZERO, Bracket, Fill, Order, exact, floor_to, sign

if TYPE_CHECKING:
    from tests.oracle import Simulation
    from tests.oracle_money import Market


class Executor:
    """Turns "this order executes at x" into a fill, or into the named reason why it did not."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.account = sim.account
        self.settings = sim.settings
        self.outcome = sim.outcome

    def execute(self, order: Order, x: Decimal, liquidity: str, volume: Decimal | None, inside: bool) -> None:
        """The steps of the document: reduce-only, volume, money, price, fill, and what becomes of the rest."""
        i = order.inst
        wanted = self.cut_to_position(order)
        if wanted is None:
            return
        available = self.cut_to_volume(i, wanted)
        limit = order.price if order.acts_as() == "limit" else None
        steps = self.price_steps(i, order.side, x, available, liquidity, volume, limit)
        qty, reason = self.cut_to_money(i, order.side, available, steps[-1], liquidity)
        if order.tif == "FOK" and qty < wanted:
            return self.sim.refuse(order, "fok_unfilled")
        if qty < available:
            self.outcome.rejections[reason] += 1
            order.lost += order.remaining - qty  # the account is at its limit: the rest of the order goes
        if qty > 0:
            if qty < wanted:
                self.outcome.market_events["partial_fill"] += 1
            if qty < available:
                steps = self.price_steps(i, order.side, x, qty, liquidity, volume, limit)
            if liquidity == "taker":
                self.count_bounded(self.sim.markets[i], qty, volume)
            self.take_volume(i, qty)
            before = self.on_side(i, order.side)
            self.fill(i, order.side, qty, steps, liquidity, order.id, order.reason, inside)
            self.after_fill(order, qty, self.on_side(i, order.side) - before)
        self.rest(order)
        return None

    # quantity

    def cut_to_position(self, order: Order) -> Decimal | None:
        """What the order still wants; a reduce-only order no more than there is to reduce."""
        if order.reduce_only:
            market, position = self.sim.markets[order.inst], self.account.positions[order.inst]
            room = floor_to(abs(position.qty), market.lot) if sign(position.qty) == -order.side else ZERO
            if room == 0:
                self.sim.refuse(order, "nothing_to_reduce")
                return None
            if order.is_child:
                self.set_held(order.bracket, floor_to(min(order.bracket.held, room), market.lot))
            elif room < order.remaining:
                order.qty -= order.remaining - room  # it has not filled: a new quantity is all that is wanted
        return order.remaining

    def cut_to_volume(self, i: int, qty: Decimal) -> Decimal:
        """All own orders of a lane together take at most their share of the bar's volume."""
        market = self.sim.markets[i]
        left = market.volume_left
        return floor_to(left, market.lot) if left is not None and left < qty else qty

    def take_volume(self, i: int, qty: Decimal) -> None:
        market = self.sim.markets[i]
        if market.volume_left is not None:
            market.volume_left -= qty

    def cut_to_money(self, i: int, side: int, qty: Decimal, price: Decimal, liquidity: str) -> tuple[Decimal, str]:
        """Only the part that increases the position is cut, and floored to the lot."""
        reducing = self.closing(i, side, qty)
        increasing = qty - reducing
        if increasing == 0:
            return qty, ""
        most, reason = self.account.most_increase(i, side, price, self.account.fee_rate(liquidity), reducing)
        rounding = qty * ROUNDING
        if most >= increasing - rounding:
            return qty, ""
        if most <= rounding:  # an account at its limit has no last crumb
            most = ZERO
        return floor_to(reducing + most, self.sim.markets[i].lot), reason

    def closing(self, i: int, side: int, qty: Decimal) -> Decimal:
        """How much of a fill would close what is held."""
        held = self.account.positions[i].qty
        return min(qty, abs(held)) if sign(held) == -side else ZERO

    # price

    def price_steps(
        self, i: int, side: int, x: Decimal, qty: Decimal, liquidity: str, volume: Decimal | None, limit: Decimal | None
    ) -> list[Decimal]:
        if liquidity == "maker":
            return [x, x, x, x]
        return taker_steps(self.sim.markets[i], self.settings, side, x, qty, volume, limit)

    def count_bounded(self, market: Market, qty: Decimal, volume: Decimal | None) -> None:
        if cost_is_bounded(market, self.settings, qty, volume):
            self.outcome.rejections["cost_bounded"] += 1

    def fill(
        self,
        i: int,
        side: int,
        qty: Decimal,
        steps: list[Decimal],
        liquidity: str,
        order_id: int,
        reason: str,
        inside: bool,
        extra_fee_bps: Decimal = ZERO,
    ) -> None:
        """One execution: the fee, each part of the cost on its own, the account, the record."""
        market, outcome, price = self.sim.markets[i], self.outcome, steps[-1]
        ts = self.sim.close_ns if inside else self.sim.close_ns - market.timeframe_ns
        fee = market.notional(qty, price) * (self.account.fee_rate(liquidity) + extra_fee_bps / BPS)
        spread, slippage, impact = (abs(market.notional(qty, b) - market.notional(qty, a)) for a, b in pairwise(steps))
        outcome.spread_cost += spread
        outcome.slippage_cost += slippage
        outcome.impact_cost += impact
        outcome.fills.append(Fill(ts, i, side, qty, price, fee, liquidity, order_id, reason))
        self.account.book_fill(i, side, qty, price, fee, ts, reason, self.sim.row if inside else None)

    # what becomes of the rest

    def rest(self, order: Order) -> None:
        """A market order's rest waits or is cancelled, an IOC's is cancelled, a limit's goes on resting."""
        if order.done:
            return
        if order.remaining <= 0:
            self.sim.finish(order)
        elif order.kind == "market" and not order.is_child and self.settings.market_remainder == "cancel":
            self.sim.refuse(order, "market_remainder")
        elif order.tif == "IOC":
            self.sim.refuse(order, "ioc_unfilled")

    # brackets

    def after_fill(self, order: Order, qty: Decimal, added: Decimal) -> None:
        order.filled += qty
        bracket = order.bracket
        if bracket is not None and order.is_child:
            self.set_held(bracket, bracket.held - qty)
            if not bracket.entry.done:
                self.sim.cancel(bracket.entry, "bracket_exit")
        self.close_brackets_of_the_side_that_is_gone(order.inst)
        if bracket is not None and order.role == "entry" and added > 0:
            self.entry_added(bracket, added)
        if order.remaining <= 0:
            self.sim.finish(order)

    def entry_added(self, bracket: Bracket, added: Decimal) -> None:
        """The bracket holds as much more, and its children live for all it holds, from this point of the path on.

        They sleep while it is less than a lot: that can't be ordered.
        """
        slept = self.less_than_a_lot(bracket)
        self.set_held(bracket, bracket.held + added)
        if self.less_than_a_lot(bracket):
            return
        if slept:
            bracket.held_since = self.sim.row
        for child in bracket.children():
            if child.state == "dormant" and child.kind != "time":
                child.state, child.just_live, child.rests = "live", True, True

    def set_held(self, bracket: Bracket, held: Decimal) -> None:
        """Every child wants all that is held: a fill of one shrinks the other by as much."""
        bracket.held = held = held if held > bracket.entry.qty * ROUNDING else ZERO
        for child in bracket.children():
            child.qty = child.filled + child.lost + held

    def close_brackets_of_the_side_that_is_gone(self, i: int) -> None:
        """The position became flat, or turned: what brackets still held of that side is gone in another way.

        Children of a finished entry are cancelled; those of an unfinished one sleep until it fills again.
        """
        held, before = self.account.positions[i].qty, self.sim.last_held[i]
        self.sim.last_held[i] = held
        lot = self.sim.markets[i].lot
        shrunk_to_dust = floor_to(abs(before), lot) > 0 and floor_to(abs(held), lot) == 0
        if sign(held) == sign(before) and not shrunk_to_dust:
            return
        for bracket in self.sim.brackets(i):
            if bracket.held == 0 or bracket.entry.side != sign(before):
                continue
            self.set_held(bracket, ZERO)
            bracket.held_since = None
            for child in bracket.children():
                if child.done:
                    continue
                if bracket.entry.done:
                    child.state = "done"
                    self.outcome.events["position_closed"] += 1
                else:
                    child.state, child.triggered = "dormant", False

    def less_than_a_lot(self, bracket: Bracket) -> bool:
        return floor_to(bracket.held, self.sim.markets[bracket.entry.inst].lot) == 0

    def on_side(self, i: int, side: int) -> Decimal:
        """How much is held on this side."""
        return max(side * self.account.positions[i].qty, ZERO)

    # closings without an order

    def close_out(self, i: int, price: Decimal, reason: str, inside: bool) -> None:
        """Liquidation: the whole position as a taker without slippage and without taking volume."""
        qty = self.account.positions[i].qty
        extra = exact(self.settings.liquidation_fee_bps)
        self.fill(i, -sign(qty), abs(qty), [price] * 4, "taker", 0, reason, inside, extra)

    def close_at_end(self, i: int) -> None:
        """Every position at the close, with a taker's costs and no cap; a stale one without a volume."""
        qty, market = self.account.positions[i].qty, self.sim.markets[i]
        side = SELL if qty > 0 else BUY
        volume = market.bar.volume if market.bar else None
        if market.bar is None:
            market = replace(market, past=market.past[:-1])
        steps = taker_steps(market, self.settings, side, market.mark, abs(qty), volume, None)
        self.count_bounded(market, abs(qty), volume)
        self.fill(i, side, abs(qty), steps, "taker", 0, "end", True)
