"""How the sets of a sweep are dealt out to blocks: neighbours that read the same features run together.

A block computes each distinct feature column once for all its lanes. So sets are cut again and again across the feature
that has the most values among them, until a block is small enough: of a thousand fast and a thousand slow averages a
block gets some thirty of each, not one fast and a thousand slow ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huracan.machine import CHUNK
from huracan.sweep_lanes import STRETCH, Sets

Ints = npt.NDArray[np.int64]
TABLE_BYTES = 48 << 20  # of feature columns that one thread keeps for one chunk
LANES_BYTES = 512 << 20  # of the state of the lanes that one thread runs at once
MAX_BLOCK = 1024
MIN_BLOCK = 64
COLUMN_WORTH = 3  # lanes whose time a feature column takes, or fewer
TILE = 32  # sets that run one after another on the same few columns
BLOCK_WORK = 500_000_000  # bars x lanes that take some seconds: what a Ctrl-C or a kill may cost


@dataclass(frozen=True)
class SetBlock:
    """Some sets that run together; `name` is the same whenever the same sweep is dealt out again."""

    name: str
    stretch: int
    numbers: Ints


@dataclass(frozen=True)
class Deal:
    """How large blocks may be: lanes, and distinct feature columns."""

    lanes: int
    columns: int


def deal_for(sets: int, rows: int, instruments: int, threads: int, lane_bytes: int = 0) -> Deal:
    """Enough blocks for every thread, none of them long, and their lanes and feature columns within bounds.

    >>> deal_for(1000, 100_000, 1, 2).lanes, deal_for(10**6, 525_600, 1, 2).lanes, deal_for(10**6, 10**7, 1, 2).lanes
    (500, 951, 64)
    """
    short = max(BLOCK_WORK // max(rows, 1), MIN_BLOCK)
    lanes = max(min(-(-sets // threads), short, MAX_BLOCK, LANES_BYTES // max(lane_bytes, 1)), 1)
    return Deal(lanes, max(TABLE_BYTES // (8 * CHUNK * instruments), 1))


def blocks(sets: Sets, deal: Deal) -> Iterator[SetBlock]:
    """Every set once, in blocks; made stretch by stretch, so that memory does not grow with the number of sets."""
    for stretch, lo in enumerate(range(0, len(sets), STRETCH)):
        numbers = np.arange(lo, min(lo + STRETCH, len(sets)))
        ids = feature_ids(sets, numbers)
        for k, part in enumerate(cut(ids, deal)):
            yield SetBlock(f"{stretch:05d}-{k:05d}", stretch, numbers[in_tiles(ids, part)])


@dataclass(frozen=True)
class Planned:
    """The blocks of very many sets, made again whenever somebody walks through them."""

    sets: Sets
    deal: Deal

    def __iter__(self) -> Iterator[SetBlock]:
        return blocks(self.sets, self.deal)


def dealt_out(sets: Sets, deal: Deal) -> Iterable[SetBlock]:
    """All blocks, to be walked through as often as one likes."""
    return list(blocks(sets, deal)) if len(sets) <= STRETCH else Planned(sets, deal)


def feature_ids(sets: Sets, numbers: Ints) -> Ints:
    """For each set and each feature that varies a number; equal numbers mean the same column: (sets, features)."""
    swept = dict(zip(sets.grid.keys, sets.grid.picked(numbers), strict=True))
    ids = []
    for keys in dict.fromkeys(sets.slots):
        codes = [np.unique(swept[key], return_inverse=True)[1].reshape(-1) for key in keys]
        one = codes[0]
        for code in codes[1:]:
            one = np.unique(one * (int(code.max()) + 1) + code, return_inverse=True)[1].reshape(-1)
        ids.append(one)
    return np.stack(ids, axis=1).astype(np.int64) if ids else np.zeros((len(numbers), 0), np.int64)


def cut(ids: Ints, deal: Deal) -> list[Ints]:
    """Places of sets, block by block; within a block in order.

    >>> ids = np.stack(np.divmod(np.arange(64), 8), axis=1)
    >>> [len(np.unique(ids[b, 0])) for b in cut(ids, Deal(16, 99))]
    [4, 4, 4, 4]

    Where few columns serve many sets, they are dealt out in turn, to and fro, so that blocks take the same time.

    >>> cut(np.zeros((6, 1), int), Deal(3, 99))
    [array([0, 3, 4]), array([1, 2, 5])]
    """
    n = -(-len(ids) // deal.lanes)
    columns = sum(len(np.unique(ids[:, k])) for k in range(ids.shape[1]))
    if columns <= deal.columns and COLUMN_WORTH * columns <= len(ids) // n:
        turns, block = np.divmod(np.arange(len(ids)), n)
        block = np.where(turns % 2 == 0, block, n - 1 - block)
        return [np.flatnonzero(block == k) for k in range(n)]
    found = []
    waiting = [np.arange(len(ids))]
    while waiting:
        part = waiting.pop()
        counts = [len(np.unique(ids[part, k])) for k in range(ids.shape[1])]
        if len(part) <= deal.lanes and (sum(counts) <= deal.columns or len(part) == 1):
            found.append(np.sort(part))
            continue
        if counts and max(counts) > 1:
            column = ids[part, int(np.argmax(counts))]
            order = np.argsort(column, kind="stable")
            part, column = part[order], column[order]
            middle = edge_near(column, len(part) // 2)
        else:
            middle = max(len(part) // 2 // deal.lanes * deal.lanes, min(len(part) // 2, deal.lanes), 1)
        waiting += [part[middle:], part[:middle]]
    return found


def in_tiles(ids: Ints, part: Ints) -> Ints:
    """Places of sets in an order in which those near one another read the same few columns: these stay in the cache.

    >>> ids = np.stack(np.divmod(np.arange(144), 12), axis=1)
    >>> [len(np.unique(tile)) for tile in ids[in_tiles(ids, np.arange(144))].reshape(4, 36, 2).swapaxes(1, 2)[0]]
    [6, 6]
    """
    codes = [np.unique(ids[part, k], return_inverse=True)[1].reshape(-1) for k in range(ids.shape[1])]
    varied = [code for code in codes if code.max() > 0]
    if not varied:
        return part
    edge = max(round(TILE ** (1 / len(varied))), 1)
    first, then = [code // edge for code in varied], varied
    return part[np.lexsort([*reversed(then), *reversed(first)])]


def edge_near(column: Ints, middle: int) -> int:
    """The place nearest to the middle where the sorted column changes, unless that would leave one side far smaller.

    >>> edge_near(np.array([0, 0, 0, 1, 1, 1, 1, 1]), 4)
    3
    """
    edges = np.flatnonzero(np.diff(column)) + 1
    if edges.size:
        nearest = int(edges[np.argmin(np.abs(edges - middle))])
        if abs(nearest - middle) <= len(column) // 4:
            return nearest
    return middle
