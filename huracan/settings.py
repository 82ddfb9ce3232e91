"""From a checked spec to the machine's settings record, one a lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim import layout
from huracan.sim.layout import Intrabar, LimitFill, Slippage
from huracan.sim.refusal import Refused
from huracan.sim.series import BarSource
from huracan.spec_records import Spec

Records = npt.NDArray[Any]
YEAR_NS = 365 * 86_400_000_000_000
MILLISECOND = 1_000_000


def cost_window(spec: Spec) -> int:
    """Bars over which volatility and mean volume are taken; 0 if no model asks for them."""
    slippage, impact = spec.venue.slippage_bps, spec.venue.impact
    windows = []
    if slippage.model == "vol_volume":
        windows.append(("venue.slippage_bps", slippage.numbers["window"]))
    if impact.numbers["coefficient"] > 0.0:
        windows.append(("venue.impact", impact.numbers["window"]))
    if not windows:
        return 0
    if len({w for _, w in windows}) > 1 or windows[0][1] % 1:
        raise Refused(
            "slippage and impact need one whole window", where=windows[-1][0], fix="give both the same window of bars"
        )
    return int(windows[0][1])


def uses_cost_models(spec: Spec) -> bool:
    """Whether the run needs more of its costs than fixed numbers."""
    return cost_window(spec) > 0 or spec.venue.half_spread_bps == "data" or spec.venue.limit_fill.model == "hazard"


def settings_record(spec: Spec, *, timeframe_ns: int, sample_ns: int, all_spot: bool, lane: int = 0) -> Records:
    """One layout.settings record for a spec."""
    out = np.zeros(1, layout.settings)
    s = out[0]
    account, venue = spec.account, spec.venue
    s["seed"], s["lane"] = spec.run.seed, lane
    s["close_at_end"] = spec.run.close_at_end
    s["timeframe_ns"], s["sample_ns"] = timeframe_ns, sample_ns
    s["cash"], s["leverage"] = account.cash, account.leverage
    s["borrow"], s["borrow_rate"] = account.borrow, account.borrow_rate
    s["all_spot"] = all_spot and not account.borrow
    s["fee_in_base"] = account.fee_in == "base"
    s["liquidation_fee_bps"] = account.liquidation_fee_bps
    s["fee_maker_bps"], s["fee_taker_bps"] = venue.fee_maker_bps, venue.fee_taker_bps
    s["market_at_close"] = venue.market_fill == "close"
    s["intrabar"] = Intrabar[venue.intrabar.upper()]
    s["gap_at_price"] = venue.gap_fill == "price"
    s["keep_remainder"] = venue.market_remainder == "wait"
    s["latency_rows"] = venue.latency_bars
    if venue.latency_ms is not None:
        s["entry_ns"] = round(venue.latency_ms.entry * MILLISECOND)
        s["response_ns"] = round(venue.latency_ms.response * MILLISECOND)
    s["max_participation"] = venue.max_participation
    s["spread_from_data"] = venue.half_spread_bps == "data"
    s["half_spread_bps"] = 0.0 if venue.half_spread_bps == "data" else venue.half_spread_bps
    write_limit_fill(s, spec)
    write_slippage(s, spec, timeframe_ns)
    write_tiers(s, spec)
    return out


def write_limit_fill(s: Any, spec: Spec) -> None:
    """How limits fill."""
    chosen = spec.venue.limit_fill
    s["limit_fill"] = LimitFill[chosen.model.upper()]
    s["through_ticks"] = int(chosen.numbers.get("ticks", 0))
    for name in ("base", "depth", "queue"):
        s[f"hazard_{name}"] = chosen.numbers.get(name, 0.0)


def write_slippage(s: Any, spec: Spec, timeframe_ns: int) -> None:
    """What takers pay beyond the spread."""
    slippage = spec.venue.slippage_bps
    s["slippage_model"] = Slippage[slippage.model.upper()]
    s["slippage_bps"] = slippage.numbers["bps" if slippage.model == "fixed" else "base_bps"]
    for name in ("vol_ref", "vol_power", "volume_power"):
        s[name] = slippage.numbers.get(name, 0.0)
    s["participation_coefficient"] = slippage.numbers.get("participation", 0.0)
    s["impact"] = spec.venue.impact.numbers["coefficient"]
    s["bars_a_year"] = YEAR_NS / timeframe_ns


def write_tiers(s: Any, spec: Spec) -> None:
    """Marginal maintenance tiers as rate and deduction, so that a kernel looks at one tier only."""
    tiers = spec.account.maintenance
    if len(tiers) > layout.MAX_TIERS:
        raise Refused(
            f"{len(tiers)} maintenance tiers", where="account.maintenance", fix=f"give at most {layout.MAX_TIERS}"
        )
    less = 0.0
    for i, (start, rate) in enumerate(tiers):
        if i > 0:
            less += start * (rate - tiers[i - 1][1])
        s["tier_from"][i], s["tier_rate"][i], s["tier_less"][i] = start, rate, less
    s["n_tiers"] = len(tiers)
    s["max_rate"] = max(rate for _, rate in tiers)


def ignored(spec: Spec, *, all_spot: bool) -> dict[str, int]:
    """Keys of [account] that the spec gives and that nothing asks for, as named repairs: how many instruments each."""
    if not all_spot or spec.account.borrow:
        return {}
    swept = spec.sweep.axes if spec.sweep is not None else {}
    if "account.borrow" in swept:
        return {}
    given = {"leverage": spec.account.leverage != 1.0, "borrow_rate": spec.account.borrow_rate != 0.0}
    many = len(spec.data.series())
    return {f"{key}_without_borrow": many for key, is_set in given.items() if is_set or f"account.{key}" in swept}


def unpriced(spec: Spec, series: Sequence[BarSource]) -> dict[str, int]:
    """Instruments whose data has no volume though costs are asked for that depend on it: a named repair.

    Of them impact is 0, and slippage has no factor of volume or participation.
    """
    swept = spec.sweep.axes if spec.sweep is not None else {}
    asked = cost_window(spec) > 0 or any(key.startswith(("venue.impact", "venue.slippage_bps.")) for key in swept)
    without = sum(not bars.has_volume for bars in series)
    return {"costs_without_volume": without} if asked and without else {}
