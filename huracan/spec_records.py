"""The frozen records of a run spec, one a section, with their defaults, ranges and contradictions.

Parameters of strategies and gates are only checked for their types here: their names and ranges stand in the
strategy, so the linker checks them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, InstanceOf, model_validator

from huracan.grid import Sweep, read_sweep
from huracan.spec_fields import (
    BOOK_QUEUE,
    WHOLE_PRICE_BPS,
    Chosen,
    Code,
    Delay,
    File,
    Impact,
    LimitFill,
    Params,
    Pieces,
    Record,
    Repair,
    Slippage,
    Tiers,
    Time,
    Timeframe,
    as_tuple,
    check_repair,
    fault,
    read_half_spread,
)
from huracan.spec_synthetic import EdgeTable, Places, Synthetic, check_synthetic, symbols_of
from huracan.spec_venues import check_keys

REPAIRS = ("repair", "funding_repair", "mark_repair")
STORED_BOOK = "book"  # the format of order books of the store
BOOK_FORMATS = ("binance-raw", "tardis", STORED_BOOK)  # data that carries an order book
ZERO = Chosen(model="fixed", numbers={"bps": 0.0})
NO_IMPACT = Chosen(model="sqrt", numbers={"coefficient": 0.0})
TOUCH = Chosen(model="touch", numbers={})
Bps = Annotated[float, Field(gt=-10_000.0, lt=10_000.0)]


class Run(Record):
    """[run]: what the run is called, and on which grid its returns are measured."""

    name: str = "run"
    seed: int = Field(0, ge=0, lt=2**63)
    sample: Timeframe | None = None  # the grid of returns; None is the timeframe of the data
    periods: float | None = Field(None, gt=0.0)  # samples a year; None counts 365 days
    close_at_end: bool = False
    order_slots: int = Field(8, ge=1, le=1024)  # orders that can be alive at once


class RuleTable(Record):
    """`rules` of an instrument; what is absent the data room infers or leaves at 0, and says so."""

    kind: Literal["spot", "linear", "inverse"] = "linear"
    tick: float | None = Field(None, ge=0.0)
    lot: float = Field(0.0, ge=0.0)
    min_notional: float = Field(0.0, ge=0.0)
    multiplier: float = Field(1.0, gt=0.0)

    def given(self) -> dict[str, Any]:
        """Only the keys that the spec sets."""
        return self.model_dump(exclude_unset=True)


class Instrument(Record):
    """One series of bars: from `file`, or of `symbol` at `venue` in the store, with what goes with it."""

    file: File | None = None
    symbol: str | None = None
    venue: str | None = None
    timeframe: Timeframe | None = None
    format: str | None = None
    rules: RuleTable | None = None
    funding: File | None = None
    mark: File | None = None
    drill: File | None = None  # bars of a finer timeframe, for intrabar = "drill"
    half_spread_bps: float | None = Field(None, ge=0.0, lt=WHOLE_PRICE_BPS)
    repair: Repair | None = None  # problem of the data → the rule that mends it; what has none is refused or kept
    funding_repair: Repair | None = None  # the same of payments
    mark_repair: Repair | None = None  # the same of the file of mark prices

    def kind(self) -> str:
        """Spot, linear or inverse: as the rules say, else as the symbol is written."""
        from huracan.data.instrument import kind_of

        given = self.rules.given() if self.rules else {}
        return str(given.get("kind") or kind_of(self.symbol or ""))


class Data(Record):
    """[data]: a file, the store, or a synthetic market; `series()` lists what it names, one record an instrument."""

    file: File | None = None
    venue: str | None = None
    symbols: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()
    synthetic: Synthetic | None = None
    bars: int = Field(100_000, ge=1)  # of a synthetic market, as the next four
    seconds: float = Field(600.0, gt=0.0, le=1e7)  # of synthetic order books, instead
    assets: int | None = Field(None, ge=1, le=1000)  # so many perpetuals, where no symbols are named
    venues: Places = ()
    edges: EdgeTable = EdgeTable()
    symbol: str | None = None
    timeframe: Timeframe | None = None
    format: str | None = None
    start: Time = None
    end: Time = None
    warmup: int = Field(0, ge=0)  # bars before the start, seen but not traded
    rules: RuleTable | None = None
    funding: File | None = None
    mark: File | None = None
    drill: File | None = None
    half_spread_bps: float | None = Field(None, ge=0.0, lt=WHOLE_PRICE_BPS)
    repair: Repair | None = None
    funding_repair: Repair | None = None
    mark_repair: Repair | None = None
    gap: Literal["keep", "clear", "refuse"] = "keep"  # order books: where updates were lost
    no_snapshot: Literal["keep", "drop", "refuse"] = "keep"  # order books: changes before the first snapshot
    bad_level: Literal["drop", "refuse"] = "drop"  # order books: a price or a quantity that can't be
    quotes: Literal["auto", "use", "check"] = "auto"  # order books: best bids and offers; auto: used where no depth is
    instruments: Annotated[tuple[Instrument, ...], BeforeValidator(as_tuple)] = ()

    @property
    def source(self) -> Literal["file", "store", "synthetic"]:
        """Where the bars come from; with [[data.instruments]] each of those says it for itself (`file` None: store)."""
        if self.synthetic is not None:
            return "synthetic"
        return "file" if self.file is not None or any(each.file for each in self.instruments) else "store"

    def series(self) -> tuple[Instrument, ...]:
        """Every instrument of the run, in the order of the spec, with what [data] says for all of them filled in."""
        for_all = ("venue", "timeframe", "format", "rules", "half_spread_bps", *REPAIRS)
        shared = {key: getattr(self, key) for key in for_all}
        if not self.instruments:
            own = {key: getattr(self, key) for key in ("file", "funding", "mark", "drill")}
            if self.synthetic is not None:
                names: list[str | None] = [each.name for each in self.venues]
                names = names or [self.venue]
                pairs = [(symbol, name) for symbol in symbols_of(self) for name in names]
                return tuple(Instrument.model_construct(**{**shared, **own, "symbol": s, "venue": v}) for s, v in pairs)
            symbols = self.symbols or (self.symbol or _stem(self.file),)
            return tuple(Instrument.model_construct(**shared, **own, symbol=symbol) for symbol in symbols)
        filled = []
        for each in self.instruments:
            missing = {key: value for key, value in shared.items() if getattr(each, key) is None}
            if each.symbol is None:
                missing["symbol"] = _stem(each.file)
            filled.append(each.model_copy(update=missing))
        return tuple(filled)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        given = self.model_fields_set
        ways = [key for key in ("file", "synthetic", "symbols", "instruments") if getattr(self, key)]
        if not ways and self.venue and self.symbol:
            ways = ["symbol"]  # one instrument of the store
        if not ways:
            fix = 'give file = "bars.csv", or venue and symbols for the store, or synthetic = "regimes"'
            raise fault("there is no data", fix=fix)
        if len(ways) > 1 and ways != ["synthetic", "symbols"]:
            fix = f"keep one of them; several files go into [[data.instruments]], each with its own {ways[0]}"
            raise fault(f"{' and '.join(ways)} contradict each other", fix=fix, key=ways[1])
        only = {"bars": ("synthetic",), "symbol": ("file", "synthetic", "symbol"), "format": ("file", "instruments")}
        only |= dict.fromkeys(("funding", "mark", "drill"), ("file", "symbol"))
        only |= dict.fromkeys(("assets", "venues", "edges", "seconds"), ("synthetic",))
        if self.format == STORED_BOOK:
            only["format"] = ("symbol", "symbols", "instruments")
        for key, allowed in only.items():
            if key in given and ways[0] not in allowed:
                raise fault(f"{key} means nothing beside {ways[0]}", fix=f"take {key} out, or move it", key=key)
        for key in REPAIRS:
            if getattr(self, key) and self.synthetic is not None:
                raise fault(f"{key} means nothing beside synthetic", fix=f"take {key} out", key=key)
        if self.symbol and self.symbols:
            raise fault("symbol and symbols contradict each other", fix="keep one of them", key="symbol")
        if self.synthetic is not None:
            check_synthetic(self)
        if "bars" in given and self.end is not None:
            raise fault("bars and end contradict each other", fix="keep one of them", key="end")
        if self.start and self.end and self.start >= self.end:
            raise fault("end must be later than start", key="end")
        for old, name in (("gap", "gapped_book"), ("no_snapshot", "no_snapshot"), ("bad_level", "bad_level")):
            if old in given and name in (self.repair or {}):
                raise fault(f"{old} and repair.{name} contradict each other", fix=f"take {old} out", key=old)
        self._check_repairs()
        self._complete()
        return self

    def _check_repairs(self) -> None:
        for key, kind in (("funding_repair", "funding"), ("mark_repair", "marks")):
            check_repair(key, kind, getattr(self, key))
            for k, each in enumerate(self.instruments):
                check_repair(f"instruments[{k}].{key}", kind, getattr(each, key))

    def _complete(self) -> None:
        seen: set[tuple[Any, Any]] = set()
        for k, each in enumerate(self.series()):
            key = f"instruments[{k}]" if self.instruments else ""
            if each.file is None and self.synthetic is None:  # the store needs all three names
                for name in ("symbol", "venue", *(() if each.format in BOOK_FORMATS else ("timeframe",))):
                    if getattr(each, name) is None:
                        fix = f"add {name}, or the file with the bars"
                        raise fault(f"an instrument of the store needs its {name}", fix=fix, key=key)
            at = f"{key}." if key and self.instruments[k].repair else ""
            check_repair(f"{at}repair", "book" if each.format in BOOK_FORMATS else "bars", each.repair)
            if (each.symbol, each.venue) in seen:
                fix = "name each symbol once, or give different venues"
                raise fault(f'the instrument "{each.symbol}" is there twice', fix=fix, key=key or "symbols")
            seen.add((each.symbol, each.venue))


class Account(Record):
    """[account]: the money and what may be borrowed."""

    cash: float = Field(1_000_000.0, gt=0.0)
    leverage: float = Field(1.0, gt=0.0)
    borrow: bool = False  # may spot cash or holdings go below zero
    borrow_rate: float = Field(0.0, ge=0.0)  # a year
    maintenance: Tiers = ((0.0, 0.005),)  # (notional from which, rate)
    fee_in: Literal["quote", "base"] = "quote"
    liquidation_fee_bps: float = Field(0.0, ge=0.0, lt=10_000.0)


class Venue(Record):
    """[venue]: how orders fill and what they cost."""

    fee_maker_bps: Bps = 2.0  # negative is a rebate
    fee_taker_bps: Bps = 5.0
    slippage_bps: Slippage = ZERO
    half_spread_bps: Annotated[float | Literal["data"], BeforeValidator(read_half_spread)] = 0.0
    impact: Impact = NO_IMPACT
    market_fill: Literal["next_open", "close"] = "next_open"
    limit_fill: LimitFill = TOUCH
    intrabar: Literal["pessimistic", "optimistic", "ohlc", "olhc", "nearest", "drill"] = "pessimistic"
    max_participation: float = Field(1.0, ge=0.0, le=1.0)  # of a bar's volume; 0 is no cap
    gap_fill: Literal["open", "price"] = "open"
    latency_bars: int = Field(0, ge=0, le=1_000_000_000)
    latency_ms: Delay = None
    market_remainder: Literal["wait", "cancel"] = "wait"
    queue: str | None = None  # book tapes only, as the next one
    partial_fills: Pieces = None
    permanent_impact_bps: float = Field(0.0, ge=0.0)  # a unit of what own takers have taken net
    book_trigger: Literal["trade", "quote"] = "trade"  # order books: what stops wait for; quote: the touch

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.latency_bars and self.latency_ms is not None:
            raise fault("latency_bars and latency_ms contradict each other", fix="keep one of them", key="latency_ms")
        if self.queue is not None and not BOOK_QUEUE.fullmatch(self.queue):
            fix = 'use "risk_averse", "power:2", "power2:2", "power3:2", "log" or "log2"'
            raise fault(f'there is no queue model "{self.queue}"', fix=fix, key="queue")
        both = self.given_half_bps + self.given_slip_bps
        if both >= WHOLE_PRICE_BPS:
            what = f"with slippage it is {both:,.6g} bps, the whole price and more"
            raise fault(what, fix="give less than 10,000 together", key="half_spread_bps")
        return self

    @property
    def given_half_bps(self) -> float:
        """The half-spread, unless the data have it."""
        return 0.0 if isinstance(self.half_spread_bps, str) else self.half_spread_bps

    @property
    def given_slip_bps(self) -> float:
        """The slippage, before any model makes it more."""
        return sum(self.slippage_bps.numbers.get(name, 0.0) for name in ("bps", "base_bps"))


class Strategy(Record):
    """[strategy]: a shipped name, "path/to/file.py:name" or a decorated function, and its parameters."""

    use: Code
    params: Params = Field(default_factory=dict)


class Gate(Record):
    """One of [[gates]]: everything beside `use` is a parameter of the gate."""

    use: Code
    params: Params = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        if "use" not in raw:
            raise fault("the gate names no function", fix='add use = "NAME", or "path/to/file.py:name"', key="use")
        return {"use": raw["use"], "params": {key: value for key, value in raw.items() if key != "use"}}

    @property
    def name(self) -> str:
        """What the sweep calls it: `gates.NAME.parameter`."""
        return str(getattr(self.use, "__name__", self.use)).rpartition(":")[2]


class Spec(Record):
    """A whole run, checked."""

    run: Run = Run()
    data: Data
    account: Account = Account()
    venue: Venue = Venue()
    strategy: Strategy
    gates: Annotated[tuple[Gate, ...], BeforeValidator(as_tuple)] = ()
    sweep: Annotated[InstanceOf[Sweep] | None, BeforeValidator(read_sweep)] = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        series = self.data.series()
        if self.venue.intrabar == "drill" and not all(each.drill for each in series):
            fix = "give each instrument drill = a file of bars of a finer timeframe"
            raise fault('intrabar = "drill" needs finer bars', fix=fix, key="venue.intrabar")
        if self.account.fee_in == "base" and not all(each.kind() == "spot" for each in series):
            fix = 'fees in the base coin exist on spot only: use "quote", or rules = { kind = "spot" }'
            raise fault('fee_in = "base" contradicts the kind of the instruments', fix=fix, key="account.fee_in")
        from huracan.data.instrument import settle_of

        paid_in = dict.fromkeys(settle_of(each.symbol or "", each.kind()) for each in series)
        if len(found := [each for each in paid_in if each]) > 1:
            fix = "run those of each currency by themselves: a run has one account, in one currency"
            raise fault(f"the instruments settle in {' and '.join(found)}", fix=fix, key="data")
        check_keys(self, self.on_books)
        return self

    @property
    def on_books(self) -> bool:
        """Whether the data are order books."""
        return self.data.synthetic == "book" or any(each.format in BOOK_FORMATS for each in self.data.series())


def _stem(file: str | None) -> str | None:
    """What an instrument is called when the spec does not say: its file's name."""
    return Path(file).stem if file else None
