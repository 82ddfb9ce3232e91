"""The keys of a synthetic market: what they make, and what is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.data.synthetic_assets import asset_names
from huracan.load import load_tape
from huracan.sim.refusal import Refused
from huracan.spec import Spec, load_spec, spec_hash


def spec_of(**data: Any) -> Spec:
    return load_spec({"data": {"synthetic": "regimes", "bars": 50, **data}, "strategy": {"use": "buy_and_hold"}})


def refusal(folder: Path, text: str) -> Refused:
    path = folder / "run.toml"
    path.write_text(f'[data]\nsynthetic = "regimes"\nbars = 50\n{text}\n[strategy]\nuse = "buy_and_hold"\n')
    with pytest.raises(Refused) as caught:
        load_spec(path)
    return caught.value


def test_assets_counts_perpetuals() -> None:
    tape = load_tape(spec_of(assets=12))
    assert tuple(each.symbol for each in tape.series) == asset_names(12)
    assert spec_hash(spec_of(assets=3)) == spec_hash(spec_of(symbols=list(asset_names(3))))


def test_venues_are_instruments_of_their_own() -> None:
    venues = [{"name": "fast"}, {"name": "slow", "lag_ms": 120_000, "basis_bps": 2.0}]
    spec = spec_of(symbols=["BTC/USDT", "ETH/USDT"], venues=venues)
    pairs = [(each.symbol, each.venue) for each in spec.data.series()]
    assert pairs == [(s, v) for s in ("BTC/USDT", "ETH/USDT") for v in ("fast", "slow")]
    tape = load_tape(spec)
    assert [(each.symbol, each.venue) for each in tape.series] == pairs


def test_what_is_planted_is_part_of_the_run() -> None:
    two = {"symbols": ["BTC/USDT", "ETH/USDT"]}
    hashes = {spec_hash(spec_of(**two, edges=edges)) for edges in ({}, {"leader": 0.3}, {"leader": 0.4}, {"pair": 0.3})}
    assert len(hashes) == 4
    assert spec_hash(spec_of(**two, edges={"leader": 0})) == spec_hash(spec_of(**two))
    data = [load_tape(spec_of(**two, edges=edges)).data_hash for edges in ({}, {"leader": 0.3}, {"leader": 0.3})]
    assert data[0] != data[1]
    assert data[1] == data[2]
    late = [spec_hash(spec_of(venues=[{"name": "v", "lag_ms": lag}])) for lag in (0, 0.0, 5)]
    assert late[0] == late[1] != late[2]


def test_the_same_spec_gives_the_same_bars_as_the_library() -> None:
    from huracan.data.synthetic import market

    tape = load_tape(spec_of(symbol="ETH/USDT:USDT"))
    assert np.array_equal(tape.series[0].close, market(50, 0, symbols=("ETH/USDT:USDT",)).bars[0].close)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("assets = 0", "data.assets", "1 or more"),
        ("assets = 2.5", "data.assets", "whole number"),
        ('assets = 2\nsymbol = "A/B"', "data.assets", "contradict"),
        ('assets = 2\nsymbols = ["A/B"]', "data.assets", "contradict"),
        ("edges = 3", "data.edges", "must be a table"),
        ("assets = 2\nedges = { leader = 1.5 }", "data.edges.leader", "1 or less"),
        ("assets = 2\nedges = { leader = -0.1 }", "data.edges.leader", "0 or more"),
        ("edges = { leader = 0.3 }", "data.edges.leader", "two symbols"),
        ("edges = { toxic = 0.3 }", "data.edges.toxic", "can't be planted in bars"),
        ("assets = 2\nedges = { leader = 0.3, pair = 0.3 }", "data.edges.pair", "contradict"),
        ('venues = [{ name = "a" }, { name = "a" }]', "data.venues", "stands twice"),
        ('venues = [{ name = "a", lag_ms = -5 }]', "data.venues[0].lag_ms", "0 or more"),
        ("venues = [{ lag_ms = 5 }]", "data.venues[0].name", "missing"),
    ],
)
def test_what_can_not_be_is_refused_with_its_key_and_line(text: str, where: str, words: str, tmp_path: Path) -> None:
    refused = refusal(tmp_path, text)
    assert words in refused.what
    assert where in refused.where
    assert "run.toml, line" in refused.where


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("edges = { leadr = 0.3 }", '"leader"'),
        ('venues = [{ name = "a", lag = 5 }]', '"lag_ms"'),
        ("asets = 2", '"assets"'),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(text: str, near: str, tmp_path: Path) -> None:
    refused = refusal(tmp_path, text)
    assert "unknown key" in refused.what
    assert near in refused.fix


def test_an_unknown_market_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(Refused, match='there is no synthetic market "regime"') as caught:
        spec_of(synthetic="regime")
    assert '"regimes"' in caught.value.fix


def book_spec(**data: Any) -> Spec:
    return load_spec({"data": {"synthetic": "book", "seconds": 4, **data}, "strategy": {"use": "touch_maker"}})


def test_order_books_are_packed_into_a_tape() -> None:
    from huracan.load_book import has_books, load_book_tape

    spec = book_spec(symbols=["BTC/USDT:USDT", "XRP/USDT"], venues=[{"name": "a"}, {"name": "b", "lag_ms": 50}])
    assert has_books(spec)
    assert not has_books(spec_of())
    tape = load_book_tape(spec)
    assert [*zip(tape.symbols, tape.venues, strict=True)] == [(each.symbol, each.venue) for each in spec.data.series()]
    assert tape.repairs == {}, "a made-up feed has nothing to mend"
    assert tape.rules["tick"].tolist() == [0.1, 0.1, 0.0001, 0.0001]
    assert spec_hash(book_spec()) != spec_hash(book_spec(seconds=5))


@pytest.mark.parametrize(
    ("data", "where", "words"),
    [
        ({"bars": 5}, "data.bars", "means nothing for synthetic order books"),
        ({"seconds": 0}, "data.seconds", "above 0"),
        ({"edges": {"breakout": 0.1}}, "data.edges.breakout", "can't be planted in order books"),
    ],
)
def test_what_order_books_do_not_take_is_refused(data: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        book_spec(**data)
    assert where in caught.value.where


def test_a_run_on_bars_takes_no_seconds_and_no_books() -> None:
    with pytest.raises(Refused, match="seconds means nothing for synthetic bars"):
        spec_of(seconds=5)
    with pytest.raises(Refused, match="synthetic order books where bars are needed"):
        load_tape(book_spec())


def test_they_mean_nothing_beside_a_file(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("")
    for text in ("assets = 2", "edges = { pair = 0.1 }", 'venues = [{ name = "a" }]'):
        path = tmp_path / "run.toml"
        path.write_text(f'[data]\nfile = "bars.csv"\ntimeframe = "1m"\n{text}\n[strategy]\nuse = "buy_and_hold"\n')
        with pytest.raises(Refused, match="means nothing beside file"):
            load_spec(path)
