"""Wrong run specs, said in one message: what is wrong, in which line, and the nearest key that exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from huracan.sim.refusal import Refused
from huracan.toml_lines import key_lines
from huracan.words import nearest, show

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

WORDS = {
    "missing": "is missing",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
}

LISTS = {
    "gates": "write [[gates]], in double brackets, then use = a gate and its parameters, a line each",
    "data.instruments": "write [[data.instruments]], in double brackets, once for each instrument",
}


def read_toml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The spec's tables, and the line of each of its keys."""
    try:
        if not path.is_file():
            why = "is a folder" if path.is_dir() else "is not there"
            raise Refused(f"the run spec {why}", where=str(path), fix="give the path of a TOML file")
        text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
        return tomllib.loads(text), key_lines(text)
    except UnicodeDecodeError:
        raise Refused("the run spec is not UTF-8 text", where=str(path), fix="save it as UTF-8") from None
    except OSError as error:  # its rights, or a name that is none
        why, fix = f"can't be read: {error.strerror}", "give the path of a TOML file that you may read"
        raise Refused(f"the run spec {why}", where=str(path), fix=fix) from None
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).rstrip(")").rpartition(" (at ")
        where = f"{path.name}, {place}"
        fix = 'check the quotes, brackets and the "=" there; a key may stand only once'
        raise Refused(f"the run spec is not valid TOML: {what}", where=where, fix=fix) from None


def at_line(refused: Refused, name: str, lines: dict[str, int]) -> Refused:
    """The same refusal with the file and the line of its key, or of the nearest table around it."""
    if not name:
        return refused
    line = line_of(refused.where, lines)
    where = f"{name}, line {line}: {refused.where}" if line else f"{name}: {refused.where}" if refused.where else name
    return Refused(refused.what, where=where, fix=refused.fix)


def line_of(key: str, lines: dict[str, int]) -> int:
    """The line of a dotted key; 0 if neither it nor anything around it stands in the file."""
    while key and key not in lines:
        key = re.sub(r"(^|\.)[^.\[\]]*$|\[\d+\]$", "", key)
    return lines.get(key, 0)


def from_pydantic(error: ValidationError, model: type[BaseModel], lines: dict[str, int]) -> Refused:
    """The fault to mend first: an unknown key, as a missing one is often the same key misspelt; else the first line."""
    faults = error.errors(include_url=False)
    faults.sort(key=lambda each: (each["type"] != "extra_forbidden", line_of(dotted(each["loc"]), lines)))
    return _refused(faults[0], model)


def dotted(loc: tuple[int | str, ...]) -> str:
    """A path as the spec writes it; the parameters of a gate stand beside its `use`.

    >>> dotted(("gates", 0, "params", "max_range"))
    'gates[0].max_range'
    """
    if len(loc) > 2 and loc[0] == "gates" and loc[2] == "params":
        loc = loc[:2] + loc[3:]
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _refused(fault: ErrorDetails, model: type[BaseModel]) -> Refused:
    kind, loc = fault["type"], fault["loc"]
    where = dotted(loc)
    context = dict(fault.get("ctx", {}))
    if kind == "refused":
        if context["key"]:
            where = dotted((*loc, *str(context["key"]).split(".")))
        last = re.split(r"[.\]]", where)[-1]
        named = f"{last} {context['what']}" if str(context["what"]).startswith("must be") else str(context["what"])
        return Refused(named, where=where, fix=str(context["fix"]))
    if kind == "extra_forbidden":
        return Refused(f'unknown key "{loc[-1]}"', where=where, fix=_known(str(loc[-1]), loc[:-1], model))
    if kind == "missing":
        fix = f"add the table [{where}]" if len(loc) == 1 else f"add {loc[-1]} = a value"
        return Refused(f'the key "{loc[-1]}" is missing', where=where, fix=fix)
    if kind == "finite_number":
        return Refused(f"{loc[-1]} must be a finite number", where=where)
    words = WORDS.get(kind, fault["msg"])
    for key, value in context.items():
        words = words.replace(f"{{{key}}}", f"{value:g}" if isinstance(value, float) else str(value))
    fix = LISTS.get(where, "") if kind == "tuple_type" else ""
    if kind == "literal_error" and isinstance(fault["input"], str):
        fix = nearest(fault["input"], re.findall(r"'([^']*)'", str(context["expected"])))
    return Refused(f"{loc[-1]} {words}, not {show(fault['input'])}", where=where, fix=fix)


def _known(key: str, parents: tuple[int | str, ...], root: type[BaseModel]) -> str:
    """The nearest key of the same table, or the table in which this key does exist, or all keys there are."""
    at: Any = root
    for part in parents:
        if isinstance(part, str) and at is not None:
            at = _record(at.model_fields[part].annotation) if part in at.model_fields else None
    names = list(at.model_fields) if at is not None else []
    close = nearest(key, names)
    if close:
        return close
    if parents == ("strategy",):
        return "parameters of the strategy stand in [strategy.params]"
    for section, field in root.model_fields.items():
        record = _record(field.annotation)
        if record is not None and key in record.model_fields:
            return f"{key} belongs in [{section}]"
    return f"the keys here are {', '.join(names)}"


def _record(annotation: Any) -> type[BaseModel] | None:
    """The record inside an annotation such as `tuple[Gate, ...] | None`."""
    if hasattr(annotation, "model_fields"):
        found: type[BaseModel] = annotation
        return found
    for inner in get_args(annotation):
        record = _record(inner)
        if record is not None:
            return record
    return None
