"""The command as the shell starts it, stopped before it has begun."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]["huracan"]


def started(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What pip writes as the command `huracan`, with modules of this folder in the place of installed ones."""
    module, _, name = SCRIPT.partition(":")
    code = f"import sys; from {module} import {name}; sys.exit({name}())"
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_while_python_imports_is_one_word(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = started(tmp_path, "--help")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "huracan: interrupted\n")


def test_the_exit_status_is_that_of_the_command(tmp_path: Path) -> None:
    assert started(tmp_path, "--help").returncode == 0
    assert started(tmp_path, "backtest").returncode == 2
