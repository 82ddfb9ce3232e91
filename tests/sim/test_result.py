"""Results on disk: what is written comes back, in the contract's columns, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.sim import atomic_files, layout
from huracan.sim.atomic_files import NotWritten, write_together
from huracan.sim.layout import FillReason
from huracan.sim.refusal import Refused
from huracan.sim.result import About, Result, iso, load_result
from huracan.sim.result_tables import EQUITY, FILLS, TRADES
from huracan.sim.sweep_result import SweepResult, load_sweep

FILES = {"result.json", "fills.parquet", "trades.parquet", "equity.parquet", "report.html"}
MARKET = "market.parquet"
NS = 1_700_000_000_123_456_789
ABOUT = About(
    name='name "of" a <run> 🦄',
    symbols=("ETH/USDT:USDT", "BTC/USDT:USDT"),
    start_ns=NS,
    end_ns=NS + 3600 * 10**9,
    sample="1m",
    seed=7,
    spec={"run": {"name": "x"}, "strategy": {"params": {"z": float("inf"), "n": np.int64(3)}}},
    spec_hash="s" * 64,
    code_hash="c" * 64,
    data_hash="d" * 64,
    repairs={"duplicate_time": 2},
    rejections={"cut_to_cash": 5},
    versions={"huracan": "0.1.0"},
)


def made(fills: int = 3, trades: int = 2, bars: int = 5) -> Result:
    """A result with something different in every field of every row."""
    rows = [np.zeros(n, kind) for n, kind in ((fills, layout.fill), (trades, layout.trade), (bars, layout.equity))]
    for number, each in enumerate(rows):
        for k, name in enumerate(each.dtype.names or ()):
            each[name] = np.arange(each.size) * 10 + k + number + (0.125 if each.dtype[name].kind == "f" else 0)
        for name in ("ts_ns", "entry_ns", "exit_ns"):
            if name in (each.dtype.names or ()):
                each[name] += NS
    for each in rows[:2]:
        each["inst"] = np.arange(each.size) % 2
        each["side"] = 1 - 2 * (np.arange(each.size) % 2)
    rows[0]["maker"] = np.arange(fills) % 2
    rows[0]["reason"] = np.arange(fills) % 8 + 1
    rows[1]["exit_reason"] = int(FillReason.LIQUIDATION)
    return Result(
        ABOUT, {"final_equity": 101.5, "cash": 100.0, "sharpe": None, "fills": fills, "bankrupt": False}, *rows
    )


@pytest.mark.parametrize("sizes", [(3, 2, 5), (0, 0, 0), (200_000, 1, 1)])
def test_round_trip(tmp_path: Path, sizes: tuple[int, int, int]) -> None:
    result = made(*sizes)
    folder = result.save(tmp_path / "not" / "there" / "yet")
    assert {path.name for path in folder.iterdir()} == FILES
    again = load_result(folder)
    for name in ("fill_rows", "trade_rows", "equity_rows"):
        assert getattr(again, name).dtype == getattr(result, name).dtype
        assert getattr(again, name).tobytes() == getattr(result, name).tobytes(), name
    assert again.figures == result.figures
    assert again.about.plain() == result.about.plain()
    assert (again.about.start_ns, again.about.end_ns) == (ABOUT.start_ns, ABOUT.end_ns)


def test_result_json_is_what_the_contract_says(tmp_path: Path) -> None:
    raw = json.loads((made().save(tmp_path) / "result.json").read_text("utf-8"))
    assert raw["final_equity"] == 101.5
    assert raw["sharpe"] is None
    assert raw["start"] == "2023-11-14T22:13:20.123456789Z"
    assert raw["repairs"] == {"duplicate_time": 2}
    assert raw["rejections"] == {"cut_to_cash": 5}
    assert (raw["sample"], raw["seed"], raw["spec_hash"], raw["format"]) == ("1m", 7, "s" * 64, 1)
    assert raw["spec"]["strategy"]["params"] == {"z": "inf", "n": 3}


def test_a_figure_that_is_not_a_number_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Result(ABOUT, {"sharpe": float("nan")}).save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_tables_have_the_contracts_columns_and_types(tmp_path: Path) -> None:
    import pandas as pd

    result = made()
    folder = result.save(tmp_path)
    wanted = {
        "fills": ["ts", "symbol", "side", "qty", "price", "fee", "liquidity", "order_id", "reason"],
        "trades": [
            *("entry_ts", "exit_ts", "symbol", "side", "qty", "entry_price", "exit_price", "fees", "funding", "pnl"),
            *("exit_reason", "mae", "mfe"),
        ],
        "equity": ["ts", "equity", "cash", "position_value", "drawdown"],
    }
    for name, columns in wanted.items():
        table, stored = getattr(result, name), pd.read_parquet(folder / f"{name}.parquet")
        pd.testing.assert_frame_equal(table, stored)
        assert list(table.columns)[: len(columns)] == columns
        for column in (each for each in columns if each.endswith("ts")):
            assert str(table[column].dtype) == "datetime64[ns, UTC]"
    fills = result.fills
    assert fills["ts"].iloc[0].value == result.fill_rows["ts_ns"][0]  # to the nanosecond
    assert fills["symbol"].tolist() == ["ETH/USDT:USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"]
    assert fills["liquidity"].tolist() == ["taker", "maker", "taker"]
    assert fills["reason"].tolist() == ["market", "limit", "stop"]
    assert fills["side"].tolist() == [1, -1, 1]
    assert result.trades["exit_reason"].tolist() == ["liquidation"] * 2


def test_parquet_times_are_nanoseconds_utc(tmp_path: Path) -> None:
    from pyarrow import parquet

    folder = made().save(tmp_path)
    for shape in (FILLS, TRADES, EQUITY):
        schema = parquet.read_schema(folder / shape.file)
        times = [column.name for column in shape.columns if column.time]
        assert times
        assert {str(schema.field(name).type) for name in times} == {"timestamp[ns, tz=UTC]"}


def test_every_field_of_a_record_has_its_column() -> None:
    for shape in (FILLS, TRADES, EQUITY):
        assert sorted(column.field for column in shape.columns) == sorted(shape.record.names or ())


def test_pandas_is_not_imported_to_save_or_to_load(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from huracan.sim.result import About, Result, load_result\n"
        "from huracan.sim.sweep_result import SweepResult, load_sweep\n"
        "about = About('x', ('A', 'B'), 0, 10**9, '1m')\n"
        "load_result(Result(about, {'sharpe': None}).save('run')).figures\n"
        "columns = {'sharpe': np.array([1.0, np.nan]), 'bars': np.array([2, 2])}\n"
        "load_sweep(SweepResult(about, {'k': np.array([1, 2])}, columns).save('sweep')).figures\n"
        "print('pandas' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    for name in (taken, taken / "below"):
        with pytest.raises(Refused, match="is a file, or lies below one"):
            made().save(name)
    assert taken.read_text() == "mine"


def test_a_full_disk_leaves_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made().save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(path: Path, text: str) -> None:
        path.write_text(text[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("huracan.sim.result.write_text", full)
    with pytest.raises(NotWritten, match=r"could not be written: No space left on device\. Free some space"):
        made(fills=1).save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_nothing_appears_before_everything_is_written(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def write(path: Path) -> None:
        path.write_text("x")
        seen.append([each.name for each in tmp_path.iterdir() if not each.name.startswith(".")])

    write_together(tmp_path, {"a": write, "b": write, "c": write})
    assert seen == [[], [], []]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


def test_a_killed_writer_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_files.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        made().save(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(FILES - {"report.html"}))
def test_half_a_result_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = made().save(tmp_path)
    (folder / name).unlink()
    with pytest.raises(Refused, match=f"{name}") as refused:
        load_result(folder)
    assert refused.value.where == str(folder)
    assert refused.value.fix


@pytest.mark.parametrize("name", sorted(FILES - {"report.html"}))
def test_a_broken_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = made().save(tmp_path)
    (folder / name).write_bytes(b"PAR1 no more")
    with pytest.raises(Refused, match=f"{name} can't be read"):
        load_result(folder)


def test_files_of_two_runs_are_refused(tmp_path: Path) -> None:
    one, two = made().save(tmp_path / "one"), made(fills=4).save(tmp_path / "two")
    os.replace(two / "fills.parquet", one / "fills.parquet")
    with pytest.raises(Refused, match=r"fills\.parquet and result\.json are of different runs"):
        load_result(one)


def test_runs_of_equal_figures_are_told_apart_by_their_records(tmp_path: Path) -> None:
    one, other = made(), made()
    other.fill_rows["price"] += 1.0
    one.save(tmp_path / "one"), other.save(tmp_path / "two")
    os.replace(tmp_path / "two" / "fills.parquet", tmp_path / "one" / "fills.parquet")
    with pytest.raises(Refused, match="different runs"):
        load_result(tmp_path / "one")


@pytest.mark.parametrize("found", [2, None, "1"])
def test_another_format_is_refused(tmp_path: Path, found: Any) -> None:
    folder = made().save(tmp_path)
    raw = json.loads((folder / "result.json").read_text("utf-8"))
    (folder / "result.json").write_text(json.dumps(raw | {"format": found}))
    with pytest.raises(Refused, match="is of format"):
        load_result(folder)


def test_a_missing_key_is_refused(tmp_path: Path) -> None:
    folder = made().save(tmp_path)
    raw = json.loads((folder / "result.json").read_text("utf-8"))
    del raw["symbols"]
    (folder / "result.json").write_text(json.dumps(raw))
    with pytest.raises(Refused, match=r"lacks what it needs: 'symbols'"):
        load_result(folder)


@pytest.mark.parametrize("load", [load_result, load_sweep])
def test_a_folder_without_a_result_is_refused(tmp_path: Path, load: Any) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(Refused, match="there is no"):
            load(folder)


def test_times_as_text() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(-1) == "1969-12-31T23:59:59.999999999Z"
    assert iso(NS) == "2023-11-14T22:13:20.123456789Z"


def swept(sharpes: list[float]) -> SweepResult:
    n = len(sharpes)
    params = {
        "fast": np.arange(n),
        "venue.fee_taker_bps": np.linspace(0.0, 1.0, n),
        "venue.limit_fill": np.array(["touch", "through:2", True][:n] + ["touch"] * (n - 3), dtype=object),
        "flag": np.arange(n) % 2 == 0,
    }
    columns = {
        "sharpe": np.array(sharpes),
        "trades": np.arange(n),
        "bars": np.full(n, 9),
        "bankrupt": np.arange(n) == 1,
        "samples": np.full(n, 9),
        "periods": np.full(n, 365.0),
    }
    return SweepResult(ABOUT, params, columns, planned=n + 1)


def test_sweep_round_trip(tmp_path: Path) -> None:
    import pandas as pd

    result = swept([0.5, float("nan"), 1.5, 1.5])
    folder = result.save(tmp_path / "new")
    assert {path.name for path in folder.iterdir()} == {"sweep.json", "sweep.parquet", "report.html"}
    again = load_sweep(folder)
    assert again.figures == result.figures
    assert {key: column.dtype.kind for key, column in again.params.items()} == {
        "fast": "i",
        "venue.fee_taker_bps": "f",
        "venue.limit_fill": "O",
        "flag": "b",
    }
    for key, column in result.columns.items():
        assert np.array_equal(again.columns[key], column, equal_nan=column.dtype.kind == "f"), key
    stored = pd.read_parquet(folder / "sweep.parquet")
    pd.testing.assert_frame_equal(result.table, stored)
    assert list(stored.columns)[:2] == ["p.fast", "p.venue.fee_taker_bps"]
    assert stored["p.venue.limit_fill"].tolist() == ["touch", "through:2", "true", "touch"]


def test_missing_figures_are_null_in_parquet(tmp_path: Path) -> None:
    from pyarrow import parquet

    n = 1000
    result = swept([float("nan") if k % 3 else 0.1 * k for k in range(n)])
    column = parquet.read_table(result.save(tmp_path) / "sweep.parquet")["sharpe"].to_pylist()
    assert column == [None if k % 3 else 0.1 * k for k in range(n)]


def test_sweep_json_is_what_the_contract_says(tmp_path: Path) -> None:
    raw = json.loads((swept([0.5, float("nan"), 1.5, 1.5]).save(tmp_path) / "sweep.json").read_text("utf-8"))
    assert (raw["sets"], raw["planned"], raw["bars"]) == (4, 5, 9)
    assert raw["best"]["p.fast"] == 2  # the first of equals
    assert raw["best"]["p.venue.limit_fill"] is True
    assert raw["best"]["sharpe"] == 1.5
    wanted = {"trials", "effective_trials", "probabilistic_sharpe", "deflated_sharpe", "pbo", "min_backtest_length"}
    assert wanted | {"reality_check_p", "verdict"} <= set(raw["honesty"])
    assert raw["honesty"]["trials"] == 4


def test_a_sweep_without_a_best(tmp_path: Path) -> None:
    for k, sharpes in enumerate(([float("nan")] * 4, [])):
        result = (
            swept(sharpes)
            if sharpes
            else SweepResult(ABOUT, {"k": np.arange(0)}, {"sharpe": np.zeros(0), "bars": np.zeros(0, int)})
        )
        again = load_sweep(result.save(tmp_path / str(k)))
        assert again.best is None
        assert again.figures["best"] is None
        assert again.sets == len(sharpes)


@pytest.mark.parametrize("name", ["sweep.json", "sweep.parquet"])
def test_half_a_sweep_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = swept([0.5, 1.0, 2.0]).save(tmp_path)
    (folder / name).unlink()
    with pytest.raises(Refused, match=name):
        load_sweep(folder)


def test_files_of_two_sweeps_are_refused(tmp_path: Path) -> None:
    one, two = swept([0.5, 1.0, 2.0]).save(tmp_path / "one"), swept([0.5, 1.0, 2.5]).save(tmp_path / "two")
    os.replace(two / "sweep.parquet", one / "sweep.parquet")
    with pytest.raises(Refused, match=r"sweep\.parquet and sweep\.json are of different runs"):
        load_sweep(one)
