"""Bars of the mid, from touches by hand: places of asks are mirrored, seconds without news stand still."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from huracan.sim import book_layout, layout
from huracan.sim.book_market import mid_bars

SECOND = 10**9


def tape_of(rows: list[tuple[int, int, int]]) -> Any:
    """A tape of one instrument whose ticks are its places; `rows` are (ts_ns, tick of the bid, tick of the ask)."""
    width = 8
    mask = (1 << width) - 1
    touches = np.zeros(len(rows) + 1, book_layout.touch)
    for k, (ts, bid, ask) in enumerate(rows):
        touches[k]["ts_ns"], touches[k]["bid"] = ts, bid
        touches[k]["ask"] = mask - ask if ask >= 0 else -1
    touches[-1]["ts_ns"] = layout.NEVER
    rules = np.zeros(1, layout.rules)
    rules["tick_num"], rules["tick_den"], rules["contract"], rules["multiplier"] = 1, 10, 1, 1.0
    return SimpleNamespace(
        touches=touches,
        ticks=np.arange(1 << width),
        rules=rules,
        width=width,
        symbols=("A",),
        venues=("",),
        instruments=1,
        start_ns=0,
        end_ns=10 * SECOND,
    )


def test_bars_of_the_mid() -> None:
    rows = [
        (0, 100, 102),
        (SECOND // 2, 104, 106),
        (SECOND - 1, 98, 100),
        (3 * SECOND, 110, 112),
        (4 * SECOND, 110, -1),
    ]
    (bars,) = mid_bars(tape_of(rows))
    assert (bars.open_ns // SECOND).tolist() == [0, 1, 2, 3]
    assert bars.open.tolist() == [10.1, 9.9, 9.9, 11.1]
    assert bars.high.tolist() == [10.5, 9.9, 9.9, 11.1]
    assert bars.low.tolist() == [9.9, 9.9, 9.9, 11.1]
    assert bars.close.tolist() == [9.9, 9.9, 9.9, 11.1]
    assert bars.volume is None
    assert (bars.rules.kind, bars.timeframe_ns) == ("linear", SECOND)


def test_a_book_that_never_had_two_sides_has_no_bars() -> None:
    assert mid_bars(tape_of([(0, 100, -1)])) == ()
