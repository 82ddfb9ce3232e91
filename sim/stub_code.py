"""The text of a stub: the loop over lanes and rows around one strategy and its gates.

Pieces of generated code, filled in with what the groups of a build and the declarations ask for; the linker writes them
down, hashes and imports them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from huracan.sim.builds import Groups
from huracan.sim.declare import Declaration
from huracan.sim.lone_bars import BAR
from huracan.sim.look_ahead_code import HEAD as DRY_HEAD
from huracan.sim.look_ahead_code import RECORDS, Ahead, dry_records, looking_ahead
from huracan.sim.stubs import indent


def loads(
    prefix: str, d: Declaration, is_wide: Callable[[str, Any], bool], stack: bool
) -> tuple[list[str], list[str], list[str]]:
    """Generated lines that move features from table to records: (once a lane, per instrument k, of the whole)."""
    once: list[str] = []
    each: list[str] = []
    wide: list[str] = []
    for n in d.features:
        if is_wide(n, d.features):
            wide += [f"{prefix}wide1.{n} = {prefix}wide.{n}", f"{prefix}wide.{n} = table[{prefix}p.c_{n}, u_i]"]
        elif stack:
            once.append(f"{prefix}t_{n} = table[{prefix}p.c_{n}]")
            each += [f"{prefix}f1[k].{n} = {prefix}f[k].{n}", f"{prefix}f[k].{n} = {prefix}t_{n}[u_i]"]
        else:
            each += [f"{prefix}f1[k].{n} = {prefix}f[k].{n}", f"{prefix}f[k].{n} = table[{prefix}p.c_{n} + k, u_i]"]
    return once, each, wide


HEAD = """# Written by huracan's linker; not to be edited.
import numpy as np
from numba import njit

from huracan.sim import layout
from huracan.sim.builds import Groups, kernel
from huracan.sim.layout import Ctx, Fine, SplitVenue, Tally, Units, Venue
from huracan.sim.linker import bound
from huracan.sim import prices
from huracan.sim.memory import eight_at_once, lowest_bit, put, record_type, take
from huracan.sim.memory import not_below_zero, stack_floats, stack_ints, stack_slots
from huracan.sim.options import LINKED_ENTRY, PART, RARE, USER
from huracan.sim.record_copy import copy_record

B = bound({key!r})
K = kernel({groups!r})
step = njit(**USER)(B.step)
{dry_step}
{checks}
{kernel_parts}
{types}

"""

ENTRY = '''
@njit(**LINKED_ENTRY)
def entry(tape, table, lanes, {gate_args}rec, lo, hi, row_lo, row_hi, row0, last_row{event_args}):
    """Run lanes lo..hi over rows row_lo..row_hi of this chunk, whose first row is the tape's row0.

    Returns the first row not done.{event_doc}
    """
    rules = lanes.rules
{allocate}
    n_costs = len(tape.costs)
    n_spans = len(tape.spans)
    i = row_lo
{lanes}
    return i
'''

LANES = """for c in range(lo, hi):
{enter}
    s = settings[0] if {stack} else settings
    n = {n}
    at = lanes.cursor[c]
    i = begin
{walk}
    lanes.cursor[c] = at
{leave}"""
WHOLE = """begin, end = row_lo, row_hi
{lanes}"""
# Sweeps run all lanes over some rows, then over the next: what is known of these rows stays in the second-level cache.
PIECES = """first_look = 0
for begin in range(row_lo, row_hi, {rows_at_once}):
    end = min(begin + {rows_at_once}, row_hi)
    while first_look < len(tape.looks) and tape.looks[first_look] < begin:
        first_look += 1
{lanes}"""
ROWS_AT_ONCE = 4096
ROWS_WITH_ORDERS = 8192  # where orders rest, a lane's records are so many that they come and go for longer

WALK = """while i < end:
{rows}"""
# Sweeps look at the equity after some rows.
QUICK_WALK = """m = first_look
while i < end:
    edge = min(end, tape.looks[m] + 1) if m < len(tape.looks) else end
    while i < edge:
{rows}
    if m < len(tape.looks) and i == tape.looks[m] + 1:
        tape.seen[m, c] = acct.equity
        m += 1"""

READ = """u_i = np.uint64(i)  # numba asks a signed index every time whether it counts from the end
row = tape.rows[u_i]
bars = {bars}
v = {venue}(
    acct, orders, positions, desks, stats, bars, rules, s, {costs}, {recorder}, {fine},{split_args}
)"""
READ_CALM = """u_i = np.uint64(i)
row = tape.rows[u_i]
bars = tape.bars[u_i]
calm = Venue(acct, orders, positions, desks, stats, bars, rules, s, 0, 0, 0)  # what a calm row needs of `v`"""
LOAD = """for k in range(n):
    if {every}bars[k].fresh == 1:
{load_each}
{load_wide}"""
WANTS = """if {own}acct.n_new > 0:
    ctx = Ctx(
        {own}acct, {own}orders, {own}positions, bars, f, f1, wide, wide1, bars[0],
        {own}positions[0], f[0], f1[0], 0, p, u, rules, s,
    )
    waiting = {own}acct.n_new
    for order_id in range({own}acct.first_new + 1, {own}acct.next_id + 1):
        if waiting == 0:
            break
        j = new_slot(ctx, order_id)
        if j < 0:
            continue
        waiting -= 1
        want = {own}orders[j]
{gates}
        {post}(v, j)
if {own}acct.n_new > 0 or {own}acct.n_requests > 0:
    {after_wants}(v)"""

# Row after row, each in all its steps.
ROWS = """if {record}:
    if rec.n[0] >= rec.n[3] or rec.n[1] >= rec.n[4]:
        break
{read}
{begin}
{load}
if row.live == 1:
    if {own}acct.bankrupt == 0:
{steps}
{wants}
{end}
i += 1"""

# The same for sweeps: the inner loop runs through a stretch of calm rows (kernel/calm.py) and calls nothing, so that
# what it counts stays in registers. `begun` says whether row i has begun when it is left.
QUICK_ROWS = """{read}
if row.live == 1:
    at = wake_row(v, row0 + i, row, tape.payments, at)
else:
    warm_row(v, row0 + i, row)
{load}
if row.live == 0 or acct.bankrupt == 1:
    if row.live == 1:
        end_row(v, row0 + i, row0 + i == last_row)
    i += 1
    continue
sound = worth_something(v)
{read_calm}
floor = NOTHING * s.cash
kind = calm_kind(calm, row, tape.sample_ns)
stop = min(edge, first_wake(calm) - row0)
ends = i if kind == 0 else (stop - 1 if s.market_at_close == 1 else edge)  # the row that ends in all its steps
first = i
begun = True
tally = Tally(acct.equity, acct.peak)
{before}
while sound:
{steps}
    if acct.n_new > 0 or acct.n_requests > 0 or i >= ends:
        break
{count}
    i += 1
    begun = False
{ahead}
    if i >= stop:
        break
{read_inside}
    if row.calm != kind or prices_matter(calm, {stack}):
        break
    begin_calm(calm, row0 + i, row)
    begun = True
{load_inside}
    tally = mark_calm(calm, tally.peak, {stack})
    sound = tally.equity > floor
{after}
end_calm(calm, kind, {counted} - first, last)
if not begun:
    continue
{read}
if sound:
{wants}
else:
    stop_lane(v)
{end}
i += 1"""

# Rows before i are counted, and row i ends in all its steps.
BY_ROWS = {"counted": ["i"], "end": ["end_row(v, row0 + i, row0 + i == last_row)"]}
# How the rows of a stretch come into the running figures: of many instruments each as it passes.
ONE_BY_ONE = {
    "before": ["last = acct.equity"],
    "count": ["count_calm(calm, tally, kind, (stats.bars + i - first) & 7)", "last = tally.equity"],
    "ahead": [],
    "after": [],
    **BY_ROWS,
}
# Of one instrument all together, when the stretch is over.
TOGETHER = {
    "before": ["peak = acct.peak"],
    "count": [],
    "ahead": [],
    "after": [
        "last = acct.equity",
        "if i > first:",
        "    last = count_rows(calm, units, peak, kind, first, i, stats.bars).equity",
    ],
    **BY_ROWS,
}
STEP_EACH = """for k in range(n):
    if bars[k].fresh == 1:
        step(Ctx(
            {own}acct, {own}orders, {own}positions, bars, f, f1, wide, wide1, bars[k], {own}positions[k],
            f[k], f1[k], k, p, u, rules, s,
        ))"""
STEP_ALL = """step(Ctx(
    {own}acct, {own}orders, {own}positions, bars, f, f1, wide, wide1, bars[0], {own}positions[0],
    f[0], f1[0], 0, p, u, rules, s,
))"""

PARTS: dict[str, tuple[str, ...]] = {
    "advance": ("begin_row", "end_row", "warm_row"),
    "decide": ("new_slot", "may_increase", "refuse_want", "post", "after_wants"),
}
QUICK_PARTS: dict[str, tuple[str, ...]] = {
    "advance": ("NOTHING", "wake_row", "worth_something", "stop_lane", "close_row_of"),
    "marks": ("statistics",),
    "calm": (
        *("calm_kind", "first_wake", "prices_matter", "begin_calm", "worth_at", "worth_in"),
        *("mark_calm", "count_calm", "count_rows", "end_calm"),
    ),
}
SPLIT_PARTS: dict[str, tuple[str, ...]] = {"hear": ("before_decision", "after_decision", "route", "route_requests")}
EVENT_PARTS: dict[str, tuple[str, ...]] = {"advance": ("open_event", "bar_event", "last_event")}
EVENT_DOC = """

    Of one row only events event_lo..event_hi: 0 the opens, 1 + k the bar of instrument k, then the end."""

STATE = (
    ("acct", "layout.account", 1),
    ("orders", "layout.order", 0),
    ("positions", "layout.position", 1),
    ("desks", "layout.desk", 1),
    ("stats", "layout.stats", 1),
    ("settings", "layout.settings", 1),
    ("p", "B.p", 1),
    ("u", "B.u", 1),
    ("f", "B.f", 1),
    ("f1", "B.f", 1),
    ("wide", "B.wide", 1),
    ("wide1", "B.wide", 1),
)
SPLIT_STATE = (
    ("own_acct", "layout.account", 1),
    ("own_orders", "layout.order", 0),
    ("own_positions", "layout.position", 1),
    ("told", "layout.told", 0),
)
SCALARS = ("acct", "stats", "p", "u", "wide", "wide1", "own_acct")
FIELD = {"f": "feats", "f1": "feats1"}


def is_quick(groups: Groups) -> bool:
    """A sweep with one ledger: nothing is written down or told between two rare things."""
    return bool(groups.venue) and not (groups.record or groups.split or groups.events)


def words_of(groups: Groups, n_gates: int) -> dict[str, Any]:
    """What the pieces of generated code are filled in with."""
    own = "own_" if groups.split else ""
    return {
        "own": own,
        "bars": "tape.bars[u_i]",
        "venue": "SplitVenue" if groups.split else "Venue",
        "split_args": " own_acct, own_orders, own_positions, told, reports, mail," if groups.split else "",
        "costs": "tape.costs[min(i, n_costs - 1)]" if groups.costs else "0",
        "recorder": "rec" if groups.record else "0",
        "fine": "Fine(tape.fine, tape.spans[min(i, n_spans - 1)])" if groups.resting else "0",
        "post": "route" if groups.split else "post",
        "after_wants": "route_requests" if groups.split else "after_wants",
        "gates": gate_block(n_gates, own),
    }


def steps_code(d: Declaration, own: str) -> list[str]:
    """Generated code that runs the step."""
    return (STEP_EACH if d.scope == "each" else STEP_ALL).format(own=own).split("\n")


def rows_code(
    groups: Groups,
    d: Declaration,
    n_gates: int,
    each: Sequence[str],
    wide: Sequence[str],
    stack: bool,
    passing: dict[str, list[str]],
) -> str:
    """Generated code of the loop over rows; `passing` says how rows of a stretch come into the running figures."""
    begin, end = row_code(groups)
    words = words_of(groups, n_gates)
    own = words["own"]
    loads = {"load_each": indent(each, 8), "load_wide": indent(wide, 0)}
    steps = steps_code(d, own)
    read, load = (text.format(every="", **words, **loads).split("\n") for text in (READ, LOAD))
    load_inside = LOAD.format(every=f"{stack} or ", **words, **loads).split("\n")
    wants = indent(WANTS.format(**words).split("\n"), 8)
    if is_quick(groups):
        return QUICK_ROWS.format(
            read=indent(read, 0),
            load=indent(load, 0),
            read_calm=indent(READ_CALM.split("\n"), 0),
            read_inside=indent(READ_CALM.split("\n"), 4),
            load_inside=indent(load_inside, 4),
            steps=indent(steps, 4),
            wants=indent(WANTS.format(**words).split("\n"), 4),
            stack=stack,
            before=indent(passing["before"] or ["pass"], 0),
            count=indent(passing["count"], 4),
            ahead=indent(passing["ahead"], 4),
            after=indent(passing["after"], 0),
            counted=passing["counted"][0],
            end=indent(passing["end"], 0),
        )
    return ROWS.format(
        record=bool(groups.record),
        own=own,
        read=indent(read, 0),
        begin=indent(begin, 0),
        load=indent(load, 0),
        steps=indent(steps, 8),
        wants=wants,
        end=indent(end, 4),
    )


def row_code(groups: Groups) -> tuple[list[str], list[str]]:
    """Generated lines that run the venue's half of a row before the decision, and after it."""
    begin: list[str] = []
    end: list[str] = []
    if groups.events:
        begin += [
            "if row.live == 1:",
            "    if event_lo == 0:",
            "        at = open_event(v, row0 + i, row, tape.payments, at)",
            "    for k in range(max(event_lo - 1, 0), min(event_hi - 1, n)):",
            "        bar_event(v, k)",
            "if event_hi < n + 2:",
            "    i += 1",
            "    continue",
            "if row.live == 1:",
            "    last_event(v)",
            "else:",
            "    warm_row(v, row0 + i, row)",
        ]
    elif groups.venue:
        begin += [
            "if row.live == 1:",
            "    at = begin_row(v, row0 + i, row, tape.payments, at)",
            "else:",
            "    warm_row(v, row0 + i, row)",
        ]
    if groups.venue:
        end.append("end_row(v, row0 + i, row0 + i == last_row)")
    if groups.split:
        begin.append("before_decision(v, row0 + i, row)")
        end.append("after_decision(v, row0 + i)")
    return begin, end


def kernel_parts(groups: Groups) -> str:
    """Generated lines that name what the stub takes from the kernel."""
    wanted = [PARTS, *([SPLIT_PARTS] if groups.split else []), *([EVENT_PARTS] if groups.events else [])]
    wanted += [QUICK_PARTS] if is_quick(groups) else []
    return "\n".join(
        f"{name} = K.{module}.{name}" for parts in wanted for module, names in parts.items() for name in names
    )


def gate_block(n_gates: int, own: str) -> str:
    """Generated code that runs the gates in order on one want."""
    lines: list[str] = []
    for g in range(n_gates):
        lines += [
            "if may_increase(ctx, want):",
            f"    code = check{g}(Ctx(",
            f"        {own}acct, {own}orders, {own}positions, bars, g{g}f, g{g}f1, g{g}wide, g{g}wide1,",
            f"        bars[want.inst], {own}positions[want.inst], g{g}f[want.inst], g{g}f1[want.inst],",
            f"        want.inst, g{g}p, g{g}u, rules, s",
            "    ), want)",
            "    if code != 0:",
            "        refuse_want(ctx, j)",
            f"        lanes_g{g}.counts[c, min(max(code, 0), lanes_g{g}.counts.shape[1] - 1)] += 1",
            "        continue",
        ]
    return indent(lines, 8)


def stub_text(
    key: str,
    groups: Groups,
    d: Declaration,
    gates: Sequence[Declaration],
    slots: int,
    is_wide: Callable[[str, Any], bool],
    ahead: Ahead | None = None,
) -> str:
    """The stub's source.

    With slots > 0 one instrument's state lives on the stack; with 0 any number of instruments, in memory. `ahead`: rows
    in which the step wants nothing are passed over, many at once.
    """
    stack = slots > 0
    allocate: list[str] = []
    enter: list[str] = []
    leave: list[str] = []
    kinds: list[str] = []
    for name, record, count in (*STATE, *(SPLIT_STATE if groups.split else ())):
        memory = f"lanes.{FIELD.get(name, name)}"
        if stack:
            kinds.append(f"{name}_t = record_type({record})")
            allocate.append(f"{name}_s = stack_slots({name}_t, {count or slots})")
            if name in (*SCALARS, "settings"):
                enter.append(f"copy_record({name}_s[0], {memory}[c])")
                leave.append(f"copy_record({memory}[c], {name}_s[0])")
            else:
                enter += [f"for m in range({count or slots}):", f"    copy_record({name}_s[m], {memory}[c, m])"]
                leave += [f"for m in range({count or slots}):", f"    copy_record({memory}[c, m], {name}_s[m])"]
            enter.append(f"{name} = {name}_s[0]" if name in SCALARS else f"{name} = {name}_s")
        else:
            enter.append(f"{name} = {memory}[c]")
    once, each, wide = loads("", d, is_wide, stack)
    for g, gd in enumerate(gates):
        for name in ("p", "u", "wide", "wide1"):
            enter.append(f"g{g}{name} = lanes_g{g}.{name}[c]")
        enter += [f"g{g}f = lanes_g{g}.feats[c]", f"g{g}f1 = lanes_g{g}.feats1[c]"]
        more_once, more_each, more_wide = loads(f"g{g}", gd, is_wide, stack)
        once += more_once
        each += more_each
        wide += more_wide
    if groups.split:
        enter += ["reports = lanes.reports[c]", "mail = lanes.mail[c]"]
    passing = ONE_BY_ONE
    if stack and is_quick(groups):
        passing = TOGETHER
        allocate.append(f"units = Units(tape.lines[{len(BAR)}, tape.first :], tape.lines[{len(BAR)}:, tape.first :])")
    if ahead:
        passing = looking_ahead([("", d), *((f"g{g}", gd) for g, gd in enumerate(gates))], is_wide, ahead.no_orders)
        kinds += [f"{name}_t = record_type({record})" for name, record in RECORDS]
        allocate += dry_records()
        enter += ["idle = 0", "patience = 0"]
    rows = rows_code(groups, d, len(gates), each, wide, stack, passing).split("\n")
    quick = is_quick(groups)
    walk = QUICK_WALK.format(rows=indent(rows, 8)) if quick else WALK.format(rows=indent(rows, 4))
    lane_loop = LANES.format(
        enter=indent(enter + once, 4),
        leave=indent(leave, 4),
        stack=stack,
        n=1 if stack else "tape.bars.shape[1]",
        walk=indent(walk.split("\n"), 4),
    ).split("\n")
    over = WHOLE.format(lanes="\n".join(lane_loop))
    if quick:
        at_once = ROWS_WITH_ORDERS if groups.resting else ROWS_AT_ONCE
        over = PIECES.format(lanes=indent(lane_loop, 4), rows_at_once=at_once)
    return head_text(key, groups, len(gates), kinds, ahead is not None) + ENTRY.format(
        gate_args="".join(f"lanes_g{g}, " for g in range(len(gates))),
        event_args=", event_lo, event_hi" if groups.events else "",
        event_doc=EVENT_DOC if groups.events else "",
        allocate=indent(allocate, 4),
        lanes=indent(over.split("\n"), 4),
    )


def head_text(key: str, groups: Groups, n_gates: int, kinds: Sequence[str], ahead: bool) -> str:
    """What a stub begins with: the functions that it takes, and the types of records that it makes."""
    return HEAD.format(
        key=key,
        groups=groups,
        checks="\n".join(f"check{g} = njit(**USER)(B.checks[{g}])" for g in range(n_gates)),
        kernel_parts=kernel_parts(groups),
        dry_step=DRY_HEAD if ahead else "",
        types="\n".join(kinds),
    )
