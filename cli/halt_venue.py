"""`trader halt --at-venue`: the workspace's account is emptied by its keys; what is asked and told of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from brokers.alpaca.emptying import Content, Emptied

SECONDS = 30.0


def emptied_at_venue(named: str, *, flatten: bool, yes: bool) -> Emptied:
    """Empty the account, once a person has confirmed it.

    Raises
    ------
    NegativeAnswer
        If nobody has.
    """
    import asyncio

    from runtime.clocks import SystemClock
    from runtime.observing.masking import Masker
    from runtime.venues.accounts import load_alpaca
    from runtime.venues.halting import halt_at_venue
    from runtime.workspace import find_accounts

    hide = Masker.of_environment().add
    account = load_alpaca(find_accounts(Path.cwd()), hide=hide)
    environment = account.environment.value.upper()

    def confirm(number: str, found: Content | None) -> None:
        if not yes:
            _ask(f"{environment} account {number or named}", found, flatten=flatten)

    running = halt_at_venue(
        account, named, SystemClock(), flatten=flatten, seconds=SECONDS, confirm=confirm
    )
    return asyncio.run(running)


def _ask(account: str, found: Content | None, *, flatten: bool) -> None:
    from engine.errors import NegativeAnswer

    what = "Cancel all orders" + (" and close all positions at market" if flatten else "")
    has = "the venue does not say what it has" if found is None else words_of(found)
    print(f"{account}: {has}", file=sys.stderr)
    if not sys.stdin.isatty():
        problem, remedy = "nobody can be asked whether this account is to be emptied", "say --yes"
    elif typer.confirm(f"{what} of {account}?", err=True):
        return
    else:
        problem, remedy = "it was not confirmed", "nothing was canceled"
    raise NegativeAnswer(problem, where="--at-venue", remedy=remedy, code="halt.not_confirmed")


def words_of(found: Content) -> str:
    """Return what an account has as one line."""
    working = ", ".join(found.orders) or "nothing"
    return f"working: {working}; held: {', '.join(found.positions) or 'nothing'}"


def is_empty(done: Emptied, *, flatten: bool) -> bool:
    """Return whether all that was wanted is done."""
    return not done.after.orders and not (flatten and done.after.positions)


def print_emptied(done: Emptied) -> None:
    """Print what was there and what is left."""
    print(f"At the venue before: {words_of(done.before)}")
    print(f"At the venue now:    {words_of(done.after)}")
    for problem in done.problems:
        print(f"  {problem}")
