"""`huracan data synth`: a synthetic market into files or the store, with the truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from huracan.sim.refusal import Refused

Names = Annotated[
    list[str] | None, typer.Option("--symbol", metavar="BTC/USDT", help="As ccxt writes it; may stand several times.")
]
Assets = Annotated[int | None, typer.Option("--assets", metavar="N", help="So many perpetuals, instead of symbols.")]
Venues = Annotated[
    list[str] | None,
    typer.Option("--venue", metavar="NAME[:lag_ms[:basis_bps]]", help="Where it is traded; may stand several times."),
]
Planted = Annotated[
    list[str] | None, typer.Option("--edge", metavar="NAME=0.3", help="leader, pair, breakout; of books leader, toxic.")
]


def synth_command(
    bars: Annotated[int | None, typer.Option("--bars", metavar="N", help="How many bars; else 100,000.")] = None,
    timeframe: Annotated[str | None, typer.Option("--timeframe", metavar="1m", help="How long a bar is.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another market.")] = 0,
    symbol: Names = None,
    assets: Assets = None,
    venue: Venues = None,
    edge: Planted = None,
    book: Annotated[bool, typer.Option("--book", help="Order books instead of bars.")] = False,
    seconds: Annotated[float | None, typer.Option("--seconds", help="How long the books run; else 600.")] = None,
    quotes: Annotated[bool, typer.Option("--quotes", help="Best bid and offer besides.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Parquet files here; else the store.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="The store; else HURACAN_STORE or ~/.huracan/data.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")] = (
        False
    ),
) -> None:
    """Make a synthetic market from a seed: bars and funding, or order books, and what is true of them."""
    from dataclasses import asdict

    from huracan import terminal
    from huracan.data.store import store_root
    from huracan.data.synthetic_assets import asset_names
    from huracan.data.synthetic_files import write_files, write_store
    from huracan.spec_synthetic import SYNTHETIC_SYMBOL

    _one_way(bars, timeframe, seconds, quotes, book, symbol, assets, out, store)
    symbols = asset_names(assets) if assets is not None else tuple(symbol or (SYNTHETIC_SYMBOL,))
    places, edges = _places(venue), _edges(edge)
    about: dict[str, Any] = {"seed": seed, "symbols": list(symbols), "venues": [asdict(each) for each in places]}
    about["edges"] = asdict(edges)
    made: Any
    if book:
        from huracan.data.synthetic_book import book_feeds

        about |= {"market": "book", "seconds": 600.0 if seconds is None else seconds}
        made = book_feeds(about["seconds"], seed, symbols=symbols, places=places, edges=edges, quotes=quotes)
    else:
        from huracan.data.synthetic import market
        from huracan.data.timeframes import parse_timeframe

        about |= {"market": "regimes", "bars": 100_000 if bars is None else bars, "timeframe": timeframe or "1m"}
        step_ns = parse_timeframe(about["timeframe"])
        made = market(about["bars"], seed, symbols=symbols, timeframe_ns=step_ns, edges=edges, places=places)
    where = out if out is not None else store_root(store)
    written = write_files(where, made, about) if out is not None else write_store(where, made, about)
    if json:
        terminal.print_json({"where": str(where), "written": written, **about})
        return
    for each in written:
        print(f"{each['venue']} {each['symbol']} {each['kind']}: {each['rows']:,} rows")
    print(f"in {where}, with the truth beside: truth.json and labels.parquet")


def _one_way(
    bars: int | None,
    timeframe: str | None,
    seconds: float | None,
    quotes: bool,
    book: bool,
    symbol: list[str] | None,
    assets: int | None,
    out: Path | None,
    store: Path | None,
) -> None:
    """Refuse options that contradict each other."""
    of_bars = {"--bars": bars is not None, "--timeframe": timeframe is not None}
    of_books = {"--seconds": seconds is not None, "--quotes": quotes}
    for option, given in (of_bars if book else of_books).items():
        if given:
            word = "order books have no bars" if book else "bars are no order books"
            raise Refused(f"{option} means nothing here: {word}", where=option, fix="leave out --book or it")
    if symbol and assets is not None:
        raise Refused("--symbol and --assets contradict each other", where="--assets", fix="keep one of them")
    if assets is not None and not 1 <= assets <= 1000:
        raise Refused(f"--assets must be from 1 to 1000, not {assets}", where="--assets")
    if out is not None and store is not None:
        raise Refused("--out and --store contradict each other", where="--store", fix="keep one of them")


def _places(given: list[str] | None) -> list[Any]:
    """Venues from words such as late:30000:2.5.

    >>> _places(["late:30000"])[0].lag_ms
    30000.0
    """
    from huracan.data.synthetic_edges import Place

    places = []
    for text in given or [Place().name]:
        name, *numbers = text.split(":")
        try:
            lag, basis = [*(float(x) for x in numbers), 0.0, 0.0][:2]
        except ValueError:
            raise Refused(f"{text!r} is no venue", where="--venue", fix="write it as late:30000:2.5") from None
        if len(numbers) > 2:
            raise Refused(f"{text!r} is no venue", where="--venue", fix="write it as late:30000:2.5")
        places.append(Place(name, lag, basis))
    return places


def _edges(given: list[str] | None) -> Any:
    """Edges from words such as leader=0.3."""
    from dataclasses import fields

    from huracan.data.synthetic_edges import Edges
    from huracan.words import nearest

    known = [field.name for field in fields(Edges)]
    strengths: dict[str, float] = {}
    for text in given or []:
        name, _, value = text.partition("=")
        if name not in known:
            raise Refused(f"there is no edge {name!r}", where="--edge", fix=nearest(name, known) or ", ".join(known))
        try:
            strengths[name] = float(value)
        except ValueError:
            raise Refused(f"{text!r} has no strength", where="--edge", fix=f"write it as {name}=0.3") from None
    return Edges(**strengths)
