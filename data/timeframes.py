"""The length of a bar: the word of a spec ("1m", "4h") and its nanoseconds."""

from __future__ import annotations

import re

from huracan.sim.refusal import Refused

NS = 1_000_000_000
_UNITS = {"s": NS, "m": 60 * NS, "h": 3_600 * NS, "d": 86_400 * NS, "w": 604_800 * NS}
_FIX = 'write a whole number and one of s, m, h, d, w, as in "15s", "1m", "4h", "1d"'


def parse_timeframe(text: str) -> int:
    """The nanoseconds of a timeframe.

    >>> parse_timeframe("15s"), parse_timeframe("1m")
    (15000000000, 60000000000)
    """
    step = parse_length(text)
    if step is None:
        fix = "months differ in length; use weeks or days" if str(text).endswith("M") else _FIX
        raise Refused(f"{text!r} is not a timeframe", where="timeframe", fix=fix)
    if not 0 < step <= 366 * _UNITS["d"]:
        raise Refused(f"timeframe {text!r} is not between one second and 366 days", where="timeframe", fix=_FIX)
    return step


def parse_length(text: object) -> int | None:
    """The nanoseconds of any length of time that is written like a timeframe; None for what is none.

    >>> parse_length("730d"), parse_length("0s"), parse_length("2y")
    (63072000000000000, 0, None)
    """
    match = re.fullmatch(r"([0-9]{1,6})([smhdw])", text) if isinstance(text, str) else None
    return None if match is None else int(match[1]) * _UNITS[match[2]]


def format_timeframe(step_ns: int) -> str:
    """The shortest word for a length in nanoseconds; lengths that have none are given in seconds.

    >>> format_timeframe(3_600_000_000_000), format_timeframe(1_500_000_000)
    ('1h', '1.5s')
    """
    for unit, length in reversed(_UNITS.items()):
        if step_ns >= length and step_ns % length == 0:
            return f"{step_ns // length}{unit}"
    return f"{step_ns / NS:g}s"
