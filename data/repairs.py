"""The rules that may be chosen for what is wrong with bars, and how each mends it.

    [data]
    repair = { missing_bars = "fill", duplicate_time = "first", bad_ohlc = "widen" }

A rule is applied to the rows that its problem names, in the order of RULES, and counted in the result's repairs under
`problem_rule`. What has no rule is refused ("refuse") or left as it is ("keep"), whichever the problem's first is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from huracan.data.bar_faults import Flags, bar_faults, order_faults, phase_of, value_faults
from huracan.data.raw_bars import PRICES, Floats, Ints, RawBars, picked
from huracan.sim.refusal import Refused


@dataclass(frozen=True)
class Rule:
    """What a problem means in words, the rules it can have (the first where none is chosen), and which to try."""

    choices: tuple[str, ...]
    suggested: str
    says: str


RULES = {
    "time_zone_slip": Rule(("keep", "shift", "drop"), "shift", "times are off by whole half hours, as a zone would be"),
    "unordered_time": Rule(("refuse", "sort"), "sort", "rows are earlier than the row above"),
    "duplicate_time": Rule(("refuse", "first", "last"), "first", "rows repeat a time that stood above"),
    "off_grid": Rule(("refuse", "drop", "floor"), "drop", "bars begin inside a step"),
    "bad_ohlc": Rule(("refuse", "widen", "drop"), "widen", "high or low do not hold the other prices"),
    "nan": Rule(("refuse", "drop", "fill"), "drop", "a number is missing"),
    "nonpositive_price": Rule(("refuse", "drop", "fill"), "drop", "a price is zero or below"),
    "bad_volume": Rule(("refuse", "zero", "drop"), "zero", "a volume is below zero or infinite"),
    "spike": Rule(("keep", "clip", "drop"), "clip", "the price leaves by far more than usual and comes straight back"),
    "stale": Rule(("keep", "drop"), "keep", "the price stood still for five bars or more"),
    "outage": Rule(("keep", "drop"), "keep", "nothing traded for ten bars or more: no volume, or no bars"),
    "zero_volume": Rule(("keep", "drop"), "keep", "nothing traded in the bar"),
    "missing_bars": Rule(("keep", "fill"), "fill", "bars are not there"),
    "closed_hours": Rule(("keep",), "keep", "the market is never open at these hours of the week"),
    "no_volume": Rule(("keep",), "keep", "the volume is zero in every row"),
}


def check_rules(repair: Mapping[str, str], where: str = "data.repair") -> None:
    """Refuse a problem or a rule that does not exist.

    >>> check_rules({"missing_bars": "fill"})
    """
    import difflib

    for name, rule in repair.items():
        if name not in RULES:
            near = difflib.get_close_matches(name, RULES, 1)
            fix = f"did you mean {near[0]!r}?" if near else f"problems are {', '.join(RULES)}"
            raise Refused(f"there is no problem {name!r}", where=where, fix=fix)
        if rule not in RULES[name].choices:
            fix = f"use one of {', '.join(RULES[name].choices)}"
            raise Refused(f"there is no repair {rule!r} for {name}", where=f"{where}.{name}", fix=fix)


def mended(raw: RawBars, step_ns: int, repair: Mapping[str, str], repairs: dict[str, int]) -> RawBars:
    """Raw bars after the rules chosen; each that changed something is counted in `repairs`."""
    check_rules(repair)
    for name in RULES:
        rule = repair.get(name, "keep")
        if rule in ("keep", "refuse") or not len(raw):
            continue
        raw, count = _apply(raw, step_ns, name, rule)
        if count:
            repairs[f"{name}_{rule}"] = repairs.get(f"{name}_{rule}", 0) + count
    return raw


def _apply(raw: RawBars, step_ns: int, name: str, rule: str) -> tuple[RawBars, int]:
    """The bars after one rule, and how many rows it concerned."""
    if name == "unordered_time":
        return picked(raw, np.argsort(raw.times, kind="stable")), int(order_faults(raw.times)[0].sum())
    if name == "duplicate_time":
        gone = _doubled(raw.times, rule)
        return picked(raw, ~gone), int(gone.sum())
    found = bar_faults(raw, step_ns, name)
    if not found:
        return raw, 0
    (fault,) = found
    if name == "missing_bars":
        return _filled(raw, fault.spans, step_ns), fault.count
    mask = _in_spans(raw.times, fault.spans) if fault.mask is None else fault.mask
    if rule == "drop":
        return picked(raw, ~mask), int(mask.sum())
    if rule == "shift" and fault.shift_ns is not None:
        return replace(raw, times=raw.times - fault.shift_ns), int((fault.shift_ns != 0).sum())
    if rule == "floor":
        phase = phase_of(raw.times, step_ns)
        return replace(raw, times=np.where(mask, raw.times - (raw.times - phase) % step_ns, raw.times)), fault.count
    if rule == "zero" and raw.volume is not None:
        return replace(raw, volume=np.where(mask, 0.0, raw.volume)), fault.count
    prices, volume = {"widen": _widened, "fill": _carried, "clip": _clipped}[rule](raw, mask)
    return replace(raw, prices=prices, volume=volume), fault.count


def _doubled(times: Ints, rule: str) -> Flags:
    """The rows that go when of each time the first, or the last, is kept."""
    if rule == "first":
        return order_faults(times)[1]
    gone: Flags = order_faults(times[::-1])[1][::-1]
    return gone


def _in_spans(times: Ints, spans: tuple[tuple[int, int, int], ...]) -> Flags:
    inside = np.zeros(len(times), dtype=np.bool_)
    for first, last, _ in spans:
        inside |= (times >= first) & (times <= last)
    return inside


def _filled(raw: RawBars, spans: tuple[tuple[int, int, int], ...], step_ns: int) -> RawBars:
    """With flat bars at the last close and no volume where bars are missing."""
    new = np.concatenate([np.arange(first, last + 1, step_ns) for first, last, _ in spans])
    order = np.argsort(raw.times, kind="stable")
    before = order[np.searchsorted(raw.times[order], new) - 1]
    close = raw.prices["close"][before]
    joined = replace(
        raw,
        times=np.concatenate([raw.times, new]),
        prices={word: np.concatenate([raw.prices[word], close]) for word in PRICES},
        volume=None if raw.volume is None else np.concatenate([raw.volume, np.zeros(len(new))]),
        half_spread_bps=None
        if raw.half_spread_bps is None
        else np.concatenate([raw.half_spread_bps, raw.half_spread_bps[before]]),
        rows=np.concatenate([raw.rows, raw.rows[before]]),
    )
    return picked(joined, np.argsort(joined.times, kind="stable"))


def _widened(raw: RawBars, mask: Flags) -> tuple[dict[str, Floats], Floats | None]:
    """High and low moved out to hold all four prices."""
    four = np.stack([raw.prices[word] for word in PRICES])
    high = np.where(mask, four.max(axis=0), raw.prices["high"])
    low = np.where(mask, four.min(axis=0), raw.prices["low"])
    return raw.prices | {"high": high, "low": low}, raw.volume


def _carried(raw: RawBars, mask: Flags) -> tuple[dict[str, Floats], Floats | None]:
    """Flat at the last sound close, without volume; rows before the first sound one are left, and then refused."""
    sound = ~mask & ~np.logical_or.reduce(value_faults(raw))
    last = np.maximum.accumulate(np.where(sound, np.arange(len(raw)), -1))
    mend = mask & (last >= 0)
    close = raw.prices["close"][np.maximum(last, 0)]
    prices = {word: np.where(mend, close, raw.prices[word]) for word in PRICES}
    return prices, None if raw.volume is None else np.where(mend, 0.0, raw.volume)


def _clipped(raw: RawBars, mask: Flags) -> tuple[dict[str, Floats], Floats | None]:
    """Each price brought back between the lows and highs of the sound rows before and after."""
    sound = np.flatnonzero(~mask & ~np.logical_or.reduce(value_faults(raw)))
    rows = np.flatnonzero(mask)
    if not sound.size:
        return raw.prices, raw.volume
    at = np.searchsorted(sound, rows)
    before, after = sound[np.maximum(at - 1, 0)], sound[np.minimum(at, len(sound) - 1)]
    top = np.maximum(raw.prices["high"][before], raw.prices["high"][after])
    bottom = np.minimum(raw.prices["low"][before], raw.prices["low"][after])
    prices = {}
    for word in PRICES:
        prices[word] = raw.prices[word].copy()
        prices[word][rows] = np.clip(prices[word][rows], bottom, top)
    return prices, raw.volume
