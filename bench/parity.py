"""`make parity`: the same trades as vectorbt and backtesting.py, trade by trade; writes docs/PARITY.md.

Exit status 1 if trades differ and no named setting says why.
"""

from __future__ import annotations

import sys

from huracan_side import huracan_run
from market import ROOT, SYMBOLS, Market, real, synthetic
from parity_cases import BASE, CASES, CHANGES, Change
from parity_page import write_page
from parity_sums import count
from trades import Difference, Row, Run, compare

BARS = 60_000
SUM_WINDOWS = ((5, 10), (20, 50))


def main() -> int:
    """Run everything, print as it goes, write the page."""
    built_in = synthetic(BARS, 7)
    markets = [m for m in (real("ETH"), built_in) if m is not None]
    if len(markets) == 1:
        print("no real bars in ../shared/data: the built-in market only")
    theirs: dict[tuple[str, str, str], Run] = {}
    rows = [row for key in CASES for market in markets for row in run_case(key, market, theirs)]
    changed = [(change, [(m.name, changed_by(change, m, theirs)) for m in markets]) for change in CHANGES]
    coins = [m for m in (real(coin) for coin in SYMBOLS) if m is not None]
    sums = [count(m, BASE | {"fast": f, "slow": s, "cash": 1e9}) for m in (*coins, built_in) for f, s in SUM_WINDOWS]
    for each in sums:
        print(each, flush=True)
    names = [f"{m.name}: {len(m.close):,} bars" for m in markets]
    write_page(ROOT / "docs" / "PARITY.md", rows, changed, sums, names, f"{BASE['fast']} and {BASE['slow']}")
    wrong = sum(not r.found.same for r in rows) + sum(s.huracan > 0 for s in sums)
    if wrong:
        print(f"{wrong} comparisons differ and no setting explains it")
    return 1 if wrong else 0


def run_case(key: str, market: Market, theirs: dict[tuple[str, str, str], Run]) -> list[Row]:
    """A case against each of its peers; what the peers did is kept in `theirs`."""
    case = CASES[key]
    ours = huracan_run(case.spec(market))
    rows = []
    for peer, run in case.peers.items():
        theirs[key, market.name, peer] = run(market)
        rows.append(Row(case.name, market.name, peer, compare(ours, theirs[key, market.name, peer])))
        print("same     " if rows[-1].found.same else "DIFFERENT", rows[-1], flush=True)
    return rows


def changed_by(change: Change, market: Market, theirs: dict[tuple[str, str, str], Run]) -> Difference:
    """What one setting does to a case that agrees without it."""
    peer = change.peer_run(market) if change.peer_run else theirs[change.case, market.name, change.peer]
    found = compare(huracan_run(CASES[change.case].spec(market, change.changes)), peer)
    print("changed  ", change.setting, market.name, found, flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
