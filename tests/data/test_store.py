"""The store of market data: what goes in comes out, whoever writes at once, dies half-way or damages a file."""

from __future__ import annotations

import multiprocessing
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huracan.data import store, store_writing
from huracan.data.store import list_series, parts, read, span, store_root, stream, verify
from huracan.data.store_kinds import Series, folder_name, numbers, plain_name_of, times
from huracan.data.store_writing import NotStored, append, compact, remove
from huracan.sim.refusal import Refused

MINUTE = 60_000_000_000
BARS = Series("binance", "BTC/USDT:USDT", "bars", "1m")
TRADES = Series("binance", "BTC/USDT", "trades")
BOOK = Series("binance", "BTC/USDT", "book")


def bars(first: int, n: int, price: float = 100.0) -> dict[str, Any]:
    close = price + np.arange(first, first + n) % 7
    low, high = close - 1.0, close + 1.0
    return {"ts": MINUTE * np.arange(first, first + n), "open": close, "high": high, "low": low, "close": close}


def trades(stamps: list[int], ids: list[str] | None = None) -> dict[str, Any]:
    n = len(stamps)
    return {
        "ts": np.array(stamps),
        "price": np.full(n, 5.0),
        "qty": np.ones(n),
        "side": np.ones(n, np.int8),
        "id": ids or [""] * n,
    }


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    given = bars(0, 200_000) | {"volume": np.arange(200_000.0)}
    assert append(tmp_path, BARS, given) == 200_000
    out = read(tmp_path, BARS)
    for name in ("open", "high", "low", "close", "volume"):
        assert np.array_equal(numbers(out, name), given[name])
    assert np.array_equal(times(out), given["ts"])
    assert out.schema.field("ts").type == pa.timestamp("ns", "UTC")
    pieces = list(stream(tmp_path, BARS, ["close"], MINUTE * 70_000, MINUTE * 140_000))
    assert len(pieces) > 1
    assert [p.column_names for p in pieces] == [["ts", "close"]] * len(pieces)
    assert np.array_equal(np.concatenate([times(p) for p in pieces]), given["ts"][70_000:140_000])
    assert list_series(tmp_path) == [BARS]
    held = span(tmp_path, BARS)
    assert held is not None
    assert (held.first_ns, held.last_ns, held.rows) == (0, MINUTE * 199_999, 200_000)


def test_the_same_again_is_nothing_and_a_change_stands(tmp_path: Path) -> None:
    append(tmp_path, BARS, bars(0, 100))
    before = parts(tmp_path, BARS)
    assert append(tmp_path, BARS, bars(20, 50)) == 0
    assert parts(tmp_path, BARS) == before
    assert append(tmp_path, BARS, bars(90, 20)) == 10
    assert append(tmp_path, BARS, bars(50, 1, 200.0)) == 1
    close = numbers(read(tmp_path, BARS), "close")
    assert len(close) == 110
    assert close[50] == 200.0 + 50 % 7
    assert close[51] == 100.0 + 51 % 7


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(1, 3)), max_size=12))
def test_any_order_of_appends_is_like_a_dictionary(tmp_path_factory: pytest.TempPathFactory, moves: Any) -> None:
    root = tmp_path_factory.mktemp("store")
    expected: dict[int, float] = {}
    for first, n, level in moves:
        rows = bars(first, n, 100.0 * level)
        append(root, BARS, rows)
        expected |= dict(zip(rows["ts"].tolist(), rows["close"].tolist(), strict=True))
        compact(root, BARS)
    out = read(root, BARS)
    assert dict(zip(times(out).tolist(), numbers(out, "close").tolist(), strict=True)) == expected
    assert times(out).tolist() == sorted(expected)
    for part in parts(root, BARS):
        verify(part, BARS)


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=5), min_size=1, max_size=6), st.booleans())
def test_trades_without_ids_are_held_as_often_as_the_fullest_page_has_them(
    tmp_path_factory: pytest.TempPathFactory, pages: list[list[int]], put_together: bool
) -> None:
    root = tmp_path_factory.mktemp("store")
    most: dict[int, int] = {}
    for page in pages:
        append(root, TRADES, trades(sorted(page)))
        if put_together:
            compact(root, TRADES)
        for stamp in page:
            most[stamp] = max(most.get(stamp, 0), page.count(stamp))
    assert times(read(root, TRADES)).tolist() == sorted(stamp for stamp, n in most.items() for _ in range(n))


def test_trades_with_ids_are_held_once(tmp_path: Path) -> None:
    assert append(tmp_path, TRADES, trades([1, 1, 1, 2], ["a", "b", "a", "c"])) == 3
    assert append(tmp_path, TRADES, trades([2, 2, 3], ["c", "d", "e"])) == 2
    out = read(tmp_path, TRADES)
    assert list(zip(times(out).tolist(), out.column("id").to_pylist(), strict=True)) == [
        *((1, "a"), (1, "b"), (2, "c"), (2, "d"), (3, "e"))
    ]


def test_rows_of_one_instant_keep_their_order(tmp_path: Path) -> None:
    price = np.arange(1.0, 7.0)
    rows = {"ts": np.array([5, 5, 5, 5, 6, 6]), "side": np.ones(6, np.int8), "price": price, "qty": price}
    rows |= {"seq": np.arange(6), "snapshot": np.array([True, True, False, False, False, False])}
    append(tmp_path, BOOK, {name: column[:3] for name, column in rows.items()})
    append(tmp_path, BOOK, {name: column[3:] for name, column in rows.items()})
    assert append(tmp_path, BOOK, rows) == 0
    assert numbers(read(tmp_path, BOOK), "price").tolist() == price.tolist()


def test_many_small_parts_become_few(tmp_path: Path) -> None:
    for k in range(80):
        append(tmp_path, BARS, bars(10 * k, 10))
    assert len(parts(tmp_path, BARS)) <= store_writing.MANY + 1
    assert len(os.listdir(store.series_folder(tmp_path, BARS))) <= store_writing.MANY + 2
    assert numbers(read(tmp_path, BARS), "close").tolist() == bars(0, 800)["close"].tolist()


def test_a_writer_killed_before_tidying_has_changed_nothing(tmp_path: Path) -> None:
    """Dead parts that are still there are not read, and go with the next write."""
    append(tmp_path, BARS, bars(0, 10))
    (old,) = parts(tmp_path, BARS)
    kept = old.path.read_bytes()
    append(tmp_path, BARS, bars(5, 1, 300.0))
    old.path.write_bytes(kept)
    (old.path.parent / ".half.tmp").write_bytes(b"half a part")
    assert numbers(read(tmp_path, BARS), "close")[5] == 300.0 + 5 % 7
    append(tmp_path, BARS, bars(10, 1))
    assert not old.path.exists()
    assert not (old.path.parent / ".half.tmp").exists()


def test_nothing_is_deleted_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k in range(4):
        append(tmp_path, BARS, bars(k * 1000, 1000))
    reader = stream(tmp_path, BARS)
    first = next(reader)
    append(tmp_path, BARS, bars(0, 4000, 500.0))
    compact(tmp_path, BARS)
    monkeypatch.setattr(store_writing, "PATIENCE", 0.1)
    with pytest.raises(Refused, match="somebody is reading"):
        remove(tmp_path, BARS)
    rest = [first, *reader]
    assert np.concatenate([numbers(p, "close") for p in rest]).tolist() == bars(0, 4000)["close"].tolist()
    assert remove(tmp_path, BARS) == 4000
    assert list(tmp_path.iterdir()) == []


def _write_many(root: Path, offset: int) -> None:
    for k in range(25):
        append(root, BARS, bars(20 * k + offset, 15))


def test_two_processes_write_one_series(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(tmp_path, offset)) for offset in (0, 10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert times(read(tmp_path, BARS)).tolist() == (MINUTE * np.arange(25 * 20 + 5)).tolist()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"close": np.array([1.0, np.nan])}, "nan in close"),
        ({"low": np.array([1.0, 0.0])}, "nonpositive_price in low"),
        ({"high": np.array([1.0, 0.5])}, "bad_ohlc"),
        ({"ts": np.array([MINUTE, 0])}, "unordered_time"),
        ({"ts": np.array([MINUTE, MINUTE])}, "duplicate_time"),
        ({"ts": np.array([0, MINUTE + 1])}, "off_grid"),
        ({"volume": np.array([1.0, -1.0])}, "bad volume"),
        ({"extra": np.array([1.0, 1.0])}, "missing_column"),
    ],
)
def test_rows_that_no_run_could_use_are_refused(tmp_path: Path, change: dict[str, Any], name: str) -> None:
    one = np.ones(2)
    rows = {"ts": MINUTE * np.arange(2), "open": one, "high": one, "low": one, "close": one} | change
    with pytest.raises(Refused, match=name):
        append(tmp_path, BARS, rows)
    assert list_series(tmp_path) == []


def test_other_columns_than_held_are_refused(tmp_path: Path) -> None:
    append(tmp_path, BARS, bars(0, 2))
    with pytest.raises(Refused, match="columns_differ"):
        append(tmp_path, BARS, bars(2, 2) | {"volume": np.ones(2)})


def test_damaged_parts_are_named(tmp_path: Path) -> None:
    append(tmp_path, BARS, bars(0, 5000))
    (part,) = parts(tmp_path, BARS)
    whole = part.path.read_bytes()
    for damage in (b"", whole[:1000], whole[: len(whole) // 2] + b"\0" * 64 + whole[len(whole) // 2 + 64 :]):
        part.path.write_bytes(damage)
        with pytest.raises(Refused, match="corrupted_part") as refused:
            read(tmp_path, BARS)
        assert refused.value.where == str(part.path)
        assert "delete that file" in refused.value.fix
    part.path.unlink()
    part.path.mkdir()
    with pytest.raises(Refused, match="corrupted_part: a folder stands in its place") as refused:
        read(tmp_path, BARS)
    assert "move that folder away" in refused.value.fix
    part.path.rmdir()
    part.path.write_bytes(whole)
    verify(part, BARS)


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    for path in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(Refused, match="is a file") as refused:
            store_root(path)
        assert refused.value.where == str(tmp_path / "taken")
    folder = store.series_folder(tmp_path / "s", BARS)
    folder.parent.mkdir(parents=True)
    folder.write_text("a file")
    for call in (lambda: append(tmp_path / "s", BARS, bars(0, 1)), lambda: read(tmp_path / "s", BARS)):
        with pytest.raises(Refused, match="is a file"):
            call()


def _append_with_little_room(root: Path, limit: int, told: Any) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        append(root, BARS, bars(100, 50_000))
    except NotStored as error:
        told.put(str(error))


def test_a_full_disk_is_named_and_harms_nothing(tmp_path: Path) -> None:
    append(tmp_path, BARS, bars(0, 100))
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    worker = context.Process(target=_append_with_little_room, args=(tmp_path, 4096, told))
    worker.start()
    said = told.get(timeout=60)
    worker.join(60)
    assert "could be stored" in said
    assert "run it again" in said
    folder = store.series_folder(tmp_path, BARS)
    assert sorted(name for name in os.listdir(folder) if name != ".lock") == [parts(tmp_path, BARS)[0].path.name]
    assert append(tmp_path, BARS, bars(100, 50_000)) == 50_000


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20))
def test_every_name_is_a_folder_and_comes_back(name: str) -> None:
    folder = folder_name(name)
    assert plain_name_of(folder) == name
    assert "/" not in folder
    assert not folder.startswith(".")


def test_where_the_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HURACAN_STORE", raising=False)
    assert store_root() == Path.home() / ".huracan" / "data"
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "a"))
    assert store_root() == tmp_path / "a"
    assert store_root(tmp_path / "b") == tmp_path / "b"


@pytest.mark.parametrize("wrong", [("v", "A/B", "candles", ""), ("", "A/B", "trades", ""), ("v", "A/B", "bars", "1y")])
def test_wrong_names_are_refused(wrong: tuple[str, str, str, str]) -> None:
    with pytest.raises(Refused):
        Series(*wrong)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=30))
def test_live_parts_are_those_that_no_later_one_overlaps(spans: list[tuple[int, int]]) -> None:
    found = [store.Part(lo, lo + long, k, 1, "", Path()) for k, (lo, long) in enumerate(spans)]
    kept: list[store.Part] = []
    for part in reversed(found):
        if not any(store.overlaps(part, other) for other in kept):
            kept.append(part)
    assert store.live(found) == sorted(kept)
