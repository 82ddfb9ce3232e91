"""The synthetic market: the same bytes everywhere, bars that hold together, and the facts that real minutes show."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from huracan.data import synthetic_market
from huracan.data.synthetic import EIGHT_HOURS, MINUTE, REGIMES, START, funding, labels, regimes
from huracan.data.synthetic_market import source_stamp
from huracan.data.ticks import rows_off_tick
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars

FIVE = ("BTC/USDT:USDT", "ETH/USDT:USDT", "XRP/USDT", "FOO/USD:FOO", "spy")
GOLDEN = """
print([b.data_hash[:12] for b in regimes(400, 7, symbols=("BTC/USDT:USDT", "XRP/USDT", "FOO/USD:FOO"))])
print(regimes(60, -1, timeframe_ns=3_600_000_000_000)[0].data_hash[:12])
print(funding(regimes(150, 7, timeframe_ns=900_000_000_000)[0], 7).data_hash[:12])
print(hashlib.sha256(labels(4000, 2**64 - 9, timeframe_ns=900_000_000_000).tobytes()).hexdigest()[:12])
"""
HASHES = [
    "['690f347517ca', '3339a3083adb', '9e90cb7a9f5d']",
    "6c84195e99f5",
    "fd753cba45af",
    "5fceb1808766",
]


@pytest.fixture(scope="module")
def long_bars() -> Bars:
    return regimes(50_000, 11)[0]


def returns(bars: Bars) -> npt.NDArray[np.float64]:
    return np.diff(np.log(bars.close))


def autocorrelation(x: npt.NDArray[np.float64], lag: int) -> float:
    y = x - x.mean()
    return float((y[:-lag] * y[lag:]).mean() / (y * y).mean())


# --- the same bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uncompiled", ["0", "1"])
def test_golden_bytes_compiled_and_in_plain_python(uncompiled: str) -> None:
    """These change only when the market is changed on purpose; then the numbers here are written anew."""
    code = "import hashlib\nfrom huracan.data.synthetic import funding, labels, regimes\n" + GOLDEN
    env = {**os.environ, "NUMBA_DISABLE_JIT": uncompiled}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines() == HASHES


def test_another_seed_is_another_market() -> None:
    hashes = {regimes(100, seed)[0].data_hash for seed in (*range(50), -1, 2**63, 2**64 + 50)}
    assert len(hashes) == 53
    assert regimes(100, 2**64 + 3)[0].data_hash == regimes(100, 3)[0].data_hash  # seeds count modulo 2**64


def test_a_longer_market_begins_with_the_shorter_one() -> None:
    short, long = regimes(700, 5, symbols=FIVE), regimes(1500, 5, symbols=FIVE)
    for a, b in zip(short, long, strict=True):
        for name in ("open_ns", "open", "high", "low", "close", "volume"):
            assert np.array_equal(getattr(a, name), getattr(b, name)[:700]), name
    assert np.array_equal(labels(700, 5), labels(1500, 5)[:700])
    paid, more = funding(short[0], 5), funding(long[0], 5)
    assert paid.ts_ns.size == 1
    assert paid.rate[0] == more.rate[0]
    assert paid.mark[0] == more.mark[0]


def test_an_asset_is_the_same_whoever_stands_beside_it() -> None:
    together = {bars.symbol: bars.data_hash for bars in regimes(300, 5, symbols=FIVE)}
    assert len(set(together.values())) == 5
    for symbol in FIVE:
        assert regimes(300, 5, symbols=(symbol,))[0].data_hash == together[symbol]


# --- bars that hold together ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_ns", [15_000_000_000, MINUTE, 60 * MINUTE, 1440 * MINUTE])
def test_bars_are_whole(step_ns: int) -> None:
    for bars in regimes(3000, 3, symbols=FIVE, timeframe_ns=step_ns):
        assert np.array_equal(bars.open_ns, START + step_ns * np.arange(3000))
        prices = np.array([bars.open, bars.high, bars.low, bars.close])
        assert np.isfinite(prices).all()
        assert (prices > 0).all()
        assert np.array_equal(prices.max(axis=0), bars.high)
        assert np.array_equal(prices.min(axis=0), bars.low)
        assert (bars.high > bars.low).mean() > 0.9
        assert bars.volume is not None
        assert (bars.volume >= 0).all()
        assert (bars.volume > 0).mean() > 0.99
        assert not bars.rules.inferred
        assert rows_off_tick((bars.rules.tick_num, bars.rules.tick_den), *prices) == 0
        jump = np.abs(bars.open[1:] / bars.close[:-1] - 1)
        assert jump.max() < 0.2 * np.abs(returns(bars)).max()  # paths go on from bar to bar
    kinds = [bars.rules.kind for bars in regimes(1, 3, symbols=FIVE)]
    assert kinds == ["linear", "linear", "spot", "inverse", "linear"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"bars": 0}, "0 bars"),
        ({"bars": 1.5}, r"1\.5 bars"),
        ({"symbols": ()}, "no symbols"),
        ({"symbols": ("A/B", "A/B")}, "'A/B' stands twice"),
        ({"timeframe_ns": 0}, "timeframe"),
    ],
)
def test_markets_that_are_none(more: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        regimes(**{"bars": 10, "seed": 1, **more})


# --- what real minutes show -------------------------------------------------------------------------------------------


def test_stylised_facts(long_bars: Bars) -> None:
    """The bounds hold on each of 40 seeds with room to spare (kurtosis 13 to 52, 0.11 to 0.23, 0.49 to 0.59)."""
    r = returns(long_bars)
    z = (r - r.mean()) / r.std()
    assert 5 < (z**4).mean() < 100
    assert abs(autocorrelation(r, 1)) < 0.05
    assert autocorrelation(np.abs(r), 1) > autocorrelation(np.abs(r), 100) > 0.05
    assert long_bars.volume is not None
    assert 0.3 < np.corrcoef(long_bars.volume[1:], np.abs(r))[0, 1] < 0.9
    assert 2e-4 < r.std() < 1e-3


def test_busy_hours(long_bars: Bars) -> None:
    hour = (long_bars.open_ns[1:] // (60 * MINUTE)) % 24
    size = np.array([np.abs(returns(long_bars))[hour == h].mean() for h in range(24)])
    assert size[[13, 14, 15]].mean() > 1.3 * size[[3, 4, 5]].mean()
    assert long_bars.volume is not None
    assert long_bars.volume[1:][hour == 14].mean() > 1.3 * long_bars.volume[1:][hour == 4].mean()


def test_regimes_are_what_their_labels_say() -> None:
    moves = np.concatenate([returns(regimes(50_000, seed)[0]) for seed in range(6)])
    truth = np.concatenate([labels(50_000, seed)[1:] for seed in range(6)])
    by_name = {name: moves[truth == i] for i, name in enumerate(REGIMES)}
    for name, part in by_name.items():
        assert part.size > 1000, name
    error = {name: part.std() / part.size**0.5 for name, part in by_name.items()}
    assert by_name["trend_up"].mean() > 5 * error["trend_up"]
    assert by_name["trend_down"].mean() < -5 * error["trend_down"]
    assert abs(by_name["range"].mean()) < 3 * error["range"]
    assert by_name["panic"].mean() < -2 * error["panic"]
    assert by_name["panic"].std() > 2 * by_name["trend_up"].std() > 2 * by_name["range"].std()
    stays = (truth[1:] == truth[:-1]).mean()
    assert 1 - 1 / 500 < stays < 1 - 1 / 5000


def test_a_range_comes_back_and_a_trend_does_not() -> None:
    """The variance of an hour's moves against sixty times a minute's: below one where prices revert."""
    ratio = {}
    truth = np.concatenate([labels(50_000, seed)[1:] for seed in range(6)])
    moves = np.concatenate([returns(regimes(50_000, seed)[0]) for seed in range(6)])
    for name in ("range", "trend_up"):
        inside = (truth == REGIMES.index(name)).reshape(-1)
        windows = [moves[i : i + 240] for i in range(0, moves.size - 240, 240) if inside[i : i + 240].all()]
        assert len(windows) > 100
        whole = np.array([w.sum() for w in windows])
        ratio[name] = float((whole**2).mean() / (240 * np.mean([(w**2).mean() for w in windows])))
    assert ratio["range"] < 0.75 < 1.0 < ratio["trend_up"]


def test_assets_move_together() -> None:
    made = np.corrcoef([returns(bars) for bars in regimes(20_000, 9, symbols=FIVE)])
    off = made[~np.eye(5, dtype=bool)]
    assert off.min() > 0.15
    assert off.max() < 0.9
    assert made[0, 1] > made[0, 4]


def test_drift_is_small_over_years() -> None:
    """Trends up make up for panics: over two years and twenty seeds the mean move is within its error."""
    moves = [np.log(bars.close[-1] / bars.close[0]) for s in range(20) for bars in regimes(200_000, 100 + s)]
    assert abs(np.mean(moves)) < 3 * np.std(moves) / len(moves) ** 0.5
    assert 0.1 < np.std(moves) < 1.0


# --- funding ----------------------------------------------------------------------------------------------------------


def test_funding_every_eight_hours(long_bars: Bars) -> None:
    paid = funding(long_bars, 11)
    end = int(long_bars.open_ns[-1]) + MINUTE
    assert np.array_equal(paid.ts_ns, START + EIGHT_HOURS * np.arange(1, (end - START) // EIGHT_HOURS + 1))
    at = (paid.ts_ns - START) // MINUTE
    assert np.array_equal(paid.mark, long_bars.close[at - 1])  # the close at the instant, not the one after
    assert np.abs(paid.rate).max() <= 3e-3
    assert 0 < np.median(paid.rate) < 3e-4
    grown = paid.mark[1:] / paid.mark[:-1] - 1
    assert np.corrcoef(paid.rate[1:], grown)[0, 1] > 0.5
    assert not np.array_equal(paid.rate, funding(long_bars, 12).rate)


def test_spot_pays_no_funding_and_short_tapes_none_yet() -> None:
    assert funding(regimes(2000, 1, symbols=("BTC/USDT",))[0], 1).ts_ns.size == 0
    assert funding(regimes(479, 1)[0], 1).ts_ns.size == 0
    assert funding(regimes(480, 1)[0], 1).ts_ns.tolist() == [START + EIGHT_HOURS]
    daily = funding(regimes(2, 1, timeframe_ns=1440 * MINUTE)[0], 1)
    assert daily.ts_ns.tolist() == [START + k * EIGHT_HOURS for k in (3, 4, 5, 6)]  # before the first close: no mark


def test_an_edit_in_a_callee_reaches_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba's cache goes by the types of arguments, so the sources must stand in one, or stale code would run."""
    now = source_stamp().dtype
    assert source_stamp().dtype == now
    monkeypatch.setattr(synthetic_market, "kernel_sources", lambda: "0123456789abcdef" * 4)
    assert source_stamp().dtype != now
