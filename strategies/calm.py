"""A gate that stays out of wild bars."""

from __future__ import annotations

from huracan.sim.declare import gate, param


@gate(params={"max_range": param(5e-3, 0.0)}, reasons=("bar too wide",))
def calm(ctx, want):
    """Refuse a want whose instrument's last bar spans more than `max_range` of its close."""
    bar = ctx.bars[want.inst]
    return 1 if (bar.high - bar.low) / bar.close > ctx.p.max_range else 0
