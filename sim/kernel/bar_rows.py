"""Columns of bars put together to rows, all instruments of a row side by side, as the machine reads them."""

from __future__ import annotations

from numba import njit

from huracan.sim.options import ENTRY


@njit(**ENTRY)
def put_rows(out, columns, lo, hi):
    """out[row, instrument] = columns[field, instrument, row] in rows lo..hi; every line of memory is written once."""
    for i in range(lo, hi):
        for k in range(out.shape[1]):
            bar = out[i, k]
            bar.open = columns[0, k, i]
            bar.high = columns[1, k, i]
            bar.low = columns[2, k, i]
            bar.close = columns[3, k, i]
            bar.volume = columns[4, k, i]
            bar.fresh = int(columns[5, k, i])
