"""The first panels of a sweep's page: judges, halves of the time, splits, and words where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from huracan.reports.luck_panel import HONESTY, honesty_panel, out_of_sample_panel
from huracan.reports.parts import Plot, Spans, Table, Text
from huracan.reports.render import Charts
from huracan.sim.cuts import DAY_NS, Cuts
from huracan.sim.folds import combinatorial, walk_forward
from huracan.sim.judgement import Evidence
from huracan.sim.out_of_sample import findings, held_out
from huracan.sim.sweep_result import SweepResult
from tests.reports.page_text import EVIL, page_of
from tests.reports.test_report import SHARPES, sweep

DAYS = 400
CUTS = Cuts(DAY_NS, np.arange(1, DAYS + 1) * DAY_NS, np.arange(DAYS))


def judged(sample: int = 16) -> SweepResult:
    """A sweep of 16 sets with the returns to judge it by, and a walk forward with a held-out end."""
    returns = np.random.default_rng(4).normal(0.0005, 0.01, (DAYS, 16))
    splits = walk_forward(320, 80, 60, anchored=True)
    chosen = [(k, returns[:, k]) for k in range(len(splits) - 1)]
    found = findings("walk_forward", splits, [*chosen, None], 1, CUTS, lambda n: {"fast": n, EVIL: "x"})
    found["holdout"] = held_out(returns[:, 15], 320, CUTS, 15)
    evidence = Evidence(returns, 15, sample, DAY_NS, 7)
    return replace(sweep(SHARPES), evidence=evidence, validation=found)


def test_the_judges_come_first(tmp_path: Path) -> None:
    result = judged()
    panel = honesty_panel(result)
    table = next(part for part in panel.parts if isinstance(part, Table))
    assert [row[0] for row in table.rows] == [words for _, words, _, _ in HONESTY]
    shown = {row[0]: row[1] for row in table.rows}
    assert shown["Trials before"] == "7"
    assert shown["Probability of overfitting"].endswith("%")
    assert shown["SPA p"].endswith("%")
    assert [part for part in panel.parts if isinstance(part, Spans)]
    page = page_of(result, tmp_path)
    assert page.html.index('id="honesty"') < page.html.index('id="out-of-sample"') < page.html.index('id="sets"')


def test_a_sample_is_said() -> None:
    words = [part.text for part in honesty_panel(judged(sample=9)).parts if isinstance(part, Text)]
    assert "Luck is judged on a sample of 9 of 16 sets, and the best." in words


def test_in_and_out_of_sample(tmp_path: Path) -> None:
    result, charts = judged(), Charts()
    panel = out_of_sample_panel(result, charts)
    assert panel is not None
    assert [part.name for part in panel.parts if isinstance(part, Plot)] == ["halves"]
    assert charts.pack.described[charts.plots["halves"]["x"]]["n"] == 200
    table = next(part for part in panel.parts if isinstance(part, Table))
    assert len(table.rows) == 4
    assert table.rows[-1][1:] == ("n/a", "", "n/a", "n/a")  # a split in which no set had a figure
    words = " ".join(part.text for part in panel.parts if isinstance(part, Text))
    assert "kept from all choosing" in words
    page = page_of(result, tmp_path)
    assert EVIL not in page.html


def test_paths() -> None:
    returns = np.random.default_rng(4).normal(0.0, 0.01, (DAYS, 3))
    splits = combinatorial(DAYS, 6, 2, 1, 1)
    found = findings("combinatorial", splits, [(k % 3, returns[:, k % 3]) for k in range(15)], 5, CUTS, lambda n: {})
    assert len(found["paths"]) == 5
    assert None not in found["paths"]
    panel = out_of_sample_panel(replace(sweep(SHARPES), validation=found), Charts())
    assert panel is not None
    assert any(isinstance(p, Text) and p.text.startswith("5 paths through all folds") for p in panel.parts)


def test_nothing_known() -> None:
    assert out_of_sample_panel(sweep(SHARPES), Charts()) is None
    shown = honesty_panel(sweep(SHARPES)).parts
    assert not [part for part in shown if isinstance(part, Spans)]
