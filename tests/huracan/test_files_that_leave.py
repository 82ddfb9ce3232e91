"""Strategy files that do what no file should while it loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from huracan import cli

FILES = {
    "leaves": ("import sys\nsys.exit(3)\n", "SystemExit: 3", ":2)"),
    "leaves well": ("raise SystemExit\n", "SystemExit", ":1)"),
    "raises": ("x = 1 / 0\n", "ZeroDivisionError: division by zero", ":1)"),
    "takes all memory": ("x = [0] * 10 ** 15\n", "MemoryError", ":1)"),
}


@pytest.mark.parametrize(("text", "says", "line"), FILES.values(), ids=list(FILES))
def test_it_is_refused_with_its_line(
    text: str, says: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(text)
    spec = tmp_path / "spec.toml"
    spec.write_text('[data]\nsynthetic = "regimes"\nbars = 50\n[strategy]\nuse = "mine.py:step"\n')
    assert cli.main(["backtest", str(spec), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert f"mine.py does not load: {says}" in said
    assert f"mine.py{line}" in said
    assert said.count("\n") == 1
