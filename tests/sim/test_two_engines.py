"""The compiled machine against the second engine, fill for fill, on seeded cases of every order but brackets.

Brackets have their scenario tables. The machine takes one modify or cancel of an order at a time, the second engine
queues them: cases where that happened are left out, and counted.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import engine
from tests.agreement import differences
from tests.sim.fuzz_cases import case

FAMILIES = ("market", "target", "limit", "stop", "trail", "reduce", "change")
BLOCK = 25
# Seeds on which the two would differ by a reading that is not settled: none.
OPEN: set[int] = set()


@pytest.mark.parametrize("first", range(0, 300, BLOCK))
def test_fill_for_fill(first: int) -> None:
    compared = filled = 0
    for seed in range(first, first + BLOCK):
        instruments, settings, script = case(seed, orders=FAMILIES)
        machine = engine.run(instruments, settings, script)
        if "request_under_way" in machine.rejections or seed in OPEN:
            continue
        assert differences(instruments, settings, script) == [], f"seed {seed}"
        compared += 1
        filled += len(machine.fills)
    assert compared >= BLOCK - 5
    assert filled > 10 * compared


@pytest.mark.parametrize("orders", FAMILIES[:5])
def test_one_family_at_a_time(orders: str) -> None:
    for seed in range(1000, 1000 + BLOCK):
        made = case(seed, orders=orders, costs=False, latency=False)
        assert differences(*made) == [], f"seed {seed}"


def test_the_comparison_sees_a_difference() -> None:
    """Guard against a comparison that can't fail: another fee, and the two no longer agree."""
    instruments, settings, script = case(3, orders="market")
    assert differences(instruments, settings, script) == []
    machine = engine.run(instruments, settings, script)
    dearer = replace(settings, fee_taker_bps=settings.fee_taker_bps + 1.0)
    assert machine.fills
    assert [f[5] for f in engine.run(instruments, dearer, script).fills] != [f[5] for f in machine.fills]
