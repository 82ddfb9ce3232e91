"""How many lots stand ahead of an own order at its level, by what the book and the trades let one guess."""

from __future__ import annotations

import math

from huracan.sim.kernel.groups import CURVED
from huracan.sim.options import part, rare
from huracan.sim.portable_math import log1p
from huracan.sim.portable_math import pow as power

RISK_AVERSE, POWER, POWER2, POWER3, LOG, LOG2 = range(6)


@part
def weight(model, n, x):
    """f(x) of the probability models: x to the power n, or ln(1 + x)."""
    if CURVED:
        if model >= LOG or (n != 1.0 and n != 2.0):
            return curved(model, n, x)
    return x * x if n == 2.0 else x


@rare
def curved(model, n, x):
    """The same where it takes long: a call, because it stands in five places."""
    return log1p(x) if model >= LOG else power(x, n)


@part
def share(a, b):
    """a / b; of nothing by nothing NaN, in plain Python too."""
    if b == 0.0:
        return math.nan if a == 0.0 or a != a else math.copysign(math.inf, a)
    return a / b


@part
def behind(model, n, front, back):
    """The share of a cancellation that was behind the order; NaN where nothing stands there."""
    if model == POWER or model == LOG:
        b = weight(model, n, back)
        return share(b, b + weight(model, n, front))
    if model == POWER3:
        return 1.0 - weight(model, n, share(front, front + back))
    return share(weight(model, n, back), weight(model, n, back + front))


@part
def after_depth(model, n, lot, front, traded, before, now):
    """Lots ahead after the level changed from `before` to `now` lots, of which `traded` went by trades.

    Never more than what the level holds; a probability that does not exist leaves the level's own quantity, and so does
    a place that is not known.
    """
    if front == math.inf:
        return now
    change = before - now - traded
    if CURVED:
        if change < 0.0:
            return min(front, now)
    back = before - front
    p = behind(model, n, front * lot, back * lot)
    if math.isinf(p):
        p = 1.0
    estimate = front - (1.0 - p) * change + min(back - p * change, 0.0)
    guess = estimate if estimate < now else now  # NaN compares false
    # Which of the two it is nobody can foretell, so neither waits for a branch.
    return min(front, now) if model == RISK_AVERSE or change < 0.0 else guess


@part
def excess(front):
    """Whole lots that a trade took beyond what stood ahead; none where that is not known."""
    if front == math.inf:
        return 0
    return math.floor(-front + 0.5)
