"""What `huracan data` shows in a terminal, and the page of a check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huracan.data.checks import Check
    from huracan.data_import import Imported


def show_check(found: Check, said: Iterable[str], out: Path | None) -> None:
    """What was looked at, then a row for each problem."""
    for words in said:
        print(words)
    about = [f"{found.rows:,} rows of {found.kind}", found.timeframe, f"{found.first} to {found.last}"]
    print(", ".join(words for words in [*about, f"tick {found.tick}" if found.tick else ""] if words))
    for name, count in found.notes.items():
        print(f"on reading: {name} {count:,}")
    if not found.problems:
        print("no problems found")
    else:
        rows = []
        for each in found.problems:
            choices = [f"[{rule}]" if rule == each.repair else rule for rule in each.choices] or [each.repair]
            rows.append([each.name, f"{each.count:,}", short(each.first), short(each.last), " ".join(choices)])
        print_table(["problem", "count", "first", "last", "repair"], rows, right=("count",))
        for each in found.problems:
            print(f"{each.name}: {each.says}")
        mended = [each for each in found.problems if each.choices and each.repair not in ("keep", "refuse")]
        key = {"funding": "funding_repair", "trades": ""}.get(found.kind, "repair")
        if mended and key:
            table = ", ".join(f'{each.name} = "{each.repair}"' for each in mended)
            print(f"to mend in a run: [data] {key} = {{ {table} }}")
        if mended and found.kind != "book":
            print("to mend in an import: " + " ".join(f"--repair {each.name}={each.repair}" for each in mended))
    if out is not None:
        print(f"files in {out}: check.html, check.json")


def show_imported(answers: Iterable[Imported]) -> None:
    """What each file was taken for, and what it brought."""
    for done in answers:
        print(done.file)
        for words in dict.fromkeys(done.said):
            print(f"  guessed from {words}")
        if done.tick:
            print(f"  tick {done.tick}, from the decimals")
        for name, count in done.repairs.items():
            print(f"  repaired: {name} {count:,}")
        for name, count in done.problems.items():
            print(f"  noticed: {name} {count:,}")
        for kind, new in done.new.items():
            words = " ".join(word for word in (done.venue, done.symbol, kind, done.timeframe) if word)
            print(f"  {words}: {new:,} new rows of {done.rows:,} read")


def show_resampled(made: Mapping[str, Any]) -> None:
    """What came of it."""
    partial = f", {made['partial']:,} of them not whole" if made["partial"] else ""
    print(f"{made['bars']:,} bars of {made['timeframe']} from {made['from']}{partial}")
    for name, count in made["repairs"].items():
        print(f"repaired: {name} {count:,}")
    print(f"written to {made['file']}" if "file" in made else f"{made['series']}: {made['new']:,} new rows")


def show_series(listed: Sequence[Mapping[str, Any]]) -> None:
    """A row a series."""
    if not listed:
        print("the store is empty")
        return
    rows = []
    for each in listed:
        size = f"{each['bytes'] / 1e6:,.1f} MB"
        names = [each["venue"], each["symbol"], each["kind"], each["timeframe"] or ""]
        rows.append([*names, f"{each['rows']:,}", short(each["first"]), short(each["last"]), size])
    heads = ["venue", "symbol", "kind", "timeframe", "rows", "first", "last", "size"]
    print_table(heads, rows, right=("rows", "size"))


def short(when: str | None) -> str:
    """An ISO time as a table has room for it.

    >>> short("2024-08-08T23:54:15.030314667Z")
    '2024-08-08 23:54:15'
    """
    return (when or "").replace("T", " ").rstrip("Z").partition(".")[0]


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """A table of texts; names in brackets are no markup."""
    import sys

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for head in heads:
        table.add_column(Text(head), justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # a pipe has no width, and folding there would break what reads it
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def write_page(found: Check, out: Path) -> None:
    """check.html and check.json in a folder that is made when missing."""
    import json
    from dataclasses import asdict

    from huracan.reports.data_page import data_page
    from huracan.sim.atomic_files import make_folder, write_together

    plain = found.plain()
    page = data_page(plain, asdict(found.coverage))
    make_folder(out)
    text = json.dumps(plain, indent=1, allow_nan=False)
    write_together(
        out,
        {
            "check.json": lambda path: path.write_text(text, "utf-8"),
            "check.html": lambda path: path.write_text(page, "utf-8"),
        },
    )
