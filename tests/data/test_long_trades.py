"""Trades of a file imported piece by piece are those of the file read whole, and its faults are named alike."""

from __future__ import annotations

import gzip
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from huracan import data_import
from huracan.data import long_trades, store, table_pieces
from huracan.data.store_kinds import Series
from huracan.data.table_pieces import NotInPieces
from huracan.data_check import Asked
from huracan.data_import import import_file
from huracan.sim import spool
from huracan.sim.refusal import Refused

START_MS = 1_723_161_256_000
ROWS = 3000
SERIES = Series("local", "A/B", "trades")
Rows = dict[str, list[Any]]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_pieces, "BLOCK_BYTES", 4000)
    monkeypatch.setattr(table_pieces, "ROWS", 170)
    monkeypatch.setattr(long_trades, "GATHERED", 400)
    monkeypatch.setattr(long_trades, "ROWS", 300)
    monkeypatch.setattr(spool, "ROWS", 300)
    monkeypatch.setattr(spool, "HELD", 0)


def rows_of(seed: int, n: int = ROWS) -> Rows:
    """Sound trades, several at an instant, some of them doubled, with spikes, and ids of any length."""
    rng = np.random.default_rng(seed)
    price = np.round(100.0 + np.cumsum(rng.integers(-3, 4, n)) * 0.01, 2)
    price[rng.integers(0, n, 6)] *= 1.2
    times = (START_MS + np.cumsum(rng.integers(0, 3, n) * 50)).tolist()
    side = rng.choice(["buy", "sell", "who", ""], n, p=[0.45, 0.45, 0.05, 0.05]).tolist()
    ids = [str(k * 7**5)[: 1 + k % 9] + str(k) for k in range(n)]
    for k in rng.integers(1, n, 20).tolist():
        times[k], ids[k] = times[k - 1], ids[k - 1]
    times = np.maximum.accumulate(times).tolist()
    return {"timestamp": times, "price": np.round(price, 2).tolist(), "qty": [0.5] * n, "side": side, "id": ids}


def write(path: Path, rows: Rows) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table(rows), path, row_group_size=500)
    elif path.suffix == ".feather":
        feather.write_feather(pa.table(rows), path, chunksize=230)
    else:
        lines = [",".join(rows), *(",".join(map(str, row)) for row in zip(*rows.values(), strict=True))]
        text = ("\n".join(lines) + "\n").encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def outcome(path: Path, root: Path, repair: dict[str, str], **asked: Any) -> Any:
    """What is said, and what is stored then; or the refusal, and that nothing is stored."""
    try:
        said = [asdict(each) for each in import_file(str(path), Asked(symbol="A/B", store=root, **asked), repair)]
    except Refused as refused:
        return str(refused), store.list_series(root)
    return said, store.read(root, SERIES).to_pydict()


def both(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repair: dict[str, str], **asked: Any) -> Any:
    """The outcome in pieces and whole, which are the same."""
    taken: list[bool] = []
    real = data_import._import_long_trades

    def pieces(*given: Any) -> bool:
        taken.append(real(*given))
        return taken[-1]

    with monkeypatch.context() as patch:
        patch.setattr(data_import, "_import_long_trades", pieces)
        found = outcome(path, tmp_path / "pieces", repair, **asked)
    with monkeypatch.context() as patch:
        patch.setattr(data_import, "_import_long_trades", lambda *given: False)
        expected = outcome(path, tmp_path / "whole", repair, **asked)
    assert found == expected
    return found[0], taken == [True]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "feather"])
@pytest.mark.parametrize("seed", [1, 2])
def test_pieces_store_and_say_what_the_whole_file_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, seed: int
) -> None:
    rows = rows_of(seed)
    if seed == 2:
        del rows["side"], rows["id"]
    path = write(tmp_path / f"trades.{ending}", rows)
    assert len(list(table_pieces.table_pieces(path))) > 5
    said, in_pieces = both(path, tmp_path, monkeypatch, {})
    assert in_pieces
    assert said[0]["problems"]["spike"] >= 3
    assert ("duplicate_trade_first" in said[0]["repairs"]) == (seed == 1)


def test_held_rows_are_left_out_of_pieces_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(3)
    some = write(tmp_path / "some.csv", {name: column[700:1900] for name, column in rows.items()})
    for way in ("pieces", "whole"):
        import_file(str(some), Asked(symbol="A/B", store=tmp_path / way), {})
    said, in_pieces = both(write(tmp_path / "all.csv", rows), tmp_path, monkeypatch, {})
    assert in_pieces
    assert 0 < said[0]["new"]["trades"] < said[0]["rows"] - 1000


LATE = {
    "no number": ("price", "1,5x"[2:], ""),
    "a price of zero": ("price", 0.0, ""),
    "no price": ("price", "", ""),
    "a quantity below zero": ("qty", -1.0, ""),
    "back in time": ("timestamp", START_MS - 5000, ""),
    "another unit of time": ("timestamp", (START_MS + 10**9) * 1000, ""),
    "no time": ("timestamp", "", ""),
    "a ragged row": ("qty", "1,2,3", ""),
    "a price of zero, dropped": ("price", 0.0, "nonpositive_price=drop"),
    "back in time, sorted": ("timestamp", START_MS - 5000, "unordered_time=sort"),
    "a repair that there is not": ("qty", 0.5, "unordered_time=mend"),
    "a problem that there is not": ("qty", 0.5, "orderless=sort"),
    "spikes, dropped": ("qty", 0.5, "spike=drop"),
    "doubled ids, refused": ("qty", 0.5, "duplicate_trade=refuse"),
}


@pytest.mark.parametrize("name", LATE)
def test_what_is_wrong_with_a_late_row_is_named_and_mended_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    column, value, repair = LATE[name]
    rows = rows_of(4)
    rows[column][ROWS - 7] = value
    path = write(tmp_path / "trades.csv", rows)
    said, in_pieces = both(path, tmp_path, monkeypatch, dict([repair.split("=")]) if repair else {})
    assert not in_pieces
    assert isinstance(said, list) == (repair in ("nonpositive_price=drop", "unordered_time=sort", "spike=drop"))


FORMS = {
    "ISO": lambda ms: str(np.datetime64(ms, "ms")),
    "ISO in a zone": lambda ms: str(np.datetime64(ms, "ms")) + "+02:00",
    "seconds": lambda ms: ms / 1000,
    "day and month": lambda ms: "08/13/2024",
    "two zones": lambda ms: str(np.datetime64(ms, "ms")) + ("Z" if ms < START_MS + 10**5 else "+02:00"),
    "a zone from some row on": lambda ms: str(np.datetime64(ms, "ms")) + ("" if ms < START_MS + 10**5 else "Z"),
}


@pytest.mark.parametrize("form", FORMS)
def test_times_are_read_as_in_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    rows = rows_of(5)
    rows["timestamp"] = [FORMS[form](ms) for ms in rows["timestamp"]]
    said, in_pieces = both(write(tmp_path / "trades.csv", rows), tmp_path, monkeypatch, {})
    assert in_pieces == (form in ("ISO", "ISO in a zone", "seconds"))
    assert isinstance(said, list) == in_pieces or form == "day and month"


BORDER = 230 * 5  # where one piece of a feather file ends
AT_A_BORDER = {
    "a unit": lambda ms, k: ms * (1000 if k >= BORDER else 1),
    "a zone": lambda ms, k: str(np.datetime64(ms, "ms")) + ("Z" if k >= BORDER else ""),
    "back in time": lambda ms, k: ms - (5000 if k >= BORDER else 0),
}


@pytest.mark.parametrize("name", AT_A_BORDER)
def test_what_changes_where_a_piece_ends_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    rows = rows_of(7)
    rows["timestamp"] = [AT_A_BORDER[name](ms, k) for k, ms in enumerate(rows["timestamp"])]
    path = write(tmp_path / "trades.feather", rows)
    assert [piece.rows for piece in table_pieces.table_pieces(path)][:6] == [230] * 6
    said, in_pieces = both(path, tmp_path, monkeypatch, {})
    assert not in_pieces
    assert isinstance(said, str)


def test_an_instant_longer_than_pieces_stays_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(8)
    rows["timestamp"][500:1900] = [rows["timestamp"][500]] * 1400
    rows["id"][1890] = rows["id"][510]
    _, in_pieces = both(write(tmp_path / "trades.feather", rows), tmp_path, monkeypatch, {})
    assert in_pieces
    parts = store.parts(tmp_path / "pieces", SERIES)
    assert max(part.rows for part in parts) >= 1390
    assert len(parts) >= 4


def test_single_precision_and_json_are_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pa.table(rows_of(6))
    rows = rows.set_column(1, "price", rows["price"].cast(pa.float32()))
    pq.write_table(rows, tmp_path / "trades.parquet")
    said, in_pieces = both(tmp_path / "trades.parquet", tmp_path, monkeypatch, {})
    assert not in_pieces
    assert said[0]["repairs"]["float32_prices_widened"] == ROWS
    with pytest.raises(NotInPieces):
        list(table_pieces.table_pieces(tmp_path / "trades.json"))
