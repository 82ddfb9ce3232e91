"""The worst and the best that the path inside the bars can do to a run, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huracan.sim.atomic_files import write_together

if TYPE_CHECKING:
    from huracan.spec import Spec

POLICIES = {"worst": "pessimistic", "best": "optimistic"}


def run_bounds(spec: Spec, *, python: bool = False) -> dict[str, dict[str, Any]]:
    """The figures of the same run under the pessimistic and the optimistic path.

    Bars do not tell in which order they reached their prices; what lies between these two is what they leave open.
    """
    from huracan import run
    from huracan.spec import with_values

    figures = {}
    for name, policy in POLICIES.items():
        figures[name] = dict(run.backtest(with_values(spec, {"venue.intrabar": policy}), python=python).figures)
    return figures


def write_bounds(out: Path, bounds: dict[str, dict[str, Any]]) -> None:
    """`path_bounds.json`: the figures of result.json, for `worst` and for `best`."""
    text = json.dumps(bounds, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_together(out, {"path_bounds.json": lambda path: path.write_text(text, encoding="utf-8")})
