"""Bars put together to rows by the compiled loop are those that numpy puts together, field by field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import config

from huracan.sim import layout
from huracan.sim.kernel.bar_rows import put_rows
from huracan.sim.lone_bars import BAR

ROWS, UNTOUCHED = 40, -7.0


@pytest.mark.parametrize("instruments", [1, 3])
@pytest.mark.parametrize(("lo", "hi"), [(0, ROWS), (5, 29), (7, 7)])
def test_each_column_is_its_field_of_its_instrument(instruments: int, lo: int, hi: int) -> None:
    random = np.random.default_rng(5)
    columns = random.random((len(BAR), instruments, ROWS + 8)) * 1000.0
    columns[BAR.index("fresh")] = columns[BAR.index("fresh")] > 500.0
    out: Any = np.empty((ROWS, instruments), layout.bar)
    for name in BAR:
        out[name] = UNTOUCHED
    put_rows((out.view(np.recarray) if config.DISABLE_JIT else out)[: hi - lo], columns, lo)
    for name, column in zip(BAR, columns, strict=True):
        assert np.array_equal(out[name][: hi - lo], column[:, lo:hi].T), name
        assert (out[name][hi - lo :] == UNTOUCHED).all(), name
