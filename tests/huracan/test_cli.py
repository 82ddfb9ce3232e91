"""The command line: exit codes, one message for a refusal, one JSON object on stdout, and answers without delay."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from huracan import cli, doctor, path_bounds, report_again, run, terminal
from huracan.sim import stubs
from huracan.sim.refusal import Refused
from huracan.sim.result import About, Result
from huracan.sim.sweep_result import SweepResult

SPEC = """
[run]
seed = 3
[data]
synthetic = "regimes"
bars = 2_000
timeframe = "1m"
[strategy]
use = "sma_cross"
[strategy.params]
fast = 5
slow = 20
"""
SWEEP = SPEC + "[sweep]\nfast = [3, 5, 25]\nvenue.fee_taker_bps = [0, 10]\nwhere = 'fast < slow'\n"
FIGURES = {"final_equity": 1_000_250.5, "total_return": 0.00025, "sharpe": None, "fills": 12, "trades": 6}


class Saved:
    """What the fake runs below hand to the command line."""

    def __init__(self, figures: dict[str, Any]) -> None:
        self.figures = figures

    def save(self, folder: Path) -> None:
        (folder / "result.json").write_text(json.dumps(self.figures))


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Runs that only note how they were asked for."""
    asked: list[dict[str, Any]] = []

    def backtest(spec: Any, **how: Any) -> Saved:
        print("a strategy says hello")
        asked.append({"intrabar": spec.venue.intrabar, **how})
        counts = {"repairs": {"tick_inferred": 1}, "rejections": {"below_lot": 3}}
        trades = {"pessimistic": 111, "ohlc": 222, "optimistic": 333}[spec.venue.intrabar]
        return Saved({**FIGURES, **counts, "name": spec.venue.intrabar, "trades": trades})

    monkeypatch.setattr(run, "backtest", backtest)
    return asked


def huracan(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import sys; from huracan.cli import main; sys.exit(main())"]
    full = os.environ | {"COLUMNS": "100"} | environment
    words = [*command, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd, env=full)


def test_help_answers_at_once_and_names_every_command() -> None:
    took = []
    for _ in range(3):
        began = time.perf_counter()
        done = huracan("--help")
        took.append(time.perf_counter() - began)
    assert done.returncode == 0
    assert done.stderr == ""
    for command in ("backtest", "sweep", "report", "check", "strategies", "features", "doctor"):
        assert re.search(rf"^  {command} ", done.stdout, re.MULTILINE), command
        assert huracan(command, "--help").returncode == 0
    assert min(took) < 0.5


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = ["numpy", "numba", "pandas", "pyarrow", "scipy", "jinja2", "huracan.spec", "huracan.run"]
    code = f"import sys, huracan.cli; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        [],
        ["backtest"],
        ["backtest", "x.toml"],
        ["backtest", "x.toml", "--out"],
        ["backtest", "x.toml", "--out", "o", "--fast"],
        ["backtest", "none.toml", "--out", "o"],
        ["backtest", ".", "--out", "o"],
        ["sweep", "spec.toml"],
        ["report"],
        ["report", "."],
        ["--nope"],
    ],
    ids=" ".join,
)
def test_a_refusal_is_exit_code_2_and_one_line_on_stderr(arguments: list[str], spec: Path) -> None:
    done = huracan(*arguments, cwd=spec.parent)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("huracan: refused: ")
    assert "To mend it: " in line
    assert not (spec.parent / "o").exists()  # nothing is made for what is refused


def test_debug_shows_the_traceback_wherever_it_stands(spec: Path) -> None:
    words = ["backtest", "none.toml", "--out", "o"]
    for arguments in (["--debug", *words], [*words, "--debug"]):
        done = huracan(*arguments, cwd=spec.parent)
        assert done.returncode == 2
        assert "Traceback" in done.stderr
        assert done.stderr.splitlines()[-1].startswith("huracan: refused: the run spec is not there")


def test_a_wrong_key_is_refused_with_its_line(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(SPEC.replace("slow = 20", "slow = nan"))
    assert cli.main(["backtest", str(spec), "--out", str(spec.parent / "o")]) == 2
    assert "(at spec.toml, line 12: strategy.params.slow)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words", "where"),
    [
        (SPEC.replace("slow = 20", "slowly = 20"), ["backtest"], "line 12: strategy.params.slowly"),
        (SPEC.replace("slow = 20", "slow = 0"), ["backtest"], "line 12: strategy.params.slow"),
        (f"{SPEC}\n[sweep]\nfast = [3]\nslowly = [9]\n", ["sweep", "--plan"], "line {}: sweep.slowly"),
        (f"{SPEC}\n[sweep]\nslow = [9]\nfast = [3, 0]\n", ["sweep"], "line {}: sweep.fast"),
        (f"{SPEC}\n[sweep]\nslow = [9]\nwhere = 'slow < 3'\n", ["sweep"], "line {}: sweep.where"),
    ],
)
def test_what_is_refused_later_names_its_line_as_well(
    spec: Path, capsys: pytest.CaptureFixture[str], text: str, words: list[str], where: str
) -> None:
    """Parameters are known once the strategy is, and the sets of a sweep once the market is."""
    spec.write_text(text)
    assert cli.main([*words, str(spec), "--out", str(spec.parent / "o")]) == 2
    assert f"(at spec.toml, {where.format(len(text.splitlines()))})" in capsys.readouterr().err
    with pytest.raises(Refused, match=r"spec\.toml, line"):
        run.backtest(spec) if "backtest" in words else run.sweep(spec)


def test_out_is_made_and_a_file_there_is_refused(spec: Path, fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    deep = spec.parent / "a" / "b"
    assert cli.main(["backtest", str(spec), "--out", str(deep)]) == 0
    assert (deep / "result.json").is_file()
    for out in (spec, spec / "below"):
        assert cli.main(["backtest", str(spec), "--out", str(out)]) == 2
    assert len(fake) == 1  # refused before the run, not after
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["backtest", "sweep"])
def test_a_run_that_is_refused_leaves_no_folder_behind(spec: Path, command: str) -> None:
    spec.write_text(SWEEP.replace('use = "sma_cross"', 'use = "no_such_strategy"'))
    deep = spec.parent / "a" / "b"
    assert cli.main([command, str(spec), "--out", str(deep)]) == 2
    assert not (spec.parent / "a").exists()
    deep.mkdir(parents=True)
    (deep / "mine.txt").write_text("stays")
    assert cli.main([command, str(spec), "--out", str(deep)]) == 2
    assert (deep / "mine.txt").read_text() == "stays"
    (deep / "mine.txt").unlink()
    assert cli.main([command, str(spec), "--out", str(deep)]) == 2
    assert deep.is_dir()  # it was there before


def test_after_a_backtest_the_figures_repairs_and_rejections_are_shown(
    spec: Path, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backtest", str(spec), "--out", str(spec.parent / "o")]) == 0
    shown = capsys.readouterr().out
    for words in (r"final equity +1,000,250\.50", r"sharpe +-", "tick_inferred +1", "below_lot +3"):
        assert re.search(words, shown), words
    assert f"files in {spec.parent / 'o'}: result.json" in shown


def test_json_is_one_object_and_nothing_else_on_stdout(
    spec: Path, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backtest", str(spec), "--out", str(spec.parent / "o"), "--json", "--python"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["final_equity"] == 1_000_250.5
    assert captured.out.count("\n") == 1
    assert "hello" in captured.err
    assert fake == [{"intrabar": "pessimistic", "python": True, "check_bounds": False}]


def test_path_bounds_stand_side_by_side(
    spec: Path, fake: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[Path] = []
    monkeypatch.setattr(report_again, "write_page", lambda folder, result: again.append(folder))
    spec.write_text(SPEC + "[venue]\nintrabar = 'ohlc'\n")
    out = spec.parent / "o"
    assert cli.main(["backtest", str(spec), "--out", str(out), "--path-bounds", "--check-bounds"]) == 0
    assert [each["intrabar"] for each in fake] == ["ohlc", "pessimistic", "optimistic"]
    assert fake[0]["check_bounds"]
    assert re.search(r"result +worst +best(.|\n)+closed trades +222 +111 +333", capsys.readouterr().out)
    bounds = json.loads((out / "path_bounds.json").read_text())
    assert [bounds[name]["name"] for name in ("worst", "best")] == ["pessimistic", "optimistic"]
    assert again == [out]  # the page shows them too
    assert path_bounds.POLICIES == {"worst": "pessimistic", "best": "optimistic"}


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (Refused("no", where="here", fix="do"), 2, "refused: no (at here). To mend it: do"),
        (ZeroDivisionError("oh"), 1, "failed: ZeroDivisionError: oh (--debug shows where)"),
        (MemoryError("7.3 TiB"), 1, "failed: there is not enough memory: 7.3 TiB. Ask for less at once"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_how_a_run_ends_is_the_exit_code(
    error: BaseException,
    code: int,
    says: str,
    spec: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(run, "backtest", fails)
    assert cli.main(["backtest", str(spec), "--out", str(spec.parent / "o"), "--json"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert "Traceback" not in captured.err


def test_an_interrupted_sweep_keeps_what_is_done_and_says_so(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_text(SWEEP)
    monkeypatch.setattr(run, "sweep", lambda *_, **__: Saved({"sets": 2, "planned": 4, "bars": 9, "best": None}))
    monkeypatch.setattr(terminal, "top_rows", lambda result: [])
    assert cli.main(["sweep", str(spec), "--out", str(spec.parent / "o"), "--json"]) == 130
    captured = capsys.readouterr()
    assert json.loads(captured.out)["sets"] == 2
    assert "interrupted" in captured.err


def test_the_table_of_the_best_shows_what_they_are_ranked_by_and_no_number_in_two_halves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swept = {f"p.{key}": 0.002 for key in ("fast", "slow", "venue.fee_taker_bps", "gates.calm.max_range", "edge")}
    figures = {"sharpe": 4.967, "total_return": 23.4928, "max_drawdown": -0.0852, "trades": 10_595}
    top = [{"row": 2808, **swept, **figures, "sharpe_in_sample": 5.25}]
    terminal.show_sweep({"sets": 1, "bars": 9, "rank_by": "sharpe_in_sample"}, tmp_path, top)
    last = capsys.readouterr().out.splitlines()[-2]
    assert last.split() == ["2808", *["0.002"] * 5, "5.250", "4.967", "2349.28%", "-8.52%", "10,595"]


def test_a_sweep_needs_a_folder(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(SWEEP)
    assert cli.main(["sweep", str(spec)]) == 2
    assert "needs a folder" in capsys.readouterr().err


def test_a_plan_needs_no_folder(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "plan", lambda spec: {"sets": 4000, "memory_bytes": 5})
    assert cli.main(["sweep", str(spec), "--plan"]) == 0
    assert re.search("sets +4,000", capsys.readouterr().out)
    assert cli.main(["sweep", str(spec), "--plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"sets": 4000, "memory_bytes": 5}


def test_a_reader_that_goes_away_is_no_traceback(spec: Path) -> None:
    code = "import sys; from huracan.cli import main; sys.exit(main(['doctor', '--json']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == ""


def test_json_never_writes_nan(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="JSON"):
        terminal.print_json({"sharpe": float("nan")})
    assert capsys.readouterr().out == ""


# --- doctor


def test_the_doctor_is_content_and_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["numpy>=2.0", 'no-such-package>=1; extra == "stats"', 'nor-this; extra == "test"']
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: wanted)
    monkeypatch.setenv("HURACAN_CACHE", str(tmp_path / "cache"))
    assert cli.main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["healthy"]
    assert found["self_test"]["passed"]
    assert found["versions"]["numba"].startswith("0.68")
    assert found["cache"] == {"folder": str(tmp_path / "cache"), "entries": 0, "bytes": 0}
    (extra,) = found["missing_extras"]
    assert extra["missing"] == ["no-such-package"]
    assert extra["install"] == "pip install 'huracan-sim[stats]'"
    assert cli.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert re.search("arithmetic self-test +passed", shown)
    assert extra["install"] in shown


def test_the_doctor_fails_where_the_arithmetic_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huracan.sim.portable_math.EXPECTED_HASH", "another")
    assert cli.main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert re.search("arithmetic self-test +FAILED", shown)
    assert "problem: the self-test" in shown


@pytest.mark.skipif(os.name != "posix", reason="rights of folders")
def test_the_doctor_names_a_cache_that_others_may_write_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.setenv("HURACAN_CACHE", str(folder))
    assert cli.main(["doctor"]) == 1
    assert "others may write" in capsys.readouterr().out


def test_the_doctor_empties_the_cache_of_stubs_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HURACAN_CACHE", str(tmp_path / "cache"))
    for number in (1, 2):  # and the folder: a process that has loaded a text before writes no file for it
        stubs.load_stub(f"def entry():\n    return '{tmp_path}', {number}\n", [])
    mine = tmp_path / "cache" / "my-notes.txt"
    mine.write_text("keep")
    assert cli.main(["doctor", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)["cache"]
    assert before["entries"] == 2
    assert before["bytes"] > 50
    assert cli.main(["doctor", "--json", "--clear-cache"]) == 0
    after = json.loads(capsys.readouterr().out)
    assert (after["removed"], after["cache"]["entries"]) == (2, 0)
    assert mine.read_text() == "keep"


# --- through the machine


def test_a_backtest_writes_its_files(spec: Path) -> None:
    out = spec.parent / "o"
    done = huracan("backtest", spec, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    names = {"result.json", "fills.parquet", "trades.parquet", "equity.parquet", "market.parquet", "report.html"}
    assert {each.name for each in out.iterdir()} == names
    written = json.loads((out / "result.json").read_text())
    assert {key: written[key] for key in figures} == figures
    assert figures["fills"] > 10
    assert figures["seed"] == 3


def test_python_gives_the_same_figures(spec: Path) -> None:
    spec.write_text(SPEC.replace("2_000", "300"))
    compiled, plain = (huracan("backtest", spec, "--out", spec.parent / "o", "--json", *a) for a in ([], ["--python"]))
    assert json.loads(compiled.stdout)["fills"] > 3
    assert json.loads(compiled.stdout) == json.loads(plain.stdout)


def test_a_sweep_has_a_row_for_each_set(spec: Path) -> None:
    import pyarrow.parquet as pq

    spec.write_text(SWEEP)
    out = spec.parent / "o"
    done = huracan("sweep", spec, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["sets"], found["bars"]) == (4, 2000)
    table = pq.read_table(out / "sweep.parquet").to_pydict()
    sets = list(zip(table["p.fast"], table["p.venue.fee_taker_bps"], strict=True))
    assert sets == [(3, 0), (3, 10), (5, 0), (5, 10)]
    assert (out / "sweep.json").is_file()
    assert json.loads(huracan("sweep", spec, "--plan", "--json").stdout)["sets"] == 4


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_in_a_sweep_ends_with_130(spec: Path) -> None:
    spec.write_text(SPEC.replace("2_000", "200_000") + "[sweep]\nfast = { from = 2, to = 3000, step = 1 }\n")
    code = "import sys; from huracan.cli import main; sys.exit(main())"
    out = spec.parent / "o"
    words = [sys.executable, "-c", code, "sweep", str(spec), "--out", str(out)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60.0
    while not out.is_dir() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said


def test_a_report_is_written_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    about = About("x", ("BTC/USDT",), 0, 60_000_000_000, "1m")
    Result(about, {"final_equity": 100.0, "sharpe": None}).save(tmp_path / "a")
    columns = {"sharpe": np.array([0.5, 1.5]), "bars": np.array([9, 9])}
    SweepResult(about, {"fast": np.array([1, 2])}, columns).save(tmp_path / "b")
    for name in "ab":
        (tmp_path / name / "report.html").unlink()
    assert cli.main(["report", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    paths = capsys.readouterr().out.split()
    assert paths == [str(tmp_path / name / "report.html") for name in "ab"]
    assert all("<html" in Path(path).read_text() for path in paths)
    with pytest.raises(Refused, match=r"there is no result\.json"):
        report_again.render(tmp_path)


def test_what_is_shipped_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["strategies"]) == 0
    assert re.search(r"sma_cross +fast = 20 \(from", capsys.readouterr().out)
    assert cli.main(["strategies", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["strategies"]
    (cross,) = (each for each in listed if each["name"] == "sma_cross")
    assert cross["doc"]
    assert (cross["params"]["fast"]["kind"], cross["params"]["fast"]["default"]) == ("integer", 20)
    assert cli.main(["features"]) == 0
    assert "sma(window, every=None)" in capsys.readouterr().out
    assert cli.main(["features", "--json"]) == 0
    names = {each["name"] for each in json.loads(capsys.readouterr().out)["features"]}
    assert {"sma", "ema", "atr", "rsi", "lag"} <= names


def test_check_shows_each_law_and_fails_with_the_first_broken_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    laws = [{"law": "no peeking", "ok": True}, {"law": "lanes don't matter", "ok": False, "detail": "lane 3, bar 7"}]
    found = {"ok": False, "laws": laws, "warnings": ["it never filled"]}
    monkeypatch.setattr(run, "check", lambda target: found, raising=False)
    assert cli.main(["check", "x.py:y"]) == 1
    shown = capsys.readouterr().out
    for words in ("no peeking +holds", "lanes don't matter +BROKEN +lane 3, bar 7", "warning: it never filled"):
        assert re.search(words, shown), words
    found["ok"] = True
    assert cli.main(["check", "x.py:y", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found


@pytest.mark.skipif(not hasattr(run, "check"), reason="huracan.run.check is being written")
def test_check_holds_a_file_against_the_laws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from huracan import buy, param, strategy\n\n\n"
        "@strategy(params={'qty': param(1.0, 0.0)})\n"
        "def once(ctx):\n"
        '    """Buys once."""\n'
        "    if ctx.pos.qty == 0.0:\n"
        "        buy(ctx, ctx.p.qty)\n"
    )
    assert cli.main(["check", f"{file}:once", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert all(law["ok"] for law in found["laws"])
    assert cli.main(["check", f"{file}:twice"]) == 2
