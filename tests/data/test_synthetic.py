"""The synthetic market: the same bytes everywhere, bars that hold together, and the facts that real minutes show."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from huracan.data.synthetic import EIGHT_HOURS, MINUTE, REGIMES, START, Market, labels, market, regimes
from huracan.data.synthetic_assets import asset_names, asset_of
from huracan.data.synthetic_edges import Edges, Place
from huracan.data.ticks import rows_off_tick
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars

FIVE = ("BTC/USDT:USDT", "ETH/USDT:USDT", "XRP/USDT", "FOO/USD:FOO", "spy")
GOLDEN = """
print([b.data_hash[:12] for b in regimes(400, 7, symbols=("BTC/USDT:USDT", "XRP/USDT", "FOO/USD:FOO"))])
print(regimes(60, -1, timeframe_ns=3_600_000_000_000)[0].data_hash[:12])
print(market(150, 7, timeframe_ns=900_000_000_000).payments[0].data_hash[:12])
print(hashlib.sha256(labels(4000, 2**64 - 9, timeframe_ns=900_000_000_000).tobytes()).hexdigest()[:12])
two, places = ("BTC/USDT", "ETH/USDT"), (Place("a"), Place("b", lag_ms=90_000.0, basis_bps=3.0))
for edges in (Edges(leader=0.4, breakout=0.3), Edges(pair=0.2)):
    print([b.data_hash[:12] for b in market(3000, 7, symbols=two, edges=edges, places=places).bars])
"""
HASHES = [
    "['558058408a56', '6dd2539d69e4', '6412ee834c86']",
    "6c7613485ccb",
    "d3d10efd63f7",
    "abf28fc10f85",
    "['1c2b62e21edf', '4aba7833a344', '08007cbbcd2f', 'c2bcda99cdbc']",
    "['5e041e1ee167', '13a51a8e26a9', '6e20832a3084', 'ef73d59c4f79']",
]


@pytest.fixture(scope="module")
def long_market() -> Market:
    return market(50_000, 11)


@pytest.fixture(scope="module")
def long_bars(long_market: Market) -> Bars:
    return long_market.bars[0]


def returns(bars: Bars) -> npt.NDArray[np.float64]:
    return np.diff(np.log(bars.close))


def autocorrelation(x: npt.NDArray[np.float64], lag: int) -> float:
    y = x - x.mean()
    return float((y[:-lag] * y[lag:]).mean() / (y * y).mean())


# --- the same bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uncompiled", ["0", "1"])
def test_golden_bytes_compiled_and_in_plain_python(uncompiled: str) -> None:
    """These change only when the market is changed on purpose; then the numbers here are written anew."""
    code = (
        "import hashlib\nfrom huracan.data.synthetic import labels, market, regimes\n"
        "from huracan.data.synthetic_edges import Edges, Place\n" + GOLDEN
    )
    env = {**os.environ, "NUMBA_DISABLE_JIT": uncompiled}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines() == HASHES


@pytest.mark.parametrize(("bars", "minutes"), [(100_000, 1440), (10**12, 1), (2_000, 8 * 7 * 1440)])
def test_a_market_that_would_reach_past_the_last_time_is_refused(bars: int, minutes: int) -> None:
    with pytest.raises(Refused, match="past the year 2262"):
        regimes(bars, 7, timeframe_ns=minutes * MINUTE)


def test_another_seed_is_another_market() -> None:
    hashes = {regimes(100, seed)[0].data_hash for seed in (*range(50), -1, 2**63, 2**64 + 50)}
    assert len(hashes) == 53
    assert regimes(100, 2**64 + 3)[0].data_hash == regimes(100, 3)[0].data_hash  # seeds count modulo 2**64


EVERYTHING: list[dict[str, Any]] = [
    {"symbols": FIVE, "places": (Place("a"), Place("b", lag_ms=150_000.0, basis_bps=-3.0))},
    {"symbols": FIVE[:3], "edges": Edges(leader=0.5, breakout=0.4)},
    {"symbols": FIVE[:3], "edges": Edges(pair=0.1)},
]


@pytest.mark.parametrize("more", EVERYTHING)
@pytest.mark.parametrize("cut", [1, 2, 701, 1299])
def test_a_longer_market_begins_with_the_shorter_one(more: dict[str, Any], cut: int) -> None:
    """A cut in a quiet stretch before a planted breakout included: 1,299 lies in one for this seed."""
    short, long = market(cut, 5, **more), market(4000, 5, **more)
    for a, b in zip(short.bars, long.bars, strict=True):
        for name in ("open_ns", "open", "high", "low", "close", "volume"):
            assert np.array_equal(getattr(a, name), getattr(b, name)[:cut]), name
    assert np.array_equal(short.labels, long.labels[:cut])
    for paid, later in zip(short.payments, long.payments, strict=True):
        assert (paid is None) == (later is None)
        if paid is not None and later is not None:
            n = paid.ts_ns.size
            assert np.array_equal(paid.rate, later.rate[:n])
            assert np.array_equal(paid.mark, later.mark[:n])
    assert np.array_equal(short.breakout_bars, long.breakout_bars[long.breakout_bars < cut])


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
        assert (bars.high > bars.low).mean() > 0.8  # the coarsest tick is half a deviation of 15 s
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
        ({"symbols": ("/USDT",)}, "no coin"),
        ({"edges": Edges(leader=0.1)}, "leader needs two symbols"),
        ({"edges": Edges(breakout=1.1)}, "breakout must be from 0 to 1, not 1.1"),
        ({"edges": Edges(pair=float("nan"))}, "pair must be from 0 to 1, not nan"),
        ({"edges": Edges(toxic=0.5)}, "toxic can't be planted in bars"),
        ({"symbols": ("A/B", "C/D"), "edges": Edges(pair=0.1, leader=0.1)}, "contradict"),
        ({"places": ()}, "no venues"),
        ({"places": (Place("x"), Place("x"))}, "'x' stands twice"),
        ({"places": (Place(""),)}, "no name"),
        ({"places": (Place("x", lag_ms=-1.0),)}, "lag_ms must be from 0 to"),
        ({"places": (Place("x", basis_bps=float("inf")),)}, "basis_bps must be"),
    ],
)
def test_markets_that_are_none(more: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        market(**{"bars": 10, "seed": 1, **more})


# --- what real minutes show -------------------------------------------------------------------------------------------


def test_stylised_facts(long_bars: Bars) -> None:
    """The bounds hold on each of 40 seeds with room to spare; docs/SYNTHETIC.md has the figures."""
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
    """Trends up make up for panics: over seventy days and twenty seeds the mean move is within its error."""
    moves = [np.log(bars.close[-1] / bars.close[0]) for s in range(20) for bars in regimes(100_000, 100 + s)]
    assert abs(np.mean(moves)) < 3 * np.std(moves) / len(moves) ** 0.5
    assert 0.1 < np.std(moves) < 1.0


# --- basis, funding, venues -------------------------------------------------------------------------------------------


def test_funding_every_eight_hours_follows_the_basis(long_market: Market, long_bars: Bars) -> None:
    paid = long_market.payments[0]
    assert paid is not None
    end = int(long_bars.open_ns[-1]) + MINUTE
    assert np.array_equal(paid.ts_ns, START + EIGHT_HOURS * np.arange(1, (end - START) // EIGHT_HOURS + 1))
    at = (paid.ts_ns - START) // MINUTE
    assert np.array_equal(paid.mark, long_bars.close[at - 1])  # the close at the instant, not the one after
    assert np.abs(paid.rate).max() <= 3e-3
    assert 0 < np.median(paid.rate) < 3e-4
    spot = market(50_000, 11, symbols=("BTC/USDT",))
    assert spot.payments == (None,)
    basis = np.log(long_bars.close / spot.bars[0].close)
    assert 5e-5 < basis.mean() < 5e-4
    assert 1e-4 < basis.std() < 1e-3
    mean = np.array([basis[k - 480 : k].mean() for k in at])
    assert np.corrcoef(paid.rate, mean)[0, 1] > 0.95
    grown = paid.mark[1:] / paid.mark[:-1] - 1
    assert np.corrcoef(paid.rate[1:], grown)[0, 1] > 0.2


def test_spot_and_perpetual_are_one_asset_and_not_one_series() -> None:
    spot, perpetual = regimes(20_000, 4, symbols=("ETH/USDT", "ETH/USDT:USDT"))
    assert np.corrcoef(returns(spot), returns(perpetual))[0, 1] > 0.98
    assert not np.array_equal(spot.close, perpetual.close)
    assert spot.volume is not None
    assert perpetual.volume is not None
    assert not np.array_equal(spot.volume, perpetual.volume)


def test_short_tapes_pay_no_funding_yet() -> None:
    def instants(bars: int, **more: Any) -> list[int]:
        paid = market(bars, 1, **more).payments[0]
        assert paid is not None
        return [int(ns) for ns in paid.ts_ns]

    assert instants(479) == []
    assert instants(480) == [START + EIGHT_HOURS]
    # before the first close there is no mark
    assert instants(2, timeframe_ns=1440 * MINUTE) == [START + k * EIGHT_HOURS for k in (3, 4, 5, 6)]


def test_a_late_venue_follows_by_its_lag() -> None:
    """Whole bars show as a lag; half a bar splits each move between one bar and the next."""
    places = (
        Place("now"),
        Place("half", lag_ms=30_000.0),
        Place("late", lag_ms=180_000.0),
        Place("rich", basis_bps=9.0),
    )
    now, half, late, rich = market(20_000, 3, symbols=("BTC/USDT",), places=places).bars
    assert np.array_equal(late.close[3:], now.close[:-3])
    assert not np.array_equal(late.high[3:], now.high[:-3])
    a, b = returns(now), returns(half)
    assert 0.4 < np.corrcoef(a, b)[0, 1] < 0.6
    assert 0.4 < np.corrcoef(a[:-1], b[1:])[0, 1] < 0.6
    assert abs(np.corrcoef(a[1:], b[:-1])[0, 1]) < 0.05
    assert abs(np.median(rich.close / now.close - 1) - 9e-4) < 1e-5


# --- many assets ------------------------------------------------------------------------------------------------------


def test_a_sector_moves_together() -> None:
    names = asset_names(30)
    assert len(set(names)) == 30
    made = np.corrcoef([returns(bars) for bars in regimes(10_000, 9, symbols=names)])
    sector = np.array([asset_of(name).sector for name in names])
    common = np.array([asset_of(name).common for name in names])
    beyond = made - np.outer(common, common)  # what the market alone would give
    same = (sector[:, None] == sector[None, :]) & ~np.eye(30, dtype=bool)
    assert beyond[same].mean() > beyond[~same & ~np.eye(30, dtype=bool)].mean() + 0.02
    assert len(set(sector)) == 6
