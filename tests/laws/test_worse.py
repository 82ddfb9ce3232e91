"""Law 6, worse is not better: for a fixed list of orders on one tape.

Where the sentence holds for one order only, or only for orders that rest, the test says so and why. Nothing is said of
prices under latency, or of orders with cancels. The lanes of a trial differ in what is made worse, and in nothing else.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from huracan.law_runs import Run, row_by_row, whole
from huracan.sim.layout import Reason
from tests.laws.cases import MINUTE, Case, Script, case, enough, seeds
from tests.oracle_records import Instrument, Settings

RICH = 1e12  # money never decides what fills
FREE = Settings(cash=RICH, leverage=20.0, max_participation=0.0)
KINDS = ("limit", "post_only", "stop", "stop_limit", "trail")
PATHS = ("pessimistic", "ohlc", "olhc", "nearest", "optimistic")


def runs(seed: int, instruments: list[Instrument], script: Script, lanes: Sequence[Settings]) -> list[Run]:
    """The same orders under each of some settings, one run each."""
    trial = Case(seed, instruments, [(s, script) for s in lanes]).trial()
    return [whole(trial, [lane]) for lane in range(len(lanes))]


def fills_of(run: Run) -> Any:
    return run.written(0)


def any_orders(seed: int, **plain: Any) -> tuple[list[Instrument], Settings, Script]:
    """A random case of any orders, with money that never runs out.

    Without a minimum notional, which would ask for the price.
    """
    made = case(seed, fine=False, rows=60)
    s, script = made.lanes[0]
    instruments = [replace(i, min_notional=0.0) for i in made.instruments]
    return instruments, replace(s, cash=RICH, leverage=max(s.leverage, 1.0), fee_in="quote", **plain), script


def same_but(worse: Any, better: Any, *names: str) -> None:
    """Fills that differ in these fields only."""
    assert len(worse) == len(better)
    for name in worse.dtype.names:
        if name not in names:
            assert (worse[name] == better[name]).all(), name


def test_more_fee_never_lowers_costs() -> None:
    fees = [(-1.0, 0.0), (0.0, 0.0), (0.0, 5.0), (2.0, 5.0), (2.0, 40.0)]
    did: Counter[str] = Counter()
    for seed in seeds(300, 40):
        instruments, s, script = any_orders(seed)
        lanes = [replace(s, fee_maker_bps=maker, fee_taker_bps=taker) for maker, taker in fees]
        results = runs(seed, instruments, script, lanes)
        for better, worse in itertools.pairwise(results):
            a, b = fills_of(better), fills_of(worse)
            same_but(b, a, "fee")
            assert (b["fee"] >= a["fee"]).all()
            assert worse.lanes.acct["fees"][0] >= better.lanes.acct["fees"][0]
            assert worse.lanes.acct["equity"][0] <= better.lanes.acct["equity"][0]
            did.update(fills=len(a), dearer=int((b["fee"] > a["fee"]).sum()), makers=int(a["maker"].sum()))
    assert enough(did, 100, "fills", "dearer", "makers"), did


def test_more_cost_never_improves_a_price() -> None:
    """Half-spread, slippage and impact: takers never pay less, makers always the same, and nothing else changes."""
    slippage = [{"model": "fixed", "bps": bps} for bps in (0.0, 3.0, 30.0)]
    scaled = {
        "model": "vol_volume",
        "window": 5,
        "vol_ref": 0.8,
        "vol_power": 0.5,
        "volume_power": 0.5,
        "participation": 0.3,
    }
    steps: list[list[dict[str, Any]]] = [
        [{"half_spread_bps": bps} for bps in (0.0, 1.0, 20.0)],
        [{"slippage": model} for model in slippage],
        [{"slippage": {**scaled, "bps": bps}} for bps in (0.0, 2.0, 8.0)],
        [{"impact_coefficient": c, "impact_window": 5, "slippage": {**scaled, "bps": 1.0}} for c in (0.0, 0.2, 0.4)],
    ]
    did: Counter[str] = Counter()
    for seed in seeds(400, 40):
        instruments, s, script = any_orders(seed, max_participation=0.5)
        results = runs(seed, instruments, script, [replace(s, **change) for change in steps[seed % 4]])
        for better, worse in itertools.pairwise(results):
            a, b = fills_of(better), fills_of(worse)
            same_but(b, a, "price", "fee", "spread", "slippage", "impact")
            dearer = (b["price"] - a["price"]) * a["side"]
            assert (dearer >= 0.0).all()
            assert (dearer[a["maker"] == 1] == 0.0).all()
            did.update({f"dearer {seed % 4}": int((dearer > 0.0).sum())})
    assert enough(did, 50, *(f"dearer {k}" for k in range(4))), did


def rows_of(rng: random.Random, n: int, wild: int, volumes: Sequence[float]) -> list[tuple]:
    """Bars on whole ticks with gaps, and a few that are missing."""
    rows, price = [], 100
    for k in range(n):
        o = max(price + (rng.randint(-wild, wild) if rng.random() < 0.3 else 0), 20)
        price = max(o + rng.randint(-wild, wild), 20)
        high, low = max(o, price) + rng.randint(0, wild), min(o, price) - rng.randint(0, wild)
        if k < 2 or rng.random() < 0.95:
            rows.append((k * MINUTE, float(o), float(high), float(low), float(price), rng.choice(volumes)))
    return rows


def one_order(rng: random.Random, kind: str, close: float, qty: float) -> tuple:
    """A single order that may rest near the last close."""
    side = rng.choice([1, -1])
    d = rng.randint(0, 8)
    if kind == "market":
        return ("buy" if side > 0 else "sell", qty)
    if kind in ("limit", "post_only"):
        return ("limit", side, qty, close - side * (d - 2), kind == "post_only")
    if kind == "stop":
        return ("stop", side, qty, close + side * d)
    if kind == "stop_limit":
        return ("stop", side, qty, close + side * d, close + side * (d + rng.randint(-4, 4)))
    return ("trail", side, qty, float(d + 1))


def filled_by_row(seed: int, instrument: Instrument, script: Script, lanes: Sequence[Settings]) -> list[Any]:
    """For each of some settings: the quantity that had been filled by the end of each row."""
    trial = Case(seed, [instrument], [(s, script) for s in lanes]).trial()
    found = []
    for lane in range(len(lanes)):
        each_row = [float(fills_of(run)["qty"].sum()) for run in row_by_row(trial, lane)]
        found.append(np.cumsum(each_row))
    return found


def never_more(worse: Any, better: Any) -> bool:
    """By no row has more been filled; rounding of sums aside."""
    return bool((worse <= better * (1.0 + 1e-12) + 1e-12).all())


def rejected(seed: int, instrument: Instrument, script: Script, s: Settings) -> bool:
    """Whether a post-only order was turned away."""
    (run,) = runs(seed, [instrument], script, [s])
    return bool(run.lanes.stats["counts"][0, Reason.POST_ONLY_WOULD_CROSS])


def resting(rng: random.Random, kind: str) -> tuple[Instrument, Settings, Script]:
    """A tape with one order of a kind on it, and a venue at random.

    Limits that wait to be gone through, or for luck, are post-only: see below.
    """
    volumes = [0.0, 3.0, 5.0, 10.0, 10.0]
    rows = rows_of(rng, 25, rng.choice([2, 5]), volumes)
    i = Instrument("A", MINUTE, rows, (1, 1), rng.choice([0.0, 1.0, 0.5]))
    fills = (
        ["touch"]
        if kind in ("limit", "stop_limit")
        else ["touch", ("through", 1), {"model": "hazard", "base": 0.3, "depth": 1.0, "queue": 0.1}]
    )
    s = replace(
        FREE,
        max_participation=1.0,
        limit_fill=rng.choice(fills),
        intrabar=rng.choice(PATHS),
        gap_fill=rng.choice(["open", "price"]),
        market_fill=rng.choice(["next_open", "close"]),
        seed=rng.randint(0, 99),
    )
    return i, s, {(1, 0): [one_order(rng, kind, rows[1][4], rng.choice([4.0, 12.0, 30.0]))]}


def test_less_volume_never_fills_earlier_or_more() -> None:
    """One order, of any kind and time in force: by no row is more filled on a smaller share, or on thinner bars."""
    did: Counter[str] = Counter()
    for seed in seeds(500, 200):
        rng = random.Random(seed)
        kind = rng.choice([*KINDS, "market", "IOC", "FOK", "GTT", "cancel the rest"])
        plain = {"cancel the rest": "market"}.get(kind, kind if kind in (*KINDS, "market") else "limit")
        i, s, script = resting(rng, plain)
        if plain != kind and kind != "cancel the rest":
            script = {(1, 0): [(*script[1, 0][0][:4], False, kind, 3 if kind == "GTT" else 0)]}
        s = replace(s, market_remainder="cancel" if kind == "cancel the rest" else "wait")
        thin = replace(i, rows=[(*row[:5], rng.choice([0.0, 0.5, 1.0]) * row[5]) for row in i.rows])
        shares = filled_by_row(seed, i, script, [replace(s, max_participation=x) for x in (0.0, 1.0, 0.6, 0.1)])
        (thinner,) = filled_by_row(seed, thin, script, [s])
        for better, worse in [*itertools.pairwise(shares), (shares[1], thinner)]:
            assert never_more(worse, better), (seed, kind)
            did.update({kind: 1, "later": int((worse < better).any()), "filled": int(better[-1] > 0.0)})
    assert enough(did, 20, *KINDS, "market", "IOC", "FOK", "GTT", "cancel the rest", "later", "filled"), did


def test_more_latency_never_fills_a_resting_order_earlier() -> None:
    """One order that rests: by no row is more of it filled when it arrives later.

    An order that is marketable when it arrives takes what rests already, however deep the market would have had to go
    for it, and with certainty: so under `through` and `hazard` only an order that never takes (post-only, and not
    turned away) is known to fill no earlier. A time limit is counted from the arrival, which is why good-till-time
    orders are left out, as those with cancels are.
    """
    did: Counter[str] = Counter()
    for seed in seeds(700, 200):
        rng = random.Random(seed)
        kind = rng.choice(KINDS)
        i, s, script = resting(rng, kind)
        # rows and time can't be compared where bars are missing
        unit = rng.choice([{"latency_bars": 1}, {"latency_entry_ns": MINUTE // 2}])
        late = [{name: n * x for name, x in unit.items()} for n in (0, 1, 2, 4)]
        lanes = [replace(s, **change) for change in late]
        results = [
            filled
            for lane, filled in zip(lanes, filled_by_row(seed, i, script, lanes), strict=True)
            if kind != "post_only" or not rejected(seed, i, script, lane)
        ]
        for earlier, later in itertools.pairwise(results):
            assert never_more(later, earlier), (seed, kind)
            did.update({kind: int(later[-1] > 0.0), "later": int((later < earlier).any())})
    assert enough(did, 20, *KINDS, "later"), did


def path_orders(rng: random.Random, close: float) -> tuple:
    """One bracket, or one order that rests by itself."""
    side = rng.choice([1, -1])
    if rng.random() < 0.3:
        return one_order(rng, rng.choice(["limit", "stop", "stop_limit", "trail"]), close, 2.0)
    entry = rng.choice([None, close - side * rng.randint(0, 4)])
    near = close if entry is None else entry
    take, stop = (rng.choice([None, rng.randint(1, 5)]) for _ in range(2))
    hold = rng.choice([0, 0, 1, 3])
    return ("bracket", side, 2.0, entry, take and near + side * take, stop and near - side * stop, hold)


def test_a_more_pessimistic_path_never_improves_a_price() -> None:
    """One bracket or one order, without costs.

    At the end of the first row in which two paths part, the account is no better off on the more pessimistic one, and
    an order that both fill in that row has no better price on it.

    Later rows are not compared: a position that one path has closed and the other has not meets another market. Nor are
    rows in which a trailing stop or a stop-limit fills on one path only: each needs the price to go one way and then
    the other, and the path that does so is not the one that hurts a position more.
    """
    did: Counter[str] = Counter()
    for seed in seeds(900, 400):
        rng = random.Random(seed)
        i = Instrument("A", MINUTE, rows_of(rng, 12, rng.choice([2, 5]), [1000.0]), (1, 1))
        script = {(1, 0): [path_orders(rng, i.rows[1][4])]}
        what, *terms = script[1, 0][0]
        two_ways = what == "trail" or (what == "stop" and len(terms) == 4)
        s = replace(FREE, gap_fill=rng.choice(["open", "price"]))
        trial = Case(seed, [i], [(replace(s, intrabar=path), script) for path in PATHS]).trial()
        rows = [
            [(float(run.lanes.acct["equity"][0]), np.array(fills_of(run))) for run in row_by_row(trial, lane)]
            for lane in range(len(PATHS))
        ]
        for worse, better in [(0, 1), (0, 2), (0, 3), (0, 4), (1, 4), (2, 4), (3, 4)]:
            for (e0, f0), (e1, f1) in zip(rows[worse], rows[better], strict=True):
                did.update(compared=1)
                both = [(a, b) for a in f0 for b in f1 if a["order_id"] == b["order_id"]]
                assert all((a["price"] - b["price"]) * a["side"] >= 0.0 for a, b in both), (
                    seed,
                    PATHS[worse],
                    PATHS[better],
                )
                if e0 != e1 or len(f0) != len(f1):
                    assert (two_ways and len(f0) != len(f1)) or e0 <= e1, (seed, PATHS[worse], PATHS[better])
                    did.update({"parted": 1, PATHS[worse]: int(e0 < e1)})
                    break
    assert enough(did, 50, "parted", "pessimistic"), did
