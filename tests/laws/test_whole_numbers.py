"""Law 3 where whole numbers leave 64 bits: they begin anew at the other end, compiled or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = """
from huracan import buy, close, inline, param, strategy

FAR = 9223372036854775807


@inline
def twisted(n):
    return n * 6364136223846793005 + 1442695040888963407


@strategy(params={"qty": param(1.0, 0.0)}, state={"n": 1, "m": 7, "up": 0})
def drawn(ctx):
    u = ctx.u
    grown = u.n * 3
    u.n = grown
    u.m = twisted(u.m)
    u.up += FAR
    mine = 5
    for _ in range(40):
        mine = mine * 7 - 1
    if (grown < 0) != (u.m - FAR > 0) and (u.up + mine < u.up or u.n * 3 < u.n):
        if ctx.pos.qty == 0.0:
            buy(ctx, ctx.p.qty)
        else:
            close(ctx)
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled here")
def test_whole_numbers_wrap_alike_compiled_and_not(tmp_path: Path) -> None:
    """LLVM takes a signed sum to stay in 64 bits where it is told so: `n * 3 < 0` became `n < 0`."""
    (tmp_path / "drawn.py").write_text(SOURCE)
    (tmp_path / "spec.toml").write_text(
        '[data]\nsynthetic = "regimes"\nbars = 1500\ntimeframe = "1m"\n[strategy]\nuse = "drawn.py:drawn"\n'
    )
    said = []
    for more in ([], ["--python"]):
        words = ["backtest", str(tmp_path / "spec.toml"), "--out", str(tmp_path / f"o{len(more)}"), "--json", *more]
        command = [
            sys.executable,
            "-c",
            "import sys; from huracan import cli; sys.exit(cli.main(sys.argv[1:]))",
            *words,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout))
    assert said[0]["fills"] == said[1]["fills"] > 100
    assert said[0]["final_equity"] == said[1]["final_equity"]
