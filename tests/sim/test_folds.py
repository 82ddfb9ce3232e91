"""Cuts, looks and folds: returns that chain back to the equity, pieces that never overlap, paths that are whole."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.sim.cuts import DAY_NS, MINUTE_NS, Cuts, Looks, plan_cuts
from huracan.sim.folds import assembled, combinatorial, paths_of, purged_folds, scores, walk_forward, winners
from huracan.validation import lay_out


def covered(pieces: tuple[tuple[int, int], ...], count: int) -> np.ndarray:
    found = np.zeros(count, int)
    for lo, hi in pieces:
        found[lo:hi] += 1
    return found


@given(st.integers(30, 400), st.integers(2, 8), st.integers(0, 5), st.integers(0, 5))
def test_what_chooses_is_kept_apart_from_what_is_looked_at(count: int, folds: int, purge: int, embargo: int) -> None:
    looked = np.zeros(count, int)
    for split in purged_folds(count, folds, purge, embargo):
        train, test = covered(split.train, count), covered(split.test, count)
        assert train.max() <= 1
        assert not (train & test).any()
        ((lo, hi),) = split.test
        assert not train[max(lo - purge, 0) : lo].any()
        assert not train[hi : hi + purge + embargo].any()
        assert train.sum() >= count - (hi - lo) - 2 * purge - embargo
        looked += test
    assert (looked == 1).all()


@given(st.integers(40, 300), st.integers(3, 8), st.integers(1, 3))
def test_combinatorial_paths_are_whole(count: int, folds: int, tests: int) -> None:
    tests = min(tests, folds - 1)
    splits = combinatorial(count, folds, tests, 1, 1)
    paths = paths_of(folds, tests)
    chosen = [np.full(count, float(k)) for k in range(len(splits))]
    found = assembled(count, splits, chosen, paths)
    assert not np.isnan(found).any()
    for k, split in enumerate(splits):  # every split's test parts are used once
        assert (found == k).sum() == covered(split.test, count).sum()


def test_walk_forward_has_as_many_folds_as_asked_for() -> None:
    """Whatever the number of cuts: pieces of nearly one length, one after the other, to the very end."""
    for count, folds in itertools.product(range(12, 200, 7), range(2, 6)):
        cuts = Cuts(1, np.arange(count), np.arange(count))
        for anchored in (False, True):
            found = lay_out({"method": "walk_forward", "folds": folds, "anchored": anchored}, cuts)
            assert found is not None
            assert len(found.splits) == folds, (count, folds)
            lengths = [split.test[0][1] - split.test[0][0] for split in found.splits]
            assert max(lengths) - min(lengths) <= 1
            assert found.splits[-1].test[0][1] == count
            for one, after in itertools.pairwise(found.splits):
                assert one.test[0][1] == after.test[0][0] == after.train[0][1]
                assert after.train[0][0] == (0 if anchored else one.test[0][0])


def test_walk_forward_never_looks_back() -> None:
    for anchored in (False, True):
        splits = walk_forward(103, 40, 10, anchored=anchored)
        assert len(splits) == 7
        at = 40
        for split in splits:
            ((first, last),), ((lo, hi),) = split.train, split.test
            assert (last, lo) == (at, at)
            assert first == (0 if anchored else at - 40)
            at = hi
        assert at == 103


def test_scores_do_not_depend_on_neighbours() -> None:
    r = np.random.default_rng(1).normal(size=(90, 37))
    pieces = [[(0, 30), (60, 90)], [(10, 11)], [(5, 90)]]
    together = scores(r, pieces)
    alone = np.concatenate([scores(r[:, k : k + 1], pieces) for k in range(37)], axis=1)
    assert together.tobytes() == alone.tobytes()
    assert np.isnan(together[1]).all()  # one return has no spread
    picked = np.concatenate([r[:30], r[60:]])
    assert together[0] == pytest.approx(picked.mean(axis=0) / picked.std(axis=0, ddof=1))


def test_winners_do_not_depend_on_order() -> None:
    score = np.array([[1.0, 5.0, 5.0, np.nan]])
    assert winners(score, np.array([3, 8, 2, 1])).tolist() == [2]
    assert winners(score[:, ::-1], np.array([1, 2, 8, 3])).tolist() == [1]


def test_cuts_are_days_where_there_are_enough() -> None:
    minutes = np.arange(1, 100 * 1440 + 1) * MINUTE_NS
    assert plan_cuts(minutes, 0, MINUTE_NS, 1000).step_ns == DAY_NS
    assert plan_cuts(minutes[: 20 * 1440], 0, MINUTE_NS, 1000).step_ns == 6 * 60 * MINUTE_NS
    daily = np.arange(1, 3651) * DAY_NS
    assert plan_cuts(daily, 0, DAY_NS, 500).step_ns == DAY_NS
    assert plan_cuts(daily, 0, DAY_NS, 100_000).step_ns > 10 * DAY_NS
    assert len(plan_cuts(daily[:30], 0, DAY_NS, 5)) == 30
    assert len(plan_cuts(daily * 7, 0, 7 * DAY_NS, 5)) == 3650  # weekly bars are not looked at more often
    odd = plan_cuts(np.arange(1, 500) * 7 * MINUTE_NS, 0, 7 * MINUTE_NS, 5)
    assert len(odd) > 60


def test_returns_chain_to_the_equity_and_ruin_is_final() -> None:
    cuts = Cuts(1, np.arange(6), np.array([-1, 0, 2, 2, 3, 5]))
    looks = Looks(cuts, 0, np.array([100.0, 50.0]))
    assert looks.rows.tolist() == [0, 2, 3, 5]
    for equity in ([110.0, 40.0], [121.0, -5.0], [60.5, -5.0], [66.55, 3.0]):
        looks.take(equity)
    r = looks.returns()
    assert r[:, 0] == pytest.approx([0.0, 0.1, 0.1, 0.0, -0.5, 0.1])
    assert r[:, 1].tolist() == pytest.approx([0.0, -0.2, -1.0, 0.0, 0.0, 0.0])
