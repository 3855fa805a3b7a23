"""Where the process begins: Ctrl-C is seen to before anything that takes time is imported."""

from __future__ import annotations

from cli.interrupts import end_at_once


def main() -> None:
    """Run the command line and leave with its exit code."""
    end_at_once()
    from cli.main import main as run

    run()
