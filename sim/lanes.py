"""The state of many lanes: one record each, all plain bytes, allocated here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from huracan.sim import layout
from huracan.sim.book_layout import BookLanes
from huracan.sim.builds import Groups
from huracan.sim.enough_memory import in_words, need
from huracan.sim.layout import GateLanes, Lanes, Recorder
from huracan.sim.linker import Linked
from huracan.sim.memory import as_records
from huracan.sim.refusal import Refused
from huracan.sim.tape import Tape, most_payments_a_row

Records = np.ndarray[Any, Any]
DAY_NS = 86_400_000_000_000


def records(dtype: np.dtype[Any], *shape: int) -> Any:
    """Zeroed records whose fields are attributes, in compiled code and in plain Python alike."""
    return as_records(np.zeros(shape, dtype))


def in_shares(settings: Records) -> Any:
    """Settings with their costs in bps written as shares of the notional too, for lanes to read."""
    out = as_records(np.array(settings))
    out["fee_maker"], out["fee_taker"] = settings["fee_maker_bps"] / 1e4, settings["fee_taker_bps"] / 1e4
    out["fee_forced"] = (settings["fee_taker_bps"] + settings["liquidation_fee_bps"]) / 1e4
    out["half_spread"] = settings["half_spread_bps"] / 1e4
    out["spread_and_slip"] = (settings["half_spread_bps"] + settings["slippage_bps"]) / 1e4  # a model's base
    return out


def next_grid(ts_ns: int, step_ns: int) -> int:
    """The first multiple of step_ns after ts_ns.

    >>> next_grid(10, 4), next_grid(12, 4)
    (12, 16)
    """
    return (ts_ns // step_ns + 1) * step_ns


def new_lanes(
    linked: Linked,
    settings: Records,
    params: Records,
    own_state: Records,
    rules: Records,
    *,
    slots: int,
    start_ns: int,
    reports: int = 0,
) -> Lanes:
    """Lanes at a run's start: one for each record of `settings` and `params`; start_ns is the first live bar's open.

    A build whose decisions have a ledger of their own gets room for `reports` that are under way.
    """
    n, instruments = len(settings), len(rules)
    whose = f"{n:,} lanes of {instruments:,} instruments with {slots} order slots"
    fix = "ask for fewer slots, instruments or lanes at once"
    need(n * lane_bytes(linked, instruments, slots), whose, where="run.order_slots", fix=fix)
    acct = records(layout.account, n)
    for name in ("cash", "equity", "peak"):
        acct[name] = settings["cash"]
    acct["ts_ns"] = start_ns
    orders = records(layout.order, n, instruments * slots)
    desks = records(layout.desk, n, instruments)
    desks["wake_row"] = layout.NEVER
    desks["up"], desks["down"] = np.inf, -np.inf
    stats = records(layout.stats, n)
    stats["sample_ns"] = settings["sample_ns"]
    phase = start_ns % int(settings["timeframe_ns"][0]) if settings["timeframe_ns"][0] else 0  # of bars off the minute
    for step in np.unique(settings["sample_ns"]).tolist():
        stats["next_sample"][settings["sample_ns"] == step] = next_grid(start_ns - phase, step) + phase
    desks["refilled_row"] = -1
    stats["next_day"] = next_grid(start_ns - phase, DAY_NS) + phase
    for name in ("last", "at_sample", "at_day", "peak"):
        stats[name] = settings["cash"]
    u = records(linked.u, n)
    u[:] = own_state[0]
    return Lanes(
        acct,
        orders,
        records(layout.position, n, instruments),
        desks,
        stats,
        in_shares(settings),
        as_records(params),
        u,
        *nothing_known(linked.f, linked.wide, n, instruments),
        as_records(rules),
        np.zeros(n, np.int64),
        *own_records(linked.groups, acct, instruments, slots, reports),
    )


def lane_bytes(linked: Linked, instruments: int, slots: int) -> int:
    """Memory that a lane takes, but for reports: their room is large, and hardly ever filled."""
    ledgers = 2 if linked.groups.split else 1
    account, order, position = (each.itemsize for each in (layout.account, layout.order, layout.position))
    each = ledgers * (slots * order + position) + layout.desk.itemsize + 2 * linked.f.itemsize
    each += slots * layout.told.itemsize if linked.groups.split else 0
    alone = layout.stats.itemsize + layout.settings.itemsize + linked.p.itemsize + linked.u.itemsize
    alone += layout.mailbox.itemsize if linked.groups.split else 0
    for gate in linked.gates:
        alone += gate.p.itemsize + gate.u.itemsize + 2 * (instruments * gate.f.itemsize + gate.wide.itemsize)
    return instruments * each + ledgers * account + alone + 2 * linked.wide.itemsize


def own_records(groups: Groups, acct: Records, instruments: int, slots: int, reports: int) -> tuple[Any, ...]:
    """What decides begins with: the same cash as the venue's, no orders, nothing told; nothing at all if it shares."""
    n = len(acct) if groups.split else 0
    own_acct = records(layout.account, n)
    own_acct[:] = acct[:n]
    mail = records(layout.mailbox, n)
    mail["last_ns"] = -layout.NEVER
    return (
        own_acct,
        records(layout.order, n, instruments * slots),
        records(layout.position, n, instruments),
        records(layout.told, n, instruments * slots),
        report_records(n, reports),
        mail,
    )


def report_records(n: int, reports: int) -> Any:
    """Room for the reports of n lanes; memory is taken for those that are written."""
    try:
        return records(layout.report, n, reports)
    except (MemoryError, ValueError):  # ValueError: more than an address can count
        size = in_words(n * reports * layout.report.itemsize)
        fix = "ask for a shorter response latency, or for fewer order slots, instruments or lanes at once"
        raise Refused(f"reports under way want up to {size} of memory", where="venue.latency_ms", fix=fix) from None


def most_executions(orders: int, instruments: int, deepest: int = 1) -> int:
    """Executions that one row can bring at most to so many order slots, with so many finer bars in it."""
    return (4 * orders + 2 * instruments) * deepest + 16


def report_room(linked: Linked, settings: Records, tape: Tape, slots: int, deepest: int = 1) -> int:
    """Reports of one lane that can be under way at once: what a row can bring, for as many rows as they travel."""
    if not linked.groups.split:
        return 0
    n = len(tape.series)
    payments = most_payments_a_row(tape)
    a_row = most_executions(slots * n, n, deepest) + payments + n + 2 + 3 * slots * n
    rows = -(-int(settings["response_ns"].max()) // tape.timeframe_ns) + 2
    return int(min(rows, tape.rows + 2) * a_row)


def accounts(lanes: Lanes | BookLanes) -> Records:
    """The venue's accounts, with the refusals that what decides has counted."""
    out = np.array(np.asarray(lanes.acct))
    if len(lanes.own_acct):
        out["counts"] = np.asarray(lanes.own_acct)["counts"]
    return out


def nothing_known(f: np.dtype[Any], wide: np.dtype[Any], n: int, instruments: int) -> tuple[Any, Any, Any, Any]:
    """Feature records before any bar: all NaN. (feats, feats1, wide, wide1)"""
    out = (records(f, n, instruments), records(f, n, instruments), records(wide, n), records(wide, n))
    for r in out:
        for name in r.dtype.names or ():
            r[name] = np.nan
    return out


def gate_lanes(linked: Linked, g: int, params: Records, own_state: Records, instruments: int) -> GateLanes:
    """State of gate g for every lane."""
    r = linked.gates[g]
    n = len(params)
    u = records(r.u, n)
    u[:] = own_state[0]
    return GateLanes(
        as_records(params), u, *nothing_known(r.f, r.wide, n, instruments), np.zeros((n, len(r.reasons) + 1), np.int64)
    )


def recorder(fills: int, trades: int, rows: int, margin: int) -> Recorder:
    """Buffers of a recording run.

    The machine stops before a row that might not fit, which `margin` executions always do.
    """
    n = np.zeros(5, np.int64)
    n[3], n[4] = fills - margin, trades - margin
    return Recorder(records(layout.fill, fills), records(layout.trade, trades), records(layout.equity, rows), n)


def no_recorder() -> Recorder:
    """What a build without a recorder is given."""
    return recorder(1, 1, 1, 0)


def snapshot(lanes: Lanes, gates: Sequence[GateLanes]) -> bytes:
    """All state as bytes: equal bytes go on equally."""
    parts = [np.ascontiguousarray(a).tobytes() for a in lanes]
    parts += [np.ascontiguousarray(a).tobytes() for g in gates for a in g]
    return b"".join(parts)
