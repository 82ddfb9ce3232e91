"""The ground under every test: compiled code that is never stale, hypothesis profiles, the shared market data."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import signal
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("sim", "strategies", "data", "reports", "live", "huracan")
CACHES = ROOT / ".numba_cache"
UNUSED_AFTER_S = 3 * 3600.0  # longer than any run of the tests, so that a run never loses its own cache


def sources() -> list[Path]:
    """Every file of ours that may end up in compiled code: all rooms, and whatever compiles in tests and benchmarks."""
    rooms = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    others = [path for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py")]
    return sorted(rooms + [path for path in others if "njit" in path.read_text("utf-8")])


def source_key() -> str:
    """A name for exactly this code on exactly these compilers.

    Numba's `cache=True` looks at the caller's own file only, so after an edit elsewhere it would run the old callee.
    """
    key = hashlib.sha256()
    for name in ("numba", "llvmlite", "numpy"):
        key.update(f"{name} {version(name)}\n".encode())
    key.update(f"{sys.version} {platform.machine()}\n".encode())
    for path in sources():
        content = path.read_bytes()
        key.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\n".encode())
        key.update(content)
    return key.hexdigest()[:16]


def use_own_caches() -> None:
    """Points numba and the linker at a folder of this code alone; pytest-xdist's workers inherit it."""
    here = CACHES / source_key()
    for variable, folder in (("NUMBA_CACHE_DIR", here / "numba"), ("HURACAN_CACHE", here / "stubs")):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[variable] = str(folder)
    os.environ["HURACAN_STORE"] = str(here / "store")  # sweeps count their trials there, not in the user's home
    os.utime(here)
    for other in CACHES.iterdir():
        if other != here and time.time() - other.stat().st_mtime > UNUSED_AFTER_S:
            shutil.rmtree(other, ignore_errors=True)


def hear_ctrl_c() -> None:
    """What is run in the background ignores Ctrl-C, and so would every process that a test starts and interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


hear_ctrl_c()
# Workers keep what their parent chose: an edit during a run must not send them to different folders.
if "PYTEST_XDIST_WORKER" not in os.environ:
    use_own_caches()

# `quick` draws the same examples everywhere, so that a red test is red for everybody; `long` looks for new ones.
# The first example of many tests compiles, which no deadline survives.
settings.register_profile(
    "quick", max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "long", max_examples=300, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("quick")


def pytest_sessionstart() -> None:
    """A copied .venv still points at the rooms of the folder it was made in, and would test those."""
    room = importlib.util.find_spec("huracan.sim")
    where = Path(room.origin).resolve() if room and room.origin else None
    if where != ROOT / "sim" / "__init__.py":
        pytest.exit(f"huracan.sim is {where}, not the one of {ROOT}: install it from here", returncode=2)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data, which is no part of the product."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data")
    return folder
