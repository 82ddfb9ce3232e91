"""Stubs: the same module for the same code, another for any edit, machine code found again, and a folder that only its
owner writes to.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from huracan.sim import stubs
from huracan.sim.refusal import Refused

# What a process does that compiles a stub around a helper in another file, and says whether it was compiled or found.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from huracan.sim.stubs import load_stub
text = '''from numba import njit
from helper import value
@njit(cache=True)
def entry():
    return value()
'''
module = load_stub(text, [Path(sys.argv[1]) / "helper.py"])
print(module.entry(), "found" if sum(module.entry.stats.cache_hits.values()) else "compiled")
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HURACAN_CACHE", str(folder))
    return folder


def old(path):
    """A file that was there before this process began."""
    os.utime(path, (1_500_000_000, 1_500_000_000))
    return path


def age(folder, days):
    """Make everything in a cache folder look as if it was last used so long ago."""
    then = time.time() - days * 86_400.0
    for path in folder.glob("*.used"):
        os.utime(path, (then, then))


def test_the_same_text_is_the_same_module(cache):
    first = stubs.load_stub("def entry():\n    return 1\n", [])
    assert stubs.load_stub("def entry():\n    return 1\n", []) is first
    assert stubs.load_stub("def entry():\n    return 2\n", []).entry() == 2
    assert first.entry() == 1
    assert cache.stat().st_mode & 0o777 == 0o700


def test_an_edit_of_what_it_depends_on_makes_another_stub(tmp_path, cache):
    names = set()
    for i, content in enumerate(("A = 1\n", "A = 2\n", "A = 1\n")):
        path = tmp_path / f"dependency{i}.py"
        path.write_text(content)
        names.add(stubs.stub_name("", [old(path)]))
    assert len(names) == 2


def test_a_file_that_changed_under_a_running_process_is_not_shared(tmp_path, cache):
    path = tmp_path / "edited.py"
    path.write_text("A = 1\n")
    os.utime(path, (time.time() + 60, time.time() + 60))
    before = stubs.stub_name("", [path])
    copy = tmp_path / "copy.py"
    copy.write_text("A = 1\n")
    assert before != stubs.stub_name("", [old(copy)])
    path.write_text("A = 2\n")
    assert stubs.stub_name("", [path]) == before  # this process still runs what it loaded


def test_a_second_process_finds_the_machine_code_until_the_helper_changes(tmp_path, cache):
    helper = tmp_path / "helper.py"

    def say(value, **more):
        helper.write_text(f"from numba import njit\n\n@njit\ndef value():\n    return {value}\n")
        old(helper)
        env = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | {"HURACAN_CACHE": str(cache)} | more
        command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert say(7) == "7 compiled"
    assert say(7) == "7 found"
    assert say(8) == "8 compiled"
    assert say(7) == "7 found"
    for stub in cache.glob("*.py"):
        stub.unlink()  # written again, as by a process that came second, it still has its machine code
    assert say(7) == "7 found"
    assert len(list(cache.glob("__pycache__/*.nbc"))) == 2
    assert say(7, NUMBA_OPT="1") == "7 compiled"
    assert say(7) == "7 found"


def test_threads_get_one_module(cache):
    text = "import time\ntime.sleep(0.05)\ndef entry():\n    return 3\n"
    got = []
    threads = [threading.Thread(target=lambda: got.append(stubs.load_stub(text, []))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1


def test_a_stub_that_fails_leaves_no_module_behind(cache):
    before = set(sys.modules)
    with pytest.raises(ZeroDivisionError):
        stubs.load_stub("1 / 0\n", [])
    assert set(sys.modules) == before


def test_a_damaged_stub_is_written_again(cache):
    text = "def entry():\n    return 11\n"
    name = stubs.stub_name(text, [])
    cache.mkdir(mode=0o700)
    (cache / f"{name}.py").write_text("def ent")
    assert stubs.load_stub(text, []).entry() == 11


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX")
def test_a_folder_that_others_may_write_to_is_refused(cache):
    cache.mkdir()
    cache.chmod(0o770)
    with pytest.raises(Refused, match="chmod 700"):
        stubs.load_stub("A = 1\n", [])
    cache.chmod(0o755)
    stubs.load_stub("A = 1\n", [])


def test_a_cache_that_can_not_be_made_is_refused(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("HURACAN_CACHE", str(blocked / "cache"))
    with pytest.raises(Refused, match="HURACAN_CACHE"):
        stubs.cache_dir()


def test_without_a_word_the_cache_is_the_users(tmp_path, monkeypatch):
    monkeypatch.delenv("HURACAN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert stubs.cache_dir() == tmp_path / "huracan"


def test_prune_takes_the_old_first_and_leaves_the_new(cache):
    for i in range(3):
        stubs.load_stub(f"A = {i}\n" + "#" * 1000 + "\n", [])
    assert stubs.prune(max_age_days=0.0, max_bytes=0) == 0  # used within the hour
    age(cache, 3)
    assert stubs.prune(max_age_days=10.0) == 0
    assert stubs.prune(max_age_days=10.0, max_bytes=2500) == 1
    assert stubs.prune(max_age_days=1.0) == 2
    assert list(cache.glob("huracan_stub_*")) == []


def test_clear_removes_stubs_and_nothing_else(cache):
    stubs.load_stub("A = 5\n", [])
    other = cache / "mine.txt"
    other.write_text("")
    assert stubs.clear() == 1
    assert [p.name for p in cache.iterdir() if p.is_file()] == ["mine.txt"]


def test_sources_of_a_module_are_all_that_it_imports():
    names = {p.name for p in stubs.sources_of("huracan.strategies.features.spread_score")}
    assert {"spread_score.py", "moments.py", "ticks.py", "portable_math.py", "exact_doubles.py", "options.py"} <= names
    assert all(Path(p).is_file() for p in stubs.sources_of("huracan.strategies.features.spread_score"))


ALGEBRA = """
import sys
import numpy as np
from huracan.sim.stubs import load_stub
text = "from numba import njit\\n@njit(cache=True)\\ndef entry(a):\\n    return a @ a\\n"
entry = load_stub("from numba import njit\\n@njit(cache=True)\\ndef entry():\\n    return 7\\n", []).entry
print(entry(), "scipy.linalg" in sys.modules)
print(load_stub(text, []).entry(np.ones(3)), "scipy.linalg" in sys.modules)
"""


def test_linear_algebra_is_loaded_by_who_needs_it(cache):
    """It takes a fifth of a second, and nothing of ours needs it; a user's own function still may."""
    done = subprocess.run([sys.executable, "-c", ALGEBRA], capture_output=True, text=True, timeout=120)
    assert done.stdout.split("\n")[:2] == ["7 False", "3.0 True"], done.stderr
