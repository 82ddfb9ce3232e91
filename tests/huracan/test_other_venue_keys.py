"""Keys of a spec that the other kind of data needs: refused with the key and the way out, never ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from huracan import cli
from huracan.sim.refusal import Refused
from huracan.spec import load_spec
from huracan.spec_venues import ON_BARS, ON_BOOKS

BOOK: dict[str, Any] = {"data": {"synthetic": "book", "seconds": 5.0}, "strategy": {"use": "touch_maker"}}
BARS: dict[str, Any] = {"data": {"synthetic": "regimes", "bars": 50}, "strategy": {"use": "sma_cross"}}
ON_BAR_TAPES: list[tuple[str, Any]] = [
    ("venue.slippage_bps", 3.0),
    ("venue.half_spread_bps", "data"),
    ("venue.impact", 0.1),
    ("venue.market_fill", "close"),
    ("venue.limit_fill", "through:2"),
    ("venue.intrabar", "ohlc"),
    ("venue.max_participation", 0.1),
    ("venue.gap_fill", "price"),
    ("venue.latency_bars", 1),
    ("venue.market_remainder", "cancel"),
    ("account.borrow_rate", 0.1),
    ("data.half_spread_bps", 2.0),
]
ON_BOOK_TAPES: list[tuple[str, Any]] = [
    ("venue.queue", "log"),
    ("venue.partial_fills", True),
    ("venue.partial_fills", "last_piece"),
    ("venue.permanent_impact_bps", 0.5),
    ("data.gap", "clear"),
    ("data.no_snapshot", "drop"),
    ("data.bad_level", "refuse"),
    ("data.quotes", "use"),
    ("venue.book_trigger", "quote"),
]


def with_key(spec: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    section, _, name = key.partition(".")
    return {**spec, section: {**spec.get(section, {}), name: value}}


@pytest.mark.parametrize(("key", "value"), ON_BAR_TAPES)
def test_a_key_of_bars_is_refused_on_books(key: str, value: Any) -> None:
    name = key.partition(".")[2]
    with pytest.raises(Refused, match=f"{name} = .* needs bars, and the data is an order-book tape") as said:
        load_spec(with_key(BOOK, key, value))
    assert said.value.where == key
    assert said.value.fix
    assert load_spec(with_key(BARS, key, value)) if "data" not in (key.partition(".")[0], value) else True


@pytest.mark.parametrize(("key", "value"), ON_BOOK_TAPES)
def test_a_key_of_books_is_refused_on_bars(key: str, value: Any) -> None:
    name = key.partition(".")[2]
    with pytest.raises(Refused, match=f"{name} = .* needs an order-book tape, and the data is bars") as said:
        load_spec(with_key(BARS, key, value))
    assert said.value.where == key
    assert said.value.fix
    assert load_spec(with_key(BOOK, key, value))


@pytest.mark.parametrize("name", ["entry_sigma", "response_sigma"])
def test_a_drawn_latency_is_refused_on_bars_by_the_key_that_asks_for_it(name: str) -> None:
    delay = {"entry": 1.0, name: 0.5}
    with pytest.raises(Refused, match=rf"^latency_ms\.{name} = 0\.5 needs an order-book tape, and the data") as said:
        load_spec(with_key(BARS, "venue.latency_ms", delay))
    assert said.value.where == f"venue.latency_ms.{name}"
    assert said.value.fix == f"take {name} out"
    assert load_spec(with_key(BOOK, "venue.latency_ms", delay))
    assert load_spec(with_key(BARS, "venue.latency_ms", {"entry": 1.0, name: 0.0}))


def test_a_measured_latency_is_refused_on_bars(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("ts,entry_ms,response_ms\n")
    with pytest.raises(Refused, match=r'latency_ms = the text ".*" needs an order-book tape') as said:
        load_spec(with_key(BARS, "venue.latency_ms", str(path)))
    assert said.value.where == "venue.latency_ms"
    assert said.value.fix == "take latency_ms out"


def test_every_key_of_the_lists_is_tried() -> None:
    tried = {key for key, _ in ON_BAR_TAPES} | {"data.drill"}  # a file of bars, which nobody has beside a book
    assert tried == {f"{section}.{key}" for section, keys in ON_BARS.items() for key in keys}
    tried = {key for key, _ in ON_BOOK_TAPES}
    assert tried == {f"{section}.{key}" for section, keys in ON_BOOKS.items() for key in keys}


def test_defaults_written_out_are_no_fault() -> None:
    venue = {"slippage_bps": 0.0, "market_fill": "next_open", "limit_fill": "touch", "max_participation": 1.0}
    assert load_spec({**BOOK, "venue": venue})


def test_the_command_says_it_once_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        '[data]\nsynthetic = "book"\nseconds = 5.0\n[venue]\nqueue = "log"\nslippage_bps = 2.0\n'
        '[strategy]\nuse = "touch_maker"\n'
    )
    assert cli.main(["backtest", str(path), "--out", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert "line 6" in said
    assert "slippage_bps = " in said
    assert "takers walk the book" in said
    assert not (tmp_path / "o").exists() or not list((tmp_path / "o").iterdir())


@pytest.mark.parametrize("value", ["pieces", 3, 1.5, ["last_piece"]])
def test_partial_fills_takes_three_values(value: Any) -> None:
    with pytest.raises(Refused, match='partial_fills must be true, false or "last_piece"'):
        load_spec(with_key(BOOK, "venue.partial_fills", value))


def test_a_sweep_of_such_a_key_is_refused_too() -> None:
    with pytest.raises(Refused, match=r"slippage_bps = .* needs bars") as said:
        load_spec({**BOOK, "sweep": {"venue.slippage_bps": [0.0, 2.0]}})
    assert said.value.where == "sweep.venue.slippage_bps"
    assert load_spec({**BOOK, "sweep": {"venue.permanent_impact_bps": [0.0, 2.0]}})
