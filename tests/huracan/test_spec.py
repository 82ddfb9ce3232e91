"""Run specs: what is accepted, what is refused with its key, line and nearest key, and when two are the same."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huracan.grid import Range
from huracan.sim.refusal import Refused
from huracan.spec import Spec, load_spec, spec_hash, with_values
from huracan.toml_lines import key_lines

WHOLE = """\
# comments and quotes in odd places: [not.a.table] "
[run]
name = "eth-cross"
seed = 7

[data]
file = "bars.csv"
symbol = "ETH/USDT:USDT"
timeframe = "1m"
rules = { tick = 0.01, lot = 0.001, min_notional = 5.0, kind = "linear" }

[account]
cash = 1_000_000
leverage = 1.0

[venue]
fee_maker_bps = -0.5
fee_taker_bps = 5
slippage_bps = { model = "vol_volume", base_bps = 4 }
limit_fill = "through:2"

[strategy]
use = "sma_cross"
[strategy.params]
fast = 20
slow = 50
qty = 1.0

[[gates]]
use = "calm"
max_range = 0.01

[sweep]
fast = { from = 5, to = 60, step = 1 }
slow = [50, 100, 200]
"gates.calm.max_range" = [0.1, 0.2]
venue.fee_taker_bps = [1, 2]
where = "fast < slow"
"""
SMALL: dict[str, Any] = {"data": {"synthetic": "regimes"}, "strategy": {"use": "sma_cross"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("bars.csv", "fine.csv", "other.csv", "mine.py"):
        (tmp_path / name).write_text("")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "spec.toml"
    path.write_text(text)
    return path


def small(**sections: Any) -> dict[str, Any]:
    return SMALL | sections


def refusal(source: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        load_spec(source)
    return caught.value


def test_the_contracts_spec_is_read_whole(folder: Path) -> None:
    spec = load_spec(write(folder, WHOLE))
    assert (spec.run.name, spec.run.seed) == ("eth-cross", 7)
    assert spec.data.file == str(folder.resolve() / "bars.csv")
    (one,) = spec.data.series()
    assert (one.symbol, one.timeframe, one.kind()) == ("ETH/USDT:USDT", "1m", "linear")
    assert one.rules is not None
    assert one.rules.given() == {"tick": 0.01, "lot": 0.001, "min_notional": 5.0, "kind": "linear"}
    assert (spec.account.cash, type(spec.account.cash)) == (1e6, float)
    assert (spec.venue.fee_maker_bps, spec.venue.fee_taker_bps) == (-0.5, 5.0)
    assert spec.venue.slippage_bps.model == "vol_volume"
    assert spec.venue.slippage_bps.numbers["base_bps"] == 4.0
    assert (spec.venue.limit_fill.model, spec.venue.limit_fill.numbers) == ("through", {"ticks": 2.0})
    assert spec.strategy.params == {"fast": 20, "slow": 50, "qty": 1.0}
    assert [(gate.name, gate.params) for gate in spec.gates] == [("calm", {"max_range": 0.01})]
    assert spec.sweep is not None
    assert spec.sweep.axes["fast"] == Range(5, 60, 1)
    assert spec.sweep.axes["venue.fee_taker_bps"] == (1, 2)
    assert spec.sweep.where == "fast < slow"
    assert load_spec(spec) is spec
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_the_defaults_are_the_contracts() -> None:
    spec = load_spec(SMALL)
    assert (spec.account.cash, spec.account.leverage, spec.account.borrow) == (1e6, 1.0, False)
    assert spec.account.maintenance == ((0.0, 0.005),)
    venue = spec.venue
    assert (venue.fee_maker_bps, venue.fee_taker_bps, venue.half_spread_bps) == (2.0, 5.0, 0.0)
    assert (venue.slippage_bps.model, venue.slippage_bps.numbers) == ("fixed", {"bps": 0.0})
    assert (venue.market_fill, venue.limit_fill.model, venue.intrabar) == ("next_open", "touch", "pessimistic")
    assert (venue.max_participation, venue.gap_fill, venue.latency_bars) == (1.0, "open", 0)
    assert (venue.latency_ms, venue.market_remainder) == (None, "wait")
    assert (spec.run.seed, spec.run.close_at_end, spec.run.order_slots, spec.sweep) == (0, False, 8, None)


def test_the_records_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_spec(SMALL).account.cash = 5.0


PART = "venue.max_participation"
# (what stands in WHOLE, what is put there, what the refusal says, its line, its key)
WRONG = [
    ("fee_taker_bps = 5", "fee_takr_bps = 5", 'did you mean "fee_taker_bps"', 18, "venue.fee_takr_bps"),
    (
        "leverage = 1.0",
        "max_participation = 1",
        "max_participation belongs in [venue]",
        14,
        "account.max_participation",
    ),
    ("[venue]", "[venu]", 'did you mean "venue"', 16, "venu"),
    ("tick = 0.01", "tik = 0.01", 'did you mean "tick"', 10, "data.rules.tik"),
    ('use = "sma_cross"', 'ues = "sma_cross"', 'did you mean "use"', 23, "strategy.ues"),
    ('use = "sma_cross"', 'use = "sma_cross"\nfast = 3', "stand in [strategy.params]", 24, "strategy.fast"),
    ('[[gates]]\nuse = "calm"', "[[gates]]", "names no function", 29, "gates[0].use"),
    ("max_range = 0.01", "max_range = [1]", "not the list [1]", 31, "gates[0].max_range"),
    ("fast = 20", "fast = 9223372036854775808", "a parameter is a finite number", 25, "strategy.params.fast"),
    ("fast = 20", "fast = nan", "a parameter is a finite number", 25, "strategy.params.fast"),
    ("cash = 1_000_000", "cash = 0", "cash must be above 0, not 0", 13, "account.cash"),
    ("cash = 1_000_000", "cash = true", "cash must be a number, not true", 13, "account.cash"),
    ("cash = 1_000_000", 'cash = "1"', 'must be a number, not the text "1"', 13, "account.cash"),
    ("cash = 1_000_000", "cash = inf", "cash must be a finite number", 13, "account.cash"),
    ("cash = 1_000_000", "maintenance = [[0, 0.1], [5, 2]]", "from 0 to below 1", 13, "account.maintenance"),
    ("cash = 1_000_000", "maintenance = [[1, 0.1]]", "must begin at 0", 13, "account.maintenance"),
    ("cash = 1_000_000", "maintenance = [[0, 0.1], [0, 0.2]]", "must rise", 13, "account.maintenance"),
    ("cash = 1_000_000", "maintenance = true", "must be a rate or a list", 13, "account.maintenance"),
    ("cash = 1_000_000", "maintenance = nan", "from 0 to below 1", 13, "account.maintenance"),
    ("seed = 7", "seed = 7.5", "must be a whole number, not 7.5", 4, "run.seed"),
    ("seed = 7", "seed = -1", "must be 0 or more, not -1", 4, "run.seed"),
    ("seed = 7", 'sample = "1M"', "weeks or days", 4, "run.sample"),
    ("fee_taker_bps = 5", "fee_taker_bps = -10000", "must be above -10000", 18, "venue.fee_taker_bps"),
    ("fee_taker_bps = 5", "latency_bars = -1", "must be 0 or more", 18, "venue.latency_bars"),
    ("fee_taker_bps = 5", "max_participation = 1.5", "must be 1 or less", 18, "venue.max_participation"),
    ("fee_taker_bps = 5", "half_spread_bps = -1", 'from 0, or "data"', 18, "venue.half_spread_bps"),
    ("fee_taker_bps = 5", 'intrabar = "pesimistic"', 'did you mean "pessimistic"', 18, "venue.intrabar"),
    ("fee_taker_bps = 5", 'intrabar = "drill"', "needs finer bars", 18, "venue.intrabar"),
    ("fee_taker_bps = 5", 'queue = "log"', "needs an order-book tape", 18, "venue.queue"),
    ("fee_taker_bps = 5", 'queue = "lag"', "no queue model", 18, "venue.queue"),
    ("fee_taker_bps = 5", "partial_fills = true", "needs an order-book tape", 18, "venue.partial_fills"),
    ("fee_taker_bps = 5", "latency_ms = {entry=1, respons=2}", '"response"', 18, "venue.latency_ms.respons"),
    ("fee_taker_bps = 5", "latency_ms = {entry=-1}", "from 0, not -1", 18, "venue.latency_ms.entry"),
    ("fee_taker_bps = 5", "half_spread_bps = 10_000", "whole price and more", 18, "venue.half_spread_bps"),
    ("fee_taker_bps = 5", "half_spread_bps = 9_996", "with slippage it is 10,000", 18, "venue.half_spread_bps"),
    ("base_bps = 4", "base_bps = 1e5", "whole price and more", 19, "venue.slippage_bps.base_bps"),
    ('"through:2"', '{ model = "through", ticks = 1e30 }', "to 999,999,999", 20, "venue.limit_fill.ticks"),
    ("fee_taker_bps = 5", "latency_ms = {response=1e15}", "is too long", 18, "venue.latency_ms.response"),
    ("fee_taker_bps = 5", "latency_ms = {entry=5, entry_sigma=9}", "once it is drawn", 18, "venue.latency_ms.entry"),
    ("fee_taker_bps = 5", "latency_bars = 9223372036854775807", "1000000000 or less", 18, "venue.latency_bars"),
    ('"through:2"', "'through:99999999999999999999'", "no limit_fill", 20, "venue.limit_fill"),
    ("fee_taker_bps = 5", "latency_bars=1\nlatency_ms={entry=1}", "contradict each other", 19, "venue.latency_ms"),
    ("fee_taker_bps = 5", "impact = true", "must be a number or a table", 18, "venue.impact"),
    ("base_bps = 4", "bse_bps = 4", 'did you mean "base_bps"', 19, "venue.slippage_bps.bse_bps"),
    ("base_bps = 4", "vol_ref = 1", "needs base_bps", 19, "venue.slippage_bps.base_bps"),
    ("base_bps = 4", "base_bps = -4", "0 or more, not -4", 19, "venue.slippage_bps.base_bps"),
    ("base_bps = 4", "base_bps = 4, vol_ref = 0", "above 0, not 0", 19, "venue.slippage_bps.vol_ref"),
    ('"vol_volume"', '"vol_volme"', 'did you mean "vol_volume"', 19, "venue.slippage_bps"),
    ('"through:2"', '"through:0"', "whole number of ticks", 20, "venue.limit_fill"),
    ('"through:2"', '"touch:2"', "no limit_fill", 20, "venue.limit_fill"),
    ('"through:2"', '{ model = "through", ticks = 1.5 }', "a whole number from 1", 20, "venue.limit_fill.ticks"),
    ('"bars.csv"', '"bar.csv"', "is not there", 7, "data.file"),
    ('"bars.csv"', '"."', "is a folder", 7, "data.file"),
    ('use = "sma_cross"', 'use = "theirs.py:f"', "is not there", 23, "strategy.use"),
    ('use = "sma_cross"', 'use = "mine.py"', "names no function", 23, "strategy.use"),
    ('symbol = "ETH/USDT:USDT"', 'synthetic = "regimes"', "contradict each other", 8, "data.synthetic"),
    ('symbol = "ETH/USDT:USDT"', "bars = 5", "means nothing beside file", 8, "data.bars"),
    ('timeframe = "1m"', 'timeframe = "1 minute"', "not a timeframe", 9, "data.timeframe"),
    ('timeframe = "1m"', "start = 2025-02-01\nend = 2025-01-01", "later than start", 10, "data.end"),
    ('timeframe = "1m"', 'start = "yesterday"', "is no date", 9, "data.start"),
    ("from = 5", "frm = 5", 'unknown key "frm"', 34, "sweep.fast.frm"),
    ("step = 1", "step = 0", "step must be above 0", 34, "sweep.fast.step"),
    ("to = 60", "to = 4", "no value", 34, "sweep.fast.to"),
    ("[50, 100, 200]", "[]", "has no values", 35, "sweep.slow"),
    ("[50, 100, 200]", "[50, 50]", "twice", 35, "sweep.slow"),
    ("[50, 100, 200]", "50", "must be a range or a list", 35, "sweep.slow"),
    ("[50, 100, 200]", "[50, true]", "only one of these", 35, "sweep.slow"),
    ("calm.max_range", "clam.max_range", 'did you mean "calm"', 36, "sweep.gates.clam.max_range"),
    ("venue.fee_taker_bps =", "venue.fee_tker_bps =", '"fee_taker_bps"', 37, "sweep.venue.fee_tker_bps"),
    ("bps = [1, 2]", "bps = [1, -20000]", "above -10000, not -20000", 37, "sweep.venue.fee_taker_bps"),
    ("venue.fee_taker_bps = [1, 2]", f"{PART} = {{ from = 0, to = 2, step = 1 }}", "1 or less", 37, f"sweep.{PART}"),
    ("venue.fee_taker_bps =", "data.warmup =", "cannot be swept", 37, "sweep.data.warmup"),
    ("venue.fee_taker_bps =", "run.order_slots =", "cannot be swept", 37, "sweep.run.order_slots"),
    ('"fast < slow"', '"fast < slow()"', "where has no slow()", 38, "sweep.where"),
    ('"fast < slow"', "true", "where must be a text", 38, "sweep.where"),
]


@pytest.mark.parametrize(("there", "put", "says", "line", "key"), WRONG, ids=[case[1] for case in WRONG])
def test_a_wrong_spec_is_refused_with_its_line_and_key(
    folder: Path, there: str, put: str, says: str, line: int, key: str
) -> None:
    assert WHOLE.count(there) >= 1
    refused = refusal(write(folder, WHOLE.replace(there, put, 1)))
    assert says in str(refused)
    assert refused.where == f"spec.toml, line {line}: {key}"


def test_a_dict_is_refused_with_its_key_and_no_line() -> None:
    refused = refusal(small(venue={"fee_takr_bps": 1}))
    assert refused.where == "venue.fee_takr_bps"
    assert refusal({"strategy": {"use": "x"}}).what == 'the key "data" is missing'
    assert "there is no data" in refusal(small(data={})).what


def test_broken_toml_is_refused_with_line_and_column(folder: Path) -> None:
    refused = refusal(write(folder, '[run]\nname = "a\n'))
    assert "not valid TOML" in refused.what
    assert refused.where.startswith("spec.toml, line 2, column")
    assert "end of document" in refusal(write(folder, "[run]\nname = [1,")).where
    assert "a folder" in refusal(folder).what
    assert "is not there" in refusal(folder / "none.toml").what
    (folder / "latin.toml").write_bytes(b'[run]\nname = "\xe9"\n')
    assert "UTF-8" in refusal(folder / "latin.toml").what


def test_an_unknown_key_is_named_before_what_it_leaves_missing(folder: Path) -> None:
    text = "[data]\nsynthetic = 'regimes'\n[strategy]\nuse = 'a'\n[account]\ncash = -1\n[venue]\nfees = 3\n"
    assert "account.cash" in refusal(write(folder, text.replace("fees", "fee_maker_bps"))).where
    assert "venue.fees" in refusal(write(folder, text)).where


def test_relative_files_start_at_the_spec(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder, WHOLE.replace('"sma_cross"', '"mine.py:cross"'))
    monkeypatch.chdir("/")
    spec = load_spec(path)
    assert spec.strategy.use == f"{folder.resolve()}/mine.py:cross"
    monkeypatch.chdir(folder)
    assert load_spec(small(data={"file": Path("bars.csv")})).data.file == str(folder.resolve() / "bars.csv")


def test_several_instruments_take_what_data_says_for_all(folder: Path) -> None:
    text = """
[data]
timeframe = "1m"
venue = "binance"
rules = { tick = 0.1 }
[[data.instruments]]
file = "bars.csv"
drill = "fine.csv"
[[data.instruments]]
file = "other.csv"
symbol = "B"
venue = "okx"
timeframe = "5m"
funding = "fine.csv"
rules = { tick = 0.5 }
[[data.instruments]]
symbol = "C"
[strategy]
use = "x"
"""
    spec = load_spec(write(folder, text))
    a, b, c = spec.data.series()
    assert (a.symbol, a.venue, a.timeframe) == ("bars", "binance", "1m")
    assert (b.symbol, b.venue, b.timeframe) == ("B", "okx", "5m")
    assert a.rules is not None
    assert b.rules is not None
    assert (a.rules.tick, b.rules.tick) == (0.1, 0.5)
    assert (a.drill, b.drill) == (str(folder.resolve() / "fine.csv"), None)
    assert (c.file, c.symbol, spec.data.source) == (None, "C", "file")
    twice = refusal(write(folder, text.replace('symbol = "B"\nvenue = "okx"', 'symbol = "bars"')))
    assert "twice" in twice.what
    assert twice.where == "spec.toml, line 9: data.instruments[1]"
    misspelt = refusal(write(folder, text.replace("funding", "fundng")))
    assert misspelt.where == "spec.toml, line 14: data.instruments[1].fundng"
    assert "funding" in misspelt.fix
    assert "contradict" in refusal(write(folder, text.replace("[data]", "[data]\nfile = 'bars.csv'"))).what


def test_the_store_needs_venue_and_timeframe() -> None:
    store = {"venue": "binance", "symbols": ["A/B", "C/B"], "timeframe": "1m", "start": "2025-01-01", "warmup": 500}
    spec = load_spec(small(data=store))
    assert spec.data.source == "store"
    assert [each.symbol for each in spec.data.series()] == ["A/B", "C/B"]
    assert spec.data.start == datetime(2025, 1, 1, tzinfo=UTC)
    assert len(load_spec(small(data={"venue": "v", "symbol": "A", "timeframe": "1m"})).data.series()) == 1
    for key in ("venue", "timeframe"):
        assert f"needs its {key}" in refusal(small(data={k: v for k, v in store.items() if k != key})).what
    assert "twice" in refusal(small(data=store | {"symbols": ["A/B", "A/B"]})).what


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"synthetic": "regimes", "funding": "bars.csv"}, "funding means nothing beside synthetic"),
        ({"symbols": ["A"], "venue": "v", "timeframe": "1m", "mark": "bars.csv"}, "mark means nothing beside symbols"),
        ({"synthetic": "regimes", "bars": 5, "end": "2025-01-01"}, "bars and end contradict"),
        ({"synthetic": "regimes", "symbol": "A", "symbols": ["B"]}, "symbol and symbols contradict"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    data: dict[str, Any], says: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert says in refusal(small(data=data)).what


def test_every_instrument_needs_its_own_finer_bars_to_drill(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    both = [{"file": "bars.csv", "drill": "fine.csv"}, {"file": "other.csv", "drill": "fine.csv"}]
    drill = {"venue": {"intrabar": "drill"}}
    assert load_spec(small(data={"instruments": both}, **drill)).venue.intrabar == "drill"
    del both[1]["drill"]
    assert "needs finer bars" in refusal(small(data={"instruments": both}, **drill)).what


def test_a_gate_that_is_there_twice_cannot_be_swept() -> None:
    twice = small(gates=[{"use": "calm"}, {"use": "calm"}])
    assert len(load_spec(twice).gates) == 2
    assert "two gates" in refusal(twice | {"sweep": {"gates.calm.max_range": [1]}}).what


def test_times_are_utc_whatever_way_they_are_written() -> None:
    nine = datetime(2025, 1, 31, 9, tzinfo=UTC)
    zoned = tomllib.loads("a = 2025-01-31T10:00:00+01:00\nb = 2025-01-31T09:00:00\nc = 2025-01-31")
    ways = ["2025-01-31T09:00:00Z", "2025-01-31 09:00", "2025-01-31T10:00:00+01:00", zoned["a"], zoned["b"]]
    for way in ways:
        assert load_spec(small(data={"synthetic": "regimes", "start": way})).data.start == nine
    assert load_spec(small(data={"synthetic": "regimes", "start": zoned["c"]})).data.start == nine.replace(hour=0)


def test_fees_in_base_are_for_spot_by_rules_or_by_symbol() -> None:
    base = {"account": {"fee_in": "base"}}
    assert load_spec(small(data={"synthetic": "regimes", "symbol": "A/B"}, **base)).account.fee_in == "base"
    spot = {"synthetic": "regimes", "symbol": "A/B:B", "rules": {"kind": "spot"}}
    assert load_spec(small(data=spot, **base)).account.fee_in == "base"
    assert "contradicts the kind" in refusal(small(data={"synthetic": "regimes", "symbol": "A/B:B"}, **base)).what


def test_models_may_be_a_number_a_word_or_a_table() -> None:
    def venue(**keys: Any) -> Any:
        return load_spec(small(venue=keys)).venue

    assert venue(slippage_bps=2).slippage_bps == venue(slippage_bps={"model": "fixed", "bps": 2.0}).slippage_bps
    assert venue(impact=0.1).impact.numbers["coefficient"] == 0.1
    assert venue(limit_fill="through").limit_fill == venue(limit_fill="through:1").limit_fill
    assert venue(limit_fill="hazard").limit_fill.numbers.keys() == {"base", "depth", "queue", "observations"}
    assert venue(limit_fill={"model": "hazard", "queue": 2}).limit_fill.numbers["queue"] == 2.0
    assert venue(half_spread_bps="data").half_spread_bps == "data"
    delay = venue(latency_ms={"entry": 10}).latency_ms
    assert (delay.entry, delay.response, delay.file) == (10.0, 0.0, None)
    tiers = load_spec(small(account={"maintenance": [[0, 0.005], [50_000, 0.01]]})).account.maintenance
    assert tiers == ((0.0, 0.005), (50_000.0, 0.01))


def test_pythons_own_values_are_taken_for_what_they_are() -> None:
    spec = load_spec(
        {
            "data": {"synthetic": "regimes", "symbols": ("A", "B")},
            "strategy": {"use": len, "params": {"fast": np.int64(3)}},
            "account": {"cash": np.float64(5.0)},
            "sweep": {"slow": np.arange(3)},
        }
    )
    assert spec.strategy.use is len
    assert type(spec.strategy.params["fast"]) is int
    assert spec.account.cash == 5.0
    assert spec.sweep is not None
    assert spec.sweep.axes["slow"] == (0, 1, 2)


def test_a_swept_set_is_put_where_it_belongs(folder: Path) -> None:
    spec = load_spec(write(folder, WHOLE))
    moved = with_values(
        spec,
        {
            "fast": 9,
            "new": True,
            "gates.calm.max_range": 0.5,
            "venue.fee_taker_bps": 3,
            "venue.slippage_bps.base_bps": 7,
            "venue.limit_fill": "touch",
            "run.seed": 8,
        },
    )
    assert moved.strategy.params == {"fast": 9, "slow": 50, "qty": 1.0, "new": True}
    assert moved.gates[0].params == {"max_range": 0.5}
    assert moved.venue.fee_taker_bps == 3.0
    assert moved.venue.slippage_bps.numbers == spec.venue.slippage_bps.numbers | {"base_bps": 7.0}
    assert (moved.venue.limit_fill.model, moved.run.seed) == ("touch", 8)
    assert spec.strategy.params["fast"] == 20
    assert spec.venue.fee_taker_bps == 5.0
    for key in (
        "venue.impact.nothing",
        "venue.gap_fill.x",
        "venue.slippage_bps.base_bps.x",
        "gates.calm",
        "data.file",
        "nowhere.x",
    ):
        with pytest.raises(Refused):
            with_values(spec, {key: 1})


def test_the_hash_is_of_what_is_asked(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    spec = load_spec(write(folder, WHOLE))
    plain = tomllib.loads(WHOLE)

    def backwards(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: backwards(value[key]) for key in reversed(value)}
        return value

    away = tmp_path_factory.mktemp("elsewhere")
    (away / "bars.csv").write_text("")
    elsewhere = backwards(plain)
    elsewhere["data"]["file"] = str(away / "bars.csv")
    elsewhere["run"]["name"] = "another"
    elsewhere["account"]["cash"] = 1e6
    elsewhere["strategy"]["params"]["fast"] = 20.0
    elsewhere["venue"]["gap_fill"] = "open"  # the default, written out
    # The order of swept keys is the order of the sets, so it is put back.
    elsewhere["sweep"] = plain["sweep"]
    assert spec_hash(load_spec(elsewhere)) == spec_hash(spec)
    others = [
        WHOLE.replace("seed = 7", "seed = 8"),
        WHOLE.replace("fast = 20", "fast = 21"),
        WHOLE.replace('"through:2"', '"through:3"'),
        WHOLE.replace("max_range = 0.01", "max_range = 0.02"),
        WHOLE.replace("tick = 0.01, ", ""),
        WHOLE.replace("to = 60", "to = 61"),
        WHOLE.replace('timeframe = "1m"', 'timeframe = "5m"'),
        WHOLE.replace("bars.csv", "other.csv").replace('symbol = "ETH/USDT:USDT"', 'symbol = "B"'),
        WHOLE.replace("[account]", "[account]\nborrow = true"),
    ]
    hashes = {spec_hash(load_spec(write(folder, text))) for text in others}
    assert len(hashes | {spec_hash(spec)}) == len(others) + 1


def test_lines_of_every_shape_of_toml() -> None:
    text = (
        'a.b = 1\r\n"q.\\u0071" = [\r\n  { x = "]#", y.z = 2 },  # { \r\n  3,\r\n]\r\n'
        's = \'\'\'\r\n[no]\r\nno = 1\'\'\'\r\nt = """x\\"""""\r\n'
        "[[l]]\r\nk = 1\r\n[l.sub]\r\nk = 2\r\n[[l]]\r\nk = 3\r\n[ 'w'.v ] # end\r\nd = 1979-05-27 07:32:00\r\n"
    )
    tomllib.loads(text)
    assert key_lines(text) == {
        "a": 1,
        "a.b": 1,
        "q.q": 2,
        "q.q[0]": 3,
        "q.q[0].x": 3,
        "q.q[0].y": 3,
        "q.q[0].y.z": 3,
        "q.q[1]": 4,
        "s": 6,
        "t": 9,
        "l": 10,
        "l[0]": 10,
        "l[0].k": 11,
        "l[0].sub": 12,
        "l[0].sub.k": 13,
        "l[1]": 14,
        "l[1].k": 15,
        "w": 16,
        "w.v": 16,
        "w.v.d": 17,
    }


NAMES = st.text("ab_-1", min_size=1, max_size=3)
SCALARS = st.one_of(st.integers(-9, 9).map(str), st.sampled_from(["true", "1.5e3", "''", '"#"', '"\\""', "[1, [2]]"]))


@given(st.dictionaries(NAMES, SCALARS, max_size=4), st.dictionaries(NAMES, SCALARS, max_size=4), st.integers(0, 3))
def test_a_keys_line_is_the_line_that_writes_it(top: dict[str, str], inner: dict[str, str], gap: int) -> None:
    rows = [f"{key} = {value}" for key, value in top.items()] + ["# x"] * gap + ["[table]"]
    rows += [f"  '{key}'= {value}#" for key, value in inner.items()]
    text = "\n".join(rows)
    if "table" not in top:
        tomllib.loads(text)
    lines = key_lines(text)
    for k, key in enumerate(top):
        assert lines[key] == k + 1
    for k, key in enumerate(inner):
        assert lines[f"table.{key}"] == len(top) + gap + k + 2


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SECTIONS = {"run": "seed", "data": "bars", "account": "maintenance", "venue": "slippage_bps", "sweep": "fast"}


@given(st.sampled_from([*SECTIONS, "gates", "strategy"]), JUNK, st.booleans())
def test_junk_is_accepted_or_refused_but_never_raises_anything_else(section: str, junk: Any, inside: bool) -> None:
    if inside and section in SECTIONS:
        junk = {SECTIONS[section]: junk}
        junk |= {"synthetic": "regimes"} if section == "data" else {}
    said = ("", "")
    spec: Spec | None
    try:
        spec = load_spec(SMALL | {section: junk})
    except Refused as refused:
        spec, said = None, (refused.what, refused.where)
    assert all(said) if spec is None else len(spec_hash(spec)) == 64


def test_pydantic_waits_until_a_spec_is_read() -> None:
    code = "import sys, huracan; sys.exit('pydantic' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
