"""`huracan` in a process of its own, whose names all resolve to a venue on loopback: for tests that kill it.

python tests/fetch_process.py PORT FLUSH_ROWS data fetch ...        (SSL_CERT_FILE names the venue's authority)
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import aiohttp.connector

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main(port: int, flush_rows: int, arguments: list[str]) -> int:
    from huracan.cli import main as huracan
    from huracan.data import fetching
    from tests.loopback_venue import Loopback

    def resolver(**_: Any) -> Loopback:
        return Loopback(port)

    aiohttp.connector.DefaultResolver = resolver  # type: ignore[misc,assignment]
    fetching.FLUSH_ROWS = flush_rows
    return huracan(arguments)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
