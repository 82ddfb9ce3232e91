"""Repairs of payments, mark prices, trades and order books: every problem can be found, mended by each of its rules,
and the result of a run says which."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.data.binance_raw import read_binance_raw
from huracan.data.book_check import check_book
from huracan.data.book_repairs import Crossing, bad_lines, mended_feed, mended_pieces
from huracan.data.events import (
    AGAIN,
    CLEAR,
    COLUMNS,
    DEPTH,
    GAP,
    OLD,
    QUOTE,
    SNAPSHOT,
    START,
    TRADE,
    Events,
    join,
    take,
)
from huracan.data.repair_rules import BOOK_RULES, FUNDING_RULES, MARK_RULES, TRADE_RULES
from huracan.data.row_faults import column_of, row_faults
from huracan.data.row_repairs import mended_rows, refuse_rows
from huracan.load import load_tape
from huracan.load_book import load_book_tape
from huracan.sim.refusal import Refused
from huracan.spec import load_spec

HOUR = 3_600_000_000_000
SECOND = 1_000_000_000
START_NS = 1_704_067_200_000_000_000


def payments() -> dict[str, Any]:
    ts = START_NS + 8 * HOUR * np.arange(30)
    return {"ts": ts, "rate": np.linspace(1e-4, 2e-4, 30), "mark": np.full(30, 50.0)}


def trades() -> dict[str, Any]:
    n = np.arange(200)
    price = 100.0 + np.round(np.sin(n) * 0.05, 2)
    side = np.where(n % 2, 1, -1).astype(np.int8)
    ids = np.array([str(k) for k in n], dtype=object)
    return {"ts": START_NS + SECOND * n, "price": price, "qty": np.ones(200), "side": side, "id": ids}


def broken(kind: str, name: str) -> dict[str, Any]:
    """Sound rows with one problem at rows 10 (and 11)."""
    columns: dict[str, Any] = {"funding": payments, "trades": trades, "marks": payments}[kind]()
    if kind == "marks":
        columns = {"ts": columns["ts"], "price": columns["mark"]}
    value = "rate" if kind == "funding" else "price"
    if name == "unordered_time":
        for array in columns.values():
            array[[10, 11]] = array[[11, 10]]
    elif name == "duplicate_time":
        columns["ts"][11] = columns["ts"][10]
    elif name == "nan":
        columns[value][10] = np.nan
    elif name == "bad_rate":
        columns["rate"][10] = 1.5
    elif name == "nonpositive_price":
        columns["mark" if kind == "funding" else "price"][10] = 0.0
    elif name == "funding_odd_hours":
        columns["ts"][10] += HOUR
    elif name == "missing_funding":
        columns = {key: np.delete(array, [10, 11]) for key, array in columns.items()}
    elif name == "nonpositive_qty":
        columns["qty"][10] = 0.0
    elif name == "duplicate_trade":
        for array in columns.values():
            array[11] = array[10]
    elif name == "spike":
        columns["price"][10] = 150.0
    elif name == "unknown_side":
        columns["side"][10] = 0
    return columns


TABLES = [("funding", FUNDING_RULES), ("marks", MARK_RULES), ("trades", TRADE_RULES)]
ALL = [(kind, name, rule) for kind, table in TABLES for name, each in table.items() for rule in each.choices]


@pytest.mark.parametrize(("kind", "name", "rule"), ALL)
def test_each_rule_mends_its_problem_and_is_counted(kind: str, name: str, rule: str) -> None:
    columns = broken(kind, name)
    assert {fault.name for fault in row_faults(kind, columns)} - {"missing_funding"} == {name} - {"missing_funding"}
    assert row_faults(kind, columns, name)[0].count == (2 if name == "missing_funding" else 1)
    counted: dict[str, int] = {}
    made, rows = mended_rows(kind, columns, {name: rule}, counted, "x")
    assert len(rows) == len(made["ts"])

    def refuse() -> None:
        refuse_rows(
            kind, made, rows, {name: rule}, lambda row, word: f"f.csv, row {row + 1}, column {word}", "--repair {}={}"
        )

    if rule == "refuse":
        with pytest.raises(Refused, match=rf"{name}: .*") as refused:
            refuse()
        assert refused.value.where.rpartition(",")[0] in ("f.csv, row 11", "f.csv, row 12")
        assert refused.value.where.endswith(f"column {column_of(kind, name)}")
        assert f"--repair {name}=" in refused.value.fix
    else:
        refuse()
    if rule in ("refuse", "keep"):
        assert counted == {}
        assert len(rows) == len(columns["ts"])
        return
    assert counted == {f"{name}_{rule}": 2 if name == "missing_funding" else 1}
    assert {fault.name for fault in row_faults(kind, made)} <= {"missing_funding"}  # what was dropped is
    expected = {"sort": 0, "unknown": 0, "fill": 2}.get(rule, -1)
    assert len(rows) - len(columns["ts"]) == expected


def test_a_missing_payment_is_filled_with_the_rate_before_it() -> None:
    made, _ = mended_rows("funding", broken("funding", "missing_funding"), {"missing_funding": "fill"}, {}, "x")
    whole = payments()
    assert made["ts"].tolist() == whole["ts"].tolist()
    assert made["rate"][[10, 11]].tolist() == [whole["rate"][9]] * 2
    assert np.isnan(made["mark"][[10, 11]]).all()
    assert made["rate"][12] == whole["rate"][12]


def test_first_and_last_keep_the_row_they_name() -> None:
    columns = broken("funding", "duplicate_time")
    first, _ = mended_rows("funding", columns, {"duplicate_time": "first"}, {}, "x")
    last, rows = mended_rows("funding", columns, {"duplicate_time": "last"}, {}, "x")
    assert (first["rate"][10], last["rate"][10]) == (columns["rate"][10], columns["rate"][11])
    assert rows[10] == 11


# --- in runs ----------------------------------------------------------------------------------------------------------


def bars(path: Path, minutes: int = 3000) -> Path:
    lines = ["date,open,high,low,close,volume"]
    for k in range(minutes):
        price = 100.0 + round(float(np.sin(k / 50)), 2)
        lines.append(f"{(START_NS // 10**6) + 60_000 * k},{price},{price + 0.1:.2f},{price - 0.1:.2f},{price},10")
    path.write_text("\n".join(lines) + "\n")
    return path


def funded(tmp_path: Path, **more: Any) -> dict[str, Any]:
    """A run on a perpetual whose payments have an odd hour, a rate twice, and are out of order."""
    lines = ["fundingTime,fundingRate"]
    for hours, rate in ((8, 1e-4), (13, 2e-4), (16, 1e-4), (16, 3e-4), (32, 1e-4), (24, 1e-4)):
        lines.append(f"{START_NS // 10**6 + hours * 3_600_000},{rate}")
    (tmp_path / "rates.csv").write_text("\n".join(lines) + "\n")
    data = {"file": str(bars(tmp_path / "A.csv")), "symbol": "A/USDT:USDT", "timeframe": "1m"}
    data |= {"funding": str(tmp_path / "rates.csv")}
    return {"data": data | more, "strategy": {"use": "buy_and_hold", "params": {"fraction": 0.5}}}


def test_a_run_mends_its_payments_as_its_spec_says_and_records_it(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="unordered_time") as refused:
        load_tape(load_spec(funded(tmp_path)))
    assert '[data] funding_repair = { unordered_time = "sort" }' in refused.value.fix
    repair = {"unordered_time": "sort"}
    with pytest.raises(Refused, match="duplicate_time") as refused:
        load_tape(load_spec(funded(tmp_path, funding_repair=repair)))
    assert "row 4" in refused.value.where
    kept = load_tape(load_spec(funded(tmp_path, funding_repair=repair | {"duplicate_time": "last"})))
    repair |= {"duplicate_time": "first", "funding_odd_hours": "drop"}
    mended = load_tape(load_spec(funded(tmp_path, funding_repair=repair)))
    assert {name: n for name, n in mended.repairs.items() if name.startswith("funding_") and "mark" not in name} == {
        "funding_unordered_time_sort": 1, "funding_duplicate_time_first": 1, "funding_odd_hours_drop": 1,
    }  # fmt: skip
    assert mended.payments["rate"].tolist() == [1e-4] * 4
    assert kept.payments["rate"].tolist() == [1e-4, 2e-4, 3e-4, 1e-4, 1e-4]
    assert mended.data_hash != kept.data_hash
    for wrong, says in (({"missing_bars": "fill"}, "missing_funding"), ({"nan": "fill"}, "use one of refuse, drop")):
        with pytest.raises(Refused) as refused:
            load_spec(funded(tmp_path, funding_repair=wrong))
        assert says in str(refused.value)


def test_a_run_mends_its_marks(tmp_path: Path) -> None:
    hours = (8, 16, 16, 32, 24)
    lines = [f"{START_NS // 10**6 + h * 3_600_000},{p}" for h, p in zip(hours, (100, 0, 101, 102, 103), strict=True)]
    (tmp_path / "marks.csv").write_text("\n".join(["date,price", *lines]) + "\n")
    rates = {"unordered_time": "sort", "duplicate_time": "first", "funding_odd_hours": "drop"}
    more = {"mark": str(tmp_path / "marks.csv"), "funding_repair": rates}
    with pytest.raises(Refused, match="nonpositive_price") as refused:
        load_tape(load_spec(funded(tmp_path, **more)))
    assert '[data] mark_repair = { nonpositive_price = "drop" }' in refused.value.fix
    more |= {"mark_repair": {"nonpositive_price": "drop", "unordered_time": "sort"}}
    tape = load_tape(load_spec(funded(tmp_path, **more)))
    assert (tape.repairs["mark_nonpositive_price_drop"], tape.repairs["mark_unordered_time_sort"]) == (1, 1)
    assert tape.payments["mark"].tolist() == [100.0, 101.0, 103.0, 102.0]


# --- order books ------------------------------------------------------------------------------------------------------


def book(*rows: tuple[int, int, int, float, float, float]) -> Events:
    """A feed of (kind, side, flags, price, quantity, second), behind a snapshot of two levels a side around 100."""
    whole = [(CLEAR, 0, START | 2, 0.0, 0.0, 1.0)]
    whole += [(DEPTH, s, 2, 100.0 - s * 0.1 * k, float(k), 1.0) for s in (1, -1) for k in (1, 2)]
    kind, side, flags, price, qty, at = (np.array(c) for c in zip(*whole, *rows, strict=True))
    ns = (at.astype(np.float64) * SECOND).astype(np.int64)
    ints = kind.astype(np.int8), side.astype(np.int8), flags.astype(np.uint8)
    seq = np.arange(len(kind))
    return Events("X", *ints, price.astype(float), qty.astype(float), ns, ns + 10**6, seq)


CROSSED = (
    (DEPTH, 1, START, 100.15, 5.0, 2.0),  # beyond the ask at 100.1, which is older
    (DEPTH, -1, START, 100.05, 1.0, 3.0),  # below both bids at 100.15 and above 99.9
    (DEPTH, 1, START, 100.3, 1.0, 4.0),
    (DEPTH, -1, 0, 100.05, 0.0, 4.0),  # the same message takes the ask away: only 100.2 is left to cross
)


def test_an_uncrossed_book_is_never_crossed_and_the_newer_level_stays() -> None:
    feed = book(*CROSSED)
    at, side, price = Crossing(np.unique(feed.price)).meet(feed)
    assert list(zip(at.tolist(), side.tolist(), np.round(price, 2).tolist(), strict=True)) == [
        (5, -1, 100.1), (6, 1, 100.15), (8, -1, 100.2),
    ]  # fmt: skip
    assert any(p.name == "crossed_book" for p in check_book("x", [feed]).problems)
    counted: dict[str, int] = {}
    made = mended_feed("x", feed, {"crossed_book": "uncross"}, counted)
    assert counted == {"crossed_book_uncross": 3}
    assert check_book("x", [made]).problems == ()
    assert len(made) == len(feed) + 3
    with pytest.raises(Refused, match="crossed_book"):
        mended_feed("x", feed, {"crossed_book": "refuse"}, {})


def quotes(*rows: tuple[float, ...], flags: bool = True) -> Events:
    """Quotes of (side, price, second, number); the first side of each begins its message."""
    side, price, at, seq = (np.array(column) for column in zip(*rows, strict=True))
    ns = (at.astype(np.float64) * SECOND).astype(np.int64)
    begins = np.append(True, np.diff(seq) != 0) if flags else np.ones(len(rows), np.bool_)
    told = (np.full(len(rows), QUOTE, np.int8), side.astype(np.int8), np.where(begins, START, 0).astype(np.uint8))
    return Events("X", *told, price.astype(float), np.ones(len(rows)), ns, ns + 10**6, seq.astype(np.int64))


@pytest.mark.parametrize("flags", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_quote_that_crosses_is_left_out_whole_and_no_other(flags: bool, size: int) -> None:
    """However the feed comes in pieces; two quotes of one side each are none that crosses itself."""
    rows = [
        (1, 100.0, 1.0, 1), (-1, 100.1, 1.0, 1),
        (1, 100.2, 2.0, 2), (-1, 100.2, 2.0, 2),  # locked
        (1, 100.3, 3.0, 3),  # beyond the ask told last, which the next quote moves
        (-1, 100.4, 4.0, 4),
        (1, 100.5, 5.0, 5), (-1, 100.4, 5.0, 5),
    ]  # fmt: skip
    feed = quotes(*rows, flags=flags)
    parts = [take(feed, slice(i, i + size)) for i in range(0, len(feed), size)]
    found = [p for p in check_book("x", iter(parts)).problems if p.name == "crossed_book"]
    assert [(p.count, p.first_row, p.last_row) for p in found] == [(2, 3, 7)]
    counted: dict[str, int] = {}
    made = join(mended_pieces("x", iter(parts), {"crossed_book": "uncross"}, counted))[0]
    assert made.seq.tolist() == [1, 1, 3, 4]
    assert counted == {"crossed_book_uncross": 2}
    with pytest.raises(Refused, match="event 3"):
        join(mended_pieces("x", iter(parts), {"crossed_book": "refuse"}, {}))


def test_nothing_is_taken_from_a_book_that_is_not_crossed(shared_data: Path) -> None:
    feed = read_binance_raw(shared_data / "l2" / "spot_btcusdt_20240809.gz")
    counted: dict[str, int] = {}
    made = mended_feed("x", feed, {"crossed_book": "uncross", "gapped_book": "clear"}, counted)
    assert counted == {}
    assert all(np.array_equal(getattr(made, name), getattr(feed, name)) for name in COLUMNS)


def test_a_gap_and_a_silence_clear_the_book_where_chosen() -> None:
    feed = book((DEPTH, 1, START | 4, 99.8, 1.0, 2.0), (DEPTH, 1, START, 99.7, 1.0, 90.0))
    counted: dict[str, int] = {}
    made = mended_feed("x", feed, {"gapped_book": "clear", "stopped_feed": "clear"}, counted)
    assert counted == {"gapped_book_clear": 1, "stopped_feed_clear": 1}
    assert np.flatnonzero(made.kind == CLEAR).tolist() == [0, 5, 7]
    assert made.local_ns[5] == made.local_ns[6]
    for name in ("gapped_book", "stopped_feed"):
        with pytest.raises(Refused, match=name):
            mended_feed("x", feed, {name: "refuse"}, {})


def test_old_levels_are_dropped_and_their_message_still_begins() -> None:
    rows = (
        (DEPTH, 1, START | OLD, 99.8, 1.0, 2.0),
        (DEPTH, 1, 0, 99.7, 1.0, 2.0),
        (DEPTH, 1, START | AGAIN, 99.6, 1.0, 3.0),
    )
    counted: dict[str, int] = {}
    made = mended_feed("x", book(*rows), {"update_before_snapshot": "drop", "snapshot_behind_update": "drop"}, counted)
    assert counted == {"update_before_snapshot_drop": 1, "snapshot_behind_update_drop": 1}
    assert (len(made), int(made.flags[5])) == (6, START)


def test_levels_before_the_first_snapshot_are_dropped() -> None:
    feed = book((TRADE, 1, START, 100.1, 1.0, 2.0))
    late = Events(
        "X", *(np.concatenate([getattr(feed, c)[3:5], getattr(feed, c)]) for c in ("kind", "side")),
        np.concatenate([[START, START], feed.flags]).astype(np.uint8),
        *(np.concatenate([getattr(feed, c)[3:5], getattr(feed, c)]) for c in COLUMNS[3:]),
    )  # fmt: skip
    counted: dict[str, int] = {}
    assert len(mended_feed("x", late, {"no_snapshot": "drop"}, counted)) == len(feed)
    assert counted == {"no_snapshot_drop": 2}
    with pytest.raises(Refused, match="no_snapshot"):
        mended_feed("x", late, {"no_snapshot": "refuse"}, {})


def wild(seed: int) -> Events:
    """A feed with every fault that a rule is for: old and repeated levels, gaps, silences, crossed and late books."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, int, float, float, float]] = []
    now = 0.0
    for _ in range(120):
        now += 70.0 if rng.random() < 0.05 else float(rng.random())
        if rng.random() < 0.05 and now > 5.0:
            rows.append((CLEAR, 0, START | SNAPSHOT, 0.0, 0.0, now))
            rows += [(DEPTH, s, SNAPSHOT, 100.0 - s * (1 + k), 2.0, now) for s in (1, -1) for k in range(3)]
            continue
        first = START | int(rng.choice([0, 0, 0, OLD, AGAIN, GAP]))
        for k in range(int(rng.integers(1, 5))):
            side = int(rng.choice([1, -1]))
            price = 100.0 - side * float(rng.integers(-1, 6))
            kind = TRADE if rng.random() < 0.2 else DEPTH
            flags = first if k == 0 else (first & ~START & ~GAP) * int(rng.random() < 0.7)
            rows.append((kind, side, flags, price, float(rng.integers(0, 4)), now))
    kind, side, flags, price, qty, at = (np.array(c) for c in zip(*rows, strict=True))
    ns = (at * 1e9).astype(np.int64)
    ints = kind.astype(np.int8), side.astype(np.int8), flags.astype(np.uint8)
    return Events("X", *ints, price.astype(float), qty.astype(float), ns, ns, np.arange(len(kind)))


RULES_OF_BOOKS = (
    {},
    {"update_before_snapshot": "drop", "snapshot_behind_update": "drop", "no_snapshot": "drop"},
    {"gapped_book": "clear", "stopped_feed": "clear"},
    {"crossed_book": "uncross"},
    {"update_before_snapshot": "drop", "gapped_book": "clear", "stopped_feed": "clear", "crossed_book": "uncross"},
    *({name: "refuse"} for name in ("update_before_snapshot", "snapshot_behind_update", "no_snapshot")),
    *({name: "refuse"} for name in ("gapped_book", "stopped_feed", "crossed_book")),
)


def mended_in(feed: Events, cuts: list[int], repair: dict[str, str]) -> Any:
    """The columns of a feed that came in pieces, after the rules, with what was counted; or why it is refused."""
    counted: dict[str, int] = {}
    parts = (take(feed, slice(a, b)) for a, b in itertools.pairwise([0, *cuts, len(feed)]))
    try:
        made = join(mended_pieces("x", parts, repair, counted))[0]
    except Refused as refused:
        return str(refused)
    return [getattr(made, name).tolist() for name in COLUMNS], counted


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("repair", RULES_OF_BOOKS, ids=lambda r: "-".join(f"{k}={v}" for k, v in r.items()) or "none")
def test_repairs_are_the_same_whatever_the_pieces(seed: int, repair: dict[str, str]) -> None:
    feed = wild(seed)
    whole = mended_in(feed, [], repair)
    assert isinstance(whole, str) == ("refuse" in repair.values())
    assert isinstance(whole, str) or set(whole[1]) >= {f"{k}_{v}" for k, v in repair.items()}
    for cuts in (list(range(1, len(feed))), list(range(0, len(feed), 7)), [len(feed) // 3]):
        assert mended_in(feed, cuts, repair) == whole


def raw_lines(path: Path, *more: str) -> Path:
    """A minute of a small book with trades as Binance's raw lines, gzipped."""
    ms, lines = START_NS // 10**6, []
    whole = f'{{"lastUpdateId":1,"E":{ms},"T":{ms},"bids":[["99.9","5"]],"asks":[["100.1","5"]]}}'
    lines.append(f"{START_NS + 10**6} {whole}")
    for k in range(2, 600):
        t, bid, ask = ms + 100 * k, f"{99.9 - (k % 3) * 0.1:.1f}", f"{100.1 + (k % 3) * 0.1:.1f}"
        both = {"e": "depthUpdate", "E": t, "T": t, "s": "AUSDT", "U": k, "u": k, "pu": k - 1}
        depth = both | {"b": [[bid, "5"]], "a": [[ask, "5"]]}
        trade = {"e": "trade", "E": t, "T": t, "s": "AUSDT", "t": k, "p": "100.1", "q": "1", "X": "MARKET", "m": False}
        for late, name, made in ((10**6, "depth", depth), (2 * 10**6, "trade", trade)):
            lines.append(
                f"{t * 10**6 + late} {json.dumps({'stream': f'x@{name}', 'data': made}, separators=(',', ':'))}"
            )
    lines[1:1] = more
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    return path


def test_a_run_on_a_book_uses_the_repairs_of_its_spec(tmp_path: Path) -> None:
    path = raw_lines(tmp_path / "a.gz", "nonsense")
    maker = {"use": "touch_maker", "params": {"half_ticks": 1, "step_ms": 1000, "max_position": 5.0, "qty": 1.0}}
    data = {"file": str(path), "format": "binance-raw", "symbol": "A/USDT:USDT", "rules": {"tick": 0.1, "lot": 1.0}}

    def tape(**more: Any) -> Any:
        return load_book_tape(load_spec({"data": data | more, "strategy": maker}))

    with pytest.raises(Refused, match="bad_line"):
        tape()
    assert tape(repair={"bad_line": "drop", "crossed_book": "uncross"}).repairs["bad_line_drop"] == 1
    for more, says in (
        ({"repair": {"gapped_book": "clear"}, "gap": "keep"}, "contradict"),
        ({"repair": {"missing_bars": "fill"}}, "no problem 'missing_bars' of order books"),
        ({"repair": {"bad_line": "drop", "other_message": "refuse"}, "format": "tardis"}, "unknown_layout"),
    ):
        with pytest.raises(Refused, match=says):
            tape(**more)


def test_every_problem_of_a_feed_can_be_refused_and_reading_skips_only_where_chosen() -> None:
    assert all("refuse" in rule.choices for rule in BOOK_RULES.values())
    assert (bad_lines({}), bad_lines({"bad_line": "drop"}), bad_lines({"cut_short": "keep"})) == (
        "refuse",
        "skip",
        "skip",
    )
