"""What an order-book run teaches about fills: how long they took, how many came, where the price went."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.book_bars import prices_at, trade_bars
from huracan.sim.book_layout import Told
from huracan.sim.book_tape import BookTape
from huracan.sim.spool import forget, walked

Records = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SECOND = 1_000_000_000
HORIZONS_S = (1, 5, 30)
FEWEST = 30  # observations below which a hazard is not fitted


def fill_times(tape: BookTape, fills: Records, lives: Records, timeframe_ns: int) -> dict[str, Any]:
    """The figures of a run's fills, as result.json has them; None where there is nothing to measure.

    `fills` is layout.fill, `lives` book_layout.order_life: one record for each order that has ended.
    """
    rested = lives[lives["rested_ns"] >= 0]
    filled = rested[rested["filled"] > 0.0]
    waits = (filled["done_ns"] - filled["rested_ns"])[filled["filled"] >= filled["qty"] * (1.0 - 1e-9)] / SECOND
    total = float(rested["qty"].sum())
    return {
        "rested": len(rested),
        "fill_rate": len(filled) / len(rested) if len(rested) else None,
        "fill_rate_by_quantity": float(rested["filled"].sum()) / total if total > 0.0 else None,
        "time_to_fill_s": {
            "mean": float(waits.mean()) if len(waits) else None,
            "median": float(np.median(waits)) if len(waits) else None,
            "p90": float(np.quantile(waits, 0.9)) if len(waits) else None,
        },
        "maker_markout_bps": markouts(tape, fills[fills["maker"] == 1]),
        "taker_markout_bps": markouts(tape, fills[fills["maker"] == 0]),
        "hazard": fit_hazard(*reached(tape, rested, timeframe_ns)),
    }


def mids(tape: BookTape, inst: int) -> Iterator[tuple[Ints, Floats]]:
    """(times, mid prices) of one instrument at the exchange, at each move of a best, piece by piece; NaN while a side
    is empty."""
    told = 0
    for rows in walked(tape.exchange):
        key = rows["key"].astype(np.int64)
        moved = ((key & 7) == Told.BEST) | ((key & 7) == Told.CLEAR)
        own = (key[moved] >> (tape.width + 4)) == inst
        bests = tape.bests[told : told + int(moved.sum())][own]
        told += int(moved.sum())
        bid, ask = bests["bid"].astype(np.int64), bests["ask"].astype(np.int64)
        mid = 0.5 * (prices_at(tape, inst, 0, np.maximum(bid, 0)) + prices_at(tape, inst, 1, np.maximum(ask, 0)))
        yield rows["ts_ns"][moved][own], np.where((bid >= 0) & (ask >= 0), mid, np.nan)
        forget([tape.bests])


def mids_at(tape: BookTape, inst: int, when: Ints) -> Floats:
    """The mid that stood at each of these instants, in any order; NaN before the first, and where there was none."""
    out = np.full(len(when), np.nan)
    order = np.argsort(when, kind="stable")
    asked, done, last = when[order], 0, np.nan
    for ts, mid in mids(tape, inst):
        if not len(ts):
            continue
        upto = int(np.searchsorted(asked, ts[-1], side="left"))  # what is asked of the last instant may change yet
        at = np.searchsorted(ts, asked[done:upto], side="right") - 1
        out[order[done:upto]] = np.where(at >= 0, mid[np.maximum(at, 0)], last)
        done, last = upto, mid[-1]
    out[order[done:]] = last
    return out


def markouts(tape: BookTape, fills: Records) -> dict[str, float | None]:
    """Where the mid stood some seconds after a fill, against its price, in bps and in favour of the position.

    The mean by quantity; negative is adverse. Fills too near the tape's end for a horizon are left out of it.
    """
    gains = dict.fromkeys(HORIZONS_S, 0.0)
    weights = dict.fromkeys(HORIZONS_S, 0.0)
    for k in range(tape.instruments):
        own = fills[fills["inst"] == k]
        later = [own["ts_ns"] + seconds * SECOND for seconds in HORIZONS_S]
        mid = mids_at(tape, k, np.concatenate(later)).reshape(len(HORIZONS_S), -1) if len(own) else later
        for seconds, when, there in zip(HORIZONS_S, later, mid, strict=True):
            gain = own["side"] * (there - own["price"]) / own["price"] * 1e4
            good = np.isfinite(gain) & (when <= tape.end_ns)
            gains[seconds] += float((gain * own["qty"])[good].sum())
            weights[seconds] += float(own["qty"][good].sum())
    return {f"{s}s": gains[s] / weights[s] if weights[s] > 0.0 else None for s in HORIZONS_S}


def reached(tape: BookTape, rested: Records, timeframe_ns: int) -> tuple[Floats, Floats, Floats]:
    """(how far the bar went beyond the price, share of volume, filled) of each whole bar that reached a resting order.

    A bar counts if the order rested at its open, and until its close or its own fill.
    """
    rows, bars = trade_bars(tape, timeframe_ns)
    depth: list[float] = []
    share: list[float] = []
    done: list[float] = []
    opens = rows["open_ns"]
    for o in rested:
        lo = int(np.searchsorted(opens, o["rested_ns"], side="left"))
        hi = int(np.searchsorted(opens, o["done_ns"], side="left"))
        whole = o["filled"] >= o["qty"] * (1.0 - 1e-9)
        for i in range(lo, hi):
            b = bars[i, o["inst"]]
            fills_here = whole and o["done_ns"] <= rows["close_ns"][i]
            if not b["fresh"] or (not fills_here and o["done_ns"] < rows["close_ns"][i]):
                continue  # one that ends with the bar was there all of it
            beyond = (o["price"] - b["low"]) if o["side"] > 0 else (b["high"] - o["price"])
            if beyond < 0.0:
                continue
            width = b["high"] - b["low"]
            depth.append(beyond / width if width > 0.0 else 0.0)
            share.append(min(1.0, b["volume"] / o["qty"]))
            done.append(float(fills_here))
    return np.array(depth), np.array(share), np.array(done)


def fit_hazard(depth: Floats, share: Floats, filled: Floats) -> dict[str, float] | None:
    """The numbers of the bar venue's `limit_fill = { model = "hazard" }` that make these fills likeliest.

    p = 1 - exp(-(base + depth x d) x v), with queue = 1; None with too few observations.

    >>> rng = np.random.default_rng(1)
    >>> d, v = rng.random(4000), np.ones(4000)
    >>> filled = (rng.random(4000) < 1 - np.exp(-(0.4 + 1.5 * d))).astype(float)
    >>> found = fit_hazard(d, v, filled)
    >>> abs(found["base"] - 0.4) < 0.1, abs(found["depth"] - 1.5) < 0.2
    (True, True)
    """
    if len(filled) < FEWEST:
        return None
    from scipy.optimize import minimize

    def loss(x: Floats) -> float:
        rate = np.maximum((x[0] + x[1] * depth) * share, 1e-12)
        return float(-(filled * np.log(-np.expm1(-rate)) - (1.0 - filled) * rate).sum())

    best = minimize(loss, np.array([0.5, 1.0]), method="L-BFGS-B", bounds=[(1e-6, 50.0), (0.0, 50.0)])
    return {"base": float(best.x[0]), "depth": float(best.x[1]), "queue": 1.0, "observations": len(filled)}
