"""Law 5, money is conserved: what the ledger says after every row, counted again from its fills and payments alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from huracan.law_runs import Run, Trial, row_by_row
from huracan.sim.layout import Contract, FillReason, Intrabar
from huracan.sim.tape import bar_chunk

YEAR_NS = 365.0 * 86_400e9
ULP = 2.0**-52
BY_VENUE = (FillReason.LIQUIDATION, FillReason.END)  # they take no volume
COSTS = ("spread", "slippage", "impact")


@dataclass
class Book:
    """The second ledger: what one lane owns and has paid."""

    trial: Trial
    settings: Any
    cash: float
    qty: list[float]
    mark: list[float]
    closed_ns: int
    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("fees", *COSTS), 0.0))
    funding: float = 0.0
    interest: float = 0.0
    traded: float = 0.0  # value of all that was ever bought or sold: what sums may round by
    fills: int = 0
    trades: list[Any] = field(default_factory=list)
    payment: int = 0
    bankrupt: bool = False
    peak: float = 0.0  # the highest equity that a row has ended with, and what was there at first
    deepest: float = 0.0

    def unit(self, k: int, price: float) -> float:
        """Signed value of one unit of a long position."""
        rule = self.trial.tape.rules[k]
        if rule["contract"] == Contract.INVERSE:
            return -float(rule["multiplier"]) / price
        return float(rule["multiplier"]) * price

    def value(self) -> float:
        """Value of all positions at their marks, added up in the order of the instruments."""
        total = 0.0
        for k, q in enumerate(self.qty):
            if q != 0.0:
                total += q * self.unit(k, self.mark[k])
        return total


def money_faults(trial: Trial, lane: int) -> Iterator[str]:
    """Every sentence of the law that one lane breaks, with its row; nothing if money is conserved.

    For builds that record.
    """
    s = trial.settings[lane]
    n = len(trial.tape.series)
    first = trial.tape.first_live
    book = Book(trial, s, float(s["cash"]), [0.0] * n, [0.0] * n, int(trial.tape.open_ns[first]))
    bars = bar_chunk(trial.tape, 0, trial.tape.rows)
    for row, run in enumerate(row_by_row(trial, lane)):
        if row >= first:
            for what in row_faults(book, run, row, bars[row]):
                yield f"row {row}: {what}"
            if row + 1 == trial.tape.rows:
                yield from end_faults(book, run)
        book.mark = [float(p["mark"]) for p in run.lanes.positions[0]]


def row_faults(book: Book, run: Run, row: int, bars: Any) -> Iterator[str]:
    """One row: its fills and payments in their order, then what the ledger says at its end."""
    open_ns, close_ns = int(book.trial.tape.open_ns[row]), int(book.trial.tape.close_ns[row])
    fills = run.written(0)
    before, marks = book.cash, list(book.mark)
    if book.bankrupt and len(fills):
        yield "a fill after bankruptcy"
    paid = pay_until(book, row, open_ns, bars, opened=False)
    for f in fills[fills["ts_ns"] == open_ns]:
        yield from take_fill(book, f)
    paid += pay_until(book, row, close_ns - 1, bars, opened=True)
    for f in fills[fills["ts_ns"] != open_ns]:
        if f["ts_ns"] != close_ns:
            yield f"a fill at {int(f['ts_ns'])}, neither the row's open nor its close"
        yield from take_fill(book, f)
    yield from volume_faults(book, fills, bars)
    yield from cash_faults(book, run, before, paid, len(fills))
    yield from position_faults(book, run, fills, bars)
    yield from equity_faults(book, run)
    yield from drawdown_faults(book, run)
    if not book.settings["market_at_close"] and not any(f["reason"] in BY_VENUE for f in fills):
        yield from interest_faults(book, run, marks, close_ns)
    book.interest = float(run.lanes.acct["interest"][0])
    book.trades += list(run.written(1))
    book.closed_ns = close_ns
    book.bankrupt = bool(run.lanes.acct["bankrupt"][0])


def take_fill(book: Book, f: Any) -> Iterator[str]:
    """Book one fill, and look at its fee."""
    s, k = book.settings, int(f["inst"])
    qty, price, side, fee = (float(f[name]) for name in ("qty", "price", "side", "fee"))
    if not (0.0 < qty < math.inf and 0.0 < price < math.inf and side in (1.0, -1.0)):
        yield f"a fill of {qty!r} at {price!r}"
        return
    unit = book.unit(k, price)
    bps = float(s["fee_maker_bps"] if f["maker"] else s["fee_taker_bps"])
    if f["reason"] == FillReason.LIQUIDATION:
        bps += float(s["liquidation_fee_bps"])
    if fee != qty * abs(unit) * (bps / 1e4):
        yield f"a fee of {fee!r} on {qty!r} at {price!r} is not {bps:g} bps"
    in_base = bool(s["fee_in_base"]) and side > 0 and book.trial.tape.rules["contract"][k] == Contract.SPOT
    kept = min(qty, max(qty + book.qty[k], 0.0)) if in_base else 0.0  # what covers a short pays in quote
    book.cash -= side * qty * unit + fee * ((qty - kept) / qty)
    book.qty[k] += side * qty - kept * (bps / 1e4)
    book.traded += qty * abs(unit)
    book.fills += 1
    book.sums["fees"] += fee
    for name in COSTS:
        book.sums[name] += float(f[name])


def pay_until(book: Book, row: int, ts_ns: int, bars: Any, *, opened: bool) -> float:
    """Funding with an instant up to ts_ns, on what is held by now."""
    tape = book.trial.tape
    paid = 0.0
    while book.payment < len(tape.payments) and int(tape.payments["ts_ns"][book.payment]) <= ts_ns:
        p = tape.payments[book.payment]
        k = int(p["inst"])
        mark = float(p["mark"])
        if not mark > 0.0:
            mark = float(bars["open"][k]) if opened and bars["fresh"][k] else book.mark[k]
        if book.qty[k] != 0.0:
            paid += book.qty[k] * abs(book.unit(k, mark)) * float(p["rate"])
        book.payment += 1
    return paid


def cash_faults(book: Book, run: Run, before: float, paid: float, fills: int) -> Iterator[str]:
    """Cash moved by fills, fees, funding and interest, and by nothing else."""
    acct = run.lanes.acct[0]
    cash, funding = float(acct["cash"]), float(acct["funding"])
    slack = 4.0 * ULP * (fills + 4) * (abs(before) + abs(cash) + abs(book.funding) + book.traded)
    if abs(book.funding + paid - funding) > slack:
        yield f"funding is {funding!r}, its payments are {book.funding + paid!r}"
    left = book.cash - paid - (float(acct["interest"]) - book.interest)
    if abs(left - cash) > slack:
        yield f"cash is {cash!r}, fills and payments leave {left!r}"
    book.cash, book.funding = cash, funding


def position_faults(book: Book, run: Run, fills: Any, bars: Any) -> Iterator[str]:
    """What is held is what was filled; it is marked at the last close."""
    rules = book.trial.tape.rules
    for k, p in enumerate(run.lanes.positions[0]):
        held, mark = float(p["qty"]), float(p["mark"])
        moved = abs(held) + abs(book.qty[k]) + float(np.abs(fills["qty"][fills["inst"] == k]).sum())
        slack = 1e-6 * rules["lot_num"][k] / rules["lot_den"][k] + 4.0 * ULP * (len(fills) + 1) * moved
        if abs(held - book.qty[k]) > slack:
            yield f"instrument {k} holds {held!r}, its fills leave {book.qty[k]!r}"
        if not book.bankrupt and bars["fresh"][k] and mark != bars["close"][k]:
            yield f"instrument {k} is marked at {mark!r}, its close is {float(bars['close'][k])!r}"
        book.qty[k], book.mark[k] = held, mark


def equity_faults(book: Book, run: Run) -> Iterator[str]:
    """Equity is cash plus positions, to the bit, and so are sums of fees and costs.

    Spot without credit never goes below zero.
    """
    acct, value = run.lanes.acct[0], book.value()
    cash, equity = float(acct["cash"]), float(acct["equity"])
    if equity != cash + value:
        yield f"equity is {equity!r}, cash and positions are {cash + value!r}"
    for e in run.written(2):
        if (float(e["equity"]), float(e["cash"]), float(e["position_value"])) != (equity, cash, value):
            yield f"the equity row says {e['equity']!r}, {e['cash']!r}, {e['position_value']!r}"
    for name, total in book.sums.items():
        said = float(acct[name] if name == "fees" else run.lanes.stats[name][0])
        if said != total:
            yield f"{name}: {said!r} in all, {total!r} on the fills"
    if book.settings["all_spot"] and (cash < 0.0 or min(book.qty) < 0.0):
        yield f"a spot account without credit has {cash!r} in cash and holds {book.qty}"


def drawdown_faults(book: Book, run: Run) -> Iterator[str]:
    """Drawdowns follow from the equities that rows end with, to the bit, whatever marks before a close were."""
    equity = float(run.lanes.acct["equity"][0])
    book.peak = max(book.peak, float(book.settings["cash"]), equity)
    below = (equity - book.peak) / book.peak
    book.deepest = min(book.deepest, below)
    said = float(run.lanes.stats["max_drawdown"][0])
    if said != book.deepest:
        yield f"the deepest drawdown is {said!r}, of equity {book.deepest!r}"
    for e in run.written(2):
        if float(e["drawdown"]) != below:
            yield f"the equity row says a drawdown of {float(e['drawdown'])!r}, of equity it is {below!r}"


def interest_faults(book: Book, run: Run, marks: Sequence[float], close_ns: int) -> Iterator[str]:
    """Interest is due where borrowing is allowed.

    On cash below zero, what contracts cost in full set aside, and on spot positions below zero at their last marks.
    """
    s, contract = book.settings, book.trial.tape.rules["contract"]
    charged = float(run.lanes.acct["interest"][0]) - book.interest
    borrowed = 0.0
    if s["borrow"] and (contract == Contract.SPOT).any() and not book.bankrupt:
        short = [k for k, q in enumerate(book.qty) if q < 0.0 and contract[k] == Contract.SPOT]
        basis = run.lanes.desks["basis"][0]
        paid = sum(math.copysign(basis[k], q) for k, q in enumerate(book.qty) if q and contract[k] != Contract.SPOT)
        borrowed = sum(-book.qty[k] * book.unit(k, marks[k]) for k in short) + max(-(book.cash + charged + paid), 0.0)
    due = borrowed * float(s["borrow_rate"]) * ((close_ns - book.closed_ns) / YEAR_NS)
    if abs(charged - due) > 1e-9 * due + 8.0 * ULP * (abs(book.interest) + abs(book.cash)):
        yield f"interest is {charged!r}, due is {due!r}"


def volume_faults(book: Book, fills: Any, bars: Any) -> Iterator[str]:
    """All own orders together take no more than their share of each bar's volume: the same liquidity never twice."""
    s = book.settings
    if s["max_participation"] == 0.0 or s["intrabar"] == Intrabar.DRILL:
        return
    for k in range(len(book.qty)):
        if book.trial.tape.rules["capped"][k]:
            taken = sum(float(f["qty"]) for f in fills if f["inst"] == k and f["reason"] not in BY_VENUE)
            share = float(s["max_participation"]) * float(bars["volume"][k])
            if taken > share * (1.0 + 1e-9):
                yield f"instrument {k}: {taken!r} filled, its share of the bar is {share!r}"


def end_faults(book: Book, run: Run) -> Iterator[str]:
    """All trades together made what the account made.

    Dust is flat for trades: what becomes of it belongs to none of them, so there is nothing to count where
    some was left.
    """
    if run.lanes.stats["dust"][0]:
        return
    parts = [float(t["pnl"]) for t in book.trades] + [-book.interest, book.value()]
    for d in np.asarray(run.lanes.desks[0]):
        if d["side"] != 0:
            parts += [
                float(d["side"]) * (float(d["out_value"]) - float(d["in_value"])),
                -float(d["fees"]),
                -float(d["funding"]),
            ]
    cash, equity = float(book.settings["cash"]), float(run.lanes.acct["equity"][0])
    slack = 64.0 * ULP * (book.fills + 4) * (book.traded + abs(cash))
    if abs(math.fsum(parts) - (equity - cash)) > slack:
        yield f"at the end trades made {math.fsum(parts)!r}, equity grew by {equity - cash!r}"
    for t in book.trades:
        if not t["mae"] <= 0.0 <= t["mfe"]:
            yield f"a trade with MAE {float(t['mae'])!r} and MFE {float(t['mfe'])!r}"
