"""Sets with the very same figure: the best is the first of them, and what is judged is that one, however it was run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import huracan
from huracan import sweep_job, sweeping
from huracan.sim.sweep_result import SweepResult
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


def swept(tmp_path: Path, seed: int = 1) -> SweepResult:
    """Its 144 sets; the one that buys is number 8, the one that sells number 37."""
    (tmp_path / "own.py").write_text(STRATEGY)
    axes = {"fast": {"from": 3, "to": 14, "step": 1}, "slow": {"from": 20, "to": 31, "step": 1}}
    return huracan.sweep(
        {
            "run": {"seed": seed},
            "data": {"synthetic": "regimes", "bars": 5000},
            "strategy": {"use": f"{tmp_path / 'own.py'}:two"},
            "sweep": {**axes, "rank_by": "fills"},
        }
    )


@pytest.mark.parametrize("lanes", [144, 72, 13])
def test_the_judged_set_is_the_first_of_those_that_are_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    """Within a block sets stand in tiles: the one that sells comes first there."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(sweeping, "deal_for", lambda *_: Deal(lanes, 100))
    found = swept(tmp_path)
    assert found.columns["fills"].sum() == 2
    assert found.best_row == 8
    assert found.evidence is not None
    assert found.evidence.best == 8


@pytest.mark.parametrize("lanes", [144, 13])
def test_it_is_so_where_only_a_sample_of_the_sets_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    """Neither is in the sample: of each block the returns of its best are kept beside, and they are those of set 8."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(sweeping, "deal_for", lambda *_: Deal(lanes, 100))
    monkeypatch.setattr(sweep_job, "SAMPLE", 20)
    seed = next(seed for seed in range(99) if not np.isin([8, 37], sweep_job.sample_of(144, seed)).any())
    monkeypatch.setattr(sweep_job, "SAMPLE", 144)
    whole = swept(tmp_path, seed).evidence
    monkeypatch.setattr(sweep_job, "SAMPLE", 20)
    found = swept(tmp_path, seed)
    assert found.best_row == 8
    assert whole is not None
    assert found.evidence is not None
    judged = found.evidence.returns[:, found.evidence.best]
    np.testing.assert_array_equal(judged, whole.returns[:, 8])
    assert not np.array_equal(judged, whole.returns[:, 37])
