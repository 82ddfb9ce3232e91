"""Files of bars and funding: what is read, what is repaired under a name, and what is refused with its place."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from huracan.data.files import read_bars, read_funding
from huracan.data.timeframes import parse_timeframe
from huracan.sim.refusal import Refused
from huracan.sim.series import Bars

MINUTE = 60_000_000_000
START = 1_704_067_200_000_000_000  # 2024-01-01
HEADER = "timestamp,open,high,low,close,volume"
ROWS = [
    "2024-01-01 00:00:00,100.1,100.5,99.9,100.2,3.5",
    "2024-01-01 00:01:00,100.2,100.9,100.2,100.7,0",
    "2024-01-01 00:02:00,100.7,100.8,100.0,100.0,1.25",
    "2024-01-01 00:03:00,100.0,100.1,99.5,99.9,2",
]


def write(folder: Path, rows: list[str], header: str = HEADER, name: str = "bars.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(([header] if header else []) + rows) + "\n")
    return path


def read(folder: Path, rows: list[str], header: str = HEADER, **more: Any) -> Bars:
    return read_bars(write(folder, rows, header), **{"timeframe": "1m", **more})


def bars_table(**columns: Any) -> pa.Table:
    times = pa.array(START + MINUTE * np.arange(4)).cast(pa.timestamp("ns", "UTC"))
    made = {"open": [100.1, 100.2, 100.7, 100.0], "high": [100.5, 100.9, 100.8, 100.1]}
    made |= {"low": [99.9, 100.2, 100.0, 99.5], "close": [100.2, 100.7, 100.0, 99.9], "volume": [3.5, 0.0, 1.25, 2.0]}
    return pa.table({"date": times, **made, **columns})


# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_csv_as_written(tmp_path: Path) -> None:
    bars = read(tmp_path, ROWS, symbol="A/B:B", venue="here")
    assert (bars.symbol, bars.venue, bars.timeframe_ns) == ("A/B:B", "here", MINUTE)
    assert bars.open_ns.tolist() == [START + i * MINUTE for i in range(4)]
    assert bars.open_ns.dtype == np.int64
    assert bars.open.tolist() == [100.1, 100.2, 100.7, 100.0]
    assert bars.close.tolist() == [100.2, 100.7, 100.0, 99.9]
    assert bars.high.tolist() == [100.5, 100.9, 100.8, 100.1]
    assert bars.low.tolist() == [99.9, 100.2, 100.0, 99.5]
    assert bars.volume is not None
    assert bars.volume.tolist() == [3.5, 0.0, 1.25, 2.0]
    assert (bars.rules.tick_num, bars.rules.tick_den, bars.rules.inferred) == (1, 10, True)
    assert bars.repairs == {"naive_times_as_utc": 4, "tick_inferred": 1}


def test_every_format_gives_the_same_arrays_and_hash(tmp_path: Path) -> None:
    table = bars_table()
    paths = [write(tmp_path, ROWS), tmp_path / "b.feather", tmp_path / "b.parquet", tmp_path / "l.json"]
    feather.write_feather(table, paths[1])
    pq.write_table(table, paths[2])
    lists = [[(START + i * MINUTE) // 10**6, *row[1:]] for i, row in enumerate(rows_of(table))]
    paths[3].write_text(json.dumps(lists))
    objects = [dict(zip(("openTime", "O", "H", "L", "C", "V"), row, strict=True)) for row in lists]
    paths += [tmp_path / "o.json", tmp_path / "z.csv.gz", tmp_path / "text.json", tmp_path / "plain"]
    paths[4].write_text(json.dumps(objects))
    paths[5].write_bytes(gzip.compress(paths[0].read_bytes()))
    paths[6].write_text(json.dumps([[row[0], *map(str, row[1:])] for row in lists]))
    paths[7].write_bytes(paths[0].read_bytes())
    hashes = {read_bars(p, timeframe="1m", format=None if p.suffix else "csv").data_hash for p in paths}
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def test_the_hash_sees_times_prices_and_volume(tmp_path: Path) -> None:
    base = read(tmp_path, ROWS).data_hash
    edits = (
        (":03:00", ":04:00"),
        ("00,100.0,", "00,100.1,"),
        ("100.1", "100.3"),
        ("99.5", "99.4"),
        ("99.9,2", "99.8,2"),
    )
    for old, new in (*edits, (",2", ",2.5")):
        changed = ROWS[:3] + [ROWS[3].replace(old, new, 1)]
        assert changed != ROWS
        assert read(tmp_path, changed).data_hash != base
    prices = [row.rpartition(",")[0] for row in ROWS]
    assert read(tmp_path, prices, HEADER.removesuffix(",volume")).data_hash != base


@pytest.mark.parametrize(
    "header",
    [
        "Date,OPEN,High,LOW,Close,Volume",
        "open_time,o,h,l,c,v",
        "Open Time,Open,High,Low,Close,Vol",
        ",open,high,low,close,volume",
        "Unnamed: 0,open,high,low,close,volume",
        "datetime;open;high;low;close;volume",
        '"timestamp"\t"open"\t"high"\t"low"\t"close"\t"Volume"',
        "\ufeffdate,open,high,low,close,volume",
    ],
)
def test_columns_are_found_by_name(tmp_path: Path, header: str) -> None:
    mark = next((m for m in ";\t" if m in header), ",")
    bars = read(tmp_path, [row.replace(",", mark) for row in ROWS], header)
    assert bars.data_hash == read(tmp_path, ROWS).data_hash


def test_a_csv_without_a_header_is_read_by_position_and_says_so(tmp_path: Path) -> None:
    bars = read(tmp_path, ROWS, header="")
    assert bars.repairs["columns_by_position"] == 6
    assert bars.data_hash == read(tmp_path, ROWS).data_hash


def test_a_row_of_another_length_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"ragged_row: 3 cells where the first row has 6.*row 3, column 4"):
        read(tmp_path, [*ROWS[:2], "2024-01-01 00:02:00,1,2", ROWS[3]])
    with pytest.raises(Refused, match=r"ragged_row: 7 cells.*row 4, column 7"):
        read(tmp_path, [*ROWS[:3], ROWS[3] + ",1"], header="")


def test_columns_that_are_not_needed_may_hold_anything(tmp_path: Path) -> None:
    bars = read(tmp_path, [row + ",x/y" for row in ROWS], HEADER + ",note")
    assert bars.data_hash == read(tmp_path, ROWS).data_hash


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, 1_000_000_000])
def test_integer_times_by_magnitude(tmp_path: Path, unit: int) -> None:
    rows = [f"{(START + i * MINUTE) // unit},{row.split(',', 1)[1]}" for i, row in enumerate(ROWS)]
    bars = read(tmp_path, rows)
    assert bars.open_ns.tolist() == [START + i * MINUTE for i in range(4)]
    assert "naive_times_as_utc" not in bars.repairs


def test_times_in_doubles_keep_their_fraction(tmp_path: Path) -> None:
    rates = write(tmp_path, ["1704067200.016,0.0001", "1704096000.0,0.0002"], "time,rate")
    assert read_funding(rates).ts_ns.tolist() == [START + 16_000_000, START + 480 * MINUTE]


@pytest.mark.parametrize(
    ("zone", "hours"), [("Z", 0), ("+00:00", 0), (" UTC", 0), ("+02:00", -2), ("-0530", 5.5), ("+09", -9)]
)
def test_times_with_a_zone_are_converted(tmp_path: Path, zone: str, hours: float) -> None:
    bars = read(tmp_path, [row.replace(",", zone + ",", 1) for row in ROWS])
    assert bars.open_ns[0] == START + int(hours * 60) * MINUTE
    assert "naive_times_as_utc" not in bars.repairs


def test_dates_with_slashes(tmp_path: Path) -> None:
    def dates(*days: str) -> list[str]:
        return [f"{day},1,1,1,1,1" for day in days]

    american = read(tmp_path, dates("1/12/2024 12:00:00 AM", "1/13/2024 12:00:00 AM"), timeframe="1d")
    british = read(tmp_path, dates("12/01/2024", "13/01/2024"), timeframe="1d")
    assert american.open_ns.tolist() == british.open_ns.tolist() == [START + i * 1440 * MINUTE for i in (11, 12)]
    with pytest.raises(Refused, match=r"ambiguous_dates"):
        read(tmp_path, dates("1/2/2024", "2/2/2024"), timeframe="1d")


def test_naive_arrow_times_are_named(tmp_path: Path) -> None:
    table = bars_table()
    naive = table.set_column(0, "date", table["date"].cast(pa.timestamp("ns")))
    feather.write_feather(naive, tmp_path / "n.feather")
    assert read_bars(tmp_path / "n.feather", timeframe="1m").repairs["naive_times_as_utc"] == 4


def test_missing_bars_stay_missing(tmp_path: Path) -> None:
    bars = read(tmp_path, [*ROWS, "2024-01-01 00:05:00,99.9,99.9,99.9,99.9,1"])
    assert np.diff(bars.open_ns).tolist() == [MINUTE, MINUTE, MINUTE, 2 * MINUTE]


def test_exact_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    bars = read(tmp_path, [ROWS[0], ROWS[1], ROWS[1], ROWS[1], ROWS[2], ROWS[3]])
    assert bars.repairs["duplicate_rows_dropped"] == 2
    assert bars.data_hash == read(tmp_path, ROWS).data_hash


def test_no_volume_column(tmp_path: Path) -> None:
    bars = read(tmp_path, [row.rpartition(",")[0] for row in ROWS], HEADER.removesuffix(",volume"))
    assert bars.volume is None
    assert bars.repairs["no_volume"] == 4


@pytest.mark.parametrize(
    ("column", "value", "bps"),
    [("half_spread_bps", "2", 2.0), ("spread_bps", "2", 1.0), ("half_spread", "0.1", 10.0), ("Spread", "0.1", 5.0)],
)
def test_spreads_in_either_unit(tmp_path: Path, column: str, value: str, bps: float) -> None:
    rows = [f"2024-01-01 00:0{i}:00,100,100,100,100,1,{value}" for i in range(3)]
    bars = read(tmp_path, rows, f"{HEADER},{column}")
    assert bars.half_spread_bps is not None
    assert bars.half_spread_bps.tolist() == pytest.approx([bps] * 3)


@pytest.mark.parametrize(("price", "tick"), [("0.00000001", 1e-8), ("100000000", 1.0), ("99999999.5", 0.1)])
def test_very_small_and_very_large_prices(tmp_path: Path, price: str, tick: float) -> None:
    bars = read(tmp_path, [f"2024-01-01 00:0{i}:00,{price},{price},{price},{price},1" for i in range(3)])
    assert bars.open.tolist() == [float(price)] * 3
    assert bars.rules.tick == tick


def test_single_precision_and_decimal_columns(tmp_path: Path) -> None:
    table = bars_table()
    for kind, repair in ((pa.float32(), {"float32_prices_widened": 4}), (pa.decimal128(20, 8), {})):
        columns = [table["date"], *(table[name].cast(kind) for name in table.column_names[1:])]
        pq.write_table(pa.table(columns, names=table.column_names), tmp_path / "k.parquet")
        bars = read_bars(tmp_path / "k.parquet", timeframe="1m")
        assert bars.open.tolist() == [100.1, 100.2, 100.7, 100.0]
        assert {k: v for k, v in bars.repairs.items() if k != "tick_inferred"} == repair


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [("A/B", "spot"), ("A/B:B", "linear"), ("A/B:A", "inverse"), ("BTC/USD:BTC-250627", "inverse"), ("", "linear")],
)
def test_the_kind_comes_from_the_symbol(tmp_path: Path, symbol: str, kind: str) -> None:
    bars = read(tmp_path, ROWS, symbol=symbol)
    assert bars.rules.kind == kind
    assert bars.symbol == (symbol or "bars")


def test_rules_are_taken_and_prices_off_their_tick_counted(tmp_path: Path) -> None:
    given = {"tick": 0.5, "lot": 0.001, "min_notional": 5, "multiplier": 10, "kind": "inverse"}
    bars = read(tmp_path, ROWS, rules=given)
    rules = bars.rules
    assert (rules.kind, rules.tick_num, rules.tick_den, rules.inferred) == ("inverse", 1, 2, False)
    assert (rules.lot, rules.min_notional, rules.multiplier) == (0.001, 5.0, 10.0)
    assert bars.repairs == {"naive_times_as_utc": 4, "prices_off_tick": 4}
    kept = read(tmp_path, ROWS, rules={"tick": 0.05})
    assert "prices_off_tick" not in kept.repairs
    assert "tick_inferred" not in kept.repairs


# --- what is refused --------------------------------------------------------------------------------------------------


def changed(row: int, old: str, new: str) -> list[str]:
    rows = list(ROWS)
    assert old in rows[row]
    rows[row] = rows[row].replace(old, new, 1)
    return rows


PROBLEMS = {
    "nan": (changed(2, "100.8", "NaN"), ["nan:", "row 3", "column high"]),
    "empty price": (changed(2, "100.8", ""), ["nan:", "row 3", "column high"]),
    "inf": (changed(1, "100.7", "inf"), ["nan:", "inf", "row 2", "column close"]),
    "negative": (changed(1, "100.2", "-100.2"), ["nonpositive_price", "-100.2", "row 2", "column open"]),
    "zero": (changed(3, "99.5", "0"), ["nonpositive_price", "row 4", "column low"]),
    "high below low": (changed(0, "100.5", "99"), ["bad_ohlc", "99.0", "below the low", "row 1", "column high"]),
    "open outside": (changed(1, "100.2,100.9", "101,100.9"), ["bad_ohlc", "open 101.0", "row 2", "column open"]),
    "close outside": (changed(3, "99.9", "99.4"), ["bad_ohlc", "close 99.4", "row 4", "column close"]),
    "words": (changed(2, "100.8", "n/k"), ["not_a_number", "'n/k'", "row 3", "column high"]),
    "negative volume": (changed(2, "1.25", "-1"), ["bad_volume", "-1.0", "row 3", "column volume"]),
    "nan volume": (changed(2, "1.25", "nan"), ["bad_volume", "nan", "row 3", "column volume"]),
    "unordered": ([ROWS[0], ROWS[2], ROWS[1], ROWS[3]], ["unordered_time", "00:01:00 comes after", "row 3"]),
    "doubled": ([*ROWS[:2], changed(1, "100.7", "100.6")[1], *ROWS[2:]], ["duplicate_time", "00:01:00", "row 3"]),
    "two zones": (
        [row.replace(",", f"+0{1 + i // 2}:00,", 1) for i, row in enumerate(ROWS)],
        ["mixed_zones", "02:00+02:00", "row 3", "column timestamp"],
    ),
    "a zone in one row": (changed(2, "02:00,", "02:00Z,"), ["mixed_zones", "02:00Z", "row 3"]),
    "no such time": (changed(2, "00:02:00,", "25:02:00,"), ["bad_time", "25:02:00", "row 3", "column timestamp"]),
    "no time": (changed(2, "2024-01-01 00:02:00", ""), ["nan: a row without a time", "row 3", "column timestamp"]),
    "off the grid": (changed(3, "03:00,", "03:30,"), ["off_grid", "00:03:30", "1m", "row 4"]),
    "close times": ([r.replace(":00,", ":59.999,", 1) for r in ROWS], ["off_grid", "00:00:59.999", "row 1"]),
    "ragged": ([*ROWS[:2], "2024-01-01 00:02:00,100.7"], ["ragged_row", "bars.csv", "row 3"]),
    "no rows": ([], ["empty", "bars.csv"]),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_has_a_name_a_place_and_a_way_out(tmp_path: Path, name: str) -> None:
    rows, words = PROBLEMS[name]
    with pytest.raises(Refused) as refused:
        read(tmp_path, rows)
    message = str(refused.value)
    assert "bars.csv" in refused.value.where
    assert refused.value.fix
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize("missing", ["timestamp", "open", "high", "low", "close"])
def test_a_missing_column_is_named_with_those_found(tmp_path: Path, missing: str) -> None:
    with pytest.raises(Refused, match=r"missing_column") as refused:
        read(tmp_path, ROWS, HEADER.replace(missing, "qqq"))
    assert missing in str(refused.value).replace("times", "timestamp")
    assert "qqq" in refused.value.fix


def test_two_columns_of_one_meaning(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"ambiguous_column.*'close' and 'Close'"):
        read(tmp_path, [row + ",1" for row in ROWS], HEADER + ",Close")


def test_an_unnamed_first_column_that_is_no_time(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"bad_time.*row 1"):
        read(tmp_path, [f"{i},1,1,1,1,1" for i in range(4)], ",open,high,low,close,volume")


@pytest.mark.parametrize("text", ["abc", "1;5", "1_000", "2016-12-31T23:59:60Z"])
def test_a_text_among_numbers_is_named_by_its_own_row(tmp_path: Path, text: str) -> None:
    lines = [f"{1704067200 + 60 * i},1,1,1,1,1" for i in range(9)]
    lines[6] = f"{text},1,1,1,1,1"
    with pytest.raises(Refused, match=rf"bad_time: '{re.escape(text)}' is no number.*row 7, column timestamp"):
        read(tmp_path, lines)


@pytest.mark.parametrize("zone", ["", "Z", "+09:00"])
def test_a_time_beyond_nanoseconds_is_told_so(tmp_path: Path, zone: str) -> None:
    lines = [f"2024-01-01T00:0{i}:00{zone},1,1,1,1,1" for i in range(9)]
    lines[6] = f"3000-01-01T00:06:00{zone},1,1,1,1,1"
    with pytest.raises(Refused, match=r"bad_time: '3000-.*lies outside the years 1677 to 2262.*row 7"):
        read(tmp_path, lines)


def test_times_in_two_units(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"bad_time: 1704067260000.*row 2"):
        read(tmp_path, ["1704067200,1,1,1,1,1", "1704067260000,1,1,1,1,1"])


def test_a_timeframe_that_the_data_contradicts(tmp_path: Path) -> None:
    fives = [f"2024-01-01 00:{5 * i:02d}:00,1,1,1,1,1" for i in range(4)]
    with pytest.raises(Refused, match=r"wrong_timeframe.*1m was asked for, but bars are 5m apart") as refused:
        read(tmp_path, fives)
    assert 'timeframe = "5m"' in refused.value.fix
    with pytest.raises(Refused, match=r"wrong_timeframe.*1h was asked for, but bars are 1m apart"):
        read(tmp_path, ROWS, timeframe="1h")
    assert read(tmp_path, fives, timeframe="5m").open_ns.size == 4


def test_a_thin_market_is_no_contradiction(tmp_path: Path) -> None:
    minutes = [0, 1, 3, 5, 7, 9, 10]
    assert read(tmp_path, [f"2024-01-01 00:{m:02d}:00,1,1,1,1,1" for m in minutes]).open_ns.size == 7


def test_sessions_may_open_off_the_hour(tmp_path: Path) -> None:
    rows = [f"2024-01-01 {9 + i:02d}:15:00,1,1,1,1,1" for i in range(4)]
    assert read(tmp_path, rows, timeframe="1h").open_ns[0] == START + 555 * MINUTE


@pytest.mark.parametrize("text", ["1M", "1x", "m", "0m", "-1m", "1.5h", "", "367d", "1H"])
def test_timeframes_that_are_none(text: str) -> None:
    with pytest.raises(Refused, match=r"is not (a timeframe|between)"):
        parse_timeframe(text)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"tik": 0.1}, r"unknown key 'tik'.*did you mean 'tick'"),
        ({"tick": 0}, "tick must be above zero"),
        ({"lot": -1.0}, "lot must be zero or more"),
        ({"lot": True}, "lot must be a number"),
        ({"multiplier": 0}, "multiplier must be above zero"),
        ({"min_notional": float("nan")}, "min_notional must be a number"),
        ({"kind": "option"}, "kind 'option' is not known"),
        ({"tick": 1e-17}, "too fine for a price of 100.7"),
    ],
)
def test_rules_that_are_none(tmp_path: Path, rules: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        read(tmp_path, ROWS, rules=rules)
    assert "[data.rules]" in refused.value.where


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("[]", "empty"),
        ("{}", r"unreadable.*list of rows"),
        ("[[1704067200000, 1, 1, 1, 1, 1], [17040672", "unreadable"),
        ("[" * 100_000, "unreadable"),
        ("[3]", "unreadable"),
        ("[[1704067200000, 1, 1, 1, 1, 1], [1704067260000, 1, 1]]", r"ragged_row: 3 fields.*row 2, column 4"),
        ("[[1704067200000, 1, 1, 1, 1, 1], 7]", r"ragged_row: 7.*row 2"),
        ("[[1704067200000, 1, 1, 1, 1, 1], [1704067260000, 1, 1, 1, true, 1]]", r"not_a_number: True.*row 2.*close"),
        ('[[1704067200000, 1, 1, 1, 1, 1], [1704067260000, 1, 1, 1, "x", 1]]', r"not_a_number: 'x'.*row 2.*close"),
        ("[[1704067200000, 1, 1, 1, 1, 1], [1704067260000, 1, 1, 1, [], 1]]", r"not_a_number: .*row 2.*close"),
        ("[[1704067200000, 1, 1, 1, 1, 1], [1704067260000, 1, 1, 1, null, 1]]", r"nan.*row 2.*close"),
        ("[[1704067200000, 1, 1, 1, 1, 1], [1704067260000, 1, 1, 1, NaN, 1]]", r"nan.*row 2.*close"),
    ],
)
def test_json_that_is_no_list_of_rows(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bars.json").write_text(text)
    with pytest.raises(Refused, match=words) as refused:
        read_bars(tmp_path / "bars.json", timeframe="1m")
    assert "bars.json" in refused.value.where


def test_damaged_files_are_refused_wherever_they_are_cut(tmp_path: Path) -> None:
    feather.write_feather(bars_table(), tmp_path / "whole.feather")
    pq.write_table(bars_table(), tmp_path / "whole.parquet")
    (tmp_path / "whole.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *ROWS]).encode()))
    cuts = 0
    for whole in sorted(tmp_path.glob("whole.*")):
        content = whole.read_bytes()
        for size in range(0, len(content) - 1, max(1, len(content) // 40)):
            cut = tmp_path / whole.name.replace("whole", "cut")
            cut.write_bytes(content[:size])
            with pytest.raises(Refused) as refused:
                read_bars(cut, timeframe="1m")
            assert cut.name in refused.value.where
            cuts += 1
    assert cuts > 100


@pytest.mark.parametrize("ending", ["feather", "parquet", "json", "csv"])
def test_noise_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"noise.{ending}"
    path.write_bytes(np.random.default_rng(1).bytes(4096))
    with pytest.raises(Refused) as refused:
        read_bars(path, timeframe="1m")
    assert path.name in refused.value.where


def test_paths_and_formats_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "bars.xyz").write_text("x")
    for name, more, words in (
        ("absent.csv", {}, "no such file"),
        ("folder.csv", {}, "folder"),
        ("bars.xyz", {}, "unknown_format"),
        ("bars.xyz", {"format": "excel"}, r"'excel'.*csv, parquet"),
    ):
        with pytest.raises(Refused, match=words):
            read_bars(tmp_path / name, timeframe="1m", **more)


# --- funding ----------------------------------------------------------------------------------------------------------


def test_funding_with_marks_at_or_up_to_a_minute_before(tmp_path: Path) -> None:
    hours = [START + i * 60 * MINUTE for i in (0, 4, 8)]
    stamps = [hours[0], hours[1] + 7_000_000, hours[2] + 61_000_000_000]
    lines = [f"{t},{r}" for t, r in zip(stamps, ("0.0001", "-0.00005", "0"), strict=True)]
    rates = write(tmp_path, lines, "fundingTime,fundingRate", "rates.csv")
    candles = [f"{t},{p},{p},{p},{p + 1},0" for t, p in zip(hours, (10, 11, 12), strict=True)]
    marks = write(tmp_path, candles, "date,open,high,low,close,volume", "marks.csv")
    paid = read_funding(rates, marks)
    assert paid.ts_ns.tolist() == stamps
    assert paid.rate.tolist() == [0.0001, -0.00005, 0.0]
    assert paid.mark.tolist()[:2] == [10.0, 11.0]
    assert np.isnan(paid.mark[2])
    assert np.isnan(read_funding(rates).mark).all()
    assert read_funding(rates).data_hash != paid.data_hash
    early = write(tmp_path, [f"{hours[0] - 1},0.0001"], "time,rate", "early.csv")
    assert np.isnan(read_funding(early, marks).mark).all()  # the mark that comes next is not known yet


def test_marks_beside_the_rates(tmp_path: Path) -> None:
    path = write(tmp_path, ["1704067200000,0.0001,42000.5", "1704096000000,0.0001,"], "fundingTime,rate,markPrice")
    assert read_funding(path).mark.tolist()[0] == 42000.5
    assert np.isnan(read_funding(path).mark[1])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["2024-01-01,", "2024-01-02,0.1"], r"nan: the funding rate.*row 1, column rate"),
        (["2024-01-01,0.1", "2024-01-02,5"], r"bad_rate: 5.0.*row 2, column rate"),
        (["2024-01-02,0.1", "2024-01-01,0.2"], r"unordered_time.*row 2"),
        (["2024-01-01,0.1", "2024-01-01,0.2"], r"duplicate_time.*row 2"),
    ],
)
def test_funding_that_is_refused(tmp_path: Path, rows: list[str], words: str) -> None:
    with pytest.raises(Refused, match=words):
        read_funding(write(tmp_path, rows, "date,rate"))


# --- real files -------------------------------------------------------------------------------------------------------


def test_the_eth_perpetual_has_no_gaps(shared_data: Path) -> None:
    path = shared_data / "bars_1m_usdm" / "ETH_USDT_USDT-1m-futures.feather"
    bars = read_bars(path, symbol="ETH/USDT:USDT", timeframe="1m")
    assert bars.open_ns.size == 60_191
    assert (np.diff(bars.open_ns) == MINUTE).all()
    assert (bars.rules.kind, bars.rules.tick_num, bars.rules.tick_den) == ("linear", 1, 100)
    assert bars.repairs == {"tick_inferred": 1}


def test_the_outage_of_march_2023_is_left_as_it_was(shared_data: Path) -> None:
    bars = read_bars(shared_data / "bars_1m_spot_gap" / "BTC_USDT-1m.json", symbol="BTC/USDT", timeframe="1m")
    steps = np.diff(bars.open_ns) // MINUTE
    assert (steps != 1).sum() == 1
    assert steps.max() == 81
    assert bars.volume is not None
    assert (bars.volume == 0).sum() == 72
    last = int(np.argmax(steps))
    assert (bars.volume[last - 71 : last + 1] == 0).all()
    assert bars.rules.kind == "spot"


def test_real_funding(shared_data: Path) -> None:
    folder = shared_data / "funding_usdm"
    eth = read_funding(folder / "ETH-funding_rate.feather", folder / "ETH-8h-mark.feather")
    assert eth.ts_ns.size == 302
    assert not np.isnan(eth.mark).any()
    assert eth.repairs == {}
    late = eth.ts_ns % (60 * MINUTE)
    assert 0 < late.max() < 20_000_000  # the jitter stays
    assert eth.rate[0] == 2.685e-05
    assert eth.mark[0] == 2256.59895238
    layer = read_funding(folder / "LAYER-funding_rate.feather", folder / "LAYER-8h-mark.feather")
    assert layer.ts_ns.size == 984
    assert 0 < np.isnan(layer.mark).sum() < 984


def test_reading_does_not_import_pandas(tmp_path: Path) -> None:
    feather.write_feather(bars_table(), tmp_path / "b.feather")
    pq.write_table(bars_table(), tmp_path / "b.parquet")
    rows = [[(START + i * MINUTE) // 10**6, "1.5", 1.5, 1.5, 1.5, 1] for i in range(3)]
    (tmp_path / "b.json").write_text(json.dumps(rows))
    write(tmp_path, [row.replace(",", "Z,", 1) for row in ROWS], name="b.csv")
    code = (
        "import sys; from huracan.data.files import read_bars\n"
        "for path in sys.argv[1:]: read_bars(path, timeframe='1m')\n"
        "assert 'pandas' not in sys.modules and 'numba' not in sys.modules"
    )
    paths = [str(tmp_path / f"b.{ending}") for ending in ("csv", "feather", "parquet", "json")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True, timeout=60)


def test_bars_off_the_minute_are_taken_and_named(tmp_path: Path) -> None:
    """Made-up data often begins at a round number of milliseconds that is no minute; all rows must agree on it."""
    rows = [row.replace(":00,", ":20,", 1) for row in ROWS]
    bars = read(tmp_path, rows)
    assert bars.repairs["times_off_the_minute"] == len(rows)
    assert (bars.open_ns % 60_000_000_000 == 20_000_000_000).all()
    with pytest.raises(Refused, match="off_grid"):
        read(tmp_path, [*rows[:-1], ROWS[-1]])
