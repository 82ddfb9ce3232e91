"""Runs of feature columns over small tapes, for tests; as a script it prints a digest, to compare compiled code with
plain Python.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from huracan.sim import layout
from huracan.sim.columns import KINDS, Feature, fill, plan, resolve, start
from huracan.sim.feature import NUMBER, WINDOW, kind_module

MINUTE = 60 * 10**9
EPOCH = 1_700_000_040 * 10**9  # 14 minutes past an hour
NO_TICK = (0, 1)


def tape(
    closes: Sequence[Any], *, seed: int = 0, fresh: Any = None, missing: Iterable[int] = (), tick: float = 0.01
) -> tuple[Any, Any]:
    """Rows and bars of instruments with these closes (a list for each); rows in `missing` are not there at all."""
    close = np.array(closes, np.float64).T
    n, instruments = close.shape
    r = np.random.default_rng(seed)
    bars = np.zeros((n, instruments), layout.bar)
    bars["close"] = close
    bars["open"] = np.vstack([close[:1], close[:-1]])
    bars["high"] = np.maximum(bars["open"], close) + tick * r.integers(0, 9, close.shape)
    bars["low"] = np.minimum(bars["open"], close)
    bars["volume"] = r.integers(0, 100, close.shape)
    bars["fresh"] = 1 if fresh is None else np.asarray(fresh).T
    rows = np.zeros(n, layout.row)
    rows["open_ns"] = EPOCH + np.arange(n) * MINUTE
    rows["close_ns"] = rows["open_ns"] + MINUTE
    keep = np.setdiff1d(np.arange(n), list(missing))
    return rows[keep], bars[keep]


def rules(tick: tuple[int, int] = (1, 100), instruments: int = 2) -> Any:
    """layout.rules of instruments with this tick."""
    out = np.zeros(instruments, layout.rules)
    out["tick_num"], out["tick_den"] = tick
    return out


def walk(n: int, seed: int = 0, start_at: int = 200_000, step: int = 40) -> Any:
    """A random walk in whole cents, as prices; every tenth bar does not move, so that ties happen."""
    r = np.random.default_rng(seed)
    moves = r.integers(-step, step + 1, n) * (np.arange(n) % 10 != 3)
    return np.maximum(start_at + np.cumsum(moves), 1) / 100


def examples(windows: Sequence[int] = (1, 2, 7, 40), every: str | None = None) -> dict[str, Feature]:
    """A feature of every kind and window, a lag of each but lags, and a lag of a lag."""
    out: dict[str, Feature] = {}
    for kind in KINDS:
        arguments = kind_module(kind).ARGS
        for window in windows:
            of_sort = {WINDOW: window, NUMBER: 0.7}
            args = tuple(of_sort.get(sort, "low") for _, sort in arguments)
            out[f"{kind}{window}"] = Feature(kind, args, every)
        if kind != "lag":
            out[f"before_{kind}"] = Feature("lag", (f"{kind}{windows[-1]}", 3), every)
    return out | {"long_before": Feature("lag", ("before_sma", 2))}


def run(
    features: Mapping[str, Feature], rows: Any, bars: Any, rule: Any, cuts: Sequence[int] = (), capacity: int = 0
) -> tuple[dict[str, Any], bytes]:
    """The series of every feature, (instruments or 1, rows), and the state's bytes at the end; `cuts` are where chunks
    end.
    """
    columns = resolve(features, {})
    made = plan(columns.values(), bars.shape[1], MINUTE)
    state = start(made, rule)
    n = len(rows)
    whole = np.full((made.n_rows, n), -7.0)
    edges = sorted({0, n, *cuts})
    for lo, hi in pairwise(edges):
        table = np.full((made.n_rows, max(capacity, hi - lo)), -7.0)
        middle = (hi - lo) // 2  # two calls in a chunk are as good as one
        fill(made, state, rows[lo:hi], bars[lo:hi], table, 0, middle)
        fill(made, state, rows[lo:hi], bars[lo:hi], table, middle, hi - lo)
        whole[:, lo:hi] = table[:, : hi - lo]
    ends = dict(zip(made.columns, [*(made.base[c] for c in made.columns[1:]), made.n_rows], strict=True))
    return {name: whole[made.base[c] : ends[c]] for name, c in columns.items()}, state.snapshot()


def same(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Names of series whose bytes differ."""
    return [name for name in a if np.ascontiguousarray(a[name]).tobytes() != np.ascontiguousarray(b[name]).tobytes()]


def mixed_tape() -> tuple[Any, Any]:
    """Two instruments with stale bars, missing rows, a jump, and a stretch that does not move."""
    one, two = walk(400, 1), walk(400, 2, 5_000, 9)
    one[150:] *= 40
    one = np.round(one, 2)
    two[200:290] = two[200]
    fresh = np.random.default_rng(3).random((2, 400)) > 0.1
    return tape([one, two], fresh=fresh, missing=[*range(61, 75), *range(120, 260, 17)])


def digest() -> str:
    """One hash over all kinds on ticks, off ticks and on longer timeframes."""
    rows, bars = mixed_tape()
    off = bars.copy()
    off["close"][230:] *= 1.0 + 1e-7
    key = hashlib.sha256()
    for every in (None, "5m"):
        for rule, these in ((rules(), bars), (rules(NO_TICK), bars), (rules(), off)):
            series, state = run(examples(every=every), rows, these, rule)
            key.update(b"".join(np.ascontiguousarray(s).tobytes() for s in series.values()) + state)
    return key.hexdigest()


if __name__ == "__main__":
    print(digest())
