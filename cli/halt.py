"""`trader halt` and `trader resume`: the kill switch and its release."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.errors import guarded
from cli.options import Debug
from cli.session_names import who_asks

Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; it is kept.")]


@guarded
def halt(
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Close every position at market too.")
    ] = False,
    why: Why = "",
    debug: Debug = False,
) -> None:
    """Halt every session of this workspace: all orders are withdrawn, and nothing is entered.

    It is a file, and works without the database: creating it by hand halts as well. It holds, also over
    restarts, until `trader resume`.

    \b
    Examples:
      trader halt --why "something is wrong"
      trader halt --flatten
    """
    from runtime.clocks import SystemClock
    from runtime.session.kill_switch import Halt, KillSwitch, switch_path

    switch = KillSwitch(switch_path())
    switch.set(Halt(who_asks(), why, SystemClock().now_ns(), flatten))
    print(f"Halted: {switch.path}")
    print("Running sessions withdraw their orders" + (" and close." if flatten else "."))


@guarded
def resume(why: Why, debug: Debug = False) -> None:
    """Release the kill switch.

    \b
    Example:
      trader resume --why "the feed was repaired"
    """
    from runtime.session.kill_switch import KillSwitch, switch_path

    halted = KillSwitch(switch_path()).release()
    print(f"Released by {who_asks()}: {why}")
    print(f"It was halted by {halted.who}: {halted.why or 'no reason was given'}")
