"""Lanes of one block that several threads run: who has no block left takes strips of the lanes of those who have.

Without it the last block of a sweep leaves all cores but one idle, and a core that is slower than others, because
somebody else uses it as well, keeps all of them waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from huracan.sim.chunks import Chunks

LEAST = 16  # lanes of a strip: the call for fewer takes about as long as they do


@dataclass(eq=False)
class Round:
    """All lanes of a block over some rows; `run(lo, hi)` is the machine's call for some of the lanes."""

    run: Callable[[int, int], object]
    lanes: int
    cuts: int  # strips that they are cut into while nobody waits for one
    begun: int = 0  # lanes that somebody has taken, from the first one
    elsewhere: int = 0  # strips that other threads are at
    error: BaseException | None = None  # of such a strip


@dataclass
class Strips:
    """The rounds that are under way, and how many threads would take a strip of them."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    rounds: list[Round] = field(default_factory=list)
    blocks: int = 0  # that have not ended
    idle: int = 0  # threads without a block of their own

    def more(self) -> None:
        """One more block is going to run: who helps waits for its rounds."""
        with self.changed:
            self.blocks += 1

    def ended(self, _: object = None) -> None:
        """A block has ended, or will not run at all."""
        with self.changed:
            self.blocks -= 1
            self.changed.notify_all()

    def over(self, run: Callable[[int, int], object], lanes: int, cuts: int = 1) -> None:
        """Call run(lo, hi) so that each lane is in one call, here or in threads that help; ends when all are done.

        >>> strips, done = Strips(), []
        >>> strips.over(lambda lo, hi: done.append((lo, hi)), 100, cuts=2); done
        [(0, 50), (50, 100)]
        """
        mine = Round(run, lanes, cuts)
        with self.changed:
            self.rounds.append(mine)
            if self.idle:
                self.changed.notify_all()
        try:
            while (strip := self._take(mine)) is not None:
                run(*strip)
        finally:
            with self.changed:
                self.rounds.remove(mine)
                # Whatever happened here: the next round reads what strips of this one still write.
                self.changed.wait_for(lambda: not mine.elsewhere)
        if mine.error is not None:
            raise mine.error

    def help(self) -> None:
        """Run strips of others until all blocks have ended."""
        with self.changed:
            self.idle += 1
        while (found := self._wait()) is not None:
            some, strip = found
            error = None
            try:
                some.run(*strip)
            except BaseException as raised:  # noqa: BLE001 - whose lanes they are raises it
                error = raised
            with self.changed:
                some.elsewhere -= 1
                some.error = some.error or error
                self.changed.notify_all()
        with self.changed:
            self.idle -= 1

    def _take(self, mine: Round) -> tuple[int, int] | None:
        """The next strip of one's own lanes."""
        with self.changed:
            return self._cut(mine) if mine.begun < mine.lanes and mine.error is None else None

    def _wait(self) -> tuple[Round, tuple[int, int]] | None:
        """A strip of somebody's lanes, as soon as there is one; None if there will be no more."""
        with self.changed:
            while self.blocks:
                some = next((each for each in self.rounds if each.begun < each.lanes), None)
                if some is not None:
                    some.elsewhere += 1
                    return some, self._cut(some)
                self.changed.wait()
        return None

    def _cut(self, some: Round) -> tuple[int, int]:
        """The next lanes: as asked while all are busy, else ever fewer, so that all end at about the same time."""
        rest = some.lanes - some.begun
        many = rest // (2 * (self.idle + 1)) if self.idle else -(-some.lanes // some.cuts)
        lo = some.begun
        some.begun = min(lo + max(many, LEAST), some.lanes)
        return lo, some.begun


@dataclass(frozen=True)
class Beside:
    """What blocks share that run beside one another: bars that are ready, and lanes for threads that have none left.

    They are made in turn: beside one another they would wait for Python's lock at every step, all for twice as long.
    """

    chunks: Chunks | None = None
    strips: Strips | None = None
    turn: AbstractContextManager[Any] = field(default_factory=nullcontext)


ALONE = Beside()
