"""Random numbers without a state: each is a hash of who asks (seed, lane), when (event) and what for (purpose).

So a draw depends on nothing that was drawn before it: lanes may run alone or in any order, a tape may be cut anywhere,
and one more draw of one purpose moves no other. Asking twice gives the same number: an event that needs several of one
purpose numbers them through `event`.

Seed, lane, purpose and event go in one by one, each followed by the finaliser of SplitMix64 (Stafford's variant 13).
Every step is one-to-one in what goes in, so a seed, lane and purpose never give their key to a neighbour that differs
in one of them. All is modulo 2**64: plain Python masks, and compiled code has uint64, which wraps. The constants all
exceed 2**63, so that numba types them uint64 too: uint64 with int64 would turn to float64.
"""

from __future__ import annotations

import math
from typing import Any

from numba import config, types
from numba.extending import intrinsic

from huracan.sim import portable_math
from huracan.sim.options import inline

__all__ = [
    "BOOTSTRAP",
    "HAZARD",
    "LATENCY",
    "PERMUTATION",
    "QUEUE",
    "SYNTHETIC",
    "USER",
    "hash4",
    "normal",
    "pick",
    "uniform",
]

# What a draw is for. A number once given is never given again: recorded results hang on it.
HAZARD = 1  # is a resting order filled
LATENCY = 2
SYNTHETIC = 3  # synthetic markets
BOOTSTRAP = 4
PERMUTATION = 5
QUEUE = 6  # place in a queue
USER = 1000  # a strategy's own draws: USER, USER + 1, ...

_MASK = 0xFFFFFFFFFFFFFFFF
_STEP = 0x9E3779B97F4A7C15  # 2**64 / the golden ratio: sends 0 away from 0
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB

if config.DISABLE_JIT:

    def _as_uint64(n: Any) -> int:
        return int(n) & _MASK

else:

    @intrinsic
    def _as_uint64(typingctx: Any, n: Any) -> Any:
        """An integer of any width modulo 2**64."""
        if not isinstance(n, types.Integer | types.Boolean):
            return None

        def cast(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return context.cast(builder, args[0], sig.args[0], types.uint64)

        return types.uint64(n), cast


@inline
def _mix(n: int) -> int:
    n = ((n ^ (n >> 30)) * _MIX_1) & _MASK
    n = ((n ^ (n >> 27)) * _MIX_2) & _MASK
    return n ^ (n >> 31)


@inline
def hash4(seed: int, lane: int, event: int, purpose: int) -> int:
    """64 random bits as an unsigned integer; arguments are integers modulo 2**64, so -1 is 2**64 - 1.

    >>> hex(hash4(7, 0, 0, HAZARD))
    '0x47b53e2d84953315'
    """
    key = _mix((_as_uint64(seed) + _STEP) & _MASK)
    key = _mix(((key ^ _as_uint64(lane)) + _STEP) & _MASK)
    key = _mix(((key ^ _as_uint64(purpose)) + _STEP) & _MASK)
    # Twice, with the key between: else two lanes whose keys are near would run along one sequence, shifted.
    number: int = _mix(_mix((key + _as_uint64(event) * _STEP) & _MASK) ^ key)
    return number


@inline
def uniform(seed: int, lane: int, event: int, purpose: int) -> float:
    """A uniform number of [0, 1): one of the 2**53 multiples of 2**-53; never NaN.

    >>> uniform(7, 0, 0, HAZARD)
    0.28010929690625086
    """
    unit: float = (hash4(seed, lane, event, purpose) >> 11) * 2.0**-53
    return unit


@inline
def pick(seed: int, lane: int, event: int, purpose: int, n: int) -> int:
    """One of 0, 1, ..., n - 1, each as likely to 1 part in 2**53 / n; n is 1 to 2**53.

    >>> [pick(7, 0, event, BOOTSTRAP, 6) for event in range(8)]
    [5, 0, 0, 0, 1, 1, 1, 0]
    """
    return int(uniform(seed, lane, event, purpose) * n)


@inline
def _normal_quantile(q: float) -> float:
    """The q + 1/2 quantile of the standard normal for |q| < 1/2: Wichura's AS 241 (1988), to 1e-15 of its value.

    It takes q and not the probability, so that both tails are held alike.
    """
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = 33430.575583588128105 + r * 2509.0809287301226727
        top = 45921.953931549871457 + r * (67265.770927008700853 + r * top)
        top = 1971.5909503065514427 + r * (13731.693765509461125 + r * top)
        top = 3.387132872796366608 + r * (133.14166789178437745 + r * top)
        low = 28729.085735721942674 + r * 5226.495278852854561
        low = 21213.794301586595867 + r * (39307.89580009271061 + r * low)
        low = 687.1870074920579083 + r * (5394.1960214247511077 + r * low)
        low = 1.0 + r * (42.313330701600911252 + r * low)
        return q * top / low
    r = math.sqrt(-portable_math.log(0.5 - abs(q)))
    if r <= 5.0:
        r -= 1.6
        top = 0.0227238449892691845833 + r * 7.7454501427834140764e-4
        top = 1.27045825245236838258 + r * (0.24178072517745061177 + r * top)
        top = 5.7694972214606914055 + r * (3.64784832476320460504 + r * top)
        top = 1.42343711074968357734 + r * (4.6303378461565452959 + r * top)
        low = 5.475938084995344946e-4 + r * 1.05075007164441684324e-9
        low = 0.14810397642748007459 + r * (0.0151986665636164571966 + r * low)
        low = 1.6763848301838038494 + r * (0.68976733498510000455 + r * low)
        low = 1.0 + r * (2.05319162663775882187 + r * low)
    else:
        r -= 5.0
        top = 2.71155556874348757815e-5 + r * 2.01033439929228813265e-7
        top = 0.026532189526576123093 + r * (0.0012426609473880784386 + r * top)
        top = 1.7848265399172913358 + r * (0.29656057182850489123 + r * top)
        top = 6.6579046435011037772 + r * (5.4637849111641143699 + r * top)
        low = 1.4215117583164458887e-7 + r * 2.04426310338993978564e-15
        low = 7.868691311456132591e-4 + r * (1.8463183175100546818e-5 + r * low)
        low = 0.13692988092273580531 + r * (0.0148753612908506148525 + r * low)
        low = 1.0 + r * (0.59983220655588793769 + r * low)
    return top / low if q > 0.0 else -top / low


@inline
def normal(seed: int, lane: int, event: int, purpose: int) -> float:
    """A standard normal number, within 8.21 of 0; never NaN.

    One uniform number becomes one normal number, and the larger the larger.

    >>> normal(7, 0, 0, LATENCY)
    -1.7231960218651041
    """
    # 52 bits and a half: exact, symmetric about 0 and never 0 or 1 as a probability
    x: float = _normal_quantile(((hash4(seed, lane, event, purpose) >> 12) + 0.5) * 2.0**-52 - 0.5)
    return x
