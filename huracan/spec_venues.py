"""Keys that mean something on order books only, or on bars only: beside other data they are refused, not ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticUndefined

from huracan.spec_fields import Chosen, fault
from huracan.words import show

if TYPE_CHECKING:
    from huracan.spec_records import Spec

# What a book's own rules stand for: how far a trade reaches, what is traded there, how long a message travels.
INSTEAD = {
    "slippage_bps": "takers walk the book: take it out",
    "half_spread_bps": "takers pay the book's own spread: take it out",
    "impact": "takers walk the book; what stays of it is permanent_impact_bps",
    "market_fill": "orders meet the book when they arrive: take it out",
    "limit_fill": "queue says how limits fill there",
    "intrabar": "there are no bars to walk: take it out",
    "max_participation": "the book says how much is there: take it out",
    "gap_fill": "resting orders fill at their price there: take it out",
    "latency_bars": "give latency_ms",
    "market_remainder": "what the book does not hold is cancelled there: take it out",
}
ON_BARS = {
    "account": {"borrow_rate": "no interest is charged on order books: take it out"},
    "venue": INSTEAD,
    "data": {name: f"take {name} out" for name in ("drill", "half_spread_bps")},
}
ON_BOOKS = {
    "venue": {name: f"take {name} out" for name in ("queue", "partial_fills", "permanent_impact_bps", "book_trigger")},
    "data": {name: f"take {name} out; repair = {{ ... }} mends bars" for name in ("gap", "no_snapshot", "bad_level")}
    | {"quotes": "take quotes out"},
}


def check_keys(spec: Spec, books: bool) -> None:
    """Refuse the first key that has another value than its default and that this kind of data does nothing with."""
    here, there = ("an order-book tape", "bars") if books else ("bars", "an order-book tape")
    for section, keys in (ON_BARS if books else ON_BOOKS).items():
        record = getattr(spec, section)
        for key, fix in keys.items():
            value = getattr(record, key)
            if value != default_of(record, key):
                what = f"{key} = {shown(value)} needs {there}, and the data is {here}"
                raise fault(what, fix=fix, key=f"{section}.{key}")
    if not books:
        for key, value in delays_of_books(spec):
            what = f"{key} = {show(value)} needs an order-book tape, and the data is bars"
            raise fault(what, fix=f"take {key.rpartition('.')[2]} out", key=f"venue.{key}")


def default_of(record: Any, key: str) -> Any:
    """What a key is where the spec does not say."""
    found = type(record).model_fields[key].get_default(call_default_factory=True)
    assert found is not PydanticUndefined
    return found


def delays_of_books(spec: Spec) -> list[tuple[str, Any]]:
    """Latencies that only books have, as the spec has them: of a file, or drawn."""
    delay = spec.venue.latency_ms
    if delay is None:
        return []
    if delay.file is not None:
        return [("latency_ms", delay.file)]
    drawn = [("latency_ms.entry_sigma", delay.entry_sigma), ("latency_ms.response_sigma", delay.response_sigma)]
    return [(key, sigma) for key, sigma in drawn if sigma]


def shown(value: Any) -> str:
    """A value as the spec has it."""
    if isinstance(value, Chosen):
        return f'"{value.model}"'
    return f'"{value}"' if isinstance(value, str) else show(value)
