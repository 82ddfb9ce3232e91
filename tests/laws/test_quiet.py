"""Rows in which orders only come and go, or one of them meets the open alone, take a short way.

The state, fills and money are those of the long one.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest

from huracan.law_runs import difference
from huracan.sim.builds import Groups
from tests import engine
from tests.agreement import differences
from tests.sim.fuzz_cases import Case, case, clean


def far_away(seed: int, instruments: int) -> Case:
    """Entries that wait far from the market, replaced and taken back again and again, on an account without margin."""
    made, settings, _ = case(seed, instruments=instruments, account="cash", rows=(60, 60), latency=seed % 3 == 0)
    rng = Random(seed)
    script: dict[tuple[int, int], list[Any]] = {}
    for k, instrument in enumerate(made):
        for i, (_, _, high, low, _, _) in enumerate(instrument.rows[:-1]):
            away = rng.choice((-0.01, 0.002, 0.02, 0.05, 0.1, 0.3))
            below, above = clean(low * (1 - away)), clean(high * (1 + away))
            lot = max(float(instrument.lot), 0.5)
            wants = [
                ("limit", 1, lot, below, rng.random() < 0.3, rng.choice(("GTC", "GTC", "GTT")), 3),
                ("bracket", 1, lot, below, clean(below * 1.03), clean(below * 0.97), rng.choice((0, 0, 4))),
                ("stop", 1, lot, above, rng.choice((None, above))),
                ("keep", 1, below, lot),
                ("cancel_all",),
                ("cancel_all",),
                ("cancel_last",),
                ("cancel_child", rng.choice((1, 2))),
                ("modify_last", None, clean(below * 0.99), None),
                ("buy", lot),
                ("close",),
            ]
            script[i, k] = rng.sample(wants, rng.choice((0, 1, 1, 2, 3)))
    return made, settings, script


@pytest.mark.parametrize("instruments", [1, 2])
def test_the_short_way_is_the_long_one(instruments: int) -> None:
    """Told event by event, the machine knows only the long way."""
    filled = cancelled = 0
    for seed in range(40):
        made = far_away(seed, instruments)
        short, long = engine.run(*made), engine.run(*made, groups=Groups(events=1))
        for name, a, b in zip(short.lanes._fields, short.lanes, long.lanes, strict=True):
            skip = ("busy", "elapsed_ns") if name == "stats" else ()
            assert difference(name, np.asarray(a), np.asarray(b), skip) == "", seed
        assert short.fills == long.fills
        assert short.equity.tobytes() == long.equity.tobytes()
        filled += len(short.fills)
        cancelled += short.rejections.get("cancelled", 0)
    assert filled > 100
    assert cancelled > 100


def test_the_second_engine_knows_no_short_way() -> None:
    for seed in range(40):
        assert differences(*far_away(seed, 1 + seed % 2)) == [], seed


def at_market(seed: int) -> Case:
    """Market orders alone, on any account, with costs, funding and latency: one or two at once, often taken back.

    Every other seed has opens far from the last close, on an account with as much leverage as there is.
    """
    made, settings, _ = case(seed, orders=("market", "target"), instruments=1, rows=(60, 60), latency=seed % 2 == 0)
    rng = Random(seed)
    if seed % 2 == 1:
        settings.leverage = 10.0 if made[0].kind == "linear" else settings.leverage
        far = 1.0
        for i, (ts, *prices, volume) in enumerate(made[0].rows):
            far *= rng.choice((0.8, 1.25)) if rng.random() < 0.15 else 1.0
            made[0].rows[i] = (ts, *(clean(price * far) for price in prices), volume)
    lot = max(float(made[0].lot), 0.5)
    script: dict[tuple[int, int], list[Any]] = {}
    for i in range(len(made[0].rows) - 1):
        many = rng.choice((1.0, 1.0, 3.0, 400.0))
        wants = [
            ("buy", lot * many),
            ("buy", lot),
            ("sell", lot * many),
            ("sell", lot),
            ("close",),
            ("target", rng.choice((-2.0, 0.0, 1.0)) * lot * many),
            ("cancel_all",),
            ("cancel_last",),
        ]
        script[i, 0] = rng.sample(wants, rng.choice((0, 0, 1, 1, 2, 3)))
    return made, settings, script


def test_an_order_that_meets_the_open_alone_does_what_it_does_in_company() -> None:
    seen: Counter[str] = Counter()
    for seed in range(150):
        made = at_market(seed)
        short, long = (engine.run(*made, groups=Groups(resting=0, events=events)) for events in (0, 1))
        for name, a, b in zip(short.lanes._fields, short.lanes, long.lanes, strict=True):
            skip = ("busy", "elapsed_ns") if name == "stats" else ()
            assert difference(name, np.asarray(a), np.asarray(b), skip) == "", seed
        assert short.fills == long.fills, seed
        assert short.equity.tobytes() == long.equity.tobytes(), seed
        seen.update(short.rejections)
        seen["fills"] += len(short.fills)
        seen["funding"] += short.funding != 0.0
        seen["bankrupt"] += short.bankrupt
    assert seen["fills"] > 1000
    assert min(seen[name] for name in ("cancelled", "funding", "bankrupt", "market_remainder")) > 5, seen
