"""How many sets of a strategy were ever tried on the same data: a small file for each sweep, in the store.

    STORE/.trials/<strategy and data>/<sweep>.<sets>.json

A second sweep over the same history is not free: its best is the best of both. Each sweep writes one file under a name
of its own, so that sweeps that run at the same time lose nothing. The name says how many sets there were: to open the
files of a thousand earlier sweeps would take as long as many a sweep.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huracan.sim.atomic_files import NotWritten, make_folder, write_together
from huracan.sim.refusal import Refused
from huracan.spec import named
from huracan.spec_records import Spec


def trials_folder(spec: Spec, data_hash: str) -> Path | None:
    """Where sweeps of this strategy on these data are counted; None where there can be no store."""
    from huracan.data.store import store_root

    try:
        root = store_root()
    except (Refused, OSError, RuntimeError):  # no home
        return None
    key = hashlib.sha256(f"{strategy_name(spec)} {data_hash}".encode()).hexdigest()[:24]
    return root / ".trials" / key


def strategy_name(spec: Spec) -> str:
    """What a strategy is called wherever its file lies; a change of its code does not make it another one."""
    use = named(spec.strategy.use)
    path, _, name = str(use if isinstance(use, str) else getattr(use, "__name__", use)).rpartition(":")
    return f"{Path(path).name}:{name}" if path else name


def tried_before(folder: Path | None, sweep_id: str) -> int | None:
    """Sets that other sweeps tried; None where nothing is counted."""
    if folder is None:
        return None
    found: dict[str, int] = {}
    for name in os.listdir(folder) if folder.is_dir() else []:
        if name.endswith(".json"):
            sweep, _, rest = name.partition(".")
            sets = rest[: -len(".json")]
            tried = int(sets) if sets.isascii() and sets.isdigit() else sets_in(os.path.join(folder, name))
            found[sweep] = max(tried, found.get(sweep, 0))  # one that went on wrote one each time
    found.pop(sweep_id, None)
    return sum(found.values())


def sets_in(path: str) -> int:
    """What a file says whose name does not, as those of older versions."""
    try:
        with open(path, "rb") as file:
            return max(int(json.loads(file.read())["sets"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        print(f"huracan: {path} can't be read, so its trials are not counted", file=sys.stderr)
        return 0


def count_trials(folder: Path | None, sweep_id: str, sets: int, about: Mapping[str, Any]) -> bool:
    """Write down how many sets this sweep has tried by now; of a sweep that goes on its last count is the largest."""
    if folder is None:
        return False
    when = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"sets": sets, "when": when, **about}, indent=1) + "\n"
    try:
        make_folder(folder)
        name = f"{sweep_id}.{sets}.json"
        write_together(folder, {name: lambda path: path.write_text(text, encoding="utf-8")})
    except (Refused, NotWritten) as error:
        print(f"huracan: the trials of this sweep could not be counted in the store: {error}", file=sys.stderr)
        return False
    return True
