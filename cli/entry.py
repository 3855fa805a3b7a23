"""Where the process begins: Ctrl-C is seen to before anything that takes time is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        from cli.interrupts import end_at_once

        end_at_once()
    except KeyboardInterrupt:  # the words of `cli.interrupts`, which is not there yet
        print("interrupted: nothing half-written is left", file=sys.stderr)
        sys.exit(130)
    from cli.main import main as run

    run()
