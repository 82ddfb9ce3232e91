"""The parameter sets of a sweep: axes of values, their product, and the sets that `where` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

from huracan.sim.refusal import Refused
from huracan.words import show

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Column = npt.NDArray[Any]

Scalar = int | float | bool | str
MOST_SETS = 1_000_000_000
CHUNK = 1 << 20  # sets that `where` looks at in one go


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
class Sweep:
    """[sweep] as the spec writes it: an axis a key, and the condition that keeps a set."""

    axes: dict[str, Range | tuple[Scalar, ...]]
    where: str = ""

    def plain(self) -> dict[str, Any]:
        """A dict that `read_sweep` reads back."""
        axes: dict[str, Any] = {}
        for key, axis in self.axes.items():
            if isinstance(axis, Range):
                axes[key] = {"from": axis.first, "to": axis.last, "step": axis.step}
            else:
                axes[key] = list(axis)
        return axes | ({"where": self.where} if self.where else {})


@dataclass(frozen=True)
class Grid:
    """The sets of a sweep, in order, the first key moving slowest; columns are made when asked for."""

    keys: tuple[str, ...]
    axes: tuple[Column, ...]
    kept: npt.NDArray[np.int64] | None  # numbers of the kept sets in the whole product; None keeps all

    def __len__(self) -> int:
        return prod(len(axis) for axis in self.axes) if self.kept is None else len(self.kept)

    def columns(self, first: int = 0, last: int | None = None) -> list[Column]:
        """One array a key, for the sets from `first` to before `last`.

        >>> grid = expand({"fast": [5, 10], "slow": [10, 20], "where": "fast < slow"})
        >>> grid.keys, [column.tolist() for column in grid.columns()]
        (('fast', 'slow'), [[5, 5, 10], [10, 20, 20]])
        """
        import numpy as np

        last = len(self) if last is None else min(last, len(self))
        sets = np.arange(first, last) if self.kept is None else self.kept[first:last]
        return _product(self.axes, sets)


def expand(sweep: Sweep | Mapping[str, Any], fixed: Mapping[str, Scalar] | None = None) -> Grid:
    """Every set of the sweep; `fixed` are values that `where` may name although they are not swept."""
    import numpy as np

    from huracan.where import conditions, parse

    sweep = sweep if isinstance(sweep, Sweep) else read_sweep(sweep)
    if not sweep.axes:
        raise Refused("the sweep has no keys", where="sweep", fix="add a key, such as fast = [10, 20]")
    total = prod(len(axis) for axis in sweep.axes.values())
    if total > MOST_SETS:
        fix = "make the steps longer; where is only asked after all sets are counted"
        raise Refused(f"{total:,} parameter sets are more than {MOST_SETS:,}", where="sweep", fix=fix)
    keys = tuple(sweep.axes)
    axes = tuple(axis.values() if isinstance(axis, Range) else np.array(axis) for axis in sweep.axes.values())
    if not sweep.where:
        return Grid(keys, axes, None)
    tree = parse(sweep.where)
    kept = []
    for first in range(0, total, CHUNK):
        sets = np.arange(first, min(first + CHUNK, total))
        columns = dict(fixed or {}) | dict(zip(keys, _product(axes, sets), strict=True))
        kept.append(sets[conditions(tree, columns, len(sets))])
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
    axes: dict[str, Range | tuple[Scalar, ...]] = {}
    _read_axes({key: value for key, value in raw.items() if key != "where"}, "", axes)
    return Sweep(axes, where)


def _read_axes(table: Mapping[str, Any], prefix: str, axes: dict[str, Range | tuple[Scalar, ...]]) -> None:
    for name, value in table.items():
        key = prefix + name
        at = f"sweep.{key}"
        if key in axes:
            raise Refused(f'"{key}" is swept twice', where=at, fix="keep one of them")
        if isinstance(value, Mapping) and value and not value.keys() & {"from", "to", "step"}:
            _read_axes(value, f"{key}.", axes)
        elif isinstance(value, Mapping):
            axes[key] = _read_range(value, at)
        elif isinstance(value, (list, tuple)):
            axes[key] = _read_list(value, at)
        else:
            fix = "write { from = 5, to = 60, step = 1 } or a list; a single value belongs in its own section"
            raise Refused(f"{key} must be a range or a list of values, not {show(value)}", where=at, fix=fix)


def _read_range(table: Mapping[str, Any], at: str) -> Range:
    for name in (*table, "from", "to", "step"):
        if name not in ("from", "to", "step"):
            raise Refused(f'unknown key "{name}"', where=f"{at}.{name}", fix="a range has from, to and step")
        if name not in table:
            raise Refused(f"the range has no {name}", where=at, fix="write { from = 5, to = 60, step = 1 }")
        value = table[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
            raise Refused(f"{name} must be a finite number, not {show(value)}", where=f"{at}.{name}")
        if abs(value) >= 2**63:
            raise Refused(f"{name} is too large", where=f"{at}.{name}")
    first, last, step = table["from"], table["to"], table["step"]
    if step <= 0:
        raise Refused(f"step must be above 0, not {step}", where=f"{at}.step")
    if last < first:
        raise Refused(f"to = {last} is below from = {first}: no value", where=f"{at}.to", fix="exchange them")
    if (last - first) / step >= MOST_SETS:
        raise Refused(f"the range has more than {MOST_SETS:,} values", where=at, fix="make the step longer")
    return Range(first, last, step)


def _read_list(values: Any, at: str) -> tuple[Scalar, ...]:
    if not values:
        raise Refused("the list has no values", where=at, fix="name at least one")
    kinds = {"number" if type(value) in (int, float) else type(value).__name__ for value in values}
    if kinds not in ({"number"}, {"bool"}, {"str"}):
        raise Refused("a list holds numbers, or true and false, or texts, and only one of these", where=at)
    if kinds == {"number"} and not all(isfinite(value) and abs(value) < 2**63 for value in values):
        raise Refused("the values must be finite numbers", where=at)
    if len(set(values)) < len(values):
        raise Refused("a value is in the list twice", where=at, fix="name each once: a set run twice is no new trial")
    return tuple(values)


def _product(axes: tuple[Column, ...], sets: npt.NDArray[np.int64]) -> list[Column]:
    columns: list[Column] = []
    stride = 1
    for axis in reversed(axes):
        columns.append(axis[sets // stride % len(axis)])
        stride *= len(axis)
    return columns[::-1]


def _places(value: int | float) -> int:
    """Decimal places of a number as the spec writes it."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -int(exponent))
