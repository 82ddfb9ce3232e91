"""Where each key of a TOML file stands, so that a refusal can name the line (tomllib keeps no positions)."""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Callable

Note = Callable[[str, int], None]


def key_lines(text: str) -> dict[str, int]:
    """The line (from 1) of every key and table of a TOML text that tomllib has already accepted.

    Keys are dotted paths; elements of arrays carry their index. Keys of inline tables are found too.

    >>> key_lines("[venue]\\nfee = 2\\n[[gates]]\\nuse = 'calm'\\n")
    {'venue': 1, 'venue.fee': 2, 'gates': 3, 'gates[0]': 3, 'gates[0].use': 4}
    """
    text = text.replace("\r\n", "\n")
    starts = [i + 1 for i, c in enumerate(text) if c == "\n"]
    found: dict[str, int] = {}
    tables: dict[str, int] = {}  # how many elements an array of tables has so far

    def note(path: str, at: int) -> None:
        found.setdefault(path, bisect_right(starts, at) + 1)

    prefix = ""
    i = _blank(text, 0)
    while i < len(text):
        if text[i] == "[":
            array = text.startswith("[[", i)
            parts, end = _key(text, i + (2 if array else 1))
            prefix = ""
            for depth, part in enumerate(parts):
                prefix = _join(prefix, part)
                note(prefix, i)
                last = depth == len(parts) - 1
                if array and last:
                    tables[prefix] = tables.get(prefix, 0) + 1
                if prefix in tables:  # a table below an array of tables belongs to its latest element
                    prefix = f"{prefix}[{tables[prefix] - 1}]"
                    note(prefix, i)
            i = end + (2 if array else 1)
        else:
            i = _pair(text, i, prefix, note)
        i = _blank(text, i)
    return found


def _pair(text: str, i: int, prefix: str, note: Note) -> int:
    """Read `key = value` at i and return the position behind it."""
    at = i
    parts, i = _key(text, i)
    for part in parts:
        prefix = _join(prefix, part)
        note(prefix, at)
    return _value(text, _blank(text, i + 1), prefix, note)  # + 1: the equals sign


def _value(text: str, i: int, path: str, note: Note) -> int:
    if text[i] in "\"'":
        return _string_end(text, i)
    if text[i] not in "[{":
        while i < len(text) and text[i] not in ",]}\n#":
            i += 1
        return i
    array = text[i] == "["
    i = _blank(text, i + 1)
    count = 0
    while text[i] not in "]}":
        if array:
            note(f"{path}[{count}]", i)
            i = _value(text, i, f"{path}[{count}]", note)
            count += 1
        else:
            i = _pair(text, i, path, note)
        i = _blank(text, i)
        if text[i] == ",":
            i = _blank(text, i + 1)
    return i + 1


def _key(text: str, i: int) -> tuple[list[str], int]:
    """A bare, quoted or dotted key at i: its parts, and the position of what follows it."""
    parts = []
    while True:
        i = _blank(text, i)
        if text[i] in "\"'":
            end = _string_end(text, i)
            parts.append(str(tomllib.loads(f"key = {text[i:end]}")["key"]))
        else:
            end = i
            while text[end] not in " \t.=]":
                end += 1
            parts.append(text[i:end])
        i = _blank(text, end)
        if text[i] != ".":
            return parts, i
        i += 1


def _string_end(text: str, i: int) -> int:
    quote = text[i]
    mark = quote * 3 if text.startswith(quote * 3, i) else quote
    i += len(mark)
    while not text.startswith(mark, i):
        i += 2 if quote == '"' and text[i] == "\\" else 1
    i += len(mark)
    while len(mark) == 3 and i < len(text) and text[i] == quote:  # a multi-line string may end in up to two more quotes
        i += 1
    return i


def _blank(text: str, i: int) -> int:
    """The position of the next thing that is neither white space nor a comment."""
    while i < len(text):
        if text[i] == "#":
            end = text.find("\n", i)
            i = len(text) if end < 0 else end
        elif text[i].isspace():
            i += 1
        else:
            break
    return i


def _join(prefix: str, part: str) -> str:
    return f"{prefix}.{part}" if prefix else part
