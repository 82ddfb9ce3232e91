"""Faults of order-book files through the commands: each is named and counted, or refused by the rule of the spec."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from huracan import cli

START = 1_723_161_255_000  # ms


def update(i: int, *, ms: int | None = None, local: int | None = None, **more: Any) -> str:
    """One line of a depth stream: update i, the touch a tick wide round a price that walks."""
    at = START + 100 * i if ms is None else ms
    price = 1000 + i % 3
    told: dict[str, Any] = {"e": "depthUpdate", "E": at, "T": at, "s": "BTCUSDT", "U": 10 * i + 1, "u": 10 * i + 10}
    told |= {"pu": 10 * i, "b": [[f"{price - 1}.0", "5.000"]], "a": [[f"{price + 4}.0", "6.000"]]} | more
    message = json.dumps({"stream": "d", "data": told}, separators=(",", ":"))
    return f"{(at + 3) * 10**6 if local is None else local} {message}"


def snapshot(i: int) -> str:
    levels = {"bids": [["999.0", "3.0"], ["998.0", "4.0"]], "asks": [["1004.0", "3.0"], ["1005.0", "9.0"]]}
    said = {"lastUpdateId": 10 * i, "E": START + 100 * i, "T": START + 100 * i} | levels
    return f"{(START + 100 * i + 3) * 10**6} {json.dumps(said, separators=(',', ':'))}"


def lines(n: int = 60) -> list[str]:
    return [snapshot(0), *(update(i) for i in range(1, n))]


def run(tmp_path: Path, text: list[str] | bytes, data: str = "", name: str = "feed.txt") -> tuple[int, Path]:
    """The exit code of a backtest on this file."""
    raw = text if isinstance(text, bytes) else ("\n".join(text) + "\n").encode()
    (tmp_path / name).write_bytes(raw)
    (tmp_path / "run.toml").write_text(
        f'[data]\nfile = "{name}"\nformat = "binance-raw"\nsymbol = "BTCUSDT"\n{data}\n'
        'rules = { tick = 1.0, lot = 0.001 }\n[venue]\nqueue = "risk_averse"\n[strategy]\nuse = "touch_maker"\n'
    )
    return cli.main(["backtest", str(tmp_path / "run.toml"), "--out", str(tmp_path / "o"), "--json"]), tmp_path / "o"


def repairs(out: Path) -> dict[str, int]:
    return dict(json.loads((out / "result.json").read_text())["repairs"])


def test_a_whole_file_needs_no_repair(tmp_path: Path) -> None:
    code, out = run(tmp_path, lines())
    assert code == 0
    assert repairs(out) == {}


@pytest.mark.parametrize("kind", ["gz", "plain", "last line"])
def test_a_truncated_file_is_refused_unless_what_is_whole_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    plain = ("\n".join(lines(3000)) + "\n").encode()
    if kind == "gz":
        name, raw = "feed.gz", gzip.compress(plain)[:-20_00]
    else:
        name, raw = "feed.txt", plain[:-40] if kind == "plain" else plain[: plain.rfind(b'"a"')]
    code, out = run(tmp_path, raw, name=name)
    assert code == 2
    said = capsys.readouterr().err
    assert "refused" in said
    assert name in said
    assert "repair" in said or "skip" in said
    assert not out.exists() or not list(out.iterdir())
    wish = 'repair = { cut_short = "keep", bad_line = "drop" }'
    code, out = run(tmp_path, raw, wish, name)
    assert code == 0
    assert any("cut_short" in key or "bad_line" in key for key in repairs(out)), repairs(out)


def test_a_negative_quantity_is_dropped_and_counted_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = lines()
    text[20] = update(20, b=[["999.0", "-5.000"]])
    code, out = run(tmp_path, text)
    assert code == 0
    assert repairs(out)["bad_level"] == 1
    code, _ = run(tmp_path, text, 'bad_level = "refuse"')
    assert code == 2
    assert "bad_level" in capsys.readouterr().err


def test_no_snapshot_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = lines()[1:]
    code, out = run(tmp_path, text)
    assert code == 0
    assert repairs(out)["no_snapshot"] == 1
    assert repairs(out)["depth_before_snapshot"] == 2 * len(text)
    code, _ = run(tmp_path, text, 'no_snapshot = "refuse"')
    assert code == 2
    assert "no_snapshot" in capsys.readouterr().err


def test_events_that_go_back_in_time_are_ordered_and_counted(tmp_path: Path) -> None:
    text = lines()
    text[30] = update(30, ms=START + 100 * 30 - 550, local=(START + 100 * 30 + 3) * 10**6)
    text[40], text[41] = text[41], text[40]
    code, out = run(tmp_path, text)
    assert code == 0
    found = repairs(out)
    assert found["out_of_order"] >= 1
    assert found["unordered_local_time"] == 1


def test_a_feed_that_stops_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = [*lines(), *(update(i, ms=START + 200_000 + 100 * i) for i in range(60, 80))]
    code, out = run(tmp_path, text)
    assert code == 0
    assert repairs(out)["silent_feed"] == 1
    code, _ = run(tmp_path, text, 'repair = { stopped_feed = "refuse" }')
    assert code == 2
    assert "stopped_feed" in capsys.readouterr().err


def test_lost_updates_are_counted_cleared_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = lines()
    del text[30]
    code, out = run(tmp_path, text)
    assert code == 0
    assert repairs(out)["gapped_book"] == 1
    for wish in ('gap = "refuse"', 'repair = { gapped_book = "refuse" }'):
        code, _ = run(tmp_path, text, wish)
        assert code == 2
        assert "gapped_book" in capsys.readouterr().err


def test_measured_latencies_are_interpolated_and_wrong_ones_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "late.csv").write_text("time,entry_ms,response_ms\n1704067200,20,10\n1704067204,60,10\n")
    spec = tmp_path / "run.toml"
    spec.write_text(
        '[data]\nsynthetic = "book"\nseconds = 4\n[venue]\nlatency_ms = "late.csv"\n'
        '[strategy]\nuse = "touch_maker"\n[strategy.params]\nhalf_ticks = 1\n'
    )
    assert cli.main(["backtest", str(spec), "--out", str(tmp_path / "o"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["orders"] > 5
    for wrong in ("time,entry_ms\n1,2\n", "time,entry_ms,response_ms\n1704067200,20,10\n1704067200,80,10\n"):
        (tmp_path / "late.csv").write_text(wrong)
        assert cli.main(["backtest", str(spec), "--out", str(tmp_path / "o2"), "--json"]) == 2
        assert "late.csv" in capsys.readouterr().err
