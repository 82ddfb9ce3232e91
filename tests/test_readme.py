"""What the README shows works as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def huracan(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("huracan")
    return subprocess.run([command, *arguments], cwd=cwd, check=False, capture_output=True, text=True)


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


def test_the_strategy_runs_and_trades(tmp_path: Path) -> None:
    (tmp_path / "breakout.py").write_text(block("python"), "utf-8")
    (tmp_path / "spec.toml").write_text(block("toml"), "utf-8")
    done = huracan("backtest", "spec.toml", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run/result.json").read_text("utf-8"))["trades"] > 0
    for name in ("report.html", "fills.parquet", "trades.parquet", "equity.parquet"):
        assert (tmp_path / "run" / name).is_file()


def test_the_table_names_every_command(tmp_path: Path) -> None:
    done = huracan("--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = "\n".join(line.split("|")[1] for line in README.splitlines() if line.startswith("| `huracan"))
    commands = re.findall(r"^  (\w+)  ", done.stdout.split("Commands:")[1], re.MULTILINE)
    assert len(commands) >= 7
    assert sorted(commands) == sorted(re.findall(r"`huracan (\w+)", table))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


@pytest.mark.parametrize("target", sorted(set(re.findall(r"^    make (\w+)", README, re.MULTILINE))))
def test_make_has_the_target(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_the_path_of_the_data_is_told_once() -> None:
    import huracan.sim

    (line,) = re.findall(r"^    (spec → .*)$", README, re.MULTILINE)
    assert line in (huracan.sim.__doc__ or "")


@pytest.mark.parametrize("name", ["backtest.toml", "sweep.toml"])
def test_examples_are_the_demo(name: str) -> None:
    spec = tomllib.loads((ROOT / "examples" / name).read_text("utf-8"))
    assert spec["data"] == {"synthetic": "regimes", "bars": 20_000, "timeframe": "1m"}
    assert f"examples/{name}" in (ROOT / "Makefile").read_text("utf-8")
