"""Ctrl-C that is heard wherever it comes.

It is raised in whatever Python runs at that moment. In what LLVM calls back while it compiles, and in what clears up an
object, nobody can raise: Python prints that it was ignored, and the command would go on to its end.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

DEAF = frozenset({"_raw_object_cache_notify", "_raw_object_cache_getbuffer", "__del__"})
AGAIN_S = 0.02


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Meanwhile Ctrl-C ends the main thread's work; where it can't be raised it comes again, a little later.

    A handler that somebody else has set stays, as does none at all.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupted(number: int, frame: FrameType | None) -> None:
    at = frame
    while at is not None:
        if at.f_code.co_name in DEAF:
            _thread.start_new_thread(_again, ())  # takes none of the locks that the main thread may hold here
            return
        at = at.f_back
    raise KeyboardInterrupt


def _again() -> None:
    time.sleep(AGAIN_S)
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)  # wakes it, too, where it waits
    else:
        _thread.interrupt_main()
