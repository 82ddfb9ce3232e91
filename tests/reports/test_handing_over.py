"""The same returns in the tools that people already use: equal where the definition is the same, and said where not."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan.reports.markdown import markdown
from huracan.reports.run_page import run_page
from huracan.sim.refusal import Refused
from tests.conftest import ROOT
from tests.reports.made import made_run
from tests.reports.page_text import EVIL


def need(*names: str) -> None:
    """Skip by name without these packages, and fail where CI says that they must be there."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {', '.join(missing)}: make test installs them")


def against_stats() -> Any:
    """The module that writes the table of docs/REPORTS.md."""
    path = ROOT / "bench" / "against_stats.py"
    spec = importlib.util.spec_from_file_location("against_stats", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["against_stats"] = module
    spec.loader.exec_module(module)
    return module


def test_equal_where_the_definition_is_the_same() -> None:
    need("empyrical", "quantstats")
    module = against_stats()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = module.rows_of(module.run())
    same = [each for row in rows for each in row.same]
    assert same.count(True) >= 14
    for row in rows:
        for value, equal in zip((row.empyrical, row.quantstats), row.same, strict=True):
            if value is None or equal is None:
                continue
            assert (value == pytest.approx(row.ours, rel=1e-9)) == equal, row
            assert equal or row.why
    text = (ROOT / "docs" / "REPORTS.md").read_text("utf-8")
    for row in rows:
        assert re.search(rf"\| {re.escape(row.figure)} \| {row.ours:.6f} \|", text), f"make stats-table: {row.figure}"


def test_returns_compound_to_the_total_and_carry_their_days() -> None:
    result = made_run(60 * 24 * 5 + 77, 50)
    r = result.to_empyrical()
    assert np.prod(1.0 + r.to_numpy()) - 1.0 == pytest.approx(result.figures["total_return"], abs=1e-12)
    assert (len(r), len(result.to_empyrical(whole_days=True))) == (6, 5)
    assert str(r.index[0].date()) == "2024-01-01"
    assert r.index.tz is not None
    assert result.to_quantstats().index.tz is None
    assert result.to_quantstats().to_numpy() == pytest.approx(r.to_numpy())


def test_a_run_without_equity_is_refused() -> None:
    with pytest.raises(Refused, match="no returns"):
        replace(made_run(10, 2), equity_rows=made_run(10, 2).equity_rows[:0], numbers={}).to_empyrical()


def test_vectorbt_ends_with_the_same_money() -> None:
    if importlib.util.find_spec("vectorbt") is None:
        pytest.skip("needs vectorbt, whose licence keeps it out of the tests' extra: make parity installs it")
    result = made_run(60 * 24, 40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        portfolio = result.to_vectorbt()
    assert float(portfolio.final_value()) == pytest.approx(result.figures["final_equity"], rel=1e-12)
    assert int(portfolio.orders.count()) == result.fill_rows.size
    with pytest.raises(Refused, match="were not kept"):
        replace(result, market=()).to_vectorbt()


def test_markdown_is_words_and_tables(tmp_path: Path) -> None:
    text = markdown(run_page(made_run(5000, 60))[0])
    assert text.startswith("## made up\n")
    assert "| Total return | Annual return |" in text
    assert "### Where the money went, USDT" in text
    assert "60 trades: too few to tell skill from luck." in text
    widths = {
        line.count("|") for line in text.split("### Where the money")[0].splitlines() if line.startswith("| Total")
    }
    assert widths == {7}
    evil = markdown(run_page(made_run(500, 20, name=EVIL, symbols=(EVIL,)))[0])
    assert "<script" not in evil
    assert "<img" not in evil
