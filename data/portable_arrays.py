"""exp, log and random numbers for whole arrays, with the bits that `portable_math` and `random_numbers` have for one.

Numpy does one operation of an array after another: + - * / sqrt, comparisons and shifts, each rounded by itself, so no
machine can join two into one (a fused multiply-add), and nothing has to be compiled. Numpy's own exp, log, sum and
matrix product are not used: their bits differ between CPUs. Arrays go through in pieces that fit a core's cache.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from huracan.sim.exact_doubles import ROUNDER, ROUNDER_BITS
from huracan.sim.portable_math import EXPONENT_BIAS, INV_LN2, LN2_HI, LN2_LO, MIN_NORMAL, SQRT_HALF_BITS, TWO_54

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

PIECE = 8192
_MASK = 0xFFFFFFFFFFFFFFFF
_STEP = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


def _mix_int(n: int) -> int:
    n = ((n ^ (n >> 30)) * _MIX_1) & _MASK
    n = ((n ^ (n >> 27)) * _MIX_2) & _MASK
    return n ^ (n >> 31)


def _mix(n: Words) -> Words:
    n = (n ^ (n >> np.uint64(30))) * np.uint64(_MIX_1)
    n = (n ^ (n >> np.uint64(27))) * np.uint64(_MIX_2)
    return n ^ (n >> np.uint64(31))


def hashes(seed: int, lane: int, events: Ints, purpose: int) -> Words:
    """64 random bits for each event, as `random_numbers.hash4` gives for one.

    >>> [hex(n) for n in hashes(7, 0, np.array([0]), 1)]
    ['0x47b53e2d84953315']
    """
    key = _mix_int((seed + _STEP) & _MASK)
    key = _mix_int(((key ^ (lane & _MASK)) + _STEP) & _MASK)
    key = _mix_int(((key ^ (purpose & _MASK)) + _STEP) & _MASK)
    word = np.uint64(key)
    return _mix(_mix(np.asarray(events, np.int64).view(np.uint64) * np.uint64(_STEP) + word) ^ word)


def uniform(seed: int, lane: int, events: Ints, purpose: int) -> Floats:
    """Uniform numbers of [0, 1), one an event.

    >>> uniform(7, 0, np.array([0]), 1).tolist()
    [0.28010929690625086]
    """

    def piece(part: Ints) -> Floats:
        return (hashes(seed, lane, part, purpose) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    return _pieces(piece, events)


def two_uniforms(seed: int, lane: int, events: Ints, purpose: int) -> tuple[Floats, Floats]:
    """Two uniform numbers of [0, 1) an event, of 32 bits each, for half the price.

    >>> [part.round(3).tolist() for part in two_uniforms(7, 0, np.array([0]), 1)]
    [[0.28], [0.518]]
    """
    high, low = np.empty(events.size), np.empty(events.size)
    for first in range(0, events.size, PIECE):
        word = hashes(seed, lane, events[first : first + PIECE], purpose)
        high[first : first + PIECE] = (word >> np.uint64(32)) * 2.0**-32
        low[first : first + PIECE] = (word & np.uint64(0xFFFFFFFF)) * 2.0**-32
    return high, low


def normal(seed: int, lane: int, events: Ints, purpose: int) -> Floats:
    """Standard normal numbers, one an event, within 8.21 of 0.

    >>> normal(7, 0, np.array([0]), 4).round(3).tolist()
    [1.298]
    """

    def piece(part: Ints) -> Floats:
        word = hashes(seed, lane, part, purpose) >> np.uint64(12)
        return normal_quantile((word.astype(np.float64) + 0.5) * 2.0**-52 - 0.5)

    return _pieces(piece, events)


def exp(x: Floats) -> Floats:
    """e to the x for finite x: inf above 709.78, 0 below -745.13.

    >>> exp(np.array([0.0, 1.0])).tolist()
    [1.0, 2.718281828459045]
    """
    return _pieces(_exp, x)


def log(x: Floats) -> Floats:
    """The natural logarithm of finite x above 0.

    >>> log(np.array([1.0, 10.0])).tolist()
    [0.0, 2.302585092994046]
    """
    return _pieces(_log, x)


def scan(keep: Floats | float, x: Floats) -> Floats:
    """y[i] = keep[i] * y[i-1] + x[i] from y[-1] = 0, by doubling: each y is computed from the x before it alone.

    So a longer input gives the same first values. What lies 2**18 back is forgotten.

    >>> scan(0.5, np.array([1.0, 0.0, 0.0, 4.0])).tolist()
    [1.0, 0.5, 0.25, 4.125]
    """
    y = x.copy()
    reach, far = 1, keep
    while reach < min(x.size, 1 << 18):
        if isinstance(far, float):
            y[reach:] = y[reach:] + far * y[:-reach]
            far = far * far
            if far < 1e-300:
                break
        else:
            y[reach:] = y[reach:] + far[reach:] * y[:-reach]
            far = np.concatenate([far[:reach] * 0.0, far[reach:] * far[:-reach]])
        reach *= 2
    return y


def _pieces(fn: Callable[..., Floats], x: npt.NDArray[np.generic] | Ints | Floats) -> Floats:
    out = np.empty(x.size)
    for first in range(0, x.size, PIECE):
        out[first : first + PIECE] = fn(x[first : first + PIECE])
    return out


def _exp(x: Floats) -> Floats:
    h = np.minimum(np.maximum(x, -1000.0), 1000.0)
    t = h * INV_LN2 + ROUNDER
    kd = t - ROUNDER
    k = t.view(np.int64) - ROUNDER_BITS
    a, c = h - kd * LN2_HI, 0.0 - kd * LN2_LO
    s = 1.0 + a
    e = a - (s - 1.0)
    y = s + (e + (c + _exp_tail(a + c)))
    half = k >> 1
    y *= ((half + EXPONENT_BIAS) << 52).view(np.float64)
    with np.errstate(over="ignore", under="ignore"):  # inf and subnormals are meant
        return y * ((k - half + EXPONENT_BIAS) << 52).view(np.float64)


def _exp_tail(r: Floats) -> Floats:
    z = r * r
    w = z * z
    a = (0.16666666666666682 + r * 0.041666666666666095) + z * (0.008333333333317072 + r * 0.001388888888911501)
    b = (0.000198412698963049 + r * 2.4801586927268107e-05) + z * (2.755723492984721e-06 + r * 2.7557581580719667e-07)
    c = 2.51120159738829e-08 + r * 2.0826657291414395e-09
    return 0.5 * z + z * r * (a + w * (b + w * c))


def _log(x: Floats) -> Floats:
    small = x < MIN_NORMAL
    n = np.where(small, np.where(small, x, 1.0) * TWO_54, x).view(np.int64)
    k = (n - SQRT_HALF_BITS) >> 52
    f = (n - (k << 52)).view(np.float64) - 1.0
    kd = np.where(small, k - 54, k).astype(np.float64)
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    p = (0.6666666666666734 + z * 0.3999999999941845) + w * (
        (0.2857142874171274 + z * 0.2222219863089801)
        + w * ((0.18183561774911003 + z * 0.153141067568841) + w * 0.1479546200223517)
    )
    q = 0.5 * f * f
    a = kd * LN2_HI
    h = a + f
    e = f - (h - a)
    return h + (e - (q - (s * (q + z * p) + kd * LN2_LO)))


def normal_quantile(q: Floats) -> Floats:
    """The q + 1/2 quantile of the standard normal for |q| < 1/2, to the bit of `random_numbers`."""
    r = 0.180625 - q * q
    top = 33430.575583588128105 + r * 2509.0809287301226727
    top = 45921.953931549871457 + r * (67265.770927008700853 + r * top)
    top = 1971.5909503065514427 + r * (13731.693765509461125 + r * top)
    top = 3.387132872796366608 + r * (133.14166789178437745 + r * top)
    low = 28729.085735721942674 + r * 5226.495278852854561
    low = 21213.794301586595867 + r * (39307.89580009271061 + r * low)
    low = 687.1870074920579083 + r * (5394.1960214247511077 + r * low)
    low = 1.0 + r * (42.313330701600911252 + r * low)
    x = q * top / low
    outside = np.flatnonzero(np.abs(q) > 0.425)
    tail = q[outside]
    r = np.sqrt(-_log(0.5 - np.abs(tail)))
    size = np.where(r <= 5.0, _tail(r - 1.6), _far_tail(r - 5.0))
    x[outside] = np.where(tail > 0.0, size, -size)
    return x


def _tail(r: Floats) -> Floats:
    top = 0.0227238449892691845833 + r * 7.7454501427834140764e-4
    top = 1.27045825245236838258 + r * (0.24178072517745061177 + r * top)
    top = 5.7694972214606914055 + r * (3.64784832476320460504 + r * top)
    top = 1.42343711074968357734 + r * (4.6303378461565452959 + r * top)
    low = 5.475938084995344946e-4 + r * 1.05075007164441684324e-9
    low = 0.14810397642748007459 + r * (0.0151986665636164571966 + r * low)
    low = 1.6763848301838038494 + r * (0.68976733498510000455 + r * low)
    return top / (1.0 + r * (2.05319162663775882187 + r * low))


def _far_tail(r: Floats) -> Floats:
    top = 2.71155556874348757815e-5 + r * 2.01033439929228813265e-7
    top = 0.026532189526576123093 + r * (0.0012426609473880784386 + r * top)
    top = 1.7848265399172913358 + r * (0.29656057182850489123 + r * top)
    top = 6.6579046435011037772 + r * (5.4637849111641143699 + r * top)
    low = 1.4215117583164458887e-7 + r * 2.04426310338993978564e-15
    low = 7.868691311456132591e-4 + r * (1.8463183175100546818e-5 + r * low)
    low = 0.13692988092273580531 + r * (0.0148753612908506148525 + r * low)
    return top / (1.0 + r * (0.59983220655588793769 + r * low))
