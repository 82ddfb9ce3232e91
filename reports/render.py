"""A page from its template. Whatever a page is given is text: nothing that a user named can become markup."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, page: dict[str, Any]) -> str:
    """The HTML of a page."""
    return environment().get_template(template).render(page)


@cache
def environment() -> Environment:
    """Templates beside this file; a name that a page lacks is an error, never an empty place."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
