"""Sharpe ratios that were picked from many: published numbers, the tests' own size and power, and plain words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from huracan.sim.honesty import (
    Moments,
    deflated_sharpe,
    expected_maximum,
    min_backtest_length,
    moments_of,
    probabilistic_sharpe,
)
from huracan.sim.judgement import KEYS, Evidence, judge
from huracan.sim.overfitting import overfitting, sharpes
from huracan.sim.plateau import plateau
from huracan.sim.reality_check import drawn_counts, reality_check
from huracan.sim.trial_groups import effective_trials, groups

DAY_NS = 86_400 * 10**9


def noise(seed: int, samples: int = 256, sets: int = 50) -> np.ndarray:
    return np.random.default_rng([99, seed]).normal(0.0, 0.01, (samples, sets))


def test_published_values() -> None:
    year = 250
    found = deflated_sharpe(2.5 / math.sqrt(year), 1250, Moments(-3.0, 10.0), 100, 0.5 / year)
    assert found == pytest.approx(0.90039683444939, abs=1e-13)
    assert expected_maximum(100) == pytest.approx(2.5306028932016846, abs=1e-13)
    found = probabilistic_sharpe(1.585 / math.sqrt(12), 24, Moments(-2.448, 10.164))
    assert found == pytest.approx(0.913234306884860, abs=1e-13)
    assert min_backtest_length(45, 1.0) == pytest.approx(4.9980870044, abs=1e-10)


def test_moments_are_those_of_scipy() -> None:
    from scipy import stats

    returns = np.random.default_rng(3).standard_t(5, 500)
    found = moments_of(returns)
    assert found is not None
    assert found.skew == pytest.approx(float(stats.skew(returns)), rel=1e-12)
    assert found.kurtosis == pytest.approx(float(stats.kurtosis(returns, fisher=False)), rel=1e-12)
    assert moments_of(np.ones(9)) is None
    assert moments_of(np.ones(1)) is None


# --- PBO


def test_pbo_is_that_of_the_definition() -> None:
    """Every choice of half the pieces, ranks by hand: the same number as the one from sums."""
    from itertools import combinations

    returns = noise(1, 96, 7)
    pieces = np.split(returns, 8)
    below = []
    for chosen in combinations(range(8), 4):
        inside = np.concatenate([pieces[k] for k in chosen])
        outside = np.concatenate([pieces[k] for k in range(8) if k not in chosen])
        first, second = (r.mean(axis=0) / r.std(axis=0, ddof=1) for r in (inside, outside))
        best = int(np.argmax(first))
        below.append((second < second[best]).sum() + 1 <= 4)  # of seven the fourth is the median
    found = overfitting(returns, 8)
    assert found is not None
    assert found.pbo == np.mean(below)
    assert 0.0 < found.pbo < 1.0


def test_pbo_of_the_published_cases() -> None:
    for seed in range(5):
        flat = noise(seed)
        flat -= flat.mean(axis=0)
        edge = noise(seed)
        edge[:, 17] += 0.01
        assert overfitting(flat).pbo == 1.0  # type: ignore[union-attr]
        assert overfitting(edge).pbo == 0.0  # type: ignore[union-attr]
    many = [overfitting(noise(seed, 160, 20), 10).pbo for seed in range(100)]  # type: ignore[union-attr]
    assert np.mean(many) == pytest.approx(0.51, abs=4 * 0.19 / 10)
    assert 0.12 < np.std(many) < 0.28


def test_pbo_of_too_little() -> None:
    assert overfitting(noise(0, 256, 1)) is None
    assert overfitting(noise(0, 3, 9)) is None
    assert overfitting(np.zeros((64, 5))) is None
    found = overfitting(noise(0, 12, 9))
    assert found is not None
    assert found.pieces == 6
    still = noise(0, 64, 4)
    still[:, 2] = 0.0  # a set that never traded is never the best
    assert overfitting(still) is not None
    assert np.isnan(sharpes(np.array([0.0]), np.array([0.0]), 9)[0])


@pytest.mark.parametrize("samples", [83, 160, 365])
def test_pbo_of_sets_that_are_the_same(samples: int) -> None:
    """Ten times the same sets rank as equals, whatever the sums round to; sets that are all the same are no choice."""
    from itertools import combinations

    assert overfitting(np.repeat(noise(1, samples, 1) + 1e-3, 20, axis=1)) is None
    returns = np.tile(noise(2, samples, 3), (1, 10))
    used = returns[samples % 8 :]
    pieces = np.split(used, 8)
    below = []
    for chosen in combinations(range(8), 4):
        inside = np.concatenate([pieces[k] for k in chosen])[:, :3]
        outside = np.concatenate([pieces[k] for k in range(8) if k not in chosen])[:, :3]
        first, second = (r.mean(axis=0) / r.std(axis=0, ddof=1) for r in (inside, outside))
        under = (second < second[int(np.argmax(first))]).sum()
        below.append((10 * under + 0.5 * 11) / 31 <= 0.5)
    found = overfitting(returns, 8)
    assert found is not None
    assert found.pbo == np.mean(below)


# --- the reality check


def test_the_drawn_histories_are_pieces_of_the_one_there_was() -> None:
    counts = drawn_counts(100, 400, 5.0, np.random.default_rng(1))
    assert (counts.sum(axis=1) == 100.0).all()
    assert counts.mean() == pytest.approx(1.0)
    # pieces of mean length L: the mean of a drawn history of iid numbers varies as that of a plain one
    r = np.random.default_rng(2).normal(size=100)
    assert (counts @ r / 100).std() == pytest.approx(r.std() / 10, rel=0.5)
    trend = np.repeat([1.0, -1.0], 50)  # what hangs together stays together: its mean varies more
    alone = drawn_counts(100, 400, 1.0, np.random.default_rng(1))
    assert (counts @ trend).std() > 1.5 * (alone @ trend).std()


def test_the_size_of_the_reality_check_on_noise() -> None:
    """Of 200 seeds of pure noise five in a hundred are called an edge: 4 to 17 is what chance leaves of 200."""
    found = [reality_check(noise(seed, 200, 30), draws=400, seed=seed, mean_length=1.0) for seed in range(200)]
    white = sum(f is not None and f.white_p <= 0.05 for f in found)
    spa = sum(f is not None and f.spa_p <= 0.05 for f in found)
    assert 4 <= white <= 17, white
    assert 4 <= spa <= 17, spa


def test_the_power_of_the_reality_check() -> None:
    """One set of thirty with an edge of a yearly Sharpe of 4 over 200 days, among noise and sets that surely lose."""
    hits = []
    for seed in range(40):
        r = noise(seed, 200, 30)
        r[:, 11] += 0.01 * 4.0 / math.sqrt(365.0) * 1.5
        r[:, 20:] -= 0.004
        f = reality_check(r, draws=400, seed=seed)
        assert f is not None
        hits.append((f.white_p <= 0.05, f.spa_p <= 0.05))
    white, spa = np.mean(hits, axis=0)
    assert white > 0.7
    assert spa > 0.7
    assert spa >= white  # sets that surely lose don't count in Hansen's test


def test_nothing_varies() -> None:
    assert reality_check(np.zeros((100, 3))) is None
    assert reality_check(noise(0, 5, 3)) is None


# --- how many trials these were, and where the best stands


def test_effective_trials() -> None:
    rng = np.random.default_rng(5)
    family = rng.normal(size=(300, 4))
    alike = np.repeat(family, 25, axis=1) + 0.3 * rng.normal(size=(300, 100))
    assert effective_trials(alike, 100) == 4.0
    assert effective_trials(rng.normal(size=(300, 60)), 60) == 60.0
    assert groups(np.zeros((50, 7))) == 1
    assert groups(np.hstack([alike, np.zeros((300, 3))])) == 5
    assert effective_trials(np.zeros((2, 7)), 7) is None


def test_effective_trials_of_a_sample() -> None:
    """Alike sets stay few however many there are; sets that have nothing in common grow with their number."""
    rng = np.random.default_rng(6)
    family = rng.normal(size=(120, 5))
    alike = np.repeat(family, 300, axis=1) + 0.3 * rng.normal(size=(120, 1500))
    assert effective_trials(alike, 1_000_000) == pytest.approx(5.0)
    apart = effective_trials(rng.normal(size=(400, 1500)), 30_000)
    assert apart is not None
    assert apart > 20_000.0


def test_plateau_and_peak() -> None:
    a, b = (x.reshape(-1) for x in np.meshgrid(np.arange(9), np.arange(9), indexing="ij"))
    hill = 10.0 - (a - 4.0) ** 2 - (b - 4.0) ** 2
    peak = np.where((a == 4) & (b == 4), 10.0, 0.0)
    found = plateau({"a": a, "b": b}, hill, int(np.argmax(hill)))
    assert found is not None
    assert (found.word, found.neighbours) == ("plateau", 8)
    lonely = plateau({"a": a, "b": b}, peak, int(np.argmax(peak)))
    assert lonely is not None
    assert (lonely.word, lonely.kept) == ("peak", 0.0)
    words = np.where(a < 4, "x", "y").astype(object)
    mixed = plateau({"a": a, "w": words}, hill, int(np.argmax(hill)))
    assert mixed is not None
    drawn = np.random.default_rng(1).random((200, 3))
    smooth = -((drawn - 0.5) ** 2).sum(axis=1)
    nearest = plateau(dict(zip("abc", drawn.T, strict=True)), smooth, int(np.argmax(smooth)))
    assert nearest is not None
    assert (nearest.word, nearest.neighbours) == ("plateau", 8)
    assert plateau({"a": a}, np.zeros(81), 3) is None


# --- the verdict


def judged(returns: np.ndarray, before: int | None = 0, **more: object) -> dict:
    values = returns.mean(axis=0) / np.maximum(returns.std(axis=0), 1e-12)
    best = int(np.argmax(values))
    evidence = Evidence(returns, best, returns.shape[1], DAY_NS, before)
    return judge(evidence, returns.shape[1], {"n": np.arange(returns.shape[1])}, values, best, **more)  # type: ignore[arg-type]


def test_the_whole_block() -> None:
    returns = noise(4, 1200, 40)
    found = judged(returns, before=60)
    assert set(found) == {*KEYS, "verdict"}
    best = returns[:, int(np.argmax(returns.mean(axis=0) / returns.std(axis=0)))]
    one = best.mean() / best.std(ddof=1)
    spread = np.var(returns.mean(axis=0) / returns.std(axis=0, ddof=1), ddof=1)
    assert found["best_sharpe"] == pytest.approx(one * math.sqrt(365.0), rel=1e-9)
    shape = moments_of(best)
    assert shape is not None
    expected = deflated_sharpe(one, 1200, shape, 100, max(float(spread), 1.0 / 1199.0))  # 40 now, 60 before
    assert found["deflated_sharpe"] == pytest.approx(expected, rel=1e-9)
    assert (found["trials"], found["trials_before"], found["judged_on"]) == (40, 60, 40)
    assert len(found["in_and_out"][0]) == 200
    low, middle, high = found["luck_range"]
    assert low < middle < high


def test_verdicts() -> None:
    assert judged(noise(1, 400, 60))["verdict"].startswith(("Luck explains it", "Doubtful"))
    smooth = noise(2, 1500, 60) * 0.3
    for k, edge in enumerate([0.0015, 0.002, 0.0015]):
        smooth[:, 30 + k] += edge
    found = judged(smooth)
    assert found["verdict"].startswith("More than luck explains it, so far."), found
    assert (found["pbo"], found["shape"]) == (0.0, "plateau")
    alone = noise(2, 1500, 60) * 0.3
    alone[:, 30] += 0.002
    lonely = judged(alone)["verdict"]
    assert lonely.startswith("Doubtful")
    assert "It is a peak" in lonely
    assert "years are too few" in judged(noise(7, 1500, 60))["verdict"]  # 4.1 years where 14.7 are needed
    assert "Nothing was held out" in found["verdict"]
    checked = judged(smooth, validation={"in_sample_sharpe": 2.0, "out_of_sample_sharpe": 0.4})
    assert "Sharpe 2.00 in sample became 0.40 out of it" in checked["verdict"]


@pytest.mark.parametrize("values", [[np.nan, np.nan], [1.0, np.nan]])
def test_nothing_to_judge(values: list[float]) -> None:
    best = None if np.isnan(values[0]) else 0
    found = judge(None, 2, {"n": np.arange(2)}, np.array(values), best)
    assert found["trials"] == 2
    assert "Not judged" in found["verdict"] or "nothing to judge" in found["verdict"]
    assert found["deflated_sharpe"] is None


def test_sets_that_never_moved() -> None:
    returns = np.zeros((100, 3))
    evidence = Evidence(returns, 1, 3, DAY_NS, None)
    found = judge(evidence, 3, {"n": np.arange(3)}, np.array([0.0, 1.0, 0.0]), 1)
    assert "never moved" in found["verdict"]
    assert (found["pbo"], found["reality_check_p"], found["deflated_sharpe"]) == (None, None, None)


def test_one_set_was_not_picked() -> None:
    assert "nothing was picked" in judged(noise(0, 100, 1))["verdict"]


def test_sets_tried_one_sweep_at_a_time_are_trials_all_the_same() -> None:
    """One set has no spread, and two that are alike hardly any: those before are taken to lie as far apart as luck."""
    one = noise(3, 500, 1) + 0.0012
    free, paid = judged(one), judged(one, before=99)
    assert free["deflated_sharpe"] == free["probabilistic_sharpe"] == paid["probabilistic_sharpe"]
    top = paid["best_sharpe"] / math.sqrt(365.0)
    shape = moments_of(one[:, 0])
    assert shape is not None
    wanted = deflated_sharpe(top, 500, shape, 100, 1.0 / 499.0)
    assert wanted is not None
    assert wanted < 0.9 * free["deflated_sharpe"]
    assert paid["deflated_sharpe"] == pytest.approx(wanted, rel=1e-12)
    assert "This set (99 more were tried on this data before) has a Sharpe of" in paid["verdict"]
    assert "1 sets" not in paid["verdict"]
    twins = np.hstack([one, one + 1e-5 * noise(5, 500, 1)])
    assert judged(twins, before=98)["deflated_sharpe"] == pytest.approx(wanted, rel=1e-2)
