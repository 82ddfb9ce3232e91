"""Small generated modules whose machine code is kept on disk, and is never older than what it was made from.

Numba's `cache=True` looks at the caller's own file only. So what is compiled stands in a stub whose *name* hashes its
text, every file it depends on, the versions of numba, llvmlite, numpy and Python, and how numba is told to compile: an
edit anywhere makes another stub. Numba keeps the machine code beside it, for each CPU. The folder holds code that will
be run, so nobody else may write to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from huracan.sim.refusal import Refused

_PREFIX = "huracan_stub_"
_DAY_S = 86_400.0
_HOUR_S = 3_600.0
_MOVE = "set HURACAN_CACHE to a folder that only you can write to"

_loaded_at = time.time()
_lock = threading.RLock()
_modules: dict[str, ModuleType] = {}
_digests: dict[Path, str] = {}


def indent(lines: Sequence[str], by: int) -> str:
    """Lines of generated code at a depth of `by` spaces; `pass` if there are none."""
    return "\n".join(" " * by + line for line in (lines or ["pass"]))


def load_stub(text: str, depends_on: Sequence[Path]) -> ModuleType:
    """The module of this text: one and the same for the same text and files, its machine code from the cache folder.

    >>> load_stub("def entry():\\n    return 7\\n", []).entry()
    7
    """
    with _lock:
        name = stub_name(text, depends_on)
        module = _modules.get(name)
        if module is None:
            from huracan.sim.compile_trims import load_numba

            load_numba()
            module = _import(name, _write(name, text))
            keep_going(module)
            _modules[name] = module
        return module


def stub_name(text: str, depends_on: Sequence[Path]) -> str:
    """The name that a stub of this text has while these files are as they are."""
    key = hashlib.sha256(f"{_versions()}{_digests_of(tuple(depends_on))}\n{text}".encode())
    return _PREFIX + key.hexdigest()[:24]


def cache_dir() -> Path:
    """The folder of the stubs: HURACAN_CACHE, else `huracan` in the user's cache folder.

    It is made when missing, and refused if others may write to it.
    """
    given = os.environ.get("HURACAN_CACHE")
    if given:
        folder = Path(given).expanduser().absolute()
    else:
        home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
        folder = Path(home) / "huracan"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise Refused(f"the compiler cache can't be made: {error.strerror}", where=str(folder), fix=_MOVE) from error
    if os.name == "posix" and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        fix = f"{_MOVE}, or take that right from others: chmod 700 {folder}"
        raise Refused("the compiler cache holds code, and others may write to its folder", where=str(folder), fix=fix)
    return folder


def sources_of(module: str) -> tuple[Path, ...]:
    """The file of one of huracan's modules, and of all that it imports from huracan, however far.

    >>> [path.name for path in sources_of("huracan.sim.refusal")]
    ['refusal.py']
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = None if name in found else _file_of(name)
        if path is not None:
            found[name] = path
            waiting += _imports(path.read_text("utf-8"))
    return tuple(sorted(set(found.values())))


def prune(max_age_days: float = 60.0, max_bytes: int = 1 << 30) -> int:
    """Remove stubs that nobody has used for so long, then the longest unused until the rest fits; how many went.

    What was used within the last hour stays: another process may be about to write its machine code.
    """
    now = time.time()
    rows = sorted((_used(files), sum(_size(f) for f in files), files) for files in _stubs().values())
    total = sum(size for _, size, _ in rows)
    removed = 0
    for used, size, files in rows:
        age = now - used
        if age < _HOUR_S or (age < max_age_days * _DAY_S and total <= max_bytes):
            continue
        _remove(files)
        total -= size
        removed += 1
    return removed


def is_compiled(entry: Any) -> bool:
    """Whether a stub's entry has machine code on disk, for this CPU or another."""
    name = f"{entry.__module__}.{entry.__name__}-*.nbi"
    return bool(list(cache_dir().glob(f"__pycache__/{name}")) or list(cache_dir().glob(name)))


def clear() -> int:
    """Remove every stub and its machine code; how many stubs went. Running processes keep what they have loaded."""
    stubs = _stubs()
    for files in stubs.values():
        _remove(files)
    return len(stubs)


@cache
def _versions() -> str:
    import llvmlite
    import numba
    import numpy
    from numba import config

    # What NUMBA_OPT, NUMBA_DEBUGINFO and their like make of the same text is other machine code, and may be slow.
    switches = (config.OPT, config.DEBUGINFO_DEFAULT, config.BOUNDSCHECK, config.LOOP_VECTORIZE, config.SLP_VECTORIZE)
    return f"{numba.__version__} {llvmlite.__version__} {numpy.__version__} {sys.version} {switches}"


@cache
def _real(path: Path) -> Path:
    """Where a file is, whatever links lead there; asked a hundred times whenever something is linked."""
    return Path(path).resolve()


@cache
def _digests_of(paths: tuple[Path, ...]) -> str:
    return "".join(f"\n{_digest(path)}" for path in sorted({_real(p) for p in paths}))


def _digest(path: Path) -> str:
    """A name for what this process has loaded from a file.

    It is taken once, because what the process runs stays as it was loaded. A file that has changed since the process
    began may differ from what was loaded, so machine code made from it must not be found by others.
    """
    known = _digests.get(path)
    if known is None:
        known = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.stat().st_mtime > _loaded_at:
            known += f" {os.getpid()} {_loaded_at}"
        _digests[path] = known
    return known


def _write(name: str, text: str) -> Path:
    """The stub's file, written if it is not there; whole or not at all."""
    path = cache_dir() / f"{name}.py"
    content = text.encode()
    with contextlib.suppress(OSError):  # a folder that can only be read serves as well
        path.with_suffix(".used").touch()  # before the stub is there, or another process could take it for an old one
    if not path.is_file() or path.read_bytes() != content:
        try:
            prune()
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{name}.", suffix=".new", delete=False) as file:
                file.write(content)
            os.replace(file.name, path)
        except OSError as error:
            what = f"the compiler cache can't be written: {error.strerror}"
            raise Refused(what, where=str(path), fix=_MOVE) from error
    return path


def _import(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Refused("the compiler cache can't be read", where=str(path), fix=_MOVE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # numba looks its functions up by module name when it loads them from disk
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def keep_going(module: ModuleType) -> None:
    """Let a stub run although its machine code can't be kept, as on a full disk: it is compiled again next time."""
    for entry in vars(module).values():
        kept: Any = getattr(entry, "_cache", None)
        save = getattr(kept, "save_overload", None)
        if save is not None and not isinstance(entry, type):
            kept.save_overload = partial(_save, save)


def _save(save: Callable[..., None], *compiled: Any) -> None:
    try:
        save(*compiled)
    except OSError as error:
        why, folder = error.strerror or str(error), cache_dir()
        fix = "free some space, or set HURACAN_CACHE to another folder"
        sys.stderr.write(f"huracan: compiled code could not be kept in {folder}: {why}; {fix}\n")


def _file_of(name: str) -> Path | None:
    """The file of a module; None where the name is not a module's."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded is not None:
        return Path(loaded)
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def _imports(text: str) -> list[str]:
    """Names of huracan's modules that a source may import; some are names inside a module instead."""
    names: list[str] = []
    for package, inside in re.findall(r"^\s*from (huracan[\w.]*) import \(?([\w, ]*)", text, re.MULTILINE):
        names.append(package)
        names += [f"{package}.{word.split()[0]}" for word in inside.split(",") if word.strip()]
    return names + re.findall(r"^\s*import (huracan[\w.]*)", text, re.MULTILINE)


def _stubs() -> dict[str, list[Path]]:
    """Every file in the cache folder by the stub that it belongs to."""
    groups: dict[str, list[Path]] = {}
    folder = cache_dir()
    for path in [*folder.glob(f"{_PREFIX}*"), *folder.glob(f"__pycache__/{_PREFIX}*")]:
        groups.setdefault(path.name.partition(".")[0], []).append(path)
    return groups


def _used(files: Sequence[Path]) -> float:
    return max((_mtime(f) for f in files if f.suffix == ".used"), default=0.0)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process has removed it
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _remove(files: Sequence[Path]) -> None:
    for path in sorted(files, key=lambda f: f.suffix == ".py"):  # machine code first: a stub without it is only slow
        path.unlink(missing_ok=True)
