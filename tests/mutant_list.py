"""The bugs that `make mutants` plants, and the tests that must see them."""

from __future__ import annotations

from dataclasses import dataclass

# Tests by short names.
CHUNKS = "tests/laws/test_chunks.py::test_chunks_dont_matter_to_any_list_of_orders"
STRIPS = "tests/huracan/test_strips.py::test_each_lane_is_in_one_strip_and_all_are_done_when_the_round_ends"
ALONE = "tests/laws/test_quiet.py::test_an_order_that_meets_the_open_alone_does_what_it_does_in_company"
CHUNKS_SHIPPED = "tests/laws/test_chunks.py::test_chunks_dont_matter_to_what_is_shipped[sma_cross]"
LANES = "tests/laws/test_lanes.py::test_lanes_dont_matter_to_any_list_of_orders"
PRUNED = "tests/laws/test_lanes.py::test_what_the_linker_prunes_doesnt_matter[sma_cross]"
SWEPT = "tests/laws/test_lanes.py::test_whatever_is_swept_is_in_the_build"
PEEKING = "tests/laws/test_peeking.py::test_no_venue_peeks_under_any_list_of_orders"
PEEKING_SHIPPED = "tests/laws/test_peeking.py::test_nothing_shipped_peeks[sma_cross]"
MONEY = "tests/laws/test_money.py::test_no_list_of_orders_loses_money"
DUST = "tests/laws/test_money.py::test_dust_is_no_loss_and_no_trade"
CALM = "tests/laws/test_calm.py::test_a_sweep_of_any_list_of_orders_is_its_runs"
FIGURES = "tests/sim/test_figures.py::test_a_whole_run_agrees_with_its_own_equity[None-60000000000]"
AHEAD = "tests/laws/test_look_ahead.py::test_a_few_sets_look_ahead"
TARGETS = "tests/sim/test_targets.py::test_a_position_is_surely_worth_a_fraction_only_where_nothing_is_wanted"
THIN_CASE = "square root impact where nobody traded, and no cap is asked for: as if ten times the volume"
THIN = f"tests/sim/test_engine_scenarios.py::test_fills[{THIN_CASE}]"
TRIALS = "tests/huracan/test_sweeps.py::test_trials_are_counted_by_the_names_of_their_files"
BROKE = "tests/laws/test_look_ahead.py::test_a_lane_is_broke_in_the_row_that_leaves_nothing"
SPANS = "tests/sim/test_spans.py::test_drawdowns_of_many_rows_are_those_of_each"
CALM_GAPS = "tests/laws/test_calm.py::test_a_sweep_over_gaps_and_midnights_is_its_runs[next_open-4h]"
WORSE = "tests/laws/test_worse.py"
DEARER = f"{WORSE}::test_more_cost_never_improves_a_price"
MORE_FEE = f"{WORSE}::test_more_fee_never_lowers_costs"
SNAPSHOTS = "tests/laws/test_snapshots.py::test_any_list_of_orders_goes_on_from_its_bytes"
SNAPSHOTS_SHIPPED = "tests/laws/test_snapshots.py::test_what_is_shipped_goes_on_from_its_bytes[sma_cross]"
BAD = "tests/laws/test_bad_input.py"
SUMS = "tests/laws/test_exact_sums.py"
MANY_SUMS = "tests/strategies/test_sums.py"
BAR_ROWS = "tests/sim/test_bar_rows.py"
SCENARIOS = "tests/sim/test_engine_scenarios.py"
LOTS = "tests/sim/test_lots.py"
ORACLE = "tests/sim/test_two_engines.py::test_fill_for_fill[0]"
QUIET = "tests/laws/test_quiet.py::test_the_second_engine_knows_no_short_way"
ORACLE_2 = "tests/sim/test_two_engines.py::test_fill_for_fill[25]"
BOOKS = "tests/sim/test_book_engines.py::test_two_engines_agree_on_a_short_tape"
BOOK_MARGIN = "tests/huracan/test_book_margin.py"
BOOK_WORSE = "tests/laws/test_book_worse.py::test_more_permanent_impact_never_improves_a_price"
BOOK_IMPACT = "tests/sim/test_book_engines.py::test_two_engines_agree_on_permanent_impact"
BOOK_LEVELS = "tests/sim/test_book_engines.py::test_a_taker_stops_by_name_where_a_lane_can_remember_no_more_levels"
BOOK_LAWS = "tests/laws/test_book_laws.py::test_any_list_of_orders_keeps_the_laws"
BOOK_DEPTH = "tests/sim/test_book_depth.py::test_depth_is_what_brute_force_counts"
BOOK_QUOTES = "tests/sim/test_book_engines.py::test_two_engines_agree_on_quotes"
BOOK_TAPE = "tests/sim/test_book_tape.py::test_quotes_alone_are_a_book_of_the_touch"
BOOK_TOUCH = "tests/sim/test_book_engines.py::test_two_engines_agree_on_stops_that_wait_for_the_touch"
BOOK_IDLE = "tests/sim/test_book_repeats.py::test_no_bit_changes_where_steps_are_left_out"
BRACKETS = "tests/sim/test_two_engines.py::test_brackets_that_overlap[2000]"


@dataclass(frozen=True)
class Mutant:
    """A bug: in `file`, the one place that reads `old` reads `new` instead; one of `tests` must see it."""

    bug: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = [
    Mutant(
        "features see the next close",
        "sim/kernel/column_loops.py",
        "        bar = news[i, k]\n        t = tick(",
        "        bar = news[min(i + 1, news.shape[0] - 1), k]\n        t = tick(",
        (PEEKING_SHIPPED,),
    ),
    Mutant(
        "the venue sees the next bar",
        "sim/stub_code.py",
        '"bars": "tape.bars[u_i]",\n',
        '"bars": "tape.bars[min(i + 1, len(tape.bars) - 1)]",\n',
        (PEEKING,),
    ),
    Mutant(
        "volatility includes the bar that it prices",
        "sim/tape.py",
        "        total += values[j : j + len(total)]\n",
        "        total += values[j + 1 : j + 1 + len(total)]\n",
        (ORACLE,),
    ),
    Mutant(
        "a lane begins at the funding of the block's first lane",
        "sim/stub_code.py",
        "at = lanes.cursor[c]\n",
        "at = lanes.cursor[lo]\n",
        (LANES,),
    ),
    Mutant(
        "a lane finds the first order of the lane before it",
        "sim/stub_code.py",
        'enter += [f"for m in range({count or slots}):"',
        'enter += [f"for m in range(1, {count or slots}):"',
        (LANES, CHUNKS),
    ),
    Mutant(
        "each chunk pays all funding again",
        "sim/stub_code.py",
        "lanes.cursor[c] = at\n",
        "lanes.cursor[c] = 0\n",
        (CHUNKS,),
    ),
    Mutant(
        "features forget at the end of a chunk",
        "sim/columns.py",
        "        entry = _entry(part.kind)\n",
        '        records["count"] = 0\n        entry = _entry(part.kind)\n',
        (CHUNKS_SHIPPED,),
    ),
    Mutant(
        "a snapshot forgets half of the features' state",
        "sim/columns.py",
        "self.buffer[:] = np.frombuffer(snapshot, np.uint8)",
        "self.buffer[len(snapshot) // 2 :] = np.frombuffer(snapshot, np.uint8)[len(snapshot) // 2 :]",
        (SNAPSHOTS_SHIPPED,),
    ),
    Mutant(
        "a build without records counts no turnover",
        "sim/kernel/ledger.py",
        "    s.traded += notional\n",
        "    s.traded += notional * RECORD\n",
        (PRUNED,),
    ),
    Mutant(
        "swept cost models are pruned away",
        "huracan/machine.py",
        "costs=int(any(uses_cost_models(s) for s in lanes))",
        "costs=int(uses_cost_models(spec))",
        (SWEPT,),
    ),
    Mutant(
        "window sums drift",
        "strategies/features/simple_mean.py",
        "        s.lost += error\n        s.total, error = two_sum(s.total, -old)\n        s.lost += error\n",
        "        s.total, error = two_sum(s.total, -old)\n",
        (SUMS,),
    ),
    Mutant(
        "sums of ticks leave the tick",
        "strategies/features/ticks.py",
        "    return t if abs(scaled - t * s.num) <= TWO_ULP * scaled else -1.0\n",
        "    return -1.0 + 0.0 * t\n",
        (SUMS,),
    ),
    Mutant(
        "a window of many bars at a time is one bar too long",
        "sim/kernel/column_loops.py",
        "    total = work[i] - work[i - n]\n",
        "    total = work[i] - work[max(i - n - 1, 0)]\n",
        (MANY_SUMS,),
    ),
    Mutant(
        "an odometer of ticks turns without a word",
        "sim/kernel/column_loops.py",
        "    return total + TURN if turned and total < 0.0 else total\n",
        "    return total\n",
        (MANY_SUMS,),
    ),
    Mutant(
        "a column that leaves the ticks takes its ring from one bar too late",
        "sim/kernel/column_loops.py",
        "        ring[place] = between(work, i, 1, True)\n",
        "        ring[place] = between(work, i - 1, 1, True)\n",
        (MANY_SUMS,),
    ),
    Mutant(
        "rows put together for the machine have their highs where their lows belong",
        "sim/kernel/bar_rows.py",
        "            bar.high = columns[1, k, lo + i]\n            bar.low = columns[2, k, lo + i]\n",
        "            bar.high = columns[2, k, lo + i]\n            bar.low = columns[1, k, lo + i]\n",
        (BAR_ROWS,),
    ),
    Mutant(
        "positions drift off the lot",
        "sim/prices.py",
        "    if abs(x - n) > 1e-9 + 1e-15 * abs(largest) * rule.lot_den / rule.lot_num:\n",
        "    if abs(x - n) > -1.0:\n",
        (LOTS,),
    ),
    Mutant(
        "the same liquidity is used twice",
        "sim/kernel/execute.py",
        "    rest = v.desks[k].budget - qty\n",
        "    rest = v.desks[k].budget\n",
        (MONEY,),
    ),
    Mutant(
        "the participation cap is ignored",
        "sim/kernel/opens.py",
        "v.settings.max_participation * volume",
        "1.0 * volume",
        (MONEY,),
    ),
    Mutant(
        "a slot is reused while a bracket's child sleeps in it",
        "sim/order_slots.py",
        "        if ctx.orders[j].state == EMPTY:\n            return j\n",
        "        if ctx.orders[j].state == EMPTY or ctx.orders[j].state == DORMANT:\n            return j\n",
        (SCENARIOS,),
    ),
    Mutant(
        "a reused slot remembers that it has met the market",
        "sim/order_slots.py",
        "    r.waiting = 0\n",
        "    r.waiting = r.waiting\n",
        (BRACKETS, ORACLE_2),
    ),
    Mutant(
        "fees are paid out",
        "sim/costs/fee.py",
        "return notional * share",
        "return -notional * share",
        (MORE_FEE, MONEY),
    ),
    Mutant(
        "maker and taker fees are swapped",
        "sim/kernel/execute.py",
        "fee_share = t.fee_maker if maker else t.fee_taker",
        "fee_share = t.fee_taker if maker else t.fee_maker",
        (MONEY,),
    ),
    Mutant(
        "slippage helps",
        "sim/kernel/execute.py",
        "price = x * (1.0 + side * share)",
        "price = x * (1.0 - side * share)",
        (DEARER,),
    ),
    Mutant(
        "funding has the wrong sign",
        "sim/costs/funding.py",
        "return qty * unit_notional(rule, mark) * rate",
        "return -qty * unit_notional(rule, mark) * rate",
        (MONEY,),
    ),
    Mutant(
        "equity without funding",
        "sim/kernel/advance.py",
        "    a.cash -= paid\n",
        "    a.cash -= 0.0 * paid\n",
        (MONEY,),
    ),
    Mutant(
        "interest is counted and not paid",
        "sim/kernel/advance.py",
        "        v.acct.cash -= paid\n",
        "        v.acct.cash -= 0.0 * paid\n",
        (MONEY,),
    ),
    Mutant("a trade's profit leaves fees out", "sim/kernel/ledger.py", "- d.fees - d.funding", "- d.funding", (MONEY,)),
    Mutant(
        "dust is lost by the trade that leaves it",
        "sim/kernel/ledger.py",
        "(d.out_value - (d.in_value - d.basis))",
        "(d.out_value - d.in_value)",
        (DUST,),
    ),
    Mutant(
        "reduce-only is ignored",
        "sim/kernel/execute.py",
        "    if r.reduce == 1:\n",
        "    if r.reduce == 2:\n",
        (SCENARIOS,),
    ),
    Mutant(
        "gaps fill at the price where they should at the open",
        "sim/kernel/opens.py",
        "v.settings.gap_at_price == 1 else x",
        "v.settings.gap_at_price == 0 else x",
        (SCENARIOS,),
    ),
    Mutant(
        "stops fill at the close",
        "sim/kernel/path.py",
        "    execute(v, j, x, math.nan, ts, True)\n    return 0\n",
        "    execute(v, j, v.bars[r.inst].close, math.nan, ts, True)\n    return 0\n",
        (SCENARIOS,),
    ),
    Mutant(
        "latency is one bar too long",
        "sim/kernel/advance.py",
        "r.live_row = a.row + now + t.latency_rows",
        "r.live_row = a.row + now + t.latency_rows + 1",
        (SCENARIOS,),
    ),
    Mutant(
        "latency makes orders arrive earlier",
        "sim/kernel/advance.py",
        "r.live_row = a.row + now + t.latency_rows",
        "r.live_row = a.row + now + max(2 - t.latency_rows, 0)",
        (f"{WORSE}::test_more_latency_never_fills_a_resting_order_earlier",),
    ),
    Mutant(
        "a bracket's sibling does not shrink",
        "sim/kernel/orderbook.py",
        "        shrink(c, c.left - qty)\n",
        "        shrink(c, c.left - 0.0 * qty)\n",
        (BRACKETS,),
    ),
    Mutant(
        "a finer bar's open takes a child born before it",
        "sim/kernel/path.py",
        "row if waits or newborn(r, row) else -1",
        "row if waits else -1",
        (SCENARIOS,),
    ),
    Mutant(
        "what covers a short pays its fee in base",
        "sim/kernel/ledger.py",
        "    return min(qty, max(qty + old, 0.0))\n",
        "    return qty\n",
        (SCENARIOS,),
    ),
    Mutant(
        "spot is lent without borrow",
        "sim/kernel/margin.py",
        "        else:\n            most = 0.0\n    if more",
        "    if more",
        (SCENARIOS,),
    ),
    Mutant(
        "good-till-time lives a bar too long",
        "sim/kernel/opens.py",
        "r.die_row = row + r.ttl - 1",
        "r.die_row = row + r.ttl",
        (SCENARIOS,),
    ),
    Mutant(
        "a bracket is held a bar too long",
        "sim/kernel/orderbook.py",
        "c.hold_row = v.acct.row + r.hold - 1",
        "c.hold_row = v.acct.row + r.hold",
        (SCENARIOS,),
    ),
    Mutant(
        "a bracket guards what its entry has only closed",
        "sim/kernel/execute.py",
        "            added = max(r.side * after, 0.0)\n",
        "            added = qty\n",
        (BRACKETS,),
    ),
    Mutant(
        "a bracket guards what the fee in base has kept",
        "sim/kernel/execute.py",
        "            added = after - before\n",
        "            added = qty\n",
        (SCENARIOS,),
    ),
    Mutant(
        "a bracket outlives the position that another order has closed",
        "sim/kernel/execute.py",
        "    if before != 0.0 and (was * after",
        "    if r.id < 0 and (was * after",
        (SCENARIOS, BRACKETS),
    ),
    Mutant(
        "liquidation comes after the orders at its level",
        "sim/kernel/path.py",
        "            best_first = 0\n            best_id = 0\n",
        "            best_first = 3\n            best_id = 0\n",
        (BRACKETS, ORACLE),
    ),
    Mutant(
        "limits are rounded to the wrong tick",
        "sim/order_wants.py",
        "    p = price_down(rule, price) if side > 0 else price_up(rule, price)\n    if not positive(p):\n",
        "    p = price_up(rule, price) if side > 0 else price_down(rule, price)\n    if not positive(p):\n",
        (SCENARIOS,),
    ),
    Mutant(
        "nobody is ever liquidated",
        "sim/kernel/margin.py",
        "    return worst <= need\n",
        "    return worst < -need\n",
        (SCENARIOS, ORACLE),
    ),
    Mutant(
        "pessimistic and optimistic paths are swapped",
        "sim/kernel/path.py",
        "return lean < 0 if policy != OPTIMISTIC else lean > 0",
        "return lean > 0 if policy != OPTIMISTIC else lean < 0",
        (f"{WORSE}::test_a_more_pessimistic_path_never_improves_a_price",),
    ),
    Mutant(
        "post-only is ignored",
        "sim/kernel/opens.py",
        "return CROSSED if r.post_only == 1 else TAKER",
        "return TAKER",
        (SCENARIOS,),
    ),
    Mutant(
        "less volume fills more",
        "sim/kernel/execute.py",
        "    return quantity_down(v.rules[k], max(budget, 0.0)), 1\n",
        "    return quantity_down(v.rules[k], max(qty - budget, 0.0)), 1\n",
        (f"{WORSE}::test_less_volume_never_fills_earlier_or_more",),
    ),
    Mutant(
        "a quantity of NaN is accepted",
        "sim/order_slots.py",
        "    return x > 0.0 and x < math.inf\n",
        "    return not x <= 0.0 and x != math.inf\n",
        (BAD,),
    ),
    Mutant(
        "a touched level is not looked at",
        "sim/kernel/marks.py",
        "b.high >= d.up or b.low <= d.down",
        "b.high > d.up or b.low < d.down",
        (SCENARIOS,),
    ),
    Mutant(
        "a stretch of calm rows runs past an order that wakes",
        "sim/kernel/calm.py",
        "        wake = min(wake, v.desks[k].wake_row)\n",
        "",
        (CALM,),
    ),
    Mutant(
        "a stretch of calm rows does not look at a touched level",
        "sim/kernel/calm.py",
        "b.high >= d.up or b.low <= d.down",
        "b.high > d.up or b.low < d.down",
        (CALM,),
    ),
    Mutant(
        "a row with a payment is calm",
        "sim/calm_rows.py",
        "i > max(first_live, 0) and paid == before and",
        "i > max(first_live, 0) and",
        (CALM,),
    ),
    Mutant(
        "who looks ahead does not ask the prices",
        "sim/look_ahead_code.py",
        "asks = asks or dry_acct.n_new != 0",
        "asks = dry_acct.n_new != 0",
        (CALM,),
    ),
    Mutant(
        "who looks ahead passes over a row that leaves nothing",
        "sim/look_ahead_code.py",
        "if not worth_in(calm, units, j, {width})[0] > floor:\n",
        "if False:\n",
        (BROKE,),
    ),
    Mutant(
        "who looks ahead passes over the row that asks",
        "sim/look_ahead_code.py",
        "        j += lowest_bit(found)\n",
        "        j += lowest_bit(found) + 1\n",
        (AHEAD,),
    ),
    Mutant(
        "who looks ahead runs past an order that wakes",
        "sim/look_ahead_code.py",
        "until = min(min(stop, ends), i + tape.rows[u_i + one].same)\n{copies}\nwhile j < until:\n{many}\n",
        "until = i + tape.rows[u_i + one].same\n{copies}\nwhile j < until:\n{many}\n",
        (CALM,),
    ),
    Mutant(
        "state that changed in a row looked ahead at is lost",
        "sim/look_ahead_code.py",
        'f"u.{n} = dry_u.{n}" for n in state',
        'f"u.{n} = u.{n}" for n in state',
        (AHEAD,),
    ),
    Mutant(
        "rows before a stretch are added up with it",
        "sim/kernel/calm.py",
        "held, a - g, b - g, s.at_sample)",
        "held, 0, b - g, s.at_sample)",
        (CALM,),
    ),
    Mutant(
        "the first row of a stretch is measured from the row before it",
        "sim/eights.py",
        "(before if k == lo else",
        "(before if k > lo else",
        (CALM,),
    ),
    Mutant(
        "the deepest drawdown inside a stretch is not seen",
        "sim/kernel/calm.py",
        " and not may_be_deepest(low, high, s.max_drawdown):",
        ":",
        (SPANS,),
    ),
    Mutant(
        "a row that was counted ahead is counted again",
        "sim/look_ahead_code.py",
        "if counted <= i:\n    statistics(v)",
        "statistics(v)",
        (AHEAD,),
    ),
    Mutant(
        "a row whose prices matter is counted ahead",
        "sim/look_ahead_code.py",
        "> floor and not prices_matter(next_row, True):",
        "> floor:",
        (CALM,),
    ),
    Mutant(
        "equity that stood still is forgotten when it moves",
        "sim/kernel/marks.py",
        "        s.sum_flat += s.flat_equity * s.flat_rows\n",
        "",
        (FIGURES,),
    ),
    Mutant(
        "a peak inside a stretch is not seen",
        "sim/kernel/calm.py",
        "        if high <= peak:\n",
        "        if low <= peak:\n",
        (SPANS,),
    ),
    Mutant(
        "drawdowns are measured from marks before executions at that close",
        "sim/kernel/marks.py",
        "    s.peak = max(s.peak, a.equity)  #",
        "    s.peak = a.peak  #",
        (MONEY,),
    ),
    Mutant(
        "drawdowns of a stretch are measured from marks before executions at an earlier close",
        "sim/kernel/marks.py",
        "    return s.peak if CLOSES else peak\n",
        "    return peak\n",
        (CALM,),
    ),
    Mutant(
        "steps after a stretch see the peak that drawdowns are measured from",
        "sim/kernel/marks.py",
        "    return max(peak, s.peak) if CLOSES else s.peak\n",
        "    return s.peak\n",
        (CALM,),
    ),
    Mutant(
        "a calm row may pass over a point of a grid",
        "sim/calm_rows.py",
        "        quiet = quiet and sample >= since and day >= since  # else a point was passed over\n",
        "",
        (CALM_GAPS,),
    ),
    Mutant(
        "rows are counted from an earlier point of a grid",
        "sim/calm_rows.py",
        "return -(-since // grid) * grid",
        "return since // grid * grid",
        ("tests/sim/test_calm_rows.py::test_rows_are_told_apart_by_their_times[60-0]",),
    ),
    Mutant(
        "an order comes to rest ahead of what stands there",
        "sim/kernel/book_arrivals.py",
        "    r.front = float(v.market.lots[cell])\n",
        "    r.front = 0.0\n",
        (BOOKS,),
    ),
    Mutant(
        "an order on its way is not asked whether this bar reaches it",
        "sim/kernel/quiet.py",
        "            if b.high >= lvl if comes_from(r) > 0 else b.low <= lvl:\n",
        "            if b.high >= lvl and b.low <= lvl and r.arrived == 1:\n",
        (QUIET,),
    ),
    Mutant(
        "a cancel that has arrived leaves the order where it is",
        "sim/kernel/quiet.py",
        "            finish(v, j, CANCELLED)\n",
        "            r.cancel_row = row + 1\n",
        (QUIET,),
    ),
    Mutant(
        "what own takers took of a book is there again",
        "sim/kernel/book_arrivals.py",
        "            there_now = there - (v.market.rests[i].front if i != NOBODY else 0.0)\n",
        "            there_now = there\n",
        (BOOKS,),
    ),
    Mutant(
        "a stop on a book waits for a trade beyond its trigger",
        "sim/kernel/book_stops.py",
        "x >= trigger if r.side > 0 else x <= trigger",
        "x > trigger if r.side > 0 else x < trigger",
        (BOOKS,),
    ),
    Mutant(
        "the other side's best moves onto a price and nobody there fills",
        "sim/kernel/book_feed.py",
        "if best[side] > was and most[2 * other] >= x:",
        "if best[side] > was and most[2 * other] > x:",
        (BOOKS,),
    ),
    Mutant(
        "own takers push a book's price towards themselves",
        "sim/costs/push.py",
        "    more = max(side * net, 0.0) * bps / 1e4\n",
        "    more = side * net * bps / 1e4\n",
        (BOOK_WORSE,),
    ),
    Mutant(
        "what own takers have pushed a book by is forgotten",
        "sim/kernel/book_fills.py",
        "            v.pushed[k] += r.side * qty\n",
        "            v.pushed[k] = r.side * qty\n",
        (BOOK_IMPACT,),
    ),
    Mutant(
        "depth is counted from the wrong side",
        "sim/book_depth.py",
        "return mean_price(ctx.shown, ctx.ground, ctx.rules, 2 * k + 1 if side > 0 else 2 * k, qty)",
        "return mean_price(ctx.shown, ctx.ground, ctx.rules, 2 * k if side > 0 else 2 * k + 1, qty)",
        (BOOK_DEPTH,),
    ),
    Mutant(
        "a taker that can remember no more levels stops in silence",
        "sim/kernel/book_arrivals.py",
        "                            done(v, j, TOO_MANY_LEVELS)\n",
        "                            pass\n",
        (BOOK_LEVELS,),
    ),
    Mutant(
        "lanes on one book share what a trade left",
        "sim/kernel/book_resting.py",
        "    own = lanes.clocks[r.lane]\n",
        "    own = lanes.clocks[0]\n",
        (BOOK_LAWS,),
    ),
    Mutant(
        "maker and taker fees are swapped on books",
        "sim/kernel/book_fills.py",
        "    fee_share = t.fee_maker if maker == 1 else t.fee_taker\n",
        "    fee_share = t.fee_taker if maker == 1 else t.fee_maker\n",
        (BOOK_LAWS,),
    ),
    Mutant(
        "a best price of a book is known before it is there",
        "sim/kernel/book_feed.py",
        "                best[bid] = streams.bests[m].bid\n",
        "                best[bid] = streams.bests[min(m + 40, len(streams.bests) - 1)].bid\n",
        (BOOK_LAWS,),
    ),
    Mutant(
        "an account on a book is looked at some ticks too late",
        "sim/kernel/book_margin.py",
        "near + 1 if q > 0.0 else near - 1",
        "near - 9 if q > 0.0 else near + 9",
        (BOOK_MARGIN,),
    ),
    Mutant(
        "a quote leaves the levels before it where they were",
        "sim/book_quotes.py",
        "        worst = low[side] if quoted and whole[side >> 1] else x + 1\n",
        "        worst = low[side] if quoted and whole[side >> 1] else x + 2\n",
        (BOOK_QUOTES,),
    ),
    Mutant(
        "a local book of quotes alone remembers what stood behind the touch",
        "sim/book_quotes.py",
        "        worst = low[side] if quoted and whole[side >> 1] else x + 1\n",
        "        worst = x + 1\n",
        (BOOK_QUOTES,),
    ),
    Mutant(
        "a bid that is quoted across the last ask goes before the ask of its message",
        "sim/book_quotes.py",
        "(cell & mask) + y >= mask",
        "(cell & mask) + y > 2 * mask",
        (BOOK_TAPE,),
    ),
    Mutant(
        "nothing stands ahead of an order behind the touch of a book of quotes",
        "sim/kernel/book_arrivals.py",
        "        r.front = math.inf\n",
        "        r.front = 0.0\n",
        (BOOK_QUOTES,),
    ),
    Mutant(
        "an order whose place is not known fills by the next trade",
        "sim/kernel/book_queue.py",
        "    if front == math.inf:\n        return 0\n",
        "    if front == math.inf:\n        return 1\n",
        (BOOK_QUOTES,),
    ),
    Mutant(
        "a taker sees behind the touch of a book of quotes",
        "sim/kernel/book_arrivals.py",
        "        worst = max(worst, x)\n",
        "        worst = max(worst, x - 2)\n",
        (BOOK_QUOTES,),
    ),
    Mutant(
        "a stop that waits for the touch is triggered by trades",
        "sim/kernel/book_triggers.py",
        " and lanes.book_settings[r.lane].by_quote == by_quote:",
        " and lanes.book_settings[r.lane].by_quote >= by_quote:",
        (BOOK_TOUCH,),
    ),
    Mutant(
        "a stop that sells waits for the ask",
        "sim/kernel/book_triggers.py",
        "        price = ask if r.side > 0 else bid\n",
        "        price = bid if r.side > 0 else ask\n",
        (BOOK_TOUCH,),
    ),
    Mutant(
        "a stop that arrives looks at the last trade though it waits for the touch",
        "sim/kernel/book_stops.py",
        "    if v.book_settings.by_quote == 1:\n",
        "    if v.book_settings.by_quote == 2:\n",
        (BOOK_TOUCH,),
    ),
    Mutant(
        "a step that was refused something is left out",
        "sim/kernel/book_decide.py",
        "        d.idle = 1 if refused == d.refused else 0\n",
        "        d.idle = 1\n",
        (BOOK_IDLE,),
    ),
    Mutant(
        "a step is left out though a report has arrived",
        "sim/kernel/book_decide.py",
        "    elif d.seen == market.at[TOUCHES]:\n",
        "    if d.seen == market.at[TOUCHES]:\n",
        (BOOK_IDLE,),
    ),
    Mutant(
        "a block goes on while others still run strips of its lanes",
        "sim/strips.py",
        "                self.changed.wait_for(lambda: not mine.elsewhere)\n",
        "",
        (STRIPS,),
    ),
    Mutant(
        "an order meets the open alone though the account may be liquidated there first",
        "sim/kernel/quiet.py",
        "        if first_payment < row.fund_hi or in_danger(v):\n",
        "        if first_payment < row.fund_hi:\n",
        (ALONE,),
    ),
    Mutant(
        "a target is asked ahead while an order is on its way, of which it is told nothing",
        "sim/look_ahead_code.py",
        'alone=" and desks[0].n_live == 0" if no_orders else ""',
        'alone=""',
        (AHEAD + "[late turns]",),
    ),
    Mutant(
        "a fraction's lots are taken to be held that are not",
        "sim/order_targets.py",
        "    most = (held + lot * (1.0 - 1e-6)) * (1.0 - 1e-12)\n",
        "    most = held + 2.0 * lot\n",
        (TARGETS,),
    ),
    Mutant(
        "earlier trials of a sweep that went on are added up",
        "huracan/trials.py",
        "found[sweep] = max(tried, found.get(sweep, 0))",
        "found[sweep] = tried + found.get(sweep, 0)",
        (TRIALS,),
    ),
    Mutant(
        "a look at equity where rows are cut is passed over",
        "sim/stub_code.py",
        "    while first_look < len(tape.looks) and tape.looks[first_look] < begin:\n",
        "    while first_look < len(tape.looks) and tape.looks[first_look] <= begin:\n",
        ("tests/laws/test_rows_at_once.py::test_rows_at_once[always-symbols0-False]",),
    ),
    Mutant(
        "a tape's start is forgotten where it has one instrument",
        "sim/tape.py",
        "        at = lo + tape.timeline.offset  # each row is a bar\n",
        "        at = lo\n",
        ("tests/sim/test_lone_bars.py::test_rows_and_bars_are_those_of_the_instrument_beside_another[spot-True]",),
    ),
    Mutant(
        "impact is free where nobody traded",
        "sim/costs/impact.py",
        "    share = qty / volume if volume > 0.0 else MOST",
        "    share = qty / volume if volume > 0.0 else 0.0",
        (THIN,),
    ),
    Mutant(
        "Ctrl-C is raised where nobody can raise",
        "huracan/interrupts.py",
        "        if at.f_code.co_name in DEAF:\n",
        "        if at.f_code.co_name in ():\n",
        ("tests/huracan/test_interrupts.py::test_the_command_ends_with_130",),
    ),
]
