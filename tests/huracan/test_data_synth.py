"""`huracan data synth`: files and the store hold what the library makes, with the truth beside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan import backtest, cli
from huracan.data.files import read_bars, read_funding
from huracan.data.store import read
from huracan.data.store_kinds import Series, times
from huracan.data.synthetic import REGIMES, market
from huracan.data.synthetic_book import book_feeds
from huracan.data.synthetic_edges import Edges, Place

TWO = ("BTC/USDT", "ETH/USDT:USDT")


def synth(*words: str) -> int:
    return cli.main(["data", "synth", *words])


def test_files_hold_the_market_and_a_run_reads_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = str(tmp_path / "o")
    words = ["--bars", "3000", "--seed", "7", "--venue", "a", "--venue", "b:30000:2", "--edge", "leader=0.3"]
    assert (
        synth("--out", where, "--symbol", TWO[0], "--symbol", TWO[1], "--edge", "breakout=0.2", *words, "--json") == 0
    )
    said = json.loads(capsys.readouterr().out)
    made = market(
        3000,
        7,
        symbols=TWO,
        edges=Edges(leader=0.3, breakout=0.2),
        places=(Place("a"), Place("b", lag_ms=30_000.0, basis_bps=2.0)),
    )
    for bars, paid in zip(made.bars, made.payments, strict=True):
        stem = f"{where}/{bars.venue}-{bars.symbol.replace('/', '_').replace(':', '+')}"
        held = read_bars(f"{stem}.bars.parquet", symbol=bars.symbol, timeframe="1m")
        assert held.data_hash == bars.data_hash
        if paid is not None:
            assert read_funding(f"{stem}.funding.parquet").data_hash == paid.data_hash
    truth = json.loads((tmp_path / "o" / "truth.json").read_text())
    assert truth["edges"] == {"leader": 0.3, "pair": 0.0, "breakout": 0.2, "toxic": 0.0}
    assert [each["bar"] for each in truth["breakouts"]] == made.breakout_bars.tolist() != []
    assert truth["data_hash"]["b ETH/USDT:USDT"] == made.bars[3].data_hash
    import pyarrow.parquet as pq

    labels = pq.read_table(tmp_path / "o" / "labels.parquet").column("regime").to_pylist()
    assert labels == [REGIMES[k] for k in made.labels]
    assert {each["file"] for each in said["written"]} == {p.name for p in (tmp_path / "o").glob("*-*.parquet")}
    data = {"file": f"{where}/a-BTC_USDT.bars.parquet", "symbol": "BTC/USDT", "timeframe": "1m"}
    run = backtest({"data": data, "strategy": {"use": "buy_and_hold"}})
    assert run.figures["bars"] == 3000


def test_the_store_holds_the_market_and_refuses_a_second_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--store", str(tmp_path), "--bars", "1200", "--assets", "2"]
    assert synth(*words, "--seed", "7") == 0
    assert "truth" in capsys.readouterr().out
    bars = market(1200, 7, symbols=("BTC/USDT:USDT", "ETH/USDT:USDT")).bars[1]
    table = read(tmp_path, Series("synthetic", "ETH/USDT:USDT", "bars", "1m"))
    assert np.array_equal(times(table), bars.open_ns)
    assert np.array_equal(table.column("close").to_numpy(), bars.close)
    assert synth(*words, "--seed", "8") == 2
    assert "holds synthetic BTC/USDT:USDT bars 1m already" in capsys.readouterr().err
    assert len(list((tmp_path / "truth").glob("*/truth.json"))) == 1
    assert cli.main(["data", "list", "--store", str(tmp_path), "--json"]) == 0
    kinds = [(each["symbol"], each["kind"]) for each in json.loads(capsys.readouterr().out)["series"]]
    assert len(kinds) == 4


def test_order_books_go_to_files_and_to_the_store(tmp_path: Path) -> None:
    feed = book_feeds(5.0, 3)[0]
    events = feed.events()
    words = ["--book", "--seconds", "5", "--seed", "3"]
    assert synth("--out", str(tmp_path / "o"), *words) == 0
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "o" / "synthetic-BTC_USDT+USDT.book.parquet")
    for name in ("kind", "side", "flags", "price", "qty", "exch_ns", "local_ns", "seq"):
        assert np.array_equal(table.column(name).to_numpy(), getattr(events, name)), name
    truth = pq.read_table(tmp_path / "o" / "labels.parquet")
    assert np.array_equal(times(truth), feed.jump_ns)
    assert synth("--store", str(tmp_path / "s"), *words) == 0
    trades = read(tmp_path / "s", Series("synthetic", "BTC/USDT:USDT", "trades"))
    assert trades.num_rows == int((events.kind == 1).sum()) > 50
    levels = read(tmp_path / "s", Series("synthetic", "BTC/USDT:USDT", "book"))
    assert levels.num_rows == int((events.kind == 0).sum())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--edge", "leadr=0.3"], 'did you mean "leader"?'),
        (["--edge", "leader=2", "--assets", "2"], "leader must be from 0 to 1"),
        (["--edge", "leader"], "has no strength"),
        (["--edge", "toxic=0.1"], "can't be planted in bars"),
        (["--book", "--assets", "2", "--edge", "pair=0.1"], "can't be planted in order books"),
        (["--seconds", "5"], "--seconds means nothing here"),
        (["--book", "--timeframe", "1m"], "--timeframe means nothing here"),
        (["--symbol", "A/B", "--assets", "2"], "contradict"),
        (["--assets", "0"], "--assets must be"),
        (["--venue", "x:y"], "'x:y' is no venue"),
        (["--venue", "x:-5"], "lag_ms must be from 0"),
        (["--bars", "0"], "0 bars"),
        (["--book", "--seconds", "0"], "0.0 seconds"),
        (["--timeframe", "1x"], "not a timeframe"),
        (["--store", "s"], "contradict"),
    ],
)
def test_what_can_not_be_is_refused_and_writes_nothing(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o"
    assert synth("--out", str(out), *words) == 2
    assert says in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken: Any = tmp_path / "o"
    taken.write_text("")
    assert synth("--out", str(taken), "--bars", "10") == 2
    assert "is a file" in capsys.readouterr().err
