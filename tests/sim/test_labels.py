"""What a strategy says of its wants: gates read it, fills carry the tag, and it ends with the step."""

from __future__ import annotations

from typing import Any

import pytest

from huracan import backtest, bracket, buy, close, gate, label, limit, param, strategy


@strategy(params={"edge": param(12.0)}, state={"n": 0, "late": 0})
def labelled(ctx: Any) -> None:
    """A bracket with a tag on the second bar, a plain order on the tenth, one refused on the twentieth."""
    ctx.u.n += 1
    if ctx.u.n == 2:
        made = bracket(ctx, 1, 1.0, take=ctx.bar.close * 1.5, stop=ctx.bar.close * 0.5, max_hold=3)
        ctx.u.late = label(ctx, made, tag=7, edge_bps=ctx.p.edge, confidence=0.25, book=2)
    elif ctx.u.n == 3:
        label(ctx, ctx.u.late, tag=8)  # on its way since the bar before
    elif ctx.u.n == 10:
        label(ctx, buy(ctx, 1.0), edge_bps=ctx.p.edge)
    elif ctx.u.n == 15:
        label(ctx, close(ctx), tag=9)
    elif ctx.u.n == 20:
        label(ctx, limit(ctx, 1, -1.0, 1.0), tag=10)


@gate(params={"least": param(0.0)}, reasons=("too little to gain", "unsure", "another book"))
def worth_it(ctx: Any, want: Any) -> int:
    """Refuse a want by what was said of it."""
    if want.edge_bps < ctx.p.least:
        return 1
    if want.confidence < 0.25:
        return 2
    return 3 if want.book > 2 else 0


def run(least: float) -> Any:
    return backtest(
        {
            "data": {"synthetic": "regimes", "bars": 60},
            "strategy": {"use": labelled},
            "gates": [{"use": worth_it, "least": least}],
        }
    )


def test_fills_carry_the_tag() -> None:
    result = run(12.0)
    fills = result.fills
    assert list(fills["reason"]) == ["market", "time", "market", "market"]
    assert list(fills["tag"]) == [7, 7, 0, 9]  # a bracket's exit has its entry's
    assert result.figures["rejections"] == {"unknown_order": 1, "bad_quantity": 1}


@pytest.mark.parametrize("least", [12.5, 1e9])
def test_gates_read_what_was_said(least: float) -> None:
    result = run(least)
    assert result.figures["rejections"]["too little to gain"] == 2
    assert len(result.fills) == 0
