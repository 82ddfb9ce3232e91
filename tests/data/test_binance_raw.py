"""Binance raw lines: equal to a plain JSON reader on real files, whatever the blocks; faults named with their place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.data.binance_raw import read_binance_raw
from huracan.data.events import AGAIN, CLEAR, COLUMNS, DEPTH, GAP, MARK, OLD, QUOTE, SNAPSHOT, START, TRADE, Events
from huracan.sim.refusal import Refused

NOW = 1_723_161_255_000_000_000
MS = 1_000_000


def plain(lines: list[str]) -> list[tuple[Any, ...]]:
    """(kind, side, flags, price, qty, exch_ns, local_ns, seq) of every event, read with json and nothing else."""
    rows: list[tuple[Any, ...]] = []
    last_time, snap, last_id = 0, -1, -1
    for line in lines:
        local, _, text = line.partition(" ")
        message = json.loads(text)
        data = message.get("data", message)
        word = data.get("e", "snapshot" if "lastUpdateId" in data else "bookTicker")
        exch = data.get("T", data.get("E", 0)) * MS or last_time
        last_time = max(last_time, exch)
        events: list[tuple[Any, ...]] = []
        if word == "trade":
            events = [(TRADE, -1 if data["m"] else 1, 0, data["p"], data["q"])]
        elif word == "bookTicker":
            events = [(QUOTE, 1, 0, data["b"], data["B"]), (QUOTE, -1, 0, data["a"], data["A"])]
        else:
            bids, asks = ("bids", "asks") if word == "snapshot" else ("b", "a")
            flags = SNAPSHOT if word == "snapshot" else OLD if data["u"] < snap else 0
            events = [(CLEAR, 0, SNAPSHOT, 0, 0)] if word == "snapshot" else []
            events += [(DEPTH, side, flags, *pair) for side, key in ((1, bids), (-1, asks)) for pair in data[key]]
            snap = data.get("lastUpdateId", snap)
            first, last_id = (last_id, last_id) if word == "snapshot" else (last_id, data["u"])
            expected = data.get("pu", data.get("U", 0) - 1)
            assert word == "snapshot" or first in (-1, expected)  # the real files have no gaps
            updates = [row for row in rows if row[0] == DEPTH and row[-1] > snap] if word == "snapshot" else []
            events += [(DEPTH, row[1], AGAIN, row[3], row[4]) for row in updates]
        for k, (kind, side, flags, price, qty) in enumerate(events):
            row = (kind, side, flags | (START if k == 0 else 0), float(price), float(qty), exch, int(local))
            rows.append((*row, data.get("t", data.get("u", data.get("lastUpdateId")))))
    return rows


def same(events: Events, rows: list[tuple[Any, ...]]) -> bool:
    columns = list(zip(*rows, strict=True))
    return all(getattr(events, name).tolist() == list(column) for name, column in zip(COLUMNS, columns, strict=True))


@pytest.mark.parametrize("name", ["spot_btcusdt_20240808.gz", "usdm_btcusdt_20240808.gz"])
def test_real_files_equal_a_plain_reader(shared_data: Path, name: str) -> None:
    with gzip.open(shared_data / "l2" / name, "rt") as file:
        lines = file.read().splitlines()
    events = read_binance_raw(shared_data / "l2" / name)
    assert events.symbol == "BTCUSDT"
    # the plain reader is slow: the head with the snapshot, and the tail
    head = plain(lines[:9000])
    whole = Events(events.symbol, **{c: getattr(events, c)[: len(head)] for c in COLUMNS})
    assert len(head) > 20_000
    assert same(whole, head)
    named = {note.name: note.count for note in events.problems}
    assert set(named) <= {"local_before_exchange", "no_exchange_time", "snapshot_behind_update"}
    assert named["local_before_exchange"] > 10_000  # its clock is a second late


def test_a_real_book_counts(shared_data: Path) -> None:
    events = read_binance_raw(shared_data / "l2" / "usdm_btcusdt_20240808.gz")
    counts = np.bincount(events.kind, minlength=5).tolist()
    assert counts == [445_590, 21_313, 1, 132_178, 0]
    assert int((events.flags & START > 0).sum()) == 93_954 - len(plain_empty(shared_data))


def plain_empty(shared_data: Path) -> list[str]:
    """Depth messages without a level: they are lines, and no events."""
    with gzip.open(shared_data / "l2" / "usdm_btcusdt_20240808.gz", "rt") as file:
        return [line for line in file if '"b":[],"a":[]' in line]


def trade(k: int, price: str = "100.5", symbol: str = "AUSDT") -> str:
    data = {"e": "trade", "E": (NOW + k) // MS, "T": (NOW + k) // MS, "s": symbol, "p": price, "q": "1", "m": False}
    return f"{NOW + k} " + json.dumps({"stream": "x@trade", "data": data})


def depth(k: int, first: int, final: int, bids: Any = (("1", "2"),), asks: Any = (), **more: Any) -> str:
    data = {"e": "depthUpdate", "E": (NOW + k) // MS, "s": "AUSDT", "U": first, "u": final, "b": bids, "a": asks}
    return f"{NOW + k} " + json.dumps(data | more)


def read(folder: Path, lines: list[str], **more: Any) -> Events:
    path = folder / "raw.txt"
    path.write_text("\n".join(lines) + "\n")
    return read_binance_raw(path, **more)


def notes(events: Events) -> dict[str, tuple[int, int, int]]:
    return {note.name: (note.count, note.first_row, note.last_row) for note in events.problems}


def test_keys_may_stand_in_any_order_with_blanks(tmp_path: Path) -> None:
    data = {"q": "2", "p": "9.25", "m": True, "T": NOW // MS, "x": {"data": [1, "]}"]}, "s": "AUSDT", "e": "aggTrade"}
    lines = [f"{NOW}  " + json.dumps({"data": data, "stream": 'a"b'}, indent=1).replace("\n", " ")]
    events = read(tmp_path, lines)
    assert (events.kind.tolist(), events.side.tolist(), events.price.tolist()) == ([TRADE], [-1], [9.25])


def test_marks_carry_the_funding_rate(tmp_path: Path) -> None:
    data = {"e": "markPriceUpdate", "E": NOW // MS, "s": "AUSDT", "p": "5.5", "r": "-0.0001", "T": NOW // MS + 10**6}
    events = read(tmp_path, [f"{NOW} " + json.dumps(data)])
    assert (events.kind.tolist(), events.price.tolist(), events.qty.tolist()) == ([MARK], [5.5], [-0.0001])
    assert events.exch_ns.tolist() == [NOW]


def test_lost_updates_are_flagged_once_even_if_the_message_is_empty(tmp_path: Path) -> None:
    two = (("1", "2"), ("0.5", "1"))
    lines = [
        depth(0, 1, 5),
        depth(MS, 6, 8),
        depth(2 * MS, 10, 11, ()),
        depth(3 * MS, 12, 13, two),
        depth(4 * MS, 14, 14),
    ]
    events = read(tmp_path, lines)
    assert (events.flags & GAP > 0).tolist() == [False, False, True, False, False]
    assert notes(events) == {"gapped_book": (1, 3, 3)}
    futures = [depth(0, 1, 5, pu=-1), depth(MS, 9, 12, pu=5), depth(MS, 15, 16, pu=13)]
    assert notes(read(tmp_path, futures)) == {"gapped_book": (1, 3, 3)}


def test_times_that_go_back_and_early_clocks_are_counted(tmp_path: Path) -> None:
    lines = [trade(5 * MS), trade(3 * MS), trade(9 * MS).replace(str(NOW + 9 * MS), str(NOW)), trade(10 * MS)]
    assert notes(read(tmp_path, lines)) == {
        "unordered_time": (1, 2, 2),
        "unordered_local_time": (2, 2, 3),
        "local_before_exchange": (1, 3, 3),
    }


def test_impossible_levels_and_foreign_trades_are_dropped_by_name(tmp_path: Path) -> None:
    bids = (("1", "-2"), ("-1", "1"), ("0", "1"), ("2", "0"))
    other = trade(2).replace('"m": false', '"m": false, "X": "INSURANCE_FUND"')
    order = f'{NOW + 3} {{"e":"forceOrder","E":1,"o":{{"s":"AUSDT"}}}}'
    events = read(tmp_path, [depth(0, 1, 5, bids), trade(1, "0"), other, order])
    assert (events.price.tolist(), events.qty.tolist()) == ([2.0], [0.0])
    assert notes(events) == {"bad_level": (4, 1, 2), "not_market_trade": (1, 3, 3), "other_message": (1, 4, 4)}


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("hello", 1),
        ("12 {}", 3),
        (f"{NOW} [1]", 21),
        (f'{NOW} {{"e":"trade","p":"1', 38),
        (f'{NOW} {{"e":"trade","p":"1x","q":"1","m":true,"E":1}}', 38),
        (f'{NOW} {{"e":"depthUpdate","u":1,"E":2,"b":[["1","2"],["3"]],"a":[]}}', 71),
        (f'{NOW} {{"e":"depthUpdate","u":1,"E":2,"b":[["1","nan"]],"a":[]}}', 62),
        (f'{NOW} {{"e" "trade"}}', 26),
        (f'{NOW} {{"e":"x"}} more', 31),
    ],
)
def test_a_line_that_is_none_is_refused_with_row_and_column(tmp_path: Path, line: str, column: int) -> None:
    with pytest.raises(Refused, match="bad_line") as caught:
        read(tmp_path, [trade(0), line, trade(1)])
    assert f"row 2, column {column}" in caught.value.where
    assert len(str(caught.value)) < 600
    skipped = read(tmp_path, [trade(0), line, trade(1)], bad_lines="skip")
    assert len(skipped) == 2
    assert notes(skipped) == {"bad_line": (1, 2, 2)}


def test_several_symbols_want_a_choice(tmp_path: Path) -> None:
    lines = [trade(0), trade(1, "7", "BUSDT"), trade(2)]
    with pytest.raises(Refused, match=r"several symbols.*AUSDT, BUSDT"):
        read(tmp_path, lines)
    assert read(tmp_path, lines, symbol="BUSDT").price.tolist() == [7.0]
    assert len(read(tmp_path, lines, symbol="AUSDT")) == 2


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_file_cut_short_is_refused_or_read_up_to_there(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "raw.gz"
    packed = gzip.compress("\n".join(trade(k * MS, f"{k + 1}") for k in range(3000)).encode())
    path.write_bytes(packed[:-cut])
    with pytest.raises(Refused, match=r"cut_short: .*cut_short=keep"):
        read_binance_raw(path)
    events = read_binance_raw(path, bad_lines="skip")
    assert 2000 < len(events) <= 3000
    assert set(notes(events)) == {"cut_short"}
    assert events.price.tolist() == [k + 1.0 for k in range(len(events))]


def test_a_damaged_gz_and_what_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "raw.gz"
    packed = bytearray(gzip.compress("\n".join(trade(k) for k in range(9000)).encode()))
    packed[len(packed) // 2] ^= 255
    path.write_bytes(bytes(packed))
    with pytest.raises(Refused, match=r"damaged|bad_line"):
        read_binance_raw(path)
    with pytest.raises(Refused, match="folder"):
        read_binance_raw(tmp_path)
    with pytest.raises(Refused, match="no such file"):
        read_binance_raw(tmp_path / "none.gz")
    (tmp_path / "nothing").touch()
    with pytest.raises(Refused, match="empty"):
        read_binance_raw(tmp_path / "nothing")


@given(st.integers(60, 2000), st.booleans())
def test_blocks_do_not_matter(tmp_path_factory: pytest.TempPathFactory, block: int, packed: bool) -> None:
    folder = tmp_path_factory.mktemp("blocks")
    lines = [trade(k * MS) if k % 3 else depth(k * MS, k, k + 2 + k % 2) for k in range(60)]
    whole = read(folder, lines)
    path = folder / "raw.gz"
    text = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(text[:999]) + gzip.compress(text[999:]) if packed else text)
    parts = read_binance_raw(path, block=block)
    assert all((getattr(parts, c) == getattr(whole, c)).all() for c in COLUMNS)
    assert parts.problems == whole.problems


@given(st.decimals("0.00000001", "99999999", places=8), st.integers(0, 8))
def test_numbers_are_the_nearest_doubles(tmp_path_factory: pytest.TempPathFactory, number: Any, places: int) -> None:
    text = f"{number:.{places}f}"
    events = read(tmp_path_factory.mktemp("n"), [trade(0, text), trade(1)])
    assert events.price.tolist() == ([float(text)] if float(text) > 0 else []) + [100.5]
