"""The kinds of value that keys of a run spec take: files, times, lists, and models named with their numbers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from math import exp, isfinite
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo
from pydantic_core import PydanticCustomError

from huracan.sim.refusal import Refused
from huracan.words import nearest, show

# Models that a key of [venue] can name, with their numbers: a default, or None where the spec must give it.
MODELS: dict[str, dict[str, dict[str, float | None]]] = {
    "slippage_bps": {
        "fixed": {"bps": None},
        "vol_volume": {
            "base_bps": None,
            "vol_ref": 0.3,
            "vol_power": 1.0,
            "volume_power": 0.5,
            "participation": 1.0,
            "window": 100.0,
        },
    },
    "impact": {"sqrt": {"coefficient": None, "window": 100.0}},
    "limit_fill": {
        "touch": {},
        "through": {"ticks": 1.0},
        # `observations` says how many bars taught the others, as in a result's fill_times: it may be pasted whole.
        "hazard": {"base": 0.5, "depth": 2.0, "queue": 1.0, "observations": 0.0},
    },
}
ABOVE_ZERO = ("vol_ref", "queue", "window")  # what is divided by
BARE_NUMBER = {"slippage_bps": ("fixed", "bps"), "impact": ("sqrt", "coefficient")}  # what a number alone means

LAST_PIECE = "last_piece"  # partial fills as hftbacktest books them
BOOK_QUEUE = re.compile(r"risk_averse|log2?|power[23]?:\d+(\.\d+)?")


class Record(BaseModel):
    """A frozen record that takes no key it does not know and no value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Chosen(Record):
    """A model by name, with its numbers.

    >>> chosen("slippage_bps", 2)
    Chosen(model='fixed', numbers={'bps': 2.0})
    """

    model: str
    numbers: dict[str, float]


LATENCY_KEYS = ("entry", "response", "entry_sigma", "response_sigma")


WHOLE_PRICE_BPS = 10_000.0  # a seller who loses as much is paid nothing
MOST_MS = 1e9  # nanoseconds of 64 bits have room for so many behind the year 2262, and for draws around them


class Latency(Record):
    """Milliseconds from the decision to the venue and back, or a file of measured rows."""

    entry: float = 0.0
    response: float = 0.0
    entry_sigma: float = 0.0  # above 0 it is drawn: log-normal with these medians and deviations of the logarithm
    response_sigma: float = 0.0
    file: str | None = None


def fault(what: str, *, fix: str = "", key: str = "") -> PydanticCustomError:
    """What a validator raises; `key` names a key below the one that is being validated."""
    return PydanticCustomError("refused", "{what}", {"what": what, "fix": fix, "key": key})


def chosen(key: str, raw: Any) -> Any:
    """Read a number, a word, `word:number` or a table that names a model.

    >>> chosen("limit_fill", "through:2")
    Chosen(model='through', numbers={'ticks': 2.0})
    """
    if isinstance(raw, Chosen):
        return raw
    known = MODELS[key]
    names = ", ".join(f'"{name}"' for name in known)
    if is_number(raw) and key in BARE_NUMBER:
        model, number = BARE_NUMBER[key]
        given: dict[str, Any] = {number: raw}
    elif isinstance(raw, str) and key == "limit_fill":
        model, _, ticks = raw.partition(":")
        given = {}
        if ":" in raw:
            if model != "through" or not re.fullmatch("0*[1-9][0-9]{0,8}", ticks, re.ASCII):
                fix = 'write "through:N" with a whole number of ticks from 1 to 999,999,999'
                raise fault(f'"{raw}" is no limit_fill', fix=fix)
            given = {"ticks": int(ticks)}
    elif isinstance(raw, dict):
        given = dict(raw)
        model = given.pop("model", None)
        if not isinstance(model, str):
            raise fault("the table names no model", fix=f"add model = one of {names}", key="model")
    else:
        word = "a number" if key in BARE_NUMBER else "a word"
        raise fault(f"must be {word} or a table that names a model, not {show(raw)}", fix=f"the models are {names}")
    if model not in known:
        near = nearest(model, known)
        raise fault(f'there is no model "{model}" for {key}', fix=near or f"use one of {names}")
    return Chosen(model=model, numbers=_numbers(known[model], given, model))


def _numbers(known: dict[str, float | None], given: dict[str, Any], model: str) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in given.items():
        if name not in known:
            fix = nearest(name, known) or f"its numbers are {', '.join(known) or 'none'}"
            raise fault(f'unknown key "{name}" of the model "{model}"', fix=fix, key=name)
        if not is_number(value) or not isfinite(value):
            raise fault(f"must be a finite number, not {show(value)}", key=name)
        if value < 0 or (value == 0 and name in ABOVE_ZERO):
            raise fault(f"must be {'above 0' if name in ABOVE_ZERO else '0 or more'}, not {show(value)}", key=name)
        numbers[name] = float(value)
    for name, default in known.items():
        if name not in numbers:
            if default is None:
                raise fault(f'the model "{model}" needs {name}', fix=f"add {name} = a number", key=name)
            numbers[name] = default
    if "ticks" in numbers and (not 1 <= numbers["ticks"] < 1e9 or numbers["ticks"] % 1):
        raise fault(f"must be a whole number from 1 to 999,999,999, not {show(numbers['ticks'])}", key="ticks")
    for name in ("bps", "base_bps"):
        if numbers.get(name, 0.0) >= WHOLE_PRICE_BPS:
            raise fault(
                f"{show(numbers[name])} bps are the whole price and more", fix="give less than 10,000", key=name
            )
    return {name: numbers[name] for name in known}


def read_latency(raw: Any, info: ValidationInfo) -> Any:
    if isinstance(raw, str):
        return Latency(file=resolve(raw, info))
    if isinstance(raw, Latency) or raw is None:
        return raw
    if not isinstance(raw, dict):
        raise fault(f"must be a table or a file, not {show(raw)}", fix="write { entry = 10.0, response = 10.0 }")
    for key, value in raw.items():
        if key not in LATENCY_KEYS:
            fix = nearest(key, LATENCY_KEYS) or f"its keys are {', '.join(LATENCY_KEYS)}"
            raise fault(f'unknown key "{key}"', fix=fix, key=key)
        if not is_number(value) or not isfinite(value) or value < 0:
            what = "deviation" if key.endswith("_sigma") else "number of milliseconds"
            raise fault(f"must be a {what} from 0, not {show(value)}", key=key)
    given = {key: float(raw.get(key, 0)) for key in LATENCY_KEYS}
    for key in LATENCY_KEYS:
        sigma = given.get(f"{key}_sigma", 0.0)
        if given[key] > MOST_MS or given[key] * exp(min(9.0 * sigma, 700.0)) > 4000.0 * MOST_MS:
            way = " once it is drawn" if given[key] <= MOST_MS else ""
            fix = f"give at most {MOST_MS:,.0f} ms, some eleven days{', and a smaller sigma' if way else ''}"
            raise fault(f"a latency of {given[key]:g} ms is too long{way}", fix=fix, key=key)
    return Latency.model_validate(given)


def read_tiers(raw: Any) -> Any:
    """One maintenance rate, or tiers of [notional from which, rate] that begin at 0 and rise.

    >>> read_tiers([[0, 0.005], [50_000, 0.01]])
    ((0.0, 0.005), (50000.0, 0.01))
    """
    tiers = [(0.0, raw)] if is_number(raw) else raw
    if not isinstance(tiers, (list, tuple)) or not tiers:
        raise fault(f"must be a rate or a list of [notional, rate], not {show(raw)}")
    read: list[tuple[float, float]] = []
    for tier in tiers:
        if not isinstance(tier, (list, tuple)) or len(tier) != 2 or not all(is_number(x) for x in tier):
            raise fault(f"a tier is [notional, rate], not {show(tier)}")
        notional, rate = float(tier[0]), float(tier[1])
        if not 0 <= rate < 1:
            raise fault(f"a maintenance rate is from 0 to below 1, not {show(rate)}")
        if read and not notional > read[-1][0]:
            raise fault("the notionals of the tiers must rise", fix="order them from small to large, each once")
        read.append((notional, rate))
    from huracan.sim.layout import MAX_TIERS

    if len(read) > MAX_TIERS:
        raise fault(f"there are {len(read)} tiers, and at most {MAX_TIERS} fit", fix="join the smallest ones")
    if read[0][0] != 0 or not isfinite(read[-1][0]):
        raise fault("the first tier must begin at 0, and every notional be finite", fix="make it [0, rate]")
    return tuple(read)


def resolve(value: str, info: ValidationInfo) -> str:
    """A file that must be there, absolute; relative paths start at the spec's folder."""
    base = (info.context or {}).get("base") or Path.cwd()
    path = (Path(base) / Path(value).expanduser()).resolve()
    if not path.is_file():
        why = "is a folder" if path.is_dir() else "is not there"
        raise fault(f'the file "{value}" {why}', fix=f"looked at {path}; relative paths start at the spec's folder")
    return str(path)


def code_target(value: Any, info: ValidationInfo) -> Any:
    """A shipped name, "file.py:name" with the file made absolute, or (from Python) the decorated function itself."""
    if not isinstance(value, str):
        if callable(value):
            return value
        raise fault(f"must be a name, not {show(value)}", fix='a shipped name, or "path/to/file.py:name"')
    file, colon, name = value.rpartition(":")
    if not name.isidentifier() or (colon and not file.endswith(".py")):
        raise fault(f'"{value}" names no function', fix='use a shipped name, or "path/to/file.py:name"')
    return f"{resolve(file, info)}:{name}" if colon else name


def read_time(value: Any) -> Any:
    """A date or a time, as TOML or ISO text; without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise fault(f'"{value}" is no date', fix='write "2025-01-31" or "2025-01-31T09:30:00Z"') from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if value is None:
        return None
    raise fault(f"must be a date, not {show(value)}", fix='write "2025-01-31"')


def read_timeframe(value: str) -> str:
    from huracan.data.timeframes import parse_timeframe

    try:
        parse_timeframe(value)
    except Refused as refused:
        raise fault(refused.what, fix=refused.fix) from None
    return value


def read_params(value: Any) -> Any:
    """Parameters: each a finite number, true/false or a word; what they mean the strategy itself says."""
    if not isinstance(value, dict):
        raise fault(f"must be a table of parameters, not {show(value)}")
    for key, item in value.items():
        word = isinstance(item, (bool, str))
        if not word and not (is_number(item) and abs(item) < 2**63):  # which no NaN is either
            raise fault(f"a parameter is a finite number, true or false, or a word, not {show(item)}", key=key)
    return value


def read_half_spread(value: Any) -> Any:
    if value == "data" or (is_number(value) and isfinite(value) and value >= 0):
        if value != "data" and value >= WHOLE_PRICE_BPS:
            raise fault(f"{show(value)} bps are the whole price and more", fix="give less than 10,000")
        return value
    raise fault(f'must be a number of bps from 0, or "data", not {show(value)}')


def read_partial(value: Any) -> Any:
    """Whether orders on a book fill in pieces; or in pieces of which the ledger sees the last one only."""
    if value is None or isinstance(value, bool) or value == LAST_PIECE:
        return value
    raise fault(f'must be true, false or "{LAST_PIECE}", not {show(value)}')


def read_repair(value: Any) -> Any:
    """Which rule mends which problem of the data; whether both exist the kind of the data decides, see `Data`."""
    if not isinstance(value, dict) or not all(isinstance(rule, str) for rule in value.values()):
        fix = 'write { missing_bars = "fill", duplicate_time = "first" }'
        raise fault(f"must be a table of problems and rules, not {show(value)}", fix=fix)
    return value


def check_repair(key: str, kind: str, value: dict[str, str] | None) -> None:
    """Refuse a problem or a rule that a kind of data does not have; `key` is where the table stands."""
    from huracan.data.repair_rules import check_rules

    try:
        check_rules(value or {}, key, kind)
    except Refused as refused:
        raise fault(refused.what, fix=refused.fix, key=refused.where) from None


def as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _model(key: str) -> BeforeValidator:
    return BeforeValidator(lambda raw: chosen(key, raw))


Slippage = Annotated[Chosen, _model("slippage_bps")]
Impact = Annotated[Chosen, _model("impact")]
LimitFill = Annotated[Chosen, _model("limit_fill")]
Delay = Annotated[Latency | None, BeforeValidator(read_latency)]
Tiers = Annotated[tuple[tuple[float, float], ...], BeforeValidator(read_tiers)]
File = Annotated[str, AfterValidator(resolve)]
Code = Annotated[Any, BeforeValidator(code_target)]
Time = Annotated[datetime | None, BeforeValidator(read_time)]
Timeframe = Annotated[str, AfterValidator(read_timeframe)]
Pieces = Annotated[bool | str | None, BeforeValidator(read_partial)]
Repair = Annotated[dict[str, str], BeforeValidator(read_repair)]
Params = Annotated[dict[str, Any], BeforeValidator(read_params)]
