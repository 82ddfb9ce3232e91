"""`huracan doctor`: versions, the compiler's cache, this machine's arithmetic, and the extras that are missing."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from typing import Any

from huracan.sim.refusal import Refused

DISTRIBUTION = "huracan-sim"  # "huracan" on PyPI is somebody else's: no command we print may install that name
SHOWN = ("numpy", "numba", "llvmlite", "pandas", "pyarrow", "scipy", "pydantic", "jinja2", "typer", "rich")
FOR_USERS = ("stats", "live", "portfolio", "ml", "cluster", "vectorbt")  # the other extras are for our own tests


def examine() -> dict[str, Any]:
    """Everything that the command shows; `healthy` is false when results on this machine could not be trusted."""
    from huracan.sim.portable_math import EXPECTED_HASH, self_test_hash

    problems = []
    found = self_test_hash()
    if found != EXPECTED_HASH:
        problems.append("the self-test of portable_math differs: results would not equal those of other machines")
    cache: dict[str, Any] = {"folder": None, "entries": 0, "bytes": 0}
    try:
        cache = cache_contents()
    except Refused as refused:
        problems.append(str(refused))
    return {
        "healthy": not problems,
        "versions": versions(),
        "cores": os.cpu_count() or 1,
        "cache": cache,
        "self_test": {"passed": found == EXPECTED_HASH, "expected": EXPECTED_HASH, "found": found},
        "missing_extras": missing_extras(),
        "problems": problems,
    }


def versions() -> dict[str, str | None]:
    """Versions by name, ours and Python's first; None is a package that is not there."""
    found: dict[str, str | None] = {"huracan-sim": version_of(DISTRIBUTION)}
    found["python"] = f"{platform.python_version()} ({platform.python_implementation()}, {platform.machine()})"
    return found | {name: version_of(name) for name in SHOWN}


def version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def missing_extras() -> list[dict[str, Any]]:
    """Extras with a package that is not installed, and the command that installs them."""
    try:
        wanted = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # run from a folder that was never installed
        return []
    missing: dict[str, list[str]] = {}
    for requirement in wanted:
        extra, name = extra_of(requirement)
        if extra in FOR_USERS and version_of(name) is None:
            missing.setdefault(extra, []).append(name)
    return [
        {"extra": extra, "missing": names, "install": f"pip install '{DISTRIBUTION}[{extra}]'"}
        for extra, names in missing.items()
    ]


def extra_of(requirement: str) -> tuple[str, str]:
    """The extra that asks for a requirement ("" for the core), and the name of the package.

    >>> extra_of('quantstats>=0.0.62; extra == "stats"'), extra_of("numpy>=2.0")
    (('stats', 'quantstats'), ('', 'numpy'))
    """
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    extra = re.search(r"extra == [\"']([^\"']+)[\"']", requirement)
    return extra.group(1) if extra else "", name.group() if name else ""


def cache_contents() -> dict[str, Any]:
    """Where compiled strategies are kept, how many, and how large."""
    from huracan.sim.stubs import cache_dir

    folder = cache_dir()
    sizes = [each.stat().st_size for each in folder.rglob("*") if each.is_file()]
    return {"folder": str(folder), "entries": len(list(folder.glob("*.py"))), "bytes": sum(sizes)}
