"""Law 5: after every row the ledger reconciles with fills, fees, funding and interest.

Trades add up to what the account made.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.law_money import money_faults
from huracan.law_runs import whole
from huracan.laws import happened, money_is_conserved
from tests import engine
from tests.laws.cases import HAPPENED, MINUTE, SEEDS, case, enough, fuzz_case, seeds
from tests.laws.shipped import NAMES, trials
from tests.oracle_records import Instrument, Settings


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shipped_loses_no_money(name: str) -> None:
    for b in trials(name):
        assert not [f for f in money_is_conserved(b.trial) if not f.ok]


def test_no_list_of_orders_loses_money() -> None:
    did: Counter[str] = Counter()
    for seed in [*SEEDS, *seeds(1000, 40)]:
        for trial in (case(seed, lanes=2).trial(), fuzz_case(seed).trial()):
            assert not [f for f in money_is_conserved(trial) if not f.ok]
            run = whole(trial)
            did.update(happened(run))
            acct = np.asarray(run.lanes.acct)
            did.update(funding=int((acct["funding"] != 0).sum()), interest=int((acct["interest"] != 0).sum()))
            did.update({f"contract {c}": 1 for c in np.unique(trial.tape.rules["contract"])})
    assert enough(did, 5, *HAPPENED, "funding", "interest", "contract 0", "contract 1", "contract 2"), did


def test_money_is_conserved_in_any_case() -> None:
    did: Counter[str] = Counter()

    @given(st.integers(0, 10**6))
    def holds(seed: int) -> None:
        trial = case(seed).trial()
        assert not list(money_faults(trial, 0))
        did.update(happened(whole(trial)))

    holds()
    assert did["fills"] > 0


def trades_of(prices: list[float], volumes: list[float], script: dict, **settings: object) -> list[tuple]:
    """(side, qty, entry, exit, pnl) of a market of flat bars with a minimum notional of 450."""
    rows = [(k * MINUTE, p, p, p, p, v) for k, (p, v) in enumerate(zip(prices, volumes, strict=True))]
    out = engine.run(
        [Instrument("A", MINUTE, rows, tick=(1, 1), min_notional=450.0)], Settings(leverage=10.0, **settings), script
    )
    return [tuple(float(t[name]) for name in ("side", "qty", "entry_price", "exit_price", "pnl")) for t in out.trades]


def test_dust_is_no_loss_and_no_trade() -> None:
    """Of 8 that were bought 4 could be sold: what is left is below the minimum and flat for trades.

    It costs the trade nothing. Its sale is no trade of its own either, and the next trade begins afresh.
    """
    prices = [100.0, 100, 110, 110, 110, 120, 120]
    volumes = [1000.0, 1000, 4, 4, 1000, 1000, 1000]
    script = {(0, 0): [("buy", 8)], (1, 0): [("close",)], (4, 0): [("buy", 8)], (5, 0): [("close",)]}
    assert trades_of(prices, volumes, script) == [(1.0, 8.0, 100.0, 110.0, 40.0), (1.0, 8.0, 120.0, 120.0, 0.0)]
