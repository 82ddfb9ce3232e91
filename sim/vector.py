"""Lanes side by side in vector registers, from the same step that runs alone.

Sixteen lanes go through a row together while it is quiet for them: no order can be touched, and the step wants nothing.
For that the step runs once for every lane with helpers that only raise a flag. A lane whose flag is up, or whose
trigger envelope the bar touches, takes the whole row again through the ordinary machine, from the state before the row.
So the bits are those of the ordinary machine, and any strategy of one instrument qualifies whose step LLVM can put into
vectors; whether it did is read from the machine code, and how often lanes had to leave is counted while it runs.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from huracan.sim import orders
from huracan.sim.declare import Declaration
from huracan.sim.sources import names_of, plain

W = 16  # lanes side by side: eight are unrolled before LLVM looks for vectors
FRESH, BUSY, DONE = 1, 2, 3

# What a quiet row reads and leaves as it is, and what it changes: (name here, where it is kept).
READ_FLOATS = (
    ("cash", "acct.cash"),
    ("qty", "positions[0].qty"),
    ("up", "desks[0].up"),
    ("down", "desks[0].down"),
    ("cash0", "settings.cash"),
    ("fees", "acct.fees"),
    ("funding", "acct.funding"),
    ("interest", "acct.interest"),
    ("avg_price", "positions[0].avg_price"),
)
READ_INTS = (("wake", "desks[0].wake_row"), ("entry_row", "positions[0].entry_row"))
FLOATS = (
    ("equity", "acct.equity"),
    ("peak", "acct.peak"),
    ("sum_r", "stats.sum_r"),
    ("sum_r2", "stats.sum_r2"),
    ("sum_neg2", "stats.sum_neg2"),
    ("at_sample", "stats.at_sample"),
    ("sum_equity", "stats.sum_equity"),
)
# What changes only now and then: not in the loop over lanes that every row runs through.
RARE_FLOATS = (
    ("max_drawdown", "stats.max_drawdown"),
    ("day_r", "stats.day_r"),
    ("day_r2", "stats.day_r2"),
    ("at_day", "stats.at_day"),
)
RARE_INTS = (("days", "stats.days"),)
READERS = ("drawdown", "size", "fraction_quantity")  # helpers that want nothing: they run as they are

TEMPLATE = '''
add_row = K.marks.add_row
may_be_deepest = K.marks.may_be_deepest
deepest = K.marks.deepest
take_day = K.marks.take_day
unit_value = prices.unit_value
quiet_step = njit(**PART)(dry_step(B.step))


@njit(**PART)
def is_calm(a, st, desk, row):
    """Whether the row to come may be quiet: nothing wakes then or at the next open, and prices alone can't ruin."""
    return a.bankrupt == 0 and st.risky == 0 and row + 1 < desk.wake_row


@njit(**LINKED_ENTRY)
def side_by_side(tape, columns, lanes, {gate_args}rec, lo, hi, row_lo, row_hi, row0, last_row):
    """Lanes lo..hi, sixteen at a time, over rows row_lo..row_hi of this chunk; columns is (rows, features).

    Returns how many rows of single lanes went through the ordinary machine.
    """
    table = columns.T
    rules = lanes.rules
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
    flags = stack_ints({W})
    calm = stack_ints({W})
    out = stack_ints({W})  # 1: the lane is with the ordinary machine, and its records are what counts
    since = stack_ints({W})  # samples that had been taken when the lane's records were read last
{allocate}
    left = 0
    for c0 in range(lo, hi, {W}):
        bars_done = lanes.stats[c0].bars
        samples = lanes.stats[c0].samples
        was_bars = bars_done
        was_samples = samples
        next_sample = lanes.stats[c0].next_sample
        next_day = lanes.stats[c0].next_day
        mark = lanes.positions[c0, 0].mark
        was_mark = mark
        now_row = lanes.acct[c0].row
        now_ts = lanes.acct[c0].ts_ns
        now_open = lanes.acct[c0].open_ns
        was_row = now_row
        was_ts = now_ts
        was_open = now_open
        was_sample = next_sample
        was_day = next_day
        for w in range({W}):
            flags[w] = {FRESH}
            out[w] = 1
{lay}
        any_busy = 1
        width = min(hi - c0, {W})  # always that many: not told to LLVM, which would take short loops apart
        over = False
        shifted = False
        i = row_lo
        while True:
            if any_busy != 0:
                for w in range({W}):
                    what = flags[w]
                    if what == 0:
                        continue
                    c = c0 + w
                    if what != {FRESH} and out[w] == 0:
                        a = lanes.acct[c]
                        st = lanes.stats[c]
                        done = what == {DONE}
                        a.row = now_row if done else was_row
                        a.ts_ns = now_ts if done else was_ts
                        a.open_ns = now_open if done else was_open
                        st.next_sample = next_sample if done else was_sample
                        st.next_day = next_day if done else was_day
                        lanes.positions[c, 0].mark = mark if done else was_mark
                        st.last = equity_v[w]
                        held = 1 if qty_v[w] != 0.0 else 0
                        st.held = held
                        st.bars = bars_done if done else was_bars
                        st.samples = samples if done else was_samples
                        st.exposed += held * (st.samples - since[w])
{store}
                    if what == {BUSY}:
                        rows(tape, table, lanes, {gate_args}rec, c, c + 1, i - 1, i, row0, last_row)
                        left += 1
                        out[w] = 1
                    calm[w] = 0
                    if what != {DONE} and is_calm(lanes.acct[c], lanes.stats[c], lanes.desks[c, 0], row0 + i):
                        calm[w] = 1
                        out[w] = 0
                        since[w] = lanes.stats[c].samples
{load}
                for w in range({W}):  # whoever went through the ordinary machine has moved these too
                    if flags[w] == {BUSY}:
                        bars_done = lanes.stats[c0 + w].bars
                        samples = lanes.stats[c0 + w].samples
                        next_sample = lanes.stats[c0 + w].next_sample
                        next_day = lanes.stats[c0 + w].next_day
            if i >= row_hi:
                if over:
                    break
                over = True
                any_busy = 1
                for w in range({W}):
                    flags[w] = {DONE}
                continue
            row = tape.rows[i]
            bars = tape.bars[i]
            bar = bars[0]
            was_row = now_row
            was_ts = now_ts
            was_open = now_open
            was_mark = mark
            was_sample = next_sample
            was_day = next_day
            was_bars = bars_done
            was_samples = samples
            plain_row = (
                row.live == 1 and bar.fresh == 1 and next_sample >= row.close_ns and next_day >= row.close_ns
                and lanes.cursor[c0] >= row.fund_hi and row0 + i != last_row
            )
            now_row = row0 + i
            now_ts = row.close_ns
            now_open = row.open_ns
            if bar.fresh == 1:
                mark = bar.close
            if not plain_row:
                for w in range({W}):
                    flags[w] = {BUSY}
                any_busy = 1
                shifted = False
                i += 1
                continue
            shifted = True
            sampled = next_sample == now_ts
            dayed = next_day == now_ts
            worth = unit_value(rules[0], mark)
            high = bar.high
            low = bar.low
            this_row = columns[i]
{deliver}
            any_busy = 0
            deeper = 0
            for w in range({W}):
                acct.row = now_row
                acct.ts_ns = now_ts
                acct.open_ns = now_open
                acct.n_new = 0
                acct.cash = cash_v[w]
                acct.fees = fees_v[w]
                acct.funding = funding_v[w]
                acct.interest = interest_v[w]
                pos.qty = qty_v[w]
                pos.avg_price = avg_price_v[w]
                pos.entry_row = entry_row_v[w]
                pos.mark = mark
{vector_load}
                acct.equity = acct.cash + pos.qty * worth
                acct.peak = max(acct.peak, acct.equity)
                busy = 0 if calm[w] == 1 else 1
                if now_row + 1 >= wake_v[w] or high >= up_v[w] or low <= down_v[w]:
                    busy = 1
                if not acct.equity > 1e-12 * cash0_v[w]:
                    busy = 1
                quiet_step(Ctx(
                    acct, lanes.orders[c0], positions_s, bars, f_s, f1_s, wide_s[0], wide_s[0], bar, pos, f, f1, 0,
                    p, u, rules, lanes.settings[c0 + w],
                ))
                if acct.n_new != 0:
                    busy = 1
                add_row(stats, acct.equity, sampled)
                deeper |= 1 if may_be_deepest(acct.equity, acct.peak, max_drawdown_v[w]) else 0
{vector_store}
                flags[w] = {BUSY} if busy == 1 else 0
                any_busy |= busy
            if deeper != 0:
                for w in range({W}):
                    if flags[w] == 0 and may_be_deepest(equity_v[w], peak_v[w], max_drawdown_v[w]):
                        max_drawdown_v[w] = deepest(equity_v[w], peak_v[w], max_drawdown_v[w])
            bars_done += 1
            if sampled:
                samples += 1
                next_sample += stats_step
            if dayed:
                next_day += {DAY_NS}
                for w in range({W}):
                    if flags[w] == 0:
                        stats.days = days_v[w]
                        stats.day_r = day_r_v[w]
                        stats.day_r2 = day_r2_v[w]
                        stats.at_day = at_day_v[w]
                        take_day(stats, equity_v[w])
                        days_v[w] = stats.days
                        day_r_v[w] = stats.day_r
                        day_r2_v[w] = stats.day_r2
                        at_day_v[w] = stats.at_day
            i += 1
    return left
'''


def dry_helper(helper: Any) -> Any:
    """A helper of the same signature that only raises the flag."""
    fn = plain(helper)
    arguments = str(inspect.signature(fn))
    text = f"def {fn.__name__}{arguments}:\n    ctx.acct.n_new = 1\n    return -1\n"
    names: dict[str, Any] = dict(fn.__globals__)
    exec(text.replace("=nan", "=NAN"), names)
    from huracan.sim.options import part

    return part(names[fn.__name__])


def dry_step(fn: Callable[..., Any], seen: dict[int, Any] | None = None) -> Callable[..., Any]:
    """A copy of a step, and of its own helpers, in which whatever wants something only raises the flag."""
    from huracan.sim.options import part

    seen = {} if seen is None else seen
    own = plain(fn)
    names = dict(own.__globals__)
    for name in names_of(own.__code__):
        value = own.__globals__.get(name)
        if value is None or not isinstance(plain(value), types.FunctionType):
            continue
        inner = plain(value)
        if inner.__module__ == orders.__name__:
            if inner.__name__ not in READERS:
                names[name] = seen.setdefault(id(inner), dry_helper(inner))
        elif not inner.__module__.startswith("huracan.sim."):
            if id(inner) not in seen:
                seen[id(inner)] = part(dry_step(inner, seen))
            names[name] = seen[id(inner)]
    return types.FunctionType(own.__code__, names, own.__name__, own.__defaults__, own.__closure__)


def why_not(step: Callable[..., Any], d: Declaration) -> str:
    """Why a strategy can't run side by side; "" if nothing in its text is against it."""
    if d.scope != "each":
        return "it decides for all instruments at once"
    for name, value in d.state.items():
        if isinstance(value, (list, tuple)):
            return f"its state {name!r} is an array"
    return why_not_text(step, set())


def why_not_text(fn: Callable[..., Any], seen: set[int]) -> str:
    """The same for the text of a function and of those that it calls."""
    own = plain(fn)
    if id(own) in seen:
        return ""
    seen.add(id(own))
    tree = ast.parse(textwrap.dedent(inspect.getsource(own)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Store):
            return f"it indexes (line {own.__code__.co_firstlineno + node.lineno - 1})"
        if isinstance(node, (ast.For, ast.While)):
            return f"it loops (line {own.__code__.co_firstlineno + node.lineno - 1})"
    for name in names_of(own.__code__):
        value = plain(own.__globals__.get(name))
        if isinstance(value, types.FunctionType) and not value.__module__.startswith("huracan.sim."):
            inner = why_not_text(value, seen)
            if inner:
                return inner
    return ""


def floats_of(dtype: np.dtype[Any]) -> list[str]:
    """Fields that are numbers with a fraction."""
    return [n for n in dtype.names or () if dtype[n].kind == "f"]


def vector_text(d: Declaration, p: np.dtype[Any], u: np.dtype[Any], f: np.dtype[Any], n_gates: int) -> str:
    """What the stub of the ordinary machine is followed by."""
    features = list(d.features)
    values = [n for n in (p.names or ()) if not n.startswith("c_") and n != "none"]
    state = [n for n in (u.names or ()) if n != "none"]
    kept = [n for n in (f.names or ()) if n != "none"]
    floats = [n for n, _ in (*READ_FLOATS, *FLOATS, *RARE_FLOATS)]
    floats += [f"p_{n}" for n in values if p[n].kind == "f"] + [f"u_{n}" for n in state if u[n].kind == "f"]
    floats += [f"now_{n}" for n in kept] + [f"was_{n}" for n in kept]
    ints = [n for n, _ in (*READ_INTS, *RARE_INTS)] + [f"c_{n}" for n in features]
    ints += [f"p_{n}" for n in values if p[n].kind != "f"] + [f"u_{n}" for n in state if u[n].kind != "f"]
    allocate = [f"{n}_v = stack_floats({W})" for n in floats] + [f"{n}_v = stack_ints({W})" for n in ints]
    allocate.append("stats_step = lanes.settings[lo].sample_ns")

    def at(where: str) -> str:
        """A field of lane c, as text: acct.cash is lanes.acct[c].cash."""
        return re.sub(r"^(\w+?)(\[0\])?\.", lambda m: f"lanes.{m[1]}[c{', 0' if m[2] else ''}].", where)

    changed = FLOATS
    seldom = (*RARE_FLOATS, *RARE_INTS)
    store = [f"{at(where)} = {n}_v[w]" for n, where in (*changed, *seldom)]
    store += [f"lanes.u[c].{n} = u_{n}_v[w]" for n in state]
    store += [f"lanes.feats[c, 0].{n} = (was_{n}_v[w] if shifted and not done else now_{n}_v[w])" for n in kept]
    store += [f"lanes.feats1[c, 0].{n} = was_{n}_v[w]" for n in kept]
    load = [f"{n}_v[w] = {at(where)}" for n, where in (*READ_FLOATS, *READ_INTS, *changed, *seldom)]
    load += [f"u_{n}_v[w] = lanes.u[c].{n}" for n in state] + [f"p_{n}_v[w] = lanes.p[c].{n}" for n in values]
    load += [f"c_{n}_v[w] = lanes.p[c].c_{n}" for n in features]
    load += [f"now_{n}_v[w] = lanes.feats[c, 0].{n}" for n in kept]
    load += [f"was_{n}_v[w] = lanes.feats1[c, 0].{n}" for n in kept]
    deliver: list[str] = []
    lay: list[str] = []
    for n in kept:
        deliver += [
            "for w in range(width):",
            f"    was_{n}_v[w] = now_{n}_v[w]",
            f"if step_{n} == 0:",
            f"    value = this_row[first_{n}]",
            "    for w in range(width):",
            f"        now_{n}_v[w] = value",
            f"elif step_{n} == 1:",
            f"    piece = this_row[first_{n} : first_{n} + {W}]",
            "    for w in range(width):",
            f"        now_{n}_v[w] = piece[w]",
            "else:",
            "    for w in range(width):",
            f"        now_{n}_v[w] = this_row[c_{n}_v[w]]",
        ]
        lay += [
            f"first_{n} = lanes.p[c0].c_{n}",
            f"step_{n} = lanes.p[c0 + 1].c_{n} - first_{n}",
            f"for w in range({W}):",
            f"    if lanes.p[c0 + w].c_{n} != first_{n} + w * step_{n}:",
            f"        step_{n} = -1",
        ]
    vector_load = [f"{where.replace('positions[0]', 'pos')} = {n}_v[w]" for n, where in changed]
    vector_load += [f"u.{n} = u_{n}_v[w]" for n in state] + [f"p.{n} = p_{n}_v[w]" for n in values]
    vector_load += [f"f.{n} = now_{n}_v[w]" for n in kept] + [f"f1.{n} = was_{n}_v[w]" for n in kept]
    vector_store = [f"{n}_v[w] = {n}_v[w] if busy == 1 else {where}" for n, where in changed]
    vector_store += [f"u_{n}_v[w] = u_{n}_v[w] if busy == 1 else u.{n}" for n in state]
    return TEMPLATE.format(
        W=W,
        FRESH=FRESH,
        BUSY=BUSY,
        DONE=DONE,
        gate_args="".join(f"lanes_g{g}, " for g in range(n_gates)),
        allocate=lines(allocate, 4),
        store=lines(store, 24),
        load=lines(load, 24),
        deliver=lines(deliver, 12),
        lay=lines(lay, 8),
        DAY_NS=86_400_000_000_000,
        vector_load=lines(vector_load, 16),
        vector_store=lines(vector_store, 16),
    )


def lines(text: Sequence[str], by: int) -> str:
    """Generated lines at a depth of `by` spaces."""
    return "\n".join(" " * by + line for line in (text or ["pass"]))
