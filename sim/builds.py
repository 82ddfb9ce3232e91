"""Builds of the kernel: copies of its modules with the groups that a spec needs as constants."""

from __future__ import annotations

import importlib
import sys
import threading
import types
from dataclasses import dataclass
from functools import cache
from typing import Any

KERNEL_MODULES = (
    "values",
    "reports",
    "margin",
    "ledger",
    "orderbook",
    "execute",
    "levels",
    "opens",
    "liquidate",
    "path",
    "marks",
    "calm",
    "quiet",
    "advance",
    "decide",
    "hear",
    "book_queue",
    "book_latency",
    "book_places",
    "book_leave",
    "book_margin",
    "book_fills",
    "book_stops",
    "book_arrivals",
    "book_resting",
    "book_triggers",
    "book_feed",
    "book_decide",
)


@dataclass(frozen=True)
class Groups:
    """What a build contains (kernel/groups.py says what each means)."""

    resting: int = 1
    margin: int = 1
    borrow: int = 1
    spots: int = 1
    inverses: int = 1
    costs: int = 1
    closes: int = 1
    record: int = 1
    split: int = 0
    venue: int = 1
    events: int = 0
    deep: int = 0
    books: int = 0
    curved: int = 0
    delays: int = 0


_lock = threading.RLock()


@cache
def kernel(groups: Groups) -> types.SimpleNamespace:
    """A copy of the kernel's modules with these groups as constants."""
    package = "huracan.sim.kernel"
    names = ["groups", *KERNEL_MODULES]
    found: dict[str, Any] = {}
    with _lock:
        saved = {n: sys.modules.pop(f"{package}.{n}", None) for n in names}
        parent = importlib.import_module(package)
        try:
            constants = types.ModuleType(f"{package}.groups")
            for name, value in vars(groups).items():
                setattr(constants, name.upper(), value)
            sys.modules[f"{package}.groups"] = constants
            for n in KERNEL_MODULES:
                found[n] = importlib.import_module(f"{package}.{n}")
        finally:
            for n, module in saved.items():
                sys.modules.pop(f"{package}.{n}", None)
                if module is not None:
                    sys.modules[f"{package}.{n}"] = module
                    setattr(parent, n, module)
    return types.SimpleNamespace(**found)
