"""docs/SPEC.md names every key of a spec, docs/RESULTS.md every figure and column, and both nothing else's default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import huracan
from huracan.sim.result_tables import EQUITY, FILLS, TRADES, Shape
from huracan.spec_records import Account, Data, Instrument, Record, Run, Venue

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, title: str) -> str:
    """What stands under a heading."""
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", (DOCS / page).read_text("utf-8"), re.M | re.S)
    return str(found)


def words(text: str) -> set[str]:
    """Everything in backticks, taken apart."""
    return {word for code in re.findall(r"`([^`]+)`", text) for word in re.findall(r"\w+", code)}


@pytest.mark.parametrize(
    ("title", "record"),
    [("[run]", Run), ("[data]", Data), ("[data]", Instrument), ("[account]", Account), ("[venue]", Venue)],
)
def test_every_key_stands_in_its_section(title: str, record: type[Record]) -> None:
    known = words(section("SPEC.md", title))
    assert not [key for key in record.model_fields if key not in known and key != "instruments"]


@pytest.mark.parametrize(("title", "record"), [("[run]", Run), ("[account]", Account), ("[venue]", Venue)])
def test_plain_defaults_are_the_ones_that_hold(title: str, record: type[Record]) -> None:
    text = section("SPEC.md", title)
    looked = 0
    for keys, defaults in re.findall(r"^\| (`[^|]+?`) \| (`[^|]+?`) \|", text, re.M):
        for key, said in zip(re.findall(r"`(\w+)`", keys), re.findall(r"`([^`]+)`", defaults), strict=True):
            default = record.model_fields[key].default
            if isinstance(default, bool | int | float | str):
                value = said.strip('"') if isinstance(default, str) else said.replace("_", "")
                assert value.lower() == str(default).lower() or float(value) == default, key
                looked += 1
    assert looked >= 3


@pytest.mark.parametrize("shape", [FILLS, TRADES, EQUITY], ids=lambda shape: shape.file)
def test_every_column_stands_there(shape: Shape) -> None:
    known = words(section("RESULTS.md", shape.file))
    assert not [column.name for column in shape.columns if column.name not in known]


def test_every_figure_stands_there() -> None:
    spec = {"data": {"synthetic": "regimes", "bars": 300, "timeframe": "1m"}, "strategy": {"use": "buy_and_hold"}}
    found = huracan.backtest(spec).figures
    known = words(section("RESULTS.md", "result.json"))
    assert not [name for name in found if name not in known]
