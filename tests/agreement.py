"""Where two engines differ on a case: fill for fill, then money, then what was refused."""

from __future__ import annotations

import math
from collections import Counter

from tests import engine
from tests.oracle import run as oracle_run
from tests.oracle_records import Instrument, Settings

# The oracle counts ends of orders apart from refusals; the machine counts both by name.
ENDS = ("cancelled", "expired", "bracket_exit", "position_closed")
APART = (
    "liquidated",
    "bankrupt",
    "time_exit",
)  # whole accounts and whole brackets: counted an order here, an event there


def close(a: float, b: float, scale: float = 1.0) -> bool:
    """Equal but for rounding: the oracle is exact, the machine has doubles."""
    return math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-9 * max(scale, 1.0))


def differences(instruments: list[Instrument], settings: Settings, script: dict, **options: object) -> list[str]:
    """What the machine does otherwise than the oracle; empty if they agree."""
    want = oracle_run(instruments, settings, script)
    got = engine.run(instruments, settings, script, **options)  # type: ignore[arg-type]
    out: list[str] = []
    mine = [(f[0], f[1], f[2], f[6], f[7], f[8], f[3], f[4], f[5]) for f in got.fills]
    theirs = [
        (f.ts_ns, f.instrument, f.side, f.liquidity, f.order_id, f.reason, float(f.qty), float(f.price), float(f.fee))
        for f in want.fills
    ]
    for i, (a, b) in enumerate(zip(mine, theirs, strict=False)):
        if a[:6] != b[:6] or not all(close(x, y) for x, y in zip(a[6:], b[6:], strict=True)):
            return [f"fill {i}: machine {a}, oracle {b}"]
    if len(mine) != len(theirs):
        more = (mine if len(mine) > len(theirs) else theirs)[min(len(mine), len(theirs))]
        return [f"machine has {len(mine)} fills, oracle {len(theirs)}; the first more: {more}"]
    scale = settings.cash
    pairs = [
        # the machine's cash pays for positions in full, the oracle's is a wallet balance for perpetuals
        *([("cash", got.cash, want.cash)] if all(i.kind == "spot" for i in instruments) else []),
        ("fees", got.fees, want.fees),
        ("funding", got.funding, want.funding),
        ("interest", got.interest, want.interest),
        ("spread", got.spread, want.spread_cost),
        ("slippage", got.slippage, want.slippage_cost),
        ("impact", got.impact, want.impact_cost),
        *[(f"position {k}", a, b) for k, (a, b) in enumerate(zip(got.positions, want.positions, strict=True))],
        *[(f"equity {k}", a["equity"], b.equity) for k, (a, b) in enumerate(zip(got.equity, want.equity, strict=True))],
    ]
    out += [f"{name}: machine {float(a)!r}, oracle {float(b)!r}" for name, a, b in pairs if not close(a, b, scale)]
    if got.bankrupt != want.bankrupt:
        out.append(f"bankrupt: machine {got.bankrupt}, oracle {want.bankrupt}")
    out += trades(got, want, scale)
    theirs_counted = Counter(want.rejections) + Counter({k: v for k, v in want.events.items() if k in ENDS})
    mine_counted = Counter({k: v for k, v in got.rejections.items() if k not in APART})
    if mine_counted != theirs_counted:
        out.append(
            f"counts: machine {dict(mine_counted - theirs_counted)} more, "
            f"oracle {dict(theirs_counted - mine_counted)} more"
        )
    return out


def trades(got: engine.Outcome, want: object, scale: float) -> list[str]:
    """Differences in the closed trades."""
    theirs = sorted(want.trades, key=lambda t: (t.exit_ts, t.entry_ts, t.symbol))  # type: ignore[attr-defined]
    mine = sorted(got.trades, key=lambda t: (t["exit_ns"], t["entry_ns"], t["inst"]))
    if len(mine) != len(theirs):
        return [f"machine has {len(mine)} trades, oracle {len(theirs)}"]
    out = []
    for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        out += [
            f"trade {i} {name}: machine {float(a[name])!r}, oracle {float(getattr(b, name))!r}"
            for name in ("qty", "entry_price", "exit_price", "fees", "funding", "pnl", "mae", "mfe")
            if not close(a[name], getattr(b, name), scale)
        ]
    return out
