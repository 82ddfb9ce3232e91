"""The compiled half of the synthetic market: the chain of regimes, and one asset's bars along it.

    regime ─▶ volatility (GARCH x slow x hour of day x regime) ─▶ path inside the bar ─▶ four prices on the tick
                     └────────────── activity, shared ──────────────▶ volume

Every number comes from + - * / sqrt, portable_math and counter-based draws, in one fixed order, so one seed gives the
same bytes on any machine, compiled or not. A draw is named by (bar, slot): a longer market begins with the shorter
one's bytes, and an asset is the same whichever others are made beside it. What all assets share is drawn on lane 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from huracan.sim import portable_math, random_numbers
from huracan.sim.options import LINKED_ENTRY, rare
from huracan.sim.sources import kernel_sources

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

RANGE, UP, DOWN, PANIC = 0, 1, 2, 3
MEAN_MINUTES = (960.0, 1440.0, 1440.0, 90.0)  # how long each regime lasts on average
VOLATILITY = (0.8, 1.0, 1.0, 2.5)  # beside the asset's own
DRIFT = (0.0, 0.04, -0.04, -0.2)  # in minute volatilities a minute,
MOST_DRIFT = (0.0, 0.3, -0.3, -0.6)  # and in a bar's own at most: a panic of 90 minutes must not fall for a whole day
TO_PANIC = 0.1  # of the moves out of a quiet regime
UP_SHARE = 0.54  # of trends; makes up for what panics take away
REVERT_MINUTES = 173.0  # a range pulls back to where it began, half the way in two hours

ARCH, GARCH = 0.05, 0.94
SLOW_MINUTES, SLOW_SD = 1440.0, 0.4
ACTIVITY_SD = 0.4
VOLUME_SD = 0.35
JUMP_MINUTES, PANIC_JUMP_MINUTES, JUMP_SD = 4320.0, 120.0, 8.0  # size in minute volatilities
GAP_SD = 0.02  # from one bar's close to the next one's open, in volatilities of a bar

# Volatility by the hour (UTC) at the full hours: quiet before Asia opens, busiest when America does.
SEASON = (
    1.0, 0.97, 0.91, 0.86, 0.81, 0.77, 0.78, 0.85, 0.93, 0.95, 0.93, 0.92,
    1.0, 1.2, 1.36, 1.38, 1.3, 1.18, 1.12, 1.05, 1.0, 0.96, 0.92, 0.94, 1.0,
)  # fmt: skip

STEPS = 8  # of the path inside a bar
SLOTS = 32  # draws that one bar can name, on each lane
_SLOW, _ACTIVITY, _VOLUME, _JUMP_SIZE, _GAP, _PATH, DRAWS = 0, 1, 2, 3, 4, 5, 5 + STEPS
_SWITCH, _NEXT, _JUMP, _JUMP_STEP = 24, 25, 26, 27
_COMMON = 0  # the lane of what all assets share
_HOUR = 3_600_000_000_000
_MINUTE = 60_000_000_000


class Asset(NamedTuple):
    """What makes one asset unlike another; lane 1 and up names its draws."""

    lane: int
    log_price: float
    tick_num: int
    tick_den: int
    volatility: float  # of log prices, a minute
    common: float  # correlation with what all assets share
    volume: float  # a minute, in units of quantity
    lot_den: int


# Not inlined, unlike the kernel's own functions: a short compile counts for more here.
_scalar: Callable[..., Any] = rare


@_scalar
def _exp(x: float) -> float:
    return portable_math.exp(x)  # type: ignore[no-any-return]


@_scalar
def _uniform(seed: int, bar: int, slot: int) -> float:
    return random_numbers.uniform(seed, _COMMON, bar * SLOTS + slot, random_numbers.SYNTHETIC)  # type: ignore[no-any-return]


@_scalar
def _normal(seed: int, lane: int, event: int) -> float:
    return random_numbers.normal(seed, lane, event, random_numbers.SYNTHETIC)  # type: ignore[no-any-return]


@_scalar
def _chance(minutes: float, mean: float) -> float:
    """That something which comes every `mean` minutes on average comes within one bar."""
    return minutes / (mean + minutes)


@_scalar
def _drift(regime: int, minutes: float) -> float:
    """Of log prices over one bar, in minute volatilities."""
    full, most = DRIFT[regime] * minutes, MOST_DRIFT[regime] * math.sqrt(minutes)
    return full if abs(full) < abs(most) else most


@_scalar
def _season(ns: int, step_ns: int) -> float:
    """The level of the hour, from line to line; a bar of half a day and more holds loud hours and quiet ones."""
    if step_ns >= 12 * _HOUR:
        return 1.0
    hours = (ns % (24 * _HOUR)) / _HOUR
    hour = math.floor(hours)
    return SEASON[hour] + (hours - hour) * (SEASON[hour + 1] - SEASON[hour])


@njit(**LINKED_ENTRY)
def chain(stamp: Any, seed: int, step_ns: int, labels: Labels) -> None:
    """Fills `labels` with the regime of each bar, a Markov chain in time that starts in a range."""
    minutes = step_ns / _MINUTE
    state = RANGE
    for bar in range(labels.size):
        if _uniform(seed, bar, _SWITCH) < _chance(minutes, MEAN_MINUTES[state]):
            u = _uniform(seed, bar, _NEXT)
            if state != PANIC and u < TO_PANIC:
                state = PANIC
            elif state in (UP, DOWN) or (state == PANIC and u < 0.6):
                state = RANGE
            else:  # what is left of u is uniform again
                rest = (u - 0.6) / 0.4 if state == PANIC else (u - TO_PANIC) / (1.0 - TO_PANIC)
                state = UP if rest < UP_SHARE else DOWN
        labels[bar] = state


@_scalar
def _draw(seed: int, bar: int, a: Asset, z: Floats) -> None:
    """Fills z with the bar's normal numbers, each as correlated with the other assets' as this asset is."""
    own = math.sqrt(1.0 - a.common * a.common)
    for slot in range(z.size):
        event = bar * SLOTS + slot
        z[slot] = a.common * _normal(seed, _COMMON, event) + own * _normal(seed, a.lane, event)


@_scalar
def _settle(bar: int, a: Asset, prices: Floats, traded: float, volume: Floats) -> None:
    """From logarithms to prices on the tick, and to a volume on the lot."""
    for k in range(4):
        ticks = math.floor(_exp(prices[k, bar]) * a.tick_den / a.tick_num + 0.5)
        prices[k, bar] = max(ticks, 1.0) * a.tick_num / a.tick_den
    # exp is not promised to rise with its argument in the last bit, so the four are put in order once more
    prices[1, bar] = max(prices[1, bar], prices[0, bar], prices[3, bar])
    prices[2, bar] = min(prices[2, bar], prices[0, bar], prices[3, bar])
    volume[bar] = math.floor(traded * a.lot_den + 0.5) / a.lot_den


@njit(**LINKED_ENTRY)
def asset_bars(
    stamp: Any,
    seed: int,
    start_ns: int,
    step_ns: int,
    labels: Labels,
    a: Asset,
    z: Floats,  # scratch, of DRAWS
    prices: Floats,  # (4, bars): open, high, low, close
    volume: Floats,
) -> None:
    """Fills prices and volume of one asset along the regimes."""
    minutes = step_ns / _MINUTE
    sigma = a.volatility * math.sqrt(minutes)
    keep = 1.0 - _chance(minutes, SLOW_MINUTES)
    fresh = SLOW_SD * math.sqrt(1.0 - keep * keep)
    pull = _chance(minutes, STEPS * REVERT_MINUTES)
    x = a.log_price
    anchor, garch, slow, before = x, 1.0, 0.0, -1
    for bar in range(labels.size):
        regime = labels[bar]
        if regime != before:
            anchor, before = x, regime
        _draw(seed, bar, a, z)
        slow = keep * slow + fresh * z[_SLOW]
        level = math.sqrt(garch) * VOLATILITY[regime] * _season(start_ns + bar * step_ns, step_ns) * _exp(slow)
        busy = level * _exp(ACTIVITY_SD * z[_ACTIVITY] - ACTIVITY_SD * ACTIVITY_SD)  # its mean square is level's
        jump_at = -1
        if _uniform(seed, bar, _JUMP) < _chance(minutes, PANIC_JUMP_MINUTES if regime == PANIC else JUMP_MINUTES):
            jump_at = math.floor(_uniform(seed, bar, _JUMP_STEP) * STEPS)
        drift = _drift(regime, minutes) * a.volatility / STEPS
        step_sd = sigma * busy / math.sqrt(STEPS)
        was = x
        x += GAP_SD * sigma * busy * z[_GAP]
        first, top, bottom = x, x, x
        for step in range(STEPS):
            x += drift + step_sd * z[_PATH + step]
            if regime == RANGE:
                x += pull * (anchor - x)
            if step == jump_at:
                x += JUMP_SD * a.volatility * z[_JUMP_SIZE]
            top, bottom = max(top, x), min(bottom, x)
        prices[0, bar], prices[1, bar], prices[2, bar], prices[3, bar] = first, top, bottom, x
        traded = a.volume * minutes * busy * _exp(VOLUME_SD * z[_VOLUME])
        _settle(bar, a, prices, traded, volume)
        # one move of five deviations at most, or a jump would keep the market wild for hours
        surprise = (x - was) / (sigma * level)
        garch = (1.0 - ARCH - GARCH) + garch * (GARCH + ARCH * min(surprise * surprise, 25.0))


@njit(**LINKED_ENTRY)
def noise(stamp: Any, seed: int, lane: int, first: int, out: Floats) -> None:
    """Fills `out` with standard normal numbers of an asset that no bar draws: theirs count up from 0, these down."""
    for i in range(out.size):
        out[i] = _normal(seed, lane, -1 - first - i)


def source_stamp() -> npt.NDArray[Any]:
    """One empty record whose type names the sources that the kernels above are compiled from.

    Numba's cache looks at a kernel's own file and at the types of its arguments; an edit in portable_math or
    random_numbers would go unseen, were it not in a type.
    """
    return np.zeros(1, dtype=[("sources_" + kernel_sources()[:16], np.int8)])
