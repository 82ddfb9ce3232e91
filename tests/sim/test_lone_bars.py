"""What is made ready of a tape's only instrument, against definitions and against the same bars beside another's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from huracan.sim.layout import LEAD, SPANS
from huracan.sim.lone_bars import BAR, PRICES, given
from huracan.sim.series import Bars, Payments, Rules
from huracan.sim.tape import Tape, build_tape, chunk

STEP = 3600 * 10**9


def some_bars(seed: int, n: int, kind: str, has_volume: bool) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, n)))
    open_ = np.roll(close, 1)
    open_[0] = 100.0
    times = STEP * (5 + np.flatnonzero(rng.random(2 * n) < 0.9)[:n])  # with holes
    return Bars(
        "A/USDT",
        "venue",
        STEP,
        times.astype(np.int64),
        open_,
        np.maximum(open_, close) * 1.001,
        np.minimum(open_, close) * 0.999,
        close,
        rng.random(n) if has_volume else None,
        rules=Rules(kind, multiplier=3.0),
    )


def tapes(seed: int, n: int, kind: str, has_volume: bool) -> tuple[Bars, Tape, Tape]:
    """(an instrument, its tape, its tape beside another with the same times)."""
    bars = some_bars(seed, n, kind, has_volume)
    rng = np.random.default_rng(seed)
    paid = np.sort(rng.choice(bars.open_ns, n // 5))
    payments = Payments(paid + 1, np.full(len(paid), 1e-4), np.full(len(paid), 50.0))
    more: dict[str, Any] = {"start_ns": int(bars.open_ns[n // 3]), "warmup": n // 9}
    beside = build_tape([bars, replace(bars, symbol="B/USDT")], [payments, None], **more)
    return bars, build_tape([bars], [payments], **more), beside


@pytest.mark.parametrize("has_volume", [True, False])
@pytest.mark.parametrize("kind", ["spot", "inverse"])
def test_rows_and_bars_are_those_of_the_instrument_beside_another(kind: str, has_volume: bool) -> None:
    for seed in range(12):
        bars, alone, beside = tapes(seed, 60 + seed, kind, has_volume)
        for lo, hi in ((0, alone.rows), (0, 1), (7, 20), (alone.rows - 3, alone.rows)):
            one, two = chunk(alone, lo, hi), chunk(beside, lo, hi)
            assert np.asarray(one.rows)[: hi - lo].tobytes() == np.asarray(two.rows)[: hi - lo].tobytes()
            for name in BAR:
                np.testing.assert_array_equal(one.bars[name][:, 0], two.bars[name][:, 0])
                np.testing.assert_array_equal(one.lines[BAR.index(name), LEAD : LEAD + hi - lo], one.bars[name][:, 0])
            first = alone.timeline.offset + lo
            assert one.rows["open_ns"][: hi - lo].tolist() == bars.open_ns[first : first + hi - lo].tolist()
            for name in PRICES:
                np.testing.assert_array_equal(one.bars[name][:, 0], getattr(bars, name)[first : first + hi - lo])


@pytest.mark.parametrize("kind", ["spot", "linear", "inverse"])
def test_a_unit_is_worth_what_its_contract_says(kind: str) -> None:
    bars, tape, _ = tapes(3, 500, kind, True)
    view = chunk(tape, 11, 311)
    first = tape.timeline.offset + 11
    close = bars.close[first : first + 300]
    worth = -3.0 / close if kind == "inverse" else 3.0 * close
    units = view.lines[len(BAR) :, LEAD : LEAD + 300]
    for k in range(SPANS):
        ahead = [worth[i : i + 2**k] for i in range(300)]
        np.testing.assert_array_equal(units[k], [each.min() for each in ahead])
        np.testing.assert_array_equal(units[SPANS + k], [each.max() for each in ahead])


def test_one_type_for_bars_from_anywhere() -> None:
    """Arrays of one's own, read-only ones and columns of a table: each other type would be compiled anew."""
    bars = some_bars(1, 40, "spot", True)
    wide = np.column_stack([bars.close, bars.close])
    strided = replace(bars, close=wide[:, 0], volume=None)
    for each in (bars, strided):
        for column in given(each):
            assert type(column) is np.ndarray
            assert column.flags.c_contiguous
            assert not column.flags.writeable
    assert bars.close.flags.writeable
    np.testing.assert_array_equal(given(strided)[4], bars.close)
