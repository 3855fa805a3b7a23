"""`trader halt`, `trader resume` and `trader drill`: the kill switch, its release, its rehearsal."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import screen
from cli.errors import guarded
from cli.options import Debug, Json
from cli.session_names import opened_store, who_asks

Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; it is kept.")]


@guarded
def halt(
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Close every position at market too.")
    ] = False,
    why: Why = "",
    json: Json = False,
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

    switch, who = KillSwitch(switch_path()), who_asks()
    switch.set(Halt(who, why, SystemClock().now_ns(), flatten))
    if json:
        screen.print_json({"halted": str(switch.path), "who": who, "why": why, "flatten": flatten})
        return
    print(f"Halted: {switch.path}")
    print("Running sessions withdraw their orders" + (" and close." if flatten else "."))


@guarded
def resume(why: Why, json: Json = False, debug: Debug = False) -> None:
    """Release the kill switch.

    \b
    Example:
      trader resume --why "the feed was repaired"
    """
    from runtime.session.kill_switch import KillSwitch, switch_path

    halted = KillSwitch(switch_path()).release()
    if json:
        screen.print_json(
            {
                "released_by": who_asks(),
                "why": why,
                "halted_by": halted.who,
                "halted_why": halted.why,
            }
        )
        return
    print(f"Released by {who_asks()}: {why}")
    print(f"It was halted by {halted.who}: {halted.why or 'no reason was given'}")


@guarded
def drill(json: Json = False, debug: Debug = False) -> None:
    """Rehearse the kill switch on a paper session of its own, and keep the proof.

    A small session is halted with a position and orders open; everything has to be withdrawn and closed,
    nothing may be entered, and it has to go on after the release. Nothing else is halted. Exit code 1:
    the drill failed.

    \b
    Example:
      trader drill
    """
    import asyncio

    from runtime.session.drill import drill as rehearse

    with opened_store() as store:
        done = asyncio.run(rehearse(store))
    if json:
        screen.print_json({name: getattr(done, name) for name in done.__struct_fields__})
        return
    print(f"PAPER session {done.session} was halted:")
    for name, text in (
        ("heard", "the session followed"),
        ("withdrawn", "no order worked any more"),
        ("flat", "nothing was held any more"),
    ):
        print(f"  {getattr(done, name):6.2f} s  {text}")
    print(f"  {done.refused:6d}    orders were refused meanwhile; released, it trades again")
