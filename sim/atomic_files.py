"""Files of a result appear whole and together, or what stood there before stays as it was."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from huracan.sim.refusal import Refused

Writer = Callable[[Path], object]


class NotWritten(OSError):
    """The disk is full, or the folder can't be written to: the run was fine, its files are not there."""


def make_folder(folder: Path) -> None:
    """Make a folder for results; a name that is taken by a file is refused.

    >>> make_folder(Path("out/today"))
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        fix = "give the name of a folder, there or not"
        raise Refused("the folder for the results is a file, or lies below one", where=str(folder), fix=fix) from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            fix = "give a shorter name"
            raise Refused("the name of the folder for the results is too long", where=str(folder), fix=fix) from None
        raise _not_written(folder, error) from error


@contextmanager
def results_folder(folder: Path) -> Iterator[None]:
    """A folder for the results of what runs inside; one that is still empty when that fails goes again.

    >>> with results_folder(Path("out/tonight")):
    ...     pass
    """
    try:
        new = [each for each in (folder, *folder.parents) if not each.exists()]
    except OSError:  # a name that is none
        new = []
    make_folder(folder)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # the first that is not empty
            for each in new:
                each.rmdir()
        raise


def write_together(folder: Path, writers: Mapping[str, Writer]) -> None:
    """Write files by name, each whole; none takes its place before all are written. The last one named is last.

    A killed process leaves at most hidden `.part` files behind, which nothing reads.

    >>> make_folder(Path("letters"))
    >>> write_together(Path("letters"), {"a.txt": lambda path: path.write_text("a")})
    >>> [path.name for path in Path("letters").iterdir()]
    ['a.txt']
    """
    mark = uuid.uuid4().hex[:12]
    parts = {folder / f".{name}.{mark}.part": folder / name for name in writers}
    try:
        for part, write in zip(parts, writers.values(), strict=True):
            write(part)
        for part, path in parts.items():
            os.replace(part, path)
    except OSError as error:
        raise _not_written(folder, error) from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


@contextmanager
def written_into(folder: Path) -> Iterator[None]:
    """A disk that takes nothing more while something is written into a folder is named, with what to do.

    >>> with written_into(Path(".")):
    ...     pass
    """
    try:
        yield
    except OSError as error:
        raise _not_written(folder, error) from error


def _not_written(folder: Path, error: OSError) -> NotWritten:
    why = error.strerror or str(error)
    fix = "Free some space, or give another folder: what stood there before is there still"
    return NotWritten(f"the results in {folder} could not be written: {why}. {fix}")
