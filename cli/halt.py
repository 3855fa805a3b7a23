"""`trader halt`, `trader resume` and `trader drill`: the kill switch, its release, its rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import screen
from cli.errors import guarded, report, warn
from cli.halt_venue import emptied_at_venue, is_empty, print_emptied
from cli.options import Debug, Json
from cli.session_names import opened_store, who_asks

_PATIENCE_SECONDS = 5.0  # until sessions have followed
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; it is kept.")]


@guarded
def halt(
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Close every position at market too.")
    ] = False,
    why: Why = "",
    at_venue: Annotated[
        str,
        typer.Option(
            "--at-venue",
            metavar="alpaca|NUMBER",
            help="Also cancel everything at the venue by the workspace's keys, without a session.",
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --at-venue.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Halt every session of a database: all orders are withdrawn, and nothing is entered.

    The halt is a file, and works without the database: creating it by hand halts as well. It holds, also
    over restarts, until `trader resume`. The command lists the sessions that run, and waits up to five
    seconds until they have followed.

    Where none runs, nobody withdraws anything: --at-venue has the workspace's account cancel all orders,
    with --flatten close all positions, whoever they are of. Exit code 1: something is left there, or the venue
    was not emptied at all: the sessions are halted in any case. Exit code 2: nothing is halted.

    \b
    Examples:
      trader halt --why "something is wrong"
      trader halt --flatten
      trader halt --at-venue alpaca --flatten
      trader halt --at-venue 123456789 --yes
    """
    from engine.errors import TraderError
    from runtime.clocks import SystemClock
    from runtime.session.kill_switch import Halt, KillSwitch, switch_path

    who, told = who_asks(), dict[str, object]()
    try:
        switch = KillSwitch(switch_path())
        switch.set(Halt(who, why, SystemClock().now_ns(), flatten))
    except (OSError, TraderError) as error:
        if not at_venue:
            raise
        warn(f"no session is halted: {error}")
    else:
        told = {"halted": str(switch.path), "who": who, "why": why, "flatten": flatten}
        if not json:
            print(f"Halted: {switch.path}")
    done, problem = None, None
    try:  # The venue first: what waits there does not wait for a database.
        done = emptied_at_venue(at_venue, flatten=flatten, yes=yes) if at_venue else None
    except TraderError as error:
        problem = error
        told["problem"] = str(error)
    if done is not None:
        from msgspec import to_builtins

        told["venue"] = to_builtins(done)
        if not json:
            print_emptied(done)
    if "halted" in told:
        told |= _followers(is_told=not json)
    if json:
        screen.print_json(told)
    if problem is not None:
        if "halted" in told:
            warn(
                f"every session is halted all the same ({told['halted']}); the venue was not emptied"
            )
            report(problem)
            raise typer.Exit(1)
        raise problem
    if done is not None and not is_empty(done, flatten=flatten):
        raise typer.Exit(1)


def _followers(*, is_told: bool) -> dict[str, object]:
    """Return which sessions run, and whether each has followed; say it."""
    import asyncio

    from engine.errors import TraderError
    from runtime.session.following import has_followed, wait_until_halted
    from runtime.store.location import database_url, masked

    try:
        place = masked(database_url(Path.cwd(), is_all_checked=False))
        with opened_store() as store:
            found = asyncio.run(wait_until_halted(store, store.clock, _PATIENCE_SECONDS))
    except TraderError as error:
        warn(f"which sessions run is not known: {error.problem}")
        return {}
    if is_told and not found:
        print(f"No session runs in {place}:")
        print("  nobody withdraws anything. `trader halt --at-venue` does.")
    elif is_told:
        print(f"Running in {place}: {len(found)}")
        for each in found:
            state = "halted" if has_followed(each) else f"{each.state.value}, not halted yet"
            print(f"  {each.id} {each.broker} {each.strategy}: {state}")
    running = [{"session": each.id, "halted": has_followed(each)} for each in found]
    return {"database": place, "running": running}


@guarded
def resume(why: Why, json: Json = False, debug: Debug = False) -> None:
    """Release the kill switch; who does it and why stands in the journal of every session that was halted.

    \b
    Example:
      trader resume --why "the feed was repaired"
    """
    from runtime.clocks import SystemClock
    from runtime.session.kill_switch import KillSwitch, Release, switch_path

    by = Release(who_asks(), why, SystemClock().now_ns())
    halted = KillSwitch(switch_path()).release(by)
    if json:
        screen.print_json(
            {
                "released_by": by.who,
                "why": why,
                "halted_by": halted.who,
                "halted_why": halted.why,
            }
        )
        return
    print(f"Released by {by.who}: {why}")
    print(f"It was halted by {halted.who}: {halted.why or 'no reason was given'}")


@guarded
def drill(json: Json = False, debug: Debug = False) -> None:
    """Rehearse the kill switch on a paper session of its own, and keep the proof.

    A small session is halted with a position and orders open; everything has to be withdrawn and closed,
    nothing may be entered, and it has to go on after the release. Nothing else is halted. Exit code 1:
    the drill failed, or was slower than the gate allows.

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
