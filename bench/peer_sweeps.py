"""The same sweeps in vectorbt with its rust engine, in slices of sets: that is faster and smaller than all at once.

Averages, crosses, signals and statistics count, as they do in huracan's sweep; making the bars does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sweep_specs as specs
import vectorbt as vbt
from vectorbt.generic import dispatch

from huracan.sim.series import Bars

ENGINE = "rust"
Array = npt.NDArray[Any]


class Frame:
    """Bars as vectorbt takes them."""

    def __init__(self, bars: Bars) -> None:
        index = pd.to_datetime(bars.open_ns)
        self.open, self.high, self.low, self.close = (
            pd.Series(getattr(bars, name), index) for name in ("open", "high", "low", "close")
        )


def statistics(portfolio: Any) -> dict[str, Array]:
    """What a row of huracan's sweep says and vectorbt can."""
    found = {
        "total_return": portfolio.total_return(),
        "annual_return": portfolio.annualized_return(),
        "volatility": portfolio.annualized_volatility(),
        "sharpe": portfolio.sharpe_ratio(),
        "sortino": portfolio.sortino_ratio(),
        "calmar": portfolio.calmar_ratio(),
        "max_drawdown": portfolio.max_drawdown(),
        "orders": portfolio.orders.count(),
        "trades": portfolio.trades.count(),
        "win_rate": portfolio.trades.win_rate(),
    }
    return {name: np.atleast_1d(np.asarray(value)) for name, value in found.items()}


def only_return(portfolio: Any) -> dict[str, Array]:
    """The least that can be asked."""
    return {"total_return": np.atleast_1d(np.asarray(portfolio.total_return()))}


def in_slices(
    sets: Sequence[Any], size: int, run: Callable[[Sequence[Any]], Any], say: Callable[[Any], dict[str, Array]]
) -> dict[str, Array]:
    """Every slice simulated and its statistics kept."""
    parts = [say(run(sets[lo : lo + size])) for lo in range(0, len(sets), size)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def later(signals: Array) -> Array:
    out = np.zeros_like(signals)
    out[1:] = signals[:-1]
    return out


def cross(
    frame: Frame, sets: Sequence[tuple[int, int]], size: int, say: Any = statistics, direction: str = "longonly"
) -> dict[str, Array]:
    """Crosses of averages, each average computed once; filled at the next open, a position of one always."""
    close = frame.close.to_numpy()[:, None]
    means = {
        w: dispatch.rolling_mean(close, w, minp=w, engine=ENGINE)[:, 0] for w in {w for pair in sets for w in pair}
    }

    def run(part: Sequence[tuple[int, int]]) -> Any:
        fast = np.stack([means[f] for f, _ in part], axis=1)
        slow = np.stack([means[s] for _, s in part], axis=1)
        up = dispatch.crossed_above(fast, slow, engine=ENGINE)
        down = dispatch.crossed_above(slow, fast, engine=ENGINE)
        return vbt.Portfolio.from_signals(
            frame.close,
            later(up),
            later(down),
            price=frame.open,
            size=1.0,
            direction=direction,
            fees=specs.FEE,
            init_cash=specs.CASH,
            freq="1min",
            engine=ENGINE,
        )

    return in_slices(sets, size, run, say)


def cross_signals(frame: Frame) -> Array:
    """Where the average of 20 bars crosses above that of 50."""
    close = frame.close.to_numpy()[:, None]
    fast, slow = (dispatch.rolling_mean(close, n, minp=n, engine=ENGINE) for n in (20, 50))
    return dispatch.crossed_above(fast, slow, engine=ENGINE)


def reversion_signals(frame: Frame) -> Array:
    """Where the close is more than Z deviations below its mean."""
    close = frame.close.to_numpy()[:, None]
    mean = dispatch.rolling_mean(close, specs.WINDOW, minp=specs.WINDOW, engine=ENGINE)
    deviation = dispatch.rolling_std(close, specs.WINDOW, minp=specs.WINDOW, ddof=0, engine=ENGINE)
    return close < mean - specs.Z * deviation


def exits(
    frame: Frame,
    signals: Callable[[Frame], Array],
    sets: Sequence[tuple[float, float]],
    size: int,
    say: Any = statistics,
) -> dict[str, Array]:
    """Targets and stops after the same entries, at the close."""
    entries = signals(frame)

    def run(part: Sequence[tuple[float, float]]) -> Any:
        return vbt.Portfolio.from_signals(
            open=frame.open,
            high=frame.high,
            low=frame.low,
            close=frame.close,
            entries=entries,
            exits=False,
            size=1.0,
            tp_stop=np.array([[take for take, _ in part]]),
            sl_stop=np.array([[stop for _, stop in part]]),
            fees=specs.FEE,
            init_cash=specs.CASH,
            freq="1min",
            engine=ENGINE,
        )

    return in_slices(sets, size, run, say)


def assets(frames: Sequence[Frame], fasts: Sequence[int], say: Any = statistics) -> dict[str, Array]:
    """Many assets out of one purse: orders to a share of equity, those that free cash first."""
    close = pd.concat([f.close for f in frames], axis=1, keys=specs.ASSETS)
    opened = pd.concat([f.open for f in frames], axis=1, keys=specs.ASSETS)
    values = close.to_numpy()
    valued = np.concatenate([values[:1], values[:-1]])
    slow = dispatch.rolling_mean(values, specs.ASSET_SLOW, minp=specs.ASSET_SLOW, engine=ENGINE)

    def run(part: Sequence[int]) -> Any:
        fast = dispatch.rolling_mean(values, part[0], minp=part[0], engine=ENGINE)
        size = np.full(values.shape, np.nan)
        size[later(dispatch.crossed_above(fast, slow, engine=ENGINE))] = specs.SHARE / (1.0 + specs.FEE)
        size[later(dispatch.crossed_above(slow, fast, engine=ENGINE))] = 0.0
        return vbt.Portfolio.from_orders(
            close,
            size=size,
            size_type="targetpercent",
            direction="longonly",
            price=opened,
            val_price=valued,
            fees=specs.FEE,
            init_cash=specs.CASH,
            group_by=True,
            cash_sharing=True,
            call_seq="auto",
            freq="1min",
            engine=ENGINE,
        )

    return in_slices(list(fasts), 1, run, say)
