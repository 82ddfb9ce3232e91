"""A sweep from its spec to its files: the same rows however it was run, stopped, killed and gone on with."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import huracan
from huracan import cli, sweep_blocks, sweep_gather, sweeping
from huracan.rerun import rerun
from huracan.sim import atomic_files
from huracan.sim.refusal import Refused
from huracan.sim.sweep_result import load_sweep
from huracan.spec import load_spec
from huracan.sweep_blocks import Deal, blocks, deal_for
from huracan.sweep_job import prepare
from huracan.sweep_plan import plan_sweep
from huracan.trials import count_trials, tried_before

SPEC: dict[str, Any] = {
    "data": {"synthetic": "regimes", "bars": 3000, "symbols": ["ETH/USDT"]},
    "run": {"seed": 3},
    "account": {"cash": 100_000.0},
    "strategy": {"use": "sma_cross", "params": {"qty": 1.0}},
}
SWEEP = {"fast": {"from": 3, "to": 12, "step": 1}, "slow": [20, 30, 45, 60], "venue.fee_taker_bps": [0.0, 5.0]}
WALK = {"method": "walk_forward", "folds": 4}


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials are counted in a store of the test's own."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))


def spec(**more: Any) -> dict[str, Any]:
    return {**SPEC, "sweep": {**SWEEP, **more}}


def content(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """The table's rows, and sweep.json without what may differ between two times of asking."""
    import pyarrow.parquet as pq

    found = json.loads((folder / "sweep.json").read_text())
    table = pq.read_table(folder / "sweep.parquet").replace_schema_metadata(None)
    return repr(table.to_pydict()).encode(), found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sweep of 80 sets, uninterrupted."""
    folder = tmp_path_factory.mktemp("whole")
    before, os.environ["HURACAN_STORE"] = os.environ["HURACAN_STORE"], str(folder / "store")
    huracan.sweep(spec(validate=WALK), out=folder / "o")
    os.environ["HURACAN_STORE"] = before
    return folder / "o"


def small_blocks(monkeypatch: pytest.MonkeyPatch, lanes: int) -> None:
    monkeypatch.setattr(sweeping, "deal_for", lambda *_: Deal(lanes, 100))


# --- law 2


@pytest.mark.parametrize(("threads", "lanes"), [(1, 80), (3, 7), (2, 1)])
def test_threads_and_blocks_dont_matter(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, lanes: int
) -> None:
    monkeypatch.setenv("HURACAN_THREADS", str(threads))
    small_blocks(monkeypatch, lanes)
    huracan.sweep(spec(validate=WALK), out=tmp_path / "o")
    assert content(tmp_path / "o") == content(whole)
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["report.html", "sweep.json", "sweep.parquet"]


@pytest.mark.parametrize("asked", ["two", "-1", "1.5", "²"])
def test_threads_that_are_no_number_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("HURACAN_THREADS", asked)
    with pytest.raises(Refused, match="HURACAN_THREADS is"):
        huracan.sweep(spec(slow=[20]), out=tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_memory_or_folder_doesnt_matter(whole: Path) -> None:
    here, there = huracan.sweep(spec(validate=WALK)), load_sweep(whole)
    assert list(here.columns) == list(there.columns)
    for name in here.columns:
        assert here.columns[name].tobytes() == there.columns[name].tobytes(), name
    assert here.honesty == there.honesty
    assert here.validation == there.validation


def test_a_sweep_that_was_stopped_goes_on_to_the_same_result(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(monkeypatch, 9)
    monkeypatch.setenv("HURACAN_THREADS", "1")
    seen: list[int] = []

    def interrupt(done: int, total: int) -> None:
        seen.append(done)
        if done >= 30:
            raise KeyboardInterrupt

    part = huracan.sweep(spec(validate=WALK), out=tmp_path / "o", progress=interrupt)
    assert 0 < part.sets < part.planned == 80  # type: ignore[operator]
    _, found = content(tmp_path / "o")
    assert found["sets"] == part.sets
    assert len(json.loads((tmp_path / "o/sweep.json").read_text())["best"]) > 20
    full = content(whole)
    numbers = load_sweep(tmp_path / "o").columns["set"]
    assert (load_sweep(tmp_path / "o").columns["sharpe"] == load_sweep(whole).columns["sharpe"][numbers]).all()
    small_blocks(monkeypatch, 50)  # the checkpoint says how the sets were dealt out, whatever would be chosen now
    with pytest.raises(Refused, match="unfinished sweep"):
        huracan.sweep(spec(validate=WALK), out=tmp_path / "o")
    huracan.sweep(spec(validate=WALK), out=tmp_path / "o", resume=True)
    assert content(tmp_path / "o") == full
    assert not (tmp_path / "o" / "checkpoint").exists()


SLOW_KILL = """
import os, sys, time
from huracan import sweeping, sweep_parts
from huracan.sweep_blocks import Deal
sweeping.deal_for = lambda *_: Deal(4, 100)
keep = sweep_parts.Parts.save
def slowly(self, name, part):
    keep(self, name, part)
    time.sleep(0.1)
sweep_parts.Parts.save = slowly
from huracan.cli import main
sys.exit(main(sys.argv[1:]))
"""


def toml(path: Path, **more: Any) -> Path:
    """The spec as a file."""
    lines = [
        "[data]\nsynthetic = 'regimes'\nbars = 3000\nsymbols = ['ETH/USDT']",
        "[run]\nseed = 3\n[account]\ncash = 100_000.0",
        "[strategy]\nuse = 'sma_cross'\n[strategy.params]\nqty = 1.0",
        "[sweep]\nfast = { from = 3, to = 12, step = 1 }\nslow = [20, 30, 45, 60]\nvenue.fee_taker_bps = [0.0, 5.0]",
        "[sweep.validate]\nmethod = 'walk_forward'\nfolds = 4\n",
    ]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_kill_costs_only_what_was_under_way(whole: Path, tmp_path: Path) -> None:
    file, out = toml(tmp_path / "spec.toml"), tmp_path / "o"
    words = [sys.executable, "-c", SLOW_KILL, "sweep", str(file), "--out", str(out)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 120.0
    while len(list(out.glob("checkpoint/part-*.parquet"))) < 5 and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    kept = {path: path.stat().st_mtime_ns for path in out.glob("checkpoint/part-*.parquet")}
    assert 5 <= len(kept) < 20
    assert not (out / "sweep.parquet").exists()
    torn = sorted(kept)[0]
    torn.write_bytes(torn.read_bytes()[:100])  # a disk that lost the end of a file: it is run again
    done = subprocess.run([*words, "--resume", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sets"] == 80
    rows, found = content(out)
    assert rows == content(whole)[0]
    assert found["honesty"] == content(whole)[1]["honesty"]
    assert found["validation"] == content(whole)[1]["validation"]


# --- what a checkpoint is of


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep that stopped after some blocks."""
    small_blocks(monkeypatch, 20)

    def interrupt(done: int, total: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    monkeypatch.setenv("HURACAN_THREADS", "1")
    huracan.sweep(spec(), out=tmp_path / "o", progress=interrupt)
    return tmp_path / "o"


def test_a_checkpoint_of_something_else_is_refused_by_name(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = sorted(begun.glob("checkpoint/part-*"))
    assert kept
    with pytest.raises(Refused, match="of another spec: spec_hash differs"):
        huracan.sweep({**spec(), "account": {"cash": 5.0}}, out=begun, resume=True)
    with pytest.raises(Refused, match="of another spec"):
        huracan.sweep(spec(slow=[20, 30, 45, 61]), out=begun, resume=True)
    manifest = begun / "checkpoint" / "checkpoint.json"
    text = manifest.read_text()
    for key, said in [("data_hash", "other data"), ("code_hash", "another version of the code")]:
        changed = json.loads(text)
        changed["identity"][key] = "0" * 64
        manifest.write_text(json.dumps(changed))
        with pytest.raises(Refused, match=f"of {said}.*{key} differs"):
            huracan.sweep(spec(), out=begun, resume=True)
    changed["identity"] = json.loads(text)["identity"] | {"versions": {"numba": "0.1"}}
    manifest.write_text(json.dumps(changed))
    with pytest.raises(Refused, match="other versions of numba"):
        huracan.sweep(spec(), out=begun, resume=True)
    manifest.write_text("{")
    with pytest.raises(Refused, match="can't be read"):
        huracan.sweep(spec(), out=begun, resume=True)
    assert sorted(begun.glob("checkpoint/part-*")) == kept  # nothing of it is lost
    manifest.write_text(text)
    assert huracan.sweep(spec(), out=begun, resume=True).sets == 80


def test_a_part_of_another_sweep_does_not_count(begun: Path, whole: Path) -> None:
    from pyarrow import parquet

    part = sorted(begun.glob("checkpoint/part-*"))[0]
    table = parquet.read_table(part)
    metadata = {**table.schema.metadata, b"huracan.run": b"0123"}
    column = table.column_names.index("sharpe")
    table = table.set_column(column, "sharpe", [[9.0] * table.num_rows]).replace_schema_metadata(metadata)
    parquet.write_table(table, part)
    found = huracan.sweep(spec(), out=begun, resume=True)
    assert found.columns["sharpe"].tobytes() == load_sweep(whole).columns["sharpe"].tobytes()


def test_parts_without_their_manifest_do_not_count(begun: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill while a checkpoint is removed may leave some: they are of the same sweep, dealt out in another way."""
    (begun / "checkpoint" / "checkpoint.json").unlink()
    small_blocks(monkeypatch, 7)
    found = huracan.sweep(spec(), out=begun)
    assert found.columns["set"].tolist() == list(range(80))
    assert found.columns["sharpe"].tobytes() == load_sweep(whole).columns["sharpe"].tobytes()


def test_a_full_disk_keeps_what_was_written(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_blocks(monkeypatch, 8)
    monkeypatch.setenv("HURACAN_THREADS", "1")
    replace, moved = os.replace, []

    def full(source: Any, target: Any) -> None:
        if "part-" in str(target):
            if len(moved) == 3:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            moved.append(target)
        replace(source, target)

    monkeypatch.setattr(atomic_files.os, "replace", full)
    file, out = toml(tmp_path / "spec.toml"), tmp_path / "o"
    assert cli.main(["sweep", str(file), "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "--resume goes on from it" in said
    assert len(list(out.glob("checkpoint/part-*.parquet"))) == 3
    monkeypatch.undo()
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    assert cli.main(["sweep", str(file), "--out", str(out), "--resume"]) == 0
    assert content(out)[0] == content(whole)[0]


def test_a_disk_that_is_full_when_rows_are_gathered_is_named(
    begun: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sweep_gather.TableWriter, "write", full)
    with pytest.raises(atomic_files.NotWritten, match=r"checkpoint could not be written: No space.*Free.*--resume"):
        huracan.sweep(spec(), out=begun, resume=True)
    monkeypatch.undo()
    monkeypatch.setenv("HURACAN_STORE", str(begun.parent / "store"))
    assert huracan.sweep(spec(), out=begun, resume=True).sets == 80


# --- trials


def test_trials_before(tmp_path: Path) -> None:
    """Another sweep of the strategy on these data is not free; other data count apart."""
    first = huracan.sweep(spec(slow=[20, 30]))
    assert (first.honesty["trials"], first.honesty["trials_before"]) == (40, 0)
    second = huracan.sweep(spec())
    assert (second.honesty["trials"], second.honesty["trials_before"]) == (80, 40)
    assert huracan.sweep(spec()).honesty["trials_before"] == 120
    assert second.honesty["deflated_sharpe"] < huracan_fresh(tmp_path)["deflated_sharpe"]
    other = {**spec(slow=[20]), "data": {**SPEC["data"], "bars": 2900}}
    assert huracan.sweep(other).honesty["trials_before"] == 0


def test_trials_before_are_known_where_no_set_traded() -> None:
    """And such a sweep counts like any other."""
    idle = {"fast": [2900, 2950], "slow": [2990, 2995]}
    first, second = (huracan.sweep({**SPEC, "sweep": idle}).honesty for _ in range(2))
    assert "nothing to judge" in first["verdict"]
    assert (first["trials_before"], second["trials_before"]) == (0, 4)


def huracan_fresh(tmp_path: Path) -> dict[str, Any]:
    os.environ["HURACAN_STORE"] = str(tmp_path / "other")
    return huracan.sweep(spec()).honesty


def test_resume_does_not_count_twice(begun: Path) -> None:
    done = huracan.sweep(spec(), out=begun, resume=True)
    assert (done.sets, done.honesty["trials_before"]) == (80, 0)
    again = huracan.sweep(spec(), out=begun, resume=True)  # complete: there is nothing to go on with
    assert (again.sets, again.honesty) == (80, done.honesty)
    assert huracan.sweep(spec(slow=[20])).honesty["trials_before"] == 80


@pytest.mark.parametrize("change", [{"run": {"seed": 4}}, {"data": {**SPEC["data"], "bars": 2900}}])
def test_resume_does_not_write_over_a_finished_sweep_of_another_spec(tmp_path: Path, change: dict[str, Any]) -> None:
    out = tmp_path / "o"
    huracan.sweep(spec(slow=[20]), out=out)
    before = {each.name: each.read_bytes() for each in out.iterdir() if each.is_file()}
    with pytest.raises(Refused, match="another spec: spec_hash differs") as refused:
        huracan.sweep({**spec(slow=[20]), **change}, out=out, resume=True)
    assert str(out) in str(refused.value)
    assert {each.name: each.read_bytes() for each in out.iterdir() if each.is_file()} == before


@pytest.mark.parametrize(("key", "said"), [("code_hash", "another version of the code"), ("data_hash", "other data")])
def test_resume_names_other_code_and_data_of_a_finished_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    huracan.sweep(spec(slow=[20]), out=tmp_path / "o")
    identity_of = sweeping.identity_of
    monkeypatch.setattr(sweeping, "identity_of", lambda job: {**identity_of(job), key: "0" * 64})
    with pytest.raises(Refused, match=said):
        huracan.sweep(spec(slow=[20]), out=tmp_path / "o", resume=True)


def test_a_store_that_cant_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "file"))
    assert huracan.sweep(spec(slow=[20])).honesty["trials_before"] is None


def test_trials_are_counted_by_the_names_of_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is opened but what older versions wrote; a sweep that went on counts once, as large as it became."""
    assert tried_before(tmp_path / "none", "") == 0
    for sweep, sets in (("a", 3), ("b", 10), ("b", 25), ("mine", 7)):
        assert count_trials(tmp_path, sweep, sets, {"strategy": "s"})
    for path in tmp_path.iterdir():
        path.write_text("not to be read")
    assert tried_before(tmp_path, "mine") == 28
    (tmp_path / "old.json").write_text('{"sets": 100}')
    assert tried_before(tmp_path, "mine") == 128
    assert capsys.readouterr().err == ""
    (tmp_path / "torn.json").write_text('{"sets"')
    assert tried_before(tmp_path, "mine") == 128
    assert "torn.json can't be read, so its trials are not counted" in capsys.readouterr().err


# --- rows again, in full


def test_any_row_in_full_to_the_same_figures(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for row in (0, 41, 79):
        out = tmp_path / str(row)
        assert cli.main(["backtest", "--from", str(whole / "sweep.parquet"), "--row", str(row), "--out", str(out)]) == 0
        result = json.loads((out / "result.json").read_text())
        swept = load_sweep(whole).row(row)
        same = {key: value for key, value in swept.items() if key in result}
        assert {key: result[key] for key in same} == same
        assert len(same) > 30
        assert (out / "fills.parquet").is_file()
    capsys.readouterr()
    words = ["backtest", "--from", str(whole), "--top", "2", "--out", str(tmp_path / "top"), "--json"]
    assert cli.main(words) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert runs[0]["sharpe"] == max(load_sweep(whole).columns["sharpe"])
    assert (tmp_path / "top" / f"row-{runs[1]['row']}" / "report.html").is_file()


def test_a_row_of_a_function_from_a_file_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Swept by the function that a module of the user's holds: the table names its file, and a row finds it there."""
    text = (
        "from huracan import gate, param, sma, strategy, target_fraction\n\n\n"
        "@strategy(params=dict(n=param(5, 2, 50)), features=dict(m=sma('n')))\n"
        "def follow(ctx):\n"
        '    """Long above the mean."""\n'
        "    target_fraction(ctx, 0.5 if ctx.bar.close > ctx.f.m else 0.0)\n\n\n"
        "@gate(reasons=('never',))\n"
        "def passing(ctx, want):\n"
        "    return 0\n"
    )
    (tmp_path / "followers.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    followers = __import__("followers")
    raw = {**SPEC, "strategy": {"use": followers.follow}, "gates": [{"use": followers.passing}]}
    swept = huracan.sweep({**raw, "sweep": {"n": [5, 9]}}, out=tmp_path / "o")
    words = ["backtest", "--from", str(tmp_path / "o"), "--row", "1", "--out", str(tmp_path / "row")]
    assert cli.main(words) == 0
    again = json.loads((tmp_path / "row" / "result.json").read_text())
    assert (again["final_equity"], again["fills"]) == tuple(swept.row(1)[k] for k in ("final_equity", "fills"))
    assert again["fills"] > 10
    by_path = {**raw, "strategy": {"use": f"{tmp_path / 'followers.py'}:follow"}, "gates": []}
    assert huracan.sweep({**by_path, "sweep": {"n": [5]}}).honesty["trials_before"] == 2  # one strategy by either name


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--from", "SWEEP", "--row", "80"], "there is no row 80"),
        (["--from", "SWEEP", "--row", "-1"], "there is no row -1"),
        (["--from", "SWEEP"], "one of --row and --top"),
        (["--row", "3"], "one of --row and --top"),
        (["--from", "nowhere.parquet", "--row", "3"], "no such file"),
        (["--from", "SWEEP", "--top", "0"], "asks for nothing"),
        (["spec.toml", "--from", "SWEEP", "--row", "3"], "as it was"),
        ([], "there is no spec"),
    ],
)
def test_rows_that_cant_be_run(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    words = [str(whole / "sweep.parquet") if word == "SWEEP" else word for word in words]
    assert cli.main(["backtest", *words, "--out", str(tmp_path / "o")]) == 2
    assert says in capsys.readouterr().err


def test_the_best_of_sets_that_have_no_figure_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = {**SPEC, "data": {"synthetic": "regimes", "bars": 2}, "sweep": {"fast": [3, 4]}}
    huracan.sweep(still, out=tmp_path / "o")
    assert cli.main(["backtest", "--from", str(tmp_path / "o"), "--top", "2", "--out", str(tmp_path / "runs")]) == 2
    assert "no set has a sharpe" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_row_on_other_data_is_refused(whole: Path, tmp_path: Path) -> None:
    from huracan.rerun import rerun_row

    for name in ("sweep.json", "sweep.parquet"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    raw = json.loads((tmp_path / "sweep.json").read_text())
    raw["data_hash"] = "0"
    (tmp_path / "sweep.json").write_text(json.dumps(raw))
    with pytest.raises(Refused, match="the data have changed since the sweep"):
        rerun_row(tmp_path, 0)


def test_a_row_of_other_code_says_whether_it_is_another_version(whole: Path, tmp_path: Path) -> None:
    from huracan.rerun import rerun_row

    for name in ("sweep.json", "sweep.parquet"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    raw = json.loads((tmp_path / "sweep.json").read_text()) | {"code_hash": "0"}
    (tmp_path / "sweep.json").write_text(json.dumps(raw))
    with pytest.raises(Refused) as edited:
        rerun_row(tmp_path, 0)
    assert "the versions are the same, so it is a file that was edited" in edited.value.fix
    raw["versions"]["huracan"] = "0.0.9"
    (tmp_path / "sweep.json").write_text(json.dumps(raw))
    with pytest.raises(Refused) as older:
        rerun_row(tmp_path, 0)
    assert older.value.fix.endswith(f"huracan 0.0.9 (here {huracan.__version__})")


# --- out of sample


def test_walk_forward_on_lanes_is_that_of_separate_windows(whole: Path) -> None:
    """Each split's set is the best by its returns on the training piece, its figure that of the test piece."""
    job = prepare(load_spec(spec(validate=WALK)))
    assert job.validation is not None
    returns = np.stack([sweeping.run_part(job, np.array([n])).returns.of(n) for n in range(0, 80, 1)], axis=1)
    year = job.cuts.a_year**0.5
    found = load_sweep(whole).validation
    assert found is not None
    assert len(found["splits"]) == 4
    earned = []
    for split, listed in zip(job.validation.splits, found["splits"], strict=True):
        ((lo, hi),), ((first, last),) = split.train, split.test
        assert hi == first
        with np.errstate(all="ignore"):
            inside = returns[lo:hi].mean(axis=0) / returns[lo:hi].std(axis=0, ddof=1)
        best = int(np.nanargmax(inside))
        assert listed["set"] == best
        assert listed["in_sample_sharpe"] == pytest.approx(inside[best] * year, rel=1e-9)
        piece = returns[first:last, best]
        assert listed["out_of_sample_sharpe"] == pytest.approx(piece.mean() / piece.std(ddof=1) * year, rel=1e-9)
        earned.append(piece)
    together = np.concatenate(earned)
    assert found["out_of_sample_sharpe"] == pytest.approx(together.mean() / together.std(ddof=1) * year, rel=1e-9)
    assert found["out_of_sample_return"] == pytest.approx(np.prod(1.0 + together) - 1.0, rel=1e-9)


def test_the_held_out_end_is_not_looked_at() -> None:
    """Sets are ranked by what came before it: another end changes neither the ranking nor the honesty block."""
    swept = huracan.sweep(spec(validate={"holdout": 0.25}))
    assert swept.rank_by == "sharpe_in_sample"
    assert swept.validation is not None
    held = swept.validation["holdout"]
    assert held["set"] == swept.best_row == int(np.nanargmax(swept.columns["sharpe_in_sample"]))
    assert held["in_sample_sharpe"] == pytest.approx(swept.columns["sharpe_in_sample"][held["set"]])
    assert held["out_of_sample_sharpe"] == pytest.approx(swept.columns["sharpe_out_of_sample"][held["set"]])
    assert swept.honesty["spans"] == prepare(load_spec(spec(validate={"holdout": 0.25}))).inside
    job = prepare(load_spec(spec(validate={"holdout": 0.25})))
    returns = sweeping.run_part(job, np.arange(80)).returns.rows.T
    ahead = returns[: job.inside]
    assert 0.7 < job.inside / len(job.cuts) < 0.8
    by_hand = ahead.mean(axis=0) / ahead.std(axis=0, ddof=1) * job.cuts.a_year**0.5
    assert swept.columns["sharpe_in_sample"] == pytest.approx(by_hand, rel=1e-9)
    with pytest.raises(Refused, match="looks at the held-out end"):
        huracan.sweep(spec(validate={"holdout": 0.25}, rank_by="calmar"))


@pytest.mark.parametrize(
    ("table", "splits", "paths"),
    [
        ({"method": "walk_forward", "folds": 3, "anchored": True}, 3, 1),
        ({"method": "walk_forward", "train": "12h", "test": "6h"}, 7, 1),
        ({"method": "kfold", "folds": 4, "purge": "1h", "embargo": "2h"}, 4, 1),
        ({"method": "combinatorial", "folds": 6, "test_folds": 2}, 15, 5),
        ({"method": "combinatorial", "folds": 6, "test_folds": 2, "holdout": "6h"}, 15, 5),
    ],
)
def test_every_way_to_validate(table: dict[str, Any], splits: int, paths: int) -> None:
    found = huracan.sweep(spec(validate=table, slow=[20, 60])).validation
    assert found is not None
    assert (found["split_count"], len(found["paths"])) == (splits, paths)
    assert all(path is not None for path in found["paths"])
    assert ("holdout" in found) == ("holdout" in table)
    assert all(each["set"] is not None and each["values"]["fast"] >= 3 for each in found["splits"])


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"method": "walkforward"}, 'did you mean "walk_forward"'),
        ({}, "no method"),
        ({"method": "kfold", "train": "5d"}, 'unknown key "train"'),
        ({"method": "kfold", "folds": 1}, "from 2 to 100"),
        ({"method": "kfold", "purge": 5}, "must be a time"),
        ({"method": "walk_forward", "train": "5d"}, "train and test go together"),
        ({"method": "walk_forward", "folds": 3, "train": "5d", "test": "1d"}, "contradict"),
        ({"method": "walk_forward", "train": "90d", "test": "30d"}, "too short for these folds"),
        ({"method": "combinatorial", "folds": 4, "test_folds": 4}, "fewer than folds"),
        ({"method": "combinatorial", "folds": 30, "test_folds": 15}, "more than 1,000"),
        ({"method": "walk_forward", "train": "730d", "test": "180d"}, "too short for these folds"),
        ({"method": "kfold", "purge": "2y"}, "is no length of time"),
        ({"holdout": 1.5}, "between 0 and 1"),
        ({"holdout": "0"}, "hold out more"),
        ({"holdout": True}, "a share or a time"),
        ({"holdout": "300d"}, "before the held-out end"),
        ("kfold", "must be a table"),
    ],
)
def test_validation_that_makes_no_sense(table: Any, says: str) -> None:
    with pytest.raises(Refused, match=says):
        prepare(load_spec(spec(validate=table)))


# --- bad input


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        ({key: {"from": 1, "to": 10**6, "step": 1} for key in ("fast", "slow")}, "1,000,000,000,000 para"),
        ({"fast": [5], "where": "fast > 9"}, "none of 1 parameter sets"),
        ({"fats": [5, 6]}, 'fats.*did you mean "fast"'),
        ({"fast": [5, 10**7]}, "10000000 is out of range"),
        ({"fast": {"from": 99_990, "to": 100_010, "step": 1}}, "100001 is out of range"),
        ({"qty": [-1.0, 1.0]}, "-1.0 is out of range"),
        ({"qty": [1.0, 1e300]}, "finite numbers, between"),
        ({"fast": [5, 5.5]}, "not a whole number"),
        ({"fast": [5, 5.5, 6]}, "5.5 is not a whole number"),
        ({"qty": [1.0], "fraction": [0.5]}, "qty and fraction contradict"),
        ({"fast": [5, 6], "rank_by": "sharp"}, 'did you mean "sharpe"'),
        ({"fast": [5, 6], "rank_by": 3}, "must name a figure"),
    ],
)
def test_sweeps_that_make_no_sense(sweep: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        huracan.sweep({**SPEC, "sweep": sweep})


def test_where_may_name_a_parameter_at_its_default() -> None:
    """`slow` is 50 where nothing says otherwise, and the gate lets bars of 0.005 pass."""
    wanted = {**SPEC, "strategy": {"use": "sma_cross"}, "gates": [{"use": "calm"}]}
    for condition, sets in (("fast < slow", 2), ("fast * 1e-4 < gates.calm.max_range", 2), ("fast < 60", 3)):
        sweep = {"fast": [10, 49, 50, 60], "where": condition}
        assert len(prepare(load_spec(wanted | {"sweep": sweep})).sets) == sets


def test_bankrupt_lanes_and_sets_without_figures_are_named(tmp_path: Path) -> None:
    """A lane that loses everything stays a row; one that never trades has no Sharpe; neither is the best."""
    poor = {**SPEC, "data": {"synthetic": "regimes", "bars": 3000, "symbols": ["ETH/USDT:USDT"]}}
    poor |= {
        "account": {"cash": 1000.0, "leverage": 100.0, "liquidation_fee_bps": 500.0},
        "venue": {"fee_taker_bps": 100.0},
    }
    poor["strategy"] = {"use": "sma_cross"}
    poor["sweep"] = {"fast": [3, 5], "slow": [20, 1999], "fraction": [0.01, 90.0]}
    swept = huracan.sweep(poor, out=tmp_path / "o")
    lost = swept.columns["bankrupt"]
    assert 0 < lost.sum() < 8
    assert np.isnan(swept.columns["sharpe"][lost]).all()
    found = json.loads((tmp_path / "o" / "sweep.json").read_text())
    assert found["problems"]["bankrupt"] == lost.sum()
    assert found["problems"]["no_sharpe"] >= lost.sum()
    assert not found["best"]["bankrupt"]
    nothing = huracan.sweep({**SPEC, "sweep": {"fast": [3, 4], "slow": [5000, 5001]}}, out=tmp_path / "n")
    assert nothing.best is None
    assert "nothing to judge" in nothing.honesty["verdict"]
    assert nothing.problems == {"no_sharpe": 4}


def test_costs_that_sets_combine_to_the_whole_price_are_refused() -> None:
    costs = {"venue.half_spread_bps": [1.0, 6000.0], "venue.slippage_bps": [2.0, 4000.0]}
    with pytest.raises(Refused, match="10,000 bps together"):
        huracan.sweep({**SPEC, "sweep": costs})
    costs["venue.slippage_bps"] = [2.0, 3999.0]
    assert huracan.sweep({**SPEC, "sweep": costs}).sets == 4


# --- planning


def test_a_plan_says_what_would_run() -> None:
    found = plan_sweep(load_spec(spec(validate=WALK)))
    assert (found["sets"], found["bars"], found["splits"], found["feature_columns"]) == (80, 3000, 4, 14)
    assert found["seconds"] > 0.0
    assert found["memory_bytes"] > 1e8
    json.dumps(found, allow_nan=False)


def test_neighbours_share_their_features() -> None:
    """A thousand by a thousand averages: a block of a thousand sets reads some sixty of them, not a thousand."""
    grid = {"fast": {"from": 2, "to": 301, "step": 1}, "slow": {"from": 302, "to": 601, "step": 1}}
    job = prepare(load_spec({**SPEC, "sweep": grid}))
    deal = deal_for(len(job.sets), 525_600, 1, 2)
    seen, most = [], 0
    for block in blocks(job.sets, deal):
        seen.append(block.numbers)
        ids = sweep_blocks.feature_ids(job.sets, block.numbers)
        most = max(most, len(np.unique(ids[:, 0])) + len(np.unique(ids[:, 1])))
        assert len(block.numbers) <= deal.lanes
    assert (np.sort(np.concatenate(seen)) == np.arange(90_000)).all()
    assert most < 90
    again = [block.numbers.tolist() for block in blocks(job.sets, deal)]
    assert again == [numbers.tolist() for numbers in seen]


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_drawn_sets(method: str) -> None:
    axes = {"fast": {"from": 3, "to": 40}, "slow": {"from": 10, "to": 400, "log": True}, "where": "fast < slow"}
    swept = huracan.sweep({**SPEC, "sweep": {**axes, "draw": {method: 60, "seed": 5}}})
    rows = list(zip(swept.params["fast"].tolist(), swept.params["slow"].tolist(), strict=True))
    assert len(set(rows)) == 60
    assert all(3 <= fast < slow <= 400 for fast, slow in rows)
    assert swept.figures["honesty"]["trials"] == 60
    again = huracan.sweep({**SPEC, "sweep": {**axes, "draw": {method: 60, "seed": 5}}})
    assert again.columns["final_equity"].tobytes() == swept.columns["final_equity"].tobytes()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    """From the command line: 130, the finished sets in the files, and --resume ends with 0."""
    file, out = toml(tmp_path / "spec.toml"), tmp_path / "o"
    words = [sys.executable, "-c", SLOW_KILL, "sweep", str(file), "--out", str(out)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 120.0
    while len(list(out.glob("checkpoint/part-*.parquet"))) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "interrupted" in said
    found = json.loads((out / "sweep.json").read_text())
    assert 0 < found["sets"] < found["planned"] == 80
    assert (out / "report.html").is_file()
    done = subprocess.run([*words, "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "sweep.json").read_text())["sets"] == 80


def test_a_sweep_says_what_gates_refused_as_its_backtests_do(tmp_path: Path) -> None:
    """In sweeps all of it was `gated`; a part on disk keeps the words, too."""
    gates = [{"use": "calm", "max_range": 0.002}]
    huracan.sweep({**SPEC, "gates": gates, "sweep": {"fast": [5, 9, 14]}}, out=tmp_path / "o")
    swept = load_sweep(tmp_path / "o")
    alone: Counter[str] = Counter()
    for row in range(3):
        alone.update(rerun(swept, row).about.rejections)
    assert swept.about.rejections == dict(alone)
    assert "gated" not in alone
    assert [count for name, count in alone.items() if " " in name] > [0]
