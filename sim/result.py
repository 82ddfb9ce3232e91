"""The result of one run: its figures, its records, and the folder they are kept in.

result.json    what the run was and its figures      fills.parquet, trades.parquet, equity.parquet
report.html    the same for people                   market.parquet: the prices that the run saw
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from huracan.sim import layout
from huracan.sim.atomic_files import make_folder, write_together
from huracan.sim.market_file import FILE as MARKET
from huracan.sim.market_file import read_market, write_market
from huracan.sim.refusal import Refused
from huracan.sim.result_tables import EQUITY, FILLS, TRADES, Rows, Shape, arrow_table, read_rows, write_rows
from huracan.sim.series import Bars

FORMAT = 1  # of the files; another number is refused by the reader


@dataclass(frozen=True)
class About:
    """What a run was: everything that its result shows beside figures and records. Times are ns UTC."""

    name: str
    symbols: tuple[str, ...]  # by number of the instrument
    start_ns: int  # first open
    end_ns: int  # last close
    sample: str  # the grid of returns, as "1m"
    seed: int = 0
    spec: dict[str, Any] = field(default_factory=dict)
    spec_hash: str = ""
    code_hash: str = ""
    data_hash: str = ""
    repairs: dict[str, int] = field(default_factory=dict)
    rejections: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As result.json has it."""
        return {
            "start": iso(self.start_ns),
            "end": iso(self.end_ns),
            "sample": self.sample,
            "seed": int(self.seed),
            "spec_hash": self.spec_hash,
            "code_hash": self.code_hash,
            "data_hash": self.data_hash,
            "repairs": {name: int(count) for name, count in self.repairs.items()},
            "rejections": {name: int(count) for name, count in self.rejections.items()},
            "name": self.name,
            "symbols": list(self.symbols),
            "versions": dict(self.versions),
            "spec": plain_json(self.spec),
        }

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> About:
        """The inverse of `plain`."""
        same = ("name", "sample", "seed", "spec", "spec_hash", "code_hash", "data_hash")
        tables = ("spec", "repairs", "rejections", "versions")
        given = {key: raw[key] for key in (*same, *tables)}
        if unlike := [key for key in tables if not isinstance(given[key], Mapping)]:
            raise TypeError(f"{unlike[0]} is no table")
        return cls(symbols=tuple(raw["symbols"]), start_ns=from_iso(raw["start"]), end_ns=from_iso(raw["end"]), **given)


@dataclass(frozen=True, eq=False)
class Result:
    """One run: `figures`, and `fills`, `trades`, `equity` as pandas, made when they are first read.

    >>> about = About("x", ("BTC/USDT",), 0, 60_000_000_000, "1m")
    >>> result = Result(about, {"final_equity": 100.0, "sharpe": None})
    >>> result.figures["sharpe"], result.figures["end"], len(result.fills)
    (None, '1970-01-01T00:01:00Z', 0)
    """

    about: About
    numbers: dict[str, Any]  # of huracan.sim.figures
    fill_rows: Rows = field(default_factory=lambda: np.zeros(0, layout.fill))
    trade_rows: Rows = field(default_factory=lambda: np.zeros(0, layout.trade))
    equity_rows: Rows = field(default_factory=lambda: np.zeros(0, layout.equity))
    market: tuple[Bars, ...] = ()  # the bars of the run by instrument; empty where nobody kept them

    @cached_property
    def figures(self) -> dict[str, Any]:
        """Everything that result.json says; a figure that does not exist is None."""
        return self.numbers | self.about.plain()

    @cached_property
    def fills(self) -> Any:
        """Every execution, a pandas DataFrame."""
        return self._pandas(self.fill_rows, FILLS)

    @cached_property
    def trades(self) -> Any:
        """Every closed trade, from flat to flat, a pandas DataFrame."""
        return self._pandas(self.trade_rows, TRADES)

    @cached_property
    def equity(self) -> Any:
        """Equity at every close, a pandas DataFrame."""
        return self._pandas(self.equity_rows, EQUITY)

    def to_quantstats(self, *, whole_days: bool = False) -> Any:
        """Daily returns as QuantStats takes them, a pandas Series; pass `periods=365` to its statistics."""
        from huracan.reports.handing_over import to_quantstats

        return to_quantstats(self, whole_days=whole_days)

    def to_empyrical(self, *, whole_days: bool = False) -> Any:
        """Daily returns as empyrical takes them, a pandas Series; pass `annualization=365` to its functions."""
        from huracan.reports.handing_over import to_empyrical

        return to_empyrical(self, whole_days=whole_days)

    def to_vectorbt(self) -> Any:
        """A vectorbt `Portfolio` of the same executions; vectorbt must be installed."""
        from huracan.reports.handing_over import to_vectorbt

        return to_vectorbt(self)

    def save(self, folder: str | Path) -> Path:
        """Write the files of the contract into a folder, which is made; the report last, so that it can't lose data."""
        from huracan.reports import write_report

        folder = Path(folder)
        make_folder(folder)
        run, text = self._json()
        symbols = self.about.symbols
        files = {
            FILLS.file: lambda path: write_rows(path, self.fill_rows, FILLS, symbols, run),
            TRADES.file: lambda path: write_rows(path, self.trade_rows, TRADES, symbols, run),
            EQUITY.file: lambda path: write_rows(path, self.equity_rows, EQUITY, symbols, run),
            "result.json": lambda path: write_text(path, text),
        }
        if self.market:
            files = {MARKET: lambda path: write_market(path, self.market, run), **files}
        else:
            (folder / MARKET).unlink(missing_ok=True)  # of an earlier run in the same folder
        write_together(folder, files)
        write_together(folder, {"report.html": lambda path: write_report(self, path)})
        return folder

    def _json(self) -> tuple[str, str]:
        """What names this run in all its files, and the text of result.json."""
        content = {"format": FORMAT, **self.figures}
        digest = hashlib.sha256(json.dumps(content, allow_nan=False).encode())
        for rows in (self.fill_rows, self.trade_rows, self.equity_rows):
            digest.update(np.ascontiguousarray(rows).tobytes())
        run = digest.hexdigest()[:16]
        return run, json.dumps(content | {"run": run}, indent=1, allow_nan=False, ensure_ascii=False) + "\n"

    def _pandas(self, rows: Rows, shape: Shape) -> Any:
        return arrow_table(rows, shape, self.about.symbols).to_pandas()


def load_result(folder: str | Path) -> Result:
    """The result that `Result.save` wrote; a folder without one, with half of one or of another format is refused."""
    folder = Path(folder)
    raw = read_json(folder, "result.json", "backtest")
    try:
        about, run = About.read(raw), raw["run"]
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(
            f"result.json lacks what it needs: {error}", where=str(folder), fix="run the backtest again"
        ) from None
    others = {"format", "run", *about.plain()}
    numbers = {key: value for key, value in raw.items() if key not in others}
    if texts := [key for key, value in numbers.items() if isinstance(value, str)]:
        fix = "run the backtest again: somebody has changed the file"
        raise Refused(f"{texts[0]} is {numbers[texts[0]]!r}, which is no number", where=str(folder), fix=fix)
    fills, trades, equity = (read_rows(folder, shape, about.symbols, run) for shape in (FILLS, TRADES, EQUITY))
    return Result(about, numbers, fills, trades, equity, read_market(folder, run))


def read_json(folder: Path, name: str, command: str) -> dict[str, Any]:
    """A result's json file, refused by name if it is missing, broken, or of a format that this version can't read."""
    fix = f"give a folder that huracan {command} wrote, or run it again"
    try:
        raw = json.loads((folder / name).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise Refused(f"there is no {name}", where=str(folder), fix=fix) from None
    except (OSError, ValueError) as error:
        raise Refused(f"{name} can't be read: {error}", where=str(folder), fix=fix) from None
    found = raw.get("format") if isinstance(raw, dict) else None
    if found != FORMAT:
        fix = f"read it with the version that wrote it, or run huracan {command} again"
        raise Refused(f"{name} is of format {found}, and this version reads {FORMAT}", where=str(folder), fix=fix)
    return dict(raw)


def write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="replace")


def plain_json(value: Any) -> Any:
    """Tables, lists and scalars as JSON has them; NaN and infinities become the text that TOML writes for them.

    >>> plain_json({"x": (1, float("inf")), "path": Path("a")})
    {'x': [1, 'inf'], 'path': 'a'}
    """
    if isinstance(value, Mapping):
        return {str(key): plain_json(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(each) for each in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return plain_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def iso(ns: int) -> str:
    """A time in ns UTC as ISO text, without digits that say nothing.

    >>> iso(0), iso(1_500_000_000)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500Z')
    """
    unit = next(unit for unit, step in (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)) if int(ns) % step == 0)
    return f"{np.datetime64(int(ns), 'ns').astype(f'M8[{unit}]')}Z"


def from_iso(text: str) -> int:
    """The inverse of `iso`.

    >>> from_iso("1970-01-01T00:00:01.500Z")
    1500000000
    """
    return int(np.datetime64(text.removesuffix("Z"), "ns").astype(np.int64))
