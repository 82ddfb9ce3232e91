"""Lanes side by side in vector registers, from the same functions that run alone.

A group of lanes goes through the tape in tiles of a few rows. In a row first the lanes that their trigger envelope
concerns take the venue's half, one by one; then all lanes are marked and run the step in vectors, with helpers that
only raise a flag; then the lanes whose flag is up decide for real, one by one, from their own state before the row.
When a tile's rows are decided, its equities go into the statistics, in vectors again. What the ordinary machine calls
is called here in the same order with the same numbers, so the bits are the same; where LLVM can't make vectors of a
step it is only slower, and whether it could is read from the machine code.

A row in which more may happen (before the start, a missing bar, a grid point passed over, the last one) ends the call,
and the driver gives it to the ordinary machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from huracan.sim.declare import Declaration
from huracan.sim.layout import NEVER

W = 32  # lanes that go through a tile together
HALF = 16  # so many at a time keep their sums in registers
RUN = 8  # so many get their features at once, for as many rows; the table has room behind its last row
B = 16  # rows of a tile: what it keeps of every lane stays in the first-level cache

# What the vectors read of a lane and leave as it is: (name here, where it is kept).
FLOATS = (
    ("cash", "acct.cash"),
    ("qty", "positions[0].qty"),
    ("up", "desks[0].up"),
    ("down", "desks[0].down"),
    ("fees", "acct.fees"),
    ("funding", "acct.funding"),
    ("interest", "acct.interest"),
    ("avg_price", "positions[0].avg_price"),
)
INTS = (("wake", "desks[0].wake_row"), ("entry_row", "positions[0].entry_row"))
ARRAYS = (
    "acct",
    "orders",
    "positions",
    "desks",
    "stats",
    "settings",
    "p",
    "u",
    "feats",
    "feats1",
    "wide",
    "wide1",
    "cursor",
)
RUNNING = ("sum_r", "sum_r2", "sum_neg2", "at_sample", "sum_equity")  # sums that every row may change
SUMS = (*RUNNING, "max_drawdown", "day_r", "day_r2", "at_day")

TEMPLATE = '''
add_row = K.marks.add_row
may_be_deepest = K.marks.may_be_deepest
deepest = K.marks.deepest
take_day = K.marks.take_day
wake_row = K.advance.wake_row
stop_lane = K.advance.stop_lane
close_row = K.advance.close_row
NOTHING = K.advance.NOTHING
unit_value = prices.unit_value
quiet_step = njit(**PART)(in_dry(B.step))


@njit(**PART)
def later(wake, row):
    """The row to wake at if it is still to come."""
    return wake if wake > row else {NEVER}


@njit(**PART)
def plain_rows(tape, stats, tally, row_lo, row_hi, row0, last_row):
    """The first row from row_lo on that is not plain; tally[1 + i - row_lo] gets the samples taken before row i."""
    next_sample = stats.next_sample
    next_day = stats.next_day
    samples = 0
    i = row_lo
    while i < row_hi:
        row = tape.rows[i]
        now = row.close_ns
        if row.live == 0 or tape.bars[i][0].fresh == 0 or row0 + i == last_row or next_sample < now or next_day < now:
            break
        tally[1 + i - row_lo] = samples
        if next_sample == now:
            samples += 1
            next_sample += stats.sample_ns
        if next_day == now:
            next_day += {DAY_NS}
        i += 1
    tally[1 + i - row_lo] = samples
    return i


@njit(**PART)
def venue_half(tape, rules, i, row_index, at, acct, orders, positions, desks, stats, s):
    """What happens to a lane in a row before its marks; returns the next payment's place."""
    n_costs = len(tape.costs)
    n_spans = len(tape.spans)
{read}
    return wake_row(v, row_index, row, tape.payments, at)


@njit(**PART)
def decision(
    tape, rules, {gate_args}c, i, row_index, acct, orders, positions, desks, stats, s, p, u, f, f1, wide, wide1
):
    """What happens to lane c in a row between its marks and its statistics."""
    n = 1
    n_costs = len(tape.costs)
    n_spans = len(tape.spans)
{gate_records}
{read}
    if not acct.equity > NOTHING * s.cash:
        stop_lane(v)
        return
{steps}
{wants}
    close_row(v, row_index, False)


@njit(**LINKED_ENTRY)
def side_by_side(tape, flat, stride, lanes, {gate_args}tally, lo, hi, row_lo, row_hi, row0, last_row):
    """Lanes lo..hi, {W} at a time, over rows row_lo..row_hi of this chunk; flat[feature * stride + row].

    Returns the first row not done; tally[0] counts the rows of single lanes that were more than a mark.
    """
{arrays}
    end = plain_rows(tape, stats_l[lo], tally, row_lo, row_hi, row0, last_row)
    if end == row_lo:
        return end
    acct_s = stack_slots(acct_t, 1)
    positions_s = stack_slots(position_t, 1)
    stats_s = stack_slots(stats_t, 1)
    f_s = stack_slots(f_t, 1)
    f1_s = stack_slots(f_t, 1)
    p_s = stack_slots(p_t, 1)
    u_s = stack_slots(u_t, 1)
    wide_s = stack_slots(wide_t, 1)
    acct = acct_s[0]
    stats = stats_s[0]
    pos = positions_s[0]
    f = f_s[0]
    f1 = f1_s[0]
    p = p_s[0]
    u = u_s[0]
    since = stack_ints({W})  # samples that had been taken when the lane's position changed last
    holding_v = stack_ints({W})
    equity_t = stack_floats({TILE})
    peak_t = stack_floats({TILE})  # a row more: first the peaks before the tile
    lowest = stack_floats({W})
    from_h = stack_ints({W})
{allocate}
    left = 0
    n_samples = tally[1 + end - row_lo]
    for c0 in range(lo, hi, {W}):
        width = min(hi - c0, {W})
        all_lanes = (1 << width) - 1
        next_day = stats_l[c0].next_day
        days = 0
        mark = positions_l[c0, 0].mark
        dead = 0  # lanes that are bankrupt: what they have left changes no more
        risky = 0  # lanes that prices alone could ruin: the venue looks at them in every row
        least = 0.0
        closes = 0
        paid = 0
        for w in range({W}):
            c = c0 + min(w, width - 1)  # empty places of the last group hold its last lane once more, and keep nothing
            paid = max(paid, cursor_l[c])
            least = min(least, -NOTHING * settings_l[c].cash)
            if settings_l[c].market_at_close == 1:
                closes = 1
            put(since, w, 0)
            put(holding_v, w, stats_l[c].holding)
            put(peak_t, w, acct_l[c].peak)
{load_once}
{load_12}
{lay}
        worthless = -least  # no maximum but that of the peaks: by it the machine code is known (vector_check.py)
        # When a lane must be looked at next: those of the next row in a mask, for the others a bound of all of them.
        soon = 0
{nearest}
        last_b = 0
        t0 = row_lo
        while t0 < end:
            t1 = min(t0 + {B}, end)
            rows = t1 - t0
{deliver}
            last_b = rows
            for i in range(t0, t1):
                b = i - t0
                row = tape.rows[i]
                bars = tape.bars[i]
                bar = bars[0]
                now_row = row0 + i
                now_ts = row.close_ns
                now_open = row.open_ns
                high = bar.high
                low = bar.low
                busy = risky | soon
                soon = 0
                if {near}:
                    for w in range({W}):
                        busy |= (1 if {touches} else 0) << w
{nearest_again}
                if paid < row.fund_hi:
                    paid = row.fund_hi
                    busy = all_lanes
                busy &= all_lanes & ~dead
                while busy != 0:
                    w = lowest_bit(busy)
                    busy &= busy - 1
                    c = c0 + w
                    positions_l[c, 0].mark = mark
                    cursor_l[c] = venue_half(
                        tape, rules, i, now_row, cursor_l[c],
                        acct_l[c], fixed(orders_l[c], {SLOTS}), fixed(positions_l[c], 1), fixed(desks_l[c], 1),
                        stats_l[c], settings_l[c],
                    )
                    left += 1
                    held = 1 if positions_l[c, 0].qty != 0.0 else 0
{settle_20}
{load_20}
{nearest_one}
                mark = bar.close
                worth = unit_value(rules[0], mark)
                here = b * {W}
                for w in range({W}):
                    acct.row = now_row
                    acct.ts_ns = now_ts
                    acct.open_ns = now_open
                    acct.n_new = 0
                    acct.cash = take(cash_v, w)
                    acct.fees = take(fees_v, w)
                    acct.funding = take(funding_v, w)
                    acct.interest = take(interest_v, w)
                    pos.qty = take(qty_v, w)
                    pos.avg_price = take(avg_price_v, w)
                    pos.entry_row = take(entry_row_v, w)
                    pos.mark = mark
{vector_load}
                    acct.equity = acct.cash + pos.qty * worth
                    acct.peak = max(take(peak_t, here + w), acct.equity)
                    put(equity_t, here + w, acct.equity)
                    put(peak_t, here + {W} + w, acct.peak)
                    quiet_step(Ctx(
                        acct, orders_l[c0], positions_s, bars, f_s, f1_s, wide_s[0], wide_s[0], bar, pos, f, f1, 0,
                        p, u, rules, settings_l[min(c0 + w, hi - 1)],
                    ))
                    flag = 0 if acct.equity > worthless else 1
                    if acct.n_new != 0:
                        flag = 1
{vector_store}
                    busy |= flag << w
                if closes == 1 and (soon != 0 or first_wake <= now_row + 1):
                    busy = all_lanes
                busy &= all_lanes & ~dead
                while busy != 0:
                    w = lowest_bit(busy)
                    busy &= busy - 1
                    c = c0 + w
                    a = acct_l[c]
                    a.row = now_row
                    a.ts_ns = now_ts
                    a.open_ns = now_open
                    a.equity = take(equity_t, here + w)
                    a.peak = take(peak_t, here + {W} + w)
                    positions_l[c, 0].mark = mark
                    stats_l[c].holding = take(holding_v, w)
{show}
                    decision(
                        tape, rules, {gate_args}c, i, now_row,
                        a, fixed(orders_l[c], {SLOTS}), fixed(positions_l[c], 1), fixed(desks_l[c], 1), stats_l[c],
                        settings_l[c], p_l[c], u_l[c], fixed(feats_l[c], 1), fixed(feats1_l[c], 1), wide_l[c],
                        wide1_l[c],
                    )
                    left += 1
                    put(equity_t, here + w, a.equity)
                    put(peak_t, here + {W} + w, a.peak)
                    held = stats_l[c].holding
{settle_20}
{load_20}
{read_own}
{nearest_one}
            s0 = t0
            while s0 < t1:  # rows that are all on the sample grid or all off it, and a new day no sooner than the last
                sampled = tally[2 + s0 - row_lo] > tally[1 + s0 - row_lo]
                dayed = False
                s1 = s0
                while s1 < t1 and not dayed and (tally[2 + s1 - row_lo] > tally[1 + s1 - row_lo]) == sampled:
                    dayed = next_day == tape.rows[s1].close_ns
                    s1 += 1
                for h in range(0, {W}, {HALF}):
                    for w in range({HALF}):
                        put(low_h, w, np.inf)
{to_half}
                    if sampled:
                        for b in range(s0 - t0, s1 - t0):
                            for w in range({HALF}):
                                equity = take(equity_t, b * {W} + h + w)
{half_load}
                                add_row(stats, equity, True)
{half_store}
                                put(low_h, w, min(take(low_h, w), equity))
                    else:
                        for b in range(s0 - t0, s1 - t0):
                            for w in range({HALF}):
                                equity = take(equity_t, b * {W} + h + w)
{half_load}
                                add_row(stats, equity, False)
{half_store}
                                put(low_h, w, min(take(low_h, w), equity))
                    for w in range({HALF}):
                        put(lowest, h + w, take(low_h, w))
{from_half}
                # The deepest drawdown under a peak that stands is at the lowest equity; where it moved, row by row.
                before = (s0 - t0) * {W}
                after = (s1 - t0) * {W}
                moved = 0
                for w in range({W}):
                    low = take(lowest, w)
                    peak = take(peak_t, after + w)
                    drawdown = take(max_drawdown_v, w)
                    deeper = may_be_deepest(low, peak, drawdown)
                    stood = take(peak_t, before + w) == peak
                    put(max_drawdown_v, w, deepest(low, peak, drawdown) if deeper and stood else drawdown)
                    moved |= (1 if deeper and not stood else 0) << w
                while moved != 0:
                    w = lowest_bit(moved)
                    moved &= moved - 1
                    for b in range(s0 - t0, s1 - t0):
                        equity = take(equity_t, b * {W} + w)
                        peak = take(peak_t, (b + 1) * {W} + w)
                        if may_be_deepest(equity, peak, take(max_drawdown_v, w)):
                            put(max_drawdown_v, w, deepest(equity, peak, take(max_drawdown_v, w)))
                if dayed:
                    next_day += {DAY_NS}
                    days += 1
                    for w in range({W}):
                        stats.day_r = take(day_r_v, w)
                        stats.day_r2 = take(day_r2_v, w)
                        stats.at_day = take(at_day_v, w)
                        take_day(stats, take(equity_t, after - {W} + w))
                        put(day_r_v, w, stats.day_r)
                        put(day_r2_v, w, stats.day_r2)
                        put(at_day_v, w, stats.at_day)
                s0 = s1
            for w in range({W}):
                put(peak_t, w, take(peak_t, rows * {W} + w))
            t0 = t1
        row = tape.rows[end - 1]
        place = (last_b - 1) * {W}
        for w in range(width):
            c = c0 + w
            a = acct_l[c]
            st = stats_l[c]
            if (dead >> w) & 1 == 0:
{store_own}
                a.open_ns = row.open_ns
                positions_l[c, 0].mark = mark
                cursor_l[c] = paid
            a.row = row0 + end - 1
            a.ts_ns = row.close_ns
            a.equity = take(equity_t, place + w)
            a.peak = take(peak_t, w)
            st.last = a.equity
            st.holding = take(holding_v, w)
            st.held = st.holding
            st.exposed += st.holding * (n_samples - take(since, w))
            st.bars += end - row_lo
            st.samples += n_samples
            st.next_sample += n_samples * st.sample_ns
            st.days += days
            st.next_day = next_day
{store_12}
    tally[0] += left
    return end
'''


@dataclass(frozen=True)
class Pieces:
    """Generated code of the ordinary machine that lanes side by side share: a row's records, the step, its wants."""

    gate_args: str
    gate_records: Sequence[str]
    read: Sequence[str]
    steps: Sequence[str]
    wants: Sequence[str]
    slots: int


def vector_text(
    d: Declaration, p: np.dtype[Any], u: np.dtype[Any], f: np.dtype[Any], pieces: Pieces, resting: int
) -> str:
    """What the stub of the ordinary machine is followed by."""
    values = [n for n in (p.names or ()) if not n.startswith("c_") and n != "none"]
    state = [n for n in (u.names or ()) if n != "none"]
    kept = [n for n in (f.names or ()) if n != "none"]
    floats = [n for n, _ in FLOATS] + list(SUMS)
    floats += [f"p_{n}" for n in values if p[n].kind == "f"] + [f"u_{n}" for n in state if u[n].kind == "f"]
    ints = [n for n, _ in INTS]
    ints += [f"p_{n}" for n in values if p[n].kind != "f"] + [f"u_{n}" for n in state if u[n].kind != "f"]
    allocate = [f"{n}_v = stack_floats({W})" for n in floats] + [f"{n}_v = stack_ints({W})" for n in ints]
    allocate += [f"{n}_h = stack_floats({HALF})" for n in (*RUNNING, "low")]
    for n in kept:
        allocate += [f"{n}_t = stack_floats({W * (B + 1)})", f"base_{n} = stack_ints({W})"]
        allocate += [f"one_{n} = stack_ints({W // RUN})"]

    def at(where: str) -> str:
        """A field of lane c, as text: acct.cash is acct_l[c].cash."""
        return re.sub(r"^(\w+?)(\[0\])?\.", lambda m: f"{m[1]}_l[c{', 0' if m[2] else ''}].", where)

    own = [f"put(u_{n}_v, w, u_l[c].{n})" for n in state]
    load = [f"put({n}_v, w, {at(where)})" for n, where in (*FLOATS, *INTS)] + [
        "risky = risky & ~(1 << w) | stats_l[c].risky << w",
        "if acct_l[c].bankrupt == 1:",
        "    dead |= 1 << w",
        "    put(cash_v, w, acct_l[c].equity)",
        "    put(qty_v, w, 0.0)",
        f"    put(wake_v, w, {NEVER})",
        "    put(up_v, w, np.inf)",
        "    put(down_v, w, -np.inf)",
    ]
    settle = [
        "stats_l[c].exposed += take(holding_v, w) * (tally[1 + i - row_lo] - take(since, w))",
        "put(since, w, tally[1 + i - row_lo])",
        "put(holding_v, w, held)",
    ]
    once = [f"put({n}_v, w, stats_l[c].{n})" for n in SUMS] + own
    once += [f"put(p_{n}_v, w, p_l[c].{n})" for n in values]
    once += [f"put({n}_t, w, feats_l[c, 0].{n})" for n in kept]
    show = [f"u_l[c].{n} = take(u_{n}_v, w)" for n in state]
    for n in kept:
        show += [
            f"feats_l[c, 0].{n} = take({n}_t, here + {W} + w)",
            f"feats1_l[c, 0].{n} = take({n}_t, here + w)",
        ]
    store = [f"st.{n} = take({n}_v, w)" for n in SUMS]
    for n in kept:
        store += [
            f"feats_l[c, 0].{n} = take({n}_t, place + {W} + w)",
            f"feats1_l[c, 0].{n} = take({n}_t, place + w)",
        ]
    vector_load = [f"u.{n} = take(u_{n}_v, w)" for n in state] + [f"p.{n} = take(p_{n}_v, w)" for n in values]
    for n in kept:
        vector_load += [f"f.{n} = take({n}_t, here + {W} + w)", f"f1.{n} = take({n}_t, here + w)"]
    nearest = ["lowest_up = np.inf", "lowest_rise = np.inf", f"first_wake = {NEVER}"]
    again = [*nearest, f"for w in range({W}):", "    first_wake = min(first_wake, later(take(wake_v, w), now_row))"]
    nearest += [f"for w in range({W}):", "    first_wake = min(first_wake, take(wake_v, w))"]
    one = [
        "if take(wake_v, w) <= now_row + 1:",
        "    soon |= 1 << w",
        "else:",
        "    first_wake = min(first_wake, take(wake_v, w))",
    ]
    more = ["lowest_up = min(lowest_up, take(up_v, w))", "lowest_rise = min(lowest_rise, -take(down_v, w))"]
    if resting:
        nearest += ["    " + line for line in more]
        again += ["    " + line for line in more]
        one += more
    return TEMPLATE.format(
        W=W,
        HALF=HALF,
        B=B,
        SLOTS=pieces.slots,
        TILE=W * (B + 1),
        NEVER=NEVER,
        DAY_NS=86_400_000_000_000,
        gate_args=pieces.gate_args,
        gate_records=lines(pieces.gate_records, 4),
        read=lines(pieces.read, 4),
        steps=lines(pieces.steps, 4),
        wants=lines(pieces.wants, 4),
        arrays=lines([f"{n}_l = lanes.{n}" for n in ARRAYS] + ["rules = fixed(lanes.rules, 1)"], 4),
        allocate=lines(allocate, 4),
        load_once=lines(once, 12),
        load_12=lines(load, 12),
        load_20=lines(load, 20),
        lay=lines([line for n in kept for line in lay(n)], 8),
        deliver=lines([line for n in kept for line in deliver(n)], 12),
        nearest=lines(nearest, 8),
        nearest_again=lines(again, 20),
        nearest_one=lines(one, 20),
        near="now_row >= first_wake" + (" or high >= lowest_up or -low >= lowest_rise" if resting else ""),
        touches="now_row >= take(wake_v, w)"
        + (" or high >= take(up_v, w) or low <= take(down_v, w)" if resting else ""),
        settle_20=lines(settle, 20),
        read_own=lines(own, 20),
        show=lines(show, 20),
        vector_load=lines(vector_load, 20),
        vector_store=lines([f"put(u_{n}_v, w, take(u_{n}_v, w) if flag == 1 else u.{n})" for n in state], 20),
        to_half=lines([f"put({n}_h, w, take({n}_v, h + w))" for n in RUNNING], 24),
        from_half=lines([f"put({n}_v, h + w, take({n}_h, w))" for n in RUNNING], 24),
        half_load=lines([f"stats.{n} = take({n}_h, w)" for n in RUNNING], 32),
        half_store=lines([f"put({n}_h, w, stats.{n})" for n in RUNNING], 32),
        store_own=lines([f"u_l[c].{n} = take(u_{n}_v, w)" for n in state], 16),
        store_12=lines(store, 12),
    )


def lay(n: str) -> list[str]:
    """Generated lines that note where each lane's column of feature n begins, and where eight lanes have the same."""
    return [
        f"for w in range({W}):",
        f"    put(base_{n}, w, lanes.p[c0 + min(w, width - 1)].c_{n} * stride)".replace("lanes.p", "p_l"),
        f"for g in range(0, {W}, {RUN}):",
        f"    one_{n}[g // {RUN}] = 1",
        f"    for w in range(g, g + {RUN}):",
        f"        if take(base_{n}, w) != take(base_{n}, g):",
        f"            one_{n}[g // {RUN}] = 0",
    ]


def deliver(n: str) -> list[str]:
    """Generated lines that put the values of feature n into the tile, under those of the row before."""
    return [
        f"for w in range({W}):",
        f"    put({n}_t, w, take({n}_t, last_b * {W} + w))",
        f"    put(from_h, w, take(base_{n}, w) + t0)",
        f"for b in range(0, rows, {RUN}):",
        f"    for g in range(0, {W}, {RUN}):",
        f"        if take(one_{n}, g // {RUN}) == 1:",
        f"            spread({n}_t, (b + 1) * {W} + g, {W}, flat, take(from_h, g))",
        "        else:",
        f"            across({n}_t, (b + 1) * {W} + g, {W}, flat, from_h, g)",
        f"    for w in range({W}):",
        f"        put(from_h, w, take(from_h, w) + {RUN})",
    ]


def lines(text: Sequence[str], by: int) -> str:
    """Generated lines at a depth of `by` spaces."""
    return "\n".join(" " * by + line for line in (text or ["pass"]))
