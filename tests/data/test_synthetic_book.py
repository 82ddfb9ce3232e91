"""The synthetic order book: the same bytes everywhere, a book that holds together, trades that match its touch."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from huracan.data.events import CLEAR, DEPTH, QUOTE, SNAPSHOT, TRADE
from huracan.data.events import START as FIRST
from huracan.data.synthetic_book import Feed, book_feeds
from huracan.data.synthetic_edges import Edges, Place
from huracan.sim.refusal import Refused

SECOND = 1_000_000_000
START = 1_704_067_200_000_000_000
COLUMNS = ("kind", "side", "price", "lots", "exchange_ns", "local_ns")
GOLDEN = "print([f.data_hash[:12] for f in book_feeds(0.8, 7, symbols=('BTC/USDT:USDT', 'FOO/USD'), quotes=True)])"
HASHES = "['5a42e524736f', 'b8d062a583fc']"


@pytest.fixture(scope="module")
def feed() -> Feed:
    return book_feeds(120.0, 11)[0]


def replay(feed: Feed) -> tuple[list[tuple[int, int, int, int, int]], list[dict[int, int]]]:
    """The touch (time, bid, lots, ask, lots) after each row, and the last book, kept without the generator."""
    books: list[dict[int, int]] = [{}, {}]
    best: list[int | None] = [None, None]
    touches = []
    rows = zip(*(getattr(feed, name).tolist() for name in COLUMNS[:5]), strict=True)
    for kind, side, price, lots, ns in rows:
        k = 0 if side > 0 else 1
        book = books[k]
        if kind == TRADE:
            other = books[1 - k]
            assert price == best[1 - k], "a trade beside the touch"
            assert 0 < lots <= other[price], "a trade of more than there was"
        elif kind == DEPTH:
            if lots == 0:
                assert book.pop(price, 0) > 0, "a level gone that was not there"
                if price == best[k]:
                    best[k] = (max if k == 0 else min)(book)
            else:
                assert book.get(price) != lots, "a row that changes nothing"
                book[price] = lots
                now = best[k]
                best[k] = price if now is None else max(now, price) if k == 0 else min(now, price)
        bid, ask = best
        if bid is not None and ask is not None:
            assert bid < ask, "a crossed book"
            touches.append((ns, bid, books[0][bid], ask, books[1][ask]))
    return touches, books


# --- the same bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uncompiled", ["0", "1"])
def test_golden_bytes_compiled_and_in_plain_python(uncompiled: str) -> None:
    """These change only when the flow is changed on purpose; then the hashes here are written anew."""
    env = {**os.environ, "NUMBA_DISABLE_JIT": uncompiled}
    code = "from huracan.data.synthetic_book import book_feeds\n" + GOLDEN
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == HASHES


def test_a_longer_feed_begins_with_the_shorter_one(feed: Feed) -> None:
    """120 s are several pieces of draws and of rows; a cut in the middle of one must not show."""
    for edges in (Edges(), Edges(toxic=0.5)):
        long = book_feeds(120.0, 11, edges=edges)[0] if edges.toxic else feed
        short = book_feeds(61.5, 11, edges=edges)[0]
        n = short.kind.size
        assert n > 1 << 15
        for name in COLUMNS:
            assert np.array_equal(getattr(short, name), getattr(long, name)[:n]), name


def test_an_instrument_is_the_same_whoever_stands_beside_it() -> None:
    two = book_feeds(3.0, 5, symbols=("BTC/USDT:USDT", "ETH/USDT"), places=(Place("a"), Place("b", lag_ms=50.0)))
    assert [(f.symbol, f.venue) for f in two] == [(s, v) for s in ("BTC/USDT:USDT", "ETH/USDT") for v in ("a", "b")]
    alone = book_feeds(3.0, 5, symbols=("ETH/USDT",), places=(Place("b", lag_ms=50.0),))[0]
    assert alone.data_hash == two[3].data_hash
    assert len({f.data_hash for f in two}) == 4
    assert (
        book_feeds(3.0, 6, symbols=("ETH/USDT",))[0].data_hash != book_feeds(3.0, 5, symbols=("ETH/USDT",))[0].data_hash
    )


# --- a book that holds together ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "XRP/USDT", "FOO/USD:FOO"])
def test_never_crossed_and_trades_match_the_touch(symbol: str) -> None:
    made = book_feeds(40.0, 3, symbols=(symbol,))[0]
    touches, books = replay(made)
    assert len(touches) > 10_000
    assert (made.kind == TRADE).sum() > 200
    assert min(len(book) for book in books) > 100
    assert made.price[made.kind != CLEAR].min() > 0


def test_after_a_trade_the_level_has_what_is_left(feed: Feed) -> None:
    at = np.flatnonzero(feed.kind == TRADE)
    after = at + 1
    assert (feed.kind[after] == DEPTH).all()
    assert np.array_equal(feed.price[after], feed.price[at])
    assert np.array_equal(feed.side[after], -feed.side[at])
    assert np.array_equal(feed.exchange_ns[after], feed.exchange_ns[at])


def test_it_begins_with_one_snapshot_and_times_go_forward(feed: Feed) -> None:
    first = int(((feed.flags & SNAPSHOT) > 0).sum())
    assert first > 500
    assert (feed.flags[:first] & SNAPSHOT > 0).all()
    assert (feed.kind[0], feed.side[0]) == (CLEAR, 0)
    assert (feed.kind[1:first] == DEPTH).all()
    assert np.array_equal((feed.flags & FIRST) > 0, np.diff(feed.exchange_ns, prepend=-1) > 0)
    assert feed.exchange_ns[0] == START
    assert feed.exchange_ns[-1] < START + 120 * SECOND
    assert (np.diff(feed.exchange_ns) >= 0).all()
    assert (np.diff(feed.local_ns) >= 0).all()
    late = feed.local_ns - feed.exchange_ns
    assert late.min() > 1_000_000
    assert 1_500_000 < np.median(late) < 3_000_000
    assert late.max() < 25_000_000


def test_quotes_say_what_the_book_says() -> None:
    made = book_feeds(20.0, 3, quotes=True)[0]
    bare = book_feeds(20.0, 3)[0]
    rest = made.kind != QUOTE
    for name in COLUMNS:
        assert np.array_equal(getattr(made, name)[rest], getattr(bare, name)), name
    books: list[dict[int, int]] = [{}, {}]
    seen = 0
    for kind, side, price, lots in zip(*(getattr(made, name).tolist() for name in COLUMNS[:4]), strict=True):
        book = books[0 if side > 0 else 1]
        if kind == QUOTE:
            seen += 1
            assert price == (max(book) if side > 0 else min(book))
            assert lots == book[price]
        elif kind == DEPTH:
            book[price] = lots
            if lots == 0:
                del book[price]
    assert seen > 1000


def test_a_slow_venue_follows_the_fast_one() -> None:
    fast, slow = book_feeds(60.0, 3, places=(Place("fast"), Place("slow", lag_ms=400.0, basis_bps=5.0)))
    grid = START + np.arange(1, 600) * (SECOND // 10)
    middles = []
    for each in (fast, slow):
        touch = np.array([(ns, bid + ask) for ns, bid, _, ask, _ in replay(each)[0]])
        middles.append(np.log(touch[np.searchsorted(touch[:, 0], grid, side="right") - 1, 1]))
    a, b = (np.diff(m) for m in middles)
    by_lag = [float(np.corrcoef(a[: a.size - k], b[k:])[0, 1]) for k in range(10)]
    assert int(np.argmax(by_lag)) == 4
    assert by_lag[4] > 0.7
    assert 4e-4 < np.median(middles[1] - middles[0]) < 6e-4


def test_as_events_the_numbers_are_those_of_the_ticks_and_lots(feed: Feed) -> None:
    events = feed.events()
    assert (events.symbol, len(events)) == ("BTC/USDT:USDT", feed.kind.size)
    assert np.array_equal(np.round(events.price * 10), feed.price)
    assert np.array_equal(np.round(events.qty * 1000), feed.lots)
    assert feed.rules.lot == 0.001


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"seconds": 0.0}, "0.0 seconds"),
        ({"seconds": float("nan")}, "nan seconds"),
        ({"symbols": ()}, "no symbols"),
        ({"symbols": ("A/B", "A/B")}, "'A/B' stands twice"),
        ({"places": (Place("x"), Place("x"))}, "'x' stands twice"),
        ({"places": (Place("x", lag_ms=-1.0),)}, "lag_ms must be"),
        ({"places": (Place("x", basis_bps=float("nan")),)}, "basis_bps must be"),
        ({"edges": Edges(toxic=1.5)}, "toxic must be from 0 to 1"),
        ({"edges": Edges(leader=0.1)}, "leader needs two symbols"),
        ({"edges": Edges(breakout=0.1)}, "breakout can't be planted in order books"),
    ],
)
def test_books_that_are_none(more: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        book_feeds(**{"seconds": 1.0, "seed": 1, **more})
