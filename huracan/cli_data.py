"""`huracan data …`: the store of market data, what goes into it and what is in it.

Every command prints tables, or with `--json` one object on stdout and nothing else there. Imports that take time stand
inside the commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from huracan.cli_fetch import fetch
from huracan.cli_synth import synth_command
from huracan.sim.refusal import Refused

app = typer.Typer(
    name="data",
    help="Market data: fetch, import, check, resample, make up, and the store that it is kept in.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

app.command("fetch")(fetch)
app.command("synth")(synth_command)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
Store = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="The store; else HURACAN_STORE or ~/.huracan/data.")
]
Symbol = Annotated[str, typer.Option("--symbol", metavar="BTC/USDT", help="As ccxt writes it; else guessed.")]
Venue = Annotated[str, typer.Option("--venue", help="Whose data it is, as binance.")]
Timeframe = Annotated[str, typer.Option("--timeframe", metavar="1m", help="How long a bar is; else guessed.")]
Format = Annotated[
    str | None,
    typer.Option("--format", help="csv, parquet, feather, json, binance-raw or tardis; else told by the file."),
]
Kind = Annotated[
    str | None, typer.Option("--kind", help="bars, trades, book, funding or mark; else told by the columns.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="WORD=NAME", help="Which column of the file holds what, as open=first."),
]
Repairs = Annotated[
    list[str] | None,
    typer.Option("--repair", metavar="PROBLEM=RULE", help="How to mend what is wrong, as duplicate_time=first."),
]


@app.command("check")
def check_command(
    target: Annotated[str, typer.Argument(metavar="FILE|SYMBOL", help="A file, or a symbol of the store.")],
    timeframe: Timeframe = "",
    venue: Venue = "",
    kind: Kind = None,
    symbol: Symbol = "",
    format: Format = None,
    column: Columns = None,
    store: Store = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write check.html and check.json.")] = None,
    json: Json = False,
) -> None:
    """Look for gaps, doubled rows, bad prices, spikes, outages and the like. Changes nothing."""
    from huracan import data_show, terminal
    from huracan.data_check import Asked, check

    asked = Asked(symbol, venue, timeframe, format, kind, pairs(column, "--column"), store)
    found, said = check(target, asked)
    if out is not None:
        data_show.write_page(found, out)
    if json:
        terminal.print_json(found.plain())
    else:
        data_show.show_check(found, said, out)


@app.command("import")
def import_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one kind of source.")],
    symbol: Symbol = "",
    venue: Venue = "",
    timeframe: Timeframe = "",
    kind: Kind = None,
    format: Format = None,
    column: Columns = None,
    repair: Repairs = None,
    bad_lines: Annotated[str, typer.Option("--bad-lines", help="Of feeds: refuse lines that are none, or skip.")] = (
        "refuse"
    ),
    store: Store = None,
    json: Json = False,
) -> None:
    """Put files into the store. What is guessed about them is said; rows that are held already are not doubled."""
    from dataclasses import asdict

    from huracan import data_show, terminal
    from huracan.data_check import Asked
    from huracan.data_import import import_file

    if bad_lines not in ("refuse", "skip"):
        raise Refused(f"there is no rule {bad_lines!r}", where="--bad-lines", fix="use refuse or skip")
    asked = Asked(symbol, venue, timeframe, format, kind, pairs(column, "--column"), store)
    done = []
    for file in files:
        answers = import_file(str(file), asked, pairs(repair, "--repair"), bad_lines)
        done += answers
        if not json:
            data_show.show_imported(answers)
    if json:
        terminal.print_json({"imported": [asdict(each) for each in done]})


@app.command("resample")
def resample_command(
    target: Annotated[str, typer.Argument(metavar="FILE|SYMBOL", help="Bars or trades: a file, or of the store.")],
    to: Annotated[str, typer.Option("--to", metavar="5m", help="How long the new bars are.")],
    timeframe: Timeframe = "",
    venue: Venue = "",
    kind: Kind = None,
    symbol: Symbol = "",
    format: Format = None,
    column: Columns = None,
    whole: Annotated[bool, typer.Option("--whole", help="Leave out a first and last bar that is not whole.")] = False,
    repair: Repairs = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="NAME", help="Write csv, parquet or feather.")] = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Make longer bars out of bars, or bars out of trades, into the store or a file."""
    from huracan import data_show, terminal
    from huracan.data_check import Asked
    from huracan.data_resample import resample

    asked = Asked(symbol, venue, timeframe, format, kind, pairs(column, "--column"), store)
    made = resample(target, to, asked, whole=whole, file=file, repair=pairs(repair, "--repair"))
    if json:
        terminal.print_json(made)
    else:
        data_show.show_resampled(made)


@app.command("list")
def list_command(store: Store = None, json: Json = False) -> None:
    """List the series of the store."""
    from huracan import data_show, terminal

    listed = series_of(store)
    if json:
        terminal.print_json({"series": listed})
    else:
        data_show.show_series(listed)


@app.command("rm")
def remove_command(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="As ccxt writes it.")],
    venue: Venue = "",
    kind: Kind = None,
    timeframe: Annotated[str, typer.Option("--timeframe", metavar="1m", help="Only bars of this length.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: Store = None,
    json: Json = False,
) -> None:
    """Remove series from the store; asks first, unless told --yes."""
    from huracan import terminal
    from huracan.data.store import store_root
    from huracan.data.store_kinds import Series
    from huracan.data.store_writing import remove
    from huracan.data.timeframes import format_timeframe, parse_timeframe

    length = format_timeframe(parse_timeframe(timeframe)) if timeframe else ""
    wanted = {"symbol": symbol, "venue": venue, "kind": kind, "timeframe": length}
    fits = [each for each in series_of(store) if all(each[key] == word for key, word in wanted.items() if word)]
    if not fits:
        what = " ".join(str(word) for word in wanted.values() if word)
        fix = "`huracan data list` shows what there is"
        raise Refused("the store holds no such series", where=what, fix=fix)
    names = [f"{each['venue']} {each['symbol']} {each['kind']} {each['timeframe'] or ''}".strip() for each in fits]
    if not yes:
        if json:
            raise Refused("with --json nobody is asked", where="--json", fix="add --yes")
        print("\n".join(f"{name}: {each['rows']:,} rows" for name, each in zip(names, fits, strict=True)))
        if not typer.confirm("Remove this for good?", default=False):
            raise KeyboardInterrupt
    root = store_root(store)
    keys = ("venue", "symbol", "kind", "timeframe")
    rows = [remove(root, Series(*(each[key] or "" for key in keys))) for each in fits]
    if json:
        terminal.print_json({"removed": [dict(each, rows=n) for each, n in zip(fits, rows, strict=True)]})
    else:
        print("\n".join(f"removed {name}: {n:,} rows" for name, n in zip(names, rows, strict=True)))


def series_of(store: Path | None) -> list[dict[str, Any]]:
    """Every series of the store as plain values."""
    from huracan.data.checks import iso
    from huracan.data.store import list_series, span, store_root

    root = store_root(store)
    listed = []
    for series in list_series(root):
        held = span(root, series)
        if held is not None:
            about: dict[str, Any] = {"venue": series.venue, "symbol": series.symbol, "kind": series.kind}
            about |= {"timeframe": series.timeframe or None, "rows": held.rows, "parts": held.parts}
            about |= {"first": iso(held.first_ns), "last": iso(held.last_ns), "bytes": held.bytes}
            listed.append(about)
    return listed


def pairs(given: Sequence[str] | None, option: str) -> Mapping[str, str]:
    """Repeated `word=value` options as a mapping.

    >>> pairs(["open=first", "close=last"], "--column")
    {'open': 'first', 'close': 'last'}
    """
    found: dict[str, str] = {}
    for each in given or ():
        word, equals, value = each.partition("=")
        if not (word and equals and value):
            raise Refused(f"{each!r} is no pair", where=option, fix="write it as name=value")
        found[word.strip()] = value.strip()
    return found
