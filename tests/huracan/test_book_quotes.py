"""Runs on best bids, best offers and trades alone, which is what many people have: from files to figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan import cli

START = 1_723_161_255_000  # ms
RULES = 'rules = { tick = 0.1, lot = 0.001, kind = "linear" }'


def market(n: int = 3000) -> list[dict[str, Any]]:
    """Quotes of a price that walks, and trades that reach it, every 20 ms; times in ms."""
    rng = np.random.default_rng(3)
    bid, rows = 10_000, []
    for k in range(n):
        bid += int(rng.choice([-1, 0, 0, 0, 1]))
        told = {"at": START + 20 * k, "id": k + 1, "bid": bid / 10, "ask": (bid + 1) / 10}
        told |= {name: round(float(rng.integers(1, 40)) / 1000, 3) for name in ("bid_qty", "ask_qty", "qty")}
        rows.append(told | {"sell": bool(rng.random() < 0.5), "traded": bool(rng.random() < 0.6)})
    return rows


def binance(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The market as lines of Binance's streams bookTicker and trade."""
    lines = []
    for r in rows:
        told: dict[str, Any] = {"e": "bookTicker", "u": r["id"], "s": "BTCUSDT", "T": r["at"], "E": r["at"]}
        told |= {"b": f"{r['bid']:.1f}", "B": f"{r['bid_qty']}", "a": f"{r['ask']:.1f}", "A": f"{r['ask_qty']}"}
        said = [("bookTicker", told)]
        if r["traded"]:
            price = r["bid"] if r["sell"] else r["ask"]
            done: dict[str, Any] = {"e": "trade", "E": r["at"], "T": r["at"], "s": "BTCUSDT", "t": r["id"]}
            said.append(("trade", done | {"p": f"{price:.1f}", "q": f"{r['qty']}", "X": "MARKET", "m": r["sell"]}))
        for stream, data in said:
            text = json.dumps({"stream": f"btcusdt@{stream}", "data": data}, separators=(",", ":"))
            lines.append(f"{(r['at'] + 3) * 10**6} {text}")
    path.write_text("\n".join(lines) + "\n")
    return path


def tardis(folder: Path, rows: list[dict[str, Any]]) -> tuple[Path, Path]:
    """The market as Tardis' files of quotes and of trades."""
    quotes, trades = folder / "quotes.csv", folder / "trades.csv"
    shared = [f"binance-futures,BTCUSDT,{r['at']}000,{r['at'] + 3}000" for r in rows]
    head = "exchange,symbol,timestamp,local_timestamp,"
    told = [
        f"{known},{r['ask_qty']},{r['ask']},{r['bid']},{r['bid_qty']}" for known, r in zip(shared, rows, strict=True)
    ]
    quotes.write_text("\n".join([head + "ask_amount,ask_price,bid_price,bid_amount", *told]) + "\n")
    done = [
        f"{known},{r['id']},{'sell' if r['sell'] else 'buy'},{r['bid'] if r['sell'] else r['ask']},{r['qty']}"
        for known, r in zip(shared, rows, strict=True)
        if r["traded"]
    ]
    trades.write_text("\n".join([head + "id,side,price,amount", *done]) + "\n")
    return quotes, trades


def run(folder: Path, data: str, name: str) -> dict[str, Any]:
    """The result of touch_maker there."""
    spec = folder / f"{name}.toml"
    spec.write_text(
        f'[data]\n{data}\n{RULES}\n[venue]\nqueue = "risk_averse"\nlatency_ms = {{ entry = 5.0, response = 5.0 }}\n'
        '[account]\nleverage = 5.0\n[strategy]\nuse = "touch_maker"\n[strategy.params]\n'
        "half_ticks = 0\nstep_ms = 50.0\nmax_position = 0.05\nqty = 0.002\n"
    )
    assert cli.main(["backtest", str(spec), "--out", str(folder / name), "--json"]) == 0
    found: dict[str, Any] = json.loads((folder / name / "result.json").read_text())
    return found


def test_quotes_and_trades_run_from_tardis_through_the_store_and_from_binance_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    rows = market()
    binance(tmp_path / "raw.txt", rows)
    for path in tardis(tmp_path, rows):
        assert cli.main(["data", "import", str(path), "--venue", "binance", "--symbol", "BTC/USDT:USDT"]) == 0
    of_store = 'venue = "binance"\nsymbols = ["BTC/USDT:USDT"]\nformat = "book"'
    of_file = f'file = "{tmp_path / "raw.txt"}"\nformat = "binance-raw"\nsymbol = "BTC/USDT:USDT"\nvenue = "binance"'
    stored, raw = run(tmp_path, of_store, "stored"), run(tmp_path, of_file, "raw")
    for own in ("run", "spec", "spec_hash"):
        assert stored.pop(own) != raw.pop(own)
    assert stored == raw
    assert raw["repairs"] == {}
    assert raw["fills"] > 500
    assert raw["fill_times"]["rested"] > raw["fills"]
    capsys.readouterr()


def test_quotes_that_are_only_checked_leave_no_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = binance(tmp_path / "raw.txt", market(200))
    data = f'file = "{raw}"\nformat = "binance-raw"\nsymbol = "X"\n'
    assert run(tmp_path, data + 'quotes = "check"', "checked")["fills"] == 0
    assert run(tmp_path, data + 'quotes = "use"', "used")["fills"] > 0
    (tmp_path / "bad.toml").write_text(f'[data]\n{data}quotes = "yes"\n{RULES}\n[strategy]\nuse = "touch_maker"\n')
    assert cli.main(["backtest", str(tmp_path / "bad.toml"), "--out", str(tmp_path / "bad")]) == 2
    assert "data.quotes" in capsys.readouterr().err


def with_crossed(rows: list[dict[str, Any]], at: tuple[int, ...]) -> list[dict[str, Any]]:
    """The market with some quotes whose bid stands at or above their ask."""
    return [r | ({"bid": r["ask"], "ask": r["bid"]} if k in at else {}) for k, r in enumerate(rows)]


def problems(target: str, *more: str, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """What `huracan data check` finds, by name."""
    capsys.readouterr()
    assert cli.main(["data", "check", target, "--json", *more]) == 0
    return {each["name"]: each for each in json.loads(capsys.readouterr().out)["problems"]}


def test_crossed_quotes_are_found_and_left_out_where_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same of a Tardis file, of Binance's lines and of the store; a run without them is one on the rest."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    bad, rows = (40, 41, 900), market(1000)
    crossed = with_crossed(rows, bad)
    raw = binance(tmp_path / "raw.txt", crossed)
    quotes, trades = tardis(tmp_path, crossed)
    for path in (quotes, trades):
        assert cli.main(["data", "import", str(path), "--venue", "binance", "--symbol", "BTC/USDT:USDT"]) == 0
    of_store = problems("BTC/USDT:USDT", "--kind", "quotes", capsys=capsys)
    assert list(of_store) == ["crossed_book"]
    told = of_store["crossed_book"]
    assert (told["count"], told["repair"]) == (3, "uncross")
    assert told["first"].startswith("2024-08-08T23:54:15.803")
    assert told["last"].startswith("2024-08-08T23:54:33.003")
    for path in (quotes, raw):
        found = problems(str(path), capsys=capsys)["crossed_book"]
        assert [found[name] for name in ("count", "first", "last")] == [told[n] for n in ("count", "first", "last")]

    left = [t for t in raw.read_text().splitlines() if not any(f'"bookTicker","u":{k + 1},' in t for k in bad)]
    (tmp_path / "whole.txt").write_text("\n".join(left) + "\n")
    data = 'file = "{}.txt"\nformat = "binance-raw"\nsymbol = "BTC/USDT:USDT"\nvenue = "binance"\n'
    mended = run(tmp_path, data.format("raw") + 'repair = { crossed_book = "uncross" }', "mended")
    whole = run(tmp_path, data.format("whole"), "whole")
    assert mended["repairs"] == {"crossed_book_uncross": 3}
    assert whole["repairs"] == {}
    for name in ("fills", "orders", "final_equity", "fees"):
        assert mended[name] == whole[name]
    assert whole["fills"] > 100
    refused = data.format("raw") + 'repair = { crossed_book = "refuse" }'
    (tmp_path / "no.toml").write_text(f'[data]\n{refused}\n{RULES}\n[strategy]\nuse = "touch_maker"\n')
    assert cli.main(["backtest", str(tmp_path / "no.toml"), "--out", str(tmp_path / "no")]) == 2
    assert "crossed_book" in capsys.readouterr().err
