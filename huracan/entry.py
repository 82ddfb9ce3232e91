"""The command as the shell starts it: Ctrl-C while Python still imports ends in one word too, not in a traceback."""

from __future__ import annotations


def main() -> int:
    """Run the command line of this process, and return its exit code."""
    try:
        from huracan.cli import main as run

        return run()
    except KeyboardInterrupt:
        import sys

        print("huracan: interrupted", file=sys.stderr)
        return 130
