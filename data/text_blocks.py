"""A text file, gzipped or not, as blocks of whole lines: memory stays bounded, and a damaged end is named."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

from huracan.sim.refusal import Refused

BLOCK = 1 << 22
# what a user can choose about a feed's file, for messages
KEEP_WHOLE = 'choose a repair: [data] repair = { cut_short = "keep" }, on import --repair cut_short=keep'
SKIP_BAD = 'choose a repair: [data] repair = { bad_line = "drop" }, on import --repair bad_line=drop'
_GZIP = b"\x1f\x8b"


def check_file(path: str | os.PathLike[str]) -> str:
    """The path of a file that is there, is no folder and is not empty; else refused by name."""
    name = os.fspath(path)
    if not os.path.exists(name):
        raise Refused("there is no such file", where=name, fix="check the path")
    if os.path.isdir(name):
        raise Refused("this is a folder, not a file", where=name, fix="name one file in it")
    if os.path.getsize(name) == 0:
        raise Refused("empty: the file has no bytes", where=name, fix="fetch or write the file again")
    return name


def line_blocks(path: str | os.PathLike[str], size: int = BLOCK) -> Iterator[tuple[bytes, str]]:
    """(whole lines, "") again and again; the last block may end without a newline.

    Where the file is cut short or damaged, the lines before that come first, and the last pair's second half says why.
    """
    name = check_file(path)
    rest: list[bytes] = []
    held = 0
    why = ""
    try:
        for piece, why in _pieces(name, max(size // 4, 1)):
            cut = piece.rfind(b"\n") + 1
            if why:
                break
            if cut and held + cut >= size:
                yield b"".join([*rest, piece[:cut]]), ""
                rest, held = [piece[cut:]], len(piece) - cut
            else:
                rest.append(piece)
                held += len(piece)
    except OSError as error:
        raise Refused(f"unreadable: {error.strerror or error}", where=name, fix="check the disk and rights") from error
    if why:  # what came whole before the damage
        rest.append(piece)
    yield b"".join(rest), why


def _pieces(name: str, size: int) -> Iterator[tuple[bytes, str]]:
    """The file's text piece by piece; the second half says what is wrong, once nothing more can be read."""
    with open(name, "rb") as file:
        first = file.read(2)
        file.seek(0)
        if first != _GZIP:
            while piece := file.read(size):
                yield piece, ""
            return
        inflate = None  # gzip files may be several, one behind the other; zeros may fill up the end
        while packed := file.read(1 << 20):
            while packed:
                if inflate is None:
                    packed = packed.lstrip(b"\0")
                    inflate = zlib.decompressobj(31) if packed else None
                    continue
                try:
                    piece = inflate.decompress(packed, size)
                except zlib.error as error:
                    yield b"", f"damaged: the gzip data is broken ({error})"
                    return
                yield piece, ""
                packed = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
                inflate = None if inflate.eof else inflate
        if inflate is not None:
            tail = inflate.flush()
            yield tail, "" if inflate.eof else "cut_short: the gzip data ends before its end"
