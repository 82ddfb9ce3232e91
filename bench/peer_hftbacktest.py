"""hftbacktest's side of `make parity-l2` and of the book benchmarks; it runs in an environment of its own (.venv-l2).

    peer_hftbacktest.py FEED.npz JOBS.json      prints one JSON list: a dictionary for every job

FEED holds plain columns (kind 1 depth, 2 trade, 3 clear, 4 snapshot; side; price; qty; exch_ns; local_ns), the tick
and the lot.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from hftbacktest import (
    BUY,
    GTX,
    LIMIT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.data import correct_event_order, validate_event_order
from hftbacktest.types import BUY_EVENT, SELL_EVENT, event_dtype
from numba import njit


@njit
def touch_maker(hbt, half, step_ns, max_position, qty, out):
    """The strategy of the contract: only acknowledged orders with no request under way count."""
    order_id = 1
    while hbt.elapse(step_ns) == 0:
        out[0] += 1
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        if not (depth.best_bid > 0.0 and depth.best_ask > 0.0) or depth.best_ask_tick > 1_000_000_000_000:
            continue
        tick = depth.tick_size
        bid = depth.best_bid_tick - half
        ask = depth.best_ask_tick + half
        position = hbt.position(0)
        want_bid = position < max_position
        want_ask = position > -max_position
        has_bid = False
        has_ask = False
        orders = hbt.orders(0).values()
        while orders.has_next():
            order = orders.get()
            if order.cancellable:
                if order.side == BUY and want_bid and order.price_tick == bid:
                    has_bid = True
                elif order.side != BUY and want_ask and order.price_tick == ask:
                    has_ask = True
                else:
                    hbt.cancel(0, order.order_id, False)
                    out[2] += 1
        if want_bid and not has_bid:
            hbt.submit_buy_order(0, order_id, bid * tick, qty, GTX, LIMIT, False)
            order_id += 1
            out[1] += 1
        if want_ask and not has_ask:
            hbt.submit_sell_order(0, order_id, ask * tick, qty, GTX, LIMIT, False)
            order_id += 1
            out[1] += 1


def feed_rows(columns: Any) -> Any:
    """Plain columns as hftbacktest's events, ordered by its own tool."""
    rows = np.zeros(len(columns["kind"]), event_dtype)
    side = columns["side"]
    rows["ev"] = columns["kind"].astype(np.uint64) | np.where(
        side > 0, np.uint64(BUY_EVENT), np.where(side < 0, np.uint64(SELL_EVENT), np.uint64(0))
    )
    rows["exch_ts"], rows["local_ts"] = columns["exch_ns"], columns["local_ns"]
    rows["px"], rows["qty"] = columns["price"], columns["qty"]
    by_exchange = np.argsort(rows["exch_ts"], kind="mergesort")
    by_local = np.argsort(rows["local_ts"], kind="mergesort")
    out = correct_event_order(rows, by_exchange, by_local)
    validate_event_order(out)
    return out


def asset(data: Any, columns: Any, job: dict[str, Any]) -> Any:
    """One asset as a job asks for it."""
    made = (
        BacktestAsset()
        .data([data])
        .linear_asset(1.0)
        .constant_order_latency(round(job["entry_ms"] * 1e6), round(job["response_ms"] * 1e6))
        .trading_value_fee_model(job["fee"], job["fee_taker"])
        .tick_size(float(columns["tick"]))
        .lot_size(float(columns["lot"]))
        .last_trades_capacity(0)
    )
    model, _, power = job["queue"].partition(":")
    known = {
        "risk_averse": made.risk_adverse_queue_model,
        "power": made.power_prob_queue_model,
        "power2": made.power_prob_queue_model2,
        "power3": made.power_prob_queue_model3,
        "log": made.log_prob_queue_model,
        "log2": made.log_prob_queue_model2,
    }
    made = known[model](*([float(power)] if power else []))
    made = made.partial_fill_exchange() if job.get("partial") else made.no_partial_fill_exchange()
    if job.get("depth") == "roi":
        good = columns["price"][columns["price"] > 0]
        made = made.roi_lb(float(good.min())).roi_ub(float(good.max()))
    return made


def run(data: Any, columns: Any, job: dict[str, Any]) -> dict[str, Any]:
    """One job: the strategy over the feed, and what it left behind."""
    roi = job.get("depth") == "roi"
    kind = ROIVectorMarketDepthBacktest if roi else HashMapMarketDepthBacktest
    best = float("inf")
    for _ in range(int(job.get("repeats", 1))):
        hbt = kind([asset(data, columns, job)])
        out = np.zeros(4, np.int64)
        began = time.process_time_ns()
        touch_maker(
            hbt, int(job["half_ticks"]), round(job["step_ms"] * 1e6), float(job["max_position"]), float(job["qty"]), out
        )
        best = min(best, time.process_time_ns() - began)
        state = hbt.state_values(0)
        found = {
            "position": float(state.position),
            "balance": float(state.balance),
            "fee": float(state.fee),
            "trades": int(state.num_trades),
            "volume": float(state.trading_volume),
            "value": float(state.trading_value),
        }
        hbt.close()
    return found | {
        "steps": int(out[0]),
        "orders": int(out[1]),
        "cancels": int(out[2]),
        "ns": best,
        "rows": len(data),
    }


def main() -> None:
    """Read the feed once and run every job on it."""
    columns = dict(np.load(sys.argv[1]))
    with open(sys.argv[2], encoding="utf-8") as file:
        jobs = json.load(file)
    data = feed_rows(columns)
    for depth in {job.get("depth", "hash") for job in jobs}:  # compile outside the clock
        run(data[:2000].copy(), columns, next(j for j in jobs if j.get("depth", "hash") == depth) | {"repeats": 1})
    print(json.dumps([run(data, columns, job) for job in jobs]))


if __name__ == "__main__":
    main()
