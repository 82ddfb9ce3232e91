"""What the commands show: a few short tables for people, or one JSON object for programs."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.table import Table

    from huracan.sim.sweep_result import SweepResult

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
TOP = ("sharpe", "total_return", "max_drawdown", "trades")
HONESTY = (
    ("best_sharpe", "best: sharpe, by days", "ratio"),
    ("best_sharpe_by_luck", "best sharpe by luck", "ratio"),
    ("trials_before", "trials before", "count"),
    ("effective_trials", "effective trials", "count"),
    ("probabilistic_sharpe", "probabilistic sharpe", "share"),
    ("deflated_sharpe", "deflated sharpe", "share"),
    ("pbo", "probability of overfitting", "share"),
    ("spa_p", "chance of it without an edge", "share"),
    ("min_backtest_length", "years needed", "ratio"),
    ("years", "years there were", "ratio"),
)
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


def show_sweep(figures: Mapping[str, Any], out: Path, top: Sequence[Mapping[str, Any]] = ()) -> None:
    """What the best is worth, how much was run, and the best sets."""
    honesty = figures.get("honesty") or {}
    rows = [["parameter sets", written(figures.get("sets"), "count")], ["bars", written(figures.get("bars"), "count")]]
    if figures.get("planned", 0) > figures.get("sets", 0):
        rows.append(["planned", f"{figures['planned']:,}: --resume goes on with the rest"])
    rows += [[f"best: {key[2:]}", str(value)] for key, value in (figures.get("best") or {}).items() if key[:2] == "p."]
    rows += [[words, written(honesty[key], kind)] for key, words, kind in HONESTY if honesty.get(key) is not None]
    if honesty.get("shape"):
        rows.append(
            ["the best stands on a", f"{honesty['shape']} ({max(honesty['stability'], 0.0):.0%} of its lead is kept)"]
        )
    rows += [
        [f"sets: {name.replace('_', ' ')}", f"{count:,}"] for name, count in (figures.get("problems") or {}).items()
    ]
    if honesty.get("verdict"):
        rows.append(["verdict", str(honesty["verdict"])])
    _print(_table(["", "sweep"], rows))
    if top:
        rank_by = str(figures.get("rank_by", TOP[0]))
        keys = [key for key in top[0] if key.startswith("p.")]
        kinds = {rank_by: (rank_by.replace("_", " "), "ratio")} | {key: (words, kind) for key, words, kind in MAIN}
        shown = [key for key in dict.fromkeys((rank_by, *TOP)) if key in top[0]]
        columns = ["row", *(key[2:] for key in keys), *(kinds[key][0] for key in shown)]
        lines = [
            [str(row["row"]), *(str(row[k]) for k in keys), *(written(row[k], kinds[k][1]) for k in shown)]
            for row in top
        ]
        _print(_table(columns, lines, whole=True))
    _files(out)


def top_rows(result: SweepResult, count: int = 10) -> list[dict[str, Any]]:
    """The best sets as rows, the best first."""
    from huracan.rerun import best_rows

    return [{"row": row, **result.row(row)} for row in best_rows(result, count)]


def show_plan(plan: Mapping[str, Any]) -> None:
    """What would run, a row each."""
    rows = [[key.replace("_", " "), plan_text(key, value)] for key, value in plan.items() if value != ""]
    _print(_table(["", "plan"], rows))


def plan_text(key: str, value: Any) -> str:
    """A value of a plan as people read it.

    >>> plan_text("memory_bytes", 250_000_000), plan_text("seconds", 3700.0), plan_text("sets", 1000)
    ('250 MB', '1h 1m 40s', '1,000')
    >>> plan_text("in_vectors", True)
    'yes'
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == "memory_bytes":
        return f"{value / 1e6:,.0f} MB"
    if key == "seconds":
        minutes, seconds = divmod(float(value), 60.0)
        hours, minutes = divmod(int(minutes), 60)
        return (
            f"{hours}h {minutes}m {seconds:.0f}s"
            if hours
            else f"{minutes}m {seconds:.0f}s"
            if minutes
            else f"{seconds:.1f}s"
        )
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}" if isinstance(value, float) else str(value)


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


def show_features(listed: Iterable[Mapping[str, Any]], title: str = "feature") -> None:
    """How each is declared, and what it is."""
    _print(_table([title, ""], [[each["signature"], each["doc"]] for each in listed]))


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
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None, rate="")

        def step(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")

        yield step


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, whole: bool = False) -> Table:
    """Texts of rows under columns; `whole` folds long headings only, never a cell: half a number is another number."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    numbers = "result" in columns or "count" in columns
    rows = list(rows)
    for k, column in enumerate(columns):
        words = () if "." in column else column.split()
        widest = max(map(len, [*words, *(row[k] for row in rows)])) if whole else None
        justify: Literal["left", "right"] = "right" if numbers and k else "left"
        table.add_column(Text(column), justify=justify, overflow="fold", min_width=widest)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: names in brackets are no markup
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    console = Console(soft_wrap=not sys.stdout.isatty())
    console.print(table, crop=False)  # what is wider than the terminal goes on in its next line


def _files(out: Path) -> None:
    print(f"files in {out}: {', '.join(sorted(each.name for each in out.iterdir() if each.is_file()))}")


def _plain(value: Any) -> Any:
    """numpy's numbers and paths as JSON knows them."""
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
