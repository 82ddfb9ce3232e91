"""The second engine's money: values, fees, costs of a taker, margin, funding, interest, trades (docs/EXECUTION.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from tests.oracle_records import (
    BPS,
    BUY,
    ONE,
    ROUNDING,
    YEAR_NS,
    ZERO,
    Bar,
    Instrument,
    Outcome,
    Settings,
    Trade,
    exact,
    sign,
)


@dataclass
class Position:
    """What is held of one instrument; `cost` is its signed value at the prices it was entered at."""

    qty: Decimal = ZERO
    cost: Decimal = ZERO
    trade: Trade | None = None
    trade_in: Decimal = ZERO  # quantity that entered the trade, and its sum of quantity x price; the same for exits
    trade_in_sum: Decimal = ZERO
    trade_out: Decimal = ZERO
    trade_out_sum: Decimal = ZERO
    entered_inside_row: int | None = None  # the row inside whose bar (or at whose close) the trade began


@dataclass
class Market:
    """One instrument as the engine sees it: exact numbers, its bars so far, its mark, the volume left in this row."""

    symbol: str
    kind: str
    timeframe_ns: int
    tick: Decimal
    lot: Decimal
    min_notional: Decimal
    multiplier: Decimal
    funding: list[tuple[int, Decimal, Decimal | None]]
    fine: list[Bar]
    fine_timeframe_ns: int
    bars: dict[int, Bar]  # by close time
    past: list[Bar] = field(default_factory=list)  # bars before the present one
    bar: Bar | None = None  # the present one, where fresh
    mark: Decimal | None = None
    volume_left: Decimal | None = None  # None: no cap

    @classmethod
    def of(cls, inst: Instrument) -> Market:
        bars = [Bar.of(row) for row in inst.rows]
        return cls(
            inst.symbol,
            inst.kind,
            inst.timeframe_ns,
            exact(inst.tick[0]) / exact(inst.tick[1]),
            exact(inst.lot),
            exact(inst.min_notional),
            exact(inst.multiplier),
            sorted((int(ts), exact(rate), None if mark is None else exact(mark)) for ts, rate, mark in inst.funding),
            [Bar.of(row) for row in inst.fine],
            inst.fine_timeframe_ns,
            {bar.open_ns + inst.timeframe_ns: bar for bar in bars},
        )

    def notional(self, qty: Decimal, price: Decimal) -> Decimal:
        """Unsigned, in the settle currency: mult x price x quantity; inverse: mult x quantity / price (in coin)."""
        if self.kind == "inverse":
            return abs(qty) * self.multiplier / price
        return abs(qty) * self.multiplier * price

    def value(self, qty: Decimal, price: Decimal) -> Decimal:
        """Signed value whose differences are profit: a long inverse contract gains as 1 / price falls."""
        direction = -sign(qty) if self.kind == "inverse" else sign(qty)
        return direction * self.notional(qty, price)

    def window(self, bars: int) -> tuple[Decimal, Decimal | None] | None:
        """(deviation of the returns, mean volume) of the last `bars` bars before this one; None before they are full.

        A return needs the close before it, so the window is full once `bars + 1` bars are past.
        """
        if bars < 1 or len(self.past) < bars + 1:
            return None
        closes = [bar.close for bar in self.past[-bars - 1 :]]
        returns = [b / a - 1 for a, b in pairwise(closes)]
        mean = sum(returns) / bars
        sigma = (sum((r - mean) ** 2 for r in returns) / bars).sqrt()
        volumes = [bar.volume for bar in self.past[-bars:]]
        return sigma, None if None in volumes else sum(volumes) / bars


# --- what a taker pays beyond x ---------------------------------------------------------------------------------------


def clamp(factor: Decimal) -> Decimal:
    return min(max(factor, Decimal("0.1")), Decimal(10))


def power(base: Decimal, exponent: Decimal) -> Decimal:
    if exponent == 0:
        return ONE
    return ZERO if base == 0 else base**exponent


def slippage_bps(market: Market, table: dict, qty: Decimal, volume: Decimal | None) -> Decimal:
    bps = exact(table.get("base_bps", table.get("bps", 0.0)))
    if table["model"] == "fixed":
        return bps
    window = market.window(table["window"])
    vol_factor = volume_factor = participation_factor = ONE
    if window is not None:
        sigma, mean_volume = window
        yearly = sigma * (exact(YEAR_NS) / market.timeframe_ns).sqrt()
        vol_factor = clamp(power(yearly / exact(table["vol_ref"]), exact(table["vol_power"])))
        if mean_volume is not None and volume is not None:
            exponent = exact(table["volume_power"])
            ratio = mean_volume / volume if volume else Decimal(10)
            volume_factor = clamp(power(ratio, exponent))
    if volume is not None:
        pressure = exact(table["participation"])
        participation_factor = clamp(ONE + pressure * qty / volume) if volume else clamp(ONE + Decimal(10) * pressure)
    return bps * vol_factor * volume_factor * participation_factor


def impact_bps(market: Market, settings: Settings, qty: Decimal, volume: Decimal | None) -> Decimal:
    coefficient = exact(settings.impact_coefficient)
    window = market.window(settings.impact_window) if coefficient else None
    if window is None or volume is None:
        return ZERO
    return BPS * coefficient * window[0] * (qty / volume if volume else Decimal(10)).sqrt()


def most_bps(settings: Settings) -> Decimal:
    """What the parts may cost together: nine tenths of the price, or what is given as numbers."""
    given = settings.slippage.get("base_bps", settings.slippage.get("bps", 0.0))
    return max(Decimal(9000), exact(settings.half_spread_bps) + exact(given))


def cost_is_bounded(market: Market, settings: Settings, qty: Decimal, volume: Decimal | None) -> bool:
    """Whether a taker's costs would go beyond that."""
    slip = slippage_bps(market, settings.slippage, qty, volume)
    whole = exact(settings.half_spread_bps) + slip + impact_bps(market, settings, qty, volume)
    return whole > most_bps(settings)


def taker_steps(
    market: Market,
    settings: Settings,
    side: int,
    x: Decimal,
    qty: Decimal,
    volume: Decimal | None,
    limit: Decimal | None,
) -> list[Decimal]:
    """[x, with half the spread, and with slippage, and with impact: the price paid], none beyond the limit."""
    parts = (
        exact(settings.half_spread_bps),
        slippage_bps(market, settings.slippage, qty, volume),
        impact_bps(market, settings, qty, volume),
    )
    steps, total, most = [x], ZERO, most_bps(settings)
    for bps in parts:
        total = min(total + bps, most)
        price = x * (ONE + side * total / BPS)
        if limit is not None:
            price = min(price, limit) if side == BUY else max(price, limit)
        steps.append(price)
    return steps


# --- the account ------------------------------------------------------------------------------------------------------


class Account:
    """Cash and positions of one lane, and everything that was paid."""

    def __init__(self, settings: Settings, markets: list[Market], outcome: Outcome) -> None:
        self.settings = settings
        self.markets = markets
        self.outcome = outcome
        self.cash = exact(settings.cash)
        self.leverage = exact(settings.leverage)
        self.tiers = [(exact(start), exact(rate)) for start, rate in settings.maintenance]
        self.positions = [Position() for _ in markets]
        self.cash_only = not settings.borrow and all(m.kind == "spot" for m in markets)

    # values

    def position_value(self, i: int, price: Decimal) -> Decimal:
        """What the position adds to cash in equity: a spot holding all of its value, a contract its open profit."""
        position, market = self.positions[i], self.markets[i]
        if position.qty == 0:
            return ZERO
        value = market.value(position.qty, price)
        return value if market.kind == "spot" else value - position.cost

    def price_of(self, j: int, i: int | None, price: Decimal | None) -> Decimal:
        """The price at hand for instrument i, the last mark for the others."""
        return price if j == i else self.markets[j].mark

    def held(self) -> list[int]:
        return [j for j, position in enumerate(self.positions) if position.qty != 0]

    def total_position_value(self, i: int | None = None, price: Decimal | None = None) -> Decimal:
        return sum((self.position_value(j, self.price_of(j, i, price)) for j in self.held()), ZERO)

    def equity(self, i: int | None = None, price: Decimal | None = None) -> Decimal:
        return self.cash + self.total_position_value(i, price)

    def notional(self, j: int, price: Decimal) -> Decimal:
        return self.markets[j].notional(self.positions[j].qty, price)

    # margin

    def maintenance_of(self, notional: Decimal) -> Decimal:
        """Marginal tiers: each rate applies to the slice of notional between its start and the next tier's."""
        total = ZERO
        for k, (start, rate) in enumerate(self.tiers):
            end = self.tiers[k + 1][0] if k + 1 < len(self.tiers) else notional
            total += rate * max(ZERO, min(notional, end) - start)
        return total

    def cushion(self, i: int, price: Decimal) -> Decimal:
        """Equity above maintenance; liquidation is where it is zero or less (the rest of a division is nothing)."""
        held = self.held()
        cushion = self.equity(i, price) - sum(
            (self.maintenance_of(self.notional(j, self.price_of(j, i, price))) for j in held), ZERO
        )
        return cushion if abs(cushion) > exact(self.settings.cash) * ROUNDING**3 else ZERO

    def liquidation_price(self, i: int, now: Decimal, end: Decimal) -> Decimal | None:
        """The first price on the leg from `now` to `end` at which the cushion is gone; None if it holds.

        The cushion is linear in the notional between two tiers, so the legs are cut at the tiers.
        """
        if self.cash_only or self.positions[i].qty == 0:
            return None
        if self.cushion(i, now) <= 0:
            return now
        qty, market = self.positions[i].qty, self.markets[i]
        if self.cushion(i, end) > 0:
            return None
        unit = market.notional(ONE, ONE) * abs(qty)  # notional at price 1
        price_at = (lambda n: unit / n) if market.kind == "inverse" else (lambda n: n / unit)
        first, last = market.notional(qty, now), market.notional(qty, end)
        cuts = [start for start, _ in self.tiers if min(first, last) < start < max(first, last)]
        points = [first, *sorted(cuts, reverse=last < first), last]
        for a, b in pairwise(points):
            at_a, at_b = self.cushion(i, price_at(a)), self.cushion(i, price_at(b))
            if at_b <= 0:
                return end if at_a == at_b else price_at(a + (b - a) * at_a / (at_a - at_b))
        return end

    # what a fill may increase

    def fee_rate(self, liquidity: str) -> Decimal:
        bps = self.settings.fee_maker_bps if liquidity == "maker" else self.settings.fee_taker_bps
        return exact(bps) / BPS

    def most_increase(self, i: int, side: int, price: Decimal, fee: Decimal, reducing: Decimal) -> tuple[Decimal, str]:
        """(how much the position may grow by at this price, the reason that names the cut).

        `reducing` is what the same fill closes first; its fee is already gone when the rest is measured.
        """
        market, position = self.markets[i], self.positions[i]
        unit = market.notional(ONE, price)
        in_cash = max(ZERO, self.cash / unit)
        if market.kind == "spot" and not self.settings.borrow:
            if side != BUY:
                return ZERO, "short_without_borrow"
            if self.settings.fee_in != "base":  # a fee in base is kept from what is bought
                in_cash = in_cash / (ONE + fee)
            if self.cash_only:
                return in_cash, "cut_to_cash"
        kept = ZERO if reducing else abs(position.qty)
        exposure = kept * unit + sum((self.notional(j, self.markets[j].mark) for j in self.held() if j != i), ZERO)
        equity = self.equity(i, price) - reducing * unit * fee
        in_margin = max(ZERO, (self.leverage * equity - exposure) / (unit * (ONE + self.leverage * fee)))
        if (
            market.kind == "spot"
            and not self.settings.borrow
            and in_cash <= in_margin * (ONE + ROUNDING) + ROUNDING * ROUNDING
        ):
            return in_cash, "cut_to_cash"
        return in_margin, "cut_to_margin"

    # bookings

    def book_fill(
        self,
        i: int,
        side: int,
        qty: Decimal,
        price: Decimal,
        fee: Decimal,
        ts: int,
        reason: str,
        inside_row: int | None,
    ) -> None:
        """Cash, position and trade after one execution; a flip ends one trade and begins the next.

        `inside_row` is the row inside whose bar or at whose close it happened, None at an open.
        """
        market, position = self.markets[i], self.positions[i]
        self.outcome.fees += fee
        received, in_quote = qty, fee
        if market.kind == "spot":
            self.cash -= side * market.notional(qty, price)
        if market.kind == "spot" and self.settings.fee_in == "base" and side == BUY:
            covering = min(qty, max(-position.qty, ZERO))  # is owed back in full: nothing can be kept from it
            in_quote = fee * covering / qty
            received = qty - (fee - in_quote) / market.notional(ONE, price)
        self.cash -= in_quote
        reducing = min(received, abs(position.qty)) if sign(position.qty) == -side else ZERO
        if reducing:
            self._reduce(i, side, reducing, price, fee * reducing / qty, ts, reason)
        if received - reducing > received * ROUNDING:
            grown = received - reducing
            self._increase(i, side, grown, price, fee * (qty - reducing) / qty, ts, inside_row)

    def _reduce(self, i: int, side: int, qty: Decimal, price: Decimal, fee: Decimal, ts: int, reason: str) -> None:
        market, position = self.markets[i], self.positions[i]
        whole_value = market.value(position.qty, price) - position.cost
        cost = position.cost * qty / abs(position.qty)
        realised = market.value(-side * qty, price) - cost
        if market.kind != "spot":
            self.cash += realised
        position.cost -= cost
        position.qty += side * qty
        if abs(position.qty) <= qty * ROUNDING:
            position.qty = position.cost = ZERO
        trade = position.trade
        if trade is None:  # a rest of dust
            return
        trade.fees += fee
        trade.pnl += realised - fee
        position.trade_out += qty
        position.trade_out_sum += qty * price
        left = abs(position.qty)
        dust = left > 0 and (left < market.lot or market.notional(left, price) < market.min_notional)
        if dust:
            self.outcome.market_events["dust"] += 1
        if left == 0 or dust:
            trade.mae, trade.mfe = min(trade.mae, whole_value), max(trade.mfe, whole_value)
            self._end_trade(position, ts, reason)

    def _end_trade(self, position: Position, ts: int, reason: str) -> None:
        trade = position.trade
        trade.exit_ts, trade.exit_reason = ts, reason
        trade.qty = position.trade_in
        trade.entry_price = position.trade_in_sum / position.trade_in
        trade.exit_price = position.trade_out_sum / position.trade_out
        trade.pnl -= trade.funding
        self.outcome.trades.append(trade)
        position.trade = None

    def _increase(
        self, i: int, side: int, qty: Decimal, price: Decimal, fee: Decimal, ts: int, inside_row: int | None
    ) -> None:
        market, position = self.markets[i], self.positions[i]
        if position.trade is None:
            position.trade = Trade(ts, market.symbol, side)
            position.trade_in = position.trade_in_sum = position.trade_out = position.trade_out_sum = ZERO
            position.entered_inside_row = inside_row
        position.cost += market.value(side * qty, price)
        position.qty += side * qty
        position.trade.fees += fee
        position.trade.pnl -= fee
        position.trade_in += qty
        position.trade_in_sum += qty * price

    def pay_funding(self, i: int, rate: Decimal, mark: Decimal) -> None:
        """A long pays rate x quantity x unit value at the mark; a short receives it."""
        position = self.positions[i]
        if position.qty == 0:
            return
        paid = rate * sign(position.qty) * self.markets[i].notional(position.qty, mark)
        self.cash -= paid
        self.outcome.funding += paid
        self.outcome.market_events["funding"] += 1
        if position.trade is not None:
            position.trade.funding += paid

    def pay_interest(self, elapsed_ns: int) -> None:
        """On borrowed quote (cash below zero) and borrowed base (short spot at its last mark)."""
        if not self.settings.borrow or all(market.kind != "spot" for market in self.markets):
            return
        borrowed = max(ZERO, -self.cash)
        for i, (market, position) in enumerate(zip(self.markets, self.positions, strict=True)):
            if market.kind == "spot" and position.qty < 0:
                borrowed += self.notional(i, market.mark)
        paid = borrowed * exact(self.settings.borrow_rate) * elapsed_ns / YEAR_NS
        self.cash -= paid
        self.outcome.interest += paid

    def widen_excursions(self, row: int) -> None:
        """MAE and MFE by the bar's high and low; not in the bar that the trade began inside."""
        for market, position in zip(self.markets, self.positions, strict=True):
            if market.bar is None or position.trade is None or position.entered_inside_row == row:
                continue
            for price in (market.bar.high, market.bar.low):
                profit = market.value(position.qty, price) - position.cost
                position.trade.mae = min(position.trade.mae, profit)
                position.trade.mfe = max(position.trade.mfe, profit)
