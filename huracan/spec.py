"""The run spec: one TOML file, or a dict of the same shape, read into frozen records and refused where it is wrong.

    [run] what is measured      [data] which bars        [account] whose money
    [venue] how orders fill     [strategy], [[gates]]    [sweep] which parameter sets

`load_spec` is the one way in; `with_values` puts one parameter set of a sweep in its place; `spec_hash` says whether
two specs ask for the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from huracan.sim.refusal import Refused
from huracan.spec_faults import at_line, from_pydantic, read_toml
from huracan.spec_fields import LATENCY_KEYS, Chosen, Latency, Record
from huracan.spec_records import Account, Data, Gate, Instrument, RuleTable, Run, Spec, Strategy, Venue
from huracan.spec_synthetic import shape_of
from huracan.spec_venues import check_keys
from huracan.words import nearest

__all__ = [
    "Account",
    "Chosen",
    "Data",
    "Gate",
    "Instrument",
    "Latency",
    "RuleTable",
    "Run",
    "Spec",
    "Strategy",
    "Venue",
    "load_spec",
    "spec_hash",
    "spec_table",
    "with_values",
]

SWEPT = ("run", "account", "venue")  # sections whose keys a sweep may move
FIXED = ("run.name", "run.sample", "run.periods", "run.close_at_end", "run.order_slots")  # one value for all sets


def load_spec(source: Spec | str | Path | Mapping[str, Any]) -> Spec:
    """Read a run spec from a TOML file or a dict; relative paths start at the file's folder, or here.

    >>> spec = load_spec({"data": {"synthetic": "regimes"}, "strategy": {"use": "sma_cross"}})
    >>> spec.venue.fee_taker_bps, spec.data.bars
    (5.0, 100000)
    """
    if isinstance(source, Spec):
        return source
    if isinstance(source, Mapping):
        raw, lines = _plain(dict(source)), dict[str, int]()
        name, base = "", Path.cwd()
    elif not isinstance(source, (str, os.PathLike)) or isinstance(os.fspath(source), bytes):
        fix = "give the path of a TOML file, or a dict with [data] and [strategy]"
        raise Refused(f"a spec can't be {'None' if source is None else a_kind(source)}", where="spec", fix=fix)
    else:
        path = Path(source)
        raw, lines = read_toml(path)
        name, base = path.name, path.resolve().parent
    try:
        spec = Spec.model_validate(raw, context={"base": base})
        _check_sweep(spec)
    except ValidationError as error:
        raise at_line(from_pydantic(error, Spec, lines), name, lines) from None
    except Refused as refused:
        raise at_line(refused, name, lines) from None
    return spec


def a_kind(value: object) -> str:
    """What something is, for people.

    >>> a_kind(5), a_kind([])
    ('an int (5)', 'a list ([])')
    """
    kind, text = type(value).__name__, repr(value)
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind} ({text if len(text) <= 60 else text[:57] + '...'})"


def with_values(spec: Spec, values: Mapping[str, Any]) -> Spec:
    """The same run with swept values put in their places, checked as if they had stood in the file.

    >>> spec = load_spec({"data": {"synthetic": "regimes"}, "strategy": {"use": "sma_cross"}})
    >>> with_values(spec, {"fast": 10, "venue.fee_taker_bps": 3}).venue.fee_taker_bps
    3.0
    """
    for key, value in values.items():
        section, _, rest = key.partition(".")
        try:
            if not rest:
                params = {**spec.strategy.params, key: value}
                spec = spec.model_copy(update={"strategy": Strategy(use=spec.strategy.use, params=params)})
            elif section == "gates":
                spec = spec.model_copy(update={"gates": _with_gate(spec, key, value)})
            elif section in SWEPT and key not in FIXED:
                spec = spec.model_copy(update={section: _with_section(getattr(spec, section), key, value)})
                check_keys(spec, spec.on_books)
            else:
                fix = "sweep parameters of the strategy by their bare names, or keys of venue, account, gates"
                raise Refused(f'"{key}" cannot be swept', where=f"sweep.{key}", fix=fix)
        except ValidationError as error:
            refused = from_pydantic(error, Spec, {})
            raise Refused(refused.what, where=f"sweep.{key}", fix=refused.fix) from None
        except PydanticCustomError as error:
            said = error.context or {}
            raise Refused(said["what"], where=f"sweep.{key}", fix=said["fix"]) from None
    return spec


def spec_table(spec: Spec) -> dict[str, Any]:
    """What was asked for, as plain tables that `load_spec` reads back to the same run; defaults are left out.

    >>> spec = load_spec({"data": {"synthetic": "regimes"}, "strategy": {"use": "sma_cross"}, "venue": {"impact": 0.5}})
    >>> spec_table(spec)["venue"], load_spec(spec_table(spec)) == spec
    ({'impact': {'model': 'sqrt', 'coefficient': 0.5, 'window': 100.0}}, True)
    """
    found = spec.model_dump(mode="python", exclude_unset=True, exclude_none=True, exclude={"sweep"})
    found["strategy"]["use"] = named(spec.strategy.use)
    for name, value in found.get("venue", {}).items():
        if isinstance(getattr(spec.venue, name), Chosen):
            found["venue"][name] = {"model": value["model"], **value["numbers"]}
    if "gates" in found:
        found["gates"] = [{"use": named(gate["use"]), **gate.get("params", {})} for gate in found["gates"]]
    if spec.sweep is not None:
        found["sweep"] = spec.sweep.plain()
    return found


def named(use: Any) -> Any:
    """A strategy or gate as a file would name it; a function that a script or a prompt made stays what it is.

    >>> from huracan.strategies.sma_cross import sma_cross
    >>> named(sma_cross), named("sma_cross")
    ('sma_cross', 'sma_cross')
    """
    if isinstance(use, str) or use.__module__ == "__main__" or use.__qualname__ != use.__name__:
        return use
    if use.__module__.startswith("huracan."):
        return use.__name__
    from huracan.sim.sources import source_file

    return f"{source_file(use).resolve()}:{use.__name__}"


def spec_hash(spec: Spec) -> str:
    """SHA-256 of what the spec asks for.

    The order of keys, comments, the run's name and the places of files don't count; a default is as good as written
    out. What stands in the files is the business of data_hash and code_hash.
    """
    asked = spec.model_dump(mode="python", exclude={"run": {"name"}, "sweep": True})
    asked["data"] = {key: getattr(spec.data, key) for key in ("source", "synthetic", "bars", "start", "end", "warmup")}
    if spec.data.source == "synthetic":
        asked["data"] |= shape_of(spec.data)
    else:
        del asked["data"]["bars"]
    asked["data"]["series"] = [each.model_dump() for each in spec.data.series()]
    asked["sweep"] = None if spec.sweep is None else spec.sweep.plain()
    text = json.dumps(_canonical(asked), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


FILES = ("file", "funding", "mark", "drill")


def _canonical(value: Any, key: str = "") -> Any:
    """Plain JSON in which equal means equal: 5 and 5.0 are one number, a file is only there or not."""
    if isinstance(value, dict):
        return {name: _canonical(item, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if key in FILES:
        return value is not None
    if key == "use":
        path, _, name = str(value if isinstance(value, str) else getattr(value, "__name__", "")).rpartition(":")
        return f"{Path(path).name}:{name}" if path else name
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _check_sweep(spec: Spec) -> None:
    """Try every listed value, and both ends of every range, where they will stand."""
    if spec.sweep is None:
        return
    for key, axis in spec.sweep.axes.items():
        for value in axis if isinstance(axis, tuple) else (axis.first, axis.last):
            with_values(spec, {key: value})


def _with_gate(spec: Spec, key: str, value: Any) -> tuple[Gate, ...]:
    names = [gate.name for gate in spec.gates]
    _, _, rest = key.partition(".")
    name, _, param = rest.partition(".")
    if names.count(name) != 1 or not param:
        what = f'there are two gates "{name}"' if name in names else f'there is no gate "{name}"'
        fix = nearest(name, names) or "write gates.NAME.parameter, with NAME a gate of [[gates]] that is there once"
        raise Refused(what if param else f'"{key}" names no parameter', where=f"sweep.{key}", fix=fix)
    k = names.index(name)
    gate = Gate.model_validate({"use": spec.gates[k].use, **spec.gates[k].params, param: value})
    return (*spec.gates[:k], gate, *spec.gates[k + 1 :])


def _with_section(section: Record, key: str, value: Any) -> Record:
    """The section with one key, or one number of the model that the key names, replaced; all of it checked again."""
    _, field, *below = key.split(".")
    known = type(section).model_fields
    if field not in known or len(below) > 1:
        fix = nearest(field, known) or f"the keys of [{key.split('.')[0]}] are {', '.join(known)}"
        raise Refused(f'unknown key "{key}"', where=f"sweep.{key}", fix=fix)
    if below:
        now = getattr(section, field)
        if isinstance(now, Chosen):
            value = {"model": now.model, **now.numbers, below[0]: value}
        elif isinstance(now, Latency) and now.file is None:
            value = {name: getattr(now, name) for name in LATENCY_KEYS} | {below[0]: value}
        else:
            fix = f"give {field} as a table in [{key.split('.')[0]}] first"
            raise Refused(f'"{key}" names nothing', where=f"sweep.{key}", fix=fix)
    return type(section).model_validate({name: getattr(section, name) for name in known} | {field: value})


def _plain(value: Any) -> Any:
    """A dict from Python with numpy's numbers, arrays, tuples and paths as what TOML would have given."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist") and not callable(value):  # numpy's scalars and arrays
        return value.tolist()
    return value
