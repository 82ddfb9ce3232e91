"""exp, log, log1p, pow, tanh, sin and cos with the same bits on every IEEE-754 machine, compiled or in plain Python.

libm differs between CPUs and raises in Python. These are made of + - * / on doubles, comparisons, and shifts of their
bit patterns, in a fixed order, so nothing is left to the machine: one rounding rule, no fused multiply-add, no
fastmath. They are within 1 ulp of the true value for every double (the worst seen is 0.84), and defined everywhere: at
0, below it, at inf and at NaN.
Every NaN they return is the one quiet NaN of `math.nan`, because sign and payload of a computed NaN differ by CPU.

All but sin and cos are free of branches once inlined, so that LLVM may do several at once; whichever way it
chooses, the roundings are the same. A value that is computed on a path not taken must not raise in plain Python either:
hence the stand-ins (`xs`) for arguments outside a domain, and no division that could meet a zero.

The polynomials are minimax fits (Remez, 75 digits) in the weight that their place in the sum asks for.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt
from numba import njit

from huracan.sim.exact_doubles import ROUNDER, ROUNDER_BITS, bits_of, fast_two_sum, from_bits, two_product, two_sum
from huracan.sim.options import KERNEL, inline
from huracan.sim.quarter_turns import quarter_turns

Floats = npt.NDArray[np.float64]

__all__ = [
    "EXPECTED_HASH",
    "cos",
    "evaluate_all",
    "exp",
    "log",
    "log1p",
    "pow",
    "power",
    "self_test_hash",
    "self_test_inputs",
    "sin",
    "tanh",
]

# What self_test_hash() gives on a machine that keeps the promise above.
EXPECTED_HASH = "72d1c629defab8f4ad23905646f854d27c8d6c3edba068b582b93ca7960710bb"

NAN = math.nan
INF = math.inf
MIN_NORMAL = 2.0**-1022
TWO_52 = 2.0**52
TWO_53 = 2.0**53
TWO_54 = 2.0**54
TWO_70 = 2.0**70
TINY = 2.0**-28  # below it x**3 / 3 is under a quarter of an ulp of x, so odd functions return x itself

SQRT_HALF_BITS = 4604544271217802189
EXPONENT_BIAS = 1023

INV_LN2 = 1.4426950408889634
LN2_HI = 0.6931471805598903  # 42 bits: times an exponent it is exact
LN2_LO = 5.497923018708371e-14
THIRD_HI = 0.3333333333333333
THIRD_LO = 1.850371707708594e-17
FIFTH_LO = -1.1102230246251566e-17
SQRT_HALF_M1 = -0.2928932188134525
SQRT_TWO_M1 = 0.41421356237309503


@inline
def _exp_reduce(h: float, lo: float) -> tuple[int, float, float]:
    """h + lo = k ln2 + a + c: a exact and at most ln2 / 2, c tiny; |h| <= 1000."""
    t = h * INV_LN2 + ROUNDER
    kd = t - ROUNDER
    return bits_of(t) - ROUNDER_BITS, h - kd * LN2_HI, lo - kd * LN2_LO


@inline
def _exp_tail(r: float) -> float:
    """exp(r) - 1 - r for |r| <= ln2 / 2; the fit is good to 2**-64 of exp(r)."""
    z = r * r
    w = z * z
    a = (0.16666666666666682 + r * 0.041666666666666095) + z * (0.008333333333317072 + r * 0.001388888888911501)
    b = (0.000198412698963049 + r * 2.4801586927268107e-05) + z * (2.755723492984721e-06 + r * 2.7557581580719667e-07)
    c = 2.51120159738829e-08 + r * 2.0826657291414395e-09
    return 0.5 * z + z * r * (a + w * (b + w * c))


@inline
def _exp_of_sum(h: float, lo: float) -> float:
    """exp(h + lo) for |h| <= 1000 and lo tiny beside it."""
    k, a, c = _exp_reduce(h, lo)
    s, e = fast_two_sum(1.0, a)
    y = s + (e + (c + _exp_tail(a + c)))
    half = k >> 1  # 2**k itself may be out of range where the result is not; the first product is exact
    return y * from_bits((half + EXPONENT_BIAS) << 52) * from_bits((k - half + EXPONENT_BIAS) << 52)


@inline
def _log_reduce(x: float) -> tuple[float, float]:
    """x = 2**k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), f exact; x finite and above zero."""
    small = x < MIN_NORMAL
    n = bits_of(x * TWO_54 if small else x)
    k = (n - SQRT_HALF_BITS) >> 52
    f = from_bits(n - (k << 52)) - 1.0
    return float(k - 54 if small else k), f


@inline
def _log_of_parts(kd: float, f: float, c: float) -> float:
    """kd ln2 + log(1 + f) + c, with log(1 + f) = 2 artanh(s) = f - f**2 / 2 + s (f**2 / 2 + R(s**2))."""
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    p = (0.6666666666666734 + z * 0.3999999999941845) + w * (
        (0.2857142874171274 + z * 0.2222219863089801)
        + w * ((0.18183561774911003 + z * 0.153141067568841) + w * 0.1479546200223517)
    )
    q = 0.5 * f * f
    h, e = fast_two_sum(kd * LN2_HI, f)
    return h + (e - (q - (s * (q + z * p) + (kd * LN2_LO + c))))


@inline
def _log_two(x: float) -> tuple[float, float]:
    """log(x) as a sum of two doubles, to about 2**-68 of its value; x finite and above zero."""
    kd, f = _log_reduce(x)
    d, dl = fast_two_sum(2.0, f)
    inv = 1.0 / d
    s = f * inv
    p, e = two_product(s, d)
    sl = (((f - p) - e) - s * dl) * inv
    z, zl = two_product(s, s)
    zl += 2.0 * s * sl
    w = z * z
    # log(1 + f) = 2 (s + s**3 (1/3 + z (1/5 + z q(z)))); all outside q is a sum of two doubles
    q = (0.1428571428571579 + z * 0.1111111111028263) + w * (
        (0.09090909264367054 + z * 0.07692289173959121)
        + w * ((0.06667776388949125 + z * 0.05844623031908503) + w * 0.05938422033913271)
    )
    h, e = fast_two_sum(0.2, z * q)
    p, pl = two_product(z, h)
    pl += z * (e + FIFTH_LO) + zl * h
    h, e = fast_two_sum(THIRD_HI, p)
    e += pl + THIRD_LO
    p, pl = two_product(z, h)
    pl += z * e + zl * h
    s += s
    sl += sl
    t, tl = two_product(s, p)
    tl += s * pl + sl * p
    h, e = fast_two_sum(kd * LN2_HI, s)
    h, e2 = fast_two_sum(h, t)
    return fast_two_sum(h, (e + e2) + (tl + sl + kd * LN2_LO))


@inline
def _sin_of_sum(a: float, c: float) -> float:
    """sin(a + c) for |a| <= pi / 4 and c tiny."""
    z = a * a
    w = z * z
    p = (-0.16666666666666632 + z * 0.008333333333322437) + w * (
        (-0.000198412698298252 + z * 2.7557313697603386e-06) + w * (-2.505075897155578e-08 + z * 1.589684402970729e-10)
    )
    return a + (a * z * p + c * (1.0 - 0.5 * z))


@inline
def _cos_of_sum(a: float, c: float) -> float:
    """cos(a + c) for |a| <= pi / 4 and c tiny."""
    z, zl = two_product(a, a)
    w = z * z
    p = (0.0416666666666666 + z * -0.001388888888887422) + w * (
        (2.480158728953611e-05 + z * -2.75573143665727e-07) + w * (2.0875725072753674e-09 + z * -1.135973552158233e-11)
    )
    h, e = fast_two_sum(1.0, -0.5 * z)
    return h + (e + (w * p - (0.5 * zl + a * c)))


@inline
def exp(x: float) -> float:
    """e to the x; inf above 709.78, 0 below -745.13, subnormals between, NaN for NaN.

    >>> exp(1.0), exp(float("-inf")), exp(1000.0)
    (2.718281828459045, 0.0, inf)
    """
    x = float(x)
    low = -1000.0 if not x > -1000.0 else x
    y = _exp_of_sum(1000.0 if low > 1000.0 else low, 0.0)
    return NAN if x != x else y


@inline
def log(x: float) -> float:
    """The natural logarithm; -inf at 0 and -0, NaN below them and for NaN.

    >>> log(10.0), log(0.0), log(-1.0)
    (2.302585092994046, -inf, nan)
    """
    x = float(x)
    inside = 0.0 < x < INF
    kd, f = _log_reduce(x if inside else 1.0)
    y = _log_of_parts(kd, f, 0.0)
    outside = x if x > 0.0 else (-INF if x == 0.0 else NAN)
    return y if inside else outside


@inline
def log1p(x: float) -> float:
    """log(1 + x) without losing a small x; -inf at -1, NaN below it and for NaN.

    >>> log1p(1e-17), log1p(-1.0)
    (1e-17, -inf)
    """
    x = float(x)
    xs = x if -1.0 < x < INF else 1.0
    u = 1.0 + xs
    c = ((1.0 - (u - xs)) if xs >= 1.0 else (xs - (u - 1.0))) / u  # what the sum lost
    kd, f = _log_reduce(u)
    near = SQRT_HALF_M1 < xs < SQRT_TWO_M1
    y = _log_of_parts(0.0 if near else kd, xs if near else f, 0.0 if near else c)
    y = x if x == 0.0 or x == INF else y
    y = -INF if x == -1.0 else y
    return y if x >= -1.0 else NAN


@inline
def power(x: float, y: float) -> float:
    """x to the y with the special cases of C99's pow; NaN for a finite x below 0 and a y that is not whole.

    NaN goes in, NaN comes out, but power(1, NaN) and power(NaN, 0) are 1.

    >>> power(2.0, 0.5), power(-2.0, 3.0), power(0.0, -1.0), power(-8.0, 1.0 / 3.0)
    (1.4142135623730951, -8.0, inf, nan)
    """
    x = float(x)
    y = float(y)
    ax = abs(x)
    ay = abs(y)
    h, lo = _log_two(ax if 0.0 < ax < INF else 1.0)
    # |log x| is 2**-53 or more, or 0: a larger exponent than 2**70 changes nothing
    ys = y if ay < TWO_70 else (TWO_70 if y > 0.0 else -TWO_70)
    p, pl = two_product(ys, h)
    pl += ys * lo
    pl = pl if -1000.0 < p < 1000.0 else 0.0
    p = 1000.0 if p > 1000.0 else p
    r = _exp_of_sum(-1000.0 if p < -1000.0 else p, pl)
    r = (0.0 if y > 0.0 else INF) if ax == 0.0 else r
    r = (INF if y > 0.0 else 0.0) if ax == INF else r
    # Adding 2**52 rounds to a whole number; doubles from 2**52 on are whole, from 2**53 on even.
    whole = ay >= TWO_52 or (ay + TWO_52) - TWO_52 == ay
    odd = whole and ay < TWO_53 and (0.5 * ay + TWO_52) - TWO_52 != 0.5 * ay
    r = -r if odd and bits_of(x) < 0 else r
    r = NAN if x < 0.0 and x != -INF and not whole else r
    r = NAN if x != x or y != y else r
    return 1.0 if x == 1.0 or y == 0.0 else r


pow = power  # portable_math.pow(x, y), as strategies write it


@inline
def tanh(x: float) -> float:
    """The hyperbolic tangent; -1 and 1 far out and at the infinities, NaN for NaN.

    >>> tanh(0.5), tanh(-100.0)
    (0.46211715726000974, -1.0)
    """
    x = float(x)
    ax = abs(x)
    k, a, c = _exp_reduce(2.0 * (ax if ax < 22.0 else 22.0), 0.0)
    # expm1(2 |x|) as a sum of two doubles: tanh = expm1 / (expm1 + 2)
    scale = from_bits((k + EXPONENT_BIAS) << 52)
    h, e = two_sum(scale - 1.0, scale * a)
    h, e = fast_two_sum(h, e + scale * (c + _exp_tail(a + c)))
    d, dl = two_sum(h, 2.0)
    dl += e
    inv = 1.0 / d
    q = h * inv
    p, pl = two_product(q, d)
    y = q + (((h - p) - pl) + (e - q * dl)) * inv
    y = ax if ax < TINY else y
    y = -y if x < 0.0 else y
    y = x if x == 0.0 else y
    return NAN if x != x else y


@inline
def sin(x: float) -> float:
    """The sine of x radians, exact reduction however large x is; NaN for the infinities and NaN.

    >>> sin(1.0), sin(1e22)
    (0.8414709848078965, -0.8522008497671888)
    """
    x = float(x)
    ax = abs(x)
    n, a, c = quarter_turns(ax if ax < INF else 0.0)
    y = _cos_of_sum(a, c) if n & 1 else _sin_of_sum(a, c)
    y = -y if n & 2 else y
    y = -y if x < 0.0 else y
    y = x if ax < TINY else y
    return y if ax < INF else NAN


@inline
def cos(x: float) -> float:
    """The cosine of x radians, exact reduction however large x is; NaN for the infinities and NaN.

    >>> cos(1.0), cos(1e22)
    (0.5403023058681398, 0.523214785395139)
    """
    ax = abs(float(x))
    n, a, c = quarter_turns(ax if ax < INF else 0.0)
    y = _sin_of_sum(a, c) if n & 1 else _cos_of_sum(a, c)
    y = -y if (n + 1) & 2 else y
    return y if ax < INF else NAN


@njit(**(KERNEL | {"forceinline": False}))
def evaluate_all(x: Floats, y: Floats, out: Floats) -> None:
    """Fills a row of `out` for each of exp, log, log1p, pow, tanh, sin, cos; a loop each, compiled as hot loops are."""
    for i in range(x.size):
        out[0, i] = exp(x[i])
    for i in range(x.size):
        out[1, i] = log(x[i])
    for i in range(x.size):
        out[2, i] = log1p(x[i])
    for i in range(x.size):
        out[3, i] = power(x[i], y[i])
    for i in range(x.size):
        out[4, i] = tanh(x[i])
    for i in range(x.size):
        out[5, i] = sin(x[i])
    for i in range(x.size):
        out[6, i] = cos(x[i])


def self_test_inputs() -> tuple[Floats, Floats]:
    """Some 18,000 arguments and exponents: any bit pattern, everyday sizes, near 1, and the special values."""
    n = np.arange(1, 6001, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    n = (n ^ (n >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    n = (n ^ (n >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    n ^= n >> np.uint64(31)
    unit = (n >> np.uint64(11)).astype(np.float64) * 2.0**-53
    any_bits = n.view(np.float64)
    special = np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 5e-324, -5e-324, 2.0**-1022, 2.0**53,
                        -(2.0**53), 2.0**53 - 1.0, 709.0, -745.0, 1e308, -1e308, INF, -INF, NAN])  # fmt: skip
    near = (unit - 0.5) * (unit[::-1] - 0.5) * (any_bits > 0.0)
    everyday = np.concatenate([unit[:3000] * 80.0 - 40.0, unit[3000:] * 1500.0 - 750.0])
    x = np.concatenate([any_bits, everyday, 1.0 + near * near * near, np.repeat(special, special.size)])
    y = np.concatenate([unit * 8.0 - 4.0, np.floor(unit[::-1] * 50.0 - 25.0), any_bits, np.tile(special, special.size)])
    return x, y


def self_test_hash() -> str:
    """The sha256, in hex, of every function's results on a fixed set of arguments; NaN counts as its bytes.

    >>> self_test_hash() == EXPECTED_HASH
    True
    """
    x, y = self_test_inputs()
    out = np.empty((7, x.size))
    evaluate_all(x, y, out)
    return hashlib.sha256(out.astype("<f8").tobytes()).hexdigest()
