"""How each rule mends payments, mark prices and trades: rows in, rows out, and what was done is counted.

columns ─▶ the rules chosen, in the order of their table ─▶ columns, and where each row stood ─▶ what is left is refused
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from huracan.data.bar_faults import Fault
from huracan.data.instants import format_ns
from huracan.data.raw_bars import Ints
from huracan.data.repair_rules import OF_KIND, check_rules, chosen
from huracan.data.row_faults import column_of, row_faults
from huracan.sim.refusal import Refused

Columns = dict[str, Any]


def mended_rows(
    kind: str, columns: Columns, repair: Mapping[str, str], repairs: dict[str, int], where: str, before: str = ""
) -> tuple[Columns, Ints]:
    """Columns after the rules chosen, and the row of the file that each row stands for.

    `repairs` counts each rule that changed something as `problem_rule`, with `before` in front unless the problem's own
    name says it.

    >>> counted: dict[str, int] = {}
    >>> late = {"ts": np.array([2, 1]), "rate": np.array([1e-4, 2e-4])}
    >>> mended_rows("funding", late, {"unordered_time": "sort"}, counted, "x")[0]["rate"].tolist(), counted
    ([0.0002, 0.0001], {'unordered_time_sort': 1})
    """
    check_rules(repair, where, kind)
    rows = np.arange(len(columns["ts"]))
    for name in OF_KIND[kind]:
        rule = chosen(repair, OF_KIND[kind], name)
        if rule in ("keep", "refuse") or not len(rows):
            continue
        for fault in row_faults(kind, columns, name):
            if rule == "unknown" and fault.mask is not None:  # of a mark price
                columns = columns | {"mark": np.where(fault.mask, np.nan, columns["mark"])}
            elif rule == "fill":
                columns, rows = _filled(columns, rows, fault)
            else:
                kept = _kept(rule, columns["ts"], fault)
                columns, rows = {key: array[kept] for key, array in columns.items()}, rows[kept]
            key = f"{name}_{rule}" if before.rstrip("_") in name else f"{before}{name}_{rule}"
            repairs[key] = repairs.get(key, 0) + fault.count
    return columns, rows


def refuse_rows(
    kind: str, columns: Columns, rows: Ints, repair: Mapping[str, str], place: Callable[[int, str], str], fix: str
) -> None:
    """Refuse what is left and has no rule; `place` says where a row and column are, `fix` how to choose a repair."""
    for name, rule in OF_KIND[kind].items():
        if chosen(repair, OF_KIND[kind], name) != "refuse":
            continue
        for fault in row_faults(kind, columns, name):
            row = int(np.argmax(fault.mask)) if fault.mask is not None else 0
            more = f", and {fault.count - 1} more rows" if fault.count > 1 else ""
            what = f"{name}: {rule.says}: at {format_ns(int(columns['ts'][row]))}{more}"
            other = next((each for each in (rule.suggested, *rule.choices) if each not in ("keep", "refuse")), "")
            say = f"mend the file, or choose a repair: {fix.format(name, other)}" if other else "mend the file"
            raise Refused(what, where=place(int(rows[row]), column_of(kind, name)), fix=say)


def _kept(rule: str, ts: Ints, fault: Fault) -> Ints:
    """Which rows stay, in their new order."""
    if rule == "sort":
        return np.argsort(ts, kind="stable")
    if rule == "last":
        return np.sort(len(ts) - 1 - np.unique(ts[::-1], return_index=True)[1])
    assert fault.mask is not None
    return np.flatnonzero(~fault.mask)


def _filled(columns: Columns, rows: Ints, fault: Fault) -> tuple[Columns, Ints]:
    """With the payments that are missing: the rate before each of them, at a mark that nobody knows."""
    new = np.concatenate([a + (b - a) // max(n - 1, 1) * np.arange(n, dtype=np.int64) for a, b, n in fault.spans])
    order = np.argsort(columns["ts"], kind="stable")
    before = order[np.searchsorted(columns["ts"][order], new) - 1]
    made = {"ts": new, "rate": columns["rate"][before], "mark": np.full(len(new), np.nan)}
    joined = {key: np.concatenate([array, made[key]]) for key, array in columns.items()}
    by_time = np.argsort(joined["ts"], kind="stable")
    return {key: array[by_time] for key, array in joined.items()}, np.concatenate([rows, rows[before]])[by_time]
