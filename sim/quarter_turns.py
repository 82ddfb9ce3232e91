"""An angle as quarter turns and a rest, exact however large the angle: what sin and cos start from."""

from __future__ import annotations

import numpy as np
from numba import njit

from huracan.sim.exact_doubles import ROUNDER, bits_of, fast_two_sum, two_product, two_sum
from huracan.sim.options import KERNEL, inline

TWO_OVER_PI = 0.6366197723675814
HALF_PI_1 = 1.5707963267341256  # 33 bits each of the first three: times a number of 20 bits they are exact
HALF_PI_2 = 6.077100506303966e-11
HALF_PI_3 = 2.0222662487111665e-21
HALF_PI_4 = 8.4784276603689e-32
HALF_PI_HI = 1.5707963267948966
HALF_PI_LO = 6.123233995736766e-17
NEAR_TURNS = 2.0**20  # below it the four parts above do; beyond it the digits of 2 / pi

# 2 / pi in digits of 28 bits, after three leading zeros that let the index go below the binary point.
LIMB = 28
LIMB_MASK = 2**28 - 1
# fmt: off
TWO_OVER_PI_LIMBS = np.array([
    0, 0, 0,
    0xa2f9836, 0xe4e4415, 0x29fc275, 0x7d1f534, 0xddc0db6, 0x295993c, 0x439041f, 0xe5163ab, 0xdebbc56, 0x1b7246e,
    0x3a424dd, 0x2e00649, 0x2eea09d, 0x1921cfe, 0x1deb1cb, 0x129a73e, 0xe88235f, 0x52ebb44, 0x84e99c7, 0x26b45f,
    0x7e41399, 0x1d63983, 0x5339f49, 0xc845f8b, 0xbdf9283, 0xb1ff897, 0xffde059, 0x80fef2f, 0x118b5a0, 0xa6d1f6d,
    0x367ecf2, 0x7cb09b7, 0x4f463f6, 0x69e5fea, 0x2d7527b, 0xac7ebe5, 0xf17b3d0, 0x739f78a, 0x5292ea6, 0xbfb5fb1,
    0x1f8d5d0, 0x8560330,
], dtype=np.int64)
# fmt: on


@njit(**(KERNEL | {"forceinline": False}))  # rare and long: a call keeps it out of the hot code
def _quarter_turns_far(x: float) -> tuple[int, float, float]:
    """quarter_turns from 2**20 on, by Payne and Hanek: only those digits of 2 / pi are multiplied that matter."""
    n = bits_of(x)
    e = (n >> 52) - 1075  # x = m 2**e with m of 53 bits
    m = (n & (2**52 - 1)) | 2**52
    b = e // LIMB
    shift = e - b * LIMB
    b += 2
    # m 2**shift in three limbs
    low = (m & LIMB_MASK) << shift
    high = ((m >> LIMB) << shift) + (low >> LIMB)
    m0 = low & LIMB_MASK
    m1 = high & LIMB_MASK
    m2 = high >> LIMB
    t0 = int(TWO_OVER_PI_LIMBS[b])
    t1 = int(TWO_OVER_PI_LIMBS[b + 1])
    t2 = int(TWO_OVER_PI_LIMBS[b + 2])
    t3 = int(TWO_OVER_PI_LIMBS[b + 3])
    t4 = int(TWO_OVER_PI_LIMBS[b + 4])
    t5 = int(TWO_OVER_PI_LIMBS[b + 5])
    t6 = int(TWO_OVER_PI_LIMBS[b + 6])
    t7 = int(TWO_OVER_PI_LIMBS[b + 7])
    t8 = int(TWO_OVER_PI_LIMBS[b + 8])
    # The product's limbs around the binary point, lowest first; what stands above is a multiple of four quarter turns.
    acc = m0 * t6 + m1 * t7 + m2 * t8  # only what it carries is certain
    acc = m0 * t5 + m1 * t6 + m2 * t7 + (acc >> LIMB)
    f5 = acc & LIMB_MASK
    acc = m0 * t4 + m1 * t5 + m2 * t6 + (acc >> LIMB)
    f4 = acc & LIMB_MASK
    acc = m0 * t3 + m1 * t4 + m2 * t5 + (acc >> LIMB)
    f3 = acc & LIMB_MASK
    acc = m0 * t2 + m1 * t3 + m2 * t4 + (acc >> LIMB)
    f2 = acc & LIMB_MASK
    acc = m0 * t1 + m1 * t2 + m2 * t3 + (acc >> LIMB)
    f1 = acc & LIMB_MASK
    turn = m0 * t0 + m1 * t1 + m2 * t2 + (acc >> LIMB)
    sign = 1.0
    if f1 >> (LIMB - 1) == 1:  # half or more: one turn further, and back by 1 - fraction
        turn += 1
        sign = -1.0
        f1 = LIMB_MASK - f1
        f2 = LIMB_MASK - f2
        f3 = LIMB_MASK - f3
        f4 = LIMB_MASK - f4
        f5 = LIMB_MASK + 1 - f5
    # Up to 61 bits of the fraction may be zeros, so the sum starts at its low end.
    h, e1 = fast_two_sum(f4 * 2.0**-112, f5 * 2.0**-140)
    h, e2 = fast_two_sum(f3 * 2.0**-84, h)
    h, e3 = fast_two_sum(f2 * 2.0**-56, h)
    h, e4 = fast_two_sum(f1 * 2.0**-28, h)
    h, lo = fast_two_sum(h, e4 + (e3 + (e2 + e1)))
    p, pl = two_product(h, HALF_PI_HI)
    p, pl = fast_two_sum(p, pl + (h * HALF_PI_LO + lo * HALF_PI_HI))
    return turn & 3, sign * p, sign * pl


@inline
def quarter_turns(x: float) -> tuple[int, float, float]:
    """n modulo 4, a and c with x = n pi / 2 + a + c, |a| <= pi / 4 or a hair more, c tiny; x finite, not below 0."""
    if x >= NEAR_TURNS:
        return _quarter_turns_far(x)
    t = x * TWO_OVER_PI + ROUNDER
    nd = t - ROUNDER
    h, e = two_sum(x - nd * HALF_PI_1, -(nd * HALF_PI_2))
    h, e2 = two_sum(h, -(nd * HALF_PI_3))
    a, c = fast_two_sum(h, (e + e2) - nd * HALF_PI_4)
    return bits_of(t) & 3, a, c
