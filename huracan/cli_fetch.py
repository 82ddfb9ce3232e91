"""`huracan data fetch`: market data through ccxt into the store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from huracan.sim.refusal import Refused

Store = Annotated[
    Path | None,
    typer.Option("--store", metavar="DIR", help="The store's folder; else HURACAN_STORE, else ~/.huracan/data."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
Venue = Annotated[str, typer.Argument(metavar="VENUE", help="As ccxt calls it: binance, okx.", show_default=False)]
Symbols = Annotated[
    list[str], typer.Argument(metavar="SYMBOL...", help="As ccxt writes them: BTC/USDT, BTC/USDT:USDT.")
]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="bars, trades, funding or mark; may be given again. Default: bars.")
]


def fetch(
    venue: Venue,
    symbols: Symbols,
    since: Annotated[str, typer.Option("--since", metavar="DATE", help="From when on, UTC.", show_default=False)],
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Until when; until now else.")] = None,
    timeframe: Annotated[str, typer.Option("--timeframe", help="Of bars and marks.")] = "1m",
    kind: Kinds = None,
    recheck: Annotated[bool, typer.Option("--recheck", help="Ask again for what the venue did not have.")] = False,
    store: Store = None,
    json: Json = False,
) -> int:
    """Fetch market data through ccxt into the store; run again, it goes on where it stopped."""
    import asyncio

    from huracan import fetch_show
    from huracan.data.fetching import Outcome, Wish, fetch_all
    from huracan.data.store import store_root
    from huracan.data.venue_client import open_venue
    from huracan.terminal import print_json

    wish = Wish(instant(since, "--since"), None if until is None else instant(until, "--until"), recheck)
    if wish.until_ns is not None and wish.until_ns <= wish.since_ns:
        raise Refused("it ends before it begins", where="--until", fix="give a later time than --since")
    if wish.since_ns > datetime.now(UTC).timestamp() * 1e9:
        raise Refused(f"{since} is not yet past", where="--since", fix="give an earlier date")
    root = store_root(store)
    wanted = series_of(venue, symbols, kind or ["bars"], timeframe)

    async def run() -> tuple[list[Outcome], Any]:
        async with open_venue(venue) as opened:
            with fetch_show.fetching(wanted) as tell:
                return await fetch_all(root, opened, wanted, wish, tell), opened

    outcomes, opened = asyncio.run(run())
    if json:
        print_json(fetch_show.fetched(outcomes, opened, root))
    else:
        fetch_show.show_fetched(outcomes, opened, root)
    return fetch_show.say_failures(outcomes)


def series_of(venue: str, symbols: list[str], kinds: list[str], timeframe: str) -> list[Any]:
    """Every symbol with every kind, each once; kinds may be given as one word with commas."""
    from huracan.data.store_kinds import WITH_TIMEFRAME, Series

    words = [word for each in kinds for word in each.split(",")]
    if "book" in words:
        raise Refused("books of the past are not given by venues", where="--kind", fix="import recorded files of them")
    found = [Series(venue, s, word, timeframe if word in WITH_TIMEFRAME else "") for s in symbols for word in words]
    return list(dict.fromkeys(found))


def instant(text: str, where: str) -> int:
    """A date or a time as ns UTC; without a zone it is taken as UTC.

    >>> instant("1970-01-02", "--since"), instant("1970-01-01T01:00:00+01:00", "--since")
    (86400000000000, 0)
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is no date", where=where, fix="write 2025-01-31 or 2025-01-31T12:00") from None
    delta = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    ns = (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000
    if ns < 0:
        raise Refused(f"{text!r} is before 1970", where=where, fix="give a later date")
    return ns
