"""The text of what looks ahead in a sweep of one instrument, with which a stub is filled in (stub_code.py).

Rows after one another are asked together whether the step would want anything there, or a price touch something: with a
dry step (dry_step.py), from the columns of features and of bars, so that LLVM makes vectors of them. Those in which
nothing is asked for are over: they are only added up (kernel/calm.py). The first that asks runs like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import config

from huracan.sim import layout
from huracan.sim.declare import Declaration
from huracan.sim.layout import LEAD
from huracan.sim.lone_bars import BAR
from huracan.sim.stubs import indent

HEAD = """from huracan.sim.dry_step import in_dry
from huracan.sim.exact_doubles import bits_of

dry_step = njit(**PART)(in_dry(B.step))"""

LOOK_ROWS = 16  # at once
IDLE_ROWS = 63  # taken one by one at most before it looks ahead again, where that was in vain

# What the dry step sees.
RECORDS = (
    ("dry_acct", "layout.account"),
    ("dry_pos", "layout.position"),
    ("dry_bar", "layout.bar"),
    ("dry_rule", "layout.rules"),
    ("dry_u", "B.u"),
    ("dry_f", "B.f"),
    ("dry_f1", "B.f"),
    ("dry_wide", "B.wide"),
    ("dry_wide1", "B.wide"),
)

# The same where the step says whether it wants anything without doing it: rows in which it does not are passed over.
# The row that comes after them is counted with them: rows before `counted` are.
AHEAD = """j = i
{waiting}i < stop and tape.rows[u_i + one].calm == kind{alone}:
{look}
if j > i:
    upto = j
    if j < until and s.market_at_close == 0:
        next_row = Venue(acct, orders, positions, desks, stats, tape.bars[np.uint64(j)], rules, s, 0, 0, 0)
        if worth_at(calm, take(units.value, {lead} + j)) > floor and not prices_matter(next_row, True):
            upto = j + 1
    tally = count_rows(calm, units, tally.peak, kind, counted, upto, stats.bars + counted - first)
    counted = upto
    last = tally.equity
    i = j
    u_i = np.uint64(i - 1)
    if upto == i:  # else the row that begins now writes over all that
        row = tape.rows[u_i]
        begin_calm(calm, row0 + i - 1, row)
        acct.equity = tally.equity
        acct.peak = tally.peak
        positions[0].mark = tape.bars[u_i][0].close
{catch_up}
elif counted < i:
    count_calm(calm, tally, kind, (stats.bars + counted - first) & 7)
    counted = i
    last = tally.equity"""
# A row that was counted already, because it was sure to begin, ends without its statistics.
END = """close_row_of(v, row0 + i, row0 + i == last_row)
if counted <= i:
    statistics(v)"""
# One row: what the step would see, and whether it, or a price, asks for more. `dry_u` is the state it would leave.
DRY_ROW = """u_b = np.uint64({at})
dry_row = tape.rows[{row}]
dry_bar.open = take(lines_open, {lead} + {at})
dry_bar.high = take(lines_high, {lead} + {at})
dry_bar.low = take(lines_low, {lead} + {at})
dry_bar.close = take(lines_close, {lead} + {at})
dry_bar.volume = take(lines_volume, {lead} + {at})
dry_bar.fresh = 1
dry_pos.mark = take(lines_close, {lead} - 1 + {at})
asks = prices_matter(Venue(dry_acct, orders, dry_positions, desks, stats, dry_bars, dry_rule_s, s, 0, 0, 0), True)
dry_pos.mark = dry_bar.close
dry_acct.row = row0 + {at}
dry_acct.open_ns = dry_row.open_ns
dry_acct.ts_ns = dry_row.close_ns
dry_acct.n_new = 0
dry_acct.equity = worth_at(calm, take(units.value, {lead} + {at}))
{dry_load}
dry_step(Ctx(
    dry_acct, {orders}, dry_positions, dry_bars, dry_f_s, dry_f1_s, dry_wide, dry_wide1, dry_bar, dry_pos,
    dry_f, dry_f1, 0, p, dry_u, dry_rule_s, s,
))
asks = asks or dry_acct.n_new != 0"""
# {width} rows, each with the state as it stands; `found` has a bit for each that is not over, and some behind `until`,
# and for the first one where any of them might leave nothing.
MANY = """for b in range({width}):
    eight_at_once()
{dry_row}
    asks = asks{moves}
    put(flags, b, 1.0 if asks else -1.0)
found = not_below_zero(flags, {width})
if not worth_in(calm, units, j, {width})[0] > floor:
    found |= 1"""
# A step that always wants something is not asked in vain: rows are taken one by one for a while.
LOOK = """until = min(min(stop, ends), i + tape.rows[u_i + one].same)
{copies}
while j < until:
{many}
    if found != 0:
        j += lowest_bit(found)
        break
    j += {width}
j = min(j, until)
patience = min(2 * patience + 1, {most}) if j == i else 0
idle = patience"""
# With own state: a row that only changed it is over as well, and where it changes all the time rows go one by one.
LOOK_CARRYING = """until = min(min(stop, ends), i + tape.rows[u_i + one].same)
{copies}
while j < until:
    if idle == 0:
{many_inside}
        passed = lowest_bit(found) if found != 0 else {width}
        patience = min(2 * patience + 1, {most}) if passed == 0 else 0
        idle = patience + 1 if found != 0 else 0
        j += passed
    else:
{one_inside}
        if asks or not dry_acct.equity > floor:
            break
{keep}
        idle -= 1
        j += 1
j = min(j, until)"""


class Ahead(NamedTuple):
    """How a sweep looks ahead: with `no_orders` only while no order works."""

    no_orders: bool


def looking_ahead(
    declared: Sequence[tuple[str, Declaration]], is_wide: Callable[[str, Any], bool], no_orders: bool
) -> dict[str, list[str]]:
    """Generated code that passes over rows in which the step wants nothing.

    `declared`: the strategy's and the gates' declarations, by the prefix of their records. `no_orders`: only while no
    order works, so that helpers that go through them have none to go through.
    """
    catch_up: list[str] = []
    dry: list[str] = []
    for prefix, d in declared:
        for n in d.features:
            wide = is_wide(n, d.features)
            now, was = (f"{prefix}wide", f"{prefix}wide1") if wide else (f"{prefix}f[0]", f"{prefix}f1[0]")
            column = f"table[{prefix}p.c_{n}, {{}}]" if wide else f"{prefix}t_{n}[{{}}]"
            catch_up += [f"{was}.{n} = {column.format('u_i - one')}", f"{now}.{n} = {column.format('u_i')}"]
            if not prefix:
                now = "dry_wide" if wide else "dry_f"
                dry += [f"{now}.{n} = {column.format('u_b')}", f"{now}1.{n} = {column.format('u_b - one')}"]
    state = [n for n, value in declared[0][1].state.items() if not isinstance(value, (list, tuple))]
    dry += [f"dry_u.{n} = u.{n}" for n in state]
    # Field by field: whole records would be read in pieces wider than those in which they were just written.
    copies = [f"dry_acct.{n} = acct.{n}" for n in numbers(layout.account)]
    copies += [f"dry_pos.{n} = positions[0].{n}" for n in numbers(layout.position)]
    copies += ["copy_record(dry_u, u)"] if len(state) < len(declared[0][1].state) else []
    row = "min(int(u_b), len(tape.rows) - 1)" if config.DISABLE_JIT else "u_b"  # memory behind the last is ours
    words = {"row": row, "width": LOOK_ROWS, "lead": LEAD, "dry_load": indent(dry, 0), "most": IDLE_ROWS}
    words["orders"] = "no_orders" if no_orders else "orders"
    moved = "".join(f" or {bits(declared[0][1], 'dry_u', n)} != {bits(declared[0][1], 'u', n)}" for n in state)
    each = indent(DRY_ROW.format(at="j + b", **words).split("\n"), 4)
    many = MANY.format(dry_row=each, moves=moved, **words).split("\n")
    one = DRY_ROW.format(at="j", **words).split("\n")
    keep = indent([f"u.{n} = dry_u.{n}" for n in state], 8)
    look = (LOOK_CARRYING if state else LOOK).format(
        many=indent(many, 4),
        many_inside=indent(many, 8),
        one_inside=indent(one, 8),
        keep=keep,
        copies=indent(copies, 0),
        **words,
    )
    waiting = "if " if state else "if idle > 0:\n    idle -= 1\nelif "
    ahead = AHEAD.format(
        lead=LEAD,
        look=indent(look.split("\n"), 4),
        catch_up=indent(catch_up, 4),
        waiting=waiting,
        alone=" and desks[0].n_live == 0" if no_orders else "",
    )
    return {
        "before": ["last = acct.equity", "counted = i"],
        "count": [],
        "ahead": ahead.split("\n"),
        "after": [],
        "counted": ["counted"],
        "end": END.split("\n"),
    }


def bits(d: Declaration, record: str, name: str) -> str:
    """A number of the state as it is compared: 0.0 and -0.0 differ, and NaN is like itself."""
    return f"bits_of({record}.{name})" if isinstance(d.state[name], float) else f"{record}.{name}"


def dry_records() -> list[str]:
    """Generated lines that make what the step sees while it only says whether it wants anything."""
    found = [f"{name}_s = stack_slots({name}_t, 1)" for name, _ in RECORDS]
    found += [f"{name} = {name}_s[0]" for name, _ in RECORDS]
    found += [f"lines_{name} = tape.lines[{k}, tape.first :]" for k, name in enumerate(BAR)]
    found += ["dry_positions = dry_pos_s", "dry_bars = dry_bar_s", "one = np.uint64(1)", "no_orders = orders_s[:0]"]
    found += ["copy_record(dry_rule, lanes.rules[0])"]  # read where it surely may be, so that LLVM reads it but once
    return [*found, f"flags = stack_floats({LOOK_ROWS})"]


def numbers(record: np.dtype[Any]) -> list[str]:
    """The fields of a record that are numbers."""
    return [n for n in record.names or () if record[n].shape == ()]
