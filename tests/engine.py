"""Put the second engine's cases to the compiled machine.

The same instruments, settings and script, outcomes of the same shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from huracan.sim import layout
from huracan.sim.builds import Groups
from huracan.sim.declared import initial_state
from huracan.sim.lanes import accounts, new_lanes, recorder
from huracan.sim.layout import FillReason, Intrabar, LimitFill, Reason, Slippage, Tif
from huracan.sim.linker import Linked, link
from huracan.sim.series import Bars, Payments, Rules
from huracan.sim.tape import Tape, build_tape, chunk, first_ns
from tests.oracle_records import Instrument, Settings
from tests.scripted import ACTIONS, CODES, FEATURES, FIELDS, scripted

NAN = math.nan
REPORTS = 20_000  # room for all that a case can tell: a test reads them back


@dataclass
class Outcome:
    """What the machine did, as plain values."""

    fills: list[tuple]  # (ts_ns, instrument, side, qty, price, fee, liquidity, order id, reason)
    trades: Any
    equity: Any
    cash: float
    positions: list[float]
    fees: float
    funding: float
    interest: float
    spread: float
    slippage: float
    impact: float
    rejections: dict[str, int]
    bankrupt: bool
    open_trades: int
    lanes: Any


def bars_of(i: Instrument, rows: list[tuple] | None = None, step: int = 0) -> Bars:
    """An instrument's bars as the tape wants them."""
    table = i.rows if rows is None else rows
    column = [np.array([row[c] for row in table], dtype=float) for c in range(1, 5)]
    volume = None if table[0][5] is None else np.array([row[5] for row in table], dtype=float)
    num, den = i.tick
    rules = Rules(i.kind, num, den, i.lot, i.min_notional, i.multiplier, False)
    opens = np.array([row[0] for row in table], dtype=np.int64)
    return Bars(i.symbol, "x", step or i.timeframe_ns, opens, *column, volume, rules=rules)


def payments_of(i: Instrument) -> Payments | None:
    """An instrument's funding."""
    if not i.funding:
        return None
    ts, rate, mark = zip(*i.funding, strict=True)
    return Payments(
        np.array(ts, np.int64), np.array(rate, float), np.array([NAN if m is None else m for m in mark], float)
    )


def settings_of(s: Settings, instruments: list[Instrument], timeframe_ns: int) -> Any:
    """The machine's settings record."""
    out = np.zeros(1, layout.settings)
    r = out[0]
    for name in (
        "seed",
        "lane",
        "cash",
        "leverage",
        "borrow",
        "borrow_rate",
        "liquidation_fee_bps",
        "fee_maker_bps",
        "fee_taker_bps",
    ):
        r[name] = getattr(s, name)
    for name in ("half_spread_bps", "max_participation", "close_at_end"):
        r[name] = getattr(s, name)
    r["fee_in_base"] = s.fee_in == "base"
    r["all_spot"] = all(i.kind == "spot" for i in instruments) and not s.borrow
    r["market_at_close"] = s.market_fill == "close"
    r["intrabar"] = Intrabar[s.intrabar.upper()]
    r["gap_at_price"] = s.gap_fill == "price"
    r["keep_remainder"] = s.market_remainder == "wait"
    r["latency_rows"], r["entry_ns"] = s.latency_bars, s.latency_entry_ns
    r["response_ns"] = s.latency_response_ns
    r["timeframe_ns"] = r["sample_ns"] = timeframe_ns
    r["bars_a_year"] = 365 * 86_400e9 / timeframe_ns
    if isinstance(s.limit_fill, dict):
        r["limit_fill"] = LimitFill.HAZARD
        for name in ("base", "depth", "queue"):
            r[f"hazard_{name}"] = s.limit_fill[name]
    elif isinstance(s.limit_fill, tuple):
        r["limit_fill"], r["through_ticks"] = LimitFill.THROUGH, s.limit_fill[1]
    if s.slippage["model"] == "fixed":
        r["slippage_bps"] = s.slippage["bps"]
    else:
        r["slippage_model"] = Slippage.VOL_VOLUME
        r["slippage_bps"] = s.slippage.get("bps", s.slippage.get("base_bps"))
        for name in ("vol_ref", "vol_power", "volume_power"):
            r[name] = s.slippage[name]
        r["participation_coefficient"] = s.slippage["participation"]
    r["impact"] = s.impact_coefficient
    write_tiers(r, s)
    return out


def write_tiers(r: Any, s: Settings) -> None:
    """Maintenance tiers; none is a rate of 0."""
    tiers = s.maintenance or [[0.0, 0.0]]
    less = 0.0
    for i, (start, rate) in enumerate(tiers):
        if i:
            less += start * (rate - tiers[i - 1][1])
        r["tier_from"][i], r["tier_rate"][i], r["tier_less"][i] = start, rate, less
    r["n_tiers"] = len(tiers)
    r["max_rate"] = max(rate for _, rate in tiers)


def number(x: Any) -> float:
    """None is NaN."""
    return NAN if x is None else float(x)


def encode(action: tuple) -> tuple[float, ...]:
    """One action as (what, side, qty, price, trigger, take, n, flag)."""
    what, *rest = action
    code = float(CODES[what])
    if what in ("buy", "sell", "target", "target_fraction"):
        return (code, 0, number(rest[0]), NAN, NAN, NAN, 0, 0)
    if what == "limit":
        side, qty, price, post_only, tif, ttl = (*rest, *(False, "GTC", 0)[len(rest) - 3 :])
        return (code, side, number(qty), number(price), NAN, NAN, ttl, Tif[tif] + 10 * bool(post_only))
    if what in ("stop", "reduce_stop"):
        side, qty, trigger, *more = rest
        return (code, side, number(qty), number(more[0]) if more else NAN, number(trigger), NAN, 0, 0)
    if what in ("trail", "reduce_trail", "reduce_limit"):
        return (code, rest[0], number(rest[1]), number(rest[2]), NAN, NAN, 0, 0)
    if what == "reduce":
        return (code, rest[0], number(rest[1]), NAN, NAN, NAN, 0, 0)
    if what == "bracket":
        side, qty, entry, take, stop, hold = (*rest, *(None, None, None, 0)[len(rest) - 2 :])
        return (code, side, number(qty), number(entry), number(stop), number(take), hold, 0)
    if what == "keep":
        return (code, rest[0], number(rest[2]), number(rest[1]), NAN, NAN, 0, 0)
    if what == "cancel_child":
        return (code, 0, NAN, NAN, NAN, NAN, rest[0], 0)
    if what == "modify_child":
        n, qty, price, trigger = rest
        return (code, 0, number(qty), number(price), number(trigger), NAN, n, 0)
    if what == "modify_last":
        qty, price, trigger = (*rest, *(None, None, None)[len(rest) :])
        return (code, 0, number(qty), number(price), number(trigger), NAN, 0, 0)
    return (code, 0, NAN, NAN, NAN, NAN, 0, 0)


def script_table(script: dict[tuple[int, int], list[tuple]], rows: int, instruments: int) -> Any:
    """The feature table that the scripted strategy reads: (fields x instruments, rows)."""
    table = np.zeros((len(FEATURES) * instruments, rows))
    for (row, k), actions in script.items():
        assert len(actions) <= ACTIONS
        for i, action in enumerate(actions):
            for f, value in enumerate(encode(action)):
                table[(i * len(FIELDS) + f) * instruments + k, row] = value
    return table


def parameters(linked: Linked, instruments: int) -> Any:
    """The parameter record: where each script column stands."""
    p = np.zeros(1, linked.p)
    for n, name in enumerate(FEATURES):
        p[f"c_{name}"] = n * instruments
    return p


def linked_for(instruments: int, groups: Groups, slots: int = 8, *, ahead: bool = False) -> Linked:
    """The scripted strategy's machine."""
    return link(scripted, [], groups, instruments=instruments, slots=slots, is_wide=lambda *_: False, ahead=ahead)


def make_tape(instruments: list[Instrument], s: Settings) -> Tape:
    """The case's tape."""
    window = (
        s.slippage["window"]
        if s.slippage["model"] == "vol_volume"
        else (s.impact_window if s.impact_coefficient else 0)
    )
    fine = (
        [bars_of(i, i.fine, i.fine_timeframe_ns) for i in instruments]
        if s.intrabar == "drill" and all(i.fine for i in instruments)
        else []
    )
    return build_tape(
        [bars_of(i) for i in instruments], [payments_of(i) for i in instruments], window=window, fine=fine
    )


def run(
    instruments: list[Instrument],
    s: Settings,
    script: dict[tuple[int, int], list[tuple]],
    *,
    groups: Groups = Groups(),
    splits: tuple[int, ...] = (),
) -> Outcome:
    """Run a case through the machine, the tape split before the given rows.

    Reports that take time need two ledgers. What is odd runs on the builds for any number of instruments and slots.
    """
    tape = make_tape(instruments, s)
    n = len(instruments)
    if s.latency_response_ns:
        groups = replace(groups, split=1)
    linked = linked_for(max(n, 2) if groups.split or s.order_slots != 8 else n, groups, s.order_slots)
    settings = settings_of(s, instruments, tape.timeframe_ns)
    own = initial_state(scripted.__huracan__, linked.u)
    lanes = new_lanes(
        linked,
        settings,
        parameters(linked, n),
        own,
        tape.rules,
        slots=s.order_slots,
        start_ns=first_ns(tape),
        reports=REPORTS,
    )
    table = script_table(script, tape.rows, n)
    rec = recorder(20_000, 20_000, tape.rows, 1_000)
    edges = [0, *splits, tape.rows]
    with np.errstate(all="ignore"):
        for lo, hi in pairwise(edges):
            if lo < hi:
                view = chunk(tape, lo, hi)
                whole = (view, np.ascontiguousarray(table[:, lo:hi]), lanes, rec, 0, 1)
                if not groups.events:
                    linked.entry(*whole, 0, hi - lo, lo, tape.rows - 1)
                    continue
                for i in range(hi - lo):
                    for e in range(n + 2):
                        linked.entry(*whole, i, i + 1, lo, tape.rows - 1, e, e + 1)
    return outcome(lanes, rec)


def outcome(lanes: Any, rec: Any) -> Outcome:
    """What is in the buffers, as plain values."""
    fills = [
        (
            int(f["ts_ns"]),
            int(f["inst"]),
            int(f["side"]),
            float(f["qty"]),
            float(f["price"]),
            float(f["fee"]),
            "maker" if f["maker"] else "taker",
            int(f["order_id"]),
            FillReason(int(f["reason"])).name.lower(),
        )
        for f in np.asarray(rec.fills[: rec.n[0]])
    ]
    a, st = lanes.acct[0], lanes.stats[0]
    counts = np.asarray(accounts(lanes)["counts"][0]) + np.asarray(st["counts"])
    return Outcome(
        fills,
        np.array(rec.trades[: rec.n[1]]),
        np.array(rec.equity[: rec.n[2]]),
        float(a["cash"]),
        [float(q) for q in lanes.positions["qty"][0]],
        float(a["fees"]),
        float(a["funding"]),
        float(a["interest"]),
        float(st["spread"]),
        float(st["slippage"]),
        float(st["impact"]),
        {Reason(i).name.lower(): int(c) for i, c in enumerate(counts) if c},
        bool(a["bankrupt"]),
        int((np.asarray(lanes.desks["side"][0]) != 0).sum()),
        lanes,
    )
