"""How long a request or a report travels: always the same, drawn anew, or as measured."""

from __future__ import annotations

from huracan.sim.kernel.groups import DELAYS
from huracan.sim.options import part, rare
from huracan.sim.portable_math import exp
from huracan.sim.random_numbers import LATENCY, normal

DRAWN, MEASURED = 1, 2


@rare
def measured_row(rows, ts_ns):
    """(place of the last measured row at or before ts_ns, how far on the way to the next one: 0 to 1)."""
    lo = 0
    hi = len(rows)
    while lo < hi:
        middle = (lo + hi) >> 1
        if rows[middle].ts_ns <= ts_ns:
            lo = middle + 1
        else:
            hi = middle
    if lo == 0:
        return 0, 0.0
    if lo == len(rows):
        return lo - 2, 1.0
    a = rows[lo - 1].ts_ns
    return lo - 1, (ts_ns - a) / (rows[lo].ts_ns - a)


@rare
def entry_time(v, ts_ns, number):
    """Nanoseconds that the lane's request of this number takes."""
    if DELAYS:
        b = v.book_settings
        if b.latency == DRAWN:
            return int(b.entry_ns * exp(b.entry_sigma * normal(v.settings.seed, v.settings.lane, 2 * number, LATENCY)))
        if b.latency == MEASURED:
            i, w = measured_row(v.ground.latencies, ts_ns)
            rows = v.ground.latencies
            return int(rows[i].entry_ns + w * (rows[i + 1].entry_ns - rows[i].entry_ns))
    return v.settings.entry_ns


@part
def set_response(v, ts_ns, order_id):
    """What is told from now on about this order takes so long: one draw for an order and an instant."""
    if DELAYS:
        if v.book_settings.latency != 0:
            new_response(v, ts_ns, order_id)


@rare
def new_response(v, ts_ns, order_id):
    """The same where it is drawn or measured."""
    b = v.book_settings
    if b.latency == DRAWN:
        draw = normal(v.settings.seed, v.settings.lane, 2 * (ts_ns + order_id) + 1, LATENCY)
        v.settings.response_ns = int(b.response_ns * exp(b.response_sigma * draw))
    else:
        i, w = measured_row(v.ground.latencies, ts_ns)
        rows = v.ground.latencies
        v.settings.response_ns = int(rows[i].response_ns + w * (rows[i + 1].response_ns - rows[i].response_ns))
