"""`huracan data fetch` as people run it: in a process that can be killed, interrupted, and refused."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from huracan.cli import main
from huracan.data.store import parts, read, verify
from huracan.data.store_kinds import Series, numbers, times
from tests.conftest import ROOT
from tests.loopback_venue import MINUTE, Market, Served, candles, serving, some_trades

START = 1_735_689_600_000
BARS = Series("binance", "BTC/USDT", "bars", "1m")
TRADES = Series("binance", "BTC/USDT", "trades")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    n = 8_000
    market = Market(candles(START, n, lost=0.002), [], some_trades(START, 4_000))
    venue = Served({"BTCUSDT": market}, START + n * MINUTE, page=200)
    with serving(venue, tmp_path):
        yield venue


def begin(served: Served, folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start fetching bars and trades; a part for every 300 rows."""
    command = [sys.executable, str(ROOT / "tests" / "fetch_process.py"), str(served.port), "300"]
    command += ["data", "fetch", "binance", "BTC/USDT", "--kind", "bars,trades", "--since", "2025-01-01"]
    command += ["--store", str(folder / "store"), "--json", *more]
    environment = os.environ | {"SSL_CERT_FILE": str(folder / "ca.pem")}
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def what_is_held(root: Path) -> tuple[list[tuple[int, float]], list[str]]:
    """Bars as (ms, close) and ids of trades, every part held against its hash."""
    for series in (BARS, TRADES):
        for part in parts(root, series):
            verify(part, series)
    bars, trades = read(root, BARS), read(root, TRADES)
    closes = zip((times(bars) // 1_000_000).tolist(), numbers(bars, "close").tolist(), strict=True)
    return list(closes), trades.column("id").to_pylist()


def truth(served: Served) -> tuple[list[tuple[int, float]], list[str]]:
    market = served.markets["BTCUSDT"]
    return [(row[0], float(row[4])) for row in market.bars], [str(t["a"]) for t in market.trades]


def kill_again_and_again(served: Served, folder: Path, kills: int, seed: int) -> int:
    """Kill -9 at random moments; what is held may only grow. Gives how many kills hit a process that was storing."""
    draw = random.Random(seed)
    root = folder / "store"
    bars, ids = truth(served)
    held: tuple[set[tuple[int, float]], set[str]] = (set(), set())
    hit = 0
    served.delay = 0.005
    for _ in range(kills):
        asked = len(served.asked)
        process = begin(served, folder)
        pages = draw.randint(1, 14)
        while len(served.asked) < asked + 4 + pages and process.poll() is None:  # four are the markets and the clock
            time.sleep(0.002)
        time.sleep(draw.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = tuple(len(each) for each in held)
        now = tuple(set(each) for each in what_is_held(root))
        assert held[0] <= now[0] <= set(bars)
        assert held[1] <= now[1] <= set(ids)
        held = (now[0], now[1])
        hit += (len(held[0]), len(held[1])) != before
    served.delay = 0.0
    process = begin(served, folder)
    out, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert what_is_held(root) == (bars, ids)
    assert {each["failed"] for each in json.loads(out)["series"]} == {None}
    return hit


def test_killed_at_random_moments_it_loses_only_the_part_in_flight(served: Served, tmp_path: Path) -> None:
    assert kill_again_and_again(served, tmp_path, 4, seed=1) > 0


@pytest.mark.long
def test_a_hundred_kills(served: Served, tmp_path: Path) -> None:
    served.markets["BTCUSDT"] = Market(candles(START, 120_000, lost=0.002), [], some_trades(START, 40_000))
    served.now_ms = START + 120_000 * MINUTE
    hit = kill_again_and_again(served, tmp_path, 100, seed=2)
    print(f"{hit} of 100 kills came when something had been stored since the one before")
    assert hit > 30


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit, which Linux has")
def test_a_full_disk_is_named_and_the_next_fetch_completes_it(served: Served, tmp_path: Path) -> None:
    process = begin(served, tmp_path)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (3000, 3000))
    out, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    failed = [each["failed"] for each in json.loads(out)["series"]]
    for words in failed:
        assert f"nothing more could be stored in {tmp_path / 'store'}" in words
        assert "File too large. What was stored before is whole. Free some space" in words
    assert "Traceback" not in said
    process = begin(served, tmp_path)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert what_is_held(tmp_path / "store") == truth(served)


def test_interrupted_it_stores_what_it_has(served: Served, tmp_path: Path) -> None:
    served.delay = 0.05
    process = begin(served, tmp_path)
    while len(served.asked) < 12 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    bars, ids = what_is_held(tmp_path / "store")
    whole = truth(served)
    assert 0 < len(bars) < len(whole[0])
    assert bars == whole[0][: len(bars)]
    assert ids == whole[1][: len(ids)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["binanse", "BTC/USDT", "--since", "2025-01-01"], "did you mean binance"),
        (["binance", "BTC/USDT", "--since", "yesterday"], "'yesterday' is no date"),
        (["binance", "BTC/USDT", "--since", "2999-01-01"], "not yet past"),
        (["binance", "BTC/USDT", "--since", "2025-01-02", "--until", "2025-01-01"], "ends before it begins"),
        (["binance", "BTC/USDT", "--since", "2025-01-01", "--timeframe", "1y"], "is not a timeframe"),
        (["binance", "BTC/USDT", "--since", "2025-01-01", "--kind", "candles"], "no kind of data"),
        (["binance", "BTC/USDT", "--since", "2025-01-01", "--kind", "book"], "import recorded files"),
        (["binance", "BTC/USDT"], "--since"),
    ],
)
def test_wrong_words_are_refused(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "fetch", *arguments, "--store", str(tmp_path / "store")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_a_store_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store").write_text("a file")
    asked = ["data", "fetch", "binance", "BTC/USDT", "--since", "2025-01-01", "--store", str(tmp_path / "store")]
    assert main(asked) == 2
    assert "is a file" in capsys.readouterr().err


def test_without_ccxt_the_install_command_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ccxt.async_support", None)
    asked = ["data", "fetch", "binance", "BTC/USDT", "--since", "2025-01-01", "--store", str(tmp_path / "store")]
    assert main(asked) == 2
    assert "pip install 'huracan-sim[live]'" in capsys.readouterr().err
