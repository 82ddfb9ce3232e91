"""Words of refusals that several readers share: the nearest known word, and a value as its writer knows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the most similar known word, or nothing.

    >>> nearest("fee_takr_bps", ["fee_maker_bps", "fee_taker_bps"])
    'did you mean "fee_taker_bps"?'
    """
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def show(value: Any) -> str:
    """A value as the reader of a TOML file knows it.

    >>> show(True), show("x"), show([1])
    ('true', 'the text "x"', 'the list [1]')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the text "{value[:60]}"'
    kind = "the list " if isinstance(value, (list, tuple)) else "the table " if isinstance(value, dict) else ""
    text = repr(value)
    return kind + (text if len(text) <= 60 else text[:57] + "...")
