"""Sum and sum of squares of the last n values, relative to a reference, from which their population variance follows.

On ticks both sums are whole numbers and exact, so the variance of equal prices is exactly 0. Off ticks they are
compensated sums of doubles, and a window of equal values is known by counting them. The reference moves to the latest
value when the window has gone far from it; then, and when the window is full for the first time, both sums are made
anew from the ring.

Few and longer functions, because each one costs numba some 50 ms to compile.
"""

from __future__ import annotations

import numpy as np

from huracan.sim.exact_doubles import two_product, two_sum
from huracan.sim.options import part
from huracan.strategies.features.ticks import TICKS, begin_ticks, whole_ticks

MOMENTS = [
    ("n", "i8"),
    ("count", "i8"),  # values so far, up to n
    ("place", "i8"),  # of the oldest value in the ring
    ("equal", "i8"),  # how many of the latest values are equal (off ticks)
    ("rest", "i8"),  # bars until the reference may move again, so that moving costs little a bar
    ("squares", "i8"),
    ("refer", "f8"),
    ("last", "f8"),
    ("total", "f8"),
    ("total_lost", "f8"),
    ("square", "f8"),
    ("square_lost", "f8"),
    ("reach", "f8"),  # ticks that a price may be from the reference
    *TICKS,
]

EXACT = 2.0**53
# Off ticks the variance is as exact as it is large beside the square of the mean seen from the reference: that square
# is kept below this many variances; for some n bars after a jump it may be n of them.
FAR = 2.0**8


def begin_moments(states, windows, rules):
    """Fill the fields of MOMENTS in fresh records; without `rules` there are no ticks."""
    states["n"] = windows
    states["last"] = np.nan
    states["reach"] = np.floor(np.sqrt(2.0**62 / windows))  # the sum of squares stays below 2**62
    states["num"], states["den"] = 1.0, 1.0
    if rules is not None:
        begin_ticks(states, windows, rules)


@part
def latest(s):
    """The place of the latest value in the ring."""
    return s.place - 1 if s.place > 0 else s.n - 1


@part
def leave_ticks(s, ring, price):
    """From here on the ring holds prices, `price` the latest of them."""
    s.exact = 0
    for i in range(ring.shape[0]):
        ring[i] = ring[i] * s.num / s.den
    place = latest(s)
    ring[place] = price
    s.last = price
    s.equal = 0
    for _ in range(s.n):
        if ring[place] != price:
            break
        s.equal += 1
        place = place - 1 if place > 0 else s.n - 1


@part
def sum_again(s, ring):
    """Move the reference to the latest value and sum the ring anew; False if a number of ticks is out of reach."""
    s.refer = ring[latest(s)]
    s.rest = s.n
    s.total = 0.0
    s.total_lost = 0.0
    s.squares = 0
    s.square = 0.0
    s.square_lost = 0.0
    for i in range(ring.shape[0]):
        d = ring[i] - s.refer
        if s.exact != 0:
            if abs(d) > s.reach:
                return False
            s.total += d
            s.squares += np.int64(d) * np.int64(d)
        else:
            s.total, lost = two_sum(s.total, d)
            s.total_lost += lost
            s.square, lost = two_sum(s.square, d * d)
            s.square_lost += lost
    return True


@part
def variance(s):
    """n**2 x the variance: exact on ticks below 2**53, within an ulp or two above; exactly 0 for equal values."""
    if s.exact != 0:
        square = float(s.squares)
        v = s.n * square - s.total * s.total
        if s.n * square >= EXACT:
            high, low = two_product(square, float(s.n))
            taken, taken_low = two_product(s.total, s.total)
            v = (high - taken) + ((low - taken_low) + s.n * float(s.squares - np.int64(square)))
    else:
        total = s.total + s.total_lost
        v = s.n * (s.square + s.square_lost) - total * total
        v = v if s.equal < s.n else 0.0
    return v if v > 0.0 else 0.0


@part
def push(s, ring, price):
    """Take in a price, on ticks as long as that is exact; n**2 x the variance, 0 while the window is not full."""
    x = price
    leave = False
    again = False
    if s.exact != 0:
        x = whole_ticks(s, price)
        leave = x < 0.0
    else:
        s.equal = s.equal + 1 if x == s.last else 1
        s.last = x
    place = s.place
    old = ring[place] - s.refer
    d = x - s.refer
    ring[place] = x
    s.place = place + 1 if place + 1 < s.n else 0
    if s.count < s.n:
        s.count += 1
        again = s.count == s.n
    elif s.exact != 0:
        s.total += d - old
        again = abs(d) > s.reach
        if not again:
            s.squares += np.int64(d) * np.int64(d) - np.int64(old) * np.int64(old)
    else:
        s.total, lost = two_sum(s.total, d)
        s.total_lost += lost
        s.total, lost = two_sum(s.total, -old)
        s.total_lost += lost
        s.square, lost = two_sum(s.square, d * d)
        s.square_lost += lost
        s.square, lost = two_sum(s.square, -(old * old))
        s.square_lost += lost
        if s.rest > 0:
            s.rest -= 1
    v = 0.0
    for _ in range(4):  # a loop, so that the code of each step is there once
        if leave:
            leave_ticks(s, ring, price)
            again = True
        if s.count < s.n:
            break
        if again:
            leave = not sum_again(s, ring)
            again = False
            if leave:
                continue
        v = variance(s)
        if s.exact != 0 or s.rest > 0 or s.total * s.total <= FAR * v:
            break
        again = True
    return v


@part
def above_mean(s, ring):
    """n x (the latest value - the mean), in ticks or in price."""
    return s.n * (ring[latest(s)] - s.refer) - (s.total + s.total_lost)
