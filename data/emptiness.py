"""What a venue is known not to have: ranges of time noted beside a series' parts, so that nobody asks again."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from huracan.data.intervals import Range, united
from huracan.data.store_kinds import Series

FILE = "empty.json"


def empty_ranges(folder: Path) -> list[Range]:
    """Ranges in ns in which the venue had no rows when it was asked; a note that can't be read is no note."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads((folder / FILE).read_text("utf-8"))
        return united((int(lo), int(hi)) for lo, hi in found["empty"])
    return []


def add_empty(root: Path, series: Series, ranges: Iterable[Range]) -> None:
    """Note more of them."""
    from huracan.data.store_writing import not_stored, writing

    with writing(root, series) as folder:
        text = json.dumps({"empty": united([*empty_ranges(folder), *ranges])})
        hidden = folder / f".{FILE}.tmp"
        try:
            with open(hidden, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(hidden, folder / FILE)
        except OSError as error:
            raise not_stored(folder, error) from error
        finally:
            with contextlib.suppress(OSError):
                hidden.unlink(missing_ok=True)
