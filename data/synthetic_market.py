"""The laws of the synthetic bars: the chain of regimes, and an asset's path along it.

    regime ─▶ volatility (three memories x hour x regime x what a jump leaves) ─▶ moves ─▶ four prices on the tick
                     └────────────── activity, shared ──────────────▶ volume

All of it is arithmetic on whole arrays (portable_arrays): nothing has to be compiled, and one seed gives the same bytes
on any machine. A draw is named by (bar, slot), what runs on through time is a scan or a sum from the left: a longer
market begins with the shorter one's bytes. What all assets share is drawn on lane 0, what a sector shares on its own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huracan.data import portable_arrays as draw
from huracan.data.synthetic_assets import SECTORS, Asset, lane_of
from huracan.sim.random_numbers import SYNTHETIC

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int8]

RANGE, UP, DOWN, PANIC = 0, 1, 2, 3
MEAN_MINUTES = (960.0, 1440.0, 1440.0, 90.0)  # how long each regime lasts on average
VOLATILITY = (0.8, 1.0, 1.0, 2.5)  # beside the asset's own
DRIFT = (0.0, 0.04, -0.04, -0.2)  # in minute volatilities a minute,
MOST_DRIFT = (0.0, 0.3, -0.3, -0.6)  # and in a bar's own at most: a panic of 90 minutes must not fall for a whole day
TO_PANIC = 0.1  # of the moves out of a quiet regime
UP_SHARE = 0.54  # of trends; makes up for what panics take away
REVERT_MINUTES = 173.0  # a range pulls back to where it began, half the way in two hours

MEMORIES = ((15.0, 0.35), (240.0, 0.35), (2880.0, 0.45))  # of volatility: minutes, and deviation of its logarithm
SHARED = 0.8  # correlation of an asset's volatility with the market's
ACTIVITY_SD = 0.4
VOLUME_SD = 0.35
JUMP_MINUTES, PANIC_JUMP_MINUTES, JUMP_SD = 4320.0, 120.0, 8.0  # size in minute volatilities
AFTERSHOCK, AFTERSHOCK_MINUTES = 0.25, 30.0  # a jump of one deviation adds this to the logarithm of volatility
GAP_SD = 0.02  # from one bar's close to the next one's open, in volatilities of a bar
BASIS_BPS, BASIS_SD_BPS, BASIS_MINUTES = 2.0, 3.0, 720.0  # of a perpetual over its spot
EAGER = 0.03  # share of a move that the basis takes on

QUIET, QUIET_BARS, DRIFT_BARS = 0.2, 120, 60  # before a planted breakout, and how long it drifts
BREAKOUT_EVERY = 1200  # bars to a cell, which holds one breakout

# Volatility by the hour (UTC) at the full hours: quiet before Asia opens, busiest when America does.
SEASON = (
    1.0, 0.97, 0.91, 0.86, 0.81, 0.77, 0.78, 0.85, 0.93, 0.95, 0.93, 0.92,
    1.0, 1.2, 1.36, 1.38, 1.3, 1.18, 1.12, 1.05, 1.0, 0.96, 0.92, 0.94, 1.0,
)  # fmt: skip

SLOTS = 16  # draws that one bar can name, on each lane
_MOVE, _ACTIVITY, _VOLUME, _GAP, _JUMP, _JUMP_SIZE, _ENDS, _BRIDGE, _BASIS, _WILD = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
_COMMON = 0  # the lane of what all assets share
_HOUR = 3_600_000_000_000
_MINUTE = 60_000_000_000


class Clock(NamedTuple):
    """Which bars: how many, how long, from when, with which seed."""

    bars: int
    step_ns: int
    start_ns: int
    seed: int

    @property
    def minutes(self) -> float:
        return self.step_ns / _MINUTE

    def normal(self, lane: int, slot: int) -> Floats:
        return draw.normal(self.seed, lane, np.arange(self.bars, dtype=np.int64) * SLOTS + slot, SYNTHETIC)

    def uniform(self, lane: int, slot: int) -> Floats:
        return draw.uniform(self.seed, lane, np.arange(self.bars, dtype=np.int64) * SLOTS + slot, SYNTHETIC)


class Path(NamedTuple):
    """One asset's way, an item a bar: the logarithm of the close, its deviation within the bar, and how busy it was."""

    close: Floats
    spread: Floats  # deviation of the move, jumps aside
    busy: Floats
    shock: Floats  # the unit normal that moved it


class Breakouts(NamedTuple):
    """Planted breakouts: the bar where each begins to drift, and its direction."""

    bar: Ints
    direction: npt.NDArray[np.int8]


def chance(minutes: float, mean: float) -> float:
    """That something which comes every `mean` minutes on average comes within one bar."""
    return minutes / (mean + minutes)


def chain(clock: Clock) -> Labels:
    """The regime of each bar: a Markov chain in time that starts in a range, each stay drawn at once."""
    stays: list[int] = []
    states: list[int] = []
    state, total = RANGE, 0
    stop = [float(x) for x in draw.log(1.0 - np.array([chance(clock.minutes, mean) for mean in MEAN_MINUTES]))]
    while total < clock.bars:
        events = np.arange(len(stays), len(stays) + 512, dtype=np.int64)
        waits = (-draw.log(1.0 - draw.uniform(clock.seed, lane_of("stays"), events, SYNTHETIC))).tolist()
        for wait, u in zip(waits, draw.uniform(clock.seed, lane_of("moves"), events, SYNTHETIC).tolist(), strict=True):
            stays.append(1 + math.floor(wait / -stop[state]))
            states.append(state)
            total += stays[-1]
            state = _next(state, u)
            if total >= clock.bars:
                break
    return np.repeat(np.array(states, np.int8), stays)[: clock.bars]


def _next(state: int, u: float) -> int:
    if state != PANIC and u < TO_PANIC:
        return PANIC
    if state in (UP, DOWN) or (state == PANIC and u < 0.6):
        return RANGE
    rest = (u - 0.6) / 0.4 if state == PANIC else (u - TO_PANIC) / (1.0 - TO_PANIC)  # what is left is uniform again
    return UP if rest < UP_SHARE else DOWN


def season(clock: Clock) -> Floats:
    """The level of the hour, from line to line; a bar of half a day and more holds loud hours and quiet ones."""
    if clock.step_ns >= 12 * _HOUR:
        return np.ones(clock.bars)
    ns = clock.start_ns + clock.step_ns * np.arange(clock.bars, dtype=np.int64)
    hours = (ns % (24 * _HOUR)).astype(np.float64) / _HOUR
    hour = np.floor(hours).astype(np.int64)
    table: Floats = np.array(SEASON)
    return table[hour] + (hours - hour) * (table[hour + 1] - table[hour])


def wildness(clock: Clock, lane: int) -> list[Floats]:
    """For each memory, what one lane adds to the logarithm of volatility; unit variance."""
    parts = []
    for k, (memory, _) in enumerate(MEMORIES):
        keep = 1.0 - chance(clock.minutes, memory)
        parts.append(math.sqrt(1.0 - keep * keep) * draw.scan(keep, clock.normal(lane, _WILD + k)))
    return parts


def breakouts(clock: Clock) -> Breakouts:
    """One in each cell of bars but the first: a quiet stretch that ends at `bar`, where the drift begins.

    The last ones may lie past the end: a stretch that begins before it is quiet whether or not its end is seen.
    """
    cells = np.arange(1, 2 + clock.bars // BREAKOUT_EVERY, dtype=np.int64)
    where, which = draw.two_uniforms(clock.seed, lane_of("breakouts"), cells, SYNTHETIC)
    free = BREAKOUT_EVERY - QUIET_BARS - DRIFT_BARS
    bar = cells * BREAKOUT_EVERY + QUIET_BARS + np.floor(where * free).astype(np.int64)
    return Breakouts(bar, np.where(which < 0.5, -1, 1).astype(np.int8))


class Shared(NamedTuple):
    """What every asset of a market is made with."""

    clock: Clock
    labels: Labels
    season: Floats
    shock: Floats  # the market's unit normal
    wild: list[Floats]
    broken: Breakouts
    breakout: float  # strength, in deviations a bar


def shared(clock: Clock, breakout: float) -> Shared:
    """Everything that is drawn once for the whole market."""
    market = clock.normal(_COMMON, _MOVE)
    return Shared(clock, chain(clock), season(clock), market, wildness(clock, _COMMON), breakouts(clock), breakout)


def level_of(s: Shared, a: Asset, jump: Floats) -> Floats:
    """The volatility of each bar beside the asset's own: its mean square is about one."""
    log = np.zeros(s.clock.bars)
    rest = math.sqrt(1.0 - SHARED * SHARED)
    for (_, sd), common, own in zip(MEMORIES, s.wild, wildness(s.clock, a.lane), strict=True):
        log += sd * (SHARED * common + rest * own) - sd * sd
    struck = AFTERSHOCK * np.minimum(np.abs(jump), 3.0)
    keep = 1.0 - chance(s.clock.minutes, AFTERSHOCK_MINUTES)
    log[1:] += draw.scan(keep, struck)[:-1]
    level: Floats = draw.exp(log) * s.season * np.array(VOLATILITY)[s.labels]
    if s.breakout > 0.0:
        for bar in s.broken.bar.tolist():
            level[max(bar - QUIET_BARS, 0) : bar] *= QUIET
    return level


def path_of(s: Shared, a: Asset, leads: tuple[Floats, float] | None = None) -> Path:
    """An asset's path; `leads` is a leader's shock and how much of its last one comes back here."""
    clock, minutes = s.clock, s.clock.minutes
    z = a.common * s.shock + _own(a) * clock.normal(a.lane, _MOVE)
    z += a.together * _rest(a) * clock.normal(lane_of("sector " + SECTORS[a.sector]), _MOVE)
    if leads is not None:
        before = np.concatenate([np.zeros(1), leads[0][:-1]])
        z = math.sqrt(1.0 - leads[1] * leads[1]) * z + leads[1] * before
    odds = np.where(s.labels == PANIC, chance(minutes, PANIC_JUMP_MINUTES), chance(minutes, JUMP_MINUTES))
    hit = np.flatnonzero(clock.uniform(a.lane, _JUMP) < odds)
    jump = np.zeros(clock.bars)
    jump[hit] = draw.normal(clock.seed, a.lane, hit * SLOTS + _JUMP_SIZE, SYNTHETIC)
    level = level_of(s, a, jump)
    busy = level * draw.exp(ACTIVITY_SD * clock.normal(a.lane, _ACTIVITY) - ACTIVITY_SD * ACTIVITY_SD)
    spread = a.volatility * math.sqrt(minutes) * busy
    moves = spread * z + JUMP_SD * a.volatility * jump + a.volatility * _drifts(minutes)[s.labels]
    if s.breakout > 0.0:
        for bar, direction in zip(s.broken.bar.tolist(), s.broken.direction.tolist(), strict=True):
            moves[bar : bar + DRIFT_BARS] += direction * s.breakout * a.volatility * math.sqrt(minutes)
    moves = _pulled(s, moves)
    return Path(a.log_price + np.cumsum(moves), spread, busy, z)


def _rest(a: Asset) -> float:
    """The share of an asset's moves that is not the market's."""
    return math.sqrt(1.0 - a.common * a.common)


def _own(a: Asset) -> float:
    return _rest(a) * math.sqrt(1.0 - a.together * a.together)


def _drifts(minutes: float) -> Floats:
    """Of log prices over one bar of each regime, in minute volatilities."""
    most = math.sqrt(minutes)
    return np.array(
        [math.copysign(min(abs(d) * minutes, abs(m) * most), d) for d, m in zip(DRIFT, MOST_DRIFT, strict=True)]
    )


def _pulled(s: Shared, moves: Floats) -> Floats:
    """The same moves, with ranges that pull back to where they began."""
    pull = chance(s.clock.minutes, REVERT_MINUTES)
    inside = s.labels == RANGE
    goes_on = np.zeros(inside.size, dtype=np.bool_)
    goes_on[1:] = inside[1:] & inside[:-1]
    away = draw.scan(np.where(goes_on, 1.0 - pull, 0.0), np.where(inside, moves, 0.0))
    back = np.zeros(inside.size)
    back[1:] = np.where(goes_on[1:], pull * away[:-1], 0.0)
    return moves - back


def tied(s: Shared, a: Asset, first: Path, own: Path, strength: float) -> Path:
    """The second of a pair: the first one's path, and beside it what each bar takes a share of back."""
    apart = draw.scan(1.0 - strength, own.spread * _own(a) * s.clock.normal(a.lane, _MOVE))
    return own._replace(close=a.log_price + (first.close - first.close[:1]) + apart)


def basis_of(s: Shared, symbol: str, path: Path) -> Floats:
    """How far a perpetual stands above its spot, in log prices: it wanders, and runs ahead of what the price does."""
    keep = 1.0 - chance(s.clock.minutes, BASIS_MINUTES)
    wander = draw.scan(keep, s.clock.normal(lane_of("basis " + symbol), _BASIS))
    eager = draw.scan(keep, np.diff(path.close, prepend=path.close[:1]))
    return 1e-4 * (BASIS_BPS + BASIS_SD_BPS * math.sqrt(1.0 - keep * keep) * wander) + EAGER * eager


def late(s: Shared, path: Path, lag_ns: int, lane: int) -> Path:
    """The path that many ns later, whole bars and a part of one; the part is a draw from within the bar's own move."""
    whole, part = divmod(lag_ns, s.clock.step_ns)
    share = part / s.clock.step_ns
    move = np.diff(path.close, prepend=path.close[:1])
    still = share * move + path.spread * math.sqrt(share * (1.0 - share)) * s.clock.normal(lane, _BRIDGE)
    if part == 0:
        still = np.zeros(move.size)
    columns = []
    for column, first in (
        (path.close - still, path.close[0]),
        (path.spread, path.spread[0]),
        (path.busy, path.busy[0]),
    ):
        ahead = np.full(min(whole, column.size), first)
        columns.append(np.concatenate([ahead, column[: column.size - ahead.size]]))
    close, spread, busy = columns
    return Path(close, spread, busy, path.shock)


def prices_of(s: Shared, a: Asset, path: Path, lane: int) -> tuple[Floats, Floats]:
    """Open, high, low and close as the rows of one array, on the tick; and the volume, on the lot.

    Highs and lows are those of a Brownian path between open and close.
    """
    clock = s.clock
    opened = np.concatenate([np.array([a.log_price]), path.close[:-1]]) + GAP_SD * path.spread * clock.normal(
        lane, _GAP
    )
    gone = path.close - opened
    event = np.arange(clock.bars, dtype=np.int64) * SLOTS + _ENDS
    up, down = draw.two_uniforms(clock.seed, lane, event, SYNTHETIC)
    both = []
    for u, sign in ((up, 1.0), (down, -1.0)):
        reach = np.sqrt(gone * gone - 2.0 * (path.spread * path.spread) * draw.log(1.0 - u))
        both.append(opened + 0.5 * (gone + sign * reach))
    logs = np.array([opened, both[0], both[1], path.close])
    ticks = np.floor(draw.exp(logs.reshape(-1)).reshape(logs.shape) * a.tick_den / a.tick_num + 0.5)
    prices = np.maximum(ticks, 1.0) * a.tick_num / a.tick_den
    # exp is not promised to rise with its argument in the last bit, so the four are put in order once more
    prices[1] = np.maximum(prices[1], np.maximum(prices[0], prices[3]))
    prices[2] = np.minimum(prices[2], np.minimum(prices[0], prices[3]))
    traded = a.volume * clock.minutes * path.busy * draw.exp(VOLUME_SD * clock.normal(lane, _VOLUME))
    return prices, np.floor(traded * a.lot_den + 0.5) / a.lot_den
