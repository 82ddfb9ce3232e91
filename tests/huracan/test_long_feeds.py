"""Order-book feeds of any length: the same tape and the same run whatever the pieces, and memory that does not grow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.book_machine import run_on_tape
from huracan.sim import book_tape, spool
from huracan.sim.book_bars import trade_bars
from huracan.sim.book_market import mid_bars
from huracan.sim.book_tape import BookTape, build_book_tape
from huracan.sim.feed import Feed, FeedRules
from tests.sim.test_book_engines import random_feed, spec_of

START_MS = 1_723_161_256_000
MB = 1 << 20
RULES = {"tick": 0.1, "lot": 0.001, "kind": "linear"}
MAKER = {"use": "touch_maker", "params": {"half_ticks": 3, "step_ms": 1000, "max_position": 0.5, "qty": 0.01}}


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Sets how many rows are worked on at once; everything lies on files then."""

    def of(rows: int) -> None:
        monkeypatch.setattr(spool, "ROWS", rows)
        monkeypatch.setattr(spool, "HELD", 0)
        monkeypatch.setattr(book_tape, "STRETCH", 3 * rows)
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("tempfile.tempdir", None)

    return of


def shuffled(seed: int) -> Feed:
    """A random feed with lost updates, impossible levels, and local stamps that go back and precede the exchange's."""
    feed, rng = random_feed(seed, 1500), np.random.default_rng(seed)
    n = len(feed)
    flags, price, local = feed.flags.copy(), feed.price.copy(), feed.local_ns.copy()
    flags[rng.integers(0, n, 5)] |= 4
    price[rng.integers(0, n, 5)] = np.nan
    local -= np.where(rng.random(n) < 0.05, rng.integers(0, 10**9, n), 0)
    return replace(feed, flags=flags, price=price, local_ns=local)


def said(tape: BookTape) -> list[Any]:
    """All that a tape is, and the bars that are made of it."""
    found = [getattr(tape, f.name) for f in fields(tape)]
    rows, bars = trade_bars(tape, 10**9)
    mids = [(b.open_ns, b.open, b.high, b.low, b.close) for b in mid_bars(tape)]
    found += [rows, bars, *(column for each in mids for column in each)]
    return [each.tobytes() if isinstance(each, np.ndarray) else each for each in found]


@pytest.mark.parametrize("rows", [13, 101])
def test_a_tape_is_the_same_whatever_the_pieces(pieces: Any, rows: int) -> None:
    rules = FeedRules(gap="clear", no_snapshot="drop")
    given = [shuffled(3)]
    many = [shuffled(4), shuffled(5)]
    whole = [said(build_book_tape(given)), said(build_book_tape(many, rules=rules))]
    pieces(rows)
    again = [build_book_tape(given), build_book_tape(many, rules=rules)]
    assert [said(tape) for tape in again] == whole
    assert spool.mapping_of(again[0].exchange) is not None
    assert {"gapped_book", "bad_level", "unordered_local_time", "clock_shift"} <= set(again[0].repairs)


def test_a_run_is_the_same_whatever_the_stretches(pieces: Any) -> None:
    spec, feed = spec_of("power:1.5"), random_feed(8, 1200)
    whole = run_on_tape(spec, build_book_tape([feed]))
    pieces(50)
    tape = build_book_tape([feed])
    assert len(tape.stretches()) > 5
    assert tape.bytes_held < tape.bytes_an_event * tape.rows
    parts = run_on_tape(spec, tape)
    assert len(whole.fill_rows) > 3
    for name in ("fill_rows", "trade_rows", "equity_rows"):
        assert getattr(parts, name).tobytes() == getattr(whole, name).tobytes(), name
    assert parts.figures == whole.figures


def levels(k: int, side: int) -> str:
    """Twenty levels of one side, of message k."""
    middle = 600_000 + k % 50
    rows = ((middle - side * (1 + j)) / 10 for j in range(20))
    return ",".join(f'["{price:.1f}","{1 + (k * 7 + j) % 9}.{k % 10}"]' for j, price in enumerate(rows))


def write_raw(path: Path, messages: int) -> Path:
    """A snapshot, then updates of forty levels, 50 ms apart, with a trade at every tenth, as Binance's raw lines."""
    sides = [(levels(k, 1), levels(k, -1)) for k in range(200)]
    with open(path, "w") as file:
        bids, asks = sides[0]
        file.write(
            f'{START_MS}001000 {{"lastUpdateId":0,"E":{START_MS},"T":{START_MS},"bids":[{bids}],"asks":[{asks}]}}\n'
        )
        for k in range(1, messages):
            ms, (bids, asks) = START_MS + 50 * k, sides[k % 200]
            about = f'"E":{ms},"T":{ms},"s":"BTCUSDT"'
            ids = f'"U":{k},"u":{k},"pu":{k - 1}'
            file.write(f'{ms}001000 {{"e":"depthUpdate",{about},{ids},"b":[{bids}],"a":[{asks}]}}\n')
            if k % 10 == 0:
                price = f"{(600_000 + k % 50) / 10:.1f}"
                what = f'"t":{k},"p":"{price}","q":"1","X":"MARKET","m":{"true" if k % 20 else "false"}'
                file.write(f'{ms}002000 {{"e":"trade",{about},{what}}}\n')
    return path


def write_tardis(path: Path, messages: int) -> Path:
    """The like as a Tardis csv of the incremental book."""
    with open(path, "w") as file:
        file.write("exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n")
        for k in range(messages):
            us, first = (START_MS + 50 * k) * 1000, "true" if k == 0 else "false"
            middle = 600_000 + k % 50
            file.writelines(
                f"x,BTCUSDT,{us},{us + 900},{first},{word},{(middle - side * (1 + j)) / 10:.1f},{1 + (k * 7 + j) % 9}\n"
                for word, side in (("bid", 1), ("ask", -1))
                for j in range(20)
            )
    return path


# A process counts the memory of the one that it was split off from as its own: so that is a small one.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(used.ru_maxrss)
sys.exit(process.returncode)
"""


def peak_mb(*command: str, **env: str) -> float:
    """The most memory that a process of this command ever had."""
    measured = [sys.executable, "-c", MEASURE, *command]
    done = subprocess.run(measured, stdout=subprocess.PIPE, text=True, env=os.environ | env, check=False)
    assert done.returncode == 0, command
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024) / MB


BUILD = """
import json, sys
from huracan.load_book import load_book_tape
from huracan.spec import load_spec
tape = load_book_tape(load_spec(json.loads(sys.argv[1])))
assert tape.rows > 1_000_000 and tape.bytes_an_event >= 32
"""


def test_memory_does_not_grow_with_the_feed(tmp_path: Path) -> None:
    """The tape of a feed four times as long, in a process of its own each; all in memory would be 500 MB more."""
    used, scratch = [], tmp_path / "scratch"
    scratch.mkdir()
    for times in (1, 4):
        raw = write_raw(tmp_path / f"{times}.txt", 26_000 * times)
        data = {"file": str(raw), "format": "binance-raw", "symbol": "BTC/USDT:USDT", "rules": RULES}
        spec = json.dumps({"data": data, "strategy": MAKER})
        used.append(peak_mb(sys.executable, "-c", BUILD, spec, TMPDIR=str(scratch)))
        raw.unlink()
    assert used[1] < used[0] + 50, used
    assert list(scratch.iterdir()) == []


def write_spec(path: Path, more: str = "", **data: Any) -> str:
    """A spec of a maker on some book."""
    lines = ["[data]", *(f"{key} = {json.dumps(value)}" for key, value in data.items())]
    lines += ['rules = { tick = 0.1, lot = 0.001, kind = "linear" }', "[strategy]", 'use = "touch_maker"']
    lines += ["[strategy.params]", *(f"{key} = {value}" for key, value in MAKER["params"].items()), more]
    path.write_text("\n".join(lines))
    return str(path)


def commands(folder: Path, raw: Path, tardis: Path) -> dict[str, tuple[str, ...]]:
    """Every way a book comes in, and every command that reads it."""
    symbol, out = "BTC/USDT:USDT", ("--out", str(folder / "out"))
    specs = {
        "raw": write_spec(folder / "raw.toml", file=str(raw), format="binance-raw", symbol=symbol),
        "tardis": write_spec(folder / "tardis.toml", file=str(tardis), format="tardis", symbol=symbol),
        "store": write_spec(folder / "store.toml", venue="binance", symbols=[symbol], format="book"),
    }
    sweep = "[sweep]\nhalf_ticks = [1, 2, 3, 4]"
    many = write_spec(folder / "sweep.toml", sweep, file=str(raw), format="binance-raw", symbol=symbol)
    return {
        "import": ("data", "import", str(raw), "--symbol", symbol, "--venue", "binance"),
        **{f"backtest {name}": ("backtest", spec, *out) for name, spec in specs.items()},
        "sweep": ("sweep", many, "--out", str(folder / "sweep")),
        "check raw": ("data", "check", str(raw)),
        "check tardis": ("data", "check", str(tardis)),
        "check store": ("data", "check", symbol, "--kind", "book"),
        "resample raw": ("data", "resample", str(raw), "--to", "1m", "--file", str(folder / "bars.csv")),
        "resample store": ("data", "resample", symbol, "--kind", "trades", "--to", "1m"),
    }


@pytest.mark.long
def test_memory_of_whole_commands_does_not_grow_with_the_feed(tmp_path: Path) -> None:
    """Four times as many events: what each command ever held stays."""
    huracan = str(Path(sys.executable).with_name("huracan"))
    used: dict[str, list[int]] = {}
    for k, times in enumerate((1, 1, 4)):  # the first time everything is compiled
        folder = tmp_path / str(k)
        folder.mkdir()
        raw = write_raw(folder / "raw.txt", 60_000 * times)
        tardis = write_tardis(folder / "tardis.csv", 60_000 * times)
        for name, words in commands(folder, raw, tardis).items():
            peak = peak_mb(huracan, *words, HURACAN_STORE=str(folder / "store"), TMPDIR=str(folder))
            used.setdefault(name, []).append(round(peak))
    print(used)
    grew = {name: peaks for name, peaks in used.items() if peaks[2] > peaks[1] + 60}
    assert not grew, grew
