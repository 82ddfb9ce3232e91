"""A sweep on a real Ray cluster of two nodes: the same rows as here, whoever dies in the middle."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huracan import cli, cluster
from huracan.sim import spool
from huracan.spec import load_spec
from huracan.sweep_job import Job, identity_of, prepare
from tests.huracan.test_sweeps import content

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own
SCRIPT = Path(__file__).with_name("small_blocks.py")
HOLD = """import sys, time
from pathlib import Path
from huracan import cluster, sweeping
folder, run_part = Path({folder!r}), sweeping.run_part


def enough():
    try:
        most = int(Path(folder, "hold").read_text())
    except FileNotFoundError:
        return False
    return len(list(folder.glob("there/checkpoint/part-*.parquet"))) >= most


def held(job, numbers, watch=None):
    def look(row):
        while enough():
            if watch is not None:
                watch(row)  # ends the block when the sweep stops
            time.sleep(0.02)
        if watch is not None:
            watch(row)

    look(0)
    return run_part(job, numbers, look)


cluster.run_part = sweeping.run_part = held
if "default_worker" in sys.argv[0] and Path(folder, "doomed").exists():
    import ray
    doomed, here = Path(folder, "doomed").read_text(), ray.get_runtime_context().get_node_id()
    reached = Path(folder, "reached")
    if here == doomed:
        reached.touch()
        while True:
            time.sleep(1.0)  # it is killed here, with a block in its hands
    while not reached.exists():
        time.sleep(0.05)
"""
STRATEGY = '''from beside import turned
from huracan import buy, close, param, sma, strategy


@strategy(params=dict(fast=param(5, 2, 200), slow=param(20, 2, 200), qty=param(1.0, 0.0)),
          features=dict(fast=sma("fast"), slow=sma("slow")))
def slow_cross(ctx):
    """A cross that thinks for long."""
    work = 0.0
    for k in range(300):
        work += 1.0 / (k + ctx.bar.close)
    if turned(ctx.f.fast, ctx.f.slow, work) and ctx.pos.qty == 0.0:
        buy(ctx, ctx.p.qty)
    elif ctx.f.fast < ctx.f.slow and ctx.pos.qty > 0.0:
        close(ctx)
'''
BESIDE = """from huracan import inline


@inline
def turned(fast, slow, work):
    return fast > slow and work > 0.0
"""
SPEC = """[run]
seed = 3
[data]
synthetic = "regimes"
bars = 60_000
symbols = ["ETH/USDT"]
[account]
cash = 100_000.0
[strategy]
use = "own.py:slow_cross"
[sweep]
fast = { from = 3, to = 18, step = 1 }
slow = { from = 20, to = 65, step = 5 }
venue.fee_taker_bps = [0.0, 5.0]
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a strategy of the user's, a helper beside it, and a spec."""
    monkeypatch.setenv("HURACAN_STORE", str(tmp_path / "store"))
    (tmp_path / "own.py").write_text(STRATEGY)
    (tmp_path / "beside.py").write_text(BESIDE)
    (tmp_path / "spec.toml").write_text(SPEC)
    return tmp_path


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[tuple[str, str, Callable[[], None]]]:
    """The address of a cluster of two nodes of one processor each, the second's name, and what kills it."""
    try:
        from ray.cluster_utils import Cluster
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail("ray is not installed, and CI must have it")
        pytest.skip("needs ray: pip install ray")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        second = made.add_node(num_cpus=1)
        yield made.address, second.node_id, lambda: made.remove_node(second, allow_graceful=False)
    finally:
        made.shutdown()


def started(folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), "8", "sweep", str(folder / "spec.toml"), *more]
    root = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | root, cwd=folder
    )


def finished_parts(out: Path, least: int, process: subprocess.Popen[str]) -> set[str]:
    """Wait until so many blocks are kept; time is counted in looks, in which a machine that pauses takes none."""
    for _ in range(6000):
        if len(found := {path.name for path in out.glob("checkpoint/part-*.parquet")}) >= least:
            return found
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pytest.fail(f"{len(found)} blocks are kept, not {least}")


def test_a_block_that_kills_every_worker_is_refused_by_name(
    work: Path, two_nodes: tuple[str, str, Callable[[], None]]
) -> None:
    """The strategy's file ends the process wherever it is a worker that loads it."""
    text = "import os, sys\nif 'default_worker' in sys.argv[0]:\n    os._exit(7)\n" + STRATEGY
    (work / "own.py").write_text(text)
    found = started(work, "--out", str(work / "out"), "--cluster", two_nodes[0])
    said = found.communicate()[1]
    assert found.returncode == 2, said
    assert "lost its worker 3 times" in said
    assert "--resume" in said
    assert "Traceback" not in said


def test_stopped_gone_on_with_and_a_node_killed(work: Path, two_nodes: tuple[str, str, Callable[[], None]]) -> None:
    """Law 2 for clusters: 48 blocks, Ctrl-C twice, then --resume with a node that dies; the rows are as here.

    Nothing depends on who is quicker: where so many blocks are kept that it is time to stop the sweep or to kill the
    node, those under way wait for it. The node dies while it has a block: its worker waits for that, and the others
    wait until it does.
    """
    address, doomed, kill = two_nodes
    (work / "own.py").write_text(HOLD.format(folder=str(work)) + STRATEGY)
    here = started(work, "--out", str(work / "here"))
    assert here.communicate()[1] == ""
    assert here.returncode == 0

    out = work / "there"
    kept: dict[str, int] = {}
    for where in (["--cluster", address], ["--resume"]):  # begun on the cluster, gone on with here, and there again
        (work / "hold").write_text(str(len(kept) + 4))
        first = started(work, "--out", str(out), *where)
        finished_parts(out, len(kept) + 4, first)
        first.send_signal(signal.SIGINT)
        said = first.communicate()[1]
        assert first.returncode == 130, said
        parts = {path.name: path.stat().st_mtime_ns for path in out.glob("checkpoint/part-*.parquet")}
        assert len(kept) + 4 <= len(parts) < 40
        assert kept.items() <= parts.items()  # what was finished is not run again
        kept = parts

    (work / "doomed").write_text(doomed)
    (work / "hold").write_text(str(len(kept) + 4))
    second = started(work, "--out", str(out), "--cluster", address, "--resume")
    finished_parts(out, len(kept) + 4, second)
    kill()
    again = {path.name: path.stat().st_mtime_ns for path in out.glob("checkpoint/part-*.parquet")}
    assert kept.items() <= again.items()  # what was finished is not run again
    (work / "hold").unlink()
    said = second.communicate()[1]
    assert second.returncode == 0, said
    assert "lost its worker and is run again" in said
    (rows, figures), (expected, theirs) = content(out), content(work / "here")
    assert rows == expected
    for each in (figures, theirs):
        each.pop("honesty")  # trials_before counts the sweep that ran here first
    assert figures == theirs
    assert len({path.parent for path in Path(os.environ["HURACAN_CACHE"]).glob("shipped/*/*/beside.py")}) >= 1


def test_without_ray_the_command_to_install_it_is_said(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert cli.main(["sweep", str(work / "spec.toml"), "--out", str(work / "o"), "--cluster", "auto"]) == 2
    said = capsys.readouterr().err
    assert "ray is not installed" in said
    assert 'pip install "huracan-sim[cluster]"' in said


@pytest.mark.parametrize("address", ["nowhere", "host:port", "127.0.0.1:", "127.0.0.1:{closed}", "127.0.0.1:999999"])
def test_an_address_where_nobody_answers(work: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        address = address.format(closed=taken.getsockname()[1])
        assert cli.main(["sweep", str(work / "spec.toml"), "--out", str(work / "o"), "--cluster", address]) == 2
    said = capsys.readouterr().err
    assert "--cluster" in said
    assert "host:port of a running cluster" in said


def test_a_worker_with_other_code_or_versions_is_refused(work: Path) -> None:
    job = prepare(load_spec(work / "spec.toml"))
    identity = identity_of(job)
    assert cluster.job_of(cluster.make_kit(job, identity)).machine.tape.data_hash == job.machine.tape.data_hash
    for key, value, says in (
        ("code_hash", "x", "other code"),
        ("versions", {"numba": "0.1"}, "other versions"),
        ("data_hash", "x", "other data"),
    ):
        with pytest.raises(cluster.Refused, match=says):
            cluster.job_of(cluster.make_kit(job, identity | {key: value}))


def frozen(job: Job) -> cluster.Kit:
    """A kit as the object store hands it over: its arrays are views of one memory, which may not be written."""
    buffers: list[Any] = []
    packed = pickle.dumps(cluster.make_kit(job, identity_of(job)), protocol=5, buffer_callback=buffers.append)
    assert len(packed) < 100_000
    kit = pickle.loads(packed, buffers=[bytes(each.raw()) for each in buffers])
    assert isinstance(kit, cluster.Kit)
    return kit


def test_the_tape_is_read_in_place(work: Path) -> None:
    job = prepare(load_spec(work / "spec.toml"))
    kit = frozen(job)
    close = kit.tape.series[0].close
    assert not close.flags.writeable
    tape = cluster.job_of(kit).machine.tape
    assert np.shares_memory(tape.series[0].close, close)
    numbers = np.arange(3)
    part, expected = (cluster.run_part(each, numbers) for each in (cluster.job_of(kit), job))
    assert all(np.array_equal(part.columns[k], v, equal_nan=v.dtype.kind == "f") for k, v in expected.columns.items())


@pytest.mark.parametrize("held", [spool.HELD, 0])
def test_order_books_too(held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those on files too, which a long tape is: a worker is handed what they hold."""
    monkeypatch.setattr(spool, "HELD", held)
    spec = {
        "run": {"sample": "1s"},
        "data": {"synthetic": "book", "seconds": 10.0},
        "strategy": {"use": "touch_maker", "params": {"half_ticks": 1}},
        "sweep": {"half_ticks": [0, 1, 2], "venue.fee_maker_bps": [0.0, 1.0]},
    }
    job = prepare(load_spec(spec))
    assert (spool.mapping_of(job.machine.tape.exchange) is None) == bool(held)
    numbers = np.arange(6)
    part, expected = (cluster.run_part(each, numbers) for each in (cluster.job_of(frozen(job)), job))
    assert expected.columns["fills"].sum() > 0
    assert all(np.array_equal(part.columns[k], v, equal_nan=v.dtype.kind == "f") for k, v in expected.columns.items())


def test_views_of_books_are_of_the_same_memory() -> None:
    frozen = np.frombuffer(bytes(range(64)), np.int64)
    view = cluster.open_view(frozen)
    assert view.flags.writeable
    assert np.shares_memory(view, frozen)
    assert view.tolist() == frozen.tolist()
