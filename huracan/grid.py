"""The parameter sets of a sweep: axes of values, their product, and the sets that `where` keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

from huracan.sim.enough_memory import need
from huracan.sim.refusal import Refused
from huracan.words import nearest, show

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Column = npt.NDArray[Any]

Scalar = int | float | bool | str
MOST_SETS = 1_000_000_000
MOST_DRAWN = 10_000_000
MOST_COUNTED = 1_000_000
WORDS = ("where", "draw", "rank_by", "validate")  # keys of [sweep] that name no parameter
RANGE_KEYS = ("from", "to", "step", "count", "log")
MOST_FLAGS = 1 << 26  # combinations of values that are ticked off one by one
PIECE = 1 << 20  # sets that are looked at in one go where nothing is computed of them
VALUE_BYTES = 32  # that a value of an axis takes while the axis is made
CHUNK = 1 << 15  # sets that `where` looks at in one go: they stay in the cache


@dataclass(frozen=True)
class Range:
    """`{ from, to, step }`: from `first` in steps up to `last`, which is included.

    >>> Range(0.1, 0.3, 0.1).values()
    array([0.1, 0.2, 0.3])
    """

    first: int | float
    last: int | float
    step: int | float

    def __len__(self) -> int:
        if all(isinstance(x, int) for x in (self.first, self.last, self.step)):
            return int((self.last - self.first) // self.step) + 1
        return int((self.last - self.first) / self.step + 1e-9) + 1

    def values(self) -> Column:
        """Every value; whole numbers stay whole, and decimals come out as the spec would write them, without drift."""
        import numpy as np

        count = np.arange(len(self), dtype=np.int64)
        places = max(_places(self.first), _places(self.step))
        scale = 10**places
        first, step = (int(Decimal(repr(x)) * scale) for x in (self.first, self.step))
        if places == 0 and all(isinstance(x, int) for x in (self.first, self.step)):
            return first + count * step
        if places <= 22 and abs(first) + len(self) * abs(step) < 2**53:  # both exact, so the quotient is rounded once
            values: Column = (first + count * step) / float(scale)
        else:
            values = self.first + count * float(self.step)
        if abs(values[-1] - self.last) <= 1e-9 * self.step:
            values[-1] = self.last
        return values


@dataclass(frozen=True)
class Between:
    """`{ from, to }` with `count` values evenly spaced, or any value between when sets are drawn; `log`: by ratio.

    Two whole ends mean whole numbers.

    >>> Between(1, 1000, 4, log=True).values()
    array([   1,   10,  100, 1000])
    """

    first: int | float
    last: int | float
    count: int | None = None
    log: bool = False

    @property
    def whole(self) -> bool:
        return isinstance(self.first, int) and isinstance(self.last, int)

    def __len__(self) -> int:
        return len(self.values()) if self.count is not None else 0

    def values(self) -> Column:
        """The `count` values; of whole numbers those that differ."""
        import numpy as np

        assert self.count is not None
        return self.at(np.linspace(0.0, 1.0, self.count) if self.count > 1 else np.zeros(1), grid=True)

    def at(self, share: Column, *, grid: bool = False) -> Column:
        """Values at shares 0 to 1 of the way; of whole numbers each is as likely as the next."""
        import numpy as np

        low, high = (float(self.first), float(self.last))
        if self.whole and not grid:  # so that both ends come up as often as what is between
            low, high = low - 0.5, high + 0.5
        values = low * (high / low) ** share if self.log else low + (high - low) * share
        if not self.whole:
            return np.asarray(np.clip(values, self.first, self.last))
        whole = np.clip(np.rint(values).astype(np.int64), self.first, self.last)
        return np.unique(whole) if grid else whole


Axis = Range | Between | tuple[Scalar, ...]


@dataclass(frozen=True)
class Draw:
    """`draw = { sobol = 4096, seed = 7 }`: so many sets out of the axes instead of every one."""

    method: str  # "sobol", which fills the space evenly, or "random"
    sets: int
    seed: int = 0


@dataclass(frozen=True)
class Sweep:
    """[sweep] as the spec writes it: an axis a key, the condition that keeps a set, and how sets are chosen and tried.

    `rank_by` is the figure whose highest value is the best; `validate` the table [sweep.validate], checked by
    `huracan.validation`.
    """

    axes: dict[str, Axis]
    where: str = ""
    draw: Draw | None = None
    rank_by: str = "sharpe"
    validate: Mapping[str, Any] | None = None

    def plain(self) -> dict[str, Any]:
        """A dict that `read_sweep` reads back."""
        axes: dict[str, Any] = {}
        for key, axis in self.axes.items():
            if isinstance(axis, Range):
                axes[key] = {"from": axis.first, "to": axis.last, "step": axis.step}
            elif isinstance(axis, Between):
                axes[key] = {"from": axis.first, "to": axis.last}
                axes[key] |= {"count": axis.count} if axis.count is not None else {}
                axes[key] |= {"log": True} if axis.log else {}
            else:
                axes[key] = list(axis)
        more: dict[str, Any] = {"where": self.where} if self.where else {}
        if self.draw is not None:
            more["draw"] = {self.draw.method: self.draw.sets, "seed": self.draw.seed}
        if self.rank_by != "sharpe":
            more["rank_by"] = self.rank_by
        if self.validate is not None:
            more["validate"] = dict(self.validate)
        return axes | more


@dataclass(frozen=True)
class Grid:
    """The sets of a sweep, in order, the first key moving slowest; columns are made when asked for."""

    keys: tuple[str, ...]
    axes: tuple[Column, ...]
    kept: npt.NDArray[np.int64] | None  # numbers of the kept sets in the whole product; None keeps all
    drawn: tuple[Column, ...] | None = None  # the sets themselves, where they were drawn

    def __len__(self) -> int:
        if self.drawn is not None:
            return len(self.drawn[0])
        return prod(len(axis) for axis in self.axes) if self.kept is None else len(self.kept)

    def columns(self, first: int = 0, last: int | None = None) -> list[Column]:
        """One array a key, for the sets from `first` to before `last`.

        >>> grid = expand({"fast": [5, 10], "slow": [10, 20], "where": "fast < slow"})
        >>> grid.keys, [column.tolist() for column in grid.columns()]
        (('fast', 'slow'), [[5, 5, 10], [10, 20, 20]])
        """
        import numpy as np

        last = len(self) if last is None else min(last, len(self))
        if self.drawn is not None:
            return [column[first:last] for column in self.drawn]
        sets = np.arange(first, last) if self.kept is None else self.kept[first:last]
        return _product(self.axes, sets)

    def picked(self, sets: npt.NDArray[np.int64]) -> list[Column]:
        """One array a key, for the sets of these numbers.

        >>> import numpy as np
        >>> [c.tolist() for c in expand({"a": [1, 2], "b": [7, 8]}).picked(np.array([3, 0]))]
        [[2, 1], [8, 7]]
        """
        if self.drawn is not None:
            return [column[sets] for column in self.drawn]
        return _product(self.axes, sets if self.kept is None else self.kept[sets])

    def distinct(self, places: Sequence[int], most: int) -> tuple[int, list[Column]]:
        """How many combinations of some keys' values the sets have, and a column a key of them, rising; none of more
        than `most`, which are counted from above where even their number is too large to find out.

        >>> expand({"a": [3, 1], "b": [7, 8], "where": "a < 2 or b > 7"}).distinct([0, 1], 10)
        (3, [array([1, 1, 3]), array([7, 8, 8])])
        """
        import numpy as np

        if self.drawn is not None:
            pairs = [np.unique(self.drawn[place], return_inverse=True) for place in places]
            axes, inside = [axis for axis, _ in pairs], [at.reshape(-1) for _, at in pairs]
            codes = np.unique(np.ravel_multi_index(inside, tuple(map(len, axes))))
        else:
            axes = [self.axes[place] for place in places]
            count = prod(map(len, axes))
            if count > (most if self.kept is None else MOST_FLAGS) and (self.kept is None or len(places) > 1):
                return min(count, len(self)), []
            codes = np.arange(count) if self.kept is None else self._kept_codes(places)
        if len(codes) > most:
            return len(codes), []
        found = [axis[at] for axis, at in zip(axes, np.unravel_index(codes, tuple(map(len, axes))), strict=True)]
        order = np.lexsort(found[::-1])
        return len(codes), [column[order] for column in found]

    def _kept_codes(self, places: Sequence[int]) -> npt.NDArray[np.int64]:
        """The combinations of some axes among the kept sets, each as its number in their product."""
        import numpy as np

        assert self.kept is not None
        lengths = [len(axis) for axis in self.axes]
        seen = np.zeros(prod(lengths[place] for place in places), np.bool_)
        for lo in range(0, len(self.kept), PIECE):
            sets = self.kept[lo : lo + PIECE]
            code = np.zeros(len(sets), np.int64)
            for place in places:
                code = code * lengths[place] + sets // prod(lengths[place + 1 :]) % lengths[place]
            seen[code] = True
        return np.flatnonzero(seen)


def expand(sweep: Sweep | Mapping[str, Any], fixed: Mapping[str, Scalar] | None = None) -> Grid:
    """Every set of the sweep; `fixed` are values that `where` may name although they are not swept."""
    import numpy as np

    from huracan.where import conditions, parse

    sweep = sweep if isinstance(sweep, Sweep) else read_sweep(sweep)
    if not sweep.axes:
        raise Refused("the sweep has no keys", where="sweep", fix="add a key, such as fast = [10, 20]")
    if sweep.draw is not None:
        from huracan.draws import draw

        return draw(sweep, fixed or {})
    total = prod(len(axis) for axis in sweep.axes.values())
    if total > MOST_SETS:
        fix = "make the steps longer, or draw = { sobol = 4096 }; where is only asked after all sets are counted"
        raise Refused(f"{total:,} parameter sets are more than {MOST_SETS:,}", where="sweep", fix=fix)
    keys = tuple(sweep.axes)
    values = sum(len(axis) for axis in sweep.axes.values())
    need(values * VALUE_BYTES, f"{values:,} values of the swept keys", where="sweep", fix="make the steps longer")
    axes = tuple(np.array(axis) if isinstance(axis, tuple) else axis.values() for axis in sweep.axes.values())
    if not sweep.where:
        return Grid(keys, axes, None)
    tree = parse(sweep.where)
    outer = len(axes)  # axes of which only some values are looked at in one go, each with all values of the others
    while outer and prod(len(axis) for axis in axes[outer - 1 :]) <= CHUNK:
        outer -= 1
    inner = prod(len(axis) for axis in axes[outer:])
    across = _product(axes[outer:], np.arange(inner))
    kept: list[npt.NDArray[np.int64]] = []
    for first in range(0, total // inner, max(CHUNK // inner, 1)):
        if len(kept) % 256 == 255:
            fix = "make the steps longer, or the condition narrower"
            need(16 * sum(map(len, kept)), f"the sets that where keeps of {total:,}", where="sweep.where", fix=fix)
        some = np.arange(first, min(first + max(CHUNK // inner, 1), total // inner))
        down = [column[:, np.newaxis] for column in _product(axes[:outer], some)]
        columns = dict(fixed or {}) | dict(zip(keys, [*down, *across], strict=True))
        kept.append(first * inner + np.flatnonzero(conditions(tree, columns, (len(some), inner))))
    grid = Grid(keys, axes, np.concatenate(kept))
    if not len(grid):
        fix = "widen the ranges, or change the condition"
        raise Refused(f'none of {total:,} parameter sets satisfies "{sweep.where}"', where="sweep.where", fix=fix)
    return grid


def read_sweep(raw: Any) -> Any:
    """Check the table [sweep]; dotted keys may be quoted or not.

    >>> read_sweep({"venue": {"fee_taker_bps": [2, 5]}, "fast": {"from": 5, "to": 9, "step": 2}}).axes
    {'venue.fee_taker_bps': (2, 5), 'fast': Range(first=5, last=9, step=2)}
    """
    if raw is None or isinstance(raw, Sweep):
        return raw
    if not isinstance(raw, Mapping):
        raise Refused("sweep must be a table", where="sweep", fix="write [sweep], then a key a line")
    where = raw.get("where", "")
    if not isinstance(where, str):
        raise Refused("where must be a text", where="sweep.where", fix='write where = "fast < slow"')
    if where:
        from huracan.where import parse

        parse(where)
    draw = _read_draw(raw["draw"]) if "draw" in raw else None
    rank_by = raw.get("rank_by", "sharpe")
    if not isinstance(rank_by, str) or not rank_by:
        raise Refused("rank_by must name a figure", where="sweep.rank_by", fix='write rank_by = "sharpe"')
    validate = raw.get("validate")
    if validate is not None:
        from huracan.validation import read_validate

        validate = read_validate(validate)
    axes: dict[str, Axis] = {}
    _read_axes({key: value for key, value in raw.items() if key not in WORDS}, "", axes, drawn=draw is not None)
    return Sweep(axes, where, draw, rank_by, validate)


def _read_draw(table: Any) -> Draw:
    at = "sweep.draw"
    fix = "write draw = { sobol = 4096, seed = 7 }, or random in place of sobol"
    if not isinstance(table, Mapping):
        raise Refused(f"draw must be a table, not {show(table)}", where=at, fix=fix)
    for name in table:
        if name not in ("sobol", "random", "seed"):
            near = nearest(name, ("sobol", "random", "seed")) or fix
            raise Refused(f'unknown key "{name}"', where=f"{at}.{name}", fix=near)
    methods = [name for name in ("sobol", "random") if name in table]
    if len(methods) != 1:
        raise Refused("draw needs one of sobol and random", where=at, fix=fix)
    sets, seed = table[methods[0]], table.get("seed", 0)
    for name, value, least in ((methods[0], sets, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise Refused(f"{name} must be a whole number from {least}, not {show(value)}", where=f"{at}.{name}")
    if sets > MOST_DRAWN:
        raise Refused(f"{sets:,} drawn sets are more than {MOST_DRAWN:,}", where=f"{at}.{methods[0]}", fix="draw fewer")
    return Draw(methods[0], sets, seed)


def _read_axes(table: Mapping[str, Any], prefix: str, axes: dict[str, Axis], *, drawn: bool) -> None:
    for name, value in table.items():
        key = (prefix + name).removeprefix("strategy.params.")  # the long way to say a bare name
        at = f"sweep.{key}"
        if key in axes:
            raise Refused(f'"{key}" is swept twice', where=at, fix="keep one of them")
        if isinstance(value, Mapping) and value and not value.keys() & set(RANGE_KEYS):
            _read_axes(value, f"{prefix}{name}.", axes, drawn=drawn)
        elif isinstance(value, Mapping):
            axes[key] = _read_range(value, at, drawn=drawn)
        elif isinstance(value, (list, tuple)):
            axes[key] = _read_list(value, at)
        else:
            fix = "write { from = 5, to = 60, step = 1 } or a list; a single value belongs in its own section"
            raise Refused(f"{key} must be a range or a list of values, not {show(value)}", where=at, fix=fix)


def _read_range(table: Mapping[str, Any], at: str, *, drawn: bool) -> Range | Between:
    for name in table:
        if name not in RANGE_KEYS:
            fix = "a range has from, to and step, or count in place of step, and log"
            raise Refused(f'unknown key "{name}"', where=f"{at}.{name}", fix=fix)
    log, counted = table.get("log", False), "count" in table
    if not isinstance(log, bool):
        raise Refused(f"log must be true or false, not {show(log)}", where=f"{at}.log")
    needed = ("from", "to") if counted or drawn or log else ("from", "to", "step")
    for name in needed:
        if name not in table:
            raise Refused(f"the range has no {name}", where=at, fix="write { from = 5, to = 60, step = 1 }")
    for name in ("from", "to", "step"):
        value = table.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
            raise Refused(f"{name} must be a finite number, not {show(value)}", where=f"{at}.{name}")
        if abs(value) >= 2**63:
            raise Refused(f"{name} is too large", where=f"{at}.{name}")
    first, last = table["from"], table["to"]
    if last < first:
        raise Refused(f"to = {last} is below from = {first}: no value", where=f"{at}.to", fix="exchange them")
    if "step" not in table:
        return _read_between(table, at, drawn=drawn)
    step = table["step"]
    if counted or log:
        other = "count" if counted else "log"
        fix = "keep step, or count, which goes with log = true"
        raise Refused(f"step and {other} contradict each other", where=f"{at}.{other}", fix=fix)
    if step <= 0:
        raise Refused(f"step must be above 0, not {step}", where=f"{at}.step")
    if (last - first) / step >= MOST_SETS:
        raise Refused(f"the range has more than {MOST_SETS:,} values", where=at, fix="make the step longer")
    return Range(first, last, step)


def _read_between(table: Mapping[str, Any], at: str, *, drawn: bool) -> Between:
    count, log = table.get("count"), table.get("log", False)
    if count is None and not drawn:
        fix = "add count = 20, or draw = { sobol = 4096 } to take any value between"
        raise Refused("a range with log needs a count of values", where=at, fix=fix)
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_COUNTED):
        what = f"count must be a whole number from 1 to {MOST_COUNTED:,}, not {show(count)}"
        raise Refused(what, where=f"{at}.count")
    if log and not table["from"] > 0:
        raise Refused("a range by ratio starts above 0", where=f"{at}.from", fix="leave log out, or start above 0")
    return Between(table["from"], table["to"], count, log)


def _read_list(values: Any, at: str) -> tuple[Scalar, ...]:
    if not values:
        raise Refused("the list has no values", where=at, fix="name at least one")
    kinds = {"number" if type(value) in (int, float) else type(value).__name__ for value in values}
    if kinds not in ({"number"}, {"bool"}, {"str"}):
        raise Refused("a list holds numbers, or true and false, or texts, and only one of these", where=at)
    if kinds == {"number"} and not all(isfinite(value) and abs(value) < 2**63 for value in values):
        raise Refused("the values must be finite numbers, between -2**63 and 2**63", where=at)
    if len(set(values)) < len(values):
        raise Refused("a value is in the list twice", where=at, fix="name each once: a set run twice is no new trial")
    return tuple(values)


def _product(axes: tuple[Column, ...], sets: npt.NDArray[np.int64]) -> list[Column]:
    columns: list[Column] = []
    above = sets
    for axis in reversed(axes):
        sets, above = above, above // len(axis)
        columns.append(axis[sets - above * len(axis)])
    return columns[::-1]


def _places(value: int | float) -> int:
    """Decimal places of a number as the spec writes it."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -int(exponent))
