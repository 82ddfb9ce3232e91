"""The same runs in huracan, through its library entry."""

from __future__ import annotations

from typing import Any

import numpy as np
from trades import Run, trade


def huracan_run(spec: dict[str, Any]) -> Run:
    """Its trades; one that is open at the end is the last fill when every trade had two."""
    import huracan

    result = huracan.backtest(spec)
    t, fills, figures = result.trades, result.fills, result.figures
    still_open = figures["open_trades"] == 1 and len(fills) == 2 * len(t) + 1
    out = np.zeros(len(t) + still_open, trade)
    for name in ("side", "qty", "entry_price", "exit_price"):
        out[name][: len(t)] = t[name]
    for name in ("entry", "exit"):
        out[f"{name}_ns"][: len(t)] = nanoseconds(t[f"{name}_ts"])
    if still_open:
        last = fills.iloc[-1]
        out[-1] = (nanoseconds(fills["ts"])[-1], 0, last["side"], last["qty"], last["price"], last["price"])
    return Run(out, float(figures["final_equity"]))


def nanoseconds(times: Any) -> Any:
    return times.dt.tz_localize(None).to_numpy().astype("M8[ns]").astype(np.int64)
