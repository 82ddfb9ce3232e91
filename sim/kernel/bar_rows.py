"""Columns of bars put together to rows, all instruments of a row side by side, as the machine reads them."""

from __future__ import annotations

from numba import njit

from huracan.sim.options import ENTRY


@njit(**ENTRY)
def put_rows(out, columns, lo):
    """out[row, instrument] = columns[field, instrument, lo + row]."""
    for k in range(out.shape[1]):
        for i in range(out.shape[0]):
            bar = out[i, k]
            bar.open = columns[0, k, lo + i]
            bar.high = columns[1, k, lo + i]
            bar.low = columns[2, k, lo + i]
            bar.close = columns[3, k, lo + i]
            bar.volume = columns[4, k, lo + i]
            bar.fresh = int(columns[5, k, lo + i])
