"""The command line: `huracan COMMAND`, with exit codes that scripts can rely on.

0 done · 1 the run failed · 2 the input was refused (one message on stderr) · 130 interrupted (what is done is kept)

With `--json` a command prints one JSON object on stdout and nothing else there. Every import that takes time stands
inside the command that needs it, so that `huracan --help` answers at once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer

from huracan.cli_data import app as data_app
from huracan.interrupts import heard
from huracan.sim.refusal import Refused

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="huracan",
    help="Would this trading strategy have made money, and does the live system do what the backtest did?",
    rich_markup_mode=None,  # plain help: twice as fast, and [sweep] is no markup
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(data_app)

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="The run spec, a TOML file.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the results go; made when missing.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
Compiled = Annotated[bool, typer.Option("--python", help="Run uncompiled, so that breakpoints work. Slow.")]
Bounds = Annotated[bool, typer.Option("--check-bounds", help="Find indexing out of range, and name the line. Slow.")]
Paths = Annotated[bool, typer.Option("--path-bounds", help="Run the worst and the best path inside a bar as well.")]
Store = Annotated[
    Path | None,
    typer.Option(
        "--store", metavar="DIR", help="Where the spec's stored data is; else HURACAN_STORE, ~/.huracan/data."
    ),
]
Target = Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="A strategy of yours.", show_default=False)]


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; `arguments` are those of the process unless given."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    try:
        for before, each in pairwise(["huracan", *arguments]):
            if not each or (each.startswith("--") and each.endswith("=")):
                where = each.rstrip("=") or before  # a variable of the shell that is not set
                raise Refused("a value is empty", where=where, fix="give it, or leave the option out")
        with heard():
            code = app([each for each in arguments if each != "--debug"], prog_name="huracan", standalone_mode=False)
    except Refused as refused:
        return _stop(f"refused: {refused}", REFUSED, debug)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last place before the shell
        if hasattr(error, "format_message"):  # typer's usage errors, whose class moved between its versions
            path = getattr(getattr(error, "ctx", None), "command_path", "huracan")
            fix = f'see "{path} --help"'
            return _stop(f"refused: {error.format_message()} To mend it: {fix}", REFUSED, debug)
        if type(error).__name__ != "Abort":
            hint = "" if debug else " (--debug shows where)"
            return _stop(f"failed: {_said(error)}{hint}", FAILED, debug)
        code = INTERRUPTED
    if code == INTERRUPTED:
        return _stop("interrupted", INTERRUPTED, False)
    return code if isinstance(code, int) else DONE


def _said(error: Exception) -> str:
    """What went wrong, for people: a disk that takes nothing more is named, with what to do."""
    if type(error).__name__ in ("NotWritten", "NotStored", "NoRoom"):  # these say all of it themselves
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        where = error.filename or "the disk of the results, the store or the caches, or what stdout goes to"
        fix = "Free some space and run it again: what was there before is there still"
        return f"nothing more could be written: {error.strerror}: {where}. {fix}"
    if isinstance(error, MemoryError):
        fix = "Ask for less at once (bars, instruments, sets, order slots, files), or free some and run it again"
        return f"there is not enough memory{f': {error}' if str(error) else ''}. {fix}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _stop(message: str, code: int, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"huracan: {message}", file=sys.stderr)
    return code


@app.callback()
def _everywhere(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure or a refusal.")] = False,
) -> None:
    """Would this trading strategy have made money, and does the live system do what the backtest did?"""
    # main() has looked for --debug anywhere on the line already; the option stands here for --help.


@app.command()
def backtest(
    out: Out,
    spec: Annotated[Path | None, typer.Argument(metavar="SPEC", help="The run spec, a TOML file.")] = None,
    table: Annotated[Path | None, typer.Option("--from", metavar="SWEEP", help="A sweep.parquet, for --row.")] = None,
    row: Annotated[int | None, typer.Option("--row", metavar="N", help="Run row N of --from in full.")] = None,
    top: Annotated[int | None, typer.Option("--top", metavar="K", help="Run the best K rows of --from.")] = None,
    python: Compiled = False,
    check_bounds: Bounds = False,
    path_bounds: Paths = False,
    store: Store = None,
    json: Json = False,
) -> None:
    """Run one backtest and write its result files and its report; or rows of a sweep again, in full."""
    from huracan import run, terminal

    if table is not None or row is not None or top is not None:
        with _store_at(store):
            return _from_sweep(spec, table, row, top, out, json, other=python or check_bounds or path_bounds)
    if spec is None:
        raise Refused("there is no spec", where="SPEC", fix="name a TOML file, or --from sweep.parquet --row N")
    from huracan.path_bounds import run_bounds, write_bounds
    from huracan.report_again import BOUNDS, write_page
    from huracan.sim.atomic_files import results_folder
    from huracan.spec import load_spec

    with _stdout_for(json), _store_at(store), run.lines_named(spec):
        checked = load_spec(spec)
        with results_folder(out):  # before time is spent on what could not be written
            result = run.backtest(checked, python=python, check_bounds=check_bounds)
            result.save(out)
        figures = dict(result.figures)
        if path_bounds:
            figures["path_bounds"] = run_bounds(checked, python=python)
            write_bounds(out, figures["path_bounds"])
            write_page(out, result)  # once more, with what the path inside the bars leaves open
        else:
            (out / BOUNDS).unlink(missing_ok=True)  # of an earlier run in the same folder
    if json:
        terminal.print_json(figures)
    else:
        terminal.show_backtest(figures, out)


def _from_sweep(
    spec: Path | None, table: Path | None, row: int | None, top: int | None, out: Path, json: bool, *, other: bool
) -> None:
    """Rows of a sweep in full: one into the folder, several into a folder each."""
    from huracan import rerun, terminal
    from huracan.sim.atomic_files import results_folder

    fix = "write --from sweep.parquet --row N, or --top K"
    if table is None or (row is None) == (top is None):
        raise Refused("--from goes with one of --row and --top", where="--from", fix=fix)
    if spec is not None or other:
        raise Refused("--from runs the spec of the sweep as it was", where="--from", fix=f"{fix}, and nothing else")
    if top is not None and top < 1:
        raise Refused(f"--top {top} asks for nothing", where="--top", fix="give 1 or more")
    with _stdout_for(json):
        swept = rerun.open_sweep(table)
        rows = [row] if row is not None else rerun.best_rows(swept, top or 1)
        if not rows:
            raise Refused(f"no set has a {swept.rank_by}, so none is the best", where="--top", fix="give --row N")
        found = []
        with results_folder(out):
            for each in rows:
                result = rerun.rerun(swept, each)
                folder = out if row is not None else out / f"row-{each}"
                result.save(folder)
                found.append({"row": each, **result.figures})
                if not json:
                    terminal.show_backtest(result.figures, folder)
    if json:
        terminal.print_json(found[0] if row is not None else {"runs": found})


@app.command()
def sweep(
    spec: SpecFile,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the results go.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would run.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what an earlier run finished.")] = False,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="ADDRESS", help="Run on a Ray cluster: auto, or its host:port.")
    ] = None,
    store: Store = None,
    json: Json = False,
) -> int:
    """Run every parameter set of the spec's [sweep] table."""
    from huracan import run, terminal
    from huracan.sim.atomic_files import results_folder
    from huracan.spec import load_spec

    top: list[dict[str, Any]] = []
    if out is None and not plan:
        raise Refused("a sweep needs a folder for its results", where="--out", fix="add --out DIR, or --plan")
    with _stdout_for(json), _store_at(store), run.lines_named(spec):
        checked = load_spec(spec)
        if out is None or plan:
            figures = run.plan(checked)
        else:
            with results_folder(out), terminal.progress("parameter sets") as step:
                result = run.sweep(checked, out=out, resume=resume, progress=step, cluster=cluster)
            figures = result.figures
            top = terminal.top_rows(result)
    if json:
        terminal.print_json(figures)
    elif out is None or plan:
        terminal.show_plan(figures)
    else:
        terminal.show_sweep(figures, out, top)
    return DONE if plan or figures["sets"] == figures["planned"] else INTERRUPTED


@app.command()
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Results of this or that run.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the page goes.")] = None,
    benchmark: Annotated[
        Path | None, typer.Option("--benchmark", metavar="FILE", help="Bars to hold it against.")
    ] = None,
    format: Annotated[str, typer.Option("--format", metavar="html|md", help="md prints Markdown.")] = "html",
) -> None:
    """Write the report of a saved backtest or sweep again; of several backtests also their comparison."""
    from huracan.report_again import as_markdown, comparison, render

    if format not in ("html", "md"):
        raise Refused(f'the format "{format}"', where="--format", fix="give html or md")
    if format == "md":
        print(as_markdown(folders))
        return
    for folder in folders:
        print(render(folder, out if len(folders) == 1 else None, benchmark))
    if len(folders) > 1 and (path := comparison(folders, out)) is not None:
        print(path)


@app.command()
def check(target: Target, json: Json = False) -> int:
    """Hold a strategy of yours against the laws."""
    from huracan import run, terminal

    with _stdout_for(json):
        found: dict[str, Any] = run.check(target)
    if json:
        terminal.print_json(found)
    else:
        terminal.show_check(found)
    return DONE if found["ok"] else FAILED


@app.command()
def strategies(json: Json = False) -> None:
    """List the shipped strategies and their parameters."""
    from dataclasses import asdict

    from huracan import terminal
    from huracan.strategies.discovery import shipped_strategies

    listed = []
    for each in shipped_strategies():
        params = {name: {"kind": param.kind, **asdict(param)} for name, param in each.params.items()}
        listed.append({"name": each.name, "doc": each.doc, "params": params})
    if json:
        terminal.print_json({"strategies": listed})
    else:
        terminal.show_strategies(listed)


@app.command()
def features(json: Json = False) -> None:
    """List the features that a strategy can declare, and what it can read of an order book."""
    from dataclasses import asdict

    from huracan import terminal
    from huracan.strategies.discovery import shipped_depth, shipped_features

    listed, depth = ([asdict(each) for each in found] for found in (shipped_features(), shipped_depth()))
    if json:
        terminal.print_json({"features": listed, "depth": depth})
    else:
        terminal.show_features(listed)
        terminal.show_features(depth, "of an order book, in a step")


@app.command()
def doctor(
    json: Json = False,
    clear_cache: Annotated[bool, typer.Option("--clear-cache", help="Empty the cache of compiled strategies.")] = False,
) -> int:
    """Look at versions, caches, arithmetic and missing extras."""
    from huracan import terminal
    from huracan.doctor import examine
    from huracan.sim import stubs

    with _stdout_for(json):
        removed = {"removed": stubs.clear()} if clear_cache else {}
        found = examine() | removed
    if json:
        terminal.print_json(found)
    else:
        terminal.show_doctor(found)
    return DONE if found["healthy"] else FAILED


@contextlib.contextmanager
def _stdout_for(json: bool) -> Iterator[None]:
    """With --json, whatever a strategy or a library prints goes to stderr: stdout is for the one object."""
    with contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def _store_at(folder: Path | None) -> Iterator[None]:
    """With --store, runs find their data there."""
    before = os.environ.get("HURACAN_STORE")
    if folder is not None:
        os.environ["HURACAN_STORE"] = str(folder)
    try:
        yield
    finally:
        if folder is not None:
            if before is None:
                del os.environ["HURACAN_STORE"]
            else:
                os.environ["HURACAN_STORE"] = before
