"""The compiled machine against the second engine, fill for fill, on seeded cases of every order and every setting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from huracan.sim.builds import Groups
from tests import engine
from tests.agreement import differences
from tests.sim.fuzz_cases import FAMILIES, MINUTE, apart, astride, case, dear, mixed
from tests.sim.scenarios import CASES, Case

BLOCK = 25
POLICIES = ("pessimistic", "optimistic", "ohlc", "olhc", "nearest")


@pytest.mark.parametrize("first", range(0, 300, BLOCK))
def test_fill_for_fill(first: int) -> None:
    """Every family of orders in one script."""
    filled = 0
    for seed in range(first, first + BLOCK):
        made = case(seed)
        assert differences(*made) == [], f"seed {seed}"
        filled += len(engine.run(*made).fills)
    assert filled > 10 * BLOCK


@pytest.mark.parametrize("scenario", CASES, ids=lambda c: c.name)
def test_scenarios_to_the_last_figure(scenario: Case) -> None:
    """What the tables of scenarios leave unsaid: money, trades and refusals."""
    assert differences(*scenario.build()) == []


@pytest.mark.parametrize("orders", [*FAMILIES[:6], "keep"])
def test_one_family_at_a_time(orders: str) -> None:
    for seed in range(1000, 1000 + BLOCK):
        made = case(seed, orders=orders, costs=False, latency=False)
        assert differences(*made) == [], f"seed {seed}"


@pytest.mark.parametrize("first", range(2000, 2100, BLOCK))
def test_brackets_that_overlap(first: int) -> None:
    """Nothing but brackets, several of them open on one position at a time."""
    for seed in range(first, first + BLOCK):
        made = case(seed, orders="bracket")
        assert differences(*made) == [], f"seed {seed}"


def test_children_that_are_changed() -> None:
    """Brackets whose children are modified and cancelled one by one, in accounts that may hold less than a lot."""
    for seed in range(3090, 3090 + BLOCK):
        made = case(seed, orders=("bracket", "child", "change", "keep"))
        assert differences(*made) == [], f"seed {seed}"


def test_a_child_that_shrank_is_an_order_for_less() -> None:
    """The chance that a limit fills goes by its quantity: what a target still wants, not what it was once for."""
    made = case(908, intrabar="drill")
    assert made[1].limit_fill["model"] == "hazard"
    assert differences(*made) == []


def test_brackets_whose_fee_is_kept_from_what_they_buy() -> None:
    """What is left is off the lot: children sleep, and sell whole lots of it."""
    made = case(20_357)
    assert differences(*made) == []
    for seed in range(40_000, 40_000 + 2 * BLOCK):
        instruments, chosen, script = case(seed, orders=("bracket", "reduce", "change", "child"), account="cash")
        kept = replace(chosen, fee_in="base", fee_maker_bps=20.0, fee_taker_bps=50.0)
        assert differences(instruments, kept, script) == [], f"seed {seed}"


def test_a_trigger_that_is_changed_too_late() -> None:
    """A new trigger reaches a stop-limit that has triggered on the way: it stays the resting limit it has become."""
    instruments, chosen, _ = case(4005)
    script = {
        (21, 0): [("reduce", -1, 0.2)],
        (21, 1): [("target", 5.0), ("stop", -1, 8.0, 123.0, 120.0)],
        (22, 0): [("modify_child", 2, None, None, 24.25)],
    }
    assert differences(instruments, chosen, script) == []
    assert [f[6] for f in engine.run(instruments, chosen, script).fills[1:4]] == ["taker", "maker", "maker"]


@pytest.mark.parametrize("seed", [4004, 4031, 20_002])
def test_accounts_that_are_closed_out(seed: int) -> None:
    """Down to maintenance at a finer bar's open that a stop meets too, and by a mark outside the row's own range."""
    made = case(seed, orders=tuple(f for f in FAMILIES if f != "trail"))
    assert differences(*made) == []
    assert any(f[8] == "liquidation" for f in engine.run(*made).fills)


def test_a_build_without_resting_orders_closes_accounts_out_alike() -> None:
    """It walks no path: where a bar's price liquidates is found at once, and is what the path meets, to the bit."""
    closed_out = 0
    for seed in range(60):
        account, policy = ("borrow", "linear", "inverse")[seed % 3], POLICIES[seed % len(POLICIES)]
        made = case(seed, orders=("market", "target"), account=account, intrabar=policy)
        short, full = engine.run(*made, groups=Groups(resting=0)), engine.run(*made)
        assert (short.fills, short.rejections) == (full.fills, full.rejections), f"seed {seed}"
        assert short.trades.tobytes() == full.trades.tobytes()
        assert short.equity.tobytes() == full.equity.tobytes()
        closed_out += any(f[8] == "liquidation" for f in full.fills)
    assert closed_out > 5


def test_an_account_with_nothing_left_stops_at_a_close() -> None:
    """What fills at a close, or is closed at the tape's end, may leave nothing: that is bankruptcy, there and then."""
    untrailed = tuple(f for f in FAMILIES if f != "trail")
    for made in (case(20_422), case(20_630, orders=untrailed)):
        assert differences(*made) == []
        assert engine.run(*made).bankrupt


def test_prices_without_a_tick() -> None:
    """The same instruments where any price may be asked for: nothing is rounded, a limit is gone through by any bit.

    Trailing stops are left out: what they trail by has rounding of its own where no tick takes it away.
    """
    untrailed = tuple(f for f in FAMILIES if f != "trail")
    for seed in range(4000, 4000 + 2 * BLOCK):
        instruments, chosen, script = case(seed, orders=untrailed)
        free = [replace(i, tick=(0, 1)) for i in instruments]
        assert differences(free, chosen, script) == [], f"seed {seed}"


@pytest.mark.parametrize("first", range(0, 100, BLOCK))
def test_costs_beyond_the_whole_price(first: int) -> None:
    """They are bounded and counted: nobody pays to sell."""
    bounded = 0
    for seed in range(first, first + BLOCK):
        made = dear(seed)
        assert differences(*made) == [], f"seed {seed}"
        out = engine.run(*made)
        assert all(fill[4] > 0.0 for fill in out.fills)
        bounded += out.rejections.get("cost_bounded", 0)
    assert bounded > BLOCK


@pytest.mark.parametrize("first", range(0, 100, BLOCK))
def test_what_no_family_asks_for_together(first: int) -> None:
    """Fees in base of borrowed coins above all: what covers a short, and what is left after it."""
    for seed in range(first, first + BLOCK):
        assert differences(*mixed(seed)) == [], f"seed {seed}"


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 3000, 10 * BLOCK))
def test_more_of_what_no_family_asks_for_together(first: int) -> None:
    for seed in range(first, first + 10 * BLOCK):
        assert differences(*mixed(seed)) == [], f"seed {seed}"


@pytest.mark.parametrize("first", range(0, 300, BLOCK))
def test_what_is_known_late_and_tapes_that_come_and_go(first: int) -> None:
    """Reports that take time, few order slots, instruments with bars of their own and finer ones that miss some."""
    filled = late = refused = 0
    for seed in range(first, first + BLOCK):
        made = apart(seed)
        assert differences(*made) == [], f"seed {seed}"
        out = engine.run(*made)
        filled += len(out.fills)
        late += made[1].latency_response_ns > 0
        refused += out.rejections.get("no_free_slot", 0)
    assert filled > 3 * BLOCK
    assert late > 0.3 * BLOCK
    assert refused > BLOCK


@pytest.mark.parametrize("first", range(0, 100, BLOCK))
def test_what_is_known_late_of_bars_off_each_others_minutes(first: int) -> None:
    filled = off = 0
    for seed in range(first, first + BLOCK):
        made = astride(seed)
        assert differences(*made) == [], f"seed {seed}"
        filled += len(engine.run(*made).fills)
        off += len({row[0] % MINUTE for instrument in made[0] for row in instrument.rows}) > 1
    assert filled > 3 * BLOCK
    assert off > 0.5 * BLOCK


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 2000, 10 * BLOCK))
def test_more_of_what_is_known_late_of_bars_off_each_others_minutes(first: int) -> None:
    for seed in range(first, first + 10 * BLOCK):
        assert differences(*astride(seed)) == [], f"seed {seed}"


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 3000, 10 * BLOCK))
def test_more_of_what_is_known_late_and_tapes_that_come_and_go(first: int) -> None:
    for seed in range(first, first + 10 * BLOCK):
        assert differences(*apart(seed)) == [], f"seed {seed}"


@pytest.mark.long
@pytest.mark.parametrize("first", range(10_000, 12_000, 10 * BLOCK))
def test_many_more(first: int) -> None:
    for seed in range(first, first + 10 * BLOCK):
        made = case(seed) if seed % 2 else case(seed, orders=("bracket", "reduce", "change"))
        assert differences(*made) == [], f"seed {seed}"


def test_the_comparison_sees_a_difference() -> None:
    """Guard against a comparison that can't fail: another fee, and the two no longer agree."""
    instruments, settings, script = case(3, orders="market")
    assert differences(instruments, settings, script) == []
    machine = engine.run(instruments, settings, script)
    dearer = replace(settings, fee_taker_bps=settings.fee_taker_bps + 1.0)
    assert machine.fills
    assert [f[5] for f in engine.run(instruments, dearer, script).fills] != [f[5] for f in machine.fills]
