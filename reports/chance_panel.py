"""How much of a run may be chance: intervals, the probability of skill, how long a record it would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from huracan.reports.charts import spans
from huracan.reports.parts import Panel, Part, Table, Text
from huracan.reports.returns import Curve, grid, periods_of, returns_on, step_for, words_of
from huracan.reports.warnings_of import plural
from huracan.reports.wording import NONE, money, ratio, share, span
from huracan.sim.uncertainty import (
    Reordered,
    Resampled,
    probability_of_skill,
    reordered,
    resampled,
    shortest_record,
)

if TYPE_CHECKING:
    from huracan.sim.result import Result


def chance_panel(result: Result, curve: Curve) -> Panel | None:
    """None where there are too few returns and trades for any of it."""
    step = step_for(curve)
    returns = returns_on(curve, grid(curve, step))
    usable = returns.size >= 20 and bool(np.isfinite(returns).all())
    periods = periods_of(step, result.numbers.get("periods"), result.about.sample)
    drawn = resampled(returns, periods, result.about.seed) if usable else None
    pnl = np.ascontiguousarray(result.trade_rows["pnl"])
    order = reordered(pnl, result.about.seed)
    if drawn is None and order is None:
        return None
    words = words_of(step)
    parts: list[Part] = [Text(each, "lead") for each in sentences(drawn, order)]
    if drawn is not None:
        parts += interval_parts(drawn, words)
    skill = probability_of_skill(returns) if drawn is not None else None
    need = shortest_record(returns) if drawn is not None else None
    rows = []
    if drawn is not None:
        have = returns.size
        rows.append(
            ("Probabilistic Sharpe", NONE if skill is None else share(skill), "that the true Sharpe is above 0")
        )
        rows.append(
            (
                "Minimum track record",
                "no length is enough" if need is None else span(int(need * step)),
                f"to be 95 % sure of a Sharpe above 0; this run has {span(have * step)}",
            )
        )
        rows.append(
            (
                "Resampled Sharpes below 0",
                share(drawn.below_zero),
                f"of {drawn.draws:,} draws in blocks of {drawn.block:.1f}",
            )
        )
    if order is not None:
        rows.append(
            (
                "Deepest fall, trades reordered",
                f"{money(order.fall.low)} to {money(order.fall.high)}",
                f"90 % of {order.draws:,} orders of the same trades; this order had {money(order.fall.seen)}",
            )
        )
    parts.append(Table(("", "n", "note"), tuple(rows)))
    how = (
        f"Returns of {words} are drawn again and again from those of this run, in blocks of random length so that "
        "calm and wild stretches stay together (stationary bootstrap), with the seed of the run. The bar holds 90 % "
        "of the results, the stroke is what was seen. A bar that reaches over 0 means that luck alone could show "
        "this Sharpe. It can not know how many other ideas were tried before: that is what the page of a sweep "
        "counts."
    )
    return Panel("chance", "Skill or luck?", tuple(parts), how, "Skill or luck")


def interval_parts(drawn: Resampled, words: str) -> list[Part]:
    """The two intervals, each on an axis of its own."""
    s, d = drawn.sharpe, drawn.drawdown
    return [
        spans(
            [
                (
                    f"Sharpe on {words}",
                    s.low,
                    s.high,
                    s.seen,
                    f"{ratio(s.seen)}  ({ratio(s.low)} to {ratio(s.high)})",
                    f"seen {ratio(s.seen)}\n90 % of draws: {ratio(s.low)} to {ratio(s.high)}\nmedian {ratio(s.median)}",
                )
            ],
            ratio,
            0.0,
            "Interval of the Sharpe ratio",
        ),
        spans(
            [
                (
                    f"Max drawdown at {words}",
                    d.low,
                    d.high,
                    d.seen,
                    f"{share(d.seen)}  ({share(d.low)} to {share(d.high)})",
                    f"seen {share(d.seen)}\n90 % of draws: {share(d.low)} to {share(d.high)}\nmedian {share(d.median)}",
                )
            ],
            lambda v: f"{v:.0%}" if abs(d.low - d.high) > 0.05 else f"{v:.2%}",
            None,
            "Interval of the deepest drawdown",
        ),
    ]


def sentences(drawn: Resampled | None, order: Reordered | None) -> list[str]:
    """The verdict in words."""
    found = []
    if drawn is not None:
        s = drawn.sharpe
        if s.low > 0.0:
            found.append(
                f"The Sharpe of {ratio(s.seen)} stands clear of zero: 90 % of the draws lie from {ratio(s.low)} to "
                f"{ratio(s.high)}."
            )
        elif s.high < 0.0:
            found.append(f"The Sharpe of {ratio(s.seen)} is below zero beyond what bad luck explains.")
        else:
            found.append(
                f"The Sharpe of {ratio(s.seen)} can't be told from zero: 90 % of the draws lie from {ratio(s.low)} to "
                f"{ratio(s.high)}."
            )
        found.append(f"Expect a max drawdown down to {share(drawn.drawdown.low)} even if nothing changes.")
    if order is not None and order.deeper > 0.9:
        found.append(
            f"The order of the trades was kind: {share(order.deeper)} of other orders of the same "
            f"{plural(order.draws, 'draw').split(' ')[0]} drawn would have fallen deeper."
        )
    return found
