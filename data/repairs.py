"""How each rule mends what is wrong with bars.

A rule is applied to the rows that its problem names, in the order of BAR_RULES, and counted in the result's repairs
under `problem_rule`. What has no rule is refused ("refuse") or left as it is ("keep"), whichever comes first there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from huracan.data.bar_faults import Flags, bar_faults, order_faults, phase_of, value_faults
from huracan.data.raw_bars import PRICES, Floats, Ints, RawBars, picked
from huracan.data.repair_rules import BAR_RULES, check_rules


def mended(raw: RawBars, step_ns: int, repair: Mapping[str, str], repairs: dict[str, int]) -> RawBars:
    """Raw bars after the rules chosen; each that changed something is counted in `repairs`."""
    check_rules(repair)
    for name in BAR_RULES:
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
        return filled(raw, fault.spans, step_ns), fault.count
    mask = in_spans(raw.times, fault.spans) if fault.mask is None else fault.mask
    if rule == "drop":
        return picked(raw, ~mask), int(mask.sum())
    if rule == "shift" and fault.shift_ns is not None:
        return replace(raw, times=raw.times - fault.shift_ns), int((fault.shift_ns != 0).sum())
    if rule == "floor":
        phase = phase_of(raw.times, step_ns)
        return replace(raw, times=np.where(mask, raw.times - (raw.times - phase) % step_ns, raw.times)), fault.count
    if rule == "zero" and raw.volume is not None:
        return replace(raw, volume=np.where(mask, 0.0, raw.volume)), fault.count
    prices, volume = {"widen": _widened, "fill": _carried, "clip": clipped}[rule](raw, mask)
    return replace(raw, prices=prices, volume=volume), fault.count


def _doubled(times: Ints, rule: str) -> Flags:
    """The rows that go when of each time the first, or the last, is kept."""
    if rule == "first":
        return order_faults(times)[1]
    gone: Flags = order_faults(times[::-1])[1][::-1]
    return gone


def in_spans(times: Ints, spans: tuple[tuple[int, int, int], ...]) -> Flags:
    inside = np.zeros(len(times), dtype=np.bool_)
    for first, last, _ in spans:
        inside |= (times >= first) & (times <= last)
    return inside


def filled(raw: RawBars, spans: tuple[tuple[int, int, int], ...], step_ns: int) -> RawBars:
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


def clipped(raw: RawBars, mask: Flags) -> tuple[dict[str, Floats], Floats | None]:
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
