"""Half-open ranges [from, to) of times, sorted and apart: what has been asked for, and what is still to ask for."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]


def united(ranges: Iterable[Range]) -> list[Range]:
    """The same times, in order; ranges that touch become one.

    >>> united([(5, 7), (0, 2), (2, 3), (6, 9), (4, 4)])
    [(0, 3), (5, 9)]
    """
    out: list[Range] = []
    for lo, hi in sorted(r for r in ranges if r[0] < r[1]):
        if out and lo <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], hi))
        else:
            out.append((lo, hi))
    return out


def without(whole: Range, taken: Iterable[Range]) -> list[Range]:
    """What is left of a range.

    >>> without((0, 10), [(2, 4), (8, 12)])
    [(0, 2), (4, 8)]
    """
    out, at = [], whole[0]
    for lo, hi in united(taken):
        if at < lo and at < whole[1]:
            out.append((at, min(lo, whole[1])))
        at = max(at, hi)
    if at < whole[1]:
        out.append((at, whole[1]))
    return out
