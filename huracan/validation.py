"""[sweep.validate]: how the best set of one part of the time is tried on another; read, checked, laid over the cuts.

method = "walk_forward"     folds = 5, or train = "90d" and test = "30d"; anchored = false
method = "kfold"            folds = 5;                  purge = "1d", embargo = "1d"
method = "combinatorial"    folds = 6, test_folds = 2;  purge = "1d", embargo = "1d"
holdout = 0.2               the last fifth ("60d": the last 60 days) is kept from all choosing; alone or beside them
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

from huracan.sim.cuts import Cuts
from huracan.sim.folds import Split, combinatorial, paths_of, purged_folds, walk_forward, walk_in_folds
from huracan.sim.refusal import Refused
from huracan.words import nearest, show

AT = "sweep.validate"
METHODS = {
    "walk_forward": ("folds", "train", "test", "anchored"),
    "kfold": ("folds", "purge", "embargo"),
    "combinatorial": ("folds", "test_folds", "purge", "embargo"),
}
FOLDS = {"walk_forward": 5, "kfold": 5, "combinatorial": 6}
MOST_SPLITS = 1000


@dataclass(frozen=True)
class Validation:
    """The splits of a sweep in cuts, of the `inside` first cuts; what comes after them is held out."""

    method: str
    splits: tuple[Split, ...]
    paths: int
    inside: int
    count: int
    purge: int = 0
    embargo: int = 0


def read_validate(table: Any) -> dict[str, Any]:
    """The table with its defaults filled in, refused where it is wrong.

    >>> read_validate({"method": "kfold", "folds": 4})
    {'method': 'kfold', 'folds': 4}
    """
    if not isinstance(table, Mapping):
        raise Refused(f"validate must be a table, not {show(table)}", where=AT, fix='write method = "walk_forward"')
    method = table.get("method", "")
    if method not in METHODS and ("method" in table or "holdout" not in table):
        fix = (nearest(method, METHODS) if isinstance(method, str) and method else "") or f"use {' or '.join(METHODS)}"
        raise Refused(f"{show(method)} is no method" if method else "no method", where=f"{AT}.method", fix=fix)
    known = ("method", "holdout", *METHODS.get(method, ()))
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            fix = nearest(key, known) or f"its keys are {', '.join(known)}"
            raise Refused(f'unknown key "{key}"', where=f"{AT}.{key}", fix=fix)
        found[key] = _checked(key, value)
    folds = found.get("folds", FOLDS.get(method, 2))
    if ("train" in found) != ("test" in found):
        raise Refused("train and test go together", where=AT, fix='give both, as train = "90d", test = "30d"')
    if "train" in found and "folds" in found:
        raise Refused("folds and train contradict each other", where=f"{AT}.folds", fix="keep folds, or train and test")
    if not 1 <= found.get("test_folds", 1) < max(folds, 2):
        raise Refused("test_folds must be fewer than folds", where=f"{AT}.test_folds", fix="give 2")
    if method == "combinatorial" and comb(folds, found.get("test_folds", 2)) > MOST_SPLITS:
        what = f"that makes {comb(folds, found.get('test_folds', 2)):,} splits, more than {MOST_SPLITS:,}"
        raise Refused(what, where=f"{AT}.folds", fix="give fewer folds")
    return found


def _checked(key: str, value: Any) -> Any:
    at = f"{AT}.{key}"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if key in ("folds", "test_folds"):
        least = 1 if key == "test_folds" else 2
        if not number or int(value) != value or not least <= value <= 100:
            raise Refused(f"{key} must be a whole number from {least} to 100, not {show(value)}", where=at)
        return int(value)
    if key == "anchored":
        if not isinstance(value, bool):
            raise Refused(f"anchored must be true or false, not {show(value)}", where=at)
        return value
    if key == "holdout" and number:
        if not 0.0 < value < 1.0:
            raise Refused(f"holdout must be between 0 and 1, not {value}", where=at, fix='give 0.2, or a time as "60d"')
        return float(value)
    if key == "method":
        return value
    if not isinstance(value, str):
        what = "a share or a time" if key == "holdout" else "a time"
        raise Refused(f"{key} must be {what}, not {show(value)}", where=at, fix=f'write {key} = "5d"')
    if value != "0":
        _ns(value, at)
    return value


def _ns(text: str, at: str) -> int:
    from huracan.data.timeframes import parse_length

    found = 0 if text == "0" else parse_length(text)
    if found is None:
        raise Refused(f"{show(text)} is no length of time", where=at, fix='write a number and s, m, h, d or w: "30d"')
    return found


def lay_out(table: Mapping[str, Any] | None, cuts: Cuts) -> Validation | None:
    """The splits over these cuts; refused if the run is too short for them."""
    if table is None:
        return None
    count = len(cuts)

    def of(key: str, default: int) -> int:
        """A length in cuts, rounded up."""
        return -(-_ns(table[key], f"{AT}.{key}") // cuts.step_ns) if key in table else default

    held = table.get("holdout")
    inside = count
    if held is not None:
        inside -= max(round(held * count), 1) if isinstance(held, float) else of("holdout", 0)
        if inside < 4 or count - inside < 2:
            kept, seconds = max(inside, 0), cuts.step_ns // 10**9
            what = f"the run has {count} cuts of {seconds:,} s, and {kept} of them before the held-out end"
            fix = f"hold out {'less' if inside < 4 else 'more'}, or give a longer run"
            raise Refused(what, where=f"{AT}.holdout", fix=fix)
    method = table.get("method", "")
    folds = table.get("folds", FOLDS.get(method, 2))
    purge, embargo = of("purge", 1), of("embargo", 1)
    if method == "walk_forward":
        anchored = table.get("anchored", False)
        if "train" in table:
            train, test = of("train", 1), of("test", 1)
            splits = walk_forward(inside, train, test, anchored=anchored) if train and test else []
        else:
            splits = walk_in_folds(inside, folds, anchored=anchored)
        return _long_enough(Validation(method, tuple(splits), 1, inside, count), table)
    if method == "kfold":
        splits = purged_folds(inside, folds, purge, embargo)
        return _long_enough(Validation(method, tuple(splits), 1, inside, count, purge, embargo), table)
    if method == "combinatorial":
        tests = table.get("test_folds", 2)
        splits = combinatorial(inside, folds, tests, purge, embargo)
        paths = paths_of(folds, tests)
        return _long_enough(Validation(method, tuple(splits), paths, inside, count, purge, embargo), table)
    return Validation("holdout", (), 1, inside, count)


def _long_enough(found: Validation, table: Mapping[str, Any]) -> Validation:
    """Every part that chooses and every part that is looked at holds at least two cuts."""
    short = [s for s in found.splits for part in (s.train, s.test) if sum(hi - lo for lo, hi in part) < 2]
    if short or not found.splits:
        what = f"the run is too short for these folds: {found.inside} cuts in time to choose on and to look at"
        fix = "give fewer folds, shorter train and test, or a longer run"
        raise Refused(what, where=AT, fix=fix)
    return found
