"""Pages of saved results by the command line: again, side by side, as Markdown, against a benchmark; broken folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from huracan import cli
from tests.reports.made import MINUTE_NS, made_market, made_run
from tests.reports.page_text import PageText


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    made_run(3000, 60, name="first").save(tmp_path / "a")
    made_run(3000, 50, name="second").save(tmp_path / "b")
    return tmp_path


def test_two_runs_are_compared(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(saved / "a"), str(saved / "b"), "--out", str(saved / "c")]) == 0
    paths = capsys.readouterr().out.split()
    assert paths == [str(saved / name / "report.html") for name in "abc"]
    page = PageText((saved / "c" / "report.html").read_text("utf-8"))
    words = page.words()
    for expected in ("first against second", "Why second differs from first", "The specs are the same.", "Difference"):
        assert expected in words, expected
    assert set(page.plots) == {"curves", "gap"}
    assert page.column(page.plots["curves"]["series"][0]["y"])[0] == pytest.approx(0.0, abs=1e-9)


def test_markdown_goes_to_stdout(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(saved / "a"), "--format", "md"]) == 0
    assert capsys.readouterr().out.startswith("## first\n")
    assert cli.main(["report", str(saved / "a"), str(saved / "b"), "--format", "md"]) == 0
    assert "### Why second differs from first" in capsys.readouterr().out
    assert cli.main(["report", str(saved / "a"), "--format", "pdf"]) == 2
    assert "give html or md" in capsys.readouterr().err


def test_another_benchmark(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bars = made_market(3000, "gold", 9)
    rows = np.stack([bars.open_ns // 1_000_000, bars.open, bars.high, bars.low, bars.close, bars.volume], axis=1)
    (saved / "gold.json").write_text(json.dumps(rows.tolist()))
    arguments = ["report", str(saved / "a"), "--benchmark", str(saved / "gold.json")]
    assert cli.main(arguments) == 0
    page = PageText((saved / "a" / "report.html").read_text("utf-8"))
    name, drawn = page.plots["equity"]["series"][1]["name"], page.column(page.plots["equity"]["series"][1]["y"])
    assert name == "gold, held"
    assert drawn[-1] == pytest.approx(100_000.0 * bars.close[-1] / bars.open[0], rel=1e-6)
    rows[:, 0] += 10_000 * MINUTE_NS // 1_000_000
    (saved / "gold.json").write_text(json.dumps(rows.tolist()))
    assert cli.main(arguments) == 2
    assert "no bar within the run" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["market.parquet", "equity.parquet", "path_bounds.json"])
def test_a_broken_file_is_refused_by_name(saved: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (saved / "a" / name).write_bytes(b"not a file of ours")
    assert cli.main(["report", str(saved / "a")]) == 2
    assert f"{name} can't be read" in capsys.readouterr().err


def test_prices_of_another_run_are_refused(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (saved / "b" / "market.parquet").replace(saved / "a" / "market.parquet")
    assert cli.main(["report", str(saved / "a")]) == 2
    assert "market.parquet and result.json are of different runs" in capsys.readouterr().err


def test_bounds_stand_on_the_page(saved: Path) -> None:
    figures = json.loads((saved / "a" / "result.json").read_text())
    bounds = {"worst": figures | {"final_equity": 77.25}, "best": figures | {"final_equity": 99.75}}
    (saved / "a" / "path_bounds.json").write_text(json.dumps(bounds))
    assert cli.main(["report", str(saved / "a")]) == 0
    words = PageText((saved / "a" / "report.html").read_text("utf-8")).words()
    assert "What the path inside the bars leaves open" in words
    assert "77.25" in words
    assert "99.75" in words


@pytest.mark.parametrize("name", ["result.json", "fills.parquet", "trades.parquet", "equity.parquet"])
def test_half_a_folder_is_refused_by_name(saved: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (saved / "a" / name).unlink()
    (saved / "a" / "report.html").write_text("as it was")
    for folders in ([saved / "a"], [saved / "b", saved / "a"]):
        assert cli.main(["report", *map(str, folders)]) == 2
        err = capsys.readouterr().err
        assert name in err
        assert str(saved / "a") in err
    assert (saved / "a" / "report.html").read_text() == "as it was"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("format", 99, "is of format 99, and this version reads"),
        ("format", None, "is of format None"),
        ("sharpe", "high", "sharpe is 'high', which is no number"),
        ("spec", "text", "spec is no table"),
        ("start", "once", "result.json lacks what it needs"),
    ],
)
def test_a_result_of_another_version_is_refused(
    saved: Path, key: str, value: object, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved / "a" / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert cli.main(["report", str(saved / "a")]) == 2
    assert says in capsys.readouterr().err


def test_runs_with_little_in_them_get_a_page_that_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No trades, one bar, bankruptcy and NaN in equity, saved and read again; also beside a run that is whole."""
    lost, broken = made_run(300, 20, name="lost"), made_run(300, 20, name="broken")
    lost.equity_rows["equity"][200:] = -5.0
    lost.numbers.update(bankrupt=True, final_equity=-5.0, sharpe=None, annual_return=None)
    broken.equity_rows["equity"][100] = np.nan
    made_run(300, 20, name="whole").save(tmp_path / "whole")
    for run, says in (
        (made_run(300, 0, name="idle"), "Nothing was filled"),
        (made_run(1, 0, name="short"), "1 minute of data"),
        (lost, "The account was lost"),
        (broken, "Equity holds values that are no numbers"),
    ):
        folder = run.save(tmp_path / run.about.name)
        assert cli.main(["report", str(folder)]) == 0
        assert says in PageText((folder / "report.html").read_text("utf-8")).words()
        for pair in ([folder, tmp_path / "whole"], [tmp_path / "whole", folder]):
            assert cli.main(["report", *map(str, pair), "--out", str(tmp_path / "both")]) == 0
            words = PageText((tmp_path / "both" / "report.html").read_text("utf-8")).words()
            assert f"{pair[0].name} against {pair[1].name}" in words
            assert " nan" not in words.lower()
        assert cli.main(["report", str(folder), "--format", "md"]) == 0
        assert "nan" not in capsys.readouterr().out.lower()
