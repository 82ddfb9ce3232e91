"""Chunks of a tape that are made ready once: blocks after one another, and threads beside one another, read the same.

What is kept is bounded: the first rows of a tape that is longer. The others are made ready by whoever needs them, in
memory of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from huracan.sim import layout
from huracan.sim.layout import TapeView
from huracan.sim.tape import Tape

KEPT_BYTES = 64 << 20


@dataclass
class Chunks:
    """Chunks of one tape by what they were asked for; nobody writes to them."""

    rows: int  # of the tape, from its first one: what is kept
    made: dict[tuple[int, bool], Future[TapeView]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, lo: int, spread_from_data: bool, make: Callable[[], TapeView]) -> TapeView:
        """The chunk from row `lo` on: whoever asks first makes it, and who asks meanwhile waits."""
        key = (lo, spread_from_data)
        with self.lock:
            found = self.made.get(key)
            mine = found is None
            if found is None:
                found = self.made[key] = Future()
        if mine:
            try:
                found.set_result(make())
            except BaseException as error:
                with self.lock:
                    del self.made[key]  # who asks later tries again
                found.set_exception(error)
                raise
        return found.result()


def chunks_for(tape: Tape) -> Chunks:
    """Room for as many chunks of a tape as are worth their memory."""
    return Chunks(KEPT_BYTES // row_bytes(tape))


def row_bytes(tape: Tape) -> int:
    """Memory of a row that is ready: its times, and of each instrument the bar twice and all that belongs to it."""
    own = 2 * layout.bar.itemsize + layout.cost_input.itemsize + layout.fine_span.itemsize
    own += 2 * layout.SPANS * 8 if len(tape.series) == 1 else 0
    finer = sum(tape.timeframe_ns // bars.timeframe_ns for bars in tape.fine)
    return layout.row.itemsize + len(tape.series) * own + finer * layout.bar.itemsize
