"""Tardis csv: the three layouts, whatever the blocks; faults named with their place."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.data.events import CLEAR, COLUMNS, DEPTH, QUOTE, SNAPSHOT, START, TRADE, Events, merge
from huracan.data.tardis import LAYOUTS, read_tardis
from huracan.sim.refusal import Refused

NOW = 1_723_161_255_000_000


def write(folder: Path, layout: str, rows: list[str], name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([",".join(LAYOUTS[layout]), *rows]) + "\n")
    return path


def row(k: int, rest: str, symbol: str = "BTCUSDT", late: int = 500) -> str:
    return f"binance-futures,{symbol},{NOW + k},{NOW + k + late},{rest}"


def notes(events: Events) -> dict[str, tuple[int, int, int]]:
    return {note.name: (note.count, note.first_row, note.last_row) for note in events.problems}


def test_trades(tmp_path: Path) -> None:
    rows = [row(0, "7,buy,100.5,2"), row(9, "8,sell,100.4,0.001"), row(9, ",unknown,100,1"), row(10, "9,buy,0,1")]
    events = read_tardis(write(tmp_path, "trades", rows))
    assert events.symbol == "BTCUSDT"
    assert events.kind.tolist() == [TRADE] * 3
    assert events.side.tolist() == [1, -1, 0]
    assert events.price.tolist() == [100.5, 100.4, 100.0]
    assert events.qty.tolist() == [2.0, 0.001, 1.0]
    assert events.exch_ns.tolist() == [NOW * 1000, (NOW + 9) * 1000, (NOW + 9) * 1000]
    assert events.local_ns.tolist() == [(NOW + 500) * 1000, (NOW + 509) * 1000, (NOW + 509) * 1000]
    assert events.seq.tolist() == [7, 8, -1]
    assert notes(events) == {"bad_level": (1, 4, 4), "unknown_side": (1, 3, 3)}


BOOK = [
    row(0, "true,bid,100,1"),
    row(0, "true,ask,101,2"),
    row(5, "false,bid,100,0"),
    row(5, "false,bid,99,3"),
    row(6, "false,ask,101,-1"),
    row(7, "true,bid,98,1"),
    row(7, "true,ask,102,2"),
]


def test_an_incremental_book(tmp_path: Path) -> None:
    events = read_tardis(write(tmp_path, "incremental_book_L2", BOOK))
    assert events.kind.tolist() == [CLEAR, DEPTH, DEPTH, DEPTH, DEPTH, CLEAR, DEPTH, DEPTH]
    assert events.side.tolist() == [0, 1, -1, 1, 1, 0, 1, -1]
    assert events.price.tolist() == [0, 100, 101, 100, 99, 0, 98, 102]
    both, snap = START | SNAPSHOT, SNAPSHOT
    assert events.flags.tolist() == [both, snap, snap, START, 0, both, snap, snap]
    assert notes(events) == {"bad_level": (1, 5, 5)}


def test_quotes_with_an_empty_side(tmp_path: Path) -> None:
    rows = [row(0, "1,101,100,2"), row(1, "1,101,,"), row(2, "1,100,100,1")]
    events = read_tardis(write(tmp_path, "quotes", rows))
    assert events.kind.tolist() == [QUOTE] * 5
    assert events.side.tolist() == [1, -1, -1, 1, -1]
    assert events.price.tolist() == [100, 101, 101, 100, 100]
    assert events.qty.tolist() == [2, 1, 1, 1, 1]
    assert events.flags.tolist() == [START, 0, START, START, 0]
    assert notes(events) == {"empty_quote": (1, 2, 2), "crossed_book": (1, 3, 3)}


def test_odd_times_are_counted(tmp_path: Path) -> None:
    rows = [row(9, "1,buy,1,1"), row(3, "1,buy,1,1"), row(20, "1,buy,1,1", late=-5)]
    assert notes(read_tardis(write(tmp_path, "trades", rows))) == {
        "unordered_time": (1, 2, 2),
        "unordered_local_time": (2, 2, 3),
        "local_before_exchange": (1, 3, 3),
    }


@pytest.mark.parametrize(
    ("rest", "what", "where"),
    [
        ("1,buy,1x,1", "not_a_number: '1x'", "row 2, column price"),
        ("1,buy,1", "ragged_row: 7 cells", "row 2, column 8"),
        ("1,buy,1,1,1", "ragged_row: 9 cells", "row 2, column 9"),
    ],
)
def test_a_bad_cell_is_refused_with_row_and_column(tmp_path: Path, rest: str, what: str, where: str) -> None:
    path = write(tmp_path, "trades", [row(0, "1,buy,1,1"), row(1, rest)])
    with pytest.raises(Refused) as caught:
        read_tardis(path)
    assert what in caught.value.what
    assert caught.value.where == f"{path}, {where}"


def test_times_in_another_unit_and_unknown_columns_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "trades", ["x,A,1723161255000,1723161255001,1,buy,1,1"])
    with pytest.raises(Refused, match=r"bad_time: 1723161255000.*row 1, column timestamp"):
        read_tardis(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(Refused, match=r"unknown_layout.*trades"):
        read_tardis(path)
    path.write_text(",".join(LAYOUTS["trades"]) + "\n")
    with pytest.raises(Refused, match="no rows"):
        read_tardis(path)


def test_several_symbols_and_a_file_cut_short(tmp_path: Path) -> None:
    rows = [row(k, f"{k},buy,{k + 1},1", "A" if k % 3 else "B") for k in range(5000)]
    path = write(tmp_path, "trades", rows)
    with pytest.raises(Refused, match=r"several symbols.*B, A"):
        read_tardis(path)
    assert read_tardis(path, symbol="B").price.tolist() == [k + 1.0 for k in range(0, 5000, 3)]
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes())[:-9])
    with pytest.raises(Refused, match="cut_short"):
        read_tardis(packed, symbol="A")
    events = read_tardis(packed, symbol="A", bad_lines="skip")
    assert notes(events)["cut_short"][0] == 1
    assert len(events) > 2000


@given(st.integers(120, 900), st.sampled_from(["trades", "incremental_book_L2", "quotes"]))
def test_blocks_do_not_matter(tmp_path_factory: pytest.TempPathFactory, block: int, layout: str) -> None:
    rest: dict[str, Any] = {
        "trades": lambda k: f"{k},{'buy' if k % 2 else 'sell'},{k + 1},{k % 5}",
        "incremental_book_L2": lambda k: f"{'true' if k % 20 < 4 else 'false'},{'bid' if k % 2 else 'ask'},{k + 1},1",
        "quotes": lambda k: f"1,{k + 2},{k + 1 if k % 7 else ''},2",
    }
    path = write(tmp_path_factory.mktemp("t"), layout, [row(k // 2, rest[layout](k)) for k in range(60)])
    whole, parts = read_tardis(path), read_tardis(path, block=block)
    assert len(whole) > 40
    assert all((getattr(parts, c) == getattr(whole, c)).all() for c in COLUMNS)
    assert parts.problems == whole.problems


def test_feeds_merge_by_local_time(tmp_path: Path) -> None:
    book = read_tardis(write(tmp_path, "incremental_book_L2", BOOK))
    trades = read_tardis(write(tmp_path, "trades", [row(0, "1,buy,101,1"), row(6, "2,sell,99,1")], "u.csv"))
    both = merge([book, trades])
    assert both.kind.tolist() == [CLEAR, DEPTH, DEPTH, TRADE, DEPTH, DEPTH, TRADE, CLEAR, DEPTH, DEPTH]
    assert (both.local_ns[1:] >= both.local_ns[:-1]).all()
