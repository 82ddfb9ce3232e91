"""`huracan data`: files into the store and out again, checks, pages, resampling, removing, and what is refused."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import huracan
from huracan.cli import main
from huracan.data import store
from huracan.data.store_kinds import Series, numbers, times

MINUTE = 60_000_000_000
START = 1_704_067_200_000_000_000


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `huracan data …` on a store of its own: (exit code, stdout or the JSON on it, stderr)."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))

    def run(*words: Any) -> tuple[int, Any, str]:
        code = main(["data", *map(str, words)])
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in words and code == 0 else out, err

    return run


def rows(n: int = 50) -> list[list[float]]:
    """[ms, o, h, l, c, v] of sound bars."""
    rng = np.random.default_rng(5)
    close = np.round(100 + np.cumsum(rng.normal(0, 0.02, n)), 2)
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.round(np.maximum(opened, close) + 0.01, 2), np.round(np.minimum(opened, close) - 0.01, 2)
    volume = rng.integers(1, 50, n)
    return [
        [(START + k * MINUTE) // 10**6, *(float(a[k]) for a in (opened, high, low, close)), float(volume[k])]
        for k in range(n)
    ]


def write(path: Path, table: list[list[float]], names: str = "timestamp,open,high,low,close,volume") -> Path:
    columns = names.split(",")
    if path.suffix == ".json":
        path.write_text(json.dumps(table))
    elif path.suffix == ".csv":
        path.write_text("\n".join([names, *(",".join(map(repr, row)) for row in table)]) + "\n")
    else:
        made = pa.table({name: [row[k] for row in table] for k, name in enumerate(columns)})
        made = made.set_column(0, columns[0], pa.array([int(row[0]) for row in table]))
        (feather.write_feather if path.suffix == ".feather" else pq.write_table)(made, str(path))
    return path


@pytest.mark.parametrize("ending", ["csv", "json", "feather", "parquet"])
def test_what_is_imported_is_what_the_file_held(data: Any, tmp_path: Path, ending: str) -> None:
    held = rows()
    path = write(tmp_path / f"BTC_USDT-1m.{ending}", held)
    code, answer, _ = data("import", path, "--json")
    assert code == 0
    (done,) = answer["imported"]
    assert (done["symbol"], done["kind"], done["timeframe"], done["tick"]) == ("BTC/USDT", "bars", "1m", "0.01")
    assert done["new"] == {"bars": 50}
    table = store.read(tmp_path / "store", Series("local", "BTC/USDT", "bars", "1m"))
    assert (times(table) // 10**6).tolist() == [row[0] for row in held]
    for k, name in enumerate(("open", "high", "low", "close", "volume"), 1):
        assert numbers(table, name).tolist() == [row[k] for row in held]
    assert data("import", path, "--json")[1]["imported"][0]["new"] == {"bars": 0}
    assert data("import", path)[1].count("guessed from") == 3


@given(st.data())
def test_any_sound_bars_come_back_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    from huracan.data_check import Asked
    from huracan.data_import import import_file

    folder = tmp_path_factory.mktemp("round")
    gone = data.draw(st.sets(st.integers(1, 38), max_size=12))
    at = [k for k in range(40) if k not in gone]
    ticks = data.draw(st.lists(st.integers(1, 10**6), min_size=len(at), max_size=len(at)))
    spread = data.draw(st.integers(0, 50))
    held = [
        [(START + k * MINUTE) // 10**6, n / 100, (n + spread) / 100, n / 100, (n + spread) / 100, float(n % 7)]
        for k, n in zip(at, ticks, strict=True)
    ]
    path = write(folder / f"A_USDT.{data.draw(st.sampled_from(['csv', 'json', 'feather', 'parquet']))}", held)
    (done,) = import_file(str(path), Asked(timeframe="1m", store=folder / "store"), {})
    assert done.new == {"bars": len(at)}
    table = store.read(folder / "store", Series("local", "A/USDT", "bars", "1m"))
    columns = [(times(table) // 10**6).tolist()]
    columns += [numbers(table, name).tolist() for name in ("open", "high", "low", "close", "volume")]
    assert [list(row) for row in zip(*columns, strict=True)] == held


def test_guesses_are_overruled_by_options(data: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", rows(), "when,first,open,low,last,open2")
    assert data("import", path)[0] == 2
    words = ["--symbol", "A/B:B", "--venue", "v", "--timeframe", "1m"]
    columns = ["date=when", "open=first", "high=open", "close=last", "volume=open2"]
    code, answer, err = data("import", path, *words, *(w for c in columns for w in ("--column", c)), "--json")
    assert code == 0, err
    assert answer["imported"][0]["venue"] == "v"
    table = store.read(tmp_path / "store", Series("v", "A/B:B", "bars", "1m"))
    assert numbers(table, "high").tolist() == [row[2] for row in rows()]


def test_bad_bars_are_refused_with_file_row_and_column_or_repaired_by_name(data: Any, tmp_path: Path) -> None:
    held = rows()
    held[7][2], held[9][4] = 1.0, float("nan")
    path = write(tmp_path / "A_USDT.csv", held)
    code, _, err = data("import", path)
    assert code == 2
    assert re.search(r"row 10, column close", err)
    assert "nan" in err
    code, answer, _ = data("import", path, "--repair", "nan=drop", "--repair", "bad_ohlc=widen", "--json")
    assert code == 0
    assert answer["imported"][0]["repairs"] == {"bad_ohlc_widen": 1, "nan_drop": 1}
    assert answer["imported"][0]["new"] == {"bars": 49}
    code, _, err = data("import", path, "--repair", "nan=dorp")
    assert (code, "use one of refuse, drop, fill" in err) == (2, True)


@given(st.data())
def test_check_finds_what_was_planted(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    from huracan.data_check import Asked, check

    held = rows(200)
    gone = data.draw(st.sets(st.integers(1, 198), max_size=20))
    zero = data.draw(st.sets(st.integers(0, 199), max_size=9)) - gone
    for k in zero:
        held[k][5] = 0.0
    path = write(tmp_path_factory.mktemp("c") / "A.csv", [row for k, row in enumerate(held) if k not in gone])
    found, _ = check(str(path), Asked(timeframe="1m"))
    planted = {"missing_bars": len(gone), "zero_volume": len(zero)}
    counted = {p.name: p.count for p in found.problems if p.name != "outage"}
    assert counted == {name: count for name, count in planted.items() if count}


def test_check_speaks_the_contract_and_writes_a_page(data: Any, tmp_path: Path) -> None:
    held = rows()
    del held[20:23]
    path = write(tmp_path / "A.csv", held)
    code, answer, _ = data("check", path, "--timeframe", "1m", "--json", "--out", tmp_path / "page")
    assert code == 0
    assert answer["rows"] == 47
    (problem,) = answer["problems"]
    assert {key: problem[key] for key in ("name", "count", "first", "last", "repair")} == {
        "name": "missing_bars",
        "count": 3,
        "first": "2024-01-01T00:20:00Z",
        "last": "2024-01-01T00:22:00Z",
        "repair": "fill",
    }
    assert json.loads((tmp_path / "page" / "check.json").read_text()) == answer
    page = (tmp_path / "page" / "check.html").read_text()
    assert "missing_bars" in page
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", page)  # complete in itself
    code, out, _ = data("check", path, "--timeframe", "1m")
    assert (code, "missing_bars" in out, '[data] repair = { missing_bars = "fill" }' in out) == (0, True, True)


def test_a_run_records_the_repairs_that_its_spec_names(tmp_path: Path) -> None:
    held = rows(300)
    del held[50:54]
    held[100], held[101] = held[101], held[100]
    path = write(tmp_path / "A.csv", held)
    spec: dict[str, Any] = {
        "data": {"file": str(path), "symbol": "A/B", "timeframe": "1m"},
        "strategy": {"use": "buy_and_hold", "params": {"fraction": 0.5}},
    }
    with pytest.raises(huracan.Refused, match="unordered_time"):
        huracan.backtest(spec)
    spec["data"]["repair"] = {"unordered_time": "sort", "missing_bars": "fill"}
    result = huracan.backtest(spec)
    assert result.figures["bars"] == 300
    assert result.figures["repairs"]["unordered_time_sort"] == 1
    assert result.figures["repairs"]["missing_bars_fill"] == 4
    spec["data"]["repair"] = {"missing_bar": "fill"}
    with pytest.raises(huracan.Refused, match=r"missing_bars"):
        huracan.backtest(spec)
    spec["data"]["repair"] = {"missing_bars": "drop"}
    with pytest.raises(huracan.Refused, match=r"use one of keep, fill.*|keep, fill"):
        huracan.backtest(spec)


def test_a_run_on_the_store_is_repaired_too(data: Any, tmp_path: Path) -> None:
    held = rows(300)
    del held[50:54]
    data("import", write(tmp_path / "A_B.csv", held), "--symbol", "A/B")
    spec: dict[str, Any] = {
        "data": {"venue": "local", "symbols": ["A/B"], "timeframe": "1m"},
        "strategy": {"use": "buy_and_hold", "params": {"fraction": 0.5}},
    }
    plain = huracan.backtest(spec)
    spec["data"]["repair"] = {"missing_bars": "fill", "stale": "keep"}
    mended = huracan.backtest(spec)
    assert (plain.figures["bars"], mended.figures["bars"]) == (296, 300)
    assert mended.figures["repairs"]["missing_bars_fill"] == 4
    assert "missing_bars_fill" not in plain.figures["repairs"]
    assert plain.figures["data_hash"] != mended.figures["data_hash"]


def test_resample_list_and_rm(data: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "A_USDT.csv", rows(60))
    data("import", path)
    code, answer, _ = data("resample", "A/USDT", "--to", "15m", "--json")
    assert (code, answer["bars"], answer["new"], answer["partial"]) == (0, 4, 4, 0)
    code, answer, _ = data(
        "resample", path, "--to", "7m", "--whole", "--file", tmp_path / "out" / "b.parquet", "--json"
    )
    assert (code, answer["bars"]) == (0, 8)
    assert pq.read_table(tmp_path / "out" / "b.parquet").num_rows == 8
    listed = data("list", "--json")[1]["series"]
    assert [(each["timeframe"], each["rows"]) for each in listed] == [("15m", 4), ("1m", 60)]
    assert "15m" in data("list")[1]
    assert data("rm", "A/USDT", "--json")[0] == 2  # nobody to ask
    assert data("rm", "A/USDT", "--timeframe", "15m", "--yes", "--json")[1]["removed"][0]["rows"] == 4
    assert [each["timeframe"] for each in data("list", "--json")[1]["series"]] == ["1m"]
    assert data("rm", "A/USDT", "--yes")[0] == 0
    assert data("list")[1] == "the store is empty\n"
    code, _, err = data("rm", "A/USDT", "--yes")
    assert (code, "no such series" in err) == (2, True)


def test_rm_asks_and_keeps_what_is_not_confirmed(data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data("import", write(tmp_path / "A_USDT.csv", rows()))
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert data("rm", "A/USDT")[0] == 130
    assert len(data("list", "--json")[1]["series"]) == 1
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert data("rm", "A/USDT")[0] == 0
    assert data("list", "--json")[1]["series"] == []


TRADES = (
    "time,price,amount,side,id\n1704067200000,10.5,1,buy,1\n1704067201000,10.25,2,sell,2\n1704067261000,11,1,buy,3\n"
)


def test_trades_and_funding_of_tables(data: Any, tmp_path: Path) -> None:
    path = tmp_path / "A_USDT.csv"
    path.write_text(TRADES)
    (done,) = data("import", path, "--json")[1]["imported"]
    assert (done["kind"], done["tick"], done["new"]) == ("trades", "0.01", {"trades": 3})
    table = store.read(tmp_path / "store", Series("local", "A/USDT", "trades"))
    assert (numbers(table, "side").tolist(), table["id"].to_pylist()) == ([1, -1, 1], ["1", "2", "3"])
    assert data("resample", "A/USDT", "--to", "1m", "--json")[1]["bars"] == 2
    path.write_text(TRADES + "1704067200500,10,1,buy,4\n")
    code, _, err = data("import", path)
    assert (code, "unordered_time" in err, "row 4" in err, "--repair unordered_time=sort" in err) == (
        2,
        True,
        True,
        True,
    )
    assert data("import", path, "--repair", "unordered_time=sort", "--json")[1]["imported"][0]["new"] == {"trades": 1}
    rates = tmp_path / "A_USDT_USDT.csv"
    rates.write_text("fundingTime,fundingRate\n1704067200013,0.0001\n1704096000000,0.0002\n1704124800000,2\n")
    code, _, err = data("import", rates)
    assert (code, "bad_rate" in err, "row 3, column fundingRate" in err) == (2, True, True)
    path.write_text(TRADES.replace(",2,sell", ",-2,sell"))
    code, _, err = data("import", path)
    assert (code, "nonpositive_qty" in err, "row 2, column amount" in err) == (2, True, True)
    (done,) = data("import", rates, "--repair", "bad_rate=drop", "--json")[1]["imported"]
    assert (done["symbol"], done["kind"], done["new"]) == ("A/USDT:USDT", "funding", {"funding": 2})
    assert data("check", "A/USDT:USDT", "--json")[1]["problems"] == []


def test_files_that_are_none_are_named(data: Any, tmp_path: Path) -> None:
    held = write(tmp_path / "A_USDT.csv", rows(2000))
    packed = tmp_path / "B_USDT.csv.gz"
    packed.write_bytes(gzip.compress(held.read_bytes())[:-20])
    torn = tmp_path / "C_USDT.parquet"
    torn.write_bytes(write(tmp_path / "D.parquet", rows()).read_bytes()[:-30])
    empty = tmp_path / "E_USDT.csv"
    empty.touch()
    wide = tmp_path / "W_USDT.csv"
    wide.write_bytes(held.read_text().encode("utf-16"))
    late = tmp_path / "L_USDT.csv"
    late.write_text(re.sub(r"^1704\d", "852000000", held.read_text(), flags=re.MULTILINE))
    bad = tmp_path / "F_USDT.csv"
    bad.write_text(held.read_text().replace("\n", "\nx", 1))
    (tmp_path / "store").mkdir()
    words = {
        tmp_path: "folder",
        packed: "unreadable|cut",
        torn: "unreadable",
        empty: "empty",
        wide: "UTF-16",
        late: "bad_time.*row 1, column",
        bad: "row 1, column",
    }
    for path, word in words.items():
        for command in ("check", "import"):
            code, _, err = data(command, path)
            assert code == 2, (path, err)
            assert re.search(word, err), err
            assert str(path) in err
            assert err.count("\n") == 1
    assert data("import", tmp_path / "none.csv")[0] == 2
    assert data("list", "--json")[1]["series"] == []
    blocked = tmp_path / "file"
    blocked.touch()
    code, _, err = data("import", held, "--store", blocked)
    assert (code, "is a file" in err) == (2, True)


def test_another_timeframe_is_refused_rather_than_counted(data: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "A_USDT.csv", rows())
    for wrong in ("5m", "15s"):
        code, _, err = data("check", path, "--timeframe", wrong)
        assert (code, "bars are 1m apart" in err) == (2, True)


def test_a_full_disk_is_named_and_nothing_is_half_there(
    data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = write(tmp_path / "A_USDT.csv", rows())
    write_table = pq.write_table

    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    code, _, err = data("import", held)
    assert (code, "No space left" in err, "Free some space" in err) == (1, True, True)
    monkeypatch.setattr(pq, "write_table", write_table)
    assert data("list", "--json")[1]["series"] == []
    assert data("import", held)[0] == 0


def test_feeds_go_into_the_store_in_the_order_of_the_exchange(data: Any, tmp_path: Path, shared_data: Path) -> None:
    from huracan.data.binance_raw import read_binance_raw
    from huracan.data.events import DEPTH, QUOTE, TRADE

    path = shared_data / "l2" / "spot_btcusdt_20240808.gz"
    (done,) = data("import", path, "--json")[1]["imported"]
    feed = read_binance_raw(path)
    depth, trades = int((feed.kind == DEPTH).sum()), int((feed.kind == TRADE).sum())
    quotes = int((feed.kind == QUOTE).sum())
    assert quotes > 50_000
    assert done["new"] == {"book": depth, "trades": trades, "quotes": quotes}
    assert (done["symbol"], done["venue"], done["tick"]) == ("BTC/USDT", "binance", "0.01")
    assert data("import", path, "--json")[1]["imported"][0]["new"] == {"book": 0, "trades": 0, "quotes": 0}
    table = store.read(tmp_path / "store", Series("binance", "BTC/USDT", "trades"))
    assert numbers(table, "price").tolist() == feed.price[feed.kind == TRADE].tolist()
    assert times(table, "local_ts").tolist() == feed.local_ns[feed.kind == TRADE].tolist()
    book = store.read(tmp_path / "store", Series("binance", "BTC/USDT", "book"))
    assert (np.diff(times(book)) >= 0).all()
    assert sorted(numbers(book, "qty").tolist()) == sorted(feed.qty[feed.kind == DEPTH].tolist())
    assert data("check", "BTC/USDT", "--kind", "book", "--json")[1]["problems"] == []


def test_tardis_goes_into_the_store(data: Any, tmp_path: Path) -> None:
    quotes = tmp_path / "quotes.csv"
    head = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
    quotes.write_text(head + "deribit,AUSDT,1704067200000000,1704067200000500,1,11,10,2\n")
    (done,) = data("import", quotes, "--json")[1]["imported"]
    assert (done["venue"], done["symbol"], done["new"]) == ("deribit", "A/USDT", {"quotes": 2})
    assert done["kind"] == "quotes"
    table = store.read(tmp_path / "store", Series("deribit", "A/USDT", "quotes"))
    assert (numbers(table, "price").tolist(), numbers(table, "qty").tolist()) == ([10, 11], [2, 1])
    assert data("import", quotes, "--json")[1]["imported"][0]["new"] == {"quotes": 0}
    assert data("check", "A/USDT", "--json")[1]["kind"] == "quotes"


@pytest.mark.parametrize("name", ["bars_1m_usdm", "bars_1m_spot_gap", "funding_usdm", "l2"])
def test_every_real_file_is_checked(data: Any, shared_data: Path, name: str) -> None:
    expected = {"bars_1m_usdm": set(), "funding_usdm": set(), "bars_1m_spot_gap": set(), "l2": set()}
    expected["bars_1m_spot_gap"] = {"zero_volume", "missing_bars", "outage", "stale"}
    expected["l2"] = {"local_before_exchange", "no_exchange_time", "snapshot_behind_update", "no_snapshot"}
    found = set()
    for path in sorted((shared_data / name).iterdir()):
        code, answer, err = data("check", path, "--json")
        assert code == 0, err
        assert answer["rows"] > 200
        found |= {problem["name"] for problem in answer["problems"]}
    assert found == expected[name]
