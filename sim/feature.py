"""A feature as a strategy declares it, and the column of numbers that it is once a lane's parameters are known.

A kind of feature stands in one file that says, beside its declaring function: `ARGS` (name and sort of each argument),
`WIDE` (one value for all instruments together), `LOOP` (which loop of kernel/column_loops.py walks the bars), `STATE`
(the record that one column keeps for one instrument; `value` is what it last said), `room` (doubles of history it
needs), `begin` (fills fresh records) and `update` (compiled: one bar in, the value out).
"""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

from huracan.sim.refusal import Refused

_HOME = "huracan.strategies.features."

# kind -> the module that holds it; imported when a strategy asks for the kind
KINDS: dict[str, str] = {
    "sma": _HOME + "simple_mean",
    "ema": _HOME + "exponential_mean",
    "std": _HOME + "deviation",
    "zscore": _HOME + "z_score",
    "highest": _HOME + "highest_high",
    "lowest": _HOME + "lowest_low",
    "atr": _HOME + "average_range",
    "rsi": _HOME + "relative_strength",
    "ret": _HOME + "return_over",
    "lag": _HOME + "earlier",
    "spread_z": _HOME + "spread_score",
}

BAR_FIELDS = ("open", "high", "low", "close", "volume")
MOST_BARS = 1_000_000

# sorts of arguments
WINDOW = "window"  # a whole number of bars
NUMBER = "number"
SOURCE = "source"  # a field of the bar, or another feature

_UNITS_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": 86_400 * 10**9, "w": 7 * 86_400 * 10**9}
_MOST_REMEMBERED = 1 << 16  # columns of one feature

_Remembered = dict[tuple[Any, ...] | None, "Column"]


@dataclass(frozen=True)
class Feature:
    """A feature as declared; a text among `args` names a parameter, but the first of a lag names what is lagged.

    `every` is a longer timeframe.

    >>> Feature("sma", ("fast",), every="1h")
    Feature(kind='sma', args=('fast',), every='1h')
    """

    kind: str
    args: tuple[str | int | float, ...]
    every: str | None = None

    def __str__(self) -> str:
        words = [repr(a) for a in self.args] + ([f"every={self.every!r}"] if self.every is not None else [])
        return f"{self.kind}({', '.join(words)})"


@dataclass(frozen=True)
class Column:
    """One distinct series of numbers: equal columns are computed once.

    `source` or `field` is what a lag looks at; every_ns is 0 for the tape's own bars.
    """

    kind: str
    args: tuple[float, ...]
    every_ns: int = 0
    source: Column | None = None
    field: str = ""


def resolve(features: Mapping[str, Feature], params: Mapping[str, float]) -> dict[str, Column]:
    """The column of every declared feature, by name, for one set of parameters.

    >>> resolve({"fast": Feature("sma", ("n",))}, {"n": 20})["fast"]
    Column(kind='sma', args=(20,), every_ns=0, source=None, field='')
    """
    declared = _declaration(tuple(features.items()))
    return {name: _column(name, used, remembered, features, params) for name, used, remembered in declared}


def columns_of(
    name: str,
    features: Mapping[str, Feature],
    params: Mapping[str, float],
    swept: Sequence[str],
    values: Iterable[Sequence[float]],
) -> list[Column]:
    """The column of one declared feature for each row of `values`, which stand in the place of the parameters `swept`.

    >>> columns_of("fast", {"fast": Feature("sma", ("n",))}, {"n": 20, "qty": 1.0}, ("n",), [(5,), (7,)])[1].args
    (7,)
    """
    _, used, remembered = next(own for own in _declaration(tuple(features.items())) if own[0] == name)
    here, alone = dict(params), tuple(swept) == used
    found = []
    for row in values:
        column = remembered.get(tuple(row)) if alone else None
        if column is None:
            here.update(zip(swept, row, strict=True))
            column = _column(name, used, remembered, features, here)
        found.append(column)
    return found


def uses(features: Mapping[str, Feature]) -> dict[str, tuple[str, ...]]:
    """The parameters that each declared feature, and what it looks at, depends on.

    >>> uses({"fast": Feature("sma", ("n",)), "was": Feature("lag", ("fast", 1))})
    {'fast': ('n',), 'was': ('n',)}
    """
    return {name: used for name, used, _ in _declaration(tuple(features.items()))}


def is_wide(name: str, features: Mapping[str, Feature]) -> bool:
    """Whether a declared feature has one value for all instruments together.

    >>> is_wide("z", {"z": Feature("spread_z", ("n", "hedge"))})
    True
    """
    seen: set[str] = set()
    while name in features and name not in seen:
        seen.add(name)
        feature = features[name]
        of = _source_name(feature)
        if of is None:
            return bool(kind_module(feature.kind, name).WIDE)
        name = of
    return False


def is_wide_column(column: Column) -> bool:
    """Whether a column has one value for all instruments together."""
    while column.source is not None:
        column = column.source
    return bool(kind_module(column.kind).WIDE)


def kind_module(kind: str, name: str = "") -> ModuleType:
    """The module of a kind of feature; refused with the nearest known if there is none."""
    path = KINDS.get(kind)
    if path is None:
        where = f"feature {name!r}" if name else "features"
        raise Refused(f"there is no feature {kind!r}", where=where, fix=_nearest(kind, KINDS))
    return _module(path)


def every_ns_of(every: str, where: str) -> int:
    """The nanoseconds of a longer timeframe's word.

    >>> every_ns_of("1h", "feature 'slow'") // 10**9
    3600
    """
    number, unit = (every[:-1], every[-1:]) if isinstance(every, str) else ("", "")
    if not (number.isascii() and number.isdigit() and len(number) < 7 and unit in _UNITS_NS and int(number) > 0):
        raise Refused(
            f"{every!r} is not a timeframe",
            where=where,
            fix='write a whole number and one of s, m, h, d, w, as in every="4h"',
        )
    return int(number) * _UNITS_NS[unit]


def _column(
    name: str,
    used: tuple[str, ...],
    remembered: _Remembered,
    features: Mapping[str, Feature],
    params: Mapping[str, float],
) -> Column:
    """The column of one feature, remembered for the next time that somebody asks."""
    try:
        key = tuple([params[u] for u in used])
    except KeyError:
        key = None  # said below, with its name
    column = remembered.get(key)
    if column is None:
        column = _resolve_one(name, features, params, {}, ())
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
        remembered[key] = column
    return column


_module = cache(importlib.import_module)


@lru_cache(maxsize=256)
def _declaration(items: tuple[tuple[str, Feature], ...]) -> tuple[tuple[str, tuple[str, ...], _Remembered], ...]:
    """Of every feature its name, the parameters that it and what it looks at use, and its columns for their values."""
    features = dict(items)
    return tuple((name, tuple(dict.fromkeys(_uses(name, features, ()))), {}) for name in features)


def _uses(name: str, features: Mapping[str, Feature], under: tuple[str, ...]) -> Iterator[str]:
    """Names of parameters that a feature depends on."""
    feature = features[name]
    for given, (_, sort) in zip(feature.args, kind_module(feature.kind, name).ARGS, strict=False):
        if sort != SOURCE and isinstance(given, str):
            yield given
        elif given in features and given not in under:
            yield from _uses(str(given), features, (*under, name))


def _resolve_one(
    name: str,
    features: Mapping[str, Feature],
    params: Mapping[str, float],
    done: dict[str, Column],
    under: tuple[str, ...],
) -> Column:
    """The column of one feature, after those that it looks at; it and they go into `done`."""
    if name in done:
        return done[name]
    feature = features[name]
    arguments = kind_module(feature.kind, name).ARGS
    if name in under:
        fix = "let one of them lag a field of the bar or another feature"
        raise Refused("features are lags of each other", where=_where(name, feature), fix=fix)
    if len(feature.args) != len(arguments):
        what = f"{feature.kind} takes {len(arguments)} arguments, not {len(feature.args)}"
        raise Refused(what, where=_where(name, feature), fix=f"{feature.kind}({', '.join(n for n, _ in arguments)})")
    values: list[float] = []
    source: Column | None = None
    field = ""
    for given, (argument, sort) in zip(feature.args, arguments, strict=True):
        if sort == SOURCE:
            field, of = _look_at(given, name, features)
            source = _resolve_one(of, features, params, done, (*under, name)) if of else None
        else:
            values.append(_number(given, argument, sort, name, feature, params))
    every = 0 if feature.every is None else every_ns_of(feature.every, _where(name, feature))
    done[name] = Column(feature.kind, tuple(values), every, source, field)
    return done[name]


def _where(name: str, feature: Feature) -> str:
    return f"feature {name!r} = {feature}"


def _look_at(given: Any, name: str, features: Mapping[str, Feature]) -> tuple[str, str]:
    """(field of the bar, "") or ("", another feature's name)."""
    if given in BAR_FIELDS and (given not in features or given == name):
        return str(given), ""
    where = _where(name, features[name])
    if given in BAR_FIELDS:
        what = f"{given!r} is a field of the bar and a feature as well"
        raise Refused(what, where=where, fix="give the feature another name")
    if given not in features:
        fix = _nearest(str(given), [*BAR_FIELDS, *features])
        raise Refused(f"there is no feature {given!r} here", where=where, fix=fix)
    return "", str(given)


def _source_name(feature: Feature) -> str | None:
    """The name of what a feature looks at; None if it looks at bars themselves."""
    for given, (_, sort) in zip(feature.args, kind_module(feature.kind).ARGS, strict=False):
        if sort == SOURCE:
            return str(given)
    return None


def _number(given: Any, argument: str, sort: str, name: str, feature: Feature, params: Mapping[str, float]) -> float:
    """The value of a numeric argument: a parameter's if it is given by name."""
    value = given
    if isinstance(given, str):
        if given not in params:
            raise Refused(f"there is no parameter {given!r}", where=_where(name, feature), fix=_nearest(given, params))
        value = params[given]
        argument = f"{argument} (parameter {given!r})"
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if sort == WINDOW:
        if not 1 <= number <= MOST_BARS or number != int(number):
            fix = f"give a whole number of bars from 1 to {MOST_BARS}"
            raise Refused(f"{argument} is {value!r}", where=_where(name, feature), fix=fix)
        return int(number)
    if not math.isfinite(number):
        raise Refused(f"{argument} is {value!r}", where=_where(name, feature), fix="give a finite number")
    return number


def _nearest(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(names)}" if names else "declare it"
