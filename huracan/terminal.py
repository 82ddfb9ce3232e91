"""What the commands show: a few short tables for people, or one JSON object for programs."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Step = Callable[[int, int], None]  # done, total

# (figure, its words, how it is written)
MAIN = [
    ("final_equity", "final equity", "money"),
    ("total_return", "total return", "share"),
    ("annual_return", "annual return", "share"),
    ("volatility", "volatility", "share"),
    ("max_drawdown", "max drawdown", "share"),
    ("sharpe", "sharpe", "ratio"),
    ("sharpe_daily", "sharpe, daily", "ratio"),
    ("sortino", "sortino", "ratio"),
    ("calmar", "calmar", "ratio"),
    ("fills", "fills", "count"),
    ("trades", "closed trades", "count"),
    ("open_trades", "open trades", "count"),
    ("win_rate", "win rate", "share"),
    ("fees", "fees", "money"),
    ("slippage", "slippage", "money"),
    ("funding", "funding", "money"),
    ("turnover", "turnover", "ratio"),
    ("exposure", "exposure", "share"),
    ("bars", "bars", "count"),
    ("start", "start", "text"),
    ("end", "end", "text"),
]
FORMATS = {"money": "{:,.2f}", "share": "{:.2%}", "ratio": "{:.3f}", "count": "{:,}", "text": "{}"}


def print_json(value: Mapping[str, Any]) -> None:
    """One object on stdout; NaN would not be JSON, so it raises here."""
    sys.stdout.write(json.dumps(value, allow_nan=False, default=_plain) + "\n")
    sys.stdout.flush()


def written(value: Any, kind: str) -> str:
    """A figure as people read it; "-" is one that does not exist.

    >>> written(0.0312, "share"), written(None, "ratio"), written(1234.5, "money")
    ('3.12%', '-', '1,234.50')
    """
    return "-" if value is None else FORMATS[kind].format(value)


def show_backtest(figures: Mapping[str, Any], out: Path) -> None:
    """The main figures, beside those of the worst and best path where they were asked for; repairs; rejections."""
    bounds: Mapping[str, Mapping[str, Any]] = figures.get("path_bounds", {})
    columns = ["", "result", *bounds]
    rows = []
    for key, words, kind in MAIN:
        if key in figures:
            rows.append([words, *(written(each.get(key), kind) for each in (figures, *bounds.values()))])
    _print(_table(columns, rows))
    for title, key in (("repairs", "repairs"), ("rejections and cuts", "rejections")):
        counts = figures.get(key) or {}
        if counts:
            _print(_table([title, "count"], [[name, f"{count:,}"] for name, count in counts.items()]))
    _files(out)


def show_sweep(figures: Mapping[str, Any], out: Path) -> None:
    """How much was run, the best set, and what that best is worth."""
    best = figures.get("best") or {}
    rows = [["parameter sets", written(figures.get("sets"), "count")], ["bars", written(figures.get("bars"), "count")]]
    rows += [[f"best: {key[2:]}", str(value)] for key, value in best.items() if key.startswith("p.")]
    rows += [[f"best: {words}", written(best.get(key), kind)] for key, words, kind in MAIN[:7] if key in best]
    verdict = (figures.get("honesty") or {}).get("verdict")
    if verdict:
        rows.append(["verdict", str(verdict)])
    _print(_table(["", "sweep"], rows))
    _files(out)


def show_plan(plan: Mapping[str, Any]) -> None:
    """What would run, a row each."""
    rows = [
        [key.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value)] for key, value in plan.items()
    ]
    _print(_table(["", "plan"], rows))


def show_check(found: Mapping[str, Any]) -> None:
    """One row a law, then the warnings: {"ok", "laws": [{"law", "ok", "detail"}], "warnings": [...]}."""
    rows = [[law["law"], "holds" if law["ok"] else "BROKEN", str(law.get("detail", ""))] for law in found["laws"]]
    _print(_table(["law", "", "detail"], rows))
    for warning in found.get("warnings", ()):
        print(f"warning: {warning}")


def show_strategies(listed: Iterable[Mapping[str, Any]]) -> None:
    """Names, parameters with defaults and ranges, and what each does."""
    rows = [[each["name"], param_text(each["params"]), each["doc"]] for each in listed]
    _print(_table(["strategy", "parameters", ""], rows))


def show_features(listed: Iterable[Mapping[str, Any]]) -> None:
    """How each is declared, and what it is."""
    _print(_table(["feature", ""], [[each["signature"], each["doc"]] for each in listed]))


def param_text(params: Mapping[str, Mapping[str, Any]]) -> str:
    """Parameters with what they are if not given, and what they may be.

    >>> param_text({"fast": {"default": 20, "low": 2, "high": None, "choices": []}})
    'fast = 20 (from 2)'
    """
    parts = []
    for name, each in params.items():
        bounds = [f"{word} {each[key]:,}" for word, key in (("from", "low"), ("to", "high")) if each[key] is not None]
        may = ", ".join(each["choices"]) or " ".join(bounds)
        parts.append(f"{name} = {each['default']}" + (f" ({may})" if may else ""))
    return "\n".join(parts)


def show_doctor(found: Mapping[str, Any]) -> None:
    """Versions, cache and self-test; then what is missing and what is wrong."""
    rows = [[name, version or "missing"] for name, version in found["versions"].items()]
    rows.append(["processor cores", str(found["cores"])])
    cache = found["cache"]
    rows.append(["compiler cache", cache["folder"] or "none"])
    rows.append(["", f"{cache['entries']:,} compiled machines, {cache['bytes'] / 1e6:,.1f} MB"])
    rows.append(["arithmetic self-test", "passed" if found["self_test"]["passed"] else "FAILED"])
    _print(_table(["huracan", ""], rows))
    if "removed" in found:
        print(f"removed {found['removed']:,} compiled machines from the cache")
    for extra in found["missing_extras"]:
        print(f"missing for [{extra['extra']}]: {', '.join(extra['missing'])}; install with: {extra['install']}")
    for problem in found["problems"]:
        print(f"problem: {problem}")


@contextlib.contextmanager
def progress(what: str) -> Iterator[Step]:
    """A bar on stderr that a long run moves by `step(done, total)`; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    numbers = "result" in columns or "count" in columns
    for k, column in enumerate(columns):
        table.add_column(Text(column), justify="right" if numbers and k else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: names in brackets are no markup
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    console = Console(soft_wrap=not sys.stdout.isatty())
    console.print(table)


def _files(out: Path) -> None:
    print(f"files in {out}: {', '.join(sorted(each.name for each in out.iterdir() if each.is_file()))}")


def _plain(value: Any) -> Any:
    """numpy's numbers and paths as JSON knows them."""
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
