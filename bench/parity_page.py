"""docs/PARITY.md, written from what was found."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from parity_cases import CASES, Change
from parity_sums import Sums
from trades import TOLERANCE, Difference, Row

HEAD = """# The same trades as others

Written by `make parity` on {date} with huracan-sim {huracan}, vectorbt {vectorbt} (rust engine {rust}),
backtesting.py {backtesting}, Python {python}. Nothing on this page is written by hand: `bench/parity.py` runs every row
and fails if one of the first table is not equal, or `sma_cross` differs from exact sums in the last.

Markets: {markets}. Fees 5 bps a side, 10 units a trade where no fraction is named,
averages of {windows} bars. Every trade is compared by the time of its entry and exit, side, quantity and prices, then
the equity at the last close; equal is within {tolerance:g} relative. The peers get signals computed from whole ticks,
so that equal averages are equal for all (the last table says what happens otherwise). huracan runs with
`max_participation = 0`, `fee_maker_bps = fee_taker_bps` and `tick = 1e-8`, as the peers know no volume cap, one fee
and no tick.

## Equal

| trades by | against | market | trades | unequal | largest difference | equity |
|---|---|---|--:|--:|--:|--:|
"""

CHANGED = """
## Different, and by which setting

Each row takes one setting away from an equal row above and changes nothing else.

| trades by | against | with | trades that differ | equity | because | equal again with |
|---|---|---|---|---|---|---|
"""

SUMS = """
## Averages whose sums run

The same cross, only the averages are computed otherwise: how many trades differ from those of exact sums. *ties*: bars
on which the two averages are exactly equal. *huracan*: `sma_cross`. *vectorbt*: `vbt.MA` and `ma_crossed_above`; *its
crosses*: these over exact averages, so what is left of its difference is its sums. *pandas*: `rolling(n).mean()` (the
average of most backtesting.py strategies) with the rule "above now, at or below before"; *crossover*: the same with
`backtesting.lib.crossover`, which wants "strictly below before" and so loses a cross that touches.

| market | averages | ties | trades | huracan | vectorbt | its crosses | pandas | crossover |
|---|---|--:|--:|--:|--:|--:|--:|--:|
"""


def write_page(
    path: Path,
    rows: Sequence[Row],
    changed: Sequence[tuple[Change, list[tuple[str, Difference]]]],
    sums: Sequence[Sums],
    markets: Sequence[str],
    windows: str,
) -> None:
    """All tables; figures come from the arguments only."""
    text = HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        huracan=version("huracan-sim"),
        vectorbt=version("vectorbt"),
        rust=version("vectorbt-rust"),
        backtesting=version("backtesting"),
        python=platform.python_version(),
        markets="; ".join(markets),
        windows=windows,
        tolerance=TOLERANCE,
    )
    for r in rows:
        d = r.found
        text += line(r.case, r.peer, r.market, counted(d), d.unequal, f"{d.prices:.1g}", f"{d.equity:.1g}")
    text += CHANGED
    for c, found in changed:
        trades = "; ".join(f"{name}: {d.unequal} of {counted(d)}" for name, d in found)
        equity = "; ".join(f"{d.equity:.1g}" for _, d in found)
        text += line(CASES[c.case].name, c.peer, c.setting, trades, equity, c.why, c.equal)
    text += SUMS
    for s in sums:
        counts = (s.ties, s.trades, s.huracan, s.own, s.rule, s.rolling, s.strict)
        text += line(s.market, f"{s.fast} and {s.slow}", *counts)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def line(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |\n"


def counted(found: Difference) -> str:
    """The number of trades, and theirs if it is another."""
    return f"{found.trades}" if found.trades == found.others else f"{found.trades} (theirs {found.others})"
