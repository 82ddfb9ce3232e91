"""The public names of `huracan`: complete, sorted, there when asked for and costing nothing until then."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import huracan
from huracan.sim import book_depth, options, orders
from huracan.sim.feature import KINDS
from tests.conftest import ROOT
from tests.test_packaging import PROJECT

EXPECTED = {
    *("backtest", "sweep", "load_result", "Refused", "__version__", "portable_math"),
    *("strategy", "gate", "param", "inline"),
    *orders.__all__,
    *book_depth.__all__,
    *KINDS,
}


def test_all_is_sorted_and_complete() -> None:
    assert huracan.__all__ == sorted(set(huracan.__all__))
    assert set(huracan.__all__) == EXPECTED


@pytest.mark.parametrize("name", huracan.__all__)
def test_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(huracan, name)
    assert name in dir(huracan)
    if callable(value) and name != "inline":  # numba made it, without words
        assert getattr(value, "__doc__", None), f"{name} has no docstring"


def test_every_name_is_the_one_of_its_home() -> None:
    for home, names in huracan._HOMES.items():
        for name in names:
            assert getattr(huracan, name) is getattr(importlib.import_module(home), name)
    assert huracan.inline is options.own
    assert huracan.portable_math is importlib.import_module("huracan.sim.portable_math")


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "huracan" / "__init__.py").read_text("utf-8"))
    (block,) = [n for n in tree.body if isinstance(n, ast.If)]
    seen = {alias.asname for n in block.body if isinstance(n, ast.ImportFrom) for alias in n.names if alias.asname}
    assert seen == set(huracan.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'bye'"):
        _ = huracan.bye
    with pytest.raises(ImportError, match="bye"):
        exec("from huracan import bye")


def test_version_is_the_distribution_s() -> None:
    assert huracan.__version__ == PROJECT["project"]["version"]


def fresh(script: str, tmp_path: Path) -> dict[str, object]:
    """What a new process says."""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_importing_it_imports_nothing_heavy(tmp_path: Path) -> None:
    script = """
import sys, time
start = time.perf_counter()
import huracan
took = time.perf_counter() - start
heavy = [m for m in ("numpy", "numba", "pandas", "pyarrow", "pydantic", "huracan.sim") if m in sys.modules]
names = dir(huracan)
import json
print(json.dumps({"took": took, "heavy": heavy, "names": len(names)}))
"""
    said = fresh(script, tmp_path)
    assert said["heavy"] == []
    assert said["took"] < 0.1  # type: ignore[operator]


def test_a_declaration_needs_no_compiler(tmp_path: Path) -> None:
    script = """
import sys, json
from huracan import Refused, gate, param, strategy
print(json.dumps({"numba": "numba" in sys.modules}))
"""
    assert fresh(script, tmp_path) == {"numba": False}
