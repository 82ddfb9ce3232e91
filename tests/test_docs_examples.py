"""Whatever a docstring shows is run: every module of every package, found by looking."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from tests.test_packaging import ROOT, SETUPTOOLS

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules_with_examples() -> list[str]:
    """Modules whose text holds a prompt; `__main__` would run the command line."""
    return sorted(
        package if path.stem == "__init__" else f"{package}.{path.stem}"
        for package, folder in SETUPTOOLS["package-dir"].items()
        for path in (ROOT / folder).glob("*.py")
        if path.name != "__main__.py" and ">>> " in path.read_text("utf-8")
    )


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = [test for test in doctest.DocTestFinder().find(importlib.import_module(name)) if test.examples]
    assert found, f"{name} shows examples where doctest does not see them"
    report: list[str] = []
    failed = 0
    for test in found:
        runner = doctest.DocTestRunner(optionflags=FLAGS)
        failed += runner.run(test, out=report.append).failed
    assert failed == 0, "".join(report)


def test_there_are_examples() -> None:
    assert modules_with_examples()
