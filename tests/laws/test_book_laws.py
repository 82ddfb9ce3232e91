"""The laws over order books: what `huracan check` says of strategies that read them, and that it can say no."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan import cli, law_books
from huracan.data.events import QUOTE, TRADE
from huracan.data.synthetic_book import book_feeds
from huracan.law_book_money import money_faults
from huracan.law_books import BookBench, bench, benches, run
from huracan.laws import Finding, happened
from huracan.sim.feed import Feed
from huracan.strategies.discovery import shipped_strategies
from tests.book_dice import waiting_dice
from tests.laws.cases import QUICK

SECONDS = 1.5 if QUICK else 6.0
PARAMS = [{"step_ms": 5.0, "dice": 3}, {"step_ms": 20.0, "dice": 4}]
SHIPPED = {s.name: s.function for s in shipped_strategies() if s.function.__huracan__.needs == "book"}


@cache
def dice_bench(name: str) -> BookBench:
    """Any order at all, on one of the markets."""
    symbols, account = law_books.MARKETS[name]
    lanes = [(venue, PARAMS[i % 2]) for i, venue in enumerate(law_books.VENUES.values())]
    return bench(waiting_dice, name, symbols[:1], account, lanes, SECONDS, 5)


@cache
def quotes_bench() -> BookBench:
    """Any order at all where quotes and trades are all that is known of a book."""
    b = dice_bench("a perpetual")
    (made,) = book_feeds(SECONDS, 5, symbols=law_books.MARKETS["a perpetual"][0][:1], quotes=True)
    found = made.events()
    kept = (found.kind == TRADE) | (found.kind == QUOTE)
    columns = (found.kind, found.side, found.flags, found.price, found.qty, found.exch_ns, found.local_ns)
    feeds = (Feed(made.symbol, *(each[kept] for each in columns), made.rules, made.venue),)
    return BookBench("quotes alone", b.specs, feeds, law_books.full_machine(b.specs, feeds))


def sound(findings: Iterator[Finding]) -> int:
    """How many findings there are, none of them bad."""
    said = list(findings)
    assert [f for f in said if not f.ok] == []
    return len(said)


@pytest.mark.parametrize("market", [*law_books.MARKETS, "quotes alone"])
def test_any_list_of_orders_keeps_the_laws(market: str) -> None:
    b = dice_bench(market) if market in law_books.MARKETS else quotes_bench()
    assert bool(b.machine.tape.spans["touch_only"][0]) is (market == "quotes alone")
    rng = np.random.default_rng(1)
    did = happened(run(b.machine, b.specs, range(len(b.specs))).block)
    assert did["fills"] > 100
    assert did["partial_fills"] > 10
    assert did["rejections"] > 10
    assert sound(law_books.chunks_dont_matter(b, rng)) == 12
    assert sound(law_books.lanes_dont_matter(b, rng)) == 8
    assert sound(law_books.no_peeking(b)) == 16
    assert sound(law_books.money_is_conserved(b)) == 4
    assert sound(law_books.snapshots_go_on(b)) == 8


@pytest.mark.skipif(QUICK, reason="a mutant needs no more than the dice")
def test_check_of_everything_shipped_for_books(capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(SHIPPED) == ["avellaneda_stoikov", "touch_maker"]
    assert cli.main(["check", "touch_maker", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert [law["law"][0] for law in found["laws"]] == list("1234578")
    assert min(law["cases"] for law in found["laws"]) >= 8
    assert found["happened"]["fills"] > 500
    assert found["warnings"] == []
    rng = np.random.default_rng(2)
    for b in benches(SHIPPED["avellaneda_stoikov"], SECONDS):
        assert sound(law_books.chunks_dont_matter(b, rng)) > 0
        assert sound(law_books.no_peeking(b)) > 0
        assert sound(law_books.money_is_conserved(b)) > 0


def test_the_laws_can_say_no() -> None:
    """Records that are wrong by one thing each are named."""
    b = dice_bench("a perpetual")
    done = run(b.machine, [b.specs[0]], [0])
    fills, equity = done.kept[0], done.kept[2]
    assert list(money_faults(b.machine, done.block, fills, equity)) == []

    def wrong(rows: Any, field: str, change: Any) -> Any:
        out = rows.copy()
        out[field][len(out) // 2] = change(out[field][len(out) // 2])
        return out

    for rows, words in (
        (wrong(fills, "fee", lambda x: x * 1.01), "is not"),
        (wrong(fills, "qty", lambda x: x + 1.0), "cash is"),
        (wrong(fills, "price", lambda x: -x), "a fill of"),
        (wrong(fills, "slippage", lambda x: x + 1.0), "slippage: "),
    ):
        assert any(words in said for said in money_faults(b.machine, done.block, rows, equity)), words
    for field, words in (("cash", "cash is"), ("position_value", "equity is not")):
        said = list(money_faults(b.machine, done.block, fills, wrong(equity, field, lambda x: x + 1.0)))
        assert any(words in each for each in said), words
    assert "fill" in law_books.unlike(done, replace(done, kept=(fills[:-1], *done.kept[1:])))
    assert law_books.until("fill", fills, wrong(fills, "qty", lambda x: x + 1.0), int(fills["ts_ns"][-1])) != ""
    assert law_books.until("fill", fills, fills[:-1], int(fills["ts_ns"][-1])) == ""


def test_a_strategy_with_a_clock_is_checked_on_books_and_its_index_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.py").write_text(
        "from huracan import param, strategy, buy\n\n\n"
        '@strategy(params=dict(step_ms=param(100.0, 1.0)), state=dict(n=0, last=[0.0] * 4), clock="step_ms")\n'
        "def leaves(ctx):\n    ctx.u.n += 1\n    ctx.u.last[ctx.u.n] = 1.0\n"
    )
    assert cli.main(["check", f"{tmp_path / 's.py'}:leaves"]) == 2
    said = capsys.readouterr().err
    assert "s.py:7" in said
    assert "out of range" in said


def test_more_instruments_than_there_are_books_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.py").write_text(
        "from huracan import strategy\n\n\n"
        '@strategy(params={}, needs="book", instruments=9)\ndef nine(ctx):\n    """Trades nine."""\n'
    )
    assert cli.main(["check", f"{tmp_path / 's.py'}:nine"]) == 2
    assert "trades 9 instruments" in capsys.readouterr().err
