"""The second engine on the scenario tables; the compiled engine runs the same tables elsewhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.oracle import Outcome, run
from tests.oracle_records import exact
from tests.sim.scenarios import CASES, Case

NEAR = Decimal("1e-9")  # 1/9 in a table is a double


def same(got: Any, wanted: Any) -> bool:
    if isinstance(got, Decimal):
        return abs(got - exact(wanted)) <= NEAR * max(1, abs(got))
    return got == wanted


def figure(outcome: Outcome, name: str) -> Any:
    return outcome.market_events["dust"] if name == "dust" else getattr(outcome, name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fills(case: Case) -> None:
    outcome = run(*case.build())
    got = [(f.ts_ns, f.instrument, f.side, f.qty, f.price, f.liquidity, f.order_id, f.reason) for f in outcome.fills]
    wanted = case.expected_fills()
    assert len(got) == len(wanted), got
    for one, other in zip(got, wanted, strict=True):
        assert all(map(same, one, other)), f"{one} is not {other}"


@pytest.mark.parametrize("case", [case for case in CASES if case.expect], ids=lambda case: case.name)
def test_figures(case: Case) -> None:
    outcome = run(*case.build())
    for name, wanted in case.expect.items():
        got = figure(outcome, name)
        if name in ("rejections", "events"):
            got = {reason: got[reason] for reason in (got if not wanted or name == "rejections" else wanted)}
            assert got == wanted, name
        elif name == "positions":
            assert all(map(same, got, wanted)), f"{name}: {got}"
        elif name == "trades":
            assert len(got) == len(wanted)
            for trade, fields in zip(got, wanted, strict=True):
                assert all(same(getattr(trade, k), v) for k, v in fields.items()), trade
        else:
            assert same(got, wanted), f"{name}: {got} is not {wanted}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_money_is_conserved(case: Case) -> None:
    """Cash and positions follow from the fills alone: what the oracle books is what its fills say."""
    instruments, settings, script = case.build()
    outcome = run(instruments, settings, script)
    value = Decimal(
        0
    )  # of all that was bought less all that was sold, at fill prices, plus what is held at the last close
    for k, inst in enumerate(instruments):
        scale = exact(inst.multiplier)
        flow = sum(
            (
                f.side * f.qty * (-1 / f.price if inst.kind == "inverse" else f.price)
                for f in outcome.fills
                if f.instrument == k
            ),
            Decimal(0),
        )
        close = exact(inst.rows[-1][4])
        held = outcome.positions[k] * (-1 / close if inst.kind == "inverse" else close)
        value += scale * (held - flow)
    costs = outcome.fees + outcome.funding + outcome.interest
    if settings.fee_in == "base":  # the part of the fees that was kept in base is in the positions already
        assert outcome.equity[-1].equity < exact(settings.cash) + value + costs
        return
    assert same(outcome.equity[-1].equity, exact(settings.cash) + value - costs)
