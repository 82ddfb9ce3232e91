"""Helpers that are given an instrument that does not exist: refused by name or nothing, compiled and with --python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STRATEGY = '''from huracan import cancel_all, fraction_quantity, keep, limit, pending, size, strategy, target_fraction


@strategy(state=dict(orders=0, other=0.0))
def far(ctx):
    """One order works at its own instrument; another is asked for what is not there."""
    if ctx.acct.row == 0:
        limit(ctx, 1, 1.0, 0.5 * ctx.bar.close)
    ctx.u.orders += pending(ctx, 3) + cancel_all(ctx, 3)
    ctx.u.other += fraction_quantity(ctx, 0.5, 3) + size(ctx, 0.0, 0.5, 3)
    target_fraction(ctx, 0.5, 3)
    target_fraction(ctx, 0.0, 1_000_000_000)
    keep(ctx, 1, ctx.bar.close, 1.0, 3)
    if ctx.u.orders != 0 or ctx.u.other != 0.0:
        limit(ctx, 1, -1.0, 1.0)
'''
SPEC = '[data]\nsynthetic = "regimes"\nbars = 50\n[strategy]\nuse = "own.py:far"\n'


@pytest.mark.parametrize("how", [[], ["--python"], ["--check-bounds"]])
def test_it_is_refused_by_name_or_nothing(tmp_path: Path, how: list[str]) -> None:
    (tmp_path / "own.py").write_text(STRATEGY)
    (tmp_path / "run.toml").write_text(SPEC)
    code = "import sys; from huracan.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "backtest", "run.toml", "--out", "o", "--json", *how]
    environment = os.environ | {"HURACAN_STORE": str(tmp_path / "store")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rejections"] == {"bad_instrument": 150}
