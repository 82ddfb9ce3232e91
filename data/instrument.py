"""What an instrument is and asks: its kind by its symbol as ccxt writes it, and the rules a spec gives."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from huracan.data.ticks import exact_tick
from huracan.sim.refusal import Refused
from huracan.sim.series import Rules

KINDS = ("spot", "linear", "inverse")
_KEYS = ("tick", "lot", "min_notional", "multiplier", "kind")


def kind_of(symbol: str) -> str:
    """Spot for "A/B", linear for "A/B:B", inverse for "A/B:A"; linear too for what ccxt would not write.

    >>> kind_of("BTC/USDT"), kind_of("BTC/USDT:USDT"), kind_of("BTC/USD:BTC-250627"), kind_of("spy")
    ('spot', 'linear', 'inverse', 'linear')
    """
    pair, _, settle = symbol.partition(":")
    base, slash, quote = pair.partition("/")
    if not (base and slash and quote):
        return "linear"
    if ":" not in symbol:
        return "spot"
    return "inverse" if settle.split("-")[0] == base else "linear"


def settle_of(symbol: str, kind: str) -> str:
    """The currency that pays, as far as a symbol tells: the coin of an inverse contract, else the quote; "" if unknown.

    >>> [settle_of(s, kind_of(s)) for s in ("BTC/USDT", "BTC/USDT:USDT", "BTC/USD:BTC", "ETH/USD:ETH-250627", "spy")]
    ['USDT', 'USDT', 'BTC', 'ETH', '']
    """
    base, slash, rest = symbol.partition("/")
    quote, _, settle = rest.partition(":")
    if not (base and slash and quote):
        return ""
    return base if kind == "inverse" else settle.split("-")[0] or quote


def base_of(symbol: str) -> str:
    """The coin before the slash, or the whole word where there is none.

    >>> base_of("BTC/USDT:USDT"), base_of("spy")
    ('BTC', 'spy')
    """
    return symbol.partition("/")[0]


def rules_from(given: Mapping[str, Any] | None, symbol: str, *, where: str = "[data.rules]") -> Rules:
    """The rules of a spec, checked; without a tick, tick_num is 0 and `inferred` stays true.

    >>> rules_from({"tick": 0.05, "lot": 1}, "BTC/USDT:USDT")
    Rules(kind='linear', tick_num=1, tick_den=20, lot=1.0, min_notional=0.0, multiplier=1.0, inferred=False)
    """
    given = given or {}
    for key in given:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, 1)
            fix = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(_KEYS)}"
            raise Refused(f"unknown key {key!r}", where=where, fix=fix)
    kind = given.get("kind", kind_of(symbol))
    if kind not in KINDS:
        raise Refused(f"kind {kind!r} is not known", where=f"{where} kind", fix=f"use one of {', '.join(KINDS)}")
    num, den = exact_tick(given["tick"], where=f"{where} tick") if "tick" in given else (0, 1)
    lot = _number(given, "lot", 0.0, where)
    if max(Fraction(Decimal(repr(lot))).as_integer_ratio()) > 10**18:
        fix = "give the exchange's quantity step, for example 0.001"
        raise Refused(f"lot {lot!r} is too fine or too coarse for whole lots", where=f"{where} lot", fix=fix)
    return Rules(
        kind=kind,
        tick_num=num,
        tick_den=den,
        lot=lot,
        min_notional=_number(given, "min_notional", 0.0, where),
        multiplier=_number(given, "multiplier", 1.0, where),
        inferred="tick" not in given,
    )


def _number(given: Mapping[str, Any], key: str, default: float, where: str) -> float:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(f"{key} must be a number, not {value!r}", where=f"{where} {key}", fix=f"write it as {key} = 1.0")
    if value < 0 or (key == "multiplier" and value == 0):
        bound = "above zero" if key == "multiplier" else "zero or more"
        raise Refused(f"{key} must be {bound}, not {value!r}", where=f"{where} {key}", fix="give the exchange's value")
    return float(value)
