"""The published table of Avellaneda and Stoikov, through the machine: a thousand days of takers on a book."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from huracan.book_machine import run_lanes
from huracan.sim.book_tape import BookTape, build_book_tape
from huracan.sim.feed import Feed
from huracan.sim.series import Rules
from huracan.spec import load_spec
from huracan.spec_records import Spec

MS = 1_000_000
TICK = 10_000  # ticks of a unit of price
STEPS, DT = 200, 0.005
SIGMA, K, A = 2.0, 1.5, 140.0
FAR = 8.0  # where the book's own best prices stand: nobody competes with the maker
RUNS = 1000


def market(rng: np.random.Generator, run: int) -> BookTape:
    """One unit of time: a mid that walks, and takers who reach exponentially far from it."""
    mid = 100.0 + np.concatenate([[0.0], np.cumsum(SIGMA * np.sqrt(DT) * rng.choice([-1.0, 1.0], STEPS))])
    rows: list[tuple[int, int, float, float, int]] = []
    start = 1_700_000_000_000 * MS
    was: dict[int, float] = {}
    for i in range(STEPS + 1):
        at = start + i * 5 * MS + (4 * MS if i else 0)
        for side in (1, -1):
            price = round((mid[i] - side * FAR) * TICK) / TICK
            if side in was and was[side] != price:
                rows.append((0, side, was[side], 0.0, at))
            rows.append((0, side, price, 50.0, at))
            was[side] = price
        if i < STEPS:
            then = at + (7 if i == 0 else 3) * MS
            for side in (1, -1):
                if rng.random() < A * DT:
                    reach = mid[i] + side * rng.exponential(1.0 / K)
                    rows.append((1, side, round(reach * TICK) / TICK, 1.0, then))
    kind, side_of, price, qty, ts = (np.array(c) for c in zip(*rows, strict=True))
    flags = np.zeros(len(kind), np.uint8)
    return build_book_tape(
        [
            Feed(
                f"AS{run}",
                kind.astype(np.int8),
                side_of.astype(np.int8),
                flags,
                price,
                qty,
                ts,
                ts,
                Rules("linear", 1, TICK, 1.0),
            )
        ]
    )


def spec(inventory: bool) -> Spec:
    return load_spec(
        {
            "data": {"file": str(Path(__file__)), "format": "binance-raw", "symbol": "AS"},
            "account": {"cash": 1e6},
            "venue": {"fee_maker_bps": 0.0, "fee_taker_bps": 0.0},
            "strategy": {"use": "avellaneda_stoikov", "params": {"inventory": inventory}},
        }
    )


@pytest.mark.long
def test_the_published_table_comes_out_of_the_machine() -> None:
    rng = np.random.default_rng(2008)
    profit, held = np.zeros((RUNS, 2)), np.zeros((RUNS, 2))
    specs = [spec(True), spec(False)]
    for run in range(RUNS):
        block = run_lanes(specs, market(rng, run))
        profit[run] = np.asarray(block.lanes.own_acct["equity"]) - 1e6
        held[run] = np.asarray(block.lanes.own_positions["qty"])[:, 0]
    found = {
        "inventory": (profit[:, 0].mean(), profit[:, 0].std(ddof=1), held[:, 0].mean(), held[:, 0].std(ddof=1)),
        "symmetric": (profit[:, 1].mean(), profit[:, 1].std(ddof=1), held[:, 1].mean(), held[:, 1].std(ddof=1)),
    }
    print(found)
    for name, mean, std, q, q_std in (("inventory", 65.0, 6.6, 0.08, 2.9), ("symmetric", 68.4, 12.7, None, 8.4)):
        m, s, final, final_std = found[name]
        assert abs(m - mean) < 4.0 * std / np.sqrt(RUNS), name
        assert abs(s - std) < 0.1 * std, name
        assert abs(final_std - q_std) < 0.1 * q_std, name
        if q is not None:
            assert abs(final - q) < 4.0 * q_std / np.sqrt(RUNS), name
