"""`make mutants`: plants bugs, one at a time, in a copy of the tree; each must turn a test red. Writes docs/MUTANTS.md.

    a mutant ─▶ copy of the tree with one place changed ─▶ the tests of its law, in plain Python ─▶ red, or it survived

Plain Python compiles nothing, so a mutant takes seconds; that compiled code does the same is law 3. The tests are first
run on the tree as it is, where they must be green. Arguments are words: only bugs with one of them in their description
are planted, and the page's other rows stay as they are. What survived leaves the page.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("sim", "strategies", "data", "reports", "live", "huracan", "tests", "docs", "examples")
FILES = ("pyproject.toml", "Makefile", "README.md", "constraints.txt")
PAGE = ROOT / "docs" / "MUTANTS.md"

sys.path.insert(0, str(ROOT))  # run as a file, it finds the tests' package all the same
from tests.mutant_list import MUTANTS, Mutant  # noqa: E402

HERE = '''"""Written by tests/mutants.py: in this copy of the tree, huracan is this copy."""
import importlib.util
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROOMS = {"huracan": ROOT / "huracan"}
ROOMS |= {f"huracan.{r}": ROOT / r for r in ("sim", "strategies", "data", "reports", "live") if (ROOT / r).is_dir()}


class Here:
    """Before every other finder, so that no installed huracan is found first."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        folder = ROOMS.get(name)
        if folder is None:
            return None
        places = [str(folder)]
        return importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=places)


sys.meta_path.insert(0, Here)
'''


def copy_tree(to: Path) -> Path:
    """A copy of all that the tests need, in which huracan is the copy."""
    skip = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=skip)
    for name in FILES:
        shutil.copy2(ROOT / name, to / name)
    (to / ".here").mkdir()
    (to / ".here" / "sitecustomize.py").write_text(HERE, "utf-8")
    return to


def run_tests(tree: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy until one is red."""
    own = {
        "NUMBA_DISABLE_JIT": "1",
        "HURACAN_LAWS": "quick",
        "PYTHONPATH": str(tree / ".here"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "HURACAN", "NUMBA"))} | own
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=line", *tests]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def planted(tree: Path, mutant: Mutant) -> str:
    """The file's text with the bug in it; refused if the place is not there, or not once."""
    text = (tree / mutant.file).read_text("utf-8")
    if text.count(mutant.old) != 1:
        sys.exit(
            f"{mutant.bug!r} finds its place {text.count(mutant.old)} times in {mutant.file}: mend tests/mutants.py"
        )
    return text.replace(mutant.old, mutant.new)


def try_one(tree: Path, mutant: Mutant) -> tuple[str, str]:
    """(test that turned red, "") or ("", what happened instead); the tree is as before afterwards."""
    path = tree / mutant.file
    before = path.read_text("utf-8")
    try:
        path.write_text(planted(tree, mutant), "utf-8")
        done = run_tests(tree, mutant.tests)
    finally:
        path.write_text(before, "utf-8")
    red = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if done.returncode == 1 and red:
        return red.group(1), ""
    return "", f"pytest ended with {done.returncode}: {(done.stdout + done.stderr).strip().splitlines()[-1:]}"


def known_rows() -> dict[str, str]:
    """Bug -> the test that saw it, as the page has it."""
    text = PAGE.read_text("utf-8") if PAGE.is_file() else ""
    return dict(re.findall(r"^\| (.+?) \| `[^`]*` \| `(.+)` \|$", text, re.MULTILINE))


def write_page(rows: list[tuple[Mutant, str]]) -> None:
    """The table of bugs and the tests that saw them: new rows in the place of old ones, in the order of the list."""
    seen = known_rows() | {m.bug: red.removeprefix("tests/") for m, red in rows}
    lines = [
        "# Mutants",
        "",
        "`make mutants` plants these bugs one at a time in a copy of the tree, runs the tests that forbid them, and",
        "fails if one survives. It writes this page.",
        "",
        "| bug | planted in | turned red |",
        "|---|---|---|",
        *(f"| {m.bug} | `{m.file}` | `{seen[m.bug]}` |" for m in MUTANTS if seen.get(m.bug)),
    ]
    PAGE.write_text("\n".join(lines) + "\n", "utf-8")


def main(words: list[str]) -> int:
    """Plant the bugs, two at a time; 1 if one survives."""
    began = time.time()
    chosen = [m for m in MUTANTS if not words or any(w in m.bug for w in words)]
    workers = max(min(os.cpu_count() or 1, 4), 1)
    with tempfile.TemporaryDirectory(prefix="huracan-mutants-") as name:
        trees: queue.Queue[Path] = queue.Queue()
        for i in range(workers):
            trees.put(copy_tree(Path(name) / str(i)))
        for m in chosen:
            planted(Path(name) / "0", m)

        def work(job: tuple[str, ...] | Mutant) -> tuple[str, str]:
            tree = trees.get()
            try:
                if isinstance(job, Mutant):
                    return try_one(tree, job)
                done = run_tests(tree, job)
                return ("", "") if done.returncode == 0 else ("", done.stdout[-2000:] + done.stderr[-2000:])
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(workers) as pool:
            tests = sorted({t for m in chosen for t in m.tests})
            for test, (_, failed) in zip(tests, pool.map(work, [(t,) for t in tests]), strict=True):
                if failed:
                    print(f"{test} is red without any bug:\n{failed}")
                    return 1
            rows, survived = [], 0
            for m, (red, why) in zip(chosen, pool.map(work, chosen), strict=True):
                survived += not red
                rows.append((m, red))
                print(f"{'caught' if red else 'SURVIVED'}: {m.bug}: {red or why}", flush=True)
    write_page(rows)
    print(f"{len(chosen) - survived} of {len(chosen)} caught in {time.time() - began:.0f} s")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
