"""The command line with blocks of so many sets: python small_blocks.py LANES sweep SPEC ..."""

from __future__ import annotations

import sys

from huracan import cli, sweeping
from huracan.sweep_blocks import Deal

if __name__ == "__main__":
    lanes = int(sys.argv[1])
    sweeping.deal_for = lambda *_: Deal(lanes, 100)
    sys.exit(cli.main(sys.argv[2:]))
