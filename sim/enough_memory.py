"""Whether what somebody asks for fits into memory, before it is taken: a process that takes too much is killed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from huracan.sim.refusal import Refused

MEMINFO = Path("/proc/meminfo")
GROUPS = Path("/sys/fs/cgroup")  # version 2: memory.max; version 1: memory/memory.limit_in_bytes
STATUS = Path("/proc/self/status")
BARE = 190 << 20  # bytes of the interpreter with numba and numpy loaded, and a little data
LITTLE = 64e6  # bytes that nobody is asked about
SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


def free_bytes() -> int | None:
    """Memory that this process may still take, swap too, or None where nobody says.

    What the machine has free or can free at once, within the limits of its container and of the process.
    """
    found = [each for each in (_of_the_machine(), _of_the_container(), _of_the_process()) if each is not None]
    return min(found, default=None)


def held_bytes() -> tuple[int, int]:
    """(memory that this process holds now, the most that it has held); what a bare one holds where nobody says."""
    try:
        told = _numbers(line.replace(":", ": ") for line in STATUS.read_text().splitlines())
        return 1024 * told["VmRSS:"], 1024 * told["VmHWM:"]
    except (OSError, KeyError, ValueError):
        return BARE, BARE


def need(size: float, what: str, *, where: str, fix: str) -> None:
    """Refuse what wants more than `size` bytes of memory where fewer are free; about so many is enough to know.

    >>> need(1e6, "a thousand sets", where="[sweep]", fix="ask for fewer")
    """
    free = free_bytes() if size >= LITTLE else None
    if free is not None and size > free:
        said = f"{what} want about {in_words(size)} of memory, and {in_words(max(free, 0))} are free"
        raise Refused(said, where=where, fix=fix)


def in_words(size: float) -> str:
    """A number of bytes as people read it.

    >>> in_words(2.5e9), in_words(0), in_words(7.2e15)
    ('2.5 GB', '0 bytes', '7.2 PB')
    """
    power = 0
    while size >= 999.5 and power + 1 < len(SIZES):
        size, power = size / 1000.0, power + 1
    return f"{size:.3g} {SIZES[power]}"


def _of_the_machine() -> int | None:
    try:
        told = _numbers(MEMINFO.read_text().splitlines())
        return 1024 * (told["MemAvailable:"] + told.get("SwapFree:", 0))
    except (OSError, KeyError, ValueError):
        pass
    try:
        import os

        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _of_the_container() -> int | None:
    """The limit less what is taken; the files' pages among that can be given up."""
    for limit, taken, stat, pages in (
        ("memory.max", "memory.current", "memory.stat", "file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_cache"),
    ):
        try:
            most = int((GROUPS / limit).read_text())
            used = int((GROUPS / taken).read_text())
            return most - used + _numbers((GROUPS / stat).read_text().splitlines()).get(pages, 0)
        except (OSError, ValueError):  # there is no such limit
            continue
    return None


def _of_the_process() -> int | None:
    try:
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most == resource.RLIM_INFINITY:
            return None
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return most - pages * resource.getpagesize()
    except (ImportError, OSError, ValueError, IndexError):
        return None


def _numbers(lines: Iterable[str]) -> dict[str, int]:
    """`name 12 kB` a line."""
    return {words[0]: int(words[1]) for line in lines if len(words := line.split()) > 1 and words[1].isdigit()}
