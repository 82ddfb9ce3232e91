"""The prices that a run saw, kept beside its result: what its charts, benchmark and markouts need, without the data.

market.parquet  ts (open), symbol, open, high, low, close, volume; one block of rows an instrument
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from huracan.sim.refusal import Refused
from huracan.sim.result_tables import RUN_KEY, arrow_array, numpy_array
from huracan.sim.series import Bars, BarSource, Floats, Rules

FILE = "market.parquet"
MOST_ROWS = 2_000_000  # four years of minutes; longer runs keep bars of several bars each
PRICES = ("open", "high", "low", "close")
_KEY = b"huracan.instruments"


def run_bars(series: BarSource, start_ns: int, end_ns: int) -> Bars:
    """The bars of one instrument that open within a run."""
    lo, hi = np.searchsorted(series.times(0, len(series)), [start_ns, end_ns])
    return replace(series.rows(int(lo), int(hi)), half_spread_bps=None)


def all_or_none(market: tuple[Bars, ...]) -> tuple[Bars, ...]:
    """The bars of all instruments, or of none where one of them had no bar in the run."""
    return market if all(bars.open_ns.size for bars in market) else ()


def merged(bars: Bars, each: int) -> Bars:
    """Bars of `each` bars: the first open, the highest high, the lowest low, the last close; gaps stay gaps.

    >>> rise = np.arange(1.0, 6.0)
    >>> five = Bars("x", "", 60, np.arange(5) * 60, rise, rise + 1.0, rise - 0.5, rise + 0.5, rise)
    >>> two = merged(five, 2)
    >>> two.open.tolist(), two.high.tolist(), two.low.tolist(), two.close.tolist(), two.volume.tolist()
    ([1.0, 3.0, 5.0], [3.0, 5.0, 6.0], [0.5, 2.5, 4.5], [2.5, 4.5, 5.5], [3.0, 7.0, 5.0])
    """
    if each <= 1 or not bars.open_ns.size:
        return bars
    step = bars.timeframe_ns * each
    block = (bars.open_ns - bars.open_ns[0]) // step
    first = np.flatnonzero(np.r_[True, block[1:] != block[:-1]])
    last = np.r_[first[1:], block.size] - 1
    return replace(
        bars,
        timeframe_ns=step,
        open_ns=bars.open_ns[0] + block[first] * step,
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=bars.close[last],
        volume=None if bars.volume is None else np.add.reduceat(bars.volume, first),
    )


def write_market(path: Path, market: tuple[Bars, ...], run: str) -> None:
    """All instruments' bars in one file; of a very long run every so many bars become one, and the file says so."""
    import pyarrow as pa
    from pyarrow import parquet

    each = max(1, -(-sum(bars.open_ns.size for bars in market) // MOST_ROWS))
    kept = [merged(bars, each) for bars in market]
    symbols = tuple(bars.symbol for bars in kept)
    places = np.concatenate([np.full(bars.open_ns.size, k) for k, bars in enumerate(kept)])
    arrays = [arrow_array(np.concatenate([bars.open_ns for bars in kept]), time=True)]
    arrays.append(arrow_array(places, words=symbols))
    arrays += [arrow_array(np.concatenate([getattr(bars, name) for bars in kept])) for name in PRICES]
    arrays.append(arrow_array(np.concatenate([volume_of(bars) for bars in kept])))
    about = [
        {
            "symbol": bars.symbol,
            "venue": bars.venue,
            "timeframe_ns": bars.timeframe_ns,
            "rows": int(bars.open_ns.size),
            "volume": bars.volume is not None,
            "each": each,
            "rules": vars(bars.rules),
        }
        for bars in kept
    ]
    table = pa.Table.from_arrays(arrays, names=["ts", "symbol", *PRICES, "volume"])
    table = table.replace_schema_metadata({RUN_KEY: run.encode(), _KEY: json.dumps(about).encode()})
    parquet.write_table(table, path, compression="zstd", use_dictionary=["symbol"])


def read_market(folder: Path, run: str) -> tuple[Bars, ...]:
    """What `write_market` wrote; nothing where the file is missing; a broken one is refused."""
    import pyarrow as pa
    from pyarrow import parquet

    path = folder / FILE
    fix = "run the backtest again, or delete the file: the report does without it"
    if not path.is_file():
        return ()
    try:
        with parquet.ParquetFile(path) as file:
            table = file.read()
        about: list[dict[str, Any]] = json.loads((table.schema.metadata or {})[_KEY])
        columns = {name: numpy_array(table[name], np.dtype(np.float64)) for name in (*PRICES, "volume")}
        times = numpy_array(table["ts"], np.dtype(np.int64))
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise Refused(f"{FILE} can't be read: {error}", where=str(folder), fix=fix) from None
    if (table.schema.metadata or {}).get(RUN_KEY) != run.encode():
        raise Refused(f"{FILE} and result.json are of different runs", where=str(folder), fix=fix)
    market = []
    at = 0
    for each in about:
        rows = slice(at, at + each["rows"])
        at += each["rows"]
        opens, highs, lows, closes = (columns[name][rows] for name in PRICES)
        volume = columns["volume"][rows] if each["volume"] else None
        rules = Rules(**each["rules"])
        known = (each["symbol"], each["venue"], each["timeframe_ns"], times[rows])
        market.append(Bars(*known, opens, highs, lows, closes, volume, rules=rules))
    return tuple(market)


def volume_of(bars: Bars) -> Floats:
    """The volume, NaN where the data has none."""
    return np.full(bars.open_ns.size, np.nan) if bars.volume is None else bars.volume
