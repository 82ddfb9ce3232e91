"""Figures, times and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

NONE = "n/a"
DAY_NS = 86_400 * 10**9
UNITS = ((DAY_NS, "day"), (3600 * 10**9, "hour"), (60 * 10**9, "minute"), (10**9, "second"))


def written(value: Any, kind: str) -> str:
    """A figure as text; one that does not exist says so.

    >>> written(0.0312, "share"), written(None, "ratio"), written(1234.5, "money"), written(3, "count")
    ('3.12%', 'n/a', '1,234.50', '3')
    """
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return NONE
    if isinstance(value, (bool, str)):
        return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else value
    return {"money": money, "share": share, "ratio": ratio, "count": count, "price": price}[kind](value)


def money(value: float) -> str:
    """An amount: two decimals, and more of a small one, which may be of a coin.

    >>> money(-1234.5), money(0.0312), money(-2.5e-7), money(0.0)
    ('-1,234.50', '0.0312', '-2.5e-07', '0.00')
    """
    size = abs(value)
    return f"{value:,.2f}" if size >= 1.0 or size == 0.0 else f"{value:.4f}" if size >= 0.001 else f"{value:.4g}"


def moneys(values: Iterable[float | None]) -> list[str]:
    """Amounts of one column, all with as many decimals, so that the points line up: more where all are small.

    >>> moneys([1234.5, -0.25, None, 0.0]), moneys([0.012, -0.0035])
    (['1,234.50', '-0.25', 'n/a', '0.00'], ['0.0120', '-0.0035'])
    """
    known = [value if value is not None and np.isfinite(value) else None for value in values]
    largest = max((abs(v) for v in known if v is not None), default=0.0)
    places = 2 if largest >= 1.0 or largest == 0.0 else min(2 - math.floor(math.log10(largest)), 10)
    return [NONE if v is None else f"{round(v, places) + 0.0:,.{places}f}" for v in known]


def share(value: float) -> str:
    """
    >>> share(0.5), share(1234.5), share(-3.2e-05)
    ('50.00%', '123,450%', '-0.0032%')
    """
    size = abs(value)
    if size >= 100.0:
        return f"{value:,.0%}"
    return f"{value:.2%}" if size >= 0.0001 or value == 0.0 else f"{value * 100.0:.2g}%"


def ratio(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < 1e6 else f"{value:.3g}"


def count(value: float) -> str:
    return f"{value:,.0f}"


def price(value: float) -> str:
    """A price or quantity with the digits that matter.

    >>> price(27123.5), price(1.5e-08)
    ('27,123.5', '1.5e-08')
    """
    return f"{value:,.8g}"


def value_of(value: Any) -> str:
    """A swept value as its writer knows it.

    >>> value_of(0.1), value_of(20), value_of(True), value_of("touch")
    ('0.1', '20', 'true', 'touch')
    """
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, (float, np.floating)) else str(value)


def at(ns: int) -> str:
    """A time UTC to the minute, or to the second where it is not a whole minute.

    >>> at(60_000_000_000), at(61_000_000_000)
    ('1970-01-01 00:01', '1970-01-01 00:01:01')
    """
    unit = "m" if int(ns) % (60 * 10**9) == 0 else "s"
    return str(np.datetime64(int(ns), "ns").astype(f"M8[{unit}]")).replace("T", " ")


def span(ns: int) -> str:
    """How long a run was.

    >>> span(36 * 3600 * 10**9), span(730 * DAY_NS), span(5 * 60 * 10**9), span(3600 * 10**9)
    ('1.5 days', '2.00 years', '5 minutes', '1 hour')
    """
    if ns >= 365 * DAY_NS:
        return f"{ns / (365.0 * DAY_NS):.2f} years"
    unit, name = next((each for each in UNITS if ns >= each[0]), UNITS[-1])
    number = f"{ns / unit:,.1f}".removesuffix(".0")
    return f"{number} {name}" if number == "1" else f"{number} {name}s"


def name_of(key: str) -> str:
    """A name of ours for people.

    >>> name_of("cut_to_cash")
    'cut to cash'
    """
    return key.replace("_", " ")


def settle_of(symbols: Iterable[str]) -> str:
    """The currency that a run is counted in, read off its symbols; empty where they don't say.

    >>> settle_of(["ETH/USDT:USDT"]), settle_of(["BTC/USD:BTC"]), settle_of(["SPY"]), settle_of(["a/<b>"])
    ('USDT', 'BTC', '', '')
    """
    found = {symbol.rpartition(":")[2].rpartition("/")[2] if "/" in symbol else "" for symbol in symbols}
    unit = found.pop() if len(found) == 1 else ""
    return unit if unit.isascii() and unit.isalnum() and len(unit) <= 12 else ""
