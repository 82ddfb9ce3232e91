"""Every problem that data can have: what it means, which repairs it can have, and which of them to try first.

A rule "refuse" or "keep" does nothing else; the first of the choices is what happens where none is chosen.

    [data]
    repair = { missing_bars = "fill", duplicate_time = "first" }     # of bars, or of order books
    funding_repair = { funding_odd_hours = "drop" }                  # of payments
    mark_repair = { unordered_time = "sort" }                        # of a file of mark prices
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huracan.sim.refusal import Refused


@dataclass(frozen=True)
class Rule:
    """What a problem means in words, the rules it can have (the first where none is chosen), and which to try."""

    choices: tuple[str, ...]
    suggested: str
    says: str


# In the order in which they are applied, as in the tables below.
BAR_RULES = {
    "time_zone_slip": Rule(("keep", "shift", "drop"), "shift", "times are off by whole half hours, as a zone would be"),
    "unordered_time": Rule(("refuse", "sort"), "sort", "rows are earlier than the row above"),
    "duplicate_time": Rule(("refuse", "first", "last"), "first", "rows repeat a time that stood above"),
    "off_grid": Rule(("refuse", "drop", "floor"), "drop", "bars begin inside a step"),
    "bad_ohlc": Rule(("refuse", "widen", "drop"), "widen", "high or low do not hold the other prices"),
    "nan": Rule(("refuse", "drop", "fill"), "drop", "a number is missing"),
    "nonpositive_price": Rule(("refuse", "drop", "fill"), "drop", "a price is zero or below"),
    "bad_volume": Rule(("refuse", "zero", "drop"), "zero", "a volume is below zero or infinite"),
    "spike": Rule(("keep", "clip", "drop"), "clip", "the price leaves by far more than usual and comes straight back"),
    "stale": Rule(("keep", "drop"), "keep", "the price stood still for five bars or more"),
    "outage": Rule(("keep", "drop"), "keep", "nothing traded for ten bars or more: no volume, or no bars"),
    "zero_volume": Rule(("keep", "drop"), "keep", "nothing traded in the bar"),
    "missing_bars": Rule(("keep", "fill"), "fill", "bars are not there"),
    "closed_hours": Rule(("keep",), "keep", "the market is never open at these hours of the week"),
    "no_volume": Rule(("keep",), "keep", "the volume is zero in every row"),
}

FUNDING_RULES = {
    "unordered_time": BAR_RULES["unordered_time"],
    "nan": Rule(("refuse", "drop"), "drop", "a rate is missing"),
    "bad_rate": Rule(("refuse", "drop"), "drop", "a rate of 100 % or more is no funding rate"),
    "nonpositive_price": Rule(("refuse", "unknown"), "unknown", "a mark price that can't be: unknown forgets it"),
    "duplicate_time": Rule(("refuse", "first", "last"), "first", "payments repeat a time that stood above"),
    "funding_odd_hours": Rule(
        ("keep", "drop"), "drop", "payments at times at which no interval of 1 to 24 hours puts them"
    ),
    "missing_funding": Rule(
        ("keep", "fill"), "keep", "a payment between its neighbours is not there: fill pays the rate before it"
    ),
}

MARK_RULES = {
    "unordered_time": BAR_RULES["unordered_time"],
    "nan": Rule(("refuse", "drop"), "drop", "a mark price is missing"),
    "nonpositive_price": Rule(("refuse", "drop"), "drop", "a mark price is zero or below"),
    "duplicate_time": Rule(("refuse", "first", "last"), "first", "marks repeat a time that stood above"),
}

TRADE_RULES = {
    "unordered_time": BAR_RULES["unordered_time"],
    "nan": Rule(("refuse", "drop"), "drop", "a price or a quantity is missing"),
    "nonpositive_price": Rule(("refuse", "drop"), "drop", "a price is zero or below"),
    "nonpositive_qty": Rule(("refuse", "drop"), "drop", "a traded quantity of zero or below"),
    "duplicate_trade": Rule(("first", "refuse"), "first", "a trade whose id stood above: the first is taken"),
    "spike": Rule(("keep", "drop"), "drop", "the price leaves by far more than usual and comes straight back"),
    "unknown_side": Rule(("keep", "drop"), "keep", "nobody knows who was the taker"),
}

BOOK_RULES = {
    "bad_line": Rule(("refuse", "drop"), "drop", "lines that are no messages"),
    "cut_short": Rule(("refuse", "keep"), "keep", "the file ends before its end: fetch it, or keep what is whole"),
    "other_message": Rule(("drop", "refuse"), "drop", "messages of other streams: left out on reading"),
    "not_market_trade": Rule(("drop", "refuse"), "drop", "trades that met no order of the book: left out on reading"),
    "bad_level": Rule(
        ("drop", "refuse"), "drop", "levels or trades with a price or quantity that can't be: left out on reading"
    ),
    "unknown_side": Rule(("drop", "refuse"), "drop", "nobody knows who was the taker: a run leaves the trade out"),
    "empty_quote": Rule(("drop", "refuse"), "drop", "a side of the quote is empty: left out on reading"),
    "no_exchange_time": Rule(
        ("keep", "refuse"), "keep", "messages without the exchange's time: the last one known stands in"
    ),
    "local_before_exchange": Rule(
        ("clock_shift", "refuse"), "clock_shift", "local stamps precede the exchange's: a run moves them all"
    ),
    "unordered_time": Rule(("keep", "refuse"), "keep", "the exchange's times go back: a run matches in their order"),
    "unordered_local_time": Rule(("sort", "refuse"), "sort", "local times go back"),
    "snapshot_behind_update": Rule(
        ("keep", "drop", "refuse"), "keep", "updates before a snapshot are newer than it: they are applied once more"
    ),
    "update_before_snapshot": Rule(
        ("keep", "drop", "refuse"), "keep", "levels that are older than the snapshot before them"
    ),
    "no_snapshot": Rule(
        ("keep", "drop", "refuse"), "keep", "the book never begins with a snapshot: drop leaves out what is before one"
    ),
    "gapped_book": Rule(
        ("keep", "clear", "refuse"),
        "clear",
        "updates between two messages were lost: fetch them, or clear the book",
    ),
    "stopped_feed": Rule(("keep", "clear", "refuse"), "keep", "no event for a minute or more"),
    "crossed_book": Rule(
        ("keep", "uncross", "refuse"),
        "uncross",
        "the best bid is at or above the best ask after a message: uncross takes the older level away, or the quote",
    ),
}

OF_KIND = {
    "bars": BAR_RULES,
    "mark": BAR_RULES,
    "funding": FUNDING_RULES,
    "marks": MARK_RULES,
    "trades": TRADE_RULES,
    "book": BOOK_RULES,
}

# The keys of a spec's [data] that choose repairs of bars and what goes with them.
OF_KEY = {"repair": BAR_RULES, "funding_repair": FUNDING_RULES, "mark_repair": MARK_RULES}


def check_rules(repair: Mapping[str, str], where: str = "data.repair", kind: str = "bars") -> None:
    """Refuse a problem or a rule that this kind of data does not have.

    >>> check_rules({"missing_bars": "fill"})
    """
    import difflib

    rules = OF_KIND[kind]
    for name, rule in repair.items():
        if name not in rules:
            near = difflib.get_close_matches(name, rules, 1)
            fix = f"did you mean {near[0]!r}?" if near else f"problems are {', '.join(rules)}"
            words = {"book": "order books", "marks": "mark prices"}.get(kind, kind)
            what = f"there is no problem {name!r}" + (f" of {words}" if kind != "bars" else "")
            raise Refused(what, where=where, fix=fix)
        if rule not in rules[name].choices:
            fix = f"use one of {', '.join(rules[name].choices)}"
            raise Refused(f"there is no repair {rule!r} for {name}", where=f"{where}.{name}", fix=fix)


def chosen(repair: Mapping[str, str], rules: Mapping[str, Rule], name: str) -> str:
    """The rule that holds for a problem.

    >>> chosen({}, BAR_RULES, "missing_bars")
    'keep'
    """
    return repair.get(name) or rules[name].choices[0]
