"""The one way input is refused: what is wrong, where it stands, and what to do about it."""

from __future__ import annotations


class Refused(Exception):
    """Input that huracan will not run on; the command line prints it as one message and exits with 2.

    >>> str(Refused("tick must be above zero", where="[data.rules] tick", fix="give the exchange's price step"))
    "tick must be above zero (at [data.rules] tick). To mend it: give the exchange's price step"
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        text = what
        if where:
            text += f" (at {where})"
        if fix:
            text += f". To mend it: {fix}"
        super().__init__(text)
