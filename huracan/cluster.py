"""A sweep on a cluster: the same blocks of lanes as on one machine, run by Ray wherever a processor is free.

    here:     job → kit (spec, files of the code, tape) ─▶ the object store, once
    a worker: the kit, read in place ─▶ the same job ─▶ a block's part ─▶ here, where it is kept as on one machine

A worker that dies costs the block that it ran: it is run again, elsewhere. Rows do not depend on who ran them.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from huracan.sim.book_tape import BookTape
from huracan.sim.refusal import Refused
from huracan.sim.sources import source_file
from huracan.sim.stubs import cache_dir
from huracan.sim.tape import Tape
from huracan.spec_records import Spec
from huracan.sweep_blocks import SetBlock
from huracan.sweep_job import Ints, Job, identity_of, prepare
from huracan.sweep_parts import Part, Parts
from huracan.sweeping import Progress, run_part

MOST_TRIES = 3  # of a block whose worker dies
TICK_S = 0.2  # between two looks at what is ready
PATIENCE_S = 30.0  # without any worker in the whole cluster
KNOCK_S = 5.0  # for an address to answer
ADDRESS = 'give host:port of a running cluster (`ray start --head` prints it), or "auto"'
SAME = {
    "code_hash": "other code (huracan, the strategy or what it imports)",
    "data_hash": "other data",
    "sets_hash": "other parameter sets",
    "versions": "other versions of huracan, numba or numpy",
}


@dataclass(frozen=True)
class Crew:
    """The cluster that was joined: Ray, and how many processors it had then."""

    ray: Any
    cpus: int


@dataclass(frozen=True)
class Kit:
    """What a worker needs to make the same job: it goes into the object store once."""

    key: str
    spec: Spec  # every file that it names by (folder, path) in `files`
    files: Mapping[str, bytes]  # path below the kit's folder → content
    tape: Any
    identity: Mapping[str, Any]
    vector: str | None  # HURACAN_VECTOR


# --- here


@contextlib.contextmanager
def joined(where: str | None) -> Iterator[Crew | None]:
    """The cluster at an address, or with "auto" the one of this machine, or one that is started here; None for none."""
    if where is None:
        yield None
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        fix = 'pip install "huracan-sim[cluster]", or leave --cluster out'
        raise Refused("ray is not installed", where="--cluster", fix=fix) from None
    if ray.is_initialized():
        yield Crew(ray, processors(ray))
        return
    connect(ray, where)
    try:
        yield Crew(ray, processors(ray))
    finally:
        ray.shutdown()


def connect(ray: Any, where: str) -> None:
    """Join; what keeps from it is refused by name."""
    quiet: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False, "configure_logging": True}
    if where != "auto":
        knock(where)
    try:
        ray.init(address=where, **quiet)
        return
    except ConnectionError as error:
        if where != "auto" or os.environ.get("RAY_ADDRESS"):
            raise refused(where, error) from error
    except (RuntimeError, ValueError, OSError) as error:
        raise refused(where, error) from error
    from huracan.sweeping import workers

    ray.init(address="local", num_cpus=workers(), include_dashboard=False, **quiet)


def refused(where: str, error: Exception) -> Refused:
    """A cluster that can't be joined."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return Refused(f"the cluster can't be joined: {said}", where=f"--cluster {where}", fix=ADDRESS)


def knock(where: str) -> None:
    """Whether anybody answers at host:port; Ray itself would wait for a minute."""
    host, _, port = where.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise Refused(f"{where!r} is no address", where="--cluster", fix=ADDRESS)
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except (OSError, OverflowError) as error:
        what = f"nobody answers at {where}: {getattr(error, 'strerror', None) or error}"
        raise Refused(what, where="--cluster", fix=ADDRESS) from None


def processors(ray: Any) -> int:
    """Of all nodes that are there; at least one, for a cluster may grow."""
    return max(int(ray.cluster_resources().get("CPU", 0)), 1)


def run_shards(
    crew: Crew,
    job: Job,
    identity: Mapping[str, Any],
    planned: Iterable[SetBlock],
    parts: Parts,
    progress: Progress | None,
) -> None:
    """Every block that is not finished yet, a task each; on Ctrl-C those under way are given up, the rest is left."""
    ray = crew.ray
    kit = make_kit(job, identity)
    shelf = [put(ray, kit)]  # within a list, so that it is fetched by those who need it and not for every task
    task = ray.remote(num_cpus=1, max_retries=0)(run_shard)
    total, done = len(job.sets), 0
    under_way: dict[Any, tuple[SetBlock, int]] = {}
    heard = time.monotonic()

    def send(block: SetBlock, tries: int) -> None:
        under_way[task.remote(shelf, kit.key, block.numbers)] = (block, tries)

    def settle(until: int) -> None:
        """Wait until no more than so many blocks are under way."""
        nonlocal done, heard
        while len(under_way) > until:
            ready, _ = ray.wait(list(under_way), num_returns=1, timeout=TICK_S)
            for each in ready:
                block, tries = under_way.pop(each)
                heard = time.monotonic()
                part = fetch(ray, each, block, tries)
                if part is None:
                    send(block, tries + 1)
                    continue
                parts.save(block.name, part)
                done += len(block.numbers)
            if progress is not None:
                progress(done, total)
            if not ready and time.monotonic() - heard > PATIENCE_S:
                heard = time.monotonic()
                someone_there(ray)

    try:
        for block in planned:
            if parts.has(block.name):
                done += len(block.numbers)
                continue
            send(block, 1)
            settle(2 * crew.cpus - 1)
        settle(0)
    except KeyboardInterrupt:
        pass
    finally:
        for each in under_way:
            with contextlib.suppress(Exception):  # whatever is gone by now needs no cancelling
                ray.cancel(each, force=True)


def put(ray: Any, kit: Kit) -> Any:
    """The kit in the object store."""
    try:
        return ray.put(kit)
    except ray.exceptions.RayError as error:
        fix = "start Ray with more --object-store-memory, or sweep a shorter tape"
        what = f"the tape does not go into the object store: {last_line(error)}"
        raise Refused(what, where="--cluster", fix=fix) from error


def fetch(ray: Any, answer: Any, block: SetBlock, tries: int) -> Part | None:
    """What a worker made of a block; None if the worker died and it is worth another try."""
    errors = ray.exceptions
    try:
        kind, found = ray.get(answer)
    except errors.RayTaskError as error:
        if "failed to import" in str(error) or isinstance(error.cause, ImportError):
            fix = "install huracan-sim of this version, with numba, on every node"
            raise Refused(f"a worker can't import huracan: {last_line(error)}", where="--cluster", fix=fix) from error
        raise error.cause from error
    except errors.RayError as error:
        if tries < MOST_TRIES:
            print(f"huracan: block {block.name} lost its worker and is run again: {last_line(error)}", file=sys.stderr)
            return None
        what = f"block {block.name} ({len(block.numbers)} sets) lost its worker {tries} times: {last_line(error)}"
        fix = "look at the nodes' memory and logs; what is finished is kept, and --resume goes on from it"
        raise Refused(what, where="--cluster", fix=fix) from error
    if kind == "refused":
        what, where, fix = found
        raise Refused(what, where=where, fix=fix)
    assert isinstance(found, Part)
    return found


def last_line(error: Exception) -> str:
    """The first sentence of the last line: Ray's go on with where to look."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    return line.strip().split(". ")[0].rstrip(".")


def someone_there(ray: Any) -> None:
    """Refused if no node is left that could run anything."""
    alive = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not alive:
        fix = "start nodes again and go on with --resume: what is finished is kept"
        raise Refused("no worker is left in the cluster", where="--cluster", fix=fix)


def make_kit(job: Job, identity: Mapping[str, Any]) -> Kit:
    """The spec with its files, and the tape with its columns in memory."""
    files: dict[str, bytes] = {}
    spec = job.machine.spec
    strategy = spec.strategy.model_copy(update={"use": packed(spec.strategy.use, files)})
    gates = tuple(gate.model_copy(update={"use": packed(gate.use, files)}) for gate in spec.gates)
    spec = spec.model_copy(update={"strategy": strategy, "gates": gates})
    delay = spec.venue.latency_ms
    if delay is not None and delay.file is not None:
        name = f"latency/{Path(delay.file).name}"
        files[name] = Path(delay.file).read_bytes()
        moved = delay.model_copy(update={"file": name})
        spec = spec.model_copy(update={"venue": spec.venue.model_copy(update={"latency_ms": moved})})
    digest = hashlib.sha256(repr(sorted(identity.items())).encode())
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    return Kit(
        digest.hexdigest()[:24], spec, files, in_memory(job.machine.tape), identity, os.environ.get("HURACAN_VECTOR")
    )


def packed(use: Any, files: dict[str, bytes]) -> str:
    """What a worker finds a strategy or gate by: a shipped name as it is, else its file, which goes into `files`.

    Modules that stand beside the file and were imported with it go along.
    """
    if isinstance(use, str) and ":" not in use:
        return use
    path, name = (Path(use.rpartition(":")[0]), use.rpartition(":")[2]) if isinstance(use, str) else (None, "")
    if path is None:
        path, name = source_file(use), use.__name__
        if str(use.__module__).startswith("huracan."):
            return str(name)
    path = path.resolve()
    folder = hashlib.sha256(str(path.parent).encode()).hexdigest()[:8]
    for each in [path, *beside(path.parent)]:
        files[f"{folder}/{each.relative_to(path.parent).as_posix()}"] = each.read_bytes()
    return f"{folder}/{path.name}:{name}"


def beside(folder: Path) -> list[Path]:
    """Python files below a folder that are imported in this process, other than installed ones."""
    found = set()
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if not isinstance(name, str) or not name.endswith(".py"):
            continue
        path = Path(name).resolve()
        installed = path.is_relative_to(Path(sys.prefix).resolve()) or "site-packages" in path.parts
        ours = str(getattr(module, "__name__", "")).split(".")[0] == "huracan"
        if path.is_relative_to(folder) and not installed and not ours and path.is_file():
            found.add(path)
    return sorted(found)


def in_memory(tape: Any) -> Any:
    """A tape without files behind it: bars of the store are read whole."""
    if not isinstance(tape, Tape):
        return tape
    series = tuple(s if is_whole(s) else s.rows(0, len(s)) for s in tape.series)
    return replace(tape, series=series, timeline=replace(tape.timeline, series=series))


def is_whole(series: Any) -> bool:
    """Bars whose columns are arrays in memory."""
    return isinstance(getattr(series, "close", None), np.ndarray)


# --- on a worker

_here: dict[str, Job] = {}  # the job of the kit that this worker was given last


def run_shard(shelf: list[Any], key: str, numbers: Ints) -> tuple[str, Any]:
    """("part", what the sets of these numbers came to), or ("refused", what, where and fix of the reason)."""
    try:
        if key not in _here:
            import ray

            _here.clear()
            _here[key] = job_of(ray.get(shelf[0]))
        return "part", run_part(_here[key], numbers)
    except Refused as error:
        return "refused", (error.what, error.where, error.fix)


def job_of(kit: Kit) -> Job:
    """The job that the kit was made of; a worker with other code or other versions is refused by name."""
    if kit.vector is not None:
        os.environ["HURACAN_VECTOR"] = kit.vector
    job = prepare(unpacked(kit), tape=readable(kit.tape))
    found = identity_of(job)
    for name, said in SAME.items():
        if found[name] != kit.identity[name]:
            fix = "install the same versions on every node"
            raise Refused(f"a worker has {said}: {name} differs", where=f"--cluster, {socket.gethostname()}", fix=fix)
    return job


def unpacked(kit: Kit) -> Spec:
    """The spec with its files written below the cache folder, in a folder that is named after their content."""
    folder = cache_dir() / "shipped" / kit.key
    for name, content in kit.files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.is_file():
            part = path.with_name(f".{path.name}.{os.getpid()}")
            part.write_bytes(content)
            part.replace(path)
    spec = kit.spec

    def placed(use: str) -> str:
        return str(folder / use) if ":" in use else use

    strategy = spec.strategy.model_copy(update={"use": placed(spec.strategy.use)})
    gates = tuple(gate.model_copy(update={"use": placed(gate.use)}) for gate in spec.gates)
    spec = spec.model_copy(update={"strategy": strategy, "gates": gates})
    delay = spec.venue.latency_ms
    if delay is not None and delay.file is not None:
        moved = delay.model_copy(update={"file": str(folder / delay.file)})
        spec = spec.model_copy(update={"venue": spec.venue.model_copy(update={"latency_ms": moved})})
    return spec


def readable(tape: Any) -> Any:
    """The tape as the machine takes it: arrays that it is handed whole are views that compiled code accepts.

    What comes out of the object store may not be written, and numba takes that for another type. Nothing writes to a
    tape: all threads of a sweep share one.
    """
    if isinstance(tape, Tape):
        return replace(tape, payments=tape.payments.copy(), rules=tape.rules.copy())
    assert isinstance(tape, BookTape)
    arrays = {f.name: getattr(tape, f.name) for f in fields(tape)}
    return replace(tape, **{name: open_view(a) for name, a in arrays.items() if isinstance(a, np.ndarray)})


def open_view(array: Any) -> Any:
    """The same memory under an array that does not say it may not be written."""
    if array.flags.writeable or not array.nbytes:
        return array if array.flags.writeable else array.copy()
    import ctypes

    memory = (ctypes.c_char * array.nbytes).from_address(array.__array_interface__["data"][0])
    memory.owner = array  # lives as long as the view
    return np.frombuffer(memory, array.dtype).reshape(array.shape)
