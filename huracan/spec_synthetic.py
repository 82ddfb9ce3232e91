"""The keys of [data] that shape a synthetic market: which assets, at which venues, with which edges planted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from huracan.sim.refusal import Refused
from huracan.spec_fields import Record, as_tuple, fault
from huracan.words import nearest

if TYPE_CHECKING:
    from huracan.data.synthetic_edges import Edges, Place
    from huracan.spec_records import Data

SYNTHETIC = ("regimes", "book")  # bars, and order books
SYNTHETIC_SYMBOL = "BTC/USDT:USDT"

Strength = Annotated[float, Field(ge=0.0, le=1.0)]


class EdgeTable(Record):
    """`edges = { leader = 0.3 }`: what is planted, and how strongly; 0 is off."""

    leader: Strength = 0.0
    pair: Strength = 0.0
    breakout: Strength = 0.0
    toxic: Strength = 0.0

    def edges(self) -> Edges:
        """The same as the data room takes it."""
        from huracan.data.synthetic_edges import Edges

        return Edges(**self.model_dump())


class PlaceTable(Record):
    """One of `venues = [{ name = "late", lag_ms = 30_000 }]`: where the market is traded, and how far behind."""

    name: str = Field(min_length=1)
    lag_ms: float = Field(0.0, ge=0.0, le=86_400_000.0)
    basis_bps: float = Field(0.0, ge=-1000.0, le=1000.0)
    feed_ms: float = Field(2.0, ge=0.0, le=600_000.0)  # order books only, as the next one
    skew_ms: float = Field(0.0, ge=-1e10, le=1e10)

    def place(self) -> Place:
        """The same as the data room takes it."""
        from huracan.data.synthetic_edges import Place

        return Place(**self.model_dump())


def read_synthetic(value: str) -> str:
    """The name of a synthetic market."""
    if value not in SYNTHETIC:
        fix = nearest(value, SYNTHETIC) or "use " + " or ".join(f'"{name}"' for name in SYNTHETIC)
        raise fault(f'there is no synthetic market "{value}"', fix=fix)
    return value


Synthetic = Annotated[str, AfterValidator(read_synthetic)]
Places = Annotated[tuple[PlaceTable, ...], BeforeValidator(as_tuple)]


def symbols_of(data: Data) -> tuple[str, ...]:
    """The symbols of a synthetic market as the spec names or counts them."""
    if data.assets is not None:
        from huracan.data.synthetic_assets import asset_names

        return asset_names(data.assets)
    return data.symbols or (data.symbol or SYNTHETIC_SYMBOL,)


def check_synthetic(data: Data) -> None:
    """Refuse edges that contradict each other or the symbols, and venues of one name."""
    from huracan.data.synthetic_edges import BARS, BOOK, check_edges, check_places

    other = "seconds" if data.synthetic == "regimes" else "bars"
    if other in data.model_fields_set:
        kind = "bars" if other == "seconds" else "order books"
        fix = "say how many with bars" if other == "seconds" else "say how long with seconds"
        raise fault(f"{other} means nothing for synthetic {kind}", fix=fix, key=other)
    if data.assets is not None and (data.symbol or data.symbols):
        named = "symbol" if data.symbol else "symbols"
        raise fault(f"assets and {named} contradict each other", fix="keep one of them", key="assets")
    try:
        check_edges(data.edges.edges(), BOOK if data.synthetic == "book" else BARS, len(symbols_of(data)))
        if data.venues:
            check_places([each.place() for each in data.venues])
    except Refused as refused:
        raise fault(refused.what, fix=refused.fix, key=refused.where.removeprefix("data.")) from None


def shape_of(data: Data) -> dict[str, Any]:
    """What of these keys makes one market differ from another, for the spec's hash."""
    venues = [each.model_dump() for each in data.venues]
    return {"edges": data.edges.model_dump(), "venues": venues, "seconds": data.seconds}
