"""The tables of docs/BENCHMARKS.md, each from what its workers measured."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from bench_page import Table
from measure import Cost

HOW = """Every sweep goes through `huracan.sweep`, the entry of `huracan sweep`, from the spec to the finished table:
features computed, sets expanded, orders sent through the venue, figures computed. Both are given the same bars:
huracan its tape, vectorbt arrays, and slices of sets of the size that suits it best (to make the tape takes another
{one:.2f} s, that of 50 assets {fifty:.1f} s); vectorbt computes averages (each once), signals, the portfolio, and ten
of the figures that a row of huracan's sweep has. Both run in turn in one process on one thread. *ns*: nanoseconds for
one bar of one set (and one asset), the median of the rounds by the clock. *ratio*: the median of the rounds' ratios
by the clock, and in brackets by processor time. *least*: vectorbt when it is asked for the total return only.
*orders*: sent by huracan, a set. *unlike*: sets whose total return differs by more than 1e-9: crosses, assets and
entries at the close because vectorbt's sums run, so that it sees a cross where two averages are the very same number
(at the close one such bar, which only sets that are flat there notice); brackets at the next open because they see
the whole bar of the entry; `bracket_reversion` because it enters by limits, which vectorbt has not (its entries are
at the close beyond the same level)."""


def sweeps(
    crosses: Sequence[dict[str, Any]],
    perpetual: dict[str, Any],
    brackets: dict[str, dict[str, Any]],
    reversion: dict[str, Any],
    assets: dict[str, Any],
) -> Table:
    """Against vectorbt's sweeps."""
    cross, lone, quick, turns = crosses
    rows = [
        compared("1,000 crosses x 100,000 bars, 65 averages", cross, 60.0),
        compared("1,000 crosses of which no two share an average: 2,000 averages", lone, 60.0),
        compared("1,000 crosses of short averages, 2 to 26 and 30 to 69: more orders", quick, 60.0),
        compared("1,000 crosses of 65 averages long and short, by targets, margin watched", turns, 60.0),
        alone("the crosses with 65 averages on a perpetual: margin watched, funding paid", perpetual, cross),
        compared("1,000 targets and stops, entry at the next open, a user's file", brackets["next_open"], 15.0),
        compared("the same targets and stops, entry at the close, as vectorbt enters", brackets["close"], 15.0),
        compared("1,000 targets and stops of `bracket_reversion`, read as a user's file", reversion, 15.0),
        compared("50 assets x 100,000 bars out of one purse, 4 sets", assets, 20.0),
    ]
    columns = ("sweep", "huracan ns", "vectorbt ns", "ratio", "target", "reached", "least ns", "orders", "unlike")
    return Table(
        "Sweeps on one thread", HOW.format(one=cross["loading"]["wall"], fifty=assets["loading"]["wall"]), columns, rows
    )


def rows(cross: dict[str, Any]) -> Table:
    """The ordinary machine against vectorbt's sweep."""
    words = (
        "With HURACAN_VECTOR=never sweeps of one instrument take row after row, as those do whose step can't look "
        "ahead (docs/SWEEPS.md says which)."
    )
    columns = ("sweep", "huracan ns", "vectorbt ns", "ratio", "target", "reached", "least ns", "orders", "unlike")
    return Table("Row by row, on one thread", words, columns, [compared("1,000 crosses x 100,000 bars", cross, 25.0)])


def memory(spent: dict[str, Cost], peer: dict[str, Cost], ahead: dict[str, Any], by_rows: dict[str, Any]) -> Table:
    """One sweep: memory of the process, and what a second thread brings."""
    one = spent["1"].megabytes
    rows = [
        ("peak of the process, one thread", f"{one:.0f} MB", "< 400 MB", reached(one < 400.0)),
        ("peak of the process, two threads", f"{spent['2'].megabytes:.0f} MB", "", ""),
        *(
            (f"peak of vectorbt's process, slices of {n} sets", f"{c.megabytes:.0f} MB", "", "")
            for n, c in peer.items()
        ),
        *second_thread("row by row: ", by_rows),
        *second_thread("looking ahead: ", ahead),
    ]
    return Table("1,000 crosses x 100,000 bars: memory and threads", "", ("what", "found", "target", "reached"), rows)


def second_thread(how: str, threads: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """What a second thread brings to one way of sweeping."""
    pairs = [(Cost(**a), Cost(**b)) for a, b in zip(threads["1"], threads["2"], strict=True)]
    faster = median(a.wall / b.wall for a, b in pairs)
    free = median(a.cpu / (main + (b.cpu - main) / 2) for (a, b), main in zip(pairs, threads["main"], strict=True))
    least = min(a.wall for a, _ in pairs) / min(b.wall for _, b in pairs)
    apart = median(2 * a.wall / wall for (a, _), wall in zip(pairs, threads["apart"], strict=True))
    processes = "two processes of one thread at once, each with the whole sweep: what the machine gives"
    return [
        (
            f"{how}two threads against one, median of {len(pairs)} rounds",
            f"{faster:.2f} x",
            ">= 1.8 x",
            reached(faster >= 1.8),
        ),
        (f"{how}the least time of two against the least of one", f"{least:.2f} x", "", ""),
        (f"{how}by processor time, had each thread a core to itself", f"{free:.2f} x", "", ""),
        (how + processes, f"{apart:.2f} x", "", ""),
    ]


def processes(found: dict[Any, Any]) -> Table:
    """Whole processes, compiling, imports."""
    rows: list[tuple[Any, ...]] = []
    for kind in ("built-in market", "csv file"):
        for when, target in (("first run ever", 10.0), ("later runs", 2.0)):
            c = found[kind][when]
            rows.append(
                (f"`huracan backtest`, {kind}, {when}", *taken(c), f"< {target:.0f} s", reached(c.wall < target))
            )
    rows += [(f"the same cross in {peer}", *taken(found[peer]), "", "") for peer in ("vectorbt", "backtesting.py")]
    for (use, market, kind), c in found["compile"].items():
        aim = ("< 5 s", reached(c["cpu"] < 5.0)) if use == "sma_cross" else ("", "")
        name = f"link and compile `{use}`, {market}, for a {kind}"
        rows.append((name, f"{c['wall']:.2f} s", f"{c['cpu']:.2f} s", *aim))
    best = min(found["import"])
    rows.append(("`import huracan`, median", f"{median(found['import']):.3f} s", "", "", ""))
    rows.append(("`import huracan`, best of seven", f"{best:.3f} s", "", "< 0.1 s", reached(best < 0.1)))
    c = found["help"]
    rows.append(("`huracan --help`", *taken(c), "< 0.5 s", reached(c.wall < 0.5)))
    words = (
        "Whole processes from start to end, medians. First run ever: nothing is compiled, wherever machine code "
        "is kept; the better of two. The target of compiling is in seconds of processor, the others by the clock."
    )
    columns = ("what", "clock", "processor", "target", "reached")
    return Table("2,000 bars, and what a newcomer waits for", words, columns, rows)


def compared(name: str, found: dict[str, Any], target: float) -> tuple[Any, ...]:
    """A row: nanoseconds of both, ratios round by round."""
    work = found["sets"] * found["bars"] / 1e9
    pairs = list(zip(found["ours"], found["theirs"], strict=True))
    ratio, by_processor = (median(theirs[key] / ours[key] for ours, theirs in pairs) for key in ("wall", "cpu"))
    ours, theirs, bare = (median(each["wall"] for each in found[key]) / work for key in ("ours", "theirs", "bare"))
    shown = (f"{ours:.1f}", f"{theirs:.0f}", f"{ratio:.1f} x ({by_processor:.1f} x)", f"{target:.0f} x")
    return (name, *shown, reached(ratio >= target), f"{bare:.0f}", f"{found['orders']:,.0f}", found["differ"])


def alone(name: str, found: dict[str, Any], like: dict[str, Any]) -> tuple[Any, ...]:
    """A row without a peer of its own, against the peer of another row."""
    work = found["sets"] * found["bars"] / 1e9
    wall, cpu = (
        median(t[key] for t in like["theirs"]) / median(o[key] for o in found["ours"]) for key in ("wall", "cpu")
    )
    ours = median(o["wall"] for o in found["ours"]) / work
    return (name, f"{ours:.1f}", "", f"{wall:.1f} x ({cpu:.1f} x)", "", "", "", "", "")


def taken(c: Cost) -> tuple[str, str]:
    return f"{c.wall:.2f} s", f"{c.cpu:.2f} s"


def reached(met: bool) -> str:
    """Whether a target is met, in a word."""
    return "yes" if met else "**no**"
