"""What is known without a division: that a target is surely reached; never where an order would be wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from huracan.sim import layout
from huracan.sim.codes import INVERSE, LINEAR, LIVE, MARKET
from huracan.sim.layout import Ctx
from huracan.sim.memory import as_records
from huracan.sim.options import LINKED_ENTRY
from huracan.sim.order_targets import go_to_fraction, surely_worth
from huracan.sim.prices import quantity_down, surely_less_than_a_lot

ONCE = LINKED_ENTRY | {"cache": False}
LOTS = [(0, 1), (1, 1), (1, 10), (1, 1000), (3, 10), (1, 10**8), (25, 1)]


@njit(**ONCE)
def asked(acct: Any, orders: Any, positions: Any, bars: Any, rules: Any, settings: Any, fraction: float) -> Any:
    ctx = Ctx(acct[0], orders, positions, bars, 0, 0, 0, 0, bars[0], positions[0], 0, 0, 0, 0, 0, rules, settings[0])
    sure = surely_worth(ctx, fraction, -1)
    refused = 0
    for k in range(len(acct[0].counts)):
        refused -= acct[0].counts[k]
    order_id = go_to_fraction(ctx, fraction, -1)
    for k in range(len(acct[0].counts)):
        refused += acct[0].counts[k]
    return sure, order_id < 0 and refused == 0


@njit(**ONCE)
def fewer(rules: Any, qty: float) -> Any:
    return surely_less_than_a_lot(rules[0], qty), quantity_down(rules[0], qty) == 0.0


def records(**kinds: int) -> dict[str, Any]:
    return {name: as_records(np.zeros(n, getattr(layout, name))) for name, n in kinds.items()}


def some_case(random: np.random.Generator) -> tuple[dict[str, Any], float]:
    """An account, a market, and a position that is often near what the fraction buys."""
    r = records(account=1, order=4, position=1, bar=1, rules=1, settings=1)
    rule, s, pos = r["rules"], r["settings"], r["position"]
    num, den = LOTS[int(random.integers(len(LOTS)))]
    rule["lot_num"], rule["lot_den"], rule["multiplier"] = num, den, random.choice([1.0, 0.01])
    rule["contract"] = INVERSE if random.random() < 0.1 else LINEAR
    s["fee_taker"], s["spread_and_slip"], s["leverage"] = random.choice([0.0, 5e-4]), random.choice([0.0, 1e-4]), 10.0
    r["bar"]["close"] = float(random.choice([1e-8, 0.1, 0.3, 100.0, 1e8])) * (1.0 + random.random())
    if random.random() < 0.05:
        r["bar"]["close"] = np.nan
    r["bar"]["fresh"] = 1
    fraction = float(random.choice([0.0, 0.5, -0.5, 1.5, np.nan], p=[0.2, 0.3, 0.3, 0.15, 0.05]))
    r["account"]["equity"] = r["account"]["cash"] = random.choice([1e5, -5.0, 0.0], p=[0.9, 0.05, 0.05])
    price, costs = float(r["bar"]["close"][0]), 1.0 + float((s["fee_taker"] + s["spread_and_slip"])[0])
    bought = abs(fraction) * 1e5 / (price * float(rule["multiplier"][0]) * costs)
    lot = num / den if num else bought * 1e-3
    near = float(random.choice([0.0, 0.0, 1.0, -1.0])) + float(random.choice([0.0, 1e-12, -1e-7, 1e-5, 0.3]))
    held = np.floor(bought / lot) * lot if num and np.isfinite(bought) else bought
    pos["qty"] = (
        0.0 if random.random() < 0.2 or not np.isfinite(bought) else (held + near * lot) * (-1.0) ** (fraction < 0)
    )
    if random.random() < 0.1:
        r["order"]["state"][1], r["order"]["kind"][1], r["order"]["side"][1], r["order"]["left"][1] = (
            LIVE,
            MARKET,
            1,
            lot,
        )
    return r, fraction


def test_a_position_is_surely_worth_a_fraction_only_where_nothing_is_wanted() -> None:
    random = np.random.default_rng(11)
    seen = {(a, b): 0 for a in (False, True) for b in (False, True)}
    for case in range(20_000):
        r, fraction = some_case(random)
        sure, nothing = asked(r["account"], r["order"], r["position"], r["bar"], r["rules"], r["settings"], fraction)
        seen[bool(sure), bool(nothing)] += 1
        assert nothing or not sure, (case, fraction, r)
    assert seen[True, True] > 2000
    assert seen[False, False] > 2000


def test_a_position_of_just_the_lots_that_a_fraction_buys_is_surely_worth_it() -> None:
    random = np.random.default_rng(13)
    for num, den in LOTS[1:5]:
        for fraction in (0.5, -0.5):
            r = records(account=1, order=4, position=1, bar=1, rules=1, settings=1)
            r["rules"]["lot_num"], r["rules"]["lot_den"], r["rules"]["multiplier"] = num, den, 1.0
            r["rules"]["contract"], r["settings"]["fee_taker"] = LINEAR, 5e-4
            r["account"]["equity"] = 1e6
            r["bar"]["close"] = price = 100.0 * (1.0 + random.random())
            lots = np.floor(0.5e6 / (price * 1.0005) * den / num)
            r["position"]["qty"] = np.sign(fraction) * lots * num / den
            given = (r["account"], r["order"], r["position"], r["bar"], r["rules"], r["settings"])
            assert asked(*given, fraction) == (True, True)
            r["order"]["state"][2], r["order"]["kind"][2] = LIVE, MARKET
            assert not asked(*given, fraction)[0]


def test_less_than_a_lot_is_surely_none() -> None:
    random = np.random.default_rng(12)
    sures = 0
    for num, den in LOTS:
        rules = records(rules=1)["rules"]
        rules["lot_num"], rules["lot_den"] = num, den
        for x in [0.0, 1.0, 1.0 - 1e-9, 1.0 - 1e-8, 1.0 - 1e-7, *random.random(500), np.nan, np.inf]:
            sure, none = fewer(rules, float(x) * num / den)
            sures += sure
            assert none or not sure, (num, den, x)
    assert sures > 2500
