"""Ctrl-C where Python can't raise: it is not lost."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from huracan import cli
from huracan.interrupts import heard

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


def waits_after(where: Callable[[], None]) -> None:
    with heard():
        where()
        time.sleep(20.0)


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.0)  # where it is raised


def in_what_c_calls() -> None:
    def _raw_object_cache_notify() -> None:
        ctrl_c()

    ctypes.CFUNCTYPE(None)(_raw_object_cache_notify)()


def in_what_clears_up() -> None:
    class Gone:
        def __del__(self) -> None:
            ctrl_c()

    Gone()


@pytest.mark.parametrize("where", [ctrl_c, in_what_c_calls, in_what_clears_up])
def test_it_is_heard_wherever_it_comes(where: Callable[[], None]) -> None:
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        waits_after(where)
    assert time.monotonic() - start < 10.0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_command_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def app(*_: Any, **__: Any) -> int:
        in_what_c_calls()
        time.sleep(20.0)
        return 0

    monkeypatch.setattr(cli, "app", app)
    assert cli.main(["strategies"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_handler_of_somebody_else_stays() -> None:
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with heard():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, mine)
    found = []

    def elsewhere() -> None:
        with heard():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
