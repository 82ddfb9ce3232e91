"""Sets with the very same figure: the best is the first of them, and what is judged is that one, however it was run."""

from __future__ import annotations

from pathlib import Path

import pytest

import huracan
from huracan import sweeping
from huracan.sweep_blocks import Deal

STRATEGY = '''from huracan import buy, param, sell, sma, strategy


@strategy(params=dict(fast=param(5, 2, 200), slow=param(20, 2, 200)),
          features=dict(fast=sma("fast"), slow=sma("slow")), state=dict(done=0))
def two(ctx):
    """Two of its sets trade, once each: one buys, the other sells."""
    if ctx.u.done == 0 and ctx.f.slow > 0.0:
        if ctx.p.fast == 3 and ctx.p.slow == 28:
            ctx.u.done = 1
            buy(ctx, 1.0)
        elif ctx.p.fast == 6 and ctx.p.slow == 21:
            ctx.u.done = 1
            sell(ctx, 1.0)
'''


@pytest.mark.parametrize("lanes", [144, 72, 13])
def test_the_judged_set_is_the_first_of_those_that_are_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    """Within a block sets stand in tiles: the one that sells comes first there."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(sweeping, "deal_for", lambda *_: Deal(lanes, 100))
    (tmp_path / "own.py").write_text(STRATEGY)
    axes = {"fast": {"from": 3, "to": 14, "step": 1}, "slow": {"from": 20, "to": 31, "step": 1}}
    found = huracan.sweep(
        {
            "data": {"synthetic": "regimes", "bars": 5000},
            "strategy": {"use": f"{tmp_path / 'own.py'}:two"},
            "sweep": {**axes, "rank_by": "fills"},
        }
    )
    assert found.columns["fills"].sum() == 2
    assert found.best_row == 8
    assert found.evidence is not None
    assert found.evidence.best == 8
