"""Whether a step that sees what it saw last time may be left out, because it would do nothing again.

On an order book most steps of a clock find the touch and their own orders as they left them. A step that reads only
those, and keeps no state of its own, then does what it did: where that was nothing, the machine need not ask. What a
step and its own helpers refer to is known from their code; a name that is not on the list here leaves nothing out.
"""

from __future__ import annotations

import builtins
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from huracan.sim import layout
from huracan.sim.book_layout import BookCtx, book
from huracan.sim.declare import Declaration
from huracan.sim.language_words import MATH_FUNCTIONS, NUMPY_FUNCTIONS, ORDER_HOMES
from huracan.sim.sources import names_of, plain

# What changes with the touch, with a report that has arrived, or by what the step itself does; and nothing else.
SEEN = frozenset(
    (
        *("book", "books", "pos", "positions", "p", "rules", "me", "orders", "acct"),  # of ctx
        *("bid", "ask", "mid", "bid_tick", "ask_tick", "tick"),  # of a book
        *("qty", "avg_price", "mark"),  # of a position
        *("cash", "equity", "peak", "fees", "funding", "bankrupt"),  # of the account
        *("id", "inst", "side", "state", "kind", "tif", "post_only", "reduce", "role", "arrived"),  # of an order
        *("left", "price", "trigger", "entry", "take", "stop", "tag", "cancel_row", "modify_row"),
    )
)
RECORDS = (layout.account, layout.order, layout.position, layout.bar, layout.settings, book)
UNSEEN = frozenset({*BookCtx._fields, *(name for r in RECORDS for name in r.names or ())}) - SEEN
RULES = frozenset(layout.rules.names or ())
HELPERS = frozenset(f"huracan.sim.{module}" for module in (*ORDER_HOMES, "prices", "portable_math"))
FUNCTIONS = frozenset({*MATH_FUNCTIONS, *NUMPY_FUNCTIONS, "inf", "nan", "pi"})


def repeats(step: Callable[..., Any], d: Declaration) -> bool:
    """Whether a step does again what it did, as long as touch, reports and own orders are the same.

    >>> from huracan.strategies.touch_maker import touch_maker
    >>> repeats(touch_maker, touch_maker.__huracan__)
    True
    """
    if not d.clock or d.state or d.features:
        return False
    known = SEEN | RULES | frozenset(d.params)
    waiting, walked = [plain(step)], set()
    while waiting:
        fn = waiting.pop()
        if fn in walked:
            continue
        walked.add(fn)
        for name in names_of(fn.__code__):
            if name in UNSEEN:
                return False
            if name not in fn.__globals__:
                if name not in known and name not in FUNCTIONS and not hasattr(builtins, name):
                    return False
                continue
            value = plain(fn.__globals__[name])
            if isinstance(value, types.FunctionType):
                if (value.__module__ or "") not in HELPERS:
                    waiting.append(value)
            elif value is not math and value is not np and not isinstance(value, int | float):
                return False
    return True
