"""A feed that went into the store comes out as it was recorded, and a run on it is the run on its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.data.binance_raw import read_binance_raw
from huracan.data.events import CLEAR, COLUMNS, QUOTE, TRADE, Events, join, take
from huracan.data.store_kinds import Series
from huracan.data.store_writing import append
from huracan.data.stored_feed import last_snapshot, stored_pieces
from huracan.data_check import Asked
from huracan.data_import import import_file
from huracan.load_book import load_book_tape
from huracan.sim.refusal import Refused
from huracan.spec import load_spec


def stored_feed(*asked: Any) -> Events:
    """The pieces of a stored feed as one."""
    *where, quotes = asked if len(asked) == 6 else (*asked, "auto")
    return join(stored_pieces(*where, quotes=quotes))[0]


MAKER = {"use": "touch_maker", "params": {"half_ticks": 1, "step_ms": 1000, "max_position": 5.0, "qty": 0.01}}


@pytest.mark.parametrize("name", ["usdm_btcusdt_20240808.gz", "spot_btcusdt_20240808.gz"])
def test_what_was_recorded_comes_out_of_the_store(shared_data: Path, tmp_path: Path, name: str) -> None:
    path = shared_data / "l2" / name
    (done,) = import_file(str(path), Asked(store=tmp_path), {})
    found = read_binance_raw(path)
    quotes = stored_feed(tmp_path, done.venue, done.symbol, None, None, "use")
    quotes, told = (take(each, each.kind == QUOTE) for each in (quotes, found))
    assert len(told) > 10_000
    for column in COLUMNS:
        assert np.array_equal(getattr(quotes, column), getattr(told, column)), column
    found = take(found, found.kind <= CLEAR)  # quotes are for those who ask for them
    held = stored_feed(tmp_path, done.venue, done.symbol)
    assert len(held) == len(found)
    for column in COLUMNS:
        if column != "seq":
            assert np.array_equal(getattr(held, column), getattr(found, column)), column
    trades = found.kind == TRADE
    assert np.array_equal(held.seq[trades], found.seq[trades])


def test_a_run_on_the_store_is_the_run_on_its_file(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path))
    path = shared_data / "l2" / "usdm_btcusdt_20240808.gz"
    import_file(str(path), Asked(), {})
    rules = {"tick": 0.1, "lot": 0.001}
    file: dict[str, Any] = {"file": str(path), "format": "binance-raw", "symbol": "BTC/USDT:USDT", "rules": rules}
    stored = {"venue": "binance", "symbols": ["BTC/USDT:USDT"], "format": "book", "rules": rules}
    one, other = (load_book_tape(load_spec({"data": data, "strategy": MAKER})) for data in (file, stored))
    for name in ("exchange", "local", "bests", "touches"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    root, first = tmp_path, one.start_ns
    series = Series("binance", "BTC/USDT:USDT", "book")
    assert last_snapshot(root, series, first + 10**12) is not None
    assert last_snapshot(root, series, first) is None
    part = stored_feed(root, "binance", "BTC/USDT:USDT", first + 10**11, first + 2 * 10**11)
    whole = stored_feed(root, "binance", "BTC/USDT:USDT")
    assert part.exch_ns.max() < first + 2 * 10**11
    assert part.kind[part.flags & 2 > 0][0] == whole.kind[whole.flags & 2 > 0][0] == CLEAR
    pays = {"ts": np.array([first + 10**11]), "rate": np.array([1e-4]), "mark": np.array([60_000.0])}
    append(root, Series("binance", "BTC/USDT:USDT", "funding"), pays)
    assert load_book_tape(load_spec({"data": stored, "strategy": MAKER})).payments["rate"].tolist() == [1e-4]
    with pytest.raises(Refused, match="no book of binance ETH/USDT"):
        load_book_tape(load_spec({"data": stored | {"symbols": ["ETH/USDT"]}, "strategy": MAKER}))
    with pytest.raises(Refused, match="format"):
        load_spec({"data": {"file": str(path), "format": "book", "symbol": "A/B"}, "strategy": MAKER})
