"""Law 5 on order books: cash, positions and equity counted again from the fills of one lane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from huracan.book_build import BookMachine
from huracan.book_lanes import BookBlock
from huracan.law_money import ULP
from huracan.sim.layout import Contract, FillReason


def money_faults(machine: BookMachine, block: BookBlock, fills: Any, equity: Any) -> Iterator[str]:
    """Every sentence of the law that a lane alone breaks; nothing if money is conserved."""
    s, rules = block.lanes.settings[0], machine.tape.rules
    cash, held, traded, at = float(s["cash"]), np.zeros(len(rules)), 0.0, 0
    paid = dict.fromkeys(("fee", "spread", "slippage", "impact"), 0.0)
    for row in equity:
        while at < len(fills) and fills["ts_ns"][at] <= row["ts_ns"]:
            f = fills[at]
            yield from fill_faults(s, rules, f)
            k = int(f["inst"])
            worth = value(rules[k], float(f["side"]) * float(f["qty"]), float(f["price"]))
            base = bool(s["fee_in_base"]) and f["side"] > 0 and rules["contract"][k] == Contract.SPOT
            qty, fee = float(f["qty"]), float(f["fee"])
            kept = min(qty, max(qty + held[k], 0.0)) if base else 0.0  # what covers a short pays in quote
            cash -= worth + fee * ((qty - kept) / qty)
            held[k] += float(f["side"]) * qty - fee * (kept / qty) / abs(value(rules[k], 1.0, float(f["price"])))
            traded += abs(worth)
            for name in paid:
                paid[name] += float(f[name])
            at += 1
        slack = 8.0 * ULP * (at + 4) * (abs(cash) + traded)
        if abs(float(row["cash"]) - cash) > slack:
            yield f"cash is {float(row['cash'])!r} at {int(row['ts_ns'])}, fills leave {cash!r}"
        if float(row["equity"]) != float(row["cash"]) + float(row["position_value"]):
            yield f"equity is not cash and positions at {int(row['ts_ns'])}"
        if s["all_spot"] and (float(row["cash"]) < 0.0 or held.min() < -1e-9):
            yield f"a spot account without credit has {float(row['cash'])!r} in cash and holds {held.tolist()}"
    if at != len(fills):
        yield f"{len(fills) - at} fills came after the last row of equity"
    yield from end_faults(block, held, paid, traded, len(fills))


def value(rule: Any, qty: float, price: float) -> float:
    """What a signed quantity is worth at a price."""
    if rule["contract"] == Contract.INVERSE:
        return -qty * float(rule["multiplier"]) / price
    return qty * float(rule["multiplier"]) * price


def fill_faults(s: Any, rules: Any, f: Any) -> Iterator[str]:
    """One fill: sound numbers, and the fee of its kind."""
    qty, price = float(f["qty"]), float(f["price"])
    if not (0.0 < qty < np.inf and 0.0 < price < np.inf and f["side"] in (1, -1)):
        yield f"a fill of {qty!r} at {price!r}"
        return
    bps = float(s["fee_maker_bps"] if f["maker"] else s["fee_taker_bps"])
    if f["reason"] == FillReason.LIQUIDATION:
        bps += float(s["liquidation_fee_bps"])
    due = abs(value(rules[int(f["inst"])], qty, price)) * (bps / 1e4)
    if abs(float(f["fee"]) - due) > 8.0 * ULP * abs(due):
        yield f"a fee of {float(f['fee'])!r} on {qty!r} at {price!r} is not {bps:g} bps"


def end_faults(block: BookBlock, held: Any, paid: dict[str, float], traded: float, n: int) -> Iterator[str]:
    """What is held and paid in all; and that what decides knows the same once every report has arrived."""
    lanes = block.lanes
    acct, own, stats = lanes.acct[0], lanes.own_acct[0], lanes.stats[0]
    for k, p in enumerate(np.asarray(lanes.positions[0])):
        if abs(float(p["qty"]) - held[k]) > 8.0 * ULP * (n + 1) * max(traded, 1.0):
            yield f"instrument {k} holds {float(p['qty'])!r}, its fills leave {held[k]!r}"
    for name, total in paid.items():
        said = float(acct["fees"] if name == "fee" else stats[name])
        if said != total:
            yield f"{name}: {said!r} in all, {total!r} on the fills"
    if lanes.mail["head"][0] != lanes.mail["tail"][0] or acct["bankrupt"]:
        return
    for name in ("cash", "fees", "funding"):
        if float(acct[name]) != float(own[name]):
            yield f"{name}: the venue has {float(acct[name])!r}, what decides {float(own[name])!r}"
    if not np.array_equal(np.asarray(lanes.positions["qty"]), np.asarray(lanes.own_positions["qty"])):
        yield "venue and what decides hold different positions when all reports have arrived"
