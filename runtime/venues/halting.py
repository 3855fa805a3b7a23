"""Halting at the venue: its own way there, for when no session can: with the workspace's keys, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from brokers.alpaca.client import AlpacaClient
from brokers.alpaca.emptying import Content, Emptied, content, empty
from brokers.alpaca.wire import Account
from engine.errors import InputError, VenueError
from engine.ports import Clock
from runtime.venues.accounts import AlpacaAccount

_ACCOUNT: Final = "/v2/account"


async def halt_at_venue(
    account: AlpacaAccount,
    named: str,
    clock: Clock,
    *,
    flatten: bool,
    seconds: float,
    confirm: Callable[[str, Content | None], None],
) -> Emptied:
    """Cancel everything at an account, and close everything where that is wanted.

    Parameters
    ----------
    named
        What a person has said: the venue's name, or the account's number, which then has to be that one.
    confirm
        Told the account's number (empty: the venue does not say it) and what it has; raises where a person
        does not want it.

    Raises
    ------
    InputError
        If the keys are of another account than the one that was named.
    VenueError
        If the venue does not answer.
    """
    keys = replace(
        account.keys, folder=None
    )  # whoever halts may knock once, whatever was said before
    client = AlpacaClient(account.urls, keys, clock)
    try:
        number = ""
        try:
            number = (await client.ask(_ACCOUNT, Account)).account_number
        except VenueError:
            if named != account.venue:  # then nothing says that it is the one that is meant
                raise
        if named not in (account.venue, number):
            raise InputError(
                f"the workspace's keys are of account {number}, not of {named}",
                where="--at-venue",
                remedy=f"say {account.venue}, or {number}; nothing was canceled",
                code="halt.account",
            )
        try:
            found = await content(client)
        except VenueError:
            found = None
        confirm(number, found)
        return await empty(client, flatten=flatten, seconds=seconds)
    finally:
        await client.close()
