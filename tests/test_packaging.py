"""The folders at the root are one namespace: complete in the wheel, light to import, never imported by a bare name."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numba
import pytest

from tests.conftest import ROOMS, ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
SOURCES = sorted(path for folder in (*ROOMS, "bench", "tests", "examples") for path in (ROOT / folder).rglob("*.py"))
TEXTS = SOURCES + sorted(
    path
    for pattern in ("*.md", "docs/*.md", "examples/*", "Makefile", "pyproject.toml", ".ci/*", "reports/**/*.html")
    for path in ROOT.glob(pattern)
    if path.is_file() and path.suffix != ".py"
)


def package_folders() -> list[Path]:
    """Every folder of the rooms that holds code of ours."""
    return sorted({path.parent.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")})


def package_name(folder: Path) -> str:
    return folder.as_posix().replace("/", ".") if folder.parts[0] == "huracan" else f"huracan.{'.'.join(folder.parts)}"


def test_both_lists_name_every_folder() -> None:
    expected = {package_name(folder): folder.as_posix() for folder in package_folders()}
    assert len(expected) > 5
    assert SETUPTOOLS["package-dir"] == expected
    assert sorted(SETUPTOOLS["packages"]) == sorted(expected)


@pytest.mark.parametrize("name", SETUPTOOLS["packages"])
def test_package_is_imported_from_its_folder(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None, f"{name} has no __init__.py"
    assert Path(module.__file__).resolve() == ROOT / SETUPTOOLS["package-dir"][name] / "__init__.py"


def test_files_that_are_not_code_are_package_data() -> None:
    listed = {
        path
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for path in (ROOT / SETUPTOOLS["package-dir"][package]).glob(pattern)
    }
    ours = {
        path
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".py"
    }
    assert ours == listed


def bare_imports(tree: ast.AST) -> list[str]:
    """Lines that import a room by the name of its folder, or by a relative name."""
    bare = set(ROOMS) - {"huracan"}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno}: import {x.name}" for x in node.names if x.name.split(".")[0] in bare]
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] in bare):
            found.append(f"{node.lineno}: from {'.' * node.level}{node.module or ''}")
    return found


def test_bare_imports_are_found() -> None:
    wrong = "import sim\nimport data.store as s\nfrom live import x\nfrom . import y"
    right = "import huracan.sim\nfrom huracan.data import z"
    assert len(bare_imports(ast.parse(wrong))) == 4
    assert not bare_imports(ast.parse(right))


def test_no_source_imports_a_room_by_its_bare_name() -> None:
    assert len(SOURCES) > 10
    found = {str(path.relative_to(ROOT)): bare_imports(ast.parse(path.read_text("utf-8"))) for path in SOURCES}
    assert not {path: lines for path, lines in found.items() if lines}


def test_type_checkers_see_every_module() -> None:
    """`make links` fills .typing/huracan with a link to each file of huracan/ and to each room."""
    subprocess.run(["make", "-s", "links"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    links = ROOT / ".typing" / "huracan"
    expected = {path.name: path for path in (ROOT / "huracan").iterdir() if path.name != "__pycache__"}
    expected |= {room: ROOT / room for room in ROOMS if room != "huracan" and (ROOT / room).is_dir()}
    assert {path.name: path.resolve() for path in links.iterdir()} == expected


# The name without the suffix is somebody else's on the package index, and would run their code.
FOREIGN = re.compile(r"\b(?:pip|pipx|uv|poetry|pdm|conda)\b[^\n]*?\b(?:install|add)\b[^\n]*?[\s'\"`]huracan(?![-\w./])")


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("pip install hura" + "can", True),
        ("python -m pip install -U 'hura" + "can[live]'", True),
        ("uv add hura" + "can", True),
        ("pip install huracan-sim", False),
        ("pip install 'huracan-sim[live]'", False),
        ("pip install -e .", False),
        ("huracan backtest", False),
    ],
)
def test_foreign_name_is_recognised(line: str, refused: bool) -> None:
    assert bool(FOREIGN.search(line)) == refused


def test_no_command_installs_the_foreign_name() -> None:
    lines = [(path.relative_to(ROOT), line) for path in TEXTS for line in path.read_text("utf-8").splitlines()]
    found = [f"{path}: {line}" for path, line in lines if FOREIGN.search(line)]
    assert not found


def seconds_to_run(code: str, rounds: int = 5) -> float:
    """The best of several runs in fresh interpreters, without their start: the rest is other people's load."""
    timed = f"import time; t = time.perf_counter()\n{code}\nprint(time.perf_counter() - t)"
    times = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
        times.append(float(done.stdout.splitlines()[-1]))
    return min(times)


@pytest.mark.parametrize(("module", "budget_s"), [("huracan", 0.15), ("huracan.sim", 0.7)])
def test_import_stays_within_its_budget(module: str, budget_s: float) -> None:
    assert seconds_to_run(f"import {module}") < budget_s


def test_import_is_lazy() -> None:
    heavy = ("numpy", "numba", "pandas", "pyarrow", "scipy", "jinja2", "pydantic", "typer", "rich")
    code = f"import sys, huracan; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_complete_and_sorted() -> None:
    import huracan

    names = huracan.__all__
    assert list(names) == sorted(set(names))
    for name in names:
        assert getattr(huracan, name) is not None
    public = {name for name in dir(huracan) if not name.startswith("_")}
    submodules = {name for name in public if f"huracan.{name}" in sys.modules}
    # Whatever else stands in the namespace is an import that leaked, or a name that __all__ forgot.
    assert public - submodules - {"annotations", "TYPE_CHECKING"} <= set(names)


def test_compiled_code_is_kept_apart_for_these_sources() -> None:
    for folder in (numba.config.CACHE_DIR, os.environ["HURACAN_CACHE"]):
        assert Path(folder).is_relative_to(ROOT / ".numba_cache")
        assert Path(folder).is_dir()
