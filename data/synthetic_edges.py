"""Edges that can be planted in a synthetic market, each with a strength that is known; and the venues it trades at.

    leader    the first symbol's moves come back in all others a bar (in order books a second) later: the correlation
    pair      the second symbol follows the first, and each bar takes back this share of what lies between them
    breakout  quiet stretches are followed by a drift of this many deviations a bar
    toxic     this share of market orders just before a jump of an order book knows its direction

All are 0 unless asked for. Where nothing is planted a detector should find nothing: `bench/synthetic.py` shows both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from huracan.sim.refusal import Refused

VENUE = "synthetic"
BARS = ("leader", "pair", "breakout")  # what can be planted in bars
BOOK = ("leader", "toxic")  # and in an order book


@dataclass(frozen=True)
class Edges:
    """Strengths from 0, off, to 1."""

    leader: float = 0.0
    pair: float = 0.0
    breakout: float = 0.0
    toxic: float = 0.0


@dataclass(frozen=True)
class Place:
    """A venue: it follows the market `lag_ms` late and stands `basis_bps` above it.

    In order books its rows take `feed_ms` to us, and our clock is `skew_ms` ahead of its own.
    """

    name: str = VENUE
    lag_ms: float = 0.0
    basis_bps: float = 0.0
    feed_ms: float = 2.0
    skew_ms: float = 0.0


def check_edges(edges: Edges, possible: Sequence[str], symbols: int) -> None:
    """Refuse a strength that can't be, an edge that such a market has no place for, or too few symbols for it."""
    for name in ("leader", "pair", "breakout", "toxic"):
        where, strength = f"data.edges.{name}", getattr(edges, name)
        if not (math.isfinite(strength) and 0.0 <= strength <= 1.0):
            raise Refused(f"{name} must be from 0 to 1, not {strength:g}", where=where, fix="0 is off")
        if strength > 0.0 and name not in possible:
            kind = "bars" if possible is BARS else "order books"
            raise Refused(f"{name} can't be planted in {kind}", where=where, fix=f"they take {', '.join(possible)}")
        if strength > 0.0 and name in ("leader", "pair") and symbols < 2:
            raise Refused(f"{name} needs two symbols", where=where, fix="name more symbols, or assets = 2")
    if edges.leader > 0.0 and edges.pair > 0.0:
        fix = "plant them in two runs: the second symbol can't follow the first in both ways"
        raise Refused("leader and pair contradict each other", where="data.edges.pair", fix=fix)


def check_places(places: Sequence[Place]) -> None:
    """Refuse venues that have one name, or numbers that can't be."""
    names = [place.name for place in places]
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if not names or twice or not all(names):
        what = f"the venue {twice[0]!r} stands twice" if twice else "a venue has no name" if names else "no venues"
        raise Refused(what, where="data.venues", fix="name each once")
    for place in places:
        for key, least, most in (
            ("lag_ms", 0.0, 86_400_000.0),
            ("feed_ms", 0.0, 600_000.0),
            ("basis_bps", -1000.0, 1000.0),
            ("skew_ms", -1e10, 1e10),
        ):
            value = getattr(place, key)
            if not least <= value <= most:
                what = f"{key} must be from {least:g} to {most:g}, not {value:g}, at the venue {place.name!r}"
                raise Refused(what, where=f"data.venues.{key}")
