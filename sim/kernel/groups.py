"""Which groups of rules a build contains; the linker makes its own copy of the kernel with other values.

They are constants of the build: a branch on one that is 0 leaves no code behind. Every number and policy is a run-time
value, so that it can be swept without compiling. A pruned build gives the same bits as a full one on any spec that it
serves.
"""

from __future__ import annotations

RESTING = 1  # limits, stops, trailing stops, brackets, IOC / FOK / GTT, modify: anything but market orders
MARGIN = 1  # funding, leverage, maintenance, liquidation
BORROW = 1  # interest on what spot accounts borrow
SPOTS = 1  # spot instruments: what can't be borrowed is cut, and fees may be taken in base
INVERSES = 1  # contracts that are worth less as the price rises
COSTS = 1  # slippage by volatility and volume, impact, spread from data, hazard; on books permanent impact, last pieces
CLOSES = 1  # market orders that fill at closes
RECORD = 1  # fills, trades and equity rows are written out; MAE and MFE are kept
SPLIT = 0  # what decides has its own ledger and learns by reports, which take time; else both share the venue's
VENUE = 1  # 0: what decides runs alone, on reports that were written down before
EVENTS = 0  # a row can be stopped between its events: opens, each instrument's path, the end
BOOKS = 0  # the venue is an order book; RESTING then means stops, brackets and lives that end, its limits always rest
CURVED = 1  # book tapes: queue models with logarithms, or powers other than 1 and 2
DELAYS = 1  # book tapes: latencies that are drawn, or measured
DEEP = 0  # book tapes: decisions see the local book's levels and trades, not its best prices alone
